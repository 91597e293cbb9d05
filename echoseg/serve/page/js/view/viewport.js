/** How image pixels lie on the screen: one scale, one offset, kept within sight. */

const LARGEST = 16;

export class Viewport {
  constructor() {
    this.image = { width: 1, height: 1 };
    this.screen = { width: 1, height: 1 };
    this.zoom = 1;
    this.centre = { x: 0.5, y: 0.5 };
    /** Height of a pixel over its width, as it is to be shown. */
    this.aspect = 1;
  }

  /**
   * @param {number} width
   * @param {number} height
   * @param {number} [aspect] row spacing over column spacing
   */
  setImage(width, height, aspect = 1) {
    this.image = { width, height };
    this.aspect = aspect;
    this.reset();
  }

  /** @param {number} width @param {number} height in CSS pixels */
  setScreen(width, height) {
    this.screen = { width: Math.max(1, width), height: Math.max(1, height) };
    this.#keep();
  }

  reset() {
    this.zoom = 1;
    this.centre = { x: this.image.width / 2, y: this.image.height / 2 };
  }

  /** CSS pixels a source pixel, along x. */
  get scale() {
    const fit = Math.min(this.screen.width / this.image.width, this.screen.height / (this.image.height * this.aspect));
    return fit * this.zoom;
  }

  get scaleY() {
    return this.scale * this.aspect;
  }

  get left() {
    return this.screen.width / 2 - this.centre.x * this.scale;
  }

  get top() {
    return this.screen.height / 2 - this.centre.y * this.scaleY;
  }

  /** @param {{x: number, y: number}} at CSS pixels of the canvas @returns {{x: number, y: number}} source pixels */
  toImage(at) {
    return { x: (at.x - this.left) / this.scale, y: (at.y - this.top) / this.scaleY };
  }

  /** @param {{x: number, y: number}} at source pixels @returns {{x: number, y: number}} CSS pixels of the canvas */
  toScreen(at) {
    return { x: at.x * this.scale + this.left, y: at.y * this.scaleY + this.top };
  }

  /** @param {{x: number, y: number}} at the place that stays, in CSS pixels @param {number} factor */
  zoomAt(at, factor) {
    const fixed = this.toImage(at);
    this.zoom = Math.min(LARGEST, Math.max(1, this.zoom * factor));
    this.centre.x = fixed.x - (at.x - this.screen.width / 2) / this.scale;
    this.centre.y = fixed.y - (at.y - this.screen.height / 2) / this.scaleY;
    this.#keep();
  }

  /** @param {number} dx @param {number} dy in CSS pixels */
  pan(dx, dy) {
    this.centre.x -= dx / this.scale;
    this.centre.y -= dy / this.scaleY;
    this.#keep();
  }

  /** @param {CanvasRenderingContext2D} context @param {number} ratio device pixels a CSS pixel */
  apply(context, ratio) {
    context.setTransform(this.scale * ratio, 0, 0, this.scaleY * ratio, this.left * ratio, this.top * ratio);
  }

  #keep() {
    const halfX = this.screen.width / 2 / this.scale;
    const halfY = this.screen.height / 2 / this.scaleY;
    const within = (value, half, size) => (2 * half >= size ? size / 2 : Math.min(size - half, Math.max(half, value)));
    this.centre.x = within(this.centre.x, halfX, this.image.width);
    this.centre.y = within(this.centre.y, halfY, this.image.height);
  }
}
