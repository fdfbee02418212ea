"""What SQLite has open of a file in this process, and what becomes of it when the program closes that.

A daemon closes all descriptors, those of SQLite too, and files that it opens later may get their numbers. SQLite does
not notice: it would write to them, or close them. So their identity is compared before each use, and before they are
closed. If some are closed, files that cannot be written take their places, and all connections of this process to the
file are closed, which does nothing else then; a new connection finds all that was committed. If the program has one of
the numbers by now, no connection is ever used or closed again, until that number is free.

It has to be all connections together, because SQLite has one state, and one shared memory, for a file in a process.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from voltagent.core.process.descriptors import Identity, high_numbers, identity, identity_of, numbers, stand_in
from voltagent.storage.file.errors import LostFileError


def _are_ours(known: Mapping[int, Identity]) -> bool:
    """Return whether all these descriptors are what they were."""
    return all(identity(number) == before for number, before in known.items())


class OpenFile:
    """The connections of this process to one file, and the descriptors that SQLite has for them."""

    def __init__(self) -> None:
        self.numbers: dict[int, Identity] = {}  # replaced, never changed: it is read without the lock
        self._connections: dict[object, sqlite3.Connection] = {}  # by what has them open
        self._lost: list[sqlite3.Connection] = []  # not used any more, and not closed yet
        self._kept = 0  # how many of them are kept for ever

    def add(self, owner: object, connection: sqlite3.Connection) -> None:
        """Add a connection of an owner, who has no other one."""
        self._connections[owner] = connection

    def connections(self) -> list[sqlite3.Connection]:
        """Return those that are not lost."""
        return list(self._connections.values())

    def note(self, found: Mapping[int, Identity]) -> None:
        """Note descriptors of SQLite."""
        self.numbers = {**self.numbers, **found}

    @property
    def has_lost(self) -> bool:
        """Whether there are connections that cannot be closed."""
        return bool(self._lost)

    @property
    def is_lost(self) -> bool:
        """Whether the program has closed any of the descriptors."""
        return self.has_lost or not _are_ours(self.numbers)

    @property
    def is_closed(self) -> bool:
        """Whether no connection is left."""
        return not self._connections and not self.has_lost

    def close(self, owner: object) -> None:
        """Close the connection of an owner, if there is one; keep it unused if the program has closed descriptors.

        An interrupt may come in between: then it is closed at the next call.
        """
        connection = self._connections.get(owner)
        if connection is None:
            return
        if self.is_lost:
            self._lost.append(connection)
            self._keep()
            self._connections.pop(owner, None)
            return
        connection.close()
        self._connections.pop(owner, None)
        if self._connections:  # SQLite keeps some descriptors for the others
            self.numbers = {number: known for number, known in self.numbers.items() if identity(number) == known}

    def close_lost(self) -> None:
        """Close the lost connections, unless the program has a number of theirs, or some are in use."""
        if self._connections:
            return
        for number, known in self.numbers.items():
            if identity(number) != known and stand_in(number):
                self.numbers = {**self.numbers, number: identity(number) or known}
        if _are_ours(self.numbers):
            for connection in self._lost:
                connection.close()
            self._lost = []

    def _keep(self) -> None:
        """Keep the lost connections for ever: freed at the end of the interpreter, they would write to the numbers."""
        import ctypes  # hardly any program gets here

        for connection in self._lost[self._kept :]:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        self._kept = len(self._lost)


class OpenFiles:
    """The files that this process has open, by device and inode."""

    def __init__(self) -> None:
        # Around every opening and closing: otherwise, what another thread opens would be taken for what this one does.
        # Re-entrant, because a signal handler may come while its thread holds it.
        self._lock = threading.RLock()
        self._files: dict[Identity, OpenFile] = {}
        self._dropped: deque[object] = deque()  # owners

    def connect(
        self, name: str, owner: object, connect: Callable[[], sqlite3.Connection]
    ) -> tuple[sqlite3.Connection, Identity]:
        """Open a file by ``connect``, for an owner who closes it, even if an interrupt keeps the connection from it.

        Returns the connection, and device and inode of the file.
        """
        with self._lock:
            self._close_dropped()
            before = numbers()
            with high_numbers(before):
                connection = connect()
            file = identity_of(name) or (0, 0)
            self._files.setdefault(file, OpenFile()).add(owner, connection)
            self._note(name, file, before)
        return connection, file

    def make_log(self, name: str, file: Identity, make_log: Callable[[], None]) -> None:
        """Have the write-ahead log of an open file made."""
        with self._lock:
            before = numbers()
            with high_numbers(before):
                make_log()
            self._note(name, file, before)

    def _note(self, name: str, file: Identity, before: set[int]) -> None:
        """Note the descriptors that were opened for a file."""
        around = (file, identity_of(f"{name}-wal"), identity_of(f"{name}-shm"))
        made = {number: identity(number) for number in numbers() - before}
        times = Counter(made.values())  # more than once, if the program has opened the file at the same time
        found = {number: one for number, one in made.items() if one in around and times[one] == 1}
        self._files[file].note({number: one for number, one in found.items() if one is not None})

    def open_file(self, file: Identity) -> OpenFile:
        """Return what this process has open of a file."""
        return self._files[file]

    def close(self, owner: object) -> None:
        """Close what an owner has open."""
        self._dropped.append(owner)
        with self._lock:
            self._close_dropped()

    def drop(self, owner: object) -> None:
        """Close what an owner has open later, when a file is opened or closed.

        For finalizers: they may come while their thread has the lock, or another one that waits for them.
        """
        self._dropped.append(owner)

    def _close_dropped(self) -> None:
        while self._dropped:
            owner = self._dropped[0]
            for file, open_file in list(self._files.items()):
                open_file.close(owner)
                if open_file.is_closed:
                    self._files.pop(file, None)
            with suppress(ValueError):  # a signal handler was quicker
                self._dropped.remove(owner)  # last, so that an interrupt leaves it to the next call

    def lost(self, file: Identity | None) -> OpenFile | None:
        """Return what this process had open of a file, if the program has closed some of its descriptors."""
        with self._lock:
            self._close_dropped()
            open_file = self._files.get(file) if file is not None else None
            return open_file if open_file is not None and open_file.is_lost else None

    def close_lost(self, file: Identity) -> None:
        """Close what this process has lost of a file, so that it can be opened again.

        Raises:
            LostFileError: the program has a number that was closed, or another thread uses a connection to the file.
        """
        with self._lock:
            self._close_dropped()
            open_file = self._files.get(file)
            if open_file is None:
                return
            open_file.close_lost()
            if not open_file.is_closed:
                raise LostFileError("the program closed descriptors of it, and has their numbers for other files now")
            self._files.pop(file, None)

    def forget(self) -> list[sqlite3.Connection]:
        """In a forked child: forget all but what can be closed in neither process; return what was open."""
        self._lock = threading.RLock()
        left = [connection for one in self._files.values() for connection in one.connections()]
        self._files = {file: one for file, one in self._files.items() if one.has_lost}
        self._dropped = deque()
        return left
