"""The way back: from a spool to the buffer. Used under the lock around the disk."""

from __future__ import annotations

import logging
from typing import Final

from voltagent.core.guard import log_once
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.spooling.kept_events import KeptEvents
from voltagent.exporters import Remembering
from voltagent.storage.file import StoreError
from voltagent.storage.spool.codec import EventDecoder
from voltagent.storage.spool.segment import StoredEvent
from voltagent.storage.spool.spool import Spool

CHUNK: Final = 1024  # events written or read at once
CHUNK_BYTES: Final = 8 * 2**20


class SpoolReader:
    """Reads what is on the disk only, and what dead processes left there.

    Args:
        name: the destination, for messages.
        buffer, spool, kept: where events wait, and which of them are on the disk.
        decoder: gives the events of this process their own spans.
        remembering: the exporter, if it has to know what another process knew of a trace.
    """

    def __init__(
        self,
        name: str,
        buffer: Buffer,
        spool: Spool,
        kept: KeptEvents,
        decoder: EventDecoder,
        remembering: Remembering | None,
    ) -> None:
        self._name = name
        self._buffer = buffer
        self._spool = spool
        self._kept = kept
        self._decoder = decoder
        self._remembering = remembering

    def adopt(self) -> None:
        """Take over the files of dead processes."""
        try:
            found, broken = self._spool.adopt()
        except (StoreError, OSError) as exc:
            log_once(f"{self._name}:spool", logging.WARNING, "%s", exc)
            return
        with self._buffer.lock:
            self._kept.unread[self._kept.first] += found
            self._kept.count_dropped("serialize_error", broken, self._kept.first)

    def read(self) -> bool:
        """Read the next events back; return whether that worked."""
        try:
            rows, correction = self._spool.read(CHUNK, CHUNK_BYTES)
        except StoreError as exc:
            log_once(f"{self._name}:spool", logging.WARNING, "%s", exc)
            return False
        events = [self._decoded(row) for row in rows]
        with self._buffer.lock:
            self._kept.unread[self._kept.first] += correction
            self._kept.count_dropped("serialize_error", -correction, self._kept.first)
            for row, event in zip(rows, events, strict=True):
                self._take_back(row, event)
        return True

    def _take_back(self, row: StoredEvent, event: SpanEvent | None) -> None:
        if event is None:
            self._kept.drop_unread("serialize_error", 1, self._kept.first)
            self._kept.settled.append(row.place)
            return
        account = self._kept.owners.get(event[1].trace.id, self._kept.first)
        self._kept.unread[account] -= 1
        self._kept.places[id(event)] = row.place
        self._buffer.take((event,), account, inherited=True)
        self._kept.open.pop(event[1], None)
        if event[0] is Phase.END and event[1].kind == TRACE:
            self._kept.owners.pop(event[1].trace.id, None)

    def _decoded(self, row: StoredEvent) -> SpanEvent | None:
        if row.body is None:
            return None
        try:
            event = self._decoder.event(row.body)
            memory = self._spool.memory(row)
            if memory is not None and self._remembering is not None:
                self._remembering.restore(event[1].trace.id, memory)
        except (ValueError, KeyError, TypeError, AttributeError, LookupError):
            return None
        return event
