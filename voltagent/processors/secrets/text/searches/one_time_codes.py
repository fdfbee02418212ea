"""Find one-time and recovery codes: ``Your code is 573920``. A number has no form, so the words around it decide."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import first_of
from voltagent.processors.secrets.vocabulary.words import CODE_NAMES

# Of a code, maybe in two groups of three.
DIGITS: Final = r"(?P<value>[0-9]{4,8}|[0-9]{3}[ -][0-9]{3}(?![ -]?[0-9]))(?![\w.%-]*[\w%])"
# `your verification code is 573920`: the number has no form of its own, so the words before it decide.
_CODE: Final = (
    r"code(?:(?<=[enyasr][ -]code)|(?<=[enyas][ -]passcode)|(?<=[sltfe]code)|(?<=[mkny][ -]code)|(?<=pincode))"
    r"(?:[ \t]{1,3}(?:is|was|ist|lautet|est)[ \t]{0,3}:?|[ \t]{0,3}[:=])[ \t]{1,4}" + DIGITS
)
_YOUR_CODE: Final = (
    r"(?:(?<=tu c.digo)|(?<=su c.digo)|(?<=seu c.digo)|(?<=tuo codice))[ \t]{1,3}(?:es|é|è)[ \t]{0,3}:?[ \t]{1,4}"
    + DIGITS
)
# The same in other languages, in which the words behind or before it say what it is for.
_FOR_WHAT: Final = (
    r"(?:v[eé]rifica|s[eé]cur|segur|sicur|confirm|conferma|connexion|acc[eèé]s|valida|auten"
    r"|authen|inicio)[a-zà-ÿ ]{0,24}?"
    r"(?:[ \t](?:est|es|é|è)[ \t]{0,3}:?|[ \t]{0,3}:)[ \t]{1,4}" + DIGITS
)
_CODES_OF: Final = ("code de ", "código de ", "codice di ")
_OTHER_CODE: Final = (
    r"[ \t]{0,2}(?:[是为為は은는]|هو|là|adalah|is|je|to)?[ \t]{0,2}[:\uff1a]?[ \t]{0,2}[「『“\"']?"
    r"(?P<value>[0-9]{4,8}|[0-9]{3}[ -][0-9]{3}(?![ -]?[0-9]))(?![\w.%-]*[A-Za-z0-9%])"
)
_NUMBER: Final = r"(?<![a-z]...)[ \t]{1,3}(?:is|was|es|est|ist|é|è)[ \t]{0,3}:?[ \t]{1,4}" + DIGITS
_CODE_WORDS: Final = re.compile(
    r"(?:one[- ]time|verification|security|alarm|unlock|activation|recovery|backup|gate|pin|login"
    r"|authentication|confirmation|2fa|sms|access)[ -](?:pass)?\Z"
    r"|(?:bestätigungs|zugangs|sicherheits|verifizierungs|freischalt|einmal|anmelde|prüf|verificatie|beveiligings|\bpin)\Z"
    r"|\b(?:your|dein|ihr|votre|ton|je|uw|jouw) \Z"
)
# `Recovery codes: 8f2k-91mz 77ab-0cde`
_CODES_OF_PARTS: Final = (
    r"codes?(?:[ \t]{1,3}(?:is|are)[ \t]{0,3}:?|[ \t]{0,3}:)\s{1,4}"
    r"(?P<value>[a-z0-9]{4,8}(?:-[a-z0-9]{4,8}){1,3}(?:[\s,]{1,4}[a-z0-9]{4,8}(?:-[a-z0-9]{4,8}){1,3}){0,15}"
    r"|[0-9]{4,5} [0-9]{4,5}(?:[\s,]{1,4}[0-9]{4,5} [0-9]{4,5}){0,15})(?![\w-])"
)
# The same in the lines below: `Save your recovery codes in a safe place`.
_CODES_BELOW: Final = r"codes(?:(?<=recovery[ -]codes)|(?<=backup[ -]codes)|(?<=scratch[ -]codes))[^\n\0]{0,160}\n"
_LONGEST_CODES: Final = 1200  # characters of these lines
_ONE_CODE: Final = re.compile(
    r"(?!\d{4}-\d\d-\d\d)(?:[a-z0-9]{3,10}(?:-[a-z0-9]{3,10}){1,3}|[0-9]{6,10}|(?=[a-z]{0,11}[0-9])[a-z0-9]{8,12})\Z",
    re.IGNORECASE,
)
_NUMBER_OF_CODE: Final = re.compile(r"(?:\d{1,2}[.)]|[-*\u2022])\Z")
_MOST_BLANK: Final = 3  # lines before the first code
# `Use 573920 as your verification code`, `573920 is your code`.
_AS_CODE: Final = (
    r" your (?:[\w-]{1,20} ){0,2}(?:verification|login|sign-in|security|access|one-time|code|otp|pass|tan\b|pin\b)"
)
# `Use 573920 to sign in`, `Verification code for lena: 573920`, `OTP sent: 573920`.
TO_WHAT: Final = (
    "(?:verify|sign|log|confirm|reset|authenticate|activate|unlock|access your|complete your|finish|validate)"
)
_USED: Final = rf" (?:(?:the )?code )?(?P<value>[0-9]{{4,8}}) to {TO_WHAT}"
_OF_WHOM: Final = r"(?: (?:for|sent|to)\b[^\n:;.\0]{0,40}?)(?::| is:?)[ \t]{1,4}" + DIGITS
_CODE_BEFORE: Final = re.compile(r"(?<![\w.])(?:[A-Z]{1,3}-)?\d{4,8}[ \t]{1,2}\Z")
_LONGEST_CODE: Final = 16  # characters, with the spaces behind it
_ENTERED: Final = re.compile(r"\b(?:enter|use|type) (?:the|this) \Z")
_SURE_WORDS: Final = re.compile(r"\b(?:2fa|mfa|otp|sms|one[- ]time|verification)[ -]\Z")
_LONG_CODE: Final = 6  # digits; shorter numbers are those of errors and years
_PART_WORDS: Final = re.compile(r"(?:backup|recovery|scratch|mfa|2fa)[ -]\Z")
_BEFORE_CODE: Final = 24  # characters


def _code(scan: Scan, match: re.Match[str]) -> Range | None:
    before = scan.low[max(0, match.start() - _BEFORE_CODE) : match.start()]
    return match.span("value") if _CODE_WORDS.search(before) is not None else None


def _codes(scan: Scan, match: re.Match[str]) -> Range | None:
    before = scan.low[max(0, match.start() - _BEFORE_CODE) : match.start()]
    is_code = any(map(str.isdigit, scan.group(match, "value"))) and _PART_WORDS.search(before) is not None
    return match.span("value") if is_code else None


def _codes_below(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first of the codes that stand in the lines below; the next ones are noted."""
    scan.units -= 8
    found: list[Range] = []
    start, blank = match.end(), 0
    for line in scan.text[start : min(scan.end_of_string(start), start + _LONGEST_CODES)].split("\n"):
        words = [word.strip("`\"',") for word in line.split()]
        codes = [word for word in words if _NUMBER_OF_CODE.match(word) is None]
        if not all(map(_ONE_CODE.match, codes)) or not (any(map(_has_digit, codes)) or not codes):
            break
        blank = 0 if codes else blank + 1
        if blank > (1 if found else _MOST_BLANK):
            break
        place = start
        for code in codes:
            place = scan.text.index(code, place)
            found.append((place, place + len(code)))
            place += len(code)
        start += len(line) + 1
    return first_of(scan, found)


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _entered(scan: Scan, match: re.Match[str]) -> Range | None:
    """``Enter the code 573920``, ``2FA code 573920``."""
    before = scan.low[max(0, match.start() - _BEFORE_CODE) : match.start()]
    is_sure = match.end() - match.start("value") >= _LONG_CODE and _SURE_WORDS.search(before) is not None
    return match.span("value") if is_sure or _ENTERED.search(before) is not None else None


def _as_code(scan: Scan, match: re.Match[str]) -> Range | None:
    """``573920 is your code``."""
    code = _CODE_BEFORE.search(scan.text, max(0, match.start() - _LONGEST_CODE), match.start())
    return None if code is None else (code.start(), match.start() - 1)


def number(_: Scan, match: re.Match[str]) -> Range:
    """``Your OTP is 573920``."""
    return match.span("value")


CODES: Final = (
    Search("code", _CODE, _code),
    Search("code", _CODES_OF_PARTS, _codes),
    Search("codes", _CODES_BELOW, _codes_below),
    Search("code", r"code[ \t]{1,2}" + DIGITS, _entered),
    Search("code", r"code to [a-z ]{2,40}:[ \t]{1,4}" + DIGITS, _entered),
    *(Search(word, word + _NUMBER, number) for word in ("otp", "pin")),
    Search("otp", r"otp[ \t]{1,3}(?P<value>[0-9]{6,8})(?![\w.%-]*[\w%])", number),
    *(Search(word, word + r"2?[ \t]{1,4}(?P<value>[0-9]{3,4})(?![\w.%-]*[\w%])", number) for word in ("cvv", "cvc")),
    *(Search(word, word + _FOR_WHAT, number) for word in _CODES_OF),
    *(Search(word, word + _YOUR_CODE, number) for word in ("código", "codice")),
    *(Search(f"{verb} ", verb + _USED, number) for verb in ("use", "enter")),
    Search("code ", "code" + _OF_WHOM, _code),
    Search("otp ", "otp" + _OF_WHOM, number),
)
CODES_FIRST: Final = SearchGroup(
    "(?:as|is) your [a-z]", tuple(Search(f"{verb} your ", verb + _AS_CODE, _as_code) for verb in ("as", "is"))
)
# In other alphabets the checks know the words as stems.
OTHER_CODES: Final = SearchGroup(
    "|".join(CODE_NAMES), tuple(Search(name, name + _OTHER_CODE, number) for name in CODE_NAMES)
)
