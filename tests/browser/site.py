"""The viewer's server on a store, in a thread, as the tests and the screenshots use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.local_server import serving
from tests.helpers.stored import Run
from voltagent.storage.traces.store import Store

__all__ = ["Site", "open_site"]


@dataclass(frozen=True)
class Site:
    """A server on a store. ``url`` ends with a slash; ``run`` records into the store."""

    path: Path
    url: str
    run: Run


@contextmanager
def open_site(path: Path) -> Iterator[Site]:
    """Serve the store at a path for as long as the block runs."""
    run, store = Run(path), Store(path)
    try:
        with serving(store) as url:
            yield Site(path, f"{url}/", run)
    finally:
        store.close()
        run.store.close()
