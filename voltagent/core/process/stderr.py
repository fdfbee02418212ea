"""Lines on stderr for the user of a program: few, and none with ``VOLTAGENT_QUIET``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Final

_state: Final[dict[str, bool]] = {"quiet": False}
_sources: Final[list[Callable[[], Iterable[str]]]] = []


def set_quiet(quiet: bool) -> None:
    """Set whether this process writes nothing of ours to stderr; the last SDK that was made decides."""
    _state["quiet"] = quiet


def is_quiet() -> bool:
    """Return whether this process writes nothing of ours to stderr."""
    return _state["quiet"]


def is_terminal() -> bool:
    """Return whether stderr is a terminal."""
    try:
        return bool(sys.stderr.isatty())
    except Exception:  # missing, closed, or an object of the user's
        return False


def write_line(text: str) -> None:
    """Write a line to stderr, unless that is switched off, missing or closed. Never raises."""
    if is_quiet():
        return
    try:
        sys.stderr.write(f"voltagent: {text}\n")
        sys.stderr.flush()
    except Exception:  # None in programs without a console; closed; a pipe without a reader; an object of the user's
        pass


def add_exit_lines(source: Callable[[], Iterable[str]]) -> None:
    """Set a function that gives lines to write when the process ends. It is called once, and must not wait."""
    _sources.append(source)


def print_exit_lines() -> None:
    """Write what the sources have to say about this process."""
    if is_quiet():
        return
    for source in tuple(_sources):
        for line in source():
            write_line(line)
