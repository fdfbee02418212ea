// What narrows a list of traces, as controls, and the filters of the address bar.

import { button, element } from "./dom.js";
import { exactly, zone } from "./format.js";
import { isLeaving } from "./route.js";

/** @typedef {{ [name: string]: string }} Filters */
/** @typedef {HTMLInputElement | HTMLSelectElement} Control */

const MINUTE = 60e6;
/** @type {Filters} */
const TIMES = { "": "time", "15m": "last 15 minutes", "1h": "last hour", "1d": "last day", "7d": "last week" };
/** @type {{ [within: string]: number }} */
const SPANS = { "15m": 15 * MINUTE, "1h": 60 * MINUTE, "1d": 1440 * MINUTE, "7d": 7 * 1440 * MINUTE };
const STATUSES = { "": "status", running: "running", completed: "completed", error: "error", cancelled: "cancelled" };
const ERRORS = { "": "errors", 1: "has errors", 0: "no errors" };
const FAILED = { "": "failed", 1: "failed calls", 0: "calls that did not fail" };
const KINDS = ["agent", "llm", "tool", "memory", "retriever"];

// Filters with a control in the panel: their titles, and where their suggestions are among the facets.
/** @type {{ [name: string]: { title: string, list?: string, type?: string, hint?: string } }} */
const PANEL = {
  tool: { title: "tool", list: "tools" },
  model: { title: "model", list: "models" },
  error_type: { title: "error type", list: "error_types" },
  tag: { title: "tag", list: "tags" },
  user: { title: "user", list: "users" },
  conversation: { title: "conversation", list: "conversations" },
  version: { title: "version", list: "versions" },
  environment: { title: "environment", list: "environments" },
  metadata: { title: "metadata", list: "metadata", hint: "key:value" },
  score: { title: "score", list: "scores", hint: "name, name:value, name>=0.5" },
  since: { title: "from", type: "datetime-local" },
  until: { title: "until", type: "datetime-local" },
  min_ms: { title: "min ms", type: "number" },
  max_ms: { title: "max ms", type: "number" },
  min_tokens: { title: "min tokens", type: "number" },
  max_tokens: { title: "max tokens", type: "number" },
  min_cost: { title: "min cost $", type: "number" },
  max_cost: { title: "max cost $", type: "number" },
};
const BAR = ["text", "agent", "status", "errors", "kind", "within"]; // of traces
export const CALLS_BAR = ["kind", "name", "called_by", "failed", "within"];
// Filters without a control: links from the Metrics page set them.
const OTHERS = ["name", "called_by", "failed", "called_since", "called_until", "min_errors", "counted", "unnamed"];
/** @type {Filters} */
const WORDS = { counted: "calls of a model", unnamed: "without a model's name", "failed 1": "failed", "failed 0": "not failed" };
const IS_TIME = /^(?:since|until|called_since|called_until)$/;

const BESIDE = /^(?:with\.)+/; // before a name: the trace of what is listed must match it as well

const isFilter = (/** @type {string} */ name) => isOwn(name.replace(BESIDE, ""));
const isOwn = (/** @type {string} */ name) =>
  BAR.includes(name) || OTHERS.includes(name) || Object.hasOwn(PANEL, name) || /^(?:metadata|score)\.\d{1,2}$/.test(name);

/**
 * The filters in an address's query, and nothing else of it.
 *
 * @param {Filters} query
 * @returns {Filters}
 */
export function filtersOf(query) {
  const isKnown = (/** @type {string} */ name, /** @type {string} */ value) => name !== "status" || Object.hasOwn(STATUSES, value);
  return Object.fromEntries(Object.entries(query).filter(([name, value]) => isFilter(name) && value && isKnown(name, value)));
}

/**
 * The same as the server takes them: "the last hour" becomes a time.
 *
 * @param {Filters} filters
 * @param {string} [since] the name of the time
 * @returns {Filters}
 */
export function serverFilters({ within, ...filters }, since = "since") {
  if (!within || !(within in SPANS)) return filters;
  const begin = Math.round(Date.now() * 1000 - SPANS[within]);
  return { ...filters, [since]: String(Math.max(begin, Number(filters[since] ?? 0))) };
}

/**
 * The filters that have no control of their own in the bar, each with a button that removes it.
 *
 * @param {Filters} filters
 * @param {(filters: Filters) => void} changed
 * @param {string[]} [hidden] names that are left out
 */
export function chips(filters, changed, hidden = BAR) {
  const shown = Object.entries(filters).filter(([name]) => !hidden.includes(name));
  return shown.map(([name, value]) => {
    const isOfTraces = BESIDE.test(name) || (name === "agent" && hidden === CALLS_BAR); // which has a control for the agent of a call
    const words = `${isOfTraces ? "in traces with " : ""}${wordsOf(name.replace(BESIDE, ""), value)}`;
    const remove = () => changed(Object.fromEntries(Object.entries(filters).filter(([other]) => other !== name)));
    return element(
      "button",
      { type: "button", class: "chip", "data-key": name, title: "Remove this filter", on: { click: remove } },
      element("bdi", {}, words), element("span", { "aria-hidden": true }, " ✕"),
    );
  });
}

/** @param {string} name @param {string} value */
function wordsOf(name, value) {
  const given = IS_TIME.test(name) && /^\d+$/.test(value) ? exactly(Number(value)) : value;
  return WORDS[name] ?? WORDS[`${name} ${value}`] ?? `${titleOf(name)}: ${given}`;
}

/** @param {string} name */
const titleOf = (name) => PANEL[name]?.title ?? name.replace(/\.\d+$/, "").replaceAll("_", " ");

/**
 * The controls. `changed(filters)` is called when the user changed one; `show(filters)` sets them.
 *
 * @param {(filters: Filters) => void} changed
 * @param {string[]} [shownFirst] names of the filters outside the panel: those of traces, or of calls
 */
export function filterBar(changed, shownFirst = BAR) {
  const kindWords = (/** @type {string} */ kind) => (shownFirst === BAR ? `with ${kind}` : kind);
  /** @type {{ [name: string]: Control }} */
  const known = {
    text: field("search", "Search names, inputs, outputs, errors", { class: "search", "aria-label": "Search" }),
    agent: field("text", "agent", { list: "agents" }),
    called_by: field("text", "agent", { list: "agents" }),
    status: choice("status", STATUSES),
    errors: choice("errors", ERRORS),
    failed: choice("failed", FAILED),
    name: field("text", "name"),
    kind: choice("kind", Object.fromEntries([["", "kind"], ...KINDS.map((kind) => [kind, kindWords(kind)])])),
    within: choice("time", TIMES),
  };
  const controls = Object.fromEntries(shownFirst.map((name) => [name, known[name]]));
  for (const [name, { title, list, type = "text", hint = title }] of Object.entries(PANEL)) {
    controls[name] = field(type, hint, { list, step: type === "number" ? "any" : 1, min: type === "number" ? 0 : null, "aria-label": title });
  }
  const lists = [...new Set(["agents", ...Object.values(PANEL).flatMap(({ list }) => list ?? [])])];
  const suggestions = Object.fromEntries(lists.map((id) => [id, element("datalist", { id })]));
  let shown = /** @type {Filters} */ ({});
  const withoutControls = (/** @type {Filters} */ filters) => Object.fromEntries(Object.entries(filters).filter(([name]) => !(name in controls)));
  let requested = /** @type {Filters} */ ({});
  const notify = () => {
    requested = { ...withoutControls(shown), ...read(controls) };
    changed(requested);
  };
  const soon = debounced(() => isLeaving() || notify(), 200); // a link that was followed meanwhile counts, and not what was being typed
  for (const control of Object.values(controls)) {
    control.addEventListener("input", control.type === "search" || control.type === "text" || control.type === "number" ? soon : notify);
    control.addEventListener("change", soon.now); // the field is left: before anything else is written into it
  }
  const clear = button("Clear", () => changed({}), { class: "quiet clear", hidden: true });
  const summary = element("summary", {}, "More");
  const panel = element("div", { class: "panel" }, element("p", { class: "dim zone" }, `times ${zone()}`));
  panel.append(...Object.entries(PANEL).map(([name, { title }]) => element("label", {}, element("span", {}, title), controls[name])));
  const more = element("details", { class: "more" }, summary, panel);
  const tags = element("span", { class: "chips" });
  const bar = element("form", { class: "filters", role: "search", on: { submit: (event) => event.preventDefault() } });
  bar.append(...shownFirst.map((name) => controls[name]), more, clear, tags, ...Object.values(suggestions));
  return {
    bar,
    search: controls[shownFirst === BAR ? "text" : "name"],
    /** @param {Filters} filters */
    show(filters) {
      shown = filters;
      const isAnother = !areEqual(filters, requested) && soon.drop(); // a link, or a step back, while something was being typed
      for (const [name, control] of Object.entries(controls)) write(control, name, filters[name] || "", isAnother);
      clear.hidden = !Object.keys(filters).length;
      const many = Object.keys(filters).filter((name) => !shownFirst.includes(name)).length;
      summary.textContent = many ? `More (${many})` : "More";
      tags.replaceChildren(...chips(filters, changed, shownFirst));
    },
    /** Close the panel with more filters; whether it was open. */
    closePanel() {
      const wasOpen = more.open;
      more.open = false;
      return wasOpen;
    },
    /**
     * What there is to choose from.
     *
     * @param {{ [name: string]: string[] }} facets
     */
    suggest(facets) {
      for (const [name, list] of Object.entries(suggestions)) {
        const end = name === "metadata" ? ":" : "";
        list.replaceChildren(...(facets[name] || []).map((value) => element("option", { value: value + end })));
      }
      const kind = /** @type {HTMLSelectElement} */ (controls.kind);
      const offered = new Set([...kind.options].map((option) => option.value));
      const others = (facets.kinds || []).filter((value) => !offered.has(value));
      kind.append(...others.map((value) => element("option", { value }, kindWords(value))));
    },
  };
}

/** @param {string} type @param {string} placeholder @param {Attributes} [attributes] */
function field(type, placeholder, attributes = {}) {
  return element("input", { type, placeholder, autocomplete: "off", spellcheck: "false", "aria-label": placeholder, ...attributes });
}

/** @param {string} label @param {Filters} words */
function choice(label, words) {
  const entries = Object.entries(words).map(([value, word]) => element("option", { value }, word));
  return element("select", { "aria-label": label }, entries);
}

/** @param {{ [name: string]: Control }} controls */
function read(controls) {
  const values = Object.entries(controls).map(([name, control]) => [name, valueOf(control)]);
  return Object.fromEntries(values.filter(([, value]) => value));
}

/** @param {Control} control */
function valueOf(control) {
  if (control.type !== "datetime-local") return control.value.trim();
  return control.value ? String(new Date(control.value).getTime() * 1000) : "";
}

/** @param {Filters} one @param {Filters} other */
function areEqual(one, other) {
  const names = Object.keys({ ...one, ...other });
  return names.every((name) => (one[name] || "") === (other[name] || ""));
}

/** @param {Control} control @param {string} name @param {string} value @param {boolean} isAnother whether what is written in it is void */
function write(control, name, value, isAnother) {
  control.classList.toggle("set", value !== "");
  if (!isAnother && control === document.activeElement && control.type !== "select-one") return; // the user is writing in it
  if (control.type === "datetime-local") control.value = value ? local(Number(value)) : "";
  else {
    if (control instanceof HTMLSelectElement && ![...control.options].some((option) => option.value === value)) {
      control.append(element("option", { value }, value));
    }
    control.value = value;
  }
}

/** @param {number} microseconds */
function local(microseconds) {
  const date = new Date(microseconds / 1000);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/**
 * A function that calls `act` when it was not called for a while; `now()` calls it at once if that is to come, and
 * `drop()` never, and returns whether it was to come.
 *
 * @param {() => void} act
 * @param {number} milliseconds
 */
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
  return Object.assign(soon, {
    now() {
      if (!timer) return;
      clearTimeout(timer);
      fire();
    },
    drop() {
      const wasPending = timer !== 0;
      clearTimeout(timer);
      timer = 0;
      return wasPending;
    },
  });
}
