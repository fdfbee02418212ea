"""What happened in a store since the last look: for the live page, the console's socket and ``voltagent tail``.

The store is a file that other processes write, so news has to be asked for. Asking costs next to nothing while there is
none (``PRAGMA data_version``), and otherwise as much as there is news, however large the store is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar

from voltagent.storage.file import Connection, number
from voltagent.storage.traces.records import (
    OPERATION_SUMMARY,
    SUMMARY,
    OperationSummary,
    TraceSummary,
    operation_summary,
    summary,
)
from voltagent.storage.traces.store import Store

Record = TypeVar("Record", TraceSummary, OperationSummary)

_AT_ONCE: Final = 5_000  # records of one look; the next look goes on from there
_ASKED: Final = 500  # keys in one query

_RUNNING: Final[Mapping[str, str]] = {  # keys of what runs, from small indices that hold little else
    "traces": "SELECT key FROM traces INDEXED BY traces_status WHERE status <> 'completed' AND status = 'running'",
    "operations": "SELECT key FROM operations INDEXED BY operations_running WHERE status = 'running'",
}
_COLUMNS: Final[Mapping[str, str]] = {"traces": f"key, {SUMMARY}", "operations": OPERATION_SUMMARY}


@dataclass(frozen=True, slots=True)
class Change(Generic[Record]):
    """One trace or operation that is new, or that ended.

    ``began`` and ``ended`` are both true for what came and went between two looks, and for a custom event, which is one
    moment. What ended has failed if ``record.status`` is ``"error"``, and may be ``"cancelled"``.
    """

    record: Record  # as it is now, without payloads
    began: bool  # this feed has not told of it before
    ended: bool  # it ran when this feed last looked, or is new, and does not run now


@dataclass(frozen=True, slots=True)
class News:
    """What one look found: new records in the order in which they began, then those that ended, in that order.

    A trace can come after its first operations, and an operation after what is under it, where another process wrote
    them: do not count on having seen it.
    """

    changed: bool = False  # somebody wrote since the last look, perhaps nothing that is told of here (see Feed)
    traces: Sequence[Change[TraceSummary]] = ()
    operations: Sequence[Change[OperationSummary]] = ()

    @property
    def trace_ids(self) -> list[str]:
        """The ids of all traces concerned, each once."""
        ids = [change.record.id for change in self.traces]
        return list(dict.fromkeys([*ids, *(change.record.trace_id for change in self.operations)]))


class _State(NamedTuple):
    """What is known of one table."""

    seen: int = 0  # keys up to here have been told of
    running: frozenset[int] = frozenset()  # which of them ran
    more: bool = False  # whether there is more than the last look took


class Feed:
    """Tells what is new in a store, one look at a time. Used by one thread.

    Args:
        path: the store's file. It need not be there yet; it may be deleted and made again.
        past: whether the first look tells of everything that is in the store (default: only of what comes from now on;
            what runs now is known, so that its end is told).

    It tells of traces and operations that begin, and of their ends. Other changes, such as metadata added to a running
    operation or tags added to one that ended, are not told by record; ``News.changed`` is true then.

    It has a connection of its own, because SQLite tells a connection of the changes that others make.

    Raises:
        StoreError: the file cannot be read.
    """

    def __init__(self, path: Path, *, past: bool = False) -> None:
        self._store = Store(path, missing_is_empty=True)
        self._connection: Connection | None = None  # the one that the version is of
        self._version = 0
        self._file: tuple[int, int] | None = None
        self._traces = self._operations = _State()
        if not past:
            self._store.read(self._begin_here)

    def look(self) -> News:
        """What happened since the last look, or since this was made.

        At most 5 000 new traces and as many new operations at a time; the next look goes on from there.

        Raises:
            StoreError: the file cannot be read now. Nothing is lost: look again later.
        """
        news = self._store.read(self._look)
        if news is not None:
            return news
        self._traces = self._operations = _State()  # there is no file: all that comes is new
        return News()

    def close(self) -> None:
        """Close the file. A later look opens it again and goes on where the last one ended."""
        self._store.close()

    def _begin_here(self, connection: Connection) -> None:
        self._connection, self._version = connection, number(connection, "PRAGMA data_version")
        self._file = self._identity()
        self._traces, self._operations = _end_of(connection, "traces"), _end_of(connection, "operations")

    def _look(self, connection: Connection) -> News:
        """Changes what is known as its last step only: it is called again where the file was locked meanwhile."""
        version = number(connection, "PRAGMA data_version")
        traces, operations = self._traces, self._operations
        if connection is not self._connection:
            if self._file not in (None, self._identity()):  # another file is there: all in it is new
                traces = operations = _State()
        elif version == self._version and not (traces.more or operations.more):
            return News()
        connection.execute("BEGIN")  # one moment for both tables
        try:
            traces, new_traces = _changes(connection, "traces", traces, summary)
            operations, new_operations = _changes(connection, "operations", operations, operation_summary)
        finally:
            connection.execute("ROLLBACK")
        self._connection, self._version, self._file = connection, version, self._identity()
        self._traces, self._operations = traces, operations
        return News(True, new_traces, new_operations)

    def _identity(self) -> tuple[int, int]:
        status = self._store.path.stat()
        return status.st_dev, status.st_ino


def _end_of(connection: Connection, table: str) -> _State:
    return _State(_last_key(connection, table), _keys(connection, _RUNNING[table]))


def _changes(
    connection: Connection, table: str, state: _State, record: Callable[[Any], Record]
) -> tuple[_State, tuple[Change[Record], ...]]:
    """What is new in a table, and then what ended, with what is known of it afterwards."""
    select = f"SELECT {_COLUMNS[table]} FROM {table}"  # noqa: S608 - both are written above
    # where what came last was deleted, its keys are given out again
    seen = min(state.seen, _last_key(connection, table))
    rows = connection.execute(f"{select} WHERE key > ? ORDER BY key LIMIT ?", (seen, _AT_ONCE)).fetchall()
    running = _keys(connection, _RUNNING[table])
    ended = sorted(state.running - running)
    for start in range(0, len(ended), _ASKED):
        keys = ended[start : start + _ASKED]
        rows += connection.execute(f"{select} WHERE key IN ({', '.join('?' * len(keys))}) ORDER BY key", keys)
    changes = [Change(record(row), row["key"] > seen, row["key"] not in running) for row in rows]
    seen = max(seen, max((row["key"] for row in rows), default=0))
    known = frozenset(key for key in running if key <= seen)
    return _State(seen, known, sum(change.began for change in changes) == _AT_ONCE), tuple(sorted(changes, key=_order))


def _order(change: Change[Any]) -> tuple[bool, int]:
    """A batch is not written in the order of time: what began and ended in it comes as it ended."""
    record = change.record
    return (False, record.start_ns) if change.began else (True, record.end_ns or 0)


def _last_key(connection: Connection, table: str) -> int:
    return number(connection, f"SELECT coalesce(max(key), 0) FROM {table}")  # noqa: S608 - the table is written above


def _keys(connection: Connection, query: str) -> frozenset[int]:
    return frozenset(key for (key,) in connection.execute(query))
