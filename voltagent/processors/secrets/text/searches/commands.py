"""Find secrets in command lines: the values of flags, users, cookies, and what is written to a command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from voltagent.processors.secrets.text.engine import fast_check
from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import line_before
from voltagent.processors.secrets.vocabulary.credential_forms import (
    is_credential,
    is_example_login,
    is_mixture,
    is_ordinary,
    is_placeholder,
    is_weak_secret,
)
from voltagent.processors.secrets.vocabulary.joined_words import end_of_password
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import HINTED

_SHORT_TOKEN: Final = 8  # characters of words and numbers that are joined
_KEYTOOL: Final = ("storepass", "keypass")  # flags of Java's tools, with one dash
_KEY_FILE: Final = re.compile(r"\.(?:asc|cer|crt|der|gpg|json|key|p12|pem|pfx|pub|ppk)\Z")
# Attached to its value, the flag stands by itself: `x[-num:]` is a part of a list.
_USER_FLAG: Final = (
    r"-(?<![^\s\0\"'`(,|\[]-)(?:[a-z]{0,3}u(?=[ =\"'])|u(?<=[\s\0\"'`]-u)|(?P<joined>[fgiklsv]{1,4}u)"
    r"|-user(?=[ =\"'])|-proxy-user(?=[ =\"']))"
)
_CURL_USER: Final = (
    r"[ =]{0,2}(?P<quote>[\"'])?(?!\+%)(?P<user>[^\s:\"'/\0]{1,200})"
    r":(?P<password>(?(quote)[^\n\"'\0]{1,500}|[^\s\"'\0]{1,500}))"
)
_FLAG: Final = (
    r"-(?<![\w-]-)-?(?P<name>[a-z][\w.-]{1,60})"
    r"(?:=|[ \t]{1,4}(?:<<<[ \t]{0,4})?|[\"']?\r?\n[ \t]{0,16}- |[\"'],\s{0,16}(?=[\"']))"
    r"(?:\\{0,4}(?:\"(?P<double>[^\"\n\0]{1,1000})\"|'(?P<single>[^'\n\0]{1,1000})')"
    r"|(?P<bare>[^\s\"'`|;&<>\\\x1b\0-][^\s\"'`|;&<>\x1b\0]{0,1000}))"
)
_WITH_P: Final = (
    " login ;mongo;sqlcmd;bcp ;zip ;cqlsh;twine;useradd;ipmitool;psexec;rdesktop;hydra ;certutil;rabbitmqadmin"
)
_WITH_W: Final = "ldapsearch;ldapmodify;ldapadd;ldapwhoami;-generic-password;-internet-password"
_SNMP: Final = ("snmpget", "snmpset", "snmpwalk", "snmpbulkwalk", "snmptrap")
_WITH_CERTIFICATE: Final = ("curl",)  # before the password of its key
_AND_USER: Final = r"(?P<quote>[\"'])?[^\s:%,\"'\0]{1,100}"
_BLANKS: Final = r"[ \t]{1,4}"
_WORD: Final = r"[^\s\0]{1,200}[ \t]{1,4}"
# Flags that take a password, what stands between, and their commands. Flags in capitals mean something else if they are
# small.
COMMAND_FLAGS: Final = (
    ("-p", r"[ \t]{0,4}", ("sshpass",)),
    ("-p", "", ("mysql", "mariadb", "7z ", "rar ")),
    ("-p", _BLANKS, tuple(_WITH_P.split(";"))),
    ("/pass:", "", ("cmdkey",)),
    ("-P", _BLANKS, ("mosquitto_pub", "mosquitto_sub", "ssh-keygen")),
    ("-hp", "", ("rar ",)),
    ("--body", r"[ \t=]{1,4}", ("gh secret",)),
    ("-b", _BLANKS, ("gh secret", "oathtool")),
    ("-b", r"[a-z0-9]{0,3}[ \t]{1,4}" + _WORD * 2, ("htpasswd",)),
    ("-nb", r"[a-z0-9]{0,3}[ \t]{1,4}" + _WORD, ("htpasswd",)),
    ("--value", r"[ \t=]{1,4}", ("keyvault secret",)),
    ("-u", r"[ \t]{0,4}" + _AND_USER + "%", ("smbclient",)),
    ("-u", r"[ \t]{0,4}" + _AND_USER + ",", ("lftp",)),
    ("-a", _BLANKS, ("redis-cli",)),
    ("-a", _BLANKS + _AND_USER + ":", ("http ", "https ")),
    ("-E", _BLANKS + _AND_USER + ":", _WITH_CERTIFICATE),
    ("--cert", r"[ \t=]{1,4}" + _AND_USER + ":", _WITH_CERTIFICATE),
    ("pass", r"[ \t=]{1,4}", ("rclone config",)),
    ("pass:", "", ("openssl",)),
    ("-k", _BLANKS, ("openssl enc", "openssl aes", "openssl des", "nuget push")),
    ("-N", _BLANKS, ("ssh-keygen",)),  # `-n` are names
    *((flag, _BLANKS, _SNMP) for flag in ("-A", "-X", "-c")),
    ("-w", _BLANKS, tuple(_WITH_W.split(";"))),
    ("/rp", _BLANKS, ("schtasks",)),
    ("/p:", "", ("freerdp",)),
)
# The same in a list of arguments, where a user and a password are divided by themselves.
_FLAGS_IN_LISTS: Final = [
    (command, flag) for flag, _, commands in COMMAND_FLAGS if commands is not _WITH_CERTIFICATE for command in commands
]
_IN_LISTS: Final = "|".join([re.escape(command) for command, _ in _FLAGS_IN_LISTS])
_MAYBE_QUOTE: Final = r"(?P<quote>[\"'])?"
_COMMAND_FLAG_VALUE: Final = r"(?P<value>(?(quote)[^\n\"'\0]{1,500}|[^\s\"'\0-][^\s\"'\0]{0,500}))"
_HERE_STRING: Final = r"<<<[ \t]{0,4}(?P<quote>[\"'])?(?P<value>[^\"'$`\s\0]{6,500})(?(quote)(?P=quote)|)"
_MOST_WORDS: Final = 8  # before what is written to a command
_READS_PASSWORD: Final = re.compile(r"\bsudo -\w{0,4}S|\bcryptsetup |\bkinit |-stdin\b|\bpasswd ")
_DIGIT: Final = re.compile(r"\d")
_NAMED_ELSEWHERE: Final = re.compile(r"(?:id|type|source|src|env|target)=")
_COMMAND: Final = 200  # characters before a flag in which its command stands
_COOKIES: Final = r"(?:-b(?<=[ \t]-b)|--cookie)[ \t=]{1,4}\\{0,4}[\"']?([\w.-]{1,60}=[^\s\"'\0][^\"'\n\0]{2,4000})"
# What a shell writes to a command that reads a password: `echo … | docker login --password-stdin`.
_ECHOED: Final = (
    r"echo[ \t]{1,4}(?:-[ne]{1,2}[ \t]{1,4})?(?P<quote>[\"'])?(?P<value>[^\"'$`|\s\0]{4,200})(?(quote)(?P=quote)|)"
    r"[ \t]{0,4}\|[^\n|\0]{0,100}(?:--password-stdin|--with-token|sudo -s|chpasswd|--passphrase-fd|passwd[ \t])"
)


def _user_and_password(scan: Scan, match: re.Match[str]) -> Range | None:
    if match["joined"] and "curl" not in line_before(scan, match):  # `-sualice:…`
        return None
    password = scan.group(match, "password")
    is_other = is_placeholder(password) or is_example_login(match["user"], password)
    return None if is_other or (password.isdigit() and len(password) < 6) else match.span("password")


def _command_flag(flags: Sequence[tuple[str, Sequence[str]]], scan: Scan, match: re.Match[str]) -> Range | None:
    """Return what follows one of some flags that are written alike, in the line of one of its commands."""
    before = scan.low[max(0, match.start() - _COMMAND) : match.start()]
    line = before[max(map(before.rfind, "\n\0|;")) + 1 :]
    sign = scan.text[match.start() + 1]
    is_of_command = any(
        any(map(line.__contains__, commands)) for flag, commands in flags if not flag[1].isupper() or flag[1] == sign
    )
    value = scan.group(match, "value")
    is_name = value.isupper() and value.isalpha()  # `-pPASSWORD` of a manual
    return match.span("value") if is_of_command and not is_name and not is_placeholder(value) else None


def is_flag_value(flag: str, value: str, strength: Strength) -> bool:
    """Return whether what follows a flag is a secret: anything but a short word or the name of a value (``TEXT``)."""
    name = value.strip("[]()*.,:")  # `[--password PASSWORD]`
    if strength is Strength.NONE or is_placeholder(value) or (name.isupper() and name.isalpha()):
        return False
    if flag.lstrip("-").startswith("no-"):
        return False  # `--no-password` takes no value
    if flag.endswith("key") and _KEY_FILE.search(value) is not None:
        return False
    if value[-1:] in (".", ",") and value[:-1].isalpha() and value.islower():
        return False  # the end of a sentence
    if flag.strip("-").lower() == "secret" and (_NAMED_ELSEWHERE.match(value) is not None or _is_name(value)):
        return False  # the name of one: `gcloud … --secret=db-password`, `docker build --secret id=npm`
    is_short_word = len(value) < 5 and value.isalpha() and (value.islower() or value.istitle())
    is_joined = len(value) >= _SHORT_TOKEN and flag.lower().endswith("token") and is_mixture(value)
    return (strength is Strength.STRONG and not is_short_word) or is_joined or is_weak_secret(flag, value)


def _is_name(value: str) -> bool:
    return is_ordinary(value) and value.islower() and _DIGIT.search(value) is None


def password_flags(command: str) -> frozenset[str]:
    """Return the flags of a command that take a password, in a list of arguments."""
    name = command.lower() + " "
    if fast_check(_IN_LISTS)(name) is None:
        return frozenset()
    return frozenset([flag for one, flag in _FLAGS_IN_LISTS if one in name])


def attached_password(command: str, argument: str) -> bool:
    """Return whether an argument is ``-pPASSWORD``."""
    is_attached = argument[:2] == "-p" and len(argument) > 2
    return is_attached and command.rpartition("/")[2].lower().startswith(("mysql", "mariadb"))


def _flag(scan: Scan, match: re.Match[str]) -> Range | None:
    strength = scan.names.strength(scan.group(match, "name"))
    if strength is Strength.NONE:
        return None
    which = match.lastgroup or "bare"
    value, start = scan.group(match, which).rstrip("\\"), match.start(which)  # of the quote behind it
    is_listed = scan.text[match.end("name")] in "\"'" and match["bare"] is None  # `["--password", "…"]`
    is_long_flag = (match[0][1] == "-" and not is_listed) or "=" in match[0] or match["name"].endswith(_KEYTOOL)
    if is_long_flag:
        return (start, start + len(value)) if is_flag_value(match["name"], value, strength) else None
    if strength is Strength.STRONG:
        return start, start + end_of_password(value)
    return (start, start + len(value)) if is_credential(value) else None


def _cookies(scan: Scan, match: re.Match[str]) -> Range | None:
    before = scan.low[max(0, match.start() - _COMMAND) : match.start()]
    return match.span(1) if "curl" in before or "http" in before else None


def _here_string(scan: Scan, match: re.Match[str]) -> Range | None:
    """``vercel env add API_KEY production <<< …``, where the command names a secret."""
    before = line_before(scan, match)
    is_about_secret = _READS_PASSWORD.search(before) is not None or any(
        scan.names.strength(word) for word in before.split()[-_MOST_WORDS:] if word.isascii()
    )
    return match.span("value") if is_about_secret and is_credential(scan.group(match, "value")) else None


def _echoed(scan: Scan, match: re.Match[str]) -> Range | None:
    start, stop = match.span("value")
    user = scan.text.find(":", start, stop) + 1 if "chpasswd" in match[0] else 0  # `user:password`
    return (user or start, stop)


_FLAGS: Final = SearchGroup(
    rf"-[a-z0-9_.-]*(?:{HINTED})[a-z0-9_.-]*(?:[= \t]|[\"']?\r?\n[ \t]*- |[\"'],\s*[\"'])",
    (Search("-", _FLAG, _flag),),
    takes_own_names=True,
)
_ARGUMENTS: Final = SearchGroup(
    r"-(?:[a-z]*u|-user|-proxy-user)[ =]*[\"']?[^\s:\"'/\x00]+:|-(?:b|-cookie)[ \t=]+[\"']?[a-z0-9_.-]+=|echo[ \t]|<<<",
    (
        Search("-", _USER_FLAG + _CURL_USER, _user_and_password),
        Search("-", _COOKIES, _cookies),
        Search("echo", _ECHOED, _echoed),
        Search("<<<", _HERE_STRING, _here_string),
    ),
)


def _flag_searches() -> Iterator[Search]:
    """Yield a search for each pattern of flags: some commands have the same one, or one in capitals."""
    found: dict[tuple[str, str], list[tuple[str, Sequence[str]]]] = {}
    for flag, between, commands in COMMAND_FLAGS:
        found.setdefault((flag.lower(), between), []).append((flag, commands))
    for (flag, between), flags in found.items():
        value = _COMMAND_FLAG_VALUE if "<quote>" in between else _MAYBE_QUOTE + _COMMAND_FLAG_VALUE
        yield Search(flag, rf"{flag}(?<=[ \t\"']{flag}){between}{value}", partial(_command_flag, flags))


_COMMAND_FLAGS: Final = SearchGroup(
    "|".join(dict.fromkeys(re.escape(command) for _, _, commands in COMMAND_FLAGS for command in commands)),
    tuple(_flag_searches()),
)
COMMANDS: Final = (_FLAGS, _ARGUMENTS, _COMMAND_FLAGS)
