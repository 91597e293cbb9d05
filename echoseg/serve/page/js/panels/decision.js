/** The last word on an item: accept, reject with a reason, skip, and how good the picture is. */

import { byId, icon, make } from "../view/dom.js";

export class DecisionPanel {
  /** @param {import("../desk.js").Desk} desk @param {{accept: () => void, reject: () => void, skip: () => void, next: () => void}} calls */
  constructor(desk, calls) {
    this.desk = desk;
    /** @type {number | null} */
    this.quality = null;
    const button = (id, words, key, call, look, name) =>
      make("button", { "data-testid": id, class: look, title: `${words} (${key})`, on: { click: call } }, name ? icon(name) : null, words, make("kbd", { text: key }));
    this.stars = [1, 2, 3, 4, 5].map((value) =>
      make("button", { role: "radio", "aria-checked": "false", "aria-label": `Picture quality ${value} of 5`, text: value, on: { click: () => this.rate(this.quality === value ? null : value) } }),
    );
    this.accept = button("accept", "Accept", "Enter", calls.accept, "main", "check");
    byId("decision").append(
      make("div", { class: "stars" }, make("span", { text: "Picture quality" }), make("span", { class: "group", role: "radiogroup", "aria-label": "Picture quality, 1 poor to 5 good" }, ...this.stars)),
      this.accept,
      make("div", { class: "both" }, button("reject", "Reject", "X", calls.reject, "danger", "cross"), button("skip", "Skip", "U", calls.skip, "")),
      button("next", "Next item", "J", calls.next, "plain", "forth"),
    );
    desk.changed.listen((what, frame) => {
      if (what === "item") this.rate(null);
      if (["item", "session", "spreading"].includes(what) || (what === "masks" && frame === undefined)) this.#show();
    });
    this.#show();
  }

  /** @param {number | null} quality none: not said */
  rate(quality) {
    this.quality = quality;
    this.stars.forEach((star, i) => star.setAttribute("aria-checked", String(quality === i + 1)));
  }

  #show() {
    const { work } = this.desk;
    this.accept.toggleAttribute("disabled", !work?.masks.something);
    for (const button of byId("decision").querySelectorAll('[data-testid="reject"], [data-testid="skip"]')) button.toggleAttribute("disabled", !work);
  }
}
