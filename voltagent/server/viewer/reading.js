// The reading view: messages by role, Markdown as elements, and the switch between Text, Markdown and JSON.

import { button, copyButton, element, picture } from "./dom.js";
import { bytes, count, plural } from "./format.js";
import { looksLikeMarkdown, markdown } from "./markdown.js";
import { conversationOf } from "./messages.js";
import { asText, compared, section, shown, text } from "./value.js";

const FORMS = ["Text", "Markdown", "JSON"];
const LONGEST = 20_000; // characters of one text that are shown at first
const MOST_MESSAGES = 500; // shown at first
const SHORT = 60; // characters of a text that needs no switch
const LOOKED_AT = 200; // values of an object that are looked at for a long text

let preferred = null; // the form that the user chose last

/** A titled section around a value in the form that suits it, with a switch to the others. */
export function readingSection(title, value, { other } = {}) {
  if (!hasForms(value)) return section(title, value, other === undefined ? {} : { other });
  return section(title, value, { content: reading(value, { other }) });
}

/**
 * A value as it is best read, with a switch to the other forms.
 *
 * What is not as in the `other` value, if one is given, is marked. `latest` folds the messages before the last answer.
 */
export function reading(value, { other, latest = false } = {}) {
  const found = conversationOf(value);
  if (!hasForms(value, found)) return shown(value, ...(other === undefined ? [] : [other]));
  const body = element("div", { class: "reading-body" });
  const tools = element("div", { class: "forms", role: "group", "aria-label": "Show as" });
  const show = (form) => {
    body.replaceChildren(...inForm(value, found, form, { other, latest }));
    tools.replaceChildren(...FORMS.map((name) => choice(name, name === form, () => show((preferred = name)))), opener(body));
  };
  show(preferred ?? usual(value, found, other));
  return element("div", { class: "reading" }, tools, body);
}

function choice(name, pressed, choose) {
  return button(name, choose, { class: "quiet", "aria-pressed": pressed });
}

/** Opens every fold and every cut text; a second time closes the folds. */
function opener(body) {
  return button("Open all", () => {
    for (let more = folds(body); more.length; more = folds(body)) {
      for (const fold of more) fold.open = true;
      for (const cut of body.querySelectorAll(".long > button")) cut.click();
      fill(body);
    }
  }, { class: "quiet" });
}

const folds = (body) => [...body.querySelectorAll("details:not([open])")];

/** Folds are filled when they are opened, and the event of that comes too late for the next round. */
function fill(body) {
  for (const fold of body.querySelectorAll("details[open]")) fold.dispatchEvent(new Event("toggle"));
}

function hasForms(value, found = conversationOf(value)) {
  return found !== null || isWorthReading(value);
}

function isWorthReading(value) {
  if (typeof value === "string") return value.length > SHORT || value.includes("\n") || looksLikeMarkdown(value);
  if (value === null || typeof value !== "object") return false;
  return Object.values(value).slice(0, LOOKED_AT).some((part) => typeof part === "string" && (part.length > SHORT || part.includes("\n")));
}

/** Messages and marked-up answers are read; everything else is data. */
function usual(value, found, other) {
  if (found) return "Markdown";
  const alone = aloneIn(value);
  if (other !== undefined || alone === null) return "JSON";
  return looksLikeMarkdown(alone) ? "Markdown" : typeof value === "string" ? "Text" : "JSON";
}

/** The text that a value is, or that is all there is in it: `{"result": "…"}`. */
export function aloneIn(value) {
  if (typeof value === "string") return value;
  const parts = value !== null && typeof value === "object" && !Array.isArray(value) ? Object.values(value) : [];
  return parts.length === 1 && typeof parts[0] === "string" ? parts[0] : null;
}

function inForm(value, found, form, { other, latest }) {
  if (form === "JSON") return [shown(value, ...(other === undefined ? [] : [other]))];
  const write = form === "Markdown" ? rendered : plain;
  if (found) return messages(found, write, other === undefined ? null : conversationOf(other), latest);
  const alone = aloneIn(value);
  if (alone !== null) return [write(alone)];
  return Object.entries(value).map(([key, part]) => field(key, part, write));
}

function field(key, value, write) {
  const content = typeof value === "string" ? write(value) : shown(value);
  return element("div", { class: "field" }, element("div", { class: "field-name" }, element("bdi", {}, key)), content);
}

const plain = (value) => element("div", { class: "value text" }, text(value, { letters: LONGEST, lines: 400 }));

// ----------------------------------------------------------------------------------------------------------- messages

function messages({ messages: all, rest }, write, other, latest) {
  const marked = other && new Set(other.messages.map(asText));
  const made = all.slice(0, MOST_MESSAGES).map((one, place) => {
    if (marked === null || marked.has(asText(one))) return message(one, write, false);
    return message(one, beside(write, textOf(other.messages[place])), true);
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

/** The only text of a message, to compare it with. */
const textOf = (one) => (one?.parts.length === 1 && one.parts[0].type === "text" ? one.parts[0].text : null);

const beside = (write, other) => (other === null ? write : (value) => element("div", { class: "value text" }, compared(value, other)));

/** A fold that makes its content when it is first opened. */
function folded(title, make, name) {
  const inside = element("div", {});
  const toggle = (event) => {
    if (event.currentTarget.open && !inside.firstChild) inside.append(...make());
  };
  return element("details", { class: `fold ${name}`, on: { toggle } }, element("summary", { class: "dim" }, title), inside);
}

function message({ role, side, name, parts }, write, unlike) {
  return element(
    "section",
    { class: `message from-${side}${unlike ? " unlike" : ""}`, "aria-label": role },
    element("div", { class: "role" }, element("bdi", {}, role), name ? element("bdi", { class: "dim" }, ` ${name}`) : null),
    parts.map((part) => PARTS[part.type](part, write)),
  );
}

const PARTS = {
  text: (part, write) => write(part.text),
  reasoning: (part, write) => folded(`reasoning, ${plural(part.text.length, "character")}`, () => [write(part.text)], "reasoning"),
  call: (part, write) => element(
    "div",
    { class: "call" },
    element("div", { class: "call-name" }, element("span", { class: "dim" }, "calls "), element("bdi", {}, part.name)),
    shown(part.input),
    part.result ? result(part.result, write) : element("p", { class: "dim" }, "no result here"),
  ),
  result: (part, write) => result(part, write),
  media: (part) => attached(part),
  json: (part) => shown(part.value),
};

function result({ value, name, failed }, write) {
  const title = element("div", { class: failed ? "error-text" : "dim" }, failed ? "failed" : "result", name ? element("bdi", {}, ` of ${name}`) : null);
  return element("div", { class: `result${failed ? " failed" : ""}` }, title, typeof value === "string" ? write(value) : shown(value));
}

/** An image that stands in the value, and a line for everything else: nothing is fetched. */
function attached({ mime, size, name, data, url }) {
  const line = [mime, size === null ? null : bytes(size), name, url].filter((fact) => fact !== null).join(", ");
  const image = data === null ? null : picture(mime, data, line);
  return element("div", { class: "media" }, image, element("bdi", { class: "dim" }, line), url ? copyButton(() => url, "Copy address") : null);
}

// ----------------------------------------------------------------------------------------------------------- Markdown

/** A text as its Markdown says, cut if it is very long. */
export function rendered(value) {
  const holder = element("div", { class: "markdown" }, markdown(value.slice(0, LONGEST)).map(block));
  if (value.length <= LONGEST) return holder;
  const all = button(`show all ${count(value.length)} characters`, () => holder.replaceChildren(...markdown(value).map(block)), { class: "quiet" });
  holder.append(element("div", { class: "long" }, all));
  return holder;
}

const block = (node) => BLOCKS[node.type](node);

const BLOCKS = {
  heading: ({ level, children }) => element(`h${Math.min(6, level + 2)}`, { class: "written" }, children.map(phrase)),
  paragraph: ({ children }) => element("p", { dir: "auto" }, children.map(phrase)),
  quote: ({ children }) => element("blockquote", {}, children.map(block)),
  rule: () => element("hr"),
  list: ({ ordered, start, items }) => element(ordered ? "ol" : "ul", { start: ordered && start !== 1 ? start : null }, items.map(item)),
  code: ({ language, text: code }) => element(
    "div", { class: "code" }, language ? element("span", { class: "dim" }, language) : null,
    copyButton(() => code), element("pre", { tabindex: 0 }, element("code", {}, code)),
  ),
  table: ({ head, rows }) => element(
    "div", { class: "table-holder", tabindex: 0, role: "group", "aria-label": "Table" }, element("table", {},
      element("thead", {}, element("tr", {}, head.map((cell) => element("th", { scope: "col" }, cell.map(phrase))))),
      element("tbody", {}, rows.map((row) => element("tr", {}, row.map((cell) => element("td", {}, cell.map(phrase))))))),
  ),
};

/** A tight item has no paragraph of its own. */
function item(blocks) {
  const [first, ...others] = blocks;
  const head = first?.type === "paragraph" ? element("span", { dir: "auto" }, first.children.map(phrase)) : first && block(first);
  return element("li", {}, head, others.map(block));
}

const phrase = (node) => (typeof node === "string" ? node : PHRASES[node.type](node));

const PHRASES = {
  code: ({ text: code }) => element("code", {}, code),
  strong: ({ children }) => element("strong", {}, children.map(phrase)),
  emphasis: ({ children }) => element("em", {}, children.map(phrase)),
  deleted: ({ children }) => element("del", {}, children.map(phrase)),
  link: ({ children, target }) => element(
    "span", { class: "link-text", title: target }, children.map(phrase),
    children.length === 1 && children[0] === target ? null : element("span", { class: "dim" }, ` (${target})`), copyButton(() => target, "copy"),
  ),
};
