"""Several strings searched as one text, in windows, with a bound on the work."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from re import Match, Pattern
from typing import Final, NamedTuple, TypeAlias

from voltagent.processors.secrets.names import SecretNames

Range: TypeAlias = tuple[int, int]

_SEPARATOR: Final = "\0"  # no pattern matches across it
_WINDOW: Final = 1 << 14  # characters searched at once: a regular expression does not release the interpreter
_LOWERED: Final = 1 << 16  # characters beyond ASCII lowered at once: that takes six times as long as ASCII
_OVERLAP: Final = 4400  # characters; longer than what any pattern matches from where it begins
# Work is counted in units of about a microsecond: the free ones of each scan, and those for its length.
_FREE: Final = 1000
_CHARACTERS_PER_UNIT: Final = 40
_DENSE: Final = 4096  # characters; in a shorter window anything may stand close together
_CLOSEST: Final = 8  # characters from one literal to the next, on average


class TooDenseError(Exception):
    """The candidates of a window stand too close together for each to be examined."""


class Search(NamedTuple):
    """What to look for: a literal, the pattern around it, and a function that decides about a match.

    The pattern is matched against the text in lower case and begins with the literal, or it could not be found fast.
    It is compiled when it is first needed: `import voltagent` must not take the time.
    """

    needle: str
    pattern: str
    examine: Callable[[Scan, Match[str]], Range | None]


class Scan:
    """Strings to be searched, joined into one text. Positions are those in the joined text."""

    def __init__(self, texts: Sequence[str], names: SecretNames) -> None:
        self.text = texts[0] if len(texts) == 1 else _SEPARATOR.join(texts)
        self.low = _lower(self.text)
        self.names = names
        self._starts = [0, *accumulate(map((1).__add__, map(len, texts)))]
        self._units = _FREE

    def windows(self) -> Iterator[Range]:
        """Stretches of the text; entering one sets the work that may be done in it."""
        for start in range(0, len(self.text), _WINDOW):
            stop = min(len(self.text), start + _WINDOW)
            self._units = max(0, self._units) + (stop - start) // _CHARACTERS_PER_UNIT
            yield start, stop

    def spend(self, units: int) -> None:
        """Account for work.

        Raises:
            TooDenseError: the work of this window is used up.
        """
        self._units -= units
        if self._units < 0:
            raise TooDenseError

    def check_density(self, needle: str, start: int, stop: int) -> None:
        """Raise :class:`TooDenseError` if a literal stands in a window more often than can be examined."""
        if stop - start > _DENSE and self.low.count(needle, start, stop) > (stop - start) // _CLOSEST:
            raise TooDenseError

    def matches(self, pattern: Pattern[str], start: int, stop: int) -> Iterator[Match[str]]:
        """The matches of a pattern that begin in a window."""
        for match in pattern.finditer(self.low, start, min(len(self.low), stop + _OVERLAP)):
            if match.start() >= stop:
                return
            self._units -= 1
            if self._units < 0:
                raise TooDenseError
            yield match

    def repeats(self, secrets: Iterable[str]) -> list[Range]:
        """Where secrets stand that are known already; a number is not looked for inside a longer one."""
        text = self.text
        found: list[Range] = []
        for secret in secrets:
            is_number = secret.isdigit()
            start, length = text.find(secret), len(secret)
            while start >= 0:
                stop = start + length
                if not is_number or not any(map(str.isdigit, text[start - 1 : start] + text[stop : stop + 1])):
                    found.append((start, stop))
                start = text.find(secret, stop)
        return found

    def group(self, match: Match[str], group: int | str) -> str:
        """What a group matched, as it is written in the text."""
        start, stop = match.span(group)
        return self.text[start:stop]

    def end_of_string(self, position: int) -> int:
        """Where the string ends that holds a position."""
        return self._starts[bisect_right(self._starts, position)] - 1

    def by_string(self, ranges: Sequence[Range]) -> dict[int, list[Range]]:
        """Ranges of the joined text, in order, as ranges of each string, by its number."""
        found: dict[int, list[Range]] = {}
        starts = self._starts
        last = len(starts) - 1
        for start, stop in ranges:
            number = bisect_right(starts, start) - 1
            end = starts[number + 1] - 1
            if stop <= end:
                found.setdefault(number, []).append((start - starts[number], stop - starts[number]))
                continue
            if start < end:
                found.setdefault(number, []).append((start - starts[number], end - starts[number]))
            number += 1
            while number < last and starts[number + 1] <= stop:  # a whole string
                found[number] = [(0, starts[number + 1] - starts[number] - 1)]
                number += 1
            if number < last and starts[number] < stop:
                found[number] = [(0, min(stop, starts[number + 1] - 1) - starts[number])]
        return found


def _lower(text: str) -> str:
    """The text in lower case, character by character."""
    if text.isascii():
        return text.lower()
    pieces = (text[start : start + _LOWERED] for start in range(0, len(text), _LOWERED))
    low = "".join(map(str.lower, pieces))
    return low if len(low) == len(text) else text.replace("\u0130", "I").lower()  # the only one that becomes two
