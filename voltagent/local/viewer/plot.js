// Plots over time as SVG: bars on top of each other, or lines; with axes, and the values under the pointer.

import { drawing, element } from "./dom.js";
import { roundStep } from "./timeline.js";

const WIDTH = 560;
const HEIGHT = 190;
const MARGIN = { left: 58, right: 10, top: 10, bottom: 24 };
const INSIDE = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };

/**
 * One plot. `buckets` are the starts of equal stretches of time (µs) and `step` their length; each of `series` has a
 * `name`, a `colour` (a class) and `values`, a number or null per bucket. `stacked` draws bars, else lines.
 * `write` spells a value, `when` a bucket.
 */
export function plot({ title, buckets, series, stacked, write, when, step = 1 }) {
  const most = Math.max(stacked ? highestSum(series, buckets.length) : highest(series), 0);
  const scale = axis(most, step);
  const y = (value) => MARGIN.top + INSIDE.height * (1 - value / scale.top);
  const slot = INSIDE.width / Math.max(1, buckets.length);
  const x = (bucket) => MARGIN.left + slot * bucket;
  const picture = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", tabindex: 0, "data-key": `plot ${title}`, "aria-label": `${title}: ${spoken(series, write)}` });
  picture.append(
    ...scale.marks.map((value) => horizontal(y(value), write(value))),
    ...times(buckets, x, slot, when),
    ...(stacked ? columns(series, buckets.length, x, y, slot) : series.flatMap((one) => path(one, x, y, slot))),
  );
  const pointer = drawing("line", { class: "pointer", y1: MARGIN.top, y2: MARGIN.top + INSIDE.height, visibility: "hidden" });
  picture.append(pointer);
  const told = element("div", { class: "told", hidden: true });
  follow(picture, pointer, told, { buckets, series, write, when, x, slot });
  return element("figure", { class: "plot" }, element("figcaption", {}, title), element("div", { class: "picture" }, picture, told), most ? null : element("p", { class: "nothing dim" }, "nothing to show"));
}

function highest(series) {
  return Math.max(0, ...series.map((one) => one.values.reduce((most, value) => Math.max(most, value || 0), 0)));
}

function highestSum(series, length) {
  let most = 0;
  for (let bucket = 0; bucket < length; bucket += 1) {
    most = Math.max(most, series.reduce((sum, one) => sum + (one.values[bucket] || 0), 0));
  }
  return most;
}

function axis(most, least) {
  const step = Math.max(least, roundStep((most || 1) / 4));
  const top = Math.max(step, Math.ceil((most || 1) / step) * step);
  const marks = [];
  for (let value = 0; value <= top * 1.0001; value += step) marks.push(value);
  return { top, marks };
}

function spoken(series, write) {
  return series.map((one) => `${one.name} at most ${write(highest([one]))}`).join(", ") || "no values";
}

function horizontal(y, label) {
  const line = drawing("line", { class: "rule", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y, y2: y });
  return drawing("g", {}, line, drawing("text", { class: "axis", x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, label));
}

function times(buckets, x, slot, when) {
  const every = Math.max(1, Math.ceil(buckets.length / 8));
  return buckets.flatMap((start, bucket) => {
    if (bucket % every || x(bucket) > WIDTH - 60) return [];
    const place = x(bucket) + slot / 2;
    return [drawing("text", { class: "axis", x: place, y: HEIGHT - 6, "text-anchor": "middle" }, when(start))];
  });
}

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

/** A line, broken where there is no value; a dot where a value stands alone. */
function path({ values, colour, dashed }, x, y, slot) {
  let [line, alone] = ["", true];
  const dots = [];
  values.forEach((value, bucket) => {
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

function follow(picture, pointer, told, { buckets, series, write, when, x, slot }) {
  let here = -1;
  const show = (bucket) => {
    if (!buckets.length) return;
    here = Math.min(buckets.length - 1, Math.max(0, bucket));
    const place = x(here) + slot / 2;
    pointer.setAttribute("x1", place);
    pointer.setAttribute("x2", place);
    pointer.setAttribute("visibility", "visible");
    const rows = series.filter((one) => one.values[here]).map((one) => entry(one, write(one.values[here])));
    told.replaceChildren(element("strong", {}, when(buckets[here])), ...(rows.length ? rows : [element("span", { class: "dim" }, "nothing")]));
    told.hidden = false;
    told.classList.toggle("left", here > buckets.length / 2);
    told.style.setProperty("--at", `${(100 * place) / WIDTH}%`);
  };
  const hide = () => {
    here = -1;
    pointer.setAttribute("visibility", "hidden");
    told.hidden = true;
  };
  picture.addEventListener("pointermove", (event) => {
    const { left, width } = picture.getBoundingClientRect();
    show(Math.floor((((event.clientX - left) / width) * WIDTH - MARGIN.left) / slot));
  });
  picture.addEventListener("pointerleave", hide);
  picture.addEventListener("blur", hide);
  picture.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    show(here < 0 ? (by > 0 ? 0 : buckets.length - 1) : here + by);
    event.preventDefault();
  });
}

function entry(one, value) {
  return element("span", {}, element("i", { class: `swatch ${one.colour}${one.dashed ? " dashed" : ""}` }), element("bdi", {}, one.name), element("b", {}, value));
}
