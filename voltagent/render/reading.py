"""Recorded values as plain text to read: messages by role, strings with their line breaks, media as type and size.

Pure functions from JSON to lines. Nothing here can move a terminal's cursor: such characters are escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias, cast
from unicodedata import category

from voltagent.render.message_parts import UNREADABLE, Part
from voltagent.render.messages import Conversation, Message, conversation_of
from voltagent.render.text import printable

Json: TypeAlias = Any

MOST_LINES: Final = 40  # of one value, unless the caller wants more
_DEEPEST: Final = 12
_NUMBERS: Final = 16  # of a list of numbers, such as an embedding, in one line
_LEAST_BASE64: Final = 200  # characters from which on a string may be base64
# Closing punctuation of Chinese and Japanese, and Japanese characters that lengthen or repeat what is before them
_WITHIN: Final = "。、，．！？；：）］｝」』】〉》〕…ー々"  # noqa: RUF001
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)[^,]{0,100};base64,")


def readable(value: Json, most: int | None = MOST_LINES) -> list[str]:
    """Return a value as lines to read.

    Args:
        value: any JSON value.
        most: how many lines at most; the last one then has the number of those left out. ``None`` is no limit.
    """
    conversation = conversation_of(value)
    lines = list(_conversation(conversation)) if conversation is not None else list(_value(_alone(value), 0))
    return shortened(lines, most)


def joined_pieces(value: Json) -> Json:
    """Return a result that is a text in pieces, as models stream it, with the text in their place; else the value.

    Pieces are strings with spaces between them, or of which one begins as no text does, in scripts that have no spaces
    between words: others may be words, names or documents. The viewer does the same.
    """
    found = _alone(value)
    pieces: Sequence[Json] = cast("Sequence[Json]", found) if isinstance(found, list) else ()
    if not all(isinstance(one, str) for one in pieces):
        return value
    if not any(before[-1:].isspace() or _continues(after) for before, after in pairwise(pieces)):
        return value
    return {"result": "".join(pieces)}


def _continues(piece: str) -> bool:
    """Return whether a piece begins with what stands within texts only: a space, a mark, or closing punctuation."""
    first = piece[:1]
    return first.isspace() or (first != "" and (first in _WITHIN or category(first).startswith("M")))


def shortened(lines: Sequence[str], most: int | None) -> list[str]:
    """Return the first lines, and how many are left out."""
    if most is None or len(lines) <= most:
        return list(lines)
    return [*lines[:most], f"... {len(lines) - most} more lines"]


def shortened_stack(lines: Sequence[str], most: int | None) -> list[str]:
    """Return the last lines, and how many before them are left out: a stack ends with the error and where it was."""
    if most is None or len(lines) <= most:
        return list(lines)
    return [f"... {len(lines) - most} lines before", *lines[len(lines) - most :]]


def blob(text: str) -> str | None:
    """Return ``<image/png 8 KB>`` for a data URL, ``<base64 8 KB>`` for a long string of base64, else ``None``."""
    head = _DATA_URL.match(text[:200])
    if head is not None:
        return _sized(head[1].lower(), _decoded_size(text[head.end() :]))
    if len(text) < _LEAST_BASE64 or _BASE64.fullmatch(text) is None or not _is_mixed(text):
        return None
    return _sized("base64", _decoded_size(text))


def _is_mixed(text: str) -> bool:
    """Return whether it has characters of several kinds, unlike a long word or a number."""
    head = text[:_LEAST_BASE64]
    return any(map(str.isupper, head)) and any(map(str.islower, head)) and any(map(str.isdigit, head))


def _decoded_size(text: str) -> int:
    return len(text.rstrip("=")) * 3 // 4


def _sized(kind: str, size: int) -> str:
    amount = f"{size} B" if size < 1024 else f"{size / 1024:.0f} KB" if size < 2**20 else f"{size / 2**20:.1f} MB"
    return f"<{kind} {amount}>"


def _alone(value: Json) -> Json:
    """Return a result without the object around it, in which that of a function that returned none is stored."""
    fields: Mapping[str, Json] = cast("dict[str, Json]", value) if isinstance(value, dict) else {}
    return fields["result"] if list(fields) == ["result"] else cast("Json", value)


def _conversation(conversation: Conversation) -> Iterator[str]:
    for message in conversation.messages:
        yield from _message(message)
    if conversation.rest:
        yield from _value(conversation.rest, 0)


def _message(message: Message) -> Iterator[str]:
    name = f" ({message.name})" if message.name else ""
    yield printable(f"{message.role}{name}:")
    for part in message.parts:
        yield from (f"  {line}" for line in part_lines(part))


def part_lines(part: Part) -> Iterator[str]:
    """Yield the lines of one part of a message."""
    if part.type == "text":
        yield from _text(part.text)
    elif part.type == "reasoning":
        if part.text == UNREADABLE:
            yield f"Reasoning {UNREADABLE}"
        else:
            yield "Reasoning:"
            yield from (f"  {line}" for line in _text(part.text))
    elif part.type == "call":
        yield from _labelled(f"-> {part.name}", part.value)
        if part.result is not None:
            yield from part_lines(part.result)
    elif part.type == "result":
        name = f" {part.name}" if part.name else ""
        yield from _labelled(f"<-{name}{' failed' if part.failed else ''}", part.value)
    elif part.type == "media":
        yield media_line(part)
    else:
        yield from _value(part.value, 0)


def media_line(part: Part) -> str:
    """Return ``<image/png 8 KB>`` for media, with the name or address that it has."""
    about = " ".join(text for text in (part.name, part.url) if text)
    shown = f"<{part.mime}>" if part.size is None else _sized(part.mime, part.size)
    return printable(f"{shown} {about}".rstrip())


def _labelled(label: str, value: Json) -> Iterator[str]:
    """Yield a value below its label, or behind it if it is one line."""
    lines = list(_value(value, 0))
    if len(lines) == 1:
        yield f"{printable(label)} {lines[0]}"
    else:
        yield printable(label)
        yield from (f"   {line}" for line in lines)


def _value(value: Json, depth: int) -> Iterator[str]:
    """Yield the lines of a value: strings as they are, objects and lists indented, as deep as they are readable."""
    if isinstance(value, str):
        yield from _text(value)
    elif isinstance(value, Mapping) and value and depth < _DEEPEST:
        for key, item in cast("Mapping[str, Json]", value).items():
            yield from _field(printable(str(key)), item, depth)
    elif _has_only_numbers(value):
        yield from _numbers(cast("Sequence[Json]", value))
    elif isinstance(value, list | tuple) and value and depth < _DEEPEST:
        for item in cast("Sequence[Json]", value):
            yield from _item(item, depth)
    else:
        yield printable(json.dumps(value, ensure_ascii=False, default=str))


def _has_only_numbers(value: Json) -> bool:
    """Return whether it is a list of numbers, such as an embedding, and not an empty one."""
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in cast("Sequence[Json]", value))


def _numbers(values: Sequence[Json]) -> Iterator[str]:
    """Yield the lines of a list of numbers: one for each may be thousands."""
    rows = [values[place : place + _NUMBERS] for place in range(0, len(values), _NUMBERS)]
    for number, row in enumerate(rows):
        end = "]" if number == len(rows) - 1 else ","
        yield f"{' ' if number else '['}{', '.join(map(json.dumps, row))}{end}"


def _field(key: str, value: Json, depth: int) -> Iterator[str]:
    """Yield a field of an object: key and value in one line if that is a single value."""
    lines = list(_value(value, depth + 1))
    is_single = not isinstance(value, dict | list) or not value or depth + 1 >= _DEEPEST or _has_only_numbers(value)
    if len(lines) == 1 and is_single:
        yield f"{key}: {lines[0]}" if value != "" else f'{key}: ""'
    else:
        yield f"{key}:"
        yield from (f"  {line}" for line in lines)


def _item(value: Json, depth: int) -> Iterator[str]:
    first, *others = list(_value(value, depth + 1)) or [""]
    yield f"- {first}"
    yield from (f"  {line}" for line in others)


def _text(text: str) -> Iterator[str]:
    """Yield the lines of a string; one line with type and size if it is encoded data."""
    found = blob(text)
    if found is not None:
        yield found
        return
    for line in text.split("\n"):
        yield printable(line.removesuffix("\r").expandtabs(4))
