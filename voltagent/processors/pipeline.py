"""The processors of an SDK as one function: format, redact and fit an event, without the steps it does not need."""

from __future__ import annotations

from typing import Final

from voltagent.capture.exceptions import format_event
from voltagent.core.span import Phase, SpanEvent
from voltagent.processors.redaction import Redactor
from voltagent.processors.size_limit import fit_event

_SMALL: Final = 4096  # bytes; payloads that are smaller than this fit in any case


class Pipeline:
    """Makes events safe to send: ``event -> event or None``.

    Args:
        redactor: what removes secrets.
    """

    __slots__ = ("_redact",)

    def __init__(self, redactor: Redactor) -> None:
        self._redact = redactor.process

    def __call__(self, event: SpanEvent) -> SpanEvent | None:
        """The event without secrets and not too large; ``None`` drops it."""
        phase, span, fields = event
        formatted: SpanEvent | None = event
        if span.error is not None or span.facts is not None or fields is not None:
            formatted = format_event(event)
        safe = None if formatted is None else self._redact(formatted)
        if safe is None:
            return None
        if phase is Phase.END and not (span.error or span.usage or span.more_metadata or span.more_tags):
            payload = span.output
        elif phase is Phase.START:
            payload = span.input
        else:
            return fit_event(safe)
        plain = span.facts is None and span.metadata is None and span.tags is None
        if plain and (payload is None or len(payload) < _SMALL):
            return safe
        return fit_event(safe)
