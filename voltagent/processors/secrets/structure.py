"""Decide from the structure of a payload what is secret: by its type, and by the fields beside it."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any, Final, NamedTuple

from voltagent.capture.pieces import decode_deep
from voltagent.processors.parts import Undecoded, is_list, part_of
from voltagent.processors.secrets.found import SHORTEST_TEXT
from voltagent.processors.secrets.text.prefilter import fast_check
from voltagent.processors.secrets.vocabulary.credential_forms import is_placeholder
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import CERTIFICATES, HINTED

_NAME_FIELDS: Final = (
    "name",
    "key",
    "header",
    "field",
    "Name",
    "Key",
    "k",
    "env",
    "variable",
    "label",
    "ParameterKey",
    "OptionName",
    "keyName",
    "id",
    "setting",
    "selector",
    "locator",
    "element",
)
_VALUE_FIELDS: Final = ("value", "val", "Value", "newValue", "v", "content", "ParameterValue", "text")
# With other fields beside them, these name documents.
_OF_VALUES: Final = frozenset(("keyName", "id", "setting", "selector", "locator", "element"))
_NEAR_VALUES: Final = frozenset(("value", "val", "newValue"))
# What is typed into an element of a page, and what names the element. The text may also be its label.
_TYPED: Final = "text"
_ELEMENTS: Final = frozenset(("selector", "locator", "element"))
_COMPARED: Final = re.compile(r"=[ \t]{0,4}[\"']?([\w.$ -]{1,60})[\"']?\]\s{0,8}\Z")
# Under this, several words are a document, unless its name is like that of a setting or a header.
_DOCUMENT: Final = "content"
_OF_DOCUMENT: Final = re.compile(
    "(?i:about|change|create|faq|forget|forgot(?:ten)?|get|how|recover|request|reset|update)(?:[A-Z_ -]|$)"
)
_BEFORE_SECRET: Final = frozenset(
    (
        *("x", "set", "proxy", "api", "auth", "access", "client", "session", "refresh", "private"),
        *("db", "database", "smtp", "root", "admin", "user", "app"),
    )
)
# What the value of a setting was before.
_BEFORE: Final = frozenset(("oldValue", "previousValue"))
# The type of a form's field, and the operation of a JSON patch, whose path names the value.
_TYPE: Final = "type"
_HIDDEN_INPUT: Final = "password"
_PATH: Final = "path"
_PATCH: Final = frozenset(("op", _PATH))
_ABOUT: Final = frozenset(("annotations", "labels"))  # in a path: these describe a resource
_VALUE_FIELD_SET: Final = frozenset(_VALUE_FIELDS)
_MOST_COLUMNS: Final = 256
_MOST_FIELDS: Final = 12  # of a dictionary that names a value
_COOKIE_FIELDS: Final = frozenset(("domain", "httpOnly", "httponly", "sameSite", "samesite", "expires"))
# An output of Terraform.
_SENSITIVE: Final = "sensitive"
# What is a secret if another field is beside it: the hash of a password, and a key of Azure, not of a table.
_BESIDE: Final = (("hash", "salt"), ("primaryKey", "secondaryKey"), ("primary_key", "secondary_key"))
# The private members of a JSON web key, by what it has beside them.
_JWK_TYPE: Final = "kty"
_JWK_PRIVATE: Final = frozenset(("k", "d", "p", "q", "dp", "dq", "qi"))
# The fields of a table: the names of its columns, and its rows.
_COLUMNS: Final = frozenset(("columns", "header", "headers", "fields"))
_ROWS: Final = ("rows", "data", "values")
# Resources that hold secrets: the field that says so, its value, where the values are, and, if not all, their names.
_RESOURCES: Final = (
    ("kind", "Secret", frozenset(("data", "stringData")), frozenset[str]()),
    ("type", "random_password", frozenset(("instances", "values")), frozenset(("result",))),
)
_LOGPROBS: Final = frozenset(("logprob", "top_logprobs", "log_prob", "token_id"))
_SIMPLE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{0,15}\Z")  # a key that holds no secret of its own
_LONGEST_SIMPLE: Final = 15  # characters
_SPECIAL_BEGINNINGS: Final = frozenset("-{[")  # of items of a list: flags of commands, JSON
_BEGINNING: Final = itemgetter(slice(1))
_KEYS_AT_ONCE: Final = 512
_ITEMS_AT_ONCE: Final = 1 << 15
_FEW_KEYS: Final = 8
_NO_WORD: Final = re.compile(r"[^\w\n]{1,64}|[\d_]{1,64}")  # what may stand between the words of a name
_JOINTS: Final = dict.fromkeys(ord(one) for one in map(chr, range(128)) if not one.isalpha() and one != "\n")
_OTHER_WORDS: Final = (
    "sessionid",
    "phrase",
    "answer",
    "string",
    "signature",
    "hubpat",
    "labpat",
    "assertion",
    "crypthash",
)  # but the first with another word before
_NONE: Final = Strength.NONE
_WEAK: Final = Strength.WEAK
_STRONG: Final = Strength.STRONG


class KeyShape(NamedTuple):
    """What the keys of a dictionary say about its values, whatever these are."""

    strengths: Sequence[Strength | None]  # of each key, if it names a secret
    searched: tuple[str, ...]  # keys that may hold a secret themselves
    names: tuple[str, ...]  # fields that may hold the name of a value in another field
    value: str  # that field
    is_cookie: bool
    is_harmless: bool  # no key says anything about a value
    rows: str  # the field with the rows of a table, whose columns another field names
    may_be_resource: bool = False  # of Kubernetes or Terraform, whose type says that it holds secrets


def shape_of(keys: dict[str, Any], strengths: Iterable[Strength], *, all_keys: bool) -> KeyShape:
    """Return the shape of a dictionary, given the strength of each key; with ``all_keys``, each key is searched."""
    # `keys.keys().isdisjoint(some)` looks up each of some, `some.isdisjoint(keys)` all keys, in one step.
    is_token_list = not keys.keys().isdisjoint(_LOGPROBS)
    names_a_value = len(keys) <= _MOST_FIELDS and not keys.keys().isdisjoint(_VALUE_FIELD_SET)
    value = next((name for name in _VALUE_FIELDS if name in keys), "")
    others = frozenset() if value in _NEAR_VALUES else _OF_VALUES
    names: tuple[str, ...] = ()
    if names_a_value:
        names = tuple(name for name in _NAME_FIELDS if name in keys and name not in others)
    if value == _TYPED:
        names = tuple(name for name in _NAME_FIELDS if name in _ELEMENTS and name in keys)
    elif names_a_value and value != _DOCUMENT:
        names += (_PATH,) if _PATCH.issubset(keys) else ()
        names += (_TYPE,) if _TYPE in keys else ()
    of_keys = [None if found is _NONE or (is_token_list and found is _WEAK) else found for found in strengths]
    for name, beside in _BESIDE:
        if name in keys and beside in keys:
            of_keys = [_STRONG if key == name else own for key, own in zip(keys, of_keys, strict=True)]
    if _JWK_TYPE in keys:
        of_keys = [_STRONG if key in _JWK_PRIVATE else own for key, own in zip(keys, of_keys, strict=True)]
    rows = "" if keys.keys().isdisjoint(_COLUMNS) else next((field for field in _ROWS if field in keys), "")
    may_be_resource = any(kind in keys and not keys.keys().isdisjoint(holders) for kind, _, holders, _ in _RESOURCES)
    return KeyShape(
        of_keys,
        tuple(keys) if all_keys else tuple(_may_hold_secrets(keys)),
        names,
        value,
        not keys.keys().isdisjoint(_COOKIE_FIELDS),
        not names and not rows and not may_be_resource and all(one is None for one in of_keys),
        rows,
        may_be_resource,
    )


def named_strengths(
    shape: KeyShape, value: dict[str, Any], strength: Callable[[str], Strength]
) -> Sequence[Strength | None]:
    """Return the strengths of ``{"name": "authorization", "value": "…"}``: what the name says holds for the value."""
    if value.get(_SENSITIVE) is True and type(value[shape.value]) is str:
        return [_STRONG if key == shape.value else own for key, own in zip(value, shape.strengths, strict=True)]
    field = next((field for field in shape.names if type(value[field]) is str), None)
    if field is None:
        return shape.strengths
    item, which = value[shape.value], value.get(_TYPE)
    name = _name_in(field, value[field], item)
    found = _WEAK if shape.is_cookie else strength(name)
    if shape.value == _DOCUMENT and found is not _NONE and _has_words(item) and _is_document(name, value):
        return shape.strengths
    if type(which) is str and which == _HIDDEN_INPUT and not (shape.value == _DOCUMENT and _has_words(item)):
        found = _STRONG if _is_input(item) else _NONE if field == _TYPE else found
    elif field == _TYPE and shape.names[0] == _TYPE:
        return shape.strengths
    if shape.value == _TYPED:
        found = min(found, _WEAK)
    is_harmless = found is _NONE or (found is _WEAK and not shape.is_cookie and not _LOGPROBS.isdisjoint(value))
    of_value = None if is_harmless else found
    return [
        of_value if key == shape.value or key in _BEFORE else own
        for key, own in zip(value, shape.strengths, strict=True)
    ]


def _name_in(field: str, written: str, item: Any) -> str:
    """Return the name that a field holds: of a path, its last part; of a selector, the attribute that it compares."""
    if field == _PATH:
        return _last_of(written, item)
    if field in _ELEMENTS and (compared := _COMPARED.search(written)) is not None:
        return compared[1]
    return written


def _last_of(path: str, item: Any) -> str:
    """Return the name in the path of a JSON patch; an item of a list has that of the list, if it is no object."""
    *before, name = path.rsplit("/", 2)
    if name == "-" or name.isdecimal():
        name = before[-1] if before and type(item) is str else ""
    elif before and before[-1] in _ABOUT:
        return ""
    return name.replace("~1", "/")


def _is_document(name: str, value: dict[str, Any]) -> bool:
    """Return whether several words are a message or a text: their name is not like that of a setting or a header."""
    if "role" in value or _OF_DOCUMENT.match(name) is not None:
        return True
    first, joint, last = name.partition(" " if " " in name else "-")
    if not (first.isidentifier() and (joint != " " or last.isidentifier())):
        return True
    is_header = joint == "-" and first[0].isupper()
    return joint != "" and not is_header and first.lower() not in _BEFORE_SECRET


def _has_words(item: Any) -> bool:
    return type(item) is str and len(item.split(None, 1)) > 1


def _is_input(item: Any) -> bool:
    """Return whether a value may have been typed into a form, not a mask or the schema of a value."""
    return not is_placeholder(item) if type(item) is str else type(item) in (int, float)


def strengths_of(keys: Iterable[str], strength: Callable[[str], Strength]) -> list[Strength]:
    """Return the strengths of many keys; most are no names of secrets, which one search finds out for many of them."""
    rest = iter(keys)
    found: list[Strength] = []
    while some := list(islice(rest, _KEYS_AT_ONCE)):
        compact = _without_joints("\n".join(some))
        if _name_check()(compact) is None:
            found += [_NONE] * len(some)
        else:
            names = compact.split("\n")
            found += _strengths_among(some, names, strength) if len(names) == len(some) else map(strength, some)
    return found


def _strengths_among(keys: list[str], names: list[str], strength: Callable[[str], Strength]) -> Iterator[Strength]:
    check = _name_check()
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


@cache
def _name_check() -> Callable[[str], str | None]:
    return fast_check(f"(?i:{HINTED}|{'|'.join(_OTHER_WORDS)})")


def _may_hold_secrets(keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if len(key) > _LONGEST_SIMPLE or (len(key) >= SHORTEST_TEXT and not _is_simple(key)):
            yield key


def _is_simple(key: str) -> bool:
    return key.isidentifier() or _SIMPLE_NAME.match(key) is not None


def hide_in_resource(value: dict[str, Any], hide: Callable[[dict[str, Any], str, str], None]) -> None:
    """Call ``hide`` for each secret of a resource, with the dictionary that holds it, its key and the secret."""
    for kind, which, holders, names in _RESOURCES:
        own = value.get(kind)
        if type(own) is str and own == which:
            for holder in value.keys() & holders:
                value[holder] = _without_secrets(value[holder], names, hide)


def _without_secrets(value: Any, names: frozenset[str], hide: Callable[[dict[str, Any], str, str], None]) -> Any:
    """Hide the secrets in a value of a resource and return it; a part is encoded again."""
    if type(value) is Undecoded:
        return part_of([_without_secrets(item, names, hide) for item in decode_deep(value)])
    if type(value) is list:
        for number, item in enumerate(value):
            value[number] = _without_secrets(item, names, hide)
    elif type(value) is dict:
        for key, item in value.items():
            if type(item) is str and item and (key in names if names else not key.endswith(CERTIFICATES)):
                hide(value, key, item)
            elif key == "attributes":
                value[key] = _without_secrets(item, names, hide)
    return value


def column_names(table: dict[str, Any]) -> list[str]:
    """Return the names of the columns of a table."""
    columns: Any = next((table[field] for field in table if field in _COLUMNS and is_list(table[field])), [])
    if type(columns) is Undecoded:
        (columns,) = decode_deep(columns)
    names = islice(_decoded(columns), _MOST_COLUMNS)
    return [str(one.get("name")) if type(one) is dict else str(one) for one in names]


def _decoded(items: list[Any]) -> Iterator[Any]:
    for item in items:
        if type(item) is Undecoded:
            yield from decode_deep(item)
        else:
            yield item


def leaves(value: Any) -> Iterator[Any]:
    """Yield the values inside a collection that are no collections."""
    if type(value) is dict:
        value = list(value.values())
    if type(value) is list or type(value) is Undecoded:
        for item in decode_deep(value) if type(value) is Undecoded else value:
            yield from leaves(item)
    else:
        yield value


def are_strings(items: list[Any]) -> bool:
    """Return whether a list has nothing but strings."""
    if len(items) <= _ITEMS_AT_ONCE:
        return set(map(type, items)) == {str}
    return all(map(are_strings, _some_at_once(items)))


def is_plain_list(items: list[Any]) -> bool:
    """Return whether a list has only strings that are neither flags nor JSON, so that each is a text by itself."""
    if len(items) > _ITEMS_AT_ONCE:
        return all(map(is_plain_list, _some_at_once(items)))
    return are_strings(items) and set(map(_BEGINNING, items)).isdisjoint(_SPECIAL_BEGINNINGS)


def _some_at_once(items: list[Any]) -> Iterator[list[Any]]:
    """Yield a list in parts: what is done in C for all of them would hold the interpreter."""
    for first in range(0, len(items), _ITEMS_AT_ONCE):
        yield items[first : first + _ITEMS_AT_ONCE]
