"""The events of a spool: written to its files and read back, within the limit of its folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from voltagent.core import guard
from voltagent.core.guard import log_once
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.eviction import drop_unsent
from voltagent.delivery.spooling.kept_events import KeptEvents, trace_key, trace_of
from voltagent.exporters import Remembering
from voltagent.storage.file import StoreError
from voltagent.storage.spool.codec import EventDecoder, encode_event
from voltagent.storage.spool.rows import Entry
from voltagent.storage.spool.segment import EventPosition, StoredEvent
from voltagent.storage.spool.spool import Spool

CHUNK: Final = 1024  # events written or read at once
CHUNK_BYTES: Final = 8 * 2**20


class SpoolEvents:
    """Writes events, and reads those that are on the disk only or were left by dead processes.

    Used under the lock around the disk. ``remembering`` is the exporter, if it has to know what another process knew of
    a trace.
    """

    def __init__(
        self, name: str, buffer: Buffer, spool: Spool, kept: KeptEvents, remembering: Remembering | None
    ) -> None:
        self._name = name
        self._buffer = buffer
        self._spool = spool
        self._kept = kept
        self._remembering = remembering
        self.decoder = EventDecoder()  # knows each span, as its end needs it, and gives own events their own spans

    def entry(self, event: SpanEvent, keys: dict[int | str, bytes]) -> Entry | None:
        """Return an event as it is written, with the key of its trace; ``None`` if it cannot be kept."""
        phase, span, _ = event
        identifier = span.trace.id
        try:
            if phase is Phase.START or phase is Phase.POINT:  # an end has the span of its start
                self.decoder.know(event)
            key = keys.get(identifier)
            if key is None:
                key = keys[identifier] = trace_key(identifier)
            return Entry(key, phase is Phase.START and span.kind == TRACE, encode_event(event))
        except Exception as exc:  # an event that cannot be kept is not sent either: the order would suffer
            guard.Guard.swallowed(exc)
            return None

    def write(self, entries: Sequence[Entry]) -> list[EventPosition]:
        """Return where the events are now; empty if the disk does not take them, and memory must do."""
        if not entries:
            return []
        try:
            self._spool.restore_folder()
            with self._spool.turn():
                if self._make_space(entries):
                    return self._spool.write(entries)
                filling = "" if self._spool.is_alone else "or another program is filling it, "
            self._warn(f"{filling}events wait in memory only")
        except StoreError as exc:
            self.report(exc, "; events wait in memory only")
            if not exc.temporary:
                self._spool.abandon()
        except OSError as exc:  # the folder may not be looked at any more
            self.report(exc, "; events wait in memory only")
        except Exception as exc:  # an error of ours must not cost the events
            guard.Guard.swallowed(exc)
        return []

    def report(self, exc: Exception, more: str = "") -> None:
        """Log that the disk failed, and what follows from it."""
        log_once(f"{self._name}:spool", logging.WARNING, "%s%s", exc, more)

    def _warn(self, what: str) -> None:
        message, folder = "the spool in %s is full (%d MiB), %s", self._spool.folder
        log_once(f"{self._name}:{what}", logging.WARNING, message, folder, self._spool.max_bytes >> 20, what)

    # Space: if the folder is full, the oldest unsent traces go.

    def _make_space(self, entries: Sequence[Entry]) -> bool:
        """Drop the oldest unsent traces, until there is space; return whether there is."""
        excess = self._spool.excess(entries)
        if excess > 0 and not self._spool.is_alone:
            return False
        if excess > 0:
            self._warn("the oldest traces in it are dropped")
        traces = self._spool.oldest() if excess > 0 else iter(())
        while excess > 0 and self._drop_oldest(traces, excess + self._spool.max_bytes // 64):  # not for every batch
            excess = self._spool.excess(entries)
        return excess <= 0

    def _drop_oldest(self, traces: Iterator[tuple[bytes, Callable[[], tuple[int, int]]]], size: int) -> bool:
        """Drop traces of that many bytes; return whether there were any."""
        kept, dropped = self._kept, 0
        for trace, drop in traces:
            try:
                identifier = trace_of(trace)
            except (ValueError, AttributeError, TypeError):
                continue  # damaged: it will be counted when it is read
            in_memory = self._forget_trace(identifier)
            if in_memory is None:
                continue
            count, freed = drop()
            with self._buffer.lock:
                kept.drop_unread("queue_full", max(0, count - in_memory), kept.owners.pop(identifier, kept.first))
            dropped += freed
            if dropped >= size:
                break
        return dropped > 0

    def _forget_trace(self, identifier: int | str) -> int | None:
        """Drop from memory an unsent trace; return how many of its events are on the disk as well."""
        with self._buffer.lock:
            if not drop_unsent(self._buffer, identifier, "queue_full"):
                return None
            done, self._buffer.done = self._buffer.done or [], []
            number = 0
            for event in done:
                place = self._kept.places.pop(id(event), None)
                if place is None:
                    continue
                _, span, _ = event
                if span.trace.id == identifier:
                    place.file.waiting -= 1
                    number += 1
                else:
                    self._kept.settled.append(place)
            return number

    # The way back.

    def adopt(self) -> None:
        """Take over the files of dead processes."""
        try:
            found, broken = self._spool.adopt()
        except (StoreError, OSError) as exc:
            self.report(exc)
            return
        with self._buffer.lock:
            self._kept.unread[self._kept.first] += found
            self._kept.count_dropped("serialize_error", broken, self._kept.first)

    def read(self) -> bool:
        """Read the next events back; return whether that worked."""
        try:
            rows, correction = self._spool.read(CHUNK, CHUNK_BYTES)
        except StoreError as exc:
            self.report(exc)
            return False
        events = [self._decoded(row) for row in rows]
        with self._buffer.lock:
            self._kept.unread[self._kept.first] += correction
            self._kept.count_dropped("serialize_error", -correction, self._kept.first)
            for row, event in zip(rows, events, strict=True):
                self._take_back(row, event)
        return True

    def _take_back(self, row: StoredEvent, event: SpanEvent | None) -> None:
        """Let an event from the disk wait in memory, for the SDK that recorded it; count a damaged one."""
        kept = self._kept
        if event is None:
            kept.drop_unread("serialize_error", 1, kept.first)
            kept.settled.append(row.place)
            return
        phase, span, _ = event
        account = kept.account_by_trace[span.trace] = kept.owner(span.trace)
        kept.leave_disk(1, account)
        kept.places[id(event)] = row.place
        self._buffer.take((event,), account, inherited=True)
        kept.open.pop(span, None)
        if phase is Phase.END and span.kind == TRACE:
            kept.owners.pop(span.trace.id, None)

    def _decoded(self, row: StoredEvent) -> SpanEvent | None:
        """Decode an event, and restore what the exporter remembers of its trace; ``None`` if it is damaged."""
        if row.body is None:
            return None
        try:
            event = self.decoder.event(row.body)
            memory = self._spool.memory(row)
            if memory is not None and self._remembering is not None:
                _, span, _ = event
                self._remembering.restore(span.trace.id, memory)
        except (ValueError, KeyError, TypeError, AttributeError, LookupError):
            return None
        return event
