// JSON with every whole number as it was written: those that JavaScript's numbers would round become `BigInt`.
//
// Newer browsers report how a number is written, and write it unchanged (`JSON.rawJSON`). For others, such a number becomes
// a string that starts with a mark. The mark is new for each page, so nothing recorded can start with it.

const MARK = `whole number ${Math.random()}${Math.random()} `;
const MAY_BE_LARGE = /9\d{15}|\d{17}/; // times in µs have 16 digits and begin with a 1
const TOKENS = /"[^"\\]*(?:\\[^][^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g; // strings and numbers

const isExact = () => "rawJSON" in JSON;
const isWhole = (/** @type {string} */ source) => /^-?(?:0|[1-9]\d*)$/.test(source);

/**
 * The value of a JSON text; raises a `SyntaxError` if it is none.
 *
 * @param {string} text
 */
export function parse(text) {
  if (!MAY_BE_LARGE.test(text)) return JSON.parse(text);
  return isExact() ? JSON.parse(text, asWritten) : JSON.parse(withMarks(text), unmarked);
}

/**
 * The text with marks before large numbers; unchanged if a string in it has more escapes than the search can hold.
 *
 * @param {string} text
 */
function withMarks(text) {
  try {
    return text.replace(TOKENS, marked);
  } catch (error) {
    if (error instanceof RangeError) return text;
    throw error;
  }
}

/**
 * A value as JSON; undefined if it has none.
 *
 * @param {unknown} value
 * @param {number} [indent] spaces for each level
 */
export function stringify(value, indent) {
  if (isExact()) return JSON.stringify(value, (key, part) => (typeof part === "bigint" ? rawNumber(part) : part), indent);
  const text = JSON.stringify(value, (key, part) => (typeof part === "bigint" ? MARK + part : part), indent);
  return text?.replaceAll(new RegExp(`"${MARK}(-?\\d+)"`, "g"), "$1");
}

/**
 * @param {string} key
 * @param {unknown} value
 * @param {{ source?: string }} [context] how the value is written
 */
function asWritten(key, value, context) {
  const source = context?.source ?? "";
  return typeof value === "number" && !Number.isSafeInteger(value) && isWhole(source) ? BigInt(source) : value;
}

/** @param {string} token */
const marked = (token) => (isWhole(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token);

/** @param {string} key @param {unknown} value */
const unmarked = (key, value) => (typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value);

/** @param {bigint} number */
const rawNumber = (number) => /** @type {{ rawJSON: (text: string) => unknown }} */ (/** @type {unknown} */ (JSON)).rawJSON(String(number));
