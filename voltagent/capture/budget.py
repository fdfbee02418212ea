"""What a snapshot may still use: bytes of JSON, values, and processor time.

The time belongs to the operation as a whole. What its arguments took is missing to its result, and what both took to
the payloads that the program records later.
"""

from __future__ import annotations

import threading
from typing import Final, Protocol

from voltagent.core import clock

SECONDS: Final = 0.020  # of processor time for all payloads of one operation
INPUT_SECONDS: Final = 0.012  # of it, for the arguments: they come first and must leave something to the result
LEAST_SECONDS: Final = 0.003  # for any payload, so that its beginning is recorded
VALUES: Final = 20_000  # written one by one; a plain collection counts as one
LOOK: Final = 64  # values between two looks at the clock
READ: Final = 4096  # items of lists that are read of one result of a model, in all its lists together
_NOTABLE: Final = 0.001  # seconds; less is not remembered
_REMEMBERED: Final = 256  # operations


class _ItemsLeft(threading.local):
    """How many more items of lists are read, on this thread, of the result or the payload that is being read."""

    left: int = READ


READING: Final = _ItemsLeft()


class Owner(Protocol):
    """What a payload belongs to, such as a span. ``input`` is its first payload, if it has one."""

    @property
    def input(self) -> bytes | None: ...


class Shared:
    """The owner of payloads that share one budget and have no span."""

    __slots__ = ()
    input: bytes | None = None


class Budget:
    """The limits of one payload, which count down.

    Args:
        limit: bytes of JSON.
        owner: what the payload belongs to; ``None`` for arguments, which exist before their span.
    """

    __slots__ = ("_began", "_values", "bytes", "countdown", "deadline", "is_late")

    def __init__(self, limit: int, owner: Owner | None = None) -> None:
        self.bytes = limit
        self.is_late = False
        self.countdown = LOOK  # until the next look at the clock: one for each value, more for what takes longer
        self._values = VALUES
        self._began = clock.thread_seconds()
        self.deadline = self._began + _seconds_left(owner)
        READING.left = READ

    def is_used_up(self) -> bool:
        """Return whether no further value may be written, because of their number or of the time."""
        if self.countdown <= 0 and not self.is_late:
            self._values -= LOOK
            self.countdown = LOOK
            self.is_late = self._values <= 0 or clock.thread_seconds() > self.deadline
        return self.is_late

    def look(self) -> bool:
        """:meth:`is_used_up` after something that takes long: looks at the clock in any case."""
        self.is_late = self.is_late or clock.thread_seconds() > self.deadline
        return self.is_late

    def remember(self, key: object) -> None:
        """Note what was used, for the next payload of the same span. ``key`` is the span, or its input."""
        used = clock.thread_seconds() - self._began
        if used > _NOTABLE:
            if len(_used) >= _REMEMBERED:
                for oldest in tuple(_used)[: _REMEMBERED // 2]:
                    _used.pop(oldest, None)
            _used[id(key)] = _used.get(id(key), 0.0) + used


# By identity. One that is used again for another operation costs that some of its time, never all of it.
_used: Final[dict[int, float]] = {}


def _seconds_left(owner: Owner | None) -> float:
    if owner is None:
        return INPUT_SECONDS
    return max(LEAST_SECONDS, SECONDS - _used.get(id(owner), 0.0) - _used.get(id(owner.input), 0.0))
