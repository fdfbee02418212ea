// A row of a comparison: an operation in both traces, how long it took there, and what of it changed.

import { element } from "./dom.js";
import { duration, elapsed } from "./format.js";
import { mark, stateOf } from "./kinds.js";
import { NOTABLE } from "./timeline.js";
import { asText } from "./value.js";

/** @typedef {import("./compare.js").View} View */

/** The headings of the rows. */
export function pairHeading() {
  const names = [["Operation", "what"], ["A", "number"], ["B", "number"], ["B − A", "number"], ["", "change"]];
  const cells = names.map(([name, sort]) => element("span", { role: "columnheader", class: sort }, name || element("span", { class: "unseen" }, "Change")));
  return element("div", { class: "line heading", role: "row" }, cells);
}

/**
 * How much longer the second one took, in µs.
 *
 * @param {Pair} row
 */
export function difference({ one, other }) {
  const [before, after] = [one && elapsed(one), other && elapsed(other)];
  return before === null || after === null ? null : after - before;
}

/**
 * Whether a difference is large enough to be coloured.
 *
 * @param {Pair} row
 */
export function isNotable(row) {
  const by = difference(row);
  return by !== null && row.one !== null && Math.abs(by) > NOTABLE * (elapsed(row.one) || 1);
}

/**
 * Whether two operations differ, or only one of them is there: how long they took does not count.
 *
 * @param {View} view
 * @param {Pair} row
 */
export function differs(view, row) {
  return !row.one || !row.other || stateOf(row.one) !== stateOf(row.other) || changes(view, row).length > 0;
}

/** @param {View} view @param {number} index */
export function pairLine(view, index) {
  const row = view.rows[index];
  const { one, other } = row;
  const node = /** @type {TreeNode} */ (one ?? other);
  const changed = changes(view, row);
  const isOther = one !== null && other !== null && stateOf(one) !== stateOf(other);
  const sort = !one ? "only-b" : !other ? "only-a" : isOther || changed.length ? "differs" : "";
  const by = difference(row);
  return element(
    "div",
    { class: `line ${sort}`, role: "row", id: `pair-${index}`, "aria-rowindex": index + 2, "aria-selected": index === view.at },
    element(
      "span",
      { class: "what", role: "gridcell" },
      element("span", { class: "indent", style: { "--depth": row.depth } }),
      mark(node),
      element("bdi", { class: "name" }, node.name || node.agent),
      sort.startsWith("only") ? element("span", { class: "state" }, one ? "only in A" : "only in B") : null,
      isOther ? element("span", { class: "state" }, `${stateOf(one)} → ${stateOf(other)}`) : null,
      changed.length ? element("span", { class: "state changed" }, `≠ ${changed.join(", ")}`) : null,
    ),
    took(one),
    took(other),
    element("span", { class: "number", role: "gridcell" }, by ? delta(by, duration, isNotable(row)) : ""),
    element("span", { class: "change", role: "gridcell" }, by ? changeBar(by, view.most, isNotable(row)) : null),
  );
}

/**
 * In what two operations differ, by the hashes of the server: input, instructions, model, output.
 *
 * @param {View} view
 * @param {Pair} row
 */
export function changes(view, { one, other }) {
  if (!one || !other || !view.comparison) return [];
  if (!one.index) {
    const [before, after] = view.answers.map(({ trace }) => trace);
    return /** @type {const} */ (["input", "output"]).filter((name) => asText(before[name] ?? null) !== asText(after[name] ?? null));
  }
  const { parts, hashes } = view.comparison;
  return parts.filter((_, place) => hashes.left[one.id]?.[place] !== hashes.right[other.id]?.[place]);
}

/** @param {TreeNode | null} node */
function took(node) {
  return element("span", { class: `number${node?.status === "error" ? " error-text" : ""}`, role: "gridcell" }, node ? duration(elapsed(node)) : "–");
}

/**
 * `+1.2 s` or `−300 ms`, coloured if it is notable.
 *
 * @param {number} by
 * @param {(value: number) => string} write
 */
export function delta(by, write, notable = true) {
  const side = notable ? (by > 0 ? "longer" : "shorter") : "dim";
  return element("span", { class: `delta ${side}` }, `${by > 0 ? "+" : "−"}${write(Math.abs(by))}`);
}

/**
 * A bar from the middle: to the right for longer, to the left for shorter.
 *
 * @param {number} by
 * @param {number} most
 * @param {boolean} notable
 */
function changeBar(by, most, notable) {
  const width = (50 * Math.abs(by)) / most;
  const left = by > 0 ? 50 : 50 - width;
  const sort = notable ? (by > 0 ? "longer" : "shorter") : "";
  return element("span", { class: `bar ${sort}`, style: { left: `${left}%`, width: `${width}%` } });
}
