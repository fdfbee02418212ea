"""The REST history API: events to requests. Pure functions; payloads go into the bodies as the JSON text they are.

One resource per request: a trace is a *history*, everything in it a *history event*. Bodies keep the API's own mixture
of spellings (``agent_id`` beside ``userId``). A request built twice has the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from voltagent.core.clock import id_text, iso_text
from voltagent.core.json_objects import merge_objects
from voltagent.core.naming import convert_metadata_to_camel_case, snake_to_camel
from voltagent.core.span import (
    AGENT,
    CANCELLED,
    COMPLETED,
    ERROR,
    EVENT_NAMES,
    MEMORY,
    TRACE,
    Phase,
    Span,
    SpanEvent,
    is_operation,
)
from voltagent.wire.rest.ids import IdFormat, end_id, path_segment


class RestRequest(NamedTuple):
    """What to send: method, path below the base URL, JSON text."""

    method: str
    path: str
    body: bytes


def request(event: SpanEvent, ids: IdFormat = id_text) -> RestRequest:
    """Return the request that an event is on this wire."""
    phase, span, fields = event
    if phase is Phase.UPDATE:
        return _update(span, fields or {}, ids)
    if span.kind == TRACE:
        return create(span) if phase is Phase.START else _trace_end(span, ids)
    if phase is Phase.START:
        return _post(_start(span, ids))
    if phase is Phase.POINT:
        return _post(_point(span, ids))
    return _post(_end(span, ids))


def create(span: Span) -> RestRequest:
    """Return the ``POST /history`` for a trace; fields that have no value are absent."""
    trace = span.trace
    metadata: dict[str, Any] = {"agentId": trace.agent_id, **_camel(span.metadata)}
    if trace.parent_trace_id is not None:
        metadata["parentTraceId"] = id_text(trace.parent_trace_id)
    return RestRequest(
        "POST",
        "/history",
        _object(
            ("id", _text(id_text(span.id))),
            ("agent_id", _text(trace.agent_id)),
            ("userId", _text(trace.user_id)),
            ("conversationId", _text(trace.conversation_id)),
            ("startTime", _text(iso_text(span.start_ns))),
            ("completionStartTime", _text(trace.completion_start)),
            ("status", b'"working"'),
            ("input", span.input),
            ("tags", _tags(span.tags)),
            ("metadata", to_json(metadata)),
            ("version", _text(trace.version)),
            ("level", _text(trace.level)),
        ),
    )


def _trace_end(span: Span, ids: IdFormat) -> RestRequest:
    """Return the ``PATCH /history/{id}`` that ends a trace."""
    # the end time in both spellings, as it is not known which one the server honours
    time = _text(iso_text(span.end_ns or span.start_ns))
    more = merge_objects(span.more_metadata, _camel)
    if span.error is not None:
        more["error"] = from_json(_message(span))
    if span.status == CANCELLED:
        more["cancelled"] = True
    metadata = {"agentId": span.trace.agent_id, **_camel(span.metadata), **more} if more else None
    return _patch_history(
        span,
        ids,
        ("endTime", time),
        ("end_time", time),
        ("status", b'"completed"' if span.status == COMPLETED else b'"error"'),
        ("output", span.output),
        ("usage", to_json(_camel_usage(span.usage)) if span.usage is not None else None),
        ("metadata", to_json(metadata) if metadata is not None else None),
        ("tags", _tags((*(span.tags or ()), *span.more_tags)) if span.more_tags else None),
    )


def _patch_history(span: Span, ids: IdFormat, *fields: tuple[str, bytes | None]) -> RestRequest:
    return RestRequest("PATCH", f"/history/{path_segment(ids(span.id))}", _object(*fields))


def _start(span: Span, ids: IdFormat) -> dict[str, bytes | None]:
    """Return the start event of an operation."""
    facts = span.facts or {}
    return _event(
        span,
        ids,
        id=_text(id_text(span.id)),
        event_name=_text(event_names(span)[0]),
        status=b'"running"',
        level=_text(facts.get("level", "INFO")),
        parent_event_id=_parent(span, ids),
        metadata=to_json(_start_metadata(span)),
        input=span.input if span.input is not None else b"{}",
    )


def _end(span: Span, ids: IdFormat) -> dict[str, bytes | None]:
    """Return the success or error event: a child of its own start event."""
    succeeded = span.status == COMPLETED
    metadata = {
        **(_start_metadata(span) if is_operation(span) else _camel(span.metadata)),
        **merge_objects(span.more_metadata, _camel),
    }
    if span.usage is not None:
        metadata["usage"] = _camel_usage(span.usage)
    output = span.output if span.output is not None or not succeeded else b"{}"
    return _event(
        span,
        ids,
        id=_text(end_id(span)),
        event_name=_text(event_names(span)[1 if succeeded else 2]),
        end_time=_text(iso_text(span.end_ns or span.start_ns)),
        status=_text(span.status),
        status_message=_message(span) if span.error is not None else None,
        level=_text(_end_level(span)),
        parent_event_id=_text(ids(span.id)),
        metadata=to_json(metadata),
        output=output,
    )


_END_LEVELS: Final = {ERROR: "ERROR", CANCELLED: "WARNING"}


def _end_level(span: Span) -> str:
    if span.status == ERROR and (span.facts or {}).get("level") == "WARNING":
        return "WARNING"
    return _END_LEVELS.get(span.status or "", "INFO")


def _point(span: Span, ids: IdFormat) -> dict[str, bytes | None]:
    """Return a custom event, with the user's own metadata only."""
    facts = span.facts or {}
    given = facts.get("parent_event_id")
    message = facts.get("status_message")
    return _event(
        span,
        ids,
        id=_text(id_text(span.id)),
        event_name=_text(span.name),
        end_time=_text(facts.get("end_time")),
        status=_text(facts.get("status", "running")),
        status_message=message if isinstance(message, bytes) else None,
        level=_text(facts.get("level", "INFO")),
        parent_event_id=_text(ids(given)) if given is not None else _parent(span, ids),
        metadata=to_json(_camel(span.metadata)) if span.metadata is not None else None,
        input=span.input,
        output=facts.get("output"),
    )


def _event(span: Span, ids: IdFormat, **fields: bytes | None) -> dict[str, bytes | None]:
    """Return what all events have in common; ``fields`` are the others."""
    facts = span.facts or {}
    return {
        "history_id": _text(ids(span.trace.id)),
        "event_type": _text(span.kind),
        "start_time": _text(facts.get("start_time") or iso_text(span.start_ns)),
        "version": _text(facts.get("version")),
        "tags": _tags((*(span.tags or ()), *span.more_tags)) if "end_time" in fields else _tags(span.tags),
        **fields,
    }


# The API's order of fields. It is sent whole: what has no value is null, as the older package had it.
_EVENT_FIELDS: Final = ("id", "history_id", "event_type", "event_name", "start_time", "end_time", "status",
                        "status_message", "level", "version", "parent_event_id", "tags", "metadata", "input",
                        "output")  # fmt: skip
_EVENT_FORM: Final = b"{" + b",".join([b'"%b":%%b' % name.encode() for name in _EVENT_FIELDS]) + b"}"


def _post(fields: dict[str, bytes | None]) -> RestRequest:
    body = _EVENT_FORM % tuple([fields.get(name) or b"null" for name in _EVENT_FIELDS])
    return RestRequest("POST", "/history-events", body)


def event_names(span: Span) -> tuple[str, str, str]:
    """Return the names of a span's start, success and error events."""
    names = EVENT_NAMES.get((span.kind, span.operation if span.kind == MEMORY else None))
    return names or (span.name, f"{span.kind}:success", f"{span.kind}:error")


def _start_metadata(span: Span) -> dict[str, Any]:
    metadata: dict[str, Any] = {"displayName": span.name, "id": span.name, "agentId": span.agent_id}
    if span.kind == AGENT:
        metadata["instructions"] = (span.facts or {}).get("instructions")
    return metadata | _camel(span.metadata)


def _parent(span: Span, ids: IdFormat) -> bytes | None:
    """Return the parent's start event; null directly under the trace."""
    parent = span.parent
    return None if parent is None or parent.kind == TRACE else _text(ids(parent.id))


_HISTORY_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "user_id": ("userId",),
    "conversation_id": ("conversationId",),
    "end_time": ("endTime", "end_time"),
}
_NOT_OF_EVENTS: Final = frozenset(("user_id", "conversation_id", "completion_start_time", "usage"))


def _update(span: Span, fields: Mapping[str, Any], ids: IdFormat) -> RestRequest:
    """Return the request that changes fields of a trace or of an operation's start event."""
    parts = {name: _update_field(name, value) for name, value in fields.items()}
    if span.kind == TRACE:
        return _patch_history(
            span, ids, *((spelt, part) for name, part in parts.items() for spelt in _HISTORY_NAMES.get(name, (name,)))
        )
    if "usage" in parts:  # an event has no field for it: it is part of the metadata
        metadata = _camel(fields.get("metadata")) | {"usage": from_json(parts["usage"] or b"null")}
        parts["metadata"] = to_json(metadata)
    kept = ((name, part) for name, part in parts.items() if name not in _NOT_OF_EVENTS)
    return RestRequest("PATCH", f"/history-events/{path_segment(ids(span.id))}", _object(*kept))


def _update_field(name: str, value: Any) -> bytes | None:
    """Encode one field of an update, with keys in camelCase where the API has them."""
    if name == "metadata":
        return to_json(_camel(value))
    if name == "usage":
        return to_json(_camel_usage(from_json(value)))
    return value if isinstance(value, bytes) else to_json(value)


def _object(*fields: tuple[str, bytes | None]) -> bytes:
    """Return a JSON object from names and JSON texts; without those that are ``None``."""
    return b"{" + b",".join([b'"%b":%b' % (name.encode(), text) for name, text in fields if text is not None]) + b"}"


def _text(value: str | None) -> bytes | None:
    return None if value is None else to_json(value)


def _tags(tags: tuple[str, ...] | None) -> bytes | None:
    return to_json(tags) if tags else None


def _message(span: Span) -> bytes:
    return span.error if isinstance(span.error, bytes) else b"null"


_CACHED: Final = 2048  # bytes: a cache must not keep what is large


def _camel(metadata: bytes | None) -> dict[str, Any]:
    """Return the user's metadata with the API's spelling of the keys, through nested dicts."""
    if metadata is None:
        return {}
    return dict(_parsed(metadata) if len(metadata) <= _CACHED else _parsed.__wrapped__(metadata))


@lru_cache(maxsize=256)
def _parsed(metadata: bytes) -> Mapping[str, Any]:
    """Cached: a decorator's metadata is the same text at every call."""
    given = from_json(metadata)  # an object: that is what the recorder makes of metadata
    return convert_metadata_to_camel_case(given) or {}


def _camel_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    return {snake_to_camel(name): value for name, value in usage.items()}
