"""Spans as models of the REST API, for the methods that voltagent 0.1.1 had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltagent.core import clock
from voltagent.core.span import TRACE, Span

if TYPE_CHECKING:
    from voltagent.types import Event, History


def history_of(span: Span) -> History:
    """Return a trace as the REST API describes it."""
    from voltagent.types import History

    trace = span.trace
    status = {None: "working", "cancelled": "error"}.get(span.status, span.status)
    return History.model_validate(
        {
            "id": clock.id_text(span.id),
            "agent_id": trace.agent_id,
            "user_id": trace.user_id,
            "conversation_id": trace.conversation_id,
            "start_time": clock.iso_text(span.start_ns),
            "end_time": clock.iso_text(span.end_ns) if span.end_ns else None,
            "status": status,
            "version": trace.version,
            "tags": list(span.tags) if span.tags else None,
        }
    )


def event_of(span: Span, trace_id: str) -> Event:
    """Return an operation or custom event as the REST API describes it."""
    from voltagent.types import Event

    facts = span.facts or {}
    parent = span.parent
    return Event.model_validate(
        {
            "id": clock.id_text(span.id),
            "history_id": trace_id,
            "event_type": span.kind,
            "event_name": span.name,
            "start_time": clock.iso_text(span.start_ns),
            "status": facts.get("status", "running"),
            "level": facts.get("level", "INFO"),
            "parent_event_id": None if parent is None or parent.kind == TRACE else clock.id_text(parent.id),
            "tags": list(span.tags) if span.tags else None,
        }
    )
