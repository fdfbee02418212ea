"""What the tests of the local store have in common: a recorder whose events go into a store on request."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from voltagent.core.span import Span, SpanEvent
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store
from voltagent.tracing.recorder import Recorder


class Log:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[SpanEvent] = []

    def put(self, event: SpanEvent, size: int) -> bool:
        self.events.append(event)
        return True


class Run:
    """A recorder over a list, and a store to put the list into."""

    def __init__(self, path: Path, **options: int) -> None:
        self.log = Log()
        self.recorder = Recorder(self.log)
        self.store = Store(path, **options)

    def save(self) -> dict[int, str]:
        taken, self.log.events = self.log.events, []
        return self.store.append(taken)

    def trace(self, agent_id: str = "bot", *, ended: bool = True, **more: object) -> Span:
        span = self.recorder.start_trace(agent_id, more.pop("input", b"{}"), **more)  # type: ignore[arg-type]
        if ended:
            self.recorder.succeed(span, b"{}")
        return span


def names(store: Store, **conditions: object) -> list[str]:
    return [trace.agent_id for trace in store.traces(Filter(**conditions))]  # type: ignore[arg-type]


def run_sql(path: Path, query: str, values: object = ()) -> list[tuple[object, ...]]:
    """What another program sees in the file, or does to it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type]


NONSENSE = ["", "[[[1]]]", b"\xff\x00", 2**63 - 1, -5, 1.5e300, float("inf")]


def fill_columns(path: Path, value: object) -> None:
    """Put a value into every column that the file's constraints allow, but for ids and keys."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("traces", "operations", "calls", "totals", "labels", "scores"):
            for (column,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall():
                if column not in ("key", "id", "trace_id", "operation_id"):
                    connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))


# Columns without which no row is written: a program that made its own copy of the file may have left them out.
REQUIRED = [
    *(("traces", name) for name in ("id", "agent_id", "name", "status", "start_ns")),
    *(("operations", name) for name in ("trace_id", "id", "kind", "name", "status", "start_ns")),
]


def empty_column(path: Path, table: str, column: str) -> None:
    """Put NULL into a column that forbids it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = ?", (table,))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:  # which reads the schema anew
        connection.execute(f"UPDATE {table} SET {column} = NULL")
