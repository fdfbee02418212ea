// How wide the window is.

/** A window without the width for two columns. */
export const NARROW = matchMedia("(max-width: 720px)");
