"""What can be wrong with a file of this package, and what an error of SQLite means."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Final

from voltagent.errors import VoltAgentError

# Errors caused by a value. All others are caused by the file or by this package.
VALUE_ERRORS: Final = (
    ValueError, OverflowError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError,
)  # fmt: skip
# Errors of the system after which a later attempt may succeed.
_TEMPORARY: Final = (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM)


class StoreError(VoltAgentError):
    """A file of this package could not be read or written; the message gives the reason and the path.

    ``temporary`` is true if it may work later: another process holds the lock, or the disk is full.
    ``unreachable`` is true if the file or its folder cannot be opened: it is missing, forbidden, or something else.
    """

    def __init__(self, message: str, *, temporary: bool = False, unreachable: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary
        self.unreachable = unreachable

    @property
    def is_lasting(self) -> bool:
        """Whether no process can read the file, now or later."""
        return not self.temporary


class MissingFileError(StoreError):
    """The file does not exist, and reading does not create it."""


class OffLimitsError(StoreError):
    """The file may be sound, but this process must not use it: a newer version or another user owns it."""

    @property
    def is_lasting(self) -> bool:
        """Always false: its owner can read it."""
        return False


class LostFileError(sqlite3.OperationalError):
    """The program closed descriptors of the file, and has their numbers now: this process cannot open it."""


def is_busy(exc: sqlite3.Error) -> bool:
    """Return whether another connection holds the lock."""
    return isinstance(exc, sqlite3.OperationalError) and ("locked" in str(exc) or "busy" in str(exc))


def is_undecodable(exc: sqlite3.Error) -> bool:
    """Return whether a stored text is not UTF-8."""
    return str(exc).startswith("Could not decode to UTF-8")


def is_forbidden(exc: sqlite3.OperationalError) -> bool:
    """Return whether this process may not open the file, or not write to it."""
    return "unable to open" in str(exc) or "readonly" in str(exc)


def error_of(exc: sqlite3.Error | OSError, what: str, path: Path) -> StoreError:
    """Return the error to raise for one of SQLite or the system: temporary if a later attempt may succeed."""
    if isinstance(exc, OSError):
        text, temporary, unreachable = exc.strerror, exc.errno in _TEMPORARY, True
    else:
        text = str(exc)
        temporary = isinstance(exc, LostFileError) or is_busy(exc) or "full" in text or "disk I/O" in text
        unreachable = isinstance(exc, sqlite3.OperationalError) and is_forbidden(exc)
    kind = OffLimitsError if unreachable and isinstance(exc, sqlite3.Error) else StoreError
    return kind(f"the {what} {path} cannot be used: {text}", temporary=temporary, unreachable=unreachable)
