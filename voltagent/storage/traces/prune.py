"""Deleting traces by choice, and giving the space back to the file system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from voltagent.storage.file import Connection, in_transaction, number, pages
from voltagent.storage.traces.store import Store

_CHUNK: Final = 50  # traces deleted in one transaction: other programs write between two of them
_STEP: Final = 2_000  # pages given back at once: about 8 MB


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted, and the bytes that the store took on the disk before and after it."""

    traces: int
    operations: int
    before: int
    after: int


def prune(
    store: Store, traces: Sequence[str], *, max_bytes: int | None = None, orphans: bool = False, dry_run: bool = False
) -> Pruned:
    """Delete traces by their ids, in this order, and give back what is free.

    Args:
        max_bytes: stop as soon as the data is no larger than this.
        orphans: delete operations whose trace is not there, too.
        dry_run: delete nothing, and say what would have been deleted.
    """
    if dry_run:
        return store.file.use(lambda connection: _tried(connection, traces, max_bytes, orphans), create=False)
    before = _on_disk(store.path)
    gone = operations = 0
    for start in range(0, len(traces), _CHUNK):
        some = traces[start : start + _CHUNK]
        deleted = store.file.use(partial(_delete, some, max_bytes), create=False)
        gone, operations = gone + deleted[0], operations + deleted[1]
    if orphans:
        operations += store.file.use(lambda connection: in_transaction(connection, _delete_orphans), create=False)
    while store.file.use(_gives_back, create=False):
        pass
    store.file.use(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall(), create=False)
    return Pruned(gone, operations, before, _on_disk(store.path))


def _tried(connection: Connection, traces: Sequence[str], max_bytes: int | None, orphans: bool) -> Pruned:
    """Delete, measure, and take it back: the report is what would be done."""
    before = _data(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        gone, operations = _deleted(connection, traces, max_bytes)
        operations += _delete_orphans(connection) if orphans else 0
        return Pruned(gone, operations, before, _data(connection))
    finally:
        connection.execute("ROLLBACK")


def _delete(traces: Sequence[str], max_bytes: int | None, connection: Connection) -> tuple[int, int]:
    return in_transaction(connection, lambda inside: _deleted(inside, traces, max_bytes))


def _deleted(connection: Connection, traces: Sequence[str], max_bytes: int | None) -> tuple[int, int]:
    gone = operations = 0
    for trace_id in traces:
        if max_bytes is not None and _data(connection) <= max_bytes:
            break
        operations += connection.execute("DELETE FROM operations WHERE trace_id = ?", (trace_id,)).rowcount
        gone += connection.execute("DELETE FROM traces WHERE id = ?", (trace_id,)).rowcount
    return gone, operations


def _delete_orphans(connection: Connection) -> int:
    for table in ("calls", "totals", "labels", "scores"):
        connection.execute(f"DELETE FROM {table} WHERE trace_id NOT IN (SELECT id FROM traces)")  # noqa: S608 - named above
    return connection.execute("DELETE FROM operations WHERE trace_id NOT IN (SELECT id FROM traces)").rowcount


def _gives_back(connection: Connection) -> bool:
    """Give some free pages back; whether there is more to give."""
    free = number(connection, "PRAGMA freelist_count")
    if free:
        connection.executescript(f"PRAGMA incremental_vacuum({_STEP})")  # a script: `execute` would take one page
    return 0 < number(connection, "PRAGMA freelist_count") < free


def _data(connection: Connection) -> int:
    page_size, count, free = pages(connection)
    return (count - free) * page_size


def _on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, Path(f"{path}-wal")) if file.exists())
