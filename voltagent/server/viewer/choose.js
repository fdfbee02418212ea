// With what a trace is compared: the run before, the last successful run, usual durations, or any other trace.

import { get, messageOf, segment } from "./api.js";
import { button, element, say } from "./dom.js";
import { duration, elapsed, moment, zone } from "./format.js";
import { stateOf, status } from "./kinds.js";
import { address, go } from "./route.js";
import { draw } from "./treeview.js";

/** @typedef {import("./traceview.js").View} View */

const OFFERED = 30; // traces
const IS_ID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/**
 * Compare to the run of the same agent before.
 *
 * @param {View} view
 */
export async function runBefore(view) {
  const agent = view.answer?.trace.agent;
  if (agent === undefined) return;
  try {
    const { traces } = await get("traces", { agent, before: view.id, limit: 20 });
    const previous = /** @type {TraceLine[]} */ (traces).find((trace) => trace.agent === agent);
    if (view.closed) return;
    if (previous) go(address("compare", [previous.id, view.id]));
    else say("There is no run of this agent before");
  } catch (failure) {
    if (!view.closed) say(messageOf(failure));
  }
}

/** @param {View} view @returns {Promise<import("./traceview.js").Baseline | null>} */
async function loadBaseline(view) {
  try {
    view.baseline = await get(`traces/${segment(view.id)}/baseline`);
  } catch (failure) {
    if (!view.closed) say(messageOf(failure));
  }
  return view.closed ? null : view.baseline;
}

/**
 * Compare to the last successful run of the same agent.
 *
 * @param {View} view
 */
export async function withLastSuccess(view) {
  const baseline = await loadBaseline(view);
  if (!baseline) return;
  if (baseline.last_success) go(address("compare", [baseline.last_success, view.id]));
  else say("There is no other successful run of this agent");
}

/**
 * Show in each row how much longer or shorter it took than usual, or stop that.
 *
 * @param {View} view
 */
export async function openBaseline(view) {
  if (view.compares) view.compares = false;
  else {
    const baseline = await loadBaseline(view);
    if (view.closed) return;
    view.compares = baseline !== null && baseline.runs > 0;
    if (baseline && !view.compares) say("There is no other run of this agent");
  }
  draw(view);
}

/**
 * Let the user choose a trace to compare with.
 *
 * @param {View} view
 */
export function pickComparison(view) {
  const agent = view.answer?.trace.agent;
  if (agent === undefined) return;
  chooseTrace({ title: "Compare with", agent, without: [view.id], chosen: (id) => go(address("compare", [id, view.id])) });
}

/**
 * A dialog with the newest traces, narrowed by agent, id or any text.
 *
 * @param {{ title: string, agent: string, without: string[], chosen: (id: string) => void }} options
 */
export function chooseTrace({ title, agent, without, chosen }) {
  const search = element("input", { type: "search", class: "search", "aria-label": "Search, or the id of a trace", placeholder: "Search, or the id of a trace", autofocus: true });
  const same = element("input", { type: "checkbox", checked: true });
  const found = element("ul", { class: "choices" });
  const problem = element("p", { class: "dim", role: "status" });
  const dialog = element(
    "dialog", { class: "choose", "aria-label": title },
    element("h2", {}, title), search, element("label", { class: "same" }, same, element("bdi", {}, ` only ${agent}`)), found, problem,
    button("Close", () => dialog.close()),
  );
  /** @param {string} id */
  const choose = (id) => {
    dialog.close();
    chosen(id);
  };
  let question = 0;
  const offer = async () => {
    question += 1;
    const mine = question;
    const text = search.value.trim();
    const traces = await traceOptions(text, same.checked ? agent : "");
    if (mine !== question) return;
    const others = traces.filter(({ id }) => !without.includes(id));
    problem.textContent = others.length ? `times ${zone()}` : "No trace matches.";
    found.replaceChildren(...others.map((trace) => element("li", {}, option(trace, choose))));
  };
  search.addEventListener("input", offer);
  same.addEventListener("change", offer);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  offer();
}

/**
 * Traces that fit a search: the one with this id, or those with the text.
 *
 * @param {string} text
 * @param {string} agent
 * @returns {Promise<TraceLine[]>}
 */
async function traceOptions(text, agent) {
  const [byId, byText] = await Promise.allSettled([
    IS_ID.test(text) ? get(`traces/${segment(text)}`) : Promise.reject(new Error("no id")),
    get("traces", { text, agent, limit: OFFERED }),
  ]);
  if (byId.status === "fulfilled") return [byId.value.trace];
  return byText.status === "fulfilled" ? byText.value.traces : [];
}

/** @param {TraceLine} trace @param {(id: string) => void} choose */
function option(trace, choose) {
  const input = typeof trace.input === "string" ? element("bdi", { class: "dim" }, trace.input) : null;
  return element(
    "button", { type: "button", class: "quiet option", on: { click: () => choose(trace.id) } },
    status(stateOf(trace), { failed: trace.errors }), element("bdi", {}, trace.agent), element("span", { class: "dim" }, moment(trace.start)),
    element("span", {}, duration(elapsed(trace))), input,
  );
}
