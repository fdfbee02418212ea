"""Find secrets with which a program connects: in netrc files, strings of drivers and arguments of calls."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import credential_value, plain_value
from voltagent.processors.secrets.vocabulary.credential_forms import is_credential, is_placeholder
from voltagent.processors.secrets.vocabulary.joined_words import end_of_password, is_free_word

_USER_BEFORE: Final = 200  # characters before a password in which the user stands
_NETRC: Final = (
    r"login\s{1,8}[^\s\0]{1,200}\s{1,8}(?:account\s{1,8}[^\s\0]{1,200}\s{1,8})?password\s{1,8}([^\s\0]{1,500})"
)
_BEFORE_LOGIN: Final = re.compile(r"(?:\bmachine\s{1,8}[^\s,]{1,200}|\bdefault)\s{1,8}\Z")
_BASIC_AUTH: Final = (
    r"\w{0,10}(?:\([ \t]{0,4}|[ \t]{1,4})\\{0,4}[\"'][^\"'\n\\\0]{0,200}\\{0,4}[\"'][ \t]{0,4},"
    r"[ \t]{0,4}(?:some\()?\\{0,4}[\"']([^\"'\n\\\0]{3,500})"
)
_CURL_OPTION: Final = (
    r"userpwd\\{0,4}[\"']?[ \t]{0,4}[,=:>]{1,2}[ \t]{0,4}\\{0,4}[\"'][^:\"'\n\\\0]{1,200}:([^\"'\n\\\0]{3,500})"
)
# What stands before the host of a database in the strings of drivers.
_GO_HOST: Final = r"@(?:tcp|unix)\("
# What is compared with a literal in tests and checks.
_OF_TEST: Final = r"{}\([^()\"'\n\0,]{{0,40}}(?:password|passwd|secret|token|api_?key)[\w.()\]]{{0,20}}"
_EXPECTED: Final = _OF_TEST.format("expect")
# The literal that is the key or the password in a call, whatever the names of its arguments are.
CALLS: Final = {
    "jwt.": r"jwt\.(?:sign|verify|encode|decode)\((?:[^\"'\n()\\\0]{1,100}|\{[^{}\n\0]{0,200}\}),[ \t]{0,4}",
    "signedstring(": r"signedstring\((?:\[\]byte\(|)",
    "crypt(": r"crypt\([ \t]{0,4}",
    "bcrypt.": r"bcrypt\.(?:compare|hash(?:pw)?|checkpw|generatefrompassword)(?:sync)?\((?:\[\]byte\(|)",
    "hash::make(": r"hash::make\(",
    "secretstring::new(": r"secretstring::new\(",
    "signwith(": r"signwith\((?:[\w.]{1,60},[ \t]{0,4}|)",
    "createhmac(": r"createhmac\([ \t]{0,4}\\{0,4}[\"'][\w-]{1,20}\\{0,4}[\"'],[ \t]{0,4}",
    "hmac.new(": r"hmac\.new\([ \t]{0,4}",
    "fernet(": r"fernet\([ \t]{0,4}",
    "expect(": _EXPECTED + r"\.to(?:\w{1,20}\(|[ \t]eql?[ \t(])[ \t]{0,4}",
    "assertthat(": _OF_TEST.format("assertthat") + r"\.isequalto\([ \t]{0,4}",
    "constanttimecompare(": r"constanttimecompare\((?:\[\]byte\(|)[\w.()]{1,80},[ \t]{0,4}(?:\[\]byte\(|)",
    "hash_equals(": r"hash_equals\((?:\$[\w>\[\]\"'-]{1,80},[ \t]{0,4}|)",
    "timingsafeequal(": r"timingsafeequal\((?:buffer\.from\([\w.]{1,80}\),[ \t]{0,4}|)buffer\.from\(",
    "secure_compare(": r"secure_compare\((?:[\w.@:\[\]]{1,80},[ \t]{0,4}|)",
    "keystore.load(": r"keystore\.load\([^\"'\n\0]{1,100},[ \t]{0,4}",
    "passwordprotection(": r"passwordprotection\(",
    "authenticate(": r"authenticate\((?:(?<=user\.authenticate\()|(?<=account\.authenticate\())",
    "pgp_sym_": r"pgp_sym_(?:en|de)crypt\([^(,\n\0]{1,100},[ \t]{0,4}",
    "sp_addlogin": r"sp_addlogin[ \t]{1,4}n?'[^'\n\0]{1,100}',[ \t]{0,4}n?",
    "wallet(": r"wallet\([ \t]{0,4}",
}
# What takes a user and then a password, and what takes an address before them, by how their names end.
_WITH_USER: Final = (
    *("auth(", "authenticate(", "authentication(", "login(", "signin(", "sign_in(", "log_in("),
    *("credential(", "credentials(", "password(", "passwordtoken(", "wifi.begin(", "twilio("),
)
_CONNECTORS: Final = ("connect(", "connection(", "mysqli(", "pdo(", "__construct(", "imap_open(", "create_user(")
_ARGUMENT: Final = re.compile(
    # What follows a literal, if no comma does, is of no matter: `.toCharArray()`, `+ salt`, where a text was cut.
    r"\s{0,40}(?:[bru]{0,2}\\{0,4}[\"'](?P<value>[^\"'\n\\\0]{0,500})(?:\\{0,4}[\"']\s{0,8},?|(?=[\n\0]|\Z))"
    r"|[^\s\"'(),\0][^\"'(),\n\0]{0,120}(?:\([^()\n\0]{0,80}\))?\s{0,8},)"
)
_MOST_ARGUMENTS: Final = 6
# A call that connects to a database, whose third argument is a password, whatever it looks like.
_OF_DATABASE: Final = re.compile(r"pdo\(|mysqli\(|connect(?:ion)?\([\"'](?:jdbc:|dbi:)")
_LONGEST_NO_WORD: Final = 3  # characters
_CALL_VALUE: Final = r"[bru]{0,2}\\{0,4}[\"']([^\"'\n\\\0]{4,500})"
_AUTH_PLAIN: Final = r"auth plain[ \t]{1,4}([a-z0-9+/=]{8,2048})"
_NO_USER: Final = re.compile(r"[\s\"'`/\\]")
_GO_USER: Final = re.compile(r"[\w.-]{1,60}:(.{1,200})\Z", re.DOTALL)
_THIN: Final = r"thin:[^\s/\"'@\0]{1,60}/([^\s\"'@\0]{1,200})@"
_EASY_CONNECT: Final = r"@//(?=[\w.-]{1,100}[:/])"
_EASY_USER: Final = re.compile(r"(?:\A|[\s\"'`=(\0])[\w.$-]{1,60}/([^\s/@\"'\0]{3,100})\Z")
_SQLPLUS: Final = r"sqlplus[ \t]{1,4}(?:-[a-z]{1,2}[ \t]{1,4}|)[\"']?[\w.$-]{1,60}/([^\s@\"'\0]{3,100})@"
_NET_USER: Final = r"net user[ \t]{1,4}[^\s/\0]{1,60}[ \t]{1,4}([^\s/*\0][^\s\0]{3,100})"
_NET_USE: Final = r"net use [^\n\\\0]{0,8}\\{2,4}[^\s\0]{1,100}[ \t]{1,4}([^\s/*\0][^\s\0]{3,100})[ \t]{1,4}/user"
_NET_USE_USER: Final = (
    r"net use [^\n\\\0]{0,8}\\{2,4}[^\s\0]{1,100}[ \t]{1,4}/user:[^\s\0]{1,80}[ \t]{1,4}"
    r"[\"']?([^\s/*\"'\0][^\s\"'\0]{3,100})"
)
_WIFI: Final = (
    r"wifi:(?:[a-oq-z]:[^;\n\0]{0,64};){0,4}p:([^;\n\0]{4,100});"  # what the code of a network has, for cameras
)


def _driver_password(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password of ``user:password@tcp(host)/db``."""
    before = scan.text[max(0, match.start() - _USER_BEFORE) : match.start()]
    colon = before.rfind(":")
    if colon < 0 or _NO_USER.search(before, colon) is not None:
        return None
    found = _GO_USER.search(_NO_USER.split(before)[-1])
    return None if found is None or is_placeholder(found[1]) else (match.start() - len(found[1]), match.start())


def _easy_connect(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password of ``user/password@//host:1521/service``."""
    found = _EASY_USER.search(scan.text, max(0, match.start() - _USER_BEFORE), match.start())
    return None if found is None or is_placeholder(found[1]) else found.span(1)


def _logged_in(others: int, scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the literal in a call that looks like a password, behind that many other arguments."""
    position = match.end()
    is_database = others > 1 and _OF_DATABASE.match(scan.low, match.start(), position + len('"jdbc:')) is not None
    for number in range(_MOST_ARGUMENTS):
        scan.units -= 4
        one = _ARGUMENT.match(scan.text, position)
        if one is None:
            return None
        end = end_of_password(one["value"]) if number >= others and one["value"] else 0
        if is_database and number == others and one["value"] and not end:
            end = len(one["value"]) if _is_word(one["value"]) else 0
        if end:
            return one.start("value"), one.start("value") + end
        if one[0][-1:] != ",":
            return None
        position = one.end()
    return None


def _is_word(value: str) -> bool:
    return len(value) > _LONGEST_NO_WORD and value.isalpha() and value.islower() and is_free_word(value)


def _signing_key(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the key in a call of JWT: a literal there is one, whatever it looks like, if it does not stand for one."""
    value = scan.group(match, 1)
    return match.span(1) if _is_word(value) and len(value) > len("token") else credential_value(scan, match)


def _netrc(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return a password behind a login: a word only on a line of a netrc file, as it may be a sentence."""
    before = scan.low[max(0, match.start() - _USER_BEFORE) : match.start()]
    is_file = _BEFORE_LOGIN.search(before) is not None
    return plain_value(scan, match) if is_file or is_credential(scan.group(match, 1)) else None


_LOGINS: Final = SearchGroup(
    r"login\s+[^\s\x00]+\s|basic_?auth|userpwd|@(?:tcp|unix)\(|@//|thin:|sqlplus[ \t]|net user?[ \t]|wifi:",
    (
        Search("login", _NETRC, _netrc),
        *(Search(word, word + _BASIC_AUTH, plain_value) for word in ("basicauth", "basic_auth")),
        Search("userpwd", _CURL_OPTION, plain_value),
        Search("@", _GO_HOST, _driver_password),
        Search("thin:", _THIN, plain_value),
        Search("@//", _EASY_CONNECT, _easy_connect),
        Search("sqlplus", _SQLPLUS, plain_value),
        Search("net user", _NET_USER, credential_value),
        Search("net use ", _NET_USE, plain_value),
        Search("net use ", _NET_USE_USER, plain_value),
        Search("wifi:", _WIFI, plain_value),
    ),
)
_NAMES: Final = "|".join(map(re.escape, (*CALLS, "auth plain")))
_OF_LOGINS: Final = "|".join(map(re.escape, (*_WITH_USER, *_CONNECTORS)))
_IN_CALLS: Final = SearchGroup(
    rf"{_NAMES}|(?:{_OF_LOGINS})[^()\x00]*,\s*[bru]*\\*[\"']",
    (
        *(Search(call, re.escape(call), partial(_logged_in, 1)) for call in _WITH_USER),
        *(Search(call, re.escape(call), partial(_logged_in, 2)) for call in _CONNECTORS),
        *(
            Search(needle, pattern + _CALL_VALUE, _signing_key if needle == "jwt." else credential_value)
            for needle, pattern in CALLS.items()
        ),
        Search("auth plain", _AUTH_PLAIN, credential_value),
    ),
)
CONNECTIONS: Final = (_LOGINS, _IN_CALLS)
