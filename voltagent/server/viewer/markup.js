// Markdown as elements: built node by node, so that nothing in a text can become an element that we did not make.

import { button, copyButton, element } from "./dom.js";
import { count } from "./format.js";
import { markdown } from "./markdown.js";

export const LONGEST = 20_000; // characters of one text that are shown at first

/**
 * A text as its Markdown says, cut if it is very long.
 *
 * @param {string} value
 */
export function rendered(value) {
  const holder = element("div", { class: "markdown" }, markdown(value.slice(0, LONGEST)).map(block));
  if (value.length <= LONGEST) return holder;
  const all = button(`show all ${count(value.length)} characters`, () => holder.replaceChildren(...markdown(value).map(block)), { class: "quiet" });
  holder.append(element("div", { class: "long" }, all));
  return holder;
}

/** @param {Block} node @returns {HTMLElement} */
function block(node) {
  switch (node.type) {
    case "heading": return element(HEADINGS[Math.min(6, node.level + 2) - 1], { class: "written" }, node.children.map(phrase));
    case "paragraph": return element("p", { dir: "auto" }, node.children.map(phrase));
    case "quote": return element("blockquote", {}, node.children.map(block));
    case "list": return element(node.ordered ? "ol" : "ul", { start: node.ordered && node.start !== 1 ? node.start : null }, node.items.map(item));
    case "code": return code(node.language, node.text);
    case "table": return table(node.head, node.rows);
    default: return element("hr");
  }
}

const HEADINGS = /** @type {const} */ (["h1", "h2", "h3", "h4", "h5", "h6"]);

/** @param {string} language @param {string} text */
function code(language, text) {
  return element(
    "div", { class: "code" }, language ? element("span", { class: "dim" }, language) : null,
    copyButton(() => text), element("pre", { tabindex: 0 }, element("code", {}, text)),
  );
}

/** @param {Inline[][]} head @param {Inline[][][]} rows */
function table(head, rows) {
  const headings = element("tr", {}, head.map((cell) => element("th", { scope: "col" }, cell.map(phrase))));
  const lines = rows.map((row) => element("tr", {}, row.map((cell) => element("td", {}, cell.map(phrase)))));
  return element(
    "div", { class: "table-holder", tabindex: 0, role: "group", "aria-label": "Table" },
    element("table", {}, element("thead", {}, headings), element("tbody", {}, lines)),
  );
}

/**
 * A tight item has no paragraph of its own.
 *
 * @param {Block[]} blocks
 */
function item(blocks) {
  const [first, ...others] = blocks;
  const head = first?.type === "paragraph" ? element("span", { dir: "auto" }, first.children.map(phrase)) : first && block(first);
  return element("li", {}, head, others.map(block));
}

/** @param {Inline} node @returns {Child} */
function phrase(node) {
  if (typeof node === "string") return node;
  switch (node.type) {
    case "code": return element("code", {}, node.text);
    case "link": return link(node.children, node.target);
    default: return element(PHRASES[node.type], {}, node.children.map(phrase));
  }
}

const PHRASES = /** @type {const} */ ({ strong: "strong", emphasis: "em", deleted: "del" });

/**
 * The words of a link and its target, with a button that copies it: it is never followed.
 *
 * @param {Inline[]} children
 * @param {string} target
 */
function link(children, target) {
  const isPlain = children.length === 1 && children[0] === target;
  return element(
    "span", { class: "link-text", title: target }, children.map(phrase),
    isPlain ? null : element("span", { class: "dim" }, ` (${target})`), copyButton(() => target, "copy"),
  );
}
