// The tables of the Metrics page: totals by group, types of errors, scores. Every number leads to the calls or traces
// behind it: to what it counts.

import { element } from "./dom.js";
import { count, duration, money, plural } from "./format.js";
import { plot } from "./plot.js";
import { address, go } from "./route.js";

/** @typedef {{ [name: string]: string }} Filter */
/** @typedef {{ prompt?: number, completion?: number, total?: number, cached?: number }} Tokens */

/**
 * @typedef {object} Total
 * @property {number} calls
 * @property {number} errors
 * @property {number} error_rate from 0 to 1
 * @property {number | null} p50
 * @property {number | null} p95
 * @property {number | null} p99
 * @property {Tokens | null} [tokens]
 * @property {number | null} [cost]
 */

/** @typedef {{ type: string, count: number, filter: Filter }} ErrorType */

/**
 * @typedef {object} Group
 * @property {string} name
 * @property {Filter} filter
 * @property {number[]} calls
 * @property {number[]} errors
 * @property {(number | null)[]} p50
 * @property {(number | null)[]} p95
 * @property {(number | null)[]} p99
 * @property {(Tokens | null)[]} tokens
 * @property {(number | null)[]} cost
 * @property {Total} total
 * @property {ErrorType[]} [error_types]
 * @property {string} [colour]
 */

/**
 * @typedef {object} ScoreFigures
 * @property {string} name
 * @property {number} count
 * @property {number | null} mean
 * @property {{ count: number[], mean: (number | null)[] }} buckets
 * @property {{ value: unknown, count: number, filter: Filter }[]} values
 * @property {Filter} filter
 */

/**
 * The answer of `/api/metrics`.
 *
 * @typedef {object} Metrics
 * @property {string} by
 * @property {string} unit
 * @property {number[]} buckets µs
 * @property {number} width µs
 * @property {[since: string, until: string]} time_filter names of the filters for a bucket
 * @property {Filter} error_filter
 * @property {Group[]} groups
 * @property {number} more groups that are not listed
 * @property {Partial<Total> & { traces: number, filter?: Filter }} totals
 * @property {ErrorType[]} error_types
 * @property {ScoreFigures[]} scores
 */

/** What figures can be grouped by. @type {{ [by: string]: string }} */
export const GROUPABLE = {
  agent: "agent", tool: "tool", model: "model", user: "user", conversation: "conversation", day: "day", tag: "tag", version: "version",
  environment: "environment",
};

/** What groups can be sorted by. @type {{ [sort: string]: string }} */
export const sortable = {
  calls: "calls", errors: "errors", error_rate: "error rate", p50: "p50", p95: "p95", p99: "p99", tokens: "tokens", cost: "cost", name: "name",
};

/** @typedef {(filter: Filter | undefined, more?: Filter) => string} Way the address of a list */

/** @type {Way} */
const traces = (filter, more = {}) => address("list", [], { ...filter, ...more });
/** @type {Way} */
const calls = (filter, more = {}) => address("calls", [], { ...filter, ...more });

/**
 * The address of what figures count: calls or traces.
 *
 * @param {{ unit: string }} metrics
 */
export const behind = ({ unit }) => (unit === "calls" ? calls : traces);

/**
 * A cell with a number that leads to what it counts.
 *
 * @param {string} label
 * @param {string} words
 * @param {string} href
 */
function cell(label, words, href, sort = "") {
  return element("td", { class: `number ${sort}`, "data-label": label }, words ? element("a", { href }, words) : "");
}

/**
 * Whether a group used tokens or cost anything: tools usually have no figures of that sort.
 *
 * @param {Metrics} metrics
 */
export const haveTokens = ({ groups }) => groups.some(({ total: { tokens, cost } }) => cost || Object.values(tokens ?? {}).some(Boolean));

/** @param {number | undefined} rate */
const percent = (rate) => (rate ? `${(100 * rate).toFixed(1)} %` : "");

/**
 * Figures by group, and of all.
 *
 * @param {Metrics} metrics
 * @param {Set<string>} hidden
 * @param {(name: string) => void} hide
 * @param {(sort: string, order: string) => void} sorted
 * @param {{ by: string, sort: string, order: string }} chosen
 */
export function totalsTable(metrics, hidden, hide, sorted, { by, sort, order }) {
  const title = by.replace("metadata:", "");
  const head = element("tr", {}, (haveTokens(metrics) ? HEADINGS : HEADINGS.filter(([, words]) => !OF_TOKENS.includes(words))).map(([name, words]) => heading(name, words || title, sort, order, sorted)));
  const rows = metrics.groups.map((group) => row(group, metrics, hidden.has(group.name), hide));
  const more = metrics.more ? `, ${count(metrics.more)} more are not listed` : "";
  const caption = element("caption", { class: "dim" }, `${plural(metrics.groups.length, title)}${more}`);
  const { totals } = metrics;
  const foot = element("tr", { "data-key": "all" }, element("th", { scope: "row" }, "all"), figures({ calls: 0, errors: 0, error_rate: 0, p50: null, p95: null, p99: null, ...totals }, totals.filter, metrics), element("td", {}));
  const table = element("table", { class: "totals" }, caption, element("thead", {}, head), element("tbody", {}, rows), element("tfoot", {}, foot));
  return element("div", { class: "table-holder", tabindex: 0, role: "group", "aria-label": "Figures", "data-key": "totals" }, table);
}

/** @type {[sort: string | null, words: string][]} */
const HEADINGS = [
  ["name", ""], ["calls", "calls"], ["errors", "errors"], ["error_rate", "error rate"], ["p50", "p50"], ["p95", "p95"], ["p99", "p99"],
  [null, "prompt"], [null, "cached"], [null, "completion"], ["tokens", "tokens"], ["cost", "cost"], [null, "error types"],
];

const OF_TOKENS = ["prompt", "cached", "completion", "tokens", "cost"];

/** @param {string | null} name @param {string} words @param {string} sort @param {string} order @param {(sort: string, order: string) => void} sorted */
function heading(name, words, sort, order, sorted) {
  const side = name === "name" ? "" : "number";
  if (!name) return element("th", { scope: "col", class: side }, words);
  const isSorted = name === sort;
  const turned = isSorted ? (order === "asc" ? "desc" : "asc") : name === "name" ? "asc" : "desc";
  const sign = element("span", { class: "order", "aria-hidden": true }, isSorted ? (order === "asc" ? "▲" : "▼") : "");
  const press = element("button", { type: "button", class: "quiet sort", on: { click: () => sorted(name, turned) } }, words, sign);
  return element("th", { scope: "col", class: side, "aria-sort": isSorted ? (order === "asc" ? "ascending" : "descending") : null }, press);
}

/** @param {Group} group @param {Metrics} metrics @param {boolean} isHidden @param {(name: string) => void} hide */
function row(group, metrics, isHidden, hide) {
  const { name, filter, total, colour = "", error_types: types = [] } = group;
  const toggle = element("button", {
    type: "button", class: "quiet series", "aria-pressed": !isHidden, "aria-label": `Show ${name} in the plots`, title: "Hide or show in the plots",
    on: { click: () => hide(name) },
  }, element("i", { class: `swatch ${colour}` }));
  const listed = types.slice(0, 3).map((one) => element("a", { href: calls(one.filter), class: "error-text" }, element("bdi", {}, one.type), ` ${count(one.count)} `));
  return element(
    "tr", { class: isHidden ? "off" : "", "data-key": `group ${name}` },
    element("th", { scope: "row" }, toggle, element("a", { href: behind(metrics)(filter), class: "group-name" }, element("bdi", { title: name }, name))),
    figures(total, filter, metrics), element("td", { class: "types", "data-label": "error types" }, listed),
  );
}

/** @param {Total} total @param {Filter | undefined} filter @param {Metrics} metrics */
function figures(total, filter, metrics) {
  const used = total.tokens ?? {};
  const way = behind(metrics);
  const [failed, slow] = [way(filter, metrics.error_filter), way(filter, { sort: "duration" })];
  const [large, cached, dear] = [way(filter, { sort: "tokens" }), way(filter, { sort: "cached" }), way(filter, { sort: "cost" })];
  return [
    cell("calls", count(total.calls), way(filter)),
    cell("errors", total.errors ? count(total.errors) : "", failed, "errors"),
    cell("error rate", percent(total.error_rate), failed, "errors"),
    cell("p50", duration(total.p50), slow), cell("p95", duration(total.p95), slow), cell("p99", duration(total.p99), slow),
    haveTokens(metrics) ? [
      cell("prompt", used.prompt ? count(used.prompt) : "", large), cell("cached", used.cached ? count(used.cached) : "", cached),
      cell("completion", used.completion ? count(used.completion) : "", large), cell("tokens", used.total ? count(used.total) : "", large),
      cell("cost", total.cost ? money(total.cost) : "", dear),
    ] : [],
  ];
}

/**
 * Types of errors over everything, the most frequent first.
 *
 * @param {Metrics} metrics
 */
export function errorTable({ error_types: types }) {
  if (!types?.length) return null;
  const rows = types.map((one) => element("tr", { "data-key": one.type },
    element("th", { scope: "row" }, element("a", { href: calls(one.filter) }, element("bdi", {}, one.type))), cell("errors", count(one.count), calls(one.filter))));
  const head = element("tr", {}, element("th", { scope: "col" }, "error type"), element("th", { scope: "col", class: "number" }, "errors"));
  return element("div", { class: "figures", "data-key": "error types" }, element("table", { class: "types-table" }, element("thead", {}, head), element("tbody", {}, rows)));
}

/**
 * Scores by name: how many, their mean over time, their values.
 *
 * @param {Metrics} metrics
 * @param {(start: number) => string} when
 */
export function scoreTables({ scores, buckets, width }, when) {
  if (!scores?.length) return null;
  const parts = scores.map((score, place) => element("section", { "data-key": score.name, class: "score-figures" },
    element("h2", {}, element("a", { href: traces(score.filter) }, element("bdi", {}, score.name))),
    element("p", { class: "dim" }, `${count(score.count)} given${score.mean === null || score.mean === undefined ? "" : `, mean ${score.mean.toFixed(2)}`}`),
    score.buckets.mean.some((mean) => mean !== null) ? scorePlot(score, buckets, width, when, place) : null,
    element("ul", { class: "score-values" }, score.values.slice(0, 12).map(({ value, count: many, filter }) =>
      element("li", {}, element("a", { href: traces(filter) }, element("bdi", {}, String(value)), ` ${count(many)}`))))));
  return element("div", { class: "figures", "data-key": "scores" }, element("h2", {}, "Scores"), parts);
}

/**
 * The plot of each score, drawn again with every answer.
 *
 * @type {Map<string, { plot: ReturnType<typeof plot>, now: { filter: Filter, buckets: number[], width: number } }>}
 */
const scorePlots = new Map();

/** @param {ScoreFigures} score @param {number[]} buckets @param {number} width @param {(start: number) => string} when @param {number} place */
function scorePlot({ name, filter, buckets: { mean } }, buckets, width, when, place) {
  const known = scorePlots.get(name) ?? newScorePlot(name);
  Object.assign(known.now, { filter, buckets, width });
  known.plot.show({ title: `${name}, mean`, buckets, when, series: [{ name, colour: `series-${place % 7}`, values: mean }] });
  return known.plot.figure;
}

/** @param {string} name */
function newScorePlot(name) {
  const now = { filter: /** @type {Filter} */ ({}), buckets: /** @type {number[]} */ ([]), width: 0 };
  const made = plot({
    stacked: false, step: 1e-3, write: (value) => String(Math.round(value * 100) / 100),
    opened: (_, bucket) => {
      const start = now.buckets[bucket];
      go(traces(now.filter, { since: String(Math.floor(start)), until: String(Math.ceil(start + now.width)) }));
    },
  });
  made.figure.dataset.key = "mean";
  const known = { plot: made, now };
  scorePlots.set(name, known);
  return known;
}
