// Traces and errors over time, above the list: drag over a part to see its traces only, or choose it with the keyboard.

import { drawing, element } from "./dom.js";
import { count, exactly, moment, plural, zone } from "./format.js";
import { patch } from "./patch.js";

const HEIGHT = 46;
const LEAST = 4; // pixels: a shorter drag is a click on one bar

/**
 * The answer of `/api/histogram`: times in µs, counts per bucket.
 *
 * @typedef {object} Counts
 * @property {number} since
 * @property {number} until
 * @property {number} width
 * @property {number[]} buckets
 * @property {number[]} traces
 * @property {number[]} errors
 */

/** @typedef {{ first: number, last: number }} Stretch buckets from the first to the last */

/**
 * The picture. `chosen(since, until)` is called with the stretch of time that the user dragged over, in µs.
 *
 * @param {(since: number, until: number) => void} chosen
 */
export function histogram(chosen) {
  const picture = drawing("svg", { viewBox: `0 0 1000 ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": true });
  const choice = element("span", { class: "choice", hidden: true });
  const field = element("div", {
    class: "field", role: "slider", tabindex: 0, "aria-label": "Traces over time", "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0,
    title: "Drag over a stretch of time. Keys: arrows, Shift and arrows, Enter",
  }, picture, choice);
  const label = element("div", { class: "label dim", "aria-live": "off" });
  const place = element("div", { class: "histogram", hidden: true }, field, label);
  const state = {
    counts: /** @type {Counts | null} */ (null),
    stretch: /** @type {Stretch | null} */ (null), // what is marked
    anchor: 0, // where the stretch began
  };

  /** @param {number} bucket */
  const inside = (bucket) => Math.max(0, Math.min((state.counts?.buckets.length ?? 1) - 1, bucket));
  /** @param {Stretch | null} stretch */
  const mark = (stretch) => {
    state.stretch = stretch;
    const many = state.counts?.buckets.length ?? 0;
    choice.hidden = !stretch;
    if (stretch) {
      choice.style.setProperty("left", `${(100 * stretch.first) / many}%`);
      choice.style.setProperty("width", `${(100 * (stretch.last + 1 - stretch.first)) / many}%`);
      field.setAttribute("aria-valuenow", String(stretch.last));
    }
    if (state.counts) describe(state.counts, stretch, field, label);
  };
  /** @param {number} bucket @param {boolean} isLonger whether the stretch grows to there */
  const go = (bucket, isLonger) => {
    const to = inside(bucket);
    if (!isLonger) state.anchor = to;
    mark({ first: Math.min(state.anchor, to), last: Math.max(state.anchor, to) });
  };
  const apply = () => {
    const { counts, stretch } = state;
    if (!counts || !stretch) return;
    const since = counts.buckets[stretch.first];
    mark(null);
    const rest = stretch.last === counts.buckets.length - 1 ? 1 : 0; // the last trace may begin at the very end
    chosen(Math.floor(since), Math.ceil(counts.buckets[stretch.last] + counts.width) + rest);
  };

  field.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    const many = state.counts?.buckets.length ?? 0;
    const here = state.stretch ? (state.anchor === state.stretch.first ? state.stretch.last : state.stretch.first) : null;
    const isForward = by === -Infinity || (by !== undefined && by > 0 && by < Infinity); // Home begins at the first bar, too
    if (by !== undefined && many) go(here === null ? (isForward ? 0 : many - 1) : here + by, event.shiftKey && here !== null);
    else if (event.key === "Enter" && state.stretch) apply();
    else if (event.key === "Escape" && state.stretch) mark(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  field.addEventListener("blur", () => mark(null));
  follow(field, state, { go, apply, mark });

  return {
    place,
    /** @param {Counts} counts */
    show(counts) {
      state.counts = counts;
      field.setAttribute("aria-valuemax", String(Math.max(0, counts.buckets.length - 1)));
      patch(picture, bars(counts));
      if (state.stretch && state.stretch.last >= counts.buckets.length) state.stretch = null;
      mark(state.stretch);
    },
  };
}

/**
 * Choose with the pointer: one bar under it, or a stretch by dragging.
 *
 * @param {HTMLElement} field
 * @param {{ counts: Counts | null, stretch: Stretch | null }} state
 * @param {{ go: (bucket: number, isLonger: boolean) => void, apply: () => void, mark: (stretch: Stretch | null) => void }} acts
 */
function follow(field, state, { go, apply, mark }) {
  /** @type {number | null} */
  let start = null; // where the pointer went down
  const bucketAt = (/** @type {PointerEvent} */ event) => {
    const { left, width } = field.getBoundingClientRect();
    return Math.floor(((event.clientX - left) / width) * (state.counts?.buckets.length ?? 0));
  };
  field.addEventListener("pointerdown", (event) => {
    start = event.clientX;
    field.setPointerCapture(event.pointerId);
    go(bucketAt(event), false);
  });
  field.addEventListener("pointermove", (event) => go(bucketAt(event), start !== null && Math.abs(event.clientX - start) >= LEAST));
  field.addEventListener("pointerup", () => {
    if (start !== null) apply();
    start = null;
  });
  field.addEventListener("pointercancel", () => {
    start = null;
    mark(null);
  });
  field.addEventListener("pointerleave", () => {
    if (start === null && field !== document.activeElement) mark(null);
  });
}

/** @param {Counts} counts @returns {SVGElement[]} */
function bars({ traces, errors }) {
  const most = Math.max(1, ...traces);
  const slot = 1000 / Math.max(1, traces.length);
  /** @param {string} name @param {number} value @param {number} at */
  const bar = (name, value, at) => {
    const height = value ? Math.max(2, (HEIGHT * value) / most) : 0;
    return drawing("rect", { class: name, x: at * slot + slot * 0.08, width: slot * 0.84, y: HEIGHT - height, height });
  };
  return traces.flatMap((many, at) => (many ? [bar("traces", many, at), ...(errors[at] ? [bar("errors", errors[at], at)] : [])] : []));
}

/**
 * Say what is marked, else what all of it is.
 *
 * @param {Counts} counts
 * @param {Stretch | null} stretch
 * @param {HTMLElement} field
 * @param {HTMLElement} label
 */
function describe(counts, stretch, field, label) {
  const [first, last] = stretch ? [stretch.first, stretch.last] : [0, counts.buckets.length - 1];
  const sum = (/** @type {number[]} */ values) => values.slice(first, last + 1).reduce((all, one) => all + one, 0);
  const [from, to] = [counts.buckets[first], counts.buckets[last] + counts.width];
  const [traces, errors] = [sum(counts.traces), sum(counts.errors)];
  const words = `${plural(traces, "trace")}, ${count(errors)} with errors`;
  field.setAttribute("aria-valuetext", `${words}, ${exactly(from)} to ${exactly(to)}`);
  patch(label, [
    element("span", {}, moment(from)), element("span", { class: "sum" }, words), element("span", {}, `${moment(to)} ${zone()}`),
  ]);
}
