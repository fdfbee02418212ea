"""Hide what may be a secret in a stretch of text in which candidates stand too close together to examine each.

Line by line: one that no check finds suspicious stays, of another stays what stands before its first operator, quote or
digit, which is the name of the secret or the beginning of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from voltagent.processors.secrets.prefilter import fast_check, suspect_among
from voltagent.processors.secrets.scan import Range, Scan
from voltagent.processors.secrets.words import HINTS, STEMS

_MOST_LINES: Final = 4096  # remembered while a payload is searched
_LONG: Final = 512  # characters of a line; a longer one is cut
_SHORT: Final = 32  # characters of a line on average; shorter ones are looked at together
_AROUND: Final = 48  # characters around a part of a long line that may hold the rest of a name
_VALUE: Final = re.compile(r"[=:\uff1a\"'`(<>@$0-9]")
# What goes on in the next part of a long line: a token, a value in quotes or not, the pairs of a cookie.
_REST: Final = re.compile(r"(?:[;,] |[^\s\"'`<>\0])*")
_NAME: Final = re.compile(r"[\w.\[\]-]*\Z")
_IN_VALUES: Final = frozenset("@$0123456789")  # what stands in a value rather than behind a name
# What a line ends with whose value is in the next one, and the last character of it.
_GOES_ON: Final = re.compile(r"(?:[=:|>({\[,\\+\"'` \r\t]|[|>]-|values)\Z")
_MAY_GO_ON: Final = frozenset("=:|>({[,\\+\"'` \r\t-sS")
_VALUE_FIELDS: Final = ("value", "default", "string")  # in the next line, the value of a name
_FIELD: Final = 40  # characters in which such a field begins


def hide_values(scan: Scan, start: int, stop: int) -> list[Range]:
    """Return the values in a stretch of text that may be secrets, in order."""
    text, low, own = scan.text, scan.low, scan.names.own
    parts = list(_parts(text, start, stop))
    seen = [_with_context(text, start, *part) for part in parts]
    lines = _examine_lines(scan, seen)
    fields = [field for field in _VALUE_FIELDS if low.find(field, start, stop) >= 0]
    found: list[Range] = []
    is_hidden = goes_on = False  # the line before, and that its value may be in this one
    for (first, last, is_part), line in zip(parts, seen, strict=True):
        is_suspect = lines[line]
        if not (is_suspect or is_hidden or is_part or own):
            continue
        is_second = is_hidden and fields and not is_suspect
        is_item = is_hidden and not is_part and text[first] in "- \t" and text[first:last].lstrip(" \t")[:2] == "- "
        is_hidden = goes_on or is_suspect or is_item
        if is_second:
            is_hidden |= any(low.find(field, first, min(last, first + _FIELD)) >= 0 for field in fields)
        if own:
            is_hidden |= any(_has_value(scan, name, first, last, is_part) for name in own)
        if is_hidden:
            is_rest = goes_on or (is_part and found and found[-1][1] == first)
            found.append((first if is_rest else first + _before_value(scan, first, last), last))
        elif is_part and found and found[-1][1] == first:  # the value of the part before may not have ended
            rest = _REST.match(text, first, last)
            if rest is not None and rest.end() > first:
                found.append((first, rest.end()))
        goes_on = is_hidden and text[last - 1] in _MAY_GO_ON and _GOES_ON.search(low, last - 6, last) is not None
    return found


def _examine_lines(scan: Scan, seen: list[str]) -> dict[str, bool]:
    """Return which lines are suspicious: in a long text the same ones come again."""
    known = scan.lines
    if len(known) > _MOST_LINES:
        known.clear()
    new = [line for line in dict.fromkeys(seen) if line not in known]
    known.update(zip(new, suspect_among(new), strict=True))
    return known


def _has_value(scan: Scan, name: str, first: int, last: int, is_part: bool) -> bool:
    """Return whether a line has a name of the user's with anything behind it that may begin a value."""
    position = scan.low.find(name, first, last)
    end = last
    if is_part:  # the line may go on
        line_end = scan.text.find("\n", last, last + _AROUND)
        end = last + _AROUND if line_end < 0 else line_end
    return position >= 0 and _VALUE.search(scan.text, position + len(name), end) is not None


def _with_context(text: str, start: int, first: int, last: int, is_part: bool) -> str:
    """Return a line with its end, or a part of one with what is around it."""
    return text[max(start, first - _AROUND) : last + _AROUND] if is_part else text[first : last + 1]


@cache
def _hint_check() -> Callable[[str], str | None]:
    return fast_check("|".join((*HINTS, *STEMS)))


def _before_value(scan: Scan, first: int, last: int) -> int:
    """Return how much of a line is no value: up to the end of a name, or to the word with the operator."""
    line = scan.text[first:last]
    found = scan.beginnings.get(line)
    if found is None:
        if len(scan.beginnings) > _MOST_LINES:
            scan.beginnings.clear()
        found = scan.beginnings[line] = _length_before_value(line)
    return found


def _length_before_value(line: str) -> int:
    match = _VALUE.search(line)
    if match is None:
        return 0
    position = match.start()
    before = line[:position]
    word = 1 + max(before.rfind(" "), before.rfind("\t"))
    if word == position or match[0] in _IN_VALUES:
        return word
    name = before[word:].lower()
    return position if _NAME.match(name) is not None and _hint_check()(name) is not None else word


def _parts(text: str, start: int, stop: int) -> Iterator[tuple[int, int, bool]]:
    """Yield the lines of a stretch: where each begins and ends, and whether it is a part of a long one."""
    stretch = text[start:stop].replace("\0", "\n")
    # each line costs calls: in a text of short ones, several are one
    lines = _together(stretch) if (stretch.count("\n") + 1) * _SHORT > len(stretch) else stretch.split("\n")
    for line in lines:
        end = start + len(line)
        if len(line) <= _LONG:
            if line:
                yield start, end, False
        else:
            for first in range(start, end, _LONG):
                yield first, min(end, first + _LONG), True
        start = end + 1


def _together(stretch: str) -> Iterator[str]:
    """Yield the lines of a stretch, as many at once as are needed for a certain length."""
    start = 0
    while start < len(stretch):
        end = stretch.find("\n", start + _SHORT - 1)
        end = len(stretch) if end < 0 else end
        yield stretch[start:end]
        start = end + 1
