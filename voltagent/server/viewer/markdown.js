// Parses Markdown to a small tree: pure functions without the DOM. HTML in it stays text, and nothing is fetched.
//
// Blocks: `{type: "heading", level, children}`, `{type: "paragraph" | "quote", children}`, `{type: "list", ordered,
// start, items}`, `{type: "code", language, text}`, `{type: "table", head, rows}`, `{type: "rule"}`. Inline: a string,
// `{type: "code", text}`, `{type: "strong" | "emphasis" | "deleted", children}`, `{type: "link", children, target}`.

import { inline } from "./inline.js";

const DEEPEST = 6; // quotes and lists within each other
const LONGEST = 400_000; // characters that are parsed; the others follow as they are
const MOST_CELLS = 10_000; // of one table

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])([ \t]+|$)(.*)$/;
const DIVIDER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/**
 * The blocks of a text.
 *
 * @param {string} text
 * @returns {Block[]}
 */
export function markdown(text) {
  const blocks = blocksOf(text.slice(0, LONGEST).replace(/\r\n?/g, "\n").split("\n"), 0);
  return text.length > LONGEST ? [...blocks, { type: "paragraph", children: [text.slice(LONGEST)] }] : blocks;
}

/**
 * Whether a text has any mark of Markdown that changes how it reads.
 *
 * @param {string} text
 */
export function looksLikeMarkdown(text) {
  return /^(?: {0,3}(?:#{1,6} |[-*+] |\d{1,9}[.)] |>|```|~~~|\|))|\*\*\S|`\S|\]\(/m.test(text.slice(0, 20_000));
}

/** @param {string[]} lines @param {number} depth */
function blocksOf(lines, depth) {
  /** @type {Block[]} */
  const out = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) at += 1;
    else {
      const [block, next] = blockAt(lines, at, depth);
      out.push(block);
      at = next;
    }
  }
  return out;
}

/** @typedef {[block: Block, next: number]} Read what was read, and the line after it */

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {Read}
 */
function blockAt(lines, at, depth) {
  for (const read of READERS) {
    const found = read(lines, at, depth);
    if (found) return found;
  }
  return paragraph(lines, at);
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @returns {Read | null}
 */
function fenced(lines, at) {
  const opening = FENCE.exec(lines[at]);
  if (!opening) return null;
  const mark = opening[1];
  let end = at + 1;
  while (end < lines.length && !isClosing(lines[end], mark)) end += 1;
  return [{ type: "code", language: opening[2].trim().split(/\s/)[0], text: lines.slice(at + 1, end).join("\n") }, end + 1];
}

/** @param {string} line @param {string} mark */
function isClosing(line, mark) {
  const found = FENCE.exec(line);
  return found !== null && found[1][0] === mark[0] && found[1].length >= mark.length && !found[2].trim();
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @returns {Read | null}
 */
function heading(lines, at) {
  const found = HEADING.exec(lines[at]);
  return found && [{ type: "heading", level: found[1].length, children: inline(found[2].replace(/[ \t]+#+[ \t]*$/, "")) }, at + 1];
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @returns {Read | null}
 */
function rule(lines, at) {
  return RULE.test(lines[at]) ? [{ type: "rule" }, at + 1] : null;
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {Read | null}
 */
function quote(lines, at, depth) {
  if (depth >= DEEPEST || !QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  return [{ type: "quote", children: blocksOf(lines.slice(at, end).map((line) => line.replace(QUOTE, "")), depth + 1) }, end];
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {Read | null}
 */
function list(lines, at, depth) {
  const start = depth < DEEPEST ? ITEM.exec(lines[at]) : null;
  if (!start) return null;
  const ordered = /\d/.test(start[2]);
  const items = [];
  let next = at;
  while (next < lines.length) {
    const found = ITEM.exec(lines[next]);
    if (!found || /\d/.test(found[2]) !== ordered || RULE.test(lines[next])) break;
    const end = itemEnd(lines, next + 1, found[1].length + found[2].length);
    items.push(blocksOf([found[4], ...lines.slice(next + 1, end).map(outdented(found[1].length + found[2].length + 1))], depth + 1));
    next = end;
  }
  return [{ type: "list", ordered, start: ordered ? parseInt(start[2], 10) : null, items }, next];
}

/**
 * Where an item ends: at the next line that is neither indented nor goes on with its paragraph.
 *
 * @param {string[]} lines
 * @param {number} from
 * @param {number} indent
 */
function itemEnd(lines, from, indent) {
  let end = from;
  for (let at = from; at < lines.length; at += 1) {
    if (!lines[at].trim()) continue;
    const inside = (/\S/.exec(lines[at])?.index ?? 0) >= indent;
    if (!inside && (at > end || startsBlock(lines[at]))) break;
    end = at + 1;
  }
  return end;
}

/** @param {number} width */
const outdented = (width) => (/** @type {string} */ line) => line.replace(/^\t/, "    ").replace(new RegExp(`^ {0,${width}}`), "");

/** @param {string} line */
const startsBlock = (line) => [FENCE, HEADING, RULE, QUOTE, ITEM].some((form) => form.test(line));

/**
 * @param {string[]} lines
 * @param {number} at
 * @returns {Read | null}
 */
function table(lines, at) {
  if (at + 1 >= lines.length || !lines[at].includes("|") || !DIVIDER.test(lines[at + 1])) return null;
  const head = cells(lines[at]);
  if (cells(lines[at + 1]).length !== head.length) return null;
  const rows = [];
  let next = at + 2;
  while (next < lines.length && lines[next].includes("|") && rows.length * head.length < MOST_CELLS) {
    const row = cells(lines[next]);
    rows.push(head.map((_, column) => inline(row[column] ?? "")));
    next += 1;
  }
  return [{ type: "table", head: head.map((cell) => inline(cell)), rows }, next];
}

/** @param {string} line */
function cells(line) {
  const bare = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return bare.split("|").map((cell) => cell.trim());
}

const READERS = [fenced, heading, rule, quote, list, table];

/**
 * @param {string[]} lines
 * @param {number} at
 * @returns {Read}
 */
function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines[end]) && !table(lines, end)) end += 1;
  return [{ type: "paragraph", children: inline(lines.slice(at, end).join("\n")) }, end];
}
