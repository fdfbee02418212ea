// The parts of messages as each provider writes them: pure functions from recorded JSON to one form.

import { parse } from "./json.js";

const LONGEST_JSON = 2_000_000; // characters of a string that are tried as JSON

/**
 * @param {unknown} value
 * @returns {value is Fields}
 */
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
/** @param {object} value @param {string} name */
export const has = (value, name) => Object.hasOwn(value, name);
/**
 * @template T
 * @param {T} value
 * @returns {value is NonNullable<T>}
 */
export const given = (value) => value !== null && value !== undefined;
/** @param {Fields} value @param {string[]} names */
export const first = (value, names) => names.map((name) => (has(value, name) ? value[name] : undefined)).find(given);

/**
 * The value of a string that is JSON of an object or array, and everything else as it is.
 *
 * @param {unknown} value
 */
export function parsed(value) {
  if (typeof value !== "string" || value.length > LONGEST_JSON || !/^\s*[[{]/.test(value)) return value;
  try {
    return parse(value);
  } catch {
    return value;
  }
}

/**
 * @param {string} text
 * @returns {TextPart}
 */
export const textPart = (text) => ({ type: "text", text });

/**
 * @param {unknown} content
 * @returns {Part[]}
 */
export function partsOf(content) {
  if (!given(content) || content === "") return [];
  if (Array.isArray(content)) return content.map(partOf).filter((part) => part.type !== "text" || part.text);
  return [partOf(content)];
}

/**
 * @param {unknown} value
 * @returns {Part}
 */
export function partOf(value) {
  if (typeof value === "string") return textPart(value);
  if (!isObject(value)) return { type: "json", value };
  const read = typeof value.type === "string" ? ITEMS.get(value.type) ?? PARTS.get(value.type) : null;
  const known = read?.(value) ?? keyed(value);
  return known ?? { type: "json", value };
}

/** @param {Fields} value @param {string[]} names */
const words = (value, names) => {
  const found = first(value, names);
  return typeof found === "string" ? found : null;
};

/** @param {Fields} value */
const asTextPart = (value) => {
  const text = words(value, ["text", "content", "refusal"]);
  return text === null ? null : textPart(text);
};

/** In the place of reasoning that is no text for people: encrypted, signed only, or left out. */
export const UNREADABLE = "(encrypted or left out by the provider)";
const THOUGHTS = ["thinking", "reasoning", "reasoning_content", "reasoningText", "text", "content", "summary"];
const SEALED = ["data", "encrypted_content", "signature", "redactedContent"];

/** @returns {TextPart} */
const unreadable = () => ({ type: "reasoning", text: UNREADABLE });

/**
 * A block of reasoning, also if no text of it can be read; null if it has no field of one.
 *
 * @param {Fields} value
 * @returns {TextPart | null}
 */
function reasoning(value) {
  for (const name of THOUGHTS.filter((one) => has(value, one))) {
    const found = isObject(value[name]) ? value[name].text : value[name];
    const text = Array.isArray(found) ? found.map((part) => part?.text).filter((one) => typeof one === "string" && one).join("\n\n") : found;
    if (typeof text === "string" && text) return { type: "reasoning", text };
  }
  return given(first(value, [...THOUGHTS, ...SEALED])) ? unreadable() : null;
}

/**
 * @param {Fields} value
 * @returns {CallPart}
 */
export function callPart(value) {
  const inner = isObject(value.function) ? value.function : value;
  const input = first(inner, ["arguments", "args", "input"]);
  const id = first(value, ["id", "call_id", "tool_call_id"]);
  return { type: "call", id: words(value, ["call_id"]) ?? (given(id) ? String(id) : null), name: String(inner.name ?? "tool"), input: parsed(input ?? {}), result: null };
}

/**
 * @param {Fields} value
 * @returns {ResultPart}
 */
export function resultPart(value) {
  const id = first(value, ["tool_call_id", "tool_use_id", "call_id", "id"]);
  const content = parsed(first(value, ["content", "response", "result", "output"]) ?? null);
  const failed = value.is_error === true || value.status === "error";
  return { type: "result", id: given(id) ? String(id) : null, name: words(value, ["name"]), value: plainText(content), failed };
}

/**
 * The string of a result that is a list of text parts.
 *
 * @param {unknown} content
 * @returns {unknown}
 */
function plainText(content) {
  const parts = Array.isArray(content) && content.length ? content.map(partOf) : [];
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return parts.length && texts.length === parts.length ? texts.join("\n") : content;
}

/**
 * @param {unknown} source
 * @param {unknown} mime
 * @param {unknown} name
 * @returns {MediaPart}
 */
export function media(source, mime, name) {
  const text = typeof source === "string" ? source : "";
  const head = /^data:([\w.+-]+\/[\w.+-]+)[^,]{0,100};base64,/.exec(text.slice(0, 200));
  const isAddress = !head && /^[a-z][a-z0-9+.-]{1,20}:/i.test(text);
  const data = head ? text.slice(head[0].length) : isAddress ? "" : text;
  return {
    type: "media", mime: head ? head[1].toLowerCase() : typeof mime === "string" ? mime.toLowerCase() : "file",
    size: data ? Math.floor((data.replace(/=+$/, "").length * 3) / 4) : null, data: data || null,
    url: isAddress ? text : null, name: typeof name === "string" ? name : null,
  };
}

/** @param {Fields} value @param {string} usual */
function attachment(value, usual) {
  const inner = [value.source, value.file, value.input_audio, value.image_url, value.audio].find(isObject) ?? value;
  const source = first(inner, ["data", "url", "uri", "file_uri", "fileUri", "file_data", "base64", "content", "file_id", "text"]) ?? value.image_url ?? value.file_url;
  const format = words(inner, ["format"]);
  const mime = words(inner, ["media_type", "mime_type", "mimeType"]) ?? words(value, ["mime_type", "media_type"]) ?? (format ? `${usual}/${format}` : usual === "file" ? "file" : `${usual}/*`);
  return given(source) ? media(source, mime, first(inner, ["filename", "name", "title"]) ?? value.filename) : null;
}

/** @param {string} usual */
const as = (usual) => (/** @type {Fields} */ value) => attachment(value, usual);

/** @typedef {(value: Fields) => Part | null} Reader */

/** @type {Map<string, Reader>} */
const PARTS = new Map(Object.entries({
  text: asTextPart, input_text: asTextPart, output_text: asTextPart, summary_text: asTextPart, refusal: asTextPart,
  thinking: reasoning, redacted_thinking: unreadable, reasoning_content: reasoning,
  tool_use: callPart, server_tool_use: callPart, tool_call: callPart, function: callPart,
  tool_result: resultPart, tool_call_response: resultPart,
  image_url: as("image"), image: as("image"), input_image: as("image"), input_audio: as("audio"), audio: as("audio"),
  file: as("file"), input_file: as("file"), document: as("file"), media: as("file"), video: as("video"),
  blob: as("file"), uri: as("file"),
}));

/** @type {Map<string, Reader>} */
export const ITEMS = new Map(Object.entries({ function_call: callPart, function_call_output: resultPart, reasoning }));

// Parts of Google and Bedrock have no type, but a field that names one.
/** @type {{ [name: string]: Reader }} */
const FIELDS = {
  functionCall: callPart, function_call: callPart, functionResponse: resultPart, function_response: resultPart,
  inlineData: as("file"), inline_data: as("file"), fileData: as("file"), file_data: as("file"),
  reasoningContent: reasoning,
};

/**
 * @param {Fields} value
 * @returns {Part | null}
 */
function keyed(value) {
  const field = Object.keys(FIELDS).find((name) => has(value, name) && isObject(value[name]));
  if (field) return FIELDS[field](value[field]);
  if (typeof value.text !== "string" || given(value.type)) return null;
  return value.thought === true ? { type: "reasoning", text: value.text } : textPart(value.text);
}
