// Calls, errors, durations and tokens over time: by agent, by tool or by model.

import { asking, get, listen, paced } from "./api.js";
import { element } from "./dom.js";
import { emptyStore } from "./empty.js";
import { count, duration, plural, short, zone } from "./format.js";
import { useKeys } from "./keys.js";
import { patch } from "./patch.js";
import { plot } from "./plot.js";
import { address, go } from "./route.js";

const BY = { agent: "agents", tool: "tools", model: "models" };
const HOUR = 3600e6;
const SPANS = { "1h": ["last hour", HOUR, 60], "1d": ["last day", 24 * HOUR, 48], "7d": ["last week", 168 * HOUR, 56], "30d": ["last 30 days", 720 * HOUR, 60], all: ["all", null, 60] };
const PERCENTILES = ["p50", "p95", "p99"];
const COLOURED = 7; // groups with a colour of their own; the others share one

/** The page with the plots. */
export function openMetrics(host, first) {
  const view = { query: first.query, hidden: new Set(), plots: plots() };
  document.title = "Metrics · voltagent";
  view.tools = element("div", { class: "filters" });
  view.body = element("div", { class: "metrics-body" });
  view.pictures = element("div", { class: "plots", "data-key": "plots" }, view.plots.map(({ figure }) => figure));
  host.append(view.tools, view.body);
  useKeys([
    [["a"], "by agent", () => set(view, { by: "agent" })],
    [["t"], "by tool", () => set(view, { by: "tool" })],
    [["m"], "by model", () => set(view, { by: "model" })],
    [["ArrowLeft", "ArrowRight"], "values of a plot that has the focus"],
    [["Escape"], "all traces", () => go(address("list"))],
  ]);
  const refresh = paced(() => load(view));
  const end = listen("live", refresh);
  controls(view);
  refresh();
  return {
    update(route) {
      view.query = route.query;
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

function chosen(view) {
  const { by, within, percentile } = view.query;
  return {
    by: by in BY ? by : "agent",
    within: within in SPANS ? within : "1d",
    percentile: PERCENTILES.includes(percentile) ? percentile : "p95",
  };
}

function set(view, change) {
  go(address("metrics", [], { ...chosen(view), ...change }));
}

async function load(view) {
  const counts = asking(view);
  const wanted = chosen(view);
  const { by, within } = wanted;
  const [, length, buckets] = SPANS[within];
  const [since, until] = length ? roundSpan(length / buckets, buckets) : [null, null];
  try {
    const answer = await get("metrics", { by, since, until, buckets });
    if (!counts()) return;
    view.answer = { ...answer, ...wanted };
    draw(view);
  } catch (failed) {
    const shown = Object.entries(wanted).every(([name, value]) => view.answer?.[name] === value);
    if (counts() && !shown) patch(view.body, [element("p", { class: "problem" }, failed.message)]);
  }
}

/** So many buckets of a length, the last of which holds the present: they begin at round times. */
function roundSpan(bucket, many) {
  const zone = new Date().getTimezoneOffset() * 60e6;
  const until = (Math.floor((Date.now() * 1000 - zone) / bucket) + 1) * bucket + zone;
  return [until - many * bucket, until];
}

function draw(view) {
  const { by, within, percentile, buckets } = view.answer;
  const groups = [...view.answer.groups].sort((one, other) => sum(other.calls) - sum(one.calls));
  if (!groups.length) {
    const words = within === "all" && by === "agent" ? emptyStore() : element("p", { class: "empty" }, `No ${BY[by]} in this time.`);
    patch(view.body, [words]);
    return;
  }
  paint(groups);
  const seen = groups.filter((group) => !view.hidden.has(group.name));
  const [main, rest] = [seen.filter(isMain), seen.filter((group) => !isMain(group))];
  const lines = (values) => main.map((group) => ({ name: group.name, colour: group.colour, values: values(group) }));
  const bars = (values) => [...lines(values), ...(rest.length ? [together(rest, values)] : [])];
  const drawn = [
    ["Calls", bars((group) => group.calls)],
    ["Errors", bars((group) => group.errors)],
    [`Duration, ${percentile}`, lines((group) => group[percentile])],
    ["Tokens", bars((group) => group.tokens.map((one) => total(one)))],
  ];
  const when = clockFor(buckets);
  for (const [place, [title, series]] of drawn.entries()) view.plots[place].show({ title, buckets, series, when });
  patch(view.body, [keyLine(view, groups, rest), view.pictures, table(view, groups, by)]);
}

/** Calls, errors, durations and tokens. */
function plots() {
  const counted = () => plot({ stacked: true, write: short });
  return [counted(), counted(), plot({ stacked: false, step: 1e-3, write: (value) => (value ? duration(value) : "0") }), counted()];
}

function keyLine(view, groups, rest) {
  const others = rest.length ? element("span", { class: "series dim" }, element("i", { class: "swatch series-rest" }), plural(rest.length, "other")) : null;
  return element("div", { class: "key-line", "data-key": "names" }, groups.filter(isMain).map((group) => toggleOf(view, group)), others);
}

/** A colour of its own for each group that has much of anything; one for all others. */
function paint(groups) {
  const measures = [(group) => sum(group.calls), (group) => sum(group.errors), (group) => sum(group.tokens.map(total))];
  const wholes = measures.map((measure) => sum(groups.map(measure)) || 1);
  const weight = (group) => Math.max(...measures.map((measure, place) => measure(group) / wholes[place]));
  const main = new Set([...groups].sort((one, other) => weight(other) - weight(one)).slice(0, COLOURED));
  let next = 0;
  for (const group of groups) group.colour = `series-${main.has(group) ? next++ : "rest"}`;
}

const isMain = (group) => group.colour !== "series-rest";

function together(groups, values) {
  const all = groups.map(values);
  return { name: `${plural(groups.length, "other")}`, colour: "series-rest", values: all[0].map((_, bucket) => sum(all.map((one) => one[bucket]))) };
}

const sum = (values) => values.reduce((all, value) => all + (value || 0), 0);
const total = (one) => one?.total ?? (one ? (one.prompt || 0) + (one.completion || 0) : 0);

function controls(view) {
  const { by, within, percentile } = chosen(view);
  const tabs = (name, entries, current) =>
    element("span", { class: "tabs", role: "group", "aria-label": name }, entries.map(([value, words]) =>
      element("a", { href: address("metrics", [], { by, within, percentile, [name]: value }), "aria-current": value === current ? "true" : null }, words)));
  patch(view.tools, [
    tabs("by", Object.entries(BY), by),
    tabs("within", Object.entries(SPANS).map(([name, [words]]) => [name, words]), within),
    tabs("percentile", PERCENTILES.map((name) => [name, name]), percentile),
    element("span", { class: "dim" }, `times ${zone()}`),
  ]);
}

const HEADINGS = ["calls", "errors", "error rate", "p50", "p95", "p99", "prompt", "completion", "tokens"];

function table(view, groups, by) {
  const head = element("tr", {}, element("th", { scope: "col" }, by), HEADINGS.map((name) => element("th", { scope: "col", class: "number" }, name)));
  const caption = element("caption", { class: "dim" }, `${plural(groups.length, by)}`);
  const table = element("table", { class: "totals" }, caption, element("thead", {}, head), element("tbody", {}, groups.map((group) => row(view, group))));
  return element("div", { class: "totals-holder", "data-key": "totals" }, table);
}

/** The name of a group, as a button that shows and hides it. */
function toggleOf(view, group) {
  const toggle = () => {
    if (!view.hidden.delete(group.name)) view.hidden.add(group.name);
    draw(view);
  };
  const pressed = !view.hidden.has(group.name);
  const swatch = element("i", { class: `swatch ${group.colour}` });
  return element("button", { type: "button", class: "quiet series", "data-key": `group ${group.name}`, "aria-pressed": pressed, on: { click: toggle } }, swatch, element("bdi", { title: group.name }, group.name));
}

function row(view, group) {
  const { calls, errors, tokens: used = {}, ...percentiles } = group.total;
  const shown = !view.hidden.has(group.name);
  const number = (text, sort = "") => element("td", { class: `number ${sort}` }, text);
  return element(
    "tr",
    { class: shown ? "" : "off", "data-key": `group ${group.name}` },
    element("th", { scope: "row" }, toggleOf(view, group)),
    number(count(calls)),
    number(errors ? count(errors) : "", errors ? "error-text" : ""),
    number(errors ? `${((100 * errors) / calls).toFixed(1)} %` : "", errors ? "error-text" : ""),
    PERCENTILES.map((one) => number(duration(percentiles[one]))),
    number(used.prompt ? count(used.prompt) : ""),
    number(used.completion ? count(used.completion) : ""),
    number(total(used) ? count(total(used)) : ""),
  );
}

const two = (number) => String(number).padStart(2, "0");

/** How to write a bucket's moment: with the day where they span more than one. */
function clockFor(buckets) {
  const long = buckets.length > 1 && buckets.at(-1) - buckets[0] > 24 * HOUR;
  return (start) => {
    const date = new Date(start / 1000);
    const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
    return long ? `${day} ${time}` : time;
  };
}
