// Two trees laid side by side: which operation of the one is which of the other. Pure functions.

import { commonLengths } from "./diff.js";

const MOST = 1_000_000; // comparisons for one list of siblings; longer ones are paired in order

/**
 * Rows in the order of the trees: `{one, other, depth}` with nodes, one of which may be null.
 *
 * @param {TreeNode[]} nodes
 * @param {TreeNode[]} others
 */
export function pairs(nodes, others) {
  /** @type {Pair[]} */
  const rows = [];
  /** @type {Pair[]} */
  const waiting = [{ one: nodes[0], other: others[0], depth: 0 }];
  while (waiting.length) {
    const row = /** @type {Pair} */ (waiting.pop());
    rows.push(row);
    const children = paired(childrenOf(nodes, row.one), childrenOf(others, row.other));
    for (const [one, other] of children.reverse()) waiting.push({ one, other, depth: row.depth + 1 });
  }
  return rows;
}

/** @param {TreeNode[]} nodes @param {TreeNode | null} node */
function childrenOf(nodes, node) {
  return node ? node.children.map((index) => nodes[index]) : [];
}

/** @param {TreeNode} node */
const sort = (node) => JSON.stringify([node.kind, node.operation, node.name]);

/**
 * The longest common order of both lists, with what is only in one of them in its place.
 *
 * @param {TreeNode[]} ones
 * @param {TreeNode[]} others
 */
function paired(ones, others) {
  const [left, right] = [ones.map(sort), others.map(sort)];
  const lengths = ones.length * others.length <= MOST ? commonLengths(left, right) : null;
  /** @type {[one: TreeNode | null, other: TreeNode | null][]} */
  const out = [];
  let [i, j] = [0, 0];
  while (i < ones.length && j < others.length) {
    if (left[i] === right[j]) out.push([ones[i++], others[j++]]);
    else if (lengths ? lengths[i + 1][j] >= lengths[i][j + 1] : i <= j) out.push([ones[i++], null]);
    else out.push([null, others[j++]]);
  }
  while (i < ones.length) out.push([ones[i++], null]);
  while (j < others.length) out.push([null, others[j++]]);
  return out;
}
