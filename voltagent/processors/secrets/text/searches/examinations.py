"""Decide about the match of a search in the ways that several searches have in common."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan
from voltagent.processors.secrets.vocabulary.credential_forms import is_credential, is_placeholder
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form
from voltagent.processors.secrets.vocabulary.names import Strength

BEFORE_VALUE: Final = 300  # characters before a value in which its name stands


def plain_value(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first group, unless it stands for a value."""
    return None if is_placeholder(scan.group(match, 1)) else match.span(1)


def credential_value(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first group if it looks like a credential or a password."""
    return match.span(1) if has_password_form(scan.group(match, 1)) else None


def first_of(scan: Scan, found: list[Range]) -> Range | None:
    """Return the first of several secrets of a match, and note the others."""
    scan.further += found[1:]
    return found[0] if found else None


def is_named_secret(value: str, strength: Strength) -> bool:
    """Return whether a value is a secret, given what its name says."""
    is_encrypted = value[:1] == "{" and value[-1:] == "}" and is_credential(value[1:-1])  # by Maven or Jenkins
    if strength is Strength.NONE or (is_placeholder(value) and not is_encrypted):
        return False
    return strength is Strength.STRONG or is_encrypted or is_credential(value)


def named_before(
    scan: Scan, match: re.Match[str], name: re.Pattern[str], value: str = "value", reach: int = BEFORE_VALUE
) -> Range | None:
    """Return the value of a match if the name that stands before it is that of a secret."""
    before = max(0, match.start() - reach)
    found = name.search(scan.low, before, match.start())
    strength = Strength.NONE if found is None else scan.names.strength(scan.group(found, 1))
    return match.span(value) if is_named_secret(scan.group(match, value), strength) else None
