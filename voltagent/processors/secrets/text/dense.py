"""Hide possible secrets in a stretch of text that has too many candidates to examine each of them.

The stretch is examined line by line. A line without a suspicious part is kept. A suspicious line is hidden from its
first operator, quote or digit on: what stands before it is the name of the secret or the beginning of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from voltagent.processors.secrets.text.engine import fast_check
from voltagent.processors.secrets.text.first_look import suspect_among
from voltagent.processors.secrets.text.scan import BEFORE, BEHIND, Range, Scan
from voltagent.processors.secrets.vocabulary.words import HINTED

# How a private key begins and what follows it: PEM, SSH2, PuTTY.
_KEY_MARKS: Final = (("-begin ", "-end "), ("- begin ", "- end "), ("private-lines:", "private-mac:"))
_KEY_NAME: Final = "private"
_KEY_LINE: Final = 100  # characters
_HIDDEN_PER_UNIT: Final = 18  # characters of a piece in which values are hidden line by line
_MOST_LINES: Final = 4096  # remembered while a payload is searched
_LONG: Final = 512  # characters of a line; a longer one is cut
_SHORT: Final = 32  # characters of a line on average; shorter lines are examined together
_AROUND: Final = 48  # characters on both sides of a part of a long line, which may have the rest of a name
_BEGINS_VALUE: Final = r"=:\uff1a\"'`(<>@$0-9"
_VALUE: Final = re.compile(f"[{_BEGINS_VALUE}]")
# The rest of a value in the next part of a long line: of a token, of a value with or without quotes, of a cookie.
_REST: Final = re.compile(r"(?:[;,] |[^\s\"'`<>\0])*")
_NAME: Final = re.compile(r"[\w.\[\]-]*\Z")
_IN_VALUES: Final = frozenset("@$0123456789")  # characters of a value, which do not follow a name
# The end of a line whose value is in the next line, and the last character of such an end.
_GOES_ON: Final = re.compile(r"(?:[=:|>({\[,\\+\"'` \r\t]|[|>]-|values)\Z")
_MAY_GO_ON: Final = frozenset("=:|>({[,\\+\"'` \r\t-sS")
_VALUE_FIELDS: Final = ("value", "default", "string")  # fields with the value of a name in the line before
_FIELD: Final = 40  # characters at the beginning of a line in which such a field begins


def hide_lines(scan: Scan, start: int, stop: int) -> list[Range]:
    """Return the values of suspicious lines in a piece that is too dense to be examined, and private keys in it."""
    scan.units -= (stop - start) // _HIDDEN_PER_UNIT
    begin = _start_of_line(scan, start)
    scan.examined, scan.hidden = min(begin, scan.examined), stop
    lines = _hide_values(scan, begin, _end_of_line(scan, stop))
    return [*lines, *_keys(scan, start, stop)]


def _start_of_line(scan: Scan, start: int) -> int:
    """Return where the line begins in which a piece does, or a bit before the piece in a long line."""
    return 1 + max(scan.text.rfind(mark, max(0, start - BEFORE), start) for mark in ("\n", "\0")) or max(
        0, start - BEFORE
    )


def _end_of_line(scan: Scan, stop: int) -> int:
    """Return where a secret may end that begins in a piece: the next piece would not show its name.

    That is the end of the line, at least 256 characters on.
    """
    limit = min(scan.end_of_string(stop - 1), stop + BEHIND)
    line_end = scan.low.find("\n", min(stop + BEFORE, limit), limit)
    return max(stop, limit if line_end < 0 else line_end)


def _keys(scan: Scan, start: int, stop: int) -> Iterator[Range]:
    """Private keys that begin in a piece."""
    for begin, end in _KEY_MARKS:
        for key in scan.places_of(begin, start, min(stop + _KEY_LINE, len(scan.low))):
            if _KEY_NAME in scan.low[key : key + _KEY_LINE]:
                limit = scan.end_of_string(key)
                yield key, next(scan.places_of(end, key, limit), limit)


def _hide_values(scan: Scan, start: int, stop: int) -> list[Range]:
    """Return the values in a stretch of text that may be secrets, in order."""
    text, low, own = scan.text, scan.low, scan.names.own
    parts = _parts(text, start, stop)
    seen = [
        text[max(start, first - _AROUND) : last + _AROUND] if is_part else text[first : last + 1]
        for first, last, is_part in parts
    ]
    lines = _examine_lines(scan, seen)
    fields = [field for field in _VALUE_FIELDS if low.find(field, start, stop) >= 0]
    found: list[Range] = []
    is_hidden = goes_on = False  # whether the line before was hidden, and whether its value may continue in this one
    for (first, last, is_part), line in zip(parts, seen, strict=True):
        is_suspect = lines[line]
        if is_suspect and not is_part:  # the usual case, so it comes first
            is_hidden = True
            found.append((first if goes_on else _past_name(text, first, last), last))
            goes_on = text[last - 1] in _MAY_GO_ON and _GOES_ON.search(low, last - 6, last) is not None
            continue
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
            found.append((first if is_rest else _past_name(text, first, last), last))
        elif is_part and found and found[-1][1] == first:  # the value of the part before may continue
            rest = _REST.match(text, first, last)
            if rest is not None and rest.end() > first:
                found.append((first, rest.end()))
        goes_on = is_hidden and text[last - 1] in _MAY_GO_ON and _GOES_ON.search(low, last - 6, last) is not None
    return found


def _examine_lines(scan: Scan, seen: list[str]) -> dict[str, bool]:
    """Return which lines are suspicious, and remember it: long texts repeat their lines."""
    known = scan.lines
    if len(known) > _MOST_LINES:
        known.clear()
    new = [line for line in dict.fromkeys(seen) if line not in known]
    known.update(zip(new, suspect_among(new), strict=True))
    return known


def _has_value(scan: Scan, name: str, first: int, last: int, is_part: bool) -> bool:
    """Return whether a line has one of the user's names and, behind it, a character that may begin a value."""
    position = scan.low.find(name, first, last)
    end = last
    if is_part:  # the line may go on
        line_end = scan.text.find("\n", last, last + _AROUND)
        end = last + _AROUND if line_end < 0 else line_end
    return position >= 0 and _VALUE.search(scan.text, position + len(name), end) is not None


@lru_cache(maxsize=512)
def _names_secret(word: str) -> bool:
    name = word.lower()
    return _NAME.match(name) is not None and fast_check(HINTED)(name) is not None


def _past_name(text: str, first: int, last: int) -> int:
    """Return where the value in a line may begin: after the name of a secret, or at the word before the operator."""
    match = _VALUE.search(text, first, last)
    if match is None:
        return first
    end = match.start()
    start = text.rfind(" ", first, end) + 1 or first
    start = text.rfind("\t", start, end) + 1 or start
    return end if start < end and text[end] not in _IN_VALUES and _names_secret(text[start:end]) else start


def _parts(text: str, start: int, stop: int) -> list[tuple[int, int, bool]]:
    """Return the start and the end of each line of a stretch, and whether it is a part of a long line."""
    stretch = text[start:stop].replace("\0", "\n")
    # each line costs several calls, so short lines are examined together
    lines = _together(stretch) if (stretch.count("\n") + 1) * _SHORT > len(stretch) else stretch.split("\n")
    found: list[tuple[int, int, bool]] = []
    for line in lines:
        end = start + len(line)
        if len(line) > _LONG:
            found += [(first, min(end, first + _LONG), True) for first in range(start, end, _LONG)]
        elif line:
            found.append((start, end, False))
        start = end + 1
    return found


def _together(stretch: str) -> Iterator[str]:
    """Yield the lines of a stretch in groups of at least ``_SHORT`` characters."""
    start = 0
    while start < len(stretch):
        end = stretch.find("\n", start + _SHORT - 1)
        end = len(stretch) if end < 0 else end
        yield stretch[start:end]
        start = end + 1
