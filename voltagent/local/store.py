"""The local store: traces and operations in an SQLite file. The one door to sqlite3.

Several processes may write and read one file at once. A writer holds the file's write lock for one batch at a time, and
readers never wait for writers (write-ahead log). Files are made for their owner only. The file is opened at the first
use, never at import or construction.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakSet

from voltagent import _clock
from voltagent._span import Event
from voltagent.errors import VoltAgentError
from voltagent.local.migrations import APPLICATION_ID, MIGRATIONS
from voltagent.local.records import (
    OPERATIONS_QUERY,
    TRACE_QUERY,
    Filter,
    StoredOperation,
    StoredTrace,
    TraceSummary,
    stored_operation,
    stored_trace,
    summary,
)
from voltagent.local.writing import Row, Statement, plan

__all__ = ["Filter", "Store", "StoreError", "StoredOperation", "StoredTrace", "TraceSummary"]

T = TypeVar("T")

_PATIENCE: Final = 5.0  # seconds to wait for other processes where the caller names no deadline
_LOCK_WAIT: Final = 0.2  # seconds that SQLite waits at a time: a fork may have to wait as long
_FORK_WAIT: Final = 1.0  # seconds that a fork waits for a batch that is being written
_PRUNED_ROWS: Final = 5_000  # operations deleted per batch at most, so that one batch never takes long
_SHRINK_PAGES: Final = 1_000  # pages given back to the file system per batch at most: about 4 MB
_WAL_BYTES: Final = 16 * 2**20  # what is kept of the write-ahead log's file after a burst

# What an event can be wrong about. Everything else is wrong with the file or with us.
_VALUE_FAULTS: Final = (
    ValueError, OverflowError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError,
)  # fmt: skip
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class StoreError(VoltAgentError):
    """The store could not be read or written; the text says why and names the file.

    ``temporary`` says whether it may work later: another process holds the lock, or the disk is full.
    """

    def __init__(self, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary


class Store:
    """Traces and operations in one file.

    Args:
        path: the SQLite file; it and its folder are made when the first event is written.
        max_traces: how many traces to keep (default 10 000). Those that came first go first.
        max_bytes: how large the data may grow (default 1 GiB).

    Methods may be called from any thread. Reading and writing raise :class:`StoreError` where the file cannot be used.
    """

    def __init__(self, path: Path, *, max_traces: int = 10_000, max_bytes: int = 2**30) -> None:
        self._connection: sqlite3.Connection | None = None
        self.path = path.absolute()
        self._uri = self.path.as_uri()  # here, because it may import: not where a fork could come in between
        self.max_traces = max_traces
        self.max_bytes = max_bytes
        self._lock = threading.Lock()  # around every use of the connection
        self._file: tuple[int, int] | None = None  # which file is open: device and number
        self._log: tuple[int, int] | None = None  # and which write-ahead log
        self._process = 0  # and in which process
        self._pause = threading.Event()  # never set: something to wait on
        _stores.add(self)

    # -------------------------------------------------------------------------------------------------------- writing

    def append(self, events: Sequence[Event], deadline: float | None = None) -> dict[int, str]:
        """Write events in one transaction. An event that comes twice leaves what it left the first time.

        Returns the events that cannot be stored, as ``{place in events: reason}``; all others are stored.
        ``deadline`` is on :func:`voltagent._clock.monotonic` (default: in 5 seconds).

        Raises:
            StoreError: the file cannot be used now. Nothing may have been written; append the same events again.
        """
        try:
            self._append(plan(events), deadline)
        except _VALUE_FAULTS:
            return self._append_one_by_one(events, deadline)
        return {}

    def _append(self, statements: Sequence[Statement], deadline: float | None) -> None:
        self._use(lambda connection: self._write(connection, statements), deadline, create=True)

    def _append_one_by_one(self, events: Sequence[Event], deadline: float | None) -> dict[int, str]:
        refused: dict[int, str] = {}
        for place, event in enumerate(events):
            try:
                self._append([_cleaned(statement) for statement in plan([event])], deadline)
            except _VALUE_FAULTS as fault:  # noqa: PERF203 - one event must not cost the others
                refused[place] = f"{type(fault).__name__}: {fault}"
        return refused

    def _write(self, connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.executemany(statement.sql, statement.rows)
            self._prune(connection)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        self._shrink(connection)

    # ------------------------------------------------------------------------------------------------------ retention

    def _prune(self, connection: sqlite3.Connection) -> None:
        """Delete the traces that came first, while there are too many or they are too large."""
        budget = _PRUNED_ROWS
        surplus = self._surplus(connection)
        while budget > 0 and (surplus > 0 or self._is_too_large(connection)):
            deleted = _delete_oldest(connection, budget)
            if not deleted:
                break
            budget -= deleted
            surplus -= 1

    def _shrink(self, connection: sqlite3.Connection) -> None:
        """Give free pages back to the file system, where the file is larger than it may be."""
        page_size, pages, free = _pages(connection)
        if free and pages * page_size > self.max_bytes:
            # a script, because `execute` would take one step: one page
            connection.executescript(f"PRAGMA incremental_vacuum({_SHRINK_PAGES})")

    def _surplus(self, connection: sqlite3.Connection) -> int:
        # Keys are given out in order, so their range bounds the count from above without counting.
        (span,) = connection.execute("SELECT (SELECT max(key) FROM traces) - (SELECT min(key) FROM traces)").fetchone()
        if span is None or span < self.max_traces:
            return 0
        return _number(connection, "SELECT count(*) FROM traces") - self.max_traces

    def _is_too_large(self, connection: sqlite3.Connection) -> bool:
        page_size, pages, free = _pages(connection)
        return (pages - free) * page_size > self.max_bytes

    # -------------------------------------------------------------------------------------------------------- reading

    def traces(self, matching: Filter | None = None, limit: int = 50) -> list[TraceSummary]:
        """Traces that match, the newest first; the next page is ``Filter(..., before=the last one's id)``."""
        query, values = (matching or Filter()).query(limit)
        return [summary(row) for row in self._rows(query, values)]

    def trace(self, id: str) -> StoredTrace | None:
        """The trace with this id, or with an id that begins so; ``None`` where there is none.

        Raises:
            StoreError: several ids begin so.
        """
        found = self._rows("SELECT id FROM traces WHERE id = ?", (id,)) or self._rows(
            "SELECT id FROM traces WHERE id >= ? AND id < ? ORDER BY id LIMIT 3", (id, id + chr(0x10FFFF))
        )
        if len(found) > 1:
            raise StoreError(f"several traces begin with {id!r}: {', '.join(row[0] for row in found)}")
        rows = self._rows(TRACE_QUERY, found[0]) if found else []
        return stored_trace(rows[0]) if rows else None

    def operations(self, trace_id: str) -> list[StoredOperation]:
        """The operations of a trace, in the order in which they began."""
        return [stored_operation(row) for row in self._rows(OPERATIONS_QUERY, (trace_id,))]

    def extent(self) -> tuple[int, int]:
        """How many traces there are, and the number of the file's schema."""
        return self._use(
            lambda connection: (
                _number(connection, "SELECT count(*) FROM traces"),
                _number(connection, "PRAGMA user_version"),
            ),
            None,
            create=False,
        )

    def _rows(self, query: str, values: Sequence[Any] | dict[str, Any]) -> list[Row]:
        return self._use(lambda connection: connection.execute(query, values).fetchall(), None, create=False)

    # ------------------------------------------------------------------------------------------------- the connection

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            self._let_go()

    def __del__(self) -> None:
        if self._connection is not None:
            self._let_go()

    def _use(self, action: Callable[[sqlite3.Connection], T], deadline: float | None, *, create: bool) -> T:
        """Do something with the connection, waiting for other processes until the deadline."""
        until = _clock.monotonic() + _PATIENCE if deadline is None else deadline
        while True:
            with self._lock:
                try:
                    return action(self._opened(create))
                except _VALUE_FAULTS:
                    raise
                except sqlite3.Error as fault:
                    if not _is_busy(fault) or _clock.monotonic() >= until:
                        self._let_go()
                        raise self._failed(fault) from fault
                except OSError as fault:
                    raise self._failed(fault) from fault
            self._pause.wait(0.005)  # outside the lock: a fork that waits for it comes first

    def _opened(self, create: bool) -> sqlite3.Connection:
        """The connection, opened again where the file was deleted, replaced, or opened in another process."""
        if self._connection is not None and (self._process != os.getpid() or self._file != _identity(self.path)):
            self._let_go()
            self._delete_stale_log()
        if self._connection is None:
            if create:
                _make_file(self.path)
            elif not self.path.exists():
                raise StoreError(f"there is no store at {self.path}")
            self._connection = self._connect("mode=rw", writing=create)
            self._file, self._log, self._process = _identity(self.path), _identity(_log(self.path)), os.getpid()
        return self._connection

    def _delete_stale_log(self) -> None:
        """Delete the log of a file that was replaced: SQLite would play it into the new one."""
        if self._log is not None and self._file != _identity(self.path) and self._log == _identity(_log(self.path)):
            _log(self.path).unlink(missing_ok=True)

    def _connect(self, mode: str, *, writing: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._uri}?{mode}", timeout=_LOCK_WAIT, uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except sqlite3.OperationalError as fault:
            connection.close()
            if writing or mode == "immutable=1" or not _is_forbidden(fault) or _has_log(self.path):
                raise
            return self._connect("immutable=1", writing=False)  # in a folder that we may not write to
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Check that the file is ours, and bring it to the newest schema."""
        version = _number(connection, "PRAGMA user_version")
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{self.path} was written by a newer voltagent (schema {version}, this one knows {len(MIGRATIONS)}): "
                "upgrade voltagent, or name another file"
            )
        if _number(connection, "PRAGMA application_id") != APPLICATION_ID and _number(
            connection, "SELECT count(*) FROM sqlite_master"
        ):
            raise StoreError(f"{self.path} is an SQLite database, but not one of voltagent's: name another file")
        if version < len(MIGRATIONS):
            _migrate(connection)
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last batches, never the file
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")

    def _failed(self, fault: sqlite3.Error | OSError) -> StoreError:
        text = fault.strerror if isinstance(fault, OSError) else str(fault)
        if isinstance(fault, OSError):
            temporary = fault.errno in (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM)
        else:
            temporary = _is_busy(fault) or "full" in str(fault) or "disk I/O" in str(fault)
        return StoreError(f"the store {self.path} cannot be used: {text}", temporary=temporary)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._process == os.getpid():
            connection.close()
        else:
            # SQLite's locks and shared memory are the parent's: even closing is forbidden after a fork
            # (https://www.sqlite.org/howtocorrupt.html, section 2.6).
            _left_alone.append(connection)

    # ---------------------------------------------------------------------------------------------------------- forks

    def before_fork(self) -> bool:
        """Let the batch that is being written come to its end and close the file, so that no child inherits it open.

        Returns whether the lock is held now. Not within a second means that the child leaves the connection alone.
        """
        held = self._lock.acquire(timeout=_FORK_WAIT)
        if held:
            self._let_go()
        return held

    def after_fork(self, held: bool) -> None:
        """In the parent and the child: go on."""
        if held:
            self._lock.release()
        elif self._process != os.getpid():
            self._lock = threading.Lock()
            self._let_go()


# ------------------------------------------------------------------------------------------------------------ pieces


def _make_file(path: Path) -> None:
    """Make the file readable by its owner only, from its first moment on; SQLite gives its log files the same mode."""
    if path.exists():
        return
    _make_folder(path.parent)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass  # another process was quicker


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _log(path: Path) -> Path:
    return Path(f"{path}-wal")


def _has_log(path: Path) -> bool:
    return _log(path).exists() and _log(path).stat().st_size > 0


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only counts before the first table is made
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    try:
        # asked again under the lock: another process may have done it meanwhile
        for statements in MIGRATIONS[_number(connection, "PRAGMA user_version") :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # some faults have rolled back already
        connection.execute("ROLLBACK")


def _delete_oldest(connection: sqlite3.Connection, budget: int) -> int:
    """Delete the trace that came first, or as many of its operations as ``budget`` allows; how many rows went."""
    oldest = connection.execute("SELECT key, id FROM traces ORDER BY key LIMIT 1").fetchone()
    if oldest is None:
        return 0
    deleted = connection.execute(
        "DELETE FROM operations WHERE key IN (SELECT key FROM operations WHERE trace_id = ? LIMIT ?)",
        (oldest[1], budget),
    ).rowcount
    if deleted < budget:
        deleted += connection.execute("DELETE FROM traces WHERE key = ?", (oldest[0],)).rowcount
    return deleted


def _pages(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """The size of a page, how many the file has, and how many of them are free."""
    return (
        _number(connection, "PRAGMA page_size"),
        _number(connection, "PRAGMA page_count"),
        _number(connection, "PRAGMA freelist_count"),
    )


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _is_busy(fault: sqlite3.Error) -> bool:
    return isinstance(fault, sqlite3.OperationalError) and ("locked" in str(fault) or "busy" in str(fault))


def _is_forbidden(fault: sqlite3.OperationalError) -> bool:
    return "unable to open" in str(fault) or "readonly" in str(fault)


def _cleaned(statement: Statement) -> Statement:
    """The same with every half of a surrogate pair, which UTF-8 cannot spell, replaced by U+FFFD."""
    return Statement(
        statement.sql,
        [
            tuple(_SURROGATES.sub("\ufffd", value) if isinstance(value, str) else value for value in row)
            for row in statement.rows
        ],
    )


# ------------------------------------------------------------------------------------------------- around every fork

_stores: WeakSet[Store] = WeakSet()
_left_alone: list[sqlite3.Connection] = []  # keeps a child from closing what it inherited


class _Held(threading.local):
    """The stores whose locks the forking thread asked for: two threads may fork at the same time."""

    stores: tuple[tuple[Store, bool], ...] = ()


_held = _Held()


def _before_fork() -> None:
    _held.stores = tuple((store, store.before_fork()) for store in _stores)


def _after_fork() -> None:
    for store, held in _held.stores:
        store.after_fork(held)
    _held.stores = ()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
