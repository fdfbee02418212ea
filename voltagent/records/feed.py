"""News from a store since the last look, for the live page and ``voltagent tail``.

Other processes write the store's file, so it has to be polled. A look costs next to nothing while there is no news
(``PRAGMA data_version``), and otherwise in proportion to the news, however large the store is.
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

AT_ONCE: Final = 5_000  # records per look; the next look continues after them
_KEYS_AT_ONCE: Final = 500  # keys in one query

_RUNNING: Final[Mapping[str, str]] = {  # keys of running rows, from small indices that hold little else
    "traces": "SELECT key FROM traces INDEXED BY traces_status WHERE status <> 'completed' AND status = 'running'",
    "operations": "SELECT key FROM operations INDEXED BY operations_running WHERE status = 'running'",
}
_COLUMNS: Final[Mapping[str, str]] = {"traces": f"key, {SUMMARY}", "operations": OPERATION_SUMMARY}


@dataclass(frozen=True, slots=True)
class Change(Generic[Record]):
    """A trace or operation that is new or has ended.

    ``began`` and ``ended`` are both true if it began and ended between two looks, and for a custom event, which has no
    duration. An ended record has failed if ``record.status`` is ``"error"``; the status may also be ``"cancelled"``.
    """

    record: Record  # its current state, without payloads
    began: bool  # this feed has not reported it before
    ended: bool  # it was running at the last look, or is new, and is not running now


@dataclass(frozen=True, slots=True)
class News:
    """The result of one look: new records in the order in which they began, then ended ones in the order of their ends.

    A trace may follow its first operations, and an operation its children, if other processes wrote them.
    """

    # whether another process wrote since the last look, perhaps only changes that are not reported (see Feed)
    changed: bool = False
    traces: Sequence[Change[TraceSummary]] = ()
    operations: Sequence[Change[OperationSummary]] = ()

    @property
    def trace_ids(self) -> list[str]:
        """The ids of all traces concerned, without repetition."""
        ids = [change.record.id for change in self.traces]
        return list(dict.fromkeys([*ids, *(change.record.trace_id for change in self.operations)]))


class _State(NamedTuple):
    """The known state of one table."""

    seen: int = 0  # keys up to this one have been reported
    running: frozenset[int] = frozenset()  # those that were running
    more: bool = False  # whether the last look left some


class Feed:
    """Reports news from a store, one look at a time. For use by one thread.

    Args:
        path: the store's file. It may not exist yet, and may be deleted and created again.
        past: whether the first look reports all that is stored (default: only what begins from now on, and the ends of
            what is running now).

    It reports traces and operations that begin or end. Other changes, such as metadata added to a running operation or
    tags added to an ended one, only make ``News.changed`` true.

    It has its own connection, because SQLite notifies a connection of changes by other connections only.

    Raises:
        StoreError: the file cannot be read.
    """

    def __init__(self, path: Path, *, past: bool = False) -> None:
        self._store = Store(path, missing_is_empty=True)
        self._connection: Connection | None = None  # the connection whose data version is watched
        self._version = 0
        self._file: tuple[int, int] | None = None
        self._traces = self._operations = _State()
        if not past:
            self._store.read(self._begin_here)

    def look(self) -> News:
        """Return the news since the last look, or since this feed was created.

        At most 5 000 new traces and as many new operations at a time; the next look continues after them.

        Raises:
            StoreError: the file cannot be read now. Nothing is lost: look again later.
        """
        news = self._store.read(self._look)
        if news is not None:
            return news
        self._traces = self._operations = _State()  # no file exists: everything that comes is new
        return News()

    def close(self) -> None:
        """Close the file. A later look opens it again and continues where the last one ended."""
        self._store.close()

    def _begin_here(self, connection: Connection) -> None:
        self._connection, self._version = connection, number(connection, "PRAGMA data_version")
        self._file = self._identity()
        self._traces, self._operations = _end_of(connection, "traces"), _end_of(connection, "operations")

    def _look(self, connection: Connection) -> News:
        """Change the known state only as the last step, because this is repeated if the file was locked meanwhile."""
        version = number(connection, "PRAGMA data_version")
        traces, operations = self._traces, self._operations
        if connection is not self._connection:
            if self._file not in (None, self._identity()):  # another file: everything in it is new
                traces = operations = _State()
        elif version == self._version and not (traces.more or operations.more):
            return News()
        connection.execute("BEGIN")  # one snapshot for both tables
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
    """Return the new rows of a table, then the ended ones, and the state known afterwards."""
    select = f"SELECT {_COLUMNS[table]} FROM {table}"  # noqa: S608 - both are written above
    # SQLite reuses the keys of the last rows if they were deleted
    seen = min(state.seen, _last_key(connection, table))
    rows = connection.execute(f"{select} WHERE key > ? ORDER BY key LIMIT ?", (seen, AT_ONCE)).fetchall()
    running = _keys(connection, _RUNNING[table])
    ended = sorted(state.running - running)
    for start in range(0, len(ended), _KEYS_AT_ONCE):
        keys = ended[start : start + _KEYS_AT_ONCE]
        rows += connection.execute(f"{select} WHERE key IN ({', '.join('?' * len(keys))}) ORDER BY key", keys)
    changes = [Change(record(row), row["key"] > seen, row["key"] not in running) for row in rows]
    seen = max(seen, max((row["key"] for row in rows), default=0))
    known = frozenset(key for key in running if key <= seen)
    return _State(seen, known, sum(change.began for change in changes) == AT_ONCE), tuple(sorted(changes, key=_order))


def _order(change: Change[Any]) -> tuple[bool, int]:
    """Order a batch by time, as it is not written so: rows that began and ended in it come in order of their ends."""
    record = change.record
    return (False, record.start_ns) if change.began else (True, record.end_ns or 0)


def _last_key(connection: Connection, table: str) -> int:
    return number(connection, f"SELECT coalesce(max(key), 0) FROM {table}")  # noqa: S608 - the table is written above


def _keys(connection: Connection, query: str) -> frozenset[int]:
    return frozenset(key for (key,) in connection.execute(query))
