// The marks of Markdown within a line, as a small tree: pure functions without the DOM.

const DEEPEST = 6; // emphasis and links within each other
const FARTHEST = 2000; // characters between two marks that belong together
const MOST_TRIES = 20; // marks that are tried as the end of an emphasis

/** @type {{ [mark: string]: "strong" | "emphasis" | "deleted" }} */
const MARKS = { "**": "strong", __: "strong", "~~": "deleted", "*": "emphasis", _: "emphasis" };
const SPECIAL = /[\\`*_~[!]|https?:\/\//g;

/** @typedef {{ node: Inline, end: number }} Met */

/**
 * The inline nodes of a text.
 *
 * @param {string} text
 * @returns {Inline[]}
 */
export function inline(text, depth = 0) {
  /** @type {Inline[]} */
  const out = [];
  let plain = 0;
  let at = nextSpecial(text, 0);
  while (at >= 0) {
    const found = depth < DEEPEST ? inlineAt(text, at, depth) : null;
    if (found) {
      if (at > plain) out.push(text.slice(plain, at));
      out.push(found.node);
      plain = found.end;
    }
    at = nextSpecial(text, found ? found.end : at + 1);
  }
  if (plain < text.length) out.push(text.slice(plain));
  return out;
}

/** @param {string} text @param {number} from */
function nextSpecial(text, from) {
  SPECIAL.lastIndex = from;
  return SPECIAL.exec(text)?.index ?? -1;
}

/**
 * @param {string} text
 * @param {number} at
 * @param {number} depth
 * @returns {Met | null}
 */
function inlineAt(text, at, depth) {
  const sign = text[at];
  if (sign === "\\") return /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "") ? { node: text[at + 1], end: at + 2 } : null;
  if (sign === "`") return codeAt(text, at);
  if (sign === "[" || (sign === "!" && text[at + 1] === "[")) return linkAt(text, at, depth);
  if (sign === "h") return addressAt(text, at);
  return emphasisAt(text, at, depth);
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {Met | null}
 */
function codeAt(text, at) {
  const mark = /`{1,20}/y;
  mark.lastIndex = at;
  const [fence] = /** @type {RegExpExecArray} */ (mark.exec(text));
  const end = text.slice(0, at + FARTHEST).indexOf(fence, at + fence.length);
  return end < 0 ? null : { node: { type: "code", text: text.slice(at + fence.length, end).replace(/^ (.*\S.*) $/, "$1") }, end: end + fence.length };
}

const LINK = /!?\[([^[\]\n]{0,1000})\]\(\s*<?([^\s<>()]{0,2000}(?:\([^\s<>()]{0,200}\))?[^\s<>()]{0,200})>?(?:\s+"[^"\n]{0,300}")?\s*\)/y;

/**
 * @param {string} text
 * @param {number} at
 * @param {number} depth
 * @returns {Met | null}
 */
function linkAt(text, at, depth) {
  LINK.lastIndex = at;
  const found = LINK.exec(text);
  return found && { node: { type: "link", children: inline(found[1] || found[2], depth + 1), target: found[2] }, end: at + found[0].length };
}

const ADDRESS = /https?:\/\/[^\s<>"'`*[\]{}|\\^]{1,2000}/y;

/**
 * @param {string} text
 * @param {number} at
 * @returns {Met | null}
 */
function addressAt(text, at) {
  ADDRESS.lastIndex = at;
  const found = ADDRESS.exec(text)?.[0].replace(/[.,;:!?)]{1,50}$/, "");
  return found ? { node: { type: "link", children: [found], target: found }, end: at + found.length } : null;
}

/**
 * @param {string} text
 * @param {number} at
 * @param {number} depth
 * @returns {Met | null}
 */
function emphasisAt(text, at, depth) {
  const mark = Object.hasOwn(MARKS, text.slice(at, at + 2)) ? text.slice(at, at + 2) : text[at];
  if (!Object.hasOwn(MARKS, mark)) return null;
  const begin = at + mark.length;
  if (/\s/.test(text[begin] ?? " ") || (mark[0] === "_" && /\w/.test(text[at - 1] ?? ""))) return null;
  const end = closing(text, begin, mark);
  return end < 0 ? null : { node: { type: MARKS[mark], children: inline(text.slice(begin, end), depth + 1) }, end: end + mark.length };
}

/** @param {string} text @param {number} begin @param {string} mark */
function closing(text, begin, mark) {
  const part = text.slice(begin, begin + FARTHEST);
  let tries = MOST_TRIES;
  for (let at = part.indexOf(mark, 1); at > 0 && tries > 0; at = part.indexOf(mark, at + 1)) {
    tries -= 1;
    if (/\s/.test(part[at - 1]) || part[at - 1] === "\\") continue;
    if (mark[0] === "_" && /\w/.test(part[at + mark.length] ?? "")) continue;
    if (mark.length === 1 && (part[at + 1] === mark || part[at - 1] === mark)) continue; // half of a double mark
    return begin + at;
  }
  return -1;
}
