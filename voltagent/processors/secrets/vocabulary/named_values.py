"""Decide whether the value under a secret name is a secret, by its type and by what else such a name may have."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from typing import Any, Final

from voltagent.processors.parts import is_list
from voltagent.processors.secrets.vocabulary.credential_forms import (
    FETCH_MODES,
    is_credential,
    is_ordinary,
    is_placeholder,
    is_weak_secret,
)
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import LABELS, NO_LABELS, STRONG, WEAK

# Names of codes that may be short numbers of events: an `alarm_code` of a machine, `login_codes` of HTTP.
_EVENT_CODE: Final = re.compile(r"(?:alarm|login)[-_. ]?codes?(?![a-z])", re.IGNORECASE)
# A dictionary of secrets, where a string would be the name of one.
_VARIABLES: Final = re.compile(r"secrets?[-_. ]?(?:env|vars|variables)\Z", re.IGNORECASE)
# Under the key `key`, a word with a number is the name of a row, a column or the like.
_NUMBERED: Final = re.compile(
    r"(?:[A-Z]?[a-z]{2,20}(?:[_-][a-z]{2,20}){0,3}[_-]?\d{1,3}|\d{4}[A-Z]\d{1,2}|[A-Za-z]{3,20}(?:-[\w.]{1,20}){0,5}-[0-9a-f]{8,64})\Z"
)
_WORD_NUMBERED: Final = re.compile(r"[a-z]{4,12}[0-9]{1,2}\Z")  # `value1`, under the weak name of any key
# What is wrong with the value of a field, or what it must be.
_MESSAGE: Final = re.compile(
    r"\A[A-Za-z' ]{2,60}\b(?:too (?:short|long|common|weak)|blank|required|must|at least|invalid"
    r"|does(?: not|n't) match|similar|empty)\b"
)
_MOST_MESSAGES: Final = 16
_LONG_NUMBER: Final = 10_000
_MOST_NUMBERS: Final = 256  # in a list of them
_SCHEMA_TYPES: Final = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
# Also what a lock file says about a package, and how OpenAPI describes a way to log in.
_SCHEMA_FIELDS: Final = frozenset(
    (
        *("$ref", "anyOf", "oneOf", "allOf", "enum", "const"),
        *("resolved", "integrity", "tokenUrl", "authorizationUrl"),
    )
)
_VERSION: Final = re.compile(r"[\^~]?\d{1,4}\.\d{1,5}\.\d{1,5}(?:-[a-z][a-z0-9.]{0,20})?\Z")  # of a package
_OF_COOKIES: Final = re.compile(r"cookies?\Z")  # the name of a package
_OBJECT_ID: Final = re.compile(r"\d{1,4}(?:\.\d{1,6}){3,12}\Z")
# Three words in capitals or more, the last without a digit: the name of a constant, if a word says what it has.
_CONSTANT: Final = re.compile(r"[A-Z][A-Z0-9]{1,20}(?:_[A-Z0-9]{1,20}){1,9}_[A-Z]{1,20}\Z")
_IN_CONSTANTS: Final = STRONG | WEAK
_FOLDERS: Final = frozenset(("pwd", "oldpwd"))  # variables of a shell
_FOLDER: Final = re.compile(r"/[\w.-]{0,60}(?:/[\w.@+~ -]{0,80}){1,20}\Z|/[a-z]{0,20}\Z")
_BEGINS_VERSION: Final = frozenset("^~0123456789")
_LONGEST_LABEL: Final = 40  # characters
_NO_SECRETS: Final = frozenset(("yes", "no", "on", "off", "ask"))  # what says no more than whether there is one
# The security schemes of OpenAPI: how a secret is sent, by their type and the field that they then have.
_SECURITY_FIELDS: Final = {"apiKey": "in", "http": "scheme", "oauth2": "flows", "openIdConnect": "openIdConnectUrl"}
_SCHEME_FIELDS: Final = frozenset(
    (*_SECURITY_FIELDS.values(), "type", "name", "description", "help", "title", "bearerFormat")
)


def is_secret(name: object, item: Any, strength: Strength) -> bool:
    """Return whether a value under a secret name is a secret, not a placeholder of a schema, a switch or empty."""
    which = type(item)
    if which is str:
        if strength is Strength.STRONG:
            return item != "" and not is_harmless_value(name, item)
        return is_weak_secret(str(name), item) and not is_numbered_name(str(name), item)
    if which is dict and strength is Strength.WEAK and _VARIABLES.search(str(name)) is not None:
        return bool(item)
    if strength is not Strength.STRONG or item is None or which is bool:
        return False
    if which is dict:
        return bool(item) and not _is_schema(item)
    return (
        item != []
        and not (which is float and item < 0)  # the logarithm of a probability
        and not (is_list(item) and _are_messages(item))
        and not (_EVENT_CODE.search(str(name)) is not None and _are_short_numbers(item))
    )


def is_secret_text(value: str, strength: Strength, name: str = "") -> bool:
    """Return whether a value in a text is a secret: under a strong name, all but a placeholder is."""
    if strength is Strength.NONE:
        return False
    if value[:1] == "{" and value[-1:] == "}" and is_credential(value[1:-1]):
        return True  # encrypted by Maven or Jenkins
    if strength is Strength.STRONG:
        return not is_placeholder(value) and not is_harmless_text(name, value)
    return is_weak_secret(name, value)


def is_numbered_name(name: str, value: str) -> bool:
    """Return whether a value under ``key`` or ``key2`` is the name of a row, a column, an address or the like."""
    short = name.rstrip("0123456789").lower()
    if short == "key":
        return "://" in value or _NUMBERED.match(value) is not None
    return short.endswith(("key", "keys")) and _WORD_NUMBERED.match(value) is not None


def is_harmless_value(name: object, item: str) -> bool:
    """Return whether a string under a strong key is none of its values: all but a few of packages and of browsers are.

    That is the name and version of a package for cookies, and what `fetch(url, {credentials: "include"})` is passed.
    """
    if item[:1] in _BEGINS_VERSION:
        return _VERSION.match(item) is not None and _OF_COOKIES.search(str(name)) is not None
    if str(name).lower() in _FOLDERS and _FOLDER.match(item) is not None:
        return True
    if item == name:
        return item.endswith(("cookie", "cookies"))
    return name == "credentials" and item in FETCH_MODES


def is_harmless_text(name: str, value: str) -> bool:
    """Return whether what a text has behind a strong name is none of its values.

    Beside :func:`is_harmless_value`, that is the version of any package, the type of a field, and its label in any
    language: a text may be code, a form or a list of translations, where a name is the name of what is described.
    """
    begins = value[:1]
    if begins in _BEGINS_VERSION:
        return _VERSION.match(value) is not None or _OBJECT_ID.match(value) is not None
    if value.lower() in _NO_SECRETS or _is_constant(value):
        return True
    low = name.lower()
    is_of_page = low == "accesskey" and len(value) == 1  # an attribute of HTML
    if is_of_page or (low.endswith("_cookie") and value.isalpha() and is_ordinary(value)) or value.endswith(f".{name}"):
        return True  # also the name of a cookie, and `"sshkey": "Application.sshkey"`
    if begins == "/" or (begins.isascii() and begins.islower()):
        return is_harmless_value(name, value)
    if len(value) > _LONGEST_LABEL:
        return False
    words = value.lower().split()
    return words != [] and LABELS.issuperset(words) and (len(words) > 1 or words[0] not in NO_LABELS)


def _is_constant(value: str) -> bool:
    """Return whether a value is the name of a constant: ``SUPER_SECRET_WORD``, but not ``CORRECT_HORSE_BATTERY``."""
    return _CONSTANT.match(value) is not None and not _IN_CONSTANTS.isdisjoint(value.lower().split("_"))


def _are_messages(items: list[Any]) -> bool:
    """Return whether items are what a form says of a value: ``["is too short (minimum is 8 characters)"]``."""
    return len(items) <= _MOST_MESSAGES and all(type(one) is str and _MESSAGE.search(one[:200]) for one in items)


def _are_short_numbers(item: Any) -> bool:
    numbers: list[Any] = item if type(item) is list else [item]
    return len(numbers) <= _MOST_NUMBERS and all(type(one) is int and abs(one) < _LONG_NUMBER for one in numbers)


def _is_schema(value: dict[str, Any]) -> bool:
    """Return whether a dictionary is the JSON schema of a value, as in the definition of a tool."""
    which = value.get("type")
    if type(which) is str and which in _SECURITY_FIELDS:
        return _SECURITY_FIELDS[which] in value and _SCHEME_FIELDS.issuperset(value)
    if "description" in value and _SCHEME_FIELDS.issuperset(value):
        return not is_credential(str(value["description"]))
    if "value" in value:  # as `terraform output -json` and the fields of forms have it
        return False
    return (
        (type(which) is str and which in _SCHEMA_TYPES) or is_list(which) or not value.keys().isdisjoint(_SCHEMA_FIELDS)
    )
