// One trace: tree and time line in one, and beside it what is selected.

import { every, get, getText, messageOf, onChange, paced, segment } from "./api.js";
import { openBaseline, pickComparison, runBefore, withLastSuccess } from "./choose.js";
import { button, copyButton, download, element, say } from "./dom.js";
import { clearFind, find, findKeys } from "./find.js";
import { grouped } from "./groups.js";
import { useKeys } from "./keys.js";
import { listAt } from "./left.js";
import { NARROW } from "./screen.js";
import { isLive, listen } from "./live.js";
import { minimap } from "./minimap.js";
import { patch } from "./patch.js";
import { address, go } from "./route.js";
import { virtualRows } from "./rows.js";
import { rate } from "./scores.js";
import { closeSheet, detail, focusForm } from "./selected.js";
import { splitter } from "./splitter.js";
import { fitDepth } from "./timeline.js";
import { partsOf, treeHeading } from "./traceview.js";
import { criticalPath, extent, treeOf, visible } from "./tree.js";
import { draw, drawRow, grow } from "./treeview.js";
import { clicked, fold, followNewest, inward, isBelow, isCritical, isFailed, isFound, move, next, noteAddress, outward, select } from "./walk.js";

/** @typedef {import("./traceview.js").View} View */

const FIRST = 300; // operations that are requested first, so that there are rows before all of a large trace has come
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * The page of one trace.
 *
 * @param {HTMLElement} host
 * @param {Route} first
 * @returns {Page}
 */
export function openTrace(host, first) {
  const view = /** @type {View} */ (/** @type {Partial<View>} */ ({
    id: first.places[0] ?? "", answer: null, real: [], nodes: [], rows: [], at: 0, collapsed: new Set(), known: new Set(), path: new Map(),
    found: null, held: { wanted: "", ids: new Set() }, query: first.query, zoom: null, follows: false, baseline: null, compares: false,
    detailed: null, thing: null, closed: false, parts: partsOf(), whole: { from: 0, to: 1 }, scale: { from: 0, to: 1 },
  }));
  view.map = minimap((range) => zoom(view, range));
  build(view, host);
  view.list = virtualRows(view.parts.scroller, { height: () => (NARROW.matches ? 40 : 26), draw: (row) => drawRow(view, row) });
  useKeys(keysOf(view));
  const refresh = paced(() => load(view));
  const ends = [
    listen(refresh, view.id), every(CALM.matches ? 1000 : 200, () => grow(view)), onChange(NARROW, () => draw(view)), view.list.close,
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

/** @param {View} view @param {HTMLElement} host */
function build(view, host) {
  const { parts } = view;
  parts.find.value = view.query.find ?? "";
  parts.find.addEventListener("input", () => find(view));
  parts.find.addEventListener("keydown", (event) => findKeys(view, event));
  parts.wide.addEventListener("click", () => zoom(view, null));
  parts.follow.addEventListener("click", () => follow(view));
  parts.usual.addEventListener("click", () => openBaseline(view));
  parts.scroller.addEventListener("click", (event) => clicked(view, event));
  parts.scroller.append(treeHeading(parts.ruler), parts.grid);
  parts.tools.append(
    parts.find, parts.hits, parts.wide, element("span", { class: "grow" }),
    element("span", { class: "legend dim" }, element("span", { class: "on-path" }), "critical path"),
    button("Expand", () => fold(view, false), { class: "quiet" }), button("Collapse", () => fold(view, true), { class: "quiet" }), parts.usual,
  );
  parts.nextError.addEventListener("click", () => next(view, isFailed));
  parts.actions.append(parts.follow, parts.nextError);
  if (isLive) parts.actions.append(...withServer(view));
  parts.actions.inert = true; // what they do needs the trace
  parts.usual.hidden = !isLive;
  const left = element("section", { class: "left", "aria-label": "Tree and time line" }, parts.tools, view.map.map, parts.scroller);
  parts.split.append(left, splitter(() => parts.split), parts.details);
  parts.head.append(parts.title, parts.facts, parts.actions);
  host.append(parts.head, parts.split, parts.problem);
}

/**
 * What is done with other traces, or with a file.
 *
 * @param {View} view
 */
function withServer(view) {
  return [
    button("Run before", () => runBefore(view), { class: "quiet", title: "Compare to the run before" }),
    button("Last success", () => withLastSuccess(view), { class: "quiet", title: "Compare to the last successful run of this agent" }),
    button("Compare …", () => pickComparison(view), { class: "quiet", title: "Compare to any trace (c)" }),
    copyButton(() => location.href, "Copy link"),
    button("Export", () => saveExport(view, "json"), { class: "quiet", title: "Save the trace as JSON" }),
    button("Export page", () => saveExport(view, "html"), { class: "quiet", title: "Save this page as a file that needs no server" }),
  ];
}

// What is shown.

/**
 * Request the trace and show it: at first the beginning alone, unless the address is about something that may be further on.
 *
 * @param {View} view
 */
async function load(view) {
  try {
    const isFirst = !view.answer && !ABOUT_A_PART.some((name) => view.query[name]);
    if (isFirst && !(await showAnswer(view, { limit: FIRST }))?.more) return;
    if (isFirst) await painted();
    await showAnswer(view);
  } catch (failure) {
    if (view.closed) return;
    if (!view.answer) showProblem(view, messageOf(failure));
    else if (view.answer.more) say(`Only the first operations are shown: ${messageOf(failure)}`);
  }
}

const ABOUT_A_PART = ["operation", "find", "zoom", "next"];

/** When the browser has drawn what the page shows by now. */
const painted = () =>
  new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, 200); // in a tab that is not shown, nothing is drawn
  });

/**
 * @param {View} view
 * @param {{ limit?: number }} [query]
 */
async function showAnswer(view, query = {}) {
  /** @type {TraceAnswer} */
  const answer = await get(`traces/${segment(view.id)}`, query);
  if (view.closed) return null;
  view.answer = answer;
  show(view, answer);
  return answer;
}

/** @param {View} view @param {TraceAnswer} answer */
function show(view, answer) {
  const selected = view.nodes[view.at]?.id ?? view.query.operation;
  const isFirst = view.rows.length === 0;
  const goesToError = isFirst && view.query.next === "error";
  view.real = treeOf(answer); // without the groups of equal siblings
  view.path = answer.more ? new Map() : criticalPath(view.real); // of some operations it would be another one
  view.nodes = grouped(view.real);
  fitDepth(view.parts.scroller, view.nodes);
  view.at = Math.max(0, selected ? view.nodes.findIndex((node) => node.id === selected) : 0);
  foldGroups(view);
  if (isFirst) opened(view);
  find(view);
  draw(view);
  // in a frame of a notebook the cell keeps the focus
  if (isFirst && document.activeElement === document.body && window.top === window) view.parts.scroller.focus({ preventScroll: true });
  if (goesToError) next(view, isFailed);
  if (view.follows && answer.trace.status === "running") followNewest(view);
  detail(view);
}

/**
 * Groups are folded when they first appear, unless what is selected is in one.
 *
 * @param {View} view
 */
function foldGroups(view) {
  for (const node of view.nodes.slice(view.real.length)) {
    if (!view.known.has(node.id) && !isBelow(view, view.at, node.index)) view.collapsed.add(node.id);
    view.known.add(node.id);
  }
}

/**
 * What happens once, when the trace is there.
 *
 * @param {View} view
 */
function opened(view) {
  const { head, actions, split, problem } = view.parts;
  [head.hidden, split.hidden, problem.hidden] = [false, false, true];
  actions.inert = false;
  if (view.query.zoom) view.zoom = zoomOf(view.query.zoom, view.nodes);
  view.rows = visible(view.nodes, view.collapsed);
  if (view.at && NARROW.matches) split.classList.add("sheet");
  setTimeout(() => view.list.reveal(view.rows.findIndex((node) => node.index === view.at), 60));
}

/**
 * Until there is an answer: what is missing may still come.
 *
 * @param {View} view
 * @param {string} message
 */
function showProblem({ parts }, message) {
  document.title = "voltagent";
  [parts.head.hidden, parts.split.hidden, parts.problem.hidden] = [true, true, false];
  const back = element("p", {}, element("a", { href: "#/" }, "All traces"));
  patch(parts.problem, [element("h1", { class: "unseen" }, "No trace"), element("p", { class: "problem" }, message), back]);
}

/** @param {View} view @param {{ [name: string]: string }} query */
function setQuery(view, query) {
  view.query = query;
  view.parts.find.value = query.find || "";
  if (!view.nodes.length) return;
  view.zoom = query.zoom ? zoomOf(query.zoom, view.nodes) : null;
  view.at = Math.max(0, view.nodes.findIndex((node) => node.id === query.operation));
  find(view);
  draw(view);
  detail(view);
}

// What users do.

/** @param {View} view @returns {KeyRow[]} */
function keysOf(view) {
  const step = (/** @type {number} */ by) => () => move(view, by);
  /** @type {KeyRow[]} */
  const walking = [
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
    [["f"], "follow a running trace", () => follow(view)],
    [["/"], "find in this trace", () => view.parts.find.focus()],
    [["n"], "next match", () => next(view, isFound)],
    [["N"], "previous match", () => next(view, isFound, -1)],
    [["z"], "zoom to what is selected, or out", () => zoomSelected(view)],
    [["Escape"], "back", () => leave(view)],
  ];
  /** @type {KeyRow[]} */
  const others = [
    [["u"], "compare with usual times", () => openBaseline(view)],
    [["c"], "compare with another trace", () => pickComparison(view)],
    [["+"], "thumbs up", () => thumb(view, true)],
    [["-"], "thumbs down", () => thumb(view, false)],
    [["s"], "give a score", () => focusForm(view, ".score-form input")],
    [["w"], "write a note", () => focusForm(view, ".note-form textarea")],
  ];
  return isLive ? [...walking, ...others] : walking;
}

/** @param {View} view */
function follow(view) {
  if (view.answer?.trace.status !== "running") return false;
  view.follows = !view.follows;
  if (view.follows) followNewest(view);
  draw(view);
  return true;
}

/** @param {View} view @param {boolean} isGood */
function thumb(view, isGood) {
  const node = view.nodes[view.at];
  if (!node || node.group || node.started) return false;
  return rate(view.id, node.index ? node.id : null, node.scores ?? [], isGood);
}

/** @param {View} view */
function leave(view) {
  if (view.parts.split.classList.contains("sheet")) closeSheet(view);
  else if (view.zoom) zoom(view, null);
  else if (!clearFind(view) && isLive) go(listAt(view.id));
}

/** @param {View} view @param {[from: number, to: number] | null} range */
function zoom(view, range) {
  if (!view.answer) return;
  view.zoom = range && { from: range[0], to: Math.max(range[1], range[0] + 1) };
  draw(view);
  noteAddress(view);
}

/** @param {string} text @param {TreeNode[]} nodes */
function zoomOf(text, nodes) {
  const { from } = extent(nodes);
  const [start, end] = text.split("-").map(Number);
  return end > start ? { from: from + start, to: from + end } : null;
}

/** @param {View} view */
function zoomSelected(view) {
  const range = !view.zoom && view.at ? extent([view.nodes[view.at]]) : null;
  zoom(view, range && [range.from, range.to]);
}

/** @param {View} view @param {"json" | "html"} format */
async function saveExport(view, format) {
  try {
    download(`trace-${view.id}.${format}`, await getText(`traces/${segment(view.id)}/export`, { format }));
  } catch (failure) {
    say(messageOf(failure));
  }
}
