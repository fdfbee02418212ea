"""The way to one destination: one thread that takes what the accounts hold, sends it in batches and heeds the answers.

It is put together of plain parts: accounts (one for each SDK that shares it), a buffer, a storage, a dispatcher with
the state of the destination, and a loop with the policies of those that shut down.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from weakref import ref

from voltagent.core import clock, guard
from voltagent.core.awaitable import loop_is_running
from voltagent.core.process import exit_hook, own_threads, sending
from voltagent.core.process.thread_marks import is_held_here, release_here, run_alone, run_under, usable
from voltagent.core.span import Span
from voltagent.delivery import process_hooks
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.destination_state import State
from voltagent.delivery.dispatcher import Dispatcher
from voltagent.delivery.eviction import evict
from voltagent.delivery.loop import Loop, amount
from voltagent.delivery.options import WorkerOptions
from voltagent.delivery.processing import Processing
from voltagent.delivery.report import Report, ReportFuture
from voltagent.delivery.shutdown import REFUSED_SECONDS, Progress, Shutdown
from voltagent.delivery.storage import MemoryStorage, Storage
from voltagent.exporters import Announcing, Exporter

if TYPE_CHECKING:
    from voltagent.storage.spool.spool import Spool

_MOVED: Final = 16  # entries that a caller moves if the queue is full: a call must stay within 100 µs
_STARTING: Final = 1.0  # seconds after which a thread that was to start and did not is started again


class Worker:
    """Sends what the SDKs that share it record for one destination; what waits is in the spool, if there is one."""

    def __init__(self, exporter: Exporter, options: WorkerOptions, processing: Processing, spool: Spool | None) -> None:
        self.exporter = exporter
        self._options, self._processing, self._spool = options, processing, spool
        self.shared_with: Callable[[], object] = lambda: None  # what must live as long as the thread does
        self._compose(forked_at=0)
        process_hooks.watch(self)

    def _compose(self, forked_at: int) -> None:
        """Make all parts, at the beginning and in a forked child."""
        self.accounts: list[Account] = []
        self.buffer = Buffer(forked_at)
        parts = self.accounts, self.buffer, self._options
        self.storage: Storage = MemoryStorage(*parts, self._processing)
        if self._spool is not None:
            from voltagent.delivery.spooling.storage import SpoolStorage  # with sqlite3: only for those who request it

            self.storage = SpoolStorage(*parts, self._spool, self.exporter, self._processing)
        self.dispatcher = Dispatcher(self.exporter, self._options, self.buffer, self.storage)
        self.loop = Loop(self.accounts, self.dispatcher)
        self._thread: threading.Thread | None = None
        self._start_again = 0.0
        self.progress = Progress(self.accounts, self.dispatcher.last_answer)

    # What callers use: nothing waits, except for `flush` and `shutdown` if no thread can be started.

    def join(self, account: Account, sender: object) -> None:
        """Send for one more SDK."""
        account.worker, account.sender = self, ref(sender, self.loop.wake)
        self.accounts.append(account)

    def has_space(self, size: int, span: Span) -> bool:
        """Return whether there is space for that much payload of ``span``; if not, drop the oldest unsent traces."""
        if self._is_within_limits(size):
            return True
        self.dispatcher.log.is_full = True
        if self.storage.survives or self.loop.closing.leaving is not None:
            # what waits is on disk; or what was recorded before the end of the process comes before what other threads
            # record meanwhile
            return False
        self._free_locks()
        # not in a finalizer, or a signal handler, that came while the buffer is being changed
        return bool(run_alone(self.buffer.lock, lambda: self._make_space(size, span)))

    def _is_within_limits(self, size: int) -> bool:
        (entries, held), options = amount(self.accounts, self.buffer), self.dispatcher.options
        return entries < options.queue_events and held + size <= options.queue_bytes

    def _make_space(self, size: int, span: Span) -> bool:
        for account in list(self.accounts):
            self.buffer.take_first(account.waiting, _MOVED, account)
        del self.buffer.evicted[-4 * _MOVED :]
        while not self._is_within_limits(size):
            if not evict(self.buffer, span):
                return False
        return True

    def start(self) -> bool:
        """Make sure that the thread runs; False if no thread can be started."""
        now = clock.monotonic()
        if self.loop.owner is not None or now < self._start_again:
            return True
        self._start_again = now + _STARTING
        process_hooks.register()
        if sending.start_thread(self._run, f"voltagent-{self.exporter.name}"):
            return True
        self._start_again = 0.0
        return False

    def flush(self, account: Account, future: ReportFuture) -> None:
        """Send what was recorded so far; the future is settled when that is done."""
        account.futures[future] = None
        self.loop.is_requested = True
        self._call_thread(account, future.deadline)

    def shutdown(self, account: Account, future: ReportFuture, *, gives_up: bool = False) -> None:
        """End what is open as cancelled, send everything, and take nothing more from this SDK."""
        survives, now = self.storage.survives, clock.monotonic()
        account.is_closed = True
        account.limit = -1
        if account.shutdown is None:
            until = future.deadline - (min(0.5, (future.deadline - now) / 2) if survives else 0.0)
            account.shutdown = Shutdown(now, until, gives_up=gives_up, is_kept=survives)
        account.futures[future] = None
        self.dispatcher.end_by(account.shutdown.batch_deadline(now))
        self._call_thread(account, future.deadline)

    def _call_thread(self, account: Account, deadline: float) -> None:
        """Make the thread look at the requests of an SDK; do the work here if no thread can be started."""
        if account.is_finished or (self.loop.owner is None and not self._has_work(account)):
            account.is_finished = account.is_finished or account.shutdown is not None
            account.settle_futures()
            return
        if self.loop.owner is None:
            self._start_again = 0.0
        elif sys.is_finalizing():
            account.settle_futures()  # the thread that sends was stopped for good
            return
        if self.start():
            self.loop.wake()
        elif loop_is_running():
            account.settle_futures()  # cannot block an event loop: resolve now with the current counts
        else:
            self.run_here(deadline)

    def stats(self, account: Account) -> Report:
        """Return the counts of one SDK so far."""
        self._free_locks()
        # the lock is re-entrant, and never held for long: a finalizer on this very thread need not wait
        report = run_under(self.buffer.lock, lambda: account.report() + self.dispatcher.answered(account))
        stop = account.shutdown or self.loop.closing.leaving
        is_over = account.is_finished or (stop is not None and stop.is_over(clock.monotonic()))
        lost = report.pending if is_over else 0
        if self.storage.survives:  # what was recorded since its end does not come to the disk any more
            lost = 0 if account in self.accounts else account.waiting_events()
        if not lost:
            return report
        return replace(report, pending=report.pending - lost) + Report(dropped={"shutdown_timeout": lost})

    def is_stuck(self, account: Account) -> bool:
        """Return whether a shutdown of an SDK need not be waited for, as the thread that sends hangs."""
        return account.shutdown is not None and self.loop.is_stuck(account.shutdown)

    def cannot_wait(self) -> bool:
        """Return whether this very thread has to do something before a request to send can end."""
        return sending.is_sending() or is_held_here(self.buffer.lock)

    # The end of a process, and forks.

    def leave(self, now: float) -> Shutdown:
        """Finish by the rules for the end of the process. Does not wait."""
        deadline = now + self.dispatcher.options.timeout
        self.progress.begin(now)
        stop = self.loop.closing.leaving = Shutdown(now, deadline, gives_up=True, is_kept=self.storage.survives)
        self.dispatcher.end_by(stop.batch_deadline(now))
        ends = [account.shutdown for account in self.accounts]
        if ends and all(end is not None and end.has_hung for end in ends):
            stop.give_up()  # a timeout of the program that has passed is no reason: the thread may be writing to disk
        for account in self.accounts:
            account.begin_to_leave()
        if self.loop.owner is not None:
            self.loop.wake()
        return stop

    def wait_until_left(self, stop: Shutdown) -> None:
        """Wait for the thread to finish, as long as there is hope; without a thread, finish here."""
        has_left = self.loop.closing.has_left  # what threads that never pause recorded since then would take too long
        if self.loop.owner is None and not has_left and any(self._has_work(account) for account in self.accounts):
            self.run_here(stop.deadline)
        owner = self.loop.owner
        thread = own_threads.as_thread(owner) or self._thread
        while thread is not None and thread.is_alive():
            left = stop.seconds_left(clock.monotonic(), self.dispatcher.last_answer())
            if left <= 0:
                break
            thread.join(min(left, 0.5))
        if self.storage.survives is True and any(account.waiting or self.buffer.open for account in self.accounts):
            self.loop.closing.end_open_spans()
            self.storage.accept(patience=1.0)
        elif self.dispatcher.state.current is State.UP and any(account.waiting for account in self.accounts):
            # threads that Python joins later recorded it since the last look; there may be no other occasion
            self.run_here(clock.monotonic() + REFUSED_SECONDS)
        for account in self.accounts:
            account.limit = -1  # what later hooks record is looked at more closely
        self.progress.end(clock.monotonic())

    def after_fork(self) -> None:
        """Start anew in a forked child: what was pending is the parent's to send."""
        used = [(account, sender) for account in self.accounts if (sender := account.sender()) is not None]
        self.accounts.clear()  # a loop that runs on this very thread ends
        self._compose(clock.nanoseconds())
        for account, sender in used:
            account.begin()
            self.join(account, sender)
        if self._spool is not None:
            self._spool.after_fork()
        self.exporter.after_fork()

    def run_here(self, deadline: float) -> None:
        """Run the loop on this thread, as no other can be had."""
        self._free_locks()
        me, was_held = object(), is_held_here(self.buffer.lock)

        def run() -> None:
            own = Shutdown(clock.monotonic(), deadline, gives_up=process_hooks.has_left())
            try:
                with exit_hook.imports_kept(), sending.fatal_signals_held():
                    sending.send_here(lambda: self.loop.run(own))
            except BaseException:  # an interrupt of the program's
                if self.loop.owner is me:
                    if not was_held:  # by what is further out on the stack of a finalizer
                        release_here(self.buffer.lock)
                    self.dispatcher.recover()
                raise

        self.loop.run_by(me, run)

    def _free_locks(self) -> None:
        """Wait for no thread that the end of the interpreter stopped with a lock."""
        self.buffer.lock = usable(self.buffer.lock)
        self._processing.free_lock()

    def _has_work(self, account: Account) -> bool:
        """Return whether the thread has anything to do for an SDK."""
        stops = account.shutdown is not None or self.loop.closing.leaving is not None
        is_requested = self.loop.is_requested or account.shutdown is not None
        return (
            not account.is_settled()
            or (stops and bool(self.storage.open_spans()))
            or (self.storage.survives is True and self.storage.has_work(looks=is_requested))
        )

    # The thread.

    def announce(self) -> None:
        """Prepare the destination for what will be recorded, where it needs that. May wait for the disk."""
        if isinstance(self.exporter, Announcing):
            with guard.guard:
                self.exporter.announce()

    def _run(self) -> None:
        """Run the loop on this thread, unless another one does."""
        keep, me = self.shared_with(), threading.current_thread()
        while self.loop.run_by(me, self._run_safely):  # else another thread was quicker
            if self.loop.closing.has_left or not any(account.waiting or account.futures for account in self.accounts):
                break  # what other threads still record at the end of the process would keep it for ever
        del keep

    def _run_safely(self) -> None:
        """Run the loop until it ends by itself: whatever is raised meanwhile, sending continues."""
        error: BaseException | None = None
        self._thread = threading.current_thread()
        self._start_again = 0.0  # it has started; when it ends, the next record starts another one
        while True:
            try:
                if error is not None:
                    self._recover()
                    if guard.is_ours(error):
                        guard.Guard.swallowed(error)
                    self.loop.signal.acquire(timeout=0.1)
                self.announce()  # here, where no other thread does: the end of the process could stop it with a lock
                self.loop.run(None)
                return
            except BaseException as exc:  # noqa: PERF203 - a call less where nothing fails
                if exc is error:
                    raise  # by the guard, in tests
                if own_threads.is_killed(exc):
                    self._recover()
                    for account in list(self.accounts):
                        account.mark = 0  # the next record starts another thread
                    raise
                error = exc  # whatever it is, it must not end the sending for good

    def _recover(self) -> None:
        """Let wait again what was under way when a run ended."""
        release_here(self.buffer.lock)
        self.dispatcher.recover()
