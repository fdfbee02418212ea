"""The settings of a worker, and the sizes of batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BATCH_EVENTS: Final = 512
BATCH_BYTES: Final = 4 * 2**20
NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The settings of a worker; times are seconds."""

    flush_interval: float | None  # None: send only on request, or if 4 MiB wait
    timeout: float
    max_retries: int
    retry_delay: float
    queue_events: int
    queue_bytes: int
    batch_events: int = BATCH_EVENTS  # at most, and of 4 MiB; more than usual only as long as batches are quick
    probe_seconds: float = 1.0  # a destination that is down is tried at most this often
    auth_seconds: float = 30.0  # and one that refused the key this seldom
