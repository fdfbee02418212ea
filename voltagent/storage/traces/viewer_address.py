"""Where the viewer of a store listens, so that programs which record into the store can name the page of a trace.

``voltagent ui`` holds a lock on a file beside the store for as long as it runs, and writes its port into it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from voltagent.storage.file_lock import FileLock

DEFAULT_PORT: Final = 3141  # of the local server
_SAFE: Final = "!'()*"  # what the page leaves as it is, beside A-Z, a-z, digits and `-._~`

_stores: list[Path] = []  # the store that this process records into, once it does


@contextmanager
def announced(store: Path, port: int) -> Generator[None]:
    """Announce that a viewer of the store listens on a port, while the block runs.

    Has no effect if no store exists yet, since looking at one must not create files, or if another viewer runs.
    """
    lock = _acquire(store) if store.exists() else None
    if lock is not None:
        lock.note(port)
    try:
        yield
    finally:
        if lock is not None:
            lock.release(delete=True)


def running_port(store: Path) -> int | None:
    """The port of the viewer that shows the store now; ``None`` if none runs."""
    file = _place(store).with_name(f"{_place(store).name}.lock")
    try:
        number = int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
    lock = _acquire(store)
    if lock is None:
        return number
    lock.release(delete=True)  # left behind by a viewer that was killed
    return None


def record_into(store: Path) -> None:
    """Remember the store that this process records into."""
    _stores[:] = [store]


def page(trace_id: str) -> str:
    """The address of a trace's page on the local viewer, in the form of the page itself.

    The port is that of the viewer that runs on this process's store, else the default one.
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
