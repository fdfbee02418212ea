"""How each contestant is put around a function: one module each, so that only its own packages are imported.

A module has a class ``Adapter``, see :class:`adapters.Contestant`. The ``kind`` of a function is trace, agent, tool or
retriever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Place:
    """Where a contestant sends: a URL of the sink, or one that refuses connections; and a folder of its own."""

    url: str
    folder: str


class Contestant:
    """What an adapter does; this one records nothing."""

    burst: ClassVar[int] = 1000  # calls between two flushes: what fits every contestant's queue
    bursts: ClassVar[int] = 5  # per round
    packages: ClassVar[tuple[str, ...]] = ()  # whose versions are reported
    skips: ClassVar[frozenset[str]] = frozenset()  # the workloads it cannot do

    def __init__(self, place: Place) -> None:
        self.place = place

    def decorate(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    def flush(self) -> None:
        """Deliver what was recorded; outside the timed part."""

    def pending(self) -> int:
        """How many events wait, where that can be known."""
        return -1

    def delivered(self) -> int:
        """How many marked operations arrived, where the sink cannot know; else -1."""
        return -1
