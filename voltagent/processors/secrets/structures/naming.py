"""Decide about a value whose name stands in a field beside it: `{"name": "authorization", "value": "…"}`."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from voltagent.processors.secrets.vocabulary.credential_forms import is_placeholder
from voltagent.processors.secrets.vocabulary.names import Strength

# What names an element of a page; `text` is typed into it, but may also be its label.
_ELEMENTS: Final = ("selector", "locator", "element", "target")
_TYPED: Final = "text"
# What names a value only beside one of some fields: elsewhere it names a document.
_OF_VALUES: Final = ("keyName", "id", "setting", *_ELEMENTS)
_NEAR_VALUES: Final = frozenset(("value", "val", "newValue"))
_NAMES: Final = "name key header field Name Key k env variable label ParameterKey OptionName"
_NAME_FIELDS: Final = (*_NAMES.split(), *_OF_VALUES)
_VALUE_FIELDS: Final = ("value", "val", "Value", "newValue", "v", "content", "ParameterValue", "text", "new")
_COMPARED: Final = re.compile(r"=[ \t]{0,4}[\"']?([\w.$ -]{1,60})[\"']?\]\s{0,8}\Z")
# Under this, several words are a document, unless its name is like that of a setting or a header.
_DOCUMENT: Final = "content"
_OF_DOCUMENT: Final = re.compile(
    "(?i:about|change|create|faq|forget|forgot(?:ten)?|get|how|recover|request|reset|update)(?:[A-Z_ -]|$)"
)
_WORDS_BEFORE: Final = "x set proxy api auth access client session refresh private db database smtp root admin user app"
_BEFORE_SECRET: Final = frozenset(_WORDS_BEFORE.split())
# What the value of a setting was before.
_BEFORE: Final = frozenset(("oldValue", "previousValue", "old"))
# The type of a form's field, and the operation of a JSON patch, whose path names the value.
_TYPE: Final = "type"
_HIDDEN_INPUT: Final = "password"
_PATH: Final = "path"
_PATCH: Final = frozenset(("op", _PATH))
_ABOUT: Final = frozenset(("annotations", "labels"))  # in a path: these describe a resource
_MOST_FIELDS: Final = 12  # of a dictionary that names a value
_COOKIE_FIELDS: Final = frozenset(("domain", "httpOnly", "httponly", "sameSite", "samesite", "expires"))
# An output of Terraform.
_SENSITIVE: Final = ("sensitive", "masked", "isSecret", "is_secret", "secured")
# Beside a token that is a word.
LOGPROBS: Final = frozenset(("logprob", "top_logprobs", "log_prob", "token_id"))
_NONE: Final = Strength.NONE
_WEAK: Final = Strength.WEAK
_STRONG: Final = Strength.STRONG


class Naming(NamedTuple):
    """The fields of a dictionary by which one names another."""

    fields: tuple[str, ...]  # that may hold the name
    value: str  # the field that is named
    is_cookie: bool

    def strengths(
        self, value: dict[str, Any], of_keys: Sequence[Strength | None], strength: Callable[[str], Strength]
    ) -> Sequence[Strength | None]:
        """Return the strengths of a dictionary's values, given those of its keys: what the name says holds for one."""
        if type(value[self.value]) is str and (True in map(value.get, _SENSITIVE) or _is_of_vault(value)):
            return [_STRONG if key == self.value else own for key, own in zip(value, of_keys, strict=True)]
        field = next((field for field in self.fields if type(value[field]) is str), None)
        if field is None:
            return of_keys
        item, which = value[self.value], value.get(_TYPE)
        name = _name_in(field, value[field], item)
        found = _WEAK if self.is_cookie else strength(name)
        if self.value == _DOCUMENT and found is not _NONE and _has_words(item) and _is_document(name, value):
            return of_keys
        if type(which) is str and which == _HIDDEN_INPUT and not (self.value == _DOCUMENT and _has_words(item)):
            found = _STRONG if _is_input(item) else _NONE if field == _TYPE else found
        elif field == _TYPE and self.fields[0] == _TYPE:
            return of_keys
        if self.value == _TYPED:
            found = min(found, _WEAK)
        is_word = found is _WEAK and not self.is_cookie and not LOGPROBS.isdisjoint(value)
        of_value = None if is_word or found is _NONE else found
        return [
            of_value if key == self.value or key in _BEFORE else own for key, own in zip(value, of_keys, strict=True)
        ]


def naming_of(keys: dict[str, Any]) -> Naming | None:
    """Return the fields of a dictionary that name a value, if there are such."""
    # `keys.keys().isdisjoint(some)` looks up each of some, `some.isdisjoint(keys)` all keys, in one step.
    value = next((name for name in _VALUE_FIELDS if name in keys), "")
    fields: tuple[str, ...] = ()
    if value == _TYPED:
        fields = tuple(name for name in (*_ELEMENTS, "field") if name in keys)
    elif value and len(keys) <= _MOST_FIELDS:
        others = frozenset() if value in _NEAR_VALUES else _OF_VALUES
        fields = tuple(name for name in _NAME_FIELDS if name in keys and name not in others)
        if value != _DOCUMENT:
            fields += (_PATH,) if _PATCH.issubset(keys) else ()
            fields += (_TYPE,) if _TYPE in keys else ()
    return Naming(fields, value, not keys.keys().isdisjoint(_COOKIE_FIELDS)) if fields else None


def _is_of_vault(value: dict[str, Any]) -> bool:
    """Return whether a service for secrets says that this is one: a parameter of AWS, or what Azure has in a vault."""
    if value.get("Type") == "SecureString":
        return True
    where = value.get("id")
    return type(where) is str and ".vault.azure.net/secrets/" in where


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
