"""Decide about the match of a search in the ways that several searches have in common."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan
from voltagent.processors.secrets.vocabulary.credential_forms import is_placeholder
from voltagent.processors.secrets.vocabulary.joined_words import end_of_password, is_free_word
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text
from voltagent.processors.secrets.vocabulary.names import Strength

BEFORE_VALUE: Final = 300  # characters before a value in which its name stands
_LONGEST_LINE: Final = 200  # characters
_PARTS: Final = re.compile("[.:]")  # between the parts of a name


def plain_value(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first group, unless it stands for a value."""
    return None if is_placeholder(scan.group(match, 1)) else match.span(1)


def credential_value(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first group if it looks like a credential or a password; an empty range otherwise."""
    start = match.start(1)
    return (start, start + end_of_password(scan.group(match, 1)))


def word_or_credential(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first group also if it is a plain word that ends its line, and names nothing else."""
    value = scan.group(match, 1)
    is_word = value.isalpha() and value.islower() and is_free_word(value)
    ends_line = scan.text[match.end(1) : match.end(1) + 1] in ("", "\n", "\r", "\0")
    return match.span(1) if is_word and ends_line else credential_value(scan, match)


def value_group(match: re.Match[str]) -> str:
    """Return the name of the group that has the value: in quotes or without."""
    return "value" if match["quote"] is None else "quoted"


def line_before(scan: Scan, match: re.Match[str]) -> str:
    """Return what stands before a match in its line, of which the last characters count."""
    before = scan.text[max(0, match.start() - _LONGEST_LINE) : match.start()]
    return before[1 + max(before.rfind("\n"), before.rfind("\0")) :].strip()


def first_of(scan: Scan, found: list[Range]) -> Range | None:
    """Return the first of several secrets of a match, and note the others."""
    scan.further += found[1:]
    return found[0] if found else None


def two_values(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first of two groups, and note the second, unless they stand for values."""
    groups = [group for group in (1, 2) if match[group] is not None and not is_placeholder(scan.group(match, group))]
    return first_of(scan, [match.span(group) for group in groups])


def named_value(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of a match if the last part of its name is that of a secret."""
    name = _PARTS.split(scan.group(match, "name"))[-1]
    return match.span("value") if is_secret_text(scan.group(match, "value"), scan.names.strength(name), name) else None


def named_before(
    scan: Scan, match: re.Match[str], name: re.Pattern[str], value: str = "value", reach: int = BEFORE_VALUE
) -> Range | None:
    """Return the value of a match if the name that stands before it is that of a secret."""
    before = max(0, match.start() - reach)
    found = name.search(scan.low, before, match.start())
    strength = Strength.NONE if found is None else scan.names.strength(scan.group(found, 1))
    return match.span(value) if is_secret_text(scan.group(match, value), strength) else None
