// Two traces side by side: the same operations in one row, what took longer, what is only in one of them.

import { get, segment } from "./api.js";
import { element } from "./dom.js";
import { details } from "./details.js";
import { count, duration, elapsed, exactly, plural, tokens } from "./format.js";
import { mark, status } from "./kinds.js";
import { useKeys } from "./keys.js";
import { pairs } from "./pairs.js";
import { address, go, note } from "./route.js";
import { virtualRows } from "./rows.js";
import { fitDepth } from "./timeline.js";
import { asText } from "./value.js";
import { extent, selfTime, treeOf } from "./tree.js";

const NOTABLE = 0.1; // of the first's duration: smaller differences are not coloured

/** The page that compares two traces. */
export function openComparison(host, first) {
  const [left, right] = first.places;
  const view = { ids: [left, right], rows: [], trees: [[], []], at: Math.max(0, Number(first.query.row) || 0) };
  document.title = "Comparison · voltagent";
  view.heads = element("div", { class: "sides heads" });
  view.scroller = element("div", { class: "scroller pairs", role: "grid", tabindex: 0, "aria-label": "Operations of both traces" });
  view.scroller.append(heading());
  view.sides = element("div", { class: "sides details" });
  host.append(view.heads, view.scroller, view.sides);
  view.list = virtualRows(view.scroller, { height: () => 26, draw: (row) => line(view, row) });
  view.scroller.addEventListener("click", (event) => {
    const row = event.target.closest(".line[id]");
    if (row) select(view, Number(row.id.slice("pair-".length)));
  });
  useKeys(keysOf(view));
  load(view, host);
  return {
    update() {},
    close() {
      view.closed = true;
      view.list.close();
    },
  };
}

async function load(view, host) {
  try {
    const both = (what) => Promise.all(view.ids.map((id) => get(`traces/${segment(id || "")}${what}`)));
    [view.answers, view.hashes] = await Promise.all([both(""), both("/hashes")]);
  } catch (failed) {
    if (!view.closed) host.replaceChildren(element("p", { class: "problem" }, failed.message));
    return;
  }
  if (view.closed) return;
  view.trees = view.answers.map(treeOf);
  view.rows = pairs(...view.trees);
  fitDepth(view.scroller, view.rows);
  view.most = Math.max(1, ...view.rows.map((row) => Math.abs(difference(row) || 0)));
  view.differing = differingParts(view);
  view.heads.replaceChildren(...view.answers.map((answer, side) => head(answer.trace, side, view.answers[1 - side].trace, view.differing)));
  view.scroller.setAttribute("aria-rowcount", view.rows.length + 1);
  view.list.show(view.rows.length);
  select(view, Math.min(view.at, view.rows.length - 1));
  if (document.activeElement === document.body) view.scroller.focus({ preventScroll: true });
}

/** In how many operations which part differs: `model in 2 operations`. */
function differingParts(view) {
  const counts = new Map();
  for (const row of view.rows) {
    for (const part of row.one?.index ? changes(view, row) : []) counts.set(part, (counts.get(part) || 0) + 1);
  }
  return [...counts].map(([part, many]) => `${part} differs in ${plural(many, "operation")}`);
}

function head(trace, side, other, differing) {
  const change = (one, two, write) => (side && one !== null && two !== null && one !== two ? delta(one - two, one, write) : null);
  return element(
    "section",
    { "aria-label": side ? "Second trace" : "First trace" },
    element("h2", {}, element("span", { class: "side" }, side ? "B" : "A"), element("a", { href: address("trace", [trace.id]) }, element("bdi", {}, trace.agent))),
    element(
      "p",
      { class: "headline" },
      status(trace.status, { long: true }),
      element("span", {}, duration(elapsed(trace)), change(elapsed(trace), elapsed(other), duration)),
      element("span", {}, plural(trace.operations, "operation"), change(trace.operations, other.operations, count)),
      element("span", {}, plural(tokens(trace.usage) || 0, "token"), change(tokens(trace.usage), tokens(other.usage), count)),
      trace.errors ? element("span", { class: "error-text" }, plural(trace.errors, "error")) : null,
      element("span", { class: "dim" }, exactly(trace.start)),
      trace.version === other.version ? null : element("span", {}, "version ", element("bdi", { class: "unlike-fact" }, trace.version ?? "none")),
      side ? differing.map((words) => element("span", { class: "differing" }, words)) : null,
    ),
  );
}

function delta(by, whole, write, notable = true) {
  const sign = by > 0 ? "+" : "−";
  const side = notable ? (by > 0 ? "longer" : "shorter") : "dim";
  return element("span", { class: `delta ${side}` }, `${sign}${write(Math.abs(by))}`);
}

function heading() {
  const names = [["Operation", "what"], ["A", "number"], ["B", "number"], ["B − A", "number"], ["", "change"]];
  return element("div", { class: "line heading", role: "row" }, names.map(([name, sort]) => element("span", { role: "columnheader", class: sort }, name)));
}

function difference({ one, other }) {
  const [before, after] = [one && elapsed(one), other && elapsed(other)];
  return Number.isFinite(before) && Number.isFinite(after) ? after - before : null;
}

function line(view, index) {
  const row = view.rows[index];
  const { one, other } = row;
  const node = one || other;
  const changed = changes(view, row);
  const sort = !one ? "only-b" : !other ? "only-a" : one.status === other.status && !changed.length ? "" : "differs";
  const by = difference(row);
  const notable = by !== null && Math.abs(by) > NOTABLE * (elapsed(one) || 1);
  return element(
    "div",
    { class: `line ${sort}`, role: "row", id: `pair-${index}`, "aria-rowindex": index + 2, "aria-selected": index === view.at },
    element(
      "span",
      { class: "what", role: "gridcell" },
      element("span", { class: "indent", style: { "--depth": row.depth } }),
      mark(node),
      element("bdi", { class: "name" }, node.name || node.agent),
      sort.startsWith("only") ? element("span", { class: "state" }, one ? "only in A" : "only in B") : null,
      sort === "differs" && one.status !== other.status ? element("span", { class: "state" }, `${one.status} → ${other.status}`) : null,
      changed.length ? element("span", { class: "state changed" }, `≠ ${changed.join(", ")}`) : null,
    ),
    side(one),
    side(other),
    element("span", { class: "number", role: "gridcell" }, by ? delta(by, elapsed(one), duration, notable) : ""),
    element("span", { class: "change", role: "gridcell" }, by ? changeBar(by, view.most, notable) : null),
  );
}

/** In what two operations differ, by the hashes of the server: input, instructions, model, output. */
function changes(view, { one, other }) {
  if (!one || !other) return [];
  if (!one.index) return ["input", "output"].filter((name) => asText(view.answers[0].trace[name] ?? null) !== asText(view.answers[1].trace[name] ?? null));
  const [{ parts, hashes }, { hashes: others }] = view.hashes;
  return parts.filter((_, place) => hashes[one.id]?.[place] !== others[other.id]?.[place]);
}

function side(node) {
  const failed = node?.status === "error" ? " error-text" : "";
  return element("span", { class: `number${failed}`, role: "gridcell" }, node ? duration(elapsed(node)) : "–");
}

/** A bar from the middle: to the right for longer, to the left for shorter. */
function changeBar(by, most, notable) {
  const width = (50 * Math.abs(by)) / most;
  const left = by > 0 ? 50 : 50 - width;
  const sort = notable ? (by > 0 ? "longer" : "shorter") : "";
  return element("span", { class: `bar ${sort}`, style: { left: `${left}%`, width: `${width}%` } });
}

async function select(view, index) {
  view.at = index;
  for (const [row, made] of view.list.rows) made.setAttribute("aria-selected", row === index);
  view.scroller.setAttribute("aria-activedescendant", `pair-${index}`);
  view.list.reveal(index, view.scroller.firstChild.offsetHeight);
  note(address("compare", view.ids, { row: index || "" }));
  const { one, other } = view.rows[index];
  const things = await Promise.all([whole(view, 0, one), whole(view, 1, other)]);
  if (view.closed || view.at !== index) return;
  const equal = things[0] && things[1] ? sameParts(...things) : null;
  view.sides.replaceChildren(...things.map((thing, number) => half(view, thing, number, equal, things[1 - number])));
}

async function whole(view, number, node) {
  if (!node) return null;
  if (!node.index) return { kind: "trace", ...view.answers[number].trace };
  try {
    return { kind: node.kind, ...(await get(`traces/${segment(view.ids[number])}/operations/${segment(node.id)}`)) };
  } catch (failed) {
    return { ...node, error: failed.message };
  }
}

function sameParts(one, other) {
  const parts = ["input", "output", "error"].filter((name) => asText(one[name] ?? null) === asText(other[name] ?? null));
  const differ = ["input", "output", "error"].filter((name) => !parts.includes(name));
  return differ.length ? `${differ.join(", ")} ${differ.length > 1 ? "differ" : "differs"}` : "same input and output";
}

function half(view, thing, number, equal, other) {
  const letter = element("span", { class: "side" }, number ? "B" : "A");
  if (!thing) return element("section", { class: "half" }, element("p", { class: "dim" }, letter, " is without it"));
  const nodes = view.trees[number];
  const { from, to } = extent(nodes);
  const node = nodes.find((other) => other.id === thing.id) || nodes[0];
  const place = { self: selfTime(nodes, node), begin: from, total: to - from };
  return element("section", { class: "half" }, element("p", { class: "dim" }, letter, equal && ` ${equal}`), ...details(thing, place, other));
}

function keysOf(view) {
  const step = (by) => () => move(view, by);
  return [
    [["j", "ArrowDown"], "next row", step(1)],
    [["k", "ArrowUp"], "previous row", step(-1)],
    [["PageDown"], "a page down", () => move(view, view.list.page())],
    [["PageUp"], "a page up", () => move(view, -view.list.page())],
    [["d"], "next difference", () => nextDifference(view)],
    [["s"], "swap A and B", () => go(address("compare", [...view.ids].reverse()))],
    [["Escape"], "all traces", () => go(address("list"))],
  ];
}

function move(view, by) {
  if (view.rows.length) select(view, Math.min(view.rows.length - 1, Math.max(0, view.at + by)));
}

function nextDifference(view) {
  for (let step = 1; step <= view.rows.length; step += 1) {
    const index = (view.at + step) % view.rows.length;
    const { one, other } = view.rows[index];
    const by = difference(view.rows[index]);
    if (!one || !other || one.status !== other.status || changes(view, view.rows[index]).length || Math.abs(by) > NOTABLE * (elapsed(one) || 1)) {
      select(view, index);
      return;
    }
  }
}
