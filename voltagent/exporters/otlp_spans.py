"""From the events of open spans to the messages of ended ones: what an OTLP exporter keeps between the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from weakref import WeakSet

from pydantic_core import from_json, to_json

from voltagent.core.span import AGENT, TRACE, Phase, Span, SpanEvent
from voltagent.processors.size_limit import fit_span, weight
from voltagent.storage.spool.codec import pack, unpack
from voltagent.wire.otlp.encode import Message, span_message
from voltagent.wire.otlp.profiles import plans
from voltagent.wire.otlp.span_view import Facts

_MEMORY: Final = 50_000  # traces of which something is kept; beyond it the oldest is forgotten
_NOTHING: Final[Mapping[str, Any]] = {}


class Late(Exception):  # noqa: N818 - a fact about an event; it does not leave the exporter
    """An update of a span that was sent already, or that another process recorded."""


class _Kept:
    """What is known of an open trace beside its spans."""

    __slots__ = ("counted", "updates")

    def __init__(self) -> None:
        self.updates: dict[int | str, dict[str, Any]] = {}  # by the id of the span
        # The agent or trace around what had usage: a receiver that adds up spans would count theirs a second time.
        self.counted: set[int | str] = set()


class OpenSpans:
    """Turns events into OTLP spans, in the words of the chosen profiles.

    Args:
        profiles: names of :data:`voltagent.wire.otlp.profiles.PROFILES`; the first one names the spans.
    """

    def __init__(self, profiles: tuple[str, ...]) -> None:
        self._plans = plans(profiles)
        self._traces: dict[int | str, _Kept] = {}
        self._sent: WeakSet[Span] = WeakSet()
        self._events: WeakSet[Span] = WeakSet()  # custom events, sent when they were recorded

    def message(self, event: SpanEvent, space: int | None = None) -> Message | None:
        """The span to send for an event; ``None`` where there is nothing to send yet. The same again for a retry.

        ``room`` is for a span that came out too large: the bytes that its payloads may have before they are encoded.

        Raises:
            Late: an update that comes too late for this wire.
        """
        phase, span, fields = event
        if phase is Phase.UPDATE:
            self._update(span, fields or _NOTHING)
            return None
        if phase is Phase.START or phase is Phase.SCORE:  # a score is no span
            return None
        if phase is Phase.POINT:
            self._events.add(span)
        return self._span(span, space, ended=phase is Phase.END)

    def weight(self, span: Span) -> int:
        """Bytes of all that is known of a span, before it is encoded."""
        return weight(span, self._updates(span).get(span.id, _NOTHING))

    def sent(self, event: SpanEvent) -> None:
        """The span of this event has arrived: updates come too late from now on."""
        if event[0] in (Phase.END, Phase.POINT):
            self._sent.add(event[1])

    def forget(self, trace_id: int | str) -> None:
        """The trace is over."""
        self._traces.pop(trace_id, None)

    def memory(self, trace_id: int | str) -> bytes | None:
        """What is kept of a trace, for another process to go on with."""
        kept = self._traces.get(trace_id)
        return None if kept is None else pack({"otlp": (tuple(kept.updates.items()), tuple(kept.counted))})

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        """Keep what another process kept of a trace."""
        known = unpack(memory)
        if "otlp" in known and trace_id not in self._traces:
            kept = self._traces[trace_id] = _Kept()
            kept.updates = dict(known["otlp"][0])
            counted: Any = known["otlp"][1]  # an earlier version kept no more than whether the trace was
            kept.counted = (
                set(cast("tuple[int | str, ...]", counted))
                if isinstance(counted, tuple | list)
                else {trace_id}
                if counted
                else set()
            )

    def clear(self) -> None:
        """Forget everything."""
        self._traces.clear()
        self._sent.clear()
        self._events.clear()

    def _span(self, span: Span, space: int | None, *, ended: bool) -> Message:
        kept = self._traces.get(span.trace.id)
        if span.kind != TRACE and span.usage is not None:
            kept = kept or self._keep(span)
            kept.counted |= _whose_tokens_these_are(span)
        updates = self._updates(span)
        own = updates.get(span.id, _NOTHING)
        told, own = (span, own) if space is None else fit_span(span, own, space)
        facts = Facts(
            told,
            own,
            updates.get(span.trace.id, _NOTHING),
            event=span in self._events,
            ended=ended,
            counted=kept is not None and span.id in kept.counted,
        )
        return span_message(facts, self._plans[facts.kind], second=ended and span in self._events)

    def _updates(self, span: Span) -> Mapping[int | str, Mapping[str, Any]]:
        kept = self._traces.get(span.trace.id)
        return {} if kept is None else kept.updates

    def _update(self, span: Span, fields: Mapping[str, Any]) -> None:
        if span in self._sent or _is_stand_in(span):
            raise Late
        updates = self._keep(span).updates.setdefault(span.id, {})
        before = updates.get("metadata")
        updates.update(fields)
        if before is not None and "metadata" in fields:
            updates["metadata"] = to_json({**from_json(before), **from_json(fields["metadata"])})

    def _keep(self, span: Span) -> _Kept:
        kept = self._traces.get(span.trace.id)
        if kept is None:
            kept = self._traces[span.trace.id] = _Kept()
            if len(self._traces) > _MEMORY:
                del self._traces[next(iter(self._traces))]
        return kept


def _whose_tokens_these_are(span: Span) -> set[int | str]:
    """The trace, and of an operation the agent around it: their own usage includes this one's."""
    found: set[int | str] = {span.trace.id}
    above = span.parent if span.kind != AGENT else None
    while above is not None and above.kind != AGENT:
        above = above.parent
    return found if above is None else found | {above.id}


def _is_stand_in(span: Span) -> bool:
    """Whether it was made from an id alone, for an update of something that another process recorded."""
    return not span.name and not span.trace.agent_id
