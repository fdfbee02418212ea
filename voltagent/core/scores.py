"""Scores: what a person or a program thinks of a trace or an operation, as an event that may come after the end.

A score travels as ``(Phase.SCORE, span, fields)``. The span is the trace's root or the operation; it may stand in for
one that another process recorded. The fields are ``name``, ``value``, ``comment`` and ``time_ns``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from voltagent.core.clock import id_text
from voltagent.core.span import TRACE, SpanEvent


class Score(NamedTuple):
    """One score. A later score with the same name, of the same trace or operation, replaces it."""

    trace_id: str
    operation_id: str | None  # None for a score of the trace itself
    name: str
    value: bool | int | float | str
    comment: str | None
    time_ns: int  # when it was given, in nanoseconds since the epoch


def score_of(event: SpanEvent) -> Score:
    """Return the score that an event of the phase ``SCORE`` carries."""
    _, span, fields = event
    given: dict[str, Any] = dict(fields or {})
    return Score(
        trace_id=id_text(span.trace.id),
        operation_id=None if span.kind == TRACE else id_text(span.id),
        name=given["name"],
        value=given["value"],
        comment=given.get("comment"),
        time_ns=given["time_ns"],
    )
