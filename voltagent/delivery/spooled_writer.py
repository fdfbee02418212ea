"""The way of a lane's events to the disk: made safe to send, written, and then waiting in memory, or on the disk alone.

What is settled is deleted there, and where the folder is full the oldest traces go. One thread at a time is at it,
under a lock of its own; those who record never wait for it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from weakref import WeakSet

from voltagent.core import clock, guard
from voltagent.core.guard import log_once
from voltagent.core.span import TRACE, Phase, Span, SpanEvent
from voltagent.delivery.buffer import REMEMBERED, size_of
from voltagent.delivery.queue import Rules
from voltagent.delivery.worker import Worker
from voltagent.exporters import Exporter, Remembering
from voltagent.storage.file import StoreError
from voltagent.storage.spool.codec import EventDecoder, encode_event
from voltagent.storage.spool.segment import Entry, Place
from voltagent.storage.spool.spool import Spool

_INTERVAL: Final = 5.0  # seconds between two writes where nothing is sent by itself
CHUNK: Final = 1024  # events written or read at once
CHUNK_BYTES: Final = 8 * 2**20


class SpooledWriter(Worker):
    """A worker whose events go to the disk first."""

    def __init__(
        self, exporter: Exporter, rules: Rules, process: Callable[[SpanEvent], SpanEvent | None], spool: Spool
    ) -> None:
        self._spool = spool
        self._remembering = exporter if isinstance(exporter, Remembering) else None
        self._interval = rules.flush_interval or _INTERVAL
        self._chunk_bytes = min(CHUNK_BYTES, spool.max_bytes // 16)
        super().__init__(exporter, rules, process)
        self._loses = False

    def _begin(self, forked_at: int) -> None:
        super()._begin(forked_at)
        self._backlog.left = []
        self._disk = threading.Lock()  # around every use of the spool; never taken by those who record
        self._places: dict[int, Place] = {}  # by id(event), for those in the backlog
        self._settled: list[Place] = []  # to be deleted
        self._between = 0  # events on their way from the queue to the backlog
        self._unread: int = 0  # events that are on the disk only
        self._open_on_disk: OrderedDict[Span, None] = OrderedDict()  # as the backlog's `open`, for those it never saw
        self._ended: WeakSet[Span] = WeakSet()  # by us, as nobody did
        self._handed_over: int = 0  # events that are left to the next process
        self._write_due = 0.0
        self._look_due = 0.0
        self._summoned = False  # a flush wants to send what is left of others, though nothing was recorded
        self._decoder = EventDecoder()

    def _take_in(self, patience: float = -1) -> None:
        """From the queue to the disk, and on to the backlog while there is room."""
        if not self._disk.acquire(timeout=patience):
            return  # a disk, or a function of the user's that redacts, hangs
        try:
            self._write_due = clock.monotonic() + self._interval
            self._delete_settled({})
            events = self._next_taken()
            while events and self._pass_on(events):
                events = self._next_taken()
        finally:
            self._disk.release()

    def _next_taken(self) -> list[SpanEvent]:
        with self._lock:
            self._count_refused()
            events: list[SpanEvent] = []
            size = 0
            while self._intake and len(events) < CHUNK and size < self._chunk_bytes:
                events.append(self._intake.popleft())
                size += size_of(events[-1])
            self._between += len(events)
            self._on_way = size
            if not self._intake:
                self._bytes = size
        return events

    def _pass_on(self, events: list[SpanEvent]) -> bool:
        """Write events, and let them wait in memory or on the disk; False where they had to be put back."""
        safe: list[SpanEvent] = []
        entries: list[Entry] = []
        for event in events:
            made_safe = self._safe(event)
            if made_safe is None:
                with self._lock:
                    self._between -= 1
                    self._backlog.recorded += 1
                    self._backlog.lose(event, "serialize_error")
            else:
                safe.append(made_safe[0])
                entries.append(made_safe[1])
        places = self._written(entries)
        with self._lock:
            self._between -= len(safe)
            if not places and self._spool.unread_own:
                self._intake.extendleft(reversed(safe))  # behind what is on the disk only: it has to wait
                self._on_way = self._bytes = sum(map(size_of, list(self._intake)))
                return False
            space = 0 if self._spool.unread_own else self._space_in_memory()
            self._spool.leave_unread(places[space:])
            self._unread += len(places[space:])
            for event in safe[space:] if places else ():
                self._note_open(event)
            in_memory = safe[:space] if places else safe
            self._spool.have_read(places[:space])
            for event, place in zip(in_memory, places, strict=False):
                self._places[id(event)] = place
            for event in in_memory:
                self._backlog.take(event)
            self._bytes = max(0, self._bytes - self._on_way)
            self._on_way = 0
        if self._rules.flush_interval is not None:
            self._due = min(self._due, clock.monotonic() + self._rules.flush_interval)
        return True

    def _note_open(self, event: SpanEvent) -> None:
        """Remember what was begun, and has not ended, on the disk alone."""
        phase, span, _ = event
        if phase is Phase.START:
            self._open_on_disk[span] = None
            if len(self._open_on_disk) > REMEMBERED:
                self._open_on_disk.popitem(last=False)
        elif phase is Phase.END:
            self._open_on_disk.pop(span, None)

    def _safe(self, event: SpanEvent) -> tuple[SpanEvent, Entry] | None:
        processed = self._processed(event)
        if processed is None:
            return None
        try:
            self._decoder.know(processed)
            return processed, Entry(key_of(processed), _is_root(processed), encode_event(processed))
        except Exception as exc:  # an event that cannot be kept is not sent either: the order would suffer
            guard.Guard.swallowed(exc)
            return None

    def _written(self, entries: Sequence[Entry]) -> list[Place]:
        """Where the events are now; nothing where the disk does not take them, and memory must do."""
        if not entries:
            return []
        try:
            with self._spool.turn():
                if self._make_disk_space(entries):
                    return self._spool.write(entries)
                filling = "" if self._spool.is_alone else "or another program is filling it, "
            self._say_full(f"{filling}events wait in memory only")
        except StoreError as exc:
            log_once(f"{self._name}:spool", logging.WARNING, "%s; events wait in memory only", exc)
            if not exc.temporary:
                self._spool.abandon()
        except Exception as exc:  # an error of ours must not cost the events
            guard.Guard.swallowed(exc)
        return []

    def _space_in_memory(self) -> int:
        """How many more events may wait in memory: half of the queue is for those who record."""
        held, rules = self._backlog, self._rules
        return max(0, rules.queue_events // 2 - held.count) if held.size < rules.queue_bytes // 2 else 0

    # ----------------------------------------------------------------------------------------------- room on the disk

    def _make_disk_space(self, entries: Sequence[Entry]) -> bool:
        """Drop the oldest traces of which nothing was sent, until there is room; whether there is."""
        excess = self._spool.excess(entries)
        if excess > 0 and not self._spool.is_alone:
            return False
        if excess > 0:
            self._say_full("the oldest traces in it are dropped")
        traces = self._spool.oldest() if excess > 0 else iter(())
        while excess > 0 and self._drop_oldest(traces, excess + self._spool.max_bytes // 64):  # not for every batch
            excess = self._spool.excess(entries)
        return excess <= 0

    def _drop_oldest(self, traces: Iterator[tuple[bytes, Callable[[], tuple[int, int]]]], size: int) -> bool:
        """Drop traces of so many bytes; whether there were any."""
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
            with self._lock:
                unread = max(0, count - in_memory)
                self._unread -= unread
                self._count_dropped("queue_full", unread)
            dropped += freed
            if dropped >= size:
                break
        return dropped > 0

    def _forget_trace(self, identifier: int | str) -> int | None:
        """Drop from memory a trace of which nothing was sent; how many of its events are on the disk as well."""
        with self._lock:
            if self._backlog.has_begun(identifier):
                return None
            self._backlog.drop_trace(identifier, "queue_full")
            left, self._backlog.left = self._backlog.left or [], []
            number = 0
            for event in left:
                place = self._places.pop(id(event), None)
                if place is None:
                    continue
                if event[1].trace.id == identifier:
                    place.file.waiting -= 1
                    number += 1
                else:
                    self._settled.append(place)
            return number

    def _say_full(self, what: str) -> None:
        text = "the spool in %s is full (%d MiB), %s"
        log_once(f"{self._name}:{what}", logging.WARNING, text, self._spool.folder, self._spool.max_bytes >> 20, what)

    def _count_dropped(self, reason: str, number: int) -> None:
        """Count events that never came to the backlog."""
        if number:
            held = self._backlog
            held.recorded += number
            held.dropped[reason] = held.dropped.get(reason, 0) + number

    def _delete_settled(self, memories: dict[bytes, bytes | None]) -> None:
        """Delete what the destination has, or what was given up. Under the lock of the disk."""
        with self._lock:
            left, self._backlog.left = self._backlog.left or [], []
            places, self._settled = self._settled, []
            places += [place for place in (self._places.pop(id(event), None) for event in left) if place is not None]
        try:
            self._spool.settle(places, memories)
        except StoreError as exc:
            self._settled += places
            log_once(f"{self._name}:spool", logging.WARNING, "%s", exc)


def key_of(event: SpanEvent) -> bytes:
    """The trace's id for the disk: tells a text from a number."""
    identifier: Any = event[1].trace.id
    return b"#%x" % identifier if isinstance(identifier, int) else b"=" + identifier.encode("utf-8", "surrogatepass")


def _identifier(key: bytes) -> int | str:
    return int(key[1:], 16) if key[:1] == b"#" else key[1:].decode("utf-8", "surrogatepass")


def _is_root(event: SpanEvent) -> bool:
    return event[0] is Phase.START and event[1].kind == TRACE
