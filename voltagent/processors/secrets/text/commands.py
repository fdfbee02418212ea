"""Find secrets in command lines, netrc files and the connection strings of drivers by their grammar."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Final

from voltagent.processors.secrets.text.examinations import credential_value, plain_value
from voltagent.processors.secrets.text.prefilter import fast_check
from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.vocabulary.credential_forms import (
    is_credential,
    is_mixture,
    is_ordinary,
    is_placeholder,
    is_weak_secret,
)
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form, is_joined_words
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import HINTED, HINTS

_KEY_FILE: Final = re.compile(r"\.(?:asc|cer|crt|der|gpg|json|key|p12|pem|pfx|pub|ppk)\Z")
_USER_FLAG: Final = r"-(?<![^\s\0\"'`(,|\[]-)(?:[a-z]{0,3}u|-user|-proxy-user)"
_CURL_USER: Final = (
    r"[ =]{0,2}(?P<quote>[\"'])?[^\s:\"'/\0]{1,200}:(?P<password>(?(quote)[^\n\"'\0]{1,500}|[^\s\"'\0]{1,500}))"
)
_FLAG: Final = (
    r"-(?<![\w-]-)-?(?P<name>[a-z][\w.-]{1,60})(?:=|[ \t]{1,4}(?:<<<[ \t]{0,4})?|[\"']?\r?\n[ \t]{0,16}- )"
    r"(?:\"(?P<double>[^\"\n\0]{1,1000})\"|'(?P<single>[^'\n\0]{1,1000})'|(?P<bare>[^\s\"'`|;&<>\0-][^\s\"'`|;&<>\0]{0,1000}))"
)
_NETRC: Final = (
    r"login\s{1,8}[^\s\0]{1,200}\s{1,8}(?:account\s{1,8}[^\s\0]{1,200}\s{1,8})?password\s{1,8}([^\s\0]{1,500})"
)
SNMP: Final = ("snmpget", "snmpset", "snmpwalk", "snmpbulkwalk", "snmptrap")
# Flags of certain commands that take a password, and these commands. Flags in capitals mean something else if they are
# small.
COMMAND_FLAGS: Final = (
    ("-p", r"-p(?<=[ \t]-p)[ \t]{0,4}", ("sshpass",)),
    ("-p", r"-p(?<=[ \t]-p)[ \t]{1,4}", ("psexec", "winexe")),
    ("-b", r"-b(?<=[ \t]-b)[ \t]{1,4}", ("gh secret",)),
    ("--body", r"--body(?<=[ \t]--body)[ \t=]{1,4}", ("gh secret",)),
    ("--value", r"--value(?<=[ \t]--value)[ \t=]{1,4}", ("keyvault secret",)),
    ("/pass:", r"/pass:(?<=[ \t]/pass:)", ("cmdkey",)),
    ("-p", r"-p(?<=[ \t\"']-p)", ("mysql", "mariadb", "7z ")),
    (
        "-p",
        r"-p(?<=[ \t]-p)[ \t]{1,4}",
        (
            " login ",
            "mongo",
            "sqlcmd",
            "bcp ",
            "unzip",
            "zip ",
            "cqlsh",
            "twine",
            "useradd",
            "usermod",
            "ipmitool",
        ),
    ),
    ("-u", r"-u(?<=[ \t]-u)[ \t]{0,4}[\"']?[^\s%:\"'\0]{1,100}%", ("smbclient", "rpcclient", "smbget")),
    ("-u", r"-u(?<=[ \t]-u)[ \t]{0,4}[\"']?[^\s,\"'\0]{1,100},", ("lftp",)),
    ("-a", r"-a(?<=[ \t]-a)[ \t]{1,4}", ("redis-cli",)),
    ("-a", r"-a(?<=[ \t]-a)[ \t]{1,4}[\"']?[^\s:\"'\0]{1,100}:", ("http ", "https ", "xh ")),
    ("pass:", r"pass:(?<=[ \t]pass:)", ("openssl",)),
    ("-N", r"-n(?<=[ \t]-n)[ \t]{1,4}", ("ssh-keygen",)),  # `-n` are names
    ("-P", r"-p(?<=[ \t]-p)[ \t]{1,4}", ("mosquitto_pub", "mosquitto_sub")),
    ("-A", r"-a(?<=[ \t]-a)[ \t]{1,4}", SNMP),
    ("-X", r"-x(?<=[ \t]-x)[ \t]{1,4}", SNMP),
    ("-c", r"-c(?<=[ \t]-c)[ \t]{1,4}", SNMP),
    ("-w", r"-w(?<=[ \t]-w)[ \t]{1,4}", ("ldapsearch", "ldapmodify", "ldapadd", "ldapwhoami")),
    ("-k", r"-k(?<=[ \t]-k)[ \t]{1,4}", ("openssl enc", "openssl aes", "openssl des")),
    ("-b", r"-b(?<=[ \t]-b)c?[ \t]{1,4}[^\s\0]{1,200}[ \t]{1,4}[^\s\0]{1,100}[ \t]{1,4}", ("htpasswd",)),
)
_COMMAND_FLAG_VALUE: Final = r"[\"']?([^\s\"'\0-][^\s\"'\0]{0,500})"
_DIGIT: Final = re.compile(r"\d")
_COMMAND: Final = 200  # characters before a flag in which its command stands
# A variable and its value without an operator: in Dockerfiles, shells and tools for settings.
_SET_NAME: Final = r"(?://[^\s:\0]{1,100}:)?(?P<name>[\w.-]{2,80})"
SETTERS: Final = {
    "env": r"env[ \t]{1,4}(?<![\w.-]env[ \t])" + _SET_NAME,
    "define": r"define[ \t]{1,4}(?<=#define[ \t])" + _SET_NAME,
    "requirepass": "(?P<name>requirepass)",
    "masterauth": "(?P<name>masterauth)",
    "bindpw": "(?P<name>bindpw)",
    "rootpw": "(?P<name>rootpw)",
    "(setq": r"\(setq[ \t]{1,4}" + _SET_NAME,
    "(def": r"\(def[a-z]{0,10}[ \t]{1,4}\*?" + _SET_NAME + r"\*?",
    "_pass": "(?P<name>_pass)",
    "secret.key": r"(?P<name>secret\.key)",
    "setx": r"setx[ \t]{1,4}" + _SET_NAME,
    "setenv": r"setenv[ \t]{1,4}" + _SET_NAME,
    "set -": r"set -[a-z]{1,3}[ \t]{1,4}" + _SET_NAME,
    "set_header": r"set_header[ \t]{1,4}" + _SET_NAME,
    "requestheader": r"requestheader[ \t]{1,4}(?:set|add)[ \t]{1,4}[\"']?(?P<name>[\w.-]{2,80})[\"']?",
    "config": r"config(?:ure)?[ \t]{1,4}(?:--[a-z]{1,12}[ \t]{1,4}){0,2}(?:set[ \t]{1,4})?" + _SET_NAME,
}
_SET_VALUE: Final = (
    r"[ \t]{1,4}(?:(?P<quote>[\"'])(?P<quoted>[^\"'\n\0]{1,1000})(?P=quote)"
    r"|(?P<bare>[^\s\"'=;|&\0-][^\s\"';|&\0]{3,1000}))"
)
_BASIC_AUTH: Final = (
    r"\w{0,10}(?:\([ \t]{0,4}|[ \t]{1,4})\\{0,4}[\"'][^\"'\n\\\0]{0,200}\\{0,4}[\"'][ \t]{0,4},"
    r"[ \t]{0,4}\\{0,4}[\"']([^\"'\n\\\0]{3,500})"
)
_CURL_OPTION: Final = (
    r"userpwd\\{0,4}[\"']?[ \t]{0,4}[,=:>]{1,2}[ \t]{0,4}\\{0,4}[\"'][^:\"'\n\\\0]{1,200}:([^\"'\n\\\0]{3,500})"
)
_COOKIES: Final = r"(?:-b(?<=[ \t]-b)|--cookie)[ \t=]{1,4}[\"']?([\w.-]{1,60}=[^\s\"'\0][^\"'\n\0]{2,4000})"
# What stands before the host of a database in the strings of drivers.
_GO_HOST: Final = r"@(?:tcp|unix)\("
# What is compared with a literal in tests and checks.
_COMPARED: Final = r"[^()\"'\n\0,]{0,40}(?:password|passwd|secret|token|api_?key)[\w.)\]]{0,20}"
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
    "login(": r"login\([ \t]{0,4}\\{0,4}[\"'][^\"'\n\\\0]{1,100}\\{0,4}[\"'],[ \t]{0,4}",
    "assert": r"assert\w{0,24}\(" + _COMPARED + r",[ \t]{0,4}",
    "strcmp(": r"strcmp\(" + _COMPARED + r",[ \t]{0,4}",
    "hash_equals(": r"hash_equals\(" + _COMPARED + r",[ \t]{0,4}",
    "compare_digest(": r"compare_digest\(" + _COMPARED + r",[ \t]{0,4}",
    "expect(": r"expect\(" + _COMPARED + r"\.to\w{1,20}\([ \t]{0,4}",
    "networkcredential(": r"networkcredential\([ \t]{0,4}[^(,\n\0]{1,100},[ \t]{0,4}",
    "mysqli": r"mysqli(?:_connect)?\([ \t]{0,4}[^(,\n\0]{1,120},[ \t]{0,4}[^(,\n\0]{1,60},[ \t]{0,4}",
    "imap_open(": r"imap_open\([^()\n\0]{1,120},[ \t]{0,4}\\{0,4}[\"'][^,\"'\n\0]{1,80}\\{0,4}[\"'],[ \t]{0,4}",
    "new pdo(": r"new pdo\([ \t]{0,4}[^(,\n\0]{1,120},[ \t]{0,4}[^(,\n\0]{1,60},[ \t]{0,4}",
    ".getconnection(": r"\.getconnection\([ \t]{0,4}[^(,\n\0]{1,120},[ \t]{0,4}[^(,\n\0]{1,60},[ \t]{0,4}",
    "pdo->__construct(": r"pdo->__construct\([ \t]{0,4}[^(,\n\0]{1,120},[ \t]{0,4}[^(,\n\0]{1,60},[ \t]{0,4}",
    "userpassword(": r"userpassword\([ \t]{0,4}\\{0,4}[\"'][^\"'\n\\\0]{1,100}\\{0,4}[\"'],[ \t]{0,4}",
    "db.auth(": r"db\.auth\([ \t]{0,4}\\{0,4}[\"'][^\"'\n\\\0]{1,100}\\{0,4}[\"'],[ \t]{0,4}",
}
# The keys in the configuration of routers and servers, and what may stand before the key: how it is encrypted.
DEVICE_KEYS: Final = {
    "snmp": r"snmp(?:-server|-agent)?[ \t]{1,4}community(?: read| write)?",
    "isakmp key": "isakmp key",
    "digest-key": r"digest-key[ \t]{1,4}\d{1,3}[ \t]{1,4}md5",
    "password 0": "password 0",
    "-server key": r"-server key(?<=(?:tacacs|radius)-server key)",
    "key-string": "key-string",
    "wpa-psk": "wpa-psk",
    "pre-shared-key": "pre-shared-key",
    "authentication-key": "authentication-key",
    "pre-shared-secret": "pre-shared-secret",
    "community": r"community(?<=r[ow]community)6?",
    "option key": "option key",
    "option pass": r"option pass(?:word|phrase)",
}
_DEVICE_VALUE: Final = (
    r"[ \t]{1,4}(?:(?:ascii(?:-text)?|hexadecimal|encrypted|(?:irreversible-)?cipher|simple|[05-9])[ \t]{1,4}){0,2}"
    r"(?:(?P<quote>[\"'])(?P<quoted>[^\"'\n\0]{3,200})(?P=quote)|(?P<bare>[^\s\"'\0]{3,200}))"
)
_SENT: Final = r" ([^\s\0]{6,200})(?=[ \t]{0,4}(?:[\r\n\0]|\Z))"  # all that is left of a line
_ENDS_DEVICE_LINE: Final = re.compile(r"[ \t]{0,4}(?:[;\r\n\0]|r[ow]\b|view |author|\d{1,3}\.|default\b|\Z)")
_NO_COMMUNITY: Final = frozenset(("public", "string", "strings", "name", "names"))
_CALL_VALUE: Final = r"[bru]{0,2}\\{0,4}[\"']([^\"'\n\\\0]{4,500})"
_AUTH_PLAIN: Final = r"auth plain[ \t]{1,4}([a-z0-9+/=]{8,2048})"
# What a shell writes to a command that reads a password: `echo … | docker login --password-stdin`.
_ECHOED: Final = (
    r"echo[ \t]{1,4}(?:-n[ \t]{1,4})?(?P<quote>[\"'])?(?P<value>[^\"'$`|\s\0]{4,200})(?(quote)(?P=quote)|)"
    r"[ \t]{0,4}\|[^\n|\0]{0,100}(?:--password-stdin|--with-token|sudo -s|chpasswd|--passphrase-fd|passwd --stdin)"
)
_NO_USER: Final = re.compile(r"[\s\"'`/\\]")
_GO_USER: Final = re.compile(r"[\w.-]{1,60}:(.{1,200})\Z", re.DOTALL)
_THIN: Final = r"thin:[^\s/\"'@\0]{1,60}/([^\s\"'@\0]{1,200})@"
_EASY_CONNECT: Final = r"@//(?=[\w.-]{1,100}[:/])"
_EASY_USER: Final = re.compile(r"(?:\A|[\s\"'`=(\0])[\w.$-]{1,60}/([^\s/@\"'\0]{3,100})\Z")
_SQLPLUS: Final = r"sqlplus[ \t]{1,4}(?:-[a-z]{1,2}[ \t]{1,4}|)[\"']?[\w.$-]{1,60}/([^\s@\"'\0]{3,100})@"
_NET_USER: Final = r"net user[ \t]{1,4}[^\s/\0]{1,60}[ \t]{1,4}([^\s/*\0][^\s\0]{3,100})"
_NET_USE: Final = r"net use [^\n\\\0]{0,8}\\{2,4}[^\s\0]{1,100}[ \t]{1,4}([^\s/*\0][^\s\0]{3,100})[ \t]{1,4}/user"
_WIFI: Final = (
    r"wifi:(?:[a-oq-z]:[^;\n\0]{0,64};){0,4}p:([^;\n\0]{4,100});"  # what the code of a network has, for cameras
)


def _user_and_password(scan: Scan, match: re.Match[str]) -> Range | None:
    password = scan.group(match, "password")
    return None if is_placeholder(password) or (password.isdigit() and len(password) < 6) else match.span("password")


def _command_flag(flag: str, commands: tuple[str, ...], scan: Scan, match: re.Match[str]) -> Range | None:
    if flag[1].isupper() and scan.text[match.start() + 1] != flag[1]:
        return None
    before = scan.low[max(0, match.start() - _COMMAND) : match.start()]
    line = before[max(before.rfind("\n"), before.rfind("\0"), before.rfind("|"), before.rfind(";")) + 1 :]
    return plain_value(scan, match) if any(command in line for command in commands) else None


def is_flag_value(flag: str, value: str, strength: Strength) -> bool:
    """Return whether what follows a flag is a secret: anything but a short word or the name of a value (``TEXT``)."""
    name = value.strip("[]")  # `[--password PASSWORD]`
    if strength is Strength.NONE or is_placeholder(value) or (name.isupper() and name.isalpha()):
        return False
    if flag.lstrip("-").startswith("no-"):
        return False  # `--no-password` takes no value
    if flag.endswith("key") and _KEY_FILE.search(value) is not None:
        return False
    if value[-1:] in (".", ",") and value[:-1].isalpha() and value.islower():
        return False  # the end of a sentence
    if flag.strip("-").lower() == "secret" and not value.isalnum() and is_ordinary(value) and not _DIGIT.search(value):
        return False  # the name of one: `gcloud … --secret=db-password`
    is_short_word = len(value) < 5 and value.isalpha() and (value.islower() or value.istitle())
    return (strength is Strength.STRONG and not is_short_word) or is_weak_secret(flag, value)


def password_flags(command: str) -> frozenset[str]:
    """Return the flags of a command that take a password, in a list of arguments."""
    name = command.lower() + " "
    if _command_check()(name) is None:
        return frozenset()
    return frozenset([flag for flag, _, commands in COMMAND_FLAGS if any(map(name.__contains__, commands))])


@cache
def _command_check() -> Callable[[str], str | None]:
    return fast_check(_COMMAND_FLAGS.check)


def attached_password(command: str, argument: str) -> bool:
    """Return whether an argument is ``-pPASSWORD``."""
    name = command.rpartition("/")[2].lower()
    return argument[:2] == "-p" and len(argument) > 2 and name.startswith(("mysql", "mariadb"))


def _flag(scan: Scan, match: re.Match[str]) -> Range | None:
    strength = scan.names.strength(scan.group(match, "name"))
    if strength is Strength.NONE:
        return None
    which = match.lastgroup or "bare"
    value = scan.group(match, which)
    is_long_flag = match[0][1] == "-" or "=" in match[0]
    has_form = is_credential(value) or (strength is Strength.STRONG and (is_mixture(value) or is_joined_words(value)))
    is_secret = is_flag_value(match["name"], value, strength) if is_long_flag else has_form
    return match.span(which) if is_secret else None


def _set(scan: Scan, match: re.Match[str]) -> Range | None:
    """``ENV API_KEY …``, ``aws configure set aws_secret_access_key …``."""
    which = "bare" if match["quote"] is None else "quoted"
    value = scan.group(match, which)
    strength = scan.names.strength(scan.group(match, "name"))
    if strength is Strength.NONE:
        return None
    is_joined = strength is Strength.STRONG and (_is_joined(value) or is_joined_words(value))
    is_secret = is_credential(value) or is_mixture(value) or is_joined
    return match.span(which) if is_secret else None


def _is_joined(value: str) -> bool:
    """Return whether a value is words joined by hyphens that do not speak of a secret themselves."""
    low = value.lower()
    return low.count("-") > 1 and value.replace("-", "").isalnum() and not any(hint in low for hint in HINTS)


def _cookies(scan: Scan, match: re.Match[str]) -> Range | None:
    before = scan.low[max(0, match.start() - _COMMAND) : match.start()]
    return match.span(1) if "curl" in before or "http" in before else None


def _driver_password(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password of ``user:password@tcp(host)/db``."""
    before = scan.text[max(0, match.start() - _COMMAND) : match.start()]
    written = _NO_USER.split(before)[-1]
    found = _GO_USER.search(written) if ":" in written else None
    return None if found is None or is_placeholder(found[1]) else (match.start() - len(found[1]), match.start())


def _easy_connect(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password of ``user/password@//host:1521/service``."""
    found = _EASY_USER.search(scan.text, max(0, match.start() - _COMMAND), match.start())
    return None if found is None or is_placeholder(found[1]) else found.span(1)


def _netrc(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return a password behind a login: a word only on a line of a netrc file, as it may be a sentence."""
    before = scan.low[max(0, match.start() - _COMMAND) : match.start()]
    is_file = "machine" in before or "default" in before
    return plain_value(scan, match) if is_file or is_credential(scan.group(match, 1)) else None


def _sent(scan: Scan, match: re.Match[str]) -> Range | None:
    """``PASS hunter2`` and ``AUTH hunter2``, as a line of POP3, FTP or Redis."""
    start, value = match.start(), match.start(1)
    before = scan.text[max(0, start - 2) : start]
    is_command = scan.text[start:value].isupper() and (before[-1:] in ("", "\n", "\0") or before == "> ")
    return match.span(1) if is_command and is_credential(scan.group(match, 1)) else None


def _echoed(scan: Scan, match: re.Match[str]) -> Range | None:
    start, stop = match.span("value")
    user = scan.text.find(":", start, stop) + 1 if "chpasswd" in match[0] else 0  # `user:password`
    return (user or start, stop)


def _device_key(scan: Scan, match: re.Match[str]) -> Range | None:
    """``snmp-server community …``: a plain word is one only where a line ends behind it, as in configuration."""
    which = "bare" if match["quote"] is None else "quoted"
    value = scan.group(match, which)
    if is_placeholder(value) or value.lower() in _NO_COMMUNITY:
        return None
    is_word = (
        match[0].startswith(("snmp", "password", "community", "pre-shared", "digest-key"))
        and _ENDS_DEVICE_LINE.match(scan.low, match.end()) is not None
    )
    has_form = has_password_form(value)
    return match.span(which) if match["quote"] or is_word or has_form else None


_IN_CALLS: Final = SearchGroup(
    "|".join(map(re.escape, (*CALLS, "auth plain"))),
    (
        *(Search(needle, pattern + _CALL_VALUE, credential_value) for needle, pattern in CALLS.items()),
        Search("auth plain", _AUTH_PLAIN, credential_value),
    ),
)
_FLAGS: Final = SearchGroup(
    rf"-[a-z0-9_.-]*(?:{HINTED})[a-z0-9_.-]*(?:[= \t]|[\"']?\r?\n[ \t]*- )",
    (Search("-", _FLAG, _flag),),
    takes_own_names=True,
)
_USERS_AND_COOKIES: Final = SearchGroup(
    r"-(?:[a-z]*u|-user|-proxy-user)[ =]*[\"']?[^\s:\"'/\x00]+:|-(?:b|-cookie)[ \t=]+[\"']?[a-z0-9_.-]+=",
    (Search("-", _USER_FLAG + _CURL_USER, _user_and_password), Search("-", _COOKIES, _cookies)),
)
_COMMAND_FLAGS: Final = SearchGroup(
    "|".join(dict.fromkeys(re.escape(command) for _, _, commands in COMMAND_FLAGS for command in commands)),
    tuple(
        Search(flag.lower(), pattern + _COMMAND_FLAG_VALUE, partial(_command_flag, flag, commands))
        for flag, pattern, commands in COMMAND_FLAGS
    ),
)
_SETTERS: Final = SearchGroup(
    r"(?:env|define|setx|setenv|set_header|requestheader|requirepass|masterauth|secret\.key|bindpw|rootpw|_pass"
    r"|set -[a-z]+|config(?:ure)?|\((?:setq|def[a-z]*))[ \t]+[a-z0-9_.-]{2}",
    tuple(Search(word, pattern + _SET_VALUE, _set) for word, pattern in SETTERS.items()),
)
_CONNECTIONS: Final = SearchGroup(
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
        Search("wifi:", _WIFI, plain_value),
    ),
)
_DEVICES: Final = SearchGroup(
    r"snmp(?:-server|-agent)?[ \t]+community|r[ow]community6?[ \t]|option (?:key|pass)"
    r"|isakmp key|digest-key|password 0| enc |add_user |(?:pass|auth) [^\s\x00]"
    r"|-server key[ \t]|(?:key-string|wpa-psk|-shared-key|-shared-secret|tion-key)[ \t]"
    r"|> auth[ \t]|stats auth[ \t]|echo[ \t]",
    (
        *(Search(needle, pattern + _DEVICE_VALUE, _device_key) for needle, pattern in DEVICE_KEYS.items()),
        Search("enc ", r"enc (?<= enc )([a-z0-9+/=]{12,512})", plain_value),
        Search("add_user", r"add_user [\w.-]{1,60} [\"']?([^\s\"'\0]{4,200})", credential_value),
        *(Search(f"{word} ", word + _SENT, _sent) for word in ("pass", "auth")),
        Search("pass ", r"pass (?<=: pass )([^\s\0]{6,200})(?=[ \t]{0,4}(?:[\r\n\0]|\Z))", credential_value),
        Search("> auth", r"> auth[ \t]{1,4}(?:[\w-]{1,40}[ \t]{1,4})?[\"']?([^\s\"'\0]{4,500})", plain_value),
        Search("echo", _ECHOED, _echoed),
        Search("stats auth", r"stats auth[ \t]{1,4}[^\s:\0]{1,60}:([^\s\0]{4,500})", plain_value),
    ),
)
COMMANDS: Final = (_FLAGS, _USERS_AND_COOKIES, _COMMAND_FLAGS, _SETTERS, _CONNECTIONS, _IN_CALLS, _DEVICES)
