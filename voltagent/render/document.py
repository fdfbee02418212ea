"""A trace as the JSON document of ``voltagent export``, which the viewer offers too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from voltagent.core.clock import iso_text
from voltagent.core.scores import Score
from voltagent.storage.traces.records import StoredOperation, StoredTrace


def document(trace: StoredTrace, operations: Sequence[StoredOperation], scores: Sequence[Score] = ()) -> dict[str, Any]:
    """Return the trace as ``docs/terminal.md`` describes it. What is absent is null."""
    return {
        "format": "voltagent-trace",
        "version": 1,
        "trace": {
            "id": trace.id,
            "agent_id": trace.agent_id,
            **_common(trace),
            "environment": trace.environment,
            "models": list(trace.models),
            "scores": _scores(scores, None),
            "user_id": trace.user_id,
            "conversation_id": trace.conversation_id,
            "parent_trace_id": trace.parent_trace_id,
            "completion_start": None if trace.completion_start_ns is None else iso_text(trace.completion_start_ns),
        },
        "operations": [_operation(operation, scores) for operation in operations],
    }


def _operation(operation: StoredOperation, scores: Sequence[Score]) -> dict[str, Any]:
    """Return an operation as the JSON of ``show --json`` and ``export`` has it."""
    return {
        "id": operation.id,
        "parent_id": operation.parent_id,
        "kind": operation.kind,
        "name": operation.name,
        "operation": operation.operation,
        "agent": operation.agent_id,
        **_common(operation),
        "model": operation.model,
        "scores": _scores(scores, operation.id),
        "instructions": operation.instructions,
    }


def _scores(scores: Sequence[Score], operation_id: str | None) -> list[dict[str, Any]]:
    """Return the scores of one operation, or with ``None`` those of the trace."""
    return [
        {"name": one.name, "value": one.value, "comment": one.comment, "time": iso_text(one.time_ns)}
        for one in scores
        if one.operation_id == operation_id
    ]


def _common(record: StoredTrace | StoredOperation) -> dict[str, Any]:
    """Return the fields that traces and operations share."""
    end_ns = record.end_ns
    return {
        "status": record.status,
        "start": iso_text(record.start_ns),
        "end": None if end_ns is None else iso_text(end_ns),
        "start_unix_nano": str(record.start_ns),  # texts, as OTLP has it: JavaScript would lose their last digits
        "end_unix_nano": None if end_ns is None else str(end_ns),
        "version": record.version,
        "level": record.level,
        "tags": list(record.tags),
        "usage": record.usage,
        "tokens": record.tokens,
        "cached_tokens": record.cached_tokens,
        "cost": record.cost,
        "error": record.error,
        "metadata": record.metadata,
        "input": record.input,
        "output": record.output,
    }
