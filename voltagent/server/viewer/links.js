// Links to other pages of the viewer.

import { element } from "./dom.js";
import { isLive } from "./live.js";

/**
 * A link to another page of the viewer; in an exported file, which has no other page, the words alone.
 *
 * @param {string} words
 * @param {string} href
 */
export function linked(words, href, sort = "") {
  return element(isLive ? "a" : "span", { ...(isLive ? { href } : {}), class: sort || null }, element("bdi", {}, words));
}
