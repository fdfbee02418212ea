// The parts of the page of one trace, and what it remembers.

import { button, element } from "./dom.js";

/**
 * The page of one trace. Until the first answer there are no nodes.
 *
 * @typedef {object} View
 * @property {string} id
 * @property {TraceAnswer | null} answer
 * @property {TreeNode[]} real the trace and its operations
 * @property {TreeNode[]} nodes the same with, after them, groups of equal siblings
 * @property {TreeNode[]} rows the nodes that have a row
 * @property {number} at the index of the node that is selected
 * @property {Set<string>} collapsed ids
 * @property {Set<string>} known groups that were folded once
 * @property {Map<number, Segment[]>} path the critical path
 * @property {Set<number> | null} found what a search found
 * @property {{ wanted: string, ids: Set<string> }} held what a search found in the payloads
 * @property {{ [name: string]: string }} query of the address
 * @property {Extent} whole
 * @property {Extent} scale
 * @property {Extent | null} zoom
 * @property {boolean} follows the newest operation is selected as they come
 * @property {Baseline | null} baseline usual durations
 * @property {boolean} compares usual durations are shown
 * @property {string | null} detailed what the details show or wait for
 * @property {Thing | null} thing what the details show
 * @property {boolean} closed
 * @property {ReturnType<typeof partsOf>} parts
 * @property {import("./rows.js").Rows} list
 * @property {import("./minimap.js").Minimap} map
 */

/**
 * The answer of `/api/traces/{id}/baseline`.
 *
 * @typedef {object} Baseline
 * @property {number} runs
 * @property {number | null} duration the median, µs
 * @property {string | null} last_success
 * @property {{ [operation: string]: UsualTime }} steps
 * @property {{ [operation: string]: UsualTime }} loops of equal siblings together, by the first of them
 */

/** @typedef {{ median: number, count: number }} UsualTime µs */

/**
 * How long a row of the tree usually takes, if that is shown and known.
 *
 * @param {View} view
 * @param {TreeNode} node
 * @returns {UsualTime | null}
 */
export function usualOf({ baseline, compares, nodes }, node) {
  if (!baseline || !compares) return null;
  if (node.group) return baseline.loops[nodes[node.children[0]].id] ?? null;
  if (node.index) return baseline.steps[node.id] ?? null;
  return baseline.duration ? { median: baseline.duration, count: baseline.runs } : null;
}

/** The elements of the page, without listeners. */
export function partsOf() {
  const find = element("input", {
    type: "search", class: "search", placeholder: "Find in this trace", "aria-label": "Find in this trace", spellcheck: "false", autocomplete: "off",
  });
  const scroller = element("div", { class: "scroller tree", role: "treegrid", tabindex: 0, "aria-label": "Operations" });
  return {
    title: element("h1", {}),
    facts: element("div", { class: "headline" }),
    actions: element("span", { class: "actions" }),
    find,
    hits: element("span", { class: "dim", role: "status" }),
    tools: element("div", { class: "tools" }),
    ruler: element("span", { class: "time", role: "columnheader", "aria-label": "Time" }),
    grid: element("div", { class: "grid", "aria-hidden": true }),
    scroller,
    details: element("aside", { class: "details", "aria-label": "Details", tabindex: -1 }),
    split: element("div", { class: "split" }),
    head: element("header", { class: "trace-head" }),
    problem: element("div", { class: "empty", hidden: true }),
    wide: button("All of the time", () => {}, { class: "quiet", hidden: true }),
    follow: button("Follow", () => {}, { class: "quiet", hidden: true, title: "Select what is recorded, as it comes (f)" }),
    nextError: button("Next error", () => {}, { class: "quiet", hidden: true, title: "Select the next operation that failed (e)" }),
    usual: button("Usual times", () => {}, { class: "quiet", title: "Compare each step with how long it usually takes (u)" }),
  };
}

/**
 * The headings of the tree; `ruler` is that of the time.
 *
 * @param {HTMLElement} ruler
 */
export function treeHeading(ruler) {
  const name = (/** @type {string} */ text, /** @type {string} */ more) => element("span", { role: "columnheader", class: more }, text);
  return element(
    "div", { class: "line heading", role: "row" },
    name("Operation", "what"), name("Duration", "took number"), name("Tokens", "tokens number"), name("Cost", "cost number"), ruler,
  );
}
