"""Find secrets in headers: credentials behind a scheme or a name, and cookies, to the end of the line."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.vocabulary.credential_forms import (
    is_credential,
    is_mixture,
    is_ordinary,
    is_placeholder,
)
from voltagent.processors.secrets.vocabulary.joined_words import has_two_cases

SCHEMES: Final = ("bearer", "basic", "apikey", "ssws", "token")
_QUOTES: Final = frozenset("\"'`")
_SHORTEST: Final = 4  # characters of one that has a digit
_LONG_CREDENTIAL: Final = 16  # characters; in a header, that many are enough


def _scheme_pattern(scheme: str) -> str:
    # For the schemes that are words of prose, a digit is needed, and looked for first.
    digit = "" if scheme in ("bearer", "basic") else "(?=[a-z._~+/=-]{0,24}[0-9])"
    comma = ",?" if scheme == "bearer" else ""  # among the protocols of a WebSocket
    return rf"{scheme}(?<![a-z0-9]{scheme}){comma}[ \t]{{1,4}}{digit}([a-z0-9._~+/=-]{{8,2048}})"


def _scheme(scan: Scan, match: re.Match[str]) -> Range | None:
    credential = scan.group(match, 1).rstrip(".")
    is_token = is_credential(credential) or (
        match[0][:6] == "bearer"
        and (_is_alphabetic_token(credential) or _is_quoted_mixture(scan, match.start(), match.end(), credential))
    )
    return (match.start(1), match.start(1) + len(credential)) if is_token else None


def _is_quoted_mixture(scan: Scan, start: int, end: int, value: str) -> bool:
    """Return whether ``"Bearer …"`` is all that stands in quotes, with words and numbers that are joined."""
    quote = scan.text[max(0, start - 1) : start]
    return quote in _QUOTES and scan.text[end : end + 1] == quote and is_mixture(value)


def _is_alphabetic_token(value: str) -> bool:
    """Return whether a value without a digit is still no word: very long, or with a vowel too rarely."""
    vowels = sum(map(value.lower().count, "aeiouy"))
    return not is_placeholder(value) and value.isalpha() and (len(value) >= _LONG_CREDENTIAL or vowels * 4 < len(value))


HEADERS: Final = {
    "authorization": "authorization",
    "authentication": "authentication",
    "cookie": "cookie2?",
    "x-": "x-(?:[a-z]{2,16}-){0,3}(?:key|token)",
}
_OPERATOR: Final = r"(\\{0,8}[\"']?)[ \t]{0,8}[:=][ \t]{0,8}(?=[^\s\"'\\,)\0])"
_COOKIE: Final = re.compile(r"[\w.!#$%&*+^`|~-]{1,200}=[^\s;,\"\0]")
_CREDENTIAL: Final = re.compile(r"(?:([A-Za-z][\w-]{1,30})[ \t]{1,4})?([^\s\"'`\\,;()<>\x1b\0]{4,4096})")
_KNOWN_SCHEMES: Final = frozenset((*SCHEMES, "oauth", "jwt", "key", "api-key", "bot", "splunk", "negotiate"))
_SCHEME_WITH_PAIRS: Final = re.compile(r"[A-Za-z][\w-]{1,30}[ \t]{1,4}[A-Za-z]{1,20}=[\"\\]")
_LINE: Final = re.compile(r"(?:[^\r\n\"'\\\0]{1,200}|\\(?![nr\"']))*")
_COOKIES: Final = re.compile(r"(?:[^\r\n\"'\\\0]{1,200}|(?<==)\"[^\"\\=\n\0]{1,200}\"|\\(?![nr\"']))*")
_WHOLE_LINE: Final = re.compile(r"[^\r\n\0]*")
_DIGITS: Final = frozenset("0123456789")
_BEGINNING: Final = 1024  # characters of a header in which its form is recognised
_LONGEST_LINE: Final = 16_384
_ENDS_VALUE: Final = frozenset(("", "\n", "\r", "\0", '"', "'", "`", "<", "\x1b", "\\"))


def _header(scan: Scan, match: re.Match[str]) -> Range | None:
    text, start = scan.text, match.end()
    stop = start + _BEGINNING
    scan.units -= 10
    if "cookie" in match[0]:
        return (start, _end_of_line(scan, start, _COOKIES)) if _COOKIE.match(text, start, stop) else None
    if not match[1] and _SCHEME_WITH_PAIRS.match(text, start, stop) is not None:
        return start, _end_of_line(scan, start, _WHOLE_LINE)
    found = _CREDENTIAL.match(text, start, stop)
    if found is None or is_placeholder(value := found[2].rstrip("*")):
        return None
    if match[1] and found[1] is None and value[0] not in _DIGITS and is_ordinary(value.rstrip("}]")):
        return None  # `"X-Api-Key": settings.api_key`
    is_secret = _has_form(text, value, found.end())
    if not is_secret and found[1] is not None and text[found.end() : found.end() + 1] in _ENDS_VALUE:
        is_secret = _is_short_credential(found[1], value)
    return (start, _end_of_line(scan, start)) if is_secret else None


def _has_form(text: str, value: str, end: int) -> bool:
    """Return whether the value of a header that ends at a position is a credential, and no word of a sentence."""
    if len(value) >= _LONG_CREDENTIAL:
        return value[0] != "!" and not text.startswith("(", end)  # a condition, a call
    return is_credential(value) or (text[end : end + 1] in _ENDS_VALUE and is_mixture(value))


def _is_short_credential(scheme: str, value: str) -> bool:
    """Return whether a value behind a scheme, with which its line ends, has a digit, or mixes both cases."""
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    if has_both and len(value) >= _SHORTEST and not is_ordinary(value):
        return True
    return (scheme[0].isupper() or scheme.lower() in _KNOWN_SCHEMES) and has_two_cases(value)


def _end_of_line(scan: Scan, start: int, line: re.Pattern[str] = _LINE) -> int:
    match = line.match(scan.text, start, start + _LONGEST_LINE)
    end = start if match is None else match.end()
    scan.units -= (end - start) >> 7
    return end


_SCHEMES: Final = SearchGroup(
    r"(?:bearer,?|basic)[ \t]+[a-z0-9._~+/=-]{8}|(?:apikey|ssws|token)[ \t]+[a-z._~+/=-]*[0-9]",
    tuple(Search(scheme, _scheme_pattern(scheme), _scheme) for scheme in SCHEMES),
)
_HEADERS: Final = SearchGroup(
    rf"(?:{'|'.join(HEADERS.values())})\\*[\"']?[ \t]*[:=]",
    tuple(Search(needle, pattern + _OPERATOR, _header) for needle, pattern in HEADERS.items()),
)
HEADER_LINES: Final = (_SCHEMES, _HEADERS)
