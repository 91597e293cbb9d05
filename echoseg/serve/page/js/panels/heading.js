/** The head of the page and the words over the picture: which item, which object, which phase, whether all is kept. */

import { byId, icon } from "../view/dom.js";

const LAMPS = { saved: ["good", "All kept"], saving: ["busy", "Keeping…"], offline: ["bad", "The server is away. Trying again…"], idle: ["", ""] };

export class Heading {
  /** @param {import("../desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    byId("help").append(icon("help"));
    byId("user").prepend(icon("user"));
    desk.changed.listen((what) => {
      if (["item", "session"].includes(what)) this.#item();
      if (["item", "frame", "measures", "object", "session", "look", "window", "view"].includes(what)) this.#over();
      if (what === "item") this.link(desk.work ? "saved" : "idle");
    });
  }

  /** @param {"saved" | "saving" | "offline" | "idle"} state */
  link(state) {
    clearTimeout(this.slow);
    const set = () => {
      const [lamp, words] = LAMPS[state];
      byId("lamp").className = `lamp ${lamp}`;
      byId("saved").textContent = words;
    };
    // A change that is kept within a blink does not blink.
    if (state === "saving") this.slow = setTimeout(set, 250);
    else set();
  }

  /** @param {string} name */
  user(name) {
    byId("user-name").textContent = name;
  }

  /** What stands where the picture would be. @param {string} head @param {string} [words] empty head: the picture */
  empty(head, words = "") {
    const place = byId("empty");
    place.hidden = !head;
    place.replaceChildren();
    if (!head) return;
    const bold = document.createElement("b");
    bold.textContent = head;
    place.append(bold, words);
  }

  #item() {
    const { work } = this.desk;
    byId("title").textContent = work ? work.item.title : "";
    const decided = { accept: "accepted", reject: "rejected", skip: "skipped" }[work?.session.decision ?? ""];
    byId("subtitle").textContent = [work?.item.view, decided].filter(Boolean).join(" · ");
    document.title = work ? `${work.item.title} · echoseg studio` : "echoseg studio";
  }

  #over() {
    const { desk } = this;
    const object = desk.work?.session.objects.find((one) => one.id === desk.object);
    byId("hud-object").textContent = desk.work ? (object?.name ?? (desk.object > 1 ? `object ${desk.object}` : "")) : "";
    byId("hud-object").style.color = desk.colour(desk.object);
    const phase = this.#phase();
    byId("hud-phase").textContent = phase.toUpperCase();
    byId("hud-phase").className = `phase ${phase}`;
    const grey = desk.window ? `L ${Math.round(desk.window.level)}  W ${Math.round(desk.window.width)}` : "";
    byId("hud-view").textContent = grey;
    byId("hint").hidden = !desk.work || desk.masksHidden;
  }

  #phase() {
    const beats = this.desk.work?.measures?.beats ?? [];
    if (beats.some((beat) => beat.ed === this.desk.frame)) return "ed";
    return beats.some((beat) => beat.es === this.desk.frame) ? "es" : "";
  }
}
