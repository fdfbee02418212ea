"""Decide from the bytes of a JSON text whether there can be a secret in it, before anything is parsed.

It may say so too often, never too rarely: what it lets pass is not looked at again. Each check is one search for a
literal, or for a regular expression that begins with one: CPython finds those at the speed of ``memchr``, and anything
else about thirty times slower.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_PIECE: Final = 1 << 18  # bytes searched at once: a regular expression holds the interpreter

_IN_LOWER: Final = tuple(
    re.compile(expression)
    for expression in (
        rb"k(?:ey|ennwort|(?<=tok)en|(?<=cook)ie|(?<=[spr]k)[-_])",
        rb"pass",
        rb"p(?:wd|swd|in[^a-z]|arola|(?<=otp)[^a-z]|(?<=mdp)[^a-z])",
        rb"c(?:red|lave|v[vc]|ontrase|onn(?:ection)?[-_. ]?str|(?<=sec)ret)",
        rb"auth",
        rb"b(?:earer|asic[ \t])",
        rb"://",
        rb"=(?:(?<=sig=)|(?<=signature=)|(?<=code=)|(?<=credential=)|(?<=sas=)|(?<=sid=)|(?<=st=)|(?<=hmac=)|(?<=state=)|(?<=ticket=))",
        rb"jwt",
        rb"session",
        rb"senha",
        rb"slo(?<=h[ea]slo)",
        rb"sifre",
        rb"-(?:u[ =]|-user|----begin )",
        rb"identified by",
    )
)
_IN_TEXT: Final = tuple(
    re.compile(expression)
    for expression in (
        rb"_(?:(?=[a-z_+/=-]{0,24}[A-Z0-9])[A-Za-z0-9_+/=-]{8}|(?:(?<=hf_)|(?<=gh[pousr]_)|(?<=npm_)|(?<=_pat_)|(?<=(?:live|test)_))[a-z]{8})",
        rb"-(?:(?=[a-z_-]{0,24}[A-Z0-9])[A-Za-z0-9_-]{8}|(?:(?<=sk-)|(?<=proj-)|(?<=glpat-))[a-z]{8})",
        rb"\.(?:(?<=SG\.)|(?=[a-z_.~*-]{0,24}[A-Z0-9]))[A-Za-z0-9_.~*-]{8}",
        rb"A[A-Z0-9][A-Za-z0-9]{10}",
        rb"E[AZ][A-Z][A-Za-z0-9]{10}",
        rb"eyJ",
        rb":AA",
        rb"8Q~",
        rb"S(?:K|CW|C)[A-Za-z0-9]{12}",
        rb"LTAI",
        rb"dapi[a-f0-9]",
        rb"1//0",
        rb"\\(?:u00|/)",
    )
)
_OTHER_ALPHABETS: Final = tuple(
    word.encode()
    for word in (
        *("lösenord", "LÖSENORD", "hasło", "HASŁO", "jelsz", "şifre", "Şifre", "ŞİFRE", "парол", "Парол", "ПАРОЛ"),
        *("密码", "密碼", "パスワード", "비밀번호", "암호", "暗証番号"),
    )
)


def is_suspect(text: bytes, own: Sequence[re.Pattern[bytes]] = ()) -> bool:
    """Whether there can be a secret in a JSON text; ``own`` find key names of the user's."""
    for start in range(0, len(text), _PIECE):
        piece = text[max(0, start - 64) : start + _PIECE + 64] if len(text) > _PIECE else text
        if _is_suspect(piece, own):
            return True
    return False


def _is_suspect(text: bytes, own: Sequence[re.Pattern[bytes]]) -> bool:
    low = text.lower()
    for expression in _IN_LOWER:
        if expression.search(low) is not None:
            return True
    for expression in _IN_TEXT:
        if expression.search(text) is not None:
            return True
    if any(name.search(low) is not None for name in own):
        return True
    return not text.isascii() and any(word in text for word in _OTHER_ALPHABETS)
