// The whole trace in small: every operation as a line, and the part of time that the tree shows.

import { element } from "./dom.js";
import { kindClass } from "./kinds.js";
import { endOf } from "./tree.js";

const HEIGHT = 44;
const LEAST = 0.002; // of the width: a shorter drag is a click

/** @typedef {ReturnType<typeof minimap>} Minimap */

/**
 * The picture. `zoomed([from, to] | null)` is called with the part that was dragged over, in microseconds.
 *
 * @param {(range: [number, number] | null) => void} zoomed
 */
export function minimap(zoomed) {
  const canvas = element("canvas", { "aria-hidden": true });
  const choice = element("span", { class: "choice", hidden: true });
  const map = element("div", { class: "minimap", title: "Drag to zoom, double-click to see all" }, canvas, choice);
  /** @type {{ nodes: TreeNode[], whole: Extent, scale: Extent }} */
  const state = { nodes: [], whole: { from: 0, to: 1 }, scale: { from: 0, to: 1 } };
  /** @type {number | null} */
  let start = null;
  const at = (/** @type {PointerEvent} */ event) => {
    const { left, width } = map.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  };
  const mark = (/** @type {number} */ one, /** @type {number} */ other) => {
    choice.hidden = false;
    choice.style.setProperty("left", `${100 * Math.min(one, other)}%`);
    choice.style.setProperty("width", `${100 * Math.abs(one - other)}%`);
  };
  map.addEventListener("pointerdown", (event) => {
    start = at(event);
    map.setPointerCapture(event.pointerId);
  });
  map.addEventListener("pointermove", (event) => {
    if (start !== null) mark(start, at(event));
  });
  map.addEventListener("pointerup", (event) => {
    const [from, to] = [Math.min(start ?? 0, at(event)), Math.max(start ?? 0, at(event))];
    start = null;
    const width = state.whole.to - state.whole.from;
    if (to - from > LEAST) zoomed([state.whole.from + from * width, state.whole.from + to * width]);
    else show(state.nodes, state.whole, state.scale);
  });
  map.addEventListener("dblclick", () => zoomed(null));

  function show(/** @type {TreeNode[]} */ nodes, /** @type {Extent} */ whole, /** @type {Extent} */ scale) {
    Object.assign(state, { nodes, whole, scale });
    const width = whole.to - whole.from;
    if (scale.from === whole.from && scale.to === whole.to) choice.hidden = true;
    else if (start === null) mark((scale.from - whole.from) / width, (scale.to - whole.from) / width);
    paint(canvas, nodes, whole);
  }
  return { map, show };
}

/** @param {HTMLCanvasElement} canvas @param {TreeNode[]} nodes @param {Extent} whole */
function paint(canvas, nodes, whole) {
  const wide = canvas.clientWidth || 600;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const colours = coloursOf(canvas);
  const thick = Math.max(1, Math.min(4, HEIGHT / nodes.length)) * ratio;
  for (const [place, node] of nodes.entries()) {
    const left = (node.start - whole.from) / (whole.to - whole.from);
    const right = (endOf(node) - whole.from) / (whole.to - whole.from);
    pen.fillStyle = node.status === "error" ? colours("error") : colours(kindClass(node.kind));
    pen.fillRect(left * canvas.width, (place / nodes.length) * (canvas.height - thick), Math.max(1, (right - left) * canvas.width), thick);
  }
}

/**
 * The colours of the style sheet, each computed once.
 *
 * @param {HTMLCanvasElement} canvas
 */
function coloursOf(canvas) {
  /** @type {{ [name: string]: string }} */
  const known = {};
  return (/** @type {string} */ name) => {
    if (!(name in known)) {
      canvas.className = name;
      known[name] = getComputedStyle(canvas).color;
      canvas.className = "";
    }
    return known[name];
  };
}
