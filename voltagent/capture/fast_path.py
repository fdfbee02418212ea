"""The fast path of a snapshot: whether a value is made of plain JSON types only, and small enough.

It compares ``type(x)`` and reads exact built-in types only, so it cannot run code of the user. It makes no call per
string or number: on CPython this loop costs about as much as writing the JSON does.

The keys of a list of dictionaries are not looked at one by one: CPython's collector visits those of a dictionary with
its values if one of them is no plain string, so they are looked at like values. After that no key can run code of the
user when all are put together, which shows that they are strings, and how long they are. With a collector that differs,
such lists are looked at dictionary by dictionary, which costs time only.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable, Iterable
from gc import get_referents
from itertools import chain
from typing import Any, Final

# Integers from here on are not written as JSON numbers: they fit no double, and `str` of them can take seconds.
HUGE: Final = 1 << 1023

# Units that are encoded in one step, some milliseconds at most: a unit may take six bytes, and the encoder never lets
# other threads have their turn.
PIECE: Final = 1 << 18

LARGE: Final = 1 << 128  # integers from here on take microseconds each, and are walked
LOW: Final = -LARGE
MOST: Final = (1 << 30) - 1  # the most that CPython compares without a loop over digits
LEAST: Final = -MOST

SHORT: Final = 1024  # characters that are not counted one by one

_NODE: Final = 8  # what an item counts beside its characters: bounds the number of items, and with it the time
_NESTED: Final = 36  # and a collection, which takes a call

_FEW: Final = 3  # items of a list that are looked at one by one
_VISITS_KEYS: Final = [*map(type, get_referents({"a": 0.5, "b": 1.5}, {2: "c"}))] == [float, float, str, int]
_union: Final[Callable[..., frozenset[Any]]] = frozenset[Any]().union  # of any number of collections


def plain(value: Any, depth: int, space: int) -> int:  # noqa: C901, PLR0911, PLR0912, PLR0915 - two loops, unrolled for their speed
    """Return what is left of ``space`` (about one unit per character), or a negative number if ``value`` is not plain.

    ``value`` is an exact ``dict``, ``list`` or ``tuple``. A value is not plain if it holds any type other than those
    and exact ``str``, ``int``, ``float``, ``bool`` and ``None``, a key that is not a string, more than ``space``, or
    more levels than ``depth``. So a cycle is not plain either.
    """
    while True:
        space -= _NODE * len(value) + _NESTED
        if space < 0 or depth <= 0:
            return -1
        if type(value) is not dict:
            break
        inner: Any = None  # the first collection in it, which is looked at last: without a call of this function
        for key, item in value.items():
            if type(key) is str is type(item):
                space -= len(key) + len(item)
                continue
            if type(key) is not str:
                return -1
            space -= len(key)
            kind = type(item)
            if kind is dict or kind is list or kind is tuple:
                if inner is None:
                    inner = item
                    continue
                space = plain(item, depth - 1, space)
                if space < 0:
                    return -1
            elif kind is int:
                if not LEAST <= item <= MOST and not LOW < item < LARGE:
                    return -1
            elif kind is not float and kind is not bool and item is not None:
                return -1
        if inner is None:
            return space
        value = inner
        depth -= 1
    items: Iterable[Any] = value
    rows: tuple[Any, ...] = ()
    if len(value) > _FEW:
        first = type(value[0])
        if first is float and len(value) > 16 and _are_all(float, value):
            return space
        if first is dict and depth > 1 and _VISITS_KEYS:
            # the usual list is one of messages or documents: their values are looked at without a call for each
            rows = tuple(value)
            for item in rows:
                if type(item) is not dict:
                    rows = ()
                    break
            else:
                items = get_referents(*rows)
                space -= _NODE * len(items) + _NESTED * len(rows)
                if space < 0:
                    return -1
                depth -= 1
    inline = dict if depth > 1 else None
    text, number, whole = str, float, int  # local names: a tenth of the time of the loop
    for item in items:
        kind = type(item)
        if kind is text:
            space -= len(item)
        elif kind is number:
            continue
        elif kind is whole:
            if (item > MOST or item < LEAST) and not LOW < item < LARGE:
                return -1
        elif kind is inline:
            # one of a few messages: its texts are looked at here, which takes half the time of a call
            space -= _NODE * len(item) + _NESTED
            if space < 0:
                return -1
            for key, part in item.items():
                if type(key) is str is type(part):
                    space -= len(key) + len(part)
                    continue
                if type(key) is not str:
                    return -1
                space -= len(key)
                kind = type(part)
                if kind is dict or kind is list or kind is tuple:
                    space = plain(part, depth - 2, space)
                    if space < 0:
                        return -1
                elif kind is int:
                    if not LEAST <= part <= MOST and not LOW < part < LARGE:
                        return -1
                elif kind is not float and kind is not bool and part is not None:
                    return -1
        elif kind is dict or kind is list or kind is tuple:
            space = plain(item, depth - 1, space)
            if space < 0:
                return -1
        elif kind is not bool and item is not None:
            return -1
    if rows:
        try:
            most = len(rows) * len("".join(_union(*rows)))  # most have the same keys
        except TypeError:  # a key is not a string
            return -1
        space -= most if most < space >> 1 else sum(map(len, chain.from_iterable(rows)))
    return space


def _are_all(kind: type, values: Any) -> bool:
    """Return whether a list holds nothing but values of exactly one type."""
    for item in values:  # noqa: SIM110 - a loop of ours: `all`, `set` and `count` would ask a metaclass for `==` or `hash`
        if type(item) is not kind:
            return False
    return True
