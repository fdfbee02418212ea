"""Hints: code that records nothing, or not what its author means, is reported once for each place in the program.

A hint is logged, and kept until :mod:`voltagent.storage.hints` has written it beside the local store, from where
``voltagent doctor`` and the viewer read it. Look for what a hint is about where that costs a recorded call nothing:
when a function is decorated, or in a branch that is taken once.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Final, NamedTuple

from voltagent.core import clock, process_exit
from voltagent.core.guard import logger, warn

_MOST: Final = 256  # hints of one process
_LONGEST: Final = 500  # characters of each part
_PACKAGE: Final = __name__.partition(".")[0]


class Hint(NamedTuple):
    """What is wrong at one place of the program, and what to do about it."""

    name: str  # the same for all hints of one sort, such as "returns-coroutine"
    place: str  # "app.py:12 (fetch)"
    text: str
    advice: str
    time_ns: int  # since the epoch; when it was seen last


GIVEN: Final[dict[tuple[str, str], Hint]] = {}
UNSAVED: Final[list[Hint]] = []


def give_hint(name: str, place: str, text: str, advice: str, *, aloud: bool = True) -> bool:
    """Report something about a place in the program, the first time it is seen there.

    Args:
        name: the sort of hint; one is given for each name and place, and 256 in all.
        place: as :func:`code_place` or :func:`caller_place` gives it.
        text: what is wrong, in half a sentence: "the tool 'fetch' returns a coroutine".
        advice: what to do, in the imperative.
        aloud: whether it is also written to stderr where no logging is set up.

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
        logger.warning("%s: %s; %s", place, text, advice)
    return True


def take_unsaved() -> list[Hint]:
    """The hints that are not stored yet. The caller stores them."""
    taken = list(UNSAVED)
    del UNSAVED[: len(taken)]  # others are added behind these; the last to be stored twice does no harm
    return taken


def code_place(code: CodeType, line: int | None = None) -> str:
    """A place in the program: a function, or a line in it."""
    name = code.co_name
    return f"{code.co_filename}:{line or code.co_firstlineno}" + (f" ({name})" if name != "<module>" else "")


def caller_frame() -> FrameType | None:
    """The innermost frame that runs no code of this package."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to it  # pyright: ignore
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in (_PACKAGE, "wrapt"):
        frame = frame.f_back
    return frame


def caller_place() -> str:
    """The line of the program that called this package."""
    frame = caller_frame()
    return "?" if frame is None else code_place(frame.f_code, frame.f_lineno)


def report_late_call(what: str) -> None:
    """Report that a call of the program is not recorded because it comes after ``shutdown()`` or the ``with`` block."""
    if process_exit.began():
        return  # programs end in any order
    give_hint(
        "after-shutdown",
        caller_place(),
        f"{what} comes after shutdown() or the end of the `with VoltAgentSDK()` block, and is not recorded",
        "make it inside the block, or shut the SDK down later",
    )
