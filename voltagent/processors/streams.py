"""The texts of a stream: the strings in the same place of each of its items, and secrets that are split over them."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeAlias, cast

from voltagent.processors.parts import PARTS
from voltagent.processors.secrets.structures.lists import are_strings
from voltagent.processors.secrets.text.scan import Range, add_range, take_all

Container: TypeAlias = "dict[str, Any] | list[Any]"


_EDGE: Final = 256  # characters at either end of a long chunk that may belong to a split secret
_AT_ONCE: Final = 1 << 15  # chunks
DEEPEST: Final = 8  # levels of an item in which its texts stand
_NONE: Final = -1
_INDEX: Final = "index"  # the field in which a choice or a call of a tool says which of several it is
_PLACES: Final = 4096  # freed at once
_MOST_PLACES: Final = 1024  # new ones that an item may add; a stream of text has few


class Texts:
    """The texts of a stream, by the numbers of the places in its items in which they stand; an item itself is place 0.

    There may be as many places as texts, so none has an object of its own as long as it has one text.
    """

    __slots__ = ("_are_several", "_by_place", "_inside", "_most", "containers", "keys", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.containers: list[Container] = []
        self.keys: list[Any] = []
        self._by_place: list[int | list[int]] = [_NONE]  # the texts in each place, or the only one
        self._inside: list[dict[Any, int] | None] = [None]  # the places inside of each, by their names
        self._most = 0  # places with those of the current item
        self._are_several = False  # whether an item of a list says that it is not the first of several

    def begin_item(self) -> None:
        """Allow new places for the next item."""
        self._most = len(self._by_place) + _MOST_PLACES

    def add_all(self, items: list[Any]) -> None:
        """Add the items of a stream, each a text or a collection of some."""
        by_place, add_inside = self._by_place, self._add_inside
        for number, item in enumerate(items):
            which = type(item)
            if which is str:
                self.put(0, items, number, item)
            elif which in WITH_TEXTS:
                self._most = len(by_place) + _MOST_PLACES
                add_inside(0, item, DEEPEST)

    def _add_inside(self, place: int, value: Any, levels: int) -> None:
        """Add what is inside of a collection. This is long for its speed: all outputs that are lists come here."""
        inside = self._inside[place]
        if inside is None:
            inside = self._inside[place] = {}
        texts, by_place = self.texts, self._by_place
        for name, item in value.items() if type(value) is dict else self._named(value):
            which = type(item)
            if which in WITH_TEXTS:
                inner = inside.get(name) or self._new(inside, name)
                if which is not str:
                    if inner and levels > 1:
                        self._add_inside(inner, item, levels - 1)
                elif inner:
                    several = by_place[inner]
                    if type(several) is list:
                        several.append(len(texts))
                    else:
                        by_place[inner] = len(texts) if several == _NONE else [cast(int, several), len(texts)]
                    texts.append(item)
                    self.containers.append(value)
                    self.keys.append(name)

    def put(self, place: int, container: Container, key: Any, text: str) -> None:
        """Add a text in a place."""
        several = self._by_place[place]
        if type(several) is list:
            several.append(len(self.texts))
        else:
            number = cast(int, several)
            self._by_place[place] = len(self.texts) if number == _NONE else [number, len(self.texts)]
        self.texts.append(text)
        self.containers.append(container)
        self.keys.append(key)

    def inner(self, place: int, name: Any) -> int:
        """Return the place with a name inside of another one; 0 if the item has too many."""
        inside = self._inside[place]
        if inside is None:
            inside = self._inside[place] = {}
        return inside.get(name) or self._new(inside, name)

    def _new(self, inside: dict[Any, int], name: Any) -> int:
        number = len(self._by_place)
        if number >= self._most:
            return 0
        self._by_place.append(_NONE)
        self._inside.append(None)
        inside[name] = number
        return number

    def _named(self, items: list[Any]) -> Iterator[tuple[int, Any]]:
        """Yield items with their numbers; negative ones for those that say themselves which of several they are."""
        for number, item in enumerate(items):
            index = item.get(_INDEX) if type(item) is dict else None
            if type(index) is not int or index < 0:
                yield number, item
            else:
                if index:
                    self._are_several = True
                yield ~index, item

    def together(self) -> Iterator[list[int]]:
        """Yield the numbers of the texts in each place with more than one: no secret is split over one.

        If items of lists say which of several they are, their places follow each other as one: of choices that come in
        turn, each is a text, and if each comes once, all of them are.
        """
        if self._are_several:
            return self._together_in((0,))
        return (numbers for numbers in self._by_place if type(numbers) is list)

    def _together_in(self, places: Sequence[int]) -> Iterator[list[int]]:
        """Yield the numbers of the texts in places that are one, and in those inside of them."""
        numbers: list[int] = []
        followed: dict[Any, list[int]] = {}
        for place in places:
            several = self._by_place[place]
            if type(several) is list:
                numbers += several
            elif several != _NONE:
                numbers.append(cast(int, several))
            for name, inner in (self._inside[place] or {}).items():
                is_one_of_several = type(name) is int and name < 0
                if is_one_of_several or len(places) > 1:
                    followed.setdefault(~0 if is_one_of_several else name, []).append(inner)
                else:
                    yield from self._together_in((inner,))
        if len(numbers) > 1:
            yield numbers
        for some in followed.values():
            yield from self._together_in(some)

    def alone(self) -> Iterator[int]:
        """Yield the numbers of the other texts."""
        return (number for number in self._by_place if type(number) is int and number != _NONE)

    def release(self) -> None:
        """Let go of the places in small steps: to free very many in one takes long."""
        while self._by_place:
            del self._by_place[-_PLACES:]
        while self._inside:
            inside = self._inside.pop()
            while inside:
                inside.popitem()


WITH_TEXTS: Final = frozenset((str, dict, list))


def edges_of(items: list[Any], texts: Callable[[list[Any]], Texts]) -> str:
    """Return the texts of a stream, each joined, without the middle of long chunks, which no split secret reaches."""
    return _edges(items) if are_strings(items) else _edges_by_place(texts(items))


def _edges_by_place(stream: Texts) -> str:
    texts = stream.texts
    edges = "\0".join([_edges([texts[number] for number in numbers]) for numbers in stream.together()])
    stream.release()
    return edges


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
    found.add_all(items)
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
    ends = ends_of(parts)
    split = Split([], {}, set())
    emptied, ranges, continued = split
    last = 0
    for start, stop in take_all(wholes):
        first = bisect_right(ends, start, last)
        length, end = len(parts[first]), ends[first]
        begin = start - end + length
        if stop <= end:
            add_range(ranges, first, (begin, stop - end + length))
            last = first
            continue
        add_range(ranges, first, (begin, length))
        last = bisect_left(ends, stop, first + 1)
        end = ends[last]
        if stop == end:  # all of the last one
            emptied.append((first + 1, last + 1))
        else:
            if last > first + 1:
                emptied.append((first + 1, last))
            ranges[last] = ((0, stop - end + len(parts[last])),)
            continued.add(last)
    return split


def ends_of(parts: Sequence[str]) -> Sequence[int]:
    """Return where each part of a text ends; in an array if there are many, whose numbers garbage collection visits."""
    if len(parts) <= _AT_ONCE:
        return list(accumulate(map(len, parts)))
    ends = array("q", (0,))
    for number in range(0, len(parts), _AT_ONCE):
        ends.fromlist(list(accumulate(map(len, parts[number : number + _AT_ONCE]), initial=ends.pop())))
    del ends[0]
    return ends
