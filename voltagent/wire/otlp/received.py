"""One span of another program: its fields checked, its attributes understood, and what they are in a record of ours.

Spans come as OTLP messages in their JSON mapping (:func:`from_message`) or from an SDK in the same process
(:mod:`voltagent.tracing.foreign_spans`). Both are read by the same tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from voltagent.capture.usage import is_count
from voltagent.core import trace_ids
from voltagent.core.kinds import NAMED_BY_SPAN
from voltagent.core.span import CANCELLED, COMPLETED, ERROR, Span, SpanFacts, make_facts
from voltagent.wire.json_values import json_text
from voltagent.wire.otlp import values
from voltagent.wire.otlp.classify import Meaning, meaning
from voltagent.wire.otlp.span_events import messages_of_attributes, messages_of_events, span_events
from voltagent.wire.otlp.span_kinds import SPAN

UNKNOWN_SERVICE: Final = "unknown_service"
_LATEST: Final = 2**63 - 1  # nanoseconds; what the store holds
_REMOTE: Final = 0x200  # Span.flags: the parent is in another process
_SAYS_REMOTE: Final = 0x100  # Span.flags: whether it is, is known
_ENVIRONMENTS: Final = ("deployment.environment.name", "deployment.environment")  # attributes of a resource
_HEX: Final = frozenset("0123456789abcdef")


class Received(NamedTuple):
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
    above: str | None  # the trace of another process that this one continues
    service: str
    more: Mapping[str, Any]  # what is kept in the metadata
    awaits_parent: bool = False  # its parent belongs to the same process, which sends it later if it is not here
    environment: str | None = None

    @property
    def words(self) -> Mapping[str, Any]:
        """What its attributes say, by our words."""
        return self.meaning.words

    @property
    def is_trace(self) -> bool:
        """Whether it is nothing but its trace."""
        return self.root and self.meaning.kind == SPAN

    @property
    def stored_id(self) -> str:
        """The id of the operation that it is."""
        return values.text(self.words.get("own_id")) or self.id

    @property
    def title(self) -> str:
        """What the operation is called: as its attributes say, or as the span if those name what it does."""
        kind = self.meaning.kind
        if kind in NAMED_BY_SPAN and not self.root:
            message = values.text(self.words.get("message")) if kind == SPAN else None
            label = values.text(self.words.get("name"))
            return message or (label if label is not None and self.name == f"llm:{label}" else self.name)
        return values.text(self.words.get("name")) or self.name

    @property
    def status(self) -> str:
        """``completed``, ``error`` or ``cancelled``; ``running`` for a custom event that says so."""
        if self.failed:
            return CANCELLED if self.words.get("cancelled") is True else ERROR
        # a custom event may say that something continues; a span that says nothing has ended well
        return COMPLETED if self.ok or "event_type" not in self.words else "running"

    @property
    def error(self) -> bytes | None:
        """The failure as JSON text."""
        if not self.failed:
            note = values.text(self.words.get("note"))
            return None if note is None else json_text(note).encode()
        return values.error(self.words, self.exception, self.message)

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped: the first reason if there is one for each of several choices."""
        reason: object = self.words.get("finish_reason", self.words.get("finish_reasons"))
        if isinstance(reason, list):
            reason = cast("list[object]", [*reason, None])[0]
        return values.text(reason)

    @property
    def model(self) -> str | None:
        """The model that answered, else the one that was requested."""
        return values.model_name(self.words)

    @property
    def metadata(self) -> dict[str, Any]:
        """The user's metadata, what describes the model, and the attributes that mean nothing here."""
        words = self.words
        found = values.object_of(words.get("metadata"))
        if "model_parameters" not in found and "modelParameters" not in found:
            model = values.model(words)
            found |= {"model_parameters": model} if model and model != {"model": found.get("model")} else {}
        for word, name in _DESCRIBING:
            if word in words and words[word] not in found.values():
                found[name] = words[word]
        requested = values.text(words.get("requested_model"))
        if requested is not None and requested != self.model:
            found.setdefault("requested_model", requested)
        for name, value in (("finish_reason", self.finish_reason),
                            ("response_id", values.text(words.get("response_id")))):  # fmt: skip
            if value is not None:
                found.setdefault(name, value)
        if "metadata" not in words:
            found |= self._streaming
        return found | dict(self.more)

    @property
    def _streaming(self) -> dict[str, Any]:
        """How the answer came, as our own streams record it."""
        seconds: Any = self.words.get("seconds_to_first_chunk")
        first = {} if not is_count(seconds) else {"time_to_first_item_ms": round(seconds * 1000, 3)}
        return first or ({} if self.words.get("is_stream") is None else {"stream": self.words["is_stream"]})


_DESCRIBING: Final = (("description", "description"), ("call_id", "tool_call_id"),
                      ("tool_parameters", "tool_parameters"))  # fmt: skip


def fill(span: Span, received: Received) -> None:
    """Set what a received span says about itself on the span that stands for it here."""
    words = received.words
    span.operation = values.text(words.get("operation"))
    span.metadata = as_object(received.metadata)
    span.tags = values.texts(words.get("tags"))
    span.usage = values.usage(words)
    span.model = received.model
    span.output = values.payload_of(words, "output")
    span.status, span.error = received.status, received.error
    span.facts = start_facts(received)


def start_facts(received: Received) -> SpanFacts | None:
    """Return the rare fields of the start of an operation."""
    words = received.words
    return make_facts(
        {
            "instructions": values.instructions(words),
            "version": values.text(words.get("version")),
            "level": values.level(words, failed=received.failed),
        }
    )


def trace_metadata(received: Received) -> bytes | None:
    """Return the metadata of the trace whose first span this is; what describes an operation stays with that."""
    if received.is_trace and "metadata" in received.words:
        return as_object(received.metadata)
    service = {} if received.service in (UNKNOWN_SERVICE, "voltagent") else {"service_name": received.service}
    environment = {} if received.environment is None else {"environment": received.environment}
    return as_object({**environment, **service, **(received.metadata if received.is_trace else {})})


def as_object(fields: Mapping[str, Any]) -> bytes | None:
    """JSON text of an object; ``None`` if it is empty."""
    return json_text(fields).encode() if fields else None


def from_message(message: Mapping[str, Any], resource: Mapping[str, Any]) -> Received:
    """Read a span of an OTLP request in its JSON mapping, and the attributes of its resource.

    Raises:
        ValueError: an id, or the status, is not valid.
    """
    trace, identifier = _id(message, "traceId", 32), _id(message, "spanId", 16)
    parent = _id(message, "parentSpanId", 16) if message.get("parentSpanId") else None
    attributes = values.attributes(message.get("attributes"))
    flags = values.integer(message.get("flags"))
    ours = "voltagent.trace.id" in attributes  # of a program that records with this library
    remote = ours and bool(flags & _REMOTE)
    status = _status(message.get("status") or {})
    start = min(values.integer(message.get("startTimeUnixNano")), _LATEST)
    code = status.get("code")
    return understood(
        attributes,
        message.get("events"),
        message.get("links"),
        trace=values.text(attributes.get("voltagent.trace.id")) or trace_ids.uuid_text(trace),
        id=identifier,
        parent=parent,
        root=parent is None or remote,
        name=values.text(message.get("name")) or "unnamed",
        start_ns=start,
        end_ns=max(start, min(values.integer(message.get("endTimeUnixNano")), _LATEST)),
        failed=code in (2, "2", "STATUS_CODE_ERROR"),
        ok=code in (1, "1", "STATUS_CODE_OK"),
        message=values.text(status.get("message")),
        above=trace_ids.uuid_text(trace) if remote else None,
        service=values.text(resource.get("service.name")) or UNKNOWN_SERVICE,
        awaits_parent=parent is not None and not flags & _REMOTE and bool(ours or flags & _SAYS_REMOTE),
        environment=next(filter(None, (values.text(resource.get(name)) for name in _ENVIRONMENTS)), None),
    )


def understood(attributes: Mapping[str, Any], events: object, links: object, *, root: bool, **fields: Any) -> Received:
    """Return a span whose attributes, events and links are read by the tables.

    Args:
        attributes: as plain values.
        events: the events of the span, in their JSON mapping.
        links: its links, in their JSON mapping.
        root: whether it is the first span of its trace here.
    """
    exception, others = span_events(events)
    found = meaning(attributes, root=root)
    words = {**messages_of_attributes(found.words), **messages_of_events(events), **found.words}
    return Received(
        root=root,
        exception=exception,
        meaning=found._replace(words=words),
        more={**found.rest, **others, **values.links(links)},
        **fields,
    )


def _id(message: Mapping[str, Any], name: str, length: int) -> str:
    """Return an id of a received span in lower case; raises ``ValueError`` if it is not a valid one."""
    given = message.get(name)
    text = given.lower() if isinstance(given, str) else ""
    if len(text) != length or not set(text) <= _HEX or not text.strip("0"):
        raise ValueError(f"{name} must be {length} hex digits, not all of them zero")
    return text


def _status(given: object) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise ValueError("status must be an object")  # noqa: TRY004 - what was sent is wrong, not how we were called
    return cast(dict[str, Any], given)
