// What all pages have around them: colours and help.

import { choose, chosen } from "./choices.js";
import { byId } from "./dom.js";
import { help } from "./keys.js";

const THEMES = ["", "light", "dark"]; // the first: as the system says

/** Let the buttons at the top work, in the colours that were chosen before. */
export function startFrame() {
  const theme = chosen("theme");
  if (theme && THEMES.includes(theme)) document.documentElement.dataset.theme = theme; // `theme.js` is not in a file
  byId("theme").addEventListener("click", nextTheme);
  byId("help").addEventListener("click", help);
  nameTheme();
}

function nextTheme() {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme || "") + 1) % THEMES.length];
  if (next) root.dataset.theme = next;
  else delete root.dataset.theme;
  choose("theme", next);
  nameTheme();
}

function nameTheme() {
  const button = byId("theme");
  const name = document.documentElement.dataset.theme || "auto";
  button.textContent = { auto: "◐", light: "☀", dark: "☾" }[name] ?? "";
  button.title = `Colours: ${name === "auto" ? "as the system" : name}`;
}
