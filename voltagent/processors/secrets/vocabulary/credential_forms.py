"""Distinguish credentials from words, names, paths and placeholders by their form."""

from __future__ import annotations

import re
import sys
from typing import Final

from voltagent.capture.secrets import SECRET_TEXT

_HAS_ATOMIC_GROUPS: Final = sys.version_info >= (3, 11)


def atomic(pattern: str, name: str) -> str:
    """Return a pattern that is matched once and never matched shorter; ``name`` is one that no other group has."""
    return f"(?>{pattern})" if _HAS_ATOMIC_GROUPS else f"(?=(?P<{name}>{pattern}))(?P={name})"


# Names of algorithms, protocols and encodings, and constants of code, which have a digit and are no credentials.
_TECHNICAL_NAMES: Final = (
    r"oauth[12] saml[12] auth0 ldap[23] http[123] pbkdf[12] argon2(?:id?|d)? md[456] sha(?:[123]|224|256|384|512)"
    r" hs(?:256|384|512)k? rs(?:256|384|512)k? es(?:256|384|512)k? ps(?:256|384|512)k?"
    r" aes(?:128|192|256)(?:gcm|cbc|ctr)? rsa(?:1024|2048|3072|4096) utf(?:8|16|32)(?:mb4)?"
    r" pkcs\d{1,2} x509 openpgp tls1 uint(?:8|16|32|64) int(?:8|16|32|64) float(?:16|32|64) complex(?:64|128)"
    r" card(?:8|16|32) mt19937 base(?:16|32|58|64|85) blake[23][bs]? ed25519 x25519 ed448 secp256[kr]1 rfc\d{3,5}"
    r" iso\d{3,5} 0x[0-9a-f]{1,8}"
)


def _in_any_case(names: str) -> str:
    """Return a pattern of names that is left at once where none begins: by class, of which the engine looks at one."""
    found: dict[str, list[str]] = {}
    for name in names.split():
        found.setdefault(name[0], []).append(name[1:])
    return "|".join(f"[{first}{first.upper()}](?i:{'|'.join(rest)})" for first, rest in found.items())


TECHNICAL: Final = f"(?:{_in_any_case(_TECHNICAL_NAMES)})"
_LONGEST_TECHNICAL: Final = 10  # characters
# Before a word: it is none of these names. Most credentials are longer than all of them, which is seen at once.
NO_TECHNICAL: Final = rf"(?:(?=[A-Za-z0-9]{{{_LONGEST_TECHNICAL + 1}}})|(?!{TECHNICAL}(?![A-Za-z0-9])))"
_BEGINS_MIXED: Final = "(?:[A-Za-z]{1,40}[0-9]|[0-9]{1,40}[A-Za-z])"
# A word of alphabetic characters and digits, and both of them.
MIXED_WORD: Final = rf"(?={_BEGINS_MIXED}){NO_TECHNICAL}" + atomic("[A-Za-z0-9]{6,200}", "mixed")
_SEPARATORS: Final = re.compile(r"[\s./:,;|+@_-]{1,64}")
_ORDINARY: Final = re.compile(
    # Most credentials are seen at once to be none of these.
    rf"(?!(?=[A-Za-z0-9]{{{_LONGEST_TECHNICAL + 1}}}){_BEGINS_MIXED})"
    r"(?:[Ġ▁Ċ]{0,4}|##(?=[a-z]))(?:[A-Z]?[a-zà-öø-ÿ]{1,40}|[A-Z]{1,40}|\d{1,20}|[a-z]{1,200}(?:[A-Z][a-z]{1,200}){0,7}"
    rf"|(?:[A-Z][a-z]{{1,200}}){{1,8}}|[^\x00-\x7f\W\d_]{{1,40}}|[vV]\d{{1,4}}|[A-Za-z]\d{{1,2}}|(?=\w{{1,{_LONGEST_TECHNICAL}}}\Z){TECHNICAL}|)\Z"
)
_SCHEMES: Final = "bearer|basic|token|oauth|apikey"
# Before a password of Spring and Dovecot: how it is stored, as in `{noop}…`.
_ENCODERS: Final = (
    "noop|bcrypt|scrypt|argon2|pbkdf2|ssha(?:256|512)?|sha(?:1|256|512)?|md5|crypt|plain|cleartext|cipher"
)
ENCODED: Final = re.compile(rf"\{{(?:{_ENCODERS})\}}[^\s\"'{{]", re.IGNORECASE)
_NO_VALUES: Final = (
    "none|null|nil|nullable|sometimes|undefined|true|false|str|string|bool|int|bytes|optional|any|required|redacted"
    "|changeme|hidden|masked|tbd|todo|n/a|example"
)
_PLACEHOLDER: Final = re.compile(
    rf"""[\s"']{{0,4}}(?!\{{(?:{_ENCODERS})\}}[^\s"'{{])(?:(?:{_SCHEMES})\b"""
    r"""[\s"']{0,4}(?:\Z|(?=[$<{%*+]|your[_ -])))?"""
    r"""(?:\Z|#\{|(?:[\w.-]{1,40}:)?\${1,2}(?:[{(]|\w{1,60}(?![\w!#%^~]))|\{[\w.|: -]{0,60}\}?(?![\w+/=])|\{[{%]|<|"""
    r"""%[sdr(]|%\w{1,40}%|:?\*{2,}|[•●]{3}|\.{3}|[xX]{3,}\W{0,4}\Z|"""
    r"""\[redacted\]|\[hidden\]|\[REDACTED|\?\Z|:\w+\Z|@[a-z_]+\d{0,2}\Z|[*_]{1,2}[a-z]{1,40}[*_]{1,2}\Z|\*[a-z_-]{1,60}\Z|"""
    r"""your[_ -]|my[_ -](?![\w-]{0,40}[0-9])|"""
    rf"""(?:{_NO_VALUES})(?![\w!#$%&*+-]))""",
    re.IGNORECASE,
)
_BEGIN_PLACEHOLDER: Final = frozenset(word[:2] for word in f"{_SCHEMES}|{_NO_VALUES}|your|my|xx".split("|"))
_BEGIN_NO_PLACEHOLDER: Final = frozenset("0123456789-+/!&~^(")  # unless a variable follows
FETCH_MODES: Final = frozenset(("same-origin", "include", "omit"))  # of `fetch(url, {credentials: "include"})`
_PATH: Final = re.compile(
    r"#/|#[0-9a-fA-F]{3,8}\Z|#[A-Za-z-]{2,40}\Z|(?:~|\.{1,2})/[\w./@+-]{1,200}\Z|[\w./~ -]{1,200}\.[a-z]{2,5}\Z"
    r"|[a-z_]{3,40}(?:\.[a-z_]{2,40}){1,8}\.(?=\w{0,60}[a-z]{4})[A-Za-z_]\w{0,80}\Z"  # of a class in a module
    r"|[\^~<>=v]{0,2}\d{1,4}(?:\.\d{1,5}){1,3}(?:[-+.][a-z0-9.]{1,20})?\Z"  # a version
)
# The form of most credentials, recognised at once.
_SURE: Final = re.compile(rf"{MIXED_WORD}\Z")
# Alphabets that write words without spaces between them are in none.
_NO_CREDENTIAL: Final = re.compile(r"[\s(){}\[\]<>\"'`,\u3001-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")
_ENDS_SENTENCE: Final = re.compile(r"[0-9].{0,20}[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]\Z")
_STOPS: Final = "\u3001\u3002\u300d\u300f\u3011"  # of sentences in them, which end a value without a space
_DOTTED_NAME: Final = re.compile(r"(?:[A-Za-z_]\w{0,24}\.){1,6}[A-Za-z_]\w{0,40}\Z")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
# Alphabetic characters, digits, and a character that joins them.
_JOINED: Final = re.compile(r"(?=[^-@+#!]{1,60}[-@+#!])(?=[^0-9]{0,60}[0-9])(?=[^A-Za-z]{0,60}[A-Za-z])")
_NO_PASSWORD: Final = re.compile(
    r"\d{4}-\d\d-|\d{1,4}[-+]|(?:sha|md|aes|rsa|base|utf|rfc|iso|at|min|max|section|step|line|version|level)-\d",
    re.IGNORECASE,
)
_DIGIT: Final = re.compile(r"\d")
_CASES: Final = re.compile(r"[a-z]{1,60}[A-Z]|[A-Z]{2,60}[a-z]")
_SHORTEST: Final = 6  # characters of a credential
# A token that was cut to show its prefix, and at most a few characters more.
_CUT: Final = re.compile(
    r"(?:(?:sk|pk|rk|gh[pousr]|glpat|xox[a-z]|hf|npm|pypi|key|pat|api|token|whsec|gsk|xai|pplx|tvly|lsv2|sb|dop)"
    r"(?:[-_][A-Za-z0-9]{1,8}){0,2}[-_][A-Za-z0-9]{0,6}|eyJ[\w-]{0,12}|A(?:KIA|SIA)\w{0,6}|AIza\w{0,6}|SG\.\w{0,4})\.{3}\Z"
)
_EXAMPLE_USERS: Final = frozenset(("user", "username", "usr", "userid"))
_EXAMPLE_PASSWORDS: Final = frozenset(("password", "passwd", "pass", "pwd"))
_CONSTANT: Final = re.compile(r"[A-Z]{1,6}[0-9]{1,3}(?:[A-Z][0-9]?)?\Z")  # `X509V3`, `PKCS12` among the words of a name
_MARKED_WORDS: Final = re.compile(
    r"[%#*&]?[a-z_]{1,40}(?:/[a-z_*]{1,40}|[%#*?!]d?){0,2}\Z"
)  # `binary?`, `arr_%d`, `saved/*`
_LONG_TOKEN: Final = 12  # characters; shorter words and numbers that are joined are names
_SHORT_TOKEN: Final = 8  # characters of one under a name that says what the token is for
_FOR_ACCESS: Final = re.compile(
    r"(?:api|auth|access|bearer|bot|refresh|session|secret|deploy|admin|pat)[-_. ]?tokens?\Z", re.IGNORECASE
)


def is_ordinary(value: str) -> bool:
    """Return whether a value consists of words and numbers, as names, paths and sentences do.

    Credentials mix digits, or both cases, within one word.
    """
    if len(value) > 200:
        return " " in value[:200]
    if value.isalnum():  # no separator
        return _ORDINARY.match(value) is not None
    return all(map(_ORDINARY.match, _SEPARATORS.split(value)))


def is_placeholder(value: str) -> bool:
    """Return whether a value stands for one that is filled in elsewhere: ``${TOKEN}``, ``<token>``, ``***``."""
    if value.isalnum() and not value.isalpha() and value.isascii():  # a word with a digit, as most credentials are
        return False
    begins = value[:2]
    is_none = begins[:1] in _BEGIN_NO_PLACEHOLDER or (
        begins.isalpha() and begins.isascii() and begins.lower() not in _BEGIN_PLACEHOLDER
    )
    if is_none and "$" not in value:
        return SECRET_TEXT in value or value in FETCH_MODES or (value[-3:] == "..." and _CUT.match(value) is not None)
    return not value.strip() or SECRET_TEXT in value or value in FETCH_MODES or _PLACEHOLDER.match(value) is not None


def is_credential(value: str) -> bool:
    """Return whether a value looks like a credential: one word of at least 6 characters that is not an ordinary one."""
    if _SURE.match(value) is not None:
        return True
    value = value.rstrip(_STOPS)
    return (
        len(value) >= _SHORTEST
        and _NO_CREDENTIAL.search(value) is None
        and not is_ordinary(value)
        and not is_placeholder(value)
        and not _is_path(value)
        and _DATE.match(value) is None
    )


def _is_path(value: str) -> bool:
    return ("." in value or value[:1] in ("#", "~")) and _PATH.match(value) is not None


def is_dotted_name(value: str) -> bool:
    """Return whether a value is what code reads from a module or an object, such as ``win32api.RegOpenKeyEx``."""
    if _DOTTED_NAME.match(value) is None:
        return False
    module, _, last = value.rpartition(".")
    return is_ordinary(last) or (last.isalpha() and module.islower())


def is_sentence_without_spaces(value: str) -> bool:
    """Return whether a value ends with words of an alphabet that has no spaces between them: ``至少8个字符``."""
    return _ENDS_SENTENCE.search(value[-24:]) is not None


def is_mixture(value: str) -> bool:
    """Return whether a value joins words and numbers as no name in code does, such as ``Summer-2024``."""
    value = value.rstrip(_STOPS)
    return (
        len(value) >= _SHORTEST
        and _JOINED.match(value) is not None
        and _NO_CREDENTIAL.search(value) is None
        and _NO_PASSWORD.match(value) is None
        and not is_placeholder(value)
        and not _is_path(value)
    )


def has_secret_form(value: str, *, is_strong: bool) -> bool:
    """Return whether a value looks like a credential or, under a strong name, joins words and numbers."""
    return is_credential(value) or (is_strong and is_mixture(value))


def is_weak_secret(name: str, value: str) -> bool:
    """Return whether a value is a secret under a weak name: under that of a token, also words and numbers joined."""
    if "." in value and "routing" in name.lower():  # of a queue, as `orders.eu1.created`; that of PagerDuty is one word
        return False
    if is_credential(value):  # and not what a cloud names a key by, and no name with a mark
        return value[:4] != "arn:" and _MARKED_WORDS.match(value) is None
    least = _SHORT_TOKEN if _FOR_ACCESS.search(name) is not None else _LONG_TOKEN
    return len(value) >= least and name.rstrip("sS").lower().endswith("token") and is_mixture(value)


def is_example_login(user: str, password: str) -> bool:
    """Return whether a user and a password are the words for them, as documents write them."""
    return user.lower() in _EXAMPLE_USERS and password.lower() in _EXAMPLE_PASSWORDS


def is_random(rest: str) -> bool:
    """Return whether what follows a token's prefix is not an ordinary name: it mixes digits or cases within a word."""
    return any(
        len(word) >= _SHORTEST
        and _CONSTANT.match(word) is None
        and (_DIGIT.search(word) is not None or _CASES.search(word) is not None)
        for word in re.split("[_.-]", rest)
    )
