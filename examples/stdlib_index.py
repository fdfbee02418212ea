"""A search index over the docstrings of Python's standard library, as installed on this machine.

Plain Python, nothing recorded here: ``stdlib_agent.py`` is the program that is watched. The ranking is Okapi BM25
(Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009).
"""

from __future__ import annotations

import heapq
import inspect
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

# Modules whose import does nothing but define names. No module that opens windows, browsers or connections.
MODULES = (
    "base64", "bisect", "calendar", "collections", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal",
    "difflib", "enum", "filecmp", "fnmatch", "fractions", "functools", "glob", "gzip", "hashlib", "heapq", "html",
    "itertools", "json", "math", "operator", "pathlib", "pprint", "queue", "random", "re", "secrets", "shlex", "shutil",
    "statistics", "string", "tempfile", "textwrap", "time", "urllib.parse", "uuid", "zipfile",
)  # fmt: skip
_COMMON_WORDS = frozenset(re.findall(r"\w+", """
    a all also an and any are as at be but by can do does each for from get give given has have how i if in into is it
    its me my not of on one or our return so than that the their them then there these this to use what when where which
    who why will with without would you your
"""))  # fmt: skip
_WORD = re.compile(r"[a-z]+")
_SUFFIXES = ("ies", "ing", "ed", "es", "s")


class Entry(NamedTuple):
    """One documented function, class or method."""

    name: str
    text: str


class Hit(NamedTuple):
    """An entry that fits a question; a higher score fits better."""

    name: str
    score: float
    summary: str


def words(text: str) -> list[str]:
    """The words of a text that carry meaning, without their English endings."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON_WORDS]


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word.removesuffix("e") if len(word) > 3 else word


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, on one line; a signature that stands before it is left out."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    prose = [part for part in paragraphs if part and not re.match(r"[\w.]+\(.*\)( ->|$)", part)]
    return re.split(r"(?<=[.!?])\s", (prose or paragraphs or [""])[0], maxsplit=1)[0]


def entries() -> Iterator[Entry]:
    """Every public function, class and method of the modules that has a docstring of its own."""
    for module_name in MODULES:
        module = import_module(module_name)
        for name in getattr(module, "__all__", None) or dir(module):
            thing = getattr(module, name, None)
            imported = not hasattr(module, "__all__") and getattr(thing, "__module__", None) != module_name
            if name.startswith("_") or inspect.ismodule(thing) or not callable(thing) or imported:
                continue
            yield from _documented(f"{module_name}.{name}", thing)
            if inspect.isclass(thing):
                for method_name, method in vars(thing).items():
                    if not method_name.startswith("_") and callable(method):
                        yield from _documented(f"{module_name}.{name}.{method_name}", method)


def _documented(name: str, thing: Any) -> Iterator[Entry]:
    text = inspect.getdoc(thing)
    if text and len(text) > 20:
        yield Entry(name, text)


class Index:
    """Answers which entries fit a question best."""

    def __init__(self) -> None:
        self.entries = list(entries())
        self._counts = [self._weighted(entry) for entry in self.entries]
        self._lengths = [sum(counts.values()) for counts in self._counts]
        self._mean_length = sum(self._lengths) / len(self._lengths)
        self._postings: dict[str, list[int]] = defaultdict(list)
        for number, counts in enumerate(self._counts):
            for word in counts:
                self._postings[word].append(number)

    @staticmethod
    def _weighted(entry: Entry) -> Counter[str]:
        """A word of the name counts as four of the text, and one of the first sentence as two."""
        return Counter(4 * words(entry.name) + words(first_sentence(entry.text)) + words(entry.text))

    def search(self, question: str, limit: int) -> list[Hit]:
        """The entries that fit best, the best first."""
        scores: dict[int, float] = defaultdict(float)
        for word in set(words(question)):
            found = self._postings.get(word, [])
            rarity = math.log(1 + (len(self.entries) - len(found) + 0.5) / (len(found) + 0.5))
            for number in found:
                scores[number] += rarity * self._saturated(number, word)
        return [
            Hit(self.entries[number].name, round(scores[number], 2), first_sentence(self.entries[number].text))
            for number in heapq.nlargest(limit, scores, key=scores.__getitem__)
        ]

    def _saturated(self, number: int, word: str, k1: float = 1.2, b: float = 0.75) -> float:
        times = self._counts[number][word]
        return times * (k1 + 1) / (times + k1 * (1 - b + b * self._lengths[number] / self._mean_length))
