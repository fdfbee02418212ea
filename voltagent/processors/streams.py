"""The texts of a stream: the strings in the same place of each of its items, and secrets that are split over them."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeAlias

from voltagent.processors.parts import PARTS
from voltagent.processors.secrets.structure import are_strings
from voltagent.processors.secrets.text.scan import Range, take_all

Container: TypeAlias = "dict[str, Any] | list[Any]"


_EDGE: Final = 256  # characters at either end of a long chunk that may belong to a split secret
_AT_ONCE: Final = 1 << 15  # chunks
DEEPEST: Final = 8  # levels of an item in which its texts stand
MOST_PLACES: Final = 1024  # a stream of text has few, and each costs several objects


class Texts:
    """The texts in one place of the items of a stream, and those in places inside of it."""

    __slots__ = ("containers", "inside", "keys", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.containers: list[Container] = []
        self.keys: list[Any] = []
        self.inside: dict[Any, Texts] = {}

    def add(self, container: Container, key: Any, value: Any, places: list[Texts], levels: int = DEEPEST) -> None:
        """Add a value in this place: a text, or a collection of some. ``places`` are those new with the item."""
        which = type(value)
        if which is str:
            self.texts.append(value)
            self.containers.append(container)
            self.keys.append(key)
        elif levels and (which is dict or which is list):
            inside = self.inside
            for name, item in value.items() if which is dict else enumerate(value):
                if type(item) in WITH_TEXTS:
                    if name not in inside:
                        if len(places) >= MOST_PLACES:
                            continue
                        inside[name] = Texts()
                        places.append(inside[name])
                    inside[name].add(value, name, item, places, levels - 1)

    def __iter__(self) -> Iterator[Texts]:
        """Yield the places with more than one text: no secret is split over one."""
        if len(self.texts) > 1:
            yield self
        for place in self.inside.values():
            yield from place


WITH_TEXTS: Final = frozenset((str, dict, list))


def edges_of(items: list[Any], texts: Callable[[list[Any]], Texts]) -> str:
    """Return the texts of a stream, each joined, without the middle of long chunks, which no split secret reaches."""
    return _edges(items) if are_strings(items) else "\0".join([_edges(place.texts) for place in texts(items)])


def _edges(texts: Sequence[str]) -> str:
    """Return texts joined, without the middle of those that are long."""
    if len(texts) <= _AT_ONCE and max(map(len, texts), default=0) <= 2 * _EDGE:
        return "".join(texts)
    return "".join([text if len(text) <= 2 * _EDGE else f"{text[:_EDGE]}\0{text[-_EDGE:]}" for text in texts])


def items_of(value: Any) -> list[Any]:
    """Return the items of a stream, which are under ``result`` of an output."""
    items = value.get("result") if type(value) is dict else None
    return items if type(items) is list and (len(items) > 1 or (items and type(items[0]) in PARTS)) else []


def texts_of(items: list[Any]) -> Texts:
    """Return the texts of the items of a stream by their places."""
    found = Texts()
    for number, item in enumerate(items):
        found.add(items, number, item, [])
    return found


class Split(NamedTuple):
    """What secrets cover of the chunks of a text, all by the numbers of the chunks."""

    emptied: list[Range]  # from the first to before the last: chunks that are nothing but the rest of a secret
    ranges: dict[int, Sequence[Range]]  # of the other chunks that a secret covers in part
    continued: set[int]  # those of them that begin with the rest of a secret


def split_over(wholes: list[Range], parts: Sequence[str]) -> Split:
    """Divide ranges of a joined text, in order and apart, over its parts: a secret is marked where it begins.

    The list is emptied.
    """
    ends = array("q", (0,))
    for number in range(0, len(parts), _AT_ONCE):
        ends.fromlist(list(accumulate(map(len, parts[number : number + _AT_ONCE]), initial=ends.pop())))
    del ends[0]
    split = Split([], {}, set())
    for start, stop in take_all(wholes):
        first = bisect_right(ends, start)
        last = bisect_left(ends, stop, first)
        position = ends[first] - len(parts[first])
        _add_to(split.ranges, first, (start - position, min(stop - position, len(parts[first]))))
        if last > first:
            rest = stop - ends[last] + len(parts[last])
            is_whole = rest == len(parts[last])
            if last + is_whole > first + 1:
                split.emptied.append((first + 1, last + is_whole))
            if not is_whole:
                _add_to(split.ranges, last, (0, rest))
                split.continued.add(last)
    return split


def _add_to(ranges: dict[int, Sequence[Range]], number: int, one: Range) -> None:
    """Add a range of a chunk, which has one mostly; Python's garbage collection stops tracking tuples of numbers."""
    several = ranges.get(number)
    if several is None:
        ranges[number] = (one,)
    elif isinstance(several, list):
        several.append(one)
    else:
        ranges[number] = [*several, one]
