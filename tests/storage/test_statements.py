"""Statements leave out what is NULL, and store the same as statements with every column."""

from __future__ import annotations

import sqlite3

from hypothesis import given, strategies as st

from voltagent.core.span import TOOL, TRACE, Phase, Span, TraceInfo
from voltagent.storage.traces.batch import plan
from voltagent.storage.traces.statements import Insert, grouped

INSERT = Insert("t", ("id", "a", "b"), "(id) DO UPDATE SET a = excluded.a, b = coalesce(excluded.b, t.b)")
CELLS = st.none() | st.integers(0, 3)
ROWS = st.lists(st.tuples(st.integers(0, 99), CELLS, CELLS), max_size=12, unique_by=lambda row: row[0])


@given(ROWS, ROWS)
def test_rows_without_their_nulls_are_stored_as_whole_rows_are(
    first: list[tuple[int, int | None, int | None]], second: list[tuple[int, int | None, int | None]]
) -> None:
    def stored(statements: list[tuple[str, list[tuple[object, ...]]]]) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE t (key INTEGER PRIMARY KEY, id INTEGER UNIQUE, a, b)")
        for sql, values in statements:
            connection.executemany(sql, values)
        found = connection.execute("SELECT id, a, b FROM t ORDER BY id").fetchall()
        connection.close()
        return found

    whole = [(INSERT.with_columns("id", "a", "b"), list[tuple[object, ...]]([*first, *second]))]
    parts = [
        (one.sql, [tuple(row) for row in one.rows])
        for rows in (first, second)
        for one in grouped(INSERT.of(row) for row in rows)
    ]
    assert stored(parts) == stored(whole)
    assert all(None not in row for _, values in parts for row in values)


def test_rows_with_the_same_columns_are_one_statement() -> None:
    rows = [(1, 2, None), (2, 3, None), (3, None, 4), (4, 5, None)]
    assert [len(one.rows) for one in grouped(INSERT.of(row) for row in rows)] == [3, 1]


def test_operations_that_began_together_are_stored_in_the_order_of_their_events() -> None:
    root = Span(TraceInfo(1, "support", None), None, TRACE, "support", None)
    calls: list[Span] = []
    for number in range(6):
        call = Span(root.trace, root, TOOL, f"tool {number}", b"{}", identifier=100 + number)
        call.start_ns, call.end_ns, call.status, call.output = 5, 6, "completed", b"1" if number % 2 else None
        calls.append(call)
    statements = plan([(Phase.END, call, None) for call in calls]).statements
    rows = [row for one in statements if "INTO operations" in one.sql for row in one.rows]
    assert [next(cell for cell in row if str(cell).startswith("tool ")) for row in map(tuple, rows)] == [
        f"tool {number}" for number in range(6)
    ]
