"""Which threads are inside of some work or have a lock, for what runs further in on their stack."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

R = TypeVar("R")


class ThreadMarks:
    """The threads that do work of one kind."""

    def __init__(self) -> None:
        self._threads: dict[int, None] = {}

    def run(self, work: Callable[[], R]) -> R:
        """Do such work on this thread, which may be inside of it already."""
        me = threading.get_ident()  # by the module: gevent may replace it later, and then each greenlet is a thread
        is_outermost = me not in self._threads
        try:
            self._threads[me] = None
            return work()
        finally:
            if is_outermost:
                self._threads.pop(me, None)

    def has_this(self) -> bool:
        """Return whether this thread does such work, further out on its stack."""
        return threading.get_ident() in self._threads

    def has_others(self) -> bool:
        """Return whether another thread does."""
        return len(self._threads) > self.has_this()

    def forget_others(self) -> None:
        """Forget, in a forked child, the threads that it does not have: new ones may get their numbers."""
        mine = self.has_this()
        self._threads.clear()
        if mine:
            self._threads[threading.get_ident()] = None


def is_held_here(lock: Any) -> bool:
    """Return whether this thread has a lock of type ``threading.RLock``, and what runs is a finalizer, say."""
    return bool(lock._is_owned())  # noqa: SLF001 - as `threading.Condition` asks it
