"""Mark running traces with their process, so that readers recognise those of a killed one.

A writing process locks a name of its own while it lives, and its running traces carry that name. The operating system
holds the lock, on an empty file beside the store, so it ends with the process, however that dies.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from voltagent.core import clock
from voltagent.storage.file_lock import FileLock

_TRIES: Final = 5  # a reader may briefly hold the file just as it is created
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # wider than ours: other versions may choose other names


class Writer:
    """This process as a writer of a store. Nothing is locked before :meth:`name` is called."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._name: str | None = None
        self._lock: FileLock | None = None
        self._tried = False

    def name(self) -> str | None:
        """Return the name for running traces; ``None`` if no file can be created or the file system has no locks."""
        if self._name is not None and (self._lock is None or not self._lock.is_held()):
            self.release(delete=False)  # it was deleted, for example with the store: readers would not find the lock
        if not self._tried:
            self._tried = True
            _clear(self._store)
            for _ in range(_TRIES):
                name = f"{os.getpid():x}-{clock.new_id():032x}"[:32]
                self._lock = _acquire(_place(self._store, name))
                if self._lock is not None:
                    self._name = name
                    break
                _discard(_lock_file(self._store, name))
        return self._name

    def release(self, *, delete: bool) -> None:
        """Release the name; the next one differs. A forked child must not delete the parent's file."""
        if self._lock is not None:
            self._lock.release(delete=delete)
        self._name, self._lock, self._tried = None, None, False


def names_of_process(process: int) -> str:
    """Return the pattern, for ``GLOB``, of the names that mark the traces of the process with this id."""
    return f"{process:x}-*"


def is_recording(store: Path, process: int) -> bool:
    """Return whether the process with this id records into a store now."""
    return any(name.startswith(f"{process:x}-") and not is_gone(store, name) for name in _names(store))


def is_gone(store: Path, name: object) -> bool:
    """Return whether the process with this name has died; what another program wrote there is the name of none."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return True
    if not _lock_file(store, name).exists():
        return store.parent.is_dir()
    lock = _acquire(_place(store, name))
    if lock is None:
        return False
    lock.release(delete=True)
    return True


def has_live_writer(store: Path) -> bool:
    """Return whether a running process records into a store, even if it has stored nothing yet."""
    return not all(is_gone(store, name) for name in _names(store))


def _clear(store: Path) -> None:
    """Delete the files of killed processes."""
    for name in _names(store):
        is_gone(store, name)


def _names(store: Path) -> list[str]:
    """Return the names of the processes that write to a store, or were killed while they did."""
    before, after = f"{store.name}-writer-", ".lock"
    try:
        # No pattern: its first use imports a module, which a finalizer at interpreter exit cannot.
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
        return None  # this process may not create or open it: unknown
