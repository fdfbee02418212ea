// One page at a time, as the address says; and what all pages have: colours, help, the state of the connection.

import { stopped } from "./api.js";
import { choose } from "./choices.js";
import { element } from "./dom.js";
import { help, useKeys } from "./keys.js";
import { route } from "./route.js";
import { openComparison } from "./compare.js";
import { openConversation } from "./conversation.js";
import { openList } from "./list.js";
import { openMetrics } from "./metrics.js";
import { openTrace } from "./trace.js";

// Each is `open(host, route)` and gives `{update(route), close()}`; `update` sees a new query for the same page.
const PAGES = {
  list: openList,
  trace: openTrace,
  conversation: openConversation,
  compare: openComparison,
  metrics: openMetrics,
};

const host = document.getElementById("page");
let shown = null;

function show() {
  const wanted = route();
  const name = JSON.stringify([wanted.page, wanted.places]);
  if (shown?.name === name) {
    shown.page.update(wanted);
    return;
  }
  shown?.page.close();
  useKeys([]);
  host.replaceChildren();
  stopped();
  host.className = wanted.page;
  document.title = "voltagent";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === (wanted.page === "metrics" ? "metrics" : "list")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  shown = { name, page: (PAGES[wanted.page] || openNothing)(host, wanted) };
}

function openNothing(place) {
  place.append(element("p", { class: "empty" }, "There is no such page. ", element("a", { href: "#/" }, "All traces")));
  return { update() {}, close() {} };
}

const THEMES = ["", "light", "dark"]; // the first: as the system says

function nextTheme() {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme || "") + 1) % THEMES.length];
  if (next) root.dataset.theme = next;
  else delete root.dataset.theme;
  choose("theme", next);
  nameTheme();
}

function nameTheme() {
  const button = document.getElementById("theme");
  const name = document.documentElement.dataset.theme || "auto";
  button.textContent = { auto: "◐", light: "☀", dark: "☾" }[name];
  button.title = `Colours: ${name === "auto" ? "as the system" : name}`;
}

document.getElementById("theme").addEventListener("click", nextTheme);
document.getElementById("help").addEventListener("click", help);
window.addEventListener("hashchange", show);
nameTheme();
show();
