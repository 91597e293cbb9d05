/** Brightness and contrast of a clip; level, width and presets of a volume's grey window. */

import { byId, make } from "../view/dom.js";

const SETTLE_MS = 220;

export class Tray {
  /** @param {import("../desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    this.tray = byId("tray");
    this.shown = false;
    desk.changed.listen((what) => {
      if (what === "item" || what === "window") this.#show();
    });
  }

  toggle() {
    this.shown = !this.shown;
    this.#show();
    if (this.shown) /** @type {HTMLElement | null} */ (this.tray.querySelector("input, select"))?.focus();
    else byId("overlay").focus();
  }

  /** The preset after the one in use. */
  nextPreset() {
    const presets = this.desk.work?.item.window?.presets ?? [];
    if (!presets.length) return;
    const at = presets.findIndex((preset) => this.#same(preset));
    const { level, width, name } = presets[(at + 1) % presets.length];
    this.desk.setWindow({ level, width });
    this.desk.say.tell(`Window: ${name}`);
  }

  #same(preset) {
    return preset.level === this.desk.window?.level && preset.width === this.desk.window?.width;
  }

  #show() {
    this.tray.hidden = !this.shown || !this.desk.work;
    byId("act-tune").setAttribute("aria-pressed", String(this.shown));
    if (this.tray.hidden || this.tray.contains(document.activeElement)) return this.#values();
    this.tray.replaceChildren(...(this.desk.work?.item.window ? this.#grey() : this.#look()));
    this.#values();
  }

  #look() {
    const { desk } = this;
    const slider = (name, key) => this.#slider(name, key, 0.4, 2.5, 0.05, desk[key], (value) => desk.setLook({ [key]: value }));
    const reset = make("button", { class: "plain", text: "Reset", on: { click: () => (desk.setLook({ brightness: 1, contrast: 1 }), (this.tray.hidden = true), this.#again()) } });
    return [slider("Brightness", "brightness"), slider("Contrast", "contrast"), reset];
  }

  #grey() {
    const { desk } = this;
    const window = /** @type {NonNullable<import("../types.js").Item["window"]>} */ (desk.work?.item.window);
    const select = /** @type {HTMLSelectElement} */ (make("select", { "aria-label": "Preset of the grey window", "data-key": "preset" }));
    select.append(make("option", { value: "", text: "own" }), ...window.presets.map((preset, i) => make("option", { value: i, text: preset.name })));
    select.addEventListener("change", () => {
      const preset = window.presets[Number(select.value)];
      if (select.value !== "") desk.setWindow({ level: preset.level, width: preset.width });
    });
    const range = Math.max(1, window.max - window.min);
    const step = range > 50 ? 1 : range / 200;
    const set = (part) => {
      clearTimeout(this.settling);
      const next = { .../** @type {import("../types.js").GreyWindow} */ (desk.window), ...part };
      this.settling = setTimeout(() => desk.setWindow(next), SETTLE_MS);
    };
    return [
      select,
      this.#slider("Level", "level", window.min, window.max, step, desk.window?.level, (level) => set({ level })),
      this.#slider("Width", "width", step, range, step, desk.window?.width, (width) => set({ width })),
    ];
  }

  #slider(words, key, min, max, step, value, call) {
    const input = /** @type {HTMLInputElement} */ (make("input", { type: "range", min, max, step, value, "data-key": key }));
    input.addEventListener("input", () => call(Number(input.value)));
    return make("label", {}, words, input);
  }

  /** Sliders follow what was set elsewhere. */
  #values() {
    const { desk } = this;
    for (const input of this.tray.querySelectorAll("input")) {
      if (input === document.activeElement) continue;
      const key = input.dataset.key ?? "";
      input.value = String(desk.work?.item.window ? desk.window?.[key] : desk[key]);
    }
    const select = this.tray.querySelector("select");
    const presets = desk.work?.item.window?.presets ?? [];
    if (select) select.value = String(presets.findIndex((preset) => this.#same(preset))).replace("-1", "");
  }

  #again() {
    this.tray.replaceChildren(...this.#look());
    this.tray.hidden = false;
  }
}
