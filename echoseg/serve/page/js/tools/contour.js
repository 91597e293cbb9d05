/** The border itself: drag any place of it, its neighbourhood comes along; or click a new one around an object without a mask. */

import { Tool } from "./tool.js";
import { bend, distance, nearest, perimeter, resample, smooth, throughCorners } from "../image/curve.js";

const GRIP = 14;
const HANDLES_APART = 34;
const MOST_POINTS = 800;
const FEWEST_PIXELS = 6;

export class ContourTool extends Tool {
  static id = "contour";

  /** Dense line that is bent. @type {import("./tool.js").Point[]} */
  line = [];
  /** The mask that the line was taken from. @type {import("../image/masks.js").Mask | null} */
  source = null;
  /** Corners of a new contour. @type {import("./tool.js").Point[]} */
  corners = [];
  /** Share of the outline that a drag takes along, to each side. */
  reach = 0.1;
  held = -1;
  hover = -1;
  /** @type {import("./tool.js").Point | null} */
  start = null;

  down(at, how) {
    this.#take();
    if (!this.line.length) return this.#corner(at, how);
    this.held = this.#grip(at);
    if (this.held < 0) return;
    this.start = at;
    this.before = this.line;
  }

  move(at, pressed) {
    if (this.held >= 0 && pressed && this.start) {
      const by = { x: at.x - this.start.x, y: at.y - this.start.y };
      this.line = bend(this.before, this.held, by, this.reach * perimeter(this.before));
      this.redraw();
      return;
    }
    this.#take();
    const hover = this.line.length ? this.#grip(at) : -1;
    this.cornerAt = this.corners.length ? at : null;
    if (hover !== this.hover || this.cornerAt) {
      this.hover = hover;
      this.redraw();
    }
  }

  up(at) {
    if (this.held < 0 || !this.start) return;
    const moved = distance(at, this.start) * this.desk.port.scale > 2;
    this.held = -1;
    this.start = null;
    if (moved) this.#send(this.line);
  }

  finish() {
    if (this.corners.length < 3) return false;
    const line = throughCorners(this.corners);
    this.corners = [];
    this.#send(line);
    return true;
  }

  cancel() {
    const was = this.corners.length > 0 || this.held >= 0;
    this.corners = [];
    this.held = -1;
    this.start = null;
    this.source = null;
    this.line = [];
    return was;
  }

  resize(by) {
    this.reach = Math.min(0.4, Math.max(0.02, this.reach * (by > 0 ? 1.3 : 1 / 1.3)));
    this.redraw();
  }

  get cursor() {
    if (this.held >= 0) return "grabbing";
    return this.hover >= 0 ? "grab" : this.line.length ? "default" : "crosshair";
  }

  draw(context, port) {
    this.#take();
    const colour = this.desk.colour(this.desk.object);
    if (this.line.length) this.#drawLine(context, port, colour);
    if (this.corners.length) this.#drawCorners(context, port, colour);
  }

  #drawLine(context, port, colour) {
    const screen = this.line.map((point) => port.toScreen(point));
    context.strokeStyle = "#fff";
    context.lineWidth = 1.2;
    context.beginPath();
    screen.forEach((point) => context.lineTo(point.x, point.y));
    context.closePath();
    context.stroke();
    const count = Math.max(8, Math.round(perimeter(screen) / HANDLES_APART));
    context.fillStyle = "#fff";
    context.strokeStyle = colour;
    context.lineWidth = 2;
    for (const point of resample(screen, count)) dot(context, point, 3.4);
    const lively = this.held >= 0 ? this.held : this.hover;
    if (lively >= 0) {
      context.fillStyle = colour;
      context.strokeStyle = "#fff";
      dot(context, screen[lively], 6);
    }
  }

  #drawCorners(context, port, colour) {
    const corners = this.cornerAt ? [...this.corners, this.cornerAt] : this.corners;
    const line = corners.length > 2 ? throughCorners(corners) : corners;
    context.strokeStyle = colour;
    context.lineWidth = 1.8;
    context.beginPath();
    line.forEach((point) => {
      const at = port.toScreen(point);
      context.lineTo(at.x, at.y);
    });
    context.closePath();
    context.stroke();
    context.fillStyle = "#fff";
    for (const corner of this.corners) dot(context, port.toScreen(corner), 4);
  }

  #corner(at, how) {
    const first = this.corners[0];
    const closes = how.twice || (first && this.corners.length > 2 && distance(at, first) * this.desk.port.scale < GRIP);
    if (closes && this.finish()) return;
    this.corners.push(this.within(at));
    this.redraw();
  }

  /** Take the line of the mask in view, unless it is being dragged. */
  #take() {
    const mask = this.desk.mask;
    if (this.held >= 0 || mask === this.source) return;
    this.source = mask;
    const border = mask && !mask.empty ? mask.border : null;
    this.line = border && border.length >= FEWEST_PIXELS ? smooth(resample(border, Math.min(MOST_POINTS, border.length)), 3) : [];
    this.hover = -1;
  }

  #grip(at) {
    const { index, away } = nearest(this.line, at);
    return away * this.desk.port.scale <= GRIP ? index : -1;
  }

  #send(line) {
    const { width, height } = this.desk.port.image;
    const points = line.map(({ x, y }) => [Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))]);
    this.desk.prompt("contour", { points });
  }
}

function dot(context, at, radius) {
  context.beginPath();
  context.arc(at.x, at.y, radius, 0, 7);
  context.fill();
  context.stroke();
}
