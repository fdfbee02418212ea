"""The processors of an SDK, applied to an event before it leaves the process, on the sender's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias, runtime_checkable

from voltagent.core import guard
from voltagent.core.process import exit_hook
from voltagent.core.process.one_time_work import pause
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.delivery import process_hooks
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.options import WorkerOptions

Processor: TypeAlias = Callable[[SpanEvent], SpanEvent | None]

GROUP: Final = 32  # events between two pauses: a thread of the program waits for the interpreter no longer than these
_PAUSE: Final = 50e-6  # seconds; after it the sender asks for the interpreter, which a busy program gives up after 5 ms
_SHARE: Final = 4  # there are no pauses once this part of the queue is in use


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


class Courtesy:
    """Lets the program have the interpreter while it still records, so that a burst ends before much of it is sent.

    There is no pause if the program recorded nothing meanwhile, waits for a flush or a shutdown, ends, or has used a
    quarter of the queue.

    Args:
        accounts: the SDKs that share the worker.
        buffer: what it has taken in.
        options: the limits of the queue.
    """

    def __init__(self, accounts: list[Account], buffer: Buffer, options: WorkerOptions) -> None:
        self._accounts = accounts
        self._buffer = buffer
        self._most_bytes, self._most_events = options.queue_bytes // _SHARE, options.queue_events // _SHARE
        self._seen = -1  # events that waited at the last look, in the queues or here

    def is_due(self) -> bool:
        """Return whether the program has recorded something since the last time, and no caller waits for the sender."""
        if exit_hook.began():
            return False
        events, size = self._buffer.count, self._buffer.size
        for account in self._accounts:
            if account.futures or account.shutdown is not None:
                return False
            events += len(account.waiting) + account.merged
            size += account.bytes
        seen, self._seen = self._seen, events
        return events > seen and events < self._most_events and size < self._most_bytes

    def give_way(self) -> None:
        """Pause, if it is due."""
        if self.is_due():
            pause(_PAUSE)

    def process(self, processing: Processing, events: Sequence[SpanEvent]) -> list[SpanEvent | None]:
        """Return the events as they may leave the process, with a pause between groups of them where it is due."""
        found: list[SpanEvent | None] = []
        self._seen = -1  # nothing can be recorded before the first pause, as this thread has the interpreter
        for first in range(0, len(events), GROUP):
            if first:
                self.give_way()
            found += processing(events[first : first + GROUP])
        return found
