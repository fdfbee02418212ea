// Find in a trace: in names, kinds, tags and errors at once, in inputs and outputs a moment later.

import { get, messageOf, segment } from "./api.js";
import { say } from "./dom.js";
import { plural } from "./format.js";
import { matches } from "./tree.js";
import { isFound, next, noteAddress } from "./walk.js";

/** @typedef {import("./traceview.js").View} View */

/** @param {View} view */
export function find(view) {
  const wanted = view.parts.find.value.trim().toLowerCase();
  const held = view.held.wanted === wanted ? view.held.ids : new Set();
  const found = view.real.filter((node) => matches(node, wanted) || held.has(node.id));
  view.found = wanted ? new Set(found.map((node) => node.index)) : null;
  view.parts.hits.textContent = view.found ? plural(view.found.size, "match").replace("matchs", "matches") : "";
  if (!view.rows.length) return;
  noteAddress(view);
  view.list.show(view.rows.length);
  if (wanted && view.held.wanted !== wanted) findInPayloads(view, wanted);
}

/**
 * Inputs and outputs are with the server.
 *
 * @param {View} view
 * @param {string} wanted
 */
async function findInPayloads(view, wanted) {
  view.held = { wanted, ids: new Set() };
  try {
    const { ids } = await get(`traces/${segment(view.id)}/matches`, { text: wanted });
    if (view.closed || view.held.wanted !== wanted) return;
    view.held.ids = new Set(ids);
    find(view);
  } catch (failure) {
    if (!view.closed) say(messageOf(failure));
  }
}

/**
 * Clear the search; whether there was one.
 *
 * @param {View} view
 */
export function clearFind(view) {
  if (!view.parts.find.value) return false;
  view.parts.find.value = "";
  find(view);
  return true;
}

/** @param {View} view @param {KeyboardEvent} event */
export function findKeys(view, event) {
  if (event.key === "Enter") {
    next(view, isFound, event.shiftKey ? -1 : 1);
    event.preventDefault();
  } else if (event.key === "Escape" && clearFind(view)) event.preventDefault();
  else if (event.key === "Escape" || event.key === "ArrowDown") view.parts.scroller.focus();
}
