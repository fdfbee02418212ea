// Two traces side by side: the same operations in one row, what takes longer, what changed, what is only in one of them.

import { get, messageOf, segment } from "./api.js";
import { chooseTrace } from "./choose.js";
import { comparisonHead } from "./comparehead.js";
import { details } from "./details.js";
import { element, say } from "./dom.js";
import { useKeys } from "./keys.js";
import { changes, difference, differs, pairHeading, pairLine } from "./pairline.js";
import { pairs } from "./pairs.js";
import { address, go, note } from "./route.js";
import { virtualRows } from "./rows.js";
import { fitDepth } from "./timeline.js";
import { extent, selfTime, treeOf } from "./tree.js";
import { twins } from "./twins.js";
import { asText } from "./value.js";

/**
 * @typedef {object} View
 * @property {[left: string, right: string]} ids
 * @property {TraceAnswer[]} answers
 * @property {TreeNode[][]} trees
 * @property {Pair[]} rows
 * @property {Comparison | null} comparison
 * @property {number} most the largest difference, µs
 * @property {number} at the row that is selected
 * @property {boolean} closed
 * @property {HTMLElement} heads
 * @property {HTMLElement} scroller
 * @property {HTMLElement} sides
 * @property {import("./rows.js").Rows} list
 */

/**
 * The answer of `/api/compare`: facts of both traces, and per operation a hash of each of its parts.
 *
 * @typedef {object} Comparison
 * @property {{ name: string, left: unknown, right: unknown, differs: boolean }[]} facts
 * @property {string[]} parts
 * @property {{ left: Hashes, right: Hashes }} hashes
 */

/** @typedef {{ [operation: string]: (string | null)[] }} Hashes */

/**
 * The page that compares two traces.
 *
 * @param {HTMLElement} host
 * @param {Route} first
 * @returns {Page}
 */
export function openComparison(host, first) {
  const [left = "", right = ""] = first.places;
  document.title = "Comparison · voltagent";
  const view = /** @type {View} */ (/** @type {Partial<View>} */ ({
    ids: [left, right], answers: [], trees: [[], []], rows: [], comparison: null, most: 1, closed: false,
    at: rowOf(first),
    heads: element("div", { class: "heads" }),
    scroller: element("div", { class: "scroller pairs", role: "grid", tabindex: 0, "aria-label": "Operations of both traces" }),
    sides: element("div", { class: "sides details", tabindex: 0, role: "group", "aria-label": "Details of both" }),
  }));
  view.scroller.append(pairHeading());
  twins(view.sides);
  host.append(element("h1", { class: "unseen" }, "Comparison"), view.heads, view.scroller, view.sides);
  view.list = virtualRows(view.scroller, { height: () => 26, draw: (row) => pairLine(view, row) });
  view.scroller.addEventListener("click", (event) => {
    const row = /** @type {Element} */ (event.target).closest(".rows > .line");
    if (row) select(view, Number(row.id.slice("pair-".length)));
  });
  useKeys(keysOf(view));
  load(view, host);
  return {
    update(route) {
      view.at = rowOf(route);
      move(view, 0);
    },
    close() {
      view.closed = true;
      view.list.close();
    },
  };
}

/** @param {Route} route */
function rowOf({ query }) {
  return Math.max(0, Math.trunc(Number(query.row)) || 0);
}

/** @param {View} view @param {HTMLElement} host */
async function load(view, host) {
  const [left, right] = view.ids;
  try {
    const trace = (/** @type {string} */ id) => get(`traces/${segment(id)}`);
    const [one, other, comparison] = await Promise.all([trace(left), trace(right), get("compare", { left, right })]);
    [view.answers, view.comparison] = [[one, other], comparison];
  } catch (failed) {
    if (!view.closed) host.replaceChildren(element("p", { class: "problem" }, messageOf(failed)));
    return;
  }
  if (view.closed) return;
  // of what a trace started, neither the hashes nor the details are known here
  view.trees = view.answers.map((answer) => treeOf({ ...answer, started: [] }));
  view.rows = pairs(view.trees[0], view.trees[1]);
  fitDepth(view.scroller, view.rows);
  view.most = Math.max(1, ...view.rows.map((row) => Math.abs(difference(row) || 0)));
  view.heads.replaceChildren(...comparisonHead(view, { swap: () => swap(view), change: (side) => change(view, side) }));
  view.scroller.setAttribute("aria-rowcount", String(view.rows.length + 1));
  view.list.show(view.rows.length);
  select(view, Math.min(view.at, view.rows.length - 1));
  if (document.activeElement === document.body) view.scroller.focus({ preventScroll: true });
}

/** @param {View} view */
function swap(view) {
  go(address("compare", [...view.ids].reverse()));
}

/**
 * Let the user choose another trace for a side.
 *
 * @param {View} view
 * @param {number} side
 */
function change(view, side) {
  const chosen = (/** @type {string} */ id) => go(address("compare", side ? [view.ids[0], id] : [id, view.ids[1]]));
  chooseTrace({ title: `Another trace for ${side ? "B" : "A"}`, agent: view.answers[side].trace.agent, without: view.ids, chosen });
}

/** @param {View} view @param {number} index */
async function select(view, index) {
  view.at = index;
  for (const [row, made] of view.list.rows) made.setAttribute("aria-selected", String(row === index));
  view.scroller.setAttribute("aria-activedescendant", `pair-${index}`);
  view.list.reveal(index, /** @type {HTMLElement} */ (view.scroller.firstChild).offsetHeight);
  note(address("compare", view.ids, { row: index || "" }));
  const { one, other } = view.rows[index];
  const things = await Promise.all([whole(view, 0, one), whole(view, 1, other)]);
  if (view.closed || view.at !== index) return;
  view.sides.replaceChildren(...bothDetails(view, things, changes(view, view.rows[index])));
  view.sides.scrollTop = 0;
}

/** @param {View} view @param {number} side @param {TreeNode | null} node @returns {Promise<Thing | null>} */
async function whole(view, side, node) {
  if (!node) return null;
  if (!node.index) return { ...view.answers[side].trace, kind: "trace" };
  try {
    return { kind: node.kind, ...(await get(`traces/${segment(view.ids[side])}/operations/${segment(node.id)}`)) };
  } catch (failed) {
    return { id: node.id, kind: node.kind, name: node.name, status: node.status, start: node.start, duration: node.duration, error: messageOf(failed) };
  }
}

/**
 * The details of both, part beside part.
 *
 * @param {View} view
 * @param {(Thing | null)[]} things
 * @param {string[]} changed in what they differ
 */
function bothDetails(view, [one, other], changed) {
  const halves = [half(view, one, 0, other), half(view, other, 1, one)];
  const names = [...new Set(halves.flatMap((parts) => [...parts.keys()]))].sort((left, right) => PARTS.indexOf(left) - PARTS.indexOf(right));
  const head = ["A", "B"].map((letter, side) => element("p", { class: "half dim", "data-side": side }, element("span", { class: "side" }, letter), " ", sameness(one, other, changed)));
  return [...head, ...names.flatMap((name) => halves.map((parts, side) => element("div", { class: "half", "data-side": side }, parts.get(name) ?? null)))];
}

const PARTS = ["header", "facts", "Error", "Instructions", "Input", "Output", "Usage", "Metadata"];

/** @param {View} view @param {Thing | null} thing @param {number} side @param {Thing | null} other */
function half(view, thing, side, other) {
  if (!thing) return new Map([["header", element("p", { class: "dim" }, "It is not in this trace.")]]);
  const nodes = view.trees[side];
  const { from, to } = extent(nodes);
  const node = nodes.find(({ id }) => id === thing.id) || nodes[0];
  const parts = details(thing, { self: selfTime(nodes, node), begin: from, total: to - from }, other);
  return new Map(parts.map((part) => [part.dataset.key ?? "", part]));
}

/** @param {Thing | null} one @param {Thing | null} other @param {string[]} changed */
function sameness(one, other, changed) {
  if (!one || !other) return "";
  const failures = asText(one.error ?? null) !== asText(other.error ?? null) ? ["error"] : [];
  const differ = [...changed, ...failures];
  if (!differ.length) return "same input and output";
  return `${differ.join(", ")} ${differ.length > 1 || differ[0] === "instructions" ? "differ" : "differs"}`;
}

/** @param {View} view @returns {KeyRow[]} */
function keysOf(view) {
  const step = (/** @type {number} */ by) => () => move(view, by);
  return [
    [["j", "ArrowDown"], "next row", step(1)],
    [["k", "ArrowUp"], "previous row", step(-1)],
    [["PageDown"], "a page down", () => move(view, view.list.page())],
    [["PageUp"], "a page up", () => move(view, -view.list.page())],
    [["d"], "next difference", () => nextDifference(view)],
    [["s"], "swap A and B", () => swap(view)],
    [["Escape"], "all traces", () => go(address("list"))],
  ];
}

/** @param {View} view @param {number} by */
function move(view, by) {
  if (view.rows.length) select(view, Math.min(view.rows.length - 1, Math.max(0, view.at + by)));
}

/**
 * Go to the next row that differs in anything but how long it took.
 *
 * @param {View} view
 */
function nextDifference(view) {
  for (let step = 1; step <= view.rows.length; step += 1) {
    const index = (view.at + step) % view.rows.length;
    if (!differs(view, view.rows[index])) continue;
    if (index === view.at) say("This is the only row that differs");
    select(view, index);
    return;
  }
  say("No row differs in anything but its time");
}
