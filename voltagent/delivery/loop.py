"""The loop of a worker's thread: take in what is due, send it, heed the answers, sleep; and how it ends."""

from __future__ import annotations

import threading
from typing import Final
from weakref import WeakSet

from voltagent.core import clock, guard, process_exit
from voltagent.core.span import CANCELLED, Phase, Span
from voltagent.delivery import process_hooks
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.counts import Account
from voltagent.delivery.destination_state import State
from voltagent.delivery.dispatcher import Dispatcher
from voltagent.delivery.queue import BATCH_BYTES, LARGE, NEVER, Options
from voltagent.delivery.shutdown import Shutdown
from voltagent.delivery.storage import Storage
from voltagent.exporters import Exporter
from voltagent.tracing.token_counts import settle

_LOOK: Final = 0.1  # seconds between two looks at requests that still wait for an answer
_UNFINISHED: Final = b'{"unfinished":true}'


def waiting_bytes(accounts: list[Account], buffer: Buffer) -> int:
    """Bytes that wait in the queues and in the buffer, about."""
    total = buffer.size
    for account in accounts:
        queue = account.queue()
        if queue is not None:
            total += queue.bytes
    return total


class Loop:
    """Decides when to send what; one thread at a time runs it.

    Work starts by one rule: the oldest event that waits is as old as the flush interval, or 4 MiB wait.

    Args:
        exporter: the destination, which is closed at the end.
        options: intervals and limits.
        accounts: the SDKs that share the worker.
        buffer, storage, dispatcher: the parts that it drives.
    """

    def __init__(
        self,
        exporter: Exporter,
        options: Options,
        accounts: list[Account],
        buffer: Buffer,
        storage: Storage,
        dispatcher: Dispatcher,
    ) -> None:
        self._exporter = exporter
        self.options = options
        self._accounts = accounts
        self._buffer = buffer
        self._storage = storage
        self._dispatcher = dispatcher
        self.renew()

    def renew(self) -> None:
        """Begin anew, as in a forked child."""
        self.signal = threading.Lock()  # wakes the thread: its release cannot block
        self.signal.acquire()
        self.owner: object = None  # what runs it: a thread, or a call on a thread of the program
        self.is_alive = False  # whether something does
        self.is_requested = False  # a flush wants what was recorded before it to be sent, however short its timeout
        self.leaving: Shutdown | None = None  # the process is about to end
        self._due = NEVER  # when the oldest event in a queue has waited for long enough
        self._is_child: bool | None = None  # of `multiprocessing`, as far as is known
        self._is_round = False  # all that waits is being sent; nothing newer is taken in meanwhile
        self._ended: WeakSet[Span] = WeakSet()  # spans that were ended by this library, as the program did not

    def wake(self, _: object = None) -> None:
        """Let it look at once. From any thread."""
        try:
            self.signal.release()
        except RuntimeError:
            pass  # it is being woken already

    def stops(self) -> list[Shutdown]:
        if self.leaving is not None:
            return [self.leaving]
        return [account.shutdown for account in self._accounts if account.shutdown is not None]

    def run(self, own: Shutdown | None) -> None:
        """Until no SDK uses the worker any more, or ``own`` ends."""
        while True:
            now = clock.monotonic()
            stops = [own] if own is not None else self.stops()
            self._take_in(now, bool(stops))
            self._dispatcher.collect(now, stops)
            if self._let_go(now) or (own is not None and self._has_ended(now, own)):
                return
            self._settle_waiters(now)
            if self._may_send(now, bool(stops)):
                self._dispatcher.send(now, stops)
            elif not stops or all(self._is_worth_waiting(stop, now) for stop in stops):
                self._sleep(now, stops)

    def _take_in(self, now: float, is_stopping: bool) -> None:
        """Take in what was recorded, if it is due and older things were sent."""
        buffer, storage, state = self._buffer, self._storage, self._dispatcher.state
        is_unauthorized = state.current is State.UNAUTHORIZED
        waits, wanted = False, self.is_requested or is_stopping or is_unauthorized
        for account in self._accounts:
            waits = waits or bool(account.waiting or account.refused)
            wanted = wanted or bool(account.futures)
        interval = self.options.flush_interval
        if waits and self._due == NEVER and interval is not None:
            self._due = now + interval
        is_due = wanted or self._due <= now or waiting_bytes(self._accounts, self._buffer) >= BATCH_BYTES
        has_older = self._is_round and buffer.ready and state.current is State.UP and now >= state.until
        if (is_due and not has_older) or (waits and storage.next_write() <= now):
            self._is_round = self._is_round or is_due
            self.is_requested = False
            if is_due:
                self._due = NEVER  # else it is only time to write
            if is_stopping:
                self.end_open_spans()
            storage.accept()
            self.correct_bytes()
        if is_unauthorized:
            with buffer.lock:
                buffer.drop_waiting("auth")
            state.is_quiet(now)
        elif not (self.leaving is not None or process_hooks.has_left()) and storage.load():
            self._is_round = True

    def correct_bytes(self) -> None:
        """Callers may overwrite each other's additions: start from zero with an empty queue."""
        for account in self._accounts:
            queue = account.queue()
            if queue is not None and not account.waiting:
                queue.bytes = 0

    def _may_send(self, now: float, is_stopping: bool) -> bool:
        """Whether something is ready and due, and the destination can be tried."""
        buffer, state = self._buffer, self._dispatcher.state
        with buffer.lock:
            released = buffer.release(now)
        is_quiet = state.is_quiet(now)
        is_probe = state.current in (State.DOWN, State.PROBING)
        self._is_round = bool(buffer.ready) and (self._is_round or released or is_stopping or is_probe)
        return self._is_round and not is_quiet

    def _is_worth_waiting(self, stop: Shutdown, now: float) -> bool:
        release = self._buffer.next_release()
        ready_at = now if self._buffer.ready or release is None else release
        stop.expect_pause(max(self._dispatcher.state.until, ready_at))
        return stop.seconds_left(now, self._dispatcher.last_answer()) > 0

    def _sleep(self, now: float, stops: list[Shutdown]) -> None:
        """Wait for the signal, or until something is due. An idle worker waits without a limit, so it costs nothing."""
        wake = self.wake_time(now, stops)
        self._set_marks(is_idle=self._due == NEVER)
        if self._due == NEVER:
            for account in self._accounts:
                if account.waiting:
                    return  # it came before the mark was set
        self.signal.acquire(timeout=-1 if wake == NEVER else max(0.0, wake - clock.monotonic()))

    def wake_time(self, now: float, stops: list[Shutdown]) -> float:
        """When to look again if nothing is recorded until then; infinity for not at all."""
        buffer, state = self._buffer, self._dispatcher.state
        wake = self._due
        for account in self._accounts:
            for future in list(account.futures):
                wake = min(wake, future.deadline)
        for stop in stops:
            wake = min(wake, now + max(0.0, stop.seconds_left(now, self._dispatcher.last_answer())))
        if self._dispatcher.in_flight:
            wake = min(wake, now + _LOOK)
        if state.current is State.UNAUTHORIZED or (buffer.ready and self._is_round):
            wake = min(wake, state.until)
        release = buffer.next_release()
        if release is not None:
            wake = min(wake, max(release, state.until))
        if buffer.count or self._storage.pending():
            wake = min(wake, max(now, self._storage.next_write()))
        return wake

    def _set_marks(self, *, is_idle: bool) -> None:
        """Say from which amount on callers wake this thread: any if it is idle, else a batch, or a full queue."""
        buffer, options, state = self._buffer, self.options, self._dispatcher.state
        if self._is_child is None:
            self._is_child = process_exit.is_worker_process()
        queues = [queue for queue in [account.queue() for account in self._accounts] if queue is not None]
        free, held = options.queue_events - buffer.count, buffer.size
        for queue in queues:
            free -= len(queue.waiting)
            held += queue.bytes
        share = max(0, free) // max(1, len(queues)) // (2 if self._storage.survives else 1)
        is_careful = self._is_child or free <= 0 or held >= options.queue_bytes or process_hooks.has_left()
        is_quiet = clock.monotonic() < state.until
        for queue in queues:
            queue.limit_events = len(queue.waiting) + max(1, share)
            queue.limit = -1 if is_careful or queue.is_closed else LARGE
            queue.mark = 0.0 if is_idle else NEVER if is_quiet else float(max(1, BATCH_BYTES - buffer.size))

    # The end of those that shut down, or are not used any more.

    def is_settled(self, account: Account) -> bool:
        return not account.has_work() and (self.leaving is not None or not self._storage.pending(account))

    def _settle_waiters(self, now: float) -> None:
        """Report to those who wait: when all is settled, or when their time is up."""
        for account in list(self._accounts):
            if not account.futures:
                continue
            stop = account.shutdown or self.leaving
            is_settled = stop is None and self.is_settled(account)
            for future in list(account.futures):
                if is_settled or future.deadline <= now:
                    try:
                        account.futures.remove(future)
                    except ValueError:
                        continue
                    future.settle(account)

    def end_open_spans(self) -> None:
        """End the spans that the program did not end, children first, as cancelled and unfinished."""
        for span in self._storage.open_spans():
            account = self._storage.account_of(span)
            if account is None or (account.shutdown is None and self.leaving is None) or span in self._ended:
                continue
            self._ended.add(span)
            if span.end_ns is None:
                _cancel(span)
            if any(more is _UNFINISHED for more in span.more_metadata):  # by this library: by another worker perhaps
                account.waiting.append((Phase.END, span, None))

    def _let_go(self, now: float) -> bool:
        """Finish the accounts that are shut down, and remove those that no SDK uses; whether none is left."""
        leaving = self.leaving
        if leaving is not None:
            last_answer = self._dispatcher.last_answer()
            if not all(self.is_settled(one) for one in self._accounts) and leaving.seconds_left(now, last_answer) > 0:
                return False
            self._close(self._accounts)
            self.leaving = None  # what later exit hooks record is sent by their own thread
            return True
        for account in list(self._accounts):
            stop = account.shutdown
            if stop is None and account.is_over():
                self._count_losses(account)
                self._accounts.remove(account)
            elif stop is not None and self._is_finished(account, stop, now):
                self._finish(account)
                if not self._accounts:
                    return True
        if self._accounts:
            return False
        self._close([])
        return True

    def _is_finished(self, account: Account, stop: Shutdown, now: float) -> bool:
        return self.is_settled(account) or stop.seconds_left(now, self._dispatcher.last_answer()) <= 0

    def _finish(self, account: Account) -> None:
        if len(self._accounts) == 1:
            self._close([account])
            return
        self._dispatcher.forget_in_flight(account)
        if not self._storage.survives:
            self._storage.accept()
            with self._buffer.lock:
                self._dispatcher.log.report_lost(self._buffer.drop_waiting("shutdown_timeout", account))
        account.is_finished = True
        self._count_losses(account)
        self._accounts.remove(account)
        account.settle_futures()

    def _count_losses(self, account: Account) -> None:
        """Add what was lost to the losses of the process, once nothing more is sent of an account."""
        if account.losses is not None:
            with self._buffer.lock:
                report = account.report(self._storage.pending(account))
            account.losses.add(report, keeps=self._storage.survives)
            if account.is_finished:
                account.losses = None  # what comes later is refused, and reported where it is recorded

    def count_losses(self) -> None:
        """The same for all accounts, at the end of the process."""
        for account in self._accounts:
            self._count_losses(account)

    def _close(self, accounts: list[Account]) -> None:
        """Give up what waits, or leave it to the next process, and end the thread."""
        for account in accounts:
            self._dispatcher.forget_in_flight(account)
        self._dispatcher.log.report_lost(self._storage.close(accounts))
        if self.leaving is None:
            for account in accounts:
                account.is_finished = True
            self._accounts.clear()
        for account in accounts:
            self._dispatcher.log.report_end(account.report(self._storage.pending(account)))
            self._count_losses(account)
        self._exporter.close()
        thread = self.owner if isinstance(self.owner, threading.Thread) else None
        self.owner, self.is_alive = None, False  # first: a flush that comes now must not wait for this thread
        for account in accounts:
            for future in account.futures:
                future.ending = thread
            account.settle_futures()

    def _has_ended(self, now: float, own: Shutdown) -> bool:
        settled = all(self.is_settled(account) for account in self._accounts)
        if not settled and own.seconds_left(now, self._dispatcher.last_answer()) > 0:
            return False
        for account in self._accounts:
            account.settle_futures()
        return True


def _cancel(span: Span) -> None:
    span.more_metadata = (*span.more_metadata, _UNFINISHED)
    span.status = CANCELLED
    span.end_ns = span.time_of_end()
    with guard.guard:
        settle(span)  # the tokens of what is below it
