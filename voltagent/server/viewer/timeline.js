// Rows of a trace's tree with their bars, on a scale of time.

import { element, part } from "./dom.js";
import { cachedOf, costOf, count, duration, elapsed, money, tokensWithCached } from "./format.js";
import { kindClass, kindName, mark, stateOf } from "./kinds.js";
import { patch } from "./patch.js";
import { address } from "./route.js";
import { scoreMarks } from "./scores.js";
import { endOf, hasEnded } from "./tree.js";

const SEGMENTS = 250; // of the critical path in one row: closer ones become one
const DEEP = 24; // levels
const CHARACTER = 7.5; // pixels that one of a tick's label may need
const GAP = 7; // pixels before and after such a label
export const NOTABLE = 0.1; // of a duration: smaller differences are not coloured
const STEPS = [1, 2, 5];
const HOUR = 3600e6; // microseconds
const CLOCK = [30e6, 60e6, 120e6, 300e6, 600e6, 1200e6, 1800e6, HOUR];

/**
 * What the rows of a tree have in common, and what is special to one row.
 *
 * @typedef {object} Place
 * @property {TreeNode[]} nodes
 * @property {Extent} scale
 * @property {Map<number, Segment[]>} path the critical path
 * @property {boolean} collapsed
 * @property {Set<number> | null} found what a search found, null without one
 * @property {boolean} selected
 * @property {number} row its place among the rows
 * @property {number | null} [usual] how long it usually takes, if that is shown
 */

/**
 * One row: what it is, how long it took, its tokens, its bar.
 *
 * @param {TreeNode} node
 * @param {Place} place
 */
export function treeRow(node, { nodes, scale, path, collapsed, found, selected, row, usual = null }) {
  const classes = [stateOf(node), path.has(node.index) ? "critical" : "", found === null ? "" : found.has(node.index) ? "found" : "unfound"];
  const siblings = node.above < 0 ? [0] : nodes[node.above].shown;
  return element(
    "div",
    {
      class: `line ${classes.join(" ")}`, role: "row", id: `node-${node.index}`, "data-key": node.id, "aria-level": node.depth + 1,
      "aria-rowindex": row + 2, "aria-setsize": siblings.length, "aria-posinset": siblings.indexOf(node.index) + 1,
      "aria-expanded": node.shown.length ? String(!collapsed) : null, "aria-selected": selected,
    },
    what(node, collapsed),
    element("span", { class: "took number", role: "gridcell" }, element("span", { class: "own" }, duration(elapsed(node))), usualDelta(elapsed(node), usual)),
    element("span", { class: "tokens number dim", role: "gridcell", title: cachedOf(node) ? "in parentheses: cached" : null }, tokensWithCached(node)),
    element("span", { class: "cost number dim", role: "gridcell" }, money(costOf(node))),
    element("span", { class: "time", role: "gridcell", "aria-label": label(node, nodes[0]) }, bars(node, scale, path.get(node.index))),
  );
}

/** @param {TreeNode} node @param {boolean} collapsed */
function what(node, collapsed) {
  const toggle = node.shown.length ? element("span", { class: "toggle", "aria-hidden": true }, collapsed ? "▸" : "▾") : element("span", { class: "toggle" });
  const name = element("bdi", { class: "name" }, node.name || node.agent);
  const error = node.error ? element("bdi", { class: "error-text", title: node.error }, shortError(node.error)) : null;
  const hidden = collapsed && !node.group ? element("span", { class: "hidden-count" }, `+${count(node.descendants)}`) : null;
  const preview = node.preview && !error ? element("bdi", { class: "input-preview dim", title: node.preview }, node.preview) : null;
  const model = node.model && node.model !== node.name ? element("bdi", { class: "model dim" }, node.model) : null;
  const state = stateOf(node);
  const operation = node.operation ? element("span", { class: "dim" }, node.operation) : null;
  return element(
    "span",
    { class: "what", role: "gridcell", title: `${kindName(node)} ${node.name || node.agent}` },
    element("span", { class: "indent", style: { "--depth": node.depth } }),
    toggle,
    mark(node),
    operation,
    name,
    node.started ? element("a", { class: "open-started", href: address("trace", [node.id]), tabindex: -1, title: "Open this trace" }, "open") : null,
    node.group ? element("span", { class: "times" }, `× ${count(node.group.count)}${node.group.failed ? "," : ""}`) : null,
    hidden,
    failures(node, collapsed),
    state === "completed" || state === "running" ? null : element("span", { class: `state ${state}` }, state === "error" ? "✕" : state),
    model,
    scoreMarks(node.scores),
    error,
    preview,
  );
}

/**
 * How much longer or shorter something took than usual.
 *
 * @param {number | null} took µs
 * @param {number | null} usual µs
 */
function usualDelta(took, usual) {
  if (took === null || usual === null) return null;
  const by = took - usual;
  const sort = Math.abs(by) <= NOTABLE * usual ? "dim" : by > 0 ? "longer" : "shorter";
  return element("span", { class: `delta ${sort}`, title: `usually ${duration(usual)}` }, `${by < 0 ? "−" : "+"}${duration(Math.abs(by)) || "0"}`);
}

/**
 * How many operations failed below a row that hides them.
 *
 * @param {TreeNode} node
 * @param {boolean} collapsed
 */
function failures(node, collapsed) {
  const failed = node.group ? node.group.failed : collapsed ? node.failures : 0;
  return failed ? element("span", { class: "failed-count" }, `${count(failed)} failed`) : null;
}

/**
 * Set on the element that holds a tree how deep its nodes lie, so that names keep enough width; narrow steps have no lines.
 *
 * @param {HTMLElement} scroller
 * @param {{ depth: number }[]} nodes
 */
export function fitDepth(scroller, nodes) {
  const deepest = nodes.reduce((most, { depth }) => Math.max(most, depth), 1);
  scroller.style.setProperty("--deepest", String(deepest));
  scroller.classList.toggle("deep", deepest > DEEP);
}

/** @param {string | { type?: string, message?: string }} error */
const shortError = (error) => (typeof error === "string" ? error : [error.type, error.message].filter(Boolean).join(": "));

/** @param {TreeNode} node @param {TreeNode} trace */
function label(node, trace) {
  const at = `starts ${duration(node.start - trace.start)} after the trace`;
  return `${kindName(node)}, ${node.status}, ${at}, takes ${duration(elapsed(node)) || "no time"}`;
}

/**
 * The bar of a node and, on it, its part of the critical path.
 *
 * @param {TreeNode} node
 * @param {Extent} scale
 * @param {Segment[]} segments
 */
export function bars(node, scale, segments = []) {
  const bar = element("span", { class: `bar ${kindClass(node.kind)} ${stateOf(node)}` });
  placed(bar, node.start, endOf(node), scale);
  if (!hasEnded(node) && node.status !== "running") bar.classList.add("moment");
  return [bar, ...joined(segments, scale).map(([from, to]) => placed(element("span", { class: "on-path" }), from, to, scale))];
}

/** @param {HTMLElement} made @param {number} from @param {number} to @param {Extent} scale */
function placed(made, from, to, scale) {
  const width = scale.to - scale.from;
  const left = Math.max(-1, (from - scale.from) / width);
  const right = Math.min(2, (to - scale.from) / width);
  made.style.setProperty("left", `${100 * left}%`);
  made.style.setProperty("width", `${Math.max(0, 100 * (right - left))}%`);
  if (right < 0 || left > 1) made.hidden = true;
  return made;
}

/**
 * Segments (the latest first) with those joined that could not be distinguished.
 *
 * @param {Segment[]} segments
 * @param {Extent} scale
 */
function joined(segments, scale) {
  const gap = (scale.to - scale.from) / SEGMENTS;
  /** @type {Segment[]} */
  const out = [];
  for (const [from, to] of segments) {
    const last = out.at(-1);
    if (last && last[0] - to < gap) last[0] = Math.min(last[0], from);
    else out.push([from, to]);
  }
  return out;
}

/**
 * Draw the bars of a row again: what runs grows, and the scale with it.
 *
 * @param {HTMLElement} row
 * @param {TreeNode} node
 * @param {Extent} scale
 * @param {Segment[]} segments
 */
export function growRow(row, node, scale, segments) {
  patch(part(row, ".took .own"), [duration(elapsed(node))]);
  patch(part(row, ".time"), bars(node, scale, segments));
}

/**
 * Round moments on a scale that is `wide` pixels, at most about `most` and as far as their labels have enough width:
 * `[{at: 0…1, label}, …]`.
 *
 * @param {Extent} scale
 * @param {number} begin
 * @param {number} wide
 */
export function ticks(scale, begin, wide, most = 6) {
  const width = scale.to - scale.from;
  for (let step = timeStep(width / most); ; step = timeStep(step * 1.01)) {
    const out = [];
    for (let time = Math.ceil((scale.from - begin) / step) * step; time <= scale.to - begin + step / 1e6; time += step) {
      const [at, label] = [(time + begin - scale.from) / width, tickLabel(time, step)];
      if (wide * (1 - at) > label.length * CHARACTER) out.push({ at, label });
    }
    const apart = (wide * step) / width;
    if (apart >= wide || out.every(({ label }) => label.length * CHARACTER + GAP <= apart)) return out;
  }
}

/**
 * A round stretch of time: halves and parts of minutes and hours have names, tenths have none.
 *
 * @param {number} size
 */
function timeStep(size) {
  if (size <= 20e6) return roundStep(size);
  return CLOCK.find((step) => step >= size) || HOUR * roundStep(size / HOUR);
}

/**
 * The next larger of 1, 2, 5, 10, 20, 50, …
 *
 * @param {number} size
 */
export function roundStep(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * (STEPS.find((step) => step * power >= size) || 10);
}

/** @type {[size: number, unit: string][]} */
const UNITS = [[HOUR, "h"], [60e6, "min"], [1e6, "s"], [1e3, "ms"], [1, "µs"]];

/** @param {number} time @param {number} step */
function tickLabel(time, step) {
  if (Math.abs(time) < step / 1e3) return "0";
  const fits = (/** @type {number} */ size) => (size > 1e6 ? step % size === 0 : step >= size / 100);
  const [size, unit] = UNITS.find(([size]) => Math.abs(time) >= size && fits(size)) || UNITS[UNITS.length - 1];
  return `${Number((time / size).toFixed(2))} ${unit}`;
}
