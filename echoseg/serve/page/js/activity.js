/** Seconds of real work on an item, and clicks: pauses over half a minute and a hidden tab do not count. */

const IDLE_S = 30;

export class Activity {
  constructor() {
    this.reset();
    for (const event of ["pointerdown", "pointermove", "keydown", "wheel"]) document.addEventListener(event, () => this.#alive(), { passive: true, capture: true });
    document.addEventListener("pointerdown", () => this.clicks++, { passive: true, capture: true });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#alive() : (this.last = performance.now())));
  }

  reset() {
    this.seconds = 0;
    this.clicks = 0;
    this.last = performance.now();
  }

  /** @returns {{active_s: number, clicks: number}} */
  facts() {
    this.#alive();
    return { active_s: Math.round(this.seconds * 10) / 10, clicks: this.clicks };
  }

  #alive() {
    const now = performance.now();
    const gone = (now - this.last) / 1000;
    if (gone <= IDLE_S && !(document.hidden && gone > 1)) this.seconds += gone;
    this.last = now;
  }
}
