"""Find tokens of known formats by their prefixes."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import cache, partial
from typing import Final, NamedTuple

from voltagent.processors.credential_forms import is_random
from voltagent.processors.patterns import atomic
from voltagent.processors.secret_scan import Range, Scan, Search
from voltagent.processors.token_formats import FORMATS, INNER_FORMATS, Format, InnerFormat

# What a token can be part of: from its first character to where its alphabet ends. A format is looked up by the first
# two characters of such a word, so that a text takes the same time however many formats there are.
# A plain word of prose is none.
_WORD: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?={atomic('[A-Za-z]?[a-z]{0,40}', 'plain')}[A-Z0-9_.~$*+-])"
    r"[A-Za-z0-9][A-Za-z0-9_.~$*+-]{9,600}"
)
_LONGEST: Final = 8600  # characters of a token
_EXAMINED: Final = 100  # characters of a token's rest that distinguish it from a name
_ALPHANUMERIC: Final = string.ascii_lowercase + string.ascii_uppercase + string.digits


def first_characters(prefix: str) -> set[str]:
    """The first two characters of all strings that a prefix matches; it has classes, groups and literals only."""
    found = {""}
    position = 0
    while position < len(prefix) and any(len(one) < 2 for one in found):
        branches, position = _next_part(prefix, position)
        found = {one + more for one in found for more in branches}
    return {one[:2] for one in found}


def _next_part(prefix: str, position: int) -> tuple[set[str], int]:
    if prefix.startswith("(?:", position):
        end = prefix.index(")", position)
        branches = {first for branch in prefix[position + 3 : end].split("|") for first in first_characters(branch)}
        return branches | ({""} if prefix[end + 1 : end + 2] == "?" else set()), end + 1
    if prefix[position] == "[":
        end = prefix.index("]", position)
        return _members(prefix[position + 1 : end]), end + 1
    position += prefix[position] == "\\"
    return {prefix[position]}, position + 1


def _members(text: str) -> set[str]:
    """The characters of a class such as ``a-z0``."""
    for short, all_of_it in (("a-z", string.ascii_lowercase), ("A-Z", string.ascii_uppercase), ("0-9", string.digits)):
        text = text.replace(short, all_of_it)
    return set(text) - {"-"}


class _Beginning(NamedTuple):
    """The formats that begin with the same two characters."""

    unmistakable: re.Pattern[str] | None  # one of several prefixes
    ordinary: tuple[re.Pattern[str], ...]  # prefixes whose rest decides, in group 1


def _pattern(one: Format) -> str:
    return f"(?:{one.prefix})({one.rest}{{{one.least},{_LONGEST}}})"


def _beginning(formats: list[Format]) -> _Beginning:
    sure = [_pattern(one) for one in formats if not one.ordinary]
    return _Beginning(
        re.compile("|".join(sure)) if sure else None,
        tuple(re.compile(_pattern(one)) for one in formats if one.ordinary),
    )


@cache
def token_table() -> dict[str, _Beginning]:
    """The formats by their first two characters, compiled at the first use."""
    table: dict[str, list[Format]] = {}
    for one in FORMATS:
        for first in first_characters(one.prefix):
            table.setdefault(first, []).append(one)
    return {first: _beginning(formats) for first, formats in table.items()}


def find_tokens(scan: Scan, start: int, stop: int) -> Iterator[Range]:
    """Tokens of known formats that begin in a window."""
    past = start
    beginnings = token_table()
    for word in _WORD.finditer(scan.text, start, min(len(scan.text), stop + 620)):
        first = word.start()
        if first >= stop or first < past:
            continue
        beginning = beginnings.get(scan.text[first : first + 2])
        while beginning is not None:
            scan.spend(1)
            end = _end_of_token(scan.text, first, beginning)
            if not end:
                break
            yield first, end
            past = first = end  # another one may stand directly behind it
            beginning = beginnings.get(scan.text[first : first + 2])


def _end_of_token(text: str, start: int, beginning: _Beginning) -> int:
    match = None if beginning.unmistakable is None else beginning.unmistakable.match(text, start)
    if match is not None:
        return match.end()
    for pattern in beginning.ordinary:
        match = pattern.match(text, start)
        if match is not None and is_random(match[1][:_EXAMINED]):
            return match.end()
    return 0


def _inner_token(least: int, scan: Scan, match: re.Match[str]) -> Range:
    """A token with its mark inside: also what stands before it."""
    before = scan.text[max(0, match.start() - least) : match.start()]
    return match.start() - len(before) + len(before.rstrip(_ALPHANUMERIC)), match.end()


def _search(one: InnerFormat) -> Search:
    return Search(one.mark, one.pattern, partial(_inner_token, 34))


INNER_TOKEN_SEARCHES: Final = tuple(map(_search, INNER_FORMATS))
