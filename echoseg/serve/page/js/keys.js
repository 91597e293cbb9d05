/** The keyboard: what each key does, and the words for the help. */

/** @type {[string, [string, string][]][]} */
export const KEYS = [
  ["Look", [["Space", "play, pause"], ["← →", "frame or slice back, forth"], ["Shift+← Shift+→", "doubtful frame before, after"], ["Home End", "first, last frame"], ["< >", "slower, faster"], ["+ − 0", "zoom in, out, fit"], ["H", "hide masks"], ["K", "brightness, grey window"], ["W", "next preset of the grey window"]]],
  ["Say", [["P N", "point inside, outside"], ["B", "box"], ["C", "contour: drag the border"], ["R", "brush"], ["L", "longest diameter (volumes)"], ["M", "mitral points, apex"], ["[ ]", "smaller, larger brush or pull"], ["1–9", "object"], ["A", "let the model find it"], ["Esc", "give up, stop spreading"]]],
  ["Without a mouse", [["Ctrl+arrows", "move the cross (Shift: far)"], ["F", "click there; for box, line, contour and brush: press, F again lets go"]]],
  ["Heart and slices", [["E S", "this frame is ED, ES"], [", .", "object's first, last slice"], ["G", "spread again"]]],
  ["Decide", [["Enter", "accept"], ["X", "reject"], ["U", "skip"], ["J", "next item"], ["Z Y", "undo, redo"], ["?", "this help"]]],
];

const STEP_PX = 4;
const FAR_PX = 32;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Keyboard {
  /**
   * @param {import("./desk.js").Desk} desk
   * @param {Record<string, () => void>} calls by name of the key; upper case for letters
   * @param {(key: string) => boolean} takeTool
   */
  constructor(desk, calls, takeTool) {
    this.desk = desk;
    this.calls = calls;
    this.takeTool = takeTool;
    this.pressed = false;
    document.addEventListener("keydown", (event) => this.#down(event));
    desk.changed.listen((what) => ["frame", "tool", "item"].includes(what) && (this.pressed = false));
  }

  #down(event) {
    if (isTyping(event) || event.altKey || document.querySelector("dialog[open]")) return;
    if (this.#hear(event)) event.preventDefault();
  }

  /** @returns {boolean} whether the key meant something */
  #hear(event) {
    const { desk, calls } = this;
    const { key } = event;
    const command = event.ctrlKey || event.metaKey;
    if (command && ARROWS[key]) return this.#cross(ARROWS[key], event.shiftKey ? FAR_PX : STEP_PX);
    if (command && key.toLowerCase() === "z") return this.#call(event.shiftKey ? "Y" : "Z");
    if (command && key.toLowerCase() === "y") return this.#call("Y");
    if (command) return false;
    if (onControl(event) && (key === " " || key === "Enter")) return false;
    if (slides(event) && /^(Arrow|Home|End|Page)/.test(key)) return false;
    if (key === "Enter" && desk.tool?.finish()) return true;
    if (key === "Escape" && this.#giveUp()) return true;
    if (key === "[" || key === "]") return desk.tool?.resize(key === "[" ? -1 : 1), true;
    if (/^[1-9]$/.test(key)) return desk.choose(Number(key)), true;
    if (key.toUpperCase() === "F") return this.#press();
    const name = `${event.shiftKey && key.startsWith("Arrow") ? "Shift+" : ""}${key.length === 1 ? key.toUpperCase() : key}`;
    if (calls[name]) return this.#call(name);
    return key.length === 1 && this.takeTool(key.toUpperCase());
  }

  #call(name) {
    this.calls[name]();
    return true;
  }

  #cross([dx, dy], pixels) {
    const { desk } = this;
    if (!desk.work) return false;
    const { port } = desk;
    const from = desk.cross ?? port.toImage({ x: port.screen.width / 2, y: port.screen.height / 2 });
    desk.cross = {
      x: Math.min(port.image.width - 0.5, Math.max(0.5, from.x + (dx * pixels) / port.scale)),
      y: Math.min(port.image.height - 0.5, Math.max(0.5, from.y + (dy * pixels) / port.scaleY)),
    };
    desk.tool?.move(desk.cross, this.pressed);
    desk.changed.tell("look");
    return true;
  }

  /** F is the mouse's button at the cross; tools that drag keep it down until the next F. */
  #press() {
    const { tool, cross } = this.desk;
    const how = { alt: false, shift: false, twice: false };
    if (!tool || !cross) return false;
    if (!this.pressed) {
      this.desk.player?.pause();
      tool.down(cross, how);
    }
    if (this.pressed || !tool.drags) tool.up(cross, how);
    this.pressed = tool.drags && !this.pressed;
    return true;
  }

  #giveUp() {
    this.pressed = false;
    const { desk } = this;
    if (desk.tool?.cancel()) return desk.changed.tell("look"), true;
    if (desk.work?.spreading.running) return desk.work.stopSpreading(), true;
    if (desk.cross) return (desk.cross = null), desk.changed.tell("look"), true;
    return false;
  }
}

function isTyping({ target }) {
  return target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type !== "range" && target.type !== "checkbox");
}

/** A slider or a list keeps the keys that move it. */
function slides({ target }) {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}

/** A control that has the focus keeps Space and Enter for itself. */
function onControl({ target }) {
  return target instanceof HTMLButtonElement || target instanceof HTMLSelectElement || target instanceof HTMLAnchorElement;
}
