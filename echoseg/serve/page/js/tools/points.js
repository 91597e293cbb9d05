/** One click: this belongs to the object, or it does not. */

import { Tool } from "./tool.js";

class PointTool extends Tool {
  static drags = false;
  label = 1;

  up(at, how) {
    const { width, height } = this.desk.port.image;
    if (at.x < 0 || at.y < 0 || at.x >= width || at.y >= height) return;
    const label = how.alt ? 1 - this.label : this.label;
    this.desk.prompt("points", { points: [[at.x, at.y]], labels: [label] });
  }
}

export class PointIn extends PointTool {
  static id = "in";
}

export class PointOut extends PointTool {
  static id = "out";
  label = 0;
}
