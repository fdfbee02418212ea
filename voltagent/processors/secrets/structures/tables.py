"""Hide the columns of secrets in tables of payloads: rows, with the names of their columns beside or above them."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from voltagent.capture.pieces import decode_deep
from voltagent.processors.parts import Undecoded, is_list, part_of
from voltagent.processors.secrets.text.tables import Column, is_secret_cell, secret_columns
from voltagent.processors.secrets.vocabulary.named_values import is_secret
from voltagent.processors.secrets.vocabulary.names import Strength

# The fields of a table: the names of its columns, and its rows.
_COLUMNS: Final = frozenset(("columns", "header", "headers", "fields"))
_ROWS: Final = ("rows", "data", "values")
_MOST_COLUMNS: Final = 256
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


def rows_field(keys: dict[str, Any]) -> str:
    """Return the field of a dictionary with the rows of a table, if another one names the columns."""
    return "" if keys.keys().isdisjoint(_COLUMNS) else next((field for field in _ROWS if field in keys), "")


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


def hide_columns(
    names: list[str],
    rows: Any,
    strength: Callable[[str], Strength],
    hide: Callable[[list[Any], int, Any], None],
    first: int = 0,
) -> Any:
    """Hide the columns of a table whose names are those of secrets, in rows that are lists; return the rows."""
    secret = secret_columns(names, strength)
    if secret and type(rows) is Undecoded:  # all of them in one
        (some,) = decode_deep(rows)
        _hide_in_rows(secret, len(names), some, hide)
        return part_of([some])
    if secret and type(rows) is list:
        _hide_in_rows(secret, len(names), rows, hide, first)
    return rows


def _hide_in_rows(
    secret: list[Column], width: int, rows: Any, hide: Callable[[list[Any], int, Any], None], first: int = 0
) -> None:
    for at, row in enumerate(islice(rows, first, None) if type(rows) is list else (), first):
        if type(row) is Undecoded:
            some = decode_deep(row)
            _hide_in_rows(secret, width, some, hide)
            rows[at] = part_of(some)
        elif type(row) is list and len(row) == width:
            for number, name, strength in secret:
                item = row[number]
                if _is_secret_cell(name, item, strength):
                    hide(row, number, item)


def _is_secret_cell(name: str, item: Any, strength: Strength) -> bool:
    """Return whether a text or number in a column of secrets is one."""
    if type(item) is int:
        return is_secret(name, item, strength) and is_secret_cell(name, str(item), strength)
    return type(item) is str and is_secret_cell(name, item, strength)
