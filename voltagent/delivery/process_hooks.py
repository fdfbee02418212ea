"""How a process ends, and how it forks: one hook for each, for all workers together.

A process that may be terminated as soon as the result of a task is there, as by a pool, runs no hook: there the end of
its outermost operation waits a moment, in the task's own turn, for the records to reach the destination.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

from voltagent.core import clock
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.kept_contexts import stop_watching_collections
from voltagent.core.process import exit_hook
from voltagent.core.process.stderr import print_exit_lines
from voltagent.core.span import Phase, SpanEvent
from voltagent.delivery.losses import forget_losses
from voltagent.delivery.report import ReportFuture
from voltagent.delivery.shutdown import REFUSED_SECONDS

if TYPE_CHECKING:
    from voltagent.delivery.counts import Account
    from voltagent.delivery.worker import Worker

# The end of an outermost operation in a process of `multiprocessing` waits 50 ms, in turns: on a machine that is too
# busy to give the sender its share of that time, a turn takes longer.
_TURN: Final = 0.005  # seconds
_TURNS: Final = 10
_TASK_END: Final = 1.0  # seconds that all turns together take at most


class _Renewed(Protocol):
    def after_fork(self) -> None: ...


_workers: Final[WeakSet[Worker]] = WeakSet()
_renewed: Final[WeakSet[_Renewed]] = WeakSet()
# "left": when the exit hook ran; "late": seconds of sending since then; "pid": the child that has its finalizer
_state: Final[dict[str, float]] = {}


def watch(worker: Worker) -> None:
    """Have the worker finish at exit and start anew in forked children."""
    _workers.add(worker)


def renew(part: _Renewed) -> None:
    """Have a part that has nothing to finish at exit start anew in forked children."""
    _renewed.add(part)


def has_left() -> bool:
    """Return whether the exit hook has run: from now on only the recording thread itself can send."""
    return "left" in _state


def late_budget() -> float:
    """Return seconds that the sending of records of later exit hooks and finalizers may still take, all together."""
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
    """Send what is left at the end of the process, at all destinations at the same time, and print what was lost."""
    if has_left():
        return
    workers = list(_workers)
    now = clock.monotonic()
    try:
        stops = [worker.leave(now) for worker in workers]
        for worker, stop in zip(workers, stops, strict=True):
            worker.wait_until_left(stop)
    except KeyboardInterrupt:
        pass  # Ctrl-C while we wait: the user wants to go, and no traceback
    finally:
        _state["left"] = clock.monotonic()
        stop_watching_collections()
    for worker in workers:
        for account in list(worker.accounts):
            worker.loop.closing.count_losses(account)
    print_exit_lines()


def _forked() -> None:
    _state.clear()
    forget_losses()
    for part in (*_renewed, *_workers):
        part.after_fork()


def ends_task(event: SpanEvent) -> bool:
    """Return whether this process may end any moment now, without an exit hook."""
    phase, span, _ = event
    return phase is Phase.END and span.is_outermost and exit_hook.is_worker_process()


def wait_at_task_end(worker: Worker, account: Account) -> None:
    """Send what was recorded, and wait for it a moment: in the task's own turn, as the process may be terminated."""
    if worker.cannot_wait():
        return  # a finalizer on the thread that sends
    future = _flushing(worker, account, _TASK_END)
    if not any(_is_settled_in_a_turn(future) for _ in range(_TURNS)):
        with suppress(ValueError):  # it was settled just now
            account.futures.remove(future)


def flush_all() -> list[ReportFuture]:
    """Begin to send what all SDKs recorded so far, with the time that an exit has if connections are refused."""
    able = [worker for worker in list(_workers) if not worker.cannot_wait()]
    return [_flushing(worker, account, REFUSED_SECONDS) for worker in able for account in list(worker.accounts)]


def _flushing(worker: Worker, account: Account, seconds: float) -> ReportFuture:
    future = ReportFuture(clock.monotonic() + seconds, lambda: worker.stats(account), [account])
    worker.flush(account, future)
    return future


def _is_settled_in_a_turn(future: ReportFuture) -> bool:
    """Wait for a short time; return whether the report is there."""
    try:
        future.result(_TURN)
    except FutureTimeoutError as exc:
        pass_on_interrupt(exc)  # a signal handler of the program may raise that very class
        return False
    return True


exit_hook.call_at_exit(_leave)
if exit_hook.began():
    _state["left"] = clock.monotonic()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
