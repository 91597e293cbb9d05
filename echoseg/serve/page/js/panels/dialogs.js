/** What is asked or told in the middle of the page: the user's name, a reason, the keys, the exports. */

import { byId, make } from "../view/dom.js";
import { KEYS } from "../keys.js";

const EXPORTS = [
  ["nifti", "NIfTI label maps"],
  ["echonet", "EchoNet CSV"],
  ["medsam2", "MedSAM2 npz"],
  ["dicom-seg", "DICOM SEG"],
  ["dicom-sr", "DICOM SR"],
  ["training", "Training folder for echoseg train"],
];

/** @returns {HTMLDialogElement} emptied */
function dialog() {
  const box = /** @type {HTMLDialogElement} */ (byId("dialog"));
  if (box.open) box.close();
  box.replaceChildren();
  box.onclose = null;
  box.oncancel = null;
  return box;
}

/** @param {string} was @param {boolean} needed whether it cannot be left without an answer @returns {Promise<string>} the name, or what it was */
export function askName(was, needed) {
  const box = dialog();
  return new Promise((resolve) => {
    const name = /** @type {HTMLInputElement} */ (
      make("input", { type: "text", id: "name-input", value: was, maxlength: 64, required: true, autocomplete: "off", "aria-label": "Your name or initials", "data-testid": "name-input" })
    );
    const form = make(
      "form",
      { method: "dialog" },
      make("h2", { id: "dialog-title", text: "Who is working?" }),
      make("p", { class: "soft", text: "Your name or initials stand beside what you accept, and keep an item from being given to two people." }),
      make("div", { class: "answer" }, name),
      make("div", { class: "row" }, make("button", { class: "main", text: "Start", "data-testid": "name-ok" })),
    );
    form.addEventListener("submit", (event) => {
      // eslint-disable-next-line no-control-regex
      const text = name.value.replace(/[\u0000-\u001f\u007f]/g, "").trim();
      if (!text) return event.preventDefault();
      box.onclose = () => resolve(text);
    });
    if (needed) box.oncancel = (event) => event.preventDefault();
    box.onclose = () => resolve(was);
    box.append(form);
    box.showModal();
    name.select();
  });
}

/** @param {string[]} reasons @returns {Promise<string | null>} null: not rejected after all */
export function askReason(reasons) {
  const box = dialog();
  return new Promise((resolve) => {
    const answer = (reason) => {
      box.onclose = () => resolve(reason);
      box.close();
    };
    const other = /** @type {HTMLInputElement} */ (make("input", { type: "text", placeholder: "Another reason, Enter", maxlength: 200, "aria-label": "Another reason", "data-testid": "reason-other" }));
    const form = make(
      "form",
      {},
      make("h2", { id: "dialog-title", text: "Why is it rejected?" }),
      make(
        "div",
        { class: "reasons" },
        ...reasons.map((reason, i) => make("button", { type: "button", "data-reason": reason, on: { click: () => answer(reason) } }, make("kbd", { text: i + 1 }), reason)),
        other,
      ),
      make("div", { class: "row" }, make("button", { type: "button", text: "Cancel", on: { click: () => answer(null) } })),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (other.value.trim()) answer(other.value.trim());
    });
    form.addEventListener("keydown", (event) => {
      const reason = event.target === other ? undefined : reasons[Number(event.key) - 1];
      if (reason) answer(reason);
    });
    box.onclose = () => resolve(null);
    box.append(form);
    box.showModal();
  });
}

/** The keys, `?` again closes. */
export function showHelp() {
  const box = dialog();
  const groups = KEYS.map(([title, keys]) =>
    make(
      "div",
      {},
      make("h3", { text: title }),
      make("dl", {}, ...keys.flatMap(([key, words]) => [make("dt", {}, ...key.split(" ").map((one) => make("kbd", { text: one }))), make("dd", { text: words })])),
    ),
  );
  box.append(
    make("h2", { id: "dialog-title", text: "Keys" }),
    make("p", { class: "soft", text: "A click answers on its frame at once and spreads to the others while you look. Everything is kept as it is done." }),
    make("div", { class: "keys" }, ...groups),
    make("div", { class: "row" }, make("button", { class: "main", text: "Close", on: { click: () => box.close() } })),
  );
  box.onkeydown = (event) => {
    if (event.key === "?") box.close();
  };
  box.showModal();
}

/** Links to what was accepted, in the forms others read. */
export function showExports() {
  const box = dialog();
  box.append(
    make("h2", { id: "dialog-title", text: "Export what was accepted" }),
    make("div", { class: "reasons" }, ...EXPORTS.map(([format, words]) => make("button", { text: words, on: { click: () => download(format) } }))),
    make("div", { class: "row" }, make("button", { text: "Close", on: { click: () => box.close() } })),
  );
  box.showModal();
}

function download(format) {
  const link = make("a", { href: `api/v1/export?format=${format}`, download: `accepted-${format}.zip` });
  document.body.append(link);
  link.click();
  link.remove();
}

/** @param {string} words @param {boolean} [bad] */
export function toast(words, bad = false) {
  const note = make("div", { class: bad ? "toast bad" : "toast", text: words });
  byId("toasts").append(note);
  setTimeout(() => note.remove(), bad ? 7000 : 2600);
}
