"""Read one span of an OpenTelemetry SDK: by the tables that read OTLP, and within what may be recorded."""

from __future__ import annotations

from typing import Any, Final, cast

from voltagent.capture.pieces import decode
from voltagent.capture.snapshot import LIMIT
from voltagent.core import clock, trace_ids
from voltagent.core.context import INCOMING
from voltagent.core.span import Remote
from voltagent.tracing.recorder import Recorder
from voltagent.wire.otlp import values
from voltagent.wire.otlp.encode import attribute_message
from voltagent.wire.otlp.received import UNKNOWN_SERVICE, Received, understood

Key = tuple[int, int]  # trace id and span id of OpenTelemetry
_RANDOM: Final = 2  # the flag of a trace id that is random (W3C Trace Context, level 2)
_ERROR, _OK = 2, 1  # values of OpenTelemetry's StatusCode
_INPUT_WORDS: Final = ("input", "input_type", "input_messages", "input_key", "input_rest", "tools", "query")


def key_of(otel: Any) -> Key:
    """Return the ids of a span."""
    found: Any = otel.get_span_context()
    return found.trace_id, found.span_id


def context_key(found: Any) -> Key | None:
    """Return the ids in a span context; ``None`` if it is missing or not valid."""
    return (found.trace_id, found.span_id) if found is not None and found.is_valid else None


def new_identifier(key: Key) -> str:
    """Return a UUID that ends with the digits of the span's id: every wire then has the id that OpenTelemetry has."""
    head = trace_ids.text(clock.new_id())[:19]
    digits = f"{key[1]:016x}"
    return f"{head}{digits[:4]}-{digits[4:]}"


def remote_of(otel: Any) -> Remote | None:
    """Return the span of another process, or one that is not recorded here, which a trace continues."""
    parent = otel.parent
    if parent is None or not parent.is_valid:
        return INCOMING.get()
    flags, state = parent.trace_flags, parent.trace_state.to_header()
    ids = f"{parent.trace_id:032x}", f"{parent.span_id:016x}"
    return Remote(*ids, flags.sampled, state, random=bool(flags & _RANDOM))


def attributes_of(otel: Any) -> dict[str, Any]:
    """Return a copy of the attributes of a span, lists as lists."""
    found: Any = otel.attributes
    if not found:
        return {}
    copied: dict[str, Any] = dict(found.copy() if hasattr(found, "copy") else found)  # `dict` makes a call for each
    return {name: list(cast("Any", value)) if type(value) is tuple else value for name, value in copied.items()}


def read_span(otel: Any, attributes: dict[str, Any], *, is_root: bool) -> Received:
    """Read a span in the form of one that came by OTLP."""
    (trace_id, span_id), parent, status = key_of(otel), otel.parent, otel.status
    code = status.status_code.value
    start = otel.start_time or 0
    return understood(
        attributes,
        [_event_message(event) for event in otel.events or ()],
        [{name: f"{value:0{size}x}" for name, value, size in _ids(link.context)} for link in otel.links or ()],
        trace=trace_ids.uuid_text(f"{trace_id:032x}"),
        id=f"{span_id:016x}",
        parent=None if parent is None else f"{parent.span_id:016x}",
        root=is_root,
        name=otel.name or "unnamed",
        start_ns=start,
        end_ns=max(start, otel.end_time or start),
        failed=code == _ERROR,
        ok=code == _OK,
        message=status.description,
        above=None,
        service=values.text(otel.resource.attributes.get("service.name")) or UNKNOWN_SERVICE,
    )


def _ids(found: Any) -> tuple[tuple[str, int, int], ...]:
    return ("traceId", found.trace_id, 32), ("spanId", found.span_id, 16)


def _event_message(event: Any) -> dict[str, Any]:
    attributes = [attribute_message(name, value) for name, value in attributes_of(event).items()]
    return {"name": event.name, "timeUnixNano": event.timestamp, "attributes": attributes}


def captures_all(recorder: Recorder) -> bool:
    """Return whether inputs and outputs may be recorded."""
    return recorder.capture_input and recorder.capture_output


def has_same_input(first: Received, later: Received) -> bool:
    """Return whether two readings of a span have the same input."""
    return all(first.words.get(word) == later.words.get(word) for word in _INPUT_WORDS)


def payload(recorder: Recorder, received: Received, which: str) -> bytes | None:
    """Return the ``input`` or ``output``, if it may be recorded, bounded as that of any operation."""
    if not (recorder.capture_input if which == "input" else recorder.capture_output):
        return None
    found = values.payload_of(received.words, which)
    if found is None or len(found) <= LIMIT:
        return found
    return recorder.snapshot.encode_object(decode(found))


def metadata(recorder: Recorder, received: Received) -> dict[str, Any]:
    """Return the metadata; without attributes that mean nothing here if inputs or outputs may not be recorded."""
    return (received if captures_all(recorder) else received._replace(more={})).metadata


def error(recorder: Recorder, received: Received) -> bytes | None:
    """Return the failure as JSON text; without its message if inputs or outputs may not be recorded."""
    if captures_all(recorder) or not received.failed:
        return received.error
    exception = {name: value for name, value in received.exception.items() if name == "exception.type"}
    words = {name: value for name, value in received.words.items() if name in ("error_type", "error_code")}
    return values.error(words, exception, None)
