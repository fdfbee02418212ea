// The head of a comparison: both traces, and the facts in which they differ.

import { button, element } from "./dom.js";
import { count, duration, elapsed, exactly, money, plural } from "./format.js";
import { used } from "./headline.js";
import { stateOf, status } from "./kinds.js";
import { changes, delta } from "./pairline.js";
import { address } from "./route.js";
import { compared } from "./value.js";

/** @typedef {import("./compare.js").View} View */

/** How facts that are numbers are written. @type {{ [name: string]: (value: number) => string }} */
const WRITTEN = { duration, cost: money };

/**
 * @param {View} view
 * @param {{ swap: () => void, change: (side: number) => void }} acts
 */
export function comparisonHead(view, { swap, change }) {
  const sides = view.answers.map(({ trace }, side) => element(
    "section",
    { "aria-label": side ? "Second trace" : "First trace" },
    element("h2", {}, element("span", { class: "side" }, side ? "B" : "A"), element("a", { href: address("trace", [trace.id]) }, element("bdi", {}, trace.agent))),
    element(
      "p",
      { class: "headline" },
      status(stateOf(trace), { long: true, failed: trace.errors }),
      element("span", {}, duration(elapsed(trace))),
      element("span", {}, plural(trace.operations, "operation")),
      trace.errors ? element("span", { class: "error-text" }, plural(trace.errors, "error")) : null,
      used(trace),
      element("span", { class: "dim" }, exactly(trace.start)),
      button("Another …", () => change(side), { class: "quiet", "aria-label": `Another trace for ${side ? "B" : "A"}` }),
      side ? button("Swap", swap, { class: "quiet", title: "Swap A and B (s)" }) : null,
    ),
  ));
  return [element("div", { class: "sides" }, sides), differing(view)];
}

/**
 * The facts in which the traces differ, and in how many operations what changed.
 *
 * @param {View} view
 */
function differing(view) {
  const facts = (view.comparison?.facts ?? []).filter(({ differs }) => differs);
  const rows = facts.map(({ name, left, right }) => element(
    "tr", {}, element("th", { scope: "row" }, name), element("td", {}, fact(name, left, right)), element("td", {}, fact(name, right, left)), element("td", { class: "number" }, change(name, left, right)),
  ));
  const parts = changedParts(view);
  const head = element("tr", {}, ["differs", "A", "B", "B − A"].map((name) => element("th", { scope: "col" }, name)));
  return element(
    "div", { class: "differing-facts", tabindex: 0, role: "group", "aria-label": "What differs" },
    rows.length ? element("table", {}, element("thead", {}, head), element("tbody", {}, rows)) : element("p", { class: "dim" }, "The facts of both traces are the same."),
    parts.length ? element("p", {}, parts.map((words) => element("span", { class: "differing" }, words))) : null,
  );
}

/** @param {string} name @param {unknown} value @param {unknown} other */
function fact(name, value, other) {
  if (value === null || value === undefined || (Array.isArray(value) && !value.length)) return element("span", { class: "dim" }, "none");
  if (typeof value === "number") return written(name, value);
  const [text, against] = [value, other].map((one) => (Array.isArray(one) ? one.join(", ") : one));
  if (typeof text === "string" && typeof against === "string" && text.length + against.length > 24) return compared(text, against);
  return element("bdi", {}, String(text));
}

/** @param {string} name @param {number} value */
const written = (name, value) => (WRITTEN[name] ?? count)(value);

/** @param {string} name @param {unknown} left @param {unknown} right */
function change(name, left, right) {
  return typeof left === "number" && typeof right === "number" && left !== right ? delta(right - left, (by) => written(name, by)) : "";
}

/**
 * In how many operations which part differs: `model differs in 2 operations`.
 *
 * @param {View} view
 */
function changedParts(view) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const row of view.rows) {
    for (const part of row.one?.index ? changes(view, row) : []) counts.set(part, (counts.get(part) || 0) + 1);
  }
  return [...counts].map(([part, many]) => `${part} ${part === "instructions" ? "differ" : "differs"} in ${plural(many, "operation")}`);
}
