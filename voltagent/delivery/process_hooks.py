"""How a process ends, and how it forks: one hook for each, for all workers together."""

from __future__ import annotations

import os
import sys
from typing import Any, Final, Protocol
from weakref import WeakSet

from voltagent.core import clock, process_exit
from voltagent.core.stderr import print_exit_lines
from voltagent.delivery.losses import forget_losses
from voltagent.delivery.shutdown import REFUSED_SECONDS, Shutdown


class _Worker(Protocol):
    def leave(self, now: float) -> Shutdown: ...
    def wait_until_left(self, stop: Shutdown) -> None: ...
    def count_losses(self) -> None: ...
    def after_fork(self) -> None: ...


class _Renewed(Protocol):
    def after_fork(self) -> None: ...


_workers: Final[WeakSet[Any]] = WeakSet()
_renewed: Final[WeakSet[Any]] = WeakSet()
# "left": when the exit hook ran; "late": seconds of sending since then; "pid": the child that has its finalizer
_state: Final[dict[str, float]] = {}


def watch(worker: _Worker) -> None:
    """Have the worker finish at exit and start anew in forked children."""
    _workers.add(worker)


def renew(part: _Renewed) -> None:
    """Have a part that has nothing to finish at exit start anew in forked children."""
    _renewed.add(part)


def has_left() -> bool:
    """Whether the exit hook has run: from now on only the recording thread itself can send."""
    return "left" in _state


def late_budget() -> float:
    """Seconds that the sending of records of later exit hooks and finalizers may still take, all together."""
    return max(0.0, REFUSED_SECONDS - _state.get("late", 0.0))


def note_late(seconds: float) -> None:
    """Note how long a record of a later exit hook took to send: what the program itself takes does not count."""
    _state["late"] = _state.get("late", 0.0) + seconds


def register() -> None:
    """At the first record of a process: ask ``multiprocessing`` to run the hook, where it skips those of ``atexit``.

    A child process forgets such a request as it starts, so it cannot be made earlier.
    """
    util, process = sys.modules.get("multiprocessing.util"), sys.modules.get("multiprocessing.process")
    if util is None or process is None or process.parent_process() is None or _state.get("pid") == os.getpid():
        return
    _state["pid"] = os.getpid()
    util.Finalize(None, _leave, exitpriority=100)


def _leave() -> None:
    if has_left():
        return
    workers: list[_Worker] = list(_workers)
    now = clock.monotonic()
    try:
        stops = [worker.leave(now) for worker in workers]
        for worker, stop in zip(workers, stops, strict=True):
            worker.wait_until_left(stop)
    except KeyboardInterrupt:
        pass  # Ctrl-C while we wait: the user wants to go, and no traceback
    finally:
        _state["left"] = clock.monotonic()
    for worker in workers:
        worker.count_losses()
    print_exit_lines()


def _forked() -> None:
    _state.clear()
    forget_losses()
    for part in (*_renewed, *_workers):
        part.after_fork()


process_exit.call_at_exit(_leave)
if process_exit.began():
    _state["left"] = clock.monotonic()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
