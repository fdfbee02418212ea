// What is selected in a trace: the details of an operation, of the trace, or of a group of equal ones.

import { get, messageOf, segment } from "./api.js";
import { button, element, part } from "./dom.js";
import { details, facts } from "./details.js";
import { count, duration, elapsed } from "./format.js";
import { linked } from "./links.js";
import { NARROW } from "./screen.js";
import { nameTable } from "./names.js";
import { patch } from "./patch.js";
import { address } from "./route.js";
import { scoreSection } from "./scores.js";
import { usualOf } from "./traceview.js";
import { selfTime } from "./tree.js";
import { asText } from "./value.js";

/** @typedef {import("./traceview.js").View} View */

/**
 * The facts of what is selected grow while it runs; its values come with the news of it.
 *
 * @param {View} view
 */
export function detailGrows(view) {
  const node = view.nodes[view.at];
  if (node.status !== "running" || view.thing?.id !== node.id) return;
  patch(part(view.parts.details, ".facts"), [...facts({ ...view.thing, until: node.until }, placeOf(view, node)).children]);
}

/** @param {View} view @param {TreeNode} node */
function placeOf(view, node) {
  const self = view.answer?.more ? null : selfTime(view.nodes, node); // its children may be still to come
  return { self, begin: view.whole.from, total: view.whole.to - view.whole.from, usual: usualOf(view, node) };
}

/**
 * Show what is selected.
 *
 * @param {View} view
 */
export async function detail(view) {
  const node = view.nodes[view.at];
  if (!view.answer) return;
  if (node.group) {
    groupDetails(view, node, node.group.count);
    return;
  }
  const state = asText([node.id, stateFacts(node), node.scores, view.compares, view.answer.more, node.index ? null : contents(view.answer.trace)]);
  if (state === view.detailed) return; // it is shown, or on its way
  view.detailed = state;
  const isCurrent = () => !view.closed && view.detailed === state;
  try {
    const whole = await wholeOf(view, view.answer, node);
    if (isCurrent()) fillDetails(view, { kind: node.kind, ...whole, until: node.until, unfinished: node.unfinished }, node);
  } catch (failure) {
    if (!isCurrent()) return;
    view.detailed = view.thing = null; // the next news request it again
    view.parts.details.replaceChildren(element("p", { class: "problem" }, messageOf(failure)));
  }
}

/**
 * All that was recorded of a node.
 *
 * @param {View} view
 * @param {TraceAnswer} answer
 * @param {TreeNode} node
 */
async function wholeOf(view, answer, node) {
  if (node.started) return (await get(`traces/${segment(node.id)}`, { limit: 1 })).trace;
  return node.index ? get(`traces/${segment(view.id)}/operations/${segment(node.id)}`) : answer.trace;
}

/** @param {TreeNode} node */
const stateFacts = ({ status, duration, unfinished }) => [status, duration, unfinished];

/**
 * What the details of the trace itself depend on, beside whether all operations are here: not how many it has by now.
 *
 * @param {TraceWhole} trace
 */
function contents({ input, output, metadata, usage, error, tags, user, conversation, scores }) {
  return [input, output, metadata, usage, error, tags, user, conversation, scores];
}

/** @param {View} view @param {Thing} thing @param {TreeNode} node */
function fillDetails(view, thing, node) {
  const isSame = view.thing?.id === thing.id;
  view.thing = thing;
  const [title, ...parts] = details(thing, placeOf(view, node));
  const scores = node.started ? null : scoreSection(view.id, node.index ? node.id : null, thing.scores ?? []);
  patch(view.parts.details, [back(view), title, node.started ? toItsPage(node) : null, ...parts, scores, node.index ? null : byName(view)]);
  if (!isSame) view.parts.details.scrollTop = 0;
}

/** @param {TreeNode} node */
const toItsPage = (node) => element("p", { "data-key": "its page" }, linked("Open this trace", address("trace", [node.id])));

/** @param {View} view */
const back = (view) => button("‹ Tree", () => closeSheet(view), { class: "back" });

/**
 * Leave the details on a narrow screen.
 *
 * @param {View} view
 */
export function closeSheet(view) {
  view.parts.split.classList.remove("sheet");
  view.parts.scroller.focus({ preventScroll: true });
}

/**
 * Go to a field in the details.
 *
 * @param {View} view
 * @param {string} selector
 */
export function focusForm(view, selector) {
  const field = view.parts.details.querySelector(selector);
  if (!(field instanceof HTMLElement)) return false;
  if (NARROW.matches) view.parts.split.classList.add("sheet");
  field.focus();
  return true;
}

/** @param {View} view @param {TreeNode} node @param {number} many */
function groupDetails(view, node, many) {
  view.detailed = view.thing = null;
  const title = element("h2", {}, element("bdi", {}, node.name), ` × ${count(many)}`);
  const members = node.shown.map((index) => view.nodes[index]);
  patch(view.parts.details, [back(view), element("header", { "data-key": node.id }, title), groupTimes(view, node), nameTable(members)]);
}

/**
 * How long a group took from its first start to its last end, and how long that usually is.
 *
 * @param {View} view
 * @param {TreeNode} node
 */
function groupTimes(view, node) {
  const usual = usualOf(view, node);
  const rows = [["duration", [duration(elapsed(node)), element("span", { class: "dim" }, "from the first start to the last end")]]];
  if (usual) rows.push(["usually", [duration(usual.median), element("span", { class: "dim" }, `median of ${count(usual.count)}`)]]);
  return element("dl", { class: "facts", "data-key": "times" }, rows.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/** @param {View} view */
function byName(view) {
  const operations = view.nodes.filter((node) => node.index && !node.group && !node.started);
  if (!operations.length || view.answer?.more) return null;
  const head = element("summary", {}, element("span", { class: "title" }, "By name"));
  const shows = () => asText([view.id, operations.length, view.answer?.trace.status]);
  return element("details", { class: "section", open: true, "data-key": "by name", shows }, head, nameTable(operations));
}
