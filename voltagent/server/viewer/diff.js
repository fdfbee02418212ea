// Compares two texts by line, and lines that changed by word: pure functions.

const MOST = 1_000_000; // comparisons of one table; what is longer counts as changed as a whole
const LONGEST = 100_000; // characters that are compared

/** The first text in pieces `{text, changed}`: what is not in the other text, in order, is changed. */
export function differences(one, other) {
  if (one.length > LONGEST || other.length > LONGEST) return [{ text: one, changed: one !== other }];
  return joined(byLine(lines(one), lines(other)));
}

const lines = (text) => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
const words = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

function byLine(ones, others) {
  const pieces = [];
  for (const { left, right, same } of blocks(ones, others)) {
    if (same) pieces.push({ text: left.join(""), changed: false });
    else pieces.push(...byWord(words(left.join("")), words(right.join(""))));
  }
  return pieces;
}

function byWord(ones, others) {
  return blocks(ones, others).map(({ left, same }) => ({ text: left.join(""), changed: !same }));
}

/** Both lists in blocks that are the same, or that differ. */
function blocks(ones, others) {
  let [head, tail] = [0, 0];
  const shorter = Math.min(ones.length, others.length);
  while (head < shorter && ones[head] === others[head]) head += 1;
  while (tail < shorter - head && ones.at(-1 - tail) === others.at(-1 - tail)) tail += 1;
  const [left, right] = [ones.slice(head, ones.length - tail), others.slice(head, others.length - tail)];
  const common = (part) => ({ left: part, right: part, same: true });
  const middle = left.length * right.length > MOST ? [{ left, right, same: false }] : aligned(left, right);
  return [common(ones.slice(0, head)), ...middle, common(ones.slice(ones.length - tail))].filter((block) => block.left.length || block.right.length);
}

function aligned(left, right) {
  const lengths = table(left, right);
  const out = [];
  const add = (same, one, other) => {
    if (out.at(-1)?.same !== same) out.push({ left: [], right: [], same });
    if (one !== undefined) out.at(-1).left.push(one);
    if (other !== undefined) out.at(-1).right.push(other);
  };
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) add(true, left[i++], right[j++]);
    else if (j >= right.length || (i < left.length && lengths[i + 1][j] >= lengths[i][j + 1])) add(false, left[i++], undefined);
    else add(false, undefined, right[j++]);
  }
  return out;
}

function table(left, right) {
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint32Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      lengths[i][j] = left[i] === right[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

function joined(pieces) {
  const out = [];
  for (const piece of pieces) {
    if (!piece.text) continue;
    if (out.at(-1)?.changed === piece.changed) out.at(-1).text += piece.text;
    else out.push({ ...piece });
  }
  return out;
}
