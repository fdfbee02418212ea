"""Find secrets in code and configuration: a secret name, an operator, and a value."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from voltagent.processors.secrets.text.assignments.beginnings import UNKNOWN, Assignment, assignment_pattern, understand
from voltagent.processors.secrets.text.assignments.code import in_code
from voltagent.processors.secrets.text.assignments.passphrases import (
    end_of_rest,
    is_configured_word,
    is_password_word,
    is_word_of_pair,
    phrase,
)
from voltagent.processors.secrets.text.assignments.values import argument, quoted, unquoted
from voltagent.processors.secrets.text.engine import fast_check, has_literal
from voltagent.processors.secrets.text.scan import SHORT, Range, Scan, TooDenseError
from voltagent.processors.secrets.vocabulary.credential_forms import MIXED_WORD, atomic
from voltagent.processors.secrets.vocabulary.words import HINTS, PATS, STEMS, TWO_WORDS, WEAK_STEMS

_ALL_HINTS: Final = (*HINTS, *STEMS, *WEAK_STEMS, *TWO_WORDS, *PATS)
_NAME_CHARACTERS: Final = f"{string.ascii_lowercase}{string.ascii_uppercase}{string.digits}_$.-ñöłşéèüäçÑÖŁŞ"
_IN_NAMES: Final = frozenset(_NAME_CHARACTERS)
_LONGEST_NAME: Final = 80
_COMMON: Final = 9  # hints at the beginning of the list, which stand in most texts with any
_CHECKED: Final = 20  # other hints that are looked for at once
_LEAST: Final = 3  # bytes of each of these; a shorter one would be found too often
# Units of work: for a hint, for a beginning that was not seen before, and for what has to be replaced.
_NAMED: Final = 1
_NEW: Final = 12
_FOUND: Final = 6
_MATCHED: Final = 4
_MOST_REMEMBERED: Final = 2048  # beginnings in one payload
_Check: TypeAlias = "Callable[[str], str | None]"
_LONGEST_BEGINNING: Final = 400  # characters from a hint to the value
_LONGEST_HINT: Final = 64  # characters; a longer name of the user's may be missed at the end of a window
# The form of an unquoted value: a word of prose or a name, or a credential beyond doubt. What is neither is examined.
_PLAIN: Final = re.compile(
    rf"(?P<word>{atomic('[A-Za-z]?[a-z]{1,40}|[A-Z]{2,40}', 'plain')}"
    r"(?=[.,;?)\0\r\n]|!(?![A-Za-z0-9])|:(?![:\w])|[ \t]{1,16}(?![=|])|\Z))"
    rf"|(?P<mixture>{MIXED_WORD}(?=[\s\0]|[,;&](?=[\w.$-]{{0,60}}[=:\s\0]|\Z)|\Z))"
    r"|(?P<number>[0-9]{3}[ -][0-9]{3}(?![ -]?[0-9])|[0-9]{1,20})(?=[\s;&\0]|\Z)"
)
_BEHIND_LABEL: Final = frozenset(("", *" \t\r\n\0),;+.%&]}"))
_LONGEST_LABEL: Final = 200  # characters
_PLAIN_QUOTED: Final = re.compile(rf"({MIXED_WORD})(?P<quote>\\{{0,8}}[\"'`])(?!\s{{0,8}}(?:[+.]|->))")
_ENDS_WHOLE: Final = frozenset(("", " ", "\t", "\n", "\r", "\0"))
_OPENING: Final = re.compile(r"[\"'`(\[{<]")
_LONGEST_WHOLE: Final = 4400  # characters
_ENDS_LINE: Final = frozenset(("", "\n", "\r", "\0"))
_ENDS_WORD: Final = frozenset(("", " ", "\t", "\n", "\r", "\0", ",", ";", ")"))
# What follows a hint in an assignment, for an engine that knows no look-around: never less than its pattern takes.
_MAY_FOLLOW: Final = (
    r"[^\s\x1c-\x1f\"'`\\\[\])}%=:\x{ff1a}?|+!<({>*\x1b\x{201d}]*"
    r"(?:[\"'`\\\[\])%=:\x{ff1a}?|+!<({>*\x1b\x{201d}]|,[ \t]*[\"'<\\]|&(?:quot|#)|[\s\x1c-\x1f]+"
    r"(?:[=:!?|+<\[\d-]|\([a-z0-9_ .-]+\):|for |of |(?:provid|giv|us|suppli|receiv|creat|generat|issu|refresh"
    r"|rotat)e|n?var|n?text|(?:as )?string|or [\"'`\\]|\{ ?get)|\}[ \t]*=)"
)


class _HintChecks(NamedTuple):
    """A search for an assignment to a name with one of several hints, and one for each of these."""

    any_of: _Check
    single: Sequence[tuple[_Check, str]]


def _single_checks(hints: Sequence[str]) -> Sequence[tuple[_Check, str]]:
    return [(_check_of([hint]), hint) for hint in hints]


def _check_of(hints: Sequence[str]) -> _Check:
    return fast_check(f"(?:{'|'.join(map(re.escape, hints))}){_MAY_FOLLOW}")


@cache
def _checks_of_all() -> tuple[_Check, _Check]:
    """Compile a check for all hints, and for all but the common ones: for short texts."""
    return _check_of(_ALL_HINTS), _check_of(_ALL_HINTS[_COMMON:])


@cache
def _hint_checks() -> tuple[Sequence[tuple[_Check, str]], Sequence[_HintChecks]]:
    """Compile a check for each of the common hints, and those for a few of the others each.

    The engine finds that many beginnings many characters at a time; all of them, it would have to follow in states.
    """
    few: list[list[str]] = []
    for hint in _ALL_HINTS[_COMMON:]:
        if few and len(few[-1]) < _CHECKED and all(len(one.encode()) >= _LEAST for one in (hint, *few[-1])):
            few[-1].append(hint)
        else:
            few.append([hint])
    return _single_checks(_ALL_HINTS[:_COMMON]), [_HintChecks(_check_of(some), _single_checks(some)) for some in few]


def find_assignments(
    scan: Scan, hints: Sequence[str], start: int, stop: int, known: dict[int, int], *, is_one_piece: bool = False
) -> list[Range]:
    """Values of secret names whose known part, which is one of the hints, begins in a piece of a window.

    What is ``known`` already, by where it begins, with its end, is not examined if nothing can be added to it. In a
    window of one piece, each hint stands in the piece, and there is work enough for all of them.
    """
    found: list[Range] = []
    if not is_one_piece:
        low = scan.low
        piece = low[start : stop + _LONGEST_HINT]
        hints = [hint for hint in hints if has_literal(hint)(piece) is not None]
        scan.spend(_NAMED * sum([low.count(hint, start, stop + len(hint) - 1) for hint in hints]))
    for hint in hints:
        _add_values(scan, hint, start, stop, known, found)
    return found


def _add_values(scan: Scan, hint: str, start: int, stop: int, known: dict[int, int], found: list[Range]) -> None:  # noqa: C901, PLR0912, PLR0915 - in one piece: a text may consist of assignments
    """Add the values of the names with a hint."""
    text, memo, match_plain = scan.text, scan.memo, _PLAIN.match
    past = start
    for match in assignment_pattern(hint).finditer(scan.low, start, stop + _LONGEST_BEGINNING):
        position, value = match.span()
        if position >= stop:
            break
        if position < past:
            continue
        end = known.get(value)
        if end is not None and (not end or _is_whole(text, value, end)):
            past = max(past, end)
            continue
        scan.units -= _MATCHED
        known[value] = 0  # one name may hold several hints
        name = position
        if text[position - 1 : position] in _IN_NAMES:
            before = text[position - _LONGEST_NAME if position > _LONGEST_NAME else 0 : position]
            name += len(before.rstrip(_NAME_CHARACTERS)) - len(before)
        first = name - 1 if name else 0
        if text[first] == "/" and first:  # two of them belong to an address
            first -= 1
        written = text[first:value]
        one: Assignment | None = memo.get(written, UNKNOWN)
        if one is UNKNOWN:
            scan.units -= _NEW
            if len(memo) >= _MOST_REMEMBERED:  # Python's garbage collection looks at each of them
                memo.clear()
            one = memo[written] = understand(scan, written, match, name, value)
        if one is None or (one.may_be_label and _closes_label(text, name, value, one.beginning.quote)):
            continue
        if one.is_quoted:
            plain = _PLAIN_QUOTED.match(text, value) if one.may_be_plain else None
            if plain is not None and one.takes_mixture and plain["quote"] == one.beginning.quote:
                secret: Range | None = plain.span(1)
            elif one.is_argument:
                secret = argument(scan, one.beginning, name, value)
            else:
                secret = quoted(scan, one.beginning, value)
        else:
            plain = match_plain(text, value)
            if plain is None:
                secret = unquoted(scan, one.beginning, value)
            elif (form := plain.lastgroup) == "mixture":
                secret = plain.span() if one.takes_mixture else unquoted(scan, one.beginning, value)
            elif form == "word":
                secret, end = None, plain.end()
                after = text[end : end + 1]
                if not one.is_spaced and after not in _ENDS_WORD:
                    secret = unquoted(scan, one.beginning, value)
                elif (one.takes_word and is_password_word(plain[0])) or (
                    one.takes_pair and is_word_of_pair(scan, name, value, plain[0])
                ):
                    secret = plain.span()
                elif one.takes_line and after in _ENDS_LINE:
                    secret = plain.span() if is_configured_word(scan, name, value, plain[0]) else None
                elif after == " ":
                    if one.takes_phrase:
                        secret = phrase(scan, one.beginning.operator, name, value)
                    if secret is None and text.startswith("new ", value):
                        secret = in_code(scan, one.beginning, value)
                elif after == "." and text[end + 1 : end + 2].isalpha():  # such as `os.getenv("PASSWORD", "…")`
                    secret = in_code(scan, one.beginning, value)
            else:
                secret = plain.span() if one.takes_number and value + one.least_digits <= plain.end() else None
        if secret is not None and secret[0] < secret[1]:
            if one.goes_on:
                secret = secret[0], end_of_rest(scan, *secret)
            scan.units -= _FOUND
            past = secret[1]
            found.append(secret)
        if scan.units < 0:
            raise TooDenseError


def _is_whole(text: str, start: int, stop: int) -> bool:
    """Return whether nothing can be added to a secret from the same place on.

    It ends with the line or a space, is not in quotes, and has no bracket, which may be closed in another line.
    """
    return (
        text[stop : stop + 1] in _ENDS_WHOLE
        and stop - start < _LONGEST_WHOLE
        and _OPENING.search(text, max(0, start - 1), stop) is None
    )


def _closes_label(text: str, name: int, value: int, quote: str) -> bool:
    """Return whether a quote closes what was opened before the name: an odd number of them precedes it in the line."""
    if text[value : value + 1] not in _BEHIND_LABEL:
        return False
    line = 1 + max(text.rfind(mark, max(0, name - _LONGEST_LABEL), name) for mark in "\n\0")
    return text.count(quote, line or max(0, name - _LONGEST_LABEL), name) % 2 == 1


def hints_in(scan: Scan, start: int, stop: int) -> list[str]:
    """Return the hints of assignments that stand in a window, and the names of the user's own."""
    low = scan.low
    around = low[start : stop + _LONGEST_BEGINNING]
    own = [name for name in scan.names.own if low.find(name, start, stop + _LONGEST_HINT) >= 0]
    any_of, any_other = _checks_of_all() if len(around) <= SHORT else (None, None)
    if any_of is not None and any_of(around) is None:
        return own
    common, others = _hint_checks()
    found = [hint for check, hint in common if check(around) is not None]
    if any_other is None or any_other(around) is not None:
        for some in others:
            if some.any_of(around) is not None:
                found += [hint for check, hint in some.single if check(around) is not None]
    return found + own
