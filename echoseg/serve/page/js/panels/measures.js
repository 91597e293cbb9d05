/** The right panel's numbers, as the server computed them: EF with its interval, volumes, beats, flags, and what they rest on. */

import { byId, make } from "../view/dom.js";
import { shown } from "./numbers.js";

/** EF on the bar, percent. */
const BAR = { low: 20, high: 80 };

/** @typedef {import("../types.js").Measures} Measures */

export class MeasuresPanel {
  /** @param {import("../desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    desk.changed.listen((what) => ["item", "measures"].includes(what) && this.#show());
    this.#show();
  }

  #show() {
    const measures = this.desk.work?.measures ?? null;
    const main = this.desk.isVolume ? this.#volume(measures) : this.#heart(measures);
    byId("main-measure").replaceChildren(...main);
    this.#flags(measures);
    this.#beats(measures);
    this.#facts(measures);
  }

  /** @param {Measures | null} measures */
  #heart(measures) {
    const ef = measures?.measures.ef ?? null;
    const value = ef?.value ?? null;
    const interval = ef?.interval ?? null;
    const number = make(
      "div",
      { class: value === null ? "ef none" : "ef" },
      make("span", { class: "value", "data-testid": "ef", text: shown(value), "aria-live": "polite" }),
      make("span", { class: "unit", text: "%" }),
    );
    const under = interval ? `interval ${shown(interval[0])}–${shown(interval[1])} %` : value === null ? (ef?.reason ?? "") : "";
    return [
      make("h2", { text: ef?.label ?? "Ejection fraction" }),
      number,
      make("div", { class: "ef-under" }, make("span", { class: "number", text: under }), make("span", { class: "dim", text: this.#share(measures) })),
      value === null ? make("span") : scale(value, interval),
      make("div", { class: "pair" }, this.#small("EDV", "edv", measures), this.#small("ESV", "esv", measures)),
      this.#note(measures),
    ];
  }

  /** @param {Measures | null} measures */
  #volume(measures) {
    const object = measures?.objects.find((one) => one.id === this.desk.object) ?? null;
    const unit = (value, decimals, name) => (value === null || value === undefined ? make("span", { text: "–" }) : number(value.toFixed(decimals), name));
    const tile = (label, content, testid = null) => make("div", {}, make("div", { class: "label", text: label }), make("div", { class: "value", "data-testid": testid }, content));
    return [
      make("h2", { text: object ? `${object.name}: volume` : "Volume" }),
      make(
        "div",
        { class: object?.volume_ml == null ? "ef none" : "ef" },
        make("span", { class: "value", "data-testid": "volume", text: shown(object?.volume_ml, object && object.volume_ml !== null && object.volume_ml < 10 ? 2 : 1), "aria-live": "polite" }),
        make("span", { class: "unit", text: "mL" }),
      ),
      make("div", { class: "pair" }, tile("Longest diameter", unit(object?.long_axis_mm, 1, "mm"), "long-axis"), tile("Across it", unit(object?.short_axis_mm, 1, "mm"), "short-axis")),
      make("p", { class: "dim", text: object ? `on ${object.frames_present} slices` : "Draw a box, a line or click on a slice" }),
      this.#note(measures),
    ];
  }

  #small(label, key, measures) {
    const measure = measures?.measures[key] ?? null;
    const known = measure !== null && measure.value !== null;
    const content = known ? number(shown(measure.value, measure.unit === "mL" ? 0 : 1), measure.unit) : make("span", { text: measures?.volume_note ? "no mL" : "–" });
    return make("div", { title: measure?.reason ?? "" }, make("div", { class: "label", text: label }), make("div", { class: "value", "data-testid": key }, content));
  }

  #note(measures) {
    return make("p", { class: "soft", text: measures?.volume_note ?? "" });
  }

  #share(measures) {
    const { work } = this.desk;
    if (!work || !measures || measures.complete) return "";
    return `${measures.frames_with_mask} of ${work.item.frames} frames`;
  }

  /** @param {Measures | null} measures */
  #flags(measures) {
    const flags = measures?.flags ?? this.desk.work?.item.flags ?? [];
    byId("flags-section").hidden = !flags.length;
    byId("flags").replaceChildren(
      ...flags.map((flag) => make("li", { class: flag.severity }, make("span", { class: "sr", text: `${flag.severity}: ` }), flag.message, make("code", { text: flag.code }))),
    );
  }

  /** @param {Measures | null} measures */
  #beats(measures) {
    const beats = measures?.beats ?? [];
    byId("beats-section").hidden = !beats.length;
    if (!beats.length) return;
    const to = (frame) => make("button", { text: frame + 1, title: `Go to frame ${frame + 1}`, on: { click: () => (this.desk.player?.pause(), this.desk.player?.seek(frame)) } });
    const head = make("tr", {}, ...["", "ED", "ES", "EF %", ...(beats.some((beat) => beat.edv_ml !== null) ? ["EDV", "ESV"] : [])].map((text) => make("th", { scope: "col", text })));
    const rows = beats.map((beat, i) => {
      const cells = [make("td", { text: beat.partial ? `${i + 1} part` : i + 1 }), make("td", {}, to(beat.ed)), make("td", {}, to(beat.es)), make("td", { text: shown(beat.ef) })];
      if (head.children.length > 4) cells.push(make("td", { text: shown(beat.edv_ml) }), make("td", { text: shown(beat.esv_ml) }));
      return make("tr", { class: beat.partial ? "left-out" : "" }, ...cells);
    });
    byId("beats").replaceChildren(
      make("table", { class: "beats" }, make("thead", {}, head), make("tbody", {}, ...rows)),
      make("p", { class: "dim", text: measures?.beats_from === "marks" ? "ED and ES as set by you" : "ED and ES as found in the curve" }),
    );
  }

  /** @param {Measures | null} measures */
  #facts(measures) {
    const item = this.desk.work?.item;
    const list = byId("facts");
    if (!item) return list.replaceChildren();
    const spacing = measures?.spacing_mm ?? item.spacing_mm;
    const facts = [
      ["Method", measures?.measures.ef?.method ?? null],
      ["View", measures?.view ? `${measures.view}${measures.view_from ? ` (${measures.view_from})` : ""}` : item.view],
      ["Spacing", spacing ? `${spacing[1].toFixed(3)} × ${spacing[0].toFixed(3)} mm` : "unknown: no mL", "spacing", !spacing],
      ["Slices", item.slice_spacing_mm ? `${item.slice_spacing_mm.toFixed(2)} mm apart` : null],
      ["Frame rate", item.kind === "clip" ? (item.fps ? `${item.fps.toFixed(1)} /s` : "unknown") : null],
      ["Picture", `${item.width} × ${item.height}, ${item.frames} ${item.kind === "volume" ? "slices" : "frames"}`],
      ["Quality", measures?.frames_with_mask ? measures.quality : null],
    ];
    list.replaceChildren(
      ...facts
        .filter(([, value]) => value)
        .flatMap(([name, value, testid, warns]) => [make("dt", { text: name }), make("dd", { text: value, "data-testid": testid ?? null, class: warns ? "warn" : null })]),
    );
  }
}

function number(value, unit) {
  const whole = make("span", { text: value });
  whole.append(" ", make("small", { text: unit }));
  return whole;
}

/** EF and its interval on a bar. */
function scale(value, interval) {
  const at = (percent) => `${(100 * (Math.min(BAR.high, Math.max(BAR.low, percent)) - BAR.low)) / (BAR.high - BAR.low)}%`;
  const bar = make("div", { class: "scale", "aria-hidden": "true" });
  if (interval) {
    const span = make("span", { class: "interval" });
    span.style.left = at(interval[0]);
    span.style.right = `calc(100% - ${at(interval[1])})`;
    bar.append(span);
  }
  const here = make("span", { class: "at" });
  here.style.left = at(value);
  bar.append(here);
  for (const percent of [20, 35, 50, 65, 80]) {
    const tick = make("span", { class: "tick", text: percent });
    tick.style.left = at(percent);
    bar.append(tick);
  }
  return bar;
}
