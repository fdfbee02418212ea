r"""Decide from the bytes of a JSON text whether there can be a secret in it, before anything is decoded.

It may say so too often, never too rarely: what it lets pass is not looked at again. A check is a search for a literal,
or for a pattern that begins with one, so a text without a secret costs about five times its encoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, TypeAlias

from voltagent.processors.patterns import atomic
from voltagent.processors.secret_headers import PARAMETER_NAMES
from voltagent.processors.secret_words import STRONG_PAIRS

# The code of a character that the text must have (`in` finds a number faster than bytes), and the pattern.
_Checks: TypeAlias = "tuple[tuple[int, re.Pattern[bytes]], ...]"

_PIECE: Final = 1 << 17  # bytes searched at once: a regular expression does not release the interpreter
_OVERLAP: Final = 1100  # bytes; longer than what any check looks at

# What follows a secret's name in a JSON text, in structures and in text alike: the rest of the name, and then a quote,
# an operator, a bracket or an escape; or, after spaces, an operator, a quote, a verb, an attribute, or a word with a
# digit. In prose there is a plain word. The last alternative is the end of a key that holds more than a name.
_NAME_END: Final = (
    atomic(r"[\w.$\x80-\xff-]{0,41}", "rest")
    + r"(?:[\"'\\`\])%=:>]|(?=[ \t(/,+])(?:"
    + atomic(r"[ \t]{1,16}", "space")
    + r"(?:[=:!\"'`\\>-]|is\b|was |to |"
    + atomic("[a-z-]{1,20}", "attribute")
    + "=|"
    + atomic("[a-z._~+/=-]{0,24}", "word")
    + "[0-9])|"
    + atomic(r"[^\"\\]{1,80}", "more")
    + r"\"[ \t\r\n]{0,8}:))"
).encode()


def _pairs(second: str) -> bytes:
    """The second word of pairs such as ``security_code``, with any first word before it."""
    firsts = sorted(first for first, other in STRONG_PAIRS if other == second)
    before = [variant for first in firsts for variant in (f"{first}{second}", f"{first}[^a-z]{second}")]
    return f"(?:{'|'.join(f'(?<={variant})' for variant in before)})".encode()


# In lower case. Each begins with a literal, best with one character only: that is found fastest.
_IN_LOWER: Final = (
    rb"k(?:ey|(?<=tok)en|(?<=cook)ie|ennwort|(?<=adgangsk)ode)" + _NAME_END,
    rb"p(?:(?:ass|wd|swd|in|arola|(?<=otp)|(?<=mdp)|hrase"
    + _pairs("phrase")
    + rb")"
    + _NAME_END
    + rb"|assword[ \t\\]|i(?<=dapi)[a-f0-9]{8}|hpsessid)",
    rb"c(?:(?:re(?:d|(?<=secre)t)|v[vc]|lave|ontrase|htwoord|ode" + _pairs("code") + rb"|urity[^a-z]?answer"
    rb"|onn(?:ection)?[^a-z]?string)" + _NAME_END + rb"|io[a-z0-9]{28})",
    rb"auth" + _NAME_END,
    rb"b(?:(?:earer|asic)(?:[ \t]{1,4}[a-z0-9._~+/=-]{8}|" + _NAME_END + rb")|y[ \t]{1,4}[\"'`\\])",
    rb"j(?:(?:wt|elsz)" + _NAME_END + rb"|sessionid)",
    rb"salasana" + _NAME_END,
    rb"senha" + _NAME_END,
    rb"heslo" + _NAME_END,
)
# The same, but only if the text has the first character, which is looked for much faster.
_IN_LOWER_AFTER: Final = (
    (b"/", rb"://[^\s/?#\"'<>\\]{1,1024}@"),
    (b"/", rb"webhook"),
    (b"/", rb"hooks\."),
    (b"/", rb"telegram\.org/bot"),
    (b"=", f"=(?:{PARAMETER_NAMES})".encode()),
    (b"-", rb"-(?:u|-[a-z]|----begin |p(?<=[ \t]-p)[^\s-]|a(?<=[ \t]-a)[ \t]|pass|pw|secret|token|api|key|auth|cred)"),
)
_SMALL: Final = atomic("[a-z_+/=.~*-]{0,24}", "small").encode()
# As they are written: the beginnings of tokens, and escapes that hide characters.
_IN_TEXT: Final = (
    (
        b"_",
        rb"_(?:(?=" + _SMALL + rb"[A-Z0-9])[A-Za-z0-9_+/=.~-]{7}"
        rb"|(?:(?<=hf_)|(?<=gh[pousr]_)|(?<=npm_)|(?<=_pat_)|(?<=live_)|(?<=test_)|(?<=prod_)|(?<=gsk_))[a-z]{8})",
    ),
    (
        b"-",
        rb"-(?:(?:(?<=[g-zG-Z]-)|(?<=[xX][abe]-)|(?<=fc-)|(?<=ib-)|(?<=lf-)|(?<=[ua][df]-)|(?<=v[0-9]-)|(?<=\.0-))"
        rb"(?:(?=" + _SMALL + rb"[A-Z0-9])[A-Za-z0-9_-]{7}|(?:(?<=sk-)|(?<=proj-)|(?<=glpat-)|(?<=ox[a-z]-))[a-z]{8})"
        rb"|us[0-9])",
    ),
    (b".", rb"\.(?:(?<=SG\.)|(?=" + _SMALL + rb"[A-Z0-9]))[A-Za-z0-9_.~*-]{8}"),
    (b"A", rb"A(?:[A-Z0-9][A-Za-z0-9]{10}|(?<=LTA)I|(?<=:A)A)"),
    (b"S", rb"S(?:K[a-f0-9]{16}|CW[A-Z0-9]{12}|SWS )"),
    (b"J", rb"eyJ"),
    (b"Z", rb"EZ"),
    (b"~", rb"8Q~|256~"),
    (b"/", rb"1//0"),
    (b"$", rb"\$(?:production|sandbox)\$"),
    (b"\\", rb"\\(?:u00|/)"),
)
# The last is the sign of the kelvin, which is a `k` in lower case.
_OTHER_ALPHABETS: Final = (
    "lösenord LÖSENORD Lösenord hasło HASŁO Hasło jelszó şifre Şifre ŞİFRE парол Парол ПАРОЛ 密码 密碼 パスワード "
    "비밀번호 암호 暗証番号 \u212a"
).encode()
_WORDS_IN_OTHER_ALPHABETS: Final = tuple(_OTHER_ALPHABETS.split())


@cache
def prefilter() -> tuple[_Checks, _Checks]:
    """The checks in lower case, and those in the text as it is, compiled at the first use."""
    in_lower = (*((pattern[:1], pattern) for pattern in _IN_LOWER), *_IN_LOWER_AFTER)
    return _compiled(in_lower), _compiled(_IN_TEXT)


def _compiled(checks: Iterable[tuple[bytes, bytes]]) -> _Checks:
    return tuple((first[0], re.compile(pattern)) for first, pattern in checks)


def is_suspect(text: bytes, own: Sequence[re.Pattern[bytes]] = ()) -> bool:
    """Whether there can be a secret in a JSON text; ``own`` find key names of the user's."""
    if len(text) <= _PIECE:
        return _is_suspect(text, own)
    starts = range(0, len(text), _PIECE)
    return any(_is_suspect(text[max(0, start - 64) : start + _PIECE + _OVERLAP], own) for start in starts)


def _is_suspect(text: bytes, own: Sequence[re.Pattern[bytes]]) -> bool:
    in_lower, in_text = prefilter()
    low = text.lower()
    for first, pattern in in_lower:
        if first in low and pattern.search(low) is not None:
            return True
    for first, pattern in in_text:
        if first in text and pattern.search(text) is not None:
            return True
    if any(name.search(low) is not None for name in own):
        return True
    return not text.isascii() and any(word in text for word in _WORDS_IN_OTHER_ALPHABETS)
