// One line about a trace: what stands above its tree, and above each turn of a conversation.

import { element } from "./dom.js";
import { cachedOf, costOf, count, duration, elapsed, exactly, money, plural, silence, tokensOf } from "./format.js";
import { stateOf, status } from "./kinds.js";
import { linked } from "./links.js";
import { address } from "./route.js";
import { scoreMarks } from "./scores.js";

const MOST = 3; // models that are named

/**
 * Tokens, cached tokens and cost of a trace, as far as they are known.
 *
 * @param {import("./format.js").Used} thing
 */
export function used(thing) {
  const [tokens, cached, cost] = [tokensOf(thing), cachedOf(thing), costOf(thing)];
  return [
    tokens === null ? null : element("span", {}, plural(tokens, "token"), cached ? element("span", { class: "dim" }, ` (${count(cached)} cached)`) : null),
    cost === null ? null : element("span", { class: "cost" }, money(cost)),
  ];
}

/**
 * Everything about a trace in one line.
 *
 * @param {TraceWhole} trace
 * @param {number} [left] operations that are still to come
 * @returns {Child[]}
 */
export function headline(trace, left = 0) {
  const { user, conversation, models = [], tags = [] } = trace;
  return [
    status(stateOf(trace), { long: true }),
    element("span", { class: "took" }, duration(elapsed(trace))),
    silence(trace) ? element("span", { class: "error-text" }, silence(trace)) : null,
    element("span", {}, plural(trace.operations, "operation"), left ? element("span", { class: "dim" }, ` (${count(trace.operations - left)} loaded so far)`) : null),
    trace.errors ? element("span", { class: "error-text" }, plural(trace.errors, "error")) : null,
    used(trace),
    models.slice(0, MOST).map((model) => linked(model, address("list", [], { model }))),
    models.length > MOST ? element("span", { class: "dim" }, plural(models.length - MOST, "more model")) : null,
    element("span", { class: "dim" }, exactly(trace.start)),
    user ? element("span", {}, element("span", { class: "dim" }, "user "), linked(user, address("list", [], { user }))) : null,
    conversation ? linked(conversation, address("conversation", [conversation]), "", "conversation ") : null,
    tags.map((tag) => linked(tag, address("list", [], { tag }), "tag")),
    scoreMarks(trace.scores),
  ];
}
