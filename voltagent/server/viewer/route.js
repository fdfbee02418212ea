// The address bar holds what is shown: `#/trace/ab12?operation=cd34`. Nothing of it is sent to the server.

/** The address of what is shown. The address bar is ahead of it from a click on a link until the browser reports the change. */
let shown = location.hash;

/**
 * The page, places and query that the address bar names, to show them now; the list of traces if it is empty.
 *
 * @returns {Route}
 */
export function arrive() {
  shown = location.hash;
  const [path, query] = cut(shown.replace(/^#\/?/, ""), "?");
  const [page, ...places] = path.split("/").map(decoded);
  return { page: page || "list", places, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** @param {string} text @param {string} mark @returns {[before: string, after: string]} */
function cut(text, mark) {
  const place = text.indexOf(mark);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)];
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that means itself
  }
}

/**
 * The address of a page; what is empty in the query is left out.
 *
 * @param {string} page
 * @param {string[]} [places]
 * @param {{ [name: string]: string | number | null | undefined }} [query]
 */
export function address(page, places = [], query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const path = [page === "list" ? "" : page, ...places.map(encodeURIComponent)].join("/");
  return `#/${path}${given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : ""}`;
}

/**
 * Go to an address, as a link does.
 *
 * @param {string} target
 */
export function go(target) {
  location.hash = target;
}

/** Whether the user is on the way to another address: a link was followed, and the browser has not reported it yet. */
export const isLeaving = () => location.hash !== shown;

/**
 * Note in the address bar what is shown now, without a new entry in the history, unless the user is leaving it.
 *
 * @param {string} target
 */
export function note(target) {
  if (isLeaving()) return;
  try {
    if (target !== shown) history.replaceState(null, "", target);
    shown = location.hash;
  } catch {
    // a frame of a notebook has no address of its own
  }
}
