// Everything that is known of one operation, or of the trace itself.

import { copyButton, element } from "./dom.js";
import { cachedOf, costOf, count, duration, elapsed, exactMoney, exactly, isNumber, money, tokensOf } from "./format.js";
import { linked } from "./links.js";
import { kindName, mark, stateOf, status } from "./kinds.js";
import { readingSection } from "./reading.js";
import { address } from "./route.js";
import { asText, section, shown, text } from "./value.js";

const MOST_MODELS = 20; // that are named
const ANSWERING = ["trace", "agent", "llm"]; // kinds whose output may be a text that a model streams

/**
 * Where a thing is: its own time in µs, when its trace begins, how long that takes, and how long the thing usually takes.
 *
 * @typedef {{ self: number | null, begin: number, total: number, usual?: { median: number, count: number } | null }} Place
 */

/**
 * The details of a thing (an operation or the trace, whole), as elements. What is not as in the `other` thing, if one is
 * given, is marked.
 *
 * @param {Thing} thing
 * @param {Place} place
 * @param {Thing | null} [other]
 * @returns {HTMLElement[]}
 */
export function details(thing, place, other = null) {
  /** @param {"instructions" | "input" | "output" | "metadata"} name */
  const beside = (name) => (other ? { other: other[name] } : {});
  const name = thing.name || thing.agent || "";
  const parts = [
    element("header", { "data-key": "header" }, element("h2", {}, mark(thing), element("bdi", { title: name }, name)), status(stateOf(thing), { long: true })),
    lostParent(thing.metadata),
    facts(thing, place),
    given(thing.error) ? section("Error", thing.error, { content: failure(thing.error) }) : null,
    thing.instructions ? readingSection("Instructions", thing.instructions, beside("instructions")) : null,
    given(thing.input) ? readingSection("Input", thing.input, beside("input")) : null,
    given(thing.output) ? readingSection("Output", thing.output, { ...beside("output"), joins: ANSWERING.includes(thing.kind) }) : null,
    given(thing.usage) ? section("Usage", thing.usage, { content: usage(thing.usage) }) : null,
    isFilled(thing.metadata) ? section("Metadata", thing.metadata, beside("metadata")) : null,
  ];
  return parts.filter((part) => part !== null);
}

/**
 * @template T
 * @param {T} value
 * @returns {value is NonNullable<T>}
 */
const given = (value) => value !== null && value !== undefined;

/** @param {Fields | null | undefined} value */
const isFilled = (value) => given(value) && Object.keys(value).length > 0;

/**
 * The mark of a trace that has lost its parent: the probable one, the cause, and how to fix it.
 *
 * @param {Fields | null | undefined} metadata
 */
function lostParent(metadata) {
  const about = metadata?.lost_parent ?? metadata?.lostParent;
  const parent = about?.probable_parent ?? about?.probableParent;
  if (!parent) return null;
  const trace = String(parent.trace_id ?? parent.traceId ?? "");
  return element(
    "p",
    { class: "lost-parent", role: "note", "data-key": "lost parent" },
    "Lost its parent, probably ",
    linked(`${parent.kind} ${parent.name}`, address("trace", [trace])),
    `: ${about.cause}; ${about.place_is ?? about.placeIs} ${about.place}; ${about.fix}.`,
  );
}

/**
 * The short facts of a thing, as a list of terms.
 *
 * @param {Thing} thing
 * @param {Place} place
 */
export function facts(thing, { self, begin, total, usual = null }) {
  const took = elapsed(thing);
  const isTrace = thing.kind === "trace";
  const share = took !== null && total > 0 && !isTrace ? `${((100 * took) / total).toFixed(1)} % of the trace` : "";
  const [tokens, cached] = [tokensOf(thing), cachedOf(thing)];
  /** @type {[name: string, value: Child][]} */
  const rows = [
    ["kind", isTrace ? "" : kindName(thing)],
    ["model", models(thing).map((model) => linked(model, address("list", [], { model })))],
    ["duration", took === null ? "" : [duration(took), dim(share)]],
    ["usually", usual ? [duration(usual.median), dim(`median of ${count(usual.count)}`)] : ""],
    ["itself", self === null || took === null || Math.abs(self - took) < 1 ? "" : [duration(self), dim("without its children")]],
    ["tokens", tokens === null ? "" : [count(tokens), dim(cached ? `${count(cached)} of them cached` : "")]],
    ["cost", money(costOf(thing))],
    ["started", [exactly(thing.start), isTrace ? null : dim(`+ ${duration(thing.start - begin)}`)]],
    ["agent", thing.agent ? linked(thing.agent, address("list", [], { agent: thing.agent })) : ""],
    ["user", thing.user ? linked(thing.user, address("list", [], { user: thing.user })) : ""],
    ["conversation", thing.conversation ? linked(thing.conversation, address("conversation", [thing.conversation])) : ""],
    ["part of", thing.parent_trace ? linked(thing.parent_trace, address("trace", [thing.parent_trace])) : ""],
    ["level", thing.level],
    ["version", thing.version ? linked(thing.version, address("list", [], { version: thing.version })) : ""],
    ["environment", thing.environment ? linked(thing.environment, address("list", [], { environment: thing.environment })) : ""],
    ["error type", thing.error_type ? linked(thing.error_type, address("list", [], { error_type: thing.error_type })) : ""],
    ["tags", (thing.tags ?? []).map((tag) => linked(tag, address("list", [], { tag }), "tag"))],
    ["id", [element("code", {}, thing.id), copyButton(() => thing.id)]],
  ];
  const filled = rows.filter(([, value]) => given(value) && value !== "" && !(Array.isArray(value) && !value.length));
  return element("dl", { class: "facts", "data-key": "facts" }, filled.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/** @param {Thing} thing */
const models = (thing) => (thing.model ? [thing.model] : (thing.models ?? []).slice(0, MOST_MODELS));

/** @param {string} words */
const dim = (words) => (words ? element("span", { class: "dim" }, words) : null);

/**
 * An error: a text, or an object with `message`, `type`, `stack`, `code`, `cause`.
 *
 * @param {unknown} error
 * @returns {HTMLElement}
 */
export function failure(error) {
  if (error === null || typeof error !== "object") return element("div", { class: "failure" }, text(String(error)));
  const { message, type, name, stack, cause, ...others } = /** @type {Fields} */ (error);
  const sort = typeof type === "string" ? type : typeof name === "string" ? name : null;
  return element(
    "div",
    { class: "failure" },
    element("p", {}, sort ? element("strong", {}, element("bdi", {}, sort)) : null, sort && asText(message ?? "") ? ": " : null, given(message) ? text(asText(message)) : null),
    isFilled(others) ? shown(others) : null,
    typeof stack === "string" ? element("pre", { class: "stack" }, text(stack, { characters: 6000, lines: 80, last: true })) : given(stack) ? shown(stack) : null,
    given(cause) ? [element("p", { class: "dim" }, "caused by"), failure(cause)] : null,
  );
}

/** @type {{ [key: string]: string }} */
const COUNTED = {
  prompt_tokens: "prompt", cached_tokens: "cached", cache_write_tokens: "cache written", completion_tokens: "completion",
  reasoning_tokens: "reasoning", total_tokens: "total",
};

/** @param {Usage} value */
function usage(value) {
  const all = /** @type {Fields} */ (value);
  const counted = Object.entries(COUNTED).filter(([key]) => isNumber(all[key]));
  const others = Object.fromEntries(Object.entries(all).filter(([key]) => !counted.some(([known]) => known === key) && !(key === "cost" && isNumber(all.cost))));
  const cells = counted.map(([key, name]) => [element("dt", {}, name), element("dd", { class: "number" }, count(all[key]))]);
  if (isNumber(all.cost)) cells.push([element("dt", {}, "cost"), element("dd", { class: "number" }, exactMoney(all.cost))]);
  return element("div", {}, element("dl", { class: "facts usage" }, cells), isFilled(others) ? shown(others) : null);
}
