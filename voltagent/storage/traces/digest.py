"""Keep the narrow tables consistent with the rows of a store, if that takes more than the row being written.

Runs in the transaction that writes the rows, and in bounded steps over rows of an older version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic_core import to_json

from voltagent.capture.usage import counted, summed
from voltagent.core.span import AGENT, CANCELLED, COMPLETED, ERROR
from voltagent.storage.file import Connection
from voltagent.storage.traces import columns
from voltagent.storage.traces.batch import LABEL, STORE_CALL, TOTALS, BatchPlan
from voltagent.storage.traces.facts import (
    COUNTS,
    CallRow,
    Metadata,
    counts_of,
    environment_of,
    error_type,
    labels_of,
    model_of,
)

_DEPTH: Final = 200  # levels to search for the nearest agent: operations of other programs may be each other's parents
_GIVEN: Final = "(SELECT value FROM json_each(?))"  # a list as one parameter: SQLite limits their number
_CHUNK: Final = 500  # rows of an older version to convert in one transaction

_OPERATION: Final = """
    SELECT key, trace_id, id, parent_id, kind, name, agent_id, status, start_ns, end_ns, usage, error, metadata,
        update_metadata, end_metadata FROM operations"""
_TRACE: Final = "SELECT key, id, usage, metadata, update_metadata, end_metadata FROM traces"
_FORGET_CALL: Final = "DELETE FROM calls WHERE trace_id = ? AND id = ?"


def settle(connection: Connection, plan: BatchPlan) -> None:
    """Bring the narrow tables up to date, after the statements of a plan have run."""
    uncounted = set(plan.uncounted)
    if plan.changed:
        uncounted |= _refresh_calls(connection, plan.changed)
    if plan.changed_traces:
        _refresh_totals(connection, plan.changed_traces)
        uncounted.update(plan.changed_traces)
    if uncounted:
        _add_up(connection, uncounted)
    if plan.rootless:
        _close_rootless(connection, plan.rootless)


def _refresh_calls(connection: Connection, changed: Iterable[tuple[str | None, str]]) -> set[str]:
    """Derive the facts of operations from their rows; return the traces they belong to."""
    metadata = Metadata()
    traces: set[str] = set()
    for trace_id, identifier in dict.fromkeys(changed):
        where, values = (
            ("id = ?", (identifier,)) if trace_id is None else ("trace_id = ? AND id = ?", (trace_id, identifier))
        )
        for row in connection.execute(f"{_OPERATION} WHERE {where}", values).fetchall():
            call = _call(row, metadata)
            if call is None:
                connection.execute(_FORGET_CALL, (row["trace_id"], row["id"]))
            else:
                connection.execute(STORE_CALL, call)
            traces.add(row["trace_id"])
    return traces


def _call(row: Mapping[str, Any] | Any, known: Metadata) -> CallRow | None:
    """Return the facts of a stored operation; ``None`` if it has no model, usage or error."""
    usage = columns.usage(row["usage"])
    model = model_of(row["kind"], known.of((row["metadata"], row["update_metadata"], row["end_metadata"])))
    failed = row["status"] == ERROR
    if model is None and usage is None and not failed:
        return None
    return CallRow(
        row["trace_id"],
        row["id"],
        row["kind"],
        row["name"],
        row["agent_id"],
        row["status"],
        columns.start(row["start_ns"]),
        columns.end(row["end_ns"]),
        model,
        error_type(columns.error(row["error"])) if failed else None,
        *counts_of(usage),
        summed=0,
    )


def _refresh_totals(connection: Connection, traces: Iterable[str]) -> None:
    for trace_id in dict.fromkeys(traces):
        for row in connection.execute(f"{_TRACE} WHERE id = ?", (trace_id,)).fetchall():
            _store_total(connection, row)


def _store_total(connection: Connection, row: Any) -> None:
    usage = columns.usage(row["usage"])
    environment = environment_of(columns.merged((row["metadata"], row["update_metadata"], row["end_metadata"])))
    if usage is not None or environment is not None:
        connection.execute(TOTALS, (row["id"], *counts_of(usage), environment))


def _add_up(connection: Connection, traces: Iterable[str]) -> None:
    """Sum the token counts of traces without a usage of their own, and of the agents in them without one."""
    given = (to_json(sorted(traces)).decode(),)
    wanted = connection.execute(
        f"SELECT id FROM traces WHERE id IN {_GIVEN} AND usage IS NULL AND id IN "  # noqa: S608 - all of it is written here
        "(SELECT trace_id FROM calls WHERE trace_id = traces.id AND summed = 0 "
        "AND coalesce(total_tokens, cost) IS NOT NULL)",
        given,
    ).fetchall()
    for (trace_id,) in wanted:
        _add_up_trace(connection, trace_id)


_USED: Final = """
    SELECT c.id, c.kind, o.parent_id, o.usage
    FROM calls c JOIN operations o ON o.trace_id = c.trace_id AND o.id = c.id
    WHERE c.trace_id = ? AND c.summed = 0 AND coalesce(c.total_tokens, c.cost) IS NOT NULL"""
_ABOVE: Final = "SELECT kind, parent_id, usage IS NOT NULL FROM operations WHERE trace_id = ? AND id = ?"
_STORE_SUM: Final = f"""
    INSERT INTO calls SELECT trace_id, id, kind, name, agent_id, status, start_ns, end_ns, NULL, NULL, ?, ?, ?, ?, ?, 1
    FROM operations WHERE trace_id = ? AND id = ?
    ON CONFLICT (trace_id, id) DO UPDATE SET summed = 1, {", ".join(f"{name} = excluded.{name}" for name in COUNTS)}"""  # noqa: S608 - all of it is written here


def _add_up_trace(connection: Connection, trace_id: str) -> None:
    """Store the sums of the tokens in a trace that has no usage of its own, and of such agents in it."""
    nearest = _NearestAgent(connection, trace_id)
    of_agents: dict[str, list[dict[str, Any]]] = {}
    own: list[dict[str, Any]] = []
    for identifier, kind, parent_id, stored in connection.execute(_USED, (trace_id,)).fetchall():
        usage = counted(columns.usage(stored)) or {}
        agent, has_usage = (None, False) if kind == AGENT else nearest.of(identifier, parent_id)
        if agent is None:
            own.append(usage)
        elif not has_usage:
            of_agents.setdefault(agent, []).append(usage)
    for agent, parts in of_agents.items():
        total = summed(parts) or {}
        connection.execute(_STORE_SUM, (*counts_of(total), trace_id, agent))
        own.append(total)
    connection.execute(TOTALS, (trace_id, *counts_of(summed(own)), None))


class _NearestAgent:
    """Finds the nearest agent above operations of a trace."""

    def __init__(self, connection: Connection, trace_id: str) -> None:
        self._connection = connection
        self._trace_id = trace_id
        self._known: dict[str, tuple[str | None, str | None, bool]] = {}

    def of(self, identifier: str, parent_id: str | None) -> tuple[str | None, bool]:
        """Return the id of the agent, or ``None``, and whether it has a usage of its own."""
        above = parent_id
        for _ in range(_DEPTH):
            if above is None or above == identifier:
                return None, False
            kind, next_above, has_usage = self._row(above)
            if kind == AGENT:
                return above, has_usage
            above = next_above
        return None, False

    def _row(self, identifier: str) -> tuple[str | None, str | None, bool]:
        """Return kind, parent and whether there is a usage of an operation; each is read once."""
        found = self._known.get(identifier)
        if found is None:
            row = self._connection.execute(_ABOVE, (self._trace_id, identifier)).fetchone()
            found = self._known[identifier] = (None, None, False) if row is None else (row[0], row[1], bool(row[2]))
        return found


_OPERATIONS: Final = "SELECT count(*) FROM operations WHERE trace_id = ? AND status = 'running'"
_TOP: Final = """
    SELECT name, status FROM operations o WHERE trace_id = :trace AND (parent_id IS NULL OR NOT EXISTS (
        SELECT 1 FROM operations p WHERE p.trace_id = :trace AND p.id = o.parent_id)) ORDER BY start_ns, key"""
_EXTENT: Final = "SELECT min(start_ns), max(max(start_ns, coalesce(end_ns, 0))) FROM operations WHERE trace_id = ?"
_CLOSE: Final = """
    UPDATE traces SET name = ?, status = ?, start_ns = ?, end_ns = ? WHERE id = ?"""


def _close_rootless(connection: Connection, traces: Sequence[str]) -> None:
    """Derive the facts of traces whose first span belongs to another process from their operations.

    Such a trace is complete once its own operations have ended, and takes the name of the first one.
    """
    query = f"SELECT id, rootless FROM traces WHERE id IN {_GIVEN} AND rootless > 0"  # noqa: S608 - all of it is written here
    for trace_id, rootless in connection.execute(query, (json.dumps(traces),)).fetchall():
        tops = connection.execute(_TOP, {"trace": trace_id}).fetchall()
        if not tops:
            continue
        start_ns, end_ns = connection.execute(_EXTENT, (trace_id,)).fetchone()
        runs = rootless > 1 or connection.execute(_OPERATIONS, (trace_id,)).fetchone()[0]
        status = "running" if runs else _worst(row["status"] for row in tops)
        connection.execute(_CLOSE, (tops[0]["name"], status, start_ns, None if runs else end_ns, trace_id))


def _worst(statuses: Iterable[str]) -> str:
    found = set(statuses)
    return next((status for status in (ERROR, CANCELLED) if status in found), COMPLETED)


def is_converted(connection: Connection) -> bool:
    """Return whether the narrow tables cover all rows of an older version."""
    return connection.execute("SELECT 1 FROM conversion LIMIT 1").fetchone() is None


def convert(connection: Connection) -> bool:
    """Fill the narrow tables from the next 500 rows of an older version; return whether more are left.

    Call it in a transaction of its own, so that other processes can write between two steps.
    """
    row = connection.execute("SELECT table_name, done, last FROM conversion ORDER BY table_name LIMIT 1").fetchone()
    if row is None:
        return False
    table, done, last = row
    fill = {"operations": _convert_operations, "traces": _convert_traces}.get(table)
    if fill is None or not isinstance(done, int) or not isinstance(last, int):  # what another program has written
        connection.execute("DELETE FROM conversion WHERE table_name = ?", (table,))
        return not is_converted(connection)
    until = _chunk_end(connection, table, done, last)
    fill(connection, done, until)
    if until >= last:
        connection.execute("DELETE FROM conversion WHERE table_name = ?", (table,))
    else:
        connection.execute("UPDATE conversion SET done = ? WHERE table_name = ?", (until, table))
    return not is_converted(connection)


def _chunk_end(connection: Connection, table: str, done: int, last: int) -> int:
    """Return the key of the last row of the next chunk: keys have gaps, as rows were deleted."""
    query = f"SELECT key FROM {table} WHERE key > ? AND key <= ? ORDER BY key LIMIT 1 OFFSET ?"  # noqa: S608 - one of two tables
    row = connection.execute(query, (done, last, _CHUNK - 1)).fetchone()
    return last if row is None else int(row[0])


def _convert_operations(connection: Connection, done: int, until: int) -> None:
    """Fill the narrow tables for some operations of an older store."""
    metadata = Metadata()
    rows = connection.execute(f"{_OPERATION} WHERE key > ? AND key <= ?", (done, until)).fetchall()
    calls = [call for call in (_call(row, metadata) for row in rows) if call is not None]
    connection.executemany(STORE_CALL, calls)
    connection.executemany(LABEL, list(_labels(rows, "trace_id")))


def _convert_traces(connection: Connection, done: int, until: int) -> None:
    """Fill the narrow tables for some traces of an older store."""
    rows = connection.execute(f"{_TRACE} WHERE key > ? AND key <= ?", (done, until)).fetchall()
    for row in rows:
        _store_total(connection, row)
    connection.executemany(LABEL, list(_labels(rows, "id")))
    _add_up(connection, {row["id"] for row in rows})


def _labels(rows: Iterable[Any], trace_column: str) -> Iterator[tuple[str, str, str]]:
    for row in rows:
        parts = (row["metadata"], row["update_metadata"], row["end_metadata"])
        if any(parts):
            yield from ((row[trace_column], name, value) for name, value in labels_of(columns.merged(parts)))
