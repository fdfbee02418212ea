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
from voltagent.core.span import AGENT, CANCELLED, COMPLETED, ERROR, LLM, TRACE, Event, Phase, Span, Trace
from voltagent.wire.otlp import values
from voltagent.wire.otlp.classify import SPAN, Meaning, meaning
from voltagent.wire.otlp.protobuf_decode import TooLargeError
from voltagent.wire.otlp.span_view import json_text
from voltagent.wire.rest.encode import end_span_id

MOST_SPANS: Final = 20_000  # of one request: exporters send some hundreds
_LATEST: Final = 2**63 - 1  # what the store holds
_REMOTE: Final = 0x200  # Span.flags: the parent is in another process
_ENTITY: Final = "unknown_service"


class Read(NamedTuple):
    """What a request was: its events, and how many of its spans are none, with what is wrong with the first."""

    events: list[Event]
    rejected: int
    problem: str


def events_of(request: object) -> Read:
    """The events that the spans of an ``ExportTraceServiceRequest`` (in its JSON mapping) stand for.

    Raises:
        TooLargeError: it has more than 20 000 spans.
        ValueError: it is no such request.
    """
    received: list[_Received] = []
    problems: list[str] = []
    for resource, scope_spans in _scopes(request):
        messages = _list(scope_spans.get("spans"), "spans")
        if len(received) + len(problems) + len(messages) > MOST_SPANS:
            raise TooLargeError(f"the request has more than {MOST_SPANS} spans: send them in parts")
        for message in messages:
            try:
                received.append(_received(_object(message, "a span"), resource))
            except ValueError as exc:  # noqa: PERF203 - one span must not cost the others
                problems.append(str(exc))
    return Read(_Batch(received).events(), len(problems), problems[0] if problems else "")


def _scopes(request: object) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for one in _list(_object(request, "the request").get("resourceSpans"), "resourceSpans"):
        resource_spans = _object(one, "an item of resourceSpans")
        resource = _object(resource_spans.get("resource") or {}, "resource")
        attributes = values.attributes(resource.get("attributes"))
        for scope_spans in _list(resource_spans.get("scopeSpans"), "scopeSpans"):
            yield attributes, _object(scope_spans, "an item of scopeSpans")


# ------------------------------------------------------------------------------------------------------------ one span


class _Received(NamedTuple):
    """A span as it came, its fields checked."""

    trace: str  # the id of our trace
    id: str  # 16 hex digits
    parent: str | None
    root: bool
    name: str
    start_ns: int
    end_ns: int
    failed: bool
    ok: bool
    message: str | None
    exception: Mapping[str, Any]
    meaning: Meaning
    above: str | None  # the trace of another process that this one goes on with
    service: str
    more: Mapping[str, Any]  # what is kept in the metadata

    @property
    def is_trace(self) -> bool:
        """Whether it is nothing but its trace."""
        return self.root and self.meaning.kind == SPAN

    @property
    def stored_id(self) -> str:
        """The id of the operation that it is."""
        return values.text(self.meaning.words.get("own_id")) or self.id


def _received(message: Mapping[str, Any], resource: Mapping[str, Any]) -> _Received:
    trace, identifier = _id(message, "traceId", 32), _id(message, "spanId", 16)
    assert trace is not None
    assert identifier is not None
    parent = _id(message, "parentSpanId", 16) if message.get("parentSpanId") else None
    attributes = values.attributes(message.get("attributes"))
    remote = "voltagent.trace.id" in attributes and bool(values.integer(message.get("flags")) & _REMOTE)
    root = parent is None or remote
    status = _object(message.get("status") or {}, "status")
    start = min(values.integer(message.get("startTimeUnixNano")), _LATEST)
    code = status.get("code")
    exception, others = values.span_events(message.get("events"))
    understood = meaning(attributes, root=root)
    said = values.messages_of_events(message.get("events"))
    understood = understood._replace(words={**said, **understood.words})
    return _Received(
        trace=values.text(attributes.get("voltagent.trace.id")) or trace_ids.uuid_text(trace),
        id=identifier,
        parent=parent,
        root=root,
        name=values.text(message.get("name")) or "unnamed",
        start_ns=start,
        end_ns=max(start, min(values.integer(message.get("endTimeUnixNano")), _LATEST)),
        failed=code in (2, "2", "STATUS_CODE_ERROR"),
        ok=code in (1, "1", "STATUS_CODE_OK"),
        message=values.text(status.get("message")),
        exception=exception,
        meaning=understood,
        above=trace_ids.uuid_text(trace) if remote else None,
        service=values.text(resource.get("service.name")) or _ENTITY,
        more={**understood.rest, **others, **values.links(message.get("links"))},
    )


def _id(message: Mapping[str, Any], name: str, length: int) -> str | None:
    given = message.get(name)
    text = given.lower() if isinstance(given, str) else ""
    if len(text) != length or not set(text) <= _HEX or not text.strip("0"):
        raise ValueError(f"{name} must be {length} hex digits, not all of them zero")
    return text


_HEX: Final = frozenset("0123456789abcdef")


def _object(given: object, what: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{what} must be an object")  # noqa: TRY004 - what was sent is wrong, not how we were called
    return cast(dict[str, Any], given)


def _list(given: object, what: str) -> list[object]:
    if given is not None and not isinstance(given, list):
        raise ValueError(f"{what} must be a list")
    return cast("list[object] | None", given) or []


# ------------------------------------------------------------------------------------------------------- all together


class _Batch:
    """The spans of one request, which may be each other's parents."""

    def __init__(self, received: list[_Received]) -> None:
        self._received = received
        self._by_id = {(one.trace, one.id): one for one in received}
        self._roots: dict[str, Span] = {}  # by trace: its own span where it is here, else a stand-in
        self._starts: dict[str, int] = {}  # by trace: when the first of its spans began
        self._agents: dict[tuple[str, str], str | None] = {}  # by span: the nearest agent, from itself upwards
        for one in received:
            self._starts[one.trace] = min(one.start_ns, self._starts.get(one.trace, one.start_ns))
            if one.root:
                self._roots[one.trace] = _trace_span(one)

    def events(self) -> list[Event]:
        ended: list[Event] = [(Phase.END, self._roots[one.trace], None) for one in self._received if one.root]
        return ended + [(Phase.END, self._operation(one), None) for one in self._received if not one.is_trace]

    def _operation(self, one: _Received) -> Span:
        if one.trace not in self._roots:
            self._roots[one.trace] = self._stand_in(one)
        root = self._roots[one.trace]
        words = one.meaning.words
        span = Span(root.trace, root, one.meaning.kind, _name(one), values.payload_of(words, "input"))
        span.id, span.start_ns, span.end_ns = one.stored_id, one.start_ns, one.end_ns
        span.agent_id = values.text(words.get("agent")) or self._agent_of(one) or root.trace.agent_id
        span.operation = values.text(words.get("operation"))
        span.metadata = _metadata(one)
        span.tags = values.texts(words.get("tags"))
        span.usage = values.usage(words)
        span.model = values.text(words.get("model"))
        span.output = values.payload_of(words, "output")
        span.status = _status(one)
        span.error = _error(one)
        facts = {
            "parent_event_id": self._parent_of(one),
            "instructions": values.instructions(words),
            "version": values.text(words.get("version")),
            "level": values.level(words, failed=one.failed),
        }
        span.facts = {name: value for name, value in facts.items() if value is not None} or None
        return self._as_event(one, span) if "event_type" in words else span

    def _as_event(self, one: _Received, span: Span) -> Span:
        """A custom event: a moment, and a second span below it where it was ended later."""
        if span.start_ns == span.end_ns:
            span.end_ns = None
        own_id = values.text(one.meaning.words.get("own_id"))
        if one.parent is not None and one.parent == (trace_ids.span_id(own_id) if own_id else end_span_id(one.id)):
            span.id = one.stored_id if own_id else one.parent
            before = self._by_id.get((one.trace, one.parent))
            span.facts = None if before is None else {"parent_event_id": self._parent_of(before)}
        return span

    def _stand_in(self, one: _Received) -> Span:
        """For a trace whose first span has not come yet."""
        words = one.meaning.words
        name = values.text(words.get("agent")) or one.service
        trace = Trace(one.trace, name, None)
        trace.user_id, trace.conversation_id = values.text(words.get("user")), values.text(words.get("conversation"))
        span = Span(trace, None, TRACE, name, None, identifier=one.trace)
        span.start_ns = self._starts[one.trace]
        return span

    def _parent_of(self, one: _Received) -> str | None:
        """The id of the operation above; ``None`` directly under the trace."""
        if one.root or one.parent is None or one.parent == trace_ids.span_id(one.trace):
            return None
        above = self._by_id.get((one.trace, one.parent))
        if above is None:
            return one.parent
        return None if above.is_trace else above.stored_id

    def _agent_of(self, one: _Received) -> str | None:
        """The name of the nearest agent above, as far as this request knows; the way there is gone once only."""
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
                name = _name(above)
                break
            place = (above.trace, above.parent or "")
        self._agents.update(dict.fromkeys(way, name))
        return name


# ---------------------------------------------------------------------------------------------------- parts of a span


def _trace_span(one: _Received) -> Span:
    """The trace that a root span is. What is said of an operation stays with that one where it is both."""
    words = one.meaning.words
    name = _name(one)
    trace = Trace(one.trace, (values.text(words.get("agent")) if one.is_trace else None) or name, None)
    trace.user_id, trace.conversation_id = values.text(words.get("user")), values.text(words.get("conversation"))
    trace.version = values.text(words.get("version"))
    trace.level = values.level(words, failed=one.failed)
    trace.completion_start = values.moment_text(words.get("completion_start"))
    trace.parent_trace_id = one.above or values.text(words.get("parent_trace"))
    span = Span(trace, None, TRACE, name, values.payload_of(words, "input"), identifier=one.trace)
    span.metadata = _trace_metadata(one)
    span.tags = values.texts(words.get("tags"))
    span.usage = values.usage(words) if one.is_trace else None  # else its operation has it, and it is not counted twice
    span.output = values.payload_of(words, "output")
    span.status, span.error = _status(one), _error(one)
    span.start_ns, span.end_ns = one.start_ns, one.end_ns
    return span


_NAMED: Final = frozenset((SPAN, LLM, "embedding"))  # called after what they do, not after who they are


def _name(one: _Received) -> str:
    words = one.meaning.words
    if one.meaning.kind in _NAMED and not one.root:
        message = values.text(words.get("message")) if one.meaning.kind == SPAN else None
        return message or one.name
    return values.text(words.get("name")) or one.name


def _metadata(one: _Received) -> bytes | None:
    """The user's metadata, what describes a model where that does not, and attributes that mean nothing here."""
    words = one.meaning.words
    found = values.object_of(words.get("metadata"))
    if "model_parameters" not in found and "modelParameters" not in found:
        model = values.model(words)
        found |= {"model_parameters": model} if model and model != {"model": found.get("model")} else {}
    for word in ("description", "call_id"):
        if word in words and words[word] not in found.values():
            found[_SPELT[word]] = words[word]
    reason: object = words.get("finish_reason", words.get("finish_reasons"))
    if isinstance(reason, list):
        reason = cast("list[object]", [*reason, None])[0]
    for name, value in (("finish_reason", values.text(reason)), ("response_id", values.text(words.get("response_id")))):
        if value is not None:
            found.setdefault(name, value)
    found |= one.more
    return json_text(found).encode() if found else None


_SPELT: Final = {"description": "description", "call_id": "tool_call_id"}


def _trace_metadata(one: _Received) -> bytes | None:
    if one.is_trace and "metadata" in one.meaning.words:
        return _metadata(one)
    text = _metadata(one) if one.is_trace else None
    service = {} if one.service in _UNTOLD else {"service_name": one.service}
    found = {**service, **values.object_of(text)}
    return json_text(found).encode() if found else None


_UNTOLD: Final = (_ENTITY, "voltagent")


def _status(one: _Received) -> str:
    if one.failed:
        return CANCELLED if one.meaning.words.get("cancelled") is True else ERROR
    # a custom event may say that something goes on; a span that says nothing has ended well
    return COMPLETED if one.ok or "event_type" not in one.meaning.words else "running"


def _error(one: _Received) -> bytes | None:
    if not one.failed:
        note = values.text(one.meaning.words.get("note"))
        return None if note is None else json_text(note).encode()
    return values.error(one.meaning.words, one.exception, one.message)
