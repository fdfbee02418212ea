"""Find secrets in text: token formats, and the grammar of headers, URLs, command lines, code and configuration.

Several strings are searched at once. Literals are found with ``str.find``, and a pattern of bounded length is matched
around them, so the time grows with the length of the text only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.processors.secrets.assignments import find_assignments
from voltagent.processors.secrets.commands import COMMAND_SEARCHES
from voltagent.processors.secrets.headers import HEADER_SEARCHES
from voltagent.processors.secrets.pairs import PAIR_SEARCHES
from voltagent.processors.secrets.prefilter import fast_check, prefilter
from voltagent.processors.secrets.prose import PROSE_SEARCHES
from voltagent.processors.secrets.scan import Range, Scan, Search, TooDenseError
from voltagent.processors.secrets.tokens import INNER_TOKEN_SEARCHES, find_tokens

_SEARCHES: Final = (*INNER_TOKEN_SEARCHES, *HEADER_SEARCHES, *COMMAND_SEARCHES, *PAIR_SEARCHES, *PROSE_SEARCHES)
_BEFORE: Final = 256  # characters before a window in which the beginning of a secret in it may stand
_BEHIND: Final = 2200
_TOKEN_PIECE: Final = 2048  # characters
_AROUND_TOKEN: Final = 320  # characters around a mark in which a token's prefix, and enough of its rest, stand
_LONGEST_NEEDLE: Final = 20  # characters
_COMMON_NEEDLES: Final = frozenset(("-", "=", "<", "$", "value", "token", "password", "secret", "://", "x-", "default"))


def find_secrets(scan: Scan) -> list[Range]:
    """The secrets of the strings of a scan, in order and without overlaps.

    A stretch of text in which candidates stand too close together to be examined in time is a secret as a whole.
    """
    found: list[Range] = []
    names, tokens = prefilter()
    for start, stop in scan.windows():
        around = scan.text[max(0, start - _BEFORE) : stop + _BEHIND]
        has_token = tokens(around) is not None  # the marks of tokens are also found in other words
        has_name = bool(scan.names.own) or names(around) is not None
        if not (has_token or has_name):
            continue
        try:
            if has_token:
                found += _tokens(scan, start, stop)
            if has_name:
                found += find_assignments(scan, start, stop)
            found += _by_needles(scan, start, stop)
        except TooDenseError:
            found.append((start, stop))
    return merged(found)


def _tokens(scan: Scan, start: int, stop: int) -> list[Range]:
    """The tokens of a window, which are looked for in its pieces in which the fast check sees one."""
    check, text, found = prefilter()[1], scan.text, list[Range]()
    for first in range(start, stop, _TOKEN_PIECE):
        last = min(stop, first + _TOKEN_PIECE)
        if check(text[max(0, first - _AROUND_TOKEN) : last + _AROUND_TOKEN]) is not None:
            found += find_tokens(scan, first, last)
    return found


def _by_needles(scan: Scan, start: int, stop: int) -> list[Range]:
    found: list[Range] = []
    low, limit = scan.low, min(len(scan.low), stop + _LONGEST_NEEDLE)
    has_rare = rare_needles()(low[start:limit]) is not None
    for needle, searches in compiled_searches():
        if not has_rare and needle not in _COMMON_NEEDLES:
            continue
        first = low.find(needle, start, limit)
        if first >= 0:
            scan.check_density(needle, start, stop)
            for search, pattern in searches:
                found += _matching(scan, search, pattern, first, stop)
    return found


@cache
def rare_needles() -> Callable[[str], str | None]:
    """A check for all needles but the common ones: most texts have none, and one search is faster than eighty."""
    rare = {search.needle for search in _SEARCHES} - _COMMON_NEEDLES
    return fast_check("|".join(map(re.escape, sorted(rare))).replace("\\ ", " "))


@cache
def compiled_searches() -> tuple[tuple[str, tuple[tuple[Search, re.Pattern[str]], ...]], ...]:
    """The searches for all but tokens and assignments by their needles, compiled at the first use."""
    found: dict[str, list[tuple[Search, re.Pattern[str]]]] = {}
    for search in _SEARCHES:
        found.setdefault(search.needle, []).append((search, re.compile(search.pattern)))
    return tuple((needle, tuple(searches)) for needle, searches in found.items())


def _matching(scan: Scan, search: Search, pattern: re.Pattern[str], start: int, stop: int) -> Iterator[Range]:
    past = start
    for match in scan.matches(pattern, start, stop):
        found = search.examine(scan, match) if match.start() >= past else None
        if found is not None and found[0] < found[1]:
            past = found[1]
            yield found


def merged(ranges: list[Range]) -> list[Range]:
    """Ranges in order; those that touch or overlap become one."""
    ranges.sort()
    result: list[Range] = []
    for start, stop in ranges:
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        else:
            result.append((start, stop))
    return result


def replaced(text: str, ranges: Sequence[Range]) -> str:
    """The text with ``[redacted]`` in the place of each range."""
    parts: list[str] = []
    end = 0
    for start, stop in ranges:
        parts += (text[end:start], SECRET_TEXT)
        end = stop
    parts.append(text[end:])
    return "".join(parts)
