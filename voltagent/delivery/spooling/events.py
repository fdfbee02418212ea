"""The events of a spool: written to its files and read back, within the limit of its folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from voltagent.core import guard
from voltagent.core.guard import log_once
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.eviction import drop_unsent
from voltagent.delivery.spooling.kept_events import KeptEvents, trace_key, trace_of
from voltagent.exporters import Exporter, Remembering
from voltagent.storage.file import StoreError
from voltagent.storage.spool.codec import EventDecoder, encode_event
from voltagent.storage.spool.rows import Entry
from voltagent.storage.spool.segment import SpoolFile, StoredEvent
from voltagent.storage.spool.spool import Spool

CHUNK: Final = 1024  # events written or read at once
CHUNK_BYTES: Final = 8 * 2**20


class SpoolEvents:
    """Writes events, and reads those that are on the disk only or were left by dead processes.

    Used under the lock around the disk.
    """

    def __init__(self, exporter: Exporter, buffer: Buffer, spool: Spool, kept: KeptEvents) -> None:
        self._name = exporter.name
        # if it has to know what another process knew of a trace
        self._remembering = exporter if isinstance(exporter, Remembering) else None
        self._buffer = buffer
        self._spool = spool
        self._kept = kept
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

    def write(self, events: Sequence[SpanEvent], entries: Sequence[Entry]) -> bool:
        """Write the events that are on their way; False if the disk does not take them, and memory must do.

        The places of those that it takes are known before they are written: if an interrupt comes, they are deleted.
        """
        if not entries:
            return False
        try:
            self._spool.restore_folder()
            if self._spool.in_turn(partial(self._write_with_space, events, entries)):
                return True
        except (StoreError, OSError) as exc:  # or the folder may not be looked at any more
            self.report(exc, "; events wait in memory only")
            if isinstance(exc, StoreError) and not exc.temporary:
                self._spool.abandon()
        except Exception as exc:  # an error of ours must not cost the events
            guard.Guard.swallowed(exc)
        with self._buffer.lock:
            self._kept.place(events, ())
        return False

    def _write_with_space(self, events: Sequence[SpanEvent], entries: Sequence[Entry]) -> bool:
        """Write them if the folder has space, or is given some."""
        if not self._make_space(entries):
            filling = "" if self._spool.is_alone else "or another program is filling it, "
            self._warn(f"{filling}events wait in memory only")
            return False
        places = self._spool.next_places(len(entries))
        with self._buffer.lock:
            self._kept.place(events, places)
        places[0].file.write(places[0].seq, entries)
        return True

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

    def _drop_oldest(self, traces: Iterator[tuple[bytes, SpoolFile]], size: int) -> bool:
        """Drop traces of that many bytes; return whether there were any."""
        kept, dropped = self._kept, 0
        for trace, file in traces:
            try:
                identifier = trace_of(trace)
            except (ValueError, AttributeError, TypeError):
                continue  # damaged: it will be counted when it is read
            with self._buffer.lock:
                is_dropped = drop_unsent(self._buffer, identifier, "queue_full")
            if not is_dropped:
                continue
            unread, freed = file.drop(trace)
            with self._buffer.lock:
                kept.drop_unread("queue_full", unread, kept.owners.pop(identifier, kept.first), file)
            dropped += freed
            if dropped >= size:
                break
        return dropped > 0 and self.delete_settled()

    def delete_settled(self, batch: Sequence[SpanEvent] = ()) -> bool:
        """Delete what has been accepted or dropped; return whether that worked.

        Also store what the next process would have to know of the traces in a batch that was sent.
        """
        kept, remembering = self._kept, self._remembering
        memories: dict[bytes, bytes | None] = {}
        if remembering is not None and batch:
            for identifier in {span.trace.id: None for _, span, _ in batch}:
                is_open = identifier in self._buffer.traces
                memories[trace_key(identifier)] = remembering.memory(identifier) if is_open else None
        if not (self._buffer.done or kept.settled or memories):
            return True
        with self._buffer.lock:
            kept.collect()
        number = len(kept.settled)
        try:
            self._spool.settle(kept.settled, memories)
            del kept.settled[:number]
            kept.is_stale = False
            if self._spool.adopted:
                self._spool.forget_read(kept.places.values())
        except (StoreError, OSError) as exc:
            self.report(exc)
            return False
        return True

    # The way back.

    def adopt(self) -> None:
        """Take over the files of dead processes."""
        try:
            for file, lost in self._spool.orphans():
                with self._buffer.lock:
                    self._kept.count_lost(lost)
                    if file is not None:
                        self._kept.adopt(file, self._spool.adopted)
        except (StoreError, OSError) as exc:
            self.report(exc)

    def read(self) -> bool:
        """Read the next events back; return whether that worked."""
        try:
            file, rows = self._spool.read(CHUNK, CHUNK_BYTES)
        except StoreError as exc:
            self.report(exc)
            return False
        if file is not None:
            events = [self._decoded(row) for row in rows]
            with self._buffer.lock:
                self._take_back(file, rows, events)
        return True

    def _take_back(self, file: SpoolFile, rows: Sequence[StoredEvent], events: Sequence[SpanEvent | None]) -> None:
        """Let events from the disk wait in memory; count those that are damaged, and those that are not there."""
        kept = self._kept
        if not rows:
            kept.drop_unread("serialize_error", file.unread, kept.first, file)
        elif len(rows) > file.unread:
            kept.count_unread(len(rows) - file.unread, file)
        for row, event in zip(rows, events, strict=True):
            if event is None:
                kept.drop_unread("serialize_error", 1, kept.first, file, (row.place,))
            else:
                kept.load(event, row.place)

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
