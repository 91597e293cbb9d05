/** Below the picture: play, speed, the frame, ED and ES, stop marks, doubtful frames, spreading. */

import { byId, icon, make } from "../view/dom.js";
import { SPEEDS } from "../view/player.js";

export class Transport {
  /**
   * @param {import("../desk.js").Desk} desk
   * @param {{setPhase: (phase: "ed" | "es") => void, findBeats: () => void, setStop: (end: 0 | 1) => void, clearStops: () => void,
   *   spread: () => void, doubtful: () => void}} calls
   */
  constructor(desk, calls) {
    this.desk = desk;
    byId("step-back").append(icon("back"));
    byId("step-forth").append(icon("forth"));
    byId("step-back").addEventListener("click", () => desk.player?.step(-1));
    byId("step-forth").addEventListener("click", () => desk.player?.step(1));
    byId("play").addEventListener("click", () => desk.player?.toggle());
    const speed = /** @type {HTMLSelectElement} */ (byId("speed"));
    for (const value of SPEEDS) speed.append(make("option", { value, text: `${value}×`, selected: value === 1 }));
    speed.addEventListener("change", () => {
      if (desk.player) desk.player.speed = Number(speed.value);
      speed.blur();
    });
    this.speed = speed;
    byId("set-ed").addEventListener("click", () => calls.setPhase("ed"));
    byId("set-es").addEventListener("click", () => calls.setPhase("es"));
    byId("found").addEventListener("click", calls.findBeats);
    byId("stop-first").addEventListener("click", () => calls.setStop(0));
    byId("stop-last").addEventListener("click", () => calls.setStop(1));
    byId("no-stops").addEventListener("click", calls.clearStops);
    byId("doubt").prepend(icon("doubt"));
    byId("doubt").addEventListener("click", calls.doubtful);
    this.spread = byId("propagate");
    this.spread.addEventListener("click", calls.spread);
    desk.changed.listen((what) => {
      if (what === "item" || what === "playing") this.#playing();
      if (what === "item" || what === "frame") this.#frame();
      if (["item", "spreading", "session"].includes(what)) this.#spreading();
      if (["item", "measures", "session"].includes(what)) this.#marks();
    });
    this.#playing();
    this.#spreading();
    this.#marks();
  }

  #playing() {
    const playing = this.desk.player?.playing ?? false;
    const play = byId("play");
    play.replaceChildren(icon(playing ? "pause" : "play"));
    play.setAttribute("aria-label", playing ? "Pause" : "Play");
    play.dataset.playing = String(playing);
    if (this.desk.player) this.speed.value = String(this.desk.player.speed);
  }

  #frame() {
    const { desk } = this;
    const item = desk.work?.item;
    const shown = byId("frame");
    shown.textContent = String(desk.frame + 1);
    shown.dataset.frame = String(desk.frame); // counted from 0, as in the API
    byId("unit").textContent = desk.isVolume ? "Slice" : "Frame";
    if (!item) return;
    const place = desk.isVolume
      ? item.slice_spacing_mm
        ? ` · ${(desk.frame * item.slice_spacing_mm).toFixed(1)} mm`
        : ""
      : ` · ${(desk.player?.times[desk.frame] ?? 0).toFixed(2)} s`;
    byId("of").textContent = `of ${item.frames}${place}`;
  }

  #spreading() {
    const { work } = this.desk;
    const running = work?.spreading.running ?? false;
    this.spread.toggleAttribute("disabled", !work || (!running && !work.session.prompts.length));
    this.spread.dataset.running = String(running);
    this.spread.setAttribute("aria-pressed", String(running));
    if (!running) {
      this.spread.replaceChildren(icon("spread"), "Spread", make("kbd", { text: "G" }));
      return;
    }
    const share = work ? work.spreading.done / Math.max(1, work.item.frames - 1) : 0;
    const bar = make("i");
    bar.style.width = `${Math.min(100, 100 * share)}%`;
    this.spread.replaceChildren("Stop", make("span", { class: "meter" }, bar));
  }

  #marks() {
    const { work } = this.desk;
    const volume = this.desk.isVolume;
    byId("phases").hidden = volume || work?.item.kind !== "clip";
    byId("stops").hidden = !volume;
    byId("found").hidden = !work?.session.marks.beats;
    byId("no-stops").hidden = !Object.keys(work?.session.marks.stops ?? {}).length;
    const doubtful = work?.measures?.doubtful.length ?? 0;
    byId("doubt").hidden = !doubtful;
    byId("doubt-count").textContent = String(doubtful);
  }
}
