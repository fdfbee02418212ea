"""Decode and encode large JSON texts in pieces: one call for the whole would hold the interpreter for too long."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import from_json

from voltagent.core.text import encoded

_PIECE: Final = 1 << 15  # bytes decoded or encoded at once: about 2 ms of the smallest items
_SMALLEST: Final = 256
_FIRST: Final = 1024  # bytes of the first piece of a collection, which may be short; the next are longer
_TRIES: Final = 3  # ends that are tried for a piece of one size
_LARGE: Final = 1 << 16  # bytes of a text that is decoded in pieces
_MANY: Final = 2048  # items of a collection that is encoded by itself
# Where a piece may end: between two items alike, by the first character of the first.
_BETWEEN: Final = {b"{": b"},{", b"[": b"],[", b'"': b'","'}
_COLLECTIONS: Final = frozenset((dict, list))
_BACKSLASH: Final = ord("\\")
_SCALAR: Final = re.compile(rb"[^,\]}]+")


def decode(text: bytes) -> Any:
    """Decode a JSON text.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """
    if len(text) <= _LARGE:
        return from_json(text, cache_strings="none")
    try:
        value, end = _value(text, 0)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if end != len(text):
        raise ValueError("more than one value")
    return value


def _value(text: bytes, start: int) -> tuple[Any, int]:
    """The value that begins at a position of a text without spaces between its items, and where it ends."""
    first = text[start : start + 1]
    if first == b"[":
        return _collection(text, start, [])
    if first == b"{":
        return _collection(text, start, {})
    if first == b'"':
        end = _end_of_string(text, start)
    else:
        match = _SCALAR.match(text, start)
        if match is None:
            raise ValueError("not JSON")
        end = match.end()
    return from_json(text[start:end], cache_strings="none"), end


def _end_of_string(text: bytes, start: int) -> int:
    """Where the string that begins at a position ends, behind its quote."""
    quote = text.find(b'"', start + 1)
    if text[quote - 1] != _BACKSLASH and quote >= 0:
        return quote + 1
    position, size = start + 1, _SMALLEST
    while position < len(text):  # without its escapes, a piece has no quote but the last
        piece = text[position : position + size].replace(b"\\\\", b"..").replace(b'\\"', b"..")
        quote = piece.find(b'"')
        if quote >= 0:
            return position + quote + 1
        position += max(1, len(piece) - piece.endswith(b"\\"))
        size = min(4 * size, _PIECE)
    raise ValueError("not JSON")


def _collection(text: bytes, start: int, found: Any) -> tuple[Any, int]:
    opening, closing = (b"[", b"]") if type(found) is list else (b"{", b"}")
    add: Callable[[Any], None] = found.extend if isinstance(found, list) else found.update
    position, size = start + 1, _FIRST
    if text[position : position + 1] == closing:
        return found, position + 1
    while True:
        stop, items = position, None
        while items is None and size >= _SMALLEST:
            stop, items = _piece(text, position, size, opening, closing)
            size = size // 4 if items is None else min(4 * size, _PIECE)
        if items is None:
            items, stop = _item(text, position, opening)
            size = _SMALLEST
        add(items)
        after = text[stop : stop + 1]
        if after == closing:
            return found, stop + 1
        if after != b",":
            raise ValueError("not JSON")
        position = stop + 1


def _piece(text: bytes, start: int, size: int, opening: bytes, closing: bytes) -> tuple[int, Any]:
    """Decode the items from where one begins to where one ends: ``(where, items)``, or ``None`` for the items.

    A piece that begins where an item does is a JSON text only if it also ends where one does.
    """
    between = b',"' if opening == b"{" else _BETWEEN.get(text[start : start + 1], b",")
    stop = start + size
    for _ in range(_TRIES):
        found = text.rfind(between, start, stop)
        if found < 0:
            between = b","
            found = text.rfind(between, start, stop)
            if found < 0:
                break
        stop = found
        end = stop + (len(between) == 3)
        try:
            return end, from_json(opening + text[start:end] + closing, cache_strings="none")
        except ValueError:
            continue
    return start, None


def _item(text: bytes, start: int, opening: bytes) -> tuple[Any, int]:
    """The one item that begins at a position, as a collection of its own."""
    if opening == b"[":
        value, stop = _value(text, start)
        return [value], stop
    if text[start : start + 1] != b'"':
        raise ValueError("not JSON")
    end = _end_of_string(text, start)
    if text[end : end + 1] != b":":
        raise ValueError("not JSON")
    value, stop = _value(text, end + 1)
    return {from_json(text[start:end]): value}, stop


def encode(value: Any, size: int) -> bytes:
    """JSON text of a plain value that takes about ``size`` bytes."""
    if size <= _LARGE or type(value) not in _COLLECTIONS or not value:
        return encoded(value)
    return b"".join(_parts(value, size))


def _parts(value: Any, size: int) -> list[bytes]:
    is_list = type(value) is list
    items = value if is_list else list(value.items())
    step = max(1, len(items) * _PIECE // size)
    texts: list[bytes] = []
    start = 0
    while start < len(items):
        chunk = items[start : start + step]
        values = chunk if is_list else [item for _, item in chunk]
        is_flat = _COLLECTIONS.isdisjoint(map(type, values))
        count = len(chunk) if is_flat else next((n for n, one in enumerate(values) if _is_large(one)), len(chunk))
        if count:
            texts.append(encoded(chunk[:count] if is_list else dict(chunk[:count]))[1:-1])
        else:
            name = b"" if is_list else encoded(chunk[0][0]) + b":"
            texts.append(name + encode(values[0], size))
        start += max(1, count)
    return [b"[" if is_list else b"{", b",".join(texts), b"]" if is_list else b"}"]


def _is_large(value: Any) -> bool:
    """Whether a collection may take long by itself; what is in small ones is not looked at."""
    if type(value) not in _COLLECTIONS:
        return False
    if len(value) >= _MANY:
        return True
    inner: Any = next(iter(value if type(value) is list else value.values()), None)
    return type(inner) in (dict, list, str) and len(value) * max(1, len(inner)) >= _MANY
