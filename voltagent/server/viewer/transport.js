// How requests reach the viewer's server. A file that was exported has `recorded.js` in its place.

/** @param {string} address @param {RequestInit} [options] */
export async function request(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw new Error("The viewer's server does not answer. Start it again: voltagent ui");
  }
}
