"""The local store: what ran, in an SQLite file on this machine."""

from __future__ import annotations

from voltagent.storage.traces.viewer_address import DEFAULT_PORT

__all__ = ["DEFAULT_PORT"]
