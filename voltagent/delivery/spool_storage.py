"""What waits is on disk first: made safe to send, written, and then in memory as well as far as there is space for it.

What is settled is deleted there, and if the folder is full the oldest traces go. One thread at a time uses the disk,
under a lock of its own; those who record never wait for it.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from voltagent.core import clock, guard, process_exit
from voltagent.core.guard import log_once
from voltagent.core.span import TRACE, Phase, Span, SpanEvent
from voltagent.delivery.buffer import REMEMBERED, Buffer
from voltagent.delivery.counts import Account
from voltagent.delivery.processing import Processing
from voltagent.delivery.queue import Options
from voltagent.delivery.waiting_trace import OVERHEAD, size_of
from voltagent.exporters import Exporter, Remembering
from voltagent.storage.file import StoreError
from voltagent.storage.spool.codec import EventDecoder, encode_event
from voltagent.storage.spool.segment import Entry, Place, Row
from voltagent.storage.spool.spool import Spool

_INTERVAL: Final = 5.0  # seconds between two writes if nothing is sent automatically
_CHUNK: Final = 1024  # events written or read at once
_CHUNK_BYTES: Final = 8 * 2**20
_LOOK: Final = 30.0  # seconds between two looks at what other processes may have left
_WATCH: Final = 0.5  # seconds between two looks at the queue while the worker's thread is busy


class SpoolStorage:
    """Keeps events in a spool, and as many of them in the buffer as half the queue allows."""

    survives = True

    def __init__(
        self,
        accounts: list[Account],
        buffer: Buffer,
        options: Options,
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
        self._chunk_bytes = min(_CHUNK_BYTES, spool.max_bytes // 16)
        self.spool = spool
        self._begin()

    def _begin(self) -> None:
        self._buffer.done = []
        self._disk = threading.Lock()  # around every use of the spool; never taken by those who record
        self._places: dict[int, Place] = {}  # by id(event), for those in the buffer
        self._settled: list[Place] = []  # to be deleted
        self._between: Counter[Account] = Counter()  # events on their way from a queue to the buffer
        self._unread: Counter[Account] = Counter()  # events that are on the disk only
        self._owners: dict[int | str, Account] = {}  # by trace, for those of them that are not the first account's
        self._handed_over: Counter[Account] = Counter()  # events that are left to the next process
        self._open: OrderedDict[Span, None] = OrderedDict()  # as the buffer's `open`, for those it never saw
        self._write_due = 0.0
        self.look_due = 0.0
        self._first = self._accounts[0] if self._accounts else Account()
        self._decoder = EventDecoder()

    def after_fork(self) -> None:
        """The files are the parent's."""
        self._begin()
        self.spool.after_fork()

    # The way in: from the queues to the disk, and on to the buffer.

    def accept(self, patience: float = -1) -> None:
        """Write what the queues hold."""
        self._accept(self._accounts, patience)

    def _accept(self, accounts: list[Account], patience: float) -> None:
        if not self._disk.acquire(timeout=patience):
            return  # a disk, or a function of the user's that redacts, hangs
        try:
            if self._accounts:
                self._first = self._accounts[0]
            self._write_due = clock.monotonic() + self._interval
            self._delete_settled({})
            for account in list(accounts):
                events = self._next_events(account)
                while events and self._pass_on(events, account):
                    events = self._next_events(account)
        finally:
            self._disk.release()

    def _next_events(self, account: Account) -> list[SpanEvent]:
        if not (account.waiting or account.refused):
            return []
        with self._buffer.lock:
            self._buffer.take_waiting(account, 0)
            events: list[SpanEvent] = []
            size = 0
            while account.waiting and len(events) < _CHUNK and size < self._chunk_bytes:
                event = account.waiting[0]
                if event[0] is Phase.START and event[1].queued is account:
                    event[1].queued = None
                    account.merged -= 1
                    account.waiting[0] = (Phase.END, event[1], None)
                else:
                    account.waiting.popleft()
                events.append(event)
                self._between[account] += 1
                payload = event[1].output if event[0] is Phase.END else event[1].input
                plain = event[2] is None and event[1].metadata is None and not event[1].more_metadata
                size += OVERHEAD + len(payload or b"") if plain else size_of(event)
            return events

    def _pass_on(self, events: list[SpanEvent], account: Account) -> bool:
        """Write events, and let them wait in memory or on the disk; False if they had to be put back."""
        safe: list[SpanEvent] = []
        entries: list[Entry] = []
        keys: dict[int | str, bytes] = {}  # by trace
        for event, processed in zip(events, self._processing(events), strict=True):
            entry = None if processed is None else self._entry(processed, keys)
            if processed is None or entry is None:
                with self._buffer.lock:
                    self._between[account] -= 1
                    account.recorded += 1
                    self._buffer.lose(event, "serialize_error", account)
            else:
                safe.append(processed)
                entries.append(entry)
        places = self._written(entries)
        with self._buffer.lock:
            self._between[account] -= len(safe)
            if not places and self.spool.unread_own:
                account.waiting.extendleft(reversed(safe))  # behind what is on the disk only: it has to wait
                return False
            space = (0 if self.spool.unread_own else self._space_in_memory()) if places else len(safe)
            self.spool.leave_unread(places[space:])
            self.spool.have_read(places[:space])
            for event in safe[space:]:
                self._leave_on_disk(event, account)
            for event, place in zip(safe, places[:space], strict=False):
                self._places[id(event)] = place
            self._buffer.take(safe[:space], account)
        return True

    def _leave_on_disk(self, event: SpanEvent, account: Account) -> None:
        phase, span, _ = event
        self._unread[account] += 1
        if account is not self._first:
            self._owners[span.trace.id] = account
        if phase is Phase.START:
            self._open[span] = None
            if len(self._open) > REMEMBERED:
                self._open.popitem(last=False)
        elif phase is Phase.END:
            self._open.pop(span, None)

    def _entry(self, event: SpanEvent, keys: dict[int | str, bytes]) -> Entry | None:
        phase, span, _ = event
        identifier = span.trace.id
        try:
            if phase is Phase.START or phase is Phase.POINT:  # an end has the span of its start
                self._decoder.know(event)
            key = keys.get(identifier)
            if key is None:
                key = keys[identifier] = _key_of(identifier)
            return Entry(key, phase is Phase.START and span.kind == TRACE, encode_event(event))
        except Exception as exc:  # an event that cannot be kept is not sent either: the order would suffer
            guard.Guard.swallowed(exc)
            return None

    def _written(self, entries: Sequence[Entry]) -> list[Place]:
        """Where the events are now; empty if the disk does not take them, and memory must do."""
        if not entries:
            return []
        try:
            self.spool.restore_folder()
            with self.spool.turn():
                if self._make_space(entries):
                    return self.spool.write(entries)
                filling = "" if self.spool.is_alone else "or another program is filling it, "
            self._warn_full(f"{filling}events wait in memory only")
        except StoreError as exc:
            log_once(f"{self._name}:spool", logging.WARNING, "%s; events wait in memory only", exc)
            if not exc.temporary:
                self.spool.abandon()
        except Exception as exc:  # an error of ours must not cost the events
            guard.Guard.swallowed(exc)
        return []

    def _space_in_memory(self) -> int:
        """How many more events may wait in memory: half of the queue is for those who record."""
        buffer, options = self._buffer, self._options
        return max(0, options.queue_events // 2 - buffer.count) if buffer.size < options.queue_bytes // 2 else 0

    # Space on the disk.

    def _make_space(self, entries: Sequence[Entry]) -> bool:
        """Drop the oldest unsent traces, until there is space; whether there is."""
        excess = self.spool.excess(entries)
        if excess > 0 and not self.spool.is_alone:
            return False
        if excess > 0:
            self._warn_full("the oldest traces in it are dropped")
        traces = self.spool.oldest() if excess > 0 else iter(())
        while excess > 0 and self._drop_oldest(traces, excess + self.spool.max_bytes // 64):  # not for every batch
            excess = self.spool.excess(entries)
        return excess <= 0

    def _drop_oldest(self, traces: Iterator[tuple[bytes, Callable[[], tuple[int, int]]]], size: int) -> bool:
        """Drop traces of that many bytes; whether there were any."""
        dropped = 0
        for trace, drop in traces:
            try:
                identifier = _identifier(trace)
            except (ValueError, AttributeError, TypeError):
                continue  # damaged: it will be counted when it is read
            in_memory = self._forget_trace(identifier)
            if in_memory is None:
                continue
            count, freed = drop()
            with self._buffer.lock:
                self._drop_unread("queue_full", max(0, count - in_memory), self._owners.pop(identifier, self._first))
            dropped += freed
            if dropped >= size:
                break
        return dropped > 0

    def _forget_trace(self, identifier: int | str) -> int | None:
        """Drop from memory an unsent trace; how many of its events are on the disk as well."""
        with self._buffer.lock:
            if self._buffer.has_begun(identifier):
                return None
            self._buffer.drop_trace(identifier, "queue_full")
            done, self._buffer.done = self._buffer.done or [], []
            number = 0
            for event in done:
                place = self._places.pop(id(event), None)
                if place is None:
                    continue
                if event[1].trace.id == identifier:
                    place.file.waiting -= 1
                    number += 1
                else:
                    self._settled.append(place)
            return number

    def _warn_full(self, what: str) -> None:
        message = "the spool in %s is full (%d MiB), %s"
        log_once(f"{self._name}:{what}", logging.WARNING, message, self.spool.folder, self.spool.max_bytes >> 20, what)

    def _drop_unread(self, reason: str, number: int, account: Account) -> None:
        """Count events as dropped that are on the disk only."""
        self._unread[account] -= number
        self._count_dropped(reason, number, account)

    def _count_dropped(self, reason: str, number: int, account: Account) -> None:
        """Count events that never came to the buffer."""
        if number > 0:
            account.recorded += number
            account.dropped[reason] += number
            self._buffer.dropped += number

    # The way back: from the disk to the buffer.

    def load(self) -> bool:
        """Take over what dead processes left, and read back what is on the disk only when the buffer gets short."""
        now = clock.monotonic()
        if now >= self.look_due:
            self.look_due = now + _LOOK
            self._adopt()
        short = self._buffer.count < self._options.queue_events // 8 and self._space_in_memory()
        return bool(short and self.pending_on_disk() and self._read())

    def on_the_way(self) -> int:
        """Return the number of events between a queue and the buffer."""
        return sum(self._between.values())

    def pending_on_disk(self) -> int:
        """Events that are on the disk only."""
        return sum(self._unread.values())

    def has_leftovers(self) -> bool:
        """Whether other processes have left files."""
        return bool(self.spool.leftovers())

    def _adopt(self) -> None:
        with self._disk:
            try:
                found, broken = self.spool.adopt()
            except (StoreError, OSError) as exc:
                log_once(f"{self._name}:spool", logging.WARNING, "%s", exc)
                return
            with self._buffer.lock:
                self._unread[self._first] += found
                self._count_dropped("serialize_error", broken, self._first)

    def _read(self) -> bool:
        with self._disk:
            try:
                rows, correction = self.spool.read(_CHUNK, _CHUNK_BYTES)
            except StoreError as exc:
                log_once(f"{self._name}:spool", logging.WARNING, "%s", exc)
                return False
            events = [self._decoded(row) for row in rows]
            with self._buffer.lock:
                self._unread[self._first] += correction
                self._count_dropped("serialize_error", -correction, self._first)
                for row, event in zip(rows, events, strict=True):
                    self._take_back(row, event)
        return True

    def _take_back(self, row: Row, event: SpanEvent | None) -> None:
        if event is None:
            self._drop_unread("serialize_error", 1, self._first)
            self._settled.append(row.place)
            return
        account = self._owners.get(event[1].trace.id, self._first)
        self._unread[account] -= 1
        self._places[id(event)] = row.place
        self._buffer.take((event,), account, inherited=True)
        self._open.pop(event[1], None)
        if event[0] is Phase.END and event[1].kind == TRACE:
            self._owners.pop(event[1].trace.id, None)

    def _decoded(self, row: Row) -> SpanEvent | None:
        if row.body is None:
            return None
        try:
            event = self._decoder.event(row.body)
            memory = self.spool.memory(row)
            if memory is not None and self._remembering is not None:
                self._remembering.restore(event[1].trace.id, memory)
        except (ValueError, KeyError, TypeError, AttributeError, LookupError):
            return None
        return event

    # While a batch is sent, and after it.

    @contextmanager
    def sending(self) -> Generator[None]:
        """Meanwhile a second thread writes what is recorded."""
        over = threading.Event()
        process_exit.start_thread(lambda: self._keep_up(over), f"voltagent-{self._name}-spool")
        try:
            yield
        finally:
            over.set()

    def _keep_up(self, over: threading.Event) -> None:
        while not over.wait(min(_WATCH, self._interval)):
            half_full = any(len(one.waiting) >= self._options.queue_events // 2 for one in list(self._accounts))
            if clock.monotonic() >= self._write_due or half_full:
                try:
                    self.accept()
                except Exception as exc:
                    guard.Guard.swallowed(exc)

    def settled(self, batch: Sequence[SpanEvent]) -> None:
        """Delete what is done with, and note what the next process would have to know of traces under way."""
        with self._disk:
            self._delete_settled(self._memories(batch))

    def _memories(self, batch: Sequence[SpanEvent]) -> dict[bytes, bytes | None]:
        found: dict[bytes, bytes | None] = {}
        remembering = self._remembering
        if remembering is None:
            return found
        for identifier in {event[1].trace.id: None for event in batch}:
            is_open = identifier in self._buffer.traces
            found[_key_of(identifier)] = remembering.memory(identifier) if is_open else None
        return found

    def _delete_settled(self, memories: dict[bytes, bytes | None]) -> None:
        if not (self._buffer.done or self._settled or memories):
            return
        with self._buffer.lock:
            done, self._buffer.done = self._buffer.done or [], []
            places, self._settled = self._settled, []
            for event in done:
                place = self._places.pop(id(event), None)
                if place is not None:
                    places.append(place)
        try:
            self.spool.settle(places, memories)
        except StoreError as exc:
            self._settled += places
            log_once(f"{self._name}:spool", logging.WARNING, "%s", exc)

    def pending(self, account: Account | None = None) -> int:
        """Events on their way to the disk, on it alone, or left there for the next process."""
        counters = (self._between, self._unread, self._handed_over)
        if account is None:
            return self.on_the_way() + self.pending_on_disk()
        return sum([counter[account] for counter in counters])

    def next_write(self) -> float:
        """Every flush interval."""
        return self._write_due

    def open_spans(self) -> list[Span]:
        """Not those of dead processes: when they ended is not known."""
        spans = [*reversed(self._open), *reversed(self._buffer.open)]
        return [span for span in spans if span not in self._decoder.made]

    def account_of(self, span: Span) -> Account | None:
        """Whose a span is, also if it is on the disk only."""
        return self._buffer.account_of(span) or self._owners.get(span.trace.id, self._first)

    def close(self, accounts: list[Account]) -> int:
        """Leave what was not sent to the next process; what could not be written is lost."""
        self._accept(accounts, -1)
        with self._disk:
            with self._buffer.lock:
                lost = self._hand_over()
            self._delete_settled({})
            self.spool.close()
        return lost

    def _hand_over(self) -> int:
        lost = 0
        for event, account in self._buffer.give_up():
            if self._places.pop(id(event), None) is None:
                account.recorded += 1
                self._buffer.lose(event, "shutdown_timeout", account)
                lost += 1
            else:
                self._handed_over[account] += 1
        for account, number in self._unread.items():
            self._handed_over[account] += number
        self._unread.clear()
        return lost


def _key_of(identifier: int | str) -> bytes:
    """The trace's id for the disk: distinguishes a string from a number."""
    return b"#%x" % identifier if isinstance(identifier, int) else b"=" + identifier.encode("utf-8", "surrogatepass")


def _identifier(key: bytes) -> int | str:
    return int(key[1:], 16) if key[:1] == b"#" else key[1:].decode("utf-8", "surrogatepass")
