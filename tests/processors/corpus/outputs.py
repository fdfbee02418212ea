"""Whole outputs of tools and inputs of models, with marks around what must go («…») and what must stay (‹…›).

Each begins with a line ``=== name``; ``=== name json`` is one that is a value rather than a text.
"""

# ruff: noqa: RUF001, RUF002 - the marks
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

_HIDDEN: Final = re.compile("«(.*?)»", re.DOTALL)
_KEPT: Final = re.compile("‹(.*?)›", re.DOTALL)
_MARKS: Final = re.compile("[«»‹›]")


class Output(NamedTuple):
    """A text or a value, and its parts that must go and that must stay."""

    name: str
    value: Any
    hidden: list[str]
    kept: list[str]


def read_outputs(name: str) -> list[Output]:
    """Read a file of marked outputs that stands beside this one."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [_output(*one.split("\n", 1)) for one in re.split("^=== ", text, flags=re.MULTILINE)[1:]]


def _output(head: str, body: str) -> Output:
    name, _, form = head.partition(" ")
    written = _MARKS.sub("", body.rstrip("\n"))
    hidden, kept = _HIDDEN.findall(body), _KEPT.findall(body)
    if form != "json":
        return Output(name, written, hidden, kept)
    return Output(name, json.loads(written), [*map(_decoded, hidden)], [*map(_decoded, kept)])


def _decoded(part: str) -> str:
    """Return a part as the decoded value has it, if it is one of a string."""
    try:
        return str(json.loads(f'"{part}"'))
    except ValueError:
        return part


def texts_of(value: Any) -> Iterator[str]:
    """Yield the keys and the values inside a value as texts."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    else:
        yield value if isinstance(value, str) else json.dumps(value)
