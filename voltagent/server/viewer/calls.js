// The list of calls: operations of all traces, sorted by anything. Figures of the Metrics page lead here.

import { get } from "./api.js";
import { element } from "./dom.js";
import { CALLS_BAR, filterBar, filtersOf, serverFilters } from "./filters.js";
import { cachedOf, costOf, count, duration, elapsed, exactly, moment, money, shortId, tokensOf, zone } from "./format.js";
import { useKeys } from "./keys.js";
import { mark, stateOf, status } from "./kinds.js";
import { listing, sortChoice } from "./listing.js";
import { address, go, note } from "./route.js";

/**
 * A row of `/api/calls`.
 *
 * @typedef {object} CallFacts
 * @property {string} id
 * @property {string} trace the id of its trace
 * @property {string} kind
 * @property {string} name
 * @property {string} [operation]
 * @property {string} [agent] the agent that it worked for
 * @property {string} [trace_agent] the agent of the trace
 * @property {string} [model]
 * @property {number} [tokens]
 * @property {number} [cached]
 * @property {number} [cost]
 * @property {string} [error]
 * @property {string} [error_type]
 * @property {string} [preview] how its input begins
 */

/** @typedef {Timed & CallFacts} Call */
/** @typedef {import("./listing.js").Column<Call>} Column */

const USUAL = { sort: "start", order: "desc" };
const ORDERS = {
  start: "started", duration: "duration", tokens: "tokens", cached: "cached tokens", cost: "cost", error: "error", name: "name", kind: "kind",
  agent: "agent", model: "model", status: "status", trace: "trace",
};
const SEPARATOR = "\u0000"; // no id contains it

/** @param {Call} call */
const idOf = ({ trace, id }) => `${trace}${SEPARATOR}${id}`;

/** @param {Call} call */
const addressOf = ({ trace, id }) => address("trace", [trace], { operation: id });

/** @param {HTMLElement} host @param {Route} first @returns {Page} */
export function openCalls(host, first) {
  document.title = "Calls · voltagent";
  const view = { filters: filtersOf(first.query), order: USUAL, closed: false };
  const isUsual = () => view.order.sort === USUAL.sort && view.order.order === USUAL.order;
  const query = () => ({ ...view.filters, ...(isUsual() ? {} : view.order) });
  /** @param {string} by @param {string} direction */
  const sorted = (by, direction) => {
    view.order = { sort: by, order: direction };
    go(address("calls", [], query()));
  };
  const order = sortChoice(ORDERS, sorted);
  /** @param {import("./filters.js").Filters} filters */
  const narrow = (filters) => {
    view.filters = filters;
    if (!view.closed) go(address("calls", [], query()));
  };
  const filter = filterBar(narrow, CALLS_BAR);
  const traces = element("a", {}, "Their traces");
  const list = listing({
    path: "calls", name: "calls", label: "Calls", columns: COLUMNS, usual: USUAL, isTall: true, idOf,
    classOf: stateOf,
    next: (rows) => ({ offset: rows.length }),
    empty: () => [element("p", { class: "empty" }, "No call matches.")],
    sorted,
    selected: (id) => note(address("calls", [], { ...query(), at: id })),
    opened: (id) => {
      const [trace, operation] = id.split(SEPARATOR);
      go(address("trace", [trace], { operation }));
    },
  });
  /** @param {Route} route */
  const update = ({ query: given }) => {
    view.filters = filtersOf(given);
    view.order = { sort: given.sort || USUAL.sort, order: given.order || USUAL.order };
    order.show(view.order.sort, view.order.order);
    filter.show(view.filters);
    const { counted, unnamed, ...others } = view.filters;
    traces.setAttribute("href", address("list", [], serverFilters(others, "called_since")));
    return list.show({ ...serverFilters(view.filters, "called_since"), ...view.order }, given.at || list.state.at);
  };
  host.classList.add("calls");
  /** Close the panel of filters, then clear the filters, then leave: one for each press. */
  const leave = () => {
    if (filter.closePanel()) return;
    if (Object.keys(view.filters).length) narrow({});
    else go(address("metrics"));
  };
  filter.bar.prepend(element("h1", {}, "Calls"));
  filter.bar.append(element("span", { class: "grow" }), traces, order.holder);
  host.append(filter.bar, list.scroller, list.notice);
  useKeys([
    ...list.keys,
    [["/"], "filter by name", () => filter.search.focus()],
    [["Escape"], "close what is open, then clear the filters, then Metrics", leave],
  ]);
  update(first);
  get("facets").then(filter.suggest, () => {}); // the list says what is wrong
  list.scroller.focus({ preventScroll: true });
  return {
    update,
    close() {
      view.closed = true;
      list.close();
    },
  };
}

/** @type {Column[]} */
const COLUMNS = [
  { title: "Status", short: "●", class: "state", sort: "status", cell: (call) => status(stateOf(call)) },
  { title: "Call", class: "who", sort: "name", cell: who },
  { title: "Agent", class: "user dim", sort: "agent", cell: ({ agent }) => agent && element("bdi", { title: agent }, agent) },
  { title: "Model", class: "model dim", sort: "model", cell: ({ model }) => model && element("bdi", { title: model }, model) },
  { title: `Started ${zone()}`, class: "start number dim", sort: "start", cell: ({ start }) => element("bdi", { title: exactly(start) }, moment(start)) },
  { title: "Trace", class: "conversation dim", sort: "trace", cell: traceOf },
  { title: "Duration", class: "took number", sort: "duration", cell: (call) => duration(elapsed(call)) },
  { title: "Tokens", class: "tokens number", sort: "tokens", cell: (call) => count(tokensOf(call)) },
  { title: "Cached", class: "cached number dim", sort: "cached", cell: (call) => count(cachedOf(call) || null) },
  { title: "Cost", class: "cost number", sort: "cost", cell: (call) => money(costOf(call)) },
  { title: "Error", class: "problem-type error-text", sort: "error", cell: ({ error, error_type: sort }) => (error || sort) && element("bdi", { title: error ?? sort }, sort ?? error) },
];

/** @param {Call} call */
function who(call) {
  const link = element("a", { href: addressOf(call), class: "agent", tabindex: -1 }, element("bdi", { title: call.name }, call.name));
  const preview = call.preview && !call.error ? element("bdi", { class: "input-start dim", title: call.preview }, call.preview) : null;
  const error = call.error ? element("bdi", { class: "error-text", title: call.error }, call.error) : null;
  return [mark(call), link, call.operation ? element("span", { class: "dim" }, call.operation) : null, error, preview];
}

/** @param {Call} call */
function traceOf({ trace, trace_agent: agent }) {
  return element("a", { href: address("trace", [trace]), tabindex: -1, class: "narrowing" }, element("bdi", { title: `${agent ?? "trace"} ${trace}` }, agent ?? shortId(trace)));
}
