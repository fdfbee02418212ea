r"""Look at a JSON text for the first time: find out, for most texts, that there is no secret, and decode nothing.

The checks of :mod:`~voltagent.processors.secrets.text.checks` follow a text character by character. In one
expression they have more states than the cache of the engine holds: those of long texts that differ from one another do
not fit, and the engine takes tens of times as long. Here they are sorted by what they begin with, in expressions of a
few dozen beginnings each: the engine finds those many characters at a time, and follows the text from there only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

from voltagent.core import clock
from voltagent.processors.secrets.text import checks
from voltagent.processors.secrets.text.engine import Check, fast_check
from voltagent.processors.secrets.text.prefilter import avoids_all_checks, is_suspect_text, prefilter
from voltagent.processors.secrets.text.searches.prose import STATEMENT
from voltagent.processors.secrets.text.searches.urls import PARAMETER_NAMES
from voltagent.processors.secrets.vocabulary.token_formats import FORMATS, INNER_FORMATS, Format
from voltagent.processors.secrets.vocabulary.words import HINTS

_SHORT_TEXT: Final = 2048  # characters, for which one expression with all checks costs less than several looks
_TOGETHER: Final = 8  # lines looked at at once where most have nothing suspicious
_SHORT_STRETCH: Final = 4096  # characters of a text in which there is something suspicious: the same
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
# A part of a word that is looked for first: the engine finds two characters, and with these fewer words begin.
_RARE_PARTS: Final = {"секрет": "крет"}
_LEAST: Final = 4  # characters of a name whose beginning is rare enough to stand among many others
# Issuers of tokens that begin with two characters, and of others, for which there is no space beside those of most.
_BRIEF: Final = frozenset(
    ("Twilio", "Bitwarden", "Discord bot", "Infisical", "Confluent", "Discord user", "Trello", "Brave Search")
)
_STATEMENTS: Final = ("identified by", "convertto-securestring")  # that have no hint
_AT_WORD: Final = r"(?-u:\b)"
_AFTER_NO_WORD: Final = r"(?-u:\b{start-half})"
# spaces beyond ASCII
_SPACES: Final = (*map(chr, (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)),)

_Look = Callable[[str], "str | None"]


class _Looks(NamedTuple):
    """The expressions, compiled; those for a text in lower case come first."""

    hints: tuple[_Look, ...]  # what is in every name and in every statement
    with_hint: tuple[_Look, ...]  # these, and names
    gaps: tuple[_Look, ...]  # keys that hold more than a name
    keys: tuple[_Look, ...]  # with one that may be secret
    drawn: _Look  # tables that are drawn with lines, which are not in ASCII
    words: tuple[_Look, ...]
    has_code: _Look
    codes: tuple[_Look, ...]
    parameters: tuple[_Look, ...]
    addresses: _Look
    tokens: tuple[_Look, ...]  # this and the next one in the case in which they are written
    # What begins with a dash, an underscore or a backslash, and tokens whose prefix ends with one, by their ends alone:
    # found often, but fast where there is none.
    separated: _Look
    separate: _Look  # what is no token of these, exactly
    cookies: _Look  # a line of cookies in a text that is not encoded
    as_written: _Look  # all of these and all tokens, exactly: as fast for every text


@cache
def _looks() -> _Looks:
    hints = [hint for hint in (*HINTS, "basic", "phrase") if hint not in ("token", "code")]
    long, brief = _by_length(hints)
    names, brief_names = f"(?:{'|'.join(long)})", f"(?:{'|'.join(brief)})"
    inner = "|".join(one.widened for one in INNER_FORMATS if one.mark[0] != "-" and not one.mark.isalnum())
    rare = "|".join(one.widened for one in INNER_FORMATS if one.mark.isalnum())
    every = "|".join(map(checks.token_of, FORMATS))
    brief_tokens = [one for one in FORMATS if one.issuer in _BRIEF]
    separated = [one for one in FORMATS if one.prefix[-1] in "_-"]
    other = [one for one in FORMATS if one not in separated and one not in brief_tokens]
    flags = f"{checks.FLAG}|-p[^-]"
    words = (
        f"(?:{checks.PAIRS}){checks.NAME_END}|{rare}",
        *checks.WORDED,
        f"{checks.BRIEF_WORDED}|{checks.BRIEF_PAIRS}{checks.NAME_END}",
        checks.HOSTS,
        f"{checks.MARKED}|{inner}",
    )
    parameters = PARAMETER_NAMES.replace("(?<=", "").replace(")", "").split("|")
    separate = f"(?i:{checks.DASHED}|{checks.FLAGS}|-us[0-9])|{'|'.join(checks.AS_WRITTEN)}"
    tokens = rf"(?:^|[^A-Za-z0-9]|\\[a-z])(?:{every})"
    codes, brief_codes = (checks.pair_of(firsts, "code") for firsts in _by_length(checks.firsts_of("code")))
    return _Looks(
        hints=(_look("|".join((*long, "token", *_STATEMENTS))), _look("|".join(brief))),
        with_hint=(
            _look(f"{names}{checks.SOON_BEHIND_NAME}|token{checks.SOON_BEHIND_TOKEN}|{STATEMENT}"),
            _look(f"{brief_names}{checks.SOON_BEHIND_NAME}"),
            *map(_look, checks.WITH_HINT),
        ),
        gaps=tuple(map(_look, checks.KEYS_WITH_GAP)),
        # Together with the names, each would be followed to the end of its string in more states than the engine can
        # keep.
        keys=tuple(
            _look(f"{some}{checks.NAME}{checks.GAP}{checks.KEY_END}") for some in (f"(?:{names}|token)", brief_names)
        ),
        drawn=_look(checks.DRAWN_COLUMN_IN_ASCII),
        words=tuple(map(_look, words)),
        has_code=_look("code"),
        codes=(
            _look(f"{codes}{checks.NAME_END}"),
            _look(f"{brief_codes}{checks.NAME_END}|{checks.BRIEF_CODES}"),
            _look(checks.CODES),
        ),
        parameters=tuple(_look("|".join(some)) for some in _by_length(parameters)),
        addresses=_look(checks.ADDRESSES),
        tokens=tuple(
            _look(f"{_AT_WORD}(?:{'|'.join(map(checks.token_of, some))})")
            for some in (other[: len(other) // 2], other[len(other) // 2 :], brief_tokens)
        ),
        separated=_look(
            rf"{_AFTER_NO_WORD}(?i:{flags})|(?i:{checks.DASHED}|-us[0-9])|-(?:{_tails(separated, '-')})"
            rf"|_(?:{_tails(separated, '_')})|\\(?:u|/|[nrt](?i:{flags}))|(?:_|\\[a-z])(?:{every})"
        ),
        separate=_look(separate),
        cookies=_look(checks.COOKIE_LINE),
        as_written=Check([checks.for_ascii(separate), checks.for_ascii(tokens)]),
    )


def _by_length(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return those of at least four characters, and shorter ones: the engine looks for up to four at once."""
    return [word for word in words if len(word) >= _LEAST], [word for word in words if len(word) < _LEAST]


def _tails(formats: Sequence[Format], separator: str) -> str:
    return "|".join(dict.fromkeys(checks.tail_of(one) for one in formats if one.prefix[-1] == separator))


def _look(pattern: str) -> _Look:
    return fast_check(checks.for_ascii(pattern))


@cache
def _beyond_ascii() -> tuple[Callable[[str | bytes], str | None], ...]:
    """Compile looks for names that are not in ASCII, and for characters that become ASCII in lower case."""
    parts = "|".join(checks.forms(_RARE_PARTS.get(stem, stem)) for stem in checks.BEYOND_ASCII)
    before = "|".join((_AT_WORD, *map(re.escape, "\"'`)]"), *(" ", *_SPACES)))
    return (
        fast_check(parts),
        fast_check("|".join(map(checks.forms, checks.BEYOND_ASCII))),
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
    parts, stems, characters, behind_names = _beyond_ascii()
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
    names, _ = prefilter()
    if len(text) <= _SHORT_STRETCH and not names.avoids(len(text)):
        return names(text) is not None
    return _has_name(text)


def may_hold_token(text: str) -> bool:
    """Return whether there can be a token of a known format in a text that is not encoded."""
    _, tokens = prefilter()
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
    names, tokens = prefilter()
    length = sum(map(len, texts))
    if names.avoids(length):
        return _suspect_by_looks(texts, tokens)
    likely, other = names.current(), tokens
    found: list[bool] = []
    began = clock.monotonic()
    for text in texts:
        if likely(text) is not None:
            found.append(True)
        elif other(text) is not None:
            found.append(True)
            likely, other = other, likely  # what comes next is mostly of the same kind
        else:
            found.append(False)
    names.note(clock.monotonic() - began, length)
    return found


def _suspect_by_looks(texts: Sequence[str], tokens: _Look) -> list[bool]:
    """Search those in which there is nothing at first sight some at a time: there are many looks."""
    likely = _looks().with_hint[0]
    found = [likely(text.lower()) is not None or tokens(text) is not None for text in texts]
    rest = [number for number, is_suspect in enumerate(found) if not is_suspect]
    for first in range(0, len(rest), _TOGETHER):
        some = rest[first : first + _TOGETHER]
        if _has_name("\n".join([texts[number] for number in some])):
            for number in some:
                found[number] = _has_name(texts[number])
    return found


def _has_name(text: str) -> bool:
    """Return whether a look other than those for tokens finds something in a text, encoded or not."""
    look = _looks()
    return (
        _has_name_in_any_case(look, text.lower())
        or look.cookies(text) is not None
        or (look.separated(text) is not None and look.separate(text) is not None)
    )


def is_long_text_suspect(text: str) -> bool:
    """Return whether a check finds something in a JSON text in ASCII, with stand-ins for other characters."""
    look = _looks()
    has_token = look.as_written(text) is not None if look.separated(text) is not None else _finds(look.tokens, text)
    return has_token or _has_name_in_any_case(look, text.lower())


def _has_name_in_any_case(look: _Looks, low: str) -> bool:
    return (
        (_finds(look.hints, low) and _finds_with_hint(look, low))
        or _finds(look.words, low)
        or ("@" in low and look.addresses(low) is not None)
        or ("=" in low and _finds(look.parameters, low))
        or (look.has_code(low) is not None and _finds(look.codes, low))
    )


def _finds_with_hint(look: _Looks, low: str) -> bool:
    return (
        _finds(look.with_hint, low)
        or (_finds(look.gaps, low) and _finds(look.keys, low))
        or (_STAND_IN in low and look.drawn(low) is not None)
    )


def _finds(looks: Iterable[_Look], text: str) -> bool:
    return any(look(text) is not None for look in looks)


def _has_any(own: Sequence[re.Pattern[bytes]], text: bytes) -> bool:
    low = text.lower()
    return any(name.search(low) is not None for name in own)
