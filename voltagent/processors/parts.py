"""Large JSON texts with very many collections, most of which stay text while the rest is decoded.

Python's collection of garbage looks at all lists and dictionaries in one step, during which no other thread runs. So
these are decoded a part at a time, and each part becomes text again before the next one is decoded.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final, TypeAlias

from voltagent.capture import pieces
from voltagent.capture.pieces import decode_deep, encode_any, encode_deep

MOST: Final = 1 << 14  # collections that are decoded at the same time
_SIZE_PER_COLLECTION: Final = 64  # bytes of a piece; with larger ones, it is decoded
_FIRST: Final = 3  # items of a list that keep their places
_IN_LISTS: Final = (b"[{", b",{", b'"{')  # how dictionaries begin that are in no other dictionary
_COLLECTIONS: Final = frozenset((dict, list))
_CHARACTERS: Final = range(0xE000, 0xE020)


# The JSON text of a list of collections, in the place of the first of them: as a value, of one. These types are none of
# JSON's, and the collection of garbage does not know their objects, as it does those of any class of ours.
Undecoded: TypeAlias = bytes
Marked: TypeAlias = bytearray  # a part that was examined, and may have marks in the place of strings
PARTS: Final = frozenset((Undecoded, Marked))
_NOT_SIMPLE: Final = frozenset((*_COLLECTIONS, *PARTS))


def sign_for(text: bytes) -> str:
    """Return a character that a JSON text does not have; nothing if it has not too many collections to decode them all.

    Dictionaries of nothing but simple values do not count: the collection of garbage leaves them out.
    """
    if len(text) <= pieces.LARGE:
        return ""
    lists, dictionaries = text.count(b"["), text.count(b"{")
    if lists + dictionaries <= MOST or lists + dictionaries - sum(map(text.count, _IN_LISTS)) <= MOST:
        return ""
    low = text.lower()
    return next((chr(one) for one in _CHARACTERS if chr(one).encode() not in low and b"u%x" % one not in low), "")


def outline(text: bytes) -> Any:
    """Decode a JSON text but for most of the small collections in it: those are parts.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """
    value = pieces.decode(text, _keep)
    if type(value) is dict and type(value.get("result")) is Undecoded:  # of an output, they may be those of a stream
        value["result"] = decode_deep(value["result"])[0]
    return value


def part_of(items: list[Any]) -> Undecoded:
    """Return collections as a part."""
    return encode_deep(items)


def _keep(items: Any, text: bytes, before: int) -> Any:
    """Return some items of a list or dictionary with parts in place of collections, if there are many."""
    if (text.count(b"[") + text.count(b"{")) * _SIZE_PER_COLLECTION <= len(text):
        return items
    if type(items) is dict:
        return {key: part_of([item]) if type(item) in _COLLECTIONS else item for key, item in items.items()}
    if (len(items) == 1 or before >= _FIRST) and _COLLECTIONS.issuperset(map(type, items)):
        return [text]  # the one item may have parts
    kept: list[Any] = []
    for is_collection, some in groupby(items, lambda item: type(item) in _COLLECTIONS):
        if not is_collection:
            kept += some
        else:
            same = list(some)
            alone = max(0, _FIRST - before - len(kept))
            kept += [part_of([item]) for item in same[:alone]]
            if same[alone:]:
                kept.append(part_of(same[alone:]))
    return kept


def encode_outline(value: Any, text_of: Callable[[Undecoded | Marked], bytes]) -> bytes:
    """JSON text of an outline; ``text_of`` returns that of a part, as a list."""
    if type(value) in PARTS:
        return text_of(value)[1:-1]
    if type(value) is dict:
        return b"{%b}" % b",".join(_items_of_dict(value, text_of))
    if type(value) is list:
        return b"[%b]" % b",".join(_items_of_list(value, text_of))
    return encode_any(value)


def _items_of_list(value: list[Any], text_of: Callable[[Undecoded | Marked], bytes]) -> Iterator[bytes]:
    for is_simple, items in groupby(value, _is_simple):
        if is_simple:
            yield encode_any(list(items))[1:-1]
        else:
            for item in items:
                yield encode_outline(item, text_of)


def _items_of_dict(value: dict[str, Any], text_of: Callable[[Undecoded | Marked], bytes]) -> Iterator[bytes]:
    for is_simple, items in groupby(value.items(), lambda item: _is_simple(item[1])):
        if is_simple:
            yield encode_any(dict(items))[1:-1]
        else:
            for key, item in items:
                yield encode_any(key) + b":" + encode_outline(item, text_of)


def _is_simple(value: Any) -> bool:
    return type(value) not in _NOT_SIMPLE
