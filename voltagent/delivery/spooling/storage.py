"""What waits is on disk first: made safe to send, written, and then in memory as well as far as there is space for it.

What is settled is deleted there, and if the folder is full the oldest traces go. One thread at a time uses the disk,
under a lock of its own; those who record never wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Literal

from voltagent.core import clock, guard
from voltagent.core.process import own_threads, sending
from voltagent.core.process.thread_marks import run_alone
from voltagent.core.span import Span, SpanEvent
from voltagent.delivery.account import TAKEN, Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.options import NEVER, WorkerOptions
from voltagent.delivery.processing import Processing
from voltagent.delivery.spooling.events import CHUNK, CHUNK_BYTES, SpoolEvents
from voltagent.delivery.spooling.kept_events import KeptEvents
from voltagent.delivery.waiting_trace import take_entry
from voltagent.exporters import Exporter
from voltagent.storage.spool.rows import Entry
from voltagent.storage.spool.spool import Spool

_INTERVAL: Final = 5.0  # seconds between two writes if nothing is sent automatically
_LOOK: Final = 30.0  # seconds between two looks at what other processes may have left
_WATCH: Final = 0.5  # seconds between two looks at the queue while the worker's thread is busy
_SMALL_CHUNK: Final = 64  # events that are written at once when there is little time


class SpoolStorage:
    """Keeps events in a spool, and as many of them in the buffer as half the queue allows."""

    survives: Literal[True] = True

    def __init__(
        self,
        accounts: list[Account],
        buffer: Buffer,
        options: WorkerOptions,
        spool: Spool,
        exporter: Exporter,
        processing: Processing,
    ) -> None:
        self.accounts, self._buffer, self._options, self._processing = accounts, buffer, options, processing
        self._name = exporter.name
        self._interval = options.flush_interval or _INTERVAL
        self._chunk_bytes = min(CHUNK_BYTES, spool.max_bytes // 16)
        self.spool = spool
        self._buffer.done = []
        self._disk = threading.RLock()  # around every use of the spool; never taken by those who record
        self._over: threading.Lock | None = None  # is held while a second thread uses the disk, too
        self._kept = KeptEvents(buffer, accounts)
        self.write_due = 0.0  # when the next flush interval ends
        self.look_due = 0.0
        self._events = SpoolEvents(exporter, buffer, spool, self._kept)

    # The way in: from the queues to the disk, and on to the buffer.

    def accept(self, patience: float = -1) -> bool:
        """Write what the queues hold, and let it wait in the buffer if there is space; return whether that was all.

        ``patience`` is how many seconds this may take, and may wait for another thread that is doing so (default: until
        it is done).
        """
        until = NEVER if patience < 0 else clock.monotonic() + patience
        # another thread may have it for long: a disk, or a function of the user's that redacts, hangs
        return bool(run_alone(self._disk, partial(self._write, self.accounts, until), patience))

    def _write(self, accounts: list[Account], until: float = NEVER) -> bool:
        """Write all that is new to disk, for each SDK in pieces; what is recorded meanwhile is for the next time.

        Threads that never pause let SQLite have the interpreter once in some milliseconds, for each row: where there is
        an end of the time, the pieces are small.
        """
        most = CHUNK if until == NEVER else _SMALL_CHUNK
        self._put_back(*self.accounts)
        if self.accounts and not self._kept.first.on_disk:  # else it has events there that are no other account's
            self._kept.first = self.accounts[0]
        self.write_due = clock.monotonic() + self._interval
        self._events.delete_settled()
        is_all = True
        for account in list(accounts):
            left, has_more = account.waiting_events(), bool(account.waiting)
            while has_more:
                number = self._write_piece(account, most)
                left -= number
                has_more = number > 0 and (until == NEVER or clock.monotonic() < until)
                is_all = is_all and has_more
                has_more = has_more and left > 0 and bool(account.waiting)
        return is_all

    def _put_back(self, *accounts: Account) -> None:
        """Put back what an interrupt or a failure left on its way."""
        for account in accounts:
            if account.on_way or self._kept.loaded:
                with self._buffer.lock:
                    self._kept.put_back(account)

    def _write_piece(self, account: Account, most: int) -> int:
        """Write at most ``most`` events, and let them wait in memory or on the disk; return how many.

        If that fails while older ones are on the disk only, all wait in the queue again, and it returns 0.
        """
        kept, buffer = self._kept, self._buffer
        try:
            with buffer.lock:
                self._take_events(account, most)
            number, entries = len(account.on_way), self._make_safe(account)
            is_written = self._events.write(account.on_way, entries)
            with buffer.lock:
                if is_written or not self.spool.unread_own:
                    space = len(entries) if not is_written else 0 if self.spool.unread_own else self._space_in_memory()
                    buffer.take_first(account.on_way, space, account)
                    if account.on_way:
                        kept.leave_on_disk(account)
            return 0 if account.on_way else number
        finally:
            if account.on_way:
                self._put_back(account)

    def _take_events(self, account: Account, most: int) -> None:
        """Let the next events be on their way: one piece, of at most ``most``."""
        on_way, size = account.on_way, 0
        while account.waiting and len(on_way) < most and size < self._chunk_bytes:
            taken, its_size = take_entry(account.waiting[0], account)
            _, span, _ = taken[0]
            number, size = len(taken), size + its_size
            # no call from here on: a caller counts the ends that join, too
            on_way += taken
            account.merged -= number - 1
            del account.waiting[0]
            span.queued = TAKEN

    def _make_safe(self, account: Account) -> list[Entry]:
        """Make those that are on their way safe to leave the process; return them as they are written."""
        safe: list[SpanEvent] = []
        unsafe: list[SpanEvent] = []
        entries: list[Entry] = []
        keys: dict[int | str, bytes] = {}  # by trace
        events = tuple(account.on_way)
        for event, processed in zip(events, self._processing(events), strict=True):
            entry = None if processed is None else self._events.entry(processed, keys)
            if processed is None or entry is None:
                unsafe.append(event)
            else:
                safe.append(processed)
                entries.append(entry)
        if unsafe:
            with self._buffer.lock:
                self._kept.drop_on_way(account, unsafe, safe, "serialize_error")
        else:
            account.on_way[:] = safe
        return entries

    def _space_in_memory(self) -> int:
        """Return how many more events may wait in memory: half of the queue is for those who record."""
        buffer, options = self._buffer, self._options
        return max(0, options.queue_events // 2 - buffer.count) if buffer.size < options.queue_bytes // 2 else 0

    # The way back: from the disk to the buffer.

    def load(self) -> bool:
        """Take over what dead processes left, and read back what is on the disk only when the buffer gets short."""
        now = clock.monotonic()
        if now >= self.look_due:
            run_alone(self._disk, self._events.adopt)
            self.look_due = now + _LOOK
        short = self._buffer.count < self._options.queue_events // 8 and self._space_in_memory()
        return bool(short and self.spool.unread and run_alone(self._disk, self._read))

    def _read(self) -> bool:
        """Read events back, behind what is already deleted; return whether that worked."""
        self._put_back(*self.accounts)
        self._events.delete_settled()
        return not self._kept.is_stale and self._events.read()

    # While a batch is sent, and after it.

    def make_safe(self, batch: list[Any], *, gives_way: bool) -> list[SpanEvent | None]:
        """Return the events of a batch: they were made safe to leave the process before they were written."""
        del gives_way
        return batch

    def keep_up(self) -> None:
        """Have a second thread write what is recorded, until :meth:`stop_keeping_up`."""
        over = threading.Lock()
        over.acquire()
        self._over = over
        sending.start_thread(partial(self._keep_up, over), f"voltagent-{self._name}-spool")

    def stop_keeping_up(self) -> None:
        """End that thread, if there is one."""
        over, self._over = self._over, None
        if over is not None:
            over.release()

    def _keep_up(self, over: threading.Lock) -> None:
        """Write what is recorded while a batch is sent."""
        # an interrupt may have kept it from being released
        while not over.acquire(timeout=min(_WATCH, self._interval)) and self._over is over:
            half_full = any(len(one.waiting) >= self._options.queue_events // 2 for one in list(self.accounts))
            if clock.monotonic() >= self.write_due or half_full:
                try:
                    self.accept()
                except BaseException as exc:
                    if own_threads.is_killed(exc):
                        raise
                    if guard.is_ours(exc):
                        guard.Guard.swallowed(exc)

    def settled(self, batch: Sequence[SpanEvent]) -> None:
        """Delete what is done with, and note what the next process would have to know of traces under way."""
        run_alone(self._disk, partial(self._events.delete_settled, batch))

    def has_work(self, *, looks: bool) -> bool:
        """Return whether something is to be deleted, or dead processes may have left something, if it ``looks``."""
        return bool(self._buffer.done or self._kept.settled or (looks and self.spool.leftovers()))

    def open_spans(self) -> list[tuple[Span, Account | None]]:
        """Return them without those of dead processes: when they ended is not known."""
        buffer, kept = self._buffer, self._kept
        found = (*reversed(kept.open), *reversed(buffer.open))
        spans = [span for span in found if span not in self._events.decoder.made]
        return [(span, buffer.account_of(span) or kept.owner(span.trace)) for span in spans]

    def give_up(self, account: Account) -> int:
        """Give up what one account has and the disk does not take, as others go on; return how many events are lost.

        What is in memory or on the disk is sent with what the others have.
        """
        return run_alone(self._disk, partial(self._give_up, account)) or 0

    def _give_up(self, account: Account) -> int:
        self._write([account])
        lost = 0
        while account.waiting:
            with self._buffer.lock:
                self._take_events(account, CHUNK)
                lost += len(account.on_way)
                self._kept.drop_on_way(account, tuple(account.on_way), (), "shutdown_timeout")
        return lost

    def close(self, accounts: list[Account]) -> int:
        """Leave what was not sent to the next process; what could not be written is lost."""
        return run_alone(self._disk, partial(self._end, accounts)) or 0

    def _end(self, accounts: list[Account]) -> int:
        self._write(accounts)
        for account in accounts:
            with self._buffer.lock:  # what the disk did not take is not on it
                self._buffer.take_first(account.waiting, account.waiting_events(), account)
        with self._buffer.lock:
            lost = self._kept.hand_over()
        self._events.delete_settled()
        self.spool.close()
        return lost
