// The bars and lines of a plot.

import { drawing } from "./dom.js";

/** @typedef {import("./plot.js").Scale} Scale */

/**
 * Bars on top of each other.
 *
 * @param {Series[]} series
 * @param {number} length how many buckets there are
 * @param {Scale} scale
 */
export function bars(series, length, { x, y, slot }) {
  const gap = slot > 6 ? 1.5 : 0;
  const out = [];
  for (let bucket = 0; bucket < length; bucket += 1) {
    let below = 0;
    for (const { values, colour } of series) {
      const value = values[bucket] || 0;
      if (!value) continue;
      const [top, bottom] = [y(below + value), y(below)];
      out.push(drawing("rect", { class: colour, x: x(bucket) + gap / 2, width: slot - gap, y: top, height: bottom - top }));
      below += value;
    }
  }
  return out;
}

/**
 * Lines, broken where there is no value, with a dot where a value stands alone.
 *
 * @param {Series[]} series
 * @param {Scale} scale
 */
export function lines(series, scale) {
  return series.flatMap((one) => line(one, scale));
}

/** @param {Series} series @param {Scale} scale */
function line({ values, colour, dashed }, { x, y, slot }) {
  let path = "";
  /** @type {SVGElement[]} */
  const dots = [];
  const isThere = (/** @type {number} */ bucket) => values[bucket] !== null && values[bucket] !== undefined;
  for (const [bucket, value] of values.entries()) {
    if (value === null || value === undefined) continue;
    const [left, top] = [x(bucket) + slot / 2, y(value)];
    path += `${isThere(bucket - 1) ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`;
    if (!isThere(bucket - 1) && !isThere(bucket + 1)) dots.push(drawing("circle", { class: colour, cx: left, cy: top, r: 2.5 }));
  }
  const drawn = drawing("path", { class: `${colour} stroke${dashed ? " dashed" : ""}`, d: path || "M0 0", fill: "none" });
  return [drawn, ...dots];
}
