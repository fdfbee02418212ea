"""A worker of a pool that was forked inside an operation starts with nothing current.

Such a worker serves many callers. It inherits what is current in the caller that happened to need it, and would record
the work of all later ones under that.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Final

from voltagent.core import context
from voltagent.core.context import CURRENT, INCOMING, PROPAGATED, set_current
from voltagent.core.open_operations import INHERITED, Inherited, frames_of, place_in_program

_POOLS: Final = frozenset(
    (
        "concurrent.futures.process",
        "multiprocessing.pool",
        "billiard.pool",
        "loky.process_executor",
        "joblib.externals.loky.process_executor",
    )
)
_MOST_FRAMES: Final = 50


def after_fork_in_child() -> None:
    """Start with nothing current if a module of a pool made this process."""
    if CURRENT.get() is not None or INCOMING.get() is not None or PROPAGATED.get() is not None:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to see who forks  # pyright: ignore
        for _ in range(_MOST_FRAMES):
            if frame is None:
                break
            if frame.f_globals.get("__name__") in _POOLS:
                _start_empty(frame)
                break
            frame = frame.f_back


def _start_empty(frame: FrameType) -> None:
    """Start a worker with nothing current, and note where the program called its pool, for its first task."""
    span = context.current_span()
    set_current(None)
    INCOMING.set(None)
    PROPAGATED.set(None)
    INHERITED.clear()
    if span is not None and span.recording:
        pool = str(frame.f_globals.get("__name__"))
        made = any(one.f_code.co_name == "__init__" for one in frames_of(frame) if one.f_globals is frame.f_globals)
        INHERITED.append(Inherited(span, place_in_program(frame), pool, is_new=made))


def after_fork_in_parent() -> None:
    """Note that another process may record in the current trace."""
    span = CURRENT.get()
    if span is not None and span.recording:
        span.trace.is_spread = True
