/** The tools at the left of the picture, and undo, redo, masks, look below them. */

import { byId, icon, make } from "../view/dom.js";
import { TOOLS } from "../tools/all.js";

export class Rail {
  /** @param {import("../desk.js").Desk} desk @param {{undo: () => void, redo: () => void, masks: () => void, look: () => void}} calls */
  constructor(desk, calls) {
    this.desk = desk;
    this.tools = TOOLS.map((entry) => ({ ...entry, tool: new entry.make(desk) }));
    this.buttons = new Map();
    const rail = byId("rail");
    const group = make("div", { role: "radiogroup", "aria-label": "Tool" });
    group.style.display = "contents";
    for (const entry of this.tools) {
      const button = make(
        "button",
        { role: "radio", "aria-label": entry.name, title: `${entry.name} (${entry.key}). ${entry.hint}`, "data-tool": entry.make.id, on: { click: () => this.take(entry.make.id) } },
        icon(entry.make.id),
        make("kbd", { text: entry.key, "aria-hidden": "true" }),
      );
      this.buttons.set(entry.make.id, button);
      group.append(button);
    }
    const act = (id, name, key, call, testid = null) => {
      const button = make("button", { id: `act-${id}`, "data-testid": testid, "aria-label": name, title: `${name} (${key})`, on: { click: call } }, icon(id), make("kbd", { text: key, "aria-hidden": "true" }));
      rail.append(button);
      return button;
    };
    rail.append(group, make("hr"));
    this.undo = act("undo", "Undo", "Z", calls.undo, "undo");
    this.redo = act("redo", "Redo", "Y", calls.redo, "redo");
    rail.append(make("hr"));
    this.eye = act("eye", "Hide masks", "H", calls.masks);
    this.tune = act("tune", "Brightness and contrast", "K", calls.look);
    desk.changed.listen((what) => ["item", "session", "tool", "look"].includes(what) && this.#show());
    desk.changed.listen((what) => what === "frame" && desk.tool?.cancel());
    this.take("in");
  }

  /** @param {string} id @returns {boolean} whether the item knows the tool */
  take(id) {
    const entry = this.tools.find((one) => one.make.id === id);
    if (!entry || !this.#fits(entry)) return false;
    this.desk.tool?.cancel();
    this.desk.tool = entry.tool;
    byId("hint").textContent = entry.hint;
    this.desk.changed.tell("tool");
    return true;
  }

  /** @param {string} key upper case @returns {boolean} */
  takeByKey(key) {
    const entry = this.tools.find((one) => one.key === key);
    return entry ? this.take(entry.make.id) : false;
  }

  #fits(entry) {
    const kind = this.desk.work?.item.kind;
    return !kind || entry.kinds.includes(kind);
  }

  #show() {
    for (const entry of this.tools) {
      const button = this.buttons.get(entry.make.id);
      button.hidden = !this.#fits(entry);
      button.setAttribute("aria-checked", String(this.desk.tool === entry.tool));
      button.tabIndex = this.desk.tool === entry.tool ? 0 : -1;
    }
    if (this.desk.tool && !this.#fits(this.tools.find((one) => one.tool === this.desk.tool))) this.take("in");
    const session = this.desk.work?.session;
    this.undo.toggleAttribute("disabled", !session?.can_undo);
    this.redo.toggleAttribute("disabled", !session?.can_redo);
    this.undo.title = session?.undo_label ? `Undo: ${session.undo_label} (Z)` : "Nothing to undo (Z)";
    this.redo.title = session?.redo_label ? `Redo: ${session.redo_label} (Y)` : "Nothing to redo (Y)";
    this.eye.setAttribute("aria-pressed", String(this.desk.masksHidden));
  }
}
