"""Find secrets whose name does not stand before an operator: in XML, in a field beside the value, above a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final, NamedTuple

from voltagent.processors.secrets.credential_forms import is_credential, is_mixture, is_placeholder, is_weak_secret
from voltagent.processors.secrets.names import Strength
from voltagent.processors.secrets.prefilter import fast_check
from voltagent.processors.secrets.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.words import HINTS, OF_WORDS, STEMS

_CDATA: Final = r"(?:<!\[cdata\[)?"
_ELEMENT: Final = (
    r"<(?:[\w-]{1,20}:)?(?P<name>[a-z][\w.-]{1,60})(?P<attributes>\s[^<>\0]{0,200})?>\s{0,8}"
    + _CDATA
    + r"(?P<value>[^<>\n\0]{1,2000})(?:\]\]>)?\s{0,8}</"
)
_ATTRIBUTE: Final = r"value[ \t]{0,2}=[ \t]{0,2}(?P<quote>\\{0,4}[\"'])(?P<value>[^\"'<>\\\0]{1,1000})(?P=quote)"
_NAME_ATTRIBUTE: Final = re.compile(
    r"(?:key|name|id|type)[ \t]{0,2}=[ \t]{0,2}\\{0,4}[\"'](?P<name>[\w.:-]{1,60})\\{0,4}[\"']"
)
_TAG_NAME: Final = re.compile(r"<([\w.:-]{1,60})\s")
_TAG: Final = 300  # characters before a value in which the name of its element stands
_FIELD: Final = 190  # characters before a value in which the field with its name stands
# `<key>clientSecret</key><string>…</string>`, as in property lists.
_FORM_DATA: Final = (
    r"form-data;[ \t]{0,4}name=\\{0,4}\"(?P<name>[^\"\\\n\0]{1,60})\\{0,4}\"(?:\r?\n|(?:\\r)?\\n){2}"
    r"(?P<value>[^\r\n\\\0]{1,2000})"
)
_AFTER_KEY: Final = r"</key>\s{0,16}<string>(?P<value>[^<>\n\0]{1,2000})</"
_ELEMENT_NAME: Final = re.compile(r"<key>([\w.:-]{1,60})\Z", re.IGNORECASE)
# The value of a pair: the name stands before it, in a field of its own.
_FIELD_VALUE: Final = (
    r"value\\{0,4}[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?:(?P<quote>\\{0,4}[\"'])(?P<quoted>[^\"'\\\n\0]{1,1000})(?P=quote)"
    r"|(?P<value>[^\s\"'\\{}\[\],\0]{1,1000}))"
)
_FIELD_NAME: Final = re.compile(
    r"(?=[nkhfve])(?:name|key|header|field|variable|env)\\{0,4}[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\{0,4}[\"']?"
    r"(?P<name>[\w.:-]{1,60})\\{0,4}[\"']?"
    r"[,;]?(?:\s|\\[nrt]){0,40}[-{]?[ \t]{0,4}\\{0,4}[\"']?\Z",
    re.IGNORECASE,
)
_VALUE_FLAG: Final = (
    r"-value(?<=[ \t-]-value)[ \t]{1,4}(?:(?P<quote>\\{0,4}[\"'])(?P<quoted>[^\"'\\\n\0]{1,1000})(?P=quote)"
    r"|(?P<value>[^\s\"'\\\0-][^\s\"'\\\0]{0,1000}))"
)
_NAME_FLAG: Final = re.compile(r"-name[ \t]{1,4}[\"']?([\w./:-]{1,80})[\"']?[ \t]{1,4}-{0,1}\Z", re.IGNORECASE)
# An element in a text that is escaped for XML once more.
_ESCAPED: Final = r"&gt;(?P<value>[^<>&\n\0]{1,500})&lt;/"
_ESCAPED_NAME: Final = re.compile(r"&lt;(?:[\w-]{1,20}:)?([\w.-]{1,60})\Z")
# The rows of an `INSERT`: the columns, and the items of the first row.
_ROW: Final = r"values\s{0,8}\("
_COLUMNS: Final = re.compile(r"\(([\w\s,.\"`\[\]]{1,250})\)\s{0,8}\Z")
_ITEM: Final = re.compile(r"\s{0,8}(?:[ENen]?'((?:[^'\\\0]|\\[^\0]|''){0,500})'|[^,'()\0]{1,200})\s{0,8}(?:,|\))")
_NEXT_ROW: Final = re.compile(r"\s{0,8},\s{0,8}\(")
_ITEM_WORK: Final = 3  # units
_MOST_COLUMNS: Final = 40
# The default of a Terraform variable.
_DEFAULT: Final = r"default[ \t]{0,16}=[ \t]{0,16}(?P<quote>\\{0,4}\")(?P<value>[^\"\\\n\0]{1,1000})(?P=quote)"
_VARIABLE: Final = re.compile(r"variable[ \t]{1,8}\\{0,4}\"(?P<name>[\w-]{1,60})\\{0,4}\"[ \t]{0,8}\{[^{}]{0,200}\Z")

# The header of a table, and what its rows are made of.
_SEPARATORS: Final = "\t|;,"
_HEADING: Final = re.compile(r"[\"'`*]{0,2}[^\W\d][\w.$#/-]{0,40}(?: [\w.-]{1,20}){0,3}[\"'`*]{0,2}\Z")
# A line of code or a query with commas in it.
_STATEMENT: Final = re.compile(
    r"(?:import|from|select|return|yield|global|nonlocal|del|raise|use|using|var|let|const|export|print|echo|local|my|our)"
    r"[ \t]",
    re.IGNORECASE,
)
_RULE: Final = "-+|:= \t\r"  # characters of a line between a header and its rows
_RULES: Final = frozenset(("", *_RULE))
_QUOTED_CELL: Final = re.compile(r"\"(?:[^\"\n\0]|\"\"){0,2000}\"?|[^\"\n\0]{1,2000}")
_NO_CELL: Final = frozenset(("yes", "no", "true", "false", "null", "none", "n/a", "string", "required", "optional"))
_LONGEST_HEADER: Final = 512  # characters
_CHECKED: Final = 1024  # characters of a text with tables that are checked at once
_LONGEST_ROW: Final = 4096
_LEAST_DIGITS: Final = 4  # of a number in a table whose cells have spaces around them
_FIRST_ROWS: Final = 64  # characters behind a header that are divided into rows at once, then four times as many
# Units of work for a row, and for a cell if the row has several secrets; with less left, these are hidden as one.
_ROW_WORK: Final = 2
_CELL_WORK: Final = 3
_ROW_AT_ONCE: Final = 800


def _is_secret(value: str, strength: Strength) -> bool:
    if strength is Strength.NONE or is_placeholder(value):
        return False
    return strength is Strength.STRONG or is_credential(value)


def _strongest(scan: Scan, names: list[str]) -> Strength:
    return max(map(scan.names.strength, names), default=Strength.NONE)


def _element(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the content of ``<password>…</password>`` or ``<property name="password">…</property>``."""
    value = scan.group(match, "value").strip()
    names = [scan.group(match, "name")]
    if match["attributes"]:
        names += _NAME_ATTRIBUTE.findall(scan.group(match, "attributes"))
    if names[0].lower() == "value":  # `<setting name="password"><value>…`
        before = scan.text[max(0, match.start() - _TAG) : match.start()].rstrip()
        names += _NAME_ATTRIBUTE.findall(before, max(0, before.rfind("<"))) if before.endswith(">") else []
    strength = _strongest(scan, names)
    is_name = value.isalpha() and strength is Strength.WEAK
    return match.span("value") if not is_name and _is_secret(value, strength) else None


def _attribute(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``<add key="Password" value="…">``."""
    before = scan.text[max(0, match.start() - _TAG) : match.start()]
    tag = max(0, before.rfind("<"))
    names = [*_NAME_ATTRIBUTE.findall(before, tag), *_TAG_NAME.findall(before, tag)[:1]]
    return match.span("value") if _is_secret(scan.group(match, "value"), _strongest(scan, names)) else None


def _named_before(
    scan: Scan, match: re.Match[str], name: re.Pattern[str], value: str = "value", reach: int = _TAG
) -> Range | None:
    found = name.search(scan.text[max(0, match.start() - reach) : match.start()])
    strength = Strength.NONE if found is None else scan.names.strength(found[1])
    return match.span(value) if _is_secret(scan.group(match, value), strength) else None


def _after_key(scan: Scan, match: re.Match[str]) -> Range | None:
    return _named_before(scan, match, _ELEMENT_NAME)


def _field(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``name: DB_PASSWORD, value: …``."""
    scan.spend(10)
    return _named_before(scan, match, _FIELD_NAME, "value" if match["quote"] is None else "quoted", _FIELD)


def _escaped(scan: Scan, match: re.Match[str]) -> Range | None:
    return _named_before(scan, match, _ESCAPED_NAME)


def _row(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the literal in the first row of an ``INSERT`` that belongs to the first column with a strong name.

    Those in the next rows are noted beside the columns of tables.
    """
    columns = _COLUMNS.search(scan.text[max(0, match.start() - _TAG) : match.start()])
    names = [] if columns is None else [name.strip(' \n\r\t"`[]') for name in columns[1].split(",")][:_MOST_COLUMNS]
    secret = next((n for n, name in enumerate(names) if scan.names.strength(name) is Strength.STRONG), None)
    if secret is None:
        return None
    found: list[Range] = []
    position = match.end()
    while position:
        position = _end_of_row(scan, position, len(names), secret, found)
    scan.columns += found[1:]
    return found[0] if found else None


def _end_of_row(scan: Scan, position: int, width: int, secret: int, found: list[Range]) -> int:
    """Note the literal in a column of a row, and return where the next row begins, or 0."""
    for number in range(width):
        item = _ITEM.match(scan.text, position, position + 800)
        scan.units -= _ITEM_WORK
        if item is None:
            return 0
        if number == secret and item[1] and not is_placeholder(item[1]):
            found.append(item.span(1))
        position = item.end()
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


_HINTED: Final = "|".join((*HINTS, *STEMS))


@cache
def _may_be_header() -> Callable[[str], str | None]:
    """Compile a check for a line with a name and a separator, and nothing that is in no header."""
    inner, joint = r"[^\n\x00={}()<>\[\]:@!?\\+&%^~]*", r"[,;|\t]"
    name = rf"(?:{_HINTED})"
    return fast_check(rf"(?m)(?:^|\x00){inner}(?:{name}{inner}{joint}|{joint}{inner}{name}){inner}\r?\n")


def find_columns(scan: Scan, start: int, stop: int) -> list[Range]:
    """Secrets in the columns of tables whose header begins in a window: CSV, Markdown, what database clients print."""
    check, text, found = _may_be_header(), scan.text, list[Range]()
    if check(scan.low[start : stop + _LONGEST_HEADER]) is None:
        return found
    checked = start
    position = max(start, scan.past_table)
    if position and text[position - 1] not in "\n\0":
        position = _next_line(text, position, stop)
    while position < stop:
        if position >= checked:
            checked = position + _CHECKED
            if check(scan.low[position : checked + _LONGEST_HEADER]) is None:
                position = _next_line(text, checked - 1, stop)
                continue
        end = text.find("\n", position, position + _LONGEST_HEADER)
        if end < 0:
            position = _next_line(text, position, stop)
            continue
        position = 1 + max(position - 1, text.rfind("\0", position, end))
        if check(scan.low[position : end + 1]) is not None:
            _add_column(scan, text[position:end].rstrip("\r"), end + 1, found)
        position = max(end + 1, scan.past_table)
    return found


def _next_line(text: str, position: int, stop: int) -> int:
    ends = [end for end in (text.find(mark, position, stop) for mark in "\n\0") if end >= 0]
    return 1 + min(ends, default=stop)


class _Header(NamedTuple):
    """What stands above a table."""

    separator: str
    is_spaced: bool
    width: int  # columns
    secret: tuple[tuple[int, str, Strength], ...]  # the columns of secrets: where they stand, and their names


def _header(scan: Scan, line: str) -> _Header | None:
    """Read a line as the header of a table with a column of secrets."""
    for separator in _SEPARATORS:
        if separator not in line:
            continue
        names = [name.strip() for name in line.split(separator)]
        inner = names[not names[0] : len(names) - (not names[-1])]
        if len(inner) > 1 and len(names) <= _MOST_COLUMNS and all(map(_HEADING.match, inner)):
            break
    else:
        return None
    is_code = separator == "," and (len(inner) < len(names) or "'" in line)  # a line of a list
    if is_code or _STATEMENT.match(inner[0]) is not None:
        return None
    names = [name.strip("\"'`*") for name in names]
    least = Strength.WEAK if OF_WORDS.isdisjoint(map(str.lower, names)) else Strength.STRONG
    strengths = [scan.names.strength(name) if name else Strength.NONE for name in names]
    secret = tuple((n, names[n], strength) for n, strength in enumerate(strengths) if strength >= least)
    return _Header(separator, separator == "|" or f"{separator} " in line, len(names), secret) if secret else None


def _add_column(scan: Scan, line: str, row: int, found: list[Range]) -> None:
    """Add the secrets in the rows behind a line, if it is the header of a table with a name of secrets in it."""
    key = f"\n{line}"  # no beginning of an assignment
    if key not in scan.memo:
        scan.memo[key] = _header(scan, line)
    header: _Header | None = scan.memo[key]
    if header is None:
        return
    scan.units -= _ROW_WORK
    text, limit, size = scan.text, scan.end_of_string(row - 1), _FIRST_ROWS
    is_table = True
    while row < limit and is_table:
        end = limit if limit <= row + size else text.rfind("\n", row, row + size)
        if end < 0:
            end = text.find("\n", row, min(limit, row + _LONGEST_ROW))
            end = min(limit, row + _LONGEST_ROW) if end < 0 else end
        size = min(_LONGEST_ROW, size * 4)
        for one in text[row:end].split("\n"):
            is_table = _add_row(scan, header, one, row, found)
            if not is_table:
                break
            row += len(one) + 1
    scan.past_table = row


def _add_row(scan: Scan, header: _Header, line: str, row: int, found: list[Range]) -> bool:
    """Add the secrets of a row, and return whether it is one. With too little work left, as one."""
    separator = header.separator
    scan.units -= _ROW_WORK
    if line[:1] in _RULES and not line.strip(_RULE):
        return separator == "|" and line.strip() != ""
    cells = line.split(separator) if '"' not in line else [*_split(line, separator)]
    if len(cells) != header.width:
        return False
    secret = header.secret
    if len(secret) > 1:
        if scan.units < _ROW_AT_ONCE:
            first, last = secret[0][0], secret[-1][0] + 1
            begin = row + first + sum(map(len, cells[:first]))
            found.append((begin, begin + last - first - 1 + sum(map(len, cells[first:last]))))
            return True
        scan.units -= _CELL_WORK * len(secret)
    before = 0
    for number, name, strength in secret:
        row += number - before + sum(map(len, cells[before:number]))
        before = number
        cell = cells[number]
        value = cell.strip(" \t\r\"'`*")
        if value and _is_secret_cell(name, value, strength, is_spaced=header.is_spaced):
            begin = row + cell.index(value)
            found.append((begin, begin + len(value)))
    return True


def _split(line: str, separator: str) -> Iterator[str]:
    """Yield the cells of a row; in double quotes, a cell may hold the separator."""
    cell = ""
    for part in _QUOTED_CELL.findall(line):
        if part[0] == '"':
            cell += part
        else:
            first, *more = part.split(separator)
            cell += first
            for one in more:
                yield cell
                cell = one
    yield cell


def _is_secret_cell(name: str, value: str, strength: Strength, *, is_spaced: bool) -> bool:
    if strength is Strength.WEAK:
        return is_weak_secret(name, value)
    if name[-3:].lower() == "pin":  # as of a circuit, if it is not a number of four digits
        return len(value) >= _LEAST_DIGITS and value.isdigit()
    if is_placeholder(value) or (value.isalpha() and value.lower() in _NO_CELL):
        return False
    is_number = len(value) >= _LEAST_DIGITS and value.isdigit()
    return not is_spaced or is_number or is_credential(value) or is_mixture(value)


_ELEMENTS: Final = SearchGroup(
    rf"<[^<>\x00]*(?:{_HINTED})[^<>\x00]*>", (Search("<", _ELEMENT, _element),), takes_own_names=True
)
_FIELDS: Final = SearchGroup(
    r"value\\*[\"']?[ \t]*[:=]|-value[ \t]|</key>|default[ \t]*=|form-data|&gt;|values\s*\(",
    (
        Search("value", _ATTRIBUTE, _attribute),
        Search("value", _FIELD_VALUE, _field),
        Search("-value", _VALUE_FLAG, _after_name),
        Search("</key>", _AFTER_KEY, _after_key),
        Search("default", _DEFAULT, _default),
        Search("form-data", _FORM_DATA, _form_data),
        Search("&gt;", _ESCAPED, _escaped),
        Search("values", _ROW, _row),
    ),
)
PAIRS: Final = (_ELEMENTS, _FIELDS)
