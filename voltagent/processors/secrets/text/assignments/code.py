"""Find the literal in code behind a secret name: in calls, collections, references, and what code falls back on."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from voltagent.processors.secrets.text.assignments.beginnings import DOTTED, UNQUOTED, Beginning
from voltagent.processors.secrets.text.assignments.passphrases import find_joined_words, is_joined_password
from voltagent.processors.secrets.text.scan import LONGEST_VALUE, Range, Scan, closing_quote, past_collection
from voltagent.processors.secrets.vocabulary.credential_forms import (
    is_credential,
    is_mixture,
    is_ordinary,
    is_placeholder,
)
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import LABELS

_SCHEMA: Final = re.compile(
    r"\{(?![^{}]{0,200}\bvalue\\{0,8}[\"']?\s{0,4}[:=])"  # as `terraform output -json` has it
    r"[^{}]{0,200}\b(?:(?:required|nullable|validators?|description|help|resolved|integrity|(?:min|max)_?length)\\{0,8}[\"']?\s{0,4}:"
    r"|type\\{0,8}[\"']?\s{0,4}:\s{0,4}\\{0,8}[\"'\[]?(?:(?:datatypes|sequelize|schema|types|mongoose)\.\w"
    r"|(?:string|number|integer|boolean|object|array|text|varchar|apikey|openidconnect)\b))",
    re.IGNORECASE,
)
# The literal that a variable's reading falls back on: ``${PASSWORD:-…}``, ``getenv("PASSWORD", "…")``, ``x || "…"``.
_SHELL_DEFAULT: Final = re.compile(
    r"\$\{(?!(?:env|sys|secrets?|vault|ssm|sm|file|param|self|opt|custom|aws|gcp|azure|kv|base64|java):)"
    r"[\w.]{1,60}:?[-=]?(?<=[:=-])([^\s{}\"'?+\0-][^\s{}\"'\0]{3,200})\}"
)
_CODE_DEFAULT: Final = re.compile(
    r"[\w.:!?$\[\]]{1,80}(?:[(\[][ \t]{0,4}[\"'][\w.-]{1,60}[\"'][ \t]{0,4}[)\]]?)?"
    r"[ \t]{0,4}(?:,|\|\||\?\?|or|\?:)[ \t]{1,4}"
    r"(?:(?:default|unset|fallback)[ \t]{0,2}[=:][ \t]{0,2})?([\"'`])"
)
# A declared type that does not begin with a word: ``&'static str = "…"``.
_REFERENCE: Final = re.compile(
    r"(?:&(?:'\w{1,20} )?(?:mut )?(?:str|\[u8\])|\[\](?:const )?(?:u8|byte|string))\s{0,4}=\s{0,4}[br]?(\\{0,4}\")"
)
_SECRET_CALL: Final = re.compile(
    r"[\w.:]{0,80}(?:secret|password|credential|token|key|sensitive|strptr|string::from|some|string|bytes?|buffer\.from|fromhex|unhexlify|b64decode)\w{0,20}\(\Z",
    re.IGNORECASE,
)
_LONGEST_CALL: Final = 120  # characters; longer than any that it matches
_READERS: Final = ("get", "read", "load", "fetch", "ask", "prompt", "input", "find", "token_", "decrypt", "open")
_CONSTRUCTED: Final = re.compile(r"new ([\w.]{1,60}\()")
_NAME_OF_HEADER: Final = re.compile(
    r"\b(?:name|alias|env|header|tokenurl|forkey|key)[ \t]{0,2}[=:][ \t]{0,2}[\"'][^\"'0-9]{1,60}[\"']", re.IGNORECASE
)
_SUBSCRIPT: Final = re.compile(r"(?<=[\w\])])\[\\{0,4}[\"'][^\"'\n\0]{1,60}[\"']\]")  # what it has is a name
_TOKEN: Final = re.compile(r"(?=[^0-9]{0,200}[0-9])[\w.+/=~:@%-]{12,200}\Z")  # no regular expression, no keyword
_ENCODINGS: Final = frozenset(("base64", "base64url", "utf-8", "binary", "latin1", "utf16le"))
_OF_RECORDS: Final = re.compile(r"\[\s{0,80}\{\s{0,80}\\{0,4}[\"'][\w .-]{1,60}\\{0,4}[\"']\s{0,8}:")
_HAS_VALUES: Final = re.compile(
    r"[\"']\w{0,20}value\\{0,4}[\"']\s{0,8}:\s{0,8}\\{0,4}[\"']", re.IGNORECASE
)  # that it does not name
_PATH: Final = re.compile(r"\.|::")
_LOOP: Final = re.compile(r"\bfor [\w, ]{1,60} in [A-Za-z_(]")
_LOOP_OR_CALL: Final = re.compile(rf"{_LOOP.pattern}|[a-z_]\w{{0,60}}\(", re.IGNORECASE)
_LITERAL: Final = re.compile(r"[\"']([^\"'\n]{6,200})[\"']")


def several(scan: Scan, one: Beginning, start: int) -> Range | None:
    """Return a collection, a list in YAML or the bytes of Go that begin here, if they hold a secret."""
    if scan.text.startswith("[]byte(", start):
        return call(scan, one, start + 2, start + 6)
    if scan.text[start] == "-":
        return _listed(scan, start)
    if scan.text[start] == "{" and _SCHEMA.match(scan.text, start, start + 300) is not None:
        return None
    return _collection(scan, start, one.strength, name_is_plural=one.name.lower().endswith("s"))


def _listed(scan: Scan, start: int) -> Range | None:
    """Items of a list in YAML, from the first on that look like credentials."""
    limit = min(scan.end_of_string(start), start + LONGEST_VALUE)
    end, item = 0, start
    while scan.text.startswith("- ", item):
        scan.spend(6)
        stop = scan.text.find("\n", item, limit)
        line = scan.text[item + 2 : limit if stop < 0 else stop]
        if not is_credential(line[:500].strip(" \"'\r")):
            break
        end = item + 2 + len(line.rstrip())
        if stop < 0:
            break
        after = scan.text[stop + 1 : stop + 60]
        item = stop + 1 + len(after) - len(after.lstrip(" "))
    return (start + 2, end) if end else None


def shell_default(scan: Scan, one: Beginning, start: int) -> Range | None:
    """Return what a shell takes if a variable is not set, as in ``${PASSWORD:-…}``."""
    match = _SHELL_DEFAULT.match(scan.text, start, start + 300) if one.strength is Strength.STRONG else None
    return None if match is None or is_placeholder(match[1]) else match.span(1)


def referenced(scan: Scan, start: int) -> Range | None:
    """Return the literal that a reference of Rust is assigned, as in ``: &str = "…"``."""
    match = _REFERENCE.match(scan.text, start)
    return None if match is None else (match.end(), closing_quote(scan, match.end(), match[1]))


def in_code(scan: Scan, one: Beginning, start: int) -> Range | None:
    """Return the literal in a call such as ``aws.String("…")``, or the one that code falls back on."""
    made = _CONSTRUCTED.match(scan.text, start)
    if made is not None:
        return call(scan, one, made.start(1), made.end() - 1)
    match = UNQUOTED.match(scan.text, start)
    if match is not None and DOTTED.match(match[0]) is not None:
        return match.span() if is_joined_password(scan, one, start, match.end(), match[0]) else None
    called = None if match is None else call(scan, one, start, match.end())
    return called or code_default(scan, one, start) or find_joined_words(scan, one, start)


def code_default(scan: Scan, one: Beginning, start: int) -> Range | None:
    """Return the literal that code falls back on, behind the call or name that begins at ``start``."""
    scan.units -= 4
    match = _CODE_DEFAULT.match(scan.text, start, start + 300)
    if match is None:
        return None
    end = closing_quote(scan, match.end(), match[1])
    value = scan.text[match.end() : end]
    is_strong = one.strength is Strength.STRONG
    is_secret = has_password_form(value) if is_strong else is_credential(value)
    return (match.end(), end) if is_secret else None


def call(scan: Scan, one: Beginning, start: int, bracket: int) -> Range | None:
    """Return a call such as ``SecretStr("…")`` whole, if there is a literal in it and its name speaks of a secret."""
    called = scan.text[start : bracket + 1]
    if len(called) > _LONGEST_CALL or not _makes_a_secret(called):
        return None
    found = _collection(scan, bracket, one.strength)
    inside = "" if found is None else _SUBSCRIPT.sub("", scan.text[bracket : found[1]][:4096])
    if found is None or ('"' not in inside and "'" not in inside):
        return None
    literals = _LITERAL.findall(inside)
    if literals and all(is_placeholder(one) or one.lower() in _ENCODINGS for one in literals):
        return None
    is_sure = any(is_credential(one) or is_mixture(one) for one in literals)
    if "field(" in called.lower() and not is_sure:
        return None
    if not is_sure and (len(literals) > 1 or _NAME_OF_HEADER.search(scan.text, bracket, found[1]) is not None):
        return None  # a name and its help
    return start, found[1]


@lru_cache(maxsize=512)
def _makes_a_secret(called: str) -> bool:
    """Return whether a function is called with a secret, and not with the name or the label of one that it reads."""
    return _SECRET_CALL.match(called) is not None and not _PATH.split(called)[-1].lower().startswith(_READERS)


def _collection(scan: Scan, start: int, strength: Strength, *, name_is_plural: bool = True) -> Range | None:
    """Return a collection or call with a quoted literal in it: all of it, brackets included."""
    text = scan.text
    if text[start] == "<":
        end = text.find(">", start, start + 512)
        has_literal = end >= 0 and any(quote in text[start:end] for quote in "\"'")
        return (start, end + 1) if has_literal else None
    scan.units -= 8
    end = past_collection(scan, start)
    inside = text[start:end]
    if strength is Strength.WEAK:
        if _OF_RECORDS.match(inside) is not None and _HAS_VALUES.search(inside[:4096]) is None:
            return None  # `"keys": [{"id": "…"}]`: what these have is named itself
        found = _LITERAL.findall(inside[:4096])
        is_pair = text[start] == "(" and inside.count(",") == 1  # a user and a password
        tokens = found if "\n" not in inside else filter(_TOKEN.match, found)
        return (start, end) if any(map(is_credential, tokens)) or (is_pair and any(map(is_mixture, found))) else None
    literals = _LITERAL.findall(inside[:4096])
    if not literals:  # `password = (given.encode("ascii") if isinstance(given, str) else given)`
        is_code = (_LOOP_OR_CALL if text[start] == "(" else _LOOP).search(inside[:4096]) is not None
    else:
        is_code = text[start] == "[" and all(map(is_ordinary, literals)) and not name_is_plural
    if is_code:
        return None
    if len(literals) > 1 and LABELS.issuperset(map(str.lower, literals)):
        return None  # `SECRET_FIELDS = {"password", "secret"}`
    has_literal = '"' in inside or "'" in inside
    return (start, end) if has_literal or ("(" not in inside and any(map(str.isdigit, inside[:4096]))) else None
