// What a file that was exported, or a notebook's cell, has in place of a server: the answers stand in the page itself.
//
// Stands for `transport.js`, `live.js` and `choose.js`, and has what these export, as far as the page of a trace uses it.

import { byId } from "./dom.js";
import { parse, stringify } from "./json.js";

/** @typedef {{ answer: TraceAnswer, operations: { [id: string]: Fields } }} Recorded */

/** The traces in this file. @type {Recorded[]} */
export const recordedTraces = parse(byId("recorded").textContent ?? "{}").traces ?? [];

/** Nothing changes, and nothing can be requested or sent. */
export const isLive = false;

/**
 * The answer to a request, from what stands in the page.
 *
 * @param {string} address
 * @returns {Promise<Response>}
 */
export async function request(address) {
  const [path, query] = address.split("?");
  const [, , trace, part, operation] = path.split("/").map(decodeURIComponent);
  const found = recordedTraces.find(({ answer }) => answer.trace.id === trace);
  const value = found && answerOf(found, part, operation, new URLSearchParams(query));
  return value === undefined ? new Response('{"error":"this is not in the file"}', { status: 404 }) : new Response(stringify(value));
}

/** @param {Recorded} recorded @param {string | undefined} part @param {string | undefined} operation @param {URLSearchParams} query */
function answerOf({ answer, operations }, part, operation, query) {
  if (part === undefined) return answer;
  if (part === "operations" && operation !== undefined && Object.hasOwn(operations, operation)) return operations[operation];
  return part === "matches" ? { ids: holding(answer, operations, (query.get("text") ?? "").toLowerCase()) } : undefined;
}

/** @param {TraceAnswer} answer @param {{ [id: string]: Fields }} operations @param {string} wanted */
function holding({ trace }, operations, wanted) {
  const holds = (/** @type {Fields} */ { input, output, error, metadata, instructions }) =>
    stringify([input, output, error, metadata, instructions]).toLowerCase().includes(stringify(wanted).slice(1, -1));
  return [trace, ...Object.values(operations)].filter(holds).map(({ id }) => id);
}

/** @returns {() => void} */
export const listen = () => () => {};
export const stopped = () => {};
export const runBefore = () => {};
export const withLastSuccess = () => {};
export const openBaseline = () => {};
export const pickComparison = () => {};
