"""Distinguish passwords of joined words, such as `Tern@Shore` and `Grey_Seal`, from names in code and in sentences."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.vocabulary.credential_forms import is_credential, is_mixture
from voltagent.processors.secrets.vocabulary.words import STRONG, WEAK

_TITLE: Final = r"[A-Z][a-z]{1,24}"
_WORD: Final = r"[A-Za-z]{2,24}"
# By the marks between their words: those that join nothing in code; others only behind or before a word in capitals.
_WORDS: Final = (
    rf"(?:{_WORD}(?:[&@#%!+*$^]{_WORD}){{1,3}}"
    rf"|{_TITLE}(?:[._/-](?:{_TITLE}|[a-z]{{3,24}})){{1,3}}"
    rf"|[a-z]{{3,24}}[_/-]{_TITLE}(?:[._-](?:{_TITLE}|[a-z]{{3,24}})){{0,2}}"
    r"|(?:[a-z]{2,24}|[A-Z][a-z]{1,24})[A-Z][a-z]{1,24}(?=_\d))"
    r"(?:[._/:&#+*-]?\d{1,4}|[!?*#]{1,2}|)"
)
# `Summer_24`; but what is counted, or a part of a document, is no password.
NUMBERED: Final = re.compile(
    r"(?!(?:Appendix|Attempt|Chapter|Class|Code|Error|Example|Field|Figure|Group|Item|Length|Level|Line|Max|Min|Note|Option|Page|Part|Phase"
    r"|Question|Row|Rule|Section|Status|Step|Table|Test|Type|Unit|Version|Volume|Warning)s?[_:])[A-Z][a-z]{2,20}[_:]\d{1,6}\Z"
)
# `maple-river-42`, `gh-oa-sec-5`, but not `up-to-8`
WORDS_AND_NUMBER: Final = re.compile(
    r"(?:(?!(?:as|at|by|de|in|is|it|no|of|on|one|or|to|up|vs)-)[a-z]{2,20}-){2,4}[0-9]{1,6}\Z"
)
WORD_AND_NUMBER: Final = re.compile(
    r"[a-z]{4,20}-[0-9]{2,6}\Z"
)  # `tiger-2024`: of a password, if nothing else is there
_CAMEL: Final = r"(?:[A-Z][a-z]{2,24}){2,3}"  # `CactusFalcon`, which is also the form of the name of a class
_JOINED: Final = re.compile(rf"{_WORDS}\Z")
_IN_CAMEL_CASE: Final = re.compile(rf"{_CAMEL}\Z")
# The same in a text: to the end of a line, a quote, a bracket, or to where another pair begins.
JOINED_WORDS: Final = re.compile(
    rf"(?:{_WORDS}|{_CAMEL})(?=[\"'`)}}\]<\u2502]|[ \t]{{0,40}}(?:[\r\n\0|\u2502]|\Z)"
    r"|[,;&|]?[ \t]{0,4}(?:--)?[A-Za-z][\w.]{1,40}[:=]|&amp;|,?\\n)"
)
_LEAST_CASES: Final = 6  # characters
_AROUND: Final = "`)]},.;:*\"'"  # brackets and marks of a sentence behind a value
_MARK: Final = re.compile("[&@#%!+*$^]")
_NO_WORD: Final = re.compile(r"[^A-Za-z]{1,8}|(?<=[a-z])(?=[A-Z])")
# Words of names in code and configuration, which stand for a value: `Config.Database`, `Built-In`.
_NAMES: Final = (
    "string str text field config configuration settings setting env environment type types schema value values none "
    "null default data request response self this model models param params props state option options faker system "
    "required optional input file path hash class object user users admin base basic built internal external self "
    "service provider manager store vault policy reset length in id name not only multi two one time sign log "
    "content header application http https host server client db database app my your the or to for "
    "yes no true false new old change changed hidden masked example sample test dummy any read write all set get "
    "enum struct list map array int bool byte bytes char date number public private static final const var let "
    "create update delete select insert view component page form button label placeholder title message error"
)
_NO_SECRET_WORDS: Final = frozenset(_NAMES.split()) | STRONG | WEAK


def is_joined_words(value: str) -> bool:
    """Return whether a value is two to four words, joined as in no name of code, that do not name a value."""
    return _JOINED.match(value) is not None and _are_free(value)


def is_camel_case(value: str) -> bool:
    """Return whether a value is two or three words in capitals that name nothing: in configuration, a password."""
    return _IN_CAMEL_CASE.match(value) is not None and _are_free(value)


def has_two_cases(value: str) -> bool:
    """Return whether a word mixes both cases within it, as an ordinary one does not, and names nothing."""
    has_both = value[1:] != value[1:].lower() and value != value.upper()
    return has_both and len(value) >= _LEAST_CASES and value.isascii() and value.isalpha() and _are_free(value)


def end_of_password(value: str) -> int:
    """Return where the credential or password ends in a value, without what belongs to the text around; 0 for none."""
    if has_password_form(value):
        return len(value)
    inner = value.rstrip(_AROUND)
    return len(inner) if len(inner) < len(value) and has_password_form(inner) else 0


def has_password_form(value: str) -> bool:
    """Return whether a value has the form of a credential or a password, where that is all that speaks for it."""
    return is_credential(value) or is_mixture(value) or is_joined_words(value) or NUMBERED.match(value) is not None


def is_free_word(value: str) -> bool:
    """Return whether a word names nothing that a value in code or configuration may be named."""
    return value.lower() not in _NO_SECRET_WORDS


def _are_free(value: str) -> bool:
    return _NO_SECRET_WORDS.isdisjoint(map(str.lower, _NO_WORD.split(value)))


def has_marks(value: str) -> bool:
    """Return whether joined words have a mark between them that joins nothing in code."""
    return _MARK.search(value) is not None
