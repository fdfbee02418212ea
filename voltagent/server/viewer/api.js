// The viewer's server: JSON by GET, and news of the store as they happen.

import { say } from "./dom.js";

const RETRY = 3000; // milliseconds

/** The JSON under `/api/…`; raises an `Error` with the server's words. */
export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const answer = await asked(`api/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`);
  const value = parsed(await answer.text());
  if (!answer.ok) throw Object.assign(new Error(value.error || answer.statusText), { status: answer.status });
  return value;
}

/** The answer as it was sent: for a file. */
export async function getText(path) {
  const answer = await asked(`api/${path}`);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

async function asked(address) {
  try {
    return await fetch(address);
  } catch {
    throw new Error("The viewer's server does not answer. Start it again: voltagent ui");
  }
}

/** JSON with whole numbers as they were written, also those that JavaScript's numbers would round. */
function parsed(text) {
  return /\d{17}/.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
}

function exact(key, value, context) {
  const whole = typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source);
  return whole ? BigInt(context.source) : value;
}

/** A segment of a path. */
export const segment = encodeURIComponent;

/**
 * Call `changed(ids)` when the store changed, until the function that this returns is called.
 *
 * A hidden page lets its connection go, because a browser has only six for a host; back in view it looks again.
 */
export function listen(path, changed) {
  let source = null;
  let again = 0;
  const open = () => {
    source = new EventSource(`api/${path}`);
    source.addEventListener("open", () => {
      shown("live");
      changed(null); // what was written before anybody watched
    });
    source.addEventListener("error", () => {
      shown("lost");
      // the browser tries again by itself, but not after an answer that was no stream
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, RETRY);
    });
    source.addEventListener("change", (event) => changed(idsOf(event.data)));
  };
  const shut = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };
  const look = () => {
    if (document.hidden) shut();
    else if (!source) open();
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    shut();
  };
}

function idsOf(data) {
  try {
    return JSON.parse(data).traces;
  } catch {
    return null;
  }
}

/** Show no state: the page that is shown is not live. */
export function stopped() {
  const place = document.getElementById("live");
  delete place.dataset.state;
  place.textContent = "";
}

const STATES = { live: "live", lost: "no server" };

function shown(state) {
  const place = document.getElementById("live");
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  place.textContent = STATES[state];
  place.title = state === "live" ? "New traces appear as they happen" : "Start it again: voltagent ui";
  if (state === "lost") say("The viewer's server does not answer");
}

/**
 * Whether an answer still counts, as a function: it does not where a `view` asked for the same (`what`) again meanwhile,
 * or was closed. Answers come in any order, and an old one must not take the place of a newer one.
 */
export function asking(view, what = "all") {
  const question = Symbol(what);
  view.questions = { ...view.questions, [what]: question };
  return () => !view.closed && view.questions[what] === question;
}

/**
 * A function that does `work` now and then: at once, but never two at a time, and after slow work with a pause.
 * Calls in between become one.
 */
export function paced(work) {
  let [busy, again] = [false, false];
  const run = async () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    const began = performance.now();
    try {
      await work();
    } finally {
      const pause = Math.max(50, 2 * (performance.now() - began));
      setTimeout(() => {
        busy = false;
        if (again) {
          again = false;
          run();
        }
      }, pause);
    }
  };
  return run;
}
