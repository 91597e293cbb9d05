/** The curve of volume (or of area over slices) under the timeline, frame for frame below it; a click seeks. */

import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { byId, make } from "../view/dom.js";
import { ED_COLOUR, ES_COLOUR } from "../colours.js";

/** CSS pixels left and right of the plot, of the timeline too. */
export const SIDES = { left: 58, right: 18 };
const LABEL = 18;
const AXIS = { stroke: "#7f8d9a", grid: { stroke: "#1b222a", width: 1 }, ticks: { stroke: "#1b222a", width: 1 }, font: "11px system-ui, 'DejaVu Sans', sans-serif" };

export class Curve {
  /** @param {import("../desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    this.place = byId("curve");
    this.nothing = make("span", { class: "nothing" });
    this.head = make("i", { class: "playhead" });
    this.place.append(this.nothing, this.head);
    /** @type {any} */
    this.plot = null;
    desk.changed.listen((what) => {
      if (what === "item") this.#forget();
      if (what === "item" || what === "measures") this.#show();
      if (["item", "measures", "frame"].includes(what)) this.#follow();
    });
    new ResizeObserver(() => (this.plot?.setSize(this.#size()), this.#follow())).observe(this.place);
    this.place.addEventListener("click", (event) => this.#seek(event));
  }

  #size() {
    return { width: Math.max(200, this.place.clientWidth), height: Math.max(60, this.place.clientHeight) };
  }

  #forget() {
    this.plot?.destroy();
    this.plot = null;
    this.unit = undefined;
  }

  #show() {
    const curve = this.desk.work?.measures?.curve ?? null;
    const known = curve?.values.some((value) => value !== null) ?? false;
    this.nothing.textContent = known || !this.desk.work ? "" : this.desk.isVolume ? "The areas appear here when an object is segmented" : "The volume curve appears here when the left ventricle is segmented";
    if (!curve || !known) return this.#forget();
    const words = `${curve.label} (${curve.unit})`;
    if (this.unit !== words) this.#forget();
    const data = [curve.values.map((_, i) => i), curve.values];
    if (this.plot) return this.plot.setData(data);
    this.unit = words;
    this.plot = new uPlot(this.#options(words, curve.values.length - 1), data, this.place);
  }

  #options(words, last) {
    const { desk } = this;
    const decimals = (desk.player?.end ?? 0) < 2 ? 2 : 1;
    const time = (frame) => (desk.isVolume ? String(Math.round(frame) + 1) : `${(desk.player?.times[Math.round(frame)] ?? 0).toFixed(decimals)} s`);
    const short = new Intl.NumberFormat("en", { notation: "compact" });
    return {
      ...this.#size(),
      padding: [10, SIDES.right, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7, fill: "#4fd1c5" } },
      scales: { x: { time: false, range: [0, Math.max(1, last)] }, y: { range: (_, low, high) => roomy(low, high) } },
      axes: [
        { ...AXIS, size: 24, values: (_, splits) => splits.map(time), space: 70 },
        { ...AXIS, size: SIDES.left - LABEL, space: 28, values: (_, splits) => splits.map((value) => short.format(value)), label: words, labelSize: LABEL, labelFont: AXIS.font, labelGap: 0 },
      ],
      series: [{}, { stroke: "#4fd1c5", width: 2, fill: "#4fd1c514", points: { show: false }, spanGaps: false }],
      hooks: { drawSeries: [(plot) => this.#marks(plot)] },
    };
  }

  /** The line of the frame in view is no part of the plot, so that playing does not draw the plot again. */
  #follow() {
    this.head.hidden = !this.plot;
    if (this.plot) this.head.style.transform = `translateX(${SIDES.left + this.plot.valToPos(this.desk.frame, "x")}px)`;
  }

  /** ED and ES as dots on the curve. */
  #marks(plot) {
    const { ctx } = plot;
    const ratio = window.devicePixelRatio || 1;
    ctx.save();
    for (const beat of this.desk.work?.measures?.beats ?? []) {
      for (const [frame, colour] of [[beat.ed, ED_COLOUR], [beat.es, ES_COLOUR]]) {
        const value = plot.data[1][frame];
        if (value === null || value === undefined) continue;
        ctx.beginPath();
        ctx.arc(plot.valToPos(frame, "x", true), plot.valToPos(value, "y", true), 4 * ratio, 0, 7);
        ctx.fillStyle = colour;
        ctx.strokeStyle = "#0d1014";
        ctx.lineWidth = 1.5 * ratio;
        ctx.fill();
        ctx.stroke();
      }
    }
    ctx.restore();
  }

  #seek(event) {
    if (!this.plot) return;
    const left = event.clientX - this.plot.over.getBoundingClientRect().left;
    this.desk.player?.pause();
    this.desk.player?.seek(this.plot.posToVal(left, "x"));
  }
}

/** @param {number | null} low @param {number | null} high @returns {[number, number]} some room above and below the curve */
function roomy(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = Math.max((high - low) * 0.12, Math.abs(high) * 0.02, 1e-6);
  return [Math.max(0, low - room), high + room];
}
