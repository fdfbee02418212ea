"""Find secrets that are set without an operator: variables, and the keys in the configuration of devices."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import (
    credential_value,
    first_of,
    plain_value,
    two_values,
    value_group,
    word_or_credential,
)
from voltagent.processors.secrets.vocabulary.credential_forms import is_credential, is_mixture, is_placeholder
from voltagent.processors.secrets.vocabulary.joined_words import (
    end_of_password,
    has_password_form,
    is_camel_case,
    is_free_word,
)
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import HINTS

# A variable and its value without an operator: in Dockerfiles, shells and tools for settings.
_SET_NAME: Final = r"(?://[^\s:\0]{1,100}:)?(?P<name>[\w.-]{2,80})"
SETTERS: Final = {
    "env": r"env[ \t]{1,4}(?<![\w.-]env[ \t])" + _SET_NAME,
    "define": r"define[ \t]{1,4}(?<=#define[ \t])" + _SET_NAME,
    **{
        name: f"(?P<name>{re.escape(name)})"
        for name in ("requirepass", "masterauth", "bindpw", "rootpw", "_pass", "secret.key")
    },
    "bindpassword": r"(?P<name>bindpassword)(?=[ \t]{1,4}[\"'])",
    "(setq": r"\(setq[ \t]{1,4}" + _SET_NAME,
    "(def": r"\(def[a-z]{0,10}[ \t]{1,4}\*?" + _SET_NAME + r"\*?",
    **{
        word: word + r"[ \t]{1,4}" + _SET_NAME
        for word in ("setx", "setenv", "set_header", "add_header", "set-header", "cgi_param")
    },
    "set -": r"set -[a-z]{1,3}[ \t]{1,4}" + _SET_NAME,
    "set ": r"set[ \t]{1,4}\$?(?P<name>[\w.-]{2,80})(?=[ \t]{1,4}[\"'])",
    "requestheader": r"requestheader[ \t]{1,4}(?:set|add)[ \t]{1,4}[\"']?(?P<name>[\w.-]{2,80})[\"']?",
    "config": r"config(?:ure)?[ \t]{1,4}(?:--[a-z]{1,12}[ \t]{1,4}){0,2}(?:set[ \t]{1,4})?" + _SET_NAME,
}
_SET_VALUE: Final = (
    r"[ \t]{1,4}(?:(?P<quote>\\{0,4}[\"'])(?P<quoted>[^\"'\\\n\0]{1,1000})(?P=quote)"
    r"|(?P<value>[^\s\"'`=;|&<\x1b\0-][^\s\"'`;|&<\x1b\0]{3,1000}))"
)
# The keys in the configuration of routers and servers, and what may stand before the key: how it is encrypted.
DEVICE_KEYS: Final = {
    "snmp": r"snmp(?:-server|-agent)?[ \t]{1,4}community(?: read| write)?",
    "isakmp key": "isakmp key",
    "digest-key": r"digest-key[ \t]{1,4}\d{1,3}[ \t]{1,4}md5",
    "password 0": "password 0",
    "secret 0": "secret 0",
    "-server key": r"-server key(?<=(?:tacacs|radius)-server key)",
    "key-string": "key-string",
    "wpa-psk": "wpa-psk",
    "pre-shared-secret": "pre-shared-secret",
    "shared-key": r"shared-key(?<=pre-shared-key|.preshared-key)(?:[ \t]{1,4}(?:local|remote))?",
    "authentication-key": r"authentication-key(?:[ \t]{1,4}\d{1,4}[ \t]{1,4}md5)?",
    "community": r"community(?<=r[ow]community)6?",
}
ENCODINGS: Final = "ascii(?:-text)?|hexadecimal|encrypted|(?:irreversible-)?cipher|simple"
_DEVICE_VALUE: Final = (
    rf"[ \t]{{1,4}}(?:(?:{ENCODINGS}|[05-9])[ \t]{{1,4}}){{0,2}}"
    r"(?:(?P<quote>[\"'])(?P<quoted>[^\"'\n\0]{3,200})(?P=quote)|(?P<value>[^\s\"'\0]{3,200}))"
)
_SETTING: Final = re.compile(r"[ \t\"'][\w./-]{1,80}=[\"']?([^\s\"'\0]{4,500})")
_SENT: Final = r" ([^\s\0]{6,200})(?=[ \t]{0,4}(?:[\r\n\0]|\Z))"  # all that is left of a line
_ENDS_DEVICE_LINE: Final = re.compile(r"[ \t]{0,4}(?:[;\r\n\0]|r[ow]\b|view |author|\d{1,3}\.|default\b|\Z)")
_NO_COMMUNITY: Final = frozenset(("public", "string", "strings", "name", "names"))


def _set(scan: Scan, match: re.Match[str]) -> Range | None:
    """``ENV API_KEY …``, ``aws configure set aws_secret_access_key …``."""
    which = value_group(match)
    value, start = scan.group(match, which), match.start(which)
    strength = scan.names.strength(scan.group(match, "name"))
    if strength is Strength.NONE or (match["quote"] is None and match[0].startswith("define")):  # a name, a number
        return None
    if strength is Strength.STRONG and match["quote"] is not None and is_secret_text(value, strength):
        return match.span(which)
    if strength is Strength.STRONG:
        is_word = _is_joined(value) or is_camel_case(value) or _is_word(scan, match, value)
        return start, start + (len(value) if is_word else end_of_password(value))
    return match.span(which) if is_credential(value) or is_mixture(value) else None


def _is_word(scan: Scan, match: re.Match[str], value: str) -> bool:
    """Return whether a plain word is all that is left of a line that sets a password: ``requirepass swordfish``."""
    is_line = scan.text[match.end() : match.end() + 1] in ("", "\n", "\r", "\0")
    is_setter = match[0].startswith(("requirepass", "masterauth")) or scan.group(match, "name").isupper()
    return is_line and is_setter and value.isalpha() and value.islower() and is_free_word(value)


def _is_joined(value: str) -> bool:
    """Return whether a value is words joined by hyphens that do not speak of a secret themselves."""
    low = value.lower()
    return low.count("-") > 1 and value.replace("-", "").isalnum() and not any(hint in low for hint in HINTS)


def _sent(scan: Scan, match: re.Match[str]) -> Range | None:
    """``PASS hunter2`` and ``AUTH hunter2``, as a line of POP3, FTP or Redis."""
    start = match.start()
    before = scan.text[max(0, start - 2) : start]
    is_command = scan.text[start : start + 4].isupper() and (before[-1:] in ("", "\n", "\0") or before == "> ")
    return match.span(1) if is_command and is_credential(scan.group(match, 1)) else None


def _device_key(scan: Scan, match: re.Match[str]) -> Range | None:
    """``snmp-server community …``: a plain word is one only where a line ends behind it, as in configuration."""
    which = value_group(match)
    value = scan.group(match, which)
    if is_placeholder(value) or value.lower() in _NO_COMMUNITY:
        return None
    is_word = (
        match[0].startswith(("snmp", "password", "community", "pre-shared", "digest-key"))
        and _ENDS_DEVICE_LINE.match(scan.low, match.end()) is not None
    )
    has_form = has_password_form(value)
    return match.span(which) if match["quote"] or is_word or has_form else None


_SETTERS: Final = SearchGroup(
    r"(?:env|define|setx|setenv|(?:set|add)_header|requestheader|requirepass"
    r"|masterauth|secret\.key|bindpw|rootpw|_pass"
    r"|set-header|cgi_param|set -[a-z]+|config(?:ure)?|\((?:setq|def[a-z]*))[ \t]+[a-z0-9_.-]{2}"
    r"|(?:set[ \t]+\$?[a-z0-9_.-]+|bindpassword)[ \t]+[\"']",
    tuple(Search(word, pattern + _SET_VALUE, _set) for word, pattern in SETTERS.items()),
)


def _settings(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first value of ``fly secrets set NAME=… OTHER=…``, whatever the names are; the next ones are noted."""
    values = [
        one.span(1)
        for one in _SETTING.finditer(scan.text, match.start("rest") - 1, match.end())
        if has_password_form(one[1])
    ]
    return first_of(scan, values)


_DEVICES: Final = SearchGroup(
    r"snmp(?:-server|-agent)?[ \t]+community|r[ow]community6?[ \t]"
    r"|isakmp key|digest-key|(?:password|secret) 0|wpa_passphrase |obscure |alias set |add-mask::|vault login "
    r"| enc |add_user |change_password |secrets set |kv put |(?:pass|auth) [^\s\x00]"
    r"|-server key[ \t]|(?:key-string|wpa-psk|shared-secret|shared-key|authentication-key)[ \t]"
    r"|stats auth[ \t]|authtoken |setapikey |snyk auth |openssl passwd |(?:cargo |sonar\.)login[= ]",
    (
        *(Search(needle, pattern + _DEVICE_VALUE, _device_key) for needle, pattern in DEVICE_KEYS.items()),
        Search("enc ", r"enc (?<= enc )([a-z0-9+/=]{12,512})", plain_value),
        *(
            Search(verb, verb + r" [\w.-]{1,60} [\"']?([^\s\"'\0]{4,200})", word_or_credential)
            for verb in ("add_user", "change_password")
        ),
        *(Search(verb, verb + r"(?P<rest>[^\n\0|;&]{1,1000})", _settings) for verb in ("secrets set ", "kv put ")),
        *(Search(f"{word} ", word + _SENT, _sent) for word in ("pass", "auth")),
        Search("pass ", "pass(?<=: pass)" + _SENT, credential_value),  # in a capture of packets
        Search("wpa_passphrase ", r"wpa_passphrase [^\s\0]{1,64} [\"']?([^\s\"'\0]{8,64})", plain_value),
        Search("obscure ", r"obscure (?<=rclone obscure )[\"']?([^\s\"'\0-][^\s\"'\0]{3,500})", plain_value),
        Search(
            "alias set ", r"alias set [\w-]{1,60} https?://[^\s\0]{1,200} ([^\s\0]{3,200}) ([^\s\0]{3,200})", two_values
        ),
        Search("vault login ", r"vault login (?:token=)?[\"']?([^\s\"'\0-][^\s\"'\0]{5,500})", credential_value),
        *(
            Search(command, re.escape(command) + r"[\"']?([^\s\"'\0-][^\s\"'\0]{5,500})", credential_value)
            for command in ("authtoken ", "setapikey ", "snyk auth ", "cargo login ", "sonar.login=")
        ),
        Search(
            "openssl passwd ",
            r"openssl passwd (?:-(?:[156]|apr1|noverify|salt [^\s\0]{1,20}) ){0,3}[\"']?([^\s\"'\0-][^\s\"'\0]{3,200})",
            credential_value,
        ),
        Search("add-mask::", r"add-mask::([^\s\"'$\0]{3,500})", plain_value),
        Search("auth", r"auth[ \t]{1,4}[\w-]{1,40}[ \t]{1,4}([^\s\0]{6,200})(?=[ \t]{0,4}(?:[\r\n\0]|\Z))", _sent),
        Search("stats auth", r"stats auth[ \t]{1,4}[^\s:\0]{1,60}:([^\s\0]{4,500})", plain_value),
    ),
)
CONFIGURATION: Final = (_SETTERS, _DEVICES)
