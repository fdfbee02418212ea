// Each kind of operation has a colour (in base.css) and a mark of its own, so that none depends on colour alone.

import { drawing, element } from "./dom.js";
import { silence } from "./format.js";

/** @type {{ [kind: string]: string }} */
const MARKS = {
  trace: "M2 4h12M4 8h8M8 12h6",
  agent: "M8 2.5a3 3 0 1 1 0 6a3 3 0 1 1 0-6M2.5 14c.5-3 2.6-4 5.5-4s5 1 5.500 4",
  tool: "M13.500 4.500l-2.500 2.500-2-2L11.500 2.500A4 4 0 0 0 6.500 7.500L2.500 11.500l2 2 4-4A4 4 0 0 0 13.500 4.500z",
  memory: "M3 4c0-2 10-2 10 0v8c0 2-10 2-10 0zM3 4c0 2 10 2 10 0M3 8c0 2 10 2 10 0",
  llm: "M8 1.500l1.700 4.300L14 7.500l-4.300 1.700L8 13.500l-1.700-4.300L2 7.500l4.300-1.700z",
  retriever: "M7 2.500a4.500 4.500 0 1 1 0 9a4.500 4.500 0 1 1 0-9M10.300 10.300L14 14",
};
const OTHER = "M8 2.500L13.500 8 8 13.500 2.500 8z";

/**
 * The class that colours a kind.
 *
 * @param {string} kind
 */
export function kindClass(kind) {
  return `kind-${Object.hasOwn(MARKS, kind) ? kind : "other"}`;
}

/**
 * What a kind is called: a memory says whether it is read or written.
 *
 * @param {{ kind: string, operation?: string | null }} given
 */
export function kindName({ kind, operation }) {
  return operation ? `${kind} ${operation}` : kind;
}

/**
 * The mark of a kind, named for those who cannot see it.
 *
 * @param {{ kind: string, operation?: string | null }} thing
 */
export function mark(thing) {
  const shape = drawing("path", { d: Object.hasOwn(MARKS, thing.kind) ? MARKS[thing.kind] : OTHER });
  const picture = drawing("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, shape);
  return element("span", { class: `mark ${kindClass(thing.kind)}`, title: kindName(thing) }, picture);
}

/** @type {{ [status: string]: string }} */
const STATUS = { completed: "✓", error: "✕", cancelled: "⊘", running: "●", unfinished: "◌" };

/**
 * The status that is shown: what has no end because its process has gone, or was ended at shutdown, is unfinished.
 *
 * @param {Timed & { metadata?: Fields | null }} thing
 */
export function stateOf(thing) {
  if (thing.status === "running" && (thing.unfinished || silence(thing))) return "unfinished";
  return thing.status === "cancelled" && (thing.unfinished || thing.metadata?.unfinished === true) ? "unfinished" : thing.status;
}

/**
 * A status as a mark and, if it is `long`, a word.
 *
 * @param {string} word
 */
export function status(word, { long = false, failed = 0 } = {}) {
  const known = Object.hasOwn(STATUS, word);
  const sign = element("span", { class: "sign", "aria-hidden": long }, known ? STATUS[word] : "○");
  const label = long ? element("span", {}, word) : element("span", { class: "unseen" }, word);
  const inside = failed && word !== "error" ? element("span", { class: "failed-inside", "aria-hidden": true }, "!") : null;
  const title = inside ? `${word}, ${failed} failed inside` : word;
  return element("span", { class: `status ${known ? word : ""}`, title }, sign, inside, label);
}
