"""How a process ends, and how it forks: one hook for each, for all workers together.

A process that may be terminated as soon as the result of a task is there, as by a pool, runs no hook: there the end of
its outermost operation waits a moment, in the task's own turn, for the records to reach the destination.

Threads of a child of ``multiprocessing`` may go on after its main function, with which the hook is called before Python
3.13. So a thread of ours that the process waits for sends what they record, and leaves when it is the last one.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

from voltagent.core import clock, guard
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.kept_contexts import stop_watching_collections
from voltagent.core.process import exit_hook, own_threads
from voltagent.core.process.stderr import print_exit_lines
from voltagent.core.span import Phase, SpanEvent
from voltagent.delivery.losses import forget_losses
from voltagent.delivery.options import NEVER
from voltagent.delivery.report import Report, ReportFuture
from voltagent.delivery.shutdown import REFUSED_SECONDS, SILENCE

if TYPE_CHECKING:
    from voltagent.delivery.account import Account
    from voltagent.delivery.worker import Worker

# The end of an outermost operation in a worker process waits 50 ms, in turns: on a machine that is too
# busy to give the sender its share of that time, a turn takes longer, and turns in which the sender waited for a
# processor do not count.
_TURN: Final = 0.005  # seconds
_TURNS: Final = 10
_TASK_END: Final = 1.0  # seconds that all turns together take at most
# What threads of a child record after its main function is sent in rounds:
_ROUND: Final = 0.5  # seconds that one takes at most
_PAUSE: Final = 0.05  # seconds between two
_TRIES: Final = 20  # rounds in which nothing is accepted, after which it ends


class _Renewed(Protocol):
    def after_fork(self) -> None: ...


_workers: Final[WeakSet[Worker]] = WeakSet()
_renewed: Final[WeakSet[_Renewed]] = WeakSet()
# "left": when the exit hook ran; "late": seconds of sending in it and since then; "vain": those since then in which
# nothing was accepted; "pid": the child that has its finalizer; "kept": since when a thread of ours keeps a child from
# ending
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


def send_late(worker: Worker) -> None:
    """Send on this thread what a later exit hook or finalizer recorded.

    The exit and all of these together have the timeout while a destination accepts what it gets, else some seconds.
    """
    began, progress = clock.monotonic(), worker.progress
    late, vain = _state.get("late", 0.0), _state.get("vain", 0.0)
    left = min(worker.dispatcher.options.timeout - late, SILENCE - vain, REFUSED_SECONDS - progress.in_vain)
    progress.begin(began)
    try:
        worker.run_here(began + max(0.0, left))
    except KeyboardInterrupt:
        _state["late"] = NEVER  # the user wants to go
        raise
    now = clock.monotonic()
    _state["late"], _state["vain"] = late + now - began, vain + progress.end(now)


def register() -> None:
    """At the first record of a process: ask what started it to run the hook, where it skips those of ``atexit``.

    A child process forgets such a request as it starts, so it cannot be made earlier.
    """
    for name in _STARTERS:
        util, process = sys.modules.get(f"{name}.util"), sys.modules.get(f"{name}.process")
        if util is None or process is None or process.parent_process() is None or _state.get("pid") == os.getpid():
            continue
        _state["pid"] = os.getpid()
        util.Finalize(None, _leave_child, exitpriority=100)


_STARTERS: Final = ("multiprocessing", "multiprocess")  # the second is made of the first, for what needs dill


def _leave_child() -> None:
    """Leave, unless threads go on that the process will wait for."""
    if not (own_threads.has_threads() and own_threads.threads_go_on(0.0) and _keep_process()):
        _leave()


def _keep_process() -> bool:
    """Have a thread of ours send what is recorded before the process ends; return whether there is one."""
    now = clock.monotonic()
    if _state.setdefault("kept", now) is not now:  # in one step: of several threads, one starts it
        return True
    if own_threads.start_thread(_send_last, "voltagent-last", daemon=False):
        return True
    _state.pop("kept", None)
    return False


def _send_last() -> None:
    with guard.guard:
        _send_in_rounds()
    _state.pop("kept", None)


def _send_in_rounds() -> None:
    """Send until nothing waits, or no thread of the program goes on: then leave.

    It does not stay longer, as a thread of the program may wait until it is the only one.
    """
    tries = _TRIES
    while tries:
        _state["kept"] = clock.monotonic()
        before = _counts().accepted
        for future in flush_all(_ROUND):
            future.result()
        if not own_threads.threads_go_on(_PAUSE):
            _leave()
            return
        tries = _TRIES if _counts().accepted > before else tries - 1
        if not _counts().pending:
            _state.pop("kept", None)
            if not _counts().pending:  # else it was recorded just before
                return


def _counts() -> Report:
    return sum([worker.stats(account) for worker in list(_workers) for account in list(worker.accounts)], Report())


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
        _state["late"] = NEVER  # Ctrl-C while we wait: the user wants to go, and no traceback
    finally:
        _state["left"] = clock.monotonic()
        _state.setdefault("late", _state["left"] - now)
        stop_watching_collections()
    for worker in workers:
        if worker.loop.owner is None:
            worker.loop.closing.note_left()  # also if it had nothing to do, or was interrupted
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
    if not threading.main_thread().is_alive() and own_threads.has_threads() and _keep_process():
        return  # only threads go on, and one of ours sends it, with what else is recorded meanwhile
    counted = own_threads.seconds_kept_waiting(worker.loop.owner)
    future = _flushing(worker, account, _TASK_END)
    turns = _TURNS
    while turns:
        if is_settled_in_a_turn(future):
            return
        turns -= 1
        if not turns:
            waited = own_threads.seconds_kept_waiting(worker.loop.owner)
            turns = max(0, int((waited - counted) / _TURN))  # less if it cannot be read now, or another thread sends
            counted += turns * _TURN
    account.futures.pop(future, None)


def flush_all(seconds: float = REFUSED_SECONDS) -> list[ReportFuture]:
    """Begin to send what all SDKs recorded so far; by default with the time that an exit has if it is refused."""
    able = [worker for worker in list(_workers) if not worker.cannot_wait()]
    return [_flushing(worker, account, seconds) for worker in able for account in list(worker.accounts)]


def _flushing(worker: Worker, account: Account, seconds: float) -> ReportFuture:
    future = ReportFuture(clock.monotonic() + seconds, lambda: worker.stats(account), [account])
    worker.flush(account, future)
    return future


def is_settled_in_a_turn(future: ReportFuture) -> bool:
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
