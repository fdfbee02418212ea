"""What records, commands and viewer share: opening a store for reading, selecting traces, whole traces, scores.

No command and no part of the viewer queries the store itself, so there is one way to read it. The public records are
built from the same rows as lists, trees and exported files. Those need what a public record does not have: nanoseconds,
levels, instructions, and lists without payloads. What a list of 100,000 operations needs is in
:mod:`voltagent.records.queries` and the modules beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from voltagent.core.scores import Score
from voltagent.core.span import SpanEvent
from voltagent.records.building import build_trace
from voltagent.records.model import TraceRecord
from voltagent.storage.traces import columns
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import StoredOperation, StoredTrace, TraceSummary
from voltagent.storage.traces.store import Store

_SCORES: Final = """
    SELECT trace_id, operation_id, name, type, value, comment, time_ns FROM scores
    WHERE trace_id IN (SELECT value FROM json_each(?)) ORDER BY name, time_ns"""
_IS_TRACE: Final = "SELECT 1 FROM traces WHERE id = ?"
_IS_OPERATION: Final = "SELECT 1 FROM operations WHERE trace_id = ? AND id = ?"


def open_store(path: Path, *, missing_is_empty: bool = False) -> Store:
    """Return the store at ``path``, which is opened at the first query; close it when done.

    Args:
        path: the SQLite file.
        missing_is_empty: whether a missing file has no traces (default: reading it is an error).
    """
    return Store(path, missing_is_empty=missing_is_empty)


def list_traces(store: Store, matching: Filter | None = None, limit: int = 50) -> list[TraceSummary]:
    """Return matching traces without their payloads, in the filter's order; without a filter the newest first."""
    return store.traces(matching, limit)


def trace_ids(store: Store, matching: Filter, limit: int | None) -> list[str]:
    """Return the ids of matching traces, in the filter's order; a limit of ``None`` means no limit."""
    return store.trace_ids(matching, limit=limit)


def find_trace(store: Store, identifier: str) -> StoredTrace | None:
    """Return the trace with this id, or whose id begins like this; ``None`` if there is none.

    Raises:
        StoreError: several ids begin like this.
    """
    return store.trace(identifier)


def operations_of(store: Store, trace_id: str) -> list[StoredOperation]:
    """Return the operations of a trace with their payloads, in the order in which they began."""
    return store.operations(trace_id)


def events_of(store: Store, trace_id: str) -> list[SpanEvent]:
    """Return the events of a trace as they were recorded, in the order in which to send them."""
    return store.events(trace_id)


def select_trace(store: Store, identifier: str | None) -> StoredTrace | None:
    """Return the trace with this id, the newest of an agent with this name, or the trace whose id begins like this.

    ``None`` as identifier means the newest of all; the result is ``None`` if there is no such trace.

    Raises:
        StoreError: several ids begin like this.
    """
    if identifier is None:
        newest = store.traces(limit=1)
        return store.trace(newest[0].id) if newest else None
    named = [] if has_trace(store, identifier) else store.traces(Filter(agent=identifier), limit=1)
    return store.trace(named[0].id if named else identifier)


def traces_of(store: Store, trace_ids: Sequence[str]) -> list[StoredTrace]:
    """Return the traces with these ids, in this order, without those that were deleted meanwhile."""
    return [trace for id in trace_ids if (trace := store.trace(id)) is not None]


def record_of(store: Store, trace: StoredTrace) -> TraceRecord:
    """Return a stored trace as a record, with its operations."""
    return build_trace(trace, store.operations(trace.id))


def has_trace(store: Store, trace_id: str) -> bool:
    """Return whether there is a trace with exactly this id."""
    return bool(store.rows(_IS_TRACE, (trace_id,)))


def has_operation(store: Store, trace_id: str, operation_id: str) -> bool:
    """Return whether this trace has an operation with exactly this id."""
    return bool(store.rows(_IS_OPERATION, (trace_id, operation_id)))


def scores_of(store: Store, trace_ids: Sequence[str]) -> dict[str, list[Score]]:
    """Return the scores of traces and of the operations in them, by the trace's id."""
    found: dict[str, list[Score]] = {}
    for row in store.rows(_SCORES, (json.dumps(trace_ids),)):
        name, comment = columns.text(row["name"]), columns.plain(row["comment"])
        value, time_ns = columns.score_value(row["type"], row["value"]), columns.start(row["time_ns"])
        score = Score(row["trace_id"], columns.plain(row["operation_id"]) or None, name, value, comment, time_ns)
        found.setdefault(row["trace_id"], []).append(score)
    return found
