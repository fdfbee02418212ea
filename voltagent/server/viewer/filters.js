// What narrows the list of traces, as controls.

import { button, element } from "./dom.js";

/** The names a list can be narrowed by, as they stand in the address bar. */
export const FILTERS = [
  "text", "agent", "status", "kind", "tag", "user", "conversation", "within", "since", "until", "min_ms", "max_ms",
  "errors",
];
const MINUTE = 60e6;
const SPANS = { "15m": 15 * MINUTE, "1h": 60 * MINUTE, "1d": 1440 * MINUTE, "7d": 7 * 1440 * MINUTE };
const TIMES = { "": "time", "15m": "last 15 minutes", "1h": "last hour", "1d": "last day", "7d": "last week" };
const STATUSES = { "": "status", running: "running", completed: "completed", error: "error", cancelled: "cancelled" };
const ERRORS = { "": "errors", 1: "has errors", 0: "no errors" };
const KINDS = ["agent", "tool", "memory", "retriever"];

/** The filters in an address's query, and nothing else of it. */
export function filtersOf(query) {
  return Object.fromEntries(FILTERS.filter((name) => query[name]).map((name) => [name, query[name]]));
}

/** The same as the server takes them: "the last hour" becomes a moment. */
export function asked({ within, ...filters }) {
  return within in SPANS ? { ...filters, since: Math.round(Date.now() * 1000 - SPANS[within]) } : filters;
}

/** The controls. `changed(filters)` is called when the user changed one; `show(filters)` sets them. */
export function filterBar(changed) {
  const lists = Object.fromEntries(["agents", "tags", "users"].map((name) => [name, options(name)]));
  const controls = {
    text: field("search", "Search names, inputs, outputs, errors", { class: "search", "aria-label": "Search" }),
    agent: field("text", "agent", { list: "agents" }),
    status: choice("status", STATUSES),
    errors: choice("errors", ERRORS),
    kind: choice("kind", Object.fromEntries([["", "kind"], ...KINDS.map((kind) => [kind, `with ${kind}`])])),
    tag: field("text", "tag", { list: "tags" }),
    user: field("text", "user", { list: "users" }),
    conversation: field("text", "conversation"),
    within: choice("time", TIMES),
    since: field("datetime-local", "from", { step: 1 }),
    until: field("datetime-local", "until", { step: 1 }),
    min_ms: field("number", "min ms", { min: 0 }),
    max_ms: field("number", "max ms", { min: 0 }),
  };
  const tell = () => changed(read(controls));
  const soon = debounced(tell, 200);
  for (const control of Object.values(controls)) {
    control.addEventListener("input", control.type === "search" || control.type === "text" ? soon : tell);
    control.addEventListener("change", soon.now); // the field is left: before anything else is written into it
  }
  const clear = button("Clear", () => changed({}), { class: "quiet clear", hidden: true });
  const { text, agent, status, errors, kind, within, ...others } = controls;
  const more = element("details", { class: "more" }, element("summary", {}, "More"));
  const titled = (name, control) => element("label", {}, element("span", {}, name.replace("_", " ")), control);
  more.append(element("div", { class: "panel" }, Object.entries(others).map(([name, control]) => titled(name, control))));
  const bar = element("form", { class: "filters", role: "search", on: { submit: (event) => event.preventDefault() } });
  bar.append(text, agent, status, errors, kind, within, more, clear, ...Object.values(lists));
  return {
    bar,
    search: text,
    show(filters) {
      for (const [name, control] of Object.entries(controls)) write(control, name, filters[name] || "");
      clear.hidden = !Object.keys(filters).length;
      const hidden = Object.keys(others).filter((name) => filters[name]).length;
      more.firstChild.textContent = hidden ? `More (${hidden})` : "More";
    },
    /** Close the panel with more filters; whether it was open. */
    closePanel() {
      const wasOpen = more.open;
      more.open = false;
      return wasOpen;
    },
    /** What there is to choose from. */
    suggest(facets) {
      for (const [name, list] of Object.entries(lists)) {
        list.replaceChildren(...(facets[name] || []).map((value) => element("option", { value })));
      }
      const known = new Set([...kind.options].map((option) => option.value));
      const found = (facets.kinds || []).filter((value) => !known.has(value));
      kind.append(...found.map((value) => element("option", { value }, `with ${value}`)));
    },
  };
}

function field(type, placeholder, attributes = {}) {
  return element("input", { type, placeholder, autocomplete: "off", spellcheck: "false", "aria-label": placeholder, ...attributes });
}

function choice(label, words) {
  const entries = Object.entries(words).map(([value, word]) => element("option", { value }, word));
  return element("select", { "aria-label": label }, entries);
}

function options(id) {
  return element("datalist", { id });
}

function read(controls) {
  const values = Object.entries(controls).map(([name, control]) => [name, valueOf(control)]);
  return Object.fromEntries(values.filter(([, value]) => value));
}

function valueOf(control) {
  if (control.type !== "datetime-local") return control.value;
  return control.value ? String(new Date(control.value).getTime() * 1000) : "";
}

function write(control, name, value) {
  if (control === document.activeElement) return; // the user is writing in it
  if (control.type === "datetime-local") control.value = value ? local(Number(value)) : "";
  else {
    if (control.tagName === "SELECT" && ![...control.options].some((option) => option.value === value)) {
      control.append(element("option", { value }, value));
    }
    control.value = value;
  }
  control.classList.toggle("set", value !== "");
}

function local(microseconds) {
  const date = new Date(microseconds / 1000);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** A function that calls `act` when it was not called for a while; `now()` calls it at once if that is to come. */
function debounced(act, milliseconds) {
  let timer = 0;
  const fire = () => {
    timer = 0;
    act();
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(fire, milliseconds);
  };
  soon.now = () => {
    if (!timer) return;
    clearTimeout(timer);
    fire();
  };
  return soon;
}
