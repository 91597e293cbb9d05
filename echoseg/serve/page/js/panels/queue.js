/** The queue at the left: what is there, what is sure, what is done, who works on it. */

import { askJson } from "../net/client.js";
import { byId, make } from "../view/dom.js";
import { shown } from "./numbers.js";

const EVERY_MS = 8000;
const FILTERS = [["todo", "To do"], ["done", "Done"], ["flagged", "Flagged"], ["all", "All"]];
const ORDERS = [["uncertainty", "Least sure"], ["given", "As given"]];

/** @typedef {import("../types.js").QueueItem} QueueItem */

export class Queue {
  /** @param {import("../desk.js").Desk} desk @param {(clip: string) => void} open */
  constructor(desk, open) {
    this.desk = desk;
    this.open = open;
    this.filter = "todo";
    this.order = "uncertainty";
    /** @type {QueueItem[]} */
    this.items = [];
    this.rows = new Map();
    this.#tabs("filter", FILTERS, this.filter);
    this.#tabs("order", ORDERS, this.order);
    desk.changed.listen((what) => what === "item" && this.#current());
    setInterval(() => document.hidden || this.refresh(), EVERY_MS);
  }

  /** Ask anew; a server that is away for the moment keeps the list that is there. */
  async refresh() {
    const [list, status] = await Promise.all([askJson(`clips?order=${this.order}&status=${this.filter}`), askJson("status")]).catch(() => [null, null]);
    if (!list) return;
    this.items = list.items;
    this.#progress(list.counts, status);
    this.#show();
  }

  /** @param {1 | -1} way @returns {string | null} the item after or before the open one */
  neighbour(way) {
    const at = this.items.findIndex((item) => item.id === this.desk.work?.item.id);
    const next = this.items[at + way];
    return next ? next.id : null;
  }

  #tabs(id, choices, chosen) {
    const place = byId(id);
    for (const [value, text] of choices) {
      place.append(
        make("button", {
          role: "radio",
          "aria-checked": value === chosen,
          text,
          "data-value": value,
          on: {
            click: () => {
              this[id] = value;
              for (const tab of place.children) tab.setAttribute("aria-checked", String(/** @type {HTMLElement} */ (tab).dataset.value === value));
              this.refresh();
            },
          },
        }),
      );
    }
  }

  #progress(counts, status) {
    byId("progress").textContent = `${counts.done} of ${counts.all} done`;
    byId("progress-bar").style.width = `${counts.all ? (100 * counts.done) / counts.all : 0}%`;
    const { drafting } = status;
    const words = { running: "Drafting", paused: "Drafting rests while you work" }[drafting.state];
    byId("drafting").textContent = words ? `${words} · ${drafting.done} of ${drafting.total}` : "";
    for (const tab of byId("filter").children) {
      const value = /** @type {HTMLElement} */ (tab).dataset.value ?? "";
      tab.setAttribute("title", `${counts[value] ?? 0} items`);
    }
  }

  #show() {
    const list = byId("items");
    const held = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.clip : undefined;
    list.replaceChildren(...this.items.map((item) => this.#row(item)));
    if (!this.items.length) list.append(make("li", { class: "dim nothing", text: "Nothing here" }));
    if (held) /** @type {HTMLElement | null} */ (list.querySelector(`[data-clip="${held}"]`))?.focus();
    this.#current();
  }

  /** @param {QueueItem} item */
  #row(item) {
    const doubt = make("span", { class: "doubt", title: item.uncertainty === null ? "Not drafted yet" : `Uncertainty ${item.uncertainty.toFixed(2)}` });
    if (item.uncertainty !== null) {
      const bar = make("i");
      bar.style.width = `${Math.min(100, 100 * item.uncertainty)}%`;
      doubt.append(bar);
    }
    const words = [this.#state(item), doubt, make("span", { text: this.#under(item) })];
    const thumb = item.draft === "done" || item.kind ? make("img", { class: "thumb", alt: "", loading: "lazy" }) : make("span", { class: "thumb" });
    if (thumb instanceof HTMLImageElement) this.#thumbnail(thumb, item);
    return make(
      "li",
      { class: item.state },
      make(
        "button",
        { "data-clip": item.id, "data-testid": `item-${item.number}`, title: item.reason || item.title, on: { click: () => this.open(item.id) } },
        thumb,
        make("span", {}, make("span", { class: "name", text: item.title }), make("span", { class: "under" }, ...words)),
      ),
    );
  }

  /** @param {HTMLImageElement} image @param {QueueItem} item */
  #thumbnail(image, item) {
    const address = `api/v1/clips/${item.id}/thumbnail`;
    image.addEventListener("error", () => image.removeAttribute("src"), { once: true });
    image.src = address;
  }

  #state(item) {
    if (item.decision) return make("span", { class: `state ${item.decision}`, text: { accept: "accepted", reject: "rejected", skip: "skipped" }[item.decision] });
    if (item.leased_by && item.id !== this.desk.work?.item.id) return make("span", { class: "state busy", text: item.leased_by });
    if (item.state === "failed") return make("span", { class: "state reject", text: "unreadable" });
    return null;
  }

  #under(item) {
    if (item.ef !== null) return `EF ${shown(item.ef)} %`;
    if (item.draft === "running") return "drafting…";
    return item.kind ?? "";
  }

  #current() {
    const open = this.desk.work?.item.id;
    for (const button of byId("items").querySelectorAll("button")) {
      const current = button.dataset.clip === open;
      button.setAttribute("aria-current", String(current));
      if (current) button.scrollIntoView({ block: "nearest" });
    }
  }
}
