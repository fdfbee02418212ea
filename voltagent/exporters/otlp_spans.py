"""From the events of open spans to the messages of ended ones: what an OTLP exporter keeps between the two."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast
from weakref import WeakSet

from pydantic_core import to_json

from voltagent.core.json_objects import merge_objects
from voltagent.core.kinds import KIND_ATTRIBUTE
from voltagent.core.span import AGENT, TRACE, Phase, Span, SpanEvent, SpanFacts, is_placeholder
from voltagent.processors.size_limit import fit_span, weight
from voltagent.storage.spool.codec import EventDecoder, encode_event, pack, unpack
from voltagent.wire.otlp.encode import OtlpMessage, span_message
from voltagent.wire.otlp.plain import PlainSpans
from voltagent.wire.otlp.profiles import PROFILES, plans
from voltagent.wire.otlp.span_view import Facts

_MEMORY: Final = 50_000  # traces of which something is kept; beyond it the oldest is forgotten
_NOTHING: Final[Mapping[str, Any]] = {}


class Late(Exception):  # noqa: N818 - a fact about an event; it does not leave the exporter
    """An update of a span that was sent already, or that another process recorded."""


class _Kept:
    """What is known of an open trace beside its spans."""

    __slots__ = ("begun", "counted", "opener", "opener_span", "updates")

    def __init__(self) -> None:
        self.updates: dict[int | str, dict[str, Any]] = {}  # by the id of the span
        self.begun = False  # whether an operation has started
        self.opener: int | str | None = None  # the id of the agent that opened the trace, if the two are one span
        self.opener_span: Span | None = None  # once it has ended
        # The agent or trace around what had usage: a receiver that adds up spans would count theirs a second time.
        self.counted: set[int | str] = set()


class OpenSpans:
    """Turns events into OTLP spans, in the words of the chosen profiles.

    Args:
        profiles: names of :data:`voltagent.wire.otlp.profiles.PROFILES`; the first one names the spans.
    """

    def __init__(self, profiles: tuple[str, ...]) -> None:
        self._plans = plans(profiles)
        self._merges_opener = PROFILES[profiles[0]].merges_opener
        whole = self._plans[TRACE]
        self._merged_plan = replace(whole, constants={**whole.constants, KIND_ATTRIBUTE: AGENT})
        self._plain = PlainSpans(self._plans)
        self._traces: dict[int | str, _Kept] = {}
        self._sent: WeakSet[Span] = WeakSet()
        self._events: WeakSet[Span] = WeakSet()  # custom events, sent when they were recorded

    @property
    def notes_starts(self) -> bool:
        """Whether :meth:`message` has to see the starts of spans as well."""
        return self._merges_opener

    def plain(self, span: Span) -> bytes | None:
        """Return an ended span in protobuf; ``None`` if a template cannot express it, see :meth:`message`."""
        if self._events.data or (span.trace.id in self._traces and not self._is_bare(span)):  # type: ignore[attr-defined]
            return None
        return self._plain.encoded(span)

    def _is_bare(self, span: Span) -> bool:
        kept = self._traces[span.trace.id]
        return kept.opener is None and not kept.updates and not kept.counted

    def message(self, event: SpanEvent, space: int | None = None) -> OtlpMessage | None:
        """Return the span to send for an event, the same again for a retry; ``None`` if nothing is to be sent yet.

        ``space`` is for a span that came out too large: the bytes that its payloads may have before they are encoded.

        Raises:
            Late: an update that comes too late for this wire.
        """
        phase, span, fields = event
        if phase is Phase.UPDATE:
            self._update(span, fields or _NOTHING)
            return None
        if phase is Phase.START:
            self._start(span)
            return None
        if phase is Phase.SCORE or (phase is Phase.END and self._is_merged(span)):
            return None  # a score is not a span
        if phase is Phase.POINT:
            self._events.add(span)
        return self._span(span, space, ended=phase is Phase.END)

    def weight(self, span: Span) -> int:
        """Return the bytes of all that is known of a span, before it is encoded."""
        return weight(span, self._updates(span).get(span.id, _NOTHING))

    def sent(self, event: SpanEvent) -> None:
        """Note that the span of this event has arrived: updates come too late from now on."""
        phase, span, _ = event
        if phase in (Phase.END, Phase.POINT):
            self._sent.add(span)

    def forget(self, trace_id: int | str) -> None:
        """Forget a trace that has ended."""
        self._traces.pop(trace_id, None)

    def memory(self, trace_id: int | str) -> bytes | None:
        """Return what is kept of a trace, for another process to go on with."""
        kept = self._traces.get(trace_id)
        if kept is None:
            return None
        opener = kept.opener_span
        ended = None if opener is None else encode_event((Phase.END, opener, None))
        return pack({"otlp": (tuple(kept.updates.items()), tuple(kept.counted), kept.opener, ended)})

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        """Keep what another process kept of a trace."""
        known = unpack(memory)
        if "otlp" in known and trace_id not in self._traces:
            kept = self._traces[trace_id] = _Kept()
            updates, counted, *opener = cast("tuple[Any, ...]", known["otlp"])
            kept.updates = dict(updates)
            kept.begun = True
            if opener:  # an earlier version did not know it
                kept.opener = opener[0]
                kept.opener_span = None if opener[1] is None else EventDecoder().event(opener[1])[1]
            # an earlier version kept no more than whether the trace was counted
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

    def _start(self, span: Span) -> None:
        """Note the agent that opened its own trace: the platform wants the two as one span."""
        if not self._merges_opener or span.parent is None:
            return
        kept = self._keep(span)
        if not kept.begun and _opens_its_trace(span):
            kept.opener = span.id
        kept.begun = True

    def _is_merged(self, span: Span) -> bool:
        """Return whether an ended span is a part of that of its trace, which is still to come."""
        kept = self._traces.get(span.trace.id)
        if kept is None or kept.opener is None or span.id != kept.opener:
            return False
        kept.opener_span = span
        if span.usage is not None:
            kept.counted |= _whose_tokens_these_are(span)
        return True

    def _span(self, span: Span, space: int | None, *, ended: bool) -> OtlpMessage:
        """Return a span with what its trace remembers: updates, whose tokens are counted, the agent that opened it."""
        kept = self._traces.get(span.trace.id)
        if span.kind != TRACE and span.usage is not None:
            kept = kept or self._keep(span)
            kept.counted |= _whose_tokens_these_are(span)
        updates = self._updates(span)
        own = updates.get(span.id, _NOTHING)
        plan = None
        shown = span
        if kept is not None and kept.opener_span is not None and span.kind == TRACE:
            shown, plan = _with_opener(span, kept.opener_span), self._merged_plan
            own = {**updates.get(kept.opener_span.id, _NOTHING), **own}
        shown, own = (shown, own) if space is None else fit_span(shown, own, space)
        facts = Facts(
            shown,
            own,
            updates.get(span.trace.id, _NOTHING),
            event=span in self._events,
            ended=ended,
            counted=kept is not None and span.id in kept.counted,
            opener=None if kept is None else kept.opener,
        )
        return span_message(facts, plan or self._plans[facts.kind], second=ended and span in self._events)

    def _updates(self, span: Span) -> Mapping[int | str, Mapping[str, Any]]:
        kept = self._traces.get(span.trace.id)
        return {} if kept is None else kept.updates

    def _update(self, span: Span, fields: Mapping[str, Any]) -> None:
        """Remember an update until the end of its span brings it along; raises ``Late`` if that was sent."""
        if span in self._sent or is_placeholder(span):
            raise Late
        updates = self._keep(span).updates.setdefault(span.id, {})
        before = updates.get("metadata")
        updates.update(fields)
        if before is not None and "metadata" in fields:
            updates["metadata"] = to_json(merge_objects((before, fields["metadata"])))

    def _keep(self, span: Span) -> _Kept:
        """Return what is remembered of a span's trace; the oldest trace is forgotten if there are too many."""
        kept = self._traces.get(span.trace.id)
        if kept is None:
            kept = self._traces[span.trace.id] = _Kept()
            if len(self._traces) > _MEMORY:
                del self._traces[next(iter(self._traces))]
        return kept


def _opens_its_trace(span: Span) -> bool:
    """Return whether the first operation of a trace is the agent whose call opened the trace."""
    root = span.parent
    if root is None or root.kind != TRACE:
        return False
    return span.kind == AGENT and span.name == span.trace.agent_id and span.input == root.input


def _with_opener(root: Span, agent: Span) -> Span:
    """Return the span of a trace with what is known of the agent that opened it."""
    merged = copy.copy(root)
    merged.facts = agent.facts
    parts = (agent.metadata, *agent.more_metadata, root.metadata, *root.more_metadata)
    merged.metadata = None
    merged.more_metadata = tuple(part for part in parts if part is not None)
    merged.more_tags = (*root.more_tags, *(agent.tags or ()), *agent.more_tags)
    merged.model = root.model or agent.model
    merged.usage = agent.usage if root.usage is None else root.usage
    if agent.usage != merged.usage:
        merged.facts = cast("SpanFacts", {**(agent.facts or {}), "agent_usage": agent.usage or {}})
    return merged


def _whose_tokens_these_are(span: Span) -> set[int | str]:
    """Return the trace, and of an operation the agent around it: their own usage includes this one's."""
    found: set[int | str] = {span.trace.id}
    above = span.parent if span.kind != AGENT else None
    while above is not None and above.kind != AGENT:
        above = above.parent
    return found if above is None else found | {above.id}
