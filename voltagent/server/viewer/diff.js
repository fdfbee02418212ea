// Compares two texts by line, and lines that changed by word: pure functions.

/** @typedef {{ text: string, changed: boolean }} Piece */
/** @typedef {{ left: string[], right: string[], same: boolean }} Block */

const MOST = 1_000_000; // comparisons of one table; what is longer counts as changed as a whole
const LONGEST = 100_000; // characters that are compared

/**
 * The first text in pieces `{text, changed}`: what is not in the other text, in order, is changed.
 *
 * @param {string} one
 * @param {string} other
 */
export function differences(one, other) {
  if (one.length > LONGEST || other.length > LONGEST) return [{ text: one, changed: one !== other }];
  return joined(byLine(lines(one), lines(other)));
}

/** @param {string} text */
const lines = (text) => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
/** @param {string} text */
const words = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

/** @param {string[]} ones @param {string[]} others */
function byLine(ones, others) {
  const pieces = [];
  for (const { left, right, same } of blocks(ones, others)) {
    if (same) pieces.push({ text: left.join(""), changed: false });
    else pieces.push(...byWord(words(left.join("")), words(right.join(""))));
  }
  return pieces;
}

/** @param {string[]} ones @param {string[]} others */
function byWord(ones, others) {
  return blocks(ones, others).map(({ left, same }) => ({ text: left.join(""), changed: !same }));
}

/**
 * Both lists in blocks that are the same, or that differ.
 *
 * @param {string[]} ones
 * @param {string[]} others
 */
function blocks(ones, others) {
  let [head, tail] = [0, 0];
  const shorter = Math.min(ones.length, others.length);
  while (head < shorter && ones[head] === others[head]) head += 1;
  while (tail < shorter - head && ones.at(-1 - tail) === others.at(-1 - tail)) tail += 1;
  const [left, right] = [ones.slice(head, ones.length - tail), others.slice(head, others.length - tail)];
  const common = (/** @type {string[]} */ part) => ({ left: part, right: part, same: true });
  const middle = left.length * right.length > MOST ? [{ left, right, same: false }] : aligned(left, right);
  return [common(ones.slice(0, head)), ...middle, common(ones.slice(ones.length - tail))].filter((block) => block.left.length || block.right.length);
}

/** @param {string[]} left @param {string[]} right */
function aligned(left, right) {
  const lengths = commonLengths(left, right);
  /** @type {Block[]} */
  const out = [];
  const add = (/** @type {boolean} */ same, /** @type {string | undefined} */ one, /** @type {string | undefined} */ other) => {
    if (out.at(-1)?.same !== same) out.push({ left: [], right: [], same });
    const last = /** @type {Block} */ (out.at(-1));
    if (one !== undefined) last.left.push(one);
    if (other !== undefined) last.right.push(other);
  };
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) add(true, left[i++], right[j++]);
    else if (j >= right.length || (i < left.length && lengths[i + 1][j] >= lengths[i][j + 1])) add(false, left[i++], undefined);
    else add(false, undefined, right[j++]);
  }
  return out;
}

/**
 * `lengths[i][j]`: how many are common to `left` from i on and `right` from j on, in the same order.
 *
 * @param {string[]} left
 * @param {string[]} right
 */
export function commonLengths(left, right) {
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint32Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      lengths[i][j] = left[i] === right[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

/** @param {Piece[]} pieces */
function joined(pieces) {
  /** @type {Piece[]} */
  const out = [];
  for (const piece of pieces) {
    if (!piece.text) continue;
    const last = out.at(-1);
    if (last?.changed === piece.changed) last.text += piece.text;
    else out.push({ ...piece });
  }
  return out;
}
