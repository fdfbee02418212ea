"""Hints: report code that records nothing, or not what was meant, once for each place in the program.

A hint is logged, and kept until :mod:`voltagent.storage.hints` writes it beside the local store, where ``voltagent
doctor`` and the viewer read it. Check for hints only where that costs a recorded call nothing: when a function is
decorated, or in a branch that is taken once.
"""

from __future__ import annotations

import logging
import sys
from types import CodeType, FrameType
from typing import Final, NamedTuple

from voltagent.core import clock
from voltagent.core.guard import log, warn
from voltagent.core.process import exit_hook

_MOST: Final = 256  # hints per process
_LONGEST: Final = 500  # characters of each part
_PACKAGE: Final = __name__.partition(".")[0]


class Hint(NamedTuple):
    """A problem at one place of the program, and the remedy."""

    name: str  # the same for all hints of this type, such as "returns-coroutine"
    place: str  # "app.py:12 (fetch)"
    text: str
    advice: str
    time_ns: int  # since the epoch; when it was last seen


GIVEN: Final[dict[tuple[str, str], Hint]] = {}
UNSAVED: Final[list[Hint]] = []


def give_hint(name: str, place: str, text: str, advice: str, *, aloud: bool = True) -> bool:
    """Report a problem at a place in the program, the first time it occurs there.

    Args:
        name: the type of hint; one is given per name and place, and 256 in all.
        place: from :func:`code_place` or :func:`caller_place`.
        text: the problem, without a capital or full stop: "the tool 'fetch' returns a coroutine".
        advice: the remedy, in the imperative.
        aloud: whether to write it to stderr if logging is not configured.

    Returns:
        Whether this was the first time.
    """
    key = (name, place)
    if key in GIVEN or len(GIVEN) >= _MOST:
        return False
    hint = Hint(name, place[:_LONGEST], text[:_LONGEST], advice[:_LONGEST], clock.nanoseconds())
    if GIVEN.setdefault(key, hint) is not hint:
        return False  # another thread was faster
    UNSAVED.append(hint)
    if aloud:
        warn("%s: %s; %s", place, text, advice)
    else:
        log(logging.WARNING, "%s: %s; %s", place, text, advice)
    return True


def take_unsaved() -> list[Hint]:
    """Return the hints that are not stored yet, for the caller to store."""
    taken = list(UNSAVED)
    del UNSAVED[: len(taken)]  # others are added after these; storing the last one twice does no harm
    return taken


def code_place(code: CodeType, line: int | None = None) -> str:
    """Describe a place in the program: a function, or a line in it."""
    name = code.co_name
    return f"{code.co_filename}:{line or code.co_firstlineno}" + (f" ({name})" if name != "<module>" else "")


def caller_frame() -> FrameType | None:
    """Return the innermost frame outside this package."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to it  # pyright: ignore
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in (_PACKAGE, "wrapt"):
        frame = frame.f_back
    return frame


def caller_place() -> str:
    """Describe the line of the program that called this package."""
    frame = caller_frame()
    return "?" if frame is None else code_place(frame.f_code, frame.f_lineno)


def report_late_call(what: str) -> None:
    """Report that a call of the program is not recorded because it comes after ``shutdown()`` or the ``with`` block."""
    if exit_hook.began():
        return  # programs end in any order
    give_hint(
        "after-shutdown",
        caller_place(),
        f"{what} comes after shutdown() or the end of the `with VoltAgentSDK()` block, and is not recorded",
        "start it inside the block, or shut down the SDK later",
    )
