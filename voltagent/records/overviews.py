"""Overviews of many traces: their number over time, by conversation, and by user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from voltagent.records.previews import previews
from voltagent.render.previews import LONGEST_IN_LIST
from voltagent.storage.traces import columns
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store
from voltagent.storage.traces.tokens import sum_of

_FAILED: Final = """(status = 'error' OR EXISTS (
    SELECT 1 FROM operations o INDEXED BY operations_errors WHERE o.trace_id = traces.id AND o.status = 'error'))"""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Traces over time. Times are nanoseconds since the epoch."""

    since_ns: int
    until_ns: int
    width_ns: int  # of a bucket
    traces: Sequence[int]
    errors: Sequence[int]  # how many of them failed or contain a failed operation


def histogram(store: Store, matching: Filter, buckets: int) -> Histogram:
    """Count the matching traces by start time, over the filter's range, else from the first to the last trace."""
    where, values = matching.where()
    rows = store.rows(f"SELECT min(start_ns), max(start_ns) FROM traces {where}", values)  # noqa: S608 - values are bound
    first, last = map(columns.start, rows[0]) if rows else (0, 0)
    since = first if matching.since_ns is None else matching.since_ns
    until = max(since + 1, last + 1 if matching.until_ns is None else matching.until_ns)
    width = max(1, -(-(until - since) // buckets))
    query = f"""
        SELECT (start_ns - :origin) / :width AS bucket, count(*), sum({_FAILED}) FROM traces {where}
        GROUP BY bucket"""  # noqa: S608 - values are bound
    traces, errors = [0] * buckets, [0] * buckets
    for bucket, number, failed in store.rows(query, {**values, "origin": since, "width": width}):
        if isinstance(bucket, int) and 0 <= bucket < buckets:
            traces[bucket], errors[bucket] = number, failed
    return Histogram(since, until, width, traces, errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The traces of one conversation or user. Times are nanoseconds since the epoch."""

    id: str
    traces: int
    errors: int  # how many of the traces failed or contain a failed operation
    first_ns: int  # start of the first one
    last_ns: int  # start of the last one
    tokens: float | None
    cost: float | None
    conversations: int
    users: tuple[str, ...]
    agents: tuple[str, ...]
    input: str | None  # how the first trace's input begins


SORTS: Final[Mapping[str, str]] = {
    "last": "last_ns", "first": "first_ns", "traces": "traces", "errors": "errors", "tokens": "coalesce(tokens, -1)",
    "cost": "coalesce(cost, -1)", "duration": "last_ns - first_ns", "id": "name COLLATE NOCASE",
}  # fmt: skip
_COLUMNS: Final = {"conversation": "conversation_id", "user": "user_id"}
_FIRST: Final = "SELECT id FROM traces WHERE conversation_id = ? ORDER BY start_ns, key LIMIT 1"


def overviews(
    store: Store, by: str, matching: Filter, *, sort: str = "last", ascending: bool = False, limit: int, offset: int = 0
) -> list[Overview]:
    """List the conversations or users of the matching traces.

    Args:
        by: ``conversation`` or ``user``.
        sort: one of ``SORTS``.
    """
    column, way = _COLUMNS[by], "ASC" if ascending else "DESC"
    where, values = matching.where()
    condition = f"{where} {'AND' if where else 'WHERE'} {column} IS NOT NULL"
    query = f"""
        SELECT {column} AS name, count(*) AS traces, sum({_FAILED}) AS errors, min(start_ns) AS first_ns,
            max(start_ns) AS last_ns, {sum_of("totals.total_tokens")} AS tokens, {sum_of("totals.cost")} AS cost,
            count(DISTINCT conversation_id) AS conversations, group_concat(DISTINCT user_id) AS users,
            group_concat(DISTINCT agent_id) AS agents
        FROM traces LEFT JOIN totals ON totals.trace_id = traces.id {condition}
        GROUP BY {column} ORDER BY {SORTS[sort]} {way}, last_ns {way} LIMIT :limit OFFSET :offset"""  # noqa: S608 - values are bound
    rows = store.rows(query, {**values, "limit": limit, "offset": offset})
    first = _first_traces(store, [row["name"] for row in rows]) if by == "conversation" else {}
    begun = previews(store, "traces", list(first.values()), LONGEST_IN_LIST)
    return [_overview(row, begun.get(first.get(row["name"]))) for row in rows]


def _first_traces(store: Store, conversations: Sequence[str]) -> dict[str, str]:
    """Return the ids of the first traces of conversations."""
    return {name: id for name in conversations for (id,) in store.rows(_FIRST, (name,))}


def _overview(row: Any, preview: str | None) -> Overview:
    """Return the overview in a row of the query."""
    return Overview(
        id=str(row["name"]),
        traces=row["traces"],
        errors=row["errors"],
        first_ns=columns.start(row["first_ns"]),
        last_ns=columns.start(row["last_ns"]),
        tokens=row["tokens"],
        cost=row["cost"],
        conversations=row["conversations"],
        users=_listed(row["users"]),
        agents=_listed(row["agents"]),
        input=preview,
    )


def _listed(texts: str | None) -> tuple[str, ...]:
    return () if texts is None else tuple(sorted(texts.split(",")))[:20]
