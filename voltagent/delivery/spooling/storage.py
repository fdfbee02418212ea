"""What waits is on disk first: made safe to send, written, and then in memory as well as far as there is space for it.

What is settled is deleted there, and if the folder is full the oldest traces go. One thread at a time uses the disk,
under a lock of its own; those who record never wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final, Literal

from voltagent.core import clock, guard
from voltagent.core.process import sending
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.delivery.account import TAKEN, Account, take_start
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.eviction import give_up
from voltagent.delivery.options import NEVER, WorkerOptions
from voltagent.delivery.processing import Processing
from voltagent.delivery.spooling.events import CHUNK, CHUNK_BYTES, SpoolEvents
from voltagent.delivery.spooling.kept_events import KeptEvents, trace_key
from voltagent.delivery.waiting_trace import OVERHEAD, REMEMBERED, size_of
from voltagent.exporters import Exporter, Remembering
from voltagent.storage.file import StoreError
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
        self._accounts = accounts
        self._buffer = buffer
        self._options = options
        self._processing = processing
        self._name = exporter.name
        self._remembering = exporter if isinstance(exporter, Remembering) else None
        self._interval = options.flush_interval or _INTERVAL
        self._chunk_bytes = min(CHUNK_BYTES, spool.max_bytes // 16)
        self.spool = spool
        self._buffer.done = []
        self._disk = threading.Lock()  # around every use of the spool; never taken by those who record
        self._kept = KeptEvents(self._buffer, self._accounts[0] if self._accounts else Account())
        self.write_due = 0.0  # when the next flush interval ends
        self.look_due = 0.0
        self._events = SpoolEvents(self._name, self._buffer, self.spool, self._kept, self._remembering)

    # The way in: from the queues to the disk, and on to the buffer.

    def accept(self, patience: float = -1) -> bool:
        """Write what the queues hold, and let it wait in the buffer if there is space; return whether that was all.

        ``patience`` is how many seconds this may take, and may wait for another thread that is doing so (default: until
        it is done).
        """
        until = NEVER if patience < 0 else clock.monotonic() + patience
        if not self._disk.acquire(timeout=patience):
            return False  # a disk, or a function of the user's that redacts, hangs
        try:
            return self._write(self._accounts, until)
        finally:
            self._disk.release()

    def _write(self, accounts: list[Account], until: float = NEVER) -> bool:
        """Write all that is new to disk, for each SDK in pieces; what is recorded meanwhile is for the next time.

        Threads that never pause let SQLite have the interpreter once in some milliseconds, for each row: where there is
        an end of the time, the pieces are small.
        """
        most = CHUNK if until == NEVER else _SMALL_CHUNK
        if self._accounts:
            self._kept.first = self._accounts[0]
        self.write_due = clock.monotonic() + self._interval
        self._delete_settled({})
        is_all = True
        for account in list(accounts):
            left, has_more = account.waiting_events(), bool(account.waiting)
            while has_more:
                events = self._next_events(account, most)
                left -= len(events)
                is_taken = not events or self._pass_on(events, account)
                is_taken = is_taken and (until == NEVER or clock.monotonic() < until)
                is_all = is_all and is_taken
                has_more = is_taken and left > 0 and bool(events)
        return is_all

    def _next_events(self, account: Account, most: int) -> list[SpanEvent]:
        """Take the next events that are to be written: one piece, of at most ``most``."""
        with self._buffer.lock:
            return self._take_events(account, most)

    def _take_events(self, account: Account, most: int) -> list[SpanEvent]:
        """:meth:`_next_events`, under the lock of the buffer."""
        events: list[SpanEvent] = []
        size = 0
        while account.waiting and len(events) < most and size < self._chunk_bytes:
            entry = account.waiting[0]
            taken = (entry,) if isinstance(entry, tuple) else take_start(entry, account)
            number = len(taken)
            _, span, fields = taken[0]
            plain = fields is None and span.metadata is None and not span.more_metadata
            size += OVERHEAD + len(span.input or b"") + len(span.output or b"") if plain else sum(map(size_of, taken))
            self._kept.between[account] += number
            # no call from here on: a caller counts the ends that join, too
            events += taken
            account.merged -= number - 1
            del account.waiting[0]
            span.queued = TAKEN
        return events

    def _pass_on(self, events: list[SpanEvent], account: Account) -> bool:
        """Write events, and let them wait in memory or on the disk; False if they had to be put back."""
        safe: list[SpanEvent] = []
        entries: list[Entry] = []
        keys: dict[int | str, bytes] = {}  # by trace
        for event, processed in zip(events, self._processing(events), strict=True):
            entry = None if processed is None else self._events.entry(processed, keys)
            if processed is None or entry is None:
                with self._buffer.lock:
                    self._kept.between[account] -= 1
                    account.recorded += 1
                    self._buffer.lose(event, "serialize_error", account)
            else:
                safe.append(processed)
                entries.append(entry)
        places = self._events.write(entries)
        with self._buffer.lock:
            self._kept.between[account] -= len(safe)
            if safe and not places and self.spool.unread_own:
                account.waiting.extendleft(reversed(safe))  # behind what is on the disk only: it has to wait
                return False
            space = (0 if self.spool.unread_own else self._space_in_memory()) if places else len(safe)
            self.spool.leave_unread(places[space:])
            self.spool.have_read(places[:space])
            for event in safe[space:]:
                self._leave_on_disk(event, account)
            for event, place in zip(safe, places[:space], strict=False):
                self._kept.places[id(event)] = place
            self._buffer.take(safe[:space], account)
        return True

    def _leave_on_disk(self, event: SpanEvent, account: Account) -> None:
        """Count an event that is on disk alone from now on, and remember what is needed to end its span."""
        phase, span, _ = event
        self._kept.unread[account] += 1
        self._kept.account_by_trace[span.trace] = account
        if account is not self._kept.first:
            self._kept.owners[span.trace.id] = account
        if phase is Phase.START:
            self._kept.open[span] = None
            if len(self._kept.open) > REMEMBERED:
                self._kept.open.popitem(last=False)
        elif phase is Phase.END:
            self._kept.open.pop(span, None)

    def _space_in_memory(self) -> int:
        """Return how many more events may wait in memory: half of the queue is for those who record."""
        buffer, options = self._buffer, self._options
        return max(0, options.queue_events // 2 - buffer.count) if buffer.size < options.queue_bytes // 2 else 0

    # The way back: from the disk to the buffer.

    def load(self) -> bool:
        """Take over what dead processes left, and read back what is on the disk only when the buffer gets short."""
        now = clock.monotonic()
        if now >= self.look_due:
            self.look_due = now + _LOOK
            with self._disk:
                self._events.adopt()
        short = self._buffer.count < self._options.queue_events // 8 and self._space_in_memory()
        if not (short and self.pending_on_disk()):
            return False
        with self._disk:
            return self._events.read()

    def pending_on_disk(self) -> int:
        """Events that are on the disk only."""
        return sum(self._kept.unread.values())

    # While a batch is sent, and after it.

    def make_safe(self, batch: list[Any], *, gives_way: bool) -> list[SpanEvent | None]:
        """Return the events of a batch: they were made safe to leave the process before they were written."""
        del gives_way
        return batch

    def keep_up(self) -> threading.Lock:
        """Have a second thread write what is recorded, until the lock that is returned is released."""
        over = threading.Lock()
        over.acquire()
        sending.start_thread(lambda: self._keep_up(over), f"voltagent-{self._name}-spool")
        return over

    def _keep_up(self, over: threading.Lock) -> None:
        """Write what is recorded while a batch is sent."""
        while not over.acquire(timeout=min(_WATCH, self._interval)):
            half_full = any(len(one.waiting) >= self._options.queue_events // 2 for one in list(self._accounts))
            if clock.monotonic() >= self.write_due or half_full:
                try:
                    self.accept()
                except Exception as exc:
                    guard.Guard.swallowed(exc)

    def settled(self, batch: Sequence[SpanEvent]) -> None:
        """Delete what is done with, and note what the next process would have to know of traces under way."""
        with self._disk:
            self._delete_settled(self._memories(batch))

    def _memories(self, batch: Sequence[SpanEvent]) -> dict[bytes, bytes | None]:
        """Return what the exporter remembers of the traces in a batch, to be stored; ``None`` for ended ones."""
        found: dict[bytes, bytes | None] = {}
        remembering = self._remembering
        if remembering is None:
            return found
        for identifier in {span.trace.id: None for _, span, _ in batch}:
            is_open = identifier in self._buffer.traces
            found[trace_key(identifier)] = remembering.memory(identifier) if is_open else None
        return found

    def _delete_settled(self, memories: dict[bytes, bytes | None]) -> None:
        """Delete from disk what has been accepted or dropped, and store what is remembered of the traces."""
        if not (self._buffer.done or self._kept.settled or memories):
            return
        with self._buffer.lock:
            done, self._buffer.done = self._buffer.done or [], []
            places, self._kept.settled = self._kept.settled, []
            places.extend(filter(None, map(self._kept.places.pop, map(id, done), repeat(None))))
        try:
            self.spool.settle(places, memories)
        except (StoreError, OSError) as exc:
            self._kept.settled += places
            self._events.report(exc)

    def pending(self, account: Account | None = None) -> int:
        """Events on their way to the disk, on it alone, or left there for the next process."""
        kept = self._kept
        if account is None:
            return sum(kept.between.values()) + sum(kept.unread.values())
        return kept.between[account] + kept.unread[account] + kept.handed_over[account]

    def open_spans(self) -> list[tuple[Span, Account | None]]:
        """Return them without those of dead processes: when they ended is not known."""
        buffer, kept = self._buffer, self._kept
        found = (*reversed(kept.open), *reversed(buffer.open))
        spans = [span for span in found if span not in self._events.decoder.made]
        return [(span, buffer.account_of(span) or kept.owner(span.trace)) for span in spans]

    def close(self, accounts: list[Account]) -> int:
        """Leave what was not sent to the next process; what could not be written is lost."""
        with self._disk:
            self._write(accounts)
            with self._buffer.lock:
                lost = self._hand_over(accounts)
            self._delete_settled({})
            self.spool.close()
        return lost

    def _hand_over(self, accounts: list[Account]) -> int:
        """Leave everything to the next program at the end of this one; return how many events are not on disk."""
        lost = 0
        for account in accounts:
            # what the disk did not take is not on it
            self._buffer.take_first(account.waiting, account.waiting_events(), account)
        for event, account in give_up(self._buffer):
            if self._kept.places.pop(id(event), None) is None:
                account.recorded += 1
                self._buffer.lose(event, "shutdown_timeout", account)
                lost += 1
            else:
                self._kept.handed_over[account] += 1
        for account, number in self._kept.unread.items():
            self._kept.handed_over[account] += number
        self._kept.unread.clear()
        return lost
