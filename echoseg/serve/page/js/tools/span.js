/** From one corner to the other: a box around the object, or the longest diameter of a lesion. */

import { Tool } from "./tool.js";

const SMALLEST = 3;

class SpanTool extends Tool {
  /** @type {import("./tool.js").Point | null} */
  from = null;
  /** @type {import("./tool.js").Point | null} */
  to = null;

  down(at) {
    this.from = this.to = this.within(at);
  }

  move(at, pressed) {
    if (!pressed || !this.from) return;
    this.to = this.within(at);
    this.redraw();
  }

  up() {
    const { from, to } = this;
    this.from = this.to = null;
    if (from && to) this.send(from, to);
    this.redraw();
  }

  cancel() {
    const was = this.from !== null;
    this.from = this.to = null;
    if (was) this.redraw();
    return was;
  }

  /** @param {import("./tool.js").Point} from @param {import("./tool.js").Point} to */
  send(from, to) {}
}

export class BoxTool extends SpanTool {
  static id = "box";

  send(from, to) {
    const data = [Math.min(from.x, to.x), Math.min(from.y, to.y), Math.max(from.x, to.x), Math.max(from.y, to.y)];
    if (data[2] - data[0] >= SMALLEST && data[3] - data[1] >= SMALLEST) this.desk.prompt("box", data, "prompt");
  }

  draw(context, port) {
    if (!this.from || !this.to) return;
    const a = port.toScreen(this.from);
    const b = port.toScreen(this.to);
    context.setLineDash([6, 4]);
    context.strokeStyle = this.desk.colour(this.desk.object);
    context.lineWidth = 1.8;
    context.strokeRect(a.x, a.y, b.x - a.x, b.y - a.y);
    context.setLineDash([]);
  }
}

export class LineTool extends SpanTool {
  static id = "line";

  send(from, to) {
    if (Math.hypot(to.x - from.x, to.y - from.y) >= SMALLEST) this.desk.prompt("recist", [from.x, from.y, to.x, to.y], "prompt");
  }

  draw(context, port) {
    if (!this.from || !this.to) return;
    const a = port.toScreen(this.from);
    const b = port.toScreen(this.to);
    context.strokeStyle = this.desk.colour(this.desk.object);
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
    context.stroke();
    this.#length(context, b);
  }

  #length(context, at) {
    const spacing = this.desk.work?.item.spacing_mm;
    if (!spacing || !this.from || !this.to) return;
    const mm = Math.hypot((this.to.x - this.from.x) * spacing[1], (this.to.y - this.from.y) * spacing[0]);
    context.fillStyle = "#fff";
    context.fillText(`${mm.toFixed(1)} mm`, at.x + 10, at.y - 8);
  }
}
