"""Text that is too long, or no text at all for JSON."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic_core import to_json

from voltagent.core.guard import pass_on_interrupt

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BORDER: Final = re.compile(r"[\s\"'`<>(){}\[\],;|]")
_PLACEHOLDER: Final = re.compile(r"(?:[a-z]{1,20} )?(?:[\[<({]redacted[\])>}]|\*{3,64})", re.IGNORECASE)
_AT_ONCE: Final = 1 << 15  # characters: a regular expression lets no other thread run
_PARTS: Final = 4096  # joined at once
_JOINED: Final = 1 << 20  # characters joined or copied at once
_LONGEST_WORD: Final = 4096
_TORN: Final = 512


def is_placeholder(text: str) -> bool:
    """Return whether a text is what dumps and logs have in the place of a secret, perhaps behind ``Bearer``."""
    return len(text) <= _TORN and _PLACEHOLDER.fullmatch(text.strip()) is not None


def replace_surrogates(text: str) -> str:
    """Return the text with U+FFFD for every lone surrogate, which no JSON text and no UTF-8 may hold."""
    if len(text) <= _AT_ONCE:
        return _LONE_SURROGATE.sub("\ufffd", text)
    starts = range(0, len(text), _AT_ONCE)
    if not any(_LONE_SURROGATE.search(text, at, at + _AT_ONCE) for at in starts):
        return text
    return join_texts([_LONE_SURROGATE.sub("\ufffd", text[at : at + _AT_ONCE]) for at in starts])


def join_texts(parts: Sequence[str]) -> str:
    """Join texts; if they are very long together, in steps: to make a text of megabytes at once lets no thread run."""
    if len(parts) > _PARTS:
        parts = ["".join(parts[at : at + _PARTS]) for at in range(0, len(parts), _PARTS)]
    if sum(map(len, parts)) <= _JOINED:
        return "".join(parts)
    text = ""
    some: list[str] = []
    length = 0
    for part in parts:
        some.append(part)
        length += len(part)
        if length > _JOINED:
            text += "".join(some)  # CPython lets a text grow in its place if nothing else refers to it
            length = 0
            some.clear()
    text += "".join(some)
    return text


def encode_utf8(text: str) -> bytes:
    """Encode a text, a very long one in steps."""
    return b"".join([piece.encode() for piece in split_text(text, 0, len(text))])


def decode_utf8(data: bytes) -> str:
    """Decode a text, a very long one in steps."""
    if len(data) <= _JOINED:
        return data.decode()
    decoder = getincrementaldecoder("utf-8")()
    texts = [decoder.decode(data[at : at + _JOINED]) for at in range(0, len(data), _JOINED)]
    return join_texts([*texts, decoder.decode(b"", final=True)])


def split_text(text: str, start: int, stop: int) -> Iterator[str]:
    """Yield a stretch of a text in pieces, for :func:`join_texts`."""
    if stop - start <= _JOINED:
        yield text[start:stop]
    else:
        for at in range(start, stop, _JOINED):
            yield text[at : min(stop, at + _JOINED)]


def encoded(value: Any) -> bytes:
    """JSON text of a plain value, lone surrogates and all; a number that is none (NaN) as text."""
    try:
        return to_json(value, inf_nan_mode="strings")
    except ValueError as exc:  # PydanticSerializationError is one
        pass_on_interrupt(exc)
        return to_json(_cleaned(value), inf_nan_mode="strings")


def cut(text: str, length: int) -> str:
    """At most ``length`` characters of a longer text, without the word that the cut would tear.

    Half a key looks like no key at all to a redactor, so none may be left at the end. A text without any border in
    its last 4096 characters loses the last 512.
    """
    head = text[:length]
    if len(text) <= length:
        return head
    start = max(0, length - _LONGEST_WORD)
    borders = [found.end() for found in _BORDER.finditer(head, start)]
    return head[: borders[-1]] if borders else head[: max(0, length - _TORN)]


def shortened(text: str, length: int) -> str:
    """Return the text, :func:`cut` where it is longer than ``length``, with a note of its original size."""
    return text if len(text) <= length else f"{cut(text, length)}… [truncated, {len(text)} characters]"


def quoted(text: str, most: int = 40) -> str:
    """Return a string as an error message shows it: in quotes, escaped, and only its beginning if it is long."""
    return ascii(text) if len(text) <= most else f"{text[:most]!a}…"


def type_within(values: Iterable[object], *wanted: type) -> str:
    """Return the type of a list for an error message, with that of its first unwanted value: ``list with int``."""
    name = type(values).__name__
    return next((f"{name} with {type(one).__name__}" for one in values if not isinstance(one, wanted)), name)


def _cleaned(value: Any) -> Any:
    """Replace the surrogates in all strings and keys of a JSON value."""
    if type(value) is str:
        return replace_surrogates(value)
    if type(value) is dict:
        return {replace_surrogates(key) if type(key) is str else key: _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if type(value) is list else value
