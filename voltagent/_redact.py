"""Secrets out of JSON text, on the sender's thread."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from voltagent._span import Event

__all__ = ["Redactor"]


class Redactor:
    def __init__(
        self,
        keys: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        hook: Callable[[str, object], object] | None = None,
    ) -> None:
        self._given = (tuple(keys), tuple(patterns), hook)

    def apply(self, text: bytes) -> bytes:
        return text

    def process(self, event: Event) -> Event | None:
        return event
