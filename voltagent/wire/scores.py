"""Scores in the APIs of the platform and of Langfuse: one request for each score.

Sources, read in November 2026: the documents of VoltAgent's platform on feedback, and Langfuse's public API. The id of
a score is made of what it is about and its name, so that a later score of the same name replaces it, and a retry is
harmless.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from pydantic_core import to_json

from voltagent.core import trace_ids
from voltagent.core.clock import id_text, iso_text
from voltagent.core.scores import Score, score_of
from voltagent.core.span import TRACE, SpanEvent

FEEDBACK_PATH: Final = "/api/public/feedback"  # of the platform
LANGFUSE_PATH: Final = "/api/public/scores"


def feedback(event: SpanEvent) -> bytes:
    """Return the body of ``POST /api/public/feedback``: a number or bool is the score, a string the value.

    Args:
        event: the score of a trace that was sent as OTLP: the platform knows it by the 32 digits of that.
    """
    score = score_of(event)
    _, span, _ = event
    is_text = isinstance(score.value, str)
    operation = {} if score.operation_id is None else {"operation_id": score.operation_id}
    return _body(
        id=_identifier(score),
        trace_id=trace_ids.context_of(span).trace_id,
        key=score.name,
        score=None if is_text else float(score.value),
        value=score.value if is_text else None,
        comment=score.comment,
        feedback_source={"type": "sdk", **operation},
        feedback_source_type="api",
        created_at=iso_text(score.time_ns),
    )


def langfuse_score(event: SpanEvent) -> bytes:
    """Return the body of ``POST /api/public/scores``, for a trace and observation that were sent as OTLP."""
    score = score_of(event)
    _, span, _ = event
    context = trace_ids.context_of(span)
    value = score.value
    kind = "BOOLEAN" if isinstance(value, bool) else "CATEGORICAL" if isinstance(value, str) else "NUMERIC"
    return _body(
        id=_identifier(score),
        traceId=context.trace_id,
        observationId=None if span.kind == TRACE else context.span_id,
        name=score.name,
        value=int(value) if isinstance(value, bool) else value,
        dataType=kind,
        comment=score.comment,
    )


def _body(**fields: Any) -> bytes:
    return to_json({name: value for name, value in fields.items() if value is not None})


def _identifier(score: Score) -> str:
    about = "\n".join((score.trace_id, score.operation_id or "", score.name))
    return id_text(int.from_bytes(sha256(about.encode("utf-8", "replace")).digest()[:16], "big"))
