"""Find secrets that stand before the name that they are compared with: ``"hunter2" == password``."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text
from voltagent.processors.secrets.vocabulary.words import HINTED

# What a literal is compared with: a variable, a field, an item under a text or a symbol, an item that a call returns.
_NAME: Final = (
    r"(?P<name>[a-z_$@](?:[\w$.>-]|\?\.){1,80})"
    r"(?:(?:\[:?|(?<=get)\(|(?<=env)\()(?:\\{0,4}[\"']|(?<=:))(?P<key>[\w.-]{2,60})(?:\\{0,4}[\"']|\]))?"
)
_COMPARED: Final = r"=?[ \t]{0,4}" + _NAME
_EQUALS: Final = r"[a-z]{0,16}\([ \t]{0,4}" + _NAME
# What stands behind a literal. They are looked for with its quote: code has very many comparisons, and each place of a
# literal that is looked for costs some of the work that may be done for a text.
_BEHIND: Final = {"==": _COMPARED, " ==": _COMPARED, "!=": _COMPARED, " !=": _COMPARED, ".equal": _EQUALS}
# A call with both: `assertEquals("…", user.password)`.
_CALLED: Final = (
    r"\([ \t]{0,4}(?:[a-z]{1,8},[ \t]{0,4})?"
    r"(?P<quote>\\{0,4}[\"'`])(?P<value>[^\"'`\\\n\0]{6,150})(?P=quote),[ \t]{0,4}" + _NAME
)
_LITERAL: Final = re.compile(r"(\\{0,4}[\"'`])([^\"'`\\\n\0]{6,150})\1\Z")
_LONGEST: Final = 170  # characters of a literal, with its quotes
_PARTS: Final = re.compile(r"[.>]")


def _compared(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the literal, which is not what a test says about a password: that is a sentence."""
    scan.units -= 4
    name = scan.group(match, "key" if match["key"] else "name")
    name = _PARTS.split(name)[-1]
    strength = scan.names.strength(name)
    if "value" in match.re.groupindex:
        start, stop = match.span("value")
    else:
        before = _LITERAL.search(scan.text, max(0, match.start() - _LONGEST), match.start() + 1)
        if before is None:
            return None
        start, stop = before.span(2)
    value = scan.text[start:stop]
    is_sentence = " " in value and not has_password_form(value.replace(" ", ""))
    return (start, stop) if not is_sentence and is_secret_text(value, strength, name) else None


COMPARISONS: Final = SearchGroup(
    rf"[!=]=[= \t]*[a-z0-9_$@.>?(:\[\\\"'-]*(?:{HINTED})|equal[a-z]*!?\(|cmp\(|assert_eq!\(|compare_digest\(",
    (
        *(
            Search(quote + behind, re.escape(quote + behind) + rest, _compared)
            for quote in ('"', "'", "`")
            for behind, rest in _BEHIND.items()
        ),
        Search("equal", r"equal[a-z]{0,16}!?" + _CALLED, _compared),
        *(
            Search(call, re.escape(call[:-1]) + _CALLED, _compared)
            for call in ("cmp(", "assert_eq!(", "compare_digest(")
        ),
    ),
)
