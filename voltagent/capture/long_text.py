"""Long strings as JSON text: encoded window by window, so that no step takes long, and cut where they do not fit.

A character takes one to six bytes of JSON, and a window with lone surrogates a hundred times longer than another. So
nothing is known of a string before it is encoded, and a step must not be larger than a window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pydantic_core import to_json

from voltagent.core.guard import pass_on_interrupt
from voltagent.core.text import cut, replace_surrogates

WINDOW: Final = 16_384  # characters: at most about a millisecond
_WORD: Final = 4096  # characters before a cut that are searched for the end of a word


def encode_whole(value: str, space: int, is_late: Callable[[], bool]) -> bytes | None:
    """Encode a string; ``None`` if its JSON text has more than ``space`` bytes, or time is up."""
    if len(value) <= WINDOW:
        chunk = b'"%b"' % _window(value)
        return chunk if len(chunk) <= space else None
    windows = _encode_windows(value, space - 2, is_late)
    return b'"%b"' % b"".join(windows) if len(windows) * WINDOW >= len(value) else None


def encode_head(value: str, space: int, is_late: Callable[[], bool]) -> bytes:
    """Encode as much of a string as fits into ``space`` bytes, without the word that the cut would tear."""
    space = max(0, space - 2)
    windows = _encode_windows(value, space, is_late)
    start = len(windows) * WINDOW
    left = space - sum(map(len, windows))
    end = start
    if not windows or not is_late():
        window = value[start : start + WINDOW]
        end += min(len(window), len(window) * left // max(1, len(_window(window))))
    while True:
        end = _word_end(value, end)
        while windows and end < start:
            left += len(windows.pop())
            start -= WINDOW
        chunk = _window(value[start:end])
        if len(chunk) <= left:
            return b'"%b%b"' % (b"".join(windows), chunk)
        end = max(start, end - (len(chunk) - left))  # each character takes at least a byte


def _encode_windows(value: str, space: int, is_late: Callable[[], bool]) -> list[bytes]:
    """Encode the windows from the start of a string that fit as a whole; in any case the first one, if that fits."""
    windows: list[bytes] = []
    for start in range(0, len(value), WINDOW):
        if windows and is_late():
            break
        chunk = _window(value[start : start + min(WINDOW, space + 1)])
        space -= len(chunk)
        if space < 0:
            break
        windows.append(chunk)
    return windows


def _window(text: str) -> bytes:
    """Encode a short string, without its quotes."""
    try:
        return to_json(text)[1:-1]
    except ValueError as exc:  # lone surrogates
        pass_on_interrupt(exc)
        return to_json(replace_surrogates(text))[1:-1]


def _word_end(value: str, end: int) -> int:
    """Return where the last word at or before ``end`` ends, in a string that is longer; see :func:`.text.cut`."""
    start = max(0, end - _WORD)
    return start + len(cut(f"{value[start:end]} ", end - start))
