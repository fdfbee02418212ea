"""Find secrets in XML: in elements and attributes, by their names or by a name in an element or attribute beside."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import BEFORE_VALUE, named_before
from voltagent.processors.secrets.vocabulary.credential_forms import atomic, is_ordinary
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import HINTED

# The value has no space at either end: to divide spaces among parts of the pattern takes the square of their number.
_ELEMENT: Final = (
    r"<(?:[\w-]{1,20}:)?(?P<name>[a-z][\w.-]{1,60})(?P<attributes>\s[^<>\0]{0,200})?>"
    + atomic(r"\s{0,80}", "spaces")
    + r"(?:<!\[cdata\[\s{0,8})?(?P<value>[^<>\s\0](?:[^<>\n\0]{0,1998}[^<>\s\0])?)\s{0,8}(?:\]\]>)?\s{0,80}</"
)
_ATTRIBUTE: Final = r"[ \t]{0,2}=[ \t]{0,2}(?P<quote>\\{0,4}[\"'])(?P<value>[^\"'<>\\\0]{1,1000})(?P=quote)"
_NAME_ATTRIBUTE: Final = re.compile(
    r"(?:key|name|id|type)[ \t]{0,2}=[ \t]{0,2}(?:\\{0,4}[\"'](?=[\w.:-]{1,60}\\{0,4}[\"'])|(?=[\w.:-]{1,60}[\s>]))"
    r"(?P<name>[\w.:-]{1,60})",
    re.IGNORECASE,
)
# What a page shows, whose name or id may speak of what it is for.
_SHOWN_TAGS: Final = "a b button div em h1 h2 h3 h4 label legend li option p span strong summary title"
_SHOWN: Final = frozenset(_SHOWN_TAGS.split())
_TAG_NAME: Final = re.compile(r"<([\w.:-]{1,60})[\s>]")
_BEHIND_VALUE: Final = re.compile(r"[^<>\0]{1,200}(?=>)")
# `<key>clientSecret</key><string>…</string>`, as in property lists.
_AFTER_KEY: Final = r"\s{0,16}<(?:string|value|integer|data)>(?P<value>[^<>\n\0]{1,2000})</"
_ELEMENT_NAME: Final = re.compile(r"<(?:key|name)>([\w.:-]{1,60})\Z")
# An element in a text that is escaped for XML once more.
_ESCAPED: Final = r"&gt;(?P<value>[^<>&\n\0]{1,500})&lt;/"
_ESCAPED_NAME: Final = re.compile(r"&lt;(?:[\w-]{1,20}:)?([\w.-]{1,60})\Z")


def _strongest(scan: Scan, names: list[str]) -> Strength:
    return max(map(scan.names.strength, names), default=Strength.NONE)


def _element(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the content of ``<password>…</password>`` or ``<property name="password">…</property>``."""
    start, stop = match.span("name")
    own = strength = scan.names.strength(scan.text[start:stop])
    if match["attributes"]:
        strength = max(strength, _strongest(scan, _NAME_ATTRIBUTE.findall(scan.group(match, "attributes"))))
    if match["name"] == "value":  # `<setting name="password"><value>…`
        before = scan.text[max(0, match.start() - BEFORE_VALUE) : match.start()].rstrip()
        tag = max(0, before.rfind("<"))
        names = [*_NAME_ATTRIBUTE.findall(before, tag), *_TAG_NAME.findall(before, tag)] if before.endswith(">") else []
        strength = max(strength, _strongest(scan, names))
    if strength is Strength.NONE:
        return None
    value = scan.group(match, "value").strip()
    if own is Strength.NONE and " " in value and value[:1].isalpha() and is_ordinary(value):
        return None  # what is written about a parameter
    if own is Strength.NONE and match["name"] in _SHOWN and not has_password_form(value):
        return None
    is_name = value.isalpha() and strength is Strength.WEAK
    return match.span("value") if not is_name and is_secret_text(value, strength) else None


def _attribute(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``<add key="Password" value="…">``."""
    before = scan.text[max(0, match.start() - BEFORE_VALUE) : match.start()]
    tag = max(0, before.rfind("<"))
    names = [*_NAME_ATTRIBUTE.findall(before, tag), *_TAG_NAME.findall(before, tag)[:1]]
    behind = _BEHIND_VALUE.match(scan.low, match.end())
    names += _NAME_ATTRIBUTE.findall(behind[0]) if behind is not None and "<" in before else []
    return match.span("value") if is_secret_text(scan.group(match, "value"), _strongest(scan, names)) else None


ELEMENTS: Final = SearchGroup(
    rf"<[^<>\x00]*(?:{HINTED})[^<>\x00]*>", (Search("<", _ELEMENT, _element),), takes_own_names=True
)
VALUES: Final = SearchGroup(
    r"(?:value|content)\\*[\"']?[ \t]*[:=]|</(?:key|name)>|&gt;",
    (
        Search("value", "value" + _ATTRIBUTE, _attribute),
        Search("content", "content" + _ATTRIBUTE, _attribute),
        *(Search(end, end + _AFTER_KEY, partial(named_before, name=_ELEMENT_NAME)) for end in ("</key>", "</name>")),
        Search("&gt;", _ESCAPED, partial(named_before, name=_ESCAPED_NAME)),
    ),
)
