/** The two canvases: draws when something changed, at most once a screen refresh, and hands the pointer to the tool. */

import { drawOverlay, drawPicture } from "./painter.js";

const ZOOM_A_NOTCH = 1.2;
const CLICK_PX = 4;
const SLICE_NOTCH = 40;

/** Changes that need the picture drawn again, not only what lies over it. */
const OF_PICTURE = new Set(["item", "frame", "picture", "playing"]);

export class Stage {
  /** @param {import("../desk.js").Desk} desk @param {HTMLCanvasElement} picture @param {HTMLCanvasElement} overlay on top, hears the pointer */
  constructor(desk, picture, overlay) {
    this.desk = desk;
    this.overlay = overlay;
    this.picture = picture;
    this.behind = /** @type {CanvasRenderingContext2D} */ (picture.getContext("2d", { alpha: false }));
    this.front = /** @type {CanvasRenderingContext2D} */ (overlay.getContext("2d"));
    this.ratio = 1;
    this.due = { picture: true, overlay: true, asked: false };
    /** Pictures shown since the page was opened, for measuring. */
    this.shown = 0;
    this.turned = 0;
    this.press = null;
    desk.changed.listen((what, frame) => {
      if (what === "picture" && frame !== desk.frame) return;
      if (what === "masks" && frame !== undefined && frame !== desk.frame) return;
      if (what === "item") overlay.dataset.mask = "none";
      this.redraw(OF_PICTURE.has(what));
      if (what === "look") this.#look();
    });
    new ResizeObserver(() => this.#resize()).observe(overlay);
    overlay.addEventListener("pointerdown", (event) => this.#down(event));
    overlay.addEventListener("pointermove", (event) => this.#move(event));
    overlay.addEventListener("pointerup", (event) => this.#up(event));
    overlay.addEventListener("pointercancel", () => this.#giveUp());
    overlay.addEventListener("pointerleave", () => desk.tool?.move({ x: -1e6, y: -1e6 }, false));
    overlay.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    overlay.addEventListener("contextmenu", (event) => event.preventDefault());
    this.#resize();
  }

  redraw(picture = false) {
    this.due.overlay = true;
    this.due.picture ||= picture;
    if (this.due.asked) return;
    this.due.asked = true;
    requestAnimationFrame(() => this.#draw());
  }

  /** @param {number} factor around the middle of the picture */
  zoom(factor) {
    this.desk.port.zoomAt({ x: this.overlay.clientWidth / 2, y: this.overlay.clientHeight / 2 }, factor);
    this.redraw(true);
  }

  fit() {
    this.desk.port.reset();
    this.redraw(true);
  }

  #draw() {
    this.due.asked = false;
    if (!this.desk.work) this.behind.clearRect(0, 0, this.picture.width, this.picture.height);
    // A picture that is not here yet leaves the last one on the screen until it comes.
    if (this.due.picture && drawPicture(this.behind, this.desk, this.ratio)) {
      this.due.picture = false;
      this.shown++;
    }
    drawOverlay(this.front, this.desk, this.ratio);
    this.due.overlay = false;
    this.overlay.style.cursor = this.panning ? "grabbing" : (this.desk.tool?.cursor ?? "default");
    this.#tell();
  }

  /** What is on the screen, for screen readers and for whoever measures the page. */
  #tell() {
    const { desk, overlay } = this;
    const mask = desk.mask;
    overlay.dataset.frame = String(desk.frame);
    overlay.dataset.mask = mask && !mask.empty ? (mask.old ? "old" : "new") : "none";
    overlay.dataset.shown = String(this.shown);
    const { port } = desk;
    overlay.dataset.view = [port.scale, port.scaleY, port.left, port.top].map((value) => value.toFixed(4)).join(" ");
    if (mask && mask !== this.lastMask && !mask.old) performance.mark("studio:mask-shown");
    this.lastMask = mask;
  }

  #look() {
    const { brightness, contrast } = this.desk;
    this.picture.style.filter = brightness === 1 && contrast === 1 ? "" : `brightness(${brightness}) contrast(${contrast})`;
  }

  #resize() {
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    const { clientWidth, clientHeight } = this.overlay;
    for (const canvas of [this.picture, this.overlay]) {
      canvas.width = Math.max(1, Math.round(clientWidth * this.ratio));
      canvas.height = Math.max(1, Math.round(clientHeight * this.ratio));
    }
    this.desk.port.setScreen(clientWidth, clientHeight);
    this.redraw(true);
  }

  #at(event) {
    return this.desk.port.toImage(this.#screen(event));
  }

  #screen(event) {
    const box = this.overlay.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #down(event) {
    if (!this.desk.work) return;
    this.overlay.focus();
    this.desk.cross = null;
    this.overlay.setPointerCapture(event.pointerId);
    this.press = { x: event.clientX, y: event.clientY, button: event.button, moved: false };
    this.panning = event.button !== 0 || this.desk.tool?.id === "hand";
    if (!this.panning) {
      this.desk.player?.pause();
      this.desk.tool?.down(this.#at(event), how(event));
    }
    this.redraw();
  }

  #move(event) {
    const { press } = this;
    if (press && this.panning) {
      if (Math.hypot(event.clientX - press.x, event.clientY - press.y) > CLICK_PX) press.moved = true;
      this.desk.port.pan(event.movementX, event.movementY);
      return this.redraw(true);
    }
    this.desk.tool?.move(this.#at(event), press !== null);
    this.overlay.style.cursor = this.desk.tool?.cursor ?? "default";
  }

  #up(event) {
    const { press, panning } = this;
    this.press = null;
    this.panning = false;
    if (!press) return;
    if (!panning) this.desk.tool?.up(this.#at(event), how(event));
    // A right click that moved nothing is the other sign of a point.
    else if (press.button === 2 && !press.moved && ["in", "out"].includes(this.desk.tool?.id ?? "")) {
      this.desk.player?.pause();
      this.desk.tool?.up(this.#at(event), { ...how(event), alt: true });
    }
    this.redraw();
  }

  #giveUp() {
    this.press = null;
    this.panning = false;
    this.desk.tool?.cancel();
    this.redraw();
  }

  #wheel(event) {
    event.preventDefault();
    const { desk } = this;
    if (!desk.work) return;
    if (desk.isVolume && !event.ctrlKey) {
      this.turned += event.deltaMode === 1 ? event.deltaY * SLICE_NOTCH : event.deltaY;
      const slices = Math.trunc(this.turned / SLICE_NOTCH);
      this.turned -= slices * SLICE_NOTCH;
      if (slices) desk.player?.step(Math.sign(slices) * Math.min(8, Math.abs(slices)));
      return;
    }
    desk.port.zoomAt(this.#screen(event), ZOOM_A_NOTCH ** -Math.sign(event.deltaY));
    this.redraw(true);
  }
}

function how(event) {
  return { alt: event.altKey || event.ctrlKey, shift: event.shiftKey, twice: event.detail > 1 };
}
