// Any JSON value, folded: what is large or deep opens on request. Texts are shown as texts, whatever is in them.

import { button, copyButton, element } from "./dom.js";
import { differences } from "./diff.js";
import { count } from "./format.js";
import { stringify } from "./json.js";

const CHARACTERS = 600; // of a text that are shown at first
const LINES = 14;
const ENTRIES = 100; // of an object or array that are shown at a time
const OPEN_DEPTH = 2; // levels that are open at first
const OPEN_ENTRIES = 24; // in objects and arrays of at most that many entries
const PREVIEW = 72;
const SHORT = 24; // characters of a text that is marked as a whole where it differs

const NOTHING = Symbol("nothing to compare with");

/**
 * A value as elements; with another one to compare it with, what differs is marked.
 *
 * @param {unknown} value
 * @param {unknown} [other]
 */
export function shown(value, other = NOTHING) {
  const cut = cutOffIn(value);
  if (cut && typeof cut.value === "string" && other === NOTHING) {
    return element("div", { class: "value text" }, text(cut.value), element("p", { class: "cut-off dim" }, aboutCut(cut)));
  }
  const plain = typeof value === "string";
  const both = plain && typeof other === "string" && value !== other;
  const inside = plain ? element("span", { class: both ? "" : unlike(value, other) }, both ? compared(value, other) : text(value)) : node(null, value, 0, other);
  return element("div", { class: plain ? "value text" : "value" }, inside);
}

/** @param {unknown} value @param {unknown} other */
function unlike(value, other) {
  return other !== NOTHING && (other === undefined || asText(value) !== asText(other)) ? "unlike" : "";
}

/**
 * The value as a text to copy: a text as it is, everything else as JSON.
 *
 * @param {unknown} value
 */
export function asText(value) {
  if (typeof value === "string") return value;
  return stringify(value, 2);
}

/**
 * A titled section around a value, with a button that copies it; `content` stands for the value if it is given.
 *
 * @param {string} title
 * @param {unknown} value
 * @param {{ open?: boolean, content?: Child, other?: unknown }} [options]
 */
export function section(title, value, { open = true, content = null, other = NOTHING } = {}) {
  const head = element("summary", {}, element("span", { class: "title" }, title), size(value));
  const body = content || shown(value, other);
  return element("details", { class: "section", open, "data-key": title, shows: () => asText(value) }, head, copyButton(() => asText(value)), body);
}

/** @param {unknown} value */
function size(value) {
  if (typeof value === "string") return hint(value.length > CHARACTERS ? `${count(value.length)} characters` : "");
  if (Array.isArray(value)) return hint(`${count(value.length)} items`);
  return null;
}

/** @param {string} words */
const hint = (words) => (words ? element("span", { class: "dim" }, words) : null);

/**
 * What stands in the place of a value that was cut off when it was recorded.
 *
 * @typedef {{ type: string, reason: string, size?: number, value?: unknown }} CutOff
 */

/**
 * The mark of a value that was cut off, or null.
 *
 * @param {unknown} value
 * @returns {CutOff | null}
 */
export function cutOffIn(value) {
  const mark = /** @type {Fields} */ (Object(value));
  const isMark = mark.truncated === true && typeof mark.type === "string" && Object.hasOwn(CUT, mark.reason);
  return isMark && Object.keys(mark).every((key) => MARK.includes(key)) ? /** @type {CutOff} */ (/** @type {unknown} */ (mark)) : null;
}

const MARK = ["truncated", "type", "size", "reason", "value"];
/** @type {{ [reason: string]: string }} */
const CUT = {
  size: "was cut when it was recorded: too large", time: "was cut when it was recorded: it took too long",
  depth: "was left out when it was recorded: too deep inside others", cycle: "contains itself, and is not repeated here",
};
/** What a size counts. @type {{ [type: string]: string }} */
const UNITS = { str: "characters", json: "characters", bytes: "bytes", bytearray: "bytes", memoryview: "bytes", int: "bits", dict: "fields", list: "items", tuple: "items", set: "items", frozenset: "items", items: "items" };
/** @type {{ [type: string]: string }} */
const THINGS = { str: "The text", json: "The value", int: "The number", dict: "The object", list: "The list", tuple: "The list", items: "The list" };

/** @param {CutOff} cut */
function aboutCut({ type, reason, size }) {
  const thing = Object.hasOwn(THINGS, type) ? THINGS[type] : `The ${type}`;
  const unit = Object.hasOwn(UNITS, type) ? ` ${UNITS[type]}` : "";
  const amount = typeof size === "number" ? ` (${unit ? "" : "size "}${count(size)}${unit})` : "";
  return `${thing}${amount} ${CUT[reason]}`;
}

/** @param {string | number | null} key @param {CutOff} cut @param {number} depth @param {unknown} other */
function cutNode(key, cut, depth, other) {
  const about = element(cut.value === undefined ? "span" : "p", { class: "cut-off dim" }, aboutCut(cut));
  if (cut.value === undefined) return element("div", { class: "entry" }, label(key), about);
  const counterpart = cutOffIn(other);
  return element("div", {}, node(key, cut.value, depth, counterpart ? counterpart.value : other), about);
}

/** @param {string | number | null} key @param {unknown} value @param {number} depth @param {unknown} other @returns {HTMLElement} */
function node(key, value, depth, other) {
  const cut = cutOffIn(value);
  if (cut) return cutNode(key, cut, depth, other);
  const sort = `entry ${unlike(value, other)}`;
  const both = typeof value === "string" && typeof other === "string" && value !== other && (value.length > SHORT || other.length > SHORT);
  if (both) return element("div", { class: "entry" }, label(key), compared(value, other));
  if (value === null || typeof value !== "object") return element("div", { class: sort }, label(key), leaf(value));
  const entries = Object.entries(value);
  if (!entries.length) return element("div", { class: sort }, label(key), Array.isArray(value) ? "[ ]" : "{ }");
  return branch(key, value, entries, depth, other);
}

/**
 * @param {string | number | null} key
 * @param {object} value
 * @param {[string, unknown][]} entries
 * @param {number} depth
 * @param {unknown} other
 */
function branch(key, value, entries, depth, other) {
  const preview = element("span", { class: "preview" }, previewOf(value));
  const inside = element("div", { class: "inside" });
  const fill = () => {
    if (!inside.firstChild) more(inside, entries, 0, depth, Array.isArray(value), other);
  };
  const open = depth < OPEN_DEPTH && entries.length <= OPEN_ENTRIES;
  if (open) fill();
  const summary = element("summary", {}, label(key), preview);
  return element("details", { class: `branch ${unlike(value, other)}`, open, on: { toggle: fill } }, summary, inside);
}

/**
 * @param {HTMLElement} inside
 * @param {[string, unknown][]} entries
 * @param {number} from
 * @param {number} depth
 * @param {boolean} numbered
 * @param {unknown} other
 */
function more(inside, entries, from, depth, numbered, other) {
  const part = entries.slice(from, from + ENTRIES);
  const beside = (/** @type {string} */ key) => (other === NOTHING ? NOTHING : fieldOf(other, key));
  inside.append(...part.map(([key, value]) => node(numbered ? Number(key) : key, value, depth + 1, beside(key))));
  const left = entries.length - from - part.length;
  if (!left) return;
  const next = button(`show ${count(Math.min(ENTRIES, left))} more of ${count(left)}`, () => {
    next.remove();
    more(inside, entries, from + ENTRIES, depth, numbered, other);
  }, { class: "quiet" });
  inside.append(next);
}

/** @param {unknown} value @param {string} key @returns {unknown} */
const fieldOf = (value, key) => (Object.hasOwn(Object(value), key) ? Object(value)[key] : undefined);

/** @param {string | number | null} key */
function label(key) {
  if (key === null) return null;
  return element("span", { class: typeof key === "number" ? "key number" : "key" }, element("bdi", {}, String(key)));
}

/** @param {unknown} value */
function leaf(value) {
  if (typeof value === "string") return text(value, { quoted: true });
  return element("span", { class: value === null ? "null" : typeof value }, String(value));
}

/**
 * A text with what is not in the other one marked, by line and word.
 *
 * @param {string} value
 * @param {string} other
 */
export function compared(value, other) {
  const pieces = differences(value, other).map(({ text: part, changed }) => (changed ? element("span", { class: "changed-text" }, part) : part));
  return element("span", { class: "plain compared", dir: "auto" }, pieces);
}

/**
 * A text, cut where it is long, with a button that shows all of it. With `last`, its end is shown at first.
 *
 * @param {string} value
 */
export function text(value, { quoted = false, characters = CHARACTERS, lines = LINES, last = false } = {}) {
  const cut = last ? tailOf(value, characters, lines) : cutOf(value, characters, lines);
  const holder = element("span", { class: quoted ? "string" : "plain", dir: "auto" }, cut);
  if (cut.length === value.length) return holder;
  const all = button(`show all ${count(value.length)} characters`, () => {
    holder.textContent = value;
    all.remove();
  }, { class: "quiet" });
  return element("span", { class: "long" }, last ? all : null, holder, last ? null : all);
}

/** @param {string} value @param {number} characters @param {number} lines */
function cutOf(value, characters, lines) {
  let end = characters * 1.2 < value.length ? characters : value.length;
  for (let [place, line] = [-1, 0]; line <= lines; line += 1) {
    place = value.indexOf("\n", place + 1);
    if (place < 0 || place >= end) return whole(value, end);
    if (line === lines) end = place;
  }
  return whole(value, end);
}

/**
 * The last lines of a text, whole ones; of a longer last line its end.
 *
 * @param {string} value
 * @param {number} characters
 * @param {number} lines
 */
function tailOf(value, characters, lines) {
  if (value.length <= characters * 1.2 && value.split("\n", lines + 2).length <= lines + 1) return value;
  const [first, ...others] = value.slice(-characters).split("\n");
  return others.length ? others.slice(-lines).join("\n") : first.replace(/^[\udc00-\udfff]/, ""); // half of a pair
}

/**
 * Never half of a surrogate pair.
 *
 * @param {string} value
 * @param {number} end
 */
function whole(value, end) {
  const before = value.charCodeAt(end - 1);
  return value.slice(0, before >= 0xd800 && before < 0xdc00 && end < value.length ? end - 1 : end);
}

/** @param {object} value */
function previewOf(value) {
  const numbered = Array.isArray(value);
  const parts = [];
  let characters = 0;
  for (const [key, part] of Object.entries(value)) {
    if (characters > PREVIEW) {
      parts.push("…");
      break;
    }
    const piece = numbered ? brief(part) : `${key}: ${brief(part)}`;
    parts.push(piece);
    characters += piece.length;
  }
  return numbered ? `[${parts.join(", ")}]` : `{${parts.join(", ")}}`;
}

/** @param {unknown} value @returns {string} */
function brief(value) {
  const cut = cutOffIn(value);
  if (cut) return cut.value === undefined ? "…" : brief(cut.value);
  if (Array.isArray(value)) return value.length ? `[${count(value.length)}]` : "[]";
  if (value !== null && typeof value === "object") return "{…}";
  if (typeof value !== "string") return String(value);
  return value.length > 24 ? `"${value.slice(0, 24)}…"` : `"${value}"`;
}
