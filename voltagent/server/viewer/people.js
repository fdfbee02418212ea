// The lists of conversations and of users.

import { element } from "./dom.js";
import { chips, filtersOf, serverFilters } from "./filters.js";
import { count, exactly, moment, money, plural, zone } from "./format.js";
import { useKeys } from "./keys.js";
import { listing, sortChoice } from "./listing.js";
import { patch } from "./patch.js";
import { address, go, note } from "./route.js";

/**
 * A row of `/api/conversations` or `/api/users`.
 *
 * @typedef {object} Group
 * @property {string} id
 * @property {number} traces
 * @property {number} errors traces with errors
 * @property {number} first µs
 * @property {number} last µs
 * @property {number | null} [tokens]
 * @property {number | null} [cost]
 * @property {number} [conversations]
 * @property {string[]} [users]
 * @property {string[]} [agents]
 * @property {string} [input] how the first input begins
 */

/** @typedef {import("./listing.js").Column<Group>} Column */

const USUAL = { sort: "last", order: "desc" };
const ORDERS = { last: "last", first: "first", traces: "traces", errors: "errors", tokens: "tokens", cost: "cost", id: "name" };

/** @param {HTMLElement} host @param {Route} first @returns {Page} */
export function openConversations(host, first) {
  return openGroups(host, first, {
    page: "conversations",
    title: "Conversations",
    one: "conversation",
    open: (id) => address("conversation", [id]),
    link: ({ id }) => ({ conversation: id }),
    about: (group) => [
      group.input ? element("bdi", { class: "input-start dim" }, group.input) : null,
      element("span", { class: "tags" }, (group.agents || []).slice(0, 3).map((agent) => element("bdi", { class: "tag" }, agent))),
    ],
    more: { title: "Users", class: "user dim", cell: ({ users }) => users?.length && element("bdi", { title: users.join(", ") }, users.join(", ")) },
  });
}

/** @param {HTMLElement} host @param {Route} first @returns {Page} */
export function openUsers(host, first) {
  return openGroups(host, first, {
    page: "users",
    title: "Users",
    one: "user",
    open: (id) => address("list", [], { user: id }),
    link: ({ id }) => ({ user: id }),
    about: () => [],
    more: {
      title: "Conversations", class: "user number", sort: "conversations",
      cell: ({ id, conversations }) => conversations ? element("a", { href: address("conversations", [], { user: id }), tabindex: -1 }, count(conversations)) : "",
    },
  });
}

/**
 * In what the two lists differ.
 *
 * @typedef {object} Sort
 * @property {string} page
 * @property {string} title
 * @property {string} one
 * @property {(id: string) => string} open the address of a row
 * @property {(group: Group) => { [name: string]: string }} link the filter for its traces
 * @property {(group: Group) => Child[]} about
 * @property {Column} more
 */

/** @param {HTMLElement} host @param {Route} first @param {Sort} sort @returns {Page} */
function openGroups(host, first, sort) {
  document.title = `${sort.title} · voltagent`;
  const view = { filters: filtersOf(first.query), order: USUAL };
  const query = () => ({ ...view.filters, ...(view.order.sort === USUAL.sort && view.order.order === USUAL.order ? {} : view.order) });
  /** @param {string} by @param {string} direction */
  const sorted = (by, direction) => {
    view.order = { sort: by, order: direction };
    go(address(sort.page, [], query()));
  };
  const order = sortChoice(ORDERS, sorted);
  const narrowed = element("span", { class: "chips" });
  const list = listing({
    path: sort.page, name: sort.page, label: sort.title, columns: columnsOf(sort), usual: USUAL,
    idOf: (/** @type {Group} */ { id }) => id,
    classOf: () => "",
    next: (rows) => ({ offset: rows.length }),
    empty: () => [element("p", { class: "empty" }, `No ${sort.page} yet: give a trace ${sort.one === "user" ? "a user id" : "a conversation id"}.`)],
    sorted,
    selected: (id) => note(address(sort.page, [], { ...query(), at: id })),
    opened: (id) => go(sort.open(id)),
  });
  /** @param {Route} route */
  const update = ({ query: given }) => {
    view.filters = filtersOf(given);
    view.order = { sort: given.sort || USUAL.sort, order: given.order || USUAL.order };
    order.show(view.order.sort, view.order.order);
    patch(narrowed, chips(view.filters, (filters) => go(address(sort.page, [], filters)), []));
    return list.show({ ...serverFilters(view.filters), ...view.order }, given.at || list.state.at);
  };
  host.classList.add("groups");
  host.append(element("div", { class: "filters" }, element("h1", {}, sort.title), narrowed, order.holder), list.scroller, list.notice);
  useKeys([...list.keys, [["Escape"], "all traces", () => go(address("list"))]]);
  update(first);
  list.scroller.focus({ preventScroll: true });
  return {
    update,
    close: list.close,
  };
}

/** @param {Sort} sort @returns {Column[]} */
function columnsOf(sort) {
  /** @param {number} time */
  const when = (time) => element("bdi", { title: exactly(time) }, moment(time));
  /** @param {Group} group @param {{ [name: string]: string }} filter @param {Child} words */
  const traces = (group, filter, words) => element("a", { href: address("list", [], { ...sort.link(group), ...filter }), tabindex: -1 }, words);
  return [
    {
      title: sort.one === "user" ? "User" : "Conversation", class: "who", sort: "id",
      cell: (group) => [element("a", { href: sort.open(group.id), class: "agent", tabindex: -1 }, element("bdi", { title: group.id }, group.id)), sort.about(group)],
    },
    sort.more,
    { title: `First ${zone()}`, class: "first number dim", sort: "first", cell: ({ first }) => when(first) },
    { title: `Last ${zone()}`, class: "start number dim", sort: "last", cell: ({ last }) => when(last) },
    { title: "Tokens", class: "tokens number", sort: "tokens", cell: ({ tokens }) => count(tokens) },
    { title: "Cost", class: "cost number", sort: "cost", cell: ({ cost }) => money(cost) },
    { title: "Traces", class: "operations number", sort: "traces", cell: (group) => traces(group, {}, plural(group.traces, "trace")) },
    { title: "Errors", class: "errors number", sort: "errors", cell: (group) => group.errors ? traces(group, { errors: "1" }, count(group.errors)) : "" },
  ];
}
