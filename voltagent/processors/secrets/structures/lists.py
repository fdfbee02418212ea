"""What lists hold: strings only, pairs, or other collections."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Final

from voltagent.capture.pieces import decode_deep
from voltagent.processors.parts import Undecoded

_SPECIAL_BEGINNINGS: Final = frozenset("-{[")  # of items of a list: flags of commands, JSON
_BEGINNING: Final = itemgetter(slice(1))
_ITEMS_AT_ONCE: Final = 1 << 15


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


def are_pairs(items: list[Any]) -> bool:
    """Return whether a list has nothing but pairs of a name and a value."""
    return all(
        (type(item) is list and len(item) == 2 and type(item[0]) is str)
        or (type(item) is Undecoded and are_pairs(decode_deep(item)))
        for item in items
    )


def _some_at_once(items: list[Any]) -> Iterator[list[Any]]:
    """Yield a list in parts: what is done in C for all of them would hold the interpreter."""
    for first in range(0, len(items), _ITEMS_AT_ONCE):
        yield items[first : first + _ITEMS_AT_ONCE]
