"""What looks like a secret: names of keys and patterns in text, and the detector made of both.

The detector looks at the bytes of a JSON text in lower case and says whether there can be a secret in it. It may say
so too often, never too rarely: what it lets pass is not looked at again. It is made of the same tables as the search,
and it allows for what :func:`pydantic_core.to_json` escapes: quotes, backslashes and control characters, nothing else.
Escapes that it never writes (``\\u0070``, ``\\/``) are suspect in themselves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import Final

from voltagent.capture.secrets import SECRET_TEXT

__all__ = ["Names", "detector", "is_suspect", "without_secrets"]

_SEPARATOR: Final = "[-_. ]"

# Names, as the words they are made of. A key is secret if it ends with one, whatever its case and whatever stands
# between the words: `api_key`, `X-Api-Key`, `openaiApiKey`. "tokens" is not among them: that is a count.
_NAMES: Final = (
    *("password", "passwords", "passwd", "passphrase", "pwd", "secret", "secrets", "secret value", "token"),
    *("authorization", "credential", "credentials", "cookie", "cookies", "connection string"),
    *(f"{what} key" for what in ("api", "access", "secret", "private", "signing", "encryption", "ssh", "account")),
    *(f"{what} key" for what in ("master", "subscription", "shared", "service", "session", "auth", "client")),
    *(f"{what} keys" for what in ("api", "access", "secret", "private", "ssh")),
    *(f"{what} tokens" for what in ("access", "api", "auth", "bearer", "refresh", "session")),
)
# Too short to be looked for at the end of other words: `compass` is no password.
_WHOLE_NAMES: Final = ("auth", "bearer", "jwt", "pass")

# `cost_per_token`, `maxToken`, `time_to_first_token`, `eos_token`: measures, and words of models.
_COUNTED: Final = re.compile(
    r"\b(?:per|max|min|num|number of|first|last|total|avg|input|output|prompt|completion|cached|eos|bos|pad|unk|sep|cls"
    r"|mask|stop|special) token\Z"
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _words(name: str) -> str:
    """``apiKey``, ``API-Key`` and ``api_key`` as ``api key``."""
    return re.sub(r"[-_. ]+", " ", _HUMP.sub(" ", name)).strip().lower()


def _spelled(name: str) -> str:
    """A regular expression for a name with one separator or none between its words."""
    return f"{_SEPARATOR}?".join(re.escape(word) for word in name.split())


_USUAL: Final = re.compile(
    f"(?:{'|'.join(_spelled(name) for name in _NAMES)})\\Z|(?:^|{_SEPARATOR})(?:{'|'.join(_WHOLE_NAMES)})\\Z"
)


class Names:
    """The names of keys whose values are secret: the usual ones, and a user's ``own``.

    One of the user's own must be the whole key, or come after a separator or a hump: ``id`` is not in ``paid``.
    """

    __slots__ = ("_own", "own", "plain")

    def __init__(self, own: Iterable[str] = ()) -> None:
        self.own = tuple(words for words in (_words(name) for name in own) if words)
        self.plain = all(words.isascii() for words in self.own)  # else bytes cannot be searched for them in lower case
        self._own = frozenset(words.replace(" ", "") for words in self.own)

    def __contains__(self, key: str) -> bool:
        low = key.translate(_ASCII_LOWER)
        if _USUAL.search(low):
            return not (low.endswith("token") and _COUNTED.search(_words(key)))
        if not self._own:
            return False
        words = _words(key).split()  # `my_key` ends with `mykey` as `mykey` ends with `my_key`
        return any("".join(words[start:]) in self._own for start in range(len(words)))


# ----------------------------------------------------------------------------------------------------------- patterns

# Keys that can be told by how they look, by prefix. Case matters in them.
_TOKENS: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_-]{10,}"  # OpenAI, Anthropic, DeepSeek, OpenRouter, Langfuse
    r"|[sr]k_[A-Za-z0-9_]{10,}"  # Stripe, ElevenLabs, VoltAgent
    r"|(?:whsec|gsk|hf|npm|r8|shpat|shpss)_[A-Za-z0-9]{16,}|lsv2_(?:pt|sk)_[A-Za-z0-9_]{16,}|dop_v1_[a-f0-9]{32,}"
    r"|(?:gh[a-z]|github_pat)_[A-Za-z0-9_]{16,}|(?:glpat|pypi|xai|pplx|tvly|GOCSPX)-[A-Za-z0-9_-]{12,}"
    r"|(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}"  # Slack
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"  # AWS
    r"|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,}"  # Google
    r"|SG\.[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+)?"  # SendGrid
    r"|\d{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"  # Telegram
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}"  # JSON web tokens (RFC 7519)
    r")+"  # one glued to the other too
)
# What follows a word that stays: (expression in lower case, whose first group stays).
_BEARER: Final = re.compile(r"(\bbearer\s{1,4})[a-z0-9._~+/=-]{8,}")
_SIGNATURE: Final = re.compile(r"(\bsig=)[a-z0-9%+/=_-]{16,}")  # Azure shared access signatures
_WEBHOOK: Final = re.compile(r"(hooks\.slack\.com/services/)[a-z0-9/]{8,}")
_URL_PASSWORD: Final = re.compile(r"""(://[^\s"'<>/?#:@]{0,256}:)[^\s"'<>/]{1,256}(?=@)""")
# A private key block whose end was cut off is one all the same.
_PRIVATE_KEY: Final = re.compile(
    r"(-----begin )[a-z0-9 ]{0,40}private key(?: block)?-----[\s\S]*?(?:-----end [a-z0-9 ]{0,40}key(?: block)?-----|\Z)"
)
# The name in `password=…`, `Authorization: Basic …`, and `"api_key": "…"` in JSON within text that does not parse,
# because it was escaped more than once or cut; a value must follow. Each part is bounded: no text takes quadratic time.
_ASSIGNMENT: Final = re.compile(
    rf"((?:{'|'.join(_spelled(name) for name in sorted(_NAMES, key=len, reverse=True))})"
    rf"""(?:\\{{0,8}}["']\ ?|\ )?[:=]\s{{0,8}})"""
    r"""(?=\\{0,8}["']|[\[{]|\(\s?[\[({"']|<[a-z_]"""
    r"""|(?!\d{1,9}(?:\.\d{1,9})?(?![a-z0-9_.-]))[^\s"'\\,;&<>(){}\[\]])"""
)
# What such a value can be: quoted, as in JSON or Python; or a word, a call, a collection.
_QUOTE: Final = re.compile(r"""[bfru]{0,2}(\\{0,64})(\"{3}|'{3}|["'])""")
_WORD: Final = re.compile(r"""(?:(?:basic|bearer|digest|negotiate|token|apikey)\s{1,4})?[^\s"'\\,;&<>(){}\[\]]+""")
_DEFAULT: Final = re.compile(r"""\s?=\s?(?=[bfru]{0,2}["'])""")  # `password: str = "…"`
_ANGLE: Final = re.compile("<[^<>]{0,512}>?")  # `<Key '…'>`
_MARK: Final = re.compile(r"""\\{0,64}["']|[()\[\]{}]""")


def without_secrets(text: str) -> str:
    """The text with ``[redacted]`` in the place of all that looks like a secret."""
    text = _TOKENS.sub(SECRET_TEXT, text)
    for expression in (_PRIVATE_KEY, _URL_PASSWORD):
        text = "".join(_kept(expression, text))
    text = "".join(_unassigned(text))
    for expression in (_BEARER, _SIGNATURE, _WEBHOOK):
        text = "".join(_kept(expression, text))
    return text


def _kept(expression: re.Pattern[str], text: str) -> Iterator[str]:
    """The parts of a text between the matches, with the first group of each match and the mark of a secret."""
    end = 0
    # Not by IGNORECASE, which costs the quick search; `str.lower` would change the length of some texts.
    for found in expression.finditer(text.translate(_ASCII_LOWER)):
        yield text[end : found.end(1)]
        yield SECRET_TEXT
        end = found.end()
    yield text[end:]


def _unassigned(text: str) -> Iterator[str]:
    """The same for the values of secret names."""
    low = text.translate(_ASCII_LOWER)
    end = 0
    for found in _ASSIGNMENT.finditer(low):
        if found.start() >= end:  # else it is in a value that is left out
            start, past = _value(low, found.end())
            yield text[end:start]
            yield SECRET_TEXT
            end = past
    yield text[end:]


def _value(text: str, start: int) -> tuple[int, int]:
    """From where to where a value is left out. One that was cut goes to the end of the text."""
    quote = _QUOTE.match(text, start)
    if quote is not None:
        return quote.end(), _past_quoted(text, quote)
    word = _WORD.match(text, start)
    past = start if word is None else word.end()
    default = None if word is None else _DEFAULT.match(text, past)
    quote = None if default is None else _QUOTE.match(text, default.end())
    if quote is not None:
        past = _past_quoted(text, quote)
    elif text[past : past + 1] in ("(", "[", "{"):
        past = _past_collection(text, past)
    elif word is None:
        angle = _ANGLE.match(text, past)
        past = past + 1 if angle is None else angle.end()
    return start, past


def _past_quoted(text: str, opening: re.Match[str]) -> int:
    """Where a quoted value ends, before its closing quote."""
    escapes, quote = len(opening[1]), opening[2]
    if len(quote) == 3:
        end = text.find(quote, opening.end())
        return len(text) if end < 0 else end
    for mark in _MARK.finditer(text, opening.end()):
        if mark[0][-1] == quote and _closes(len(mark[0]) - 1, escapes):
            return mark.end() - 1 - min(escapes, len(mark[0]) - 1)
    return len(text)


def _closes(escapes: int, opened: int) -> bool:
    """Whether a quote with so many backslashes ends a text whose first quote had ``opened`` of them."""
    return escapes <= opened or (escapes - opened) % (2 * (opened + 1)) == 0  # further ones are in the text itself


def _past_collection(text: str, start: int) -> int:
    """Where the bracket at ``start`` is closed; brackets in quotes do not count."""
    depth = 0
    inside: tuple[str, int] | None = None
    for mark in _MARK.finditer(text, start):
        sign, escapes = mark[0][-1], len(mark[0]) - 1
        if inside is not None:
            if sign == inside[0] and _closes(escapes, inside[1]):
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


# ----------------------------------------------------------------------------------------------------------- detector


@lru_cache(maxsize=16)
def detector(own: tuple[str, ...]) -> re.Pattern[bytes]:
    """The expression of :func:`is_suspect`, for the usual names and those of a user (:attr:`Names.own`).

    Its branches begin with one character each, all of them rare in text: CPython's engine then skips to those, and
    looks back or ahead from there.
    """
    ends = [*_each_spelling(_NAMES), *_each_end(own), *_WHOLE_NAMES]
    near = f"(?<=[a-z0-9].){_behind(ends, 1)}"  # `name:` in text
    # `"name":` for a key, `\\"name\\":` for a key in a JSON text within the JSON; deeper than that, any key is suspect
    key = rf'(?<=".)(?:{_behind(ends, 2)}|(?<=\\..)(?:{_behind(ends, 3)}|(?<=\\\\\\..)))'
    spaced = rf"(?<=[ '].)(?:{_behind(ends, 2)}|(?<=[\"'] .)(?:{_behind(ends, 3)}|{_behind(ends, 4)}))"
    escaped = r"""(?<=\\['].)|(?<=\\['] .)|(?<=\\\\\\" .)"""
    either = f"{key}|{near}|{spaced}|{escaped}"
    return re.compile(f":(?:{_COLON}|{either})|=(?:(?<=sig=)|{either})|{_ANCHORED}".encode(), re.DOTALL)


_COLON: Final = r"\\?/\\?/[^\s\"'<>/?#@]{0,1100}@|(?<=\d:)[a-z0-9_-]{35}|(?<=\s\s:)"
_ANCHORED: Final = "|".join(
    (
        r"_(?:(?<=[sr]k_)[a-z0-9_]{10}|(?<=_pat_))",
        r"_(?:(?<=hf_|r8_)|(?<=gsk_|npm_|_pt_|_sk_|_v1_|gh[a-z]_)|(?<=whsec_|shpat_|shpss_))[a-z0-9_]{16}",
        r"-(?<=-----)begin ",
        r"-(?:(?<=sk-)|(?<=xai-)|(?<=pypi-|pplx-|tvly-|xapp-|xox[a-z]-)|(?<=glpat-)|(?<=gocspx-))[a-z0-9_-]{10}",
        r"\.(?:(?:(?<=ya29\.)|(?<=sg\.))[a-z0-9_-]{16}|com/services/)",
        "j(?<=eyj)[a-z0-9_-]{8}",
        "z(?<=aiz)a[a-z0-9_-]{30}",
        "k(?<=ak)ia[a-z0-9]{16}",
        "bearer",
        r"\\(?:/|u00[2-7])",
    )
)
_TEMPORARY: Final = re.compile(b"asia[a-z0-9]{16}")  # the one key that no rare letter betrays


def is_suspect(text: bytes, expression: re.Pattern[bytes]) -> bool:
    """Whether there can be a secret in a JSON text."""
    low = text.lower()
    return expression.search(low) is not None or (b"asia" in low and _TEMPORARY.search(low) is not None)


def _each_end(names: Iterable[str]) -> Iterator[str]:
    """How keys can end that are one of these names, wherever they have separators: enough to look closer."""
    for name in names:
        compact = name.replace(" ", "")
        yield f"{_SEPARATOR}{re.escape(compact[-1])}"
        yield re.escape(compact[-2:])


def _each_spelling(names: Iterable[str]) -> Iterator[str]:
    """The regular expressions, each of one width, for all spellings of the names."""
    for name in names:
        words = [re.escape(word) for word in name.split()]
        for separators in product(("", _SEPARATOR), repeat=len(words) - 1):
            yield "".join(part for pair in zip(words, (*separators, ""), strict=True) for part in pair)


def _behind(ends: Iterable[str], past: int) -> str:
    """A look behind for one of ``ends``, from ``past`` characters after it: grouped, as each must be of one width.

    The two last letters are looked at first: nearly all other keys end there.
    """
    by_width: defaultdict[int, list[str]] = defaultdict(list)
    letters: set[str] = set()
    for end in ends:
        by_width[_width(end)].append(end)
        letters.add(end[-2:] if end[-2:].isalnum() and len(end) > 1 else f".{re.escape(end[-1])}")
    after = "." * past
    groups = (f"(?<=(?:{'|'.join(group)}){after})" for _, group in sorted(by_width.items()))
    return f"(?<=(?:{'|'.join(sorted(letters))}){after})(?:{'|'.join(groups)})"


def _width(spelling: str) -> int:
    return len(re.sub(r"\\(.)", r"\1", spelling.replace(_SEPARATOR, "-")))
