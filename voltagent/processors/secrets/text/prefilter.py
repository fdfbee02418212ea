"""Decide from a JSON text whether there can be a secret in it, before anything is decoded.

It may say so too often, never too rarely: what it lets pass is not searched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from voltagent.core import clock
from voltagent.processors.secrets.text.checks import patterns
from voltagent.processors.secrets.text.engine import Check, compiled_once


@cache
def prefilter(*, is_ascii: bool = False) -> tuple[Check, Callable[[str], str | None]]:
    """Return the checks for names and grammar, and those for tokens; each gives ``None`` for no match."""
    *names, tokens = patterns(is_ascii=is_ascii)
    return Check(names), compiled_once(tokens)


@cache
def _all_checks() -> Check:
    """Return all checks for ASCII, in half the time that they take one by one."""
    return Check(patterns(is_ascii=True))


def avoids_all_checks(text: str) -> bool:
    """Return whether the one expression for all checks was too slow lately for a text."""
    return _all_checks().avoids(text)


def is_suspect_text(text: str) -> bool:
    """Return whether there can be a secret in a text that is not encoded."""
    if text.isascii():
        return _all_checks()(text) is not None
    names, tokens = prefilter()
    return names(text) is not None or tokens(text) is not None


def suspect_among(texts: Sequence[str]) -> list[bool]:
    """:func:`is_suspect_text` for each of several short texts, of which most are suspicious.

    They differ so much that the states of one expression for all checks would not fit the cache of the engine.
    """
    in_ascii = [text for text in texts if text.isascii()]
    if len(in_ascii) == len(texts):
        return _suspect_among(in_ascii, *prefilter(is_ascii=True))
    beyond = iter(_suspect_among([text for text in texts if not text.isascii()], *prefilter()))
    found = iter(_suspect_among(in_ascii, *prefilter(is_ascii=True)))
    return [next(found if text.isascii() else beyond) for text in texts]


def _suspect_among(texts: Sequence[str], names: Check, tokens: Callable[[str], str | None]) -> list[bool]:
    likely, other = names.current(), tokens
    found: list[bool] = []
    began = clock.monotonic()
    for text in texts:
        if likely(text) is not None:
            found.append(True)
        elif other(text) is not None:
            found.append(True)
            likely, other = other, likely  # what comes next is mostly of the same kind
        else:
            found.append(False)
    names.note(clock.monotonic() - began, sum(map(len, texts)))
    return found
