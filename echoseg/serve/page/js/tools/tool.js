/** What all tools share: they hear the pointer in source pixels, draw over the picture, and send prompts through the desk. */

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{alt: boolean, shift: boolean, twice: boolean}} How modifier keys, and a double click */

export class Tool {
  /** Name, key, icon, words of the hint, for which items. */
  static id = "";
  /** A press of the keyboard's F holds until the next F, as a drag does. */
  static drags = true;

  /** @param {import("../desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
  }

  get id() {
    return /** @type {typeof Tool} */ (this.constructor).id;
  }

  get drags() {
    return /** @type {typeof Tool} */ (this.constructor).drags;
  }

  /** @param {Point} at @param {How} how */
  down(at, how) {}

  /** @param {Point} at @param {boolean} pressed */
  move(at, pressed) {}

  /** @param {Point} at @param {How} how */
  up(at, how) {}

  /** Enter. @returns {boolean} whether it meant something */
  finish() {
    return false;
  }

  /** Escape, another frame, another tool. @returns {boolean} whether there was something to give up */
  cancel() {
    return false;
  }

  /** [ and ] @param {number} by -1 or 1 */
  resize(by) {}

  /**
   * @param {CanvasRenderingContext2D} context in CSS pixels
   * @param {import("../view/viewport.js").Viewport} port
   */
  draw(context, port) {}

  /** @returns {string} a CSS cursor */
  get cursor() {
    return "crosshair";
  }

  redraw() {
    this.desk.changed.tell("look");
  }

  /** @param {Point} at @returns {Point} within the picture */
  within(at) {
    const { width, height } = this.desk.port.image;
    return { x: Math.min(width, Math.max(0, at.x)), y: Math.min(height, Math.max(0, at.y)) };
  }
}
