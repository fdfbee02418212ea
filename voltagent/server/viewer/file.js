// An exported file, or a notebook's cell: the page of one trace, or of several with a list to choose from.

import { button, byId, element } from "./dom.js";
import { duration, elapsed, moment, zone } from "./format.js";
import { startFrame } from "./frame.js";
import { useKeys } from "./keys.js";
import { stateOf, status } from "./kinds.js";
import { recordedTraces } from "./recorded.js";
import { arrive } from "./route.js";
import { openTrace } from "./trace.js";

const host = byId("page");
const choices = byId("traces");
/** @type {{ id: string, page: Page } | null} */
let open = null;

/** @param {string} id @param {{ [name: string]: string }} query */
function show(id, query) {
  if (open?.id === id) {
    open.page.update({ page: "trace", places: [id], query });
    return;
  }
  open?.page.close();
  useKeys([]);
  host.replaceChildren();
  open = { id, page: openTrace(host, { page: "trace", places: [id], query }) };
  for (const choice of choices.children) choice.setAttribute("aria-pressed", String(choice instanceof HTMLElement && choice.dataset.trace === id));
}

/** Show what the address names, else the first trace. */
function showAddress() {
  const { places, query } = arrive();
  const wanted = recordedTraces.find(({ answer }) => answer.trace.id === places[0]) ?? recordedTraces[0];
  if (wanted) show(wanted.answer.trace.id, query);
  else host.append(element("p", { class: "empty" }, "This file holds no traces."));
}

if (recordedTraces.length > 1) {
  choices.append(...recordedTraces.map(({ answer: { trace } }) => {
    const words = `${moment(trace.start)} ${zone(new Date(trace.start / 1000))} ${duration(elapsed(trace))}`;
    const made = button("", () => show(trace.id, {}), { class: "quiet choice-of-trace", "data-trace": trace.id });
    made.append(status(stateOf(trace), { failed: trace.errors }), element("bdi", {}, trace.name || trace.agent), element("span", { class: "dim" }, words));
    return made;
  }));
  document.body.classList.add("several");
}
startFrame();
window.addEventListener("hashchange", showAddress);
showAddress();
