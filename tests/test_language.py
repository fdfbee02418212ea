"""The words that this project does not use, in messages, docstrings, comments, identifiers and documents.

The words are those of private jargon and of a translation. Each stands beside what to write instead.
"""

from __future__ import annotations

import io
import keyword
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

# word or phrase (a regular expression over lower-case words) -> what to write instead
ANYWHERE = {
    r"rooms?": "module, package; space",
    r"doors?": "boundary; connection",
    r"floors?": "layer; the least, the baseline",
    r"houses?": "architecture",
    r"lanes?": "worker",
    r"bells?": "wake-up signal",
    r"voices?": "log messages",
    r"ashes": "evicted",
    r"claim(s|ed|ing)?": "lock",
    r"promis(e|es|ed|ing)": "future; guarantee",
    r"thaw(s|ed|ing)?": "decode",
    r"freezes?|froze": "encode",
    r"asides?": "tail buffer; out of the way",
    r"(un)?hurr(y|ies|ied)": "set_deadline, deadline",
    r"remind(s|ed|er)?": "restore",
    r"letters": "characters",
    r"signs": "characters",
    r"whoever": "the caller, the user",
    r"(some|no|any|every)body": "the caller, the user, another process, no process",
    r"tells?|told": "report, log; distinguish",
    r"said": "reported, logged",
    r"asked": "requested, called",
    r"faults?": "exception, error",
}
PROSE = {
    r"is well": "works, is healthy",
    r"the truth": "the counts at that time",
    r"the text of it": "its text",
    r"so many|so long(?! as)": "that many, that long",
    r"what is not there": "what is missing",
    r"of which nothing": "unsent, untried, without …",
    r"(it|that|this) goes on": "continues, propagates",
    r"hands? on": "passes, propagates",
    r"is over": "has ended",
    r"(is|was|are|were) no (store|database|exception|number|list|dict|string|trace|span|bool|json|html?|file|url)s?": (
        "is not a …"
    ),
}
FUNCTIONS = r"_*(asked|found|given|kept|known|made|seen|taken|told|said)(_|$)"  # a function's name is an imperative

# Uses that have another meaning: a path's beginning -> the words that it may use, with the reason.
ALLOWED = {
    "benchmarks/": {"floor", "floors"},  # the least that recording can cost: what every contestant is measured against
    "docs/performance.md": {"floor", "floors"},
    "tests/test_benchmarks.py": {"floor", "floors"},
    "tests/core/test_first_call.py": {"freeze"},
    "tests/test_language.py": {"*"},
    "voltagent/capture/injected.py": {"promise"},  # a class of Celery
    "voltagent/core/process/one_time_work.py": {"freeze"},  # a function of gc
    "voltagent/server/viewer/": {"floor", "aside"},  # of Math, and an element of HTML
}
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md")
CODE = ("voltagent/**/*.py", "tests/**/*.py", "benchmarks/**/*.py", "examples/**/*.py")
PAGE = ("voltagent/server/viewer/*",)
NOT_OURS = ("tests/parity/programs/", "tests/helpers/certificates/", "tests/wire/golden/")


class Use(NamedTuple):
    """A word that is not used here."""

    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.word!r}; better: {self.instead}"


@cache
def compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in patterns))


def instead_of(word: str) -> str:
    return next(better for pattern, better in {**ANYWHERE, **PROSE}.items() if re.fullmatch(pattern, word))


def words_of(identifier: str) -> str:
    """The words of a name, in lower case: ``_SpoolFile2`` is ``spool file2``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", identifier).replace("_", " ").lower()


def uses(text: str, line: int, *, prose: bool) -> Iterator[Use]:
    names = re.sub(r"\b\w*[a-z0-9][A-Z]\w*|\w*_\w+", lambda match: words_of(match[0]), text)
    for match in compiled(tuple(ANYWHERE) + (tuple(PROSE) if prose else ())).finditer(names.lower()):
        yield Use(line + names.count("\n", 0, match.start()), match[0], instead_of(match[0]))


@cache
def uses_in_name(identifier: str) -> tuple[Use, ...]:
    return tuple(uses(identifier, 0, prose=False))


def uses_in_python(source: str, *, strings: bool) -> Iterator[Use]:
    """Those in comments, docstrings and names, and on request in all other strings."""
    before = ""
    starts_statement = True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from uses(token.string, token.start[0], prose=True)
        elif token.type == tokenize.STRING or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            if strings or starts_statement:
                yield from uses(token.string, token.start[0], prose=True)
        elif token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            yield from (use._replace(line=token.start[0]) for use in uses_in_name(token.string))
            if before == "def" and re.match(FUNCTIONS, token.string):
                yield Use(token.start[0], token.string, "an imperative: find, keep, take, …")
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            starts_statement = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
            before = token.string


@cache
def files() -> list[Path]:
    found = [path for pattern in (*CODE, *PAGE, *DOCUMENTS) for path in sorted(ROOT.glob(pattern)) if path.is_file()]
    return [path for path in found if not name_of(path).startswith(NOT_OURS)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def uses_in(path: Path) -> list[Use]:
    name = name_of(path)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        # strings of tests are inputs and outputs of other programs, too
        found = list(uses_in_python(text, strings=not name.startswith("tests/")))
    else:
        found = list(uses(re.sub(r"\bPromise\b", "", text), 1, prose=True))
    allowed = {word for start, words in ALLOWED.items() if name.startswith(start) for word in words}
    return [] if "*" in allowed else [use for use in found if use.word not in allowed]


AREAS = sorted({"/".join(name_of(path).split("/")[:2]) if "/" in name_of(path) else "." for path in files()})


def area_of(path: Path) -> str:
    return "/".join(name_of(path).split("/")[:2]) if "/" in name_of(path) else "."


def test_no_file_has_the_marks_of_a_conflict() -> None:
    marks = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
    assert not [name_of(path) for path in files() if marks.search(path.read_text("utf-8"))]


@pytest.mark.parametrize("area", AREAS)
def test_plain_words_are_used(area: str) -> None:
    wrong = [f"{name_of(path)} {use}" for path in files() if area_of(path) == area for use in uses_in(path)]
    assert not wrong, "\n".join(["", *wrong])


def test_no_comment_is_a_ruler() -> None:
    """A file that needs them is split."""
    ruler = re.compile(r"^\s*(?:#|//|/\*) ?[-=]{5,}", re.MULTILINE)
    assert not [name_of(path) for path in files() if path.suffix != ".md" and ruler.search(path.read_text("utf-8"))]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def told(): pass", ["told", "told"]),
        ("_told_apart = 1", ["told"]),
        ("class SpoolLane: pass", ["lane"]),
        ("x = 1  # nobody knows", ["nobody"]),
        ('"""What is over."""', ["is over"]),
        ('x = "so many"', ["so many"]),
        ("x = f'{a} was told {b}'", ["told"]),
        ("def found_by(): pass", ["found_by"]),
        ("found = foretold = signals = classroom = 1", []),
    ],
)
def test_words_are_found_in_comments_strings_and_names(source: str, found: list[str]) -> None:
    assert [use.word for use in uses_in_python(source, strings=True)] == found


def test_strings_of_tests_are_left_alone_but_their_docstrings_are_not() -> None:
    source = 'def f():\n    """Nobody."""\n    return "nobody"\n'
    assert [use.line for use in uses_in_python(source, strings=False)] == [2]
