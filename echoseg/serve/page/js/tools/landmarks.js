/** The two hinge points of the mitral valve and the apex of a frame: clicked in this order, then dragged. */

import { Tool } from "./tool.js";
import { distance } from "../image/curve.js";

const GRIP = 12;
const NAMES = ["first mitral point", "second mitral point", "apex"];

export class LandmarkTool extends Tool {
  static id = "landmarks";

  /** @type {(import("./tool.js").Point | null)[]} */
  points = [null, null, null];
  held = -1;
  from = null;

  down(at) {
    this.#take();
    this.held = this.points.findIndex((point) => point && distance(point, at) * this.desk.port.scale <= GRIP);
    if (this.held < 0) this.held = this.points.indexOf(null);
    if (this.held >= 0) this.#put(at);
  }

  move(at, pressed) {
    if (pressed && this.held >= 0) this.#put(at);
  }

  up() {
    if (this.held < 0) return;
    this.held = -1;
    const [a, b, apex] = this.points;
    const next = this.points.indexOf(null);
    if (next >= 0) this.desk.say.tell(`Now the ${NAMES[next]}`);
    if ((a === null) !== (b === null)) return;
    const pair = (point) => [point.x, point.y];
    const here = { ...(a && b ? { mitral: [pair(a), pair(b)] } : {}), ...(apex ? { apex: pair(apex) } : {}) };
    const work = this.desk.work;
    work?.mark({ landmarks: { ...work.session.marks.landmarks, [this.desk.frame]: here } });
  }

  cancel() {
    const was = this.from !== null;
    this.held = -1;
    this.from = null;
    return was;
  }

  get cursor() {
    return this.held >= 0 ? "grabbing" : "crosshair";
  }

  draw(context, port) {
    this.#take();
    drawLandmarks(context, port, this.points);
  }

  #put(at) {
    this.points = this.points.map((point, i) => (i === this.held ? this.within(at) : point));
    this.redraw();
  }

  /** The points of this frame as they are stored, unless some are on their way. */
  #take() {
    const marks = this.desk.work?.session.marks;
    if (this.held >= 0 || (this.from === marks && this.frame === this.desk.frame)) return;
    this.from = marks;
    this.frame = this.desk.frame;
    this.points = pointsOf(marks?.landmarks?.[this.desk.frame]);
  }
}

/** @param {import("../types.js").Landmarks | undefined} marks @returns {(import("./tool.js").Point | null)[]} */
export function pointsOf(marks) {
  const point = (pair) => (pair ? { x: pair[0], y: pair[1] } : null);
  return [point(marks?.mitral?.[0]), point(marks?.mitral?.[1]), point(marks?.apex)];
}

/** @param {CanvasRenderingContext2D} context @param {import("../view/viewport.js").Viewport} port @param {(import("./tool.js").Point | null)[]} points */
export function drawLandmarks(context, port, points) {
  const [a, b, apex] = points.map((point) => point && port.toScreen(point));
  context.strokeStyle = "#ffffffb0";
  context.lineWidth = 1.3;
  context.setLineDash([5, 4]);
  context.beginPath();
  if (a && b) {
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
    if (apex) {
      context.moveTo((a.x + b.x) / 2, (a.y + b.y) / 2);
      context.lineTo(apex.x, apex.y);
    }
  }
  context.stroke();
  context.setLineDash([]);
  for (const point of [a, b, apex]) {
    if (!point) continue;
    context.fillStyle = "#fff";
    context.strokeStyle = "#000";
    context.beginPath();
    context.moveTo(point.x, point.y - 7);
    context.lineTo(point.x + 7, point.y);
    context.lineTo(point.x, point.y + 7);
    context.lineTo(point.x - 7, point.y);
    context.closePath();
    context.fill();
    context.stroke();
  }
}
