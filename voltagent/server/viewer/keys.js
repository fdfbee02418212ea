// The keyboard: each page names its keys, and the help lists them.

import { button, element } from "./dom.js";

let table = [];

/** What the keys do on this page: rows of `[keys, what it does, function(event)]`; without a function it is only listed. */
export function useKeys(rows) {
  table = rows;
}

const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "?") {
    help();
    return;
  }
  // what has the focus keeps its own keys, and what is scrolled scrolls
  if (event.target.closest?.(".details") && /^(Arrow|Page|Home|End)/.test(event.key)) return;
  if ((event.key === "Enter" || event.key === " ") && event.target.closest?.("a, button, summary")) return;
  const row = table.find(([keys, , act]) => act && keys.includes(event.key));
  if (row && row[2](event) !== false) event.preventDefault();
});

const SPELLED = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "Space" };

/** Show what the keys do here. */
export function help() {
  const dialog = document.getElementById("keys");
  const key = (name) => element("kbd", {}, SPELLED[name] || name);
  const lines = [...table, [["?"], "this list"]].map(([keys, does]) =>
    element("tr", {}, element("td", {}, keys.map(key)), element("td", {}, does)),
  );
  dialog.replaceChildren(
    element("h2", { id: "keys-title" }, "Keys"),
    element("table", {}, element("tbody", {}, lines)),
    button("Close", () => dialog.close(), { autofocus: true }),
  );
  dialog.showModal();
}
