"""What the commands that read the local store have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from voltagent import settings
from voltagent.errors import VoltAgentError
from voltagent.local.store import Store

__all__ = ["NothingRecordedError", "add_db", "opened"]


class NothingRecordedError(VoltAgentError):
    """There is nothing to show; the text says what to do."""


def add_db(parser: argparse.ArgumentParser) -> None:
    """Let the user name another store."""
    parser.add_argument("--db", type=Path, metavar="PATH", help="the store's file (default: %(default)s)",
                        default=settings.local_path())  # fmt: skip


def opened(path: Path) -> Store:
    """The store at ``path``.

    Raises:
        NothingRecordedError: there is none.
    """
    if _is_missing(path):
        raise NothingRecordedError(
            f"nothing has been recorded yet: there is no {path}. Run a program that uses voltagent, or name its store "
            "with --db or VOLTAGENT_LOCAL_PATH."
        )
    return Store(path)


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it may be there: the store says what is wrong with it
        return False
    return False
