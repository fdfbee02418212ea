// News of the store, as they happen: one stream of events for all windows of the page in a browser.
//
// A browser opens at most six connections to a host, and a stream keeps one. So one window (the one that holds a Web Lock)
// has the stream and passes on what it receives through a BroadcastChannel; when it closes, another one takes over. Without
// these two (outside a secure context) each window has a stream of its own, and lets it go while it is hidden.

import { byId, say } from "./dom.js";
import { parse } from "./json.js";

/** News come from a server. An exported file has none (`recorded.js`). */
export const isLive = true;

const RETRY = 3000; // milliseconds
const NAME = "voltagent-live";

/**
 * What windows send each other: the state of the stream, traces that changed (null: any), or a question for the state.
 *
 * @typedef {{ state?: "live" | "lost", changed?: string[] | null, wanted?: true }} News
 * @typedef {(ids: string[] | null) => void} Listener
 */

/** @type {Set<Listener>} */
const listeners = new Set();
let isStarted = false;
let isStale = false; // something changed while the window was hidden
/** @type {"live" | "lost" | null} */
let lastState = null;

/**
 * Call `changed(ids)` when the store changed (`null`: anything may have), until the function that this returns is called.
 *
 * A hidden window is not disturbed: it learns of changes when it is visible again.
 *
 * @param {Listener} changed
 * @param {string} [trace] the only trace that matters
 */
export function listen(changed, trace) {
  /** @type {Listener} */
  const listener = (ids) => {
    if (!trace || !ids || !ids.length || ids.includes(trace)) changed(ids);
  };
  listeners.add(listener);
  if (!isStarted) start();
  if (lastState) show(lastState);
  return () => {
    listeners.delete(listener);
  };
}

/** Show no state: the page that is shown is not live. */
export function stopped() {
  const place = byId("live");
  delete place.dataset.state;
  place.textContent = "";
}

function start() {
  isStarted = true;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !isStale) return;
    isStale = false;
    notify(null);
  });
  if (window.isSecureContext && "locks" in navigator && "BroadcastChannel" in window) shared();
  else alone();
}

/** @param {string[] | null} ids */
function notify(ids) {
  if (document.hidden) isStale = true;
  else for (const listener of [...listeners]) listener(ids);
}

/** @param {News} news */
function receive({ state, changed }) {
  const isFirst = state === "live" && lastState === null;
  if (state) {
    lastState = state;
    if (listeners.size) show(state);
  }
  if (changed !== undefined || isFirst) notify(changed ?? null);
}

/** Take the stream if no other window has it, and until then receive what that one passes on. */
function shared() {
  const channel = new BroadcastChannel(NAME);
  let isSource = false;
  /** @param {News} news */
  const pass = (news) => {
    receive(news);
    channel.postMessage(news);
  };
  channel.addEventListener("message", ({ data }) => {
    if (!data.wanted) receive(data);
    else if (isSource && lastState) channel.postMessage({ state: lastState });
  });
  channel.postMessage({ wanted: true });
  navigator.locks.request(NAME, () => {
    isSource = true;
    open(pass);
    return new Promise(() => {}); // until the window closes
  });
}

function alone() {
  /** @type {(() => void) | null} */
  let close = null;
  const look = () => {
    if (document.hidden) {
      close?.();
      close = null;
    } else close ??= open(receive);
  };
  document.addEventListener("visibilitychange", look);
  look();
}

/**
 * Open the stream, again and again; the function that this returns closes it.
 *
 * @param {(news: News) => void} pass
 */
function open(pass) {
  /** @type {EventSource} */
  let source;
  let again = 0;
  const connect = () => {
    source = new EventSource("api/live");
    source.addEventListener("open", () => pass({ state: "live", changed: null })); // what was written before
    source.addEventListener("error", () => {
      pass({ state: "lost" });
      // the browser tries again by itself, but not after an answer that was no stream
      if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, RETRY);
    });
    source.addEventListener("change", (event) => pass({ changed: idsOf(event.data) }));
  };
  connect();
  return () => {
    clearTimeout(again);
    source.close();
  };
}

/** @param {string} data @returns {string[] | null} */
function idsOf(data) {
  try {
    return parse(data).traces;
  } catch {
    return null;
  }
}

const STATES = { live: "live", lost: "no server" };

/** @param {"live" | "lost"} state */
function show(state) {
  const place = byId("live");
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  place.textContent = STATES[state];
  place.title = state === "live" ? "New traces appear as they happen" : "Start it again: voltagent ui";
  if (state === "lost") say("The viewer's server does not answer");
}
