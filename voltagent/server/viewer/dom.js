// The only place that makes elements. What is recorded comes from anywhere, so nothing here parses HTML: texts become
// text nodes, and an attribute that could run or load something is refused.

const SVG = "http://www.w3.org/2000/svg";

// What an element has beside what the document knows of it; `patch.js` reads it.
export const LISTENERS = Symbol("listeners by event");
export const SHOWS = Symbol("a text for what it shows");

/** @typedef {(HTMLElement | SVGElement) & { [LISTENERS]?: Listeners, [SHOWS]?: () => string }} Made */

/**
 * An element with attributes (`on: {click}` for listeners, `style: {left}` for properties) and children (texts too).
 *
 * `shows: () => text` distinguishes two drawings of it if the user can open it or it remembers what it was drawn from.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * The same for SVG.
 *
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 */
export function drawing(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * @template {Made} M
 * @param {M} made
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) set(made, name, value);
  made.append(...nodes(children));
  return made;
}

/**
 * The children that are there, as nodes and texts.
 *
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
export function nodes(children) {
  const all = /** @type {(Node | Plain)[]} */ (/** @type {unknown[]} */ (children).flat(Infinity));
  const there = all.filter((child) => child !== null && child !== undefined && child !== false);
  return there.map((child) => (child instanceof Node ? child : String(child)));
}

/** @param {Made} made @param {string} name @param {any} value */
function set(made, name, value) {
  if (value === null || value === undefined || (value === false && !name.startsWith("aria-"))) return;
  if (name === "on") listenTo(made, value);
  else if (name === "shows") made[SHOWS] = value;
  else if (name === "style") {
    for (const [property, text] of Object.entries(value)) made.style.setProperty(property, text);
  } else if (/^(on.*|src|srcdoc|action|formaction|xlink:href)$/i.test(name) || (name === "href" && value[0] !== "#")) {
    throw new TypeError(`the attribute ${name} is not for values`);
  } else {
    made.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
  }
}

/**
 * By way of the element, so that it can be given others.
 *
 * @param {Made} made
 * @param {Listeners} listeners
 */
function listenTo(made, listeners) {
  made[LISTENERS] = listeners;
  for (const event of Object.keys(listeners)) made.addEventListener(event, (happened) => made[LISTENERS]?.[event]?.(happened));
}

const PICTURES = /^image\/(?:png|jpeg|gif|webp)$/;
const LARGEST_PICTURE = 4_000_000; // characters of base64

/**
 * An image from base64 that is of a known format and not too large; else null. Nothing is fetched.
 *
 * @param {string} mime
 * @param {string} data
 * @param {string} words
 */
export function picture(mime, data, words) {
  if (!PICTURES.test(mime) || data.length > LARGEST_PICTURE || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(data)) return null;
  const made = element("img", { alt: words, decoding: "async" });
  made.src = `data:${mime};base64,${data}`;
  return made;
}

/**
 * Let the browser save a text as a file.
 *
 * @param {string} name
 * @param {string} words
 */
export function download(name, words) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([words], { type: "application/octet-stream" })); // saved, never opened here
  link.download = name.replace(/[^\w.-]+/g, "_").slice(0, 100);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/**
 * A button with a text.
 *
 * @param {string} text
 * @param {() => void} click
 */
export function button(text, click, attributes = {}) {
  return element("button", { type: "button", on: { click }, ...attributes }, text);
}

let hiding = 0; // the timer that hides the message again

/**
 * An element of the page itself.
 *
 * @param {string} id
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * The first element that a selector finds inside another one.
 *
 * @param {Element} place
 * @param {string} selector
 */
export function part(place, selector) {
  return /** @type {HTMLElement} */ (place.querySelector(selector));
}

/**
 * Say something to those who cannot see what changed, and for a moment to those who can.
 *
 * @param {string} text
 */
export function say(text) {
  const place = byId("message");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => place.classList.remove("shown"), 2000);
}

/**
 * A button that puts the text of `give()` on the clipboard.
 *
 * @param {() => string} give
 */
export function copyButton(give, label = "Copy") {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(give());
      say("Copied");
    } catch {
      say("The browser did not let us copy");
    }
  };
  return button(label, copy, { class: "quiet copy" });
}
