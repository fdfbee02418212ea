"""The spool: events that wait for their destination on disk, in SQLite files of which each has one owner at a time.

Every process writes a file of its own for each destination and holds a lock on it for as long as it lives. A file that
nobody claims is what a dead process left: the first who claims it sends what is in it. Files are named after their
destination, so that none gets what was meant for another; no key is written anywhere, a fingerprint stands for it.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from voltagent.core import clock
from voltagent.core.guard import log_once
from voltagent.storage.file import StoreError
from voltagent.storage.file_lock import FileLock
from voltagent.storage.spool.destination import Destination
from voltagent.storage.spool.segment import OVERHEAD, Entry, Place, Row, SpoolFile

MAX_BYTES: Final = 256 * 2**20
_TURN_SECONDS: Final = 0.5
_PAGE: Final = 4096
_NAME: Final = re.compile(r"(?P<kind>[a-z]+)-(?P<key>[0-9a-f]{16})-[0-9]+-[0-9a-f]{12}\.db")


class Spool:
    """The files of one destination that this process owns: the one it writes, and those it took over.

    Args:
        folder: made for its owner only, if it is not there.
        destination: whose events these are.
        max_bytes: how large all files in the folder may be together.

    One thread at a time may call it. Nothing is opened before it is needed. Methods raise :class:`StoreError` where a
    file cannot be used.
    """

    def __init__(self, folder: Path, destination: Destination, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder.absolute()
        self.destination = destination
        self.max_bytes = max_bytes
        self._own: SpoolFile | None = None
        self._adopted: list[SpoolFile] = []
        self._turn: FileLock | None = None
        self._is_patient = True  # with who has the turn
        self._pause = threading.Event()  # never set: something to wait on

    @property
    def unread_own(self) -> int:
        """Events of this process that are on disk only."""
        return 0 if self._own is None else self._own.unread

    @property
    def unread(self) -> int:
        """Events that were not read yet, those of dead processes among them."""
        return self.unread_own + sum(file.unread for file in self._adopted)

    # ----------------------------------------------------------------------------------------------- writing, deleting

    def write(self, entries: Sequence[Entry]) -> list[Place]:
        """Keep events, in one transaction."""
        own = self._own = self._own or self._make()
        return [Place(own, seq) for seq in own.write(entries)]

    def leave_unread(self, places: Sequence[Place]) -> None:
        """These just written events are not held in memory: :meth:`read` will give them."""
        for file, _ in places:
            file.unread += 1

    def have_read(self, places: Sequence[Place]) -> None:
        """These just written events are held in memory: :meth:`read` goes on behind them."""
        for file, seq in places:
            file.read_to = seq
            file.waiting += 1

    def settle(self, places: Sequence[Place], memories: Mapping[bytes, bytes | None]) -> None:
        """Delete events, and note what the exporter has to know of their traces (``None``: nothing any more)."""
        by_file: dict[SpoolFile, list[int]] = {}
        for file, seq in places:
            by_file.setdefault(file, []).append(seq)
        for file, seqs in by_file.items():
            file.settle(seqs, memories)
        for file in [file for file in self._adopted if file.unread <= 0 and file.waiting <= 0]:
            self._adopted.remove(file)
            (file.mark_corrupt if file.damaged else file.delete)()

    def restore_folder(self) -> None:
        """Begin a new file, in a new folder, if ours was deleted; what is in it can still be read by us."""
        if self._own is not None and not self._own.path.exists():
            log_once(
                f"spool:{self.folder}", logging.WARNING, "the spool in %s was deleted; creating it again", self.folder
            )
            self.abandon()

    def abandon(self) -> None:
        """Begin a new file, as ours cannot be written to; what can still be read from it will be."""
        if self._own is not None:
            self._own.damaged = True
            self._adopted.append(self._own)
            self._own = None

    def _make(self) -> SpoolFile:
        name = (
            f"{self.destination.kind}-{self.destination.key}-{os.getpid()}-{clock.randomness.getrandbits(48):012x}.db"
        )
        made = SpoolFile.make(self.folder / name, self.destination)
        made.log_limit = min(made.log_limit, self.max_bytes // 64)
        return made

    # -------------------------------------------------------------------------------------------------------- reading

    def leftovers(self) -> list[Path]:
        """Files of this destination that are not ours; some of them may have owners."""
        ours = {file.path for file in self._ours()}
        return [path for path in files(self.folder) if _is_for(path, self.destination) and path not in ours]

    def adopt(self) -> tuple[int, int]:
        """Take over what dead processes left: how many events that is, and how many more there were.

        What may be read later, or by another (a newer voltagent, its owner), stays as it is.
        """
        found = broken = 0
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
                    broken += file.lost
                    file.mark_corrupt()
                continue
            broken += file.lost
            if file.unread:
                found += file.unread
                self._adopted.append(file)
            else:
                file.delete()
        return found, broken

    def read(self, limit: int, max_size: int) -> tuple[list[Row], int]:
        """The next events that are on disk only, those of dead processes first, in their order.

        The second number corrects the counts: by so many more (or fewer) events than were expected.
        """
        for file in self._ours():
            if file.unread > 0:
                expected = file.unread
                rows = file.read(limit, max_size)
                return rows, len(rows) + file.unread - expected
        return [], 0

    def memory(self, row: Row) -> bytes | None:
        """What the exporter of the dead process that wrote this knew of its trace."""
        return None if row.place.file is self._own else row.place.file.memory(row.trace)

    # --------------------------------------------------------------------------------------------------------- bounds

    @contextmanager
    def turn(self) -> Generator[None, None, None]:
        """Keep other processes from writing meanwhile: what there is room for is there for one of them.

        One that does not come to its end is not waited for: then there is less room, as it may be writing. Until a
        turn is ours again, others are hardly waited for: the end of a process must not take so long for each batch.
        """
        self._own = self._own or self._make()  # it has locks then, or raises
        until = clock.monotonic() + (_TURN_SECONDS if self._is_patient else _TURN_SECONDS / 10)
        self._turn = _acquire(self.folder)
        while self._turn is None and clock.monotonic() < until:
            self._pause.wait(0.002)
            self._turn = _acquire(self.folder)
        self._is_patient = self._turn is not None
        try:
            yield
        finally:
            if self._turn is not None:
                self._turn.release(delete=True)
                self._turn = None

    @property
    def is_alone(self) -> bool:
        """Whether it is our turn."""
        return self._turn is not None

    def excess(self, entries: Sequence[Entry]) -> int:
        """By how many bytes the folder might become too large if these were written."""
        excess = self._expected(entries) - self.max_bytes
        if excess <= 0:
            return excess
        for file in self._ours():
            file.shrink(excess)
        _delete_corrupt(self.folder)
        return self._expected(entries) - self.max_bytes

    def _expected(self, entries: Sequence[Entry]) -> int:
        """How large the folder may become: what is in a log will be in its database too before the log is emptied."""
        sizes = _sizes(self.folder)
        ours = {file.path.name: file for file in self._ours()}
        logs = sum(size for name, size in sizes.items() if name.endswith("-wal"))
        theirs = sum(size for name, size in sizes.items() if name.removesuffix("-wal") not in ours)
        rows = sum(len(entry.body) + OVERHEAD for entry in entries) * 5 // 4  # for what stays empty in the pages
        databases = theirs + sum(file.size_with(rows if file is self._own else 0) for file in ours.values())
        of_others = 0 if self.is_alone else self.max_bytes // 4
        return databases + max(logs + rows + _PAGE * (len(entries) + 1), self.max_bytes // 8) + of_others

    def _ours(self) -> list[SpoolFile]:
        return [file for file in (*self._adopted, self._own) if file is not None]

    def oldest(self) -> Iterator[tuple[bytes, Callable[[], tuple[int, int]]]]:
        """The traces of which nothing was sent, oldest first, each with what deletes it and says how many events (and
        bytes) that were.
        """
        for file in self._ours():
            for trace in file.roots():
                yield trace, partial(file.drop, trace)

    # ----------------------------------------------------------------------------------------------------------- ends

    def close(self) -> None:
        """Let go of all files: what is in them is for the next process to send."""
        for file in self._ours():
            file.let_go()
        self._own, self._adopted = None, []

    def after_fork(self) -> None:
        """In a forked child: the files are the parent's."""
        for file in self._ours():
            file.lock.release()
        if self._turn is not None:
            self._turn.release()
            self._turn = None
        self._own, self._adopted = None, []


# ------------------------------------------------------------------------------------------------------------- pieces


def files(folder: Path) -> list[Path]:
    """The spool's files, the oldest first."""
    try:
        found = [(entry.stat().st_mtime_ns, entry.name) for entry in os.scandir(folder) if _NAME.fullmatch(entry.name)]
    except OSError:
        return []
    return [folder / name for _, name in sorted(found)]


def _is_for(path: Path, destination: Destination) -> bool:
    return path.name.startswith(f"{destination.kind}-{destination.key}-")


def _sweep(folder: Path) -> None:
    """Delete what is left of a file whose process was killed while it made or deleted it."""
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
    """Delete what could not be read: there is no room for it any more."""
    for path in folder.glob("*.corrupt"):
        path.unlink(missing_ok=True)


def _acquire(folder: Path) -> FileLock | None:
    try:
        return FileLock.acquire(folder / "turn")
    except OSError:
        return None  # the folder is gone, or nobody can make a file any more


def _sizes(folder: Path) -> dict[str, int]:
    """The files of the spool, with the bytes of each."""
    found: dict[str, int] = {}
    with suppress(OSError):
        for entry in os.scandir(folder):
            with suppress(OSError):  # it was deleted this moment
                found[entry.name] = entry.stat().st_size
    return found
