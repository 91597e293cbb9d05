/** Something that happens, and who wants to hear of it. */

export class Signal {
  /** @type {Set<(...values: any[]) => void>} */
  #listeners = new Set();

  /** @param {(...values: any[]) => void} listener @returns {() => void} a call that stops it */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param {...any} values */
  tell(...values) {
    for (const listener of [...this.#listeners]) listener(...values);
  }
}
