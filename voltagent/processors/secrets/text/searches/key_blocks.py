"""Find private keys and hashes of passwords by how they begin, and the values in files of cookies."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import credential_value
from voltagent.processors.secrets.vocabulary.credential_forms import is_ordinary

_PRIVATE_KEY: Final = r"-----begin [a-z0-9 ]{0,40}(?:private key|openssh|openvpn static key)[a-z0-9 ]{0,40}-----"
# A key block of PuTTY or SSH2: how it begins, and what follows its body.
_OTHER_KEYS: Final = (
    ("---- begin ", r"---- begin [a-z0-9 ]{0,40}private key ----", "---- end "),
    ("private-lines:", r"private-lines:[ \t]{0,4}\d{1,4}", "private-mac:"),
)
_KEY_END: Final = "-----end "
# Behind the first line of a key that code or a sentence only mentions; its body may still be in the next literal.
_MENTIONED: Final = re.compile(r"\\{0,4}[\"'`][^A-Za-z0-9]|\\{0,4}[\"'`]\Z|[ \t]{1,4}[a-z]{1,12}[ ,.:;]")
_LINE_OF_KEY: Final = re.compile(r"[A-Za-z0-9+/]{16,80}")
_BEFORE_LINE: Final = 200  # characters
# Of a password, behind the parameters with which it was made, between which there may be commas.
_HASH: Final = (
    r"\$(?:apr1|1a|2[abxy]|[15-9y]|[hp](?=\$[./0-9a-z]{10})|argon2i?d?|scrypt|pbkdf2-[a-z0-9]{4,8})\$(?:v=[0-9]{1,4}\$|)(?:(?:[a-z]{1,4}=[0-9]{1,10},){1,4}|)"
    r"[^\s\"'`,;:|<>\\\0]{8,512}"
)
# The same as Django and Werkzeug write it.
_NAMED_HASH: Final = (
    r"(?:[_:]sha\d{1,3}(?::\d{1,9})?\$(?:\d{1,9}\$)?|:\d{1,9}:\d{1,4}:\d{1,4}\$)[^\s\"'`,;|<>\\\0]{16,512}"
)
# A line of a file of cookies, as curl and wget keep it: the last of seven fields is the value.
_COOKIE_LINE: Final = r"[0-9]{1,12}\t[^\t\n\0]{1,100}\t([^\s\0]{4,4096})"


def _private_key(end_mark: str, scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the body of a private key: to its end mark, or to the end of the string if it was cut."""
    limit = scan.end_of_string(match.end())
    end = next(scan.places_of(end_mark, match.end(), limit), limit)
    if _MENTIONED.match(scan.text, match.end(), limit) is not None:
        lines = _LINE_OF_KEY.findall(scan.text, match.end(), min(end, match.end() + _BEFORE_LINE))
        if all(map(is_ordinary, lines)):
            return None
    return match.end(), end


def _whole(_: Scan, match: re.Match[str]) -> Range:
    return match.span()


_KEYS_AND_HASHES: Final = SearchGroup(
    r"---- ?-?begin |\t(?:true|false)\t[0-9]+\t|private-lines:"
    r"|\$(?:apr1|1a|2[abxy]|[15-9hpy]|argon2i?d?|scrypt|pbkdf2-[a-z0-9]+)\$|\{s?sha|pbkdf2[_:]sha|scrypt:[0-9]",
    (
        Search("-----begin ", _PRIVATE_KEY, partial(_private_key, _KEY_END)),
        *(Search(needle, pattern, partial(_private_key, end)) for needle, pattern, end in _OTHER_KEYS),
        Search("$", _HASH, _whole),
        *(Search(word, word + _NAMED_HASH, _whole) for word in ("pbkdf2", "scrypt")),
        *(
            Search(f"{flag}\t", rf"{flag}\t(?<=\t{flag}\t)" + _COOKIE_LINE, credential_value)
            for flag in ("true", "false")
        ),
        Search("{sha", r"\{sha\d{0,3}\}[a-z0-9+/=]{16,512}", _whole),
        Search("{ssha", r"\{ssha\d{0,3}\}[a-z0-9+/=]{16,512}", _whole),
    ),
)
KEYS: Final = (_KEYS_AND_HASHES,)
