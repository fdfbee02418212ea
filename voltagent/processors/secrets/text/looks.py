"""The checks of :mod:`~voltagent.processors.secrets.text.checks` as expressions: all in one, and many apart.

In one expression they have more states than the cache of the engine holds: those of long texts that differ from one
another do not fit, and the engine takes tens of times as long. Apart they are sorted by what they begin with, in
expressions of a few dozen beginnings each: the engine finds those many characters at a time, and follows the text from
there only. All are for a text in ASCII, in which each other character has a stand-in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from voltagent.processors.secrets.text import checks
from voltagent.processors.secrets.text.engine import Check, fast_check
from voltagent.processors.secrets.text.searches.prose import STATEMENT
from voltagent.processors.secrets.text.searches.urls import PARAMETER_NAMES
from voltagent.processors.secrets.vocabulary.token_formats import FORMATS, INNER_FORMATS, Format
from voltagent.processors.secrets.vocabulary.words import HINTS

# A part of a word that is looked for first: the engine finds two characters, and with these fewer words begin.
_RARE_PARTS: Final = (
    "крет",
    "lasõna",
    "chlüss",
    "дтвержд",
    "証コード",
    "認コード",
    "khẩu",
    "المرور",
    "السر",
    "عبور",
    "인증",
    "التحقق",
)
_LEAST: Final = 4  # characters of a name whose beginning is rare enough to stand among many others
# Issuers of tokens that begin with two characters, of which the engine finds few at a time.
_BRIEF: Final = frozenset(("Twilio", "Discord bot"))
# Their id is found by the dashes in it; their beginning stands in every fraction.
_DASHED: Final = frozenset(("Bitwarden",))
_STATEMENTS: Final = ("identified by", "convertto-securestring")  # that have no hint
_AT_WORD: Final = r"(?-u:\b)"
_AFTER_NO_WORD: Final = r"(?-u:\b{start-half})"
# spaces beyond ASCII
_SPACES: Final = (*map(chr, (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)),)

Look: TypeAlias = "Callable[[str], str | None]"


@cache
def names_and_tokens() -> tuple[Check, Callable[[str], str | None]]:
    """Return the checks for names and grammar, and those for tokens; each gives ``None`` for no match."""
    *names, tokens = checks.patterns()
    return Check(names), fast_check(tokens)


@cache
def apart() -> Sequence[Look]:
    """Return all checks, one by one: the states of each of them fit the engine, also if texts differ."""
    return [*map(fast_check, checks.patterns())]


@cache
def _all_checks() -> Check:
    """Return all checks, in half the time that they take one by one."""
    return Check(checks.patterns())


def avoids_all_checks(text: str) -> bool:
    """Return whether the one expression for all checks was too slow lately for a text."""
    return _all_checks().avoids(len(text))


def is_suspect_text(text: str) -> bool:
    """Return whether there can be a secret in a text, encoded or not."""
    return _all_checks()(text) is not None


class Looks(NamedTuple):
    """The expressions, compiled; those for a text in lower case come first."""

    hints: tuple[Look, ...]  # what is in every name and in every statement
    with_hint: tuple[Look, ...]  # these, and names
    gaps: tuple[Look, ...]  # keys that hold more than a name
    keys: tuple[Look, ...]  # with one that may be secret
    drawn: Look  # tables that are drawn with lines, which are not in ASCII
    words: tuple[Look, ...]
    has_code: Look
    codes: tuple[Look, ...]
    parameters: tuple[Look, ...]
    addresses: Look
    tokens: tuple[Look, ...]  # this and the next one in the case in which they are written
    # What begins with a dash, an underscore or a backslash, and tokens whose prefix ends with one, by their ends alone:
    # found often, but fast where there is none.
    separated: Look
    separate: Look  # what is no token of these, exactly
    cookies: Look  # a line of cookies in a text that is not encoded
    as_written: Look  # all of these and all tokens, exactly: as fast for every text


@cache
def looks() -> Looks:
    hints = [hint for hint in (*HINTS, "basic", "phrase") if hint not in ("token", "code")]
    long, brief = _by_length(hints)
    names, brief_names = f"(?:{'|'.join(long)})", f"(?:{'|'.join(brief)})"
    inner = "|".join(one.widened for one in INNER_FORMATS if one.mark[0] != "-" and not one.mark.isalnum())
    rare = "|".join(one.widened for one in INNER_FORMATS if one.mark.isalnum())
    every = "|".join(map(checks.token_of, FORMATS))
    brief_tokens = [one for one in FORMATS if one.issuer in _BRIEF]
    separated = [one for one in FORMATS if one.prefix[-1] in "_-"]
    other = [one for one in FORMATS if one not in separated and one not in brief_tokens and one.issuer not in _DASHED]
    flags = f"{checks.FLAG}|-p[^-]"
    words = (
        f"(?:{checks.PAIRS}){checks.NAME_END}|{rare}",
        *checks.WORDED,
        checks.BRIEF_WORDED,
        f"(?:{checks.BRIEF_PAIRS}){checks.NAME_END}",
        checks.HOSTS,
        f"{checks.MARKED}|{inner}",
    )
    parameters = PARAMETER_NAMES.replace("(?<=", "").replace(")", "").split("|")
    separate = f"(?i:{checks.DASHED}|{checks.FLAGS}|-us[0-9])|{'|'.join(checks.AS_WRITTEN)}"
    tokens = rf"(?:^|[^A-Za-z0-9]|\\[a-z])(?:{every})"
    codes, brief_codes = (checks.pair_of(firsts, "code") for firsts in _by_length(checks.firsts_of("code")))
    return Looks(
        hints=(_look("|".join((*long, "token", *_STATEMENTS))), _look("|".join(brief))),
        with_hint=(
            _look(f"{names}{checks.SOON_BEHIND_NAME}|token{checks.SOON_BEHIND_TOKEN}|{STATEMENT}|{checks.AMONG_NAMES}"),
            _look(f"{brief_names}{checks.SOON_BEHIND_NAME}|{checks.AMONG_BRIEF_NAMES}"),
            *map(_look, checks.WITH_HINT),
        ),
        gaps=tuple(map(_look, checks.KEYS_WITH_GAP)),
        # Together with the names, each would be followed to the end of its string in more states than the engine can
        # keep.
        keys=tuple(
            _look(f"{some}{checks.NAME}{checks.GAP}{checks.KEY_END}") for some in (f"(?:{names}|token)", brief_names)
        ),
        drawn=_look(checks.DRAWN_COLUMN),
        words=tuple(map(_look, words)),
        has_code=_look("code|digo |codice|(?:ihre |deine |m|sms-|push)tan"),
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


def _look(pattern: str) -> Look:
    return fast_check(checks.for_ascii(pattern))


def _parts_of(name: str) -> str:
    """Return a rare part of a name in its forms: the engine finds at most 64 of them many characters at a time."""
    part = next((part for part in _RARE_PARTS if part in name.lower()), None)
    if part is None:
        return checks.forms(name)
    starts = [(form, form.lower().index(part)) for form in checks.forms(name).split("|")]
    return "|".join([form[start : start + len(part)] for form, start in starts])


@cache
def beyond_ascii() -> tuple[Callable[[str | bytes], str | None], ...]:
    """Compile looks for names that are not in ASCII, and for characters that become ASCII in lower case."""
    parts = "|".join(dict.fromkeys("|".join([_parts_of(name) for name in checks.BEYOND_ASCII]).split("|")))
    before = "|".join((_AT_WORD, *map(re.escape, "\"'`)]"), *(" ", *_SPACES)))
    return (
        fast_check(parts),
        fast_check("|".join(map(checks.forms, checks.BEYOND_ASCII))),
        fast_check("\uff1a|\u212a|\u017f"),
        fast_check(f"(?:{before})\uff1a|\u212a|\u017f"),
    )
