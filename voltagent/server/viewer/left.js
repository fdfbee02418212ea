// The list of traces as it was left, for the way back.

import { address } from "./route.js";

/** @type {{ [name: string]: string }} */
let kept = {};

/**
 * Keep the query of the list.
 *
 * @param {{ [name: string]: string }} query
 */
export function leaveList(query) {
  kept = query;
}

/**
 * The address of the list as it was left, at a trace.
 *
 * @param {string} id
 */
export function listAt(id) {
  return address("list", [], { ...kept, at: id });
}
