"""Merge ranges of a text that touch or overlap."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from voltagent.processors.secrets.text.scan import Range

_RANGES: Final = 4096  # merged at once


def add_merged(found: list[Range], more: list[Range]) -> None:
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
        add_merged(result, [*found[at:upto], *some])
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
