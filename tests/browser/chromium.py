"""Where the browser is, and how it is started: without anything that asks the network by itself."""

from __future__ import annotations

import importlib
import os
import shutil
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["FLAGS", "REQUIRED", "SLOW", "TIMEOUT", "program", "slowed", "sync_api"]

REQUIRED: Final = os.environ.get("VOLTAGENT_REQUIRE_BROWSER") == "1"
SLOW: Final = float(os.environ.get("VOLTAGENT_BROWSER_SLOW", "1"))  # by so much slower than the machine are pages
TIMEOUT: Final = 30_000 * SLOW  # milliseconds that a condition is waited for, on a machine that has other work too

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


def sync_api() -> Any:
    """Playwright. Where it is missing, the module that asks is skipped, or fails where the browser is required."""
    if REQUIRED:
        return importlib.import_module("playwright.sync_api")
    return pytest.importorskip("playwright.sync_api", reason="no test in a browser: playwright is not installed")


def program() -> str | None:
    """The path of an installed Chromium, by any of the names that systems give it."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def slowed(page: Page) -> Page:
    """The page, made as slow as ``VOLTAGENT_BROWSER_SLOW`` says."""
    if SLOW != 1:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOW})
    return page
