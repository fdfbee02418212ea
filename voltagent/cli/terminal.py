"""Text for terminals: widths, truncation, colours. Pure functions, except :func:`style_for`."""

from __future__ import annotations

import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TextIO

from voltagent import settings

_COLOURS: Final[Mapping[str, str]] = {
    "agent": "36;1",
    "tool": "33",
    "memory": "35",
    "retriever": "34",
    "error": "31;1",
    "cancelled": "31",
    "running": "32;1",
    "unfinished": "31",
    "dim": "2",
    "bold": "1",
}


_PAINT: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: with colours or not, with box-drawing lines or ASCII, and how wide (0: unlimited)."""

    colour: bool = False
    lines: bool = True
    width: int = 0
    is_terminal: bool = False

    def paint(self, text: str, name: str) -> str:
        """Return the text in the colour for ``name``, if colours are on."""
        code = _COLOURS.get(name)
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code is not None and text else text


def style_for(stream: TextIO) -> Style:
    """Return what a stream supports: colours on a terminal only, and not with ``NO_COLOR`` (https://no-color.org)."""
    terminal = stream.isatty()
    try:
        "├─└│…".encode(stream.encoding or "ascii")
        lines = True
    except (UnicodeEncodeError, LookupError):
        lines = False
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 0
    return Style(terminal and settings.colour_is_wanted(), lines, width, terminal)


def encodable(text: str, stream: TextIO = sys.stdout) -> str:
    """Return the text with characters escaped that the stream cannot encode."""
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def fitted(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return the text truncated to ``width`` columns (wide characters take two); 0 means unlimited."""
    if width <= 0 or columns(text) <= width:
        return text
    space = width - len(ellipsis)
    kept: list[str] = []
    for character in text:
        space -= _width(character)
        if space < 0:
            break
        kept.append(character)
    return "".join(kept) + ellipsis


def plain(text: str) -> str:
    """Return the text without the colours of :meth:`Style.paint`."""
    return _PAINT.sub("", text)


def columns(text: str) -> int:
    """Return the number of terminal columns of a text."""
    return sum(map(_width, text))


def padded(text: str, width: int) -> str:
    """Return the text padded with spaces to ``width`` columns."""
    return text + " " * (width - columns(text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
