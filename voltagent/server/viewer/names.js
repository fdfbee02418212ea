// Statistics by name within a trace, as a table.

import { element } from "./dom.js";
import { count, duration, money } from "./format.js";
import { statistics } from "./groups.js";

const MOST_NAMES = 100;
const COLUMNS = ["name", "calls", "failed", "total", "mean", "longest", "tokens", "cost"];

/** @param {TreeNode[]} operations */
export function nameTable(operations) {
  const rows = statistics(operations).slice(0, MOST_NAMES);
  const [haveTokens, haveCost] = [rows.some(({ tokens }) => tokens), rows.some(({ cost }) => cost)];
  const columns = COLUMNS.filter((name) => (name !== "tokens" || haveTokens) && (name !== "cost" || haveCost));
  const cell = (/** @type {string} */ text, sort = "") => element("td", { class: `number ${sort}` }, text);
  const head = element("tr", {}, columns.map((name, place) => element("th", { scope: "col", class: place ? "number" : "" }, name)));
  const body = rows.map((one) => element("tr", {},
    element("th", { scope: "row" }, element("bdi", {}, one.name)), cell(count(one.count)), cell(one.failed ? count(one.failed) : "", "error-text"),
    cell(duration(one.total)), cell(duration(one.total / one.count)), cell(duration(one.longest)), haveTokens ? cell(one.tokens ? count(one.tokens) : "") : null,
    haveCost ? cell(one.cost ? money(one.cost) : "") : null));
  const table = element("table", { class: "by-name" }, element("thead", {}, head), element("tbody", {}, body));
  return element("div", { class: "table-holder", tabindex: 0, role: "group", "aria-label": "By name" }, table);
}
