/**
 * What the server sends, as types for editors. Coordinates are source pixels, (0, 0) the top left edge.
 *
 * @typedef {{code: string, message: string, severity: "info" | "review" | "reject"}} Flag
 * @typedef {{level: number, width: number}} GreyWindow
 * @typedef {{id: string, number: number, title: string, kind: "clip" | "volume" | "image" | null, state: "todo" | "done" | "flagged" | "failed",
 *   decision: "accept" | "reject" | "skip" | null, draft: string, uncertainty: number | null, ef: number | null, flags: string[],
 *   leased_by: string | null, reason: string}} QueueItem
 * @typedef {{id: string, number: number, title: string, kind: "clip" | "volume" | "image", width: number, height: number, frames: number,
 *   fps: number | null, times: number[] | null, spacing_mm: number[] | null, slice_spacing_mm: number | null, moments: boolean,
 *   window: (GreyWindow & {min: number, max: number, presets: (GreyWindow & {name: string})[]}) | null,
 *   structures: string[], view: string | null, state: string, decision: string | null, draft: string, flags: Flag[]}} Item
 * @typedef {{id: number, name: string, colour: string, prompted: number[], corrected: number[]}} SessionObject
 * @typedef {{object: number, frame: number, mode: "prompt" | "correct", kind: string, data: any}} Prompt
 * @typedef {{mitral?: number[][], apex?: number[]}} Landmarks
 * @typedef {{beats: {ed: number, es: number}[] | null, landmarks: Record<string, Landmarks>, stops: Record<string, number[]>}} Marks
 * @typedef {{id: string, clip: string, user: string, seq: number, can_undo: boolean, can_redo: boolean, undo_label: string | null,
 *   redo_label: string | null, objects: SessionObject[], prompts: Prompt[], marks: Marks, stale: boolean, masks_version: number,
 *   decision: string | null}} Session
 * @typedef {{value: number | null, unit: string, method?: string, interval?: number[] | null, reason?: string, label: string}} Measure
 * @typedef {{ed: number, es: number, next_ed: number | null, partial: boolean, ef: number | null, edv_ml: number | null, esv_ml: number | null}} Beat
 * @typedef {{kind: string, complete: boolean, frames_with_mask: number, measures: Record<string, Measure>, view: string | null,
 *   spacing_mm: number[] | null, volume_note: string | null, beats: Beat[], beats_from: "found" | "marks", flags: Flag[], quality: string,
 *   curve: {label: string, unit: string, values: (number | null)[], times: number[] | null} | null, iou: (number | null)[], doubtful: number[],
 *   objects: {id: number, name: string, frames_present: number, volume_ml: number | null, long_axis_mm: number | null,
 *   short_axis_mm: number | null}[]}} Measures
 */
export {};
