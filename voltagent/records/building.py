"""From what the store holds to records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar, cast

from voltagent.core.ordering import children_of
from voltagent.records.model import Json, OperationRecord, ReadOnly, TraceRecord
from voltagent.storage.traces.records import StoredOperation, StoredTrace, TraceSummary
from voltagent.storage.traces.tokens import usage_of

Operation = TypeVar("Operation", bound=OperationRecord)


def build_trace(
    trace: StoredTrace, operations: Sequence[StoredOperation], record: type[Operation] | None = None
) -> TraceRecord:
    """Build the record of a stored trace; ``record`` is the class of its operations."""
    make = record or OperationRecord
    known = {one.id: make(**_operation_fields(one)) for one in operations}
    below = children_of(operations, lambda one: one.id, lambda one: one.parent_id)
    for parent_id, children in below.items():
        if parent_id is not None:
            parent, group = known[parent_id], tuple(known[child.id] for child in children)
            object.__setattr__(parent, "children", group)
            for child in group:
                object.__setattr__(child, "parent", parent)
    return TraceRecord(
        id=trace.id,
        agent_id=trace.agent_id,
        status=trace.status,
        input=trace.input,
        output=trace.output,
        metadata=ReadOnly(trace.metadata),
        tags=trace.tags,
        usage=_mapping(trace.usage),
        cost=_trace_cost(trace, operations),
        start=_moment(trace.start_ns),
        duration=_seconds(trace.start_ns, trace.end_ns),
        user_id=trace.user_id,
        conversation_id=trace.conversation_id,
        version=trace.version,
        parent_trace_id=trace.parent_trace_id,
        children=tuple(known[one.id] for one in below.get(None, ())),
    )


def _operation_fields(one: StoredOperation) -> dict[str, Any]:
    return {
        "id": one.id,
        "trace_id": one.trace_id,
        "kind": one.kind,
        "name": one.name,
        "status": one.status,
        "input": one.input,
        "output": one.output,
        "error": one.error,
        "metadata": ReadOnly(one.metadata),
        "tags": one.tags,
        "usage": _mapping(one.usage),
        "model": _model(one),
        "cost": _cost(one),
        "start": _moment(one.start_ns),
        "duration": _seconds(one.start_ns, one.end_ns),
    }


def _mapping(usage: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
    return None if usage is None else ReadOnly(usage)


def _model(one: StoredOperation) -> str | None:
    """Return the model's name: a column of its own, or in the metadata where older versions put it."""
    parameters = one.metadata.get("model_parameters") or one.metadata.get("modelParameters")
    inside: Any = cast("Mapping[str, Any]", parameters).get("model") if isinstance(parameters, Mapping) else None
    found = (getattr(one, "model", None), one.metadata.get("model"), inside)
    return next((name for name in found if isinstance(name, str) and name), None)


def _cost(one: TraceSummary | StoredOperation) -> float | None:
    found = _number(getattr(one, "cost", None))
    return _number((one.usage or {}).get("cost")) if found is None else found


def _trace_cost(trace: StoredTrace, operations: Sequence[StoredOperation]) -> float | None:
    """Return its own cost, else the sum over its operations."""
    own = _cost(trace) if trace.usage and "cost" in trace.usage else None
    return _number((usage_of(operations) or {}).get("cost")) if own is None else own


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _moment(nanoseconds: int) -> datetime:
    seconds, rest = divmod(nanoseconds, 10**9)
    return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest // 1000)


def _seconds(start_ns: int, end_ns: int | None) -> float | None:
    return None if end_ns is None else max(0, end_ns - start_ns) / 1e9
