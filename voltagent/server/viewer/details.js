// Everything that is known of one operation, or of the trace itself.

import { copyButton, element } from "./dom.js";
import { count, duration, elapsed, exactly, plural, silence, tokens } from "./format.js";
import { kindName, mark, status } from "./kinds.js";
import { readingSection } from "./reading.js";
import { address } from "./route.js";
import { asText, section, shown, text } from "./value.js";

/**
 * The details of a thing (an operation or the trace, whole), as elements. `self` is its own time in microseconds; what
 * is not as in the `other` thing, if one is given, is marked.
 */
export function details(thing, { self, begin, total }, other = null) {
  const beside = (name) => (other ? { other: other[name] } : {});
  return [
    element("header", {}, element("h2", {}, mark(thing), element("bdi", { title: thing.name || thing.agent }, thing.name || thing.agent)), status(thing.status, { long: true })),
    lostParent(thing.metadata),
    facts(thing, { self, begin, total }),
    thing.error === null || thing.error === undefined ? null : section("Error", thing.error, { content: failure(thing.error) }),
    thing.instructions && readingSection("Instructions", thing.instructions, beside("instructions")),
    given(thing.input) && readingSection("Input", thing.input, beside("input")),
    given(thing.output) && readingSection("Output", thing.output, beside("output")),
    given(thing.usage) && section("Usage", thing.usage, { content: usage(thing.usage) }),
    filled(thing.metadata) && section("Metadata", thing.metadata, beside("metadata")),
  ].filter(Boolean);
}

const given = (value) => value !== null && value !== undefined;
const filled = (value) => given(value) && Object.keys(value).length > 0;

/** The mark of a trace that has lost its parent: the probable one, the cause, and how to fix it. */
function lostParent(metadata) {
  const about = metadata?.lost_parent ?? metadata?.lostParent;
  const parent = about?.probable_parent ?? about?.probableParent;
  if (!parent) return null;
  const trace = String(parent.trace_id ?? parent.traceId ?? "");
  return element(
    "p",
    { class: "lost-parent", role: "note" },
    "Lost its parent, probably ",
    linked(`${parent.kind} ${parent.name}`, address("trace", [trace])),
    `: ${about.cause}. ${about.place_is ?? about.placeIs} ${about.place}; ${about.fix}.`,
  );
}

/** The short facts of a thing, as a list of terms. */
export function facts(thing, { self, begin, total }) {
  const took = elapsed(thing);
  const share = took !== null && total > 0 && thing.kind !== "trace" ? `${((100 * took) / total).toFixed(1)} % of the trace` : "";
  const rows = [
    ["kind", thing.kind === "trace" ? "" : kindName(thing)],
    ["duration", took === null ? "" : [duration(took), dim(share)]],
    ["itself", self === null || Math.abs(self - took) < 1 ? "" : [duration(self), dim("without its children")]],
    ["started", [exactly(thing.start), thing.kind === "trace" ? "" : dim(`+ ${duration(thing.start - begin)}`)]],
    ["agent", thing.agent && element("bdi", {}, thing.agent)],
    ["user", thing.user && linked(thing.user, address("list", [], { user: thing.user }))],
    ["conversation", thing.conversation && linked(thing.conversation, address("conversation", [thing.conversation]))],
    ["part of", thing.parent_trace && linked(thing.parent_trace, address("trace", [thing.parent_trace]))],
    ["level", thing.level],
    ["version", thing.version && element("bdi", {}, thing.version)],
    ["tags", thing.tags?.length ? thing.tags.map((tag) => element("bdi", { class: "tag" }, tag)) : ""],
    ["id", [element("code", {}, thing.id), copyButton(() => thing.id)]],
  ];
  const shownRows = rows.filter(([, value]) => given(value) && value !== "");
  return element("dl", { class: "facts" }, shownRows.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

const dim = (words) => (words ? element("span", { class: "dim" }, words) : null);

function linked(words, href) {
  return element("a", { href }, element("bdi", {}, words));
}

/** An error: a text, or an object with `message`, `type`, `stack`, `code`, `cause`. */
export function failure(error) {
  if (error === null || typeof error !== "object") return element("div", { class: "failure" }, text(String(error)));
  const { message, type, name, stack, cause, ...others } = error;
  const sort = typeof type === "string" ? type : typeof name === "string" ? name : null;
  return element(
    "div",
    { class: "failure" },
    element("p", {}, sort && element("strong", {}, element("bdi", {}, sort)), sort && ": ", given(message) ? text(asText(message)) : null),
    filled(others) && shown(others),
    typeof stack === "string" ? element("pre", { class: "stack" }, text(stack, { letters: 6000, lines: 80 })) : given(stack) && shown(stack),
    given(cause) && [element("p", { class: "dim" }, "caused by"), failure(cause)],
  );
}

const TOKENS = { prompt_tokens: "prompt", completion_tokens: "completion", total_tokens: "total" };

function usage(value) {
  const rows = Object.entries(TOKENS).filter(([key]) => Number.isFinite(value[key]));
  const others = Object.fromEntries(Object.entries(value).filter(([key]) => !rows.some(([known]) => known === key)));
  const cells = rows.map(([key, name]) => [element("dt", {}, name), element("dd", { class: "number" }, count(value[key]))]);
  return element("div", {}, element("dl", { class: "facts usage" }, cells), filled(others) && shown(others));
}

/** One line about a trace: what stands above its tree. */
export function headline(trace) {
  const all = tokens(trace.usage);
  return [
    status(trace.status, { long: true }),
    element("span", { class: "took" }, duration(elapsed(trace))),
    silence(trace) && element("span", { class: "error-text" }, silence(trace)),
    element("span", {}, plural(trace.operations, "operation")),
    trace.errors ? element("span", { class: "error-text" }, plural(trace.errors, "error")) : null,
    all === null ? null : element("span", {}, plural(all, "token")),
    element("span", { class: "dim" }, exactly(trace.start)),
    trace.user && element("span", {}, element("span", { class: "dim" }, "user "), linked(trace.user, address("list", [], { user: trace.user }))),
    trace.conversation &&
      element("a", { href: address("conversation", [trace.conversation]) }, "conversation ", element("bdi", {}, trace.conversation)),
    ...(trace.tags || []).map((tag) => element("bdi", { class: "tag" }, tag)),
  ];
}
