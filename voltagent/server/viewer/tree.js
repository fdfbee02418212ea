// A trace as a tree: pure functions from what the server answers to nodes and rows. Node 0 is the trace itself.

import { runningUntil } from "./format.js";
import { stateOf } from "./kinds.js";

/**
 * The nodes of an answer of `/api/traces/{id}`: every operation with `index`, `parent` (an index), `children`, `depth`.
 * What names a parent that is not there, or itself as its ancestor, stands directly under the trace. The traces that it
 * started stand among the operations, where they were started.
 *
 * @param {TraceAnswer} answer
 */
export function treeOf({ trace, columns, operations, started = [] }) {
  const nodes = [nodeOf(0, { kind: "trace", ...trace })]; // a part of a trace, in a notebook, has another kind at its top
  const links = [""]; // the id of the parent of each
  const at = columns.indexOf("parent");
  const others = new Set(started);
  for (const row of rowsInOrder(columns, operations, started)) {
    const node = nodeOf(nodes.length, others.has(row) ? { started: true } : {});
    for (const [place, name] of columns.entries()) {
      if (place !== at) /** @type {Fields} */ (node)[name] = row[place];
    }
    nodes.push(node);
    links.push(String(row[at] ?? ""));
  }
  const places = new Map(nodes.slice(1).map((node) => [node.id, node.index]));
  for (const node of nodes.slice(1)) {
    node.parent = places.get(links[node.index]) ?? 0;
    nodes[node.parent].children.push(node.index);
  }
  settle(nodes);
  age(nodes);
  return nodes;
}

/**
 * Operations and started traces in the order in which they began.
 *
 * @param {string[]} columns
 * @param {unknown[][]} operations
 * @param {unknown[][]} started
 */
function rowsInOrder(columns, operations, started) {
  if (!started.length) return operations;
  const at = columns.indexOf("start");
  return [...operations, ...started].sort((one, other) => Number(one[at]) - Number(other[at]));
}

/** @param {number} index @param {Fields} facts @returns {TreeNode} */
function nodeOf(index, facts) {
  return /** @type {TreeNode} */ (/** @type {unknown} */ (Object.assign(facts, { index, parent: -1, above: -1, depth: -1, descendants: 0, failures: 0, children: [], shown: [] })));
}

/**
 * Until when those without an end run, for now: not on and on where the trace has ended, or was killed.
 *
 * @param {TreeNode[]} nodes
 */
export function age(nodes) {
  const [trace] = nodes;
  const ended = hasEnded(trace) && nodes.reduce((last, node) => Math.max(last, node.start), trace.start + trace.duration);
  const until = ended || runningUntil(trace);
  const hasStopped = ended !== false || stateOf(trace) === "unfinished";
  for (const node of nodes) {
    if (node.status !== "running") continue;
    node.until = node.started ? runningUntil(node) : until; // a trace that was started may run on when this one has ended
    node.unfinished = node.started ? node.unfinished : hasStopped;
  }
}

/**
 * Give every node its depth; those that are reached from no root go under the trace.
 *
 * @param {TreeNode[]} nodes
 */
function settle(nodes) {
  /** @type {TreeNode[]} */
  const order = [];
  descend(nodes, 0, 0, order);
  for (const node of nodes) {
    if (node.depth >= 0) continue;
    const siblings = nodes[node.parent].children;
    siblings.splice(siblings.indexOf(node.index), 1);
    node.parent = 0;
    nodes[0].children.push(node.index);
    descend(nodes, node.index, 1, order);
  }
  for (const node of order.reverse()) {
    if (node.parent < 0) continue;
    nodes[node.parent].descendants += node.descendants + 1;
    nodes[node.parent].failures += node.failures + (node.status === "error" ? 1 : 0);
  }
}

/** @param {TreeNode[]} nodes @param {number} from @param {number} depth @param {TreeNode[]} order */
function descend(nodes, from, depth, order) {
  const waiting = [[from, depth]];
  while (waiting.length) {
    const [index, level] = waiting.pop() ?? [0, 0];
    nodes[index].depth = level;
    order.push(nodes[index]);
    for (const child of nodes[index].children) waiting.push([child, level + 1]);
  }
}

/**
 * The rows to show, in order, without what is below collapsed nodes (a set of ids).
 *
 * @param {TreeNode[]} nodes
 * @param {Set<string>} collapsed
 */
export function visible(nodes, collapsed) {
  const rows = [];
  const waiting = [0];
  while (waiting.length) {
    const node = nodes[waiting.pop() ?? 0];
    rows.push(node);
    if (collapsed.has(node.id)) continue;
    for (let place = node.shown.length - 1; place >= 0; place -= 1) waiting.push(node.shown[place]);
  }
  return rows;
}

/**
 * Whether something has a duration.
 *
 * @template {Timed} T
 * @param {T} thing
 * @returns {thing is T & { duration: number }}
 */
export function hasEnded(thing) {
  return Number.isFinite(thing.duration);
}

/**
 * When a node ended; until when it runs where it still does; its start where it has no duration.
 *
 * @param {TreeNode} node
 */
export function endOf(node) {
  if (hasEnded(node)) return node.start + node.duration;
  return node.status === "running" ? Math.max(node.start, node.until ?? node.start) : node.start;
}

/**
 * From the first start to the last end; traces that were started, which may run long after, are left out beside others.
 *
 * @param {TreeNode[]} nodes
 */
export function extent(nodes) {
  let [from, to] = [Infinity, -Infinity];
  for (const node of nodes) {
    if (node.started && nodes.length > 1) continue;
    from = Math.min(from, node.start);
    to = Math.max(to, endOf(node));
  }
  return { from, to: Math.max(to, from + 1) };
}

/**
 * How long a node itself worked: its duration without the time in which a child of its ran.
 *
 * @param {TreeNode[]} nodes
 * @param {TreeNode} node
 */
export function selfTime(nodes, node) {
  const [from, to] = [node.start, endOf(node)];
  let [busy, until] = [0, from];
  for (const index of node.children) {
    const end = Math.min(to, endOf(nodes[index]));
    const start = Math.max(until, nodes[index].start);
    if (end > start) {
      busy += end - start;
      until = end;
    }
  }
  return Math.max(0, to - from - busy);
}

/**
 * The critical path: what the trace waited for, as `Map(index -> [[from, to], …])`, per node the latest first.
 *
 * From the end backwards: the child that ended last before a moment is what was waited for until then; between its
 * end and that moment, the node itself worked. Making anything on the path faster makes the trace faster.
 *
 * @param {TreeNode[]} nodes
 */
export function criticalPath(nodes) {
  const path = new Map();
  const waiting = [[0, Infinity]];
  while (waiting.length) {
    const [index, until] = waiting.pop() ?? [0, 0];
    const node = nodes[index];
    let moment = Math.min(until, endOf(node));
    const own = [];
    for (const child of latestFirst(nodes, node, moment)) {
      if (child.end > moment) continue; // it ran beside what is on the path
      if (moment > child.end) own.push([child.end, moment]);
      waiting.push([child.index, child.end]);
      moment = Math.max(node.start, child.start);
    }
    if (moment > node.start) own.push([node.start, moment]);
    path.set(index, own);
  }
  return path;
}

/** @param {TreeNode[]} nodes @param {TreeNode} node @param {number} limit */
function latestFirst(nodes, node, limit) {
  return node.children
    .map((index) => ({ index, start: nodes[index].start, end: Math.min(limit, endOf(nodes[index])) }))
    .filter((child) => child.end > child.start)
    .sort((one, other) => other.end - one.end || one.start - other.start);
}

/**
 * Whether a node is meant by a search: part of a name, a kind, a status, a tag or an error.
 *
 * @param {TreeNode} node
 * @param {string} wanted
 */
export function matches(node, wanted) {
  const texts = [node.name, node.kind, node.operation, node.status, node.error, node.id, ...(node.tags || [])];
  return texts.some((text) => typeof text === "string" && text.toLowerCase().includes(wanted));
}
