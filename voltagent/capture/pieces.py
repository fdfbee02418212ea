"""Decode and encode large JSON texts in pieces: one call for the whole would hold the interpreter for too long."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from gc import get_referents
from itertools import islice
from typing import Any, Final, TypeAlias, cast

from pydantic_core import from_json

from voltagent.capture.fast_path import plain
from voltagent.core.text import encoded, join_texts

PIECE: Final = 1 << 15  # bytes decoded or encoded at once: about 2 ms of the smallest items
_SMALLEST: Final = 256
_FIRST: Final = 1024  # bytes of the first piece of a collection, which may be short; the next are longer
_TRIES: Final = 3  # ends that are tried for a piece of one size
LARGE: Final = 1 << 17  # bytes of a text that is decoded in pieces: up to that, one call takes less than 3 ms
# Where a piece may end: between two items alike. This is how an item ends, by its first character.
_ENDS: Final = {b"{": b"}", b"[": b"]", b'"': b'"'}
_COLLECTIONS: Final = frozenset((dict, list))
_FEW: Final = 256  # items that are freed at once
_TOGETHER: Final = 64  # collections that are
_BACKSLASH: Final = ord("\\")
_SPACE: Final = (b" ", b"\n", b"\t", b"\r")
_SCALAR: Final = re.compile(rb"[^,\]}]+")
# The error about a piece longer than what it was cut from: where the first character behind that is.
_CLOSED: Final = re.compile(r"trailing characters at line 1 column ([0-9]{1,6})\b")
_SPACES: Final = re.compile(rb"[ \t\n\r]{0,4096}")
_LONGEST_GAP: Final = 64  # bytes between two items
_UNICODE: Final = 6  # bytes of an escape such as `\u00e9`
_LONGEST_ESCAPE: Final = 12  # bytes: two halves of a character, such as `\ud83d\ude00`
_DEEPEST: Final = 200  # levels of a value that is measured
_MOST: Final = 1 << 40  # more than any value has

# Replaces some items of a large list or object: `(items, their text, number of items before them) -> items`. Inner
# collections come first.
Keep: TypeAlias = Callable[[Any, bytes, int], Any]


def decode(text: bytes, keep: Keep | None = None) -> Any:
    """Decode a JSON text; of a large one, ``keep`` gets the items of each piece and returns those to keep.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """
    if len(text) <= LARGE:
        return from_json(text, cache_strings="none")
    try:
        value, end = _value(text, _past_spaces(text, 0), keep)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if _past_spaces(text, end) != len(text):
        raise ValueError("more than one value")
    return value


def _value(text: bytes, start: int, keep: Keep | None) -> tuple[Any, int]:
    """Return the value that begins at a position, and where it ends."""
    first = text[start : start + 1]
    if first == b"[":
        return _collection(text, start, [], keep)
    if first == b"{":
        return _collection(text, start, {}, keep)
    if first == b'"':
        end = _end_of_string(text, start)
        return _string(text, start, end), end
    match = _SCALAR.match(text, start)
    if match is None:
        raise ValueError("not JSON")
    return from_json(match[0], cache_strings="none"), match.end()


def _past_spaces(text: bytes, position: int) -> int:
    """Return where the spaces end that begin at a position."""
    while text[position : position + 1] in _SPACE:
        match = _SPACES.match(text, position)
        if match is None or match.end() == position:
            break
        position = match.end()
    return position


def _string(text: bytes, start: int, end: int) -> str:
    """Decode the string between two positions."""
    if end - start <= LARGE:
        return cast(str, from_json(text[start:end], cache_strings="none"))
    parts: list[str] = []
    position, last = start + 1, end - 1
    while position < last:
        stop = _between_characters(text, position, min(position + PIECE, last), last)
        parts.append(cast(str, from_json(b'"' + text[position:stop] + b'"', cache_strings="none")))
        position = stop
    return join_texts(parts)


def _between_characters(text: bytes, start: int, stop: int, last: int) -> int:
    """Return where a piece of a string can end, at a position or just before it: not inside a character or escape."""
    if stop >= last:
        return last
    while text[stop] & 0xC0 == 0x80:  # a byte inside of a character
        stop -= 1
    slash = text.rfind(b"\\", max(start, stop - _LONGEST_ESCAPE), stop)
    if slash < 0 or not _begins_escape(text, start, slash):
        return stop
    length = _UNICODE if text[slash + 1 : slash + 2] == b"u" else 2
    if slash + length <= stop and not _is_half(text, slash):
        return stop
    before = slash - _UNICODE
    return before if before > start and _is_half(text, before) and _begins_escape(text, start, before) else slash


def _begins_escape(text: bytes, start: int, slash: int) -> bool:
    """Return whether a backslash begins an escape; otherwise it is the second of two, which stand for one."""
    return (slash + 1 - start - len(text[start : slash + 1].rstrip(b"\\"))) % 2 == 1


def _is_half(text: bytes, slash: int) -> bool:
    """Return whether an escape is the first half of a character."""
    return text[slash : slash + 4].lower().startswith((b"\\ud8", b"\\ud9", b"\\uda", b"\\udb"))


def _end_of_string(text: bytes, start: int) -> int:
    """Return where the string that begins at a position ends, behind its quote."""
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
        size = min(4 * size, PIECE)
    raise ValueError("not JSON")


def _collection(text: bytes, start: int, found: Any, keep: Keep | None) -> tuple[Any, int]:
    """Decode the list or object that begins at ``start`` piece by piece, smaller ones if none ends with an item."""
    opening, closing = (b"[", b"]") if type(found) is list else (b"{", b"}")
    add: Callable[[Any], None] = found.extend if isinstance(found, list) else found.update
    position, size, gap = _past_spaces(text, start + 1), _FIRST, b","
    if text[position : position + 1] == closing:
        return found, position + 1
    while True:
        stop, items = position, None
        while items is None and size >= _SMALLEST:
            stop, items = _piece(text, position, size, opening, closing, gap)
            size = size // 4 if items is None else min(4 * size, PIECE)
        if items is None:
            items, stop = _item(text, position, opening, keep)
            size = _SMALLEST
        elif keep is not None:
            items = keep(items, opening + text[position:stop] + closing, len(found))
        add(items)
        comma = _past_spaces(text, stop)
        after = text[comma : comma + 1]
        if after == closing:
            return found, comma + 1
        if after != b",":
            raise ValueError("not JSON")
        position = _past_spaces(text, comma + 1)
        gap = text[stop:position] if position - stop <= _LONGEST_GAP else b","


def _piece(text: bytes, start: int, size: int, opening: bytes, closing: bytes, gap: bytes) -> tuple[int, Any]:
    """Decode the items from where one begins to where one ends: ``(where, items)``, or ``None`` for the items.

    A piece that begins where an item does is a JSON text only if it also ends where one does. ``gap`` is what stood
    between the two items before.
    """
    first = text[start : start + 1]
    ends = b"" if opening == b"{" else _ENDS.get(first, b"")
    between = ends + gap + (first if ends or opening == b"{" else b"")
    stop = start + size
    for _ in range(_TRIES):
        found = text.rfind(between, start, stop)
        if found < 0:
            ends, between = b"", b","
            found = text.rfind(between, start, stop)
            if found < 0:
                break
        stop = found
        end = stop + len(ends)
        piece = opening + text[start:end] + closing
        try:
            return end, from_json(piece, cache_strings="none")
        except ValueError as exc:
            closed = _CLOSED.search(str(exc))
        end = -1 if closed is None else start + piece.rfind(closing, 0, int(closed[1]) - 1) - len(opening)
        if end > start:  # the whole collection ends before: these are the rest of its items
            try:
                return end, from_json(opening + text[start:end] + closing, cache_strings="none")
            except ValueError:
                continue
    return start, None


def _item(text: bytes, start: int, opening: bytes, keep: Keep | None) -> tuple[Any, int]:
    """Return the one item that begins at a position, as a collection of its own."""
    if opening == b"[":
        value, stop = _value(text, start, keep)
        return [_keep_alone(value, text, start, stop, keep)], stop
    if text[start : start + 1] != b'"':
        raise ValueError("not JSON")
    end = _end_of_string(text, start)
    colon = _past_spaces(text, end)
    if text[colon : colon + 1] != b":":
        raise ValueError("not JSON")
    begin = _past_spaces(text, colon + 1)
    value, stop = _value(text, begin, keep)
    return {_string(text, start, end): _keep_alone(value, text, begin, stop, keep)}, stop


def _keep_alone(value: Any, text: bytes, start: int, stop: int, keep: Keep | None) -> Any:
    return value if keep is None or stop - start > PIECE else keep([value], b"[" + text[start:stop] + b"]", 0)[0]


def decode_deep(text: bytes) -> Any:
    """Decode a short JSON text, which may be nested as deep as a long one."""
    try:
        return from_json(text, cache_strings="none")
    except ValueError:
        return _value(text, 0, None)[0]


def encode_deep(value: Any) -> bytes:
    """JSON text of a short value, which may be nested as deep as a long one."""
    try:
        return encoded(value)
    except ValueError:
        return encode(value, LARGE + 1)


def release(value: Any) -> None:
    """Empty a large decoded value, which nothing else uses, from the outside in: to free it in one step takes long.

    Some collections go at a time, those with many items after they were emptied themselves.
    """
    outer = [value] if type(value) in _COLLECTIONS else []
    few = 0  # the outermost is emptied whatever it has
    while outer:
        some = outer[-_TOGETHER:]
        del outer[-_TOGETHER:]
        for one in some:
            while len(one) > few:
                if type(one) is dict:
                    inner = [one.popitem()[1] for _ in range(min(len(one), _FEW))]
                else:
                    inner = one[-_FEW:]
                    del one[-_FEW:]
                outer += [item for item in inner if type(item) in _COLLECTIONS and item]
        outer += [item for item in get_referents(*some) if type(item) in _COLLECTIONS and item]
        few = _FEW


def encode(value: Any, size: int) -> bytes:
    """JSON text of a plain value that takes about ``size`` bytes."""
    if type(value) is str and len(value) > PIECE:
        return b"".join([b'"', *_pieces_of_string(value), b'"'])
    if size <= LARGE or type(value) not in _COLLECTIONS or not value:
        return encoded(value)
    return b"".join(_parts(value, size))


def encode_any(value: Any) -> bytes:
    """:func:`encode` for a value of unknown size. What is not plain, or nested very deep, is encoded in one step."""
    if type(value) is str:
        return encode(value, len(value))
    left = plain(value, _DEEPEST, _MOST) if type(value) in _COLLECTIONS else -1
    return encoded(value) if left < 0 else encode(value, _MOST - left)


def _pieces_of_string(value: str) -> list[bytes]:
    return [encoded(value[start : start + PIECE])[1:-1] for start in range(0, len(value), PIECE)]


def _parts(value: Any, size: int) -> list[bytes]:
    """Encode a large list or dictionary in pieces, without the brackets around it."""
    is_list = type(value) is list
    rest: Iterator[Any] = iter(value if is_list else value.items())
    step = max(1, len(value) * PIECE // size)
    texts: list[bytes] = []
    chunk: list[Any] = []
    while chunk := [*chunk, *islice(rest, step - len(chunk))]:
        values = chunk if is_list else [item for _, item in chunk]
        count = len(chunk) if _is_flat(values) else _before_large(values)
        if not is_list:
            count = min(count, _before_large([key for key, _ in chunk]))
        if count:
            texts.append(encoded(chunk[:count] if is_list else dict(chunk[:count]))[1:-1])
        else:
            name = b"" if is_list else encode(chunk[0][0], size) + b":"
            texts.append(name + encode(values[0], size))
        del chunk[: max(1, count)]
    return [b"[" if is_list else b"{", b",".join(texts), b"]" if is_list else b"}"]


def _before_large(values: list[Any]) -> int:
    """Return how many values stand before the first large one."""
    return next((number for number, one in enumerate(values) if _is_large(one)), len(values))


def _is_flat(values: list[Any]) -> bool:
    """Return whether there is neither a collection nor a long string among values."""
    types = set(map(type, values))
    if not types.isdisjoint(_COLLECTIONS):
        return False
    if types == {str}:
        return max(map(len, values)) <= PIECE
    return str not in types or all(type(one) is not str or len(one) <= PIECE for one in values)


def _is_large(value: Any) -> bool:
    """Return whether a value may take long by itself, because of what is anywhere in it."""
    if type(value) is str:
        return len(value) > PIECE
    return type(value) in _COLLECTIONS and len(value) > 0 and plain(value, _DEEPEST, PIECE) < 0
