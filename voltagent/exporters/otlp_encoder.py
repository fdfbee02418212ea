"""The events of a batch as encoded spans, none larger than a span may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from voltagent.core.guard import pass_on_interrupt
from voltagent.core.span import Phase, SpanEvent
from voltagent.exporters import ACCEPTED, Outcome, Verdict
from voltagent.exporters.otlp_batch import WITH_END, Item
from voltagent.exporters.otlp_spans import Late, OpenSpans
from voltagent.wire.otlp.encode import ENCODINGS, Encoding, OtlpMessage, trimmed

_PLAIN: Final = 256 * 1024  # bytes of a span that is not looked at more closely
_CUTS: Final = 5  # tries to make a span fit; how much longer its encoding is than its payloads is known afterwards
_SPARE: Final = 64 * 1024  # by which the first try aims lower: what is not payload stays as it is
_LATE: Final = Outcome(Verdict.REFUSED, "rejected", "OTLP has no way to change a span that was sent")


class SpanEncoder:
    """Encodes the spans of one destination.

    Args:
        spans: the open spans, which have what starts and updates added.
        encoding: the form of the protocol.
        limit: bytes of one span.
    """

    def __init__(self, spans: OpenSpans, encoding: Encoding, limit: int) -> None:
        self._spans = spans
        self._encoding = encoding
        self._limit = limit
        self._is_binary = encoding is ENCODINGS["http/protobuf"]
        self._plain_limit = min(_PLAIN, limit)

    def items(self, batch: Sequence[SpanEvent], outcomes: list[Outcome | None]) -> list[Item]:
        """Return the spans to send; the events without one get their outcome."""
        items: list[Item] = []
        passes_starts = not self._spans.notes_starts
        for number, event in enumerate(batch):
            phase, _, _ = event
            if passes_starts and phase is Phase.START:
                outcomes[number] = WITH_END
                continue
            content = self._plain(event)
            if content is not None and len(content) <= self._plain_limit:
                items.append(Item(number, None, content))
                continue
            item = self._item(number, event)
            if isinstance(item, Item):
                items.append(item)
            else:
                outcomes[number] = item
        return items

    def _plain(self, event: SpanEvent) -> bytes | None:
        """Return a plain span's bytes; ``None`` for every other event, and for one that needs a closer look."""
        phase, span, _ = event
        if not self._is_binary or phase is not Phase.END:
            return None
        try:
            return self._spans.plain(span)
        except Exception as exc:  # the other way reports what is wrong with this event alone
            pass_on_interrupt(exc)
            return None

    def _item(self, number: int, event: SpanEvent) -> Item | Outcome:
        """Return the span to send for an event, or its outcome if nothing is to be sent."""
        try:
            message = self._spans.message(event)
            if message is None:
                phase, _, _ = event
                # a score goes by another route; the end of an agent that opened its trace goes with that of the trace
                return WITH_END if phase in (Phase.START, Phase.UPDATE) else ACCEPTED
            return self._fitting(self._encoded(number, message), event)
        except Late:
            return _LATE
        except Exception as exc:  # a payload that cannot be encoded costs its own event only
            pass_on_interrupt(exc)
            return Outcome(Verdict.REFUSED, "serialize_error", type(exc).__name__)

    def _fitting(self, item: Item, event: SpanEvent) -> Item:
        """Return the span with smaller payloads, if it is larger than a span may be."""
        if len(item.content) <= self._limit:
            return item
        _, span, _ = event
        space = self._spans.weight(span)
        for _ in range(_CUTS):
            space = space * self._limit // (len(item.content) + _SPARE)
            item = self._encoded(item.number, self._spans.message(event, space) or {})
            if len(item.content) <= self._limit:
                return item
        return self._encoded(item.number, trimmed(item.message or {}))

    def _encoded(self, number: int, message: OtlpMessage) -> Item:
        return Item(number, message, self._encoding.span(message))
