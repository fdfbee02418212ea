"""The files of a database on disk: made for their owner only."""

from __future__ import annotations

import os
from pathlib import Path


def log_of(path: Path) -> Path:
    """Return the path of the write-ahead log."""
    return Path(f"{path}-wal")


def make_file(path: Path) -> None:
    """Create the file readable by its owner only, without a moment in between; SQLite gives its log the same mode."""
    if path.exists():
        return
    make_folder(path.parent)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass  # another process was faster


def make_folder(folder: Path) -> None:
    """Create a folder that only its owner may enter, unless it exists."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def has_log(path: Path) -> bool:
    """Return whether there is a log with something in it."""
    return log_of(path).exists() and log_of(path).stat().st_size > 0
