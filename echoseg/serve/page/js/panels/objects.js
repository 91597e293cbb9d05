/** The objects of the item: choose, name, add, remove, let the model find one. */

import { byId, icon, make } from "../view/dom.js";

export class ObjectsPanel {
  /** @param {import("../desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    const name = /** @type {HTMLInputElement} */ (make("input", { type: "text", placeholder: "Another object", "aria-label": "Name of another object", maxlength: 40, list: "structures", id: "add-name" }));
    this.structures = make("datalist", { id: "structures" });
    byId("add").append(name, this.structures, make("button", { text: "Add" }));
    byId("add").addEventListener("submit", async (event) => {
      event.preventDefault();
      const text = name.value.trim();
      if (!text || !desk.work) return;
      name.value = "";
      name.blur();
      await desk.work.nameObject(text);
      desk.choose(Math.max(...desk.work.session.objects.map((one) => one.id)));
    });
    desk.changed.listen((what) => {
      if (["item", "session", "object", "playing"].includes(what)) this.#later();
      if (["frame", "masks"].includes(what) && !desk.player?.playing) this.#later();
    });
  }

  #later() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.#show();
    });
  }

  #show() {
    const { work } = this.desk;
    const objects = work?.session.objects ?? [];
    const rows = objects.map((object) => this.#row(object));
    if (work && !objects.length) rows.push(make("li", { class: "dim", text: "None yet: click on one" }));
    const list = byId("objects");
    if (list.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement) return;
    const finds = (work?.item.structures ?? []).filter((structure) => !objects.some((object) => object.name === structure));
    if (work && finds.length) {
      rows.push(
        make(
          "li",
          { class: "finds" },
          ...finds.map((structure) =>
            make("button", { class: "plain", title: `Let the model find the ${structure}`, "data-find": structure, on: { click: () => this.#find(structure) } }, icon("find"), structure),
          ),
        ),
      );
    }
    list.replaceChildren(...rows);
    this.structures.replaceChildren(...(work?.item.structures ?? []).map((value) => make("option", { value })));
  }

  #row(object) {
    const { desk } = this;
    const swatch = make("i", { class: "swatch" });
    swatch.style.background = object.colour;
    const mask = desk.work?.masks.get(desk.frame, object.id);
    const score = mask && !mask.empty && mask.iou !== null ? mask.iou.toFixed(2) : "";
    const current = object.id === desk.object;
    return make(
      "li",
      { class: current ? "current" : "" },
      make(
        "button",
        { class: "plain pick", "aria-pressed": current, title: `${object.name} (${object.id}); double click renames`, on: { click: () => desk.choose(object.id), dblclick: (event) => this.#rename(event, object) } },
        swatch,
        make("span", { text: object.name }),
      ),
      make("span", { class: "score number", text: score, title: "Predicted IoU on this frame" }),
      make("button", { class: "plain", "aria-label": `Remove ${object.name}`, title: "Remove", on: { click: () => desk.work?.removeObject(object.id) } }, icon("cross")),
    );
  }

  #rename(event, object) {
    const input = /** @type {HTMLInputElement} */ (make("input", { type: "text", value: object.name, "aria-label": "Name", maxlength: 40 }));
    const done = (keep) => {
      if (!input.isConnected) return;
      const name = input.value.trim();
      input.remove();
      if (keep && name && name !== object.name) this.desk.work?.nameObject(name, object.id);
      else this.#show();
    };
    input.addEventListener("keydown", (key) => {
      key.stopPropagation();
      if (key.key === "Enter") done(true);
      if (key.key === "Escape") done(false);
    });
    input.addEventListener("blur", () => done(true));
    event.currentTarget.replaceWith(input);
    input.select();
  }

  #find(structure) {
    const { desk } = this;
    const used = new Set(desk.work?.session.objects.map((one) => one.id));
    let id = 1;
    while (used.has(id)) id++;
    desk.object = id;
    desk.find(structure);
  }
}
