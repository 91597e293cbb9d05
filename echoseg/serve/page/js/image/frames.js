/** The pictures of one item: fetched in runs around the frame that is wanted, kept compressed, decoded ahead of the player. */

import { Signal } from "../signal.js";

const RUN = 24;
const AHEAD = 10;
const DECODED_BYTES = 256 * 2 ** 20;

/** @typedef {(from: number, to: number, signal: AbortSignal) => AsyncIterable<{frame: number, picture: Blob}>} FetchFrames frames from..to-1 */

export class Frames {
  /** @param {number} count @param {FetchFrames} fetchFrames */
  constructor(count, fetchFrames) {
    this.count = count;
    this.fetchFrames = fetchFrames;
    /** Told with the index of a frame that can be shown now. */
    this.ready = new Signal();
    /** Told with the error when frames cannot be had. */
    this.failed = new Signal();
    /** @type {Map<number, Blob>} */
    this.stored = new Map();
    /** @type {Map<number, ImageBitmap>} oldest use first */
    this.decoded = new Map();
    /** @type {Set<number>} */
    this.decoding = new Set();
    this.wanted = 0;
    this.closed = new AbortController();
    /** @type {AbortController | null} the run that is being fetched */
    this.running = null;
  }

  /** @param {number} index @returns {ImageBitmap | null} */
  get(index) {
    const bitmap = this.decoded.get(index);
    if (!bitmap) return null;
    this.decoded.delete(index);
    this.decoded.set(index, bitmap);
    return bitmap;
  }

  /** Say which frame is looked at: it and those after it come first. @param {number} index */
  want(index) {
    this.wanted = index;
    this.#decodeAhead();
    this.#fill(this.closed.signal);
  }

  /** Share of the frames that have arrived, 0..1. */
  get share() {
    return this.count ? this.stored.size / this.count : 0;
  }

  /** Fetch everything again, as after a change of the grey window; old pictures are shown until the new ones come. @param {FetchFrames} fetchFrames */
  replace(fetchFrames) {
    this.fetchFrames = fetchFrames;
    this.closed.abort();
    this.closed = new AbortController();
    this.running = null;
    this.stored.clear();
    this.decoding.clear();
    this.outdated = new Set(this.decoded.keys());
    this.want(this.wanted);
  }

  close() {
    this.closed.abort();
    for (const bitmap of this.decoded.values()) bitmap.close();
    this.decoded.clear();
    this.stored.clear();
  }

  /** @param {AbortSignal} closed */
  async #fill(closed) {
    if (this.running) {
      // Someone looks at a frame far from what is on its way: that one goes first.
      if (!this.stored.has(this.wanted) && !this.#onItsWay(this.wanted)) this.running.abort();
      return;
    }
    for (let from = this.#missing(); from !== null && !closed.aborted; from = this.#missing()) {
      let to = from;
      while (to < this.count && to < from + RUN && !this.stored.has(to)) to++;
      const run = new AbortController();
      closed.addEventListener("abort", () => run.abort(), { once: true });
      this.running = run;
      this.run = [from, to];
      try {
        for await (const { frame, picture } of this.fetchFrames(from, to, run.signal)) {
          if (closed.aborted) return;
          this.stored.set(frame, picture);
          if (this.#near(frame)) this.#decode(frame);
        }
        if (!this.stored.has(from)) throw new Error(`Frame ${from} did not arrive.`);
      } catch (error) {
        if (closed.aborted) return;
        if (!run.signal.aborted) {
          this.running = null;
          this.failed.tell(error);
          return;
        }
      }
    }
    if (!closed.aborted) this.running = null;
  }

  /** @param {number} index */
  #onItsWay(index) {
    return this.run && index >= this.run[0] && index < this.run[1];
  }

  /** @param {number} index */
  #near(index) {
    return (index - this.wanted + this.count) % this.count < AHEAD;
  }

  /** First frame not here yet: from the one looked at to the end, then from the start. */
  #missing() {
    for (let i = 0; i < this.count; i++) {
      const index = (this.wanted + i) % this.count;
      if (!this.stored.has(index)) return index;
    }
    return null;
  }

  #decodeAhead() {
    for (let i = 0; i < Math.min(AHEAD, this.count); i++) this.#decode((this.wanted + i) % this.count);
  }

  /** @param {number} index */
  async #decode(index) {
    const blob = this.stored.get(index);
    const current = this.decoded.has(index) && !this.outdated?.has(index);
    if (!blob || current || this.decoding.has(index)) return;
    const closed = this.closed.signal;
    this.decoding.add(index);
    try {
      const bitmap = await createImageBitmap(blob);
      if (closed.aborted) return bitmap.close();
      this.decoded.get(index)?.close();
      this.decoded.delete(index);
      this.outdated?.delete(index);
      this.decoded.set(index, bitmap);
      this.#bound(bitmap.width * bitmap.height * 4);
      this.ready.tell(index);
    } catch (error) {
      if (!closed.aborted) this.failed.tell(error);
    } finally {
      if (!closed.aborted) this.decoding.delete(index);
    }
  }

  /** @param {number} bytesOfOne */
  #bound(bytesOfOne) {
    const most = Math.max(2 * AHEAD, Math.floor(DECODED_BYTES / bytesOfOne));
    for (const [index, bitmap] of this.decoded) {
      if (this.decoded.size <= most) break;
      if (this.#near(index)) continue;
      bitmap.close();
      this.decoded.delete(index);
    }
  }
}
