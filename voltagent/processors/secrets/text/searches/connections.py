"""Find secrets with which a program connects: in netrc files, strings of drivers and arguments of calls."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import credential_value, plain_value
from voltagent.processors.secrets.vocabulary.credential_forms import is_credential, is_placeholder

_USER_BEFORE: Final = 200  # characters before a password in which the user stands
_NETRC: Final = (
    r"login\s{1,8}[^\s\0]{1,200}\s{1,8}(?:account\s{1,8}[^\s\0]{1,200}\s{1,8})?password\s{1,8}([^\s\0]{1,500})"
)
_BASIC_AUTH: Final = (
    r"\w{0,10}(?:\([ \t]{0,4}|[ \t]{1,4})\\{0,4}[\"'][^\"'\n\\\0]{0,200}\\{0,4}[\"'][ \t]{0,4},"
    r"[ \t]{0,4}\\{0,4}[\"']([^\"'\n\\\0]{3,500})"
)
_CURL_OPTION: Final = (
    r"userpwd\\{0,4}[\"']?[ \t]{0,4}[,=:>]{1,2}[ \t]{0,4}\\{0,4}[\"'][^:\"'\n\\\0]{1,200}:([^\"'\n\\\0]{3,500})"
)
# What stands before the host of a database in the strings of drivers.
_GO_HOST: Final = r"@(?:tcp|unix)\("
# What is compared with a literal in tests and checks.
_COMPARED: Final = r"[^()\"'\n\0,]{0,40}(?:password|passwd|secret|token|api_?key)[\w.)\]]{0,20}"
_TWO_ARGUMENTS: Final = r"[ \t]{0,4}[^(,\n\0]{1,120},[ \t]{0,4}[^(,\n\0]{1,60},[ \t]{0,4}"  # an address and a user
_USER: Final = r"[ \t]{0,4}\\{0,4}[\"'][^\"'\n\\\0]{1,100}\\{0,4}[\"'],[ \t]{0,4}"
# The literal that is the key or the password in a call, whatever the names of its arguments are.
CALLS: Final = {
    "jwt.": r"jwt\.(?:sign|verify|encode|decode)\([^\"'\n()\\\0]{1,100},[ \t]{0,4}",
    "signedstring(": r"signedstring\((?:\[\]byte\(|)",
    "crypt(": r"crypt\([ \t]{0,4}",
    "hashpw(": r"hashpw\([ \t]{0,4}",
    "password_hash(": r"password_hash\([ \t]{0,4}",
    "createhmac(": r"createhmac\([ \t]{0,4}\\{0,4}[\"'][\w-]{1,20}\\{0,4}[\"'],[ \t]{0,4}",
    "hmac.new(": r"hmac\.new\([ \t]{0,4}",
    "fernet(": r"fernet\([ \t]{0,4}",
    "login(": r"login\((?:[\w.$]{1,60},[ \t]{0,4}|" + _USER + ")",
    "assert": r"assert\w{0,24}\(" + _COMPARED + r",[ \t]{0,4}",
    "strcmp(": r"strcmp\(" + _COMPARED + r",[ \t]{0,4}",
    "hash_equals(": r"hash_equals\(" + _COMPARED + r",[ \t]{0,4}",
    "compare_digest(": r"compare_digest\(" + _COMPARED + r",[ \t]{0,4}",
    "expect(": r"expect\(" + _COMPARED + r"\.to\w{1,20}\([ \t]{0,4}",
    "networkcredential(": r"networkcredential\([ \t]{0,4}[^(,\n\0]{1,100},[ \t]{0,4}",
    "mysqli": r"mysqli(?:_connect)?\(" + _TWO_ARGUMENTS,
    "imap_open(": r"imap_open\([^()\n\0]{1,120},[ \t]{0,4}\\{0,4}[\"'][^,\"'\n\0]{1,80}\\{0,4}[\"'],[ \t]{0,4}",
    "new pdo(": r"new pdo\(" + _TWO_ARGUMENTS,
    ".getconnection(": r"\.getconnection\(" + _TWO_ARGUMENTS,
    "pdo->__construct(": r"pdo->__construct\(" + _TWO_ARGUMENTS,
    "wifi.begin(": r"wifi\.begin\([ \t]{0,4}[^(,\n\0]{1,80},[ \t]{0,4}",
    "passwordauthentication(": r"passwordauthentication\([ \t]{0,4}[^(,\n\0]{1,100},[ \t]{0,4}",
    "passwordcredential": r"passwordcredentials?\([ \t]{0,4}[^(,\n\0]{1,100},[ \t]{0,4}",
    "userpassword(": r"userpassword\(" + _USER,
    "db.auth(": r"db\.auth\(" + _USER,
}
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
    written = _NO_USER.split(before)[-1]
    found = _GO_USER.search(written) if ":" in written else None
    return None if found is None or is_placeholder(found[1]) else (match.start() - len(found[1]), match.start())


def _easy_connect(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password of ``user/password@//host:1521/service``."""
    found = _EASY_USER.search(scan.text, max(0, match.start() - _USER_BEFORE), match.start())
    return None if found is None or is_placeholder(found[1]) else found.span(1)


def _netrc(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return a password behind a login: a word only on a line of a netrc file, as it may be a sentence."""
    before = scan.low[max(0, match.start() - _USER_BEFORE) : match.start()]
    is_file = "machine" in before or "default" in before
    return plain_value(scan, match) if is_file or is_credential(scan.group(match, 1)) else None


_LOGINS: Final = SearchGroup(
    r"login\s+[^\s\x00]+\s|basic_?auth|userpwd|@(?:tcp|unix)\(|@//|thin:|sqlplus[ \t]|net user?[ \t]|wifi:",
    (
        Search("login", _NETRC, _netrc),
        Search("basicauth", "basicauth" + _BASIC_AUTH, plain_value),
        Search("basic_auth", "basic_auth" + _BASIC_AUTH, plain_value),
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
_IN_CALLS: Final = SearchGroup(
    "|".join(map(re.escape, (*CALLS, "auth plain"))),
    (
        *(Search(needle, pattern + _CALL_VALUE, credential_value) for needle, pattern in CALLS.items()),
        Search("auth plain", _AUTH_PLAIN, credential_value),
    ),
)
CONNECTIONS: Final = (_LOGINS, _IN_CALLS)
