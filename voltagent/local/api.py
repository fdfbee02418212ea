"""``/api/…``: what the page shows, as JSON. Times are microseconds since the epoch, durations microseconds."""

from __future__ import annotations

from typing import Final

from voltagent.local.web import Route

__all__ = ["ROUTES"]

ROUTES: Final[tuple[Route, ...]] = ()
