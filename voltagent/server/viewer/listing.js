// A long list from the server: sorted by any column, loaded page by page, live, and walked with the keyboard.
//
// The pages of traces, conversations and users are such lists.

import { get, latest, messageOf, onChange, paced } from "./api.js";
import { element } from "./dom.js";
import { listen } from "./live.js";
import { patch } from "./patch.js";
import { virtualRows } from "./rows.js";

const PAGE = 100; // rows requested at a time
const REFRESHED = 200; // rows requested again when the store changed
// How a row of a list is laid out (list.css): as a card, in one line where columns have the width for it, else in two.
const CARDS = matchMedia("(max-width: 900px)");
const WIDE = matchMedia("(min-width: 1500px)");

/**
 * A column: `sort` is its name for the server, if rows can be sorted by it.
 *
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {string} [short] what stands in the heading of a narrow column, which has the title for those who hover or listen
 * @property {string} class
 * @property {string} [sort]
 * @property {(row: T) => Child} cell
 */

/**
 * What a list shows. `path` is where its rows come from, under `name` in the answer; `next(rows)` gives the query for the
 * rows after those that are loaded.
 *
 * @template T
 * @typedef {object} Source
 * @property {string} path
 * @property {string} name
 * @property {string} label
 * @property {Column<T>[]} columns
 * @property {{ sort: string, order: string }} usual how rows are sorted if the address says nothing
 * @property {(row: T) => string} idOf
 * @property {(row: T) => string} classOf
 * @property {(rows: T[]) => void} [prepare] called before rows are drawn
 * @property {(rows: T[]) => { [name: string]: string | number }} next
 * @property {boolean} [isTall] a row needs two lines unless the window is wide
 * @property {() => Child[]} empty what to say if there is no row
 * @property {(sort: string, order: string) => void} sorted the user chose another order
 * @property {(id: string | null) => void} selected
 * @property {(id: string) => void} opened
 */

/** @typedef {{ [name: string]: string }} Query */

/**
 * The rows of a list as it was left, for the way back.
 *
 * @typedef {{ query: string, rows: unknown[], more: boolean, top: number }} Left
 * @type {Map<string, Left>}
 */
const left = new Map();

/**
 * @template T
 * @param {Source<T>} source
 */
export function listing(source) {
  const scroller = element("div", { class: "scroller table", role: "grid", tabindex: 0, "aria-label": source.label });
  const heading = element("div", { class: "line heading", role: "row", "aria-rowindex": 1 });
  const notice = element("div", { class: "notice", role: "status" });
  scroller.append(heading);
  const state = {
    rows: /** @type {T[]} */ ([]),
    query: /** @type {Query} */ ({}),
    shown: /** @type {Query | null} */ (null), // the query that `rows` answer: another one while an answer is on its way
    more: false,
    isLoading: false,
    at: /** @type {string | null} */ (null),
    fresh: new Set(/** @type {string[]} */ ([])),
    failure: /** @type {string | null} */ (null),
    closed: false,
  };
  const indexOf = () => state.rows.findIndex((row) => source.idOf(row) === state.at);
  const height = () => (CARDS.matches ? (source.isTall ? 82 : 62) : source.isTall && !WIDE.matches ? 48 : 32);

  /** @param {number} index */
  const drawLine = (index) => {
    const row = state.rows[index];
    const id = source.idOf(row);
    return element(
      "div",
      {
        class: `line ${source.classOf(row)}${state.fresh.has(id) ? " fresh" : ""}`, role: "row", id: `row-${index}`, "data-key": id,
        "aria-rowindex": index + 2, "aria-selected": id === state.at,
      },
      source.columns.map((column) => element("span", { class: column.class, role: "gridcell" }, column.cell(row))),
    );
  };
  const list = virtualRows(scroller, { height, draw: drawLine, drawn: () => loadMore() });

  const activate = () => {
    const index = indexOf();
    for (const [place, line] of list.rows) line.setAttribute("aria-selected", String(place === index));
    if (index < 0) scroller.removeAttribute("aria-activedescendant");
    else scroller.setAttribute("aria-activedescendant", `row-${index}`);
  };
  const draw = () => {
    scroller.setAttribute("aria-rowcount", String(state.more ? -1 : state.rows.length + 1));
    patch(heading, source.columns.map((column) => headingCell(column, state.query, source)));
    source.prepare?.(state.rows);
    list.show(state.rows.length);
    activate();
    const problem = state.failure === null ? null : element("p", { class: "problem" }, state.failure);
    patch(notice, problem || state.rows.length ? [problem] : source.empty());
    scroller.hidden = !state.rows.length;
    notice.hidden = state.rows.length > 0 && state.failure === null;
  };

  /**
   * The answer to a query while it `counts()`; what failed is shown.
   *
   * @param {object} query
   * @param {() => boolean} counts
   * @returns {Promise<{ rows: T[], more: boolean } | null>}
   */
  const load = async (query, counts) => {
    try {
      const answer = await get(source.path, { ...query });
      if (!counts()) return null;
      state.failure = null;
      return { rows: answer[source.name], more: answer.more };
    } catch (failure) {
      if (counts()) {
        state.failure = messageOf(failure);
        draw();
      }
      return null;
    }
  };

  /** Request the loaded rows again: new ones come first, those that went on are replaced. */
  const reload = async () => {
    const { query } = state;
    const isOther = state.shown !== query;
    const limit = Math.min(REFRESHED, Math.max(PAGE, isOther ? 0 : state.rows.length));
    const found = await load({ ...query, limit }, latest(state));
    if (!found) return;
    const before = isOther ? [] : state.rows;
    const ids = new Set(found.rows.map(source.idOf));
    const last = found.rows.at(-1);
    const place = last === undefined ? -1 : before.findIndex((row) => source.idOf(row) === source.idOf(last));
    const older = found.more && place >= 0 ? before.slice(place + 1).filter((row) => !ids.has(source.idOf(row))) : [];
    const known = new Set(before.map(source.idOf));
    state.fresh = new Set(before.length ? [...ids].filter((id) => !known.has(id)) : []);
    if (isOther && state.shown) scroller.scrollTop = 0;
    const top = topmost();
    Object.assign(state, { shown: query, rows: [...found.rows, ...older] });
    if (!older.length) state.more = found.more;
    draw();
    keepPlace(top);
    state.fresh = new Set();
  };

  const loadMore = async () => {
    const isNear = Math.max(-1, ...list.rows.keys()) >= state.rows.length - 20;
    if (!state.more || !isNear || state.isLoading || state.shown !== state.query) return;
    const { query, rows } = state;
    const isSame = () => state.shown === query && state.rows.at(-1) === rows.at(-1);
    state.isLoading = true;
    const found = await load({ ...query, limit: PAGE, ...source.next(rows) }, () => !state.closed && isSame());
    state.isLoading = false;
    if (found) {
      const known = new Set(state.rows.map(source.idOf));
      const unknown = found.rows.filter((row) => !known.has(source.idOf(row)));
      // without one, the list has moved on: the next news bring it
      Object.assign(state, { rows: [...state.rows, ...unknown], more: found.more && unknown.length > 0 });
      draw();
    } else if (!state.closed && state.failure === null && !isSame()) loadMore(); // there is another list meanwhile
  };

  const topmost = () => {
    const index = Math.floor(scroller.scrollTop / height());
    const row = scroller.scrollTop > 0 ? state.rows[index] : undefined;
    return row === undefined ? null : { index, id: source.idOf(row) };
  };
  /**
   * Rows that arrive above must not push away what the user is looking at.
   *
   * @param {ReturnType<typeof topmost>} before
   */
  const keepPlace = (before) => {
    if (!before) return;
    const index = state.rows.findIndex((row) => source.idOf(row) === before.id);
    if (index > before.index) scroller.scrollTop += (index - before.index) * height();
  };

  /** @param {string | null} id */
  const select = (id) => {
    state.at = id;
    source.selected(id);
    activate();
  };
  /** @param {number} by */
  const move = (by) => {
    if (!state.rows.length) return;
    const here = indexOf();
    const next = here >= 0 ? here + by : by === Infinity ? Infinity : 0;
    const index = Math.min(state.rows.length - 1, Math.max(0, next));
    select(source.idOf(state.rows[index]));
    list.reveal(index, heading.offsetHeight);
    scroller.focus({ preventScroll: true });
  };

  scroller.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const line = /** @type {HTMLElement | null} */ (target.closest(".rows > .line"));
    const id = line?.dataset.key;
    if (!id || target.closest("a, button, .pick") || String(getSelection())) return;
    select(id);
    source.opened(id);
  });

  const refresh = paced(reload);
  const redraw = () => state.shown && draw();
  const ends = [listen(refresh), onChange(CARDS, redraw), onChange(WIDE, redraw), list.close];
  return {
    scroller,
    notice,
    state,
    lines: list.rows,
    draw,
    select,
    /** The row that is selected, if it is loaded. */
    current: () => /** @type {T | undefined} */ (state.rows[indexOf()]),
    /**
     * Show what a query gives; `at` is the row that is selected.
     *
     * @param {Query} query
     * @param {string | null} at
     */
    show(query, at) {
      state.at = at;
      state.query = query;
      const before = left.get(source.path);
      left.delete(source.path);
      if (before && state.shown === null && before.query === JSON.stringify(query)) {
        Object.assign(state, { shown: query, rows: before.rows, more: before.more });
        draw();
        scroller.scrollTop = before.top;
      }
      return reload();
    },
    /** @type {KeyRow[]} */
    keys: [
      [["j", "ArrowDown"], "next row", () => move(1)],
      [["k", "ArrowUp"], "previous row", () => move(-1)],
      [["PageDown"], "a page down", () => move(list.page())],
      [["PageUp"], "a page up", () => move(-list.page())],
      [["Home"], "first row", () => move(-Infinity)],
      [["End"], "last row that is loaded", () => move(Infinity)],
      [["Enter"], "open", () => (state.at ? source.opened(state.at) : false)],
    ],
    close() {
      state.closed = true;
      for (const end of ends) end();
      if (state.shown !== state.query) return;
      left.set(source.path, { query: JSON.stringify(state.query), rows: state.rows, more: state.more, top: scroller.scrollTop });
    },
  };
}

/**
 * The heading of a column: a button that sorts by it, and turns the order round if rows are sorted by it already.
 *
 * @template T
 * @param {Column<T>} column
 * @param {Query} query
 * @param {Source<T>} source
 */
function headingCell({ title, short, class: name, sort }, query, source) {
  const now = { sort: query.sort || source.usual.sort, order: query.order || source.usual.order };
  const isSorted = sort === now.sort;
  const attributes = { role: "columnheader", class: name, "aria-sort": isSorted ? (now.order === "asc" ? "ascending" : "descending") : null };
  if (!sort) return element("span", attributes, element("span", { class: name === "pick" ? "unseen" : "" }, title));
  const turned = isSorted && now.order === "desc" ? "asc" : isSorted ? "desc" : TEXTUAL.has(sort) ? "asc" : "desc";
  const sign = element("span", { class: "order", "aria-hidden": true }, isSorted ? (now.order === "asc" ? "▲" : "▼") : "");
  const press = () => source.sorted(sort, turned);
  const words = short ? [element("span", { class: "unseen" }, title), element("span", { "aria-hidden": true }, short)] : title;
  return element("span", attributes, element("button", { type: "button", class: "quiet sort", title: short ? title : null, on: { click: press } }, words, sign));
}

// Columns of texts begin with A.
const TEXTUAL = new Set(["agent", "name", "status", "model", "user", "conversation", "version", "environment", "tags", "id"]);

/**
 * A choice of the order, for screens without headings.
 *
 * @param {{ [name: string]: string }} titles of what can be sorted by
 * @param {(sort: string, order: string) => void} sorted
 */
export function sortChoice(titles, sorted) {
  const names = Object.entries(titles).map(([value, title]) => element("option", { value }, title));
  const choice = element("select", { "aria-label": "Sort by" }, names);
  const turn = element("button", { type: "button", class: "quiet", "aria-label": "Order" });
  const state = { order: "desc" };
  const holder = element("span", { class: "sort-choice" }, choice, turn);
  choice.addEventListener("change", () => sorted(choice.value, TEXTUAL.has(choice.value) ? "asc" : "desc"));
  turn.addEventListener("click", () => sorted(choice.value, state.order === "asc" ? "desc" : "asc"));
  return {
    holder,
    /** @param {string} sort @param {string} order */
    show(sort, order) {
      state.order = order;
      choice.value = sort;
      turn.textContent = order === "asc" ? "▲" : "▼";
      turn.title = order === "asc" ? "Ascending" : "Descending";
    },
  };
}
