// Calls, errors, durations, tokens, cost and scores over time, grouped by agent, tool, model, user and more.

import { get, latest, messageOf, paced } from "./api.js";
import { element } from "./dom.js";
import { emptyStore } from "./empty.js";
import { chips, filtersOf } from "./filters.js";
import { duration, money, plural, short, zone } from "./format.js";
import { behind, errorTable, GROUPABLE, haveTokens, scoreTables, sortable, totalsTable } from "./figures.js";
import { useKeys } from "./keys.js";
import { sortChoice } from "./listing.js";
import { listen } from "./live.js";
import { patch } from "./patch.js";
import { plot } from "./plot.js";
import { address, go } from "./route.js";

/** @typedef {import("./figures.js").Metrics} Metrics */
/** @typedef {import("./figures.js").Group} Group */

const HOUR = 3600e6;
/** @type {{ [within: string]: [title: string, length: number | null, buckets: number] }} */
const SPANS = {
  "1h": ["last hour", HOUR, 60], "1d": ["last day", 24 * HOUR, 48], "7d": ["last week", 168 * HOUR, 56], "30d": ["last 30 days", 720 * HOUR, 60],
  all: ["all", null, 60],
};
const PERCENTILES = /** @type {const} */ (["p50", "p95", "p99"]);
const COLOURED = 7; // groups with a colour of their own; the others share one

/**
 * What the user chose: what to group by (`metadata:KEY` for a metadata key), the stretch of time, the percentile, the order
 * of the groups, and filters.
 *
 * @typedef {object} Chosen
 * @property {string} by
 * @property {string} within
 * @property {"p50" | "p95" | "p99"} percentile
 * @property {string} sort
 * @property {string} order
 * @property {{ [name: string]: string }} filters
 */

/**
 * @typedef {object} View
 * @property {Chosen} chosen
 * @property {(Metrics & { chosen: Chosen }) | null} answer
 * @property {Set<string>} hidden names of groups that are not drawn
 * @property {string[]} keys metadata keys that occur
 * @property {boolean} closed
 * @property {HTMLElement} tools
 * @property {HTMLElement} body
 * @property {HTMLElement} pictures
 * @property {ReturnType<typeof plot>[]} plots
 */

/**
 * The page with the plots.
 *
 * @param {HTMLElement} host
 * @param {Route} first
 * @returns {Page}
 */
export function openMetrics(host, first) {
  document.title = "Metrics · voltagent";
  const view = /** @type {View} */ (/** @type {Partial<View>} */ ({ chosen: chosenIn(first.query), answer: null, hidden: new Set(), keys: [], closed: false }));
  view.plots = plots(view);
  view.tools = element("div", { class: "filters" });
  view.body = element("div", { class: "metrics-body" });
  view.pictures = element("div", { class: "plots", "data-key": "plots" }, view.plots.map(({ figure }) => figure));
  host.append(element("h1", { class: "unseen" }, "Metrics"), view.tools, view.body);
  useKeys([
    [["a"], "by agent", () => choose(view, { by: "agent" })],
    [["t"], "by tool", () => choose(view, { by: "tool" })],
    [["m"], "by model", () => choose(view, { by: "model" })],
    [["ArrowLeft", "ArrowRight"], "values of a plot that has the focus"],
    [["ArrowUp", "ArrowDown"], "one of its values; Enter leads to the calls behind it"],
    [["Escape"], "all traces", () => go(address("list"))],
  ]);
  const refresh = paced(() => load(view));
  const end = listen(refresh);
  controls(view);
  refresh();
  suggestKeys(view);
  return {
    update(route) {
      view.chosen = chosenIn(route.query);
      view.hidden.clear();
      controls(view);
      load(view);
    },
    close() {
      view.closed = true;
      end();
    },
  };
}

/** @param {{ [name: string]: string }} query @returns {Chosen} */
function chosenIn(query) {
  const { within: span, counted, unnamed, ...filters } = filtersOf(query); // the two choose among calls alone
  const { by = "agent", within = span ?? "1d", percentile, sort = "calls", order = "desc" } = query;
  return {
    by: by in GROUPABLE || by.startsWith("metadata:") ? by : "agent",
    within: within in SPANS ? within : "1d",
    percentile: PERCENTILES.find((name) => name === percentile) ?? "p95",
    sort: sort in sortable ? sort : "calls",
    order: order === "asc" ? "asc" : "desc",
    filters,
  };
}

/** @param {Chosen} chosen */
const addressOf = ({ filters, ...others }) => address("metrics", [], { ...filters, ...others });

/** @param {View} view @param {Partial<Chosen>} change */
function choose(view, change) {
  go(addressOf({ ...view.chosen, ...change }));
}

/** @param {View} view */
async function load(view) {
  const counts = latest(view);
  const { chosen } = view;
  const [, length, buckets] = SPANS[chosen.within];
  const [since, until] = chosen.filters.since || !length ? [null, null] : roundSpan(length / buckets, buckets);
  try {
    const { by, sort, order, filters } = chosen;
    const answer = await get("metrics", { by, since, until, buckets, sort, order, ...filters });
    if (!counts()) return;
    view.answer = { ...answer, chosen };
    draw(view);
  } catch (failed) {
    if (counts() && view.answer?.chosen !== chosen) patch(view.body, [element("p", { class: "problem" }, messageOf(failed))]);
  }
}

/** @param {View} view */
async function suggestKeys(view) {
  try {
    view.keys = (await get("facets")).metadata ?? [];
    if (!view.closed) controls(view);
  } catch {
    // the plots say what is wrong
  }
}

/**
 * Stretches of time, the last of which holds the present: they begin at round times.
 *
 * @param {number} bucket µs
 * @param {number} many
 */
function roundSpan(bucket, many) {
  const offset = new Date().getTimezoneOffset() * 60e6;
  const until = (Math.floor((Date.now() * 1000 - offset) / bucket) + 1) * bucket + offset;
  return [until - many * bucket, until];
}

/** @param {View} view */
function draw(view) {
  if (!view.answer) return;
  const { chosen, groups, buckets } = view.answer;
  const when = clockFor(buckets);
  if (!groups.length) {
    const isAll = chosen.within === "all" && chosen.by === "agent" && !Object.keys(chosen.filters).length;
    const words = isAll ? emptyStore() : element("p", { class: "empty" }, `Nothing ${titleOf(chosen.by)} in this time.`);
    patch(view.body, [words, errorTable(view.answer), scoreTables(view.answer, when)]);
    return;
  }
  paint(groups);
  const { main, rest } = seenOf(view);
  /** @param {(group: Group) => (number | null)[]} values @returns {Series[]} */
  const lines = (values) => main.map((group) => ({ name: group.name, colour: group.colour ?? "", values: values(group) }));
  /** @param {(group: Group) => (number | null)[]} values */
  const bars = (values) => [...lines(values), ...(rest.length ? [together(rest, values)] : [])];
  /** @type {[title: string, series: Series[]][]} */
  const drawn = [
    ["Calls", bars((group) => group.calls)],
    ["Errors", bars((group) => group.errors)],
    [`Duration, ${chosen.percentile}`, lines((group) => group[chosen.percentile])],
    ["Tokens", bars((group) => group.tokens.map((one) => one?.total ?? null))],
    ["Cost", bars((group) => group.cost)],
  ];
  for (const [place, [title, series]] of drawn.entries()) view.plots[place].show({ title, buckets, series, when });
  for (const place of [3, 4]) view.plots[place].figure.hidden = !haveTokens(view.answer);
  const hide = (/** @type {string} */ name) => {
    if (!view.hidden.delete(name)) view.hidden.add(name);
    draw(view);
  };
  const sorted = (/** @type {string} */ sort, /** @type {string} */ order) => choose(view, { sort, order });
  const order = sortChoice(sortable, sorted);
  order.show(chosen.sort, chosen.order);
  patch(view.body, [
    keyLine(view, groups, rest, hide), view.pictures, element("div", { class: "narrow-only", "data-key": "order", shows: () => `${chosen.sort} ${chosen.order}` }, order.holder),
    totalsTable(view.answer, view.hidden, hide, sorted, chosen), errorTable(view.answer), scoreTables(view.answer, when),
  ]);
}

/** The groups that are drawn: those with a colour of their own, and the others. @param {View} view */
function seenOf(view) {
  const seen = (view.answer?.groups ?? []).filter((group) => !view.hidden.has(group.name));
  return { main: seen.filter((group) => group.colour !== REST), rest: seen.filter((group) => group.colour === REST) };
}

/**
 * Calls, errors, durations, tokens and cost. A value leads to the calls or traces that it counts.
 *
 * @param {View} view
 */
function plots(view) {
  /** @param {(write: Metrics) => { [name: string]: string }} more @returns {(series: number, bucket: number) => void} */
  const opens = (more) => (series, bucket) => {
    const { answer } = view;
    if (!answer) return;
    const group = seenOf(view).main[series];
    const start = answer.buckets[bucket];
    const [since, until] = answer.time_filter;
    const rest = bucket === answer.buckets.length - 1 ? 1 : 0; // the last call may begin at the very end
    const time = { [since]: String(Math.floor(start)), [until]: String(Math.ceil(start + answer.width) + rest) };
    go(behind(answer)(group ? group.filter : answer.totals.filter, { ...more(answer), ...time }));
  };
  const counted = (more = opens(() => ({}))) => plot({ stacked: true, write: short, opened: more });
  return [
    counted(), counted(opens((answer) => answer.error_filter)),
    plot({ stacked: false, step: 1e-3, write: (value) => (value ? duration(value) : "0"), opened: opens(() => ({ sort: "duration" })) }),
    counted(opens(() => ({ sort: "tokens" }))),
    plot({ stacked: true, step: 1e-6, write: money, opened: opens(() => ({ sort: "cost" })) }),
  ];
}

/** @param {View} view @param {Group[]} groups @param {Group[]} rest @param {(name: string) => void} hide */
function keyLine(view, groups, rest, hide) {
  const toggle = (/** @type {Group} */ group) => element(
    "button",
    {
      type: "button", class: "quiet series", "data-key": `group ${group.name}`, "aria-pressed": !view.hidden.has(group.name),
      title: "Hide or show", on: { click: () => hide(group.name) },
    },
    element("i", { class: `swatch ${group.colour}` }), element("bdi", { title: group.name }, group.name),
  );
  const others = rest.length ? element("span", { class: "series dim" }, element("i", { class: `swatch ${REST}` }), plural(rest.length, "other")) : null;
  return element("div", { class: "key-line", "data-key": "names" }, groups.filter((group) => group.colour !== REST).map(toggle), others);
}

const REST = "series-rest";

/**
 * A colour of its own for each group that has much of anything; one for all others.
 *
 * @param {Group[]} groups
 */
function paint(groups) {
  /** @type {((group: Group) => number)[]} */
  const measures = [({ total }) => total.calls, ({ total }) => total.errors, ({ total }) => total.tokens?.total ?? 0, ({ total }) => total.cost ?? 0];
  const wholes = measures.map((measure) => groups.reduce((sum, group) => sum + measure(group), 0) || 1);
  const weight = (/** @type {Group} */ group) => Math.max(...measures.map((measure, place) => measure(group) / wholes[place]));
  const main = new Set([...groups].sort((one, other) => weight(other) - weight(one)).slice(0, COLOURED).map(({ name }) => name));
  // by name, so that a colour stays with its group when the order changes
  const coloured = [...main].sort();
  for (const group of groups) group.colour = main.has(group.name) ? `series-${coloured.indexOf(group.name)}` : REST;
}

/** @param {Group[]} groups @param {(group: Group) => (number | null)[]} values @returns {Series} */
function together(groups, values) {
  const all = groups.map(values);
  const sums = all[0].map((_, bucket) => all.reduce((sum, one) => sum + (one[bucket] || 0), 0));
  return { name: plural(groups.length, "other"), colour: REST, values: sums };
}

/** @param {string} by */
const titleOf = (by) => (by.startsWith("metadata:") ? `with ${by}` : `by ${GROUPABLE[by]}`);

/** @param {View} view */
function controls(view) {
  const { chosen } = view;
  /** @param {"within" | "percentile"} name @param {[value: string, words: string][]} entries */
  const tabs = (name, entries) => element(
    "span", { class: "tabs", role: "group", "aria-label": name, "data-key": name },
    entries.map(([value, words]) => element("a", { href: addressOf({ ...chosen, [name]: value }), "aria-current": value === chosen[name] ? "true" : null }, words)),
  );
  /** @type {[value: string, words: string][]} */
  const keys = view.keys.map((key) => [`metadata:${key}`, `metadata ${key}`]);
  const known = [...Object.entries(GROUPABLE), ...keys];
  const others = known.some(([value]) => value === chosen.by) ? [] : [[chosen.by, chosen.by.replace(":", " ")]];
  const options = [...known, ...others].map(([value, words]) => element("option", { value, selected: value === chosen.by }, `by ${words}`));
  const change = (/** @type {Event} */ event) => choose(view, { by: /** @type {HTMLSelectElement} */ (event.target).value });
  patch(view.tools, [
    element("select", { "aria-label": "Group by", "data-key": `by ${chosen.by} ${options.length}`, on: { change } }, options),
    tabs("within", Object.entries(SPANS).map(([name, [words]]) => [name, words])),
    tabs("percentile", PERCENTILES.map((name) => [name, name])),
    element("span", { class: "chips", "data-key": "chips" }, chips(chosen.filters, (filters) => choose(view, { filters }), [])),
    element("span", { class: "dim" }, `times ${zone()}`),
  ]);
}

const two = (/** @type {number} */ number) => String(number).padStart(2, "0");

/**
 * How to write a bucket's time: with the day if they span more than one.
 *
 * @param {number[]} buckets
 */
function clockFor(buckets) {
  const isLong = buckets.length > 1 && buckets[buckets.length - 1] - buckets[0] > 24 * HOUR;
  return (/** @type {number} */ start) => {
    const date = new Date(start / 1000);
    const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
    return isLong ? `${day} ${time}` : time;
  };
}
