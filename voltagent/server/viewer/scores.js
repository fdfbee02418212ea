// Scores: thumbs, a note, and scores with a name, on a trace or on an operation.

import { messageOf, post } from "./api.js";
import { button, drawing, element, say } from "./dom.js";
import { linked } from "./links.js";
import { isLive } from "./live.js";
import { address } from "./route.js";

const THUMBS = "thumbs";
const NOTE = "note";
const THUMB = "M2 7h3v7H2zM5 7.500L8 2c1.500 0 2 1 1.600 2.500L9.200 6.500H13c1 0 1.500.800 1.200 1.800l-1.500 4.700c-.2.700-.7 1-1.400 1H5";
const MOST_MARKS = 3;

/** @param {boolean} isGood */
function thumb(isGood) {
  const picture = drawing("svg", { viewBox: "0 0 16 16", "aria-hidden": true }, drawing("path", { d: THUMB }));
  return element("span", { class: `mark thumb ${isGood ? "good" : "bad"}` }, picture);
}

/**
 * The scores of a trace in one line: thumbs as a sign, others with their values.
 *
 * @param {Score[] | null | undefined} scores
 * @returns {Child[]}
 */
export function scoreMarks(scores) {
  return (scores ?? []).slice(0, MOST_MARKS).map((score) => {
    const words = `${score.name}: ${score.value}${score.comment ? `, ${score.comment}` : ""}`;
    if (score.name === THUMBS && typeof score.value === "boolean") {
      return element("span", { class: "score", title: score.value ? "thumbs up" : "thumbs down" }, thumb(score.value), element("span", { class: "unseen" }, words));
    }
    return element("bdi", { class: "tag score", title: words }, score.name === NOTE ? "note" : `${score.name} ${score.value}`);
  });
}

/**
 * Give thumbs, or take them back if they are there already.
 *
 * @param {string} trace
 * @param {string | null} operation
 * @param {Score[]} scores those that are there
 * @param {boolean} isGood
 */
export function rate(trace, operation, scores, isGood) {
  const before = scores.find(({ name }) => name === THUMBS)?.value;
  const value = before === isGood ? null : isGood;
  return send({ trace, operation, name: THUMBS, value }, value === null ? "Thumbs taken back" : isGood ? "Thumbs up" : "Thumbs down");
}

/**
 * Record a score; the news of the store bring it into view.
 *
 * @param {{ trace: string, operation: string | null, name: string, value: unknown, comment?: string }} score
 * @param {string} done what to say then
 */
async function send({ operation, ...score }, done) {
  try {
    await post("scores", operation ? { ...score, operation } : score);
    say(done);
    return true;
  } catch (failure) {
    say(messageOf(failure));
    return false;
  }
}

/**
 * The scores of a trace or an operation, with all that adds one.
 *
 * @param {string} trace
 * @param {string | null} operation
 * @param {Score[]} scores
 */
export function scoreSection(trace, operation, scores) {
  const given = scores.find(({ name }) => name === THUMBS)?.value;
  /** @param {boolean} isGood */
  const press = (isGood) => element("button", {
    type: "button", class: "quiet thumbs", "aria-pressed": given === isGood, "aria-label": isGood ? "Thumbs up" : "Thumbs down",
    title: isGood ? "Thumbs up (+)" : "Thumbs down (-)", on: { click: () => rate(trace, operation, scores, isGood) },
  }, thumb(isGood));
  const others = scores.filter(({ name }) => isLive ? name !== THUMBS && name !== NOTE : true);
  if (!isLive && !others.length) return null;
  return element(
    "section",
    { class: "section scores", "data-key": "scores", "aria-label": "Scores" },
    element("div", { class: "thumbs-line" }, element("span", { class: "scores-title" }, "Scores"), isLive ? [press(true), press(false)] : null),
    others.length ? element("dl", { class: "facts" }, others.map((score) => scoreLine(trace, operation, score))) : null,
    isLive ? [scoreForm(trace, operation), noteForm(trace, operation, scores.find(({ name }) => name === NOTE))] : null,
  );
}

/** @param {string} trace @param {string | null} operation @param {Score} score */
function scoreLine(trace, operation, { name, value, comment }) {
  const remove = () => send({ trace, operation, name, value: null }, "Score removed");
  return [
    element("dt", {}, element("bdi", {}, name)),
    element(
      "dd", {}, linked(String(value), address("list", [], { score: `${name}:${value}` })),
      comment ? element("bdi", { class: "dim" }, comment) : null, isLive ? button("Remove", remove, { class: "quiet copy" }) : null,
    ),
  ];
}

/** @param {string} trace @param {string | null} operation */
function scoreForm(trace, operation) {
  const submit = submitted(async ({ name, value, comment }, form) => {
    if (!name || !value) say("A score needs a name and a value");
    else if (await send({ trace, operation, name, value: valueOf(value), ...(comment ? { comment } : {}) }, "Score added")) form.reset();
  });
  return element("form", { class: "score-form", "data-key": `score of ${operation}`, on: { submit } },
    element("input", { name: "name", placeholder: "score", "aria-label": "Name of the score", maxlength: 100, autocomplete: "off" }),
    element("input", { name: "value", placeholder: "value", "aria-label": "Value: a number, true, false or text", maxlength: 1000, autocomplete: "off" }),
    element("input", { name: "comment", placeholder: "comment", "aria-label": "Comment", maxlength: 4000, autocomplete: "off" }),
    element("button", {}, "Add"));
}

/** @param {string} trace @param {string | null} operation @param {Score | undefined} note */
function noteForm(trace, operation, note) {
  const written = note ? String(note.value) : "";
  const submit = submitted(({ note: text }) => send({ trace, operation, name: NOTE, value: text || null }, text ? "Note saved" : "Note removed"));
  return element("form", { class: "note-form", "data-key": `note on ${operation}`, shows: () => written, on: { submit } },
    element("textarea", { name: "note", rows: 2, maxlength: 1000, placeholder: "note", "aria-label": "Note" }, written),
    element("button", {}, "Save the note"));
}

/**
 * A listener that gives the fields of a form to `act`; the form itself goes nowhere.
 *
 * @param {(fields: { [name: string]: string }, form: HTMLFormElement) => unknown} act
 */
function submitted(act) {
  return (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    act(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()])), form);
  };
}

/**
 * A number or a bool if the text is one, else the text.
 *
 * @param {string} text
 */
function valueOf(text) {
  if (text === "true" || text === "false") return text === "true";
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}
