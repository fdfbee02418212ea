"""Find secrets in the files and outputs of certain tools, by what stands around them."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import (
    credential_value,
    first_of,
    line_before,
    plain_value,
    two_values,
    word_or_credential,
)
from voltagent.processors.secrets.vocabulary.credential_forms import is_placeholder, is_weak_secret
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import CERTIFICATES, HINTED

_AZURE_VARIABLE: Final = r"issecret=true\]([^\s\0]{3,500})"  # of a pipeline
# What pydantic refuses, in the line behind the name of the field.
_REFUSED: Final = r"input_value=(?P<quote>[\"'])(?P<value>[^\"'\n\0]{1,1000})(?P=quote)"
_LONGEST_REFUSAL: Final = 400  # characters
# The users of cloud-init, and of SNMP.
_CHPASSWD: Final = (
    r"chpasswd:\s{1,16}(?:expire:[^\n\0]{0,20}\n[ \t]{1,12})?list:[ \t]{0,4}\|[-+]?[ \t]{0,4}\n"
    r"((?:[ \t]{1,16}[\w.-]{1,40}:[^\s\0]{1,200}(?:\r?\n|(?=\0)|\Z)){1,20})"
)
_TYPED: Final = r"\\{0,4}\",[^{}\0]{0,100}?\"value\\{0,4}\"[ \t]{0,4}:\s{0,4}\\{0,4}\"([^\"\\\n\0]{1,1000})"
_SNMP_USER: Final = (
    r"createuser (?:-e \w{1,70} )?[\w.-]{1,60} (?:sha|md5)[\w-]{0,4} \"?([^\s\"\0]{3,200})\"?"
    r"(?: (?:aes|des)[\w-]{0,4} \"?([^\s\"\0]{3,200}))?"
)
_IPSEC: Final = r"\"([^\"\n\0]{3,200})\""
# What a script of `expect` sends where a password is requested.
_EXPECTED: Final = (
    r"assword:[^\n\0]{0,20}?(?:\n[ \t]{0,12}"
    r"|\{[ \t]{0,4})send(?:_user)?[ \t]{1,4}(?:--[ \t]{1,4})?\"([^\"\\\n\0$]{3,200})(?:\\[rn])?\""
)
_BLOCKS: Final = frozenset(("|", "|-", "|+", ">", ">-", ">+"))  # their text is in the next lines
_MANIFEST_WORK: Final = 10  # units
_LONGEST_MANIFEST: Final = 2048  # characters before its kind and behind it
_PGPASS_LINE: Final = r":5432:[^\s:\0]{1,63}:[^\s:\0]{1,63}:([^\s\0]{4,200})"  # a line of `.pgpass`
# A line of `chap-secrets` or `pap-secrets`, not the next command in a console; a row with one cell, not of dashes.
_CHAP_LINE: Final = re.compile(
    r"(?!#|[$%>] )[^\s\0]{1,80}[ \t]{1,16}[^\s\0]{1,80}[ \t]{1,16}"
    r"\"?((?<=\")[^\"\n\0]{1,200}|[^\s\"\0]{1,200})[^\n\0]{0,80}(?:\n|(?=\0)|\Z)"
)
_ROW_ALONE: Final = re.compile(r"[ \t]{0,4}(?!-{3,500}\s)([^\s\0]{4,500})[ \t]{0,80}\r?(?:\n|(?=\0)|\Z)")


def _refused(scan: Scan, match: re.Match[str]) -> Range | None:
    before = scan.text[max(0, match.start() - _LONGEST_REFUSAL) : match.start()].rpartition("\0")[2]
    lines = before.split("\n")
    field = lines[-2].strip().rpartition(".")[2] if len(lines) > 1 else ""
    strength = scan.names.strength(field) if field.isidentifier() else Strength.NONE
    return match.span("value") if is_secret_text(scan.group(match, "value"), strength, field) else None


def _manifest(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first value in a secret of Kubernetes in YAML that is no certificate; the next ones are noted."""
    low = scan.low
    scan.spend(_MANIFEST_WORK)
    start = max(0, match.start() - _LONGEST_MANIFEST)
    start = max(start, *(low.rfind(mark, start, match.start()) + 1 for mark in ("\0", "\n---")))
    limit = min(match.end() + _LONGEST_MANIFEST, scan.end_of_string(match.end()))
    next_document = low.find("\n---", match.end(), limit)
    limit = limit if next_document < 0 else next_document
    found: list[Range] = []
    for name in ("\ndata:", "\nstringdata:"):
        data = low.rfind(name, start, limit)
        if data >= 0:
            _add_entries(scan, low.find("\n", data + 1, limit) + 1 or limit, limit, found)
    return first_of(scan, sorted(found))


def _add_entries(scan: Scan, line: int, limit: int, found: list[Range]) -> None:
    """Add the values of the entries that begin with a line."""
    indent, is_secret = 0, False
    while scan.low.startswith(" ", line) and line < limit:
        scan.spend(4)
        stop = scan.low.find("\n", line, limit)
        stop = limit if stop < 0 else stop
        written = scan.text[line:stop].strip(" \r")
        begin = scan.text.index(written, line)
        indent = indent or begin - line
        if begin - line == indent:
            name, _, value = written.partition(": ")
            value = value.strip(" \"'")
            is_secret = not name.endswith(CERTIFICATES) and not is_placeholder(value or written)
            begin, written = (begin + len(name) + 1 + written[len(name) + 1 :].find(value), value) if value else (0, "")
        if is_secret and written and written not in _BLOCKS:
            found.append((begin, begin + len(written)))
        line = stop + 1


def _chap_secrets(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first of the secrets in the lines of a client, a server and a secret; the next ones are noted."""
    found: list[Range] = []
    line = _CHAP_LINE.match(scan.text, match.end())
    while line is not None:
        scan.units -= 4
        if not is_placeholder(line[1]):
            found.append(line.span(1))
        line = _CHAP_LINE.match(scan.text, line.end())
    return first_of(scan, found)


def _of_relay(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password behind an address in the file of Postfix for relays; behind another user, a credential."""
    return (word_or_credential if "@" in match[0] else credential_value)(scan, match)


def _alone(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first value of the only column that a database printed, if its name is that of a secret."""
    header = line_before(scan, match)
    strength = scan.names.strength(header) if header.replace(" ", "_").isidentifier() else Strength.NONE
    found: list[Range] = []
    row = _ROW_ALONE.match(scan.text, match.end()) if strength is not Strength.NONE else None
    while row is not None:
        scan.units -= 4
        if is_weak_secret(header, row[1]) or (strength is Strength.STRONG and has_password_form(row[1])):
            found.append(row.span(1))
        row = _ROW_ALONE.match(scan.text, row.end())
    return first_of(scan, found)


def _users(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the password in the first line of users and passwords of ``chpasswd``; the next ones are noted."""
    found: list[Range] = []
    start = match.start(1)
    for line in match[1].split("\n"):
        user, _, password = line.partition(":")
        if password and not is_placeholder(password):
            found.append((start + len(user) + 1, start + len(line.rstrip())))
        start += len(line) + 1
    return first_of(scan, found)


def _in_registry(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the text of an entry in the registry of Windows whose name, before its type, is strong."""
    is_strong = scan.names.strength(line_before(scan, match)) is Strength.STRONG
    return match.span(1) if is_strong and not is_placeholder(scan.group(match, 1)) else None


_TOOLS: Final = SearchGroup(
    r"\{plain|:5432:|issecret=true\]|kind: secret|input_value=[\"']|chpasswd:|createuser |<auth-user-pass>|accesskey\t"
    r"|key content[ \t]|reg_sz|:\*:|: rsa |concealed|securestring"
    r"|: (?:psk|eap|xauth) \"|# client[ \t]|securestring\t"
    r"|insecure-password |assword:[^\n\x00]*[\n{][ \t]*send|<cookie "
    r"|\]:[0-9]+[ \t]+[^\s:\x00]+:",
    (
        Search("kind: secret", r"kind: secret(?=[ \t]{0,4}(?:[\r\n\0]|\Z))", _manifest),
        Search("issecret=true]", _AZURE_VARIABLE, plain_value),
        Search("input_value=", _REFUSED, _refused),
        Search("chpasswd:", _CHPASSWD, _users),
        Search("{plain", r"\{plain(?:-md5|text|)\}([^\s:{}\0]{3,200})", plain_value),
        Search("key content", r"key content[ \t]{1,20}:[ \t]{1,4}([^\r\n\0]{4,100})", plain_value),
        Search("reg_sz", r"reg_sz[ \t]{1,8}([^\r\n\0]{4,400})", _in_registry),
        Search("assword:", _EXPECTED, plain_value),
        *(Search(f"{way} ", f"{way} (?<=: {way} )" + _IPSEC, plain_value) for way in ("psk", "eap", "xauth")),
        Search("# client", r"# client[ \t]{1,8}server[ \t]{1,8}secret[^\n\0]{0,80}\n", _chap_secrets),
        Search("securestring\t", r"securestring\t([^\s\0]{4,1000})", plain_value),
        Search("insecure-password ", r"insecure-password[ \t]{1,4}([^\s\0]{3,200})", credential_value),
        # The value of what AWS or 1Password marks as secret by its type, in JSON.
        *(Search(mark, f"{mark}{_TYPED}", plain_value) for mark in ("securestring", "concealed")),
        Search("<cookie ", r"<cookie [\w.-]{1,60}=([^\s>\"'\0]{4,2000})", plain_value),
        Search(
            "]:",
            r"\]:\d{1,5}[ \t]{1,8}[^\s:\0]{1,100}:([^\s\0]{4,200})(?=[ \t]{0,4}(?:[\r\n\0]|\Z))",
            _of_relay,
        ),
        Search("createuser ", _SNMP_USER, two_values),
        Search("<auth-user-pass>", r"<auth-user-pass>\s{1,4}[^\n<\0]{1,200}\n[ \t]{0,8}([^\s<\0]{3,200})", plain_value),
        Search("accesskey\t", r"accesskey\ta[a-z0-9]{12,20}\t[^\t\n\0]{1,60}\t([^\s\0]{20,80})", plain_value),
        Search(":5432:", _PGPASS_LINE, word_or_credential),
        Search(":*:", r":\*:[^\s:\0]{1,63}:([^\s\0]{4,200})", credential_value),
        Search(": rsa ", r": rsa [^\s\"\0]{1,200} " + _IPSEC, plain_value),
    ),
)
_COLUMN: Final = SearchGroup(
    rf"(?:{HINTED})[a-z0-9_]*[ \t]*\r?\n[ \t]*---",
    (Search("\n", r"\n[ \t]{0,4}-{3,200}[ \t]{0,4}\r?\n", _alone),),
    guard="---",
)
TOOLS: Final = (_TOOLS, _COLUMN)
