"""OTLP read back: the spans of a trace request to events, the way back from :mod:`voltagent.wire.otlp.encode`.

A request is given in its JSON mapping; :mod:`voltagent.wire.otlp.protobuf_decode` makes that of protobuf. One span is
one ended operation. The first span of a trace is the trace; if it says that it is an agent, a tool or a model call,
it is an operation in that trace as well. A parent may come later than its children, in another request: children name
it by its id, and are children of their trace until it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from voltagent.core import trace_ids
from voltagent.core.span import AGENT, TRACE, Phase, Remote, Span, SpanEvent, TraceInfo
from voltagent.wire.otlp import values
from voltagent.wire.otlp.protobuf_decode import TooLargeError
from voltagent.wire.otlp.received import Received, fill, from_message, trace_metadata
from voltagent.wire.rest.ids import end_span_id

MOST_SPANS: Final = 20_000  # of one request: exporters send some hundreds


class Read(NamedTuple):
    """What a request was: its events, and how many of its spans are none, with what is wrong with the first."""

    events: list[SpanEvent]
    rejected: int
    problem: str


def events_of(request: object) -> Read:
    """Return the events that the spans of an ``ExportTraceServiceRequest`` (in its JSON mapping) stand for.

    Raises:
        TooLargeError: it has more than 20 000 spans.
        ValueError: it is no such request.
    """
    received: list[Received] = []
    problems: list[str] = []
    for resource, scope_spans in _scopes(request):
        messages = _list(scope_spans.get("spans"), "spans")
        if len(received) + len(problems) + len(messages) > MOST_SPANS:
            raise TooLargeError(f"the request has more than {MOST_SPANS} spans: send them in parts")
        for message in messages:
            try:
                received.append(from_message(_object(message, "a span"), resource))
            except ValueError as exc:  # noqa: PERF203 - one span must not cost the others
                problems.append(str(exc))
    return Read(_ReceivedBatch(received).events(), len(problems), problems[0] if problems else "")


def _scopes(request: object) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the attributes of each resource with each scope below it."""
    for one in _list(_object(request, "the request").get("resourceSpans"), "resourceSpans"):
        resource_spans = _object(one, "an item of resourceSpans")
        resource = _object(resource_spans.get("resource") or {}, "resource")
        attributes = values.attributes(resource.get("attributes"))
        for scope_spans in _list(resource_spans.get("scopeSpans"), "scopeSpans"):
            yield attributes, _object(scope_spans, "an item of scopeSpans")


class _ReceivedBatch:
    """The spans of one request, which may be each other's parents."""

    def __init__(self, received: list[Received]) -> None:
        self._received = received
        self._by_id = {(one.trace, one.id): one for one in received}
        self._roots: dict[str, Span] = {}  # by trace: its own span where it is here, else a stand-in
        self._starts: dict[str, int] = {}  # by trace: when the first of its spans began
        self._agents: dict[tuple[str, str], str | None] = {}  # by span: the nearest agent, from itself upwards
        # traces in which a parent is to come that is not here, from the process that sent its child
        self._awaiting = {
            one.trace for one in received if one.awaits_parent and (one.trace, one.parent) not in self._by_id
        }
        for one in received:
            self._starts[one.trace] = min(one.start_ns, self._starts.get(one.trace, one.start_ns))
            if one.root:
                self._roots[one.trace] = _trace_span(one)

    def events(self) -> list[SpanEvent]:
        ended: list[SpanEvent] = [(Phase.END, self._roots[one.trace], None) for one in self._received if one.root]
        return ended + [(Phase.END, self._operation(one), None) for one in self._received if not one.is_trace]

    def _operation(self, one: Received) -> Span:
        """Return the span of an operation, below the root of its trace or a stand-in for it."""
        if one.trace not in self._roots:
            self._roots[one.trace] = self._stand_in(one)
        root = self._roots[one.trace]
        words = one.words
        span = Span(root.trace, root, one.meaning.kind, one.title, values.payload_of(words, "input"))
        fill(span, one)
        span.id, span.start_ns, span.end_ns = one.stored_id, one.start_ns, one.end_ns
        span.agent_id = self._agent_name(one) or root.trace.agent_id
        if one.root and "agent_usage" in words:
            span.usage = values.counts(words["agent_usage"])
        parent = self._parent_of(one)
        if parent is not None:
            span.facts = {"parent_event_id": parent, **(span.facts or {})}
        return self._as_event(one, span) if "event_type" in words else span

    def _agent_name(self, one: Received) -> str | None:
        """Return the agent around a span: as the span says, else the nearest above, else the entity of its trace."""
        words = one.words
        return values.text(words.get("agent")) or self._agent_of(one) or values.text(words.get("entity"))

    def _as_event(self, one: Received, span: Span) -> Span:
        """Return a custom event: a moment, and a second span below it where it was ended later."""
        if span.start_ns == span.end_ns:
            span.end_ns = None
        own_id = values.text(one.words.get("own_id"))
        if one.parent is not None and one.parent == (trace_ids.span_id(own_id) if own_id else end_span_id(one.id)):
            span.id = one.stored_id if own_id else one.parent
            before = self._by_id.get((one.trace, one.parent))
            span.facts = None if before is None else {"parent_event_id": self._parent_of(before)}
        return span

    def _stand_in(self, one: Received) -> Span:
        """For a trace whose first span has not come yet."""
        words = one.words
        name = values.text(words.get("entity")) or values.text(words.get("agent")) or one.service
        trace = TraceInfo(one.trace, name, None)
        trace.user_id, trace.conversation_id = values.text(words.get("user")), values.text(words.get("conversation"))
        span = Span(trace, None, TRACE, name, None, identifier=one.trace)
        span.start_ns = self._starts[one.trace]
        if one.trace in self._awaiting:
            span.facts = {"awaits_root": True}
        return span

    def _parent_of(self, one: Received) -> str | None:
        """Return the id of the operation above; ``None`` directly under the trace."""
        below_trace = one.parent == trace_ids.span_id(one.trace) and one.words.get("in_opener") is not True
        if one.root or one.parent is None or below_trace:
            return None
        above = self._by_id.get((one.trace, one.parent))
        if above is None:
            return one.parent
        return None if above.is_trace else above.stored_id

    def _agent_of(self, one: Received) -> str | None:
        """Return the name of the nearest agent above, as far as this request knows; the way there is gone once only."""
        way: list[tuple[str, str]] = []
        name: str | None = None
        place = (one.trace, one.parent or "")
        while (above := self._by_id.get(place)) is not None:
            if place in self._agents:
                name = self._agents[place]
                break
            self._agents[place] = None  # where spans are each other's parents, the way ends here
            way.append(place)
            if above.meaning.kind == AGENT:
                name = above.title
                break
            place = (above.trace, above.parent or "")
        self._agents.update(dict.fromkeys(way, name))
        return name


def _trace_span(one: Received) -> Span:
    """Return the trace that a root span is. What describes an operation stays with the operation if it is both."""
    words = one.words
    name = one.title
    entity = values.text(words.get("entity", words.get("agent"))) if one.is_trace else None
    trace = TraceInfo(one.trace, entity or name, None)
    trace.user_id, trace.conversation_id = values.text(words.get("user")), values.text(words.get("conversation"))
    trace.version = values.text(words.get("version"))
    trace.level = values.level(words, failed=one.failed)
    trace.completion_start = values.moment_text(words.get("completion_start"))
    trace.parent_trace_id = one.above or values.text(words.get("parent_trace"))
    if one.above is not None and one.parent is not None:
        trace.remote = Remote(one.above.replace("-", ""), one.parent)  # from a UUID to the digits of a header
    span = Span(trace, None, TRACE, name, values.payload_of(words, "input"), identifier=one.trace)
    span.metadata = trace_metadata(one)
    span.tags = values.texts(words.get("tags"))
    # Else its operation has it, and it counts once; unless that says that its own is another.
    span.usage = values.usage(words) if one.is_trace or "agent_usage" in words else None
    span.output = values.payload_of(words, "output")
    span.status, span.error = one.status, one.error
    span.start_ns, span.end_ns = one.start_ns, one.end_ns
    return span


def _object(given: object, what: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{what} must be an object")  # noqa: TRY004 - what was sent is wrong, not how we were called
    return cast(dict[str, Any], given)


def _list(given: object, what: str) -> list[object]:
    if given is not None and not isinstance(given, list):
        raise ValueError(f"{what} must be a list")
    return cast("list[object] | None", given) or []
