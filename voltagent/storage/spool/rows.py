"""The tables of a file of the spool, and the statements on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from zlib import crc32

from voltagent.storage.file import Connection, Schema, pages
from voltagent.storage.spool.destination import Destination

_MOST_FREE: Final = 2_000  # free pages that a file may have
_STEP: Final = 500  # pages to free at a time, as they pass through the log

SCHEMA: Final = Schema(
    "spool",
    0x56417370,  # "VAsp" in ASCII
    (
        (
            f"PRAGMA application_id = {0x56417370}",
            # `root` marks the start of a whole trace: while it is here, no event of the trace has been sent
            """CREATE TABLE events (
                seq INTEGER PRIMARY KEY,
                at_ns INTEGER NOT NULL,
                trace BLOB NOT NULL,
                root INTEGER,
                sum INTEGER NOT NULL,
                body BLOB NOT NULL
            )""",
            "CREATE INDEX events_trace ON events (trace)",
            "CREATE INDEX events_root ON events (seq) WHERE root IS NOT NULL",
            # what an exporter must know to continue a trace: ids chosen by the server, for example
            "CREATE TABLE memories (trace BLOB PRIMARY KEY, memory BLOB NOT NULL) WITHOUT ROWID",
            "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        ),
    ),
)
_INSERT: Final = "INSERT INTO events (seq, at_ns, trace, root, sum, body) VALUES (?, ?, ?, ?, ?, ?)"
_READ: Final = "SELECT seq, trace, sum, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
OVERHEAD: Final = 100  # approximate bytes of a row besides its body
DELETE: Final = "DELETE FROM events WHERE seq = ?"


class Entry(NamedTuple):
    """An event to write."""

    trace: bytes
    root: bool
    body: bytes


def insert(connection: Connection, first: int, at_ns: int, entries: Iterable[Entry]) -> None:
    """Write entries under consecutive numbers."""
    connection.executemany(
        _INSERT,
        [
            (seq, at_ns, trace, 1 if root else None, crc32(body, crc32(trace)), body)
            for seq, (trace, root, body) in enumerate(entries, first)
        ],
    )


def keep_memory(connection: Connection, trace: bytes, memory: bytes | None) -> None:
    """Keep what an exporter must know to continue a trace; ``None`` deletes it."""
    if memory is None:
        connection.execute("DELETE FROM memories WHERE trace = ?", (trace,))
    else:
        connection.execute("INSERT OR REPLACE INTO memories VALUES (?, ?)", (trace, memory))


def drop_trace(connection: Connection, trace: bytes, after: int) -> tuple[int, int]:
    """Delete the events of a trace behind a number; return how many these are, and the bytes of all of its events."""
    query = "SELECT count(*), coalesce(sum(seq > ?), 0), coalesce(sum(length(body)), 0) FROM events WHERE trace = ?"
    count, behind, size = connection.execute(query, (after, trace)).fetchone()
    connection.execute("DELETE FROM events WHERE trace = ? AND seq > ?", (trace, after))
    return behind, size + OVERHEAD * count


def describe(connection: Connection, destination: Destination) -> None:
    """Write where the events of the file go."""
    about = {"kind": destination.kind, "url": destination.url}
    connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())


def following(connection: Connection, after: int, limit: int, max_size: int) -> list[tuple[Any, ...]]:
    """Return the rows behind a number: at most ``limit``, and no more after ``max_size`` bytes of bodies."""
    found: list[tuple[Any, ...]] = []
    for row in connection.execute(_READ, (after, limit)):
        found.append(row)
        max_size -= len(row[3]) if isinstance(row[3], bytes) else 0
        if max_size <= 0:
            break
    return found


def is_sound(trace: Any, check: Any, body: Any) -> bool:
    """Return whether the row still has the content that was written."""
    return isinstance(trace, bytes) and isinstance(body, bytes) and check == crc32(body, crc32(trace))


def shrink_if_large(connection: Connection) -> None:
    """Return some free pages to the file system if there are many."""
    if pages(connection)[2] > _MOST_FREE:
        shrink(connection, _STEP)


def shrink(connection: Connection, number: int) -> None:
    """Return a number of free pages to the file system."""
    connection.executescript(f"PRAGMA incremental_vacuum({number})")
