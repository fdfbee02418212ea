// What a user chose, kept in the browser; for this page only where the browser keeps nothing.

const here = new Map();

/**
 * The choice under a name, or null.
 *
 * @param {string} name
 */
export function chosen(name) {
  try {
    return localStorage.getItem(`voltagent-${name}`);
  } catch {
    return here.get(name) ?? null;
  }
}

/**
 * Keep a choice.
 *
 * @param {string} name
 * @param {string | number} value
 */
export function choose(name, value) {
  here.set(name, String(value));
  try {
    localStorage.setItem(`voltagent-${name}`, String(value));
  } catch {
    // storage is switched off or full: it holds until the page is left
  }
}
