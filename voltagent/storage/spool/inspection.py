"""Read-only inspection of a spool, also while other processes use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voltagent.storage.file import VALUE_ERRORS, Connection, File, MissingFileError, StoreError
from voltagent.storage.file_lock import FileLock
from voltagent.storage.spool.rows import SCHEMA, is_sound
from voltagent.storage.spool.spool import files


@dataclass(frozen=True, slots=True)
class Contents:
    """The content of one spool file. Times are nanoseconds since the epoch."""

    path: Path
    bytes: int
    kind: str = ""  # exporter name: "rest", "otlp" or "auto"
    url: str = ""  # of the destination, without a password
    key: str = ""  # fingerprint of the destination
    events: int = 0  # readable ones
    corrupt: int = 0  # unreadable ones
    since_ns: int | None = None  # when the oldest event was written
    in_use: bool = False  # its process is alive
    untold: str = ""  # why it cannot be read now, or by this version: locked, or from a newer voltagent
    damaged: bool = False  # the whole file is unreadable, or was renamed for that reason


def contents(folder: Path) -> list[Contents]:
    """Return the contents of the spool files in a folder, oldest first."""
    damaged = [Contents(path, path.stat().st_size, damaged=True) for path in sorted(folder.glob("*.corrupt"))]
    there = (_contents(path) for path in files(folder))
    return [*(one for one in there if one is not None), *damaged]


def _contents(path: Path) -> Contents | None:
    """Return what a file of the spool holds; ``None`` if it was deleted meanwhile."""
    size = sum(part.stat().st_size for part in (path, Path(f"{path}-wal")) if part.exists())
    kind, key, _ = path.name.split("-", 2)
    file = File(path, SCHEMA)
    try:
        about, events, corrupt, since = file.use(_read, create=False)
    except MissingFileError:
        return None  # it was sent and deleted meanwhile
    except (StoreError, *VALUE_ERRORS) as exc:
        if isinstance(exc, StoreError) and not exc.is_lasting:
            return Contents(path, size, kind, key=key, in_use=_is_in_use(path), untold=str(exc))
        return Contents(path, size, kind, key=key, in_use=_is_in_use(path), damaged=True)
    finally:
        file.close()
    return Contents(path, size, kind, about, key, events, corrupt, since, _is_in_use(path))


def _read(connection: Connection) -> tuple[str, int, int, int | None]:
    """Return the URL of the destination, the readable and the corrupt events, and the time of the oldest."""
    row = connection.execute("SELECT value FROM about WHERE name = 'url'").fetchone()
    sound = corrupt = 0
    for one in connection.execute("SELECT trace, sum, body FROM events"):
        if is_sound(*one):
            sound += 1
        else:
            corrupt += 1
    (since,) = connection.execute("SELECT min(at_ns) FROM events").fetchone()
    return ("" if row is None else str(row[0])), sound, corrupt, since


def _is_in_use(path: Path) -> bool:
    """Return whether a running process holds the file's lock."""
    try:
        lock = FileLock.acquire(path)
    except OSError:
        return False
    if lock is not None:
        lock.release()
    return lock is None
