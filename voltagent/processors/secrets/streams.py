"""The texts of a stream: the strings in the same place of each of its items, and secrets that are split over them."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, TypeAlias

from voltagent.processors.secrets.scan import Range

Container: TypeAlias = "dict[str, Any] | list[Any]"


_EDGE: Final = 256  # characters at either end of a long chunk that may belong to a split secret


def edges_of(value: Any) -> str:
    """Return the texts of a stream, each joined, without the middle of long chunks, which no split secret reaches."""
    items = items_of(value)
    if set(map(type, items)) == {str}:
        return _edges(items)
    texts: dict[tuple[Any, ...], list[str]] = {}
    for number, item in enumerate(items):
        if type(item) is str:
            texts.setdefault((), []).append(item)
        else:
            for place, _, _, text in strings_of(items, number, item, ()):
                texts.setdefault(place, []).append(text)
    return "\0".join(_edges(parts) for parts in texts.values() if len(parts) > 1)


def _edges(texts: Sequence[str]) -> str:
    """Return texts joined, without the middle of those that are long."""
    return "".join([text if len(text) <= 2 * _EDGE else f"{text[:_EDGE]}\0{text[-_EDGE:]}" for text in texts])


def items_of(value: Any) -> list[Any]:
    """Return the items of a stream, which are under ``result`` of an output."""
    items = value.get("result") if type(value) is dict else None
    return items if type(items) is list and len(items) > 1 else []


def strings_of(
    container: Container, key: Any, value: Any, place: tuple[Any, ...]
) -> Iterator[tuple[tuple[Any, ...], Container, Any, str]]:
    """Yield the strings inside an item of a stream, each with its place in the item."""
    if type(value) is str:
        yield place, container, key, value
    elif type(value) is dict and len(place) < 8:
        for name, item in value.items():
            yield from strings_of(value, name, item, (*place, name))
    elif type(value) is list and len(place) < 8:
        for number, item in enumerate(value):
            yield from strings_of(value, number, item, (*place, number))


def split_over(found: dict[int, list[Range]], wholes: Sequence[Range], parts: Sequence[tuple[int, int]]) -> set[int]:
    """Add ranges of a joined text, in order and apart, to the ranges of its parts, given as number and length.

    Returns the numbers of the parts that begin inside a range.
    """
    ends = [*accumulate(length for _, length in parts)]
    continued: set[int] = set()
    for start, stop in wholes:
        at = bisect_right(ends, start)
        position = ends[at - 1] if at else 0
        while position < stop:
            number, length = parts[at]
            if length:
                is_rest = start < position
                one = (0 if is_rest else start - position, min(stop - position, length))
                if number in found:
                    found[number].append(one)
                else:
                    found[number] = [one]
                if is_rest:
                    continued.add(number)
            position += length
            at += 1
    return continued
