"""The local store: what ran, in an SQLite file on this machine."""

from __future__ import annotations

from typing import Final

__all__ = ["DEFAULT_PORT"]

DEFAULT_PORT: Final = 3141  # of the local server
