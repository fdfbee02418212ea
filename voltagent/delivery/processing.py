"""What makes the events of an SDK safe to send, applied before they leave the process, on the sender's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from voltagent.core import guard
from voltagent.core.process.thread_marks import run_under, usable
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.delivery import process_hooks

Processor: TypeAlias = Callable[[SpanEvent], SpanEvent | None]


class Processing:
    """Applies a processor; an event for which it returns ``None`` or raises is never sent as it is.

    It changes a span in place, so one thread at a time applies it: several workers may have the same span. What it has
    changed it leaves as it is the next time, as for another destination, or for a retry.

    Args:
        process: the processor. If it has a method ``many``, that takes several events at once.
    """

    def __init__(self, process: Processor | None) -> None:
        self._process = process
        self._process_many: Any = getattr(process, "many", None)
        self.after_fork()
        process_hooks.renew(self)

    def after_fork(self) -> None:
        """In a forked child: the thread that has the lock is the parent's, and never releases it here."""
        self._lock = threading.RLock()

    def free_lock(self) -> None:
        """Wait for no thread that the end of the interpreter stopped while it had the lock."""
        self._lock = usable(self._lock)

    def __call__(self, events: Sequence[SpanEvent]) -> list[SpanEvent | None]:
        """Return the events as they may leave the process."""
        found = run_under(self._lock, partial(self._make_safe, events))
        if None in found:
            for (phase, span, fields), safe in zip(events, found, strict=True):
                if safe is None and fields is None and phase is not Phase.END:  # an update is not in its span
                    _withhold(span)
        return found

    def _make_safe(self, events: Sequence[SpanEvent]) -> list[SpanEvent | None]:
        if self._process_many is not None:
            try:
                found: list[SpanEvent | None] = self._process_many(events)
                return found
            except Exception as exc:  # of which event it is not known
                guard.Guard.swallowed(exc)
        return list(events) if self._process is None else list(map(self._make_one_safe, events))

    def _make_one_safe(self, event: SpanEvent) -> SpanEvent | None:
        """Process an event by itself: one that fails is withheld, and costs no other."""
        try:
            return None if self._process is None else self._process(event)
        except Exception as exc:
            guard.Guard.swallowed(exc)
            return None


def _withhold(span: Span) -> None:
    """Keep nothing of a start that could not be made safe: its end would bring it along."""
    span.name, span.input, span.metadata, span.tags, span.facts = "[redaction failed]", None, None, None, None
