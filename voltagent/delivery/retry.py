"""When to try again after a destination refused or failed, and when to give up. Pure functions."""

from __future__ import annotations

from typing import Final

BACKOFF_CAP: Final = 30.0  # seconds; the longest wait of our own between two tries
PROBE_SECONDS: Final = 1.0  # while a destination is down, it is asked at most this often


def backoff(failures: int, first: float, chance: float) -> float:
    """Seconds to wait after so many failures (from 1): ``first`` doubled each time up to 30, with full jitter.

    ``chance`` is a random number in [0, 1). Source of the form: "Exponential Backoff And Jitter", AWS, 2015.
    """
    return min(first * 2.0 ** min(failures - 1, 32), BACKOFF_CAP) * chance


def gives_up(refusals: int, absences: int, max_retries: int) -> bool:
    """Whether an event is dropped after ``refusals`` answers that refuses it.

    ``absences`` are the times the destination seemed to be down for this event while it took others. A flapping
    destination causes some of those, so they weigh a tenth; but an event that brings its server down each time must
    not be tried for ever.
    """
    return refusals > max_retries or absences > 10 * (max_retries + 1)
