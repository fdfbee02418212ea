// Hints: places in the user's programs that record nothing, or not what is meant.

import { get } from "./api.js";
import { element } from "./dom.js";
import { plural } from "./format.js";

/** A closed box that opens to the hints; hidden while there are none. @returns {HTMLDetailsElement} */
export function hintBox() {
  const box = element("details", { class: "hints", hidden: true });
  load(box);
  return box;
}

/** @param {HTMLDetailsElement} box */
async function load(box) {
  try {
    const { hints } = await get("hints");
    if (!hints.length) return;
    const lines = hints.map((/** @type {{place: string, text: string, advice: string}} */ hint) =>
      element("li", {}, element("code", {}, hint.place), ` ${hint.text}; `, element("b", {}, hint.advice)));
    const places = `${plural(hints.length, "place")} in your programs that ${hints.length === 1 ? "records" : "record"}`;
    box.replaceChildren(element("summary", {}, `${places} nothing, or not what is meant`), element("ul", {}, lines));
    box.hidden = false;
  } catch {
    // The list itself reports a server that does not answer.
  }
}
