"""Find secrets by grammar: all searches for a literal and a pattern around it, in groups with a check each.

Literals are found with ``str.find``, and a pattern of bounded length is matched around them, so the time grows with the
length of the text only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from voltagent.processors.secrets.text.engine import fast_check, has_literal
from voltagent.processors.secrets.text.scan import BEFORE, Range, Scan, Search, TooDenseError, joined
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
from voltagent.processors.secrets.text.tokens import INNER_TOKENS

_FAMILIES: Final = (
    (INNER_TOKENS, *KEYS, *URLS, *HEADER_LINES),
    COMMANDS,
    (*CONFIGURATION, *CONNECTIONS),
    TOOLS,
    (ELEMENTS, joined(VALUES, FIELDS, ROWS), *PROSE, *ANSWERS),
)
_BEHIND_CHECK: Final = 1200  # characters that the check of a group looks at
_SHORT_WINDOW: Final = 4096  # characters
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
_Check: TypeAlias = "Callable[[str], str | None]"
_Needle: TypeAlias = "tuple[str, _Check, tuple[tuple[Search, re.Pattern[str]], ...]]"


class Group(NamedTuple):
    """A group of searches: its check, and its searches by their needles, for a few of which there is one check."""

    check: _Check
    takes_own_names: bool
    needles: Sequence[tuple[_Check, Sequence[_Needle]]]


@cache
def compiled_groups() -> tuple[tuple[_Check, tuple[Group, ...]], ...]:
    """Return the groups of searches, each with its check and its searches by needle, compiled at the first use.

    There is one more check for each family of groups, as most texts have something for one of them only.
    """
    return tuple(
        (
            fast_check("|".join(one.check for one in family)),
            tuple(Group(fast_check(one.check), one.takes_own_names, _by_needle(one.searches)) for one in family),
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


def groups_in(scan: Scan, start: int, stop: int) -> list[Group]:
    """Return the groups of searches that may find something in a stretch: a check is faster than its searches."""
    around, own = scan.low[max(0, start - BEFORE) : stop + _BEHIND_CHECK], bool(scan.names.own)
    # In a long stretch, the check of a family costs as much as those of its groups, and far more in one that is made of
    # beginnings of secrets.
    every = own or stop - start > _SHORT_WINDOW
    families = [groups for check, groups in compiled_groups() if every or check(around) is not None]
    return groups_among([group for groups in families for group in groups], scan, start, stop)


def groups_among(groups: list[Group], scan: Scan, start: int, stop: int) -> list[Group]:
    if not groups:
        return groups
    around, own = scan.low[max(0, start - BEFORE) : stop + _BEHIND_CHECK], bool(scan.names.own)
    return [group for group in groups if (own and group.takes_own_names) or group.check(around) is not None]


def add_by_grammar(
    scan: Scan, start: int, stop: int, groups: Sequence[Group], found: list[Range], *, is_one_piece: bool
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
