"""Find secrets in a field, a flag or a part of a form, by the name in another one beside it."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import named_before, named_value, value_group
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text

_FIELD: Final = 190  # characters before a value in which the field with its name stands
_FORM_DATA: Final = (
    r"form-data;[ \t]{0,4}name=\\{0,4}\"(?P<name>[^\"\\\n\0]{1,60})\\{0,4}\"(?:\r?\n|(?:\\r)?\\n){2}"
    r"(?P<value>[^\r\n\\\0]{1,2000})"
)
# The value of a pair: the name stands before it, in a field of its own.
_FIELD_VALUE: Final = (
    r"value\\{0,4}[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?:(?P<quote>\\{0,4}[\"'])(?P<quoted>[^\"'\\\n\0]{1,1000})(?P=quote)"
    r"|(?P<value>[^\s\"'\\{}\[\],\0]{1,1000}))"
)
_FIELD_NAME: Final = re.compile(
    r"(?:(?:name|key|header|field|variable|env)\\{0,4}[\"']?[ \t]{0,4}[:=]|output)[ \t]{0,4}\\{0,4}[\"']?"
    r"(?P<name>[\w.:-]{1,60})\\{0,4}[\"']?"
    r"[,;]?(?:\s|\\[nrt]){0,40}[-{]?[ \t]{0,4}\\{0,4}[\"']?\Z"
)
# Characters between a name and the field of the value: spaces of all kinds, as `\s` has them, and punctuation.
_BEFORE_FIELD: Final = (
    " \t\r\n\f\v\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000-{\\\"',;"
)
_VALUE_FLAG: Final = (
    r"-value(?<=[ \t-]-value)[ \t]{1,4}(?:(?P<quote>\\{0,4}[\"'])(?P<quoted>[^\"'\\\n\0]{1,1000})(?P=quote)"
    r"|(?P<value>[^\s\"'\\\0-][^\s\"'\\\0]{0,1000}))"
)
_NAME_FLAG: Final = re.compile(r"-name[ \t]{1,4}[\"']?([\w./:-]{1,80})[\"']?[ \t]{1,4}-{0,1}\Z")
_LAST_LITERAL: Final = re.compile(r"\"([^\"\n\0]{3,150})\",[ \t]{0,4}\Z")
# The default of a Terraform variable.
_DEFAULT: Final = r"default[ \t]{0,16}=[ \t]{0,16}(?P<quote>\\{0,4}\")(?P<value>[^\"\\\n\0]{1,1000})(?P=quote)"
_VARIABLE: Final = re.compile(r"variable[ \t]{1,8}\\{0,4}\"(?P<name>[\w-]{1,60})\\{0,4}\"[ \t]{0,8}\{[^{}]{0,200}\Z")


def _field(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``name: DB_PASSWORD, value: …``."""
    scan.units -= 10
    start = match.start()
    before = scan.low[max(0, start - _FIELD) : start]
    line = before.rfind("\n", 0, len(before.rstrip(_BEFORE_FIELD)))  # that of the name
    reach = len(before) - line - 1
    return named_before(scan, match, _FIELD_NAME, value_group(match), reach)


def _after_name(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``Set-Variable -Name password -Value …`` and ``--name /db/password --value …``."""
    return named_before(scan, match, _NAME_FLAG, value_group(match), _FIELD)


def _for_key(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``set("…", forKey: "password")``, which stands before the name."""
    value = _LAST_LITERAL.search(scan.text, max(0, match.start() - _FIELD), match.start())
    strength = scan.names.strength(scan.group(match, "name"))
    return value.span(1) if value is not None and is_secret_text(value[1], strength) else None


FIELDS: Final = SearchGroup(
    r"value\\*[\"']?[ \t]*[:=]|-value[ \t]|default[ \t]*=|form-data|set-output name=|forkey:",
    (
        Search("value", _FIELD_VALUE, _field),
        Search("-value", _VALUE_FLAG, _after_name),
        Search("default", _DEFAULT, partial(named_before, name=_VARIABLE)),
        Search("name=", r"name=(?P<name>[\w.-]{1,60})(?:::|\])(?P<value>[^\s\0]{1,2000})", named_value),
        Search("forkey:", r"forkey:[ \t]{0,4}\"(?P<name>[\w.-]{2,60})\"", _for_key),
        Search("form-data", _FORM_DATA, named_value),
    ),
)
