"""Find tokens of known formats by their prefixes."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Final, NamedTuple

from voltagent.processors.secrets.text.engine import fast_check
from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup, TooDenseError
from voltagent.processors.secrets.vocabulary.credential_forms import is_random
from voltagent.processors.secrets.vocabulary.token_formats import (
    FORMATS,
    INNER_FORMATS,
    TOKEN_MARKS,
    Format,
    InnerFormat,
)

_LONGEST_MARK: Final = 64  # characters that a mark looks at
_MARKED: Final = 5  # units of work for a mark
_FOUND: Final = 6  # units of work for what has to be replaced
_EXAMINING: Final = 6  # units of work for a token
_FAILED: Final = 8  # units of work for a token that is none: its alphabet may have been read far
_BEFORE: Final = 32  # characters of a prefix before its mark
_LONGEST: Final = 8600  # characters of a token
_EXAMINED: Final = 100  # characters of a token's rest that distinguish it from a name
_BEHIND: Final = re.compile(r"\(\?<=[^()]{0,80}\)")
_ALPHANUMERIC: Final = string.ascii_lowercase + string.ascii_uppercase + string.digits
_JOINTS: Final = ("_", "-", ".")
_WORD: Final = _ALPHANUMERIC + "_-."
_ENDS_TOKEN: Final = frozenset(("", *" \n\r\t\0\"'`,;&<>()[]{}"))


def first_characters(prefix: str) -> set[str]:
    """Return the first two characters of all strings that a prefix of classes, groups and literals matches."""
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
    """Return the characters of a class such as ``a-z0``."""
    found = set(re.sub(".-.|-", "", text))
    for first, last in re.findall("(.)-(.)", text):
        found.update(map(chr, range(ord(first), ord(last) + 1)))
    return found


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
    """Return the formats by their first two characters, compiled at the first use."""
    table: dict[str, list[Format]] = {}
    for one in FORMATS:
        for first in first_characters(one.prefix):
            table.setdefault(first, []).append(one)
    return {first: _beginning(formats) for first, formats in table.items()}


@cache
def token_marks() -> tuple[re.Pattern[str], ...]:
    """Return the marks of tokens, compiled at the first use: first those that are separators."""
    return tuple(map(re.compile, sorted(TOKEN_MARKS, key=_is_rare)))


def _is_rare(mark: str) -> bool:
    return mark.lstrip("\\")[0] not in _JOINTS


@cache
def _rare_marks() -> tuple[int, Callable[[str], str | None], Sequence[Callable[[str], str | None]]]:
    """Return the number of the first mark that is no separator, one check for all of those, and one for each."""
    rare = [_BEHIND.sub("", mark).replace("(?=", "(?:") for mark in TOKEN_MARKS if _is_rare(mark)]
    return len(TOKEN_MARKS) - len(rare), fast_check("|".join(rare)), tuple(map(fast_check, rare))


def find_tokens(scan: Scan, start: int, stop: int) -> list[Range]:
    """Tokens of known formats whose mark is in a window."""
    text, table, marks, found = scan.text, token_table(), token_marks(), list[Range]()
    limit = min(len(text), stop + _LONGEST_MARK)
    first_rare, has_rare, checks = _rare_marks()
    piece = text[start:limit]
    some = [*marks[:first_rare]]
    if has_rare(piece) is not None:
        some += [mark for mark, check in zip(marks[first_rare:], checks, strict=True) if check(piece) is not None]
    ends: dict[int, int] = {}  # of tokens, by where they begin: some have several marks; 0 if there is none
    past = start
    for position in sorted([match.start() for mark in some for match in mark.finditer(text, start, limit)]):
        if position < past:
            continue
        if position >= stop:
            break
        scan.units -= _MARKED
        if scan.units < 0:
            raise TooDenseError
        before = text[position - _BEFORE if position > _BEFORE else 0 : position]
        first = position - len(before) + len(before.rstrip(_ALPHANUMERIC))
        end = ends[first] if first in ends else _add_tokens(scan, first, table, ends, found)
        if not end and text[first - 1 : first] in _JOINTS:  # from the beginning of all that is joined to the word
            first = position - len(before) + len(before.rstrip(_WORD))
            end = ends[first] if first in ends else _add_tokens(scan, first, table, ends, found)
        if text[end : end + 1] in _ENDS_TOKEN:  # none that begins inside of it is longer
            past = max(past, end)
    return found


def _add_tokens(scan: Scan, start: int, table: dict[str, _Beginning], ends: dict[int, int], found: list[Range]) -> int:
    """Add the token that begins at a position, and those directly behind it; return where the last ends, or 0."""
    text, first, last = scan.text, start, 0
    while (beginning := table.get(text[first : first + 2])) is not None:
        end = _end_of_token(text, first, beginning)
        scan.units -= _EXAMINING + (_FOUND if end else _FAILED)
        if scan.units < 0:
            raise TooDenseError
        if not end:
            break
        found.append((first, end))
        last = first = end
    ends[start] = last
    return last


def _end_of_token(text: str, start: int, beginning: _Beginning) -> int:
    sure, ordinary = beginning
    match = None if sure is None else sure.match(text, start)
    if match is not None:
        return match.end()
    for pattern in ordinary:
        match = pattern.match(text, start)
        if match is not None and is_random(match[1][:_EXAMINED]):
            return match.end()
    return 0


def _inner_token(least: int, scan: Scan, match: re.Match[str]) -> Range:
    """Return a token with its mark inside: also what stands before it."""
    before = scan.text[max(0, match.start() - least) : match.start()]
    return match.start() - len(before) + len(before.rstrip(_ALPHANUMERIC)), match.end()


def _search(one: InnerFormat) -> Search:
    return Search(one.mark, one.pattern, partial(_inner_token, 34))


INNER_TOKENS: Final = SearchGroup("|".join(one.widened for one in INNER_FORMATS), tuple(map(_search, INNER_FORMATS)))
