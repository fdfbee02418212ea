"""How quickly the local store and the viewer's API answer with 100 000 operations: ``python -m benchmarks.viewer``.

The store has 90 000 operations in traces of ten and one trace of 10 000, with an input and an output of 1 KB each. Each
question is put three times to a server on loopback in this process, and the shortest time counts, of client and server
together. Beside it stands the processor time, which other programs do not change: that is compared with the bound.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx

from tests.helpers import big_store
from tests.helpers.local_server import serving
from voltagent.storage.traces.filters import ORDERS

_TRIES: Final = 3
_OPERATIONS: Final = 100_000
# name -> (path, seconds at most)
QUESTIONS: Final[dict[str, tuple[str, float]]] = {
    "first rows": ("/api/traces", 0.6),
    **{f"sort by {order}": (f"/api/traces?sort={order}", 0.3) for order in ORDERS},
    "has errors": ("/api/traces?errors=1", 0.3),
    "tool": ("/api/traces?tool=tool%203", 0.3),
    "tool that failed": ("/api/traces?tool=tool%203&failed=1", 0.3),
    "model": ("/api/traces?model=model-1", 0.3),
    "error type": ("/api/traces?error_type=KeyError", 0.3),
    "metadata": ("/api/traces?metadata=model_parameters.model:model-2", 0.3),
    "tokens": ("/api/traces?min_tokens=300", 0.3),
    "agent and tag": ("/api/traces?agent=Bot%203&tag=slow", 0.3),
    "text that is absent": ("/api/traces?text=nowhere%20to%20be%20seen", 1.0),
    "histogram": ("/api/histogram", 0.3),
    "conversations": ("/api/conversations", 0.3),
    "users": ("/api/users?sort=cost", 0.3),
    "metrics by tool": ("/api/metrics?by=tool", 0.6),
    "metrics by model": ("/api/metrics?by=model", 0.6),
    "metrics by user": ("/api/metrics?by=user", 0.6),
    "facets": ("/api/facets", 0.3),
}


def measure(client: httpx.Client, path: str) -> tuple[float, float]:
    """Return the shortest time of a question, and the least processor time, in seconds."""
    times: list[float] = []
    worked: list[float] = []
    for _ in range(_TRIES):
        began, before = time.perf_counter(), time.process_time()
        client.get(path, timeout=60).raise_for_status()
        times.append(time.perf_counter() - began)
        worked.append(time.process_time() - before)
    return min(times), min(worked)


def main() -> int:
    """Print the times; the exit status is 1 if one is above its bound."""
    big_store.OPERATIONS = _OPERATIONS
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        store = big_store.fill(Path(folder, "traces.db"))
        print(f"filled with {_OPERATIONS} operations in {time.process_time() - began:.0f} s of processor time")
        size = store.path.stat().st_size / 2**20
        large = store.traces(limit=1)[0].id
        questions = {**QUESTIONS, "a trace of 10 000 operations": (f"/api/traces/{large}", 0.5)}
        print(f"{size:.0f} MB; times, processor times and their bounds in milliseconds")
        slow = 0
        with serving(store) as url, httpx.Client(base_url=url) as client:
            for name, (path, bound) in questions.items():
                taken, worked = measure(client, path)
                slow += worked > bound
                note = "  TOO SLOW" if worked > bound else ""
                print(f"{name:<30} {taken * 1000:7.0f} {worked * 1000:7.0f} {bound * 1000:7.0f}{note}")
        store.close()
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
