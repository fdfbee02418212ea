// The list of traces: the newest first, live.

import { asking, get, listen, paced } from "./api.js";
import { button, element, say } from "./dom.js";
import { emptyStore } from "./empty.js";
import { asked, filterBar, filtersOf } from "./filters.js";
import { count, duration, elapsed, exactly, moment, plural, shortId, silence, tokens, zone } from "./format.js";
import { status } from "./kinds.js";
import { useKeys } from "./keys.js";
import { patch } from "./patch.js";
import { address, go, note } from "./route.js";
import { virtualRows } from "./rows.js";

const PAGE = 100; // traces asked for at a time
const REFRESHED = 200; // traces looked at again when the store changed
const NARROW = matchMedia("(max-width: 720px)");
const HEADINGS = ["", "", "Agent", "User", "Conversation", "Started", "Duration", "Tokens", "Operations", "Errors"];
const NUMERIC = new Set(HEADINGS.slice(5));

let kept = null; // the list as it was left, for the way back from a trace

/** The address of the list as it was left, at a trace. */
export function listAt(id) {
  return address("list", [], { ...kept?.filters, at: id });
}

/** The page with the list. */
export function openList(host, first) {
  // `shown` are the filters that `traces` were narrowed by: others than `filters` as long as their answer is on its way
  const view = { traces: [], shown: null, more: false, loading: false, at: null, marked: new Set(), filters: {}, fresh: new Set() };
  document.title = "Traces · voltagent";
  view.filter = filterBar((filters) => narrow(view, filters));
  view.notice = element("div", { class: "notice", role: "status" });
  view.scroller = element("div", {
    class: "scroller table", role: "grid", tabindex: 0, "aria-label": "Traces", on: { click: (event) => clicked(view, event) },
  });
  view.scroller.append(heading());
  view.compare = element("div", { class: "marked", hidden: true });
  host.append(view.filter.bar, view.scroller, view.notice, view.compare);
  view.rows = virtualRows(view.scroller, {
    height: () => (NARROW.matches ? 56 : 32),
    draw: (index) => line(view, index),
    drawn: () => wantMore(view),
  });
  view.update = (route) => setQuery(view, route.query);
  useKeys(keysOf(view));
  const refresh = paced(() => reload(view));
  const ends = [listen("live", refresh), every(500, () => tick(view)), onChange(NARROW, () => view.shown && draw(view))];
  restore(view, first.query);
  suggest(view);
  view.scroller.focus({ preventScroll: true });
  return {
    update: view.update,
    close() {
      view.closed = true;
      const traces = view.shown === view.filters ? view.traces : null;
      kept = { filters: view.filters, traces, more: view.more, top: view.scroller.scrollTop };
      for (const end of [...ends, view.rows.close]) end();
    },
  };
}

/** Call something again and again; the function that this returns ends it. */
export function every(milliseconds, act) {
  const timer = setInterval(act, milliseconds);
  return () => clearInterval(timer);
}

/** Call something when a media query turns; the function that this returns ends it. */
export function onChange(media, act) {
  media.addEventListener("change", act);
  return () => media.removeEventListener("change", act);
}

function heading() {
  const cells = HEADINGS.map((name) =>
    element("span", { role: "columnheader", class: NUMERIC.has(name) ? "number" : "" }, name === "Started" ? `Started ${zone()}` : name),
  );
  return element("div", { class: "line heading", role: "row" }, cells);
}

// ------------------------------------------------------------------------------------------------ what is in the list

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function restore(view, query) {
  view.at = query.at || null;
  if (kept?.traces && same(kept.filters, filtersOf(query))) {
    Object.assign(view, { filters: kept.filters, shown: kept.filters, traces: kept.traces, more: kept.more });
    view.filter.show(view.filters);
    draw(view);
    view.scroller.scrollTop = kept.top;
    reload(view);
  } else setQuery(view, query);
}

function setQuery(view, query) {
  view.at = query.at || view.at;
  view.filters = filtersOf(query);
  view.filter.show(view.filters);
  return reload(view);
}

/** Narrow by other filters, as a new entry of the history. */
function narrow(view, filters) {
  if (view.closed) return; // the last letters of a search, and then straight on to a trace
  view.at = null;
  go(address("list", [], filters));
}

async function suggest(view) {
  try {
    view.filter.suggest(await get("facets"));
  } catch {
    // the list says what is wrong
  }
}

/** Look again at the traces that are loaded: new ones come first, those that went on are replaced. */
async function reload(view) {
  const { filters } = view;
  const limit = Math.min(REFRESHED, Math.max(PAGE, view.shown === filters ? view.traces.length : 0));
  const found = await ask(view, { ...asked(filters), limit }, asking(view));
  if (!found) return;
  const others = view.shown !== filters;
  const traces = others ? [] : view.traces;
  const last = found.traces.at(-1)?.id;
  const place = traces.findIndex((trace) => trace.id === last);
  const older = found.more && place >= 0 ? traces.slice(place + 1) : [];
  const known = new Set(traces.map((trace) => trace.id));
  view.fresh = new Set(traces.length ? found.traces.map(({ id }) => id).filter((id) => !known.has(id)) : []);
  if (others && view.shown) view.scroller.scrollTop = 0;
  const before = topmost(view);
  Object.assign(view, { shown: filters, traces: [...found.traces, ...older] });
  if (!older.length) view.more = found.more;
  draw(view);
  keepPlace(view, before);
  view.fresh = new Set();
}

async function wantMore(view) {
  const near = Math.max(-1, ...view.rows.rows.keys()) >= view.traces.length - 20;
  if (!view.more || !near || view.loading || view.shown !== view.filters) return;
  const { filters } = view;
  const last = view.traces.at(-1).id;
  const follows = () => view.shown === filters && view.traces.at(-1)?.id === last;
  view.loading = true;
  const found = await ask(view, { ...asked(filters), limit: PAGE, before: last }, () => !view.closed && follows());
  view.loading = false;
  if (found) {
    Object.assign(view, { traces: [...view.traces, ...found.traces], more: found.more });
    draw(view);
  } else if (!view.closed && !follows()) wantMore(view); // there is another list meanwhile
}

/** An answer that `counts()` still; what failed is shown. */
async function ask(view, query, counts) {
  try {
    const found = await get("traces", query);
    if (!counts()) return null;
    view.failed = null;
    return found;
  } catch (failure) {
    if (counts()) {
      view.failed = failure;
      draw(view);
    }
    return null;
  }
}

function topmost(view) {
  const index = Math.floor(view.scroller.scrollTop / rowHeight(view));
  return view.scroller.scrollTop > 0 ? { index, id: view.traces[index]?.id } : null;
}

/** New traces above must not push away what the user is looking at. */
function keepPlace(view, before) {
  const index = before ? view.traces.findIndex((trace) => trace.id === before.id) : -1;
  if (index > before?.index) view.scroller.scrollTop += (index - before.index) * rowHeight(view);
}

const rowHeight = () => (NARROW.matches ? 56 : 32);

// ---------------------------------------------------------------------------------------------------------- drawing

function draw(view) {
  view.longest = view.traces.reduce((most, trace) => Math.max(most, trace.duration || 0), 0);
  view.scroller.setAttribute("aria-rowcount", view.more ? -1 : view.traces.length + 1);
  view.rows.show(view.traces.length);
  activate(view);
  patch(view.notice, notice(view));
  view.scroller.hidden = !view.traces.length;
  view.notice.hidden = view.traces.length > 0 && !view.failed;
}

function notice(view) {
  if (view.failed) return [element("p", { class: "problem" }, view.failed.message)];
  if (view.traces.length) return [];
  if (!Object.keys(view.filters).length) return [emptyStore()];
  const clear = button("Clear the filters", () => narrow(view, {}));
  return [element("div", { class: "empty" }, element("p", {}, "No trace matches."), clear)];
}

function line(view, index) {
  const trace = view.traces[index];
  const marked = view.marked.has(trace.id);
  const box = element("input", { type: "checkbox", tabindex: -1, "aria-label": "Mark for comparison", checked: marked });
  const cells = [
    cell("pick", box),
    cell("state", status(trace.status, { failed: trace.errors })),
    cell("who", ...who(trace)),
    cell("user dim", text(trace.user)),
    cell("conversation dim", text(trace.conversation && shortId(trace.conversation), trace.conversation)),
    cell("start number dim", text(moment(trace.start), exactly(trace.start))),
    element("span", { class: "took number", role: "gridcell", style: { "--share": share(view, trace) } }, duration(elapsed(trace))),
    cell("tokens number", count(tokens(trace.usage))),
    cell("operations number dim", count(trace.operations)),
    cell("errors number", trace.errors ? count(trace.errors) : ""),
  ];
  return element(
    "div",
    {
      class: `line ${trace.status}${marked ? " picked" : ""}${view.fresh.has(trace.id) ? " fresh" : ""}`,
      role: "row", id: `trace-${index}`, "data-key": trace.id, "aria-rowindex": index + 2, "aria-selected": trace.id === view.at,
    },
    cells,
  );
}

/** How long a trace took, of the longest that is loaded. */
function share(view, trace) {
  return view.longest ? Math.min(1, (elapsed(trace) || 0) / view.longest).toFixed(3) : 0;
}

function cell(name, ...children) {
  return element("span", { class: name, role: "gridcell" }, children);
}

function text(value, title = value) {
  return value ? element("bdi", { title }, value) : "";
}

function who(trace) {
  const link = element("a", { href: address("trace", [trace.id]), class: "agent", tabindex: -1 }, element("bdi", { title: trace.agent }, trace.agent));
  const name = trace.name && trace.name !== trace.agent ? element("bdi", { class: "dim" }, trace.name) : null;
  const tags = (trace.tags || []).slice(0, 4).map((tag) => element("bdi", { class: "tag", title: tag }, tag));
  const error = trace.error ? element("bdi", { class: "error-text", title: trace.error }, trace.error) : null;
  const quiet = silence(trace) && element("span", { class: "dim" }, silence(trace));
  const input = trace.input && !error && !quiet ? element("bdi", { class: "said-first dim" }, trace.input) : null;
  return [link, name, error, quiet, input, element("span", { class: "tags" }, tags)];
}

/** What runs grows. */
function tick(view) {
  for (const [index, row] of view.rows.rows) {
    const trace = view.traces[index];
    if (trace?.status === "running") patch(row.querySelector(".took"), [duration(elapsed(trace))]);
  }
}

function activate(view) {
  const index = view.traces.findIndex((trace) => trace.id === view.at);
  for (const [place, row] of view.rows.rows) row.setAttribute("aria-selected", place === index);
  if (index < 0) view.scroller.removeAttribute("aria-activedescendant");
  else view.scroller.setAttribute("aria-activedescendant", `trace-${index}`);
}

// ----------------------------------------------------------------------------------------------------- what users do

function keysOf(view) {
  const step = (by) => () => move(view, by);
  return [
    [["j", "ArrowDown"], "next trace", step(1)],
    [["k", "ArrowUp"], "previous trace", step(-1)],
    [["PageDown"], "a page down", () => move(view, view.rows.page())],
    [["PageUp"], "a page up", () => move(view, -view.rows.page())],
    [["Home"], "the newest", () => move(view, -Infinity)],
    [["End"], "the oldest that is loaded", () => move(view, Infinity)],
    [["Enter"], "open", () => open(view)],
    [["x"], "mark for comparison", () => mark(view, view.at)],
    [["c"], "compare the two that are marked", () => compare(view)],
    [["/"], "search", () => view.filter.search.focus()],
    [["Escape"], "close what is open, then clear the filters", () => leave(view)],
  ];
}

/** Close the panel of filters, then take back the marks, then clear the filters: one for each press. */
function leave(view) {
  if (view.filter.closePanel()) return true;
  if (view.marked.size) unmark(view);
  else if (Object.keys(view.filters).length) narrow(view, {});
  else return false;
  return true;
}

function move(view, by) {
  if (!view.traces.length) return;
  const here = view.traces.findIndex((trace) => trace.id === view.at);
  const next = here < 0 ? (by > 0 && by < Infinity ? 0 : by > 0 ? Infinity : 0) : here + by;
  const index = Math.min(view.traces.length - 1, Math.max(0, next));
  select(view, view.traces[index].id);
  view.rows.reveal(index, view.scroller.firstChild.offsetHeight);
  view.scroller.focus({ preventScroll: true });
}

function select(view, id) {
  view.at = id;
  note(address("list", [], { ...view.filters, at: id }));
  activate(view);
}

function open(view) {
  if (!view.at) return false;
  go(address("trace", [view.at]));
  return true;
}

function clicked(view, event) {
  const id = event.target.closest(".line[id]")?.dataset.key;
  if (!id || event.target.closest("a") || getSelection().toString()) return;
  if (event.target.closest(".pick")) {
    mark(view, id);
    return;
  }
  select(view, id);
  open(view);
}

function mark(view, id) {
  if (!id) return;
  if (!view.marked.delete(id)) {
    if (view.marked.size === 2) view.marked.delete([...view.marked][1]);
    view.marked.add(id);
  }
  draw(view);
  const [first, second] = view.marked;
  view.compare.hidden = !first;
  view.compare.replaceChildren(
    element("span", {}, second ? "Two traces marked" : `${plural(1, "trace")} marked: mark another to compare`),
    ...(second ? [button("Compare", () => compare(view), { class: "main" })] : []),
    button("Unmark", () => unmark(view), { class: "quiet" }),
  );
}

function unmark(view) {
  view.marked.clear();
  view.compare.hidden = true;
  draw(view);
}

function compare(view) {
  if (view.marked.size < 2) {
    say("Mark two traces with x, then compare them");
    return;
  }
  const order = (id) => view.traces.findIndex((trace) => trace.id === id);
  go(address("compare", [...view.marked].sort((one, other) => order(other) - order(one))));
}
