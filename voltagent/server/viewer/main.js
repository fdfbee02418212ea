// One page at a time, as the address says; and what all pages have: colours, help, the state of the connection.

import { openCalls } from "./calls.js";
import { openComparison } from "./compare.js";
import { openConversation } from "./conversation.js";
import { byId, element } from "./dom.js";
import { startFrame } from "./frame.js";
import { openConversations, openUsers } from "./people.js";
import { useKeys } from "./keys.js";
import { openList } from "./list.js";
import { stopped } from "./live.js";
import { openMetrics } from "./metrics.js";
import { arrive } from "./route.js";
import { openTrace } from "./trace.js";

/**
 * Opens a page; `update` sees a new query for the same page.
 *
 * @type {{ [name: string]: (host: HTMLElement, route: Route) => Page }}
 */
const PAGES = {
  list: openList,
  trace: openTrace,
  conversation: openConversation,
  conversations: openConversations,
  users: openUsers,
  calls: openCalls,
  compare: openComparison,
  metrics: openMetrics,
};

/** @type {{ [page: string]: string }} */
const SECTIONS = { conversation: "conversations", conversations: "conversations", users: "users", calls: "calls", metrics: "metrics" };

const host = byId("page");
/** @type {{ name: string, page: Page } | null} */
let open = null;

function show() {
  const wanted = arrive();
  const name = JSON.stringify([wanted.page, wanted.places]);
  if (open?.name === name) {
    open.page.update(wanted);
    return;
  }
  open?.page.close();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close(); // it is about the page that is left
  useKeys([]);
  host.replaceChildren();
  stopped();
  host.className = wanted.page;
  document.title = "voltagent";
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link instanceof HTMLElement && link.dataset.page === (SECTIONS[wanted.page] ?? "list");
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const opener = Object.hasOwn(PAGES, wanted.page) ? PAGES[wanted.page] : openNothing;
  open = { name, page: opener(host, wanted) };
}

/** @param {HTMLElement} place @returns {Page} */
function openNothing(place) {
  place.append(element("h1", { class: "unseen" }, "No page"), element("p", { class: "empty" }, "There is no such page. ", element("a", { href: "#/" }, "All traces")));
  return { update() {}, close() {} };
}

startFrame();
window.addEventListener("hashchange", show);
show();
