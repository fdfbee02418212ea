"""Decide whether there can be a secret in a text in ASCII, in which each other character has a stand-in.

It may say so too often, never too rarely: what it lets pass is not searched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from voltagent.processors.secrets.text.checks import patterns
from voltagent.processors.secrets.text.engine import Check, compiled_once


@cache
def prefilter() -> tuple[Check, Callable[[str], str | None]]:
    """Return the checks for names and grammar, and those for tokens; each gives ``None`` for no match."""
    *names, tokens = patterns(is_ascii=True)
    return Check(names), compiled_once(tokens)


@cache
def _all_checks() -> Check:
    """Return all checks, in half the time that they take one by one."""
    return Check(patterns(is_ascii=True))


def avoids_all_checks(text: str) -> bool:
    """Return whether the one expression for all checks was too slow lately for a text."""
    return _all_checks().avoids(len(text))


def is_suspect_text(text: str) -> bool:
    """Return whether there can be a secret in a text, encoded or not."""
    return _all_checks()(text) is not None
