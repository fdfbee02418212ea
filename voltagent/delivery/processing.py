"""The processors of an SDK, applied to an event before it leaves the process, on the sender's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from voltagent.core import guard
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.delivery import process_hooks

Processor: TypeAlias = Callable[[SpanEvent], SpanEvent | None]


@runtime_checkable
class BatchProcessor(Protocol):
    """A processor that takes several events at once."""

    def many(self, events: Sequence[SpanEvent]) -> list[SpanEvent | None]:
        """Return the events in their order."""
        ...


class Processing:
    """Applies processors in turn; an event for which one returns ``None`` or raises is never sent as it is.

    Processors change a span in place, so they are applied by one thread at a time: several workers may have the same
    span. What they have changed they leave as it is the next time, as for another destination, or for a retry.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        self._processors = tuple(processors)
        first: object = self._processors[0] if len(self._processors) == 1 else None
        self._batched = first if isinstance(first, BatchProcessor) else None
        self.after_fork()
        process_hooks.renew(self)

    def after_fork(self) -> None:
        """In a forked child: the thread that has the lock is the parent's, and never releases it here."""
        self._lock = threading.Lock()

    def __call__(self, events: Sequence[SpanEvent]) -> list[SpanEvent | None]:
        """Return the events as they may leave the process."""
        with self._lock:
            if self._batched is not None:
                try:
                    found = self._batched.many(events)
                except Exception as exc:  # of which event it is not known
                    guard.Guard.swallowed(exc)
                    found = self._one_by_one(events)
            else:
                found = self._one_by_one(events)
        if None in found:
            for (phase, span, fields), safe in zip(events, found, strict=True):
                if safe is None and fields is None and phase is not Phase.END:  # an update is not in its span
                    _withhold(span)
        return found

    def _one_by_one(self, events: Sequence[SpanEvent]) -> list[SpanEvent | None]:
        """Process each event by itself: one that fails is withheld, and costs no other."""
        found: list[SpanEvent | None] = []
        for event in events:
            current: SpanEvent | None = event
            try:
                for processor in self._processors:
                    if current is None:
                        break
                    current = processor(current)
            except Exception as exc:
                guard.Guard.swallowed(exc)
                current = None
            found.append(current)
        return found


def _withhold(span: Span) -> None:
    """Keep nothing of a start that could not be made safe: its end would bring it along."""
    span.name, span.input, span.metadata, span.tags, span.facts = "[redaction failed]", None, None, None, None
