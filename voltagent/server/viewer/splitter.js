// The line between tree and details: drag it, or move it with the arrow keys.

import { choose, chosen } from "./choices.js";
import { element } from "./dom.js";

const LEAST = 260; // pixels
const USUAL = 480; // pixels, until it was moved
const STEP = 24;
/** @type {{ [key: string]: number }} */
const STEPS = { ArrowLeft: STEP, ArrowRight: -STEP };
const KEY = "details-width";

/**
 * The separator; `holder()` is the element that has the width of the details as `--details`.
 *
 * @param {() => HTMLElement} holder
 */
export function splitter(holder) {
  const line = element("div", {
    class: "splitter", role: "separator", tabindex: 0, "aria-orientation": "vertical", "aria-label": "Width of the details", "aria-valuemin": LEAST, "aria-valuemax": 4000, "aria-valuenow": USUAL,
  });
  const set = (/** @type {number} */ width) => {
    const most = Math.max(LEAST, holder().clientWidth - LEAST);
    const pixels = Math.round(Math.min(most, Math.max(LEAST, width)));
    holder().style.setProperty("--details", `${pixels}px`);
    line.setAttribute("aria-valuenow", String(pixels));
    choose(KEY, pixels);
  };
  const width = () => /** @type {Element} */ (line.nextElementSibling).getBoundingClientRect().width;
  line.addEventListener("pointerdown", (event) => line.setPointerCapture(event.pointerId));
  line.addEventListener("pointermove", (event) => {
    if (line.hasPointerCapture(event.pointerId)) set(holder().getBoundingClientRect().right - event.clientX);
  });
  line.addEventListener("keydown", (event) => {
    const by = STEPS[event.key];
    if (!by) return;
    set(width() + by);
    event.preventDefault();
  });
  const before = Number(chosen(KEY));
  if (before) queueMicrotask(() => set(before));
  return line;
}
