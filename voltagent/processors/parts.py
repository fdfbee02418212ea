"""Decode large JSON texts with very many collections a part at a time.

Python's garbage collection visits all lists and dictionaries in one step, during which no other thread runs. So most
collections stay JSON text: each part is decoded, examined and encoded again before the next one is decoded.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby, islice
from typing import Any, Final, TypeAlias

from voltagent.capture import pieces
from voltagent.capture.pieces import decode_deep, encode_any, encode_deep

MOST: Final = 1 << 14  # collections that are decoded at the same time
_AT_ONCE: Final = 1 << 20  # bytes that are searched at once
_SIZE_PER_COLLECTION: Final = 64  # bytes; a piece whose collections are larger on average is decoded
_ITEMS_AT_ONCE: Final = 1 << 12  # that are sorted by their types
_FIRST: Final = 3  # items of a list that each get a part of their own
_IN_LISTS: Final = (b"[{", b",{", b'"{')  # beginnings of dictionaries that are not inside another dictionary
_COLLECTIONS: Final = frozenset((dict, list))
_CHARACTERS: Final = range(0xE000, 0xE020)


# A part is the JSON text of a list of collections. In a list it replaces these; in a dictionary it replaces one value.
# Decoded JSON has no values of these types, and garbage collection does not track them, unlike instances of a class.
Undecoded: TypeAlias = bytes
Marked: TypeAlias = bytearray  # a part that was examined, and may have marks instead of strings
PARTS: Final = frozenset((Undecoded, Marked))
_NOT_SIMPLE: Final = frozenset((*_COLLECTIONS, *PARTS))


def mark_character(text: bytes) -> str:
    """Choose the character with which marks begin in a JSON text that is decoded in parts: one that is not in the text.

    Returns an empty string if the text can be decoded as a whole: it is short, or has at most ``MOST`` collections.
    Dictionaries with simple values only are not counted, because garbage collection does not track them.
    """
    if len(text) <= pieces.LARGE:
        return ""
    collections = _count(text, b"[") + _count(text, b"{")
    if collections <= MOST:
        return ""
    for beginning in _IN_LISTS:
        collections -= _count(text, beginning)
    if collections <= MOST:
        return ""
    return next((chr(one) for one in _CHARACTERS if not _has_character(text, one)), "")


def _count(text: bytes, what: bytes) -> int:
    """Count in steps: other threads may have their turn between them."""
    starts = range(0, len(text), _AT_ONCE)
    return sum([text.count(what, start, start + _AT_ONCE + len(what) - 1) for start in starts])


def _has_character(text: bytes, character: int) -> bool:
    """Return whether a JSON text has a character, perhaps as an escape."""
    plain, escape = chr(character).encode(), b"u%x" % character
    pieces = (text[start : start + _AT_ONCE + len(escape)].lower() for start in range(0, len(text), _AT_ONCE))
    return any(plain in piece or escape in piece for piece in pieces)


def outline(text: bytes) -> Any:
    """Decode a JSON text, except for most of the small collections in it, which become parts.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """
    value = pieces.decode(text, _keep)
    if type(value) is dict and type(value.get("result")) is Undecoded:  # of an output: the items may be a stream's
        value["result"] = decode_deep(value["result"])[0]
    return value


def is_list(value: Any) -> bool:
    """Return whether a value is a list, decoded or not."""
    return type(value) is list or (type(value) is Undecoded and value[1:2] == b"[")


def part_of(items: list[Any]) -> Undecoded:
    """Encode collections as a part."""
    return encode_deep(items)


def _keep(items: Any, text: bytes, before: int) -> Any:
    """Return some items of a list or dictionary, with parts instead of the collections if there are many of these."""
    if (text.count(b"[") + text.count(b"{")) * _SIZE_PER_COLLECTION <= len(text):
        return items
    if type(items) is dict:
        return {key: part_of([item]) if type(item) in _COLLECTIONS else item for key, item in items.items()}
    if (len(items) == 1 or before >= _FIRST) and _COLLECTIONS.issuperset(map(type, items)):
        return [text]  # not `part_of(items)`: a single item may have parts inside
    kept: list[Any] = []
    for is_collection, same in _runs(items, _COLLECTIONS):
        if not is_collection:
            kept += same
        else:
            alone = max(0, _FIRST - before - len(kept))
            kept += [part_of([item]) for item in same[:alone]]
            if same[alone:]:
                kept.append(part_of(same[alone:]))
    return kept


def encode_outline(value: Any, text_of: Callable[[Undecoded | Marked], bytes]) -> bytes:
    """Encode an outline; ``text_of`` returns the JSON text of a part, which is a list."""
    if type(value) in PARTS:
        return text_of(value)[1:-1]
    if type(value) is dict:
        return b"{%b}" % b",".join(_items_of_dict(value, text_of))
    if type(value) is list:
        return b"[%b]" % b",".join(_items_of_list(value, text_of))
    return encode_any(value)


def _items_of_list(value: list[Any], text_of: Callable[[Undecoded | Marked], bytes]) -> Iterator[bytes]:
    for first in range(0, len(value), _ITEMS_AT_ONCE):
        for may_have_parts, items in _runs(value[first : first + _ITEMS_AT_ONCE], _NOT_SIMPLE):
            if may_have_parts:
                for item in items:
                    yield encode_outline(item, text_of)
            else:
                yield encode_any(items)[1:-1]


def _items_of_dict(value: dict[str, Any], text_of: Callable[[Undecoded | Marked], bytes]) -> Iterator[bytes]:
    keys, values = iter(value), iter(value.values())
    while some := list(islice(values, _ITEMS_AT_ONCE)):
        for may_have_parts, items in _runs(some, _NOT_SIMPLE):
            if may_have_parts:
                for item in items:
                    yield encode_any(next(keys)) + b":" + encode_outline(item, text_of)
            else:
                yield encode_any(dict(zip(islice(keys, len(items)), items, strict=True)))[1:-1]


def _runs(items: list[Any], types: frozenset[type]) -> Iterator[tuple[bool, list[Any]]]:
    """Yield the longest runs of items that all are of some types, or all not, and whether they are."""
    first = 0
    for are_of_types, run in groupby(map(types.__contains__, map(type, items))):
        last = first + len(list(run))
        yield are_of_types, items[first:last]
        first = last
