// Two values side by side that open together: what is opened or switched on one side happens on the other one, too.

/**
 * Tie the two sides of each pair of cells (`data-side` 0 and 1, one after the other) in an element.
 *
 * @param {HTMLElement} holder
 */
export function twins(holder) {
  // the event of a fold does not bubble
  holder.addEventListener("toggle", (event) => {
    const fold = /** @type {HTMLDetailsElement} */ (event.target);
    const twin = twinOf(fold, "details");
    if (twin instanceof HTMLDetailsElement && twin.open !== fold.open) twin.open = fold.open;
  }, true);
  holder.addEventListener("click", (event) => {
    const pressed = /** @type {Element} */ (event.target).closest(".forms > button, .long > button");
    if (!event.isTrusted || !pressed) return;
    const twin = twinOf(pressed, pressed.matches(".forms > button") ? ".forms > button" : ".long > button");
    if (twin instanceof HTMLElement) twin.click();
  }, true);
}

/**
 * What is at the same place on the other side: the one with the same names above it.
 *
 * @param {Element} part
 * @param {string} selector
 */
function twinOf(part, selector) {
  const cell = part.closest("[data-side]");
  const other = cell?.getAttribute("data-side") === "0" ? cell.nextElementSibling : cell?.previousElementSibling;
  if (!cell || !other) return null;
  const path = pathOf(part, cell);
  const place = [...cell.querySelectorAll(selector)].filter((one) => pathOf(one, cell) === path).indexOf(part);
  return [...other.querySelectorAll(selector)].filter((one) => pathOf(one, other) === path)[place] ?? null;
}

/** @param {Element} part @param {Element} cell */
function pathOf(part, cell) {
  const names = [part.matches(".forms > button") ? part.textContent : ""];
  for (let place = /** @type {Element | null} */ (part); place && place !== cell; place = place.parentElement) {
    const same = place.matches("details") ? `${nameOf(place)} ${place.parentElement?.closest("details") ? "" : placeOf(place)}` : "";
    if (same) names.push(same);
  }
  return JSON.stringify(names);
}

/** @param {Element} fold */
const nameOf = (fold) => fold.querySelector(":scope > summary :is(.key, .title)")?.textContent ?? "";

/** @param {Element} fold */
const placeOf = (fold) => [...(fold.parentElement?.children ?? [])].indexOf(fold);
