"""Classify key names by the words they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Any, Final

from voltagent.processors.secrets.vocabulary.words import (
    HARMLESS,
    OWNERS,
    STEMS,
    STRONG,
    STRONG_PAIRS,
    WEAK,
    WEAK_STEMS,
)


class Strength(IntEnum):
    """How certain it is from a key name that its value is a secret."""

    NONE = 0
    WEAK = 1  # if the value looks like a credential
    STRONG = 2  # whatever string or number it is


_WORD: Final = re.compile(r"[A-Z]{2,64}(?![a-z])|[A-Z]?[a-z]{1,64}|[A-Z]")
_ACCENTED: Final = re.compile(r"[^\x00-@\[-`{-\x7f\s\u200b-\u200f\u2060\ufeff]{1,64}")  # marks of vowels are no `\w`
_NO_NAME: Final = re.compile(r"[{}\"'\r\n\\<>=;]|\[redacted\]")  # a key with these is text, and searched as text
_LONGEST_NAME: Final = 200  # characters; a longer key is no name
_MOST_NAMES: Final = 4096  # remembered; no program has that many
# Ends of a word that is written together, such as `userpassword`; `bypass` and `compass` are other words.
_ENDS: Final = "password passwd passphrase secret apikey passcode passwort secretkey storepass bindpw"
_STRONG_ENDS: Final = (*_ENDS.split(), "passwordv", "secretv", "apikeyv")  # `apikeyv2`
_TOGETHER: Final = frozenset(map("".join, STRONG_PAIRS))  # `authkey`
_HEADERS: Final = ("authorization", "cookie", "setcookie")
_WEAK_ENDS: Final = ("token", "pwd", "tokenv", *WEAK_STEMS)
_DIGITS: Final = "0123456789"
_NO_DIGITS: Final = dict.fromkeys(map(ord, _DIGITS))  # `password1` and `apiKeyV2` need no entries of their own


def classify(name: str) -> Strength:
    """Return what a key name says about its value."""
    if len(name) > _LONGEST_NAME or _NO_NAME.search(name) is not None:
        return Strength.NONE
    words = _words_of(name)
    if _is_strong(words):
        if words[-1] in HARMLESS["fact"]:
            return Strength.NONE
        first = next((number for number, word in enumerate(words) if word in STRONG or word.endswith(_STRONG_ENDS)), 0)
        owners = OWNERS.intersection(words[:first]) if words[first] != "pin" else ()  # `source_pin`: of a circuit
        others = {word for word in words if word not in STRONG}.difference(owners)
        if words[-1] == "num":
            others.discard("num")  # a `pin_num` is one, `num_passwords` are counted
        if words[first] in _HEADERS:
            others.difference_update(("header", "headers"))
        is_strong = others.isdisjoint(HARMLESS["strong"]) and others.isdisjoint(HARMLESS["named"])
        return Strength.STRONG if is_strong else Strength.WEAK
    return _classify_weak(words)


def is_pin(name: str) -> bool:
    """Return whether a name is that of a number, also the pins of a circuit, which have names and short numbers."""
    return name[-3:].lower() == "pin"


def _words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: ``dbPass``, ``db_pass`` and ``DB-PASS`` are all ``("db", "pass")``."""
    return tuple(map(str.lower, _WORD.findall(name) if name.isascii() else _ACCENTED.findall(name)))


def _is_strong(words: Sequence[str]) -> bool:
    return (
        not STRONG.isdisjoint(words)
        or not _TOGETHER.isdisjoint(words)
        or any(word.endswith(_STRONG_ENDS) for word in words)
        or any(stem in word for word in words if not word.isascii() for stem in STEMS)
        or (len(words) > 1 and (not STRONG_PAIRS.isdisjoint(pairwise(words)) or "".join(words) in STRONG))
    )


def _classify_weak(words: Sequence[str]) -> Strength:
    for position, word in enumerate(words):
        if word in WEAK or word.endswith(_WEAK_ENDS):
            return Strength.NONE if _is_harmless(word, words[:position], words[position + 1 :]) else Strength.WEAK
    return Strength.NONE


def _is_harmless(word: str, before: Sequence[str], after: Sequence[str]) -> bool:
    if word in ("token", "tokens"):
        harmless = HARMLESS["token"]
        before = before[:-1] if before[-1:] == ("id",) else before  # an `id_token` is one, a `token_id` is not
    else:
        harmless = HARMLESS["key" if word in ("key", "keys") else "strong"]
    return not harmless.isdisjoint(before) or not harmless.isdisjoint(after)


class SecretNames:
    """The key names whose values are secret: the usual ones and those of a user.

    A key is one of the user's if it is the name, or ends with it as a word of its own, whatever its spelling.
    ``keep`` are names that are never secret.
    """

    def __init__(self, own: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
        self.own: tuple[str, ...] = tuple(dict.fromkeys(name for name in map(_compact, own) if name))
        self._keep = frozenset(map(_compact, keep))
        self._is_plain = not self.own and not self._keep
        self.known: dict[str, Strength] = {}
        self.understood: dict[str, Any] = {}  # beginnings of assignments, from the name to the value

    def strength(self, key: str) -> Strength:
        """Return what a key says about its value, remembered for the next time."""
        found = self.known.get(key)
        if found is None:
            if len(key) > _LONGEST_NAME:
                return Strength.NONE
            if len(self.known) >= _MOST_NAMES:
                self.known.clear()
            found = self.known[key] = self._without_digits(key) if self._is_plain else self._strength(key)
        return found

    def _without_digits(self, key: str) -> Strength:
        """Return what a key says, remembered without its digits: names that are numbered are alike."""
        short = key.rstrip(_DIGITS)
        found = self.known.get(short)
        if found is None:
            if _NO_NAME.search(short) is not None:  # a payload may have thousands of them, which differ
                return Strength.NONE
            short = short.translate(_NO_DIGITS)
            found = self.known.get(short)
            if found is None:
                found = self.known[short] = classify(short)
        return found

    def _strength(self, key: str) -> Strength:
        compact = _compact(key)
        if compact in self._keep:
            return Strength.NONE
        if any(_ends_with(key, compact, name) for name in self.own):
            return Strength.STRONG
        return classify(key)


def _ends_with(key: str, compact: str, name: str) -> bool:
    """Return whether a key is a name of the user's, or ends with it as a word of its own."""
    if compact == name:
        return True
    if not compact.endswith(name):
        return False
    words = [_compact(word) for word in _PARTS.findall(key)]
    return any("".join(words[start:]) == name for start in range(1, len(words)))


_PARTS: Final = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]|\d+")


def _compact(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
