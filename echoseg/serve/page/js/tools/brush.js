/** Paint the object larger, or with Alt smaller. */

import { Tool } from "./tool.js";
import { encode } from "../image/rle.js";

export class BrushTool extends Tool {
  static id = "brush";

  /** Radius in source pixels. */
  radius = 8;
  /** @type {import("./tool.js").Point[]} */
  stroke = [];
  /** @type {import("./tool.js").Point | null} */
  at = null;
  erases = false;

  down(at, how) {
    this.erases = how.alt;
    this.stroke = [at];
    this.redraw();
  }

  move(at, pressed) {
    this.at = at;
    if (pressed && this.stroke.length) this.stroke.push(at);
    this.redraw();
  }

  up() {
    if (!this.stroke.length) return;
    const { width, height } = this.desk.port.image;
    const mask = this.desk.mask?.pixels() ?? new Uint8Array(width * height);
    paint(mask, height, width, this.stroke, this.radius, this.erases ? 0 : 1);
    this.stroke = [];
    this.desk.prompt("mask", { rle: { size: [height, width], counts: encode(mask, height, width) } });
  }

  cancel() {
    const was = this.stroke.length > 0;
    this.stroke = [];
    return was;
  }

  resize(by) {
    this.radius = Math.min(80, Math.max(1, this.radius * (by > 0 ? 1.25 : 0.8)));
    this.redraw();
  }

  get cursor() {
    return "none";
  }

  draw(context, port) {
    const radius = this.radius * port.scale;
    const colour = this.erases ? "#000" : this.desk.colour(this.desk.object);
    if (this.stroke.length) {
      context.globalAlpha = 0.5;
      context.strokeStyle = colour;
      context.lineWidth = 2 * radius;
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
      for (const point of [this.stroke[0], ...this.stroke]) {
        const at = port.toScreen(point);
        context.lineTo(at.x, at.y);
      }
      context.stroke();
      context.globalAlpha = 1;
    }
    if (!this.at) return;
    const at = port.toScreen(this.at);
    context.strokeStyle = "#fff";
    context.lineWidth = 1.4;
    context.beginPath();
    context.arc(at.x, at.y, radius, 0, 7);
    context.stroke();
  }
}

/**
 * @param {Uint8Array} mask changed in place
 * @param {number} height @param {number} width
 * @param {import("./tool.js").Point[]} stroke @param {number} radius in pixels @param {0 | 1} value
 */
export function paint(mask, height, width, stroke, radius, value) {
  stroke.forEach((to, i) => {
    const from = stroke[Math.max(0, i - 1)];
    const x0 = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius));
    const x1 = Math.min(width - 1, Math.ceil(Math.max(from.x, to.x) + radius));
    const y0 = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius));
    const y1 = Math.min(height - 1, Math.ceil(Math.max(from.y, to.y) + radius));
    for (let y = y0; y <= y1; y++) {
      for (let x = x0; x <= x1; x++) if (toSegment(x + 0.5, y + 0.5, from, to) <= radius) mask[y * width + x] = value;
    }
  });
}

function toSegment(x, y, from, to) {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = dx * dx + dy * dy;
  const share = length ? Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / length)) : 0;
  return Math.hypot(x - from.x - share * dx, y - from.y - share * dy);
}
