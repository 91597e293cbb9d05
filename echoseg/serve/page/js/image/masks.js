/** The masks of one item, as they came; lines and pixels are made when a mask is drawn or edited, and kept. */

import { decode } from "./rle.js";
import { largest, outlines, pathOf } from "./outline.js";

/**
 * @typedef {{frame: number, object: number, bbox: number[] | null, rle: {size: number[], counts: string}, iou: number | null, score: number | null}} MaskLine
 * @typedef {{x: number, y: number}} Point
 */

export class Mask {
  /** @param {MaskLine} line */
  constructor(line) {
    this.line = line;
    /** A newer prompt exists that this mask does not know of yet. */
    this.old = false;
  }

  get empty() {
    return this.line.bbox === null;
  }

  get iou() {
    return this.line.iou;
  }

  /** @returns {Uint8Array} (height * width) rows first, 0 or 1 */
  pixels() {
    const [height, width] = this.line.rle.size;
    return decode(this.line.rle.counts, height, width);
  }

  /** @returns {Point[][]} */
  get lines() {
    if (!this.kept) this.kept = this.empty ? [] : this.#trace();
    return this.kept;
  }

  /** @returns {Path2D} in source pixels */
  get path() {
    if (!this.drawn) this.drawn = pathOf(this.lines);
    return this.drawn;
  }

  /** @returns {Point[] | null} the outline of the largest part */
  get border() {
    return largest(this.lines);
  }

  #trace() {
    const [height, width] = this.line.rle.size;
    const [x0, y0, x1, y1] = /** @type {number[]} */ (this.line.bbox).map(Math.round);
    const left = Math.max(0, x0);
    const top = Math.max(0, y0);
    const columns = Math.min(width, x1) - left;
    const rows = Math.min(height, y1) - top;
    const all = this.pixels();
    const part = new Uint8Array(rows * columns);
    for (let y = 0; y < rows; y++) part.set(all.subarray((top + y) * width + left, (top + y) * width + left + columns), y * columns);
    return outlines(part, rows, columns, left, top);
  }
}

export class Masks {
  constructor() {
    /** @type {Map<number, Map<number, Mask>>} frame, then object */
    this.frames = new Map();
  }

  /** @param {MaskLine} line */
  put(line) {
    let objects = this.frames.get(line.frame);
    if (!objects) this.frames.set(line.frame, (objects = new Map()));
    objects.set(line.object, new Mask(line));
  }

  /** @param {number} frame @param {number} object @returns {Mask | null} */
  get(frame, object) {
    return this.frames.get(frame)?.get(object) ?? null;
  }

  /** @param {number} frame @returns {Map<number, Mask>} by object */
  at(frame) {
    return this.frames.get(frame) ?? new Map();
  }

  /** @param {number} frame @returns {boolean} whether a mask that is not empty is there */
  covers(frame) {
    for (const mask of this.at(frame).values()) if (!mask.empty) return true;
    return false;
  }

  /** Whether any frame has a mask that is not empty. */
  get something() {
    for (const frame of this.frames.keys()) if (this.covers(frame)) return true;
    return false;
  }

  /** All that is there may change: draw it as old until it does. @param {number} object @param {number} except frame that is up to date */
  age(object, except) {
    for (const [frame, objects] of this.frames) {
      const mask = objects.get(object);
      if (mask && frame !== except) mask.old = true;
    }
  }

  settle() {
    for (const objects of this.frames.values()) for (const mask of objects.values()) mask.old = false;
  }

  get size() {
    return this.frames.size;
  }

  clear() {
    this.frames.clear();
  }
}
