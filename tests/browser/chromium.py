"""Where the browser is, and how it is started: without anything that asks the network by itself."""

from __future__ import annotations

import shutil
from typing import Final

__all__ = ["FLAGS", "program"]

FLAGS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")


def program() -> str | None:
    """The path of an installed Chromium, by any of the names that systems give it."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
