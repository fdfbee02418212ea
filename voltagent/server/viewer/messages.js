// Recognises messages in any recorded value: pure functions from a JSON value to one form for every provider.
//
// Known: OpenAI (chat and responses), Anthropic, Google, the GenAI attributes of OpenTelemetry, LangChain, and plain
// lists of role and content.

const MOST_WRAPPERS = 4; // objects around the messages that are looked through
const LONGEST_JSON = 2_000_000; // characters of a string that are tried as JSON

const ROLES = new Map(Object.entries({
  system: "system", developer: "system", user: "user", human: "user", assistant: "assistant", ai: "assistant",
  model: "assistant", bot: "assistant", tool: "tool", function: "tool", AIMessageChunk: "assistant",
  HumanMessage: "user", AIMessage: "assistant", SystemMessage: "system", ToolMessage: "tool", FunctionMessage: "tool",
  HumanMessageChunk: "user", SystemMessageChunk: "system", ToolMessageChunk: "tool",
}));
const LISTS = [
  "messages", "contents", "input", "output", "gen_ai.input.messages", "gen_ai.output.messages", "input_messages",
  "output_messages", "chat_history", "history", "prompt",
];
const SYSTEMS = ["system", "instructions", "system_instruction", "systemInstruction", "system_instructions", "gen_ai.system_instructions"];

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const has = (value, name) => Object.hasOwn(value, name);
const given = (value) => value !== null && value !== undefined;
const first = (value, names) => names.map((name) => (has(value, name) ? value[name] : undefined)).find(given);

/**
 * The messages in a value as `{messages, rest}`, or null if there are none. A message is `{role, side, name, parts}`,
 * where `side` is one of system, user, assistant, tool and other; `rest` holds the other fields of the object around
 * the messages, or null. A part is one of `{type: "text" | "reasoning", text}`, `{type: "call", id, name, input,
 * result}`, `{type: "result", id, name, value, failed}`, `{type: "media", mime, size, name, data, url}` and
 * `{type: "json", value}`.
 */
export function conversationOf(value) {
  const found = searched(value, 0);
  if (!found) return null;
  const messages = answered(found.messages).filter((message) => message.parts.length);
  return messages.length ? { messages, rest: found.rest && Object.keys(found.rest).length ? found.rest : null } : null;
}

function searched(value, depth) {
  if (depth > MOST_WRAPPERS) return null;
  if (typeof value === "string") return depth ? searchedJson(value, depth) : null;
  if (Array.isArray(value)) return inArray(value, depth);
  return isObject(value) ? inObject(value, depth) : null;
}

function searchedJson(value, depth) {
  const read = parsed(value);
  return read === value ? null : searched(read, depth + 1);
}

/** The value of a string that is JSON of an object or array, and everything else as it is. */
export function parsed(value) {
  if (typeof value !== "string" || value.length > LONGEST_JSON || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function inArray(value, depth) {
  if (!value.length) return null;
  const messages = value.map((one) => messageOf(one));
  if (messages.every(given)) return { messages, rest: null };
  if (value.length === 1) return searched(value[0], depth + 1); // a batch of one, or one argument
  return null;
}

function inObject(value, depth) {
  const answer = answerOf(value);
  if (answer) return answer;
  const alone = messageOf(value);
  if (alone && alone.side !== "other") return { messages: [alone], rest: null };
  const names = [...LISTS.filter((name) => has(value, name)), ...Object.keys(value).filter((name) => !LISTS.includes(name) && !SYSTEMS.includes(name))];
  const system = systemOf(value);
  for (const name of names) {
    const found = searched(value[name], depth + 1) || (system && name === "input" && plainInput(value[name]));
    if (found) return around(found, value, name, system);
  }
  return null;
}

const plainInput = (value) => (typeof value === "string" ? { messages: [message("user", [textPart(value)])], rest: null } : null);

function around(found, value, name, system) {
  const used = [name, ...(system ? system.names : [])];
  const rest = Object.fromEntries(Object.entries(value).filter(([key]) => !used.includes(key)));
  return { messages: [...(system ? [system.message] : []), ...found.messages], rest: { ...rest, ...found.rest } };
}

/** The system prompt that stands beside the messages. */
function systemOf(value) {
  const config = isObject(value.config) ? value.config : {};
  const names = SYSTEMS.filter((name) => given(value[name]) && has(value, name));
  const prompt = names.length ? value[names[0]] : first(config, SYSTEMS);
  if (!given(prompt)) return null;
  const parts = partsOf(isObject(prompt) && has(prompt, "parts") ? prompt.parts : parsed(prompt));
  return parts.length ? { names: names.slice(0, 1), message: message("system", parts) } : null;
}

// ------------------------------------------------------------------------------------------------- answers of a model

/** The answer of a model: OpenAI's `choices`, Google's `candidates`, LangChain's `generations`. */
function answerOf(value) {
  for (const [name, read] of Object.entries(ANSWERS)) {
    if (!has(value, name) || !Array.isArray(value[name]) || !value[name].length) continue;
    const messages = value[name].flat().map((entry) => (isObject(entry) ? read(entry) : null));
    const rest = Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
    if (messages.every(given)) return { messages, rest };
  }
  return null;
}

const ANSWERS = {
  choices: (entry) => messageOf(entry.message ?? entry.delta, "assistant") ?? completion(entry),
  candidates: (entry) => messageOf(entry.content, "assistant"),
  generations: (entry) => messageOf(entry.message, "assistant") ?? completion(entry),
};

const completion = (entry) => (typeof entry.text === "string" ? message("assistant", [textPart(entry.text)]) : null);

// ------------------------------------------------------------------------------------------------------- one message

function message(role, parts, name = null) {
  return { role, side: ROLES.get(role) ?? "other", name: typeof name === "string" ? name : null, parts };
}

function messageOf(value, usual = null) {
  if (Array.isArray(value)) return pairOf(value);
  if (!isObject(value)) return null;
  const [role, body] = roleAndBody(value, usual);
  if (role === null) return null;
  if (role === "item") return itemOf(body);
  const carries = ["content", "parts", "tool_calls", "function_call", "refusal", "audio", "reasoning_content"].some((name) => has(body, name));
  return carries ? message(role, bodyParts(role, body), body.name) : null;
}

/** LangChain takes `["human", "Hello"]` for a message. */
function pairOf(value) {
  const [role, content] = value;
  const fits = value.length === 2 && typeof role === "string" && ROLES.has(role) && typeof content === "string";
  return fits ? message(role, [textPart(content)]) : null;
}

function roleAndBody(value, usual) {
  if (has(value, "lc") && isObject(value.kwargs) && Array.isArray(value.id)) return [named(value.id.at(-1), value.kwargs), value.kwargs];
  if (typeof value.role === "string" && value.role.length <= 40) return [value.role, value];
  if (typeof value.type === "string" && ITEMS.has(value.type)) return ["item", value];
  if (typeof value.type === "string" && ROLES.has(value.type)) return [value.type, isObject(value.data) ? value.data : value];
  return [usual, value];
}

const named = (name, { role }) => (name === "ChatMessage" && typeof role === "string" ? role : ROLES.has(name) ? name : null);

function bodyParts(role, body) {
  const content = has(body, "parts") && Array.isArray(body.parts) ? body.parts : parsedParts(body.content);
  if (ROLES.get(role) === "tool" && !isResultList(content)) return [resultPart({ ...body, content })];
  const more = isObject(body.additional_kwargs) ? body.additional_kwargs : {};
  const thought = first(body, ["reasoning_content", "reasoning", "thinking"]) ?? more.reasoning_content;
  const known = partsOf(content);
  const listed = [body.tool_calls, more.tool_calls].find((list) => Array.isArray(list) && list.length) ?? [];
  const calls = known.some((part) => part.type === "call") ? [] : listed.filter(isObject).map(callPart);
  return [
    ...(typeof thought === "string" && thought ? [{ type: "reasoning", text: thought }] : []),
    ...known,
    ...(typeof body.refusal === "string" ? [textPart(body.refusal)] : []),
    ...(isObject(body.audio) ? [media(body.audio.data, `audio/${body.audio.format ?? "*"}`, null)] : []),
    ...calls,
    ...(isObject(body.function_call) ? [callPart(body.function_call)] : []),
  ];
}

/** A content of which an instrumentation made a string: the parts, if it is a list of them. */
function parsedParts(content) {
  if (typeof content !== "string" || !content.startsWith('[{"type":')) return content;
  const read = parsed(content);
  return Array.isArray(read) ? read : content;
}

const isResultList = (content) =>
  Array.isArray(content) && content.length > 0 && content.every((part) => isObject(part) && partOf(part).type === "result");

/** What stands between the messages in OpenAI's responses. */
function itemOf(value) {
  const part = partOf(value);
  return message(part.type === "result" ? "tool" : "assistant", [part]);
}

// ------------------------------------------------------------------------------------------------------------- parts

const textPart = (text) => ({ type: "text", text });

function partsOf(content) {
  if (!given(content) || content === "") return [];
  if (Array.isArray(content)) return content.map(partOf).filter((part) => part.type !== "text" || part.text);
  return [partOf(content)];
}

function partOf(value) {
  if (typeof value === "string") return textPart(value);
  if (!isObject(value)) return { type: "json", value };
  const read = typeof value.type === "string" ? ITEMS.get(value.type) ?? PARTS.get(value.type) : null;
  const known = read?.(value) ?? keyed(value);
  return known ?? { type: "json", value };
}

const words = (value, names) => {
  const found = first(value, names);
  return typeof found === "string" ? found : null;
};

const asTextPart = (value) => {
  const text = words(value, ["text", "content", "refusal"]);
  return text === null ? null : textPart(text);
};

function reasoning(value) {
  const found = first(value, ["thinking", "reasoning", "text", "content", "summary", "data"]);
  const text = Array.isArray(found) ? found.map((part) => part?.text ?? "").join("\n\n") : found;
  return typeof text === "string" ? { type: "reasoning", text } : null;
}

function callPart(value) {
  const inner = isObject(value.function) ? value.function : value;
  const input = first(inner, ["arguments", "args", "input"]);
  const id = first(value, ["id", "call_id", "tool_call_id"]);
  return { type: "call", id: words(value, ["call_id"]) ?? (given(id) ? String(id) : null), name: String(inner.name ?? "tool"), input: parsed(input ?? {}), result: null };
}

function resultPart(value) {
  const id = first(value, ["tool_call_id", "tool_use_id", "call_id", "id"]);
  const content = parsed(first(value, ["content", "response", "result", "output"]) ?? null);
  const failed = value.is_error === true || value.status === "error";
  return { type: "result", id: given(id) ? String(id) : null, name: words(value, ["name"]), value: plainText(content), failed };
}

/** The string of a result that is a list of text parts. */
function plainText(content) {
  const parts = Array.isArray(content) && content.length ? content.map(partOf) : [];
  return parts.length && parts.every((part) => part.type === "text") ? parts.map((part) => part.text).join("\n") : content;
}

function media(source, mime, name) {
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

function attachment(value, usual) {
  const inner = [value.source, value.file, value.input_audio, value.image_url, value.audio].find(isObject) ?? value;
  const source = first(inner, ["data", "url", "uri", "file_uri", "fileUri", "file_data", "base64", "content", "file_id", "text"]) ?? value.image_url ?? value.file_url;
  const format = words(inner, ["format"]);
  const mime = words(inner, ["media_type", "mime_type", "mimeType"]) ?? words(value, ["mime_type", "media_type"]) ?? (format ? `${usual}/${format}` : usual === "file" ? "file" : `${usual}/*`);
  return given(source) ? media(source, mime, first(inner, ["filename", "name", "title"]) ?? value.filename) : null;
}

const as = (usual) => (value) => attachment(value, usual);

const PARTS = new Map(Object.entries({
  text: asTextPart, input_text: asTextPart, output_text: asTextPart, summary_text: asTextPart, refusal: asTextPart,
  thinking: reasoning, redacted_thinking: () => ({ type: "reasoning", text: "(redacted)" }), reasoning_content: reasoning,
  tool_use: callPart, server_tool_use: callPart, tool_call: callPart, function: callPart,
  tool_result: resultPart, tool_call_response: resultPart,
  image_url: as("image"), image: as("image"), input_image: as("image"), input_audio: as("audio"), audio: as("audio"),
  file: as("file"), input_file: as("file"), document: as("file"), media: as("file"), video: as("video"),
  blob: as("file"), uri: as("file"),
}));

const ITEMS = new Map(Object.entries({ function_call: callPart, function_call_output: resultPart, reasoning }));

// Google's parts have no type, but a field that names one.
const FIELDS = {
  functionCall: callPart, function_call: callPart, functionResponse: resultPart, function_response: resultPart,
  inlineData: as("file"), inline_data: as("file"), fileData: as("file"), file_data: as("file"),
};

function keyed(value) {
  const field = Object.keys(FIELDS).find((name) => has(value, name) && isObject(value[name]));
  if (field) return FIELDS[field](value[field]);
  if (typeof value.text !== "string" || given(value.type)) return null;
  return value.thought === true ? { type: "reasoning", text: value.text } : textPart(value.text);
}

// -------------------------------------------------------------------------------------------------- calls and results

/** The messages with each result of a tool in the part that called it. */
function answered(messages) {
  const open = messages.flatMap(({ parts }) => parts.filter((part) => part.type === "call"));
  const byId = new Map(open.filter((call) => call.id !== null).map((call) => [call.id, call]));
  const fits = (part) => (part.id !== null ? byId.get(part.id) : open.find((call) => call.result === null && call.name === part.name));
  const stays = (part) => {
    const call = part.type === "result" ? fits(part) : null;
    if (!call || call.result !== null) return true;
    call.result = part;
    return false;
  };
  return messages.map((one) => ({ ...one, parts: one.parts.filter(stays) }));
}
