"""SQLite files of this package: the only user of sqlite3."""

from voltagent.storage.file.errors import VALUE_ERRORS, MissingFileError, OffLimitsError, StoreError
from voltagent.storage.file.file import File
from voltagent.storage.file.paths import make_folder
from voltagent.storage.file.schema import Connection, Schema, in_memory, in_transaction, number, pages

__all__ = [
    "VALUE_ERRORS",
    "Connection",
    "File",
    "MissingFileError",
    "OffLimitsError",
    "Schema",
    "StoreError",
    "in_memory",
    "in_transaction",
    "make_folder",
    "number",
    "pages",
]
