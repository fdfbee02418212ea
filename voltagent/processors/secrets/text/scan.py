"""Several strings searched as one text, in windows, with a bound on the work."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from re import Match
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from voltagent.core.text import join_texts, split_text
from voltagent.processors.secrets.vocabulary.names import SecretNames

_Item = TypeVar("_Item")
Range: TypeAlias = tuple[int, int]

SEPARATOR: Final = "\0"  # no pattern matches across it
SHORTEST_TEXT: Final = 6  # characters; a shorter secret could not be distinguished from a word
_WINDOW: Final = 1 << 14  # characters searched at once: a regular expression does not release the interpreter
BEFORE: Final = 256  # characters before a window in which the beginning of a secret in it may stand
SHORT: Final = 512  # characters of a text at most of which a call for a check costs more than the check itself
BEHIND: Final = 2200  # characters behind it in which a secret may go on
_LOWERED: Final = 1 << 16  # characters lowered at once
# Work is counted in units of about 0.7 microseconds: the free ones of each scan, and those for its length.
_FREE: Final = 2000
_CHARACTERS_PER_UNIT: Final = 11
LONGEST_VALUE: Final = 16_384  # characters
_MARK: Final = re.compile(r"""\\{0,64}["']|[()\[\]{}]""")
_QUOTES: Final = frozenset("\"'`")  # others are escaped: `%22`, `&quot;`
_STRINGS: Final = 4096  # joined at once
_FEW_REPEATS: Final = 256
_REPEATS_APART: Final = 256  # characters; if known secrets are repeated more often, they are replaced without a list
_AT_ONCE: Final = 1 << 17  # characters in which a known secret is looked for at once


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


class SearchGroup(NamedTuple):
    """Searches for secrets of one type, which are left out in a window in which their check finds nothing.

    The check is a regular expression for the engine in pydantic-core, over lower case. It may find too much, never too
    little. A check that begins with anything is slow: a guard, which is part of all that it finds, comes before it.
    """

    check: str
    searches: tuple[Search, ...]
    takes_own_names: bool = False  # the names of the user's own, of which the check knows nothing, matter here
    guard: str = ""


def joined(*groups: SearchGroup) -> SearchGroup:
    """Return groups as one, with one check for all: for searches that are in most texts together."""
    return SearchGroup(
        "|".join([group.check for group in groups]),
        tuple([search for group in groups for search in group.searches]),
        any(group.takes_own_names for group in groups),
    )


class Scan:
    """Strings to be searched, joined into one text. Positions are those in the joined text."""

    def __init__(self, texts: Sequence[str], names: SecretNames) -> None:
        if len(texts) == 1:
            self.text = texts[0]
            self._starts = array("q", (0, len(self.text) + 1))
        else:
            self.text, self._starts = _joined(texts)
        self.low = _lower(self.text)
        self.names = names
        self.memo: dict[str, Any] = {}  # what was decided about the same beginning of an assignment
        self.functions: dict[tuple[Any, ...], Any] = {}  # that take a value, by what is written before it
        self.lines: dict[str, bool] = {}  # of dense text: whether each is suspicious
        self.past_table = 0  # where the last table with a column of secrets ends
        # Further secrets of a match, in any order: next rows, users, values of a manifest.
        self.further: list[Range] = []
        self.units = _FREE
        self.examined = len(self.text)  # so far, each candidate is examined
        self.hidden = -1  # where the last stretch ends in which values were hidden line by line

    def leave_out(self, omissions: Sequence[tuple[int, int, int]]) -> None:
        """Leave some stretches out of the text before it is searched, each given by its start and its length.

        The work that would be allowed for these may be done elsewhere.
        """
        before, self._starts = self._starts, array("q")
        left_out = first = 0
        for start, length, _ in (*omissions, (len(self.text) + 1, 0, 0)):
            last = bisect_right(before, start)
            self._starts.fromlist([one - left_out for one in before[first:last]])
            first, left_out = last, left_out + length
        self.text, self.low = _without(self.text, omissions), _without(self.low, omissions)
        self.memo, self.functions, self.lines, self.further = {}, {}, {}, []
        self.units += left_out // _CHARACTERS_PER_UNIT
        self.examined = len(self.text)

    def windows(self) -> Iterator[Range]:
        """Stretches of the text."""
        for start in range(0, len(self.text), _WINDOW):
            yield start, min(len(self.text), start + _WINDOW)

    def allow(self, length: int) -> None:
        """Allow the work that may be done for a stretch of a length; what was spent too much before is missing."""
        self.units += length // _CHARACTERS_PER_UNIT

    def spend(self, units: int) -> None:
        """Account for work.

        Raises:
            TooDenseError: the work of this window is used up.
        """
        self.units -= units
        if self.units < 0:
            raise TooDenseError

    def repeats(self, secrets: Iterable[str], found_here: Container[str]) -> tuple[list[Range], list[str]]:
        """Return where secrets stand that are known already, and those that stand in too many places to list them.

        Of those ``found_here``, one place is known. A number is not looked for inside a longer one.
        """
        text = self.text
        most = _FEW_REPEATS + len(text) // _REPEATS_APART
        found: list[Range] = []
        frequent: list[str] = []
        is_short = len(text) <= _AT_ONCE
        for secret in secrets:
            if is_short and text.count(secret) <= (secret in found_here):
                continue
            places = list(islice(self.places_of(secret, 0, len(text), is_exact=True), most))
            most -= len(places)
            if not most:
                frequent.append(secret)
            is_number = secret.isdigit()
            for start in places:
                stop = start + len(secret)
                if not is_number or not any(map(str.isdigit, text[start - 1 : start] + text[stop : stop + 1])):
                    found.append((start, stop))
        return found, frequent

    def places_of(self, literal: str, start: int, stop: int, *, is_exact: bool = False) -> Iterator[int]:
        """Yield where a literal stands in a long stretch, in lower case unless ``is_exact``; found in pieces."""
        text, length = self.text if is_exact else self.low, len(literal)
        while start < stop:
            limit = min(stop, start + _AT_ONCE)
            last = min(stop, limit + length - 1)
            found = text.find(literal, start, last)
            while found >= 0:
                yield found
                start = found + length
                found = text.find(literal, start, last)
            start = max(start, limit)

    def group(self, match: Match[str], group: int | str) -> str:
        """Return what a group matched, as it is written in the text."""
        start, stop = match.span(group)
        return self.text[start:stop]

    def end_of_string(self, position: int) -> int:
        """Return where the string ends that holds a position."""
        return self._starts[bisect_right(self._starts, position)] - 1

    def by_string(self, ranges: list[Range]) -> dict[int, Sequence[Range]]:
        """Ranges of the joined text, in order, as those of each string, by its number. The list is used up."""
        found: dict[int, Sequence[Range]] = {}
        starts = self._starts
        if ranges and ranges[-1][1] < starts[1]:  # all of them in the first string, which may be the only one
            return {0: ranges}
        last = len(starts) - 1
        number, end = -1, -1  # of the string that was found last
        for start, stop in take_all(ranges):
            if start > end:
                number = bisect_right(starts, start, number + 1) - 1
            begin, end = starts[number], starts[number + 1] - 1
            if start < end:
                one = (start - begin, min(stop, end) - begin)
                if number in found:
                    add_range(found, number, one)
                else:
                    found[number] = (one,)
            while stop > end and number + 1 < last:
                number += 1
                begin, end = starts[number], starts[number + 1] - 1
                if begin < min(stop, end):
                    add_range(found, number, (0, min(stop, end) - begin))
        return found


def add_range(ranges: dict[int, Sequence[Range]], number: int, one: Range) -> None:
    """Add a range of a string, which has one mostly; Python's garbage collection stops tracking tuples of numbers."""
    several = ranges.get(number)
    if several is None:
        ranges[number] = (one,)
    elif isinstance(several, list):
        several.append(one)
    else:
        ranges[number] = [*several, one]


def take_all(items: list[_Item]) -> Iterator[_Item]:
    """Yield the items of a list, which is emptied meanwhile: to free very many of them at once takes long."""
    items.reverse()  # it is emptied from its end, which moves nothing
    while items:
        some = items[-_STRINGS:]
        del items[-_STRINGS:]
        yield from reversed(some)


def _joined(texts: Sequence[str]) -> tuple[str, array[int]]:
    """Return several strings as one, and where each of them begins in it.

    In pieces: each call in C holds the interpreter, and a payload may consist of a million strings.
    """
    pieces = [texts[first : first + _STRINGS] for first in range(0, len(texts), _STRINGS)]
    starts = array("q", (0,))
    for piece in pieces:
        ends = accumulate(map((1).__add__, map(len, piece)), initial=starts.pop())
        starts.fromlist(list(ends))
    parts = [SEPARATOR] * max(0, 2 * len(pieces) - 1)
    parts[::2] = map(SEPARATOR.join, pieces)
    return join_texts(parts), starts


def _without(text: str, omissions: Sequence[tuple[int, int, int]]) -> str:
    parts: list[str] = []
    end = 0
    for start, length, _ in omissions:
        parts += split_text(text, end, start)
        end = start + length
    return join_texts([*parts, *split_text(text, end, len(text))])


def _lower(text: str) -> str:
    """Return the text in lower case, character by character."""
    if len(text) <= _LOWERED:
        return _lower_piece(text)
    return join_texts([_lower_piece(text[start : start + _LOWERED]) for start in range(0, len(text), _LOWERED)])


def _lower_piece(text: str) -> str:
    low = text.lower()
    return low if len(low) == len(text) else text.replace("\u0130", "I").lower()  # the only one that becomes two


def closing_quote(scan: Scan, start: int, quote: str) -> int:
    """Return where a quoted value ends, before its closing quote; at the end of the string if it was cut."""
    limit = min(scan.end_of_string(start), start + LONGEST_VALUE)
    if len(quote) > 2 and (quote[-1] not in _QUOTES or quote[-1] == quote[-2] == quote[-3]):
        end = scan.text.find(quote, start, limit)
        scan.units -= (limit if end < 0 else end) - start >> 7
        return limit if end < 0 else end
    escapes, mark = len(quote) - 1, quote[-1]
    position = scan.text.find(mark, start, limit)
    while position > start and mark == "'" and scan.text[position + 1 : position + 2] == "'" and not escapes:
        position = scan.text.find(mark, position + 2, limit)  # YAML and SQL double a quote inside of quotes
        scan.spend(2)
    if position > start and not escapes and scan.text[position - 1] != "\\":
        return position
    while position >= 0:
        slashes = _slashes(scan.text, start, position)
        if slashes <= escapes or (slashes - escapes) % (2 * (escapes + 1)) == 0:
            scan.units -= position - start >> 7
            return position - min(escapes, slashes)
        scan.spend(2)
        position = scan.text.find(mark, position + 1, limit)
    scan.units -= limit - start >> 7
    return limit


def _slashes(text: str, start: int, position: int) -> int:
    """Return how many backslashes stand before a position, up to 64."""
    least = max(start, position - 64)
    return (position - least) - len(text[least:position].rstrip("\\"))


def past_collection(scan: Scan, start: int) -> int:
    """Return where the bracket at ``start`` is closed; brackets in quotes do not count."""
    limit = min(scan.end_of_string(start), start + LONGEST_VALUE)
    depth = 0
    inside: tuple[str, int] | None = None  # the quote that is open, and how many backslashes stand before it
    for number, mark in enumerate(_MARK.finditer(scan.text, start, limit)):
        scan.spend(number & 1)  # a mark takes half a unit
        sign, escapes = mark[0][-1], len(mark[0]) - 1
        if inside is not None:
            if sign == inside[0] and (escapes <= inside[1] or (escapes - inside[1]) % (2 * (inside[1] + 1)) == 0):
                inside = None
        elif sign in "\"'":
            inside = sign, escapes
        elif sign in "([{":
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return mark.end()
    return limit
