"""The tables of a file, the migrations that lead to them, and queries that hold for every file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")
Connection: TypeAlias = sqlite3.Connection


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a file, and the migrations that lead to them.

    A file's ``user_version`` is the number of migrations it has had. A released migration never changes: a change of
    the schema is a new migration at the end.
    """

    what: str  # what messages call the file, such as "store"
    application_id: int  # distinguishes our files from other SQLite databases (`PRAGMA application_id`)
    steps: tuple[tuple[str, ...], ...]
    page_size: int = 4096  # bytes, for new files
    # Converts a small part of the existing rows in one transaction; returns whether more is left. And whether all rows
    # are converted, a check that needs no lock.
    convert: Callable[[Connection], bool] | None = None
    is_converted: Callable[[Connection], bool] | None = None


def in_memory(schema: Schema) -> Connection:
    """Open an empty database of this schema in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    _take_steps(connection, schema)
    return connection


def number(connection: sqlite3.Connection, query: str) -> int:
    """Return the single number that a query yields."""
    return int(connection.execute(query).fetchone()[0])


def pages(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return the page size in bytes, the number of pages, and the number of free pages."""
    found = connection.execute(_PAGES).fetchone()
    return found[0], found[1], found[2]


_PAGES: Final = (
    "SELECT page_size, page_count, freelist_count FROM pragma_page_size, pragma_page_count, pragma_freelist_count"
)


def in_transaction(connection: sqlite3.Connection, action: Callable[[sqlite3.Connection], T]) -> T:
    """Run ``action`` in a transaction, with the file's write lock held."""
    try:
        connection.execute("BEGIN IMMEDIATE")  # in here: an interrupt that comes with it must not leave it open
        result = action(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors have rolled back already
            connection.execute("ROLLBACK")
        raise
    return result


def open_log(connection: sqlite3.Connection) -> None:
    """Have SQLite open the write-ahead log, and the memory that it shares, which it does with the first query."""
    number(connection, "PRAGMA user_version")


def make_log(connection: sqlite3.Connection, schema: Schema) -> None:
    """Give a new file its settings, and its write-ahead log."""
    connection.execute(f"PRAGMA page_size = {schema.page_size}")  # these two have no effect once a table exists
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    open_log(connection)


def migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Bring a file to the newest schema, in one transaction."""
    in_transaction(connection, lambda connection: _take_steps(connection, schema))


def _take_steps(connection: sqlite3.Connection, schema: Schema) -> None:
    """Run the statements of the versions that the file lacks."""
    # read the version again under the lock: meanwhile another process may have upgraded the file, even beyond this
    # version
    version, known = number(connection, "PRAGMA user_version"), len(schema.steps)
    for statements in schema.steps[version:]:
        for statement in statements:
            connection.execute(statement)
    if version < known:
        connection.execute(f"PRAGMA user_version = {known}")
