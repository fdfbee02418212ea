"""Exceptions: what their class says, what is kept of one on the caller's thread, and the text made of it later."""
