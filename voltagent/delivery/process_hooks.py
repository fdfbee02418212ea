"""How a process ends, and how it forks: one hook for each, for all workers together.

A process that may be terminated as soon as the result of a task is there, as by a pool, runs no hook: there the end of
its outermost operation waits, in the task's own turn, until the records are at the destination.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakSet

from voltagent.core import clock, process_exit
from voltagent.core.span import Phase, SpanEvent
from voltagent.core.stderr import print_exit_lines
from voltagent.delivery.destination_state import State
from voltagent.delivery.losses import forget_losses
from voltagent.delivery.report import ReportFuture
from voltagent.delivery.shutdown import REFUSED_SECONDS, Shutdown

if TYPE_CHECKING:
    from voltagent.delivery.counts import Account
    from voltagent.delivery.worker import Worker

_WAIT: Final = 0.05  # seconds that any process of `multiprocessing` waits, also if the destination is silent
_FIRST_ANSWER: Final = 0.25  # for the first answer where it may be terminated: connections and threads are new then
_NEXT_ANSWER: Final = 1.0  # for each further one, as the destination is known to answer
_LONGEST: Final = 2.0  # whatever happens


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


def ends_task(event: SpanEvent) -> bool:
    """Whether this process may end any moment now, without an exit hook."""
    return event[0] is Phase.END and event[1].is_outermost and process_exit.is_worker_process()


class TaskEnd:
    """Waits for the records of a task, as long as there is hope.

    Args:
        worker: what sends them.
    """

    __slots__ = ("_silent_since", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._silent_since: float | None = None  # the last answer before one that did not come

    def wait(self, account: Account) -> None:
        """Send what was recorded, and wait for it."""
        worker, began = self._worker, clock.monotonic()
        while True:
            now = clock.monotonic()
            future = ReportFuture(now + _WAIT, lambda: worker.stats(account), [account])
            worker.flush(account, future)
            future.result()
            if worker.loop.closing.is_settled(account) or not process_exit.is_terminated_at_will():
                return
            now = clock.monotonic()
            if now - began >= _LONGEST or not self._is_hopeful(now, began):
                return

    def _is_hopeful(self, now: float, began: float) -> bool:
        """Whether the destination may still answer; one that kept silent gets no more patience until it answers."""
        worker = self._worker
        if worker.exporter.name == "local":
            return True  # no network: the write is under way, or another process has its turn
        state = worker.dispatcher.state
        if state.current is not State.UP or now < state.until:
            return False
        answered = worker.dispatcher.last_answer()
        if answered == self._silent_since:
            return False
        if now - max(began, answered) < (_NEXT_ANSWER if answered else _FIRST_ANSWER):
            return True
        self._silent_since = answered
        return False


process_exit.call_at_exit(_leave)
if process_exit.began():
    _state["left"] = clock.monotonic()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
