// The list of traces: the newest first, live, with a histogram above it.

import { every, get, latest, paced } from "./api.js";
import { button, element, part, say } from "./dom.js";
import { emptyStore } from "./empty.js";
import { filterBar, filtersOf, serverFilters } from "./filters.js";
import { duration, elapsed, plural } from "./format.js";
import { hintBox } from "./hints.js";
import { histogram } from "./histogram.js";
import { useKeys } from "./keys.js";
import { stateOf } from "./kinds.js";
import { leaveList } from "./left.js";
import { listing, sortChoice } from "./listing.js";
import { listen } from "./live.js";
import { patch } from "./patch.js";
import { address, go, note } from "./route.js";
import { rate } from "./scores.js";
import { ORDERS, traceColumns } from "./traceline.js";

/** @typedef {{ [name: string]: string }} Filters */

const BUCKETS = 80;
const USUAL = { sort: "start", order: "desc" };

/**
 * The page with the list.
 *
 * @param {HTMLElement} host
 * @param {Route} first
 * @returns {Page}
 */
export function openList(host, first) {
  document.title = "Traces · voltagent";
  const view = {
    filters: /** @type {Filters} */ ({}),
    order: USUAL,
    marked: new Set(/** @type {string[]} */ ([])),
    longest: 0,
    closed: false,
  };
  /** @param {Filters} filters */
  const query = (filters) => ({ ...filters, ...(view.order.sort === USUAL.sort && view.order.order === USUAL.order ? {} : view.order) });
  /** Narrow by other filters, as a new entry of the history. @param {Filters} filters */
  const narrow = (filters) => {
    if (!view.closed) go(address("list", [], query(filters))); // unless the user went straight on to a trace
  };
  /** @param {string} sort @param {string} order */
  const sorted = (sort, order) => {
    view.order = { sort, order };
    go(address("list", [], query(view.filters)));
  };

  const filter = filterBar(narrow);
  const picture = histogram((since, until) => {
    const { within, ...others } = view.filters;
    narrow({ ...others, since: String(since), until: String(until) });
  });
  const order = sortChoice(ORDERS, sorted);
  const compare = element("div", { class: "marked", hidden: true });
  /** @param {TraceLine} trace */
  const pick = (trace) => element("input", {
    type: "checkbox", tabindex: -1, "aria-label": "Mark for comparison", checked: view.marked.has(trace.id), on: { change: () => mark(trace.id) },
  });
  /** @param {TraceLine} trace */
  const share = (trace) => (view.longest ? Math.min(1, (elapsed(trace) || 0) / view.longest).toFixed(3) : "0");
  /** @type {ReturnType<typeof listing<TraceLine>>} */
  const list = listing({
    path: "traces", name: "traces", label: "Traces", columns: traceColumns(share, pick), usual: USUAL, isTall: true,
    idOf: ({ id }) => id,
    classOf: (trace) => `${stateOf(trace)}${view.marked.has(trace.id) ? " picked" : ""}`,
    prepare: (rows) => {
      picture.place.hidden = !rows.length; // its counts come later than the rows, which must not be pushed down then
      view.longest = rows.reduce((most, trace) => Math.max(most, trace.duration || 0), 0);
    },
    next: (rows) => ({ before: rows[rows.length - 1].id }),
    empty: () => emptyList(view.filters, () => narrow({})),
    sorted,
    selected: (id) => note(address("list", [], { ...query(view.filters), at: id })),
    opened: (id) => go(address("trace", [id])),
  });

  const showMarked = () => {
    list.draw();
    const [one, other] = view.marked;
    compare.hidden = !one;
    compare.replaceChildren(
      element("span", {}, other ? "Two traces marked" : `${plural(1, "trace")} marked: mark another to compare`),
      ...(other ? [button("Compare", compareMarked, { class: "main" })] : []),
      button("Unmark", unmark, { class: "quiet" }),
    );
  };
  /** @param {string | null} id */
  const mark = (id) => {
    if (!id) return;
    if (!view.marked.delete(id)) {
      if (view.marked.size === 2) view.marked.delete([...view.marked][1]);
      view.marked.add(id);
    }
    showMarked();
  };
  const unmark = () => {
    view.marked.clear();
    showMarked();
  };
  const compareMarked = () => {
    if (view.marked.size < 2) {
      say("Mark two traces with x, then compare them");
      return;
    }
    const place = (/** @type {string} */ id) => list.state.rows.findIndex((trace) => trace.id === id);
    go(address("compare", [...view.marked].sort((one, other) => place(other) - place(one))));
  };
  /** Close the panel of filters, then take back the marks, then clear the filters: one for each press. */
  const leave = () => {
    if (filter.closePanel()) return true;
    if (view.marked.size) unmark();
    else if (Object.keys(view.filters).length) narrow({});
    else return false;
    return true;
  };
  /** @param {boolean} isGood */
  const thumb = (isGood) => {
    const trace = list.current();
    if (!trace) return false;
    return rate(trace.id, null, trace.scores ?? [], isGood);
  };

  const countOverTime = paced(async () => {
    const counts = latest(view, "histogram");
    try {
      const found = await get("histogram", { ...serverFilters(view.filters), buckets: BUCKETS });
      if (counts()) picture.show(found);
    } catch {
      // the list says what is wrong
    }
  });
  const suggest = async () => {
    try {
      filter.suggest(await get("facets"));
    } catch {
      // the list says what is wrong
    }
  };
  /** @param {Route} route */
  const update = ({ query: given }) => {
    view.filters = filtersOf(given);
    view.order = { sort: given.sort || USUAL.sort, order: given.order || USUAL.order };
    filter.show(view.filters);
    order.show(view.order.sort, view.order.order);
    countOverTime();
    return list.show({ ...serverFilters(view.filters), ...query({}) }, given.at || list.state.at);
  };

  host.append(element("h1", { class: "unseen" }, "Traces"), filter.bar, hintBox(), order.holder, picture.place, list.scroller, list.notice, compare);
  useKeys([
    ...list.keys,
    [["x"], "mark for comparison", () => mark(list.state.at)],
    [["c"], "compare the two that are marked", compareMarked],
    [["+"], "thumbs up", () => thumb(true)],
    [["-"], "thumbs down", () => thumb(false)],
    [["/"], "search", () => filter.search.focus()],
    [["Escape"], "close what is open, then clear the filters", leave],
  ]);
  const ends = [listen(countOverTime), every(500, () => tick(list)), list.close];
  update(first);
  suggest();
  list.scroller.focus({ preventScroll: true });
  return {
    update,
    close() {
      view.closed = true;
      leaveList(query(view.filters));
      for (const end of ends) end();
    },
  };
}

/**
 * What a list without rows says.
 *
 * @param {Filters} filters
 * @param {() => void} clear
 */
function emptyList(filters, clear) {
  if (!Object.keys(filters).length) return [emptyStore()];
  return [element("div", { class: "empty" }, element("p", {}, "No trace matches."), button("Clear the filters", clear))];
}

/**
 * What runs grows.
 *
 * @param {ReturnType<typeof listing<TraceLine>>} list
 */
function tick(list) {
  for (const [index, line] of list.lines) {
    const trace = list.state.rows[index];
    if (trace?.status === "running") patch(part(line, ".share"), [duration(elapsed(trace))]);
  }
}
