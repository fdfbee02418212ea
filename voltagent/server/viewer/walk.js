// How a user walks through a trace: select, open, close, and go to the next of something.

import { NARROW } from "./screen.js";
import { address, note } from "./route.js";
import { detail } from "./selected.js";
import { visible } from "./tree.js";
import { activate, draw } from "./treeview.js";

/** @typedef {import("./traceview.js").View} View */

/**
 * Select a node; `open` shows its details on a narrow screen, too.
 *
 * @param {View} view
 * @param {number} index
 * @param {{ open?: boolean }} [options]
 */
export function select(view, index, { open = false } = {}) {
  view.at = index;
  activate(view);
  const row = view.rows.findIndex((node) => node.index === index);
  view.list.reveal(row, /** @type {HTMLElement} */ (view.parts.scroller.firstChild).offsetHeight);
  noteAddress(view);
  if (open && NARROW.matches) {
    view.parts.split.classList.add("sheet");
    view.parts.details.focus({ preventScroll: true });
  }
  detail(view);
}

/**
 * Note in the address bar what is shown.
 *
 * @param {View} view
 */
export function noteAddress(view) {
  const zoomed = view.zoom && [view.zoom.from, view.zoom.to].map((time) => Math.round(time - view.whole.from)).join("-");
  view.query = { operation: view.at ? view.nodes[view.at].id : "", find: view.parts.find.value, zoom: zoomed ?? "" };
  note(address("trace", [view.id], view.query));
}

/** @param {View} view @param {MouseEvent} event */
export function clicked(view, event) {
  const target = /** @type {Element} */ (event.target);
  const id = /** @type {HTMLElement | null} */ (target.closest(".rows > .line"))?.dataset.key;
  const node = view.nodes.find((one) => one.id === id);
  if (!node) return;
  view.follows = false;
  if (target.closest(".toggle") && node.shown.length) toggle(view, node);
  else select(view, node.index, { open: true });
}

/**
 * Open or close a node.
 *
 * @param {View} view
 * @param {TreeNode} node
 * @param {boolean} [shut]
 */
function toggle(view, node, shut = !view.collapsed.has(node.id)) {
  if (shut) view.collapsed.add(node.id);
  else view.collapsed.delete(node.id);
  if (shut && isBelow(view, view.at, node.index)) select(view, node.index);
  draw(view);
}

/**
 * Whether a node has another one above it.
 *
 * @param {View} view
 * @param {number} index
 * @param {number} ancestor
 */
export function isBelow(view, index, ancestor) {
  for (let place = view.nodes[index].above; place >= 0; place = view.nodes[place].above) {
    if (place === ancestor) return true;
  }
  return false;
}

/**
 * Open or close all.
 *
 * @param {View} view
 * @param {boolean} shut
 */
export function fold(view, shut) {
  if (!view.answer) return;
  const parents = view.nodes.filter((node) => node.index && node.shown.length);
  view.collapsed = new Set(shut ? parents.map((node) => node.id) : []);
  if (shut) {
    while (view.nodes[view.at].depth > 1) view.at = view.nodes[view.at].above;
  }
  draw(view);
  select(view, view.at);
}

/**
 * Go to a node, whatever is closed above it.
 *
 * @param {View} view
 * @param {number} index
 */
export function goTo(view, index) {
  for (let place = view.nodes[index].above; place >= 0; place = view.nodes[place].above) {
    view.collapsed.delete(view.nodes[place].id);
  }
  draw(view);
  select(view, index);
}

/** @typedef {(node: TreeNode) => boolean | undefined} Sort */

/** @param {View} view @returns {Sort} */
export const isFound = (view) => (node) => view.found?.has(node.index);
/** @returns {Sort} */
export const isFailed = () => (node) => node.index > 0 && !node.group && node.status === "error";
/** @param {View} view @returns {Sort} */
export const isCritical = (view) => (node) => node.index > 0 && (view.path.get(node.index)?.length ?? 0) > 0;

/**
 * Go to the next node of a sort, round the end, through closed ones too.
 *
 * @param {View} view
 * @param {(view: View) => Sort} sort
 */
export function next(view, sort, by = 1) {
  if (!view.answer) return;
  const order = visible(view.nodes, new Set());
  const here = order.findIndex((node) => node.index === view.at);
  const fits = sort(view);
  for (let step = 1; step <= order.length; step += 1) {
    const node = order[(here + by * step + order.length * 2) % order.length];
    if (!fits(node)) continue;
    view.follows = false;
    goTo(view, node.index);
    return;
  }
}

/** @param {View} view @param {number} by */
export function move(view, by) {
  if (!view.rows.length) return;
  view.follows = false;
  const here = view.rows.findIndex((node) => node.index === view.at);
  const row = Math.min(view.rows.length - 1, Math.max(0, here + by));
  select(view, view.rows[row].index);
}

/**
 * Open what is selected, or go to its first child.
 *
 * @param {View} view
 */
export function inward(view) {
  const node = view.nodes[view.at];
  if (!node?.shown.length) return;
  if (view.collapsed.has(node.id)) toggle(view, node, false);
  else select(view, node.shown[0]);
}

/**
 * Close what is selected, or go to its parent.
 *
 * @param {View} view
 */
export function outward(view) {
  const node = view.nodes[view.at];
  if (!node) return;
  if (node.shown.length && !view.collapsed.has(node.id)) toggle(view, node, true);
  else if (node.above >= 0) select(view, node.above);
}

/**
 * Select what was recorded last.
 *
 * @param {View} view
 */
export function followNewest(view) {
  const newest = view.real.reduce((last, node) => (node.index && node.start >= last.start ? node : last), view.real[0]);
  if (newest.index !== view.at) goTo(view, newest.index);
}
