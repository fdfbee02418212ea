"""The way to the disk: events as entries, and what happens if the disk does not take them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from voltagent.core import guard
from voltagent.core.guard import log_once
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.delivery.spooling.kept_events import trace_key
from voltagent.delivery.spooling.space import SpoolSpace
from voltagent.storage.file import StoreError
from voltagent.storage.spool.codec import EventDecoder, encode_event
from voltagent.storage.spool.rows import Entry
from voltagent.storage.spool.segment import EventPosition
from voltagent.storage.spool.spool import Spool


class SpoolWriter:
    """Writes events to a spool.

    Args:
        name: the destination, for messages.
        spool, space: where to, and what keeps it within its limit.
        decoder: knows each span, as its end needs it.
    """

    def __init__(self, name: str, spool: Spool, space: SpoolSpace, decoder: EventDecoder) -> None:
        self._name = name
        self._spool = spool
        self._space = space
        self._decoder = decoder

    def entry(self, event: SpanEvent, keys: dict[int | str, bytes]) -> Entry | None:
        """Return an event as it is written, with the key of its trace; ``None`` if it cannot be kept."""
        phase, span, _ = event
        identifier = span.trace.id
        try:
            if phase is Phase.START or phase is Phase.POINT:  # an end has the span of its start
                self._decoder.know(event)
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
                if self._space.make(entries):
                    return self._spool.write(entries)
                filling = "" if self._spool.is_alone else "or another program is filling it, "
            self._space.warn(f"{filling}events wait in memory only")
        except StoreError as exc:
            log_once(f"{self._name}:spool", logging.WARNING, "%s; events wait in memory only", exc)
            if not exc.temporary:
                self._spool.abandon()
        except Exception as exc:  # an error of ours must not cost the events
            guard.Guard.swallowed(exc)
        return []
