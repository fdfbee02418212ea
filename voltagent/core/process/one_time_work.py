"""Work that is done once in a process and imports modules: forks wait for it.

A child that is forked in the middle of it would find the locks of its imports held for ever, and hang at its own first
call.
"""

from __future__ import annotations

import _imp
import _thread
import gc
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

from voltagent.core import clock
from voltagent.core.process import own_threads
from voltagent.core.process.thread_marks import ThreadMarks

R = TypeVar("R")

FORK_SECONDS: Final = 5.0  # that a fork waits at most for such work of other threads
_LOOK_SECONDS: Final = 0.002
WAIT_SECONDS: Final = 30.0  # that a call waits at most for the work that it needs...
STUCK_SECONDS: Final = 3.0  # ...and for work that does not get on, perhaps because it needs what this thread holds
_BEGIN_SECONDS: Final = 0.3  # that a call waits at most for its begin; then it does it itself
_threads: Final = ThreadMarks()  # those that do it
_after_broken_fork: Final[list[Callable[[], None]]] = []


def in_one_piece(work: Callable[[], R]) -> R:
    """Do work during which no child is forked by another thread, unless it takes longer than :data:`FORK_SECONDS`."""
    return _threads.run(work)


is_running_here: Final = _threads.has_this


def after_broken_fork(function: Callable[[], None]) -> None:
    """Call a function in each child that was forked in the middle of such work after all."""
    _after_broken_fork.append(function)


def _before_fork() -> None:
    until = clock.monotonic() + FORK_SECONDS
    while _threads.has_others() and clock.monotonic() < until:
        pause()


def pause(seconds: float = _LOOK_SECONDS) -> None:
    """Wait for a moment, in C: what a signal handler raises inside of an ``Event`` may get lost."""
    held = _thread.allocate_lock()
    held.acquire()
    held.acquire(timeout=seconds)


def _after_fork() -> None:
    """Forget, in a forked child, the work of threads that only the parent has."""
    if not is_running_here():
        for work in _current.values():
            work.collect_again()
        _current.clear()  # the thread that does it is in the parent
    if _threads.has_others():
        _threads.forget_others()
        for function in _after_broken_fork:
            function()


class _Work:
    """Work that all threads wait for."""

    def __init__(self, function: Callable[[], object], caller: FrameType, needs: int) -> None:
        self._function = function
        self._begins: Final = deque((True,))  # taken in one step of C by who begins it, or gives it up
        self.caller: FrameType | None = caller
        self.needs = needs  # the thread that needs it
        self.thread = 0
        self.keeps_garbage = False
        self.is_over = False
        self.error: BaseException | None = None

    def run(self) -> None:
        """Do the work, unless the thread that needs it was interrupted; keep what it raises for that thread."""
        if not self.take():
            return  # the thread that needs it was interrupted
        self.thread = threading.get_ident()
        try:
            in_one_piece(self._function)
        except BaseException as exc:  # it is raised in the thread that needs it
            self.error = exc
        finally:
            self.is_over = True
            self.caller = None
            _current.clear()
            self.collect_again()

    def keep_garbage(self) -> None:
        """Keep garbage from being collected during the work, unless the program does so itself.

        The thread that does the work allocates most, and would collect it: what a finalizer does there is not recorded.
        """
        if gc.isenabled():
            self.keeps_garbage = True  # before it is so: an interrupt may come in between
            gc.disable()

    def collect_again(self) -> None:
        """Let garbage be collected as before the work."""
        if self.keeps_garbage:
            gc.enable()

    def take(self) -> bool:
        """Return whether it was neither begun nor given up, and so begins, or is given up, now."""
        try:
            return self._begins.pop()
        except IndexError:
            return False

    def wait(self) -> None:
        """Wait for the end of the work, as long as it gets on."""
        began = moved = clock.monotonic()
        place = own_threads.place_of(self.thread)
        while not self.is_over and _current.get("work") is self:
            now = clock.monotonic()
            if place != (place := own_threads.place_of(self.thread)):
                moved = now
            if now - began > WAIT_SECONDS or now - moved > STUCK_SECONDS:
                return
            if not self.thread and now - began > _BEGIN_SECONDS:
                self.run()  # its thread may be this one, on which a finalizer came before it
            pause()


_current: Final[dict[str, _Work]] = {}  # the work that is needed and not over


def do_once(function: Callable[[], object]) -> None:
    """Do work of which there is one at a time, on a thread of its own, and wait for it, as other threads do meanwhile.

    So its imports are not torn apart by an interrupt of the program, which would pass unnoticed inside of some of them.
    A finalizer or signal handler may wait as well, as the work continues beside them. Only a call below the work itself
    returns at once.

    Raises:
        BaseException: what the work has raised, to the caller whose function it was.
    """
    me = threading.get_ident()
    work = _Work(function, sys._getframe(1), me)  # noqa: SLF001 - for those who report where it comes from  # pyright: ignore
    try:
        current = _current.setdefault("work", work)
        if current is work:
            work.keep_garbage()
        if current.needs == me and not current.thread:  # else a finalizer came before it, and begins it
            _begin(current)
        if current.thread != me and own_threads.has_threads():
            current.wait()
        if work.error is not None:
            raise work.error
    finally:
        if work.take() and _current.get("work") is work:
            _current.clear()
            work.collect_again()


def _begin(work: _Work) -> None:
    """Begin the work on a thread of its own, or do it here if there can be none, or if it would wait for this one."""
    may_wait = own_threads.has_threads() and not _may_hold_import_lock(work)
    if not (may_wait and own_threads.start_thread(work.run, "voltagent-start")):
        work.run()


def _may_hold_import_lock(work: _Work) -> bool:
    """Return whether the thread may have the lock of all imports, as in a finder on ``sys.meta_path``."""
    frame = work.caller if _imp.lock_held() else None
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def is_idle() -> bool:
    """Return whether no work is left."""
    return not _current


def caller() -> FrameType:
    """Return the frame that needs the work that this thread does, else that of the caller of this function."""
    work = _current.get("work")
    found = None if work is None or work.thread != threading.get_ident() else work.caller
    return found or sys._getframe(1)  # noqa: SLF001 - there is no other way to it  # pyright: ignore


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
