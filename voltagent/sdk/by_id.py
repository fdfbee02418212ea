"""Traces and operations by their id, also those that another process started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voltagent.capture import options
from voltagent.core import clock, context
from voltagent.core.span import TRACE, Span, TraceInfo, placeholder
from voltagent.sdk.api_models import event_of, history_of
from voltagent.tracing import scores
from voltagent.tracing.operations import point, update_fields
from voltagent.tracing.recorder import Recorder

if TYPE_CHECKING:
    from voltagent.types import Event, History


def get_trace(recorder: Recorder, trace_id: str) -> History | None:
    """Return a trace that this process started, as the API describes it; ``None`` if it is unknown."""
    span = recorder.known.get(options.checked_identifier(trace_id))
    return history_of(span) if span is not None and span.kind == TRACE else None


def update_trace(recorder: Recorder, trace_id: str, fields: Mapping[str, Any]) -> History:
    """Change fields of a trace, and return it as the API describes it."""
    given = options.checked("update_trace()", options.UPDATE_TRACE, None, fields)
    return history_of(_update(recorder, _find(recorder, trace_id, TRACE), given))


def add_event(recorder: Recorder, trace_id: str, event_data: Mapping[str, Any]) -> Event:
    """Record a custom event in a trace, and return it as the API describes it."""
    given = options.checked("an event", options.EVENT, event_data, {}, ("name", "type"))
    trace_id = options.checked_identifier(trace_id)
    parent = _find(recorder, trace_id, TRACE) if recorder.alive else context.INERT
    return event_of(point(parent, given), trace_id)


def update_event(recorder: Recorder, event_id: str, fields: Mapping[str, Any]) -> Event:
    """Change fields of an operation, and return it as the API describes it."""
    given = options.checked("update_event()", options.UPDATE_EVENT, None, fields)
    span = _update(recorder, _find(recorder, event_id, "event"), given)
    return event_of(span, clock.id_text(span.trace.id))


def score(recorder: Recorder, trace_id: str, operation_id: str | None, fields: dict[str, Any]) -> None:
    """Record a score for a trace, or for the operation with this id in it."""
    span = _find(recorder, trace_id, TRACE)
    if operation_id is not None:
        span = _find_operation(recorder, span, operation_id)
    if recorder.alive:
        scores.record_score(recorder, span, fields)


def _update(recorder: Recorder, span: Span, given: dict[str, Any]) -> Span:
    fields = update_fields(recorder, span, given) if recorder.alive else {}
    if fields:
        recorder.update(span, fields)
    return span


def _find(recorder: Recorder, identifier: str, kind: str) -> Span:
    """Return the span with this id, or a placeholder for it if another process recorded it."""
    identifier = options.checked_identifier(identifier)
    known = recorder.known.get(identifier)
    if known is not None:
        return known
    trace = TraceInfo(identifier, "", recorder)
    root = placeholder(trace)
    return root if kind == TRACE else placeholder(trace, kind, identifier, root)


def _find_operation(recorder: Recorder, root: Span, identifier: str) -> Span:
    """Return the operation with this id in a trace, or a placeholder for it."""
    identifier = options.checked_identifier(identifier)
    known = recorder.known.get(identifier)
    if known is not None and known.trace.id == root.trace.id:
        return known
    return placeholder(root.trace, "event", identifier, root)
