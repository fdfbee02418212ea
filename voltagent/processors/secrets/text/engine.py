"""Search a text with the engine of pydantic-core, which reads it once, however many alternatives an expression has.

It needs neither a copy in lower case nor a way back, and knows no look-around.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from pydantic_core import SchemaValidator

from voltagent.core import clock

_STARTING: Final = 0.0002  # seconds for a search, and
_STARTING_APART: Final = 0.00004  # where each check has an expression of its own
_SLOW_APART: Final = 40e-9
_SLOW_IN_A_ROW: Final = 8  # such searches before another way is taken
_SLOW: Final = 20e-9  # for each character of its text: one that takes longer has used up the engine's cache
_AVOIDED: Final = 256  # pieces after two such texts
_PIECE: Final = 1200  # characters searched at once
# Characters of a piece that are in the next one as well: those behind a border, between two items or lines, which no
# check goes over by more than the least; or, in a long line, those of some words.
_OVERLAP: Final = 512
_LEAST_OVERLAP: Final = 64
_OVERLAP_IN_LINE: Final = 320
_BORDER: Final = '",'
_LINE: Final = r"\n"


@lru_cache(maxsize=1024)
def fast_check(pattern: str) -> Callable[[str | bytes], str | None]:
    """Return a function that gives ``None`` for a text without a match; the pattern has no look-around.

    It takes UTF-8 as well, which costs less than a text beyond ASCII. It is compiled once.
    """
    text = {"type": "str", "pattern": pattern, "regex_engine": "rust-regex"}
    schema: Any = {"type": "default", "schema": text, "default": None, "on_error": "default"}
    return SchemaValidator(schema).validate_python


_LOWER: Final[Any] = {"type": "str", "to_lower": True}
# `str.lower` for a long text in ASCII, in a third of the time: Python looks each character up.
lower_ascii: Final[Callable[[str], str]] = SchemaValidator(_LOWER).validate_python


@lru_cache(maxsize=1024)
def has_literal(literal: str) -> Callable[[str | bytes], str | None]:
    """Return a check for a literal: several times as fast as `str.find` where it does not stand."""
    return fast_check(re.escape(literal))


class Check:
    """Several checks in one expression, which searches a text in short pieces.

    The engine makes a state for each new combination of beginnings that it meets, in up to 4 microseconds for such an
    expression. In a text that is made of them that is one for each character, and no other thread runs meanwhile; once
    its cache was full some times, the engine does without states, as slowly. After two such texts, the next ones are
    searched by one expression for each check: together these have few combinations, and their states fit.
    Where even those do not, as in a thousand different texts of this kind, the caller takes another way for some time.
    """

    __slots__ = ("_apart", "_avoided", "_checks", "_slow", "_together")

    def __init__(self, checks: Sequence[str]) -> None:
        self._checks = checks
        self._together = fast_check("|".join(checks))
        self._slow = 0  # searches in a row that were
        self._avoided = 0  # pieces that are better not searched here
        self._apart = 0  # that many pieces are searched by one expression for each check

    def __call__(self, text: str) -> str | None:
        """Return what was found; ``None`` for nothing. This is long for its speed: all payloads come here."""
        search = self._search_apart if self._apart else self._together
        length = len(text)
        now = clock.thread_seconds if self._slow else clock.monotonic  # which costs less, but includes waiting
        began = now()
        if length <= _PIECE:
            found = search(text)
        else:
            start, stop = 0, _PIECE
            while (found := search(text[start:stop])) is None and stop < length:
                start = text.rfind(_BORDER, stop - _OVERLAP, stop - _LEAST_OVERLAP)
                if start < 0:
                    start = _start_without_border(text, stop)
                stop = start + _PIECE
        self._note(now() - began, length)
        return found

    def avoids(self, length: int) -> bool:
        """Return whether these expressions, each of them too, were too slow lately for a text: take another way."""
        if not self._avoided:
            return False
        self._avoided = max(0, self._avoided - 1 - length // _PIECE)
        return True

    def _note(self, seconds: float, length: int) -> None:
        """Note how long the search in a text took."""
        if self._apart:
            self._apart = max(0, self._apart - 1 - length // _PIECE)
            self._slow = self._slow + 1 if seconds > _STARTING_APART + _SLOW_APART * length else 0
            if self._slow > _SLOW_IN_A_ROW:
                self._avoided, self._slow = _AVOIDED, 0
        elif seconds <= _STARTING + _SLOW * length:
            self._slow = 0
        elif self._slow:
            self._apart, self._slow = _AVOIDED, 0
        else:
            self._slow = 1  # perhaps this thread had to wait

    def _search_apart(self, text: str) -> str | None:
        for one in self._checks:
            found = fast_check(one)(text)
            if found is not None:
                return found
        return None


def _start_without_border(text: str, stop: int) -> int:
    """Return where the next piece begins in a text with few items: at a line or a word."""
    line = text.rfind(_LINE, stop - _OVERLAP, stop - _LEAST_OVERLAP)
    if line >= 0:
        return line
    word = text.find(" ", stop - _OVERLAP_IN_LINE, stop - _LEAST_OVERLAP)
    return word if word >= 0 else stop - _OVERLAP_IN_LINE
