"""What the messages of failed assertions are made of: values on one line, marked trees, differences."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json

from voltagent.capture.snapshot import Snapshot
from voltagent.processors.redaction import Redactor
from voltagent.records.model import OperationRecord, TraceRecord, describe, draw

_LONGEST: Final = 300  # characters of one value in a message
_snapshot: Final = Snapshot()
_redactor: Final = Redactor()


def as_recorded(value: object) -> Any:
    """Return a value as the default redaction and the record would show it."""
    return from_json(_redactor.apply(_snapshot.encode(value)))


def short(value: object) -> str:
    """Return a JSON value on one line, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def show_argument(given: Mapping[str, Any], name: str) -> str:
    """Return an argument of a call, or that there is none of this name."""
    return short(given[name]) if name in given else f"no such argument (there are {', '.join(given) or 'none'})"


def marked_tree(record: TraceRecord | OperationRecord, notes: Mapping[str, str]) -> list[str]:
    """Return the lines of a tree; ``notes`` are by id and mark a line."""
    own = notes.get(record.id)
    return [describe(record) + ("" if own is None else f"   <-- {own}"), *draw(record, notes=notes)]


def dedented(text: str) -> str:
    """Return a text without empty ends and common indentation."""
    lines = [line.rstrip() for line in text.strip("\n").rstrip().splitlines()]
    common = min((len(line) - len(line.lstrip(" ")) for line in lines if line), default=0)
    return "\n".join(line[common:] for line in lines)


def diff(expected: str, recorded: str) -> str:
    """Return both texts, line by line, with the differences marked."""
    return "\n".join(difflib.ndiff(expected.splitlines(), recorded.splitlines()))


def file_name(text: str) -> str:
    """Return a text as a part of a file's name."""
    return "".join(character if character.isalnum() or character in "-_" else "-" for character in text)
