"""The local server of ``voltagent ui``, run in this process."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from voltagent.server.server import Server
from voltagent.storage.traces.store import Store


@contextmanager
def serving(store: Store, port: int = 0) -> Generator[str, None, None]:
    """Run the server in a thread of its own while the block runs; yield its URL."""
    with Server(store, port) as server:
        thread = threading.Thread(target=server.serve_forever, name="voltagent-ui-accept", daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.close()
            thread.join()
