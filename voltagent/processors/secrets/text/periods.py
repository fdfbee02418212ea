"""Find stretches of a text that repeat one short part over and over, of which a few repetitions are searched.

What an examination decides about a place depends on some hundred characters around it. Where these are the same, so is
the decision: what is found in the repetitions that are kept stands in each of those that are left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

from voltagent.processors.secrets.text.ranges import add_merged
from voltagent.processors.secrets.text.scan import Range

# Characters of a stretch that are searched before and behind what is left out, besides the periods that are compared:
# an examination looks at that many around a match.
_AROUND: Final = 300
_COMPARED: Final = 2  # periods at most that repeat together: a secret may stand in every second part
_LEAST: Final = 256  # characters that are left out at least
_SHORTEST_TEXT: Final = 2 * _AROUND + _LEAST
_LONGEST_PERIOD: Final = 320
_SHORTEST_PERIOD: Final = 3
_PROBE: Final = 48  # characters that are looked for again
_STEP: Final = 512  # characters from one probe to the next
_TRIED: Final = 4  # distances at which a probe stands again
_FIRST_STEP: Final = 256  # characters compared at once, then twice as many
_LONGEST_STEP: Final = 1 << 16
_SEPARATOR: Final = "\0"
_AT_ONCE: Final = 256  # repetitions, and
_RANGES: Final = 4096  # ranges that are added at once


class Omission(NamedTuple):
    """Repetitions that are left out of a search."""

    start: int
    length: int  # a multiple of the period
    period: int


def find_omissions(text: str) -> list[Omission]:
    """Return what can be left out of a search in a text, in order."""
    found: list[Omission] = []
    position = first = 0
    while position + _SHORTEST_TEXT <= len(text):
        start, stop, period = _repetition(text, first, position)
        if period:
            begin = start + _AROUND + 2 * _COMPARED * period
            end = stop - _AROUND - _COMPARED * period
            length = (end - begin) // (_COMPARED * period) * _COMPARED * period
            if length >= _LEAST:
                found.append(Omission(begin, length, period))
            first = stop
        position = max(position + _STEP, stop)
    return found


def _repetition(text: str, first: int, position: int) -> tuple[int, int, int]:
    """Return the stretch around a position that repeats a part, and the length of that; 0 for none."""
    probe = text[position : position + _PROBE]
    limit = position + _PROBE + _LONGEST_PERIOD
    again = text.find(probe, position + _SHORTEST_PERIOD, limit)
    for _ in range(_TRIED):
        if again < 0:
            break
        period = again - position
        stop = _end(text, position, period)
        if stop - position >= _SHORTEST_TEXT - _STEP and _SEPARATOR not in text[position:again]:
            return _start(text, first, position, period), stop, period
        again = text.find(probe, again + 1, limit)
    return position, position, 0


def _end(text: str, start: int, period: int) -> int:
    """Return up to where each character is the same as the one a period before it."""
    end, step, grows = start + period, _FIRST_STEP, True
    while step:
        stop = min(len(text), end + step)
        if text[end - period : stop - period] == text[end:stop]:
            if stop == len(text):
                return stop
            end = stop
            step = min(_LONGEST_STEP, step * 2) if grows else step // 2
        else:
            grows = False
            step //= 2
    return end


def _start(text: str, first: int, position: int, period: int) -> int:
    """Return from where on each character is the same as the one a period behind it, at least from ``position``."""
    start, step = position, _STEP
    while step:
        begin = start - step
        if begin >= first and text[begin:start] == text[begin + period : start + period]:
            start = begin
        step //= 2
    return start


def with_omissions(found: Sequence[Range], omissions: Sequence[Omission]) -> list[Range] | None:
    """Return the ranges that were found without the omissions as those of the whole text.

    ``None`` if what was found around an omission does not repeat as the text does.
    """
    ranges, result = [*found], list[Range]()
    at = left_out = 0
    for start, length, period in omissions:
        place = start - left_out
        distance = next((one for one in (period, 2 * period) if _repeats(found, place, one)), 0)
        if not distance:
            return None
        upto = bisect_left(ranges, (place, 0))
        _add(result, ranges[at:upto], left_out, start)
        part = _within(found, place - distance, place)
        if part:
            for shift in range(start, start + length, distance * _AT_ONCE):
                shifts = range(shift, min(start + length, shift + distance * _AT_ONCE), distance)
                add_merged(result, [(first + one, last + one) for one in shifts for first, last in part])
        if upto and ranges[upto - 1][1] > place:  # it ends behind the omission
            upto -= 1
            ranges[upto] = (place, ranges[upto][1])
        at = upto
        left_out += length
    _add(result, ranges[at:], left_out, inf)
    return result


def place_with_omissions(place: int, omissions: Sequence[Omission]) -> int:
    """Return where in the whole text a place stands that is given without the omissions."""
    for start, length, _ in omissions:
        if place < start:
            break
        place += length
    return place


def _add(result: list[Range], ranges: list[Range], shift: int, end: float) -> None:
    """Add ranges, each moved by a distance, up to an end."""
    for first in range(0, len(ranges), _RANGES):
        some = ranges[first : first + _RANGES]
        add_merged(result, [(start + shift, int(min(stop + shift, end))) for start, stop in some])


def _repeats(ranges: Sequence[Range], place: int, distance: int) -> bool:
    """Return whether the same stands before a place, twice, and behind it."""
    part = _within(ranges, place, place + distance)
    return part == _within(ranges, place - distance, place) == _within(ranges, place - 2 * distance, place - distance)


def _within(ranges: Sequence[Range], start: int, stop: int) -> list[Range]:
    """Return what of the ranges stands in a stretch, from its start on."""
    first = max(0, bisect_left(ranges, (start, 0)) - 1)
    found: list[Range] = []
    for begin, end in ranges[first : bisect_left(ranges, (stop, 0))]:
        if end > start:
            found.append((max(begin, start) - start, min(end, stop) - start))
    return found
