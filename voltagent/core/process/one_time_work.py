"""Work that is done once in a process and imports modules: forks wait for it.

A child that is forked in the middle of it would find the locks of its imports held for ever, and hang at its own first
call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Event, get_ident
from typing import Final, TypeVar

from voltagent.core import clock

R = TypeVar("R")

FORK_SECONDS: Final = 5.0  # that a fork waits at most for such work of other threads
_LOOK_SECONDS: Final = 0.002
_workers: Final[dict[int, None]] = {}  # the threads that do such work
_after_broken_fork: Final[list[Callable[[], None]]] = []


def in_one_piece(work: Callable[[], R]) -> R:
    """Do work during which no child is forked by another thread, unless it takes longer than :data:`FORK_SECONDS`."""
    me = get_ident()
    is_outermost = me not in _workers
    try:
        _workers[me] = None
        return work()
    finally:
        if is_outermost:
            _workers.pop(me, None)


def is_running_here() -> bool:
    """Return whether this thread does such work, further out on its stack."""
    return get_ident() in _workers


def after_broken_fork(function: Callable[[], None]) -> None:
    """Call a function in each child that was forked in the middle of such work after all."""
    _after_broken_fork.append(function)


def _others_work() -> bool:
    return len(_workers) > is_running_here()


def _before_fork() -> None:
    until, pause = clock.monotonic() + FORK_SECONDS, Event()  # never set; only to wait on
    while _others_work() and clock.monotonic() < until:
        pause.wait(_LOOK_SECONDS)


def _after_fork() -> None:
    if _others_work():
        _workers.clear()
        for function in _after_broken_fork:
            function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
