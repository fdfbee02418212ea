"""Find secrets in text by the grammar of headers, URLs, code, configuration and command lines, and by token formats.

Literals are found with ``str.find``, and a regular expression of bounded length looks at what stands there: the time
grows with the length of a text only, and none holds the interpreter for long.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias, cast

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.processors.secret_names import Names, Strength, is_ordinary, is_placeholder
from voltagent.processors.secret_patterns import FORMATS, Format

Range: TypeAlias = tuple[int, int]
_Finder: TypeAlias = "Callable[[str, re.Match[str], Names], Range | None]"

_ENOUGH: Final = re.compile(r"[=:>@%]|[A-Za-z0-9_+/.~-]{10}|-u|earer|asic |ogin |ass|ecret")
_HINT_OPERATORS: Final = ("=", ":", ">", "%3", "--")


def find_secrets(text: str, names: Names) -> list[Range]:
    """Where the secrets of a text are, in order and without overlaps."""
    if _ENOUGH.search(text) is None:
        return []
    low = text.translate(_ASCII_LOWER) if not text.isascii() else text.lower()
    found: list[Range] = list(_tokens(text))
    for needle, expression, find in _SEARCHES:
        if needle in low:
            found += _search(text, low, needle, expression, find, names)
    if any(mark in low for mark in _HINT_OPERATORS):
        for hint in (*_HINTS, *names.own):
            if hint in low:
                found += _assignments(text, low, hint, names)
    return _merged(found)


def without_secrets(text: str, names: Names | None = None) -> str:
    """The text with ``[redacted]`` in the place of all that looks like a secret."""
    ranges = find_secrets(text, names or _USUAL)
    return replaced(text, ranges) if ranges else text


def replaced(text: str, ranges: list[Range]) -> str:
    """The text with ``[redacted]`` in the place of each range."""
    parts: list[str] = []
    end = 0
    for start, stop in ranges:
        parts += (text[end:start], SECRET_TEXT)
        end = stop
    parts.append(text[end:])
    return "".join(parts)


def _search(
    text: str, low: str, needle: str, expression: re.Pattern[str], find: _Finder, names: Names
) -> Iterator[Range]:
    position = low.find(needle)
    while position >= 0:
        match = expression.match(text, position)
        found = None if match is None else find(text, match, names)
        if found is not None and found[0] < found[1]:
            yield found
            position = max(found[1], position + len(needle))
        else:
            position += len(needle)
        position = low.find(needle, position)


def _merged(ranges: list[Range]) -> list[Range]:
    ranges.sort()
    merged: list[Range] = []
    for start, stop in ranges:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


# ------------------------------------------------------------------------------------------------------ token formats

# What a token can be part of: from its first character to where its alphabet ends. A format is looked up by the first
# two characters of such a word, so that a text takes the same time however many formats there are.
_TOKEN_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.~$*+-]{9,600}")
_DIGIT: Final = re.compile(r"\d")
_CASES: Final = re.compile(r"[a-z]{1,60}[A-Z]|[A-Z]{2,60}[a-z]")


def _by_first_characters() -> dict[str, list[tuple[re.Pattern[str], Format]]]:
    table: dict[str, list[tuple[re.Pattern[str], Format]]] = {}
    for one in FORMATS:
        expression = re.compile(f"(?:{one.prefix})({one.rest}{{{one.least},600}})({one.rest}{{0,8000}})")
        for first in one.first.split():
            table.setdefault(first, []).append((expression, one))
    return table


_FORMATS_BY_FIRST: Final = _by_first_characters()


def _tokens(text: str) -> Iterator[Range]:
    past = 0
    for word in _TOKEN_WORD.finditer(text):
        start = word.start()
        if start < past:
            continue
        for expression, one in _FORMATS_BY_FIRST.get(text[start : start + 2], ()):
            match = expression.match(text, start)
            if match is not None and not (one.ordinary and not _looks_random(match[1])):
                yield match.span()
                past = match.end()
                break


_INNER_TOKENS: Final = (
    (":aa", re.compile(r"(?<=\d{8}):AA[A-Za-z0-9_-]{20,60}")),  # Telegram bot
    ("1//0", re.compile(r"1//0[A-Za-z0-9_-]{20,512}")),  # Google refresh token
    ("8q~", re.compile(r"8Q~[A-Za-z0-9_~.-]{16,64}")),  # Azure AD client secret
    (".atlasv1.", re.compile(r"(?<=[A-Za-z0-9]{14})\.atlasv1\.[A-Za-z0-9_-]{16,512}")),  # Terraform Cloud
    ("-us", re.compile(r"(?<=[a-f0-9]{32})-us\d{1,3}")),  # Mailchimp
)


def _inner_token(text: str, match: re.Match[str], _: Names) -> Range:
    return _start_of_name(text, match.start(), 34), match.end()


def _start_of_name(text: str, end: int, most: int = 80) -> int:
    """Where the name begins that ends at a position."""
    before = text[max(0, end - most) : end]
    return end - len(before) + len(before.rstrip(_NAME_CHARACTERS))


def _looks_random(rest: str) -> bool:
    """Whether the rest of a token is no ordinary name: a digit within a word, or both cases within one."""
    return any(
        len(word) >= 6 and (_DIGIT.search(word) is not None or _CASES.search(word) is not None)
        for word in re.split("[_.-]", rest)
    )


# ---------------------------------------------------------------------------------------- keys, URLs, headers, schemes

_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}(?:PRIVATE KEY|OPENSSH)[A-Z0-9 ]{0,40}-----", re.IGNORECASE
)
_KEY_END: Final = "-----END "


def _private_key(text: str, match: re.Match[str], _: Names) -> Range:
    end = text.find(_KEY_END, match.end())
    end = end if end >= 0 else text.find("-----end ", match.end())
    return match.end(), len(text) if end < 0 else end


_AUTHORITY: Final = re.compile(r"""://([^\s/?#"'<>\\]{1,1024})@(?=[A-Za-z0-9\[_$({%-])""")
_SHARED_USERS: Final = frozenset(("git", "hg", "svn", "user", "username", "anonymous", "ubuntu", "root", "admin", "me"))


def _authority(_: str, match: re.Match[str], __: Names) -> Range | None:
    user, colon, password = match[1].partition(":")
    start = match.start(1) + len(user) + 1 if colon else match.start(1)
    if colon:
        return None if is_placeholder(password) else (start, match.end(1))
    harmless = user in _SHARED_USERS or (len(user) < 12 and user.isalpha()) or "@" in user or is_placeholder(user)
    return None if harmless or (is_ordinary(user) and len(user) < 20) else (start, match.end(1))


_PARAMETERS: Final = ("sig", "signature", "credential", "security-token", "code", "hmac", "sas", "st", "awsaccesskeyid",
                      "ticket", "state", "assertion", "samlresponse", "samlrequest")  # fmt: skip
_PARAMETER: Final = re.compile(r"(?<=[?&;-])([A-Za-z-]{2,20})=([^&\s\"'#<>\\]{4,2048})")
_MAYBE: Final = frozenset(("code", "st", "state", "ticket", "assertion", "credential"))


def _parameter(_: str, match: re.Match[str], __: Names) -> Range | None:
    if match[1].lower() in _MAYBE and (len(match[2]) < 12 or is_ordinary(match[2])):
        return None
    return match.span(2)


_WEBHOOK_HOSTS: Final = (
    "hooks.slack.com/",
    "/api/webhooks/",
    "webhook.office.com/",
    "hooks.zapier.com/",
    "api.telegram.org/bot",
)
_WEBHOOK: Final = re.compile(
    r"(?:hooks\.slack\.com/(?:services|workflows|triggers)/|/api/webhooks/|webhook\.office\.com/webhookb2/|"
    r"hooks\.zapier\.com/hooks/catch/|api\.telegram\.org/bot)([^\s\"'<>?#\\]{6,1024})",
    re.IGNORECASE,
)
_SCHEMES: Final = ("bearer", "basic", "digest", "negotiate", "apikey", "ssws", "token")
_SCHEME: Final = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{4,9})[ \t]{1,4}([A-Za-z0-9._~+/=-]{8,2048})")


def _scheme(_: str, match: re.Match[str], __: Names) -> Range | None:
    scheme, credential = match[1].lower(), match[2].rstrip(".")
    is_long = scheme == "bearer" and len(credential) >= 11
    if not is_long and not _is_credential(credential):
        return None
    return match.start(2), match.start(2) + len(credential)


def _is_credential(value: str) -> bool:
    """The form of a header's credential: a digit within letters, or both cases; no ordinary words."""
    return len(value) >= 6 and not is_ordinary(value)


_HEADER: Final = re.compile(
    r"(?:authorization|authentication|x-(?:api-|auth-|access-)?(?:key|token)|cookie2?)"
    r"(\\{0,8}[\"']?)[ \t]{0,8}[:=][ \t]{0,8}(?=[^\s\"'\\,)])",
    re.IGNORECASE,
)
_COOKIE: Final = re.compile(r"[\w.!#$%&*+^`|~-]{1,200}=[^\s;,\"]{2,}")
_CREDENTIAL: Final = re.compile(r"(?:[A-Za-z][\w-]{1,30}[ \t]{1,4})?([^\s\"'\\,;]{4,4096})")
_LINE: Final = re.compile(r"(?:[^\r\n\"'\\]|\\(?![nr\"']))*")
_BEGINNING: Final = 1024  # characters of a header in which its form is recognised


def _header(text: str, match: re.Match[str], _: Names) -> Range | None:
    start, end = match.end(), min(len(text), match.end() + _BEGINNING)
    if "cookie" in match[0].lower():
        return (start, _end_of_line(text, start)) if _COOKIE.match(text, start, end) else None
    value = _CREDENTIAL.match(text, start, end)
    if value is None:
        return None
    credential = value[1]
    whole = text[start : value.end()]
    alone = " " not in whole and "\t" not in whole
    if is_placeholder(credential) and not alone:
        return None
    if not _is_credential(credential) and not (len(credential) >= 16 and not is_placeholder(credential)):
        return None
    return start, _end_of_line(text, start)


def _end_of_line(text: str, start: int) -> int:
    return cast("re.Match[str]", _LINE.match(text, start, min(len(text), start + 65_536))).end()


# ------------------------------------------------------------------------------------------------------- command lines

_CURL_USER: Final = re.compile(
    r"(?<!\S)(?:-u|--user|--proxy-user|-U)[ =]{0,2}[\"']?[^\s:\"'/]{1,200}:([^\s\"']{1,500})"
)
_NETRC: Final = re.compile(
    r"login\s{1,8}\S{1,200}\s{1,8}(?:account\s{1,8}\S{1,200}\s{1,8})?password\s{1,8}(\S{1,500})", re.IGNORECASE
)
_SHORT_FLAG: Final = re.compile(
    r"(?:sshpass[ \t]{1,4}-p[ \t]{0,4}|mysql(?:dump|admin)?\b[^\n|;]{0,200}?[ \t]-p(?=[^\s-])"
    r"|redis-cli\b[^\n|;]{0,200}?[ \t]-a[ \t]{1,4})[\"']?([^\s\"']{1,500})"
)
_SQL: Final = re.compile(
    r"(?:identified[ \t]{1,4}by|password|passphrase|secret)[ \t]{1,4}(?:is[ \t]{1,4})?"
    r"(\\{0,4}[\"'`])([^\"'`\n\\]{4,500})\1",
    re.IGNORECASE,
)


def _group(_: str, match: re.Match[str], __: Names) -> Range | None:
    return None if is_placeholder(match[1]) else match.span(1)


def _quoted_word(_: str, match: re.Match[str], __: Names) -> Range | None:
    value = match[2]
    return match.span(2) if _is_credential(value) or "identified" in match[0].lower() else None


_SEARCHES: Final[tuple[tuple[str, re.Pattern[str], _Finder], ...]] = (
    *((needle, expression, _inner_token) for needle, expression in _INNER_TOKENS),
    ("-----begin ", _PRIVATE_KEY, _private_key),
    ("://", _AUTHORITY, _authority),
    *((f"{name}=", _PARAMETER, _parameter) for name in _PARAMETERS),
    *((host, _WEBHOOK, _group) for host in _WEBHOOK_HOSTS),
    *((f"{scheme} ", _SCHEME, _scheme) for scheme in _SCHEMES),
    *((header, _HEADER, _header) for header in ("authorization", "authentication", "cookie", "x-")),
    *((flag, _CURL_USER, _group) for flag in ("-u", "--user", "--proxy-user")),
    ("login ", _NETRC, _group),
    *((command, _SHORT_FLAG, _group) for command in ("sshpass", "mysql", "redis-cli")),
    *((word, _SQL, _quoted_word) for word in ("identified by", "password ", "passphrase ", "secret ")),
)


# --------------------------------------------------------------------------------------------------------- assignments

_HINTS: Final[tuple[str, ...]] = (
    *(
        "pass",
        "pwd",
        "pswd",
        "secret",
        "cred",
        "token",
        "key",
        "auth",
        "cookie",
        "jwt",
        "session",
        "signature",
        "bearer",
    ),
    *("sid", "pin", "otp", "cvv", "cvc", "sas", "code", "connectionstring", "kennwort", "contrase", "clave", "senha"),
    *("mdp", "wachtwoord", "lösenord", "losenord", "salasana", "hasło", "haslo", "heslo", "jelsz", "şifre", "sifre"),
    *("adgangskode", "parola", "парол", "密码", "密碼", "パスワード", "비밀번호"),
)
# From a hint to the end of the name, and what closes it: a quote, a bracket, a part of an index. Then the operator, and
# the quote that begins the value.
_AFTER_HINT: Final = re.compile(
    r"(?P<tail>[\w.$-]{0,60})"
    r"(?:(?P<close>\\{0,8}[\"'`]\]?|\]|\)|%22)?"
    r"(?P<op>\s{0,16}(?::=|=>|->|===?|!==?|=|:)\s{0,16}|%3[DA](?:%20|\+)?)"
    r"(?P<quote>[bfruBFRU]{0,2}\\{0,8}(?:\"{3}|'{3}|[\"'`])|%22)?"
    r"|(?P<space>[ \t]{1,4})|(?P<element>>))?"
)
_USUAL: Final = Names()
_NAME_CHARACTERS: Final = f"{string.ascii_letters}{string.digits}_$.-ñöłşéèüäçÑÖŁŞ"
_UNQUOTED: Final = re.compile(r"[^\s\"'`,;&<>(){}\[\]\\|]{1,4096}")
_CODE: Final = re.compile(
    r"(?:self|this|os|env|process|config|settings|request|req|ctx|args|options|params|cls|app|data|props|state|event|body|user|st|np|torch)\.\w"
)
_ANNOTATED: Final = re.compile(r"[\w.\[\], |]{1,80}=\s{0,4}[bfru]{0,2}([\"'])")
_CONSTANT: Final = re.compile(
    r"[A-Z][A-Z_]{2,60}\Z|[a-z]{1,30}(?:[A-Z][a-z]{1,30}){1,4}\Z|(?:[A-Z][a-z]{1,30}){1,5}\Z|[a-z]{1,30}(?:_[a-z]{1,30}){1,6}\Z"
)
_SECRET_CALL: Final = re.compile(r"[\w.]{0,80}(?:secret|password|credential|token|key)\w{0,20}\(\Z", re.IGNORECASE)
_MARK: Final = re.compile(r"""\\{0,64}["']|[()\[\]{}]""")


def _assignments(text: str, low: str, hint: str, names: Names) -> Iterator[Range]:
    position = low.find(hint)
    while position >= 0:
        match = cast("re.Match[str]", _AFTER_HINT.match(text, position + len(hint)))
        past = match.end("tail")
        if match["op"] or (match["space"] and "-" in text[max(0, position - 24) : position]) or match["element"]:
            found = _assignment(text, match, position, names)
            if found is not None and found[0] < found[1]:
                yield found
                past = found[1]
            else:
                past = match.end()
        position = low.find(hint, max(past, position + len(hint)))


def _assignment(text: str, match: re.Match[str], hint: int, names: Names) -> Range | None:
    start = _start_of_name(text, hint)
    name = text[start : match.end("tail")]
    strength = names.strength(name.lstrip("-"))
    op = (match["op"] or "").strip()
    if strength is Strength.NONE or (op in _COMPARISONS and not match["quote"]):
        return None
    if match["element"]:
        return _element(text, match.end(), strength) if text[max(0, start - 1) : start] in ("<", ":") else None
    if match["quote"]:
        return _quoted(text, match, strength, op)
    if name[:1] == "-" and op in ("", "="):
        return _flag_value(text, match.end(), strength)
    return None if match["space"] else _unquoted(text, match.end(), strength, name, op)


_COMPARISONS: Final = ("==", "!=", "===", "!==", "->")
_ARGUMENT: Final = re.compile(r"\"([^\"\n]{1,1000})\"|'([^'\n]{1,1000})'|([^\s\"'`|;&<>]{1,1000})")
_CONTENT: Final = re.compile(r"([^<>\n]{1,2000})</")


def _flag_value(text: str, start: int, strength: Strength) -> Range | None:
    """The value of a command-line flag such as ``--password``."""
    match = _ARGUMENT.match(text, start)
    if match is None:
        return None
    group = cast(int, match.lastindex)
    value = match[group]
    if value[0] == "-" or is_placeholder(value):
        return None
    is_word = value.isalpha() and (value.islower() or value.istitle()) and len(value) < 5
    is_secret = (strength is Strength.STRONG and not is_word) or _is_credential(value)
    return match.span(group) if is_secret else None


def _element(text: str, start: int, strength: Strength) -> Range | None:
    """The content of an XML element."""
    match = _CONTENT.match(text, start)
    if match is None or is_placeholder(match[1]):
        return None
    return match.span(1) if strength is Strength.STRONG or _is_credential(match[1]) else None


def _quoted(text: str, match: re.Match[str], strength: Strength, op: str) -> Range | None:
    start, quote = match.end(), match["quote"].lstrip("bfruBFRU")
    end = _closing(text, start, quote)
    value = text[start:end]
    if is_placeholder(value) and not (value and strength is Strength.STRONG and len(value) > 8 and " " in value):
        return None
    if op in _COMPARISONS and (len(value) < 6 or (is_ordinary(value) and strength is Strength.WEAK)):
        return None
    if strength is Strength.STRONG or (len(value) >= 6 and not is_ordinary(value)):
        return start, end
    return None


def _closing(text: str, start: int, quote: str) -> int:
    """Where a quoted value ends, before its closing quote; at the end of the text if it was cut."""
    if (len(quote) >= 3 and quote[-1] == quote[-2] == quote[-3]) or quote[0] == "%":
        end = text.find(quote, start)
        return len(text) if end < 0 else end
    escapes, mark = len(quote) - 1, quote[-1]
    position = start
    while True:
        position = text.find(mark, position)
        if position < 0:
            return len(text)
        slashes = _slashes(text, start, position)
        if slashes <= escapes or (slashes - escapes) % (2 * (escapes + 1)) == 0:
            return position - min(escapes, slashes)
        position += 1


def _slashes(text: str, start: int, position: int) -> int:
    """How many backslashes stand before a position, up to 64."""
    least = max(start, position - 64)
    return (position - least) - len(text[least:position].rstrip("\\"))


def _unquoted(text: str, start: int, strength: Strength, name: str, op: str) -> Range | None:
    first = text[start : start + 1]
    if first in ("{", "[", "(", "<"):
        return _collection(text, start, strength)
    match = _UNQUOTED.match(text, start)
    if match is None:
        return None
    value, end = match[0], match.end()
    after = text[end : end + 1]
    if after == "(":
        is_secret = strength is not Strength.NONE and _SECRET_CALL.match(text[start : end + 1]) is not None
        found = _collection(text, end, strength) if is_secret or "secret" in value.lower() else None
        return None if found is None else (start, found[1])
    annotated = _ANNOTATED.match(text, start) if after in (" ", "=", "[", "|", "") or "=" in value else None
    if annotated is not None and is_ordinary(value.split("=")[0]):
        return annotated.end(), _closing(text, annotated.end(), annotated[1])
    if after == "[" or is_placeholder(value) or _CODE.match(value):
        return None
    value = value.rstrip(".:!?")
    return (start, start + len(value)) if _is_secret_word(value, strength, name, op, text, start) else None


def _is_secret_word(value: str, strength: Strength, name: str, op: str, text: str, start: int) -> bool:
    """Whether an unquoted value is a secret, and not a word of a sentence or a name in code."""
    if value.isdigit():
        return strength is Strength.STRONG and len(value) >= 4 and not name.lower().endswith("s")
    if _CONSTANT.match(value) or is_ordinary(value):
        is_configuration = (
            op == "="
            and text[start - 1] == "="
            and (name.isupper() or text[max(0, start - len(name) - 2) : start - len(name) - 1] in ("&", "?", ";"))
        )
        return (
            is_configuration and strength is Strength.STRONG and value.isalnum() and len(value) >= 6 and value.islower()
        )
    return len(value) >= (4 if strength is Strength.STRONG else 6)


def _collection(text: str, start: int, strength: Strength) -> Range | None:
    """A collection or call with a quoted literal in it: all of it, brackets included."""
    if text[start] == "<":
        end = text.find(">", start, start + 512)
        if end < 0 or not any(quote in text[start:end] for quote in "\"'"):
            return None
        return start, end + 1
    beginning = text[start : start + 4096]
    if strength is not Strength.STRONG and "'" not in beginning and '"' not in beginning:
        return None
    end = _past_collection(text, start)
    inside = text[start:end]
    return (
        (start, end)
        if '"' in inside or "'" in inside or (text[start] != "(" and any(map(str.isdigit, inside)))
        else None
    )


def _past_collection(text: str, start: int) -> int:
    """Where the bracket at ``start`` is closed; brackets in quotes do not count."""
    depth = 0
    inside: tuple[str, int] | None = None
    for mark in _MARK.finditer(text, start, min(len(text), start + 65_536)):
        sign, escapes = mark[0][-1], len(mark[0]) - 1
        if inside is not None:
            if sign == inside[0] and (escapes <= inside[1] or (escapes - inside[1]) % (2 * (inside[1] + 1)) == 0):
                inside = None
        elif sign in "\"'":
            inside = sign, escapes
        elif sign in "([{":
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return mark.end()
    return len(text)


_ASCII_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
