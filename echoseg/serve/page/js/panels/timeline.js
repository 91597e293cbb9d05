/** The strip under the picture: where masks are, where the user spoke, where the model doubts, and the markers of ED and ES. */

import { byId, make } from "../view/dom.js";
import { SIDES } from "./curve.js";

const TRACK = { top: 21, height: 9 };

export class Timeline {
  /** @param {import("../desk.js").Desk} desk @param {(beats: {ed: number, es: number}[]) => void} moved */
  constructor(desk, moved) {
    this.desk = desk;
    this.moved = moved;
    this.strip = byId("timeline");
    this.canvas = /** @type {HTMLCanvasElement} */ (this.strip.querySelector("canvas"));
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    /** @type {HTMLElement[]} */
    this.markers = [];
    this.head = make("i", { class: "playhead" });
    this.strip.append(this.head);
    this.asked = false;
    desk.changed.listen((what) => {
      if (["item", "measures", "session"].includes(what)) this.#place();
      if (what === "frame") return this.#atFrame();
      if (["item", "measures", "session", "masks", "object", "picture"].includes(what)) this.redraw();
      if (what === "playing") this.#words();
    });
    new ResizeObserver(() => this.#resize()).observe(this.strip);
    this.strip.addEventListener("pointerdown", (event) => this.#scrub(event));
    this.strip.addEventListener("pointermove", (event) => event.buttons & 1 && !this.dragging && this.strip.hasPointerCapture(event.pointerId) && this.#seek(event));
  }

  redraw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.#draw());
  }

  get last() {
    return Math.max(1, (this.desk.work?.item.frames ?? 1) - 1);
  }

  /** @param {number} frame @returns {number} CSS pixels from the left */
  x(frame) {
    return SIDES.left + (frame / this.last) * (this.strip.clientWidth - SIDES.left - SIDES.right);
  }

  /** @param {PointerEvent} event @returns {number} */
  frameAt(event) {
    const x = event.clientX - this.strip.getBoundingClientRect().left;
    const share = (x - SIDES.left) / (this.strip.clientWidth - SIDES.left - SIDES.right);
    return Math.round(Math.min(1, Math.max(0, share)) * this.last);
  }

  #scrub(event) {
    if (this.dragging || event.button !== 0) return;
    this.strip.setPointerCapture(event.pointerId);
    this.#seek(event);
  }

  #seek(event) {
    this.desk.player?.pause();
    this.desk.player?.seek(this.frameAt(event));
  }

  #resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.strip.clientWidth * ratio);
    this.canvas.height = Math.round(this.strip.clientHeight * ratio);
    this.#place();
    this.#atFrame();
    this.redraw();
  }

  /** Only the head moves with the frame: what lies under it is drawn when it changes. */
  #atFrame() {
    this.head.style.transform = `translateX(${this.x(this.desk.frame)}px)`;
    if (this.desk.player?.playing) return;
    this.#nameNearest();
    this.#words();
  }

  /** Put a marker for each ED and ES, which are those of the measures. */
  #place() {
    if (this.dragging) return;
    for (const marker of this.markers) marker.remove();
    const beats = this.desk.work?.measures?.beats ?? [];
    this.markers = beats.flatMap((beat, i) => ["ed", "es"].map((phase) => this.#marker(phase, beat[phase], i)));
    this.strip.append(...this.markers);
    this.#atFrame();
  }

  #marker(phase, frame, beat) {
    const words = phase === "ed" ? "End-diastole" : "End-systole";
    const marker = make("button", {
      class: `mark ${phase}`,
      role: "slider",
      "aria-label": `${words} of beat ${beat + 1}`,
      "aria-valuenow": frame,
      "aria-valuemin": 0,
      "aria-valuemax": this.last,
      title: `${words} of beat ${beat + 1}: drag, or arrow keys`,
      text: phase.toUpperCase(),
      "data-beat": beat,
      "data-phase": phase,
      "data-frame": frame,
      on: {
        pointerdown: (event) => this.#grab(event, marker),
        pointermove: (event) => this.#drag(event, marker),
        pointerup: (event) => this.#drop(event, marker),
        keydown: (event) => this.#nudge(event, marker),
      },
    });
    marker.style.left = `${this.x(frame)}px`;
    return marker;
  }

  /** The markers of the beat in view carry the names by which they are found. */
  #nameNearest() {
    const { frame } = this.desk;
    for (const phase of ["ed", "es"]) {
      const those = this.markers.filter((marker) => marker.dataset.phase === phase);
      const away = (marker) => Math.abs(Number(marker.dataset.frame) - frame);
      const nearest = those.reduce((best, marker) => (best && away(best) <= away(marker) ? best : marker), /** @type {HTMLElement | null} */ (null));
      for (const marker of those) {
        if (marker === nearest) marker.dataset.testid = `${phase}-mark`;
        else delete marker.dataset.testid;
      }
    }
  }

  #grab(event, marker) {
    event.stopPropagation();
    marker.setPointerCapture(event.pointerId);
    this.dragging = marker;
    this.desk.player?.pause();
    this.desk.player?.seek(Number(marker.dataset.frame));
  }

  #drag(event, marker) {
    if (this.dragging !== marker) return;
    const frame = this.frameAt(event);
    marker.style.left = `${this.x(frame)}px`;
    this.desk.player?.seek(frame);
  }

  #drop(event, marker) {
    if (this.dragging !== marker) return;
    event.stopPropagation();
    this.dragging = null;
    this.#move(marker, this.frameAt(event));
  }

  #nudge(event, marker) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const frame = Number(marker.dataset.frame) + by;
    this.#move(marker, frame);
    this.desk.player?.seek(frame);
    requestAnimationFrame(() => this.strip.querySelector(`[data-beat="${marker.dataset.beat}"][data-phase="${marker.dataset.phase}"]`)?.focus());
  }

  #move(marker, frame) {
    const beats = this.desk.work?.measures?.beats ?? [];
    const place = Number(marker.dataset.beat);
    if (!beats[place] || Number(marker.dataset.frame) === frame) return this.#place();
    this.moved(beats.map(({ ed, es }, i) => (i === place ? { ed, es, [/** @type {string} */ (marker.dataset.phase)]: frame } : { ed, es })));
  }

  #draw() {
    this.asked = false;
    const { desk, context } = this;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.strip.clientWidth, this.strip.clientHeight);
    const { work, frames } = desk;
    this.head.hidden = true;
    if (!work || !frames) return;
    const step = this.x(1) - this.x(0);
    const bar = (frame, colour, top = TRACK.top, height = TRACK.height) => {
      context.fillStyle = colour;
      const edge = (x) => Math.round(Math.min(this.x(this.last) + 1, Math.max(this.x(0) - 1, x)) * ratio) / ratio;
      const left = edge(this.x(frame) - step / 2);
      context.fillRect(left, top, edge(this.x(frame) + step / 2) - left || 1, height);
    };
    for (let frame = 0; frame < frames.count; frame++) {
      bar(frame, frames.stored.has(frame) ? "#28313b" : "#171d23");
      const mask = work.masks.get(frame, desk.object);
      if (mask && !mask.empty) bar(frame, mask.old ? "#31545a" : desk.colour(desk.object), TRACK.top + 1, TRACK.height - 2);
    }
    for (const frame of work.measures?.doubtful ?? []) bar(frame, "#ff8a75", TRACK.top + TRACK.height + 2, 3);
    const object = work.session.objects.find((one) => one.id === desk.object);
    for (const frame of object?.corrected ?? []) this.#tick(frame, true);
    for (const frame of object?.prompted ?? []) this.#tick(frame, false);
    for (const end of work.session.marks.stops?.[desk.object] ?? []) this.#stop(end);
    this.head.hidden = false;
  }

  /** A diamond where the object was named, a square where it was corrected. */
  #tick(frame, corrected) {
    const { context } = this;
    const x = this.x(frame);
    const y = TRACK.top + TRACK.height / 2;
    context.save();
    context.translate(x, y);
    if (!corrected) context.rotate(Math.PI / 4);
    context.fillStyle = "#fff";
    context.strokeStyle = "#0d1014";
    context.lineWidth = 1.5;
    context.fillRect(-3.6, -3.6, 7.2, 7.2);
    context.strokeRect(-3.6, -3.6, 7.2, 7.2);
    context.restore();
  }

  #stop(frame) {
    this.context.fillStyle = "#ff8a75";
    this.context.fillRect(this.x(frame) - 1, TRACK.top - 6, 2, TRACK.height + 12);
  }

  #words() {
    const { desk, strip } = this;
    strip.setAttribute("aria-valuemax", String(this.last));
    strip.setAttribute("aria-valuenow", String(desk.frame));
    const mask = desk.mask && !desk.mask.empty ? "with mask" : "no mask";
    strip.setAttribute("aria-valuetext", `${desk.isVolume ? "slice" : "frame"} ${desk.frame + 1}, ${mask}`);
  }
}
