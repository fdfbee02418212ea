"""Texts that are made of beginnings of secrets and hold none: each character is in a combination of its own."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

from voltagent.processors.secrets.text.checks import patterns
from voltagent.processors.secrets.text.engine import fast_check
from voltagent.processors.secrets.text.looks import is_suspect_text
from voltagent.processors.secrets.vocabulary.token_formats import FORMATS
from voltagent.processors.secrets.vocabulary.words import HINTS

_Check: TypeAlias = Callable[[str], bool]

_ANY: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=:/-_. ,;|@"
_REST: Final = "abcdefghij0123456789ABCDEF"
_LENGTH: Final = 1000  # characters
_BEHIND: Final = 60  # characters behind which a fragment may make a secret
_TRIES: Final = 20  # after which another fragment is taken back
_FRAGMENTS: Final = 20  # of which the last characters are taken


@cache
def hostile_texts(number: int, seed: int = 1, checks: str = "") -> tuple[str, ...]:
    """Return different texts of about a thousand characters; made for all checks before redaction, or for others."""
    source = random.Random(seed)
    check = fast_check(checks)
    has_secret: _Check = (lambda text: check(text.lower()) is not None) if checks else is_suspect_text
    words = re.findall(r"[a-z0-9=:/@$#_. -]{2,}", checks or "|".join((*patterns(), *HINTS)))
    prefixes = [re.sub(r"\\|\W.*", "", one.prefix) or one.prefix for one in FORMATS]
    found: list[str] = []
    while len(found) < number:
        text = f"and {_text(source, words, prefixes, has_secret)} and so on."
        if not has_secret(f"{text} {text}"):
            found.append(text)
    return tuple(found)


def _text(source: random.Random, words: list[str], prefixes: list[str], has_secret: _Check) -> str:
    fragments: list[str] = []
    failed = 0
    while sum(map(len, fragments)) < _LENGTH:
        before, one = "".join(fragments[-_FRAGMENTS:])[-_BEHIND:], _fragment(source, words, prefixes)
        if not has_secret(f"{before}{one} "):
            fragments.append(one)
            failed = 0
        else:
            failed += 1
        if failed > _TRIES and fragments:
            fragments.pop()
            failed = 0
    return "".join(fragments)


def _fragment(source: random.Random, words: list[str], prefixes: list[str]) -> str:
    which = source.random()
    if which < 0.45:
        one = source.choice(words)
        one = one[: source.randint(1, len(one))]
    elif which < 0.7:
        one = source.choice(prefixes)
        one = one[: source.randint(1, len(one))] + "".join(source.choices(_REST, k=source.randint(0, 7)))
    else:
        one = "".join(source.choices(_ANY, k=source.randint(1, 5)))
    return source.choice((one, one, one, one.upper(), one.capitalize()))
