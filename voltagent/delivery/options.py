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

    flush_interval: float | None = 5.0  # after which what waits is sent; None: only on request, or if 4 MiB wait
    timeout: float = 30.0  # of one request, and of `flush` and `shutdown` if they are given none
    max_retries: int = 3  # how often an event is tried again after an answer that refuses it
    retry_delay: float = 1.0  # before the first retry, doubled each time up to 30, with full jitter
    queue_events: int = 50_000  # that may wait for each destination
    queue_bytes: int = 64 * 2**20
    batch_events: int = BATCH_EVENTS  # at most, and of 4 MiB; more than usual only as long as batches are quick
    probe_seconds: float = 1.0  # a destination that is down is tried at most this often
    auth_seconds: float = 30.0  # and one that refused the key this seldom
