"""How things are written on a terminal: times, counts, values, colours. Pure functions, but for :func:`style_for`."""

from __future__ import annotations

import json
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TextIO, cast

from voltagent import settings

__all__ = [
    "Style",
    "clean",
    "columns",
    "duration",
    "encodable",
    "error_text",
    "fitted",
    "moment",
    "padded",
    "short_id",
    "style_for",
    "tokens",
    "value",
]

_COLOURS: Final[Mapping[str, str]] = {
    "agent": "36;1",
    "tool": "33",
    "memory": "35",
    "retriever": "34",
    "error": "31;1",
    "cancelled": "31",
    "running": "32;1",
    "dim": "2",
    "bold": "1",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: in colour or not, with lines or with ASCII, and how wide (0: without a limit)."""

    colour: bool = False
    lines: bool = True
    width: int = 0

    def paint(self, text: str, name: str) -> str:
        """The text in the colour for ``name``, where there are colours."""
        code = _COLOURS.get(name)
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code is not None and text else text


def style_for(stream: TextIO) -> Style:
    """What a stream can take: colours on a terminal only, and not with ``NO_COLOR`` (https://no-color.org)."""
    terminal = stream.isatty()
    try:
        "├─└│…".encode(stream.encoding or "ascii")
        lines = True
    except (UnicodeEncodeError, LookupError):
        lines = False
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 0
    return Style(terminal and settings.colour_is_wanted(), lines, width)


def clean(text: str) -> str:
    """A text that cannot move the cursor, change colours or turn the line around: such characters are escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def encodable(text: str, stream: TextIO = sys.stdout) -> str:
    """The text with what the stream's encoding lacks escaped."""
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def duration(start_ns: int, end_ns: int | None) -> str:
    """A time span in two digits or so: ``0.04 ms``, ``12 ms``, ``3.4 s``, ``2 min 5 s``; empty while it runs."""
    if end_ns is None:
        return ""
    seconds = max(0, end_ns - start_ns) / 1e9
    if seconds < 0.000995:  # below what is rounded up to the next form
        return f"{seconds * 1000:.2f} ms"
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def tokens(usage: Mapping[str, Any] | None) -> str:
    """``235 tokens``, or nothing."""
    if usage is None:
        return ""
    total = usage.get("total_tokens")
    if not isinstance(total, int):
        total = sum(usage[name] for name in ("prompt_tokens", "completion_tokens") if isinstance(usage.get(name), int))
    return f"{total} tokens" if total else ""


def moment(nanoseconds: int) -> str:
    """A point in time, in the local time zone."""
    return datetime.fromtimestamp(nanoseconds / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def short_id(identifier: str) -> str:
    """As much of an id as tells traces apart: eight digits of a UUID, all of an id that somebody gave."""
    return identifier[:8] if len(identifier) == 36 and identifier.count("-") == 4 else identifier


def error_text(error: Any) -> str:
    """What went wrong, in a line."""
    if isinstance(error, Mapping):
        fields = cast("Mapping[str, Any]", error)
        message = fields.get("message")
        said = message if isinstance(message, str) else "" if message is None else value(message)
        return ": ".join(part for part in (str(fields.get("type") or fields.get("code") or ""), said) if part)
    return error if isinstance(error, str) else value(error)


def value(content: Any) -> str:
    """A JSON value on one line."""
    return json.dumps(content, ensure_ascii=False)


def fitted(text: str, width: int, *, ellipsis: str = "…") -> str:
    """The text cut to ``width`` columns (wide characters take two); 0 means as it is."""
    if width <= 0 or columns(text) <= width:
        return text
    room = width - len(ellipsis)
    kept: list[str] = []
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + ellipsis


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(map(_width, text))


def padded(text: str, width: int) -> str:
    """The text filled up with spaces to ``width`` columns."""
    return text + " " * (width - columns(text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
