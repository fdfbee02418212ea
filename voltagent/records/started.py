"""The traces that a trace started: with `traceparent` in a process that records into the same store, or inside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from voltagent.core import trace_ids
from voltagent.core.span import TRACE
from voltagent.storage.traces.records import SUMMARY, OperationSummary, TraceSummary, summary
from voltagent.storage.traces.store import Store

MOST: Final = 500  # that are returned

_GIVEN: Final = "(SELECT value FROM json_each(?))"  # a list as one value: there may be more than SQLite has places for
# All of it is in an index. A process that was called passes on the id of the trace that called first: what it started
# is found by that id, too.
_CANDIDATES: Final = f"""
    SELECT key, parent_trace_id, remote FROM traces WHERE parent_trace_id IN {_GIVEN} ORDER BY key LIMIT 10000"""  # noqa: S608 - all of it is written here
_CALLED_BY: Final = "SELECT parent_trace_id FROM traces WHERE id = ? AND remote IS NOT NULL"
# The last 16 digits of an id, as `trace_ids.span_id` has them of ids of ours; those of other programs are such digits.
_CALLERS: Final = f"""
    SELECT trace_id, id, replace(substr(id, -17), '-', '') AS span FROM operations
    WHERE trace_id IN {_GIVEN} AND (id IN {_GIVEN} OR replace(substr(id, -17), '-', '') IN {_GIVEN})"""  # noqa: S608 - likewise
_IDS: Final = f"SELECT id FROM traces WHERE key IN {_GIVEN}"  # noqa: S608 - likewise
_SUMMARIES: Final = f"SELECT key, {SUMMARY} FROM traces WHERE key IN {_GIVEN} ORDER BY start_ns, key"  # noqa: S608 - likewise


class _Candidate(NamedTuple):
    parent_trace: str
    span: str | None  # that called it; None if it was started in the same process


def started_traces(store: Store, trace_id: str) -> list[OperationSummary]:
    """Return the traces that a trace started, and those that these started, in the order in which they began.

    They have the form of operations of the kind ``trace``, so that they can stand in the tree. The parent of each is
    the operation that started it, or another one of these traces, or ``None`` for the trace itself.

    Few traces started others, and for the rest this is one look into an index.
    """
    called_by = [id for (id,) in store.rows(_CALLED_BY, (trace_id,))]
    waiting: dict[int, _Candidate] = _candidates(store, _texts([trace_id, *called_by]))
    parents: dict[int, str | None] = {}  # by the key of what they started
    newest = [trace_id]
    while waiting and newest and len(parents) < MOST:
        placed = dict(_placed(store, waiting, newest))
        for key, (trace, operation) in placed.items():
            parents[key] = operation if trace == trace_id else trace
        newest = _texts(id for (id,) in store.rows(_IDS, (json.dumps(list(placed)),)) if id != trace_id)
        waiting |= _candidates(store, newest)
        waiting = {key: one for key, one in waiting.items() if key not in parents}
    # the operation that called them was not recorded, but the trace was
    parents |= {key: None for key, one in waiting.items() if one.parent_trace == trace_id}
    if not parents:
        return []
    rows = store.rows(_SUMMARIES, (json.dumps(list(parents)[:MOST]),))
    found = [_as_operation(summary(row), parents[row["key"]], trace_id) for row in rows]
    return [one for one in found if one.id != trace_id]


def _as_operation(trace: TraceSummary, parent_id: str | None, trace_id: str) -> OperationSummary:
    """Return a trace as an operation of the one that started it."""
    return OperationSummary(
        sequence=0,
        id=trace.id,
        trace_id=trace_id,
        parent_id=parent_id,
        kind=TRACE,
        name=trace.name,
        operation=None,
        agent_id=trace.agent_id,
        status=trace.status,
        start_ns=trace.start_ns,
        end_ns=trace.end_ns,
        version=trace.version,
        level=trace.level,
        tags=trace.tags,
        usage=trace.usage,
        error=trace.error,
        model=", ".join(trace.models) or None,
        tokens=trace.tokens,
        cached_tokens=trace.cached_tokens,
        cost=trace.cost,
    )


def _texts(ids: Iterable[object]) -> list[str]:
    """Return the ids that are texts: a damaged store may hold others."""
    return [id for id in ids if isinstance(id, str)]


def _candidates(store: Store, traces: Sequence[str]) -> dict[int, _Candidate]:
    """Return what may have been started by one of these traces, by key."""
    rows = store.rows(_CANDIDATES, (json.dumps(traces),)) if traces else []
    return {key: _Candidate(parent, _span_of(remote)) for key, parent, remote in rows}


def _span_of(remote: object) -> str | None:
    """Return the id of a span from the column: `trace id, span id, tracestate`, separated by spaces."""
    parts = remote.split(" ") if isinstance(remote, str) else []
    return parts[1] if len(parts) > 1 else None


def _placed(
    store: Store, waiting: Mapping[int, _Candidate], traces: Sequence[str]
) -> Iterator[tuple[int, tuple[str, str | None]]]:
    """Yield the keys of those that one of these traces started, each with that trace and the operation in it."""
    # at first what was called outside of all operations
    callers: dict[str, tuple[str, str | None]] = {trace_ids.span_id(id): (id, None) for id in traces}
    spans = {one.span for one in waiting.values() if one.span is not None}
    if spans:
        given = json.dumps(list(spans))
        for trace, id, span in store.rows(_CALLERS, (json.dumps(traces), given, given)):
            callers[span if span in spans else id] = trace, id
    inside = set(traces)
    for key, one in waiting.items():
        if one.span is None and one.parent_trace in inside:
            yield key, (one.parent_trace, None)
        elif one.span is not None and one.span in callers:
            yield key, callers[one.span]
