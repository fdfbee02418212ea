"""How sending ends: for an SDK that shuts down, for one that is not used any more, and for the whole process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final
from weakref import WeakSet

from voltagent.core import guard
from voltagent.core.span import CANCELLED, Phase, Span
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.dispatcher import Dispatcher
from voltagent.delivery.losses import add_losses
from voltagent.delivery.report import ReportFuture
from voltagent.delivery.shutdown import TAKES, Shutdown
from voltagent.delivery.waiting_trace import WaitingTrace
from voltagent.tracing.token_counts import settle

UNFINISHED: Final = b'{"unfinished":true}'


class Closing:
    """Reports to those who wait, and ends the accounts of a worker."""

    def __init__(
        self, accounts: list[Account], dispatcher: Dispatcher, release: Callable[[], threading.Thread | None]
    ) -> None:
        self._accounts, self._dispatcher = accounts, dispatcher
        self._release = release  # when the last account ends; it returns the worker's thread, if there is one
        self._buffer, self._storage = dispatcher.buffer, dispatcher.storage
        self.leaving: Shutdown | None = None  # the process is about to end
        self.has_left = False  # it is, and this worker is done
        self.has_taken_all = False  # nothing waits in a queue that did before the last look
        self._ended: WeakSet[Span] = WeakSet()  # spans that were ended by this library, as the program did not

    def settle_waiters(self, now: float) -> None:
        """Report to those who wait: when what was recorded before is settled, or when their time is up."""
        for account in list(self._accounts):
            futures, done = list(account.futures), list[ReportFuture]()
            if not futures:  # those to come wait for what is recorded until then
                continue
            if account.shutdown is None and self.leaving is None:
                done = futures if account.is_settled() else self._reached(account, futures)
            if done:
                account.first_futures = account.older = None
            for future in futures:
                if future in done or future.deadline <= now:
                    account.settle(future)

    def _reached(self, account: Account, futures: list[ReportFuture]) -> list[ReportFuture]:
        """Return the first futures if all that had been recorded before them is settled, although newer events are not.

        After the next look at the queues, all of that is in the buffer, and kept apart from newer events there.
        """
        if account.first_futures is None:
            account.first_futures = futures
        elif account.older is None:
            if self.has_taken_all and not (account.on_way or account.on_disk):
                with self._buffer.lock:
                    account.older = _set_mark(self._buffer, account)
        else:
            while account.older and not account.older[-1].has_older():
                account.older.pop()
            if not account.older:
                return account.first_futures
        return []

    def may_take(self, stop: Shutdown) -> bool:
        """Return whether the queues may be emptied once more at the end of a process or of a run.

        Once for what was recorded before, once for the ends of open spans, and when that is sent, once for the rest.
        """
        return stop.takes < TAKES - 1 or (stop.takes < TAKES and self._is_sent())

    def _is_sent(self) -> bool:
        """Return whether all that was taken from the queues is settled."""
        return all(account.pending <= account.parked for account in self._accounts)

    def end_open_spans(self) -> None:
        """End the spans that the program did not end, children first, as cancelled and unfinished."""
        for span, account in self._storage.open_spans():
            if account is None or (account.shutdown is None and self.leaving is None) or span in self._ended:
                continue
            self._ended.add(span)
            if span.end_ns is None:
                _cancel(span)
            if any(more is UNFINISHED for more in span.more_metadata):  # by this library: by another worker perhaps
                account.waiting.append((Phase.END, span, None))

    def let_go(self, now: float) -> bool:
        """Finish the accounts that are shut down, or that no SDK uses any more; return whether that ends the worker."""
        if self.leaving is not None:
            ended = list(self._accounts) if self._is_over(self.leaving, self._accounts, now) else []
        else:
            ended = [account for account in self._accounts if self._has_ended(account, now)]
        is_last = len(ended) == len(self._accounts)
        self._end(ended, is_last=is_last)
        if is_last and self.leaving is not None:
            self.note_left()
        return is_last

    def note_left(self) -> None:
        """Note that the exit hook has run: what later hooks record is sent by their own thread."""
        self.has_left, self.leaving = True, None

    def _has_ended(self, account: Account, now: float) -> bool:
        stop = account.shutdown
        return account.is_over() if stop is None else self._is_over(stop, [account], now)

    def _is_over(self, stop: Shutdown, accounts: list[Account], now: float) -> bool:
        """Return whether nothing of the accounts waits any more, or the time for it is up."""
        is_leaving = self.leaving is not None
        if all(account.is_settled(is_leaving) for account in accounts) or (stop.takes >= TAKES and self._is_sent()):
            return True
        return stop.seconds_left(now, self._dispatcher.last_answer()) <= 0

    def _end(self, accounts: list[Account], *, is_last: bool) -> None:
        """Give up what accounts have, or leave it to the next process; with the last ones, end the thread."""
        dispatcher, storage = self._dispatcher, self._storage
        if is_last:
            dispatcher.forget_in_flight()
            dispatcher.log.report_lost(storage.close(accounts))
        for account in accounts:
            if not is_last and account.shutdown is not None:  # only what it has goes
                dispatcher.forget_in_flight(account)
                dispatcher.log.report_lost(storage.give_up(account))
            if self.leaving is None:
                account.is_finished = True
                self.count_losses(account)
                self._accounts.remove(account)  # not all of them: an SDK that is made meanwhile stays
            dispatcher.log.report_end(account.report(), is_last=self.leaving is None)
        if is_last:
            dispatcher.exporter.close()
        thread = self._release() if is_last else None  # first: a flush that comes now must not wait for this thread
        for account in accounts:
            for future in list(account.futures):  # other threads may add theirs
                future.ending = thread
            account.settle_futures()

    def count_losses(self, account: Account) -> None:
        """Add what was lost to the losses of the process: once, as no more is sent of an account, or as that ends."""
        with self._buffer.lock:
            report = account.report()
        add_losses(self._dispatcher.exporter, report, keeps=self._storage.survives)

    def has_ended(self, now: float, own: Shutdown) -> bool:
        """Return whether a run of the loop on a thread of the program has ended: then all who wait get their report."""
        if not self._is_over(own, self._accounts, now):
            return False
        for account in self._accounts:
            account.settle_futures()
        return True


def _set_mark(buffer: Buffer, account: Account) -> list[WaitingTrace]:
    """Return the traces that have events of an account now; they distinguish these from newer ones from now on."""
    found = [trace for trace in buffer.traces.values() if trace.is_of(account)]
    for trace in found:
        trace.newer = 0
    return found


def _cancel(span: Span) -> None:
    """End a span that was left open, as cancelled and marked as unfinished."""
    span.more_metadata = (*span.more_metadata, UNFINISHED)
    span.status = CANCELLED
    span.end_ns = span.time_of_end()
    with guard.guard:
        settle(span)  # the tokens of what is below it
