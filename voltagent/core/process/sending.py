"""The threads that send. What the program has run on one, such as a finalizer, must not wait for what only it does."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import get_ident
from typing import Final

from voltagent.core.process import exit_hook

_threads: Final[dict[int, None]] = {}


def send_here(work: Callable[[], None]) -> None:
    """Do work that sends on this thread."""
    me = get_ident()
    is_outermost = me not in _threads
    try:
        _threads[me] = None
        work()
    finally:
        if is_outermost:
            _threads.pop(me, None)


def start_thread(work: Callable[[], None], name: str) -> bool:
    """Do such work on a daemon thread; return false if none can be started."""
    return exit_hook.start_thread(lambda: send_here(work), name)


def is_sending() -> bool:
    """Return whether this thread sends, further out on its stack."""
    return get_ident() in _threads


def _after_fork() -> None:
    """Forget the threads that the child does not have: others will get their numbers."""
    here = is_sending()
    _threads.clear()
    if here:
        _threads[get_ident()] = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
