// Plots over time as SVG: bars on top of each other, or lines; with axes, the values under the pointer, and a link behind each.

import { drawing, element } from "./dom.js";
import { patch } from "./patch.js";
import { bars, lines } from "./shapes.js";
import { roundStep } from "./timeline.js";

const HEIGHT = 190;
const MARGIN = { left: 58, right: 10, top: 10, bottom: 24 };
const LEAST_WIDTH = 240;
const LABEL = 88; // pixels for the label of a time
const TALL = HEIGHT - MARGIN.top - MARGIN.bottom;

/**
 * How a plot draws: `stacked` draws bars, else lines; `step` is the least distance of two marks on the axis; `write` spells
 * a value; `opened(series, bucket)` is called for a value that was clicked, with -1 for all series.
 *
 * @typedef {object} Options
 * @property {boolean} stacked
 * @property {(value: number) => string} write
 * @property {number} [step]
 * @property {(series: number, bucket: number) => void} opened
 */

/**
 * What a plot shows: `buckets` are the starts of equal stretches of time (µs), `when` spells one.
 *
 * @typedef {{ title: string, buckets: number[], series: Series[], when: (start: number) => string }} Shown
 */

/** @typedef {{ top: number, slot: number, x: (bucket: number) => number, y: (value: number) => number }} Scale */

/**
 * One plot: `figure` is its element, `show` draws values into it, again and again. What is under the pointer, or where the
 * arrow keys went, stays marked.
 *
 * @param {Options} options
 */
export function plot({ stacked, write, step = 1, opened }) {
  const picture = drawing("svg", { "aria-hidden": true });
  const values = element("div", { class: "values", hidden: true });
  const nothing = element("p", { class: "nothing dim", hidden: true }, "nothing to show");
  const caption = element("figcaption", {});
  const holder = element("div", { class: "picture", role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0 }, picture, values);
  const figure = element("figure", { class: "plot" }, caption, holder, nothing);
  const pointer = drawing("line", { class: "pointer", y1: MARGIN.top, y2: MARGIN.top + TALL, visibility: "hidden", "data-key": "pointer" });
  const state = {
    shown: /** @type {Shown} */ ({ title: "", buckets: [], series: [], when: String }),
    scale: /** @type {Scale} */ ({ top: 1, slot: 1, x: Number, y: Number }),
    here: -1, // the bucket that is marked
    at: -1, // the series within it
    wide: 0,
  };

  const mark = () => showValues(state, write, pointer, holder, values);
  const draw = () => {
    const { title, buckets, series, when } = state.shown;
    const wide = Math.max(LEAST_WIDTH, Math.round(holder.clientWidth));
    state.wide = wide;
    const most = Math.max(0, stacked ? highestSum(series, buckets.length) : highest(series));
    const axis = axisOf(most, step);
    const slot = (wide - MARGIN.left - MARGIN.right) / Math.max(1, buckets.length);
    const scale = {
      top: axis.top, slot,
      x: (/** @type {number} */ bucket) => MARGIN.left + slot * bucket,
      y: (/** @type {number} */ value) => MARGIN.top + TALL * (1 - value / axis.top),
    };
    state.scale = scale;
    state.here = Math.min(state.here, buckets.length - 1);
    patch(caption, [title]);
    holder.setAttribute("aria-label", `${title}: ${summary(series, write)}`);
    holder.setAttribute("aria-valuemax", String(Math.max(0, buckets.length - 1)));
    picture.setAttribute("viewBox", `0 0 ${wide} ${HEIGHT}`);
    patch(picture, [
      axis.marks.map((value) => horizontal(scale.y(value), write(value), wide)),
      times(buckets, scale, when, wide),
      stacked ? bars(series, buckets.length, scale) : lines(series, scale),
      pointer,
    ]);
    nothing.hidden = most > 0;
    mark();
  };
  follow(holder, state, { mark, opened, seriesAt: (event) => (stacked ? stackedAt : nearestAt)(state, event, picture) });
  new ResizeObserver(() => {
    if (holder.clientWidth && Math.round(holder.clientWidth) !== state.wide) draw();
  }).observe(holder);
  return {
    figure,
    /** @param {Shown} shown */
    show(shown) {
      state.shown = shown;
      draw();
    },
  };
}

/** @typedef {{ shown: Shown, scale: Scale, here: number, at: number, wide: number }} State */

/** @param {Series[]} series */
function highest(series) {
  return Math.max(0, ...series.map((one) => one.values.reduce((/** @type {number} */ most, value) => Math.max(most, value ?? 0), 0)));
}

/** @param {Series[]} series @param {number} length */
function highestSum(series, length) {
  let most = 0;
  for (let bucket = 0; bucket < length; bucket += 1) {
    most = Math.max(most, series.reduce((sum, one) => sum + (one.values[bucket] || 0), 0));
  }
  return most;
}

/** @param {number} most @param {number} least */
function axisOf(most, least) {
  const step = Math.max(least, roundStep((most || 1) / 4));
  const top = Math.max(step, Math.ceil((most || 1) / step) * step);
  const marks = [];
  for (let value = 0; value <= top * 1.0001; value += step) marks.push(value);
  return { top, marks };
}

/** @param {Series[]} series @param {(value: number) => string} write */
function summary(series, write) {
  return series.map((one) => `${one.name} at most ${write(highest([one]))}`).join(", ") || "no values";
}

/** @param {number} y @param {string} label @param {number} wide */
function horizontal(y, label, wide) {
  const line = drawing("line", { class: "rule", x1: MARGIN.left, x2: wide - MARGIN.right, y1: y, y2: y });
  return drawing("g", {}, line, drawing("text", { class: "axis", x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, label));
}

/** @param {number[]} buckets @param {Scale} scale @param {(start: number) => string} when @param {number} wide */
function times(buckets, { x, slot }, when, wide) {
  const every = Math.max(1, Math.ceil(LABEL / slot));
  return buckets.flatMap((start, bucket) => {
    const place = x(bucket) + slot / 2;
    if (bucket % every || place > wide - LABEL / 2) return [];
    return [drawing("text", { class: "axis", x: place, y: HEIGHT - 6, "text-anchor": "middle" }, when(start))];
  });
}

/** The value under the pointer. @param {State} state @param {PointerEvent} event @param {Element} picture */
function valueAt({ scale }, event, picture) {
  const { top, height } = picture.getBoundingClientRect();
  const y = ((event.clientY - top) / height) * HEIGHT;
  return scale.top * (1 - (y - MARGIN.top) / TALL);
}

/** The series whose bar is under the pointer; -1 above all. @param {State} state @param {PointerEvent} event @param {Element} picture */
function stackedAt(state, event, picture) {
  const value = valueAt(state, event, picture);
  let below = 0;
  return state.shown.series.findIndex((one) => {
    below += one.values[state.here] || 0;
    return value <= below && (one.values[state.here] || 0) > 0;
  });
}

/** The series whose line is nearest to the pointer. @param {State} state @param {PointerEvent} event @param {Element} picture */
function nearestAt(state, event, picture) {
  const value = valueAt(state, event, picture);
  const far = state.shown.series.map((one) => Math.abs((one.values[state.here] ?? Infinity) - value));
  const least = Math.min(...far);
  return Number.isFinite(least) ? far.indexOf(least) : -1;
}

/**
 * The bucket that is meant: the one under the pointer, or where the arrow keys went; -1 for none.
 *
 * @param {HTMLElement} holder
 * @param {State} state
 * @param {{ mark: () => void, opened: (series: number, bucket: number) => void, seriesAt: (event: PointerEvent) => number }} acts
 */
function follow(holder, state, { mark, opened, seriesAt }) {
  /** @param {number} bucket */
  const go = (bucket) => {
    state.here = Math.min(state.shown.buckets.length - 1, Math.max(0, bucket));
    mark();
  };
  const leave = () => {
    [state.here, state.at] = [-1, -1];
    mark();
  };
  /** Go to the next series that has a value. @param {number} by */
  const walk = (by) => {
    const { series } = state.shown;
    for (let step = 1; step <= series.length; step += 1) {
      const place = (state.at + by * step + (series.length + 1) * 2) % (series.length + 1);
      if (place === series.length || !series[place].values[state.here]) continue;
      state.at = place;
      break;
    }
    mark();
  };
  holder.addEventListener("pointermove", (event) => {
    const { left } = holder.getBoundingClientRect();
    go(Math.floor((event.clientX - left - MARGIN.left) / state.scale.slot));
    state.at = seriesAt(event);
    mark();
  });
  holder.addEventListener("click", (event) => {
    if (state.here >= 0) opened(seriesAt(/** @type {PointerEvent} */ (event)), state.here);
  });
  holder.addEventListener("pointerleave", leave);
  holder.addEventListener("blur", leave);
  holder.addEventListener("keydown", (event) => {
    const last = state.shown.buckets.length - 1;
    if (event.key === "ArrowLeft") go(state.here < 0 ? last : state.here - 1);
    else if (event.key === "ArrowRight") go(state.here < 0 ? 0 : state.here + 1);
    else if (event.key === "ArrowDown" && state.here >= 0) walk(1);
    else if (event.key === "ArrowUp" && state.here >= 0) walk(-1);
    else if (event.key === "Enter" && state.here >= 0) opened(state.at, state.here);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/**
 * Write beside a line what the values of the bucket that is meant are.
 *
 * @param {State} state
 * @param {(value: number) => string} write
 * @param {SVGElement} pointer
 * @param {HTMLElement} holder
 * @param {HTMLElement} values
 */
function showValues({ shown: { buckets, series, when }, scale, here, at, wide }, write, pointer, holder, values) {
  values.hidden = here < 0;
  pointer.setAttribute("visibility", here < 0 ? "hidden" : "visible");
  holder.setAttribute("aria-valuenow", String(Math.max(0, here)));
  if (here < 0) {
    holder.removeAttribute("aria-valuetext");
    return;
  }
  const place = scale.x(here) + scale.slot / 2;
  pointer.setAttribute("x1", String(place));
  pointer.setAttribute("x2", String(place));
  const there = series.map((one, index) => ({ one, index, value: one.values[here] })).filter(({ value }) => value);
  const rows = there.map(({ one, index, value }) => entry(one, write(value ?? 0), index === at));
  patch(values, [element("strong", {}, when(buckets[here])), ...(rows.length ? rows : [element("span", { class: "dim" }, "nothing")])]);
  const spoken = there.filter(({ index }) => at < 0 || index === at).map(({ one, value }) => `${one.name} ${write(value ?? 0)}`);
  holder.setAttribute("aria-valuetext", `${when(buckets[here])}: ${spoken.join(", ") || "nothing"}`);
  values.classList.toggle("left", here > buckets.length / 2);
  values.style.setProperty("--at", `${(100 * place) / wide}%`);
}

/** @param {Series} one @param {string} value @param {boolean} isMeant */
function entry(one, value, isMeant) {
  const swatch = element("i", { class: `swatch ${one.colour}${one.dashed ? " dashed" : ""}` });
  return element("span", { class: isMeant ? "meant" : "" }, swatch, element("bdi", {}, one.name), element("b", {}, value));
}
