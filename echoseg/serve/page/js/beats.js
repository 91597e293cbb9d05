/** Where a marker goes when a user says that this frame is ED, or ES. */

/**
 * @param {{ed: number, es: number}[]} beats as they are marked or found
 * @param {"ed" | "es"} phase
 * @param {number} frame
 * @param {{ed?: number, es?: number}} alone a marker that waits for its partner
 * @returns {{beats: {ed: number, es: number}[] | null, alone: {ed?: number, es?: number}}} beats null: a partner is missing
 */
export function withPhase(beats, phase, frame, alone) {
  if (beats.length) {
    const away = (beat) => Math.abs(beat[phase] - frame);
    const nearest = beats.reduce((best, beat) => (away(beat) < away(best) ? beat : best));
    return { beats: beats.map(({ ed, es }) => (ed === nearest.ed && es === nearest.es ? { ed, es, [phase]: frame } : { ed, es })), alone: {} };
  }
  const both = { ...alone, [phase]: frame };
  if (both.ed === undefined || both.es === undefined) return { beats: null, alone: both };
  return { beats: [{ ed: both.ed, es: both.es }], alone: {} };
}
