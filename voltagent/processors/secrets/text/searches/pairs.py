"""Find secrets whose name does not stand before an operator: in XML, in a field beside the value, above a row."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import first_of
from voltagent.processors.secrets.text.tables import named_columns
from voltagent.processors.secrets.vocabulary.credential_forms import atomic, is_credential, is_placeholder
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
    r"(?:key|name|id|type)[ \t]{0,2}=[ \t]{0,2}\\{0,4}[\"'](?P<name>[\w.:-]{1,60})\\{0,4}[\"']"
)
_TAG_NAME: Final = re.compile(r"<([\w.:-]{1,60})\s")
_BEHIND_VALUE: Final = re.compile(r"[^<>\0]{1,200}(?=>)")
_TAG: Final = 300  # characters before a value in which the name of its element stands
_FIELD: Final = 190  # characters before a value in which the field with its name stands
_FORM_DATA: Final = (
    r"form-data;[ \t]{0,4}name=\\{0,4}\"(?P<name>[^\"\\\n\0]{1,60})\\{0,4}\"(?:\r?\n|(?:\\r)?\\n){2}"
    r"(?P<value>[^\r\n\\\0]{1,2000})"
)
# `<key>clientSecret</key><string>…</string>`, as in property lists.
_AFTER_KEY: Final = r"\s{0,16}<(?:string|value)>(?P<value>[^<>\n\0]{1,2000})</"
_ELEMENT_NAME: Final = re.compile(r"<(?:key|name)>([\w.:-]{1,60})\Z")
# The value of a pair: the name stands before it, in a field of its own.
_FIELD_VALUE: Final = (
    r"value\\{0,4}[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?:(?P<quote>\\{0,4}[\"'])(?P<quoted>[^\"'\\\n\0]{1,1000})(?P=quote)"
    r"|(?P<value>[^\s\"'\\{}\[\],\0]{1,1000}))"
)
_FIELD_NAME: Final = re.compile(
    r"(?:name|key|header|field|variable|env)\\{0,4}[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\{0,4}[\"']?"
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
# An element in a text that is escaped for XML once more.
_ESCAPED: Final = r"&gt;(?P<value>[^<>&\n\0]{1,500})&lt;/"
_ESCAPED_NAME: Final = re.compile(r"&lt;(?:[\w-]{1,20}:)?([\w.-]{1,60})\Z")
# The rows of an `INSERT`: the columns, and the items of the first row.
_ROW: Final = r"values\s{0,8}\("
_COLUMNS: Final = re.compile(r"\(([\w\s,.\"`\[\]]{1,250})\)\s{0,8}\Z")
_ITEM: Final = re.compile(r"(?:\s{0,8}[ENen]?'((?:[^'\\\0]|\\[^\0]|''){0,500})'\s{0,8}|[^,'()\0]{1,200})(?:,|\))")
_NAME_OF_TABLE: Final = 90  # characters before the rows in which the name of the table stands
_COLUMN: Final = re.compile(
    r"[(,]\s{0,16}(?!(?:PRIMARY|UNIQUE|FULLTEXT|FOREIGN|CONSTRAINT|CHECK|INDEX|KEY)\b)"
    r"[\"`\[]?(\w{1,60})[\"`\]]?\s{1,8}[A-Za-z]"
)
_LONGEST_TABLE: Final = 4096  # characters of the statement that creates a table
_LONGEST_DUMP: Final = 1 << 14  # characters between it and the rows
_TABLE_WORK: Final = 16  # units
_NEXT_ROW: Final = re.compile(r"\s{0,8},\s{0,8}\(")
_ITEM_WORK: Final = 3  # units
_MOST_COLUMNS: Final = 40
# The default of a Terraform variable.
_DEFAULT: Final = r"default[ \t]{0,16}=[ \t]{0,16}(?P<quote>\\{0,4}\")(?P<value>[^\"\\\n\0]{1,1000})(?P=quote)"
_VARIABLE: Final = re.compile(r"variable[ \t]{1,8}\\{0,4}\"(?P<name>[\w-]{1,60})\\{0,4}\"[ \t]{0,8}\{[^{}]{0,200}\Z")


def _is_secret(value: str, strength: Strength) -> bool:
    is_encrypted = value[:1] == "{" and value[-1:] == "}" and is_credential(value[1:-1])  # by Maven or Jenkins
    if strength is Strength.NONE or (is_placeholder(value) and not is_encrypted):
        return False
    return strength is Strength.STRONG or is_encrypted or is_credential(value)


def _strongest(scan: Scan, names: list[str]) -> Strength:
    return max(map(scan.names.strength, names), default=Strength.NONE)


def _element(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the content of ``<password>…</password>`` or ``<property name="password">…</property>``."""
    start, stop = match.span("name")
    strength = scan.names.strength(scan.text[start:stop])
    if match["attributes"]:
        strength = max(strength, _strongest(scan, _NAME_ATTRIBUTE.findall(scan.group(match, "attributes"))))
    if match["name"] == "value":  # `<setting name="password"><value>…`
        before = scan.text[max(0, match.start() - _TAG) : match.start()].rstrip()
        names = _NAME_ATTRIBUTE.findall(before, max(0, before.rfind("<"))) if before.endswith(">") else []
        strength = max(strength, _strongest(scan, names))
    if strength is Strength.NONE:
        return None
    value = scan.group(match, "value").strip()
    is_name = value.isalpha() and strength is Strength.WEAK
    return match.span("value") if not is_name and _is_secret(value, strength) else None


def _attribute(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``<add key="Password" value="…">``."""
    before = scan.text[max(0, match.start() - _TAG) : match.start()]
    tag = max(0, before.rfind("<"))
    names = [*_NAME_ATTRIBUTE.findall(before, tag), *_TAG_NAME.findall(before, tag)[:1]]
    behind = _BEHIND_VALUE.match(scan.low, match.end())
    names += _NAME_ATTRIBUTE.findall(behind[0]) if behind is not None and "<" in before else []
    return match.span("value") if _is_secret(scan.group(match, "value"), _strongest(scan, names)) else None


def _named_before(
    scan: Scan, match: re.Match[str], name: re.Pattern[str], value: str = "value", reach: int = _TAG
) -> Range | None:
    before = max(0, match.start() - reach)
    found = name.search(scan.low, before, match.start())
    strength = Strength.NONE if found is None else scan.names.strength(scan.group(found, 1))
    return match.span(value) if _is_secret(scan.group(match, value), strength) else None


def _after_key(scan: Scan, match: re.Match[str]) -> Range | None:
    return _named_before(scan, match, _ELEMENT_NAME)


def _field(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``name: DB_PASSWORD, value: …``."""
    scan.units -= 10
    start = match.start()
    before = scan.low[max(0, start - _FIELD) : start]
    line = before.rfind("\n", 0, len(before.rstrip(_BEFORE_FIELD)))  # that of the name
    reach = len(before) - line - 1
    return _named_before(scan, match, _FIELD_NAME, "value" if match["quote"] is None else "quoted", reach)


def _escaped(scan: Scan, match: re.Match[str]) -> Range | None:
    return _named_before(scan, match, _ESCAPED_NAME)


def _row(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first secret in the rows of an ``INSERT``, by the names of its columns; the next ones are noted."""
    start = match.start()
    opening = scan.text.rfind("(", max(0, start - _TAG), start)
    columns = _COLUMNS.match(scan.text, opening, start) if opening >= 0 else None
    into = scan.text.rfind("INTO ", max(0, start - _NAME_OF_TABLE), start) + 5 if columns is None else 0
    if columns is None and into < len("INTO "):
        return None
    written = scan.text[into:start].strip() if columns is None else columns[1]
    key = f"\n\n{into > 0}{written}"  # no beginning of an assignment, and no line
    known: _Columns | None = scan.memo.get(key)
    if known is None:
        known = scan.memo[key] = _secret_columns(scan, _of_table(scan, written, start) if into else written)
    if not known.secret and known.named is None:
        return None
    found: list[Range] = []
    position = match.end()
    while position:
        position = _end_of_row(scan, position, known, found)
    return first_of(scan, found)


def _of_table(scan: Scan, table: str, stop: int) -> str:
    """Return the columns of a table, as a dump creates it before the first rows, which begin at ``stop``."""
    scan.units -= _TABLE_WORK
    created = scan.text.rfind(f"TABLE {table} (", max(0, stop - _LONGEST_DUMP), stop)
    body = scan.text[created : min(stop, created + _LONGEST_TABLE)].partition(";")[0] if created >= 0 else ""
    return ",".join(_COLUMN.findall(body)[:_MOST_COLUMNS])


class _Columns(NamedTuple):
    """The columns of a statement."""

    width: int
    secret: dict[int, Strength]
    named: tuple[int, int] | None  # those of names and of values


def _secret_columns(scan: Scan, columns: str) -> _Columns:
    names = [name.strip(' \n\r\t"`[]') for name in columns.split(",")][:_MOST_COLUMNS]
    strengths = map(scan.names.strength, names)
    secret: dict[int, Strength] = {
        number: found for number, found in enumerate(strengths) if found is not Strength.NONE
    }
    named = named_columns([name.lower() for name in names])
    return _Columns(len(names), secret, named)


def _end_of_row(scan: Scan, position: int, columns: _Columns, found: list[Range]) -> int:
    """Note the secrets of a row, and return where the next row begins, or 0."""
    named = Strength.NONE
    for number in range(columns.width):
        item = _ITEM.match(scan.text, position, position + 800)
        scan.units -= _ITEM_WORK
        if item is None:
            return 0
        position, value = item.end(), item[1]
        strength = columns.secret.get(number, Strength.NONE)
        if columns.named is not None:
            if number == columns.named[0] and value:
                named = scan.names.strength(value)
            strength = named if number == columns.named[1] else Strength.NONE
        if value and _is_secret(value, strength):
            found.append(item.span(1))
    after = _NEXT_ROW.match(scan.text, position)
    return 0 if after is None else after.end()


def _form_data(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return a part of a multipart form."""
    strength = scan.names.strength(scan.group(match, "name"))
    return match.span("value") if _is_secret(scan.group(match, "value"), strength) else None


def _after_name(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``Set-Variable -Name password -Value …`` and ``--name /db/password --value …``."""
    return _named_before(scan, match, _NAME_FLAG, "value" if match["quote"] is None else "quoted", _FIELD)


def _default(scan: Scan, match: re.Match[str]) -> Range | None:
    return _named_before(scan, match, _VARIABLE)


_ELEMENTS: Final = SearchGroup(
    rf"<[^<>\x00]*(?:{HINTED})[^<>\x00]*>", (Search("<", _ELEMENT, _element),), takes_own_names=True
)
_FIELDS: Final = SearchGroup(
    r"(?:value|content)\\*[\"']?[ \t]*[:=]|-value[ \t]|</(?:key|name)>|default[ \t]*=|form-data|&gt;|values\s*\(",
    (
        Search("value", "value" + _ATTRIBUTE, _attribute),
        Search("content", "content" + _ATTRIBUTE, _attribute),
        Search("value", _FIELD_VALUE, _field),
        Search("-value", _VALUE_FLAG, _after_name),
        *(Search(end, end + _AFTER_KEY, _after_key) for end in ("</key>", "</name>")),
        Search("default", _DEFAULT, _default),
        Search("form-data", _FORM_DATA, _form_data),
        Search("&gt;", _ESCAPED, _escaped),
        Search("values", _ROW, _row),
    ),
)
PAIRS: Final = (_ELEMENTS, _FIELDS)
