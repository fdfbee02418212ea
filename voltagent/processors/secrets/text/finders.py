"""Find secrets in text: token formats, and the grammar of headers, URLs, command lines, code and configuration.

Several strings are searched at once. Literals are found with ``str.find``, and a pattern of bounded length is matched
around them, so the time grows with the length of the text only.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from voltagent.processors.secrets.text.assignments.search import find_assignments, hints_in
from voltagent.processors.secrets.text.dense import hide_values
from voltagent.processors.secrets.text.engine import fast_check, has_literal
from voltagent.processors.secrets.text.first_look import may_hold_name, may_hold_token
from voltagent.processors.secrets.text.scan import Range, Scan, Search, TooDenseError, joined
from voltagent.processors.secrets.text.searches.answers import ANSWERS
from voltagent.processors.secrets.text.searches.commands import COMMANDS
from voltagent.processors.secrets.text.searches.configuration import CONFIGURATION
from voltagent.processors.secrets.text.searches.connections import CONNECTIONS
from voltagent.processors.secrets.text.searches.fields import FIELDS
from voltagent.processors.secrets.text.searches.headers import HEADER_LINES
from voltagent.processors.secrets.text.searches.key_blocks import KEYS
from voltagent.processors.secrets.text.searches.prose import PROSE
from voltagent.processors.secrets.text.searches.rows import ROWS
from voltagent.processors.secrets.text.searches.tool_files import TOOLS
from voltagent.processors.secrets.text.searches.urls import URLS
from voltagent.processors.secrets.text.searches.xml import ELEMENTS, VALUES
from voltagent.processors.secrets.text.tables import find_columns
from voltagent.processors.secrets.text.tokens import INNER_TOKENS, find_tokens

_FAMILIES: Final = (
    (INNER_TOKENS, *KEYS, *URLS, *HEADER_LINES),
    COMMANDS,
    (*CONFIGURATION, *CONNECTIONS),
    TOOLS,
    (ELEMENTS, joined(VALUES, FIELDS, ROWS), *PROSE, *ANSWERS),
)
_BEFORE: Final = 256  # characters before a window in which the beginning of a secret in it may stand
_BEHIND: Final = 2200
_BEHIND_CHECK: Final = 1200  # characters that the check of a group looks at
_PIECE: Final = 2048  # characters
_SHORT_WINDOW: Final = 4096  # characters
_AROUND: Final = 400  # characters around a piece in which a name or a prefix, and enough of what follows, stand
# How a private key begins and what follows it: PEM, SSH2, PuTTY.
_KEY_MARKS: Final = (("-begin ", "-end "), ("- begin ", "- end "), ("private-lines:", "private-mac:"))
_KEY_NAME: Final = "private"
_KEY_LINE: Final = 100  # characters
_CHARACTERS_PER_UNIT: Final = 5  # needles of one character, at most of which a pattern fails at once
_LONGEST_NEEDLE: Final = 32  # characters
_SEARCHED: Final = 4  # units of work for one pattern in one piece
_MATCHED: Final = 4  # units of work for a match
_FEW: Final = 12  # places of a literal in a piece at most of which a pattern is tried one by one
_SHORT_REST: Final = 512  # characters behind a piece that a search may as well go through
_AT_ONCE: Final = 6  # needles of a group that are looked for at once
_NAMED: Final = 2  # units of work for a needle of more than one character
_FOUND: Final = 6  # units of work for what has to be replaced
_OVERLAP: Final = 4400  # characters; longer than what any pattern matches from where it begins
_CHECKED_PER_UNIT: Final = 40  # characters of a piece whose checks cost one unit of work
_ENOUGH: Final = 400  # units of work without which a piece is not begun: most of it would be done in vain
_ENOUGH_FOR_WINDOW: Final = 1800  # units of work without which none of a window is examined
_RANGES: Final = 4096  # merged at once
_HIDDEN_PER_UNIT: Final = 18  # characters of a piece in which values are hidden line by line


def find_secrets(scan: Scan) -> list[Range]:
    """Return the secrets of the strings of a scan, in order and without overlaps.

    Where candidates stand too close together for each to be examined, all values in suspicious lines are secrets.
    """
    found: list[Range] = []
    tables: list[Range] = []  # secrets in columns, in order
    for start, stop in scan.windows():
        around = scan.text[max(0, start - _BEFORE) : stop + _BEHIND]
        scan.allow(stop - start)
        may_have_token = may_hold_token(around)  # the marks of tokens are also found in other words
        may_have_name = bool(scan.names.own) or may_hold_name(around)
        if not (may_have_token or may_have_name):
            continue
        if may_have_name:
            tables += find_columns(scan, start, stop)
        if scan.units < _ENOUGH_FOR_WINDOW and scan.hidden == start:  # as the window before, it is too dense
            _add_merged(found, _hidden_by_line(scan, start, stop))
            continue
        hints = hints_in(scan, start, stop) if may_have_name else None
        window = _Window(hints, _groups_in(scan, start, stop), may_have_token, is_one_piece=stop - start <= _PIECE)
        for first in range(start, stop, _PIECE):
            last = min(stop, first + _PIECE)
            if found and found[-1][1] >= last + _AROUND:  # inside of a long secret
                continue
            _add_merged(found, _in_piece(scan, first, last, window))
    for more in (tables, sorted(scan.further)):
        if more:
            found = with_more(found, more)
    return found


class _Window(NamedTuple):
    """What can be found in a window; most of its pieces have less."""

    hints: Sequence[str] | None  # None if there is no name at all
    groups: list[_Group]
    may_have_token: bool
    is_one_piece: bool  # which has what the window has


def _in_piece(scan: Scan, start: int, stop: int, window: _Window) -> list[Range]:
    """Return the secrets that begin in a piece of a window; most pieces have none, which the checks find out."""
    found: list[Range] = []
    may_have_token, hints, groups = window.may_have_token, window.hints, window.groups
    if not window.is_one_piece:
        around = scan.text[max(0, start - _AROUND) : stop + _AROUND]
        may_have_token = may_have_token and may_hold_token(around)
        if hints is None or not (scan.names.own or may_hold_name(around)):
            hints = None
        if hints is None and not may_have_token:
            return found
    if scan.units < _ENOUGH:
        return _hidden_by_line(scan, start, stop)
    if not window.is_one_piece:
        groups = _some_of(groups, scan, start, stop)
    try:
        scan.spend((stop - start) // _CHECKED_PER_UNIT)
        _add_by_grammar(scan, start, stop, groups, found, is_one_piece=window.is_one_piece)
        if hints:
            found += find_assignments(scan, hints, start, stop, dict(found), is_one_piece=window.is_one_piece)
        if may_have_token:
            found += find_tokens(scan, start, stop)
    except TooDenseError:
        return found + _hidden_by_line(scan, start, stop)
    return found


def _hidden_by_line(scan: Scan, start: int, stop: int) -> list[Range]:
    """Return the values of suspicious lines in a piece that is too dense to be examined, and private keys in it."""
    scan.units -= (stop - start) // _HIDDEN_PER_UNIT
    begin = _start_of_line(scan, start)
    scan.examined, scan.hidden = min(begin, scan.examined), stop
    lines = hide_values(scan, begin, _end_of_line(scan, stop))
    return [*lines, *_keys(scan, start, stop)]


def _start_of_line(scan: Scan, start: int) -> int:
    """Return where the line begins in which a piece does, or a bit before the piece in a long line."""
    return 1 + max(scan.text.rfind(mark, max(0, start - _BEFORE), start) for mark in ("\n", "\0")) or max(
        0, start - _BEFORE
    )


def _end_of_line(scan: Scan, stop: int) -> int:
    """Return where a secret may end that begins in a piece: the next piece would not show its name.

    That is the end of the line, at least 256 characters on.
    """
    limit = min(scan.end_of_string(stop - 1), stop + _BEHIND)
    line_end = scan.low.find("\n", min(stop + _BEFORE, limit), limit)
    return max(stop, limit if line_end < 0 else line_end)


def _keys(scan: Scan, start: int, stop: int) -> Iterator[Range]:
    """Private keys that begin in a piece."""
    for begin, end in _KEY_MARKS:
        for key in scan.places_of(begin, start, min(stop + _KEY_LINE, len(scan.low))):
            if _KEY_NAME in scan.low[key : key + _KEY_LINE]:
                limit = scan.end_of_string(key)
                yield key, next(scan.places_of(end, key, limit), limit)


def _groups_in(scan: Scan, start: int, stop: int) -> list[_Group]:
    """Return the groups of searches that may find something in a stretch: a check is faster than its searches."""
    around, own = scan.low[max(0, start - _BEFORE) : stop + _BEHIND_CHECK], bool(scan.names.own)
    # In a long stretch, the check of a family costs as much as those of its groups, and far more in one that is made of
    # beginnings of secrets.
    every = own or stop - start > _SHORT_WINDOW
    families = [groups for check, groups in compiled_groups() if every or check(around) is not None]
    return _some_of([group for groups in families for group in groups], scan, start, stop)


def _some_of(groups: list[_Group], scan: Scan, start: int, stop: int) -> list[_Group]:
    if not groups:
        return groups
    around, own = scan.low[max(0, start - _BEFORE) : stop + _BEHIND_CHECK], bool(scan.names.own)
    return [group for group in groups if (own and group.takes_own_names) or group.check(around) is not None]


def _add_by_grammar(
    scan: Scan, start: int, stop: int, groups: Sequence[_Group], found: list[Range], *, is_one_piece: bool
) -> None:
    """Add what all searches find but those for tokens and assignments."""
    low = scan.low
    piece = low[start : stop + _LONGEST_NEEDLE]
    is_last = len(low) <= stop + _SHORT_REST
    for group in groups:
        for has_any, needles in group.needles:
            if has_any(piece) is None:
                continue
            for needle, has_needle, searches in needles:
                if has_needle(piece) is None:
                    continue
                if is_one_piece:  # there is work enough for all of them
                    for search, pattern in searches:
                        _add_all_matches(scan, search, pattern, start, stop, found)
                elif count := low.count(needle, start, stop + len(needle) - 1):
                    work = _NAMED * count if len(needle) > 1 else count // _CHARACTERS_PER_UNIT
                    scan.spend(len(searches) * (_SEARCHED + work))
                    is_frequent = count > _FEW
                    for search, pattern in searches:
                        if is_last:
                            _add_all_matches(scan, search, pattern, start, stop, found)
                        else:
                            _add_matches(scan, search, pattern, start, stop, found, is_frequent=is_frequent)


_Check: TypeAlias = "Callable[[str], str | None]"
_Needle: TypeAlias = "tuple[str, _Check, tuple[tuple[Search, re.Pattern[str]], ...]]"


class _Group(NamedTuple):
    """A group of searches: its check, and its searches by their needles, for a few of which there is one check."""

    check: _Check
    takes_own_names: bool
    needles: Sequence[tuple[_Check, Sequence[_Needle]]]


@cache
def compiled_groups() -> tuple[tuple[_Check, tuple[_Group, ...]], ...]:
    """Return the groups of searches, each with its check and its searches by needle, compiled at the first use.

    There is one more check for each family of groups, as most texts have something for one of them only.
    """
    return tuple(
        (
            fast_check("|".join(one.check for one in family)),
            tuple(_Group(fast_check(one.check), one.takes_own_names, _by_needle(one.searches)) for one in family),
        )
        for family in _FAMILIES
    )


def _by_needle(searches: Sequence[Search]) -> Sequence[tuple[_Check, Sequence[_Needle]]]:
    found: dict[str, list[tuple[Search, re.Pattern[str]]]] = {}
    for search in searches:
        found.setdefault(search.needle, []).append((search, re.compile(search.pattern)))
    needles = [*found]
    return [
        (
            fast_check("|".join(map(re.escape, some))),
            [(needle, has_literal(needle), tuple(found[needle])) for needle in some],
        )
        for some in (needles[first : first + _AT_ONCE] for first in range(0, len(needles), _AT_ONCE))
    ]


def _add_all_matches(
    scan: Scan, search: Search, pattern: re.Pattern[str], start: int, stop: int, found: list[Range]
) -> None:
    """:func:`_add_matches` at the end of a text: there is little behind the stretch that a search goes through."""
    low, find, examine = scan.low, pattern.search, search.examine
    match = find(low, start)
    while match is not None and match.start() < stop:
        match = find(low, _add_match(scan, examine, match, found))


def _add_match(
    scan: Scan, examine: Callable[[Scan, re.Match[str]], Range | None], match: re.Match[str], found: list[Range]
) -> int:
    """Add the secret in a match, if it has one, and return where both end."""
    scan.units -= _MATCHED
    end = match.end()
    secret = examine(scan, match)
    if secret is not None and secret[0] < secret[1]:
        scan.units -= _FOUND
        found.append(secret)
        end = max(end, secret[1])
    if scan.units < 0:
        raise TooDenseError
    return end


def _add_matches(
    scan: Scan,
    search: Search,
    pattern: re.Pattern[str],
    start: int,
    stop: int,
    found: list[Range],
    *,
    is_frequent: bool,
) -> None:
    """Add what a search finds whose literal begins in a stretch, in one piece: a text may consist of such literals.

    A search with the pattern goes on behind the stretch, where the next one begins: it is worth it if the literal is
    frequent.
    """
    low, needle = scan.low, search.needle
    limit, last = min(len(low), stop + _OVERLAP), min(len(low), stop + len(needle) - 1)
    match_from = pattern.search if is_frequent else pattern.match
    place = low.find(needle, start, last)
    past = start
    while place >= 0:
        match = match_from(low, place, limit)
        if match is None:
            place = -1 if is_frequent else low.find(needle, place + 1, last)
            continue
        if match.start() >= stop:
            break
        past = max(past, _add_match(scan, search.examine, match, found))
        place = low.find(needle, past, last)


def _add_merged(found: list[Range], more: list[Range]) -> None:
    """Add what was found in the next piece of a text; a token may begin before its mark, in a piece before."""
    if more:
        if found:
            first = min(more)[0]
            while found and found[-1][1] >= first:
                more.append(found.pop())
        found += merged(more)


def with_more(found: list[Range], more: list[Range]) -> list[Range]:
    """Merge two lists of ranges that are in order and apart, some at a time: sorting holds the interpreter."""
    result: list[Range] = []
    at = 0
    for first in range(0, len(more), _RANGES):
        some = more[first : first + _RANGES]
        upto = bisect_left(found, (some[-1][1] + 1, 0), at)
        _add_merged(result, [*found[at:upto], *some])
        at = upto
    return result + found[at:]


def merged(ranges: list[Range]) -> list[Range]:
    """Ranges in order; those that touch or overlap become one."""
    ranges.sort()
    result: list[Range] = []
    end = -1
    for one in ranges:
        if one[0] > end:
            end = one[1]
            result.append(one)
        elif one[1] > end:
            end = one[1]
            result[-1] = (result[-1][0], end)
    return result
