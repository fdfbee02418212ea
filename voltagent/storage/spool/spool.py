"""The spool: unsent events on disk, in SQLite files with one owner each.

Every process writes its own file per destination and locks it while it lives. An unlocked file is left over from a dead
process: the first process that locks it sends its events. File names identify the destination, so that no event reaches
another one; keys are never written, only a fingerprint.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from voltagent.core import clock
from voltagent.core.guard import log_once
from voltagent.storage.file import StoreError
from voltagent.storage.file_lock import FileLock
from voltagent.storage.spool.destination import Destination
from voltagent.storage.spool.rows import OVERHEAD, Entry
from voltagent.storage.spool.segment import EventPosition, SpoolFile, StoredEvent

T = TypeVar("T")

MAX_BYTES: Final = 256 * 2**20
TURN_SECONDS: Final = 0.5
_PAGE: Final = 4096
_NAME: Final = re.compile(r"(?P<kind>[a-z]+)-(?P<key>[0-9a-f]{16})-[0-9]+-[0-9a-f]{12}\.db")


class Spool:
    """The files of one destination that this process owns: the one it writes, and those it has taken over.

    Args:
        folder: created for its owner only, unless it exists.
        destination: where the events are to be sent.
        max_bytes: limit for all files in the folder together.

    Not thread-safe. Files are opened lazily. Methods raise :class:`StoreError` if a file cannot be used.
    """

    def __init__(self, folder: Path, destination: Destination, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder.absolute()
        self.destination = destination
        self.max_bytes = max_bytes
        self._own: SpoolFile | None = None
        self.adopted: list[SpoolFile] = []  # those that it has taken over
        self._turn: FileLock | None = None
        self._is_patient = True  # whether to wait long for the process whose turn it is
        self._pause = threading.Event()  # never set; only to wait on

    @property
    def unread_own(self) -> int:
        """Events of this process that are only on disk."""
        return 0 if self._own is None else self._own.unread

    @property
    def unread(self) -> int:
        """Unread events, including those of dead processes."""
        number = 0 if self._own is None else self._own.unread
        for file in self.adopted:
            number += file.unread
        return number

    def next_places(self, number: int) -> list[EventPosition]:
        """Return the positions of as many events to be written."""
        own = self._own = self._own or self._make()
        return own.next_places(number)

    def settle(self, places: Sequence[EventPosition], memories: Mapping[bytes, bytes | None]) -> None:
        """Delete events; store what the exporter must know of their traces (``None`` deletes it)."""
        by_file: dict[SpoolFile, list[int]] = {}
        for file, seq in places:
            by_file.setdefault(file, []).append(seq)
        for file, seqs in by_file.items():
            file.settle(seqs, memories)

    def forget_read(self, places: Iterable[EventPosition]) -> None:
        """Delete the files of dead processes of which all is settled; ``places`` are those of what is not."""
        read = [file for file in self.adopted if file.unread <= 0]
        used = {file for file, _ in places} if read else ()
        for file in read:
            if file not in used:
                (file.mark_corrupt if file.damaged else file.delete)()
                self.adopted.remove(file)

    def restore_folder(self) -> None:
        """Start a new file in a new folder if ours was deleted; this process can still read the old one."""
        if self._own is not None and not self._own.path.exists():
            log_once(
                f"spool:{self.folder}", logging.WARNING, "the spool in %s was deleted; creating it again", self.folder
            )
            self.abandon()

    def abandon(self) -> None:
        """Start a new file because ours cannot be written; what is still readable in it will be read."""
        if self._own is not None:
            self._own.damaged = True
            self.adopted.append(self._own)
            self._own = None

    def _make(self) -> SpoolFile:
        """Create a file with a name of its own: exporter, key of the destination, process and a random number."""
        name = (
            f"{self.destination.kind}-{self.destination.key}-{os.getpid()}-{clock.randomness.getrandbits(48):012x}.db"
        )
        made = SpoolFile.make(self.folder / name, self.destination)
        made.log_limit = min(made.log_limit, self.max_bytes // 64)
        return made

    def leftovers(self) -> list[Path]:
        """Return the files of this destination that are not ours; some of them may have owners."""
        ours = {file.path for file in self._ours()}
        return [path for path in files(self.folder) if _is_for(path, self.destination) and path not in ours]

    def orphans(self) -> Iterator[tuple[SpoolFile | None, int]]:
        """Take over the files of dead processes; yield each that has readable events, and how many it has lost.

        Files that another process (a newer voltagent, another user) or a later attempt may read stay as they are.
        """
        _sweep(self.folder)
        for path in self.leftovers():
            file = SpoolFile.adopt(path)
            if file is None:
                continue
            try:
                file.count()
            except StoreError as exc:
                if not exc.is_lasting:
                    log_once("spool:left alone", logging.WARNING, "%s", exc)
                    file.leave()
                else:
                    file.mark_corrupt()
                    yield None, file.lost
            else:
                if not file.unread:
                    file.delete()
                yield file if file.unread else None, file.lost

    def read(self, limit: int, max_size: int) -> tuple[SpoolFile | None, list[StoredEvent]]:
        """Return the next events that are only on disk, and their file: those of dead processes first, in their order.

        Without events, what was expected in that file is not there.
        """
        for file in self._ours():
            if file.unread > 0:
                return file, file.read(limit, max_size)
        return None, []

    def memory(self, row: StoredEvent) -> bytes | None:
        """Return what the exporter of the dead process that wrote this row knew of its trace."""
        return None if row.place.file is self._own else row.place.file.memory(row.trace)

    def in_turn(self, work: Callable[[], T]) -> T:
        """Do work while other processes do not write, so that the free space is used only once.

        A process that does not finish is not waited for; the limit then assumes that it is still writing. Until this
        process gets its next turn, it hardly waits for others, because exit must not take that long for each batch.
        """
        self._own = self._own or self._make()  # has locks after this, or raises
        try:
            self._wait_for_turn()
            return work()
        finally:
            if self._turn is not None:
                self._turn.release(delete=True)
                self._turn = None

    def _wait_for_turn(self) -> None:
        until = clock.monotonic() + (TURN_SECONDS if self._is_patient else TURN_SECONDS / 10)
        self._turn = _acquire(self.folder)
        while self._turn is None and clock.monotonic() < until:
            self._pause.wait(0.002)
            self._turn = _acquire(self.folder)
        self._is_patient = self._turn is not None

    @property
    def is_alone(self) -> bool:
        """Whether this process has its turn."""
        return self._turn is not None

    def excess(self, entries: Sequence[Entry]) -> int:
        """Return by how many bytes the folder might exceed its limit if these were written."""
        excess = self._expected(entries) - self.max_bytes
        if excess <= 0:
            return excess
        for file in self._ours():
            file.shrink(excess)
        _delete_corrupt(self.folder)
        return self._expected(entries) - self.max_bytes

    def _expected(self, entries: Sequence[Entry]) -> int:
        """Return the possible size of the folder: until the log is truncated, its content is in the database too."""
        ours: dict[str, SpoolFile] = {}
        for file in self._ours():
            ours[file.path.name] = file
        databases = logs = 0
        for name, size in _sizes(self.folder).items():
            if name.endswith("-wal"):
                logs += size
            if name.removesuffix("-wal") not in ours:
                databases += size
        rows = 0
        for entry in entries:
            rows += len(entry.body) + OVERHEAD
        rows = rows * 5 // 4  # for unused space in the pages
        for file in ours.values():
            databases += file.size_with(rows if file is self._own else 0)
        of_others = 0 if self.is_alone else self.max_bytes // 4
        return databases + max(logs + rows + _PAGE * (len(entries) + 1), self.max_bytes // 8) + of_others

    def _ours(self) -> list[SpoolFile]:
        return [file for file in (*self.adopted, self._own) if file is not None]

    def oldest(self) -> Iterator[tuple[bytes, SpoolFile]]:
        """Yield the traces without any sent event, oldest first, each with its file."""
        for file in self._ours():
            for trace in file.roots():
                yield trace, file

    def close(self) -> None:
        """Release all files: the next process sends what is in them."""
        for file in self._ours():
            file.let_go()
        self._own, self.adopted = None, []

    def after_fork(self) -> None:
        """In a forked child: forget the files, which belong to the parent."""
        for file in self._ours():
            file.lock.release()
        if self._turn is not None:
            self._turn.release()
            self._turn = None
        self._own, self.adopted = None, []


def files(folder: Path) -> list[Path]:
    """Return the spool's files, oldest first."""
    try:
        found = [(entry.stat().st_mtime_ns, entry.name) for entry in os.scandir(folder) if _NAME.fullmatch(entry.name)]
    except OSError:
        return []
    return [folder / name for _, name in sorted(found)]


def _is_for(path: Path, destination: Destination) -> bool:
    return path.name.startswith(f"{destination.kind}-{destination.key}-")


def _sweep(folder: Path) -> None:
    """Delete remains of files whose process was killed while it created or deleted them."""
    for lock in folder.glob("*.db.lock"):
        path = lock.with_suffix("")
        if _NAME.fullmatch(path.name) and not path.exists():
            file = SpoolFile.adopt(path)
            if file is not None:
                file.leave()
    if (folder / "turn.lock").exists():
        turn = _acquire(folder)
        if turn is not None:
            turn.release(delete=True)


def _delete_corrupt(folder: Path) -> None:
    """Delete unreadable files to free space."""
    for path in folder.glob("*.corrupt"):
        path.unlink(missing_ok=True)


def _acquire(folder: Path) -> FileLock | None:
    try:
        return FileLock.acquire(folder / "turn")
    except OSError:
        return None  # the folder was deleted, or no file can be created any more


def _sizes(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file of the spool."""
    found: dict[str, int] = {}
    with suppress(OSError):
        for entry in os.scandir(folder):
            try:
                found[entry.name] = entry.stat().st_size
            except OSError:  # noqa: PERF203 - it was deleted meanwhile
                continue
    return found
