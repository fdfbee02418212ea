"""Make a file ready for use: check that it is ours, and bring it to the newest schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from voltagent.storage.file.errors import OffLimitsError, StoreError
from voltagent.storage.file.schema import Schema, in_transaction, migrate, number

_WAL_BYTES: Final = 16 * 2**20  # size to which the write-ahead log is truncated after a burst


def prepare(connection: sqlite3.Connection, path: Path, schema: Schema, make_log: Callable[[], None]) -> None:
    """Check that a file is ours, and upgrade its tables.

    Args:
        connection: to the file.
        path: of the file, for messages.
        schema: what the file is to have.
        make_log: gives the file its settings and its write-ahead log, if it is to be upgraded.

    Raises:
        StoreError: the file is another application's, or a newer version's; or an older one's, and read-only.
    """
    version, known = number(connection, "PRAGMA user_version"), len(schema.steps)
    if version > known:
        raise OffLimitsError(
            f"{path} was written by a newer voltagent (schema {version}, this one knows {known}): "
            "upgrade voltagent, or use another file"
        )
    # in this order: another process may create the tables and the id, both at once, between the two queries
    has_tables = number(connection, "SELECT count(*) FROM sqlite_master") > 0
    if has_tables and number(connection, "PRAGMA application_id") != schema.application_id:
        raise StoreError(f"{path} is an SQLite database, but not one of voltagent's: use another file")
    connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last batches, never the file
    if version < known:
        try:
            make_log()
            migrate(connection, schema)
        except sqlite3.OperationalError as exc:
            if "readonly" not in str(exc) or not version:
                raise
            raise OffLimitsError(
                f"the {schema.what} {path} was written by an older voltagent (schema {version}, this one "
                f"needs {known}) and cannot be upgraded, because it is read-only: make it writable, "
                "or read a copy of it"
            ) from exc
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")


def convert(connection: sqlite3.Connection, schema: Schema) -> None:
    """Convert rows of an older version in parts, so that other processes can write in between."""
    step, is_converted = schema.convert, schema.is_converted
    if step is None or is_converted is None or is_converted(connection):
        return
    try:
        while in_transaction(connection, step):
            pass
    except sqlite3.OperationalError as exc:
        if "readonly" not in str(exc):
            raise  # a read-only file is read as it is
