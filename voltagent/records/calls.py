"""Operations over all traces, as a sorted list: what is behind a figure of the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from voltagent.records.previews import previews
from voltagent.render.previews import LONGEST_IN_LIST
from voltagent.storage.traces import columns
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store

# Columns that both tables have: the narrow one for operations with a model, a usage or an error, and the one of all.
_SHARED: Final[Mapping[str, str]] = {
    "start": "start_ns",
    "duration": "coalesce(end_ns - start_ns, -1)",
    "kind": "kind",
    "name": "name COLLATE NOCASE",
    "status": "status",
    "trace": "trace_id",
}
_OF_CALLS: Final[Mapping[str, str]] = {
    "agent": "agent_id COLLATE NOCASE",
    "model": "model COLLATE NOCASE",
    "tokens": "total_tokens",
    "cached": "cached_tokens",
    "cost": "cost",
    "error": "error_type COLLATE NOCASE",
}
SORTS: Final = (*_SHARED, *_OF_CALLS)

# The calls that the metrics by model count: an agent that names a model counts only if no model call below it does.
_COUNTED: Final = """
    (model IS NOT NULL OR kind = 'llm' OR (kind = 'agent' AND summed = 0 AND total_tokens IS NOT NULL))
    AND (kind <> 'agent' OR NOT EXISTS (
        SELECT 1 FROM calls below WHERE below.trace_id = calls.trace_id AND below.agent_id = calls.name
        AND below.kind <> 'agent' AND (below.model IS NOT NULL OR below.kind = 'llm')))"""
_LINES: Final = """
    SELECT o.id, o.trace_id, o.kind, o.name, o.operation, o.agent_id, o.status, o.start_ns, o.end_ns, c.model,
        c.total_tokens AS tokens, c.cached_tokens AS cached, c.cost, o.error, c.error_type,
        t.agent_id AS trace_agent, t.status AS trace_status, o.key
    FROM operations o LEFT JOIN calls c ON c.trace_id = o.trace_id AND c.id = o.id
    LEFT JOIN traces t ON t.id = o.trace_id"""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which operations to list: those that match, in traces that match."""

    within: Filter
    counted: bool = False  # only those that the metrics by model count
    unnamed: bool = False  # only those without a model


class CallLine(NamedTuple):
    """One operation of a list. Times are nanoseconds since the epoch."""

    id: str
    trace_id: str
    kind: str
    name: str
    operation: str | None
    agent_id: str | None
    status: str
    start_ns: int
    end_ns: int | None
    model: str | None
    tokens: float | None
    cached: float | None
    cost: float | None
    error: Any  # a string or an object with `message`
    error_type: str | None
    trace_agent: str | None  # of the trace; None if it is not stored
    trace_status: str | None  # likewise
    preview: str | None  # how the input begins


def calls(
    store: Store, chosen: CallFilter, *, sort: str = "start", ascending: bool = False, limit: int, offset: int = 0
) -> list[CallLine]:
    """Return operations in an order, one of ``SORTS``. Those without the value come last, the latest first."""
    query = _Query(store, chosen)
    keys = query.page(sort, ascending=ascending, limit=limit, offset=offset)
    if not keys:
        return []
    listed = ",".join(map(str, keys))
    rows = {row["key"]: row for row in store.rows(f"{_LINES} WHERE o.key IN ({listed})")}
    begun = previews(store, "operations", keys, LONGEST_IN_LIST)
    return [_line(rows[key], begun.get(key)) for key in keys if key in rows]


def _line(row: Any, preview: str | None) -> CallLine:
    """Make a line of the list of calls from a row."""
    fields = dict(zip(row.keys(), row, strict=True))
    del fields["key"]
    fields["start_ns"], fields["end_ns"] = columns.start(row["start_ns"]), columns.end(row["end_ns"])
    fields["error"] = columns.error(row["error"])
    return CallLine(**fields, preview=preview)


class _Query:
    """The conditions of a filter, and the keys of the operations that meet them."""

    def __init__(self, store: Store, chosen: CallFilter) -> None:
        self._store = store
        self._is_narrow = chosen.counted or chosen.unnamed or chosen.within.is_about_calls
        conditions, self._values = chosen.within.of_operation()
        traces = chosen.within.of_traces()
        if traces.selects:
            where, values = traces.where()
            conditions.append(f"trace_id IN (SELECT id FROM traces {where})")  # noqa: S608 - values are bound
            self._values |= values
        if chosen.counted:
            conditions.append(_COUNTED)
        if chosen.unnamed:
            conditions.append("model IS NULL")
        self._conditions = conditions or ["1"]

    def page(self, sort: str, *, ascending: bool, limit: int, offset: int) -> list[int]:
        """Return the keys of one page."""
        way = "ASC" if ascending else "DESC"
        if sort in _SHARED:
            return self._keys(self._is_narrow, _SHARED[sort], way, limit, offset)
        column = _OF_CALLS[sort]
        known, unknown = f"{column.split()[0]} IS NOT NULL", f"{column.split()[0]} IS NULL"
        keys = self._keys(True, column, way, limit, offset, known)
        if len(keys) == limit:
            return keys
        left = max(0, offset - self._number(known)) if offset and not keys else 0
        if self._is_narrow:
            return keys + self._keys(True, "start_ns", "DESC", limit - len(keys), left, unknown)
        others = f"""NOT EXISTS (SELECT 1 FROM calls c WHERE c.trace_id = operations.trace_id
            AND c.id = operations.id AND c.{known})"""  # noqa: S608 - all of it is written here
        return keys + self._keys(False, "start_ns", "DESC", limit - len(keys), left, others)

    def _keys(self, narrow: bool, order: str, way: str, limit: int, offset: int, *more: str) -> list[int]:
        """Return the keys of the calls on one page, in the order requested."""
        where = " AND ".join(f"({one})" for one in (*self._conditions, *more))
        paged = f"WHERE {where} ORDER BY {order} {way}, start_ns {way}, {{}} LIMIT :limit OFFSET :offset"
        if not narrow:
            text = f"SELECT key FROM operations {paged.format(f'key {way}')}"  # noqa: S608 - values are bound
            return [key for (key,) in self._rows(text, limit=limit, offset=offset)]
        # the narrow table has no keys: they are looked up for this page alone
        text = f"SELECT trace_id, id FROM calls {paged.format('trace_id, id')}"  # noqa: S608 - likewise
        text = f"""SELECT o.key FROM ({text}) page
            CROSS JOIN operations o ON o.trace_id = page.trace_id AND o.id = page.id"""  # noqa: S608 - likewise
        return [key for (key,) in self._rows(text, limit=limit, offset=offset)]

    def _number(self, condition: str) -> int:
        where = " AND ".join(f"({one})" for one in (*self._conditions, condition))
        ((number,),) = self._rows(f"SELECT count(*) FROM calls WHERE {where}")  # noqa: S608 - values are bound
        return int(number)

    def _rows(self, text: str, **more: Any) -> list[Any]:
        return self._store.rows(text, {**self._values, **more})
