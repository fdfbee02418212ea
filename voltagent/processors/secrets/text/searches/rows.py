"""Find secrets in the rows of an ``INSERT``, by the names of the columns, and in a setting that an ``UPDATE`` names."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import first_of
from voltagent.processors.secrets.text.tables import named_columns
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text
from voltagent.processors.secrets.vocabulary.names import Strength

# The rows of an `INSERT`: the columns, and the items of the first row.
_ROW: Final = r"values\s{0,8}\("
_COLUMNS: Final = re.compile(r"\(([\w\s,.\"`\[\]]{1,2000})\)\s{0,8}\Z")
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
_MOST_COLUMNS: Final = 120
# A row with the name of a setting, and its value, which stands before it.
_WHERE: Final = r"where\s{1,8}[\w.\"`\[\]]{1,60}\s{0,8}=\s{0,8}n?'(?P<name>[\w.:/-]{2,80})'"
_SET: Final = re.compile(r"\b\w{0,20}(?:value|val|data|content)[\"`\]]?\s{0,8}=\s{0,8}[EN]?\Z", re.IGNORECASE)
_LONGEST_SET: Final = 60  # characters of the name of its column, with what stands around it
_LONGEST_SETTING: Final = 301  # characters of it, with a quote
_LONGEST_OTHERS: Final = 100  # characters of other columns that are set behind it
_LONGEST_COLUMNS: Final = 2100  # characters of their names


def _row(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the first secret in the rows of an ``INSERT``, by the names of its columns; the next ones are noted."""
    start = match.start()
    opening = scan.text.rfind("(", max(0, start - _LONGEST_COLUMNS), start)
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
    strengths = enumerate(map(scan.names.strength, names))
    secret: dict[int, Strength] = {number: found for number, found in strengths if found is not Strength.NONE}
    return _Columns(len(names), secret, named_columns([name.lower() for name in names]))


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
        if value and is_secret_text(value, strength):
            found.append(item.span(1))
    after = _NEXT_ROW.match(scan.text, position)
    return 0 if after is None else after.end()


def _updated(scan: Scan, match: re.Match[str]) -> Range | None:
    """Return the value of ``SET value = '…' WHERE name = 'smtp_password'``."""
    scan.units -= 4
    text, stop = scan.text, match.start()
    end = text.rfind("'", max(0, stop - _LONGEST_OTHERS), stop)
    start = text.rfind("'", max(0, end - _LONGEST_SETTING), max(0, end)) + 1
    others = text[end + 1 : stop].strip()
    if not start or "\0" in text[start:stop] or (others and others[0] != ","):
        return None
    is_set = _SET.search(text, max(0, start - _LONGEST_SET), start - 1) is not None
    strength = scan.names.strength(scan.group(match, "name"))
    return (start, end) if is_set and is_secret_text(text[start:end], strength) else None


ROWS: Final = SearchGroup(
    r"values\s*\(|where\s+[^\s=\x00]+\s*=\s*n?'[a-z0-9_.:-]+'",
    (Search("values", _ROW, _row), Search("where", _WHERE, _updated)),
)
