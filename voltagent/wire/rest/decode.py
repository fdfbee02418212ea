"""The REST history API read back: bodies of requests to events, the way back from :mod:`voltagent.wire.rest.encode`.

Takes what this library sends, what the older package (0.1.1) sends, and what the TypeScript client of the same months
sent: names of fields in snake_case and camelCase alike. Pure functions over parsed JSON; a field of the wrong type is
a :class:`voltagent.errors.ValidationError` that names it.

A success or error event is no record of its own here: it ends the operation whose start event it names as its parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

from voltagent.capture.usage import checked_usage
from voltagent.core.span import (
    AGENT,
    CANCELLED,
    ERROR,
    EVENT_LIKE_KINDS,
    EVENT_NAMES,
    MEMORY,
    TRACE,
    Phase,
    Span,
    SpanEvent,
    TraceInfo,
    make_facts,
    placeholder,
)
from voltagent.errors import ValidationError
from voltagent.storage.traces.records import Known
from voltagent.wire.json_values import camel_to_snake, json_bytes
from voltagent.wire.rest.fields import MOST_NAMES, Body, BodyFields


def trace_created(body: Body, missing: Body) -> tuple[str, list[SpanEvent]]:
    """Return the id of a new trace and its events, from the body of ``POST /history``.

    ``missing`` has the ``id`` and ``start_time`` to take if the body has none.

    Raises:
        ValidationError: a field has a wrong type, or there is no ``agent_id``.
    """
    fields = BodyFields(body, missing)
    agent_id = fields.needed("agent_id")
    trace = TraceInfo(fields.needed("id"), agent_id, None)
    trace.user_id = fields.text("user_id")
    trace.conversation_id = fields.text("conversation_id")
    trace.version = fields.text("version")
    trace.level = fields.text("level")
    trace.completion_start = fields.time_text("completion_start_time")
    metadata = _without(fields.object("metadata"), agentId=agent_id)
    trace.parent_trace_id = _popped_text(metadata, "parentTraceId")
    span = Span(
        trace,
        None,
        TRACE,
        agent_id,
        fields.payload("input"),
        _object(metadata),
        tags=fields.tags(),
        identifier=trace.id,
    )
    span.start_ns = fields.moment("start_time") or 0
    events: list[SpanEvent] = [(Phase.START, span, None)]
    ended = {name: fields.get(name) for name in ("status", "end_time", "output", "usage", "metadata")}
    if ended["status"] in ("completed", ERROR, CANCELLED) or any(
        ended[name] is not None for name in ("end_time", "output", "usage")
    ):
        events += trace_updated(Known(str(trace.id), str(trace.id), agent_id, TRACE, agent_id, None, ""), ended)
    return str(trace.id), events


def trace_updated(known: Known, body: Body) -> list[SpanEvent]:
    """Return the event that changes a stored trace, from the body of ``PATCH /history/{id}``.

    Raises:
        ValidationError: a field has a wrong type.
    """
    fields = BodyFields(body)
    changed = _common_update(fields)
    metadata = _without(fields.object("metadata"), agentId=known.agent_id)
    metadata.pop("parentTraceId", None)
    if changed.get("status") == ERROR:
        if metadata.pop("cancelled", False):
            changed["status"] = CANCELLED
        error = metadata.pop("error", None)
        if error is not None:
            changed["status_message"] = json_bytes(error)
    if metadata:
        changed["metadata"] = json_bytes(metadata)
    usage = fields.object("usage")
    if usage:
        changed["usage"] = json_bytes(_plain_usage(usage))
    for name in ("user_id", "conversation_id"):
        if fields.text(name) is not None:
            changed[name] = fields.text(name)
    if fields.time_text("completion_start_time"):
        changed["completion_start_time"] = fields.time_text("completion_start_time")
    return [(Phase.UPDATE, _stand_in(known.trace_id), changed)] if changed else []


_STARTS: Final = {names[0]: key for key, names in EVENT_NAMES.items()}
_ENDS: Final = {name: key for key, names in EVENT_NAMES.items() for name in names[1:]}


def event_created(body: Body, missing: Body, agent_id: str | None = None) -> tuple[str, list[SpanEvent]]:
    """Return the id of a new event, and what to store, from the body of ``POST /history-events``.

    ``missing`` has the ``id`` and ``start_time`` to take if the body has none; ``agent_id`` is that of the trace, if it
    is known.

    Raises:
        ValidationError: a field has a wrong type, or ``history_id``, ``event_name`` or ``event_type`` is missing.
    """
    fields = BodyFields(body, missing, agent_id or _UNKNOWN)
    name, kind = fields.needed("event_name"), fields.needed("event_type")
    if name in _STARTS:
        event = _started(fields, *_STARTS[name])
    elif name in _ENDS or name in (f"{kind}:success", f"{kind}:error"):
        event = _ended(fields, *_ENDS.get(name, (kind, None)))
    elif kind in EVENT_LIKE_KINDS and (fields.get("end_time") or fields.object("metadata").get("usage")):
        event = _whole(fields, kind)
    else:
        event = _custom(fields, kind)
    return fields.needed("id"), [event]


def event_updated(known: Known, body: Body) -> list[SpanEvent]:
    """Return the event that changes a stored operation, from the body of ``PATCH /history-events/{id}``.

    Raises:
        ValidationError: a field has a wrong type.
    """
    fields = BodyFields(body)
    changed = _common_update(fields)
    metadata, usage = _event_metadata(fields, known.name, known.agent_id)
    if metadata:
        changed["metadata"] = json_bytes(metadata)
    if usage:
        changed["usage"] = json_bytes(usage)
    message = fields.message()
    if message is not None:
        changed["status_message"] = message
    if not changed:
        return []
    root = _stand_in(known.trace_id)
    return [(Phase.UPDATE, placeholder(root.trace, known.kind, known.id, root), changed)]


def _started(fields: BodyFields, kind: str, operation: str | None) -> SpanEvent:
    """Return the start of an operation."""
    span = _operation(fields, fields.needed("id"), kind, operation)
    given = _facts(fields)
    metadata, _ = _event_metadata(fields, span.name, span.agent_id)
    if kind == AGENT:
        given["instructions"] = _popped_text(metadata, "instructions")
    span.metadata = _object(metadata)
    span.facts = make_facts(given)
    return (Phase.START, span, None)


def _ended(fields: BodyFields, kind: str, operation: str | None) -> SpanEvent:
    """Return the end of an operation, which this wire sends as an event of its own."""
    span = _operation(fields, fields.text("parent_event_id") or fields.needed("id"), kind, operation)
    span.end_ns = fields.moment("end_time") or span.start_ns
    span.status = fields.status("completed")
    span.output = fields.payload("output")
    metadata, usage = _event_metadata(fields, span.name, span.agent_id)
    if kind == AGENT:
        instructions = _popped_text(metadata, "instructions")
        span.facts = None if instructions is None else {"instructions": instructions}
    span.more_metadata = (json_bytes(metadata),) if metadata else ()
    span.usage = usage
    span.more_tags = span.tags or ()
    span.error = fields.message()
    return (Phase.END, span, None)


def _whole(fields: BodyFields, kind: str) -> SpanEvent:
    """Return a model call or its like that begins and ends in one event with a name of its own."""
    span = _operation(fields, fields.needed("id"), kind, None)
    span.end_ns = fields.moment("end_time") or span.start_ns
    span.status = fields.final_status()
    span.output = fields.payload("output")
    metadata, span.usage = _event_metadata(fields, span.name, span.agent_id)
    span.metadata = _object(metadata)
    span.facts = make_facts(_facts(fields))
    span.error = fields.message()
    return (Phase.END, span, None)


def _custom(fields: BodyFields, kind: str) -> SpanEvent:
    """Return a custom event, a moment without a duration."""
    span = _operation(fields, fields.needed("id"), kind, None)
    span.metadata = _object(_without(fields.object("metadata"), displayName=span.name))
    given = {
        **_facts(fields),
        "end_time": fields.time_text("end_time"),
        "status": fields.final_status(),
        "status_message": fields.message(),
        "output": fields.payload("output"),
    }
    span.facts = make_facts(given) or {}
    return (Phase.POINT, span, None)


def _operation(fields: BodyFields, identifier: str, kind: str, operation: str | None) -> Span:
    """Return a span with what all events have in common, under a stand-in for its trace.

    The trace's own create comes first on this wire; where it did not, the trace is listed under the agent's name.
    """
    metadata = fields.object("metadata")
    agent_id = _text_of(metadata.get("agentId")) or fields.agent_id
    name = _text_of(metadata.get("displayName")) or fields.needed("event_name")
    root = _stand_in(fields.needed("history_id"), agent_id)
    root.start_ns = fields.moment("start_time") or 0
    span = Span(
        root.trace,
        root,
        kind,
        name,
        fields.payload("input"),
        identifier=identifier,
        operation=operation,
        tags=fields.tags(),
    )
    if kind == MEMORY and operation is None:
        span.operation = "write"  # 0.1.1 knows no other, and names its errors without it
    span.agent_id = agent_id
    span.start_ns = root.start_ns
    return span


_UNKNOWN: Final = "unknown"


def _event_metadata(fields: BodyFields, name: str, agent_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the user's metadata, and the usage that this wire carries in it."""
    metadata = _without(fields.object("metadata"), displayName=name, id=name, agentId=agent_id)
    usage = metadata.get("usage")
    if not isinstance(usage, dict):
        return metadata, None
    del metadata["usage"]
    return metadata, _plain_usage(cast(dict[str, Any], usage))


def _facts(fields: BodyFields) -> dict[str, Any]:
    """Return the rare facts that all events have."""
    return {
        "level": fields.level(),
        "version": fields.text("version"),
        "parent_event_id": fields.text("parent_event_id"),
    }


def _common_update(fields: BodyFields) -> dict[str, Any]:
    """Return the changed fields that traces and operations share, as an UPDATE event has them."""
    changed: dict[str, Any] = {name: fields.payload(name) for name in ("input", "output")}
    changed |= {name: fields.text(name) for name in ("version", "level")}
    changed["end_time"] = fields.time_text("end_time")
    changed["status"] = fields.get("status") and fields.status("")
    tags = fields.tags()
    changed["tags"] = None if tags is None else json_bytes(list(tags))
    return {name: value for name, value in changed.items() if value is not None}


def _stand_in(trace_id: str, agent_id: str = "") -> Span:
    """Return the root of a trace that another request speaks of."""
    return Span(TraceInfo(trace_id, agent_id, None), None, TRACE, agent_id, None, identifier=trace_id)


def _plain_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return a usage in our spelling; as it is if it is malformed, and empty if it has too many names."""
    if len(usage) > MOST_NAMES:
        return {}  # it counts nothing
    given = {camel_to_snake(name): value for name, value in usage.items() if value is not None}
    with suppress(ValidationError):  # a malformed usage must not cost the end of an operation
        return checked_usage(given) or {}
    return given


def _without(metadata: dict[str, Any], **added: str) -> dict[str, Any]:
    """Return metadata without what the wire itself puts there; a user's own value under such a name stays."""
    return {name: value for name, value in metadata.items() if added.get(name) != value or value is None}


def _popped_text(metadata: dict[str, Any], name: str) -> str | None:
    """Take a string, or an empty field, out of metadata; anything else of this name is the user's."""
    value = metadata.get(name)
    if value is None or isinstance(value, str):
        metadata.pop(name, None)
        return value
    return None


def _text_of(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(metadata: Mapping[str, Any]) -> bytes | None:
    return json_bytes(metadata) if metadata else None
