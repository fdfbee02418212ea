"""Find secrets in headers, URLs and key blocks by their grammar."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import plain_value
from voltagent.processors.secrets.vocabulary.credential_forms import (
    is_credential,
    is_mixture,
    is_ordinary,
    is_placeholder,
)

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
    r"\$(?:apr1|1a|2[abxy]|[15-9y]|argon2i?d?|scrypt|pbkdf2-[a-z0-9]{4,8})\$(?:v=[0-9]{1,4}\$|)(?:(?:[a-z]{1,4}=[0-9]{1,10},){1,4}|)"
    r"[^\s\"'`,;:|<>\\\0]{8,512}"
)
# The same as Django and Werkzeug write it.
_NAMED_HASH: Final = (
    r"(?:[_:]sha\d{1,3}(?::\d{1,9})?\$(?:\d{1,9}\$)?|:\d{1,9}:\d{1,4}:\d{1,4}\$|\$argon2)[^\s\"'`,;|<>\\\0]{16,512}"
)


def _private_key(end_mark: str, scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the body of a private key: to its end mark, or to the end of the string if it was cut."""
    limit = scan.end_of_string(match.end())
    end = next(scan.places_of(end_mark, match.end(), limit), limit)
    if _MENTIONED.match(scan.text, match.end(), limit) is not None:
        lines = _LINE_OF_KEY.findall(scan.text, match.end(), min(end, match.end() + _BEFORE_LINE))
        if all(map(is_ordinary, lines)):
            return None
    return match.end(), end


_AUTHORITY: Final = r"""://([^\s/?#"'<>\\\0]{1,1024})@(?=[a-z0-9\[_$({%\s\0"'-]|\Z)"""
_ENCODED: Final = r"(?:[^\s%&\"'<>\\\0]|%(?!3a|40|2f|3f)[0-9a-f]{2})"  # the same in a parameter of another URL
_ENCODED_AUTHORITY: Final = rf"%3a%2f%2f{_ENCODED}{{0,100}}%3a({_ENCODED}{{1,200}})%40"
_SHARED_USERS: Final = frozenset(("git", "hg", "svn", "user", "username", "anonymous", "ubuntu", "root", "admin", "me"))
_EXAMPLE_USERS: Final = frozenset(("user", "username", "usr"))
_EXAMPLE_PASSWORDS: Final = frozenset(("password", "passwd", "pass", "pwd"))
_EXAMPLE_HOST: Final = re.compile(
    r"[<{\[$]|(?:(?:local|db|my|proxy|your)?[-_]?host(?:name)?|server|[\w.-]{0,40}example)\b"
)
_LONG_USER: Final = 12  # characters; a shorter user without a digit is a name


def _authority(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password of ``scheme://user:password@host``, or a user that is a token."""
    user, colon, password = scan.group(match, 1).partition(":")
    if colon:
        is_example = (
            user.lower() in _EXAMPLE_USERS
            and password.lower() in _EXAMPLE_PASSWORDS
            and _EXAMPLE_HOST.match(scan.low, match.end()) is not None
        )
        return None if is_example or is_placeholder(password) else (match.start(1) + len(user) + 1, match.end(1))
    if "," in user or not scan.text[match.end() : match.end() + 1].strip("\"' "):  # a list, or no host
        return None
    is_name = user in _SHARED_USERS or (len(user) < _LONG_USER and user.isalpha()) or "@" in user
    if is_name or is_placeholder(user) or (is_ordinary(user) and len(user) < 20):
        return None
    return match.span(1)


# Parameters of URLs that are secrets though their names are not among the words; the second only if they look like one.
PARAMETERS: Final = (
    *("sig", "signature", "security-token", "hmac", "sas", "awsaccesskeyid", "samlresponse", "samlrequest"),
)
MAYBE_PARAMETERS: Final = (
    "code",
    "code_verifier",
    "st",
    "state",
    "ticket",
    "assertion",
    "credential",
    "sid",
    "mac",
    "nonce",
    "appid",
)
PARAMETER_NAMES: Final = "|".join(f"(?<={name}=)" for name in (*PARAMETERS, *MAYBE_PARAMETERS))
_PARAMETER: Final = rf"=(?:{PARAMETER_NAMES})([^&\s\"'#<>\\\0]{{4,2048}})"
_PARAMETER_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyz-_"
_LONGEST_PARAMETER: Final = 40  # characters of a name
_SHORTEST_MAYBE: Final = 12  # characters


def _parameter(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return a parameter: after ``?``, ``&`` or ``;``, maybe with words such as ``X-Amz-`` in its name."""
    before = scan.low[max(0, match.start() - _LONGEST_PARAMETER) : match.start()]
    rest = before.rstrip(_PARAMETER_CHARACTERS)
    if rest[-1:] not in ("?", "&", ";") and rest[-2:] not in (", ", "; "):
        return None
    if not before.endswith(PARAMETERS):
        value = scan.group(match, 1)
        if len(value) < _SHORTEST_MAYBE or is_ordinary(value):
            return None
    return plain_value(scan, match)


# By what each has in common with others, from which its address is found.
WEBHOOKS: Final = {
    "webhook": (
        r"webhook(?:s/(?<=/api/webhooks/)|\.office\.com/webhookb2/|/(?<=outlook\.office\.com/webhook/)"
        r"|/(?<=outlook\.office365\.com/webhook/))"
    ),
    "hooks.": r"hooks\.(?:slack\.com/(?:services|workflows|triggers)|zapier\.com/hooks/catch)/",
    "telegram.org/bot": r"telegram\.org/bot",
    "ifttt.com/trigger/": r"ifttt\.com/trigger/[^\s/\"'\\\0]{1,60}/(?:json/)?with/key/",
    "pagerduty.com/integration/": r"pagerduty\.com/integration/",
}
_WEBHOOK_PATH: Final = r"([^\s\"'<>?#\\\0`)]{6,1024})"


def _whole(_: Scan, match: re.Match[str]) -> Range:
    return match.span()


def _webhook(scan: Scan, match: re.Match[str]) -> Range:
    start = match.start(1)
    return start, start + len(scan.group(match, 1).rstrip(",.;:!"))  # these belong to the text around


SCHEMES: Final = ("bearer", "basic", "apikey", "ssws", "token")
_LONG_CREDENTIAL: Final = 16  # characters; in a header, that many are enough


def _scheme_pattern(scheme: str) -> str:
    # For the schemes that are words of prose, a digit is needed, and looked for first.
    digit = "" if scheme in ("bearer", "basic") else "(?=[a-z._~+/=-]{0,24}[0-9])"
    comma = ",?" if scheme == "bearer" else ""  # among the protocols of a WebSocket
    return rf"{scheme}(?<![a-z0-9]{scheme}){comma}[ \t]{{1,4}}{digit}([a-z0-9._~+/=-]{{8,2048}})"


def _scheme(scan: Scan, match: re.Match[str]) -> Range | None:
    credential = scan.group(match, 1).rstrip(".")
    if match[0][:6] in ("bearer", "basic "):
        is_token = is_credential(credential) or (match[0][:6] == "bearer" and _is_alphabetic_token(credential))
    else:  # a word of prose, too: a digit is needed
        is_token = any(map(str.isdigit, credential[:24])) and is_credential(credential)
    return (match.start(1), match.start(1) + len(credential)) if is_token else None


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
_CREDENTIAL: Final = re.compile(r"(?:[A-Za-z][\w-]{1,30}[ \t]{1,4})?([^\s\"'\\,;\0]{4,4096})")
_SCHEME_WITH_PAIRS: Final = re.compile(r"[A-Za-z][\w-]{1,30}[ \t]{1,4}[A-Za-z]{1,20}=[\"\\]")
_LINE: Final = re.compile(r"(?:[^\r\n\"'\\\0]{1,200}|\\(?![nr\"']))*")
_COOKIES: Final = re.compile(r"(?:[^\r\n\"'\\\0]{1,200}|(?<==)\"[^\s\"\\=\0]{1,200}\"|\\(?![nr\"']))*")
_WHOLE_LINE: Final = re.compile(r"[^\r\n\0]*")
_SENTENCE: Final = re.compile(r"[,;]?[ \t]{1,4}[a-z]{1,20}[ \t,.;]")
_BEGINNING: Final = 1024  # characters of a header in which its form is recognised
_LONGEST_LINE: Final = 16_384
_ENDS_VALUE: Final = frozenset(("", "\n", "\r", "\0", '"', "'", "\\"))


def _header(scan: Scan, match: re.Match[str]) -> Range | None:
    text, start = scan.text, match.end()
    stop = start + _BEGINNING
    scan.units -= 10
    if "cookie" in match[0]:
        return (start, _end_of_line(scan, start, _COOKIES)) if _COOKIE.match(text, start, stop) else None
    if not match[1] and _SCHEME_WITH_PAIRS.match(text, start, stop) is not None:
        return start, _end_of_line(scan, start, _WHOLE_LINE)
    found = _CREDENTIAL.match(text, start, stop)
    if found is None or is_placeholder(value := found[1]):
        return None
    return (start, _end_of_line(scan, start)) if _has_form(text, value, found.end()) else None


def _has_form(text: str, value: str, end: int) -> bool:
    """Return whether the value of a header that ends at a position is a credential, and no word of a sentence."""
    if len(value) >= _LONG_CREDENTIAL:
        return True
    if is_credential(value) and _SENTENCE.match(text, end) is None:
        return True
    return text[end : end + 1] in _ENDS_VALUE and is_mixture(value)


def _end_of_line(scan: Scan, start: int, line: re.Pattern[str] = _LINE) -> int:
    match = line.match(scan.text, start, start + _LONGEST_LINE)
    end = start if match is None else match.end()
    scan.units -= (end - start) >> 7
    return end


# A line of a file of cookies, as curl and wget keep it: the last of seven fields is the value.
_COOKIE_LINE: Final = r"[0-9]{1,12}\t[^\t\n\0]{1,100}\t([^\s\0]{4,4096})"


def _cookie_line(scan: Scan, match: re.Match[str]) -> Range | None:
    return match.span(1) if is_credential(scan.group(match, 1)) else None


_KEYS_AND_HASHES: Final = SearchGroup(
    r"---- ?-?begin |\t(?:true|false)\t[0-9]+\t|private-lines:"
    r"|\$(?:apr1|1a|2[abxy]|[15-9y]|argon2i?d?|scrypt|pbkdf2-[a-z0-9]+)\$|\{s?sha|pbkdf2[_:]sha|argon2\$|scrypt:[0-9]",
    (
        Search("-----begin ", _PRIVATE_KEY, partial(_private_key, _KEY_END)),
        *(Search(needle, pattern, partial(_private_key, end)) for needle, pattern, end in _OTHER_KEYS),
        Search("$", _HASH, _whole),
        *(Search(word, word + _NAMED_HASH, _whole) for word in ("pbkdf2", "scrypt", "argon2")),
        *(Search(f"{flag}\t", rf"{flag}\t(?<=\t{flag}\t)" + _COOKIE_LINE, _cookie_line) for flag in ("true", "false")),
        Search("{sha", r"\{sha\d{0,3}\}[a-z0-9+/=]{16,512}", _whole),
        Search("{ssha", r"\{ssha\d{0,3}\}[a-z0-9+/=]{16,512}", _whole),
    ),
)
_AUTHORITIES: Final = SearchGroup(
    r"://[^\s/?#\"'<>\\\x00]+@|%3a%2f%2f",
    (Search("://", _AUTHORITY, _authority), Search("%3a%2f%2f", _ENCODED_AUTHORITY, plain_value)),
)
_PARAMETERS: Final = SearchGroup(PARAMETER_NAMES.replace("(?<=", "(?:"), (Search("=", _PARAMETER, _parameter),))
_WEBHOOKS: Final = SearchGroup(
    "|".join(map(re.escape, WEBHOOKS)),
    tuple(Search(needle, pattern + _WEBHOOK_PATH, _webhook) for needle, pattern in WEBHOOKS.items()),
)
_SCHEMES: Final = SearchGroup(
    r"(?:bearer,?|basic)[ \t]+[a-z0-9._~+/=-]{8}|(?:apikey|ssws|token)[ \t]+[a-z._~+/=-]*[0-9]",
    tuple(Search(scheme, _scheme_pattern(scheme), _scheme) for scheme in SCHEMES),
)
_HEADERS: Final = SearchGroup(
    rf"(?:{'|'.join(HEADERS.values())})\\*[\"']?[ \t]*[:=]",
    tuple(Search(needle, pattern + _OPERATOR, _header) for needle, pattern in HEADERS.items()),
)
HEADERS_AND_URLS: Final = (_KEYS_AND_HASHES, _AUTHORITIES, _PARAMETERS, _WEBHOOKS, _SCHEMES, _HEADERS)
