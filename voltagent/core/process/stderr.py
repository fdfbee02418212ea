"""Lines on stderr for the user of a program: few, and none with ``VOLTAGENT_QUIET``."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

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
    """Write a line to stderr, unless that is switched off, missing, closed or full. Never raises, and never waits.

    What a file object keeps because it could not be written would change the exit status of the program to 120.
    """
    if is_quiet():
        return
    line, stream = f"voltagent: {text}\n", sys.stderr
    try:
        descriptor = _descriptor(stream)
        if descriptor is None:
            stream.write(line)
            stream.flush()
        elif _takes_more(descriptor):
            stream.flush()
            os.write(descriptor, line.encode(stream.encoding, "backslashreplace"))
    except Exception:  # closed, a full disk, an object of the user's
        pass


def _descriptor(stream: Any) -> int | None:
    """Return that of a text file; ``None`` for an object of the user's, and for a text in memory."""
    if type(stream) is not io.TextIOWrapper:
        return None
    try:
        return stream.fileno()
    except io.UnsupportedOperation:
        return None


def _takes_more(descriptor: int) -> bool:
    """Return whether a file can be written without waiting: not a pipe that is full, or has no reader any more."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return [event for _, event in poll.poll(0)] == [select.POLLOUT]


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
