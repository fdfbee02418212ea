"""Which threads are inside of some work or have a lock, for what runs further in on their stack.

CPython 3.10 looks for signals before it runs a handler of an exception: a signal that comes while the exception of an
earlier one is raised keeps a ``with`` block from releasing its lock, and a ``finally`` from beginning. Before a ``try``
it does not look. So what must be undone is undone in a ``try`` that is the first statement of a ``finally``.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

R = TypeVar("R")
_NOT_HELD: Final = "cannot release un-acquired lock"  # an interrupt came before it was; gevent adds the owner


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
            try:  # see above
                if is_outermost:
                    self._threads.pop(me, None)
            finally:
                pass

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


def usable(lock: Any) -> Any:
    """Return a lock of type ``threading.RLock``; a new one if a thread has it that the end of the interpreter stopped.

    No other thread runs from then on, so a lock that is not free never will be.
    """
    if not sys.is_finalizing():
        return lock
    if not lock.acquire(blocking=False):
        return threading.RLock()
    lock.release()
    return lock


def run_under(lock: Any, work: Callable[[], R]) -> R:
    """Do work with a lock of type ``threading.RLock``, which is released whatever comes, as on a program's thread."""
    try:
        lock.acquire()
        return work()
    finally:
        try:  # see above
            lock.release()
        except RuntimeError as exc:
            if not _says_not_held(exc):
                raise  # by a signal handler


def run_alone(lock: Any, work: Callable[[], R], seconds: float = -1) -> R | None:
    """Do work under a lock as :func:`run_under` does, but not while this thread has it: what runs is a finalizer, say.

    Waits for the lock that long, by default for ever. Returns ``None`` if the work is not done.
    """
    if lock._is_owned():  # noqa: SLF001 - see `is_held_here`: a call less
        return None
    try:
        return work() if lock.acquire(timeout=seconds) else None
    finally:
        try:  # see above
            lock.release()
        except RuntimeError as exc:
            if not _says_not_held(exc):
                raise  # by a signal handler


def _says_not_held(exc: RuntimeError) -> bool:
    """Return whether a lock says so, as an interrupt came before it was."""
    message = exc.args[0] if exc.args else None
    return type(message) is str and message.startswith(_NOT_HELD)


def release_here(lock: Any) -> None:
    """Release a lock of type ``threading.RLock`` that an interrupt has left held, where this thread is in no work."""
    while is_held_here(lock):
        lock.release()
