// Drawing again without disturbing the user: what did not change stays the same node, with its focus, its selection, its
// folds and its place.

import { LISTENERS, nodes, SHOWS } from "./dom.js";

/**
 * Make the children of an element be like `wanted` (nodes and texts), and give them as they now stand there.
 *
 * A child that is there already is changed where it differs: the one with the same `data-key`, without a key the next of
 * its tag. What was made with `shows` (see `element`) is left alone while that gives the same, and replaced otherwise.
 * What its maker keeps, to hand it in again, needs a key, or it would lend its place and its parts to another drawing.
 *
 * @param {Element} place
 * @param {Child[]} wanted
 */
export function patch(place, wanted) {
  const focused = document.activeElement;
  const now = arrange(place, nodes(wanted).map((child) => (child instanceof Node ? child : document.createTextNode(child))));
  // what moves among its siblings loses the focus
  if (focused !== document.activeElement && focused instanceof HTMLElement && focused.isConnected) focused.focus({ preventScroll: true });
  return now;
}

/** @param {Element} place @param {Node[]} wanted */
function arrange(place, wanted) {
  const partner = partners(place, wanted);
  const now = wanted.map((next) => become(partner(next), next));
  const staying = new Set(now);
  for (const old of [...place.childNodes]) {
    if (!staying.has(old)) old.remove();
  }
  let here = place.firstChild;
  for (const child of now) {
    if (child === here) here = here?.nextSibling ?? null;
    else place.insertBefore(child, here);
  }
  return now;
}

/**
 * A function that finds the child which is there for a wanted one, each once; nothing where there is none.
 *
 * @param {Element} place
 * @param {Node[]} wanted
 */
function partners(place, wanted) {
  const there = new Set(wanted.filter((next) => next.parentNode === place));
  const others = [...place.childNodes].filter((old) => !there.has(old));
  const byKey = new Map(others.filter(keyOf).map((old) => [keyOf(old), old]));
  const inOrder = others.filter((old) => !keyOf(old));
  return (/** @type {Node} */ next) => {
    if (there.has(next)) return next;
    const key = keyOf(next);
    if (!key) return taken(inOrder, next);
    const old = byKey.get(key);
    byKey.delete(key);
    return old && alike(old, next) ? old : null;
  };
}

/** @param {Node[]} inOrder @param {Node} next */
function taken(inOrder, next) {
  const place = inOrder.findIndex((old) => alike(old, next));
  return place < 0 ? null : inOrder.splice(0, place + 1)[place];
}

/** @typedef {Node & { [LISTENERS]?: Listeners, [SHOWS]?: () => string, dataset?: DOMStringMap, checked?: boolean }} Drawn */

/** @param {Drawn} node */
const keyOf = (node) => node.dataset?.key;
/** @param {Drawn} node */
const eventsOf = (node) => Object.keys(node[LISTENERS] || {}).join();
/** @param {Drawn} old @param {Node} next */
const alike = (old, next) => old.nodeName === next.nodeName && eventsOf(old) === eventsOf(next);

/**
 * The old node, like the next one by now; the next one where there is none or it has to be replaced.
 *
 * @param {Drawn | null} old
 * @param {Drawn} next
 * @returns {Node}
 */
function become(old, next) {
  if (!old || old === next) return next;
  if (next.nodeType === Node.TEXT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return old;
  }
  if (old[SHOWS] || next[SHOWS]) return old[SHOWS]?.() === next[SHOWS]?.() ? old : next;
  old[LISTENERS] = next[LISTENERS];
  describe(/** @type {Element} */ (old), /** @type {Element} */ (next));
  arrange(/** @type {Element} */ (old), [...next.childNodes]);
  return old;
}

/** @param {Element} old @param {Element} next */
function describe(old, next) {
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (isStyled(old) && isStyled(next)) restyle(old.style, next.style);
  if (old instanceof HTMLInputElement && next instanceof HTMLInputElement) old.checked = next.checked; // no attribute
}

/**
 * @param {Element} node
 * @returns {node is HTMLElement | SVGElement}
 */
const isStyled = (node) => node instanceof HTMLElement || node instanceof SVGElement;

/** @param {CSSStyleDeclaration} old @param {CSSStyleDeclaration} next */
function restyle(old, next) {
  for (const name of [...old]) {
    if (!next.getPropertyValue(name)) old.removeProperty(name);
  }
  for (const name of next) {
    const value = next.getPropertyValue(name);
    if (old.getPropertyValue(name) !== value) old.setProperty(name, value);
  }
}
