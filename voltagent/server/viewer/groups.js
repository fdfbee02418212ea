// Folds loops: five or more equal siblings of a tree become one row that can be opened. Pure functions.

import { addedTokens, cachedOf, costOf } from "./format.js";
import { endOf } from "./tree.js";

const LEAST = 5; // equal siblings

/**
 * The nodes with, after them, one for each group of equal siblings: `{group: {count, failed}, …}`. Every node gets
 * `shown` (the indexes of the rows below it) and `above` (the index of the row above it), which know the groups;
 * `children` and `parent` do not.
 *
 * @param {TreeNode[]} nodes
 */
export function grouped(nodes) {
  const all = [...nodes];
  for (const node of nodes) [node.shown, node.above] = [node.children, node.parent];
  for (const node of nodes) {
    if (node.children.length >= LEAST) node.shown = folded(all, node);
  }
  level(all);
  return all;
}

/** @param {Pick<TreeNode, 'kind' | 'operation' | 'name'>} given */
const sortOf = ({ kind, operation, name }) => JSON.stringify([kind, operation, name]);

/** @param {TreeNode[]} all @param {TreeNode} parent */
function folded(all, parent) {
  const sorts = new Map();
  for (const index of parent.children) {
    const sort = sortOf(all[index]);
    if (!sorts.has(sort)) sorts.set(sort, []);
    sorts.get(sort).push(index);
  }
  const shown = [];
  for (const [sort, members] of sorts) {
    if (members.length < LEAST) shown.push(...members);
    else shown.push(groupOf(all, parent, members, sort));
  }
  return shown.sort((one, other) => all[one].start - all[other].start || firstOf(all, one) - firstOf(all, other));
}

/** @param {TreeNode[]} all @param {number} index */
const firstOf = (all, index) => (all[index].group ? all[index].shown[0] : index);

/** @param {TreeNode[]} all @param {TreeNode} parent @param {number[]} indexes @param {string} sort */
function groupOf(all, parent, indexes, sort) {
  const members = indexes.map((index) => all[index]);
  const [{ kind, operation, name, start }] = members;
  const isRunning = members.some(({ status }) => status === "running");
  const end = members.reduce((last, node) => Math.max(last, endOf(node)), start);
  const failed = members.filter(({ status }) => status === "error").length;
  /** @type {TreeNode} */
  const group = {
    index: all.length, id: `group ${parent.id} ${sort}`, kind, operation, name, start, group: { count: members.length, failed },
    status: isRunning ? "running" : "completed", duration: isRunning ? null : end - start, until: end,
    ...sums(members), depth: 0, parent: parent.index, above: parent.index, children: indexes, shown: indexes,
    descendants: members.reduce((sum, node) => sum + node.descendants + 1, 0),
    failures: members.reduce((sum, node) => sum + node.failures, failed),
  };
  for (const node of members) node.above = group.index;
  all.push(group);
  return group.index;
}

/**
 * What a group used in all, as far as it is known.
 *
 * @param {TreeNode[]} members
 */
function sums(members) {
  /** @param {(node: TreeNode) => number | null} read */
  const sum = (read) => members.reduce((/** @type {number | null} */ all, node) => (read(node) === null ? all : (all ?? 0) + (read(node) ?? 0)), null);
  return { tokens: sum(addedTokens), cached: sum(cachedOf), cost: sum(costOf) };
}

/** @param {TreeNode[]} all */
function level(all) {
  const waiting = [[0, 0]];
  while (waiting.length) {
    const [index, depth] = waiting.pop() ?? [0, 0];
    all[index].depth = depth;
    for (const below of all[index].shown) waiting.push([below, depth + 1]);
  }
}

/**
 * Per name within a list of nodes: `{kind, name, count, failed, total, longest, tokens, cost}`, the longest total first.
 *
 * @param {TreeNode[]} nodes
 */
export function statistics(nodes) {
  const names = new Map();
  for (const node of nodes) {
    const sort = sortOf(node);
    if (!names.has(sort)) names.set(sort, { kind: node.kind, operation: node.operation, name: node.name, count: 0, failed: 0, total: 0, longest: 0, tokens: 0, cost: 0 });
    const one = names.get(sort);
    const took = endOf(node) - node.start;
    one.count += 1;
    one.failed += node.status === "error" ? 1 : 0;
    one.total += took;
    one.longest = Math.max(one.longest, took);
    one.tokens += addedTokens(node) || 0;
    one.cost += costOf(node) || 0;
  }
  return [...names.values()].sort((one, other) => other.total - one.total);
}
