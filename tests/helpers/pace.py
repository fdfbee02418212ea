"""Upper bounds of durations, so that the code can break them and a machine that is busy, slow or pauses cannot.

A bound of the clock on the wall is held by the best of some attempts: :func:`hold` and :func:`within` raise
:class:`TooSlow`, and ``conftest.py`` then runs the whole test anew, up to :data:`ATTEMPTS` times. A bound of processor
time (:func:`hold_processor`, :func:`exceeds`) is, on a machine that is slower than the one it was set on, as much
larger: see :func:`slowness`, which takes some milliseconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from voltagent.processors.secrets.text.engine import fast_check

__all__ = ["ATTEMPTS", "PATIENCE", "TooSlow", "exceeds", "hold", "hold_processor", "slowness", "until", "within"]

ATTEMPTS: Final = 5
PATIENCE: Final = 60.0  # seconds to wait for what must happen, on any machine


class TooSlow(AssertionError):
    """Something took longer than it may: because of the code, or of the machine."""


def hold(took: float, limit: float, what: str = "it") -> None:
    """``took`` seconds must be under ``limit``."""
    if took >= limit:
        raise TooSlow(f"{what} took {took:.3f} s, which is not under {limit:g} s")


def exceeds(took: float, limit: float) -> bool:
    """Return whether ``took`` seconds of processor time are over a limit, on a machine like the one it was set on."""
    return took > limit and took > limit * slowness()


def hold_processor(took: float, limit: float, what: str = "it") -> None:
    """``took`` seconds of processor time must not be over the limit."""
    if exceeds(took, limit):
        raise TooSlow(f"{what} took {took:.4f} s of processor time, which is over {limit:g} s")


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

    Measured each time, as what else runs here takes its part of the caches. Machines that are as fast in a small loop
    may differ by half where the code, its patterns and its texts are many.
    """
    return max(1.0, *(min(_took(work) for _ in range(5)) / reference for work, reference in _WORKS))


def _took(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _loop() -> object:
    """Calls, dicts, lists and texts in a small loop."""
    counts: dict[str, int] = {}
    for number in range(12_000):
        name = f"k{number % 100}"
        counts[name] = counts.get(name, 0) + len(name)
    return sorted(counts.items())


def _search() -> object:
    """Many short searches, each of another pattern in another text, and what is made of their results."""
    found: list[tuple[str, str]] = []
    for pattern, check in _PATTERNS * 10:
        for text in _TEXTS:
            if check(text) is not None and (match := pattern.search(text)) is not None:
                start, stop = match.span()
                found.append((text[:start].rstrip(), text[stop:].lower()))
    return found


_WORDS: Final = ("alpha", "beta", "gamma", "delta", "user", "token", "name", "value")
_TEXTS: Final = [f'{one}_{other} = "{other}-{number}{one}", ' for number, one in enumerate(_WORDS) for other in _WORDS]
_PATTERNS: Final = [
    (
        re.compile(rf"\b({one}\w{{0,20}})[ \t]{{0,4}}([:=])[ \t]{{0,4}}\"?([^\"\s]{{2,40}})", re.IGNORECASE),
        fast_check(rf"(?i){one}[a-z_]*[ \t]*[:=]"),
    )
    for one in _WORDS
]
# Each work, and the seconds of processor time that it took where the bounds were set. Those of the second are worked
# out, from a machine on which the same commit took 1.75 times as long to redact.
_WORKS: Final = ((_loop, 0.004), (_search, 0.00105))
