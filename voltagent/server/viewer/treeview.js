// Draws the tree of a trace and its time line, again and again while it runs.

import { detailGrows } from "./selected.js";
import { element, part } from "./dom.js";
import { headline } from "./headline.js";
import { duration, elapsed } from "./format.js";
import { stateOf } from "./kinds.js";
import { NARROW } from "./screen.js";
import { patch } from "./patch.js";
import { growRow, ticks, treeRow } from "./timeline.js";
import { usualOf } from "./traceview.js";
import { age, criticalPath, extent, visible } from "./tree.js";

/** @typedef {import("./traceview.js").View} View */

const FEW = 2000; // nodes that can be drawn in small five times a second

/** @param {View} view */
export function draw(view) {
  if (!view.answer) return;
  const { trace } = view.answer;
  const { parts } = view;
  document.title = `${trace.agent} · voltagent`;
  patch(parts.title, [element("bdi", { title: trace.agent }, trace.agent)]);
  patch(parts.facts, headline(trace, view.answer.more));
  parts.follow.hidden = stateOf(trace) !== "running";
  parts.nextError.hidden = !trace.errors;
  parts.follow.setAttribute("aria-pressed", String(view.follows));
  parts.usual.setAttribute("aria-pressed", String(view.compares));
  view.rows = visible(view.nodes, view.collapsed);
  view.whole = extent(view.real);
  view.scale = view.zoom || view.whole;
  parts.wide.hidden = !view.zoom;
  parts.scroller.setAttribute("aria-rowcount", String(view.rows.length + 1));
  parts.scroller.classList.toggle("with-usual", view.compares);
  rule(view);
  view.map.show(view.real, view.whole, view.scale);
  view.list.show(view.rows.length);
  activate(view);
}

/** @param {View} view */
function rule(view) {
  const marks = ticks(view.scale, view.whole.from, view.parts.ruler.clientWidth, NARROW.matches ? 3 : 6);
  const placed = (/** @type {{ at: number }} */ tick, /** @type {string} */ text) =>
    element("span", { class: "tick", style: { left: `${100 * tick.at}%` } }, text);
  patch(view.parts.ruler, marks.map((tick) => placed(tick, tick.label)));
  patch(view.parts.grid, [element("span", { class: "lines" }, marks.map((tick) => placed(tick, "")))]);
}

/** @param {View} view @param {number} row */
export function drawRow(view, row) {
  const node = view.rows[row];
  return treeRow(node, {
    nodes: view.nodes, scale: view.scale, path: view.path, collapsed: view.collapsed.has(node.id), found: view.found,
    selected: node.index === view.at, row, usual: usualOf(view, node)?.median ?? null,
  });
}

/**
 * What runs grows, and the scale with it.
 *
 * @param {View} view
 */
export function grow(view) {
  if (view.answer?.trace.status !== "running" || document.hidden) return;
  age(view.real);
  view.whole = extent(view.real);
  view.scale = view.zoom || view.whole;
  view.path = criticalPath(view.real);
  rule(view);
  for (const [row, made] of view.list.rows) {
    const node = view.rows[row];
    if (node) growRow(made, node, view.scale, view.path.get(node.index) ?? []);
  }
  patch(part(view.parts.facts, ".took"), [duration(elapsed(view.answer.trace))]);
  if (view.nodes.length < FEW) view.map.show(view.real, view.whole, view.scale);
  detailGrows(view);
}

/**
 * Mark the row that is selected.
 *
 * @param {View} view
 */
export function activate(view) {
  for (const [row, made] of view.list.rows) made.setAttribute("aria-selected", String(view.rows[row]?.index === view.at));
  view.parts.scroller.setAttribute("aria-activedescendant", `node-${view.at}`);
}
