"""Delete chosen traces, and return the space to the file system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from voltagent.storage.file import Connection, in_transaction, number, pages
from voltagent.storage.traces.store import Store

_CHUNK: Final = 50  # traces per transaction: other programs write between two of them
_STEP: Final = 2_000  # pages to free at a time: about 8 MB


@dataclass(frozen=True, slots=True)
class Pruned:
    """The number of deleted rows, and the size of the store on disk before and after, in bytes."""

    traces: int
    operations: int
    before: int
    after: int


def prune(
    store: Store, traces: Sequence[str], *, max_bytes: int | None = None, orphans: bool = False, dry_run: bool = False
) -> Pruned:
    """Delete traces by id, in this order, and free the unused space.

    Args:
        max_bytes: stop as soon as the data is no larger than this.
        orphans: also delete operations whose trace is missing.
        dry_run: delete nothing; report what would be deleted.
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
    """Delete, measure, and roll back, to report what would be done."""
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
    """Delete traces, in their order, until the data fits; return the numbers of traces and operations."""
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
    """Free some pages; return whether more remain."""
    free = number(connection, "PRAGMA freelist_count")
    if free:
        connection.executescript(f"PRAGMA incremental_vacuum({_STEP})")  # a script: `execute` would free one page only
    return 0 < number(connection, "PRAGMA freelist_count") < free


def _data(connection: Connection) -> int:
    page_size, count, free = pages(connection)
    return (count - free) * page_size


def _on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, Path(f"{path}-wal")) if file.exists())
