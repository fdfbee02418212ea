"""What the keys of a dictionary say about its values, whatever these are."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from voltagent.processors.secrets.structures.naming import LOGPROBS, Naming, naming_of
from voltagent.processors.secrets.structures.resources import may_be_resource
from voltagent.processors.secrets.structures.tables import rows_field
from voltagent.processors.secrets.text.engine import fast_check
from voltagent.processors.secrets.text.scan import SHORTEST_TEXT
from voltagent.processors.secrets.vocabulary.names import SecretNames, Strength
from voltagent.processors.secrets.vocabulary.words import HINTED, PATS

# What is a secret if another field is beside it: the hash of a password, and a key of Azure, not of a table.
_BESIDE: Final = (("hash", "salt"), ("primaryKey", "secondaryKey"), ("primary_key", "secondary_key"))
# The private members of a JSON web key, by what it has beside them.
_JWK_TYPE: Final = "kty"
_JWK_PRIVATE: Final = frozenset(("k", "d", "p", "q", "dp", "dq", "qi"))
_SIMPLE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{0,15}\Z")  # a key that holds no secret of its own
_LONGEST_SIMPLE: Final = 15  # characters
_KEYS_AT_ONCE: Final = 512
_FEW_KEYS: Final = 8
_NO_WORD: Final = re.compile(
    r"[\x00-\x09\x0b-@\[-`{-\x7f\u200b-\u200f\u2060\ufeff]{1,64}"
)  # what may stand between the words of a name
_JOINTS: Final = dict.fromkeys(ord(one) for one in map(chr, range(128)) if not one.isalpha() and one != "\n")
# Parts of names without a hint: `sessionid`, and the second words of pairs such as `security_answer`.
_OTHER_WORDS: Final = "|".join(
    (
        *(
            "sessionid",
            "phrase",
            "answer",
            "string",
            "signature",
            "bwsession",
            "assertion",
            "crypthash",
            "community",
            "words",
        ),
        *(name.replace("_", "") for name in PATS),
    )
)
_NAMES: Final = f"(?i:{HINTED}|{_OTHER_WORDS})"
_MOST_SHAPES: Final = 1024  # remembered
_LONGEST_KEYS: Final = 1024  # characters of the keys of a shape that is remembered
MOST_KEYS: Final = 24  # of a dictionary whose shape is remembered
_NONE: Final = Strength.NONE
_WEAK: Final = Strength.WEAK
_STRONG: Final = Strength.STRONG


class KeyShape(NamedTuple):
    """What the keys of a dictionary say."""

    strengths: Sequence[Strength | None]  # of each key, if it names a secret
    searched: tuple[str, ...]  # keys that may hold a secret themselves
    naming: Naming | None
    rows: str  # the field with the rows of a table, whose columns another field names
    may_be_resource: bool  # of Kubernetes or Terraform, whose type says that it holds secrets
    is_harmless: bool  # no key says anything about a value


def _shape_of(keys: dict[str, Any], strengths: Iterable[Strength], *, all_keys: bool) -> KeyShape:
    """Return the shape of a dictionary, given the strength of each key; with ``all_keys``, each key is searched."""
    is_token_list = not keys.keys().isdisjoint(LOGPROBS)
    of_keys = [None if found is _NONE or (is_token_list and found is _WEAK) else found for found in strengths]
    for name, beside in _BESIDE:
        if name in keys and beside in keys:
            of_keys = [_STRONG if key == name else own for key, own in zip(keys, of_keys, strict=True)]
    if _JWK_TYPE in keys:
        of_keys = [_STRONG if key in _JWK_PRIVATE else own for key, own in zip(keys, of_keys, strict=True)]
    naming, rows, is_resource = naming_of(keys), rows_field(keys), may_be_resource(keys)
    return KeyShape(
        of_keys,
        tuple(keys) if all_keys else tuple(_may_hold_secrets(keys)),
        naming,
        rows,
        is_resource,
        is_harmless=naming is None and not rows and not is_resource and all(one is None for one in of_keys),
    )


class Shapes:
    """The shapes of dictionaries, remembered by their keys: most payloads have many with the same keys."""

    __slots__ = ("_all_keys", "_names", "known")

    def __init__(self, names: SecretNames, *, all_keys: bool) -> None:
        self._names, self._all_keys = names, all_keys
        self.known: dict[tuple[str, ...], KeyShape] = {}  # of dictionaries with at most `MOST_KEYS`

    def add(self, value: dict[str, Any]) -> KeyShape:
        """Return the shape of a dictionary, and remember it if its keys are few and short."""
        strength = self._names.strength
        if len(value) > MOST_KEYS:
            strengths = map(strength, value) if self._names.own else _strengths_of(value, strength)
            return _shape_of(value, strengths, all_keys=self._all_keys)
        found = _shape_of(value, map(strength, value), all_keys=self._all_keys)
        if sum(map(len, value)) <= _LONGEST_KEYS:
            if len(self.known) >= _MOST_SHAPES:
                self.known.clear()
            self.known[tuple(value)] = found
        return found


class ShapesWithSecrets:
    """Shapes for a payload in which known secrets are repeated, perhaps in keys, which are searched then."""

    __slots__ = ("_keys_with_secrets", "_shapes", "known")

    def __init__(self, shapes: Shapes, keys_with_secrets: Callable[[Iterable[str]], list[str]]) -> None:
        self._shapes, self._keys_with_secrets = shapes, keys_with_secrets
        self.known: dict[tuple[str, ...], KeyShape] = {}

    def add(self, value: dict[str, Any]) -> KeyShape:
        """Return the shape of a dictionary, and remember it if its keys are few."""
        found = (self._shapes.known.get(tuple(value)) if len(value) <= MOST_KEYS else None) or self._shapes.add(value)
        secrets = self._keys_with_secrets(value)
        if secrets:
            found = found._replace(searched=tuple(dict.fromkeys([*found.searched, *secrets])))
        if len(value) <= MOST_KEYS and len(self.known) < _MOST_SHAPES:
            self.known[tuple(value)] = found
        return found


def _strengths_of(keys: Iterable[str], strength: Callable[[str], Strength]) -> list[Strength]:
    """Return the strengths of many keys; most are no names of secrets, which one search finds out for many of them."""
    rest = iter(keys)
    found: list[Strength] = []
    while some := list(islice(rest, _KEYS_AT_ONCE)):
        compact = _without_joints("\n".join(some))
        if fast_check(_NAMES)(compact) is None:
            found += [_NONE] * len(some)
        else:
            names = compact.split("\n")
            found += _strengths_among(some, names, strength) if len(names) == len(some) else map(strength, some)
    return found


def _strengths_among(keys: list[str], names: list[str], strength: Callable[[str], Strength]) -> Iterator[Strength]:
    check = fast_check(_NAMES)
    for first in range(0, len(keys), _FEW_KEYS):
        some = slice(first, first + _FEW_KEYS)
        if check("\n".join(names[some])) is None:
            yield from [_NONE] * len(keys[some])
        else:
            for key, name in zip(keys[some], names[some], strict=True):
                yield _NONE if check(name) is None else strength(key)


def _without_joints(names: str) -> str:
    """Return names without what may stand between and in their words."""
    return names.translate(_JOINTS) if names.isascii() else _NO_WORD.sub("", names)


def _may_hold_secrets(keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if len(key) > _LONGEST_SIMPLE or (len(key) >= SHORTEST_TEXT and not _is_simple(key)):
            yield key


def _is_simple(key: str) -> bool:
    return key.isidentifier() or _SIMPLE_NAME.match(key) is not None
