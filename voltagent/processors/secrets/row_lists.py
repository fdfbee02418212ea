"""Recognise tables in payloads: lists of rows, of which the first may name the columns."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Any, Final

from voltagent.capture.pieces import decode_deep
from voltagent.processors.parts import Undecoded
from voltagent.processors.secrets.text.tables import is_secret_text
from voltagent.processors.secrets.vocabulary.named_values import is_secret
from voltagent.processors.secrets.vocabulary.names import Strength

_MOST_NAMES: Final = 24  # in the header of a list of rows
# What the first column of such a list is about, by which its header is known from a pair of a name and a value.
_FIRST_COLUMNS: Final = frozenset(("id", "name", "user", "username", "login", "email", "account", "service", "host"))


def header_of(rows: list[Any]) -> list[str]:
    """Return the first of several lists if it names what is in the next ones: `[["user", "password"], …]`."""
    names, first = rows[0], rows[1] if len(rows) > 1 else None
    if type(names) is Undecoded:
        names = decode_deep(names)[0]
    if type(first) is Undecoded:
        first = decode_deep(first)[0]
    if (
        type(names) is not list
        or type(first) is not list
        or not 1 < len(names) == len(first) <= _MOST_NAMES
        or set(map(type, names)) != {str}
        or names[0].lower() not in _FIRST_COLUMNS
    ):
        return []
    return names if all(map(str.isidentifier, names)) and len({*map(str.lower, names)}) == len(names) else []


def is_secret_cell(name: str, item: Any, strength: Strength) -> bool:
    """Return whether a text or number in a column of secrets is one."""
    if type(item) is int:
        return is_secret(name, item, strength) and is_secret_text(name, str(item), strength)
    return type(item) is str and is_secret_text(name, item, strength)
