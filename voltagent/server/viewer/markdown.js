// Parses Markdown to a small tree: pure functions without the DOM. HTML in it stays text, and nothing is fetched.
//
// Blocks: `{type: "heading", level, children}`, `{type: "paragraph" | "quote", children}`, `{type: "list", ordered,
// start, items}`, `{type: "code", language, text}`, `{type: "table", head, rows}`, `{type: "rule"}`. Inline: a string,
// `{type: "code", text}`, `{type: "strong" | "emphasis" | "deleted", children}`, `{type: "link", children, target}`.

const DEEPEST = 6; // quotes, lists and emphasis within each other
const FARTHEST = 2000; // characters between two marks that belong together
const MOST_TRIES = 20; // marks that are tried as the end of an emphasis
const LONGEST = 400_000; // characters that are parsed; the others follow as they are
const MOST_CELLS = 10_000; // of one table

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])([ \t]+|$)(.*)$/;
const DIVIDER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/** The blocks of a text. */
export function markdown(text) {
  const blocks = blocksOf(text.slice(0, LONGEST).replace(/\r\n?/g, "\n").split("\n"), 0);
  return text.length > LONGEST ? [...blocks, { type: "paragraph", children: [text.slice(LONGEST)] }] : blocks;
}

/** Whether a text has any mark of Markdown that changes how it reads. */
export function looksLikeMarkdown(text) {
  return /^(?: {0,3}(?:#{1,6} |[-*+] |\d{1,9}[.)] |>|```|~~~|\|))|\*\*\S|`\S|\]\(/m.test(text.slice(0, 20_000));
}

function blocksOf(lines, depth) {
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

function blockAt(lines, at, depth) {
  for (const read of READERS) {
    const found = read(lines, at, depth);
    if (found) return found;
  }
  return paragraph(lines, at);
}

function fenced(lines, at) {
  const opening = FENCE.exec(lines[at]);
  if (!opening) return null;
  const mark = opening[1];
  let end = at + 1;
  while (end < lines.length && !isClosing(lines[end], mark)) end += 1;
  return [{ type: "code", language: opening[2].trim().split(/\s/)[0], text: lines.slice(at + 1, end).join("\n") }, end + 1];
}

function isClosing(line, mark) {
  const found = FENCE.exec(line);
  return found !== null && found[1][0] === mark[0] && found[1].length >= mark.length && !found[2].trim();
}

function heading(lines, at) {
  const found = HEADING.exec(lines[at]);
  return found && [{ type: "heading", level: found[1].length, children: inline(found[2].replace(/[ \t]+#+[ \t]*$/, "")) }, at + 1];
}

function rule(lines, at) {
  return RULE.test(lines[at]) ? [{ type: "rule" }, at + 1] : null;
}

function quote(lines, at, depth) {
  if (depth >= DEEPEST || !QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  return [{ type: "quote", children: blocksOf(lines.slice(at, end).map((line) => line.replace(QUOTE, "")), depth + 1) }, end];
}

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

/** Where an item ends: at the next line that is neither indented nor goes on with its paragraph. */
function itemEnd(lines, from, indent) {
  let end = from;
  for (let at = from; at < lines.length; at += 1) {
    if (!lines[at].trim()) continue;
    const inside = /^\s*/.exec(lines[at])[0].length >= indent;
    if (!inside && (at > end || startsBlock(lines[at]))) break;
    end = at + 1;
  }
  return end;
}

const outdented = (width) => (line) => line.replace(/^\t/, "    ").replace(new RegExp(`^ {0,${width}}`), "");

const startsBlock = (line) => [FENCE, HEADING, RULE, QUOTE, ITEM].some((form) => form.test(line));

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

function cells(line) {
  const bare = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return bare.split("|").map((cell) => cell.trim());
}

const READERS = [fenced, heading, rule, quote, list, table];

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines[end]) && !table(lines, end)) end += 1;
  return [{ type: "paragraph", children: inline(lines.slice(at, end).join("\n")) }, end];
}

// ------------------------------------------------------------------------------------------------------ within a line

const MARKS = { "**": "strong", __: "strong", "~~": "deleted", "*": "emphasis", _: "emphasis" };
const SPECIAL = /[\\`*_~[!]|https?:\/\//g;

/** The inline nodes of a text. */
export function inline(text, depth = 0) {
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

function nextSpecial(text, from) {
  SPECIAL.lastIndex = from;
  return SPECIAL.exec(text)?.index ?? -1;
}

function inlineAt(text, at, depth) {
  const sign = text[at];
  if (sign === "\\") return /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "") ? { node: text[at + 1], end: at + 2 } : null;
  if (sign === "`") return codeAt(text, at);
  if (sign === "[" || (sign === "!" && text[at + 1] === "[")) return linkAt(text, at, depth);
  if (sign === "h") return addressAt(text, at);
  return emphasisAt(text, at, depth);
}

function codeAt(text, at) {
  const mark = /`{1,20}/y;
  mark.lastIndex = at;
  const [fence] = mark.exec(text);
  const end = text.slice(0, at + FARTHEST).indexOf(fence, at + fence.length);
  return end < 0 ? null : { node: { type: "code", text: text.slice(at + fence.length, end).replace(/^ (.*\S.*) $/, "$1") }, end: end + fence.length };
}

const LINK = /!?\[([^[\]\n]{0,1000})\]\(\s*<?([^\s<>()]{0,2000}(?:\([^\s<>()]{0,200}\))?[^\s<>()]{0,200})>?(?:\s+"[^"\n]{0,300}")?\s*\)/y;

function linkAt(text, at, depth) {
  LINK.lastIndex = at;
  const found = LINK.exec(text);
  return found && { node: { type: "link", children: inline(found[1] || found[2], depth + 1), target: found[2] }, end: at + found[0].length };
}

const ADDRESS = /https?:\/\/[^\s<>"'`*[\]{}|\\^]{1,2000}/y;

function addressAt(text, at) {
  ADDRESS.lastIndex = at;
  const found = ADDRESS.exec(text)?.[0].replace(/[.,;:!?)]{1,50}$/, "");
  return found ? { node: { type: "link", children: [found], target: found }, end: at + found.length } : null;
}

function emphasisAt(text, at, depth) {
  const mark = Object.hasOwn(MARKS, text.slice(at, at + 2)) ? text.slice(at, at + 2) : text[at];
  if (!Object.hasOwn(MARKS, mark)) return null;
  const begin = at + mark.length;
  if (/\s/.test(text[begin] ?? " ") || (mark[0] === "_" && /\w/.test(text[at - 1] ?? ""))) return null;
  const end = closing(text, begin, mark);
  return end < 0 ? null : { node: { type: MARKS[mark], children: inline(text.slice(begin, end), depth + 1) }, end: end + mark.length };
}

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
