"""How programs write a known secret into other texts: escaped in JSON or code, in markup, in addresses, in base64.

Most texts have none of these, so the parts of a secret that no escape changes are looked for first.
"""

from __future__ import annotations

import html
import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Final, TypeVar
from urllib.parse import quote

from voltagent.core.text import replace_surrogates
from voltagent.processors.secrets.text.engine import fast_check

_UNCHANGED: Final = re.compile("[A-Za-z0-9]{2,4096}")
_AT_ONCE: Final = 1 << 20  # characters or bytes searched at once
_SHORT: Final = 1 << 12  # characters of a text
_MUCH: Final = 1 << 20  # characters searched for one part each, from which on one search for all parts takes less time
_PIECE: Final = 1 << 16  # characters or bytes that the search for all parts looks at in one step
_OVERLAP: Final = 256
_BEGINNING: Final = 32  # characters of a part that this search looks for
_MOST: Final = 96  # spellings of a secret with one sign
_LONGEST: Final = 4096  # characters of a spelling
_QUOTE: Final = re.compile("([\"'])")
_QUOTED: Final = re.compile(r"[\"'\\]")
_MARKUP: Final = re.compile("[&<>\"']")
_ESCAPE: Final = re.compile(r"\\u[0-9a-f]{4}")
_ENCODED_BYTE: Final = re.compile("%[0-9A-F]{2}")
# JSON that may stand in a page, as Go, Rails and Django write it.
_FOR_PAGES: Final = {ord(one): f"\\u{ord(one):04x}" for one in "<>&"}
# What stays as it is in an address: for RFC 3986, in a path, for `encodeURIComponent`, for `encodeURI`, in a form.
_KEPT: Final = ("", "/", "!'()*", "!'()*;/?:@&=+$,#", "*")
# Quotes in markup, by what writes them: Python, Go and MarkupSafe, an XML writer, one that leaves `'` alone.
_QUOTES: Final = (("&quot;", "&#x27;"), ("&#34;", "&#39;"), ("&quot;", "&apos;"), ("&quot;", "&#39;"), ("&quot;", "'"))
_FOR_ADDRESSES: Final = str.maketrans("+/", "-_")
_BLOCK: Final = 3  # bytes that are four characters in base64
_BITS: Final = (8, 6)  # of a byte, and of a character in base64
# The first long part of each of several secrets that no escape changes.
_LONG_PARTS: Final = re.compile(r"(?:\A|\0)(?:[^\0]*?([A-Za-z0-9]{6,32}))?")
_LONGEST_RUN: Final = 64  # characters of base64 in a row for which a text is looked through
_LONGEST_LOOK: Final = 1 << 16  # characters of such a text: a regular expression does not release the interpreter

_Text = TypeVar("_Text", str, bytes)


class Spellings:
    """The spellings of one secret, beside the plain one; each is made when a text is searched for it."""

    __slots__ = ("_encoded", "_escaped", "_secret", "_unchanged")

    def __init__(self, secret: str) -> None:
        secret = self._secret = secret if secret.isascii() else replace_surrogates(secret)
        self._unchanged = _UNCHANGED.findall(secret)
        self._escaped: dict[str, list[str]] = {}  # by the sign that each of them has
        self._encoded: tuple[str, ...] = ()

    def encoded(self) -> tuple[str, ...]:
        """Return the spellings in base64 and in hexadecimal digits."""
        if not self._encoded:
            self._encoded = _encoded(self._secret)
        return self._encoded

    def escaped_for(self, text: str | bytes) -> list[str]:
        """Return the spellings with escapes, if a text may have one of them."""
        parts = self._unchanged
        if parts == [self._secret]:
            return []
        if not all(_has(text, part) for part in parts):
            return []
        present = [sign for sign in _WRITERS if _has(text, sign)]
        for sign in present:
            if sign not in self._escaped:
                self._escaped[sign] = _escaped(self._secret, sign)
        return [one for sign in present for one in self._escaped[sign]]


def may_hold_part(text: str | bytes, secrets: Iterable[str]) -> bool:
    """Return whether one of some secrets may stand in a text, plain or with escapes: of most, no part does."""
    if len(text) > _LONGEST_LOOK:
        return True
    parts = _LONG_PARTS.findall("\0".join(secrets))
    if "" in parts:  # a secret without any
        return True
    if isinstance(text, str):
        return any(map(text.__contains__, parts))
    return any(map(text.__contains__, "\0".join(parts).encode().split(b"\0")))


def may_hold_encoded(text: str | bytes, secrets: Iterable[str]) -> bool:
    """Return whether one of some secrets may stand in a text in base64 or in hexadecimal digits.

    In most texts, no word is as long as that.
    """
    least = (min(map(len, secrets)) - 1) * _BITS[0] // _BITS[1]
    if len(text) < least:
        return False
    if len(text) > _LONGEST_LOOK or not text.isascii():
        return True
    return fast_check(f"[0-9A-Za-z+/_-]{{{min(least, _LONGEST_RUN)}}}")(text) is not None


def _has(text: str | bytes, part: str) -> bool:
    return stands_in(text, part) if isinstance(text, str) else stands_in(text, part.encode())


def stands_in(text: _Text, part: _Text) -> bool:
    """Return whether a part stands in a text, a string or UTF-8, of any length; other threads may run meanwhile."""
    if len(text) <= _AT_ONCE:
        return part in text
    starts = range(0, len(text), _AT_ONCE)
    return any(text.find(part, start, start + _AT_ONCE + len(part) - 1) >= 0 for start in starts)


def standing_in(text: _Text, parts: Sequence[_Text]) -> list[_Text]:
    """Return which of some parts stand in a text; that most texts have none is found out fast."""
    if len(text) <= _SHORT:
        return [part for part in parts if part in text]
    if _MUCH // max(1, len(parts)) < len(text):
        check = _check_of([part[:_BEGINNING] for part in parts])
        if all(check(piece) is None for piece in _pieces(text)):
            return []
    return [part for part in parts if stands_in(text, part)]


def _pieces(text: str | bytes) -> Iterator[str | bytes]:
    """Yield a text in pieces that overlap by more than what is looked for; no character is cut."""
    for start in range(0, len(text), _PIECE):
        piece = text[max(0, start - _OVERLAP) : start + _PIECE]
        yield piece if isinstance(piece, str) or piece.isascii() else piece.decode(errors="ignore")


def _check_of(parts: Sequence[str | bytes]) -> Callable[[str | bytes], str | None]:
    """Return a search for several parts at once; of a character that was cut, it leaves out the rest."""
    sought = [part if isinstance(part, str) else part.decode(errors="ignore") for part in parts]
    return fast_check("|".join(map(re.escape, sought)))


def _quoted(secret: str) -> Iterator[str]:
    """Yield how a secret stands in a string of JSON, or of code."""
    texts = dict.fromkeys((encode_basestring(secret)[1:-1], encode_basestring_ascii(secret)[1:-1]))
    for text in texts:
        for written in (text, text.translate(_FOR_PAGES)):
            yield written
            yield written.replace("/", "\\/")
        yield _ESCAPE.sub(lambda escape: f"\\u{escape[0][2:].upper()}", text)
    if not (secret.isascii() and secret.isprintable()) or _QUOTED.search(secret):
        yield from _in_code(secret, repr)
        yield from _in_code(secret, ascii)
        yield from _in_code(secret, lambda text: repr(text.encode())[1:])


def _in_code(secret: str, write: Callable[[str], str]) -> Iterator[str]:
    """Yield how a secret stands between quotes of either type, with all or some of its own escaped."""
    parts = _QUOTE.split(secret)
    parts[::2] = [write(part)[1:-1] for part in parts[::2]]
    for escaped in ("", "'", '"', "'\""):
        yield "".join([f"\\{part}" if part and part in escaped else part for part in parts])


def _quoted_once(secret: str) -> Iterator[str]:
    """Yield how a secret stands in a string of JSON or code, also in one of markup."""
    yield from _quoted(secret)
    for text in _in_markup(secret):
        yield from _quoted_again(text)


def _quoted_often(secret: str) -> Iterable[str]:
    """Return how a secret stands in JSON or code that was itself put into JSON or code, once or twice."""
    found = dict.fromkeys(_quoted_once(secret))
    for _ in range(2):
        found.update(dict.fromkeys([again for once in found for again in _quoted_again(once)]))
    return found


def _quoted_again(text: str) -> Iterator[str]:
    if text.isascii() and not _QUOTED.search(text):
        return
    yield encode_basestring(text)[1:-1]
    yield encode_basestring_ascii(text)[1:-1]
    yield text.replace("\\", "\\\\").replace("'", "\\'")


def _in_markup(secret: str) -> Iterator[str]:
    """Yield how a secret stands in HTML or XML."""
    if secret.isascii() and not _MARKUP.search(secret):
        return
    text = html.escape(secret, quote=False)
    has_quotes = '"' in secret or "'" in secret
    for double, single in (('"', "'"), *_QUOTES) if has_quotes else _QUOTES[:1]:
        written = text.replace('"', double).replace("'", single)
        yield written
        yield written.encode("ascii", "xmlcharrefreplace").decode()


def _in_addresses(secret: str) -> Iterator[str]:
    """Yield how a secret stands in an address or a form."""
    for kept in dict.fromkeys("".join(sign for sign in kept if sign in secret) for kept in _KEPT):
        text = quote(secret, safe=kept)
        for spaced in (text, text.replace("%20", "+")) if " " in secret else (text,):
            for written in (spaced, spaced.replace("~", "%7E")) if "~" in secret else (spaced,):
                yield written
                yield _ENCODED_BYTE.sub(lambda byte: byte[0].lower(), written)
                yield quote(written, safe="")


# The characters that spellings have, and what writes those. Backslashes double with each text that is put into another.
_WRITERS: Final[dict[str, Callable[[str], Iterable[str]]]] = {
    "&": _in_markup,
    "%": _in_addresses,
    "+": _in_addresses,
    "\\": _quoted_once,
    "\\" * 2: _quoted_often,
    "\\" * 4: _quoted_often,
}


def _escaped(secret: str, sign: str) -> list[str]:
    """Return the spellings with a sign, if they have none of the longer ones."""
    found = dict.fromkeys(one for one in _WRITERS[sign](secret) if sign in one)
    found.pop(secret, None)
    is_last = sign * 2 not in _WRITERS
    return [one for one in found if len(one) <= _LONGEST and (is_last or sign * 2 not in one)][:_MOST]


def _encoded(secret: str) -> tuple[str, ...]:
    """Return how a secret stands in base64, wherever it begins in what is encoded, and in hexadecimal digits."""
    data = secret.encode()
    found: list[str] = []
    for before in range(_BLOCK):
        whole = b2a_base64(bytes(before) + data, newline=False).decode()
        # Without the characters at either end that depend on what stands beside the secret.
        first, last = -(-before * _BITS[0] // _BITS[1]), (before + len(data)) * _BITS[0] // _BITS[1]
        found.append(whole[first:last])
        if "+" in whole or "/" in whole:
            found.append(found[-1].translate(_FOR_ADDRESSES))
    digits = data.hex()
    return (*found, digits, digits.upper())
