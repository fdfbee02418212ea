// The traces of one conversation, turn by turn, the oldest first.

import { get, listen, paced, segment } from "./api.js";
import { element } from "./dom.js";
import { failure } from "./details.js";
import { count, duration, elapsed, exactly, plural, tokens } from "./format.js";
import { status } from "./kinds.js";
import { useKeys } from "./keys.js";
import { patch } from "./patch.js";
import { address, go } from "./route.js";
import { aloneIn, reading } from "./reading.js";
import { asText } from "./value.js";

/** The page of one conversation. */
export function openConversation(host, first) {
  const [id] = first.places;
  const view = { id };
  document.title = "Conversation · voltagent";
  view.about = element("span", { class: "dim" });
  view.turns = element("ol", { class: "turns" });
  const title = element("h1", {}, "Conversation ", element("bdi", {}, id));
  host.append(element("header", { class: "trace-head" }, title, view.about), view.turns);
  const step = (by) => () => focusTurn(view, by);
  useKeys([
    [["j", "ArrowDown"], "next turn", step(1)],
    [["k", "ArrowUp"], "previous turn", step(-1)],
    [["Enter"], "open the trace of a turn"],
    [["Escape"], "all traces", () => go(address("list"))],
  ]);
  const refresh = paced(() => load(view));
  const end = listen("live", refresh);
  refresh();
  return {
    update() {},
    close() {
      view.closed = true;
      end();
    },
  };
}

async function load(view) {
  let answer;
  try {
    answer = await get(`conversations/${segment(view.id)}`);
  } catch (failed) {
    if (!view.closed && !view.answered) patch(view.turns, [element("li", { class: "problem" }, failed.message)]);
    return;
  }
  if (view.closed) return;
  view.answered = true;
  const { traces } = answer;
  const sum = traces.reduce((all, trace) => all + (tokens(trace.usage) || 0), 0);
  patch(view.about, [[plural(traces.length, "turn"), sum ? plural(sum, "token") : ""].filter(Boolean).join(" · ")]);
  patch(view.turns, traces.map((trace, place) => turn(trace, traces[place - 1])));
}

function turn(trace, before) {
  const used = tokens(trace.usage);
  const pause = before ? `${duration(trace.start - before.start - (before.duration || 0))} later` : "";
  return element(
    "li",
    { class: `turn ${trace.status}`, "data-key": trace.id },
    element(
      "div",
      { class: "headline" },
      status(trace.status),
      element("a", { href: address("trace", [trace.id]) }, element("bdi", {}, trace.agent)),
      element("span", { class: "dim", title: pause }, exactly(trace.start)),
      element("span", {}, duration(elapsed(trace))),
      used === null ? null : element("span", {}, `${count(used)} tokens`),
      trace.operations ? element("span", { class: "dim" }, plural(trace.operations, "operation")) : null,
      trace.user ? element("bdi", { class: "dim" }, trace.user) : null,
    ),
    said("in", trace.input),
    said("out", trace.output),
    trace.error ? element("div", { class: "said out", "data-key": "error", shows: () => asText(trace.error) }, failure(trace.error)) : null,
  );
}

function said(side, value) {
  if (value === null || value === undefined) return null;
  return element("div", { class: `said ${side}`, "data-key": side, shows: () => asText(value) }, reading(aloneIn(value) ?? value, { latest: side === "in" }));
}

function focusTurn(view, by) {
  const links = [...view.turns.querySelectorAll(".headline a")];
  const here = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, here + by))]?.focus();
}
