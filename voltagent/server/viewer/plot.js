// Plots over time as SVG: bars on top of each other, or lines; with axes, and the values under the pointer.

import { drawing, element } from "./dom.js";
import { patch } from "./patch.js";
import { roundStep } from "./timeline.js";

const WIDTH = 560;
const HEIGHT = 190;
const MARGIN = { left: 58, right: 10, top: 10, bottom: 24 };
const INSIDE = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };

/**
 * One plot: `figure` is its element, and `show({title, buckets, series, when})` draws values into it, again and again.
 *
 * `buckets` are the starts of equal stretches of time (µs); each of `series` has a `name`, a `colour` (a class) and
 * `values`, a number or null per bucket. `stacked` draws bars, else lines; `step` is the least distance of two marks on the
 * axis. `write` spells a value, `when` a bucket. The values under the pointer, or where the arrow keys went, stay in view.
 */
export function plot({ stacked, write, step = 1 }) {
  const drawn = { buckets: [], series: [], here: -1, write };
  const picture = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", tabindex: 0 });
  const told = element("div", { class: "told", hidden: true });
  const nothing = element("p", { class: "nothing dim", hidden: true }, "nothing to show");
  const caption = element("figcaption", {});
  const figure = element("figure", { class: "plot" }, caption, element("div", { class: "picture" }, picture, told), nothing);
  const pointer = drawing("line", { class: "pointer", y1: MARGIN.top, y2: MARGIN.top + INSIDE.height, visibility: "hidden" });
  const point = () => tell(drawn, pointer, told);
  follow(picture, drawn, point);
  const show = ({ title, buckets, series, when }) => {
    const most = Math.max(stacked ? highestSum(series, buckets.length) : highest(series), 0);
    const scale = axis(most, step);
    const slot = INSIDE.width / Math.max(1, buckets.length);
    const y = (/** @type {number} */ value) => MARGIN.top + INSIDE.height * (1 - value / scale.top);
    const x = (/** @type {number} */ bucket) => MARGIN.left + slot * bucket;
    Object.assign(drawn, { buckets, series, when, x, slot, here: Math.min(drawn.here, buckets.length - 1) });
    patch(caption, [title]);
    picture.setAttribute("aria-label", `${title}: ${spoken(series, write)}`);
    patch(picture, [
      ...scale.marks.map((value) => horizontal(y(value), write(value))),
      ...times(buckets, x, slot, when),
      ...(stacked ? columns(series, buckets.length, x, y, slot) : series.flatMap((/** @type {Series} */ one) => path(one, x, y, slot))),
      pointer,
    ]);
    nothing.hidden = most > 0;
    point();
  };
  return { figure, show };
}

/** @param {Series[]} series */
function highest(series) {
  return Math.max(0, ...series.map((/** @type {Series} */ one) => one.values.reduce((/** @type {number} */ most, /** @type {number} */ value) => Math.max(most, value || 0), 0)));
}

/** @param {Series[]} series @param {number} length */
function highestSum(series, length) {
  let most = 0;
  for (let bucket = 0; bucket < length; bucket += 1) {
    most = Math.max(most, series.reduce((/** @type {number} */ sum, /** @type {Series} */ one) => sum + (one.values[bucket] || 0), 0));
  }
  return most;
}

/** @param {number} most @param {number} least */
function axis(most, least) {
  const step = Math.max(least, roundStep((most || 1) / 4));
  const top = Math.max(step, Math.ceil((most || 1) / step) * step);
  const marks = [];
  for (let value = 0; value <= top * 1.0001; value += step) marks.push(value);
  return { top, marks };
}

/** @param {Series[]} series @param {(value: number) => string} write */
function spoken(series, write) {
  return series.map((/** @type {Series} */ one) => `${one.name} at most ${write(highest([one]))}`).join(", ") || "no values";
}

/** @param {(value: number) => number} y @param {string} label */
function horizontal(y, label) {
  const line = drawing("line", { class: "rule", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y, y2: y });
  return drawing("g", {}, line, drawing("text", { class: "axis", x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, label));
}

/**
 * @param {number[]} buckets
 * @param {(bucket: number) => number} x
 * @param {number} slot
 * @param {(start: number) => string} when
 */
function times(buckets, x, slot, when) {
  const every = Math.max(1, Math.ceil(buckets.length / 8));
  return buckets.flatMap((/** @type {number} */ start, /** @type {number} */ bucket) => {
    if (bucket % every || x(bucket) > WIDTH - 60) return [];
    const place = x(bucket) + slot / 2;
    return [drawing("text", { class: "axis", x: place, y: HEIGHT - 6, "text-anchor": "middle" }, when(start))];
  });
}

/**
 * @param {Series[]} series
 * @param {number} length
 * @param {(bucket: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} slot
 */
function columns(series, length, x, y, slot) {
  const gap = slot > 6 ? 1.5 : 0;
  const out = [];
  for (let bucket = 0; bucket < length; bucket += 1) {
    let below = 0;
    for (const { values, colour } of series) {
      const value = values[bucket] || 0;
      if (!value) continue;
      out.push(drawing("rect", { class: colour, x: x(bucket) + gap / 2, width: slot - gap, y: y(below + value), height: y(below) - y(below + value) }));
      below += value;
    }
  }
  return out;
}

/**
 * A line, broken where there is no value; a dot where a value stands alone.
 *
 * @param {Series} given
 * @param {(bucket: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} slot
 */
function path({ values, colour, dashed }, x, y, slot) {
  let [line, alone] = ["", true];
  const dots = [];
  values.forEach((/** @type {number} */ value, /** @type {number} */ bucket) => {
    if (value === null || value === undefined) return;
    const [left, top] = [x(bucket) + slot / 2, y(value)];
    const joined = values[bucket - 1] !== null && values[bucket - 1] !== undefined;
    line += `${joined ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`;
    alone = !joined && (values[bucket + 1] === null || values[bucket + 1] === undefined);
    if (alone) dots.push(drawing("circle", { class: colour, cx: left, cy: top, r: 2.5 }));
  });
  const drawn = drawing("path", { class: `${colour} stroke${dashed ? " dashed" : ""}`, d: line || "M0 0", fill: "none" });
  return [drawn, ...dots];
}

/**
 * The bucket that is meant: the one under the pointer, or where the arrow keys went; -1 for none.
 *
 * @param {SVGElement} picture
 * @param {Drawn} drawn
 * @param {() => void} point
 */
function follow(picture, drawn, point) {
  const go = (/** @type {number} */ bucket) => {
    drawn.here = Math.min(drawn.buckets.length - 1, Math.max(0, bucket));
    point();
  };
  const leave = () => {
    drawn.here = -1;
    point();
  };
  picture.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const { left, width } = picture.getBoundingClientRect();
    go(Math.floor((((event.clientX - left) / width) * WIDTH - MARGIN.left) / drawn.slot));
  });
  picture.addEventListener("pointerleave", leave);
  picture.addEventListener("blur", leave);
  picture.addEventListener("keydown", (/** @type {PointerEvent} */ event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    if (drawn.here < 0) go(by > 0 ? 0 : drawn.buckets.length - 1);
    else go(drawn.here + by);
    event.preventDefault();
  });
}

/**
 * Write beside a line what the values of the bucket that is meant are.
 *
 * @param {Drawn} given
 * @param {SVGElement} pointer
 * @param {HTMLElement} told
 */
function tell({ buckets, series, here, write, when, x, slot }, pointer, told) {
  told.hidden = here < 0;
  pointer.setAttribute("visibility", here < 0 ? "hidden" : "visible");
  if (here < 0) return;
  const place = x(here) + slot / 2;
  pointer.setAttribute("x1", place);
  pointer.setAttribute("x2", place);
  const rows = series.filter((/** @type {Series} */ one) => one.values[here]).map((/** @type {Series} */ one) => entry(one, write(one.values[here])));
  patch(told, [element("strong", {}, when(buckets[here])), ...(rows.length ? rows : [element("span", { class: "dim" }, "nothing")])]);
  told.classList.toggle("left", here > buckets.length / 2);
  told.style.setProperty("--at", `${(100 * place) / WIDTH}%`);
}

/** @param {Series} one @param {string} value */
function entry(one, value) {
  return element("span", {}, element("i", { class: `swatch ${one.colour}${one.dashed ? " dashed" : ""}` }), element("bdi", {}, one.name), element("b", {}, value));
}
