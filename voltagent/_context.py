"""Which span is current here, and which SDK is meant where none is current."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from voltagent._span import TRACE, Span, Trace

__all__ = ["ACTIVE", "CURRENT", "INERT", "suppress"]


class _InertSpan(Span):
    """A span that stands for "record nothing": where recording is off, suppressed, refused or sampled out."""

    __slots__ = ()

    @property
    def recording(self) -> bool:
        return False


INERT: Final[Span] = _InertSpan(Trace("", "", None), None, TRACE, "", None, identifier="")

# The innermost entered span of this context, also after its end; INERT where nothing may be recorded.
CURRENT: Final[ContextVar[Span | None]] = ContextVar("voltagent_current", default=None)

# Non-empty while a decorated call could have something to record: the live recorders, and until the environment was
# asked, a note that it still has to be. wrapt reads its truth in C, which is what makes "off" nearly free.
ACTIVE: Final[list[Any]] = []


@contextmanager
def suppress() -> Iterator[None]:
    """Record nothing inside this block: decorated calls just run, and ``current()`` gives an inert handle."""
    before = CURRENT.get()
    CURRENT.set(INERT)
    try:
        yield
    finally:
        CURRENT.set(before)
