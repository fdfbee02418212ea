"""Find secrets that stand before the name that they are compared with: ``"hunter2" == password``."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text
from voltagent.processors.secrets.vocabulary.words import HINTED

# What a literal is compared with: a variable, a field, an item.
_NAME: Final = r"(?P<name>[a-z_$@][\w$.>-]{1,80})(?:\[\\{0,4}[\"'](?P<key>[\w.-]{2,60})\\{0,4}[\"'])?"
_COMPARED: Final = r"=?[ \t]{0,4}" + _NAME
# A call with both, as `assertEquals("…", user.password)`, or behind the literal, as `"…".equals(password)`.
_CALLED: Final = (
    r"\([ \t]{0,4}(?:[a-z]{1,8},[ \t]{0,4})?"
    r"(?:(?P<quote>\\{0,4}[\"'`])(?P<value>[^\"'`\\\n\0]{6,150})(?P=quote),[ \t]{0,4})?" + _NAME
)
_LITERAL: Final = re.compile(r"(\\{0,4}[\"'`])([^\"'`\\\n\0]{6,150})\1[ \t]{0,4}\.?\Z")
_LONGEST: Final = 170  # characters of a literal, with its quotes
_PARTS: Final = re.compile(r"[.>]")


def _compared(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the literal, which is not what a test says about a password: that is a sentence."""
    scan.units -= 4
    name = scan.group(match, "key" if match["key"] else "name")
    name = _PARTS.split(name)[-1]
    strength = scan.names.strength(name)
    if "quote" in match.re.groupindex and match["quote"] is not None:
        start, stop = match.span("value")
    else:
        before = _LITERAL.search(scan.text, max(0, match.start() - _LONGEST), match.start())
        if before is None:
            return None
        start, stop = before.span(2)
    value = scan.text[start:stop]
    is_sentence = " " in value and not has_password_form(value.replace(" ", ""))
    return (start, stop) if not is_sentence and is_secret_text(value, strength, name) else None


COMPARISONS: Final = SearchGroup(
    rf"[!=]=[= \t]*[a-z0-9_$@.>\[\\\"'-]*(?:{HINTED})|equal[a-z]*!?\(|cmp\(|assert_eq!\(|compare_digest\(",
    (
        *(Search(operator, operator + _COMPARED, _compared) for operator in ("==", "!=")),
        Search("equal", r"equal[a-z]{0,16}!?" + _CALLED, _compared),
        *(
            Search(call, re.escape(call[:-1]) + _CALLED, _compared)
            for call in ("cmp(", "assert_eq!(", "compare_digest(")
        ),
    ),
)
