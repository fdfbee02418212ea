// The viewer's server: JSON by GET and POST.

import { parse, stringify } from "./json.js";
import { request } from "./transport.js";

/** @typedef {{ [name: string]: string | number | null | undefined }} Query */

/**
 * The JSON under `/api/…`; raises an `Error` with the server's words.
 *
 * @param {string} path
 * @param {Query} [query] what is empty is left out
 */
export async function get(path, query = {}) {
  return readAnswer(await request(`api/${path}${queryText(query)}`));
}

/**
 * Send a value to `/api/…`; the JSON that comes back.
 *
 * @param {string} path
 * @param {object} value
 */
export async function post(path, value) {
  const headers = { "Content-Type": "application/json" };
  return readAnswer(await request(`api/${path}`, { method: "POST", headers, body: stringify(value) }));
}

/**
 * The answer as it was sent: for a file.
 *
 * @param {string} path
 * @param {Query} [query]
 */
export async function getText(path, query = {}) {
  const answer = await request(`api/${path}${queryText(query)}`);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

/** @param {Query} query */
function queryText(query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

/** @param {Response} answer */
async function readAnswer(answer) {
  const value = parse(await answer.text());
  if (!answer.ok) throw Object.assign(new Error(value.error || answer.statusText), { status: answer.status });
  return value;
}

/** A segment of a path. */
export const segment = encodeURIComponent;

/** @param {unknown} failure */
export const messageOf = (failure) => (failure instanceof Error ? failure.message : String(failure));

/**
 * Whether an answer still counts, as a function: it does not if a `view` has requested the same (`what`) again meanwhile,
 * or was closed. Answers come in any order, and an old one must not take the place of a newer one.
 *
 * @param {{ closed?: boolean, questions?: { [what: string]: symbol } }} view
 */
export function latest(view, what = "all") {
  const question = Symbol(what);
  view.questions = { ...view.questions, [what]: question };
  return () => !view.closed && view.questions?.[what] === question;
}

/**
 * A function that does `work` now and then: at once, but never two at a time, and after slow work with a pause.
 * Calls in between become one.
 *
 * @param {() => unknown} work
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

/**
 * Call something again and again; the function that this returns ends it.
 *
 * @param {number} milliseconds
 * @param {() => void} act
 */
export function every(milliseconds, act) {
  const timer = setInterval(act, milliseconds);
  return () => clearInterval(timer);
}

/**
 * Call something when a media query turns; the function that this returns ends it.
 *
 * @param {MediaQueryList} media
 * @param {() => void} act
 */
export function onChange(media, act) {
  media.addEventListener("change", act);
  return () => media.removeEventListener("change", act);
}
