/** Answers that are read while they arrive: lines of JSON, and pictures with their lengths before them. */

/**
 * @param {Response} response application/x-ndjson
 * @returns {AsyncGenerator<any>} one value a line
 */
export async function* lines(response) {
  const reader = /** @type {ReadableStream} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = /** @type {string} */ (parts.pop());
      for (const part of parts) if (part.trim()) yield JSON.parse(part);
    }
    if (rest.trim()) yield JSON.parse(rest);
  } finally {
    reader.cancel().catch(() => {});
  }
}

const HEAD = 8;

/**
 * @param {Response} response for each frame: index and length as uint32, little endian, then the picture
 * @returns {AsyncGenerator<{frame: number, picture: Blob}>}
 */
export async function* pictures(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  let held = new Uint8Array(0);
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      if (held.length) throw new Error("The stream of frames ended within a frame.");
      return;
    }
    held = joined(held, value);
    for (;;) {
      if (held.length < HEAD) break;
      const view = new DataView(held.buffer, held.byteOffset);
      const end = HEAD + view.getUint32(4, true);
      if (held.length < end) break;
      yield { frame: view.getUint32(0, true), picture: new Blob([held.slice(HEAD, end)], { type: "image/webp" }) };
      held = held.subarray(end);
    }
  }
}

/** @param {Uint8Array} first @param {Uint8Array} second */
function joined(first, second) {
  if (!first.length) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
