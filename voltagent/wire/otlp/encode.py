"""Ended spans as the trace messages of OTLP, in JSON or protobuf.

Source: the OpenTelemetry protocol, https://opentelemetry.io/docs/specs/otlp/ and opentelemetry-proto 1.x. One operation
is one span. Ids are hex, enums are the protocol's numbers (kind internal 1, client 3; status ok 1, error 2), 64-bit
integers are decimal text, and there are no bytes values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from pydantic_core import from_json, to_json

from voltagent.capture.pieces import encode_any
from voltagent.core import trace_ids
from voltagent.core.clock import parse_iso
from voltagent.core.json_objects import cut_marker
from voltagent.core.text import replace_surrogates
from voltagent.wire.json_values import json_text
from voltagent.wire.otlp import protobuf
from voltagent.wire.otlp.attributes.identity import memory_operation
from voltagent.wire.otlp.profiles import SpanPlan
from voltagent.wire.otlp.span_view import Facts
from voltagent.wire.rest.ids import end_id

OtlpMessage: TypeAlias = dict[str, Any]  # an OTLP message in its JSON mapping, fields in the order of their numbers

_INTERNAL: Final = 1
_CLIENT: Final = 3
_OK: Final = 1
_ERROR: Final = 2
_UNKNOWN_ERROR: Final = "Operation failed"
_SAFE: Final = 2**53  # receivers in JavaScript lose digits beyond it
_LAST_MOMENT: Final = 2**64 - 1
_FROM_REMOTE: Final = 0x301  # Span.flags: sampled, and it is known that the parent is remote
_RANDOM: Final = 2  # the trace id is random


def span_message(facts: Facts, plan: SpanPlan, *, second: bool = False) -> OtlpMessage:
    """Return the OTLP span of an ended span, or of a custom event.

    ``second`` is for a custom event that was sent already and has now been ended: a span of its own below the first.
    """
    span = facts.span
    context = trace_ids.context_of(span)
    message: OtlpMessage = {
        "traceId": context.trace_id,
        "spanId": trace_ids.span_id(end_id(span)) if second else context.span_id,
    }
    if context.state:
        message["traceState"] = context.state
    parent = context.span_id if second else _parent_id(facts)
    if parent is not None:
        message["parentSpanId"] = parent
    start, end = _moments(facts)
    message["name"] = replace_surrogates(
        plan.title.format(name=span.name, operation=span.operation, memory=memory_operation(facts))
    )
    message["kind"] = _CLIENT if plan.client else _INTERNAL
    message["startTimeUnixNano"] = str(start)
    message["endTimeUnixNano"] = str(end)
    message["attributes"] = _attributes(facts, plan)
    if facts.error is not None and facts.failed:
        message["events"] = [_exception(facts, end)]
    status = _status(facts)
    if status:
        message["status"] = status
    if span.parent is None and span.trace.remote is not None:
        message["flags"] = _FROM_REMOTE | _RANDOM * context.random
    return message


def trimmed(message: OtlpMessage) -> OtlpMessage:
    """Return the span for a receiver that found it too large: its long texts are replaced by their lengths."""
    small = dict(message)
    small["attributes"] = [_trimmed(attribute) for attribute in message["attributes"]]
    if "events" in message:
        small["events"] = [
            {**event, "attributes": [_trimmed(attribute) for attribute in event["attributes"]]}
            for event in message["events"]
        ]
    return small


def resource_message(attributes: Mapping[str, str]) -> OtlpMessage:
    """Return what sends the spans: ``service.name`` and whatever else describes it."""
    return {"attributes": [attribute_message(name, value) for name, value in attributes.items()]}


def _parent_id(facts: Facts) -> str | None:
    """Return the 16 hex digits of the parent's id; ``None`` for a root."""
    span = facts.span
    if span.parent is None:
        return None if span.trace.remote is None else span.trace.remote.span_id
    given = facts.fact("parent_event_id") if facts.is_event else None
    found = trace_ids.span_id(span.parent.id if given is None else given)
    if facts.opener is not None and found == trace_ids.span_id(facts.opener):
        return trace_ids.span_id(span.trace.id)
    return found


def _moments(facts: Facts) -> tuple[int, int]:
    """Start and end in nanoseconds since the epoch; a clock that was set back makes no negative duration."""
    span = facts.span
    start = _explicit_time(facts, "start_time") or span.start_ns
    end = (span.end_ns if facts.ended else None) or _explicit_time(facts, "end_time") or start
    start = min(max(start, 0), _LAST_MOMENT)
    return start, min(max(end, start), _LAST_MOMENT)


def _explicit_time(facts: Facts, name: str) -> int | None:
    given = None if facts.span.facts is None else facts.span.facts.get(name)
    return parse_iso(given) if isinstance(given, str) else None


def _status(facts: Facts) -> OtlpMessage:
    if facts.failed:
        message = facts.of_error("message") or (facts.status if facts.status != "error" else _UNKNOWN_ERROR)
        return {"message": replace_surrogates(str(message)), "code": _ERROR}
    return {"code": _OK} if facts.status == "completed" else {}


def _exception(facts: Facts, moment: int) -> OtlpMessage:
    """Return the event that OpenTelemetry's conventions want for an exception."""
    described = {
        "exception.type": facts.of_error("type"),
        "exception.message": facts.of_error("message"),
        "exception.stacktrace": facts.of_error("stack"),
    }
    attributes = [attribute_message(name, value) for name, value in described.items() if value is not None]
    return {"timeUnixNano": str(moment), "name": "exception", "attributes": attributes}


def _attributes(facts: Facts, plan: SpanPlan) -> list[OtlpMessage]:
    """Return the attributes of a span by the plan of its kind."""
    found = [attribute_message(name, value) for name, value in plan.constants.items()]
    for name, word in plan.words:
        value = word(facts)
        if value is None:
            continue
        if type(value) is dict:
            members = cast(dict[str, Any], value)
            found += [attribute_message(f"{name}.{part}", member) for part, member in members.items()]
        else:
            found.append(attribute_message(name, value))
    return found


def attribute_message(name: str, value: object) -> OtlpMessage:
    """Return an attribute as ``KeyValue`` in its JSON mapping."""
    return {"key": name, "value": _any_value(value)}


def _any_value(value: object) -> OtlpMessage:
    """Return an ``AnyValue``; what OTLP cannot express exactly becomes a string."""
    if isinstance(value, str):
        return {"stringValue": value if value.isascii() else replace_surrogates(value)}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -_SAFE <= value <= _SAFE else {"stringValue": _digits(value)}
    if isinstance(value, float):
        return {"doubleValue": value} if math.isfinite(value) else {"stringValue": str(value)}
    texts = _texts(value)
    if texts is not None:
        return {"arrayValue": {"values": [{"stringValue": replace_surrogates(text)} for text in texts]}}
    return {"stringValue": replace_surrogates(json_text(value))}


def _texts(value: object) -> list[str] | None:
    if type(value) is not list:
        return None
    items = cast(list[object], value)
    return cast(list[str], items) if all(isinstance(item, str) for item in items) else None


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than Python is willing to write
        return hex(value)


_LONG: Final = 1024  # characters


def _trimmed(attribute: OtlpMessage) -> OtlpMessage:
    text = attribute["value"].get("stringValue", "")
    if len(text) <= _LONG:
        return attribute
    return attribute_message(attribute["key"], cut_marker("json", len(text), "size").decode())


@dataclass(frozen=True)
class Encoding:
    """One of the two forms of OTLP over HTTP.

    ``span`` encodes one span; ``request`` joins encoded spans to a request body, given the resource's message and the
    scope's; ``rejected`` reads the number of rejected spans and the message from an answer's body, ``(0, "")`` where
    it says nothing of the kind.
    """

    content_type: str
    span: Callable[[OtlpMessage], bytes]
    request: Callable[[Sequence[bytes], OtlpMessage, OtlpMessage], bytes]
    rejected: Callable[[bytes], tuple[int, str]]


def _json_span(message: OtlpMessage) -> bytes:
    return encode_any(message)


def _json_request(spans: Sequence[bytes], resource: OtlpMessage, scope: OtlpMessage) -> bytes:
    """Join encoded spans to a request in OTLP's JSON form."""
    return b'{"resourceSpans":[{"resource":%b,"scopeSpans":[{"scope":%b,"spans":[%b]}]}]}' % (
        to_json(resource),
        to_json(scope),
        b",".join(spans),
    )


def _json_rejected(body: bytes) -> tuple[int, str]:
    """Return how many spans a response in JSON says were rejected, and why."""
    try:
        answer = from_json(body)
    except ValueError:
        return 0, ""
    partial = _field(answer, "partialSuccess", "partial_success")
    count = _field(partial, "rejectedSpans", "rejected_spans")
    message = _field(partial, "errorMessage", "error_message")
    return _count(count), message if isinstance(message, str) else ""


def _field(value: object, *names: str) -> object:
    if not isinstance(value, dict):
        return None
    given = cast(dict[str, object], value)
    return next((given[name] for name in names if name in given), None)


def _count(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and value > 0 else 0


def _protobuf_span(message: OtlpMessage) -> bytes:
    return protobuf.encoded(message, protobuf.SPAN)


def _protobuf_request(spans: Sequence[bytes], resource: OtlpMessage, scope: OtlpMessage) -> bytes:
    """Join encoded spans to an ``ExportTraceServiceRequest``."""
    small, many, varint = protobuf.SMALL, protobuf.MANY, protobuf.varint
    parts = [protobuf.delimited(1, protobuf.encoded(scope, protobuf.SCOPE))]
    for span in spans:
        size = len(span)
        parts += (b"\x12", small[size] if size < many else varint(size), span)
    scope_spans = b"".join(parts)
    described = protobuf.delimited(1, protobuf.encoded(resource, protobuf.RESOURCE))
    return protobuf.delimited(1, described + protobuf.delimited(2, scope_spans))


def _protobuf_rejected(body: bytes) -> tuple[int, str]:
    """Return the number of rejected spans and the reason, from an ``ExportTraceServiceResponse``."""
    # partial_success = 1, in it rejected_spans = 1 and error_message = 2
    try:
        partial = _last_bytes(protobuf.fields_of(body), 1)
        fields = dict(protobuf.fields_of(partial))
    except ValueError:
        return 0, ""
    count, message = fields.get(1, 0), fields.get(2, b"")
    return (
        count if isinstance(count, int) and count < 2**63 else 0,
        message.decode("utf-8", "replace") if isinstance(message, bytes) else "",
    )


def _last_bytes(fields: Iterable[tuple[int, int | bytes]], number: int) -> bytes:
    """Return the last value of a field, as protobuf wants it for one that is there twice; empty if it is missing."""
    found = b""
    for one, value in fields:
        if one == number and isinstance(value, bytes):
            found = value
    return found


ENCODINGS: Final[Mapping[str, Encoding]] = {
    "http/json": Encoding("application/json", _json_span, _json_request, _json_rejected),
    "http/protobuf": Encoding("application/x-protobuf", _protobuf_span, _protobuf_request, _protobuf_rejected),
}
