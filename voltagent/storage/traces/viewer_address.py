"""The address of a store's viewer, so that programs which record into the store can name the page of a trace.

``voltagent ui`` locks a file beside the store while it runs, and writes its port into it.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from voltagent.storage.file_lock import FileLock

DEFAULT_PORT: Final = 3141  # of the local server
_SAFE: Final = "!'()*"  # unescaped by the page, besides A-Z, a-z, digits and `-._~`

_LOOK: Final = 0.25  # seconds between two checks whether a store exists by now

_stores: list[Path] = []  # the store that this process records into, if any


@contextmanager
def announced(store: Path, port: int) -> Generator[None]:
    """Announce that a viewer of the store listens on a port, while the block runs.

    Viewing must not create files, so a store that does not exist yet is announced as soon as a program has made it. Has
    no effect if another viewer of the store runs.
    """
    leaves = threading.Event()
    locks: list[FileLock] = []

    def announce() -> None:
        while not _exists(store):
            if leaves.wait(_LOOK):
                return
        lock = _acquire(store)
        if lock is not None:
            lock.note(port)
            locks.append(lock)

    waiting: threading.Thread | None = None
    if _exists(store):
        announce()
    else:
        waiting = threading.Thread(target=announce, name="voltagent-viewer-address", daemon=True)
        waiting.start()
    try:
        yield
    finally:
        leaves.set()
        if waiting is not None:
            waiting.join()
        for lock in locks:
            lock.release(delete=True)


def _exists(store: Path) -> bool:
    try:
        return store.exists()
    except OSError:  # its folder cannot be read, or not yet
        return False


def running_port(store: Path) -> int | None:
    """Return the port of the store's running viewer; ``None`` if none runs."""
    file = _place(store).with_name(f"{_place(store).name}.lock")
    try:
        number = int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
    lock = _acquire(store)
    if lock is None:
        return number
    lock.release(delete=True)  # left behind by a killed viewer
    return None


def record_into(store: Path) -> None:
    """Remember the store that this process records into."""
    _stores[:] = [store]


def page(trace_id: str) -> str:
    """Return the address of a trace's page on the local viewer.

    The port is that of the running viewer of this process's store, else the default port.
    """
    port = running_port(_stores[0]) if _stores else None
    return f"http://127.0.0.1:{port or DEFAULT_PORT}/#/trace/{quote(trace_id, safe=_SAFE)}"


def _place(store: Path) -> Path:
    return store.with_name(f"{store.name}-viewer")


def _acquire(store: Path) -> FileLock | None:
    try:
        return FileLock.acquire(_place(store))
    except OSError:
        return None
