// Recognises messages in any recorded value: pure functions from a JSON value to one form for every provider.
//
// Known: OpenAI (chat and responses), Anthropic, Google, the GenAI attributes of OpenTelemetry, LangChain, and plain
// lists of role and content.

import { callPart, first, given, has, ITEMS, isObject, media, parsed, partOf, partsOf, resultPart, textPart } from "./parts.js";

const MOST_WRAPPERS = 4; // objects around the messages that are looked through

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

/**
 * The messages in a value as `{messages, rest}`, or null if there are none. A message is `{role, side, name, parts}`,
 * where `side` is one of system, user, assistant, tool and other; `rest` holds the other fields of the object around
 * the messages, or null. A part is one of `{type: "text" | "reasoning", text}`, `{type: "call", id, name, input,
 * result, due}`, `{type: "result", id, name, value, failed}`, `{type: "media", mime, size, name, data, url}` and
 * `{type: "json", value}`.
 *
 * @param {unknown} value
 * @returns {Found | null}
 */
export function conversationOf(value) {
  const found = searched(value, 0);
  if (!found) return null;
  const messages = answered(found.messages).filter((message) => message.parts.length);
  return messages.length ? { messages, rest: found.rest && Object.keys(found.rest).length ? found.rest : null } : null;
}

/**
 * @param {unknown} value
 * @param {number} depth
 * @returns {Found | null}
 */
function searched(value, depth) {
  if (depth > MOST_WRAPPERS) return null;
  if (typeof value === "string") return depth ? searchedJson(value, depth) : null;
  if (Array.isArray(value)) return inArray(value, depth);
  return isObject(value) ? inObject(value, depth) : null;
}

/**
 * @param {unknown} value
 * @param {number} depth
 * @returns {Found | null}
 */
function searchedJson(value, depth) {
  const read = parsed(value);
  return read === value ? null : searched(read, depth + 1);
}

/**
 * @param {unknown[]} value
 * @param {number} depth
 * @returns {Found | null}
 */
function inArray(value, depth) {
  if (!value.length) return null;
  const messages = value.map((one) => messageOf(one));
  if (messages.every(given)) return { messages, rest: null };
  if (value.length === 1) return searched(value[0], depth + 1); // a batch of one, or one argument
  return null;
}

/**
 * @param {Fields} value
 * @param {number} depth
 * @returns {Found | null}
 */
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

/** @param {unknown} value */
const plainInput = (value) => (typeof value === "string" ? { messages: [message("user", [textPart(value)])], rest: null } : null);

/** @param {Found} found @param {Fields} value @param {string} name @param {ReturnType<typeof systemOf>} system */
function around(found, value, name, system) {
  const used = [name, ...(system ? system.names : [])];
  const rest = Object.fromEntries(Object.entries(value).filter(([key]) => !used.includes(key)));
  return { messages: [...(system ? [system.message] : []), ...found.messages], rest: { ...rest, ...found.rest } };
}

/**
 * The system prompt that stands beside the messages.
 *
 * @param {Fields} value
 */
function systemOf(value) {
  /** @type {Fields} */
  const config = isObject(value.config) ? value.config : {};
  const names = SYSTEMS.filter((name) => given(value[name]) && has(value, name));
  const prompt = names.length ? value[names[0]] : first(config, SYSTEMS);
  if (!given(prompt)) return null;
  const parts = partsOf(isObject(prompt) && has(prompt, "parts") ? prompt.parts : parsed(prompt));
  return parts.length ? { names: names.slice(0, 1), message: message("system", parts) } : null;
}

// Answers of a model.

/**
 * The answer of a model: OpenAI's `choices`, Google's `candidates`, LangChain's `generations`.
 *
 * @param {Fields} value
 * @returns {Found | null}
 */
function answerOf(value) {
  for (const [name, read] of Object.entries(ANSWERS)) {
    if (!has(value, name) || !Array.isArray(value[name]) || !value[name].length) continue;
    const messages = value[name].flat().map((entry) => (isObject(entry) ? read(entry) : null));
    const rest = Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
    if (messages.every(given)) return { messages, rest };
  }
  return null;
}

/** @type {{ [name: string]: (entry: Fields) => Message | null }} */
const ANSWERS = {
  choices: (entry) => messageOf(entry.message ?? entry.delta, "assistant") ?? completion(entry),
  candidates: (entry) => messageOf(entry.content, "assistant"),
  generations: (entry) => messageOf(entry.message, "assistant") ?? completion(entry),
};

/** @param {Fields} entry */
const completion = (entry) => (typeof entry.text === "string" ? message("assistant", [textPart(entry.text)]) : null);

// One message.

/**
 * @param {string} role
 * @param {Part[]} parts
 * @param {unknown} [name]
 * @returns {Message}
 */
function message(role, parts, name) {
  return { role, side: ROLES.get(role) ?? "other", name: typeof name === "string" ? name : null, parts };
}

/**
 * @param {unknown} value
 * @param {string | null} [usual] the role of a message that names none
 * @returns {Message | null}
 */
function messageOf(value, usual = null) {
  if (Array.isArray(value)) return pairOf(value);
  if (!isObject(value)) return null;
  const [role, body] = roleAndBody(value, usual);
  if (role === null) return null;
  if (role === "item") return itemOf(body);
  const carries = ["content", "parts", "tool_calls", "function_call", "refusal", "audio", "reasoning_content"].some((name) => has(body, name));
  return carries ? message(role, bodyParts(role, body), body.name) : null;
}

/**
 * LangChain takes `["human", "Hello"]` for a message.
 *
 * @param {unknown[]} value
 */
function pairOf(value) {
  const [role, content] = value;
  const fits = value.length === 2 && typeof role === "string" && ROLES.has(role) && typeof content === "string";
  return fits ? message(role, [textPart(content)]) : null;
}

/**
 * @param {Fields} value
 * @param {string | null} usual
 * @returns {[role: string | null, body: Fields]}
 */
function roleAndBody(value, usual) {
  if (has(value, "lc") && isObject(value.kwargs) && Array.isArray(value.id)) return [named(value.id.at(-1), value.kwargs), value.kwargs];
  if (typeof value.role === "string" && value.role.length <= 40) return [value.role, value];
  if (typeof value.type === "string" && ITEMS.has(value.type)) return ["item", value];
  if (typeof value.type === "string" && ROLES.has(value.type)) return [value.type, isObject(value.data) ? value.data : value];
  return [usual, value];
}

/** @param {string} name @param {Fields} given */
const named = (name, { role }) => (name === "ChatMessage" && typeof role === "string" ? role : ROLES.has(name) ? name : null);

/**
 * @param {string} role
 * @param {Fields} body
 * @returns {Part[]}
 */
function bodyParts(role, body) {
  const content = has(body, "parts") && Array.isArray(body.parts) ? body.parts : parsedParts(body.content);
  if (ROLES.get(role) === "tool" && !isResultList(content)) return [resultPart({ ...body, content })];
  /** @type {Fields} */
  const more = isObject(body.additional_kwargs) ? body.additional_kwargs : {};
  const thought = first(body, ["reasoning_content", "reasoning", "thinking"]) ?? more.reasoning_content;
  const known = partsOf(content);
  const listed = [body.tool_calls, more.tool_calls].find((list) => Array.isArray(list) && list.length) ?? [];
  const calls = known.some((part) => part.type === "call") ? [] : listed.filter(isObject).map(callPart);
  return [
    ...(typeof thought === "string" && thought ? [/** @type {Part} */ ({ type: "reasoning", text: thought })] : []),
    ...known,
    ...(typeof body.refusal === "string" ? [textPart(body.refusal)] : []),
    ...(isObject(body.audio) ? [media(body.audio.data, `audio/${body.audio.format ?? "*"}`, null)] : []),
    ...calls,
    ...(isObject(body.function_call) ? [callPart(body.function_call)] : []),
  ];
}

/**
 * A content of which an instrumentation made a string: the parts, if it is a list of them.
 *
 * @param {unknown} content
 */
function parsedParts(content) {
  if (typeof content !== "string" || !content.startsWith('[{"type":')) return content;
  const read = parsed(content);
  return Array.isArray(read) ? read : content;
}

/** @param {unknown} content */
const isResultList = (content) =>
  Array.isArray(content) && content.length > 0 && content.every((part) => isObject(part) && partOf(part).type === "result");

/**
 * What stands between the messages in OpenAI's responses.
 *
 * @param {Fields} value
 */
function itemOf(value) {
  const part = partOf(value);
  return message(part.type === "result" ? "tool" : "assistant", [part]);
}

// Calls and results.

/**
 * The messages with each result of a tool in the part that called it, and the calls marked whose result is due: a
 * message that is not the model's follows. A call at the end, as in the answer of a model, is not run yet.
 *
 * @param {Message[]} messages
 */
function answered(messages) {
  const parts = messages.flatMap((one) => one.parts);
  const open = parts.filter((part) => part.type === "call");
  const last = messages.findLastIndex(({ side }) => side !== "assistant");
  const before = new Set(messages.slice(0, Math.max(0, last)).flatMap((one) => one.parts));
  for (const call of open) call.due = before.has(call);
  const byId = new Map(open.filter((call) => call.id !== null).map((call) => [call.id, call]));
  /** @param {ResultPart} part */
  const callOf = (part) => (part.id !== null ? byId.get(part.id) : open.find((call) => call.result === null && call.name === part.name));
  /** @param {Part} part */
  const stays = (part) => {
    const call = part.type === "result" ? callOf(part) : null;
    if (part.type !== "result" || !call || call.result !== null) return true;
    call.result = part;
    return false;
  };
  return messages.map((one) => ({ ...one, parts: one.parts.filter(stays) }));
}
