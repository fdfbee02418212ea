"""Find secrets in text, window by window: tokens, assignments, columns of tables, and all that grammar knows.

Several strings are searched at once. A window that has nothing suspicious is left at once, and so is a piece of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final, NamedTuple

from voltagent.processors.secrets.text.assignments.search import find_assignments, hints_in
from voltagent.processors.secrets.text.dense import hide_lines
from voltagent.processors.secrets.text.first_look import may_hold_name, may_hold_token
from voltagent.processors.secrets.text.groups import Group, add_by_grammar, groups_among, groups_in
from voltagent.processors.secrets.text.periods import find_omissions, place_with_omissions, with_omissions
from voltagent.processors.secrets.text.ranges import add_merged, with_more
from voltagent.processors.secrets.text.scan import BEFORE, BEHIND, Range, Scan, TooDenseError
from voltagent.processors.secrets.text.tables import find_columns
from voltagent.processors.secrets.text.tokens import find_tokens

_PIECE: Final = 2048  # characters
_AROUND: Final = 400  # characters around a piece in which a name or a prefix, and enough of what follows, stand
_CHECKED_PER_UNIT: Final = 40  # characters of a piece whose checks cost one unit of work
_ENOUGH: Final = 400  # units of work without which a piece is not begun: most of it would be done in vain
_ENOUGH_FOR_WINDOW: Final = 1800  # units of work without which none of a window is examined


def find_secrets(scan: Scan) -> list[Range]:
    """Return the secrets of the strings of a scan, in order and without overlaps.

    Where candidates stand too close together for each to be examined, all values in suspicious lines are secrets. Of a
    part that is repeated over and over, few repetitions are searched.
    """
    omissions = find_omissions(scan.text)
    if omissions:
        short = copy(scan)
        short.leave_out(omissions)
        found = with_omissions(_secrets_of(short), omissions)
        if found is not None:
            scan.examined = place_with_omissions(short.examined, omissions)
            return found
    return _secrets_of(scan)


def _secrets_of(scan: Scan) -> list[Range]:
    found: list[Range] = []
    tables: list[Range] = []  # secrets in columns, in order
    for start, stop in scan.windows():
        around = scan.text[max(0, start - BEFORE) : stop + BEHIND]
        scan.allow(stop - start)
        may_have_token = may_hold_token(around)  # the marks of tokens are also found in other words
        may_have_name = bool(scan.names.own) or may_hold_name(around)
        if not (may_have_token or may_have_name):
            continue
        if may_have_name:
            tables += find_columns(scan, start, stop)
        if scan.units < _ENOUGH_FOR_WINDOW and scan.hidden == start:  # as the window before, it is too dense
            add_merged(found, hide_lines(scan, start, stop))
            continue
        hints = hints_in(scan, start, stop) if may_have_name else None
        groups = groups_in(scan, start, stop)
        window = _Window(hints, groups, may_have_token, is_one_piece=stop - start <= _PIECE)
        for first in range(start, stop, _PIECE):
            last = min(stop, first + _PIECE)
            if found and found[-1][1] >= last + _AROUND:  # inside of a long secret
                continue
            add_merged(found, _in_piece(scan, first, last, window))
    for more in (tables, sorted(scan.further)):
        if more:
            found = with_more(found, more)
    return found


class _Window(NamedTuple):
    """What can be found in a window; most of its pieces have less."""

    hints: Sequence[str] | None  # None if there is no name at all
    groups: Sequence[Group]
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
        return hide_lines(scan, start, stop)
    if not window.is_one_piece:
        groups = groups_among(groups, scan, start, stop)
    try:
        scan.spend((stop - start) // _CHECKED_PER_UNIT)
        add_by_grammar(scan, start, stop, groups, found, is_one_piece=window.is_one_piece)
        if hints:
            found += find_assignments(scan, hints, start, stop, dict(found), is_one_piece=window.is_one_piece)
        if may_have_token:
            found += find_tokens(scan, start, stop)
    except TooDenseError:
        return found + hide_lines(scan, start, stop)
    return found
