"""Space in a spool: if it is full, the oldest unsent traces are dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from voltagent.core.guard import log_once
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.eviction import drop_trace, has_begun
from voltagent.delivery.spooling.kept_events import KeptEvents, trace_of
from voltagent.storage.spool.rows import Entry
from voltagent.storage.spool.spool import Spool


class SpoolSpace:
    """Keeps the folder of a spool within its limit.

    Args:
        name: the destination, for messages.
        buffer, spool, kept: where events wait, and which of them are on the disk.
    """

    def __init__(self, name: str, buffer: Buffer, spool: Spool, kept: KeptEvents) -> None:
        self._name = name
        self._buffer = buffer
        self._spool = spool
        self._kept = kept

    def make(self, entries: Sequence[Entry]) -> bool:
        """Drop the oldest unsent traces, until there is space; whether there is."""
        excess = self._spool.excess(entries)
        if excess > 0 and not self._spool.is_alone:
            return False
        if excess > 0:
            self.warn("the oldest traces in it are dropped")
        traces = self._spool.oldest() if excess > 0 else iter(())
        while excess > 0 and self._drop_oldest(traces, excess + self._spool.max_bytes // 64):  # not for every batch
            excess = self._spool.excess(entries)
        return excess <= 0

    def _drop_oldest(self, traces: Iterator[tuple[bytes, Callable[[], tuple[int, int]]]], size: int) -> bool:
        """Drop traces of that many bytes; whether there were any."""
        dropped = 0
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
                self._kept.drop_unread(
                    "queue_full", max(0, count - in_memory), self._kept.owners.pop(identifier, self._kept.first)
                )
            dropped += freed
            if dropped >= size:
                break
        return dropped > 0

    def _forget_trace(self, identifier: int | str) -> int | None:
        """Drop from memory an unsent trace; how many of its events are on the disk as well."""
        with self._buffer.lock:
            if has_begun(self._buffer, identifier):
                return None
            drop_trace(self._buffer, identifier, "queue_full")
            done, self._buffer.done = self._buffer.done or [], []
            number = 0
            for event in done:
                place = self._kept.places.pop(id(event), None)
                if place is None:
                    continue
                if event[1].trace.id == identifier:
                    place.file.waiting -= 1
                    number += 1
                else:
                    self._kept.settled.append(place)
            return number

    def warn(self, what: str) -> None:
        """Log that the folder is full, and what follows from it."""
        message = "the spool in %s is full (%d MiB), %s"
        log_once(
            f"{self._name}:{what}", logging.WARNING, message, self._spool.folder, self._spool.max_bytes >> 20, what
        )
