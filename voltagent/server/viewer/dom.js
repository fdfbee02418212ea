// The only place that makes elements. What is recorded comes from anywhere, so nothing here parses HTML: texts become
// text nodes, and an attribute that could run or load something is refused.

const SVG = "http://www.w3.org/2000/svg";

// What an element has beside what the document knows of it; `patch.js` reads it.
export const LISTENERS = Symbol("listeners by event");
export const SHOWS = Symbol("a text for what it shows");

/**
 * An element with attributes (`on: {click}` for listeners, `style: {left}` for properties) and children (texts too).
 *
 * `shows: () => text` tells two drawings of it apart where the user can open it or it remembers what it was drawn from.
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function drawing(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) set(made, name, value);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

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

/** By way of the element, so that it can be given others. */
function listenTo(made, listeners) {
  made[LISTENERS] = listeners;
  for (const event of Object.keys(listeners)) made.addEventListener(event, (happened) => made[LISTENERS][event](happened));
}

const PICTURES = /^image\/(?:png|jpeg|gif|webp)$/;
const LARGEST_PICTURE = 4_000_000; // characters of base64

/** An image from base64 that is of a known format and not too large; else null. Nothing is fetched. */
export function picture(mime, data, words) {
  if (!PICTURES.test(mime) || data.length > LARGEST_PICTURE || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(data)) return null;
  const made = element("img", { alt: words, decoding: "async" });
  made.src = `data:${mime};base64,${data}`;
  return made;
}

/** Let the browser save a text as a file. */
export function download(name, words) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([words], { type: "application/json" }));
  link.download = name.replace(/[^\w.-]+/g, "_").slice(0, 100);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A button with a text. */
export function button(text, click, attributes = {}) {
  return element("button", { type: "button", on: { click }, ...attributes }, text);
}

/** Say something to those who cannot see what changed, and for a moment to those who can. */
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(said.timer);
  said.timer = setTimeout(() => said.classList.remove("shown"), 2000);
}

/** A button that puts the text of `give()` on the clipboard. */
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
