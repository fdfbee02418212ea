// Links to other pages of the viewer.

import { element } from "./dom.js";
import { isLive } from "./live.js";

/**
 * A link to another page of the viewer; in an exported file, which has no other page, the words alone.
 *
 * @param {string} words
 * @param {string} href
 * @param {string} [sort] a class
 * @param {string} [before] words of the link that say what it is
 */
export function linked(words, href, sort = "", before = "") {
  return element(isLive ? "a" : "span", { ...(isLive ? { href } : {}), class: sort || null }, before || null, element("bdi", {}, words));
}
