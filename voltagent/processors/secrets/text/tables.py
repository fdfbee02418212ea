"""Find the columns of secrets in tables: in CSV, Markdown and what database clients print."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import accumulate
from typing import Final, NamedTuple, TypeAlias

from voltagent.processors.secrets.text.engine import fast_check
from voltagent.processors.secrets.text.scan import Range, Scan
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form, is_free_word
from voltagent.processors.secrets.vocabulary.named_values import is_secret_text
from voltagent.processors.secrets.vocabulary.names import Strength, is_pin
from voltagent.processors.secrets.vocabulary.words import HINTED, OF_WORDS

# The header of a table, and what its rows are made of.
_BAR: Final = "\u2502"
_ALIGNED: Final = "  "
_SEPARATORS: Final = ("\t", "|", _BAR, _ALIGNED, ";", ",")
# What a header without a capital has: where nothing but spaces separates names, they have one, or one is "value".
_IN_LOWER: Final = re.compile(f"[\t|{_BAR};,]|val")
_DRAWN: Final = frozenset(("|", _BAR, _ALIGNED))  # may have a line of rules below the header
# The columns of names and values, as `vault kv get` has them: what the first says holds for the second.
_NAMES: Final = frozenset(("name", "key", "keyname", "variable", "parameter", "parametername", "setting", "property"))
_VALUES: Final = frozenset(("value", "val", "current value"))
_HEADING: Final = re.compile(r"[\"'`*]{0,2}[^\W\d][\w.$#/-]{0,40}(?: [\w.-]{1,20}){0,3}[\"'`*]{0,2}\Z")
# What a quotation, a difference or a log has before each line; and the column of the numbers of rows.
_BEFORE_LINE: Final = r"(?:[>+-][ \t]?|\[[A-Za-z]{2,8}\][ \t]{1,4}|)"
_PREFIX: Final = re.compile(_BEFORE_LINE)
_NUMBERS: Final = re.compile(r"(?:#|No\.?|\d{1,4})\Z")
# A line of code or a query with commas in it.
_STATEMENT: Final = re.compile(
    r"(?:import|from|select|return|yield|global|nonlocal|del|raise|use|using|var|let|const|export|print|echo|local|my|our)"
    r"[ \t]",
    re.IGNORECASE,
)
# Characters of a line between a header and its rows.
_RULE: Final = "-+|:= \t\r\u2500\u2502\u250c\u2510\u2514\u2518\u251c\u2524\u252c\u2534\u253c\u2550"
_CROSSED: Final = re.compile(r"[|\u251c]?[-=\u2500]{1,200}[+\u253c]")
_RULES: Final = frozenset(("", *_RULE))
# What the rows of a dump of PostgreSQL stand behind; between their cells are tabs, and `\\N` is none.
_COPIED: Final = re.compile(r"COPY [\w.\"]{1,120} \(([^()\n]{1,2000})\) FROM stdin;\Z", re.IGNORECASE)
_NULL: Final = "\\N"
_QUOTED_CELL: Final = re.compile(r"\"(?:[^\"\n\0]|\"\"){0,2000}\"?|[^\"\n\0]{1,2000}")
_LONGEST_HEADER: Final = 512  # characters
_CHECKED: Final = 256  # characters of lines in a text with tables that are checked at once
_LONGEST_ROW: Final = 4096
_LEAST_DIGITS: Final = 4  # of a number that is a secret where other numbers are not
_FIRST_ROWS: Final = 64  # characters behind a header that are divided into rows at once, then four times as many
_USERS: Final = frozenset(("user", "username", "login"))  # beside these, `pass` is a password
# Units of work for a row, and for a cell if the row has several secrets; with less left, these are hidden as one.
_ROW_WORK: Final = 2
_CELL_WORK: Final = 3
_ROW_AT_ONCE: Final = 800
_MOST_COLUMNS: Final = 120  # of a table in text

Column: TypeAlias = tuple[int, str, Strength]


_COUNTRY: Final = "PW"  # in a list of countries, Palau
_SYSTEMS: Final = (
    "account email host hostname ip ip-address device server service site system ssid ap router url database"
)
_OF_ACCOUNTS: Final = _USERS | frozenset(_SYSTEMS.split())  # beside these, `PW` is a password


def secret_columns(names: list[str], strength: Callable[[str], Strength]) -> list[Column]:
    """Return the columns of secrets among those of a table: their places, names and strengths."""
    least = Strength.WEAK if OF_WORDS.isdisjoint(map(str.lower, names)) else Strength.STRONG
    has_country = _COUNTRY in names and _is_list_of_countries(names)
    strengths = [Strength.NONE if has_country and name == _COUNTRY else strength(name) for name in names]
    if not _USERS.isdisjoint(map(str.lower, names)):
        strengths = [
            Strength.STRONG if name.lower() == "pass" else own for name, own in zip(names, strengths, strict=True)
        ]
    return [(number, names[number], found) for number, found in enumerate(strengths) if found >= least]


def _is_list_of_countries(names: list[str]) -> bool:
    """Return whether a row is one of a list of countries, such as ``PW,Palau``, and not names of columns."""
    return _OF_ACCOUNTS.isdisjoint(map(str.lower, names)) and not any(name[:1].islower() for name in names)


def is_secret_cell(name: str, value: str, strength: Strength) -> bool:
    """Return whether the text of a cell in a column of secrets is one."""
    if strength is Strength.STRONG and is_pin(name):
        return len(value) >= _LEAST_DIGITS and value.isdigit()
    return value != _NULL and is_secret_text(value, strength, name)


@cache
def _may_be_header() -> Callable[[str], str | None]:
    """Compile a check for a line with a name and a separator, and nothing that is in no header."""
    inner, joint = r"[^\n\x00={}()<>\[\]:@!?\\+&%^~]*", r"(?:[,;|\t\x{2502}]|  )"
    name = rf"(?:{HINTED}|name|variable|parameter|setting|property)"
    copied = r"(?m)(?:^|\x00)copy [^\n\x00]*\) from stdin;\r?\n"
    return fast_check(
        rf"{copied}|(?m)(?:^|\x00){_BEFORE_LINE}{inner}(?:{name}{inner}{joint}|{joint}{inner}{name}){inner}\r?\n"
    )


def find_columns(scan: Scan, start: int, stop: int) -> list[Range]:
    """Secrets in the columns of tables whose header begins in a window: CSV, Markdown, what database clients print."""
    check, text, found = _may_be_header(), scan.text, list[Range]()
    if text.find("\n", start, stop + _LONGEST_HEADER) < 0:  # one line
        return found
    if check(scan.low[start : stop + _LONGEST_HEADER]) is None:
        return found
    checked = start
    position = max(start, scan.past_table)
    if 0 < position < stop and text[position - 1] not in "\n\0":
        position = _next_line(text, position, stop)
    while position < stop:
        if position >= checked:
            checked = 1 + text.rfind("\n", position, position + _CHECKED)
            if checked and check(scan.low[position:checked]) is None:
                position = checked
                continue
        end = text.find("\n", position, position + _LONGEST_HEADER)
        if end < 0:
            position = _next_line(text, position, stop)
            continue
        position = 1 + max(position - 1, text.rfind("\0", position, end))
        line = text[position:end]
        may_be_header = not line.islower() or _IN_LOWER.search(line) is not None
        if may_be_header and check(scan.low[position : end + 1]) is not None:
            _add_column(scan, position, end, found)
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
    secret: list[Column]
    named: tuple[int, int] | None  # the columns of names and of values
    sure: frozenset[int]  # of these, the columns in which a word with a digit is one whatever else


def _header(scan: Scan, line: str) -> _Header | None:
    """Read a line as the header of a table with a column of secrets."""
    copied = _COPIED.match(line)
    if copied is not None:
        names = [name.strip(' "') for name in copied[1].split(",")]
        secret = secret_columns(names, scan.names.strength)
        return _Header("\t", False, len(names), secret, None, frozenset()) if secret else None
    for separator in _SEPARATORS:
        if separator not in line:
            continue
        names = [name.strip() for name in _cells(_PREFIX.sub("", line, count=1), separator)]
        inner = names[not names[0] : len(names) - (not names[-1])]
        if inner and _NUMBERS.match(inner[0]) is not None:
            inner = inner[1:]
        if len(inner) > 1 and len(names) <= _MOST_COLUMNS and all(map(_HEADING.match, inner)):
            break
    else:
        return None
    is_code = separator == "," and (not all(names) or "'" in line)  # a line of a list
    if is_code or _STATEMENT.match(inner[0]) is not None:
        return None
    plain = [name.strip("\"'`*") for name in names]
    named = named_columns([name.lower() for name in plain])
    if separator == _ALIGNED and named is None and not all(name[0].isupper() for name in names):
        return None
    secret = [] if named else secret_columns(plain, scan.names.strength)
    if not secret and not named:
        return None
    is_spaced = separator in _DRAWN or f"{separator} " in line
    sure = [number for number, name, found in secret if found is Strength.STRONG and not is_spaced and not is_pin(name)]
    return _Header(separator, is_spaced, len(names), secret, named, frozenset(sure))


def named_columns(names: list[str]) -> tuple[int, int] | None:
    """Return the columns of names and of values among those of a table, whose names are given in lower case."""
    name = next((number for number, name in enumerate(names) if name in _NAMES), None)
    value = next((number for number, name in enumerate(names) if name in _VALUES), None)
    return None if name is None or value is None else (name, value)


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of a line; those that stand below one another have two spaces or more between them."""
    if separator == _ALIGNED:
        return [cell for cell in line.split(_ALIGNED) if cell.strip()]
    return line.split(separator) if '"' not in line else [*_split(line, separator)]


def _begins(line: str, cells: list[str], separator: str) -> list[int]:
    """Return where the cells of a line begin."""
    if separator != _ALIGNED:
        return [*accumulate([len(cell) + 1 for cell in cells], initial=0)]
    begins = [0]
    for cell in cells:
        begins[-1] = line.index(cell, begins[-1])
        begins.append(begins[-1] + len(cell) + len(separator))
    return begins


def _add_column(scan: Scan, start: int, end: int, found: list[Range]) -> None:
    """Add the secrets in the rows behind a line, if it is the header of a table with a name of secrets in it."""
    line, row = scan.text[start:end].rstrip("\r"), end + 1
    key = f"\n{line}"  # no beginning of an assignment
    if key not in scan.memo:
        scan.memo[key] = _header(scan, line)
    header: _Header | None = scan.memo[key]
    if header is None or (header.separator in _DRAWN and header.named is None and _is_row(scan, header, start)):
        return
    scan.units -= _ROW_WORK
    text, limit, size = scan.text, scan.end_of_string(row - 1), _FIRST_ROWS
    if header.is_spaced and _CROSSED.match(text, row) is not None:
        header = header._replace(is_spaced=False)  # what a database printed, where no cell is prose
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


def _is_row(scan: Scan, header: _Header, start: int) -> bool:
    """Return whether the line that begins at ``start`` stands within a table: the one above it has as many cells."""
    above = scan.text[max(0, start - 1 - _LONGEST_ROW) : max(0, start - 1)].rpartition("\n")[2].rstrip("\r")
    return above.strip(_RULE) != "" and len(_cells(above, header.separator)) == header.width


def _add_row(scan: Scan, header: _Header, line: str, row: int, found: list[Range]) -> bool:
    """Add the secrets of a row, and return whether it is one. With too little work left, as one."""
    separator, sure = header.separator, header.sure
    scan.units -= _ROW_WORK
    if line[:1] in _RULES and not line.strip(_RULE):
        return separator in _DRAWN and line.strip() != ""
    cells = _cells(line, separator)
    if len(cells) != header.width:
        return False
    secret = header.secret
    if header.named is not None:
        of_name, of_value = header.named
        written = cells[of_name].strip(" \t\"'`*")
        strength = scan.names.strength(written)
        secret = [] if strength is Strength.NONE else [(of_value, written, strength)]
    begins = _begins(line, cells, separator) if len(secret) > 1 or separator == _ALIGNED else []
    if len(secret) > 1:
        if scan.units < _ROW_AT_ONCE:
            first, last = secret[0][0], secret[-1][0]
            found.append((row + begins[first], row + begins[last] + len(cells[last])))
            return True
        scan.units -= _CELL_WORK * len(secret)
    for number, name, strength in secret:
        cell = cells[number]
        value = cell.strip(" \t\r\"'`*")
        is_sure = number in sure and value.isalnum() and not value.isalpha() and value.isascii()
        is_spaced = header.is_spaced and (header.named is None or separator != _ALIGNED or " " in value)
        is_spaced = is_spaced and not (strength is Strength.STRONG and _is_literal(cell, value))
        if is_sure or (value and _is_in_text(name, value, strength, is_spaced=is_spaced)):
            before = begins[number] if begins else sum(map(len, cells[:number])) + number * len(separator)
            begin = row + before + cell.index(value)
            found.append((begin, begin + len(value)))
    return True


def _is_literal(cell: str, value: str) -> bool:
    """Return whether a cell of Markdown has nothing but a literal: no prose is written as one."""
    cell = cell.strip()
    return len(cell) > len("``") and cell[0] == cell[-1] == "`" and "`" not in value and is_free_word(value)


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


def _is_in_text(name: str, value: str, strength: Strength, *, is_spaced: bool) -> bool:
    """Return whether a cell is a secret. Beside a separator with a space, plain words may be prose."""
    if not is_secret_cell(name, value, strength):
        return False
    if strength is Strength.WEAK:
        return True
    is_number = len(value) >= _LEAST_DIGITS and value.isdigit()
    return not is_spaced or is_number or has_password_form(value)
