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
from voltagent.processors.secrets.text.scan import (
    BEFORE,
    SHORT,
    Range,
    Scan,
    Search,
    SearchGroup,
    TooDenseError,
    joined,
)
from voltagent.processors.secrets.text.searches.answers import ANSWERS
from voltagent.processors.secrets.text.searches.commands import COMMANDS
from voltagent.processors.secrets.text.searches.comparisons import COMPARISONS
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
    (ELEMENTS, joined(VALUES, FIELDS, ROWS), COMPARISONS, *PROSE, *ANSWERS),
)
_BEHIND_CHECK: Final = 1200  # characters that the check of a group looks at
_CHARACTERS_PER_UNIT: Final = 5  # needles of one character, at most of which a pattern fails at once
_LONGEST_NEEDLE: Final = 32  # characters
_SEARCHED: Final = 2  # units of work for one pattern in one piece
_MATCHED: Final = 4  # units of work for a match
_FEW: Final = 12  # places of a literal in a piece at most of which a pattern is tried one by one
_SHORT_REST: Final = 512  # characters behind a piece that a search may as well go through
_AT_ONCE: Final = 6  # needles of a group that are looked for at once
_NAMED: Final = 1  # units of work for a needle of more than one character
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
def compiled_groups() -> Sequence[Group]:
    """Return the groups of searches, each with its check and its searches by needle, compiled at the first use."""
    return [group for _, groups in _compiled_families() for group in groups]


@cache
def _compiled_families() -> Sequence[tuple[_Check, Sequence[Group]]]:
    """Return the groups by family, with a check for each: a short text has something for few of them.

    A family has more beginnings than the engine finds many characters at a time, so a long text is followed in states.
    """
    return [
        (
            fast_check("|".join(one.check for one in family)),
            [Group(_check_of(one), one.takes_own_names, _by_needle(one.searches)) for one in family],
        )
        for family in _FAMILIES
    ]


def _check_of(group: SearchGroup) -> _Check:
    check = fast_check(group.check)
    if not group.guard:
        return check
    has_guard = fast_check(group.guard)
    return lambda text: None if has_guard(text) is None else check(text)


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


def groups_in(scan: Scan, start: int, stop: int) -> Sequence[Group]:
    """Return the groups of searches that may find something in a window."""
    around = scan.low[max(0, start - BEFORE) : stop + _BEHIND_CHECK]
    if len(around) > SHORT or scan.names.own:
        return groups_among(compiled_groups(), scan, start, stop)
    families = [groups for check, groups in _compiled_families() if check(around) is not None]
    return [group for groups in families for group in groups if group.check(around) is not None]


def groups_among(groups: Sequence[Group], scan: Scan, start: int, stop: int) -> Sequence[Group]:
    """Return the groups of searches that may find something in a stretch: a check is faster than its searches."""
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
    for group in groups:
        for has_any, needles in group.needles:
            if has_any(piece) is None:
                continue
            for needle, has_needle, searches in needles:
                if has_needle(piece) is None:
                    continue
                is_frequent = is_one_piece or len(low) <= stop + _SHORT_REST
                if not is_one_piece:  # where there is work enough for all of them
                    count = low.count(needle, start, stop + len(needle) - 1)
                    if not count:
                        continue
                    work = _NAMED * count if len(needle) > 1 else count // _CHARACTERS_PER_UNIT
                    scan.spend(len(searches) * (_SEARCHED + work))
                    is_frequent |= count > _FEW
                for search, pattern in searches:
                    _add_matches(scan, search, pattern, start, stop, found, is_frequent=is_frequent)


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
    frequent, or if there is little behind the stretch.
    """
    low, needle, examine = scan.low, search.needle, search.examine
    limit = min(len(low), stop + _OVERLAP)
    if is_frequent:
        match = pattern.search(low, start, limit)
        while match is not None and match.start() < stop:
            match = pattern.search(low, _add_match(scan, examine, match, found), limit)
        return
    last = min(len(low), stop + len(needle) - 1)
    place = low.find(needle, start, last)
    while place >= 0:
        match = pattern.match(low, place, limit)
        past = place + 1 if match is None else _add_match(scan, examine, match, found)
        place = low.find(needle, past, last)
