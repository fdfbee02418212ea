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
    is_placeholder,
    is_weak_secret,
)
from voltagent.processors.secrets.vocabulary.names import Strength

# Names of codes that may be short numbers of events: an `alarm_code` of a machine, `login_codes` of HTTP.
_EVENT_CODE: Final = re.compile(r"(?:alarm|login)[-_. ]?codes?(?![a-z])", re.IGNORECASE)
# A dictionary of secrets, where a string would be the name of one.
_VARIABLES: Final = re.compile(r"secrets?[-_. ]?(?:env|vars|variables)\Z", re.IGNORECASE)
# Under the key `key`, a word with a number is the name of a row, a column or the like.
_NUMBERED: Final = re.compile(r"(?:[A-Z]?[a-z]{2,20}\d{1,3}|\d{4}[A-Z]\d{1,2})\Z")
_LONG_NUMBER: Final = 10_000
_MOST_NUMBERS: Final = 256  # in a list of them
_SCHEMA_TYPES: Final = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_SCHEMA_FIELDS: Final = frozenset(("$ref", "anyOf", "oneOf", "allOf", "enum", "const"))
# The security schemes of OpenAPI: how a secret is sent, by their type and the field that they then have.
_SECURITY_FIELDS: Final = {"apiKey": "in", "http": "scheme", "oauth2": "flows", "openIdConnect": "openIdConnectUrl"}
_SCHEME_FIELDS: Final = frozenset((*_SECURITY_FIELDS.values(), "type", "name", "description", "bearerFormat"))


def is_secret(name: object, item: Any, strength: Strength) -> bool:
    """Return whether a value under a secret name is a secret, not a placeholder of a schema, a switch or empty."""
    which = type(item)
    if which is str:
        if strength is Strength.STRONG:
            return item != "" and not is_fetch_mode(name, item)
        return is_weak_secret(str(name), item) and not (str(name).lower() == "key" and _NUMBERED.match(item))
    if which is dict and strength is Strength.WEAK and _VARIABLES.search(str(name)) is not None:
        return bool(item)
    if strength is not Strength.STRONG or item is None or which is bool:
        return False
    if which is dict:
        return bool(item) and not _is_schema(item)
    return item != [] and not (_EVENT_CODE.search(str(name)) is not None and _are_short_numbers(item))


def is_secret_text(value: str, strength: Strength, name: str = "") -> bool:
    """Return whether a value in a text is a secret: under a strong name, all but a placeholder is."""
    if strength is Strength.NONE:
        return False
    if value[:1] == "{" and value[-1:] == "}" and is_credential(value[1:-1]):
        return True  # encrypted by Maven or Jenkins
    return not is_placeholder(value) if strength is Strength.STRONG else is_weak_secret(name, value)


def is_fetch_mode(name: object, item: str) -> bool:
    """Return whether a value says how `fetch(url, {credentials: "include"})` sends cookies."""
    return name == "credentials" and item in FETCH_MODES


def _are_short_numbers(item: Any) -> bool:
    numbers: list[Any] = item if type(item) is list else [item]
    return len(numbers) <= _MOST_NUMBERS and all(type(one) is int and abs(one) < _LONG_NUMBER for one in numbers)


def _is_schema(value: dict[str, Any]) -> bool:
    """Return whether a dictionary is the JSON schema of a value, as in the definition of a tool."""
    which = value.get("type")
    if type(which) is str and which in _SECURITY_FIELDS:
        return _SECURITY_FIELDS[which] in value and _SCHEME_FIELDS.issuperset(value)
    if "value" in value:  # as `terraform output -json` and the fields of forms have it
        return False
    return (
        (type(which) is str and which in _SCHEMA_TYPES) or is_list(which) or not value.keys().isdisjoint(_SCHEMA_FIELDS)
    )
