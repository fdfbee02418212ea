// The reading view: messages by role, Markdown as elements, and the switch between Text, Markdown and JSON.

import { button, copyButton, element, nodes, picture } from "./dom.js";
import { bytes, count, plural } from "./format.js";
import { looksLikeMarkdown } from "./markdown.js";
import { LONGEST, rendered } from "./markup.js";
import { conversationOf } from "./messages.js";
import { UNREADABLE } from "./parts.js";
import { asText, compared, cutOffIn, section, shown, text } from "./value.js";

const FORMS = ["Text", "Markdown", "JSON"];
const MOST_MESSAGES = 500; // shown at first
const SHORT = 60; // characters of a text that needs no switch
const LOOKED_AT = 200; // values of an object that are looked at for a long text

/** @typedef {(text: string) => HTMLElement} Write */
/**
 * What to compare with, whether to fold what came before, and whether a list of pieces may be a text.
 *
 * @typedef {{ other?: unknown, latest?: boolean, joins?: boolean }} Beside
 */

/** @type {string | null} */
let preferred = null; // the form that the user chose last

/**
 * A titled section around a value in the form that suits it, with a switch to the others.
 *
 * @param {string} title
 * @param {unknown} value
 * @param {Beside} [beside]
 */
export function readingSection(title, value, { other, joins } = {}) {
  if (!hasForms(value, joins ? joinedPieces(value) : value)) return section(title, value, other === undefined ? {} : { other });
  return section(title, value, { content: reading(value, { other, joins }) });
}

/** What stands within texts only: a space, a mark (as of Thai vowels), and what closes or lengthens in Chinese and Japanese. */
const CONTINUES = /^[\s\p{M}。、，．！？；：）］｝」』】〉》〕…ー々]/u;

/**
 * A result that is a text in pieces, as models stream it, with the text in their place; else the value as it is.
 *
 * Pieces are texts with spaces between them, or of which one begins as no text does, in scripts that have no spaces between
 * words: others may be words, names or documents. The terminal does the same.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
export function joinedPieces(value) {
  const alone = Array.isArray(value) ? value : /** @type {any} */ (value)?.result;
  if (!Array.isArray(alone) || (alone !== value && Object.keys(Object(value)).length > 1)) return value;
  const pieces = /** @type {unknown[]} */ (alone);
  if (!pieces.every((one) => typeof one === "string")) return value;
  const isText = pieces.some((one, place) => place > 0 && (/\s$/u.test(pieces[place - 1]) || CONTINUES.test(one)));
  return isText ? { result: pieces.join("") } : value;
}

/**
 * A value as it is best read, with a switch to the other forms.
 *
 * What is not as in the `other` value, if one is given, is marked. `latest` folds the messages before the last answer;
 * `joins` shows the pieces of a streamed text as one text, but in the form JSON.
 *
 * @param {unknown} value
 * @param {Beside} [beside]
 */
export function reading(value, { other, latest = false, joins = false } = {}) {
  const [read, counterpart] = joins ? [joinedPieces(value), joinedPieces(other)] : [value, other];
  const found = conversationOf(read);
  if (!hasForms(value, read, found)) return plainly(value, other);
  const body = element("div", { class: "reading-body" });
  const tools = element("div", { class: "forms", role: "group", "aria-label": "Show as" });
  const show = (/** @type {string} */ form) => {
    const isJson = form === "JSON";
    body.replaceChildren(...nodes(isJson ? [plainly(value, other)] : inForm(read, found, form, { other: counterpart, latest })));
    tools.replaceChildren(...FORMS.map((name) => choice(name, name === form, () => choose(name))), opener(body));
  };
  const choose = (/** @type {string} */ form) => {
    if (other === undefined) preferred = form;
    show(form);
  };
  show((other === undefined ? preferred : null) ?? usual(read, found, counterpart));
  return element("div", { class: "reading" }, tools, body);
}

/** @param {unknown} value @param {unknown} other */
const plainly = (value, other) => shown(value, ...(other === undefined ? [] : [other]));

/** @param {string} name @param {boolean} pressed @param {() => void} choose */
function choice(name, pressed, choose) {
  return button(name, choose, { class: "quiet", "aria-pressed": pressed });
}

/**
 * Opens every fold and every cut text; a second time closes the folds.
 *
 * @param {HTMLElement} body
 */
function opener(body) {
  return button("Open all", () => {
    for (let more = folds(body); more.length; more = folds(body)) {
      for (const fold of more) fold.open = true;
      for (const cut of body.querySelectorAll(/** @type {"button"} */ (".long > button"))) cut.click();
      fill(body);
    }
  }, { class: "quiet" });
}

/** @param {HTMLElement} body @returns {HTMLDetailsElement[]} */
const folds = (body) => [...body.querySelectorAll(/** @type {"details"} */ ("details:not([open])"))];

/**
 * Folds are filled when they are opened, and the event of that comes too late for the next round.
 *
 * @param {HTMLElement} body
 */
function fill(body) {
  for (const fold of body.querySelectorAll("details[open]")) fold.dispatchEvent(new Event("toggle"));
}

/** @param {unknown} value @param {unknown} read what is read of it */
function hasForms(value, read, found = conversationOf(read)) {
  return found !== null || read !== value || isWorthReading(read);
}

/** @param {unknown} value */
function isWorthReading(value) {
  if (typeof value === "string") return value.length > SHORT || value.includes("\n") || looksLikeMarkdown(value);
  if (value === null || typeof value !== "object") return false;
  return Object.values(value).slice(0, LOOKED_AT).some((part) => typeof part === "string" && (part.length > SHORT || part.includes("\n")));
}

/**
 * Messages, marked-up answers and texts are read, also those that a function returned; everything else is data. Beside
 * another value texts are shown as such, with what differs in them marked.
 *
 * @param {unknown} value
 * @param {Found | null} found
 * @param {unknown} other
 */
function usual(value, found, other) {
  const alone = aloneIn(value);
  if (other !== undefined) return found || (alone !== null && aloneIn(other) !== null && keyOf(value) === keyOf(other)) ? "Text" : "JSON";
  if (found) return "Markdown";
  if (alone === null) return "JSON";
  return looksLikeMarkdown(alone) ? "Markdown" : ["", "result"].includes(keyOf(value)) ? "Text" : "JSON";
}

/**
 * The text that a value is, or that is all there is in it: `{"result": "…"}`.
 *
 * @param {unknown} value
 */
export function aloneIn(value) {
  if (typeof value === "string") return value;
  const parts = value !== null && typeof value === "object" && !Array.isArray(value) ? Object.values(value) : [];
  return parts.length === 1 && typeof parts[0] === "string" ? parts[0] : null;
}

/**
 * The name of the only field of an object; empty for a text.
 *
 * @param {unknown} value
 */
const keyOf = (value) => (typeof value === "string" ? "" : Object.keys(Object(value))[0]);

/**
 * @param {unknown} value
 * @param {Found | null} found
 * @param {string} form
 * @param {Beside} beside
 */
function inForm(value, found, form, { other, latest }) {
  const write = form === "Markdown" ? rendered : plain;
  if (found) return messages(found, write, other === undefined ? null : conversationOf(other), latest === true);
  if (cutOffIn(value)) return [plainly(value, other)];
  const marks = form === "Text" && other !== undefined;
  const [alone, counterpart] = [aloneIn(value), marks ? aloneIn(other) : null];
  if (alone !== null) return [beside(write, counterpart)(alone)];
  const others = marks ? Object(other) : {};
  return Object.entries(Object(value)).map(([key, part]) => field(key, part, write, marks ? others[key] ?? null : undefined));
}

/** @param {string} key @param {unknown} value @param {Write} write @param {unknown} other */
function field(key, value, write, other) {
  const content = typeof value === "string" ? beside(write, typeof other === "string" ? other : null)(value) : shown(value, ...(other === undefined ? [] : [other]));
  return element("div", { class: "field" }, element("div", { class: "field-name" }, element("bdi", {}, key)), content);
}

/** @param {string} value */
const plain = (value) => element("div", { class: "value text" }, text(value, { characters: LONGEST, lines: 400 }));

// Messages.

/**
 * @param {Found} found
 * @param {Write} write
 * @param {Found | null} other
 * @param {boolean} latest
 */
function messages({ messages: all, rest }, write, other, latest) {
  const known = other && new Set(other.messages.map(asText));
  const made = all.slice(0, MOST_MESSAGES).map((one, place) => {
    if (!other || known?.has(asText(one))) return message(one, write, false);
    return message(one, write === plain ? beside(write, textOf(other.messages[place])) : write, true);
  });
  const left = all.length - made.length;
  const last = latest ? all.findLastIndex(({ side }, place) => side === "assistant" && place < all.length - 1) + 1 : 0;
  const earlier = last ? folded(`${plural(last, "earlier message")}`, () => made.slice(0, last), "earlier") : null;
  return [
    earlier,
    ...made.slice(last),
    left ? element("p", { class: "dim" }, `${count(left)} more messages: see JSON`) : null,
    rest ? folded("other fields", () => [shown(rest)], "rest") : null,
  ].filter(Boolean);
}

/**
 * The only text of a message, to compare it with.
 *
 * @param {Message | undefined} one
 */
const textOf = (one) => {
  const [part, ...others] = one?.parts ?? [];
  return part?.type === "text" && !others.length ? part.text : null;
};

/** @param {Write} write @param {string | null} other @returns {Write} */
const beside = (write, other) => (value) => (other === null || other === value ? write(value) : element("div", { class: "value text" }, compared(value, other)));

/**
 * A fold that makes its content when it is first opened.
 *
 * @param {string} title
 * @param {() => Child[]} make
 * @param {string} name
 */
function folded(title, make, name) {
  const inside = element("div", {});
  const toggle = (/** @type {Event} */ event) => {
    const fold = /** @type {HTMLDetailsElement} */ (event.currentTarget);
    if (fold.open && !inside.firstChild) inside.append(...nodes(make()));
  };
  return element("details", { class: `fold ${name}`, on: { toggle } }, element("summary", { class: "dim" }, title), inside);
}

/** @param {Message} message @param {Write} write @param {boolean} unlike */
function message({ role, side, name, parts }, write, unlike) {
  return element(
    "div",
    { role: "group", class: `message from-${side}${unlike ? " unlike" : ""}`, "aria-label": role },
    element("div", { class: "role" }, element("bdi", {}, role), name ? element("bdi", { class: "dim" }, ` ${name}`) : null),
    parts.map((part) => partShown(part, write)),
  );
}

/** @param {Part} part @param {Write} write */
function partShown(part, write) {
  switch (part.type) {
    case "text": return write(part.text);
    case "reasoning": return reasoning(part.text, write);
    case "call": return call(part, write);
    case "result": return result(part, write);
    case "media": return attached(part);
    default: return shown(part.value);
  }
}

/** @param {string} words @param {Write} write */
function reasoning(words, write) {
  if (words === UNREADABLE) return element("p", { class: "reasoning dim" }, `Reasoning ${words}`);
  return folded(`Reasoning, ${plural(words.length, "character")}`, () => [write(words)], "reasoning");
}

/** @param {CallPart} part @param {Write} write */
function call(part, write) {
  return element(
    "div",
    { class: "call" },
    element("div", { class: "call-name" }, element("span", { class: "dim" }, "calls "), element("bdi", {}, part.name)),
    shown(part.input),
    part.result ? result(part.result, write) : part.due ? element("p", { class: "dim" }, "no result here") : null,
  );
}

/** @param {ResultPart} part @param {Write} write */
function result({ value, name, failed }, write) {
  const title = element("div", { class: failed ? "error-text" : "dim" }, failed ? "failure" : "result", name ? element("bdi", {}, ` of ${name}`) : null);
  return element("div", { class: `result${failed ? " failed" : ""}` }, title, typeof value === "string" ? write(value) : shown(value));
}

/**
 * An image that stands in the value, and a line for everything else: nothing is fetched.
 *
 * @param {MediaPart} part
 */
function attached({ mime, size, name, data, url }) {
  const line = [mime, size === null ? null : bytes(size), name, url].filter((fact) => fact !== null).join(", ");
  const image = data === null ? null : picture(mime, data, line);
  return element("div", { class: "media" }, image, element("bdi", { class: "dim" }, line), url ? copyButton(() => url, "Copy address") : null);
}
