"""Every regular expression of the package: none can become superlinear, and none makes redaction slow."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import ast
import importlib
import itertools
import pkgutil
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic_core import to_json

import voltagent
from benchmarks.capture import forms_of
from tests.helpers.pace import TooSlow, exceeds
from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.text.assignments.beginnings import assignment_pattern
from voltagent.processors.secrets.text.groups import compiled_groups
from voltagent.processors.secrets.text.tokens import token_marks, token_table
from voltagent.processors.secrets.vocabulary.words import HINTS

# The parser of regular expressions has no public name, and another one before Python 3.11.
_PRIVATE = "re._{}" if sys.version_info >= (3, 11) else "sre_{}"
sre: Any = importlib.import_module(_PRIVATE.format("constants"))
sre_parse: Any = importlib.import_module(_PRIVATE.format("parser" if sys.version_info >= (3, 11) else "parse"))
sre_compile: Any = importlib.import_module(_PRIVATE.format("compiler" if sys.version_info >= (3, 11) else "compile"))

Tree = Sequence[tuple[Any, Any]]
_REPEATS = tuple(getattr(sre, name) for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") if hasattr(sre, name))
_LENGTH = 40_000  # characters of a hostile text
_LIMIT = 400e-9  # seconds per character: the target is 100 for long texts, on a machine with nothing else to do


def _patterns_in(value: Any, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, (tuple, list, frozenset)) and depth:
        for item in sorted(value, key=repr) if isinstance(value, frozenset) else value:
            yield from _patterns_in(item, depth - 1)
    elif isinstance(value, dict) and depth:
        yield from _patterns_in(tuple(value.values()), depth - 1)


def _modules() -> Iterator[Any]:
    for one in pkgutil.walk_packages(voltagent.__path__, "voltagent."):
        if "opentelemetry" not in one.name and "pytest_plugin" not in one.name and not one.name.endswith("__main__"):
            yield importlib.import_module(one.name)


_FUNCTIONS = {"search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}


def _inline_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns that stand in functions: ``re.sub("…", …)``."""
    root = Path(voltagent.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("re.") in _FUNCTIONS and node.args:
                pattern = node.args[0]
                if ast.unparse(node.func).startswith("re.") and isinstance(pattern, ast.Constant):
                    value: Any = pattern.value
                    yield f"inline.{path.relative_to(root)}.{value!r}", re.compile(value)


def _searches() -> Iterator[tuple[str, re.Pattern[str]]]:
    """The patterns of the searches, each with the literal that is looked for."""
    for group in compiled_groups():
        for _, needles in group.needles:
            for needle, _, searches in needles:
                for _, pattern in searches:
                    yield needle, pattern


def _all_patterns() -> dict[str, re.Pattern[Any]]:
    found: dict[str, re.Pattern[Any]] = dict(_inline_patterns())
    for module in _modules():
        for one in vars(module).values():
            if isinstance(one, type) and one.__module__ == module.__name__:
                for number, pattern in enumerate(_patterns_in(tuple(vars(one).values()))):
                    found[f"{module.__name__}.{one.__name__}.{number}"] = pattern
        for name, value in vars(module).items():
            for number, pattern in enumerate(_patterns_in(value)):
                found[f"{module.__name__}.{name}.{number}"] = pattern
    lazy: list[re.Pattern[Any] | None] = [
        pattern for one in token_table().values() for pattern in (one.unmistakable, *one.ordinary)
    ]
    lazy += [pattern for _, pattern in _searches()]
    lazy += token_marks()
    lazy += [assignment_pattern(hint) for hint in HINTS[:4]]  # they differ in the first word only
    return found | {f"lazy.{pattern.pattern[:40]!r}": pattern for pattern in lazy if pattern is not None}


PATTERNS = dict(sorted(_all_patterns().items()))  # in the same order in every process


def _tree(pattern: re.Pattern[Any]) -> Tree:
    return cast(Tree, sre_parse.parse(pattern.pattern, pattern.flags))


def _children(node: Any) -> Iterator[Any]:
    """The sequences inside the argument of a node."""
    if isinstance(node, sre_parse.SubPattern):
        yield node
    elif isinstance(node, (tuple, list)):
        for one in node:
            yield from _children(one)


def _is_unbounded(operation: Any, argument: Any) -> bool:
    return operation in _REPEATS and argument[1] == sre.MAXREPEAT


def _is_optional(operation: Any, argument: Any) -> bool:
    zero_width = (sre.AT, sre.ASSERT, sre.ASSERT_NOT)
    return operation in zero_width or (operation in _REPEATS and argument[0] == 0)


def _errors_in(tree: Tree, inside: bool = False) -> Iterator[str]:
    """Unbounded repeats inside of one another, or next to each other with nothing between that must be there."""
    before = False
    for operation, argument in tree:
        unbounded = _is_unbounded(operation, argument)
        if unbounded and inside:
            yield "nested"
        if unbounded and before:
            yield "adjacent"
        before = unbounded or (before and _is_optional(operation, argument))
        for child in _children(argument):
            yield from _errors_in(child, inside or unbounded)


@pytest.mark.parametrize("name", PATTERNS)
def test_no_unbounded_repeat_is_nested_in_another_or_next_to_it(name: str) -> None:
    assert not list(_errors_in(_tree(PATTERNS[name]))), PATTERNS[name].pattern


def test_the_check_finds_what_it_is_for() -> None:
    for bad in ("(?:a+)+", "(a*b?)*", "a+a+", r"\d*x?\d+"):
        assert list(_errors_in(_tree(re.compile(bad)))), bad
    for good in ("a+b+c*", "(?:ab)*", "a+xa+", "(?:a{1,5})+", "(?:a|b)*"):
        assert bool(list(_errors_in(_tree(re.compile(good))))) is (good == "a+b+c*"), good


def _sample(tree: Tree, last: bool, groups: dict[int, str]) -> str:
    """A text that a pattern matches, or nearly: what looks around is left out."""
    return "".join(_sample_of(operation, argument, last, groups) for operation, argument in tree)


def _sample_of(operation: Any, argument: Any, last: bool, groups: dict[int, str]) -> str:
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if operation is sre.ANY:
        return "a"
    if operation is sre.IN:
        return _member(argument)
    if operation in _REPEATS:
        return _sample(argument[2], last, groups) * max(argument[0], min(int(argument[1]), 3))
    if operation is sre.BRANCH:
        return _sample(argument[1][-1 if last else 0], last, groups)
    if operation is sre.SUBPATTERN:
        groups[argument[0] or 0] = text = _sample(argument[3], last, groups)
        return text
    if operation is sre.GROUPREF:
        return groups.get(argument, "")
    if operation is sre.ASSERT and argument[0] == 1:  # it may be the first half of an atomic group
        _sample(argument[1], last, groups)
        return ""
    return _sample(argument, last, groups) if operation is getattr(sre, "ATOMIC_GROUP", None) else ""


def _member(members: Sequence[tuple[Any, Any]]) -> str:
    """A character of a class."""
    pattern = sre_compile.compile(sre_parse.SubPattern(sre_parse.State(), [(sre.IN, list(members))]))
    known = next((one for one in "a1A-_. =:\"'/\\é\n<>@&" if pattern.match(one)), None)
    return known or next(chr(code) for code in range(0x110000) if pattern.match(chr(code)))


def _hostile(pattern: re.Pattern[Any]) -> set[str]:
    """Texts that make a pattern begin again and again: what it matches, and its first half, repeated."""
    found: set[str] = set()
    for last in (False, True):
        text = _sample(_tree(pattern), last, {}) or "a"
        for part in (text, text[: len(text) // 2 + 1], text[:-1] or text):
            found.add((part * (_LENGTH // len(part) + 1))[:_LENGTH])
    return found


def _seconds(text: bytes, redactor: Redactor) -> float:
    started = time.thread_time()
    redactor.apply(text)
    return time.thread_time() - started


_OF_REDACTION = [name for name in PATTERNS if name.startswith(("lazy.", "voltagent.processors."))]


@pytest.mark.parametrize("name", _OF_REDACTION)
def test_texts_made_from_each_pattern_are_redacted_in_time(name: str) -> None:
    redactor = Redactor()
    for text in sorted(_hostile(PATTERNS[name])):
        forms, limit, took = forms_of(to_json(text)), _LIMIT * _LENGTH, inf
        for _ in range(5):  # what else the machine does makes single measurements larger
            took = min(took, _seconds(next(forms), redactor))
            if not exceeds(took, limit):
                break
        else:
            raise TooSlow(f"{took * 1e9 / _LENGTH:.0f} ns per character for {text[:60]!r}")


_SHORT, _LONG = 1_000, 8_000  # characters
_SOON = 0.002  # seconds for a long text: 250 ns per character, which no superlinear pattern needs only
_MOST_GROWTH = 28  # times as long for a text that is 8 times as long; a square would be 64 times


@pytest.mark.slow
@pytest.mark.parametrize("name", PATTERNS)
def test_the_time_of_each_pattern_grows_with_the_length_only(name: str) -> None:
    pattern = PATTERNS[name]
    for text in sorted(_hostile(pattern)):
        for find in (pattern.search, lambda text: list(pattern.finditer(text))):
            short, long = (_subject(pattern, text[:length]) for length in (_SHORT, _LONG))
            if _took(find, long) < _SOON:
                continue
            growth = min(_took(find, long) for _ in range(3)) / max(1e-6, min(_took(find, short) for _ in range(4)))
            if growth > _MOST_GROWTH:
                raise TooSlow(f"{growth:.0f} times as long for 8 times {text[:60]!r}")


def _subject(pattern: re.Pattern[Any], text: str) -> Any:
    return text.encode() if isinstance(pattern.pattern, bytes) else text


def _took(call: Callable[[Any], object], subject: Any) -> float:
    started = time.thread_time()
    call(subject)
    return time.thread_time() - started


def test_each_pattern_begins_with_the_literal_that_is_looked_for() -> None:
    for needle, pattern in _searches():
        for last in (False, True):
            assert _sample(_tree(pattern), last, {}).startswith(needle), pattern.pattern


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["a*a*b", "(?:a|b)*a+c", r"\s*\n\s*x"])
def test_the_growth_of_a_superlinear_pattern_would_be_seen(bad: str) -> None:
    pattern = re.compile(bad)
    unit = "\n" if "n" in bad else "a"
    short, long = unit * 400, unit * 3_200
    assert min(_took(pattern.search, long) for _ in range(2)) / min(_took(pattern.search, short) for _ in range(4)) > 28


_UNITS = (
    "a",
    "A",
    "aA",
    "Aa",
    "0",
    "a0",
    "_",
    "-",
    ".",
    " ",
    "=",
    ":",
    '"',
    "'",
    "\\",
    "/",
    "+",
    "a-",
    "a ",
    "k=",
    "%4",
)
_ENDS = ("!", "%", "\0", "\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", PATTERNS)
def test_no_end_makes_a_pattern_try_every_way_to_divide_a_repetition(name: str) -> None:
    """Bounded repeats inside of one another divide even 28 characters in millions of ways."""
    pattern = PATTERNS[name]
    for unit, end in itertools.product(_UNITS, _ENDS):
        text: Any = (unit * 28)[:28] + end
        subject = text.encode() if isinstance(pattern.pattern, bytes) else text
        started = time.thread_time()
        pattern.search(subject)
        pattern.match(subject)
        took = time.thread_time() - started
        if exceeds(took, 0.02):
            raise TooSlow(f"{took * 1e3:.0f} ms for {text!r}")
