"""The strings of a payload that are searched as text, and where each stands: find their secrets and replace them."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any, Final, NamedTuple, TypeAlias

from voltagent.capture.pieces import encode
from voltagent.capture.secrets import SECRET_TEXT
from voltagent.processors.secrets.found import MOST_REPEATED, Found
from voltagent.processors.secrets.names import SecretNames
from voltagent.processors.secrets.scan import SEPARATOR, Range, Scan
from voltagent.processors.secrets.streams import items_of, split_over, strings_of
from voltagent.processors.secrets.text import find_secrets, merged, replaced

_Container: TypeAlias = "dict[str, Any] | list[Any]"
_Names: TypeAlias = "dict[int, tuple[dict[str, Any], dict[str, str]]]"

_AT_ONCE: Final = 1 << 17  # characters in which repetitions are replaced at once
_LONGEST: Final = 4096  # characters of a known secret


class Rules(NamedTuple):
    """What one redactor looks for."""

    names: SecretNames
    patterns: tuple[re.Pattern[str], ...]  # the user's own


class Tree:
    """A decoded JSON text: the payload, or one inside a string of it."""

    __slots__ = ("is_changed", "outer", "renamed", "root", "size")

    def __init__(self, root: list[Any], size: int, outer: tuple[_Container, Any, Tree] | None = None) -> None:
        self.root = root  # one item
        self.size = size  # of the text
        self.outer = outer  # where the string stands that it was decoded from
        self.is_changed = False
        self.renamed: _Names | None = None


class Strings:
    """The strings to be searched, in the order of the walk.

    The lists are as long as one another: a tuple for each string would keep Python's collection of garbage busy.
    """

    __slots__ = ("_found", "_rules", "_since", "_since_trees", "containers", "keys", "places", "texts", "trees")

    def __init__(self, rules: Rules, found: Found) -> None:
        self._rules, self._found = rules, found
        self.texts: list[str] = []
        self.containers: list[_Container] = []
        self.places: list[Any] = []
        self.keys: list[tuple[str, dict[str, Any], Tree]] = []  # keys of dictionaries
        self.trees: list[Tree] = []
        # The numbers of the strings from which on another tree holds them, and that tree.
        self._since: list[int] = []
        self._since_trees: list[Tree] = []

    def add(self, container: _Container, key: Any, text: str) -> None:
        """Search a string; ``key`` is its place in the container."""
        self.texts.append(text)
        self.containers.append(container)
        self.places.append(key)

    def note_tree(self, tree: Tree) -> None:
        """The strings from here on stand in another tree."""
        self._since.append(len(self.texts))
        self._since_trees.append(tree)

    def stream_slots(self, value: Any) -> list[list[int]]:
        """The numbers of the strings that make up each text of a stream: those in the same place of each item."""
        items = items_of(value)
        if not items:
            return []
        known = self._slots_of(items)
        texts: dict[tuple[Any, ...], list[int]] = {}
        for number, item in enumerate(items):
            for place, container, key, text in strings_of(items, number, item, ()):
                slot = known.get(key if container is items else (id(container), key))
                if slot is None and container[key] is text:
                    slot = len(self.texts)
                    self.add(container, key, text)
                if slot is not None:
                    texts.setdefault(place, []).append(slot)
        return [numbers for numbers in texts.values() if len(numbers) > 1]

    def _slots_of(self, items: list[Any]) -> dict[Any, int]:
        """The numbers of the strings by their places; those in the list itself by their indexes."""
        known: dict[Any, int] = {}
        for number, container in enumerate(self.containers):
            place = self.places[number]
            known[place if container is items else (id(container), place)] = number
        return known

    def replace_secrets(self, streams: list[list[int]]) -> None:
        """Search all strings, and put them back without their secrets and the repetitions of those."""
        texts = self.texts + [key for key, _, _ in self.keys]
        if not texts:
            return
        joined = ["".join([texts[number] for number in numbers]) for numbers in streams]
        scan = Scan(texts + joined, self._rules.names)
        secrets = find_secrets(scan)
        for start, stop in secrets[:MOST_REPEATED]:
            secret = scan.text[start:stop]
            if SEPARATOR not in secret:
                self._found.remember(secret)
        repeats, frequent = scan.repeats(self._found.secrets)
        found = scan.by_string(merged(secrets + repeats) if repeats else secrets)
        continued: set[int] = set()  # strings that begin with the rest of a secret: it is marked where it begins
        for number, numbers in enumerate(streams, len(texts)):
            continued |= split_over(found, found.pop(number, ()), [(one, len(texts[one])) for one in numbers])
        self._replace(texts, found, continued, _pattern_of(frequent))

    def _replace(
        self, texts: list[str], found: dict[int, list[Range]], continued: set[int], frequent: re.Pattern[str] | None
    ) -> None:
        is_thorough = bool(self._rules.patterns) or frequent is not None
        for number in range(len(texts)) if is_thorough else found:
            before = text = texts[number]
            ranges = found.get(number)
            if ranges is not None:
                if ranges[0] == (0, len(text)) and number not in continued:
                    self._found.count += 1
                    text = SECRET_TEXT
                else:
                    text = self._without(text, ranges, is_continued=number in continued)
            if is_thorough:
                text = self._without_known(text, frequent)
            if text != before:
                self._put(number, before, text)

    def _without_known(self, text: str, frequent: re.Pattern[str] | None) -> str:
        if frequent is not None:
            text = self._without_repetitions(text, frequent)
        for pattern in self._rules.patterns:
            text, count = pattern.subn(SECRET_TEXT, text)
            self._found.count += count
        return text

    def _without(self, text: str, ranges: list[Range], *, is_continued: bool) -> str:
        if len(ranges) > 1:
            ranges = merged(ranges)
        self._found.count += len(ranges) - is_continued
        text = SECRET_TEXT if ranges[0] == (0, len(text)) else replaced(text, ranges)
        return text[len(SECRET_TEXT) :] if is_continued else text

    def _without_repetitions(self, text: str, frequent: re.Pattern[str]) -> str:
        if len(text) <= _AT_ONCE:
            text, count = frequent.subn(SECRET_TEXT, text)
            self._found.count += count
            return text
        parts: list[str] = []
        start = 0
        while start < len(text):
            stop = _end_of_piece(text, start, frequent)
            parts.append(self._without_repetitions(text[start:stop], frequent))
            start = stop
        return "".join(parts)

    def _put(self, number: int, before: str, text: str) -> None:
        count = len(self.containers)
        if number < count:
            self._since_trees[bisect_right(self._since, number) - 1].is_changed = True
            self.containers[number][self.places[number]] = text
        else:
            _, names_of, tree = self.keys[number - count]
            tree.is_changed = True
            if tree.renamed is None:
                tree.renamed = {}
            names = tree.renamed.get(id(names_of))
            if names is None:
                names = tree.renamed[id(names_of)] = (names_of, {})
            names[1][before] = text

    def close_trees(self) -> None:
        """Rename keys, and encode again what was decoded from a string and has changed, innermost first."""
        for tree in reversed(self.trees):
            for names_of, names in (tree.renamed or {}).values():
                _rename(names_of, names)
            if tree.outer is not None and tree.is_changed:
                container, key, outer = tree.outer
                container[key] = encode(tree.root[0], tree.size).decode()
                outer.is_changed = True


def _pattern_of(secrets: list[str]) -> re.Pattern[str] | None:
    """A pattern of known secrets, the longest first; a number is not looked for inside a longer one."""
    ordered = sorted(secrets, key=len, reverse=True)
    return (
        re.compile("|".join(rf"(?<!\d){one}(?!\d)" if one.isdigit() else re.escape(one) for one in ordered))
        if ordered
        else None
    )


def _end_of_piece(text: str, start: int, pattern: re.Pattern[str]) -> int:
    """Where a piece of a long text ends: not inside of a match."""
    stop = start + _AT_ONCE
    for match in pattern.finditer(text, stop - _LONGEST, stop + _LONGEST):
        if match.start() < stop < match.end():
            return match.start()
    return min(stop, len(text))


def _rename(container: dict[str, Any], names: dict[str, str]) -> None:
    """Rename keys in place; keys that become equal are numbered, in linear time."""
    items = list(container.items())
    container.clear()
    clashes = 0
    for key, item in items:
        name = names.get(key, key)
        if name in container:
            clashes += 1
            name += " " if clashes == 1 else f" ({clashes})"
        container[name] = item
