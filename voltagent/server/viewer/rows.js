// Long lists: only the rows in view are in the document.

import { element } from "./dom.js";
import { patch } from "./patch.js";

const MARGIN = 8; // rows drawn beyond each edge, so that scrolling shows none missing

/** @typedef {ReturnType<typeof virtualRows>} Rows */

/**
 * Rows of one height inside a scrolling element.
 *
 * `height()` is the height in pixels, read again at every `show`; `draw(index)` makes a row, with a `data-key` that stays
 * where rows come and go; `drawn()`, if given, is called after rows were drawn. Nothing changes while a pointer is down: a
 * click would lose the row it began on.
 *
 * @param {HTMLElement} scroller
 * @param {{ height: () => number, draw: (index: number) => HTMLElement, drawn?: () => void }} parts
 */
export function virtualRows(scroller, { height, draw, drawn = () => {} }) {
  const body = element("div", { class: "rows", role: "rowgroup" });
  /** @type {Map<number, HTMLElement>} */
  const rows = new Map();
  let [count, frame, held, stale, tall] = [0, 0, false, false, height()];

  const range = () => {
    const top = scroller.scrollTop - body.offsetTop;
    const first = Math.max(0, Math.floor(top / tall) - MARGIN);
    return [first, Math.min(count, Math.ceil((top + scroller.clientHeight) / tall) + MARGIN)];
  };
  const paint = () => {
    frame = 0;
    const [first, end] = range();
    const indices = Array.from({ length: Math.max(0, end - first) }, (_, place) => first + place);
    const wanted = indices.map((index) => (!stale && rows.get(index)) || placed(index));
    stale = false;
    rows.clear();
    for (const [place, row] of patch(body, wanted).entries()) rows.set(first + place, /** @type {HTMLElement} */ (row));
    drawn();
  };
  const placed = (/** @type {number} */ index) => {
    const row = draw(index);
    row.style.setProperty("top", `${index * tall}px`);
    return row;
  };
  const later = () => {
    if (!frame && !held) frame = requestAnimationFrame(paint);
  };
  const hold = (/** @type {PointerEvent} */ event) => {
    held = event.type === "pointerdown";
    if (!held) setTimeout(later); // after the click that belongs to it
  };

  scroller.append(body);
  scroller.addEventListener("scroll", later, { passive: true });
  body.addEventListener("pointerdown", hold);
  for (const event of /** @type {const} */ (["pointerup", "pointercancel"])) window.addEventListener(event, hold);
  const size = new ResizeObserver(later);
  size.observe(scroller);

  return {
    /** The row elements in the document, by index. */
    rows,
    /** Show that many rows, drawn anew. */
    show(/** @type {number} */ number) {
      [count, tall, stale] = [number, height(), true];
      body.style.setProperty("--row", `${tall}px`);
      body.style.setProperty("height", `${count * tall}px`);
      if (held) return;
      cancelAnimationFrame(frame);
      paint();
    },
    /** Scroll as little as makes a row visible, below what covers `covered` pixels at the top. */
    reveal(/** @type {number} */ index, covered = 0) {
      const top = body.offsetTop + index * tall;
      if (top < scroller.scrollTop + covered) scroller.scrollTop = top - covered;
      else if (top + tall > scroller.scrollTop + scroller.clientHeight) {
        scroller.scrollTop = top + tall - scroller.clientHeight;
      }
    },
    /** How many rows fit on a screen. */
    page() {
      return Math.max(1, Math.floor(scroller.clientHeight / tall) - 2);
    },
    close() {
      cancelAnimationFrame(frame);
      size.disconnect();
      for (const event of /** @type {const} */ (["pointerup", "pointercancel"])) window.removeEventListener(event, hold);
    },
  };
}
