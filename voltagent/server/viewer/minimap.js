// The whole trace in small: every operation as a line, and the part of time that the tree shows.

import { element } from "./dom.js";
import { kindClass } from "./kinds.js";
import { endOf } from "./tree.js";

const HEIGHT = 44;
const LEAST = 0.002; // of the width: a shorter drag is a click

/** The picture. `zoomed([from, to] | null)` is called with the part that was dragged over, in microseconds. */
export function minimap(zoomed) {
  const canvas = element("canvas", { "aria-hidden": true });
  const choice = element("span", { class: "choice", hidden: true });
  const map = element("div", { class: "minimap", title: "Drag to zoom, double-click to see all" }, canvas, choice);
  const state = { from: 0, to: 1, nodes: [] };
  let start = null;
  const at = (event) => {
    const { left, width } = map.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  };
  const mark = (one, other) => {
    choice.hidden = false;
    choice.style.setProperty("left", `${100 * Math.min(one, other)}%`);
    choice.style.setProperty("width", `${100 * Math.abs(one - other)}%`);
  };
  map.addEventListener("pointerdown", (event) => {
    start = at(event);
    map.setPointerCapture(event.pointerId);
  });
  map.addEventListener("pointermove", (event) => start !== null && mark(start, at(event)));
  map.addEventListener("pointerup", (event) => {
    const ends = [start, at(event)].sort((one, other) => one - other);
    start = null;
    const width = state.to - state.from;
    if (ends[1] - ends[0] > LEAST) zoomed(ends.map((end) => state.from + end * width));
    else if (state.whole) show(state.nodes, state.whole, state.scale);
  });
  map.addEventListener("dblclick", () => zoomed(null));

  function show(nodes, whole, scale) {
    Object.assign(state, whole, { nodes, whole, scale });
    const width = whole.to - whole.from;
    if (scale.from === whole.from && scale.to === whole.to) choice.hidden = true;
    else if (start === null) mark((scale.from - whole.from) / width, (scale.to - whole.from) / width);
    paint(canvas, nodes, whole);
  }
  return { map, show };
}

function paint(canvas, nodes, whole) {
  const wide = canvas.clientWidth || 600;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  const pen = canvas.getContext("2d");
  const colours = coloursOf(canvas);
  const thick = Math.max(1, Math.min(4, HEIGHT / nodes.length)) * ratio;
  for (const [place, node] of nodes.entries()) {
    const left = (node.start - whole.from) / (whole.to - whole.from);
    const right = (endOf(node) - whole.from) / (whole.to - whole.from);
    pen.fillStyle = node.status === "error" ? colours("error") : colours(kindClass(node.kind));
    pen.fillRect(left * canvas.width, (place / nodes.length) * (canvas.height - thick), Math.max(1, (right - left) * canvas.width), thick);
  }
}

/** The colours of the style sheet, each asked for once. */
function coloursOf(canvas) {
  const known = {};
  return (name) => {
    if (!(name in known)) {
      canvas.className = name;
      known[name] = getComputedStyle(canvas).color;
      canvas.className = "";
    }
    return known[name];
  };
}
