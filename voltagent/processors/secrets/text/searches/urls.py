"""Find secrets in URLs: users and passwords, parameters, and addresses of webhooks."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import plain_value
from voltagent.processors.secrets.vocabulary.credential_forms import (
    is_credential,
    is_dotted_name,
    is_example_login,
    is_ordinary,
    is_placeholder,
)

_AUTHORITY: Final = r"""://([^\s/?#"'<>\\\0]{1,1024})@(?=[a-z0-9\[_$({%\s\0"'-]|\Z)"""
_ENCODED: Final = r"(?:[^\s%&\"'<>\\\0]|%(?!3a|40|2f|3f)[0-9a-f]{2})"  # the same in a parameter of another URL
_ENCODED_AUTHORITY: Final = rf"%3a%2f%2f{_ENCODED}{{0,100}}%3a({_ENCODED}{{1,200}})%40"
_EXAMPLE_HOST: Final = re.compile(
    r"[<{\[$]|(?:(?:local|db|my|proxy|your)?[-_]?host(?:name)?|server|[\w.-]{0,40}example)\b"
)


def _authority(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password of ``scheme://user:password@host``, or a user that is a token."""
    user, colon, password = scan.group(match, 1).partition(":")
    if colon:
        is_example = is_example_login(user, password) and _EXAMPLE_HOST.match(scan.low, match.end()) is not None
        return None if is_example or is_placeholder(password) else (match.start(1) + len(user) + 1, match.end(1))
    if "," in user or not scan.text[match.end() : match.end() + 1].strip("\"' "):  # a list, or no host
        return None
    if "@" in user or is_placeholder(user) or (is_ordinary(user) and len(user) < 20):
        return None
    return match.span(1)


# Parameters of URLs that are secrets though their names are not among the words; the second only if they look like one.
_SURE: Final = "sig signature security-token hmac sas awsaccesskeyid samlresponse samlrequest"
_MAYBE: Final = "code code_verifier st state ticket assertion credential sid mac nonce appid"
PARAMETERS: Final = tuple(_SURE.split())
MAYBE_PARAMETERS: Final = tuple(_MAYBE.split())
PARAMETER_NAMES: Final = "|".join(f"(?<={name}=)" for name in (*PARAMETERS, *MAYBE_PARAMETERS))
_PARAMETER: Final = rf"=(?:{PARAMETER_NAMES})([^&\s\"'#<>\\\0]{{4,2048}})"
_PARAMETER_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyz-_"
_LONGEST_PARAMETER: Final = 40  # characters of a name
_SHORTEST_MAYBE: Final = 12  # characters


def _parameter(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return a parameter: after ``?``, ``&`` or ``;``, maybe with words such as ``X-Amz-`` in its name."""
    before = scan.low[max(0, match.start() - _LONGEST_PARAMETER) : match.start()]
    rest = before.rstrip(_PARAMETER_CHARACTERS)
    begins_form = rest[-1:] in ("", "\n", "\0") and scan.text[match.end() : match.end() + 1] == "&"
    is_listed = rest[-2:] in (", ", "; ")  # in a header, or in code
    if not begins_form and rest[-1:] not in ("?", "&", ";") and not is_listed:
        return None
    if is_listed and (not is_credential(value := scan.group(match, 1)) or is_dotted_name(value.rstrip(")"))):
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


def _webhook(scan: Scan, match: re.Match[str]) -> Range:
    start = match.start(1)
    return start, start + len(scan.group(match, 1).rstrip(",.;:!"))  # these belong to the text around


_AUTHORITIES: Final = SearchGroup(
    r"://[^\s/?#\"'<>\\\x00]+@|%3a%2f%2f",
    (Search("://", _AUTHORITY, _authority), Search("%3a%2f%2f", _ENCODED_AUTHORITY, plain_value)),
)
_PARAMETERS: Final = SearchGroup(PARAMETER_NAMES.replace("(?<=", "(?:"), (Search("=", _PARAMETER, _parameter),))
_WEBHOOKS: Final = SearchGroup(
    "|".join(map(re.escape, WEBHOOKS)),
    tuple(Search(needle, pattern + _WEBHOOK_PATH, _webhook) for needle, pattern in WEBHOOKS.items()),
)
URLS: Final = (_AUTHORITIES, _PARAMETERS, _WEBHOOKS)
