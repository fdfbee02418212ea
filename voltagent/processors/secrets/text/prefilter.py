r"""Decide from a JSON text whether there can be a secret in it, before anything is decoded.

It may say so too often, never too rarely: what it lets pass is not searched. Its checks are regular expressions for the
engine in pydantic-core, which reads a text once, however many alternatives there are, and needs neither a copy in lower
case nor a way back. It knows no look-around, so a check here is wider than what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Final

from pydantic_core import SchemaValidator

from voltagent.core import clock
from voltagent.processors.secrets.text.searches.headers import PARAMETER_NAMES
from voltagent.processors.secrets.text.searches.prose import STATEMENT
from voltagent.processors.secrets.vocabulary.token_formats import FORMATS, INNER_FORMATS, Format
from voltagent.processors.secrets.vocabulary.words import HINTS, STEMS, STRONG_PAIRS

_STARTING: Final = 0.0002  # seconds for a search, and
_SLOW: Final = 20e-9  # for each character of its text: one that takes longer has used up the engine's cache
_AVOIDED: Final = 256  # pieces after two such texts
_PIECE: Final = 1200  # characters searched at once
# Characters of a piece that are in the next one as well: those behind a border, between two items or lines, which no
# check goes over by more than the least; or, in a long line, those of some words.
_OVERLAP: Final = 512
_LEAST_OVERLAP: Final = 64
_OVERLAP_IN_LINE: Final = 320
_BORDER: Final = '",'
_LINE: Final = r"\n"
_ENOUGH: Final = 8  # characters of a token behind its prefix
_PAIRED: Final = ("code", "phrase")  # hints that make a name strong only behind certain words

# What stands for each character beyond ASCII in a text. No beginning of a check has a character with these upper bits,
# by which the engine leaves out whole words of other alphabets.
STAND_IN: Final = 0x16
_STAND_IN: Final = rf"\x{STAND_IN:02x}"

NAME: Final = r"[0-9A-Za-z_.$\x{80}-\x{10FFFF}-]*"  # the rest of a name
# The next columns of a table or a statement, if a space stands between them.
_COLUMNS: Final = (
    r"[,;] (?:[0-9a-z_.-]+[,;] ?)*[0-9a-z_.-]+ ?(?:[\r\n]|\\+[nr]|\)(?:(?:\s|\\+[nrt])*values| from stdin))"
)
# What may follow a secret's name in a JSON text, but for quotes and operators, in structures and in text alike: a
# bracket or an escape; or, after spaces, an operator, a quote, an attribute, or a word with a digit. In prose there is
# a plain word.
_AT_ONCE: Final = (
    rf"[\])%>\x1b\[\r\n]|[,;\t][a-z\"]|{_COLUMNS}|&(?:gt|quot|#)|<\\*/(?:t[dh]|dt|name)>|\*\*|[({{,][ \t]*[\\\"'`]"
)
GAP: Final = r"[ \t\f\v(/,+]"
_AFTER_GAP: Final = (
    r"[ \t\f\v]*(?:[!\"'`\\<>|?+\n-]|\{ ?get|(?:as )?string|[0-9A-Za-z-]+=|(?:for|of) [^ \"\\]+[ \t]?[=:]"
    r"|(?:provided|given|used|supplied|received)[ \t]?:|n?(?:varchar|text)\("
    r"|[A-Za-z._~+/=-]*[0-9])"
)
KEY_END: Final = r"[^\"\\]*\\*\"(?:[ \t\r\n]|\\+[nrt])*:"  # the end of a key that holds more than a name
DRAWN_COLUMN: Final = r"(?:pass[a-z]*|secret|token|key)[ \t]*\x{2502}"  # of a table that is drawn with lines
DRAWN_COLUMN_IN_ASCII: Final = DRAWN_COLUMN.replace(r"\x{2502}", rf"{_STAND_IN}[ \t]")
WIDE_COLON: Final = r"[0-9A-Za-z\"'`)\]]\s?\x{ff1a}"  # the colon of Chinese and Japanese, behind a name
# Under the name of a token, a number is none: `"input_tokens": 12`, which stands in the record of each model call.
_NO_NUMBER: Final = r"(?:[^0-9 \t-]|-[^0-9]|-?[0-9][0-9.]*[^0-9., \t\r\n\f\v\\\"'}\])&;])"


def _ends(after_gap: str) -> tuple[str, str]:
    """Return what makes a name suspicious, and what makes that of a token so."""
    follows = rf"{_AT_ONCE}|{GAP}(?:{after_gap})"
    return (
        rf"{NAME}(?:[\"'`\\=:]|{GAP}[ \t\f\v]*[=:]|{follows})",
        (
            rf"{NAME}(?:\\*[\"'`]?[ \t\f\v]*[=:][ \t]*{_NO_NUMBER}"
            rf"|\\*[\"'`][ \t\f\v]*[^ \t\f\v=:]|\\+[^\\\"'`]|[(/,+][ \t\f\v]*[=:]|{follows})"
        ),
    )


NAME_END, TOKEN_END = _ends(f"{_AFTER_GAP}|{KEY_END}")
SOON_BEHIND_NAME, SOON_BEHIND_TOKEN = _ends(_AFTER_GAP)  # all of these but the end of a key
_SETTER: Final = "(?:env|define|setx|setenv|set -[a-z]+|config(?:ure)?)"
# Checks of text in any case, by what each begins with: a word, a dash, or an address. Those of a group have so few
# beginnings, all of at least four characters, that the engine finds them many characters at a time; shorter beginnings
# are by themselves, as one of them would make it stop at many more places.
WITH_HINT: Final = (  # each has a hint of a name
    (
        r"(?:bearer,?|basic)[ \t]{1,4}[a-z0-9._~+/=-]{8}"
        r"|(?:otp|pin)[ \t]+(?:is|was|es|est|ist|é|è)[ \t]*:?[ \t]+[0-9]{4}"
        rf"|{_SETTER}[ \t]+(?:--[a-z]+[ \t]+)*(?:set[ \t]+)?[a-z0-9_.-]*password[ \t\\]"
    ),
    (
        r"networkcredential\(|stats auth|jwt\.(?:sign|verify|encode|decode)\(|db\.auth\(|auth plain|basicauth|userpwd"
        r"|sessionid|chpasswd|pwgen|pass show |keyname[ \t]{2}|key content[ \t]|hashpw\(|(?:as|is) your [a-z -]*otp"
        r"|credentials are |secrets? set |kv put |# client[ \t\\]"
        r"|as (?:the|your|my|a) (?:[a-z-]+ )?(?:[a-z-]+ )?(?:pass(?:word|phrase|code)|api key)"
    ),
    r"pwd?[ \t]+(?:is|was|for)[ \t]",
)
WORDED: Final = (
    (
        r"login(?:\s|\\[nrt])+[^\s\x00]+(?:\s|\\[nrt])+(?:account|password)|login\(|new pdo\(|\.getconnection\("
        r"|createhmac\(|hmac\.new\(|fernet\(|%3a%2f%2f|private-lines:|-value[ \t]|:5432:|\"kty"
        r"|snmp(?:-server|-agent)?[ \t]+community|ssws | enc [a-z0-9+/]{12}|rabbitmqctl |sudo -s"
    ),
    (
        r"webhook|hooks\.|telegram\.org/bot|ifttt\.com/trigger/|pagerduty\.com/integration/|wifi(?::[a-z]:|\.begin\()"
        r"|net user?[ \t]|mysqli|pbkdf2[_:]sha|argon2\$|scrypt:[0-9]|setuser |openssl rand |bw get |op read "
        r"|createuser |: eap \\*\"|reg_sz|assword:[*\\\"]|snmp(?:get|set|walk|bulk)|pdo->__|sqlplus[ \t]"
        r"|r[ow]community6?[ \t]|\\t(?:true|false)\\t[0-9]|imap_open\("
    ),
)
BRIEF_WORDED: Final = r"by[ \t](?:[\"'`\\]|[ \t]{1,3}[\"'`\\])"
HOSTS: Final = r"\]:[0-9]+[ \t]+[^ \t:\"\\]+:"
MARKED: Final = r"\$(?:apr1|1a|2[abxy]|[15-9y]|argon2i?d?|scrypt)\$|\{s?sha"
_COOKIE_LINE: Final = r"\t(?:true|false)\t[0-9]"  # where it is not encoded; otherwise it is among the words
PAIRS: Final = (
    "community[^a-z]?string|security[^a-z]?answer|access[^a-z]?signature|conn(?:ection)?[^a-z]?strings?"
    "|kata[ _-]sandi|mat[ _-]khau|client[^a-z]?assertion|crypt[^a-z]?hash"
)
BRIEF_PAIRS: Final = "(?:hub|lab)[^a-z]?pat"
CODES: Final = (
    r"(?:one[- ]time|verification|security|login|authentication|confirmation|access|(?:enter|use|type) (?:the|this))"
    r"[ -](?:pass)?code|code[^a-z]?verifier|(?:as|is) your [a-z -]*code"
)
BRIEF_CODES: Final = "(?:2fa|sms|pin)[ -](?:pass)?code"
ADDRESSES: Final = r"://[^\s/?#\"'<>\\]+@|@(?:tcp\(|unix\(|//|[a-z0-9.-]+:[0-9]+[:/])"
FLAG: Final = r"-[a-z]{0,3}(?:u|[pabwk][^a-z])"
DASHED: Final = (
    r"-password[ \t\\]|--[0-9a-z_.-]*(?:pass|pw|secret|token|api|key|auth|cred|cookie|pin|otp|user)"
    r"|----begin |--- begin "
)
FLAGS: Final = rf"(?:^|[\s\x00\"'`(,|\[]|\\[nrt]){FLAG}|(?:^|[\s\x00\"])-p[^-]"
_ANY_CASE: Final = (
    *(STATEMENT, *WITH_HINT, *WORDED, BRIEF_WORDED, HOSTS, MARKED),
    *(_COOKIE_LINE, CODES, BRIEF_CODES, ADDRESSES, DASHED, FLAGS),
)


def _escaped(stem: str) -> str:
    """Return a stem as JSON inside of a string has it if it was written in ASCII."""
    return "|".join(
        "".join([one if one.isascii() else rf"\\+u(?i:{ord(one):04x})" for one in form])
        for form in forms(stem).split("|")
    )


def forms(stem: str) -> str:
    """Return the spellings of a stem, as alternatives."""
    return "|".join(dict.fromkeys((stem, stem.upper(), stem.capitalize())))


# Names that are not in ASCII, also of two words, in every form in which they are written.
BEYOND_ASCII: Final = (
    *STEMS,
    *(f"mật{joint}khẩu" for joint in " _-"),
    "mậtKhẩu",
    *(f"Mật{joint}Khẩu" for joint in ("", " ", "_", "-")),
)
AS_WRITTEN: Final = (r"\\(?:u00|/)", *map(_escaped, BEYOND_ASCII))  # escapes that hide characters


def hint_of(hint: str) -> str:
    """Return a hint, or a pair such as ``security_code`` if it is strong only as its second word."""
    return pair_of(firsts_of(hint), hint) if hint in _PAIRED else re.escape(hint)


def firsts_of(second: str) -> list[str]:
    """Return the first words of the pairs with this second word."""
    return [*sorted(first for first, other in STRONG_PAIRS if other == second), "kod", "pin", "adgangs"]


def pair_of(firsts: Iterable[str], second: str) -> str:
    """Return what finds pairs with this second word."""
    return f"(?:{'|'.join(firsts)})[^a-z]?{second}"


def token_of(one: Format) -> str:
    """Return what finds a token of a format, or its beginning."""
    return re.sub(r"\{\d+,\d+\}", "+", one.prefix) + tail_of(one)


def tail_of(one: Format) -> str:
    """Return what finds the part behind the prefix."""
    small = re.sub(r"A-Z|A-F|0-9", "", one.rest)
    if not one.ordinary:
        return f"{one.rest}{{{min(one.least, _ENOUGH)}}}"
    return f"{small}*[A-Z0-9]" if small != "[]" else f"[A-Z0-9]{{{_ENOUGH}}}"


def patterns(*, is_ascii: bool = False) -> tuple[str, ...]:
    """Return the checks for names, for grammar, and last for tokens; for ASCII they need a fraction of the states."""
    hints = "|".join(map(hint_of, dict.fromkeys((*(hint for hint in HINTS if hint != "token"), "basic", "phrase"))))
    parameters = PARAMETER_NAMES.replace("(?<=", "(?:")
    stems = (DRAWN_COLUMN_IN_ASCII,) if is_ascii else (*STEMS, "mật[ _-]khẩu", WIDE_COLON, DRAWN_COLUMN)
    inner = "|".join(one.widened for one in INNER_FORMATS)
    tokens = "|".join(map(token_of, FORMATS))
    found = (
        f"(?i:(?:{hints}|{PAIRS}|{BRIEF_PAIRS}){NAME_END})",
        f"(?i:token{TOKEN_END})",
        f"(?i:{'|'.join((*_ANY_CASE, parameters, *stems))})|{'|'.join(AS_WRITTEN)}",
        f"(?i:{inner})|(?:^|[^A-Za-z0-9]|\\\\[a-z])(?:{tokens})",
    )
    return tuple(map(for_ascii, found)) if is_ascii else found


def for_ascii(pattern: str) -> str:
    """Return the same pattern for ASCII, and for texts in which :data:`STAND_IN` is each other character."""
    pattern = pattern.replace(r"\x{80}-\x{10FFFF}", _STAND_IN).replace("é|è", f"{_STAND_IN}+")
    return _CLASS.sub(lambda found: _class_for_ascii(found[0]), pattern)


def _class_for_ascii(found: str) -> str:
    if found.startswith("\\"):  # an escape, such as that of a bracket
        return rf"[{_SPACES}]" if found == r"\s" else found
    if not found.startswith("[^"):
        return found.replace(r"\s", _SPACES)
    found = found.replace(r"\s", r" \t\n\r\f\v")
    return rf"[\x00-\x7F&&{found}]"


_SPACES: Final = rf" \t\n\r\f\v{_STAND_IN}"  # the last may be one beyond ASCII
_CLASS: Final = re.compile(r"\\.|\[(?:\\.|[^\[\]\\])+\]", re.DOTALL)


class Check:
    """Several checks in one expression, which searches a text in short pieces.

    The engine makes a state for each new combination of beginnings that it meets, in up to 4 microseconds for such an
    expression. In a text that is made of them that is one for each character, and no other thread runs meanwhile; once
    its cache was full some times, the engine does without states, as slowly. After two such texts, the next ones are
    searched by one expression for each check: together these have few combinations, and their states fit.
    """

    __slots__ = ("_apart", "_checks", "_is_slow", "_together")

    def __init__(self, checks: Sequence[str]) -> None:
        self._checks = checks
        self._together = fast_check("|".join(checks))
        self._is_slow = False  # the last search was
        self._apart = 0  # that many pieces are searched by one expression for each check

    def __call__(self, text: str) -> str | None:
        """Return what was found; ``None`` for nothing. This is long for its speed: all payloads come here."""
        search = self._search_apart if self._apart else self._together
        length = len(text)
        began = clock.monotonic()
        if length <= _PIECE:
            found = search(text)
        else:
            start, stop = 0, _PIECE
            while (found := search(text[start:stop])) is None and stop < length:
                start = text.rfind(_BORDER, stop - _OVERLAP, stop - _LEAST_OVERLAP)
                if start < 0:
                    start = _start_without_border(text, stop)
                stop = start + _PIECE
        self.note(clock.monotonic() - began, length)
        return found

    def current(self) -> Callable[[str], str | None]:
        """Return the search for the next short texts; :meth:`note` has to know how long they took."""
        return self._search_apart if self._apart else self._together

    def note(self, seconds: float, length: int) -> None:
        """Note how long the search in a text, or in texts that are as long together, took."""
        if self._apart:
            self._apart = max(0, self._apart - 1 - length // _PIECE)
            return
        is_slow = seconds > _STARTING + _SLOW * length
        self._apart = _AVOIDED if is_slow and self._is_slow else 0  # once: this thread had to wait
        self._is_slow = is_slow

    def _search_apart(self, text: str) -> str | None:
        return next((found for one in self._checks if (found := _compiled(one)(text)) is not None), None)


def _start_without_border(text: str, stop: int) -> int:
    """Return where the next piece begins in a text with few items: at a line or a word."""
    line = text.rfind(_LINE, stop - _OVERLAP, stop - _LEAST_OVERLAP)
    if line >= 0:
        return line
    word = text.find(" ", stop - _OVERLAP_IN_LINE, stop - _LEAST_OVERLAP)
    return word if word >= 0 else stop - _OVERLAP_IN_LINE


@cache
def prefilter(*, is_ascii: bool = False) -> tuple[Check, Callable[[str], str | None]]:
    """Return the checks for names and grammar, and those for tokens; each gives ``None`` for no match."""
    *names, tokens = patterns(is_ascii=is_ascii)
    return Check(names), _compiled(tokens)


@cache
def _all_checks() -> Check:
    """Return all checks for ASCII, in half the time that they take one by one."""
    return Check(patterns(is_ascii=True))


def fast_check(pattern: str) -> Callable[[str | bytes], str | None]:
    """Return a function that gives ``None`` for a text without a match; the pattern has no look-around.

    It takes UTF-8 as well, which costs less than a text beyond ASCII.
    """
    text = {"type": "str", "pattern": pattern, "regex_engine": "rust-regex"}
    schema: Any = {"type": "default", "schema": text, "default": None, "on_error": "default"}
    return SchemaValidator(schema).validate_python


_compiled: Final = cache(fast_check)  # those of the checks, of which there are few


@lru_cache(maxsize=1024)
def has_literal(literal: str) -> Callable[[str | bytes], str | None]:
    """Return a check for a literal: several times as fast as `str.find` where it does not stand."""
    return fast_check(re.escape(literal))


def is_suspect_text(text: str) -> bool:
    """Return whether there can be a secret in a text that is not encoded."""
    if text.isascii():
        return _all_checks()(text) is not None
    names, tokens = prefilter()
    return names(text) is not None or tokens(text) is not None


def suspect_among(texts: Sequence[str]) -> list[bool]:
    """:func:`is_suspect_text` for each of several short texts, of which most are suspicious.

    They differ so much that the states of one expression for all checks would not fit the cache of the engine.
    """
    in_ascii = [text for text in texts if text.isascii()]
    if len(in_ascii) == len(texts):
        return _suspect_among(in_ascii, *prefilter(is_ascii=True))
    beyond = iter(_suspect_among([text for text in texts if not text.isascii()], *prefilter()))
    found = iter(_suspect_among(in_ascii, *prefilter(is_ascii=True)))
    return [next(found if text.isascii() else beyond) for text in texts]


def _suspect_among(texts: Sequence[str], names: Check, tokens: Callable[[str], str | None]) -> list[bool]:
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
    names.note(clock.monotonic() - began, sum(map(len, texts)))
    return found
