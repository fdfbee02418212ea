"""The nearest known name for one that was misspelt."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``, or ``None`` where none is like it."""
    from difflib import get_close_matches  # for mistakes only: a program without any does not pay for it

    return next(iter(get_close_matches(name, list(known), n=1)), None)
