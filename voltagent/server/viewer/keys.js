// The keyboard: each page names its keys, and the help lists them.

import { button, byId, element } from "./dom.js";

/** @type {KeyRow[]} */
let table = [];

/**
 * What the keys do on this page: rows of `[keys, what it does, function(event)]`; without a function it is only listed.
 *
 * @param {KeyRow[]} rows
 */
export function useKeys(rows) {
  table = rows;
}

/** @param {EventTarget | null} target @param {string} selector */
const closest = (target, selector) => (target instanceof Element ? target.closest(selector) : null);
/** @param {EventTarget | null} target */
const typing = (target) => closest(target, "input:not([type=checkbox]), textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  if (typing(event.target)) {
    if (event.key === "Escape" && event.target instanceof HTMLElement) event.target.blur();
    return;
  }
  if (event.key === "?") {
    help();
    return;
  }
  // what has the focus keeps its own keys, and what is scrolled scrolls
  if (closest(event.target, ".details") && /^(Arrow|Page|Home|End)/.test(event.key)) return;
  if ((event.key === "Enter" || event.key === " ") && closest(event.target, "a, button, summary")) return;
  const row = table.find(([keys, , act]) => act && keys.includes(event.key));
  if (row && row[2]?.(event) !== false) event.preventDefault();
});

/** @type {{ [key: string]: string }} */
const SPELLED = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "Space" };

/** Show what the keys do here. */
export function help() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("keys"));
  const key = (/** @type {string} */ name) => element("kbd", {}, SPELLED[name] || name);
  /** @type {KeyRow[]} */
  const rows = [...table, [["?"], "this list"]];
  const lines = rows.map(([keys, does]) =>
    element("tr", {}, element("td", {}, keys.map(key)), element("td", {}, does)),
  );
  dialog.replaceChildren(
    element("h2", { id: "keys-title" }, "Keys"),
    element("table", {}, element("tbody", {}, lines)),
    button("Close", () => dialog.close(), { autofocus: true }),
  );
  dialog.showModal();
}
