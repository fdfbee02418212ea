// What is selected in a trace: the details of an operation, of the trace, or of a group of equal ones.

import { get, segment } from "./api.js";
import { button, element } from "./dom.js";
import { details, facts } from "./details.js";
import { count, duration } from "./format.js";
import { statistics } from "./groups.js";
import { patch } from "./patch.js";
import { selfTime } from "./tree.js";
import { asText } from "./value.js";

/** The facts of what is selected, while it runs; its values come with the news of it. */
export function growDetails(view) {
  const node = view.nodes[view.at];
  if (node.status !== "running" || view.thing?.id !== node.id) return;
  patch(view.aside.querySelector(".facts"), [...facts({ ...view.thing, until: node.until }, place(view, node)).children]);
}

function place(view, node) {
  return { self: selfTime(view.nodes, node), begin: view.whole.from, total: view.whole.to - view.whole.from };
}

/** Show what is selected. */
export async function detail(view) {
  const node = view.nodes[view.at];
  if (node.group) {
    groupDetails(view, node);
    return;
  }
  const state = asText([node.id, node.status, node.duration, node.index ? null : contents(view.answer.trace)]);
  if (state === view.detailed) return; // it is shown, or on its way
  view.detailed = state;
  const current = () => !view.closed && view.detailed === state;
  try {
    const whole = node.index ? await get(`traces/${segment(view.id)}/operations/${segment(node.id)}`) : view.answer.trace;
    if (current()) fillDetails(view, { kind: node.kind, ...whole, until: node.until }, place(view, node));
  } catch (failure) {
    if (!current()) return;
    view.detailed = view.thing = null; // the next news ask again
    view.aside.replaceChildren(element("p", { class: "problem" }, failure.message));
  }
}

/** What the details of the trace itself depend on: not how many operations it has by now. */
function contents({ input, output, metadata, usage, error, tags, user, conversation }) {
  return [input, output, metadata, usage, error, tags, user, conversation];
}

function fillDetails(view, thing, where) {
  const known = view.thing?.id === thing.id;
  view.thing = thing;
  if (!known) view.aside.replaceChildren();
  patch(view.aside, [button("‹ Tree", () => closeSheet(view), { class: "back" }), ...details(thing, where), ...(thing.kind === "trace" ? [byName(view)] : [])]);
  if (!known) view.aside.scrollTop = 0;
}

/** Leave the details on a narrow screen. */
export function closeSheet(view) {
  view.split.classList.remove("sheet");
  view.scroller.focus({ preventScroll: true });
}


function groupDetails(view, node) {
  view.detailed = view.thing = null;
  const title = element("h2", {}, element("bdi", {}, node.name), ` × ${count(node.group.count)}`);
  const members = node.shown.map((index) => view.nodes[index]);
  patch(view.aside, [button("‹ Tree", () => closeSheet(view), { class: "back" }), element("header", { "data-key": node.id }, title), nameTable(members)]);
}

/** Statistics by name within the trace. */
function byName(view) {
  const operations = view.nodes.filter((node) => node.index && !node.group);
  if (!operations.length) return "";
  const head = element("summary", {}, element("span", { class: "title" }, "By name"));
  return element("details", { class: "section", open: true, "data-key": "by name", shows: () => asText([view.id, operations.length, view.answer.trace.status]) }, head, nameTable(operations));
}

const MOST_NAMES = 100;
const COLUMNS = ["name", "calls", "failed", "total", "mean", "longest", "tokens"];

function nameTable(operations) {
  const rows = statistics(operations).slice(0, MOST_NAMES);
  const cell = (text, sort = "") => element("td", { class: `number ${sort}` }, text);
  const head = element("tr", {}, COLUMNS.map((name, place) => element("th", { scope: "col", class: place ? "number" : "" }, name)));
  const body = rows.map((one) => element("tr", {},
    element("th", { scope: "row" }, element("bdi", {}, one.name)), cell(count(one.count)), cell(one.failed ? count(one.failed) : "", "error-text"),
    cell(duration(one.total)), cell(duration(one.total / one.count)), cell(duration(one.longest)), cell(one.tokens ? count(one.tokens) : "")));
  return element("div", { class: "table-holder", tabindex: 0, role: "group", "aria-label": "By name" }, element("table", { class: "by-name" }, element("thead", {}, head), element("tbody", {}, body)));
}
