"""What a viewer asks of the local store beside whole traces: operations without their payloads, and one by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json

from voltagent.local.records import Json, StoredOperation, stored_operation
from voltagent.local.store import Store

__all__ = ["SUMMARY_COLUMNS", "OperationSummary", "operation", "operation_summaries", "operation_summary"]


@dataclass(frozen=True, slots=True)
class OperationSummary:
    """One operation of a trace, or a custom event, without its payloads. Times are nanoseconds since the epoch."""

    sequence: int  # rises with the order of arrival; tells operations apart that began at the same time
    id: str
    trace_id: str
    parent_id: str | None  # None directly under the trace
    kind: str  # "agent", "tool", "memory", "retriever", or the type of a custom event
    name: str
    operation: str | None  # "read" or "write" for a memory
    agent_id: str | None  # the nearest enclosing agent
    status: str  # "running", "completed", "error" or "cancelled"
    start_ns: int
    end_ns: int | None  # None while it runs, and for a moment without duration
    version: str | None
    level: str | None
    tags: tuple[str, ...]
    usage: Mapping[str, Json] | None
    error: Json  # a text or an object with `message`


SUMMARY_COLUMNS: Final = """key, id, trace_id, parent_id, kind, name, operation, agent_id, status, start_ns, end_ns,
    version, level, tags, usage, error"""

_SUMMARIES: Final = f"SELECT {SUMMARY_COLUMNS} FROM operations WHERE trace_id = ? ORDER BY start_ns, key"  # noqa: S608 - all of it is written here
_OPERATION: Final = """
    SELECT key, id, trace_id, parent_id, kind, name, operation, agent_id, status, start_ns, end_ns, version, level,
        tags, usage, error, instructions, metadata, update_metadata, end_metadata, input, output
    FROM operations WHERE trace_id = ? AND id = ?"""


def operation_summaries(store: Store, trace_id: str) -> list[OperationSummary]:
    """The operations of a trace, in the order in which they began."""
    return [operation_summary(row) for row in store.rows(_SUMMARIES, (trace_id,))]


def operation(store: Store, trace_id: str, id: str) -> StoredOperation | None:
    """One operation with its payloads; ``None`` where there is none."""
    rows = store.rows(_OPERATION, (trace_id, id))
    return stored_operation(rows[0]) if rows else None


def operation_summary(row: Sequence[Any]) -> OperationSummary:
    """A record from a row of :data:`SUMMARY_COLUMNS`."""
    *plain, tags, usage, error = row
    fields: list[Any] = [*plain, tuple(_value(tags) or ()), _value(usage), _value(error)]
    return OperationSummary(*fields)


def _value(text: str | None) -> Json:
    return None if text is None else from_json(text)
