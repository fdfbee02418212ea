"""A recorded trace in the last line of a notebook's cell, wherever its records came from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from voltagent.records.model import OperationRecord, TraceRecord
from voltagent.render.answers import recorded_trace
from voltagent.render.notebook import MOST_OPERATIONS, framed, shortened
from voltagent.storage.traces.facts import counts_of
from voltagent.storage.traces.records import StoredOperation, StoredTrace

_EPOCH: Final = datetime.fromtimestamp(0, timezone.utc)


def shown(record: TraceRecord) -> str:
    """Return HTML of a trace: the viewer's own page in a frame, with a note about what is left out."""
    below = list(record.walk())
    listed, left = below[:MOST_OPERATIONS], len(below) - MOST_OPERATIONS
    facts = f"trace {record.agent_id}: {record.status}, {len(below)} operation{'' if len(below) == 1 else 's'}"
    trace = recorded_trace(_trace(record, below), [_operation(one) for one in listed])
    return framed(facts, [f"{left} more are not shown"] if left > 0 else [], trace, len(listed))


def _trace(record: TraceRecord, below: Iterable[OperationRecord]) -> StoredTrace:
    """Return a trace of the public records as the store's, which the renderers take."""
    return StoredTrace(
        **_common(record), agent_id=record.agent_id, name=record.agent_id, user_id=record.user_id,
        conversation_id=record.conversation_id, parent_trace_id=record.parent_trace_id, error=None,
        operations=sum(1 for _ in below),
        errors=sum(one.status == "error" for one in below), completion_start_ns=None,
        models=tuple(dict.fromkeys(one.model for one in below if one.model)), version=record.version,
    )  # fmt: skip


def _operation(record: OperationRecord) -> StoredOperation:
    """Return an operation of the public records as the store's, which the renderers take."""
    return StoredOperation(
        **_common(record), sequence=0, trace_id=record.trace_id, kind=record.kind, name=record.name, operation=None,
        parent_id=None if record.parent is None else record.parent.id, agent_id=None, error=shortened(record.error),
        model=record.model, instructions=None, version=None,
    )  # fmt: skip


def _common(record: TraceRecord | OperationRecord) -> dict[str, Any]:
    """Return the fields that stored traces and operations have in common."""
    start_ns = (record.start - _EPOCH) // timedelta(microseconds=1) * 1000
    counts = counts_of(record.usage)
    return {
        "id": record.id,
        "status": record.status,
        "start_ns": start_ns,
        "end_ns": None if record.duration is None else start_ns + round(record.duration * 1e9),
        "level": None,
        "tags": record.tags,
        "usage": None if record.usage is None else dict(record.usage),
        "tokens": counts.total_tokens,
        "cached_tokens": counts.cached_tokens,
        "cost": record.cost,
        "metadata": {name: shortened(value) for name, value in record.metadata.items()},
        "input": shortened(record.input),
        "output": shortened(record.output),
    }
