"""Decide about the match of a search in the ways that several searches have in common."""

from __future__ import annotations

import re

from voltagent.processors.secrets.text.scan import Range, Scan
from voltagent.processors.secrets.vocabulary.credential_forms import is_placeholder
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form


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
