// How times, durations and counts are written. Times are microseconds since the epoch, durations microseconds.

// Below how many seconds a span is written in which unit (its seconds, its name) and with how many decimals.
/** @type {[below: number, unit: number, name: string, decimals: number][]} */
const FORMS = [
  [0.0000995, 1e-6, "µs", 0],
  [0.000995, 1e-3, "ms", 2],
  [0.00995, 1e-3, "ms", 1],
  [0.9995, 1e-3, "ms", 0],
  [59.95, 1, "s", 1],
];

/**
 * `40 µs`, `0.39 ms`, `7.4 ms`, `94 ms`, `3.4 s`, `2 min 5 s`, `1 h 3 min`: as the terminal writes them.
 *
 * @param {number | null | undefined} microseconds
 */
export function duration(microseconds) {
  if (microseconds === null || microseconds === undefined) return "";
  const seconds = Math.max(0, microseconds) / 1e6;
  const form = FORMS.find(([below]) => seconds < below);
  if (form) return `${(seconds / form[1]).toFixed(form[3])} ${form[2]}`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

/**
 * `1 234`, with thin spaces between thousands.
 *
 * @param {number | null | undefined} number
 */
export function count(number) {
  if (number === null || number === undefined) return "";
  const [whole, rest] = String(number).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (rest ? `.${rest}` : "");
}

/**
 * `8 KB`, `1.2 MB`: the size of a file.
 *
 * @param {number} number
 */
export function bytes(number) {
  if (number < 1000) return `${number} B`;
  return number < 1e6 ? `${trimmed(number / 1e3)} KB` : `${trimmed(number / 1e6)} MB`;
}

/**
 * `950`, `12.3 k`, `4 M`: for axes and tight columns.
 *
 * @param {number} number
 */
export function short(number) {
  if (number < 10_000) return count(Math.round(number * 100) / 100);
  return number < 1e6 ? `${trimmed(number / 1e3)} k` : `${trimmed(number / 1e6)} M`;
}

/** @param {number} number */
function trimmed(number) {
  return String(Number(number.toFixed(number < 100 ? 1 : 0)));
}

/** @param {number} number */
/**
 * @param {unknown} value
 * @returns {value is number}
 */
export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** @param {number} number */
const two = (number) => String(number).padStart(2, "0");

/**
 * `14:05:09` today, `11-21 14:05:09` on another day, with the year if it is another one.
 *
 * @param {number} microseconds
 */
export function moment(microseconds, now = Date.now()) {
  const [date, today] = [new Date(microseconds / 1000), new Date(now)];
  const time = clock(date);
  if (date.toDateString() === today.toDateString()) return time;
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
  return date.getFullYear() === today.getFullYear() ? day : `${date.getFullYear()}-${day}`;
}

/**
 * `2026-11-21 14:05:09.123 +01:00`, in the time zone of this machine.
 *
 * @param {number} microseconds
 */
export function exactly(microseconds) {
  const date = new Date(microseconds / 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clock(date)}.${String(date.getMilliseconds()).padStart(3, "0")} ${zone(date)}`;
}

/** `+01:00`: how far the time of this machine is from UTC at a date. */
export function zone(date = new Date()) {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** @param {Date} date */
function clock(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * All tokens of a usage; nothing where it counts none.
 *
 * @param {Usage | null | undefined} usage
 */
export function tokens(usage) {
  if (!usage) return null;
  if (isNumber(usage.total_tokens)) return usage.total_tokens;
  const parts = [usage.prompt_tokens, usage.completion_tokens].filter(isNumber);
  return parts.length ? parts.reduce((sum, part) => sum + part) : null;
}

/** @typedef {{ tokens?: number | null, cached?: number | null, cost?: number | null, usage?: Usage | null }} Used */

/**
 * All tokens of a trace or an operation; null if none were counted.
 *
 * @param {Used} thing
 */
export const tokensOf = (thing) => thing.tokens ?? tokens(thing.usage);

/**
 * What a trace or an operation adds to the tokens of several: its total, or its two parts if both were counted.
 *
 * @param {Used} thing
 */
export function addedTokens({ usage, tokens: counted }) {
  if (!usage || isNumber(usage.total_tokens)) return usage?.total_tokens ?? counted ?? null;
  return isNumber(usage.prompt_tokens) && isNumber(usage.completion_tokens) ? usage.prompt_tokens + usage.completion_tokens : null;
}

/**
 * How many of the tokens were cached.
 *
 * @param {Used} thing
 */
export const cachedOf = (thing) => thing.cached ?? thing.usage?.cached_tokens ?? null;

/**
 * What a trace or an operation cost, in US dollars.
 *
 * @param {Used} thing
 */
export const costOf = (thing) => thing.cost ?? thing.usage?.cost ?? null;

/**
 * `1 234`, or `1 234 (800)` if 800 of them were cached.
 *
 * @param {Used} thing
 */
export function tokensWithCached(thing) {
  const cached = cachedOf(thing);
  return cached ? `${count(tokensOf(thing))} (${count(cached)})` : count(tokensOf(thing));
}

/**
 * `$12.30`, `$0.042`, `$0.00012`: at least two digits that are not zero.
 *
 * @param {number | null | undefined} dollars
 */
export function money(dollars) {
  if (dollars === null || dollars === undefined) return "";
  if (dollars === 0) return "$0";
  const size = Math.abs(dollars);
  const digits = size >= 1 ? 2 : Math.min(8, Math.max(2, 1 - Math.floor(Math.log10(size))));
  const [whole, rest] = dollars.toFixed(digits).split(".");
  const cents = rest.length > 2 ? rest.replace(/0+$/, "").padEnd(2, "0") : rest;
  return `$${count(Number(whole))}.${cents}`;
}

/**
 * `$0.0002965`: all digits, but without an exponent and what binary fractions add to a sum.
 *
 * @param {number} dollars
 */
export function exactMoney(dollars) {
  const [whole, rest] = Math.abs(dollars).toFixed(12).replace(/0+$/, "").split(".");
  return `${dollars < 0 ? "-" : ""}$${count(Number(whole))}.${rest.padEnd(2, "0")}`;
}

/**
 * `1 error`, `2 errors`.
 *
 * @param {number} number
 * @param {string} word
 */
export function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/**
 * The first characters of a UUID, enough to distinguish it from others; other ids as they are.
 *
 * @param {string} id
 */
export function shortId(id) {
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(id) ? id.slice(0, 8) : id;
}

/** Microseconds of this machine's clock, the one that the recorded programs read too. */
export function now() {
  return Date.now() * 1000;
}

const SILENCE = 600e6; // what has been silent for longer has most likely been killed

/**
 * Until when something that has no end runs: now, or the last time that it recorded something, if that is long ago.
 *
 * @param {Timed} given
 */
export function runningUntil({ last_active, unfinished }) {
  const present = now();
  if (last_active === undefined) return present;
  return unfinished || present - last_active > SILENCE ? last_active : present;
}

/**
 * How long something took, or has taken so far where it still runs.
 *
 * @param {Timed} thing
 */
export function elapsed(thing) {
  if (thing.duration !== null && thing.duration !== undefined) return thing.duration;
  if (thing.status !== "running") return null;
  const took = (thing.until ?? runningUntil(thing)) - thing.start;
  return took <= 0 && (thing.unfinished || silence(thing)) ? null : Math.max(0, took); // nothing is known of what its program did after its start
}

/**
 * `12 min ago`: how long something that seems to run has been silent.
 *
 * @param {Timed} trace
 */
export function silence(trace) {
  const { last_active } = trace;
  if (last_active === undefined || trace.status !== "running" || runningUntil(trace) !== last_active) return "";
  if (trace.unfinished) return "never ended: its program is gone";
  return `nothing heard for ${duration(now() - last_active)}`;
}
