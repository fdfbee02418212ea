r"""Look at a JSON text for the first time: find out, for most texts, that there is no secret, and decode nothing.

The checks of :mod:`~voltagent.processors.secrets.text.prefilter` follow a text character by character. Here they are
sorted by what they begin with, in expressions of a few dozen beginnings each: the engine finds those many characters
at a time, and follows the text from there only. Each is as wide as a check or wider, and if one finds something, the
checks decide, so that the answer is always theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple

from voltagent.processors.secrets.text.headers import PARAMETER_NAMES
from voltagent.processors.secrets.text.prefilter import (
    ADDRESSES,
    BEYOND_ASCII,
    CODES,
    DASHED,
    FLAG,
    GAP,
    KEY_END,
    NAME,
    NAME_END,
    PAIRS,
    RARE_PAIRS,
    RARE_WORDED,
    SOON_BEHIND_NAME,
    SOON_BEHIND_TOKEN,
    TOKEN_END,
    WORDED,
    fast_check,
    for_ascii,
    forms,
    hint_of,
    is_suspect_text,
    tail_of,
    token_of,
)
from voltagent.processors.secrets.text.prose import STATEMENT
from voltagent.processors.secrets.vocabulary.token_formats import FORMATS, INNER_FORMATS, Format
from voltagent.processors.secrets.vocabulary.words import HINTS

_SHORT_TEXT: Final = 6144  # characters, for which the checks cost less than several looks
_PIECE: Final = 1 << 15  # bytes searched at once: the engine does not release the interpreter
_OVERLAP: Final = 2200  # bytes; longer than what any check looks at
_BEFORE: Final = 64  # bytes before a piece that are looked at as well
# A text beyond ASCII is searched with one character for each that is not: part of a name, or a space. The first byte
# of such a character has other bits than the next ones.
_KIND: Final = 0xC0
_CONTINUED: Final = 0x80
_STAND_INS: Final = bytes(range(0x80)) + b"\x7f" * 0x80
_LEFT_OUT: Final = bytes(range(_CONTINUED, _KIND))
# A part of a word that is looked for first: the engine finds two characters, and with these fewer words begin.
_RARE_PARTS: Final = {"секрет": "крет", "kata[ _-]sandi": "sandi", "mat[ _-]khau": "khau"}
_SAMPLES: Final = (2, 7, 11, 16)  # where a text is tried for names, in parts of
_WHOLE: Final = 17
_SAMPLE: Final = 64  # characters
_QUOTES: Final = 2  # in a sample: with more, it is not prose
_LEAST: Final = 4  # characters of a name whose beginning is rare enough to stand among many others
# Issuers of tokens that begin with two characters, and of others, for which there is no space beside those of most.
_BRIEF: Final = frozenset(
    ("Twilio", "Bitwarden", "Discord bot", "Infisical", "Confluent", "Discord user", "Trello", "Brave Search")
)
_AT_WORD: Final = r"(?-u:\b)"
_AFTER_NO_WORD: Final = r"(?-u:\b{start-half})"
# spaces beyond ASCII
_SPACES: Final = (*map(chr, (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)),)

_Look = Callable[[str], "str | None"]


class _Looks(NamedTuple):
    """The expressions, compiled."""

    in_prose: tuple[_Look, ...]  # names; this and the next ones in lower case
    in_data: tuple[_Look, ...]
    words: tuple[_Look, ...]
    has_code: _Look
    codes: _Look
    parameters: _Look
    addresses: _Look
    tokens: tuple[_Look, ...]  # this and the next one in the case in which they are written
    separated: _Look  # what begins with a dash, an underscore or a backslash, and tokens whose prefix ends with one
    hints: _Look


@cache
def _looks() -> _Looks:
    hints = [hint for hint in (*HINTS, "basic", "phrase") if hint not in ("token", "code")]
    names = f"(?:{'|'.join(hint for hint in hints if len(hint) >= _LEAST)})"
    brief_names = f"(?:{'|'.join(hint for hint in hints if len(hint) < _LEAST)})"
    pairs = f"(?:{PAIRS}|{hint_of('code')})"
    inner = "|".join(one.widened for one in INNER_FORMATS if one.mark[0] != "-" and not one.mark.isalnum())
    rare = "|".join(one.widened for one in INNER_FORMATS if one.mark.isalnum())
    every = "|".join(map(token_of, FORMATS))
    brief = [one for one in FORMATS if one.issuer in _BRIEF]
    separated = [one for one in FORMATS if one.prefix[-1] in "_-"]
    other = [one for one in FORMATS if one not in separated and one not in brief]
    flags = f"{FLAG}|-p[^-]"
    words = (
        f"(?:{'|'.join(_RARE_PARTS.get(pair, pair) for pair in PAIRS.split('|'))}){NAME_END}",
        *(f"{inner}|{group}" if group[:2] == r"\$" else group for group in WORDED),
        f"{RARE_WORDED}|{rare}|(?:{RARE_PAIRS}){NAME_END}",
    )
    return _Looks(
        in_prose=(
            _look(f"{names}{SOON_BEHIND_NAME}|token{SOON_BEHIND_TOKEN}|{STATEMENT}"),
            _look(f"{brief_names}{SOON_BEHIND_NAME}"),
            # keys that hold more than a name
            _look(
                rf"[{{,](?:[ \t\r\n]|\\+[nrt])*\\*\"(?:[^\"\\]|\\.)*"
                rf"(?:{names}|{brief_names}|{pairs}|token){NAME}{GAP}{KEY_END}"
            ),
        ),
        in_data=(_look(f"{names}{NAME_END}|token{TOKEN_END}|{STATEMENT}"), _look(f"{brief_names}{NAME_END}")),
        words=tuple(map(_look, words)),
        has_code=_look("code"),
        codes=_look(f"{hint_of('code')}{NAME_END}|{CODES}"),
        parameters=_look(PARAMETER_NAMES.replace("(?<=", "(?:")),
        addresses=_look(ADDRESSES),
        tokens=tuple(
            _look(f"{_AT_WORD}(?:{'|'.join(map(token_of, some))})")
            for some in (other[: len(other) // 2], other[len(other) // 2 :], brief)
        ),
        separated=_look(
            rf"{_AFTER_NO_WORD}(?i:{flags})|(?i:{DASHED}|-us[0-9])|-(?:{_tails(separated, '-')})"
            rf"|_(?:{_tails(separated, '_')})|\\(?:u|/|[nrt](?i:{flags}))|(?:_|\\[a-z])(?:{every})"
        ),
        hints=_look("|".join((*hints, "token"))),
    )


def _tails(formats: Sequence[Format], separator: str) -> str:
    return "|".join(dict.fromkeys(tail_of(one) for one in formats if one.prefix[-1] == separator))


def _look(pattern: str) -> _Look:
    return fast_check(for_ascii(pattern))


@cache
def _beyond_ascii() -> tuple[Callable[[str | bytes], str | None], ...]:
    """Compile looks for names that are not in ASCII, and for characters that become ASCII in lower case."""
    parts = "|".join(forms(_RARE_PARTS.get(stem, stem)) for stem in BEYOND_ASCII)
    before = "|".join((_AT_WORD, *map(re.escape, "\"'`)]"), *(" ", *_SPACES)))
    return (
        fast_check(parts),
        fast_check("|".join(map(forms, BEYOND_ASCII))),
        fast_check("\uff1a|\u212a|\u017f"),
        fast_check(f"(?:{before})\uff1a|\u212a|\u017f"),
    )


def _may_have_characters(text: bytes) -> bool:
    """Return whether a text has bytes of a wide colon, of the sign for kelvin or of a long s: found much faster."""
    return (
        (b"\xef" in text and b"\x9a" in text)
        or (b"\xe2" in text and b"\x84" in text)
        or (b"\xc5" in text and b"\xbf" in text)
    )


def is_suspect(text: bytes, own: Sequence[re.Pattern[bytes]] = ()) -> bool:
    """Return whether there can be a secret in a JSON text; ``own`` find key names of the user's."""
    if len(text) <= _PIECE:
        return _is_suspect_piece(text) or (bool(own) and _has_any(own, text))
    step = _PIECE - _OVERLAP - _BEFORE
    starts = range(0, len(text), step)
    return any(is_suspect(_cut(text, start - _BEFORE, start + step + _OVERLAP), own) for start in starts)


def _cut(text: bytes, start: int, stop: int) -> bytes:
    """Return a stretch of a text that does not begin inside of a character, nor end in one."""
    start = max(0, start)
    while start and text[start] & _KIND == _CONTINUED:
        start -= 1
    while stop < len(text) and text[stop] & _KIND == _CONTINUED:
        stop += 1
    return text[start:stop]


def _is_suspect_piece(text: bytes) -> bool:
    if not text.isascii():
        parts, stems, characters, behind_names = _beyond_ascii()
        if parts(text) is not None and stems(text) is not None:
            return True
        if _may_have_characters(text) and characters(text) is not None and behind_names(text) is not None:
            return True
        text = text.translate(_STAND_INS, _LEFT_OUT)
    written = text.decode()
    return (len(written) <= _SHORT_TEXT or may_be_suspect(written)) and is_suspect_text(written)


def may_be_suspect(text: str) -> bool:
    """Return whether a check might find something in a text in ASCII, in which DEL stands for other characters."""
    look = _looks()
    if look.separated(text) is not None:
        return True
    samples = [text[start : start + _SAMPLE].lower() for start in (len(text) * part // _WHOLE for part in _SAMPLES)]
    if all(look.hints(sample) is not None for sample in samples):  # full of names: the checks cost less
        return True
    low = text.lower()
    if samples[1].count('"') > _QUOTES:
        has_name = any(search(low) is not None for search in look.in_data)
    else:
        has_name = any(search(low) is not None for search in look.in_prose)
    return (
        has_name
        or any(search(low) is not None for search in look.words)
        or any(search(text) is not None for search in look.tokens)
        or ("@" in low and look.addresses(low) is not None)
        or ("=" in low and look.parameters(low) is not None)
        or (look.has_code(low) is not None and look.codes(low) is not None)
    )


def _has_any(own: Sequence[re.Pattern[bytes]], text: bytes) -> bool:
    low = text.lower()
    return any(name.search(low) is not None for name in own)
