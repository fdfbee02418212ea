"""Look at a text for the first time: find out, for most texts, that there is no secret, and decode nothing.

It may say too often that there can be one, never too rarely: what it lets pass is not searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from voltagent.processors.secrets.text import checks
from voltagent.processors.secrets.text.engine import lower_ascii
from voltagent.processors.secrets.text.looks import (
    Look,
    Looks,
    apart,
    avoids_all_checks,
    beyond_ascii,
    is_suspect_text,
    looks,
    names_and_tokens,
)

_SHORT_TEXT: Final = 2048  # characters, for which one expression with all checks costs less than several looks
_SHORT_LINE: Final = 256  # characters, for which one expression for each check does
PIECE: Final = 1 << 15  # bytes searched at once: the engine does not release the interpreter
_OVERLAP: Final = 2200  # bytes; longer than what any check looks at
_BEFORE: Final = 64  # bytes before a piece that are looked at as well
# A text beyond ASCII is searched with one character for each that is not: part of a name, or a space. The first byte
# of such a character has other bits than the next ones.
_KIND: Final = 0xC0
_CONTINUED: Final = 0x80
_STAND_IN: Final = chr(checks.STAND_IN)  # without it no table is drawn with lines
_STAND_INS: Final = bytes(range(0x80)) + bytes((checks.STAND_IN,)) * 0x80
_LEFT_OUT: Final = bytes(range(_CONTINUED, _KIND))


def _may_have_characters(text: bytes) -> bool:
    """Return whether a text has bytes of a wide colon, of the sign for kelvin or of a long s: found much faster."""
    return (
        (b"\xef" in text and b"\x9a" in text)
        or (b"\xe2" in text and b"\x84" in text)
        or (b"\xc5" in text and b"\xbf" in text)
    )


def is_suspect(text: bytes, own: Sequence[re.Pattern[bytes]] = ()) -> bool:
    """Return whether there can be a secret in a JSON text; ``own`` find key names of the user's."""
    if len(text) <= PIECE:
        return _is_suspect_piece(text, own)
    step = PIECE - _OVERLAP - _BEFORE
    starts = range(0, len(text), step)
    return any(_is_suspect_piece(_cut(text, start - _BEFORE, start + step + _OVERLAP), own) for start in starts)


def _cut(text: bytes, start: int, stop: int) -> bytes:
    """Return a stretch of a text that does not begin inside of a character, nor end in one."""
    start = max(0, start)
    while start and text[start] & _KIND == _CONTINUED:
        start -= 1
    while stop < len(text) and text[stop] & _KIND == _CONTINUED:
        stop += 1
    return text[start:stop]


def _is_suspect_piece(text: bytes, own: Sequence[re.Pattern[bytes]]) -> bool:
    if own and _has_any(own, text):
        return True
    try:
        written = text.decode("ascii")  # looks at each character once
    except UnicodeDecodeError:
        if _has_name_beyond_ascii(text):
            return True
        written = _with_stand_ins(text)
    if len(written) <= _SHORT_TEXT and not avoids_all_checks(written):
        return is_suspect_text(written)
    return is_long_text_suspect(written)


def _has_name_beyond_ascii(text: bytes) -> bool:
    parts, stems, characters, behind_names = beyond_ascii()
    if parts(text) is not None and stems(text) is not None:
        return True
    return _may_have_characters(text) and characters(text) is not None and behind_names(text) is not None


def _with_stand_ins(text: bytes) -> str:
    return text.translate(_STAND_INS, _LEFT_OUT).decode("ascii")


def may_hold_name(text: str) -> bool:
    """Return whether there can be a name or a phrase of a secret in a text that is not encoded."""
    if not text.isascii():
        written = text.encode()
        if _has_name_beyond_ascii(written):
            return True
        text = _with_stand_ins(written)
    names, _ = names_and_tokens()
    if len(text) <= _SHORT_TEXT and not names.avoids(len(text)):
        return names(text) is not None
    return _has_name(text)


def may_hold_token(text: str) -> bool:
    """Return whether there can be a token of a known format in a text that is not encoded."""
    _, tokens = names_and_tokens()
    return tokens(text if text.isascii() else _with_stand_ins(text.encode())) is not None


def may_hold_secret(text: str) -> bool:
    """Return whether there can be a secret in a text of any length that is not encoded."""
    step = PIECE - _OVERLAP - _BEFORE
    pieces = (text[max(0, start - _BEFORE) : start + step + _OVERLAP] for start in range(0, len(text), step))
    return any(may_hold_name(piece) or may_hold_token(piece) for piece in pieces)


def suspect_among(texts: Sequence[str]) -> list[bool]:
    """:func:`may_hold_secret` for each of several short texts, of which most are suspicious."""
    are_ascii = [*map(str.isascii, texts)]
    if all(are_ascii):
        return _suspect_in_ascii(texts)
    written = [text.encode() for text in texts]
    found = _suspect_in_ascii([_with_stand_ins(text) for text in written])
    return [
        has_any or (not is_ascii and _has_name_beyond_ascii(text))
        for has_any, is_ascii, text in zip(found, are_ascii, written, strict=True)
    ]


def _suspect_in_ascii(texts: Sequence[str]) -> list[bool]:
    """Search texts that differ so much that the states of one expression for all checks would not fit the engine."""
    every = apart()
    likely = every[0]
    found: list[bool] = []
    for text in texts:
        if len(text) > _SHORT_LINE and not (may_hold_token(text) or _has_name(text)):
            found.append(False)
            continue
        is_found = likely(text) is not None
        if not is_found:
            for check in every:
                if check(text) is not None:
                    is_found, likely = True, check  # what comes next is mostly of the same kind
                    break
        found.append(is_found)
    return found


def _has_name(text: str) -> bool:
    """Return whether a look other than those for tokens finds something in a text, encoded or not."""
    look = looks()
    return (
        _has_name_in_any_case(look, lower_ascii(text))
        or look.cookies(text) is not None
        or (look.separated(text) is not None and look.separate(text) is not None)
    )


def is_long_text_suspect(text: str) -> bool:
    """Return whether a check finds something in a JSON text in ASCII, with stand-ins for other characters."""
    look = looks()
    has_token = look.as_written(text) is not None if look.separated(text) is not None else _finds(look.tokens, text)
    return has_token or _has_name_in_any_case(look, lower_ascii(text))


def _has_name_in_any_case(look: Looks, low: str) -> bool:
    return (
        (_finds(look.hints, low) and _finds_with_hint(look, low))
        or _finds(look.words, low)
        or ("@" in low and look.addresses(low) is not None)
        or ("=" in low and _finds(look.parameters, low))
        or (look.has_code(low) is not None and _finds(look.codes, low))
    )


def _finds_with_hint(look: Looks, low: str) -> bool:
    return (
        _finds(look.with_hint, low)
        or (_finds(look.gaps, low) and _finds(look.keys, low))
        or (_STAND_IN in low and look.drawn(low) is not None)
    )


def _finds(some: Iterable[Look], text: str) -> bool:
    for look in some:  # noqa: SIM110 - `any` is resumed for each look, and there are twenty to a text
        if look(text) is not None:
            return True
    return False


def _has_any(own: Sequence[re.Pattern[bytes]], text: bytes) -> bool:
    low = text.lower()
    return any(name.search(low) is not None for name in own)
