"""Mark the running traces of a store with their process, so that readers recognise those of a killed one.

A process that writes locks a name of its own for as long as it lives, and its running traces bear that name. It
is a lock of the system's on an empty file beside the store: it ends with the process, however that ends.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from voltagent.core import clock
from voltagent.storage.file_lock import FileLock

_TRIES: Final = 5  # a reader may look at the file just as it is made, and hold it for that moment


class Writer:
    """This process, as the writer of a store. Nothing is locked before :meth:`name` is called."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._name: str | None = None
        self._lock: FileLock | None = None
        self._tried = False

    def name(self) -> str | None:
        """The name to sign with; ``None`` where no file can be made, or the file system has no locks."""
        if self._name is not None and not _lock_file(self._store, self._name).exists():
            self.release(delete=False)  # it was deleted, as with the store: no reader would find the lock
        if not self._tried:
            self._tried = True
            _clear(self._store)
            for _ in range(_TRIES):
                name = f"{clock.new_id():032x}"[:16]
                self._lock = _acquire(_place(self._store, name))
                if self._lock is not None:
                    self._name = name
                    break
                _discard(_lock_file(self._store, name))
        return self._name

    def release(self, *, delete: bool) -> None:
        """Let go of the name; the next one is another. A forked child does so without deleting the parent's file."""
        if self._lock is not None:
            self._lock.release(delete=delete)
        self._name, self._lock, self._tried = None, None, False


def is_gone(store: Path, name: str) -> bool:
    """Whether the process that signed with this name lives no more."""
    if not _lock_file(store, name).exists():
        return store.parent.is_dir()
    lock = _acquire(_place(store, name))
    if lock is None:
        return False
    lock.release(delete=True)
    return True


def has_live_writer(store: Path) -> bool:
    """Whether a process that records into a store is running now, even if it has stored nothing yet."""
    return not all(is_gone(store, name) for name in _names(store))


def _clear(store: Path) -> None:
    """Delete the files of processes that were killed."""
    for name in _names(store):
        is_gone(store, name)


def _names(store: Path) -> list[str]:
    """The names of the processes that write to a store, or did when they were killed."""
    before, after = f"{store.name}-writer-", ".lock"
    try:
        # No pattern: its first use imports a module, which a finalizer at the end of the interpreter cannot.
        files = os.listdir(store.parent)  # noqa: PTH208
    except OSError:
        return []
    return [name[len(before) : -len(after)] for name in files if name.startswith(before) and name.endswith(after)]


def _place(store: Path, name: str) -> Path:
    return store.with_name(f"{store.name}-writer-{name}")


def _lock_file(store: Path, name: str) -> Path:
    return store.with_name(f"{store.name}-writer-{name}.lock")


def _discard(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _acquire(place: Path) -> FileLock | None:
    try:
        return FileLock.acquire(place)
    except OSError:
        return None  # it may not be made or opened here: nothing is known
