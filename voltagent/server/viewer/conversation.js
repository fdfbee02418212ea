// The traces of one conversation, turn by turn, the oldest first.

import { get, messageOf, paced, segment } from "./api.js";
import { failure } from "./details.js";
import { element } from "./dom.js";
import { addedTokens, cachedOf, costOf, duration, elapsed, exactly, plural, tokensOf } from "./format.js";
import { used } from "./headline.js";
import { linked } from "./links.js";
import { stateOf, status } from "./kinds.js";
import { useKeys } from "./keys.js";
import { listen } from "./live.js";
import { patch } from "./patch.js";
import { aloneIn, reading } from "./reading.js";
import { address, go } from "./route.js";
import { scoreMarks } from "./scores.js";
import { asText } from "./value.js";

/**
 * The page of one conversation.
 *
 * @param {HTMLElement} host
 * @param {Route} first
 * @returns {Page}
 */
export function openConversation(host, first) {
  const [id = ""] = first.places;
  const about = element("span", { class: "headline dim" });
  const turns = element("ol", { class: "turns" });
  const state = { closed: false, isLoaded: false };
  document.title = "Conversation · voltagent";
  const title = element("h1", {}, "Conversation ", element("bdi", {}, id));
  const traces = element("a", { href: address("list", [], { conversation: id }) }, "its traces");
  host.append(element("header", { class: "trace-head" }, title, about, element("span", { class: "actions" }, traces)), turns);
  const load = async () => {
    try {
      const answer = await get(`conversations/${segment(id)}`);
      if (state.closed) return;
      state.isLoaded = true;
      patch(about, sums(answer.traces));
      patch(turns, answer.traces.map(turn));
    } catch (failed) {
      if (!state.closed && !state.isLoaded) patch(turns, [element("li", { class: "problem" }, messageOf(failed))]);
    }
  };
  /** @param {number} by */
  const step = (by) => () => {
    const links = [...turns.querySelectorAll(/** @type {"a"} */ (".turn > .headline > a:first-of-type"))];
    const here = links.findIndex((link) => link === document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, here + by))]?.focus();
  };
  useKeys([
    [["j", "ArrowDown"], "next turn", step(1)],
    [["k", "ArrowUp"], "previous turn", step(-1)],
    [["Enter"], "open the trace of a turn"],
    [["Escape"], "all conversations", () => go(address("conversations"))],
  ]);
  const refresh = paced(load);
  const end = listen(refresh);
  refresh();
  return {
    update() {},
    close() {
      state.closed = true;
      end();
    },
  };
}

/**
 * How many turns, tokens and dollars in all.
 *
 * @param {TraceWhole[]} traces
 */
function sums(traces) {
  /** @param {(trace: TraceWhole) => number | null} read */
  const sum = (read) => traces.reduce((/** @type {number | null} */ all, trace) => (read(trace) === null ? all : (all ?? 0) + (read(trace) ?? 0)), null);
  return [element("span", {}, plural(traces.length, "turn")), used({ tokens: sum(addedTokens), cached: sum(cachedOf), cost: sum(costOf) })];
}

/** @param {TraceWhole} trace @param {number} place @param {TraceWhole[]} traces */
function turn(trace, place, traces) {
  const before = traces[place - 1];
  const pause = before ? `${duration(trace.start - before.start - (before.duration || 0))} later` : "";
  return element(
    "li",
    { class: `turn ${trace.status}`, "data-key": trace.id },
    element(
      "div",
      { class: "headline" },
      status(stateOf(trace), { failed: trace.errors }),
      linked(trace.agent, address("trace", [trace.id])),
      element("span", { class: "dim", title: pause }, exactly(trace.start)),
      element("span", {}, duration(elapsed(trace))),
      used(trace),
      (trace.models ?? []).slice(0, 3).map((model) => element("bdi", { class: "dim" }, model)),
      trace.operations ? element("span", { class: "dim" }, plural(trace.operations, "operation")) : null,
      trace.errors ? element("a", { href: address("trace", [trace.id], { next: "error" }), class: "error-text" }, plural(trace.errors, "error")) : null,
      trace.user ? element("bdi", { class: "dim" }, trace.user) : null,
      scoreMarks(trace.scores),
    ),
    payload("in", trace.input),
    payload("out", trace.output),
    trace.error ? element("div", { class: "payload out", "data-key": "error", shows: () => asText(trace.error) }, failure(trace.error)) : null,
  );
}

/** @param {string} side @param {unknown} value */
function payload(side, value) {
  if (value === null || value === undefined) return null;
  const content = reading(aloneIn(value) ?? value, { latest: side === "in", joins: side === "out" });
  return element("div", { class: `payload ${side}`, "data-key": side, shows: () => asText(value) }, content);
}
