"""Find secrets in command lines, netrc files, SQL statements and XML by their grammar."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from voltagent.processors.credential_forms import is_credential, is_placeholder
from voltagent.processors.secret_names import Strength
from voltagent.processors.secret_scan import Range, Scan, Search

_CURL_USER: Final = r"[ =]{0,2}[\"']?[^\s:\"'/\0]{1,200}:([^\s\"'\0]{1,500})"
_FLAG: Final = (
    r"-(?<![\w-]-)-?(?P<name>[a-z][\w.-]{1,60})(?:=|[ \t]{1,4})"
    r"(?:\"(?P<double>[^\"\n\0]{1,1000})\"|'(?P<single>[^'\n\0]{1,1000})'|(?P<bare>[^\s\"'`|;&<>\0-][^\s\"'`|;&<>\0]{0,1000}))"
)
_NETRC: Final = (
    r"login\s{1,8}[^\s\0]{1,200}\s{1,8}(?:account\s{1,8}[^\s\0]{1,200}\s{1,8})?password\s{1,8}([^\s\0]{1,500})"
)
# Flags of one letter whose value is a password, and the commands that have them.
_SHORT_FLAGS: Final = (
    ("-p", r"-p(?<=[ \t]-p)[ \t]{0,4}", ("sshpass",)),
    ("-p", r"-p(?<=[ \t]-p)", ("mysql", "mariadb")),
    ("-a", r"-a(?<=[ \t]-a)[ \t]{1,4}", ("redis-cli",)),
)
_SHORT_FLAG_VALUE: Final = r"[\"']?([^\s\"'\0-][^\s\"'\0]{0,500})"
_COMMAND: Final = 200  # characters before a flag in which its command stands
_STATED: Final = r"[ \t]{1,4}(?:is[ \t]{0,4}:?[ \t]{0,4}|was[ \t]{1,4}|to[ \t]{1,4})?"
_QUOTED: Final = _STATED + r"(?P<quote>\\{0,4}[\"'`])(?P<value>[^\"'`\n\\\0]{4,500})(?P=quote)"
_STATED_VALUE: Final = r"[ \t]{1,4}(?:is|was)[ \t]{0,4}:?[ \t]{1,4}(?P<value>[^\s\"'`<>(){}\0]{6,200})"
_ELEMENT: Final = r"<(?:[\w-]{1,20}:)?(?P<name>[a-z][\w.-]{1,60})(?:\s[^<>\0]{0,200})?>(?P<value>[^<>\n\0]{1,2000})</"
_ATTRIBUTE: Final = r"value[ \t]{0,2}=[ \t]{0,2}(?P<quote>\\{0,4}[\"'])(?P<value>[^\"'<>\\\0]{1,1000})(?P=quote)"
_NAME_ATTRIBUTE: Final = re.compile(
    r"(?:key|name|id)[ \t]{0,2}=[ \t]{0,2}\\{0,4}[\"'](?P<name>[\w.:-]{1,60})\\{0,4}[\"']"
)
_TAG: Final = 300  # characters before a value in which the name of its element stands


def _user_and_password(scan: Scan, match: re.Match[str]) -> Range | None:
    password = scan.group(match, 1)
    return None if is_placeholder(password) or (password.isdigit() and len(password) < 6) else match.span(1)


def _value(scan: Scan, match: re.Match[str]) -> Range | None:
    return None if is_placeholder(scan.group(match, 1)) else match.span(1)


def _short_flag(commands: tuple[str, ...], scan: Scan, match: re.Match[str]) -> Range | None:
    before = scan.low[max(0, match.start() - _COMMAND) : match.start()]
    line = before[max(before.rfind("\n"), before.rfind("\0"), before.rfind("|"), before.rfind(";")) + 1 :]
    return _value(scan, match) if any(command in line for command in commands) else None


def is_flag_value(value: str, strength: Strength) -> bool:
    """Whether what follows a flag is a secret: anything but a short word after ``--password``."""
    if is_placeholder(value) or strength is Strength.NONE:
        return False
    is_short_word = len(value) < 5 and value.isalpha() and (value.islower() or value.istitle())
    return (strength is Strength.STRONG and not is_short_word) or is_credential(value)


def _flag(scan: Scan, match: re.Match[str]) -> Range | None:
    strength = scan.names.strength(scan.group(match, "name"))
    if strength is Strength.NONE:
        return None
    which = match.lastgroup or "bare"
    value = scan.group(match, which)
    is_long_flag = match[0][1] == "-" or "=" in match[0]
    is_secret = is_flag_value(value, strength) if is_long_flag else is_credential(value)
    return match.span(which) if is_secret else None


def _quoted(scan: Scan, match: re.Match[str]) -> Range | None:
    value = scan.group(match, "value")
    is_statement = match[0].startswith("identified")
    return match.span("value") if is_credential(value) or (is_statement and not is_placeholder(value)) else None


def _stated(scan: Scan, match: re.Match[str]) -> Range | None:
    """``The password is hunter2``: a digit within a word gives it away, and nothing less."""
    value = scan.group(match, "value").rstrip(".,;:!?")
    start = match.start("value")
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return (start, start + len(value)) if has_both and is_credential(value) else None


def _element(scan: Scan, match: re.Match[str]) -> Range | None:
    value = scan.group(match, "value")
    strength = scan.names.strength(scan.group(match, "name"))
    if strength is Strength.NONE or is_placeholder(value):
        return None
    is_name = value.isalpha() and strength is Strength.WEAK
    is_secret = strength is Strength.STRONG or (is_credential(value) and not is_name)
    return match.span("value") if is_secret else None


def _attribute(scan: Scan, match: re.Match[str]) -> Range | None:
    """The value of ``<add key="Password" value="…">``."""
    before = scan.text[max(0, match.start() - _TAG) : match.start()]
    names = _NAME_ATTRIBUTE.findall(before, max(0, before.rfind("<")))
    value = scan.group(match, "value")
    strength = scan.names.strength(names[-1]) if names else Strength.NONE
    if strength is Strength.NONE or is_placeholder(value):
        return None
    return match.span("value") if strength is Strength.STRONG or is_credential(value) else None


COMMAND_SEARCHES: Final = (
    *(
        Search(flag, f"{flag}(?<![^\\s\\0\"'`(,|\\[]{flag}){_CURL_USER}", _user_and_password)
        for flag in ("-u", "--user", "--proxy-user")
    ),
    Search("-", _FLAG, _flag),
    Search("login", _NETRC, _value),
    *(
        Search(flag, pattern + _SHORT_FLAG_VALUE, partial(_short_flag, commands))
        for flag, pattern, commands in _SHORT_FLAGS
    ),
    *(Search(word, word + _QUOTED, _quoted) for word in ("identified by", "password", "passphrase", "secret")),
    *(Search(word, word + _STATED_VALUE, _stated) for word in ("password", "passphrase", "passcode", "api key")),
    Search("<", _ELEMENT, _element),
    Search("value", _ATTRIBUTE, _attribute),
)
