"""Hide what may be a secret in a stretch of text in which candidates stand too close together to examine each.

Line by line: one that no check finds suspicious stays, of another stays what stands before its first operator, quote or
digit, which is the name of the secret or the beginning of a sentence.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from voltagent.processors.secrets.prefilter import fast_check, suspect_among
from voltagent.processors.secrets.scan import Range, Scan
from voltagent.processors.secrets.words import HINTS, STEMS

_LONG: Final = 512  # characters of a line; a longer one is cut
_SHORT: Final = 32  # characters of a line on average; shorter ones are looked at together
_AROUND: Final = 48  # characters around a part of a long line that may hold the rest of a name
_VALUE: Final = re.compile(r"[=:\uff1a\"'`(<>@$0-9]")
# What goes on in the next part of a long line: a token, a value in quotes or not, the pairs of a cookie.
_REST: Final = re.compile(r"(?:[;,] |[^\s\"'`<>\0])*")
_NAME: Final = re.compile(r"[\w.$\[\]-]*\Z")
_IN_VALUES: Final = f"{string.digits}@$"  # what stands in a value rather than behind a name
_GOES_ON: Final = frozenset(("|-", ">-", *"=:|>({[,\\+\"'` \r\t"))  # what a line ends with whose value is in the next
_VALUE_FIELDS: Final = ("value", "default", "string")  # in the next line, the value of a name
_FIELD: Final = 40  # characters in which such a field begins


def hide_values(scan: Scan, start: int, stop: int) -> list[Range]:
    """Return the values in a stretch of text that may be secrets, in order."""
    text, low, own = scan.text, scan.low, scan.names.own
    parts = list(_parts(text, start, stop))
    suspect = suspect_among([_with_context(text, start, *part) for part in parts])
    fields = [field for field in _VALUE_FIELDS if low.find(field, start, stop) >= 0]
    found: list[Range] = []
    is_hidden = goes_on = False  # the line before, and that its value may be in this one
    for (first, last, is_part), is_suspect in zip(parts, suspect, strict=True):
        is_second = is_hidden and fields and not is_suspect
        is_item = is_hidden and not is_part and text[first:last].lstrip(" \t").startswith("- ")
        is_hidden = goes_on or is_suspect or is_item
        if is_second:
            is_hidden |= any(low.find(field, first, min(last, first + _FIELD)) >= 0 for field in fields)
        if own:
            is_hidden |= any(_has_value(scan, name, first, last, is_part) for name in own)
        if is_hidden:
            is_rest = goes_on or (is_part and found and found[-1][1] == first)
            found.append((first if is_rest else _beginning_of_value(scan, first, last), last))
        elif is_part and found and found[-1][1] == first:  # the value of the part before may not have ended
            rest = _REST.match(text, first, last)
            if rest is not None and rest.end() > first:
                found.append((first, rest.end()))
        goes_on = is_hidden and (
            text[last - 1] in _GOES_ON or text[last - 2 : last] in _GOES_ON or low[last - 6 : last] == "values"
        )
    return found


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


def _beginning_of_value(scan: Scan, first: int, last: int) -> int:
    """Return where the value of a line begins: behind a name, or with the word that holds the operator; or the line."""
    match = _VALUE.search(scan.text, first, last)
    if match is None:
        return first
    position = match.start()
    word = 1 + max(first - 1, scan.text.rfind(" ", first, position), scan.text.rfind("\t", first, position))
    before = scan.low[word:position]
    may_be_name = scan.text[position] not in _IN_VALUES and _NAME.match(before) is not None
    return position if may_be_name and _hint_check()(before) is not None else word


def _parts(text: str, start: int, stop: int) -> Iterator[tuple[int, int, bool]]:
    """Yield the lines of a stretch: where each begins and ends, and whether it is a part of a long one."""
    lines = text[start:stop].replace("\0", "\n").split("\n")
    if len(lines) * _SHORT > stop - start:  # each line costs calls: in a text of short ones, several are one
        lines = _together(lines)
    for line in lines:
        end = start + len(line)
        if len(line) <= _LONG:
            if line:
                yield start, end, False
        else:
            for first in range(start, end, _LONG):
                yield first, min(end, first + _LONG), True
        start = end + 1


def _together(lines: list[str]) -> list[str]:
    found: list[str] = []
    some: list[str] = []
    length = 0
    for line in lines:
        some.append(line)
        length += len(line) + 1
        if length >= _SHORT:
            found.append("\n".join(some))
            some, length = [], 0
    return [*found, "\n".join(some)] if some else found
