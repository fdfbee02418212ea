"""An SQLite file of this package: created lazily and privately, shared by processes, never used by a forked child.

Shared by the local store and the spool. A file is created at its first use, never at import or construction, and only
its owner may read it. Opening it upgrades its schema; a file of another application is refused. Several processes may
use one file at once: readers never wait for writers (write-ahead log), and writers wait for each other.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from weakref import WeakSet

from voltagent.core import clock
from voltagent.core.deadline import ends_by
from voltagent.core.guard import log_once
from voltagent.core.process.descriptors import identity_of
from voltagent.core.process.thread_marks import is_held_here, run_alone, run_under
from voltagent.storage.file.descriptors import OpenFile, OpenFiles
from voltagent.storage.file.errors import (
    VALUE_ERRORS,
    MissingFileError,
    error_of,
    is_busy,
    is_forbidden,
    is_undecodable,
)
from voltagent.storage.file.paths import has_log, log_of, make_file
from voltagent.storage.file.schema import Schema, make_log, open_log
from voltagent.storage.file.upgrade import convert, prepare

T = TypeVar("T")

PATIENCE: Final = 5.0  # seconds to wait for other processes if the caller names no deadline
_LOCK_WAIT: Final = 0.2  # seconds that SQLite waits at a time; a fork may have to wait as long
_FORK_WAIT: Final = 1.0  # seconds that a fork waits for a batch that is being written
_left_alone: Final[list[sqlite3.Connection]] = []  # keeps a child from closing inherited connections
_open: Final = OpenFiles()


class File:
    """One SQLite file. Methods may be called from any thread."""

    connection: sqlite3.Connection | None = None  # these two for `__del__` of an object that was never completed
    _owner: object | None = None  # stands for this file with a connection, also if an interrupt keeps it from that one

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = path.absolute()
        self.schema = schema
        self._name = str(self.path)
        # here, as it may import a module: not at a moment when a fork could interrupt it
        self._uri = self.path.as_uri()
        self._lock = threading.RLock()  # around every use of the connection
        self._file: tuple[int, int] | None = None  # the open file: device and inode
        self._log: tuple[int, int] | None = None  # the open write-ahead log: device and inode
        self._open_file: OpenFile | None = None  # what all connections of this process to it have open
        self._was_lost = False  # its descriptors were closed; not logged yet
        self._process = 0  # the process that opened it
        self._pause = threading.Event()  # never set; only to wait on
        _files.add(self)

    def use(self, action: Callable[[sqlite3.Connection], T], deadline: float | None = None, *, create: bool) -> T:
        """Run ``action`` with the connection, waiting for other processes until the deadline (default: 5 seconds).

        That may be a :class:`voltagent.core.deadline.Deadline`, which another thread brings forward.

        Raises:
            StoreError: the file cannot be used now; a transaction of ``action`` was rolled back.
        """
        until = clock.monotonic() + PATIENCE if deadline is None else deadline
        if self._was_lost:  # here, because the handlers of the program may do anything
            self._was_lost = False
            log_once(f"lost:{self._name}", logging.WARNING, _LOST, self.schema.what, self._name)
        attempt = partial(self._attempt, action, create, until)
        while (found := run_under(self._lock, attempt)) is None:
            self._pause.wait(0.005)  # outside the lock, so that a waiting fork gets it first
        return found[0]

    def _attempt(self, action: Callable[[sqlite3.Connection], T], create: bool, until: float) -> tuple[T] | None:
        """Run ``action`` once and return its result; ``None`` if it is to be tried again. Under the lock."""
        try:
            return (action(self._opened(create)),)
        except VALUE_ERRORS:
            raise
        except sqlite3.Error as exc:
            if is_undecodable(exc) and self.connection is not None:
                self._read_leniently(self.connection)
            elif not is_busy(exc) or clock.monotonic() >= ends_by(until):
                self._let_go()
                raise error_of(exc, self.schema.what, self.path) from exc
        except OSError as exc:
            raise error_of(exc, self.schema.what, self.path) from exc
        return None

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        run_under(self._lock, self._let_go)

    def __del__(self, drop: Callable[[object], None] = _open.drop) -> None:
        self._let_go(close=drop)

    def _opened(self, create: bool) -> sqlite3.Connection:
        """Return the connection; reopen it if the file was deleted or replaced, or was opened by another process."""
        if self.connection is not None and not self._is_current():
            self._let_go()
            self._delete_stale_log()
        if self.connection is None:
            self._let_go()  # of a connection that an interrupt kept from becoming this one
            if create:
                make_file(self.path)
            elif not self.path.exists():
                raise MissingFileError(f"there is no {self.schema.what} at {self.path}")
            self._close_lost()
            self._process, self._owner = os.getpid(), object()
            connection, file = self._connect("mode=rw", writing=create)
            self._file, self._log, self._open_file = file, identity_of(log_of(self.path)), _open.open_file(file)
            self.connection = connection
        return self.connection

    def _is_current(self) -> bool:
        """Return whether the file is the one that this process opened, and its descriptors are those of SQLite."""
        # one function, before every batch: each call counts
        if self._process != os.getpid() or self._open_file is None:
            return False
        try:
            status = os.stat(self._name)  # noqa: PTH116 - a method of a path takes three calls
            if (status.st_dev, status.st_ino) != self._file:
                return False
            for number, known in self._open_file.numbers.items():
                status = os.fstat(number)
                if (status.st_dev, status.st_ino) != known:
                    return False
        except OSError:
            return False
        return True

    def _close_lost(self) -> None:
        """Close all connections of this process to the file, if the program has closed their descriptors."""
        file = identity_of(self._name)
        lost = _open.lost(file)
        if lost is None or file is None:
            return
        for other in tuple(_files):
            if other is not self:
                other.let_go_of(lost)
        _open.close_lost(file)
        self._was_lost = True

    def let_go_of(self, lost: OpenFile) -> None:
        """Close the connection if it may be one of these, unless a thread uses it now."""
        if self._open_file is lost or self.connection is None:
            run_alone(self._lock, self._let_go, seconds=0)

    def _delete_stale_log(self) -> None:
        """Delete the log of a replaced file, which SQLite would otherwise apply to the new one."""
        log = log_of(self.path)
        if self._log is not None and self._file != identity_of(self.path) and self._log == identity_of(log):
            log.unlink(missing_ok=True)

    def _connect(self, mode: str, *, writing: bool) -> tuple[sqlite3.Connection, tuple[int, int]]:
        """Open and prepare a connection; return it, with device and inode of the file.

        ``mode`` is the query of SQLite's file URI, such as ``mode=ro``.
        """
        try:
            connection, file = _open.connect(self._name, self._owner, lambda: _connected(f"{self._uri}?{mode}"))
            try:
                prepare(connection, self.path, self.schema, lambda: self._make_log(connection, file))
                if not writing:  # a writer converts between its batches
                    convert(connection, self.schema)
            except BaseException:
                _open.close(self._owner)
                raise
        except sqlite3.OperationalError as exc:
            if writing or mode == "immutable=1" or not is_forbidden(exc) or has_log(self.path):
                raise
            return self._connect("immutable=1", writing=False)  # in a folder that this process may not write to
        return connection, file

    def _make_log(self, connection: sqlite3.Connection, file: tuple[int, int]) -> None:
        _open.make_log(self._name, file, lambda: make_log(connection, self.schema))

    def _read_leniently(self, connection: sqlite3.Connection) -> None:
        """Replace invalid UTF-8, so that one bad string does not hide the rest. On demand only, as it is slow."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.text_factory = _lenient

    def _let_go(
        self,
        process_id: Callable[[], int] = os.getpid,
        left_alone: list[sqlite3.Connection] = _left_alone,
        close: Callable[[object], None] = _open.close,
    ) -> None:
        """Close the connection, unless it belongs to the parent of this process."""
        # defaults keep the names alive for `__del__`: at interpreter exit the module's globals are None
        if self._owner is None:
            return
        connection, self.connection = self.connection, None
        if self._process == process_id():
            close(self._owner)
        elif connection is not None:
            # SQLite's locks and shared memory belong to the parent: even closing is forbidden after a fork
            # (https://www.sqlite.org/howtocorrupt.html, section 2.6).
            left_alone.append(connection)
        self._owner = None  # last: an interrupt before lets it be closed twice, which does nothing

    def before_fork(self) -> bool:
        """Wait for the current batch to finish and close the file, so that no child inherits it open.

        Returns whether it is held for that. If not, after a second, or if what forks is a function that runs within the
        batch, the child must leave the connection alone.
        """
        held = not is_held_here(self._lock) and self._lock.acquire(timeout=_FORK_WAIT)
        if held:
            self._let_go()
        return held

    def after_fork(self, held: bool) -> None:
        """Resume in the parent or the child."""
        if held:
            self._lock.release()
        elif self._process != os.getpid():
            self._lock = threading.RLock()
            self._let_go()


def _connected(uri: str) -> sqlite3.Connection:
    """Open a connection, and all files that SQLite opens for it."""
    connection = sqlite3.connect(uri, timeout=_LOCK_WAIT, uri=True, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        open_log(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "replace")


_LOST: Final = "the program closed descriptors of the %s %s that it did not open; the file was opened again"

_files: WeakSet[File] = WeakSet()


class _Held(threading.local):
    """The files that the forking thread has locked; two threads may fork at the same time."""

    files: tuple[tuple[File, bool], ...] = ()


_held = _Held()


def _before_fork() -> None:
    _held.files = tuple((file, file.before_fork()) for file in _files)


def _after_fork() -> None:
    for file, held in _held.files:
        file.after_fork(held)
    _held.files = ()


def _after_fork_in_child() -> None:
    _left_alone.extend(_open.forget())
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
