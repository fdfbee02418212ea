"""One file of the spool, owned by the process that writes or empties it.

Every event is a row with a checksum, so a damaged row is recognised. If the file itself is damaged, its unread events
are lost. Their number is kept in the lock file, because a truncated log looks as if it had ended there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from voltagent.core import clock
from voltagent.storage.file import (
    VALUE_ERRORS,
    Connection,
    File,
    StoreError,
    in_transaction,
    make_folder,
    number,
    pages,
)
from voltagent.storage.file_lock import FileLock
from voltagent.storage.spool import rows
from voltagent.storage.spool.destination import Destination

T = TypeVar("T")

_LAST: Final = 1 << 62  # behind all events
_LOG: Final = 2**20  # bytes; a longer log is truncated, as many processes may have one


class EventPosition(NamedTuple):
    """The position of an event."""

    file: SpoolFile
    seq: int


class StoredEvent(NamedTuple):
    """An event read back; ``body`` is ``None`` if it is damaged."""

    place: EventPosition
    trace: bytes
    body: bytes | None


class SpoolFile:
    """One file, locked by this process."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._log_path = f"{path}-wal"
        self.lock = lock
        self.unread = 0  # events in it that are not in memory, as far as known
        self.read_to = 0  # sequence number of the last event read
        self._next = 1
        self._memories: dict[bytes, bytes] = {}
        self.damaged = False
        self.log_limit = _LOG  # bytes
        self.lost = 0  # events that are missing; 1 if their number is unknown
        self._held = 0
        self._file = File(path, rows.SCHEMA)

    @classmethod
    def make(cls, path: Path, destination: Destination) -> SpoolFile:
        """Create a file for this process."""
        try:
            make_folder(path.parent)
            # before the file exists, or another process could lock it; twice, as another may have just deleted the lock
            # file
            lock = FileLock.acquire(path) or FileLock.acquire(path)
        except OSError as exc:
            raise StoreError(f"the spool {path} cannot be used: {exc.strerror}") from exc
        if lock is None:
            path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
            raise StoreError(f"the spool {path} cannot be locked: this file system has no locks")
        made = cls(path, lock)
        try:
            made._change(lambda connection: rows.describe(connection, destination))
        except StoreError:
            made.delete()
            raise
        return made

    @classmethod
    def adopt(cls, path: Path) -> SpoolFile | None:
        """Take over the file of a dead process; return ``None`` if its owner lives or another process was faster."""
        try:
            lock = FileLock.acquire(path)
        except OSError:
            return None
        if lock is None:
            return None
        file = cls(path, lock)
        if not path.exists():  # its process was killed while it created or deleted it
            file.delete()
            return None
        return file

    def next_places(self, number: int) -> list[EventPosition]:
        """Return the positions of as many events to be written."""
        first, self._next = self._next, self._next + number
        return list(map(EventPosition, repeat(self), range(first, self._next)))

    def write(self, first: int, entries: Sequence[rows.Entry]) -> None:
        """Write events at their positions, of which that of the first one begins with this number."""
        self._change(partial(rows.insert, first=first, at_ns=clock.nanoseconds(), entries=entries))
        self._note(len(entries))

    def _note(self, change: int) -> None:
        """Record the number of events: after writing and before deleting, so that it is never too high.

        After an interrupt in between it is too low, and if the file is damaged, fewer events are counted as lost.
        """
        self._held = max(0, self._held + change)
        self.lock.note(self._held)

    def settle(self, seqs: Sequence[int], memories: Mapping[bytes, bytes | None]) -> None:
        """Delete events that need no further attempt, and store what a trace must remember (``None`` forgets it)."""
        new = {trace: memory for trace, memory in memories.items() if memory != self._memories.get(trace)}
        if not seqs and not new:
            return
        self._note(-len(seqs))

        def change(connection: Connection) -> None:
            connection.executemany(rows.DELETE, [(seq,) for seq in seqs])
            for trace, memory in new.items():
                rows.keep_memory(connection, trace, memory)

        try:
            self._change(change)
            self._ask(rows.shrink_if_large)
        except StoreError as exc:
            if not self.damaged and exc.temporary:
                self._note(len(seqs))
                raise
            self.damaged = True
            return
        for trace, memory in new.items():
            if memory is None:
                self._memories.pop(trace, None)
            else:
                self._memories[trace] = memory

    def count(self) -> None:
        """Count the readable events, and the lost ones."""
        noted = self.lock.noted()
        try:
            self.unread = self._ask(lambda connection: number(connection, "SELECT count(*) FROM events"))
        except StoreError as exc:
            if exc.is_lasting:
                self.lost = max(1, noted or 0)
            raise
        self.lost = 0 if noted is None else max(0, noted - self.unread)
        self._held = 0
        self._note(self.unread)

    def _is_empty(self) -> bool:
        return self._ask(lambda connection: connection.execute("SELECT 1 FROM events LIMIT 1").fetchone()) is None

    def read(self, limit: int, max_size: int) -> list[StoredEvent]:
        """Return the next events; none if the file is damaged."""
        try:
            found = self._ask(lambda connection: rows.following(connection, self.read_to, limit, max_size))
        except StoreError as exc:
            if not exc.is_lasting:
                raise
            self.damaged = True
            found = []
        # a damaged tree may yield a row twice or out of order
        return [self._row(*one) for seq, one in sorted({one[0]: one for one in found}.items()) if seq > self.read_to]

    def _row(self, seq: int, trace: Any, check: Any, body: Any) -> StoredEvent:
        sound = rows.is_sound(trace, check, body)
        return StoredEvent(EventPosition(self, seq), trace if sound else b"", body if sound else None)

    def memory(self, trace: bytes) -> bytes | None:
        """Return what is remembered of a trace; ``None`` if that is nothing, or cannot be read."""
        query = "SELECT memory FROM memories WHERE trace = ?"
        try:
            row = self._ask(lambda connection: connection.execute(query, (trace,)).fetchone())
        except StoreError:
            return None
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    # Keeping the files within their bounds must not fail because one of them is damaged.

    def size_with(self, more: int) -> int:
        """Return the size in bytes with ``more`` bytes added: free pages are used before the file grows."""
        try:
            page_size, count, free = self._ask(pages)
        except StoreError:
            return more + (self.path.stat().st_size if self.path.exists() else 0)
        return count * page_size + max(0, more - free * page_size)

    def shrink(self, size: int) -> None:
        """Return that many bytes of free pages to the file system, as far as available, and truncate the log."""
        with suppress(StoreError):
            self._ask(lambda connection: rows.shrink(connection, -(-size // pages(connection)[0])))
        self._empty_log()

    def _empty_log(self) -> None:
        """Write the log back into the file."""
        with suppress(StoreError):
            self._ask(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())

    def roots(self) -> list[bytes]:
        """Return the traces without any sent event, oldest first, as far as they are near the start of the file."""
        query = "SELECT trace FROM events WHERE root IS NOT NULL ORDER BY seq LIMIT 4096"
        try:
            return [row[0] for row in self._ask(lambda connection: connection.execute(query).fetchall())]
        except StoreError:
            return []

    def drop(self, trace: bytes) -> tuple[int, int]:
        """Delete those events of a trace that are not in memory; return how many these are, and the bytes of all."""
        after = self.read_to if self.unread > 0 else _LAST

        def change(connection: Connection) -> tuple[int, int]:
            unread, size = rows.drop_trace(connection, trace, after)
            self._note(-unread)
            return unread, size

        try:
            return self._change(change)
        except StoreError:
            return 0, 0

    def let_go(self) -> None:
        """Close the file and release its lock; delete it if it is empty."""
        try:
            empty = self.unread <= 0 and self._is_empty()
        except StoreError:
            empty = False
        if empty:
            self.delete()
        else:
            self.leave()

    def leave(self) -> None:
        """Close the file and release its lock."""
        self._file.close()
        self.lock.release()

    def delete(self) -> None:
        self._file.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self.lock.release(delete=True)

    def mark_corrupt(self) -> None:
        """Rename an unreadable file, which keeps it for inspection."""
        self._file.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # an interrupt came the last time
            self.path.replace(f"{self.path}.corrupt")
        self.lock.release(delete=True)

    def _ask(self, action: Callable[[Connection], T], *, create: bool = False) -> T:
        try:
            return self._file.use(action, create=create)
        except VALUE_ERRORS as exc:  # a damaged file yields impossible values
            raise StoreError(f"the spool {self.path} cannot be used: {exc}") from exc

    def _change(self, action: Callable[[Connection], T]) -> T:
        changed = self._ask(partial(in_transaction, action=action), create=True)
        if self._log_size() > self.log_limit:
            self._empty_log()
        return changed

    def _log_size(self) -> int:
        try:
            return os.stat(self._log_path).st_size  # noqa: PTH116 - after every change: a method of a path takes nine calls
        except OSError:
            return 0
