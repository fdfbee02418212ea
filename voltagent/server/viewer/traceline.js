// The columns of a trace in the list.

import { element } from "./dom.js";
import { cachedOf, costOf, count, duration, elapsed, exactly, moment, money, shortId, silence, tokensOf, zone } from "./format.js";
import { stateOf, status } from "./kinds.js";
import { address } from "./route.js";
import { scoreMarks } from "./scores.js";

/** @typedef {import("./listing.js").Column<TraceLine>} Column */

/**
 * The columns; `share(trace)` is how long a trace took, of the longest that is loaded.
 *
 * @param {(trace: TraceLine) => string} share
 * @param {(trace: TraceLine) => Child} pick what marks a trace for a comparison
 * @returns {Column[]}
 */
export function traceColumns(share, pick) {
  return [
    { title: "Marked", class: "pick", cell: pick },
    { title: "Status", short: "●", class: "state", sort: "status", cell: (trace) => status(stateOf(trace), { failed: trace.errors }) },
    { title: "Name", class: "who", sort: "agent", cell: who },
    { title: "User", class: "user dim", sort: "user", cell: ({ user }) => user && narrowing({ user }, user) },
    { title: "Conversation", class: "conversation dim", sort: "conversation", cell: ({ conversation }) => conversation && conversationLink(conversation) },
    { title: "Model", class: "model dim", sort: "model", cell: ({ models }) => models?.length && narrowing({ model: models[0] }, models.join(", ")) },
    { title: `Started ${zone()}`, class: "start number dim", sort: "start", cell: ({ start }) => element("bdi", { title: exactly(start) }, moment(start)) },
    { title: "Duration", class: "took number", sort: "duration", cell: (trace) => element("span", { class: "share", style: { "--share": share(trace) } }, duration(elapsed(trace))) },
    { title: "Tokens", class: "tokens number", sort: "tokens", cell: (trace) => count(tokensOf(trace)) },
    { title: "Cached", class: "cached number dim", sort: "cached", cell: (trace) => count(cachedOf(trace) || null) },
    { title: "Cost", class: "cost number", sort: "cost", cell: (trace) => money(costOf(trace)) },
    { title: "Steps", class: "operations number dim", sort: "operations", cell: ({ operations }) => (operations === 1 ? element("span", { class: "one" }, "1") : count(operations)) },
    { title: "Errors", class: "errors number", sort: "errors", cell: (trace) => (trace.errors ? failures(trace) : "") },
  ];
}

/** Everything that traces can be sorted by, also what has no column. */
export const ORDERS = {
  start: "started", duration: "duration", tokens: "tokens", cached: "cached tokens", cost: "cost", errors: "errors",
  operations: "steps", agent: "agent", name: "name", status: "status", model: "model", user: "user", conversation: "conversation",
  version: "version", environment: "environment", tags: "tags",
};

/**
 * A link that narrows the list.
 *
 * @param {{ [name: string]: string }} filter
 * @param {string} words
 */
function narrowing(filter, words) {
  return element("a", { href: address("list", [], filter), tabindex: -1, class: "narrowing" }, element("bdi", { title: words }, words));
}

/** @param {string} id */
function conversationLink(id) {
  return element("a", { href: address("conversation", [id]), tabindex: -1, class: "narrowing" }, element("bdi", { title: id }, shortId(id)));
}

/** @param {TraceLine} trace */
function failures(trace) {
  return element("a", { href: address("trace", [trace.id], { next: "error" }), tabindex: -1, title: "The first that failed" }, count(trace.errors));
}

/** Whether the status of a response says more than that the request was answered. @param {number | undefined} code */
const isUnusual = (code) => code !== undefined && code >= 300;

/** @param {TraceLine} trace */
function who(trace) {
  const link = element("a", { href: address("trace", [trace.id]), class: "agent", tabindex: -1 }, element("bdi", { title: trace.agent }, trace.agent));
  const name = trace.name && trace.name !== trace.agent ? element("bdi", { class: "dim" }, trace.name) : null;
  const tags = (trace.tags || []).slice(0, 4).map((tag) => element("bdi", { class: "tag", title: tag }, tag));
  const error = trace.error ? element("bdi", { class: "error-text", title: trace.error }, trace.error) : null;
  const code = !error && isUnusual(trace.status_code) ? element("bdi", { class: "status-code dim" }, `HTTP ${trace.status_code}`) : null;
  const quiet = silence(trace) ? element("span", { class: "dim" }, silence(trace)) : null;
  const isNamed = trace.input === trace.agent || trace.input === trace.name; // as a request is by its method and path
  const input = trace.input && !isNamed && !error && !quiet ? element("bdi", { class: "input-start dim" }, trace.input) : null;
  return [link, name, error, code, quiet, input, element("span", { class: "tags" }, scoreMarks(trace.scores), tags)];
}
