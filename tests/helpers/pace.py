"""Upper bounds of durations, so that the code can break them and a machine that is busy, slow or pauses cannot.

A bound of the clock on the wall is held by the best of some attempts: :func:`hold` and :func:`within` raise
:class:`TooSlow`, and ``conftest.py`` then runs the whole test anew, up to :data:`ATTEMPTS` times. A bound of processor
time is, on a machine that is slower than the one it was set on, as much larger: see :func:`slowness`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["ATTEMPTS", "PATIENCE", "TooSlow", "hold", "slowness", "until", "within"]

ATTEMPTS: Final = 5
PATIENCE: Final = 60.0  # seconds to wait for what must happen, on any machine
_REFERENCE: Final = 0.004  # seconds of processor time that `_work` took where the bounds were set


class TooSlow(AssertionError):
    """Something took longer than it may: because of the code, or of the machine."""


def hold(took: float, limit: float, what: str = "it") -> None:
    """``took`` seconds must be under ``limit``."""
    if took >= limit:
        raise TooSlow(f"{what} took {took:.3f} s, which is not under {limit:g} s")


@contextmanager
def within(limit: float, what: str = "it") -> Iterator[None]:
    """What is inside must take less than ``limit`` seconds by the clock on the wall."""
    began = time.monotonic()
    yield
    hold(time.monotonic() - began, limit, what)


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for something that other threads or processes do."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.005)


def slowness() -> float:
    """How many times slower this machine now runs Python than the one the bounds were set on; at least 1.

    Measured each time, as what else runs here takes its part of the caches.
    """
    return max(1.0, min(_worked() for _ in range(5)) / _REFERENCE)


def _worked() -> float:
    began = time.thread_time()
    _work()
    return time.thread_time() - began


def _work() -> object:
    """Some of all that our code does: calls, dicts, lists, texts."""
    counts: dict[str, int] = {}
    for number in range(12_000):
        name = f"k{number % 100}"
        counts[name] = counts.get(name, 0) + len(name)
    return sorted(counts.items())
