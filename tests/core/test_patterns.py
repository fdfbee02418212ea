"""Every regular expression of the package takes time in proportion to its text, whatever the text is."""

from __future__ import annotations

import pkgutil
import re
import time
from collections.abc import Iterator
from importlib import import_module

import pytest

import voltagent
from tests.helpers.pace import hold_processor
from voltagent.core.text import cut, replace_surrogates, shortened
from voltagent.propagation import parse

_LEFT_TO_OTHERS = ("voltagent.processors", "voltagent.capture.secrets", "voltagent.__main__")  # tested with redaction
SIZE = 20_000  # characters
NS_PER_CHARACTER = 100.0


def _patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    for module in pkgutil.walk_packages(voltagent.__path__, "voltagent."):
        if module.name.startswith(_LEFT_TO_OTHERS):
            continue
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                yield f"{module.name}.{name}", value


PATTERNS = dict(_patterns())
PARTS = ["a", "-", "/", "//", "@", ".", "0", "=", ",", " ", "\t", "a=", "a,", "-eyJ", "://", "[", "[::1]", '"', "\\",
         "0.", "A", "aA", "\x1b[", ";", "\ud800", "-00-", "%", "127.", "1d", "NaN", ":", "\n"]  # fmt: skip


def _hostile(part: str) -> Iterator[str]:
    body = (part * SIZE)[:SIZE]
    yield body
    yield body + "\x00"
    yield "a" + body + "!"


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_takes_linear_time(name: str) -> None:
    pattern = PATTERNS[name]
    for part in PARTS:
        for body in _hostile(part):
            given = body.encode("utf-8", "surrogatepass") if isinstance(pattern.pattern, bytes) else body
            for way in (pattern.match, pattern.fullmatch):  # `search` is for those of redaction
                began = time.thread_time()
                way(given)  # type: ignore[arg-type]
                spent = time.thread_time() - began
                hold_processor(spent, NS_PER_CHARACTER * SIZE / 1e9, f"{way.__name__} of {part!r}")


@pytest.mark.parametrize("part", PARTS)
def test_texts_of_errors_and_headers_are_handled_in_linear_time(part: str) -> None:
    for body in _hostile(part):
        began = time.thread_time()
        replace_surrogates(body)
        cut(body, SIZE // 2)
        shortened(body, 1000)
        parse(body, body)
        spent = time.thread_time() - began
        hold_processor(spent, 3 * NS_PER_CHARACTER * SIZE / 1e9, f"texts of {part!r}")
