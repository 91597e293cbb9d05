/** The clock of a clip: which frame is shown, at the clip's own times or slower, round and round. */

import { Signal } from "../signal.js";

export const SPEEDS = [0.25, 0.5, 1, 2];

export class Player {
  /**
   * @param {number[]} times seconds of each frame, ascending, the first is 0
   * @param {number} end seconds at which the last frame ends
   * @param {(frame: number) => boolean} canShow whether the picture is there; playing waits for it
   */
  constructor(times, end, canShow) {
    this.times = times;
    this.end = end;
    this.canShow = canShow;
    this.frame = 0;
    this.speed = 1;
    this.playing = false;
    /** Told with the frame that is now to be shown. */
    this.shown = new Signal();
    /** Told when playing starts, stops or changes speed. */
    this.changed = new Signal();
    this.clock = 0;
    this.last = 0;
    this.request = 0;
  }

  get count() {
    return this.times.length;
  }

  /** @param {number} frame kept within the clip */
  seek(frame) {
    const next = Math.min(this.count - 1, Math.max(0, Math.round(frame)));
    this.clock = this.times[next];
    if (next === this.frame) return;
    this.frame = next;
    this.shown.tell(next);
  }

  /** @param {number} by frames; stops the playing */
  step(by) {
    this.pause();
    this.seek(this.frame + by);
  }

  play() {
    if (this.playing || this.count < 2) return;
    this.playing = true;
    this.clock = this.times[this.frame];
    this.last = performance.now();
    this.request = requestAnimationFrame(this.#tick);
    this.changed.tell();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.request);
    this.changed.tell();
  }

  toggle() {
    this.playing ? this.pause() : this.play();
  }

  /** @param {number} by steps along SPEEDS */
  changeSpeed(by) {
    const at = SPEEDS.indexOf(this.speed) + by;
    this.speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))];
    this.changed.tell();
  }

  close() {
    this.pause();
  }

  #tick = () => {
    if (!this.playing) return;
    const now = performance.now();
    // A tab that was hidden does not jump: at most a quarter of a second passes between two pictures.
    const clock = (this.clock + Math.min(0.25, (now - this.last) / 1000) * this.speed) % this.end;
    this.last = now;
    const next = frameAt(this.times, clock);
    if (next === this.frame || this.canShow(next)) {
      this.clock = clock;
      if (next !== this.frame) {
        this.frame = next;
        this.shown.tell(next);
      }
    }
    this.request = requestAnimationFrame(this.#tick);
  };
}

/** @param {number[]} times ascending @param {number} clock @returns {number} the last frame that has begun */
export function frameAt(times, clock) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= clock + 1e-9) low = middle;
    else high = middle - 1;
  }
  return low;
}
