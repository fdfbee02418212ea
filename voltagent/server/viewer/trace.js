// One trace: tree and time line in one, and beside it what is selected.

import { get, getText, listen, paced, segment } from "./api.js";
import { button, copyButton, download, element, say } from "./dom.js";
import { headline } from "./details.js";
import { duration, elapsed, plural } from "./format.js";
import { grouped } from "./groups.js";
import { useKeys } from "./keys.js";
import { every, listAt, onChange } from "./list.js";
import { minimap } from "./minimap.js";
import { patch } from "./patch.js";
import { address, go, note } from "./route.js";
import { virtualRows } from "./rows.js";
import { closeSheet, detail, growDetails } from "./selected.js";
import { splitter } from "./splitter.js";
import { fitDepth, growRow, ticks, treeRow } from "./timeline.js";
import { age, criticalPath, extent, matches, treeOf, visible } from "./tree.js";

const NARROW = matchMedia("(max-width: 720px)");
const FEW = 2000; // nodes that can be drawn in small five times a second
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/** The page of one trace. */
export function openTrace(host, first) {
  const [id] = first.places;
  const view = { id, nodes: [], rows: [], collapsed: new Set(), known: new Set(), query: first.query, at: 0, found: null, path: new Map() };
  build(view, host);
  view.list = virtualRows(view.scroller, {
    height: () => (NARROW.matches ? 40 : 26),
    draw: (row) => drawRow(view, row),
  });
  useKeys(keysOf(view));
  const refresh = paced(() => load(view));
  const ends = [
    listen(`live?trace=${segment(id)}`, refresh),
    every(CALM.matches ? 1000 : 200, () => grow(view)),
    onChange(NARROW, () => view.answer && draw(view)),
    view.list.close,
  ];
  refresh();
  return {
    update: (route) => setQuery(view, route.query),
    close() {
      view.closed = true;
      for (const end of ends) end();
    },
  };
}

function build(view, host) {
  view.title = element("h1", {});
  view.facts = element("div", { class: "headline" });
  view.find = element("input", {
    type: "search", class: "search", placeholder: "Find in this trace", "aria-label": "Find in this trace", spellcheck: "false",
    autocomplete: "off", value: view.query.find, on: { input: () => find(view), keydown: (event) => findKeys(view, event) },
  });
  view.hits = element("span", { class: "dim", role: "status" });
  view.wide = button("All of the time", () => zoom(view, null), { class: "quiet", hidden: true });
  view.compare = button("Compare to the run before", () => comparePrevious(view), { class: "quiet", hidden: true });
  view.minimap = minimap((range) => zoom(view, range));
  view.ruler = element("span", { class: "time", role: "columnheader", "aria-label": "Time" });
  view.scroller = element("div", {
    class: "scroller tree", role: "treegrid", tabindex: 0, "aria-label": "Operations", on: { click: (event) => clicked(view, event) },
  });
  view.scroller.append(heading(view.ruler), (view.grid = element("div", { class: "grid", "aria-hidden": true })));
  view.aside = element("aside", { class: "details", "aria-label": "Details", tabindex: -1 });
  const tools = element("div", { class: "tools" }, view.find, view.hits, view.wide, element("span", { class: "grow" }), legend(),
    button("Expand", () => fold(view, false), { class: "quiet" }), button("Collapse", () => fold(view, true), { class: "quiet" }), view.compare);
  const left = element("section", { class: "left", "aria-label": "Tree and time line" }, tools, view.minimap.map, view.scroller);
  view.split = element("div", { class: "split" }, left, splitter(() => view.split), view.aside);
  view.problem = element("div", { class: "empty", hidden: true });
  const actions = element("span", { class: "actions" },
    copyButton(() => location.href, "Copy link"), button("Export", () => exported(view), { class: "quiet" }));
  view.head = element("header", { class: "trace-head" }, view.title, view.facts, actions);
  host.append(view.head, view.split, view.problem);
}

function heading(ruler) {
  const name = (text, more) => element("span", { role: "columnheader", class: more }, text);
  return element("div", { class: "line heading", role: "row" }, name("Operation", "what"), name("Duration", "took number"), name("Tokens", "tokens number"), ruler);
}

function legend() {
  return element("span", { class: "legend dim" }, element("span", { class: "on-path" }), "critical path");
}

// ------------------------------------------------------------------------------------------------------ what is shown

async function load(view) {
  try {
    const answer = await get(`traces/${segment(view.id)}`);
    if (view.closed) return;
    view.answer = answer;
  } catch (failure) {
    if (!view.closed && !view.answer) failed(view, failure);
    return;
  }
  const selected = view.nodes[view.at]?.id;
  view.real = treeOf(view.answer); // without the groups of equal siblings
  view.path = criticalPath(view.real);
  view.nodes = grouped(view.real);
  fitDepth(view.scroller, view.nodes);
  const wanted = selected || view.query.operation;
  view.at = Math.max(0, wanted ? view.nodes.findIndex((node) => node.id === wanted) : 0);
  foldGroups(view);
  const first = view.rows.length === 0;
  if (first) opened(view);
  find(view);
  draw(view);
  if (first && document.activeElement === document.body) view.scroller.focus({ preventScroll: true });
  detail(view);
}

/** Groups are folded when they first appear, unless what is selected is in one. */
function foldGroups(view) {
  for (const node of view.nodes.slice(view.real.length)) {
    if (!view.known.has(node.id) && !isBelow(view, view.at, node.index)) view.collapsed.add(node.id);
    view.known.add(node.id);
  }
}

/** What happens once, when the trace is there. */
function opened(view) {
  [view.head.hidden, view.split.hidden, view.problem.hidden] = [false, false, true];
  if (view.query.zoom) view.zoom = zoomOf(view.query.zoom, view.nodes);
  view.rows = visible(view.nodes, view.collapsed);
  if (view.at && NARROW.matches) view.split.classList.add("sheet");
  setTimeout(() => view.list.reveal(view.rows.findIndex((node) => node.index === view.at), 60));
}

/** Until there is an answer: what is not there yet may come. */
function failed(view, failure) {
  document.title = "voltagent";
  [view.head.hidden, view.split.hidden, view.problem.hidden] = [true, true, false];
  const back = element("p", {}, element("a", { href: "#/" }, "All traces"));
  patch(view.problem, [element("p", { class: "problem" }, failure.message), back]);
}

function draw(view) {
  const { trace } = view.answer;
  document.title = `${trace.agent} · voltagent`;
  patch(view.title, [element("bdi", { title: trace.agent }, trace.agent)]);
  patch(view.facts, headline(trace).filter(Boolean));
  view.compare.hidden = trace.status === "running";
  view.rows = visible(view.nodes, view.collapsed);
  view.whole = extent(view.real);
  view.scale = view.zoom || view.whole;
  view.wide.hidden = !view.zoom;
  view.scroller.setAttribute("aria-rowcount", view.rows.length + 1);
  rule(view);
  view.minimap.show(view.real, view.whole, view.scale);
  view.list.show(view.rows.length);
  activate(view);
}

function rule(view) {
  const marks = ticks(view.scale, view.whole.from, view.ruler.clientWidth, NARROW.matches ? 3 : 6);
  const placed = (tick, text) => element("span", { class: "tick", style: { left: `${100 * tick.at}%` } }, text);
  patch(view.ruler, marks.map((tick) => placed(tick, tick.label)));
  patch(view.grid, [element("span", { class: "lines" }, marks.map((tick) => placed(tick, "")))]);
}

function drawRow(view, row) {
  const node = view.rows[row];
  return treeRow(node, {
    nodes: view.nodes, scale: view.scale, path: view.path, collapsed: view.collapsed.has(node.id), found: view.found,
    selected: node.index === view.at, row,
  });
}

/** What runs grows, and the scale with it. */
function grow(view) {
  if (!view.answer || view.answer.trace.status !== "running" || document.hidden) return;
  age(view.real);
  view.whole = extent(view.real);
  view.scale = view.zoom || view.whole;
  view.path = criticalPath(view.real);
  rule(view);
  for (const [row, made] of view.list.rows) {
    const node = view.rows[row];
    if (node) growRow(made, node, view.scale, view.path.get(node.index));
  }
  patch(view.facts.querySelector(".took"), [duration(elapsed(view.answer.trace))]);
  if (view.nodes.length < FEW) view.minimap.show(view.real, view.whole, view.scale);
  growDetails(view);
}

// ----------------------------------------------------------------------------------------------------- what users do

function select(view, index, { open = false } = {}) {
  view.at = index;
  activate(view);
  const row = view.rows.findIndex((node) => node.index === index);
  view.list.reveal(row, view.scroller.firstChild.offsetHeight);
  noted(view);
  if (open && NARROW.matches) {
    view.split.classList.add("sheet");
    view.aside.focus({ preventScroll: true });
  }
  detail(view);
}

function noted(view) {
  const zoomed = view.zoom && [view.zoom.from, view.zoom.to].map((time) => Math.round(time - view.whole.from)).join("-");
  view.query = { operation: view.at ? view.nodes[view.at].id : "", find: view.find.value, zoom: zoomed };
  note(address("trace", [view.id], view.query));
}

function setQuery(view, query) {
  view.query = query;
  view.find.value = query.find || "";
  if (!view.nodes.length) return;
  view.zoom = query.zoom ? zoomOf(query.zoom, view.nodes) : null;
  view.at = Math.max(0, view.nodes.findIndex((node) => node.id === query.operation));
  find(view);
  draw(view);
  detail(view);
}

function activate(view) {
  for (const [row, made] of view.list.rows) made.setAttribute("aria-selected", view.rows[row]?.index === view.at);
  view.scroller.setAttribute("aria-activedescendant", `node-${view.at}`);
}

function clicked(view, event) {
  const id = event.target.closest(".line[id]")?.dataset.key;
  const node = view.nodes.find((one) => one.id === id);
  if (!node) return;
  if (event.target.closest(".toggle") && node.shown.length) toggle(view, node);
  else select(view, node.index, { open: true });
}

function toggle(view, node, shut = !view.collapsed.has(node.id)) {
  if (shut) view.collapsed.add(node.id);
  else view.collapsed.delete(node.id);
  if (shut && isBelow(view, view.at, node.index)) select(view, node.index);
  draw(view);
}

function isBelow(view, index, ancestor) {
  for (let place = view.nodes[index].above; place >= 0; place = view.nodes[place].above) {
    if (place === ancestor) return true;
  }
  return false;
}

function fold(view, shut) {
  if (!view.answer) return;
  const parents = view.nodes.filter((node) => node.index && node.shown.length);
  view.collapsed = new Set(shut ? parents.map((node) => node.id) : []);
  if (shut) {
    while (view.nodes[view.at].depth > 1) view.at = view.nodes[view.at].above;
  }
  draw(view);
  select(view, view.at);
}

/** Open everything above a node, so that it has a row. */
function unfold(view, index) {
  for (let place = view.nodes[index].above; place >= 0; place = view.nodes[place].above) {
    view.collapsed.delete(view.nodes[place].id);
  }
}

function find(view) {
  const wanted = view.find.value.trim().toLowerCase();
  const holds = view.held?.wanted === wanted ? view.held.ids : new Set();
  const fits = (node) => matches(node, wanted) || holds.has(node.id);
  view.found = wanted ? new Set(view.real?.filter(fits).map((node) => node.index)) : null;
  view.hits.textContent = view.found ? plural(view.found.size, "match").replace("matchs", "matches") : "";
  if (!view.answer || !view.whole) return;
  noted(view);
  view.list.show(view.rows.length);
  if (wanted && view.held?.wanted !== wanted) findInPayloads(view, wanted);
}

/** Inputs and outputs are with the server: their matches come a moment later. */
async function findInPayloads(view, wanted) {
  view.held = { wanted, ids: new Set() };
  try {
    const { ids } = await get(`traces/${segment(view.id)}/matches`, { text: wanted });
    if (view.closed || view.held.wanted !== wanted) return;
    view.held.ids = new Set(ids);
    find(view);
  } catch (failure) {
    if (!view.closed) say(failure.message);
  }
}

function findKeys(view, event) {
  if (event.key === "Enter") {
    next(view, isFound, event.shiftKey ? -1 : 1);
    event.preventDefault();
  } else if (event.key === "Escape" && view.find.value) {
    view.find.value = "";
    find(view);
    event.preventDefault();
  } else if (event.key === "Escape" || event.key === "ArrowDown") view.scroller.focus();
}

const isFound = (view) => (node) => view.found?.has(node.index);
const isFailed = () => (node) => node.index > 0 && !node.group && node.status === "error";
const isCritical = (view) => (node) => node.index > 0 && view.path.get(node.index)?.length > 0;

/** Go to the next node of a sort, round the end, through collapsed ones too. */
function next(view, sort, by = 1) {
  if (!view.answer) return;
  const order = visible(view.nodes, new Set());
  const here = order.findIndex((node) => node.index === view.at);
  const fits = sort(view);
  for (let step = 1; step <= order.length; step += 1) {
    const node = order[(here + by * step + order.length * 2) % order.length];
    if (!fits(node)) continue;
    unfold(view, node.index);
    draw(view);
    select(view, node.index);
    return;
  }
}

function keysOf(view) {
  const step = (by) => () => move(view, by);
  return [
    [["j", "ArrowDown"], "next row", step(1)],
    [["k", "ArrowUp"], "previous row", step(-1)],
    [["ArrowRight", "l"], "expand, or go to the first child", () => inward(view)],
    [["ArrowLeft", "h"], "collapse, or go to the parent", () => outward(view)],
    [["PageDown"], "a page down", () => move(view, view.list.page())],
    [["PageUp"], "a page up", () => move(view, -view.list.page())],
    [["Home"], "first row", () => move(view, -Infinity)],
    [["End"], "last row", () => move(view, Infinity)],
    [["Enter"], "details", () => view.answer && select(view, view.at, { open: true })],
    [["e"], "next error", () => next(view, isFailed)],
    [["p"], "next on the critical path", () => next(view, isCritical)],
    [["/"], "find in this trace", () => view.find.focus()],
    [["n"], "next match", () => next(view, isFound)],
    [["N"], "previous match", () => next(view, isFound, -1)],
    [["z"], "zoom to what is selected, or out", () => zoomSelected(view)],
    [["Escape"], "back", () => leave(view)],
  ];
}

function move(view, by) {
  if (!view.rows.length) return;
  const here = view.rows.findIndex((node) => node.index === view.at);
  const row = Math.min(view.rows.length - 1, Math.max(0, here + by));
  select(view, view.rows[row].index);
}

function inward(view) {
  const node = view.nodes[view.at];
  if (!node?.shown.length) return;
  if (view.collapsed.has(node.id)) toggle(view, node, false);
  else select(view, node.shown[0]);
}

function outward(view) {
  const node = view.nodes[view.at];
  if (!node) return;
  if (node.shown.length && !view.collapsed.has(node.id)) toggle(view, node, true);
  else if (node.above >= 0) select(view, node.above);
}

function leave(view) {
  if (view.split.classList.contains("sheet")) closeSheet(view);
  else if (view.zoom) zoom(view, null);
  else if (view.find.value) {
    view.find.value = "";
    find(view);
  }
  else go(listAt(view.id));
}

// ---------------------------------------------------------------------------------------------------------------- zoom

function zoom(view, range) {
  if (!view.answer) return;
  view.zoom = range && { from: range[0], to: Math.max(range[1], range[0] + 1) };
  draw(view);
  noted(view);
}

function zoomOf(text, nodes) {
  const { from } = extent(nodes);
  const [start, end] = text.split("-").map(Number);
  return end > start ? { from: from + start, to: from + end } : null;
}

function zoomSelected(view) {
  const range = !view.zoom && view.at ? extent([view.nodes[view.at]]) : null;
  zoom(view, range && [range.from, range.to]);
}

async function exported(view) {
  try {
    download(`trace-${view.id}.json`, await getText(`traces/${segment(view.id)}/export`));
  } catch (failure) {
    say(failure.message);
  }
}

async function comparePrevious(view) {
  const { agent } = view.answer.trace;
  try {
    const { traces } = await get("traces", { agent, before: view.id, limit: 20 });
    const previous = traces.find((trace) => trace.agent === agent);
    if (view.closed) return;
    if (previous) go(address("compare", [previous.id, view.id]));
    else view.compare.replaceChildren("There is no run before");
  } catch (failure) {
    if (!view.closed) say(failure.message);
  }
}
