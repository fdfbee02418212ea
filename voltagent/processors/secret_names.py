"""Classify key names by the words they are made of, and values by whether they look like a credential."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from typing import Final

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.processors.secret_patterns import HARMLESS, STRONG, STRONG_PAIRS, WEAK


class Strength(Enum):
    """How sure a key name makes us that its value is a secret."""

    NONE = 0
    WEAK = 1  # if the value looks like a credential
    STRONG = 2  # whatever string or number it is


_WORD: Final = re.compile(r"[A-Z]{2,64}(?![a-z])|[A-Z]?[a-z]{1,64}|[^\W\d_A-Za-z]\w{0,64}|[A-Z]")
_ACCENTED: Final = re.compile(r"[^\W\d_]{1,64}")
_NO_NAME: Final = re.compile(r"[\[\]{}\"'\r\n\\<>=;]")  # such a key is text, and searched as text
_LONGEST_NAME: Final = 200  # characters; a longer key is no name
# Ends of a word that is written together, such as `userpassword`; `bypass` and `compass` are other words.
_ENDS: Final = ("password", "passwd", "passphrase", "secret", "apikey", "passcode", "passwort", "secretkey")
_WEAK_ENDS: Final = ("token", "pwd")
_TOKENIZING: Final = frozenset(("token", "tokens"))
_KEYS: Final = frozenset(("key", "keys"))


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: ``dbPass``, ``db_pass`` and ``DB-PASS`` are all ``("db", "pass")``."""
    found = _WORD.findall(name) if name.isascii() else _ACCENTED.findall(name)
    return tuple(word.lower() for word in found)


@lru_cache(maxsize=4096)
def classify(name: str) -> Strength:
    """What a key name says of its value."""
    if len(name) > _LONGEST_NAME or _NO_NAME.search(name) is not None:
        return Strength.NONE
    words = words_of(name)
    if _is_strong(words):
        others = set(words) - STRONG
        return Strength.WEAK if others & HARMLESS["strong"] else Strength.STRONG
    return _weak(words)


def _is_strong(words: Sequence[str]) -> bool:
    return (
        any(word in STRONG or word.endswith(_ENDS) for word in words)
        or any(pair in STRONG_PAIRS for pair in pairwise(words))
        or "".join(words) in STRONG
    )


def _weak(words: Sequence[str]) -> Strength:
    for position, word in enumerate(words):
        if word not in WEAK and not word.endswith(_WEAK_ENDS):
            continue
        others = {*words[:position], *words[position + 1 :]}
        which = "token" if word in _TOKENIZING else "key" if word in _KEYS else "strong"
        if others & HARMLESS[which]:
            return Strength.NONE
        return Strength.WEAK
    return Strength.NONE


_SEPARATORS: Final = re.compile(r"[\s./:,;|+@#~_-]{1,64}")
_ORDINARY: Final = re.compile(
    r"(?:[A-Z]?[a-zà-öø-ÿ]{1,40}|[A-Z]{1,40}|\d{1,20}|(?:[A-Z]?[a-z]{1,40}){1,8}|[vV]\d{1,4}|)\Z"
)
_PLACEHOLDER: Final = re.compile(
    r"""[\s"']{0,4}(?:\$\{?\w|\{|<|%[sdr(]|%\w{1,40}%|\*{2,}|\.{3}|x{3,}\W{0,4}\Z|X{3,}\W{0,4}\Z|"""
    r"""\[redacted\]|\?\Z|:\w+\Z|@\w+\Z|your[_ -]|my[_ -]|"""
    r"""(?:none|null|nil|undefined|true|false|str|string|bool|int|bytes|optional|any|required|optional|redacted|changeme)\b)""",
    re.IGNORECASE,
)


def is_ordinary(value: str) -> bool:
    """Whether a value consists of words and numbers, as names, paths and sentences do.

    Credentials mix digits, or both cases, within one word.
    """
    if len(value) > 200:
        return " " in value[:200]
    return all(map(_ORDINARY.match, _SEPARATORS.split(value)))


def is_placeholder(value: str) -> bool:
    """Whether a value stands for one that is filled in elsewhere: ``${TOKEN}``, ``<token>``, ``***``, ``None``."""
    return not value.strip() or SECRET_TEXT in value or _PLACEHOLDER.match(value) is not None


class Names:
    """The key names whose values are secret: the usual ones and those of a user.

    A key is one of the user's if it is the name, or ends with it as a word of its own, whatever its spelling.
    ``keep`` are names that are never secret.
    """

    def __init__(self, own: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
        self.own: tuple[str, ...] = tuple(dict.fromkeys(name for name in map(_compact, own) if name))
        self._keep = frozenset(map(_compact, keep))
        self._known: dict[str, Strength] = {}

    def strength(self, key: str) -> Strength:
        """What a key says of its value, remembered for the next time."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= 4096:  # no program has that many names: these are data
                self._known.clear()
            found = self._known[key] = self._strength(key)
        return found

    def _strength(self, key: str) -> Strength:
        if len(key) > _LONGEST_NAME:
            return Strength.NONE
        compact = _compact(key)
        if compact in self._keep:
            return Strength.NONE
        if self.own and any(self._is_own(key, compact, name) for name in self.own):
            return Strength.STRONG
        return classify(key)

    def _is_own(self, key: str, compact: str, name: str) -> bool:
        if compact == name:
            return True
        if not compact.endswith(name):
            return False
        words = [_compact(word) for word in _PARTS.findall(key)]
        return any("".join(words[start:]) == name for start in range(1, len(words)))


_PARTS: Final = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]|\d+")


def _compact(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
