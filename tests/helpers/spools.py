"""The files of a spool, as another process sees them."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path


def events_in(folder: Path) -> int:
    """Return the number of events in a spool."""
    found = 0
    for path in folder.glob("*.db"):
        connection = sqlite3.connect(path)
        with suppress(sqlite3.OperationalError):  # it is being made
            found += connection.execute("SELECT count(*) FROM events").fetchone()[0]
        connection.close()
    return found
