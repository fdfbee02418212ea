"""The SQL statements that store spans.

Delivery is at least once, so every statement can run twice and leave the same rows. A start inserts a row and changes
nothing that a later event has set; an end repeats the start's fields, so if both are in one batch (the usual case),
only the end is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress, groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

Row: TypeAlias = tuple[Any, ...]  # its columns in the order of the statement that stores it
SqlRow: TypeAlias = tuple[str, Row]  # a statement, and a row to run it with


class TraceColumns(NamedTuple):
    """What every row of table ``traces`` starts with."""

    id: str
    agent_id: str
    name: str
    status: str
    start_ns: int
    end_ns: int | None
    completion_start_ns: int | None
    user_id: str | None
    conversation_id: str | None
    parent_trace_id: str | None
    version: str | None
    level: str | None
    tags: str | None
    remote: str | None


class OperationColumns(NamedTuple):
    """What every row of table ``operations`` starts with."""

    trace_id: str
    id: str
    parent_id: int | str | None
    kind: str
    name: str
    operation: str | None
    agent_id: str | None
    status: str
    start_ns: int
    end_ns: int | None
    version: str | None
    level: str | None
    tags: str | None
    error: str | None
    instructions: str | None
    metadata: str | None
    input: str | bytes | None
    output: str | bytes | None


_TRACE_START: Final = TraceColumns._fields
_OPERATION_START: Final = OperationColumns._fields
_END: Final = ("usage", "end_metadata")
# A payload may be bound as bytes, see `rows.stored_payload`.
PLACES: Final[dict[str, str]] = dict.fromkeys(("input", "output"), "CAST(? AS TEXT)")


class Insert:
    """An INSERT of rows of which some columns are NULL.

    Those are left out, as most are: to bind a ``None`` takes :mod:`sqlite3` five times as long as to bind a string,
    because it looks for an adapter.

    Args:
        table: the table.
        columns: all columns that a row may have, in its order.
        conflict: what follows ``ON CONFLICT``. A column that is left out is NULL in ``excluded``.
    """

    def __init__(self, table: str, columns: Iterable[str], conflict: str) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._conflict = conflict
        self._texts = lru_cache(maxsize=256)(self._text)  # more combinations of columns than occur

    def of(self, row: Row) -> SqlRow:
        """Return the statement for a row, and its values."""
        has_value = tuple([value is not None for value in row])
        return self._texts(has_value), tuple(compress(row, has_value))

    def with_columns(self, *columns: str) -> str:
        """Return the statement for rows of exactly these columns."""
        places = ", ".join([PLACES.get(column, "?") for column in columns])
        return f"INSERT INTO {self._table} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT {self._conflict}"  # noqa: S608 - all of it is written here

    def _text(self, has_value: tuple[bool, ...]) -> str:
        return self.with_columns(*compress(self._columns, has_value))


def _keep(table: str, *columns: str) -> str:
    """Keep the row's values; fill only those that are missing."""
    return ", ".join(f"{column} = coalesce({table}.{column}, excluded.{column})" for column in columns)


def _replaced(*columns: str) -> str:
    return ", ".join(f"{column} = excluded.{column}" for column in columns)


def _overwrite(table: str, *columns: str) -> str:
    """Overwrite the row's values by new ones; keep those without a new value."""
    return ", ".join(f"{column} = coalesce(excluded.{column}, {table}.{column})" for column in columns)


# The real facts replace those of a stub, whose maker knew only the id, or the state before a fork.
_TRACE_FACTS: Final = (
    _replaced("agent_id", "name", "start_ns", "parent_trace_id", "metadata")
    + ", "
    + _keep(
        "traces", "completion_start_ns", "user_id", "conversation_id", "version", "level", "tags", "remote", "input"
    )
)
STUB: Final = Insert("traces", (*_TRACE_START, "rootless"), "(id) DO UPDATE SET rootless = excluded.rootless "
                      "WHERE rootless > 0 AND excluded.rootless > 0")  # fmt: skip
# A trace that seemed to lack its first span may have been ended based on its operations.
_BEGUN_AFTER_ALL: Final = (
    "status = CASE WHEN rootless > 0 THEN excluded.status ELSE status END, "
    "end_ns = CASE WHEN rootless > 0 THEN NULL ELSE end_ns END, rootless = NULL"
)
START_TRACE: Final = Insert(
    "traces", (*_TRACE_START, "metadata", "input"), f"(id) DO UPDATE SET {_TRACE_FACTS}, {_BEGUN_AFTER_ALL}"
)
END_TRACE: Final = Insert(
    "traces",
    (*_TRACE_START, "metadata", "input", "error", "output", *_END),
    f"(id) DO UPDATE SET {_TRACE_FACTS}, {_replaced('status', 'end_ns', 'end_metadata')}, rootless = NULL, "
    + _overwrite("traces", "usage", "error", "output"),
)
START_OPERATION: Final = Insert("operations", _OPERATION_START, "(trace_id, id) DO NOTHING")
END_OPERATION: Final = Insert(
    "operations",
    (*_OPERATION_START, *_END),
    f"(trace_id, id) DO UPDATE SET {_replaced('status', 'end_ns', 'end_metadata')}, "
    + _overwrite("operations", "usage", "error", "output"),
)

# An operation without anything unusual, which most are: directly below its trace, and below another operation.
_USUAL: Final = ("trace_id", "id", "kind", "name", "agent_id", "status", "start_ns", "end_ns", "input", "output")
END_USUAL_OPERATION: Final = END_OPERATION.with_columns(*_USUAL)
END_USUAL_CHILD: Final = END_OPERATION.with_columns(*_USUAL, "parent_id")


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL statement and the rows to run it with."""

    sql: str
    rows: Sequence[Row] | Sequence[Mapping[str, Any]]  # a mapping for a statement with named parameters


def grouped(rows: Iterable[SqlRow], *, is_ordered: bool = False) -> list[Statement]:
    """Return one statement for all rows that have the same SQL, in the order in which these first occur.

    Args:
        rows: the rows.
        is_ordered: whether the rows must be stored in this order; then only neighbours share a statement.
    """
    if is_ordered:
        return [Statement(sql, [row for _, row in same]) for sql, same in groupby(rows, itemgetter(0))]
    found: dict[str, list[Row]] = {}
    for sql, row in rows:
        found.setdefault(sql, []).append(row)
    return [Statement(sql, same) for sql, same in found.items()]
