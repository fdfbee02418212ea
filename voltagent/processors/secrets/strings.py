"""The strings of a payload that are searched as text, and where each stands: find their secrets and replace them."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from operator import eq
from typing import Any, Final, NamedTuple, TypeAlias, cast

from voltagent.capture.pieces import encode
from voltagent.capture.secrets import SECRET_TEXT
from voltagent.processors.secrets.found import MOST_REPEATED, Found
from voltagent.processors.secrets.names import SecretNames
from voltagent.processors.secrets.scan import SEPARATOR, Range, Scan
from voltagent.processors.secrets.streams import Texts, items_of, split_over, texts_of
from voltagent.processors.secrets.structure import KeyShape
from voltagent.processors.secrets.text import find_secrets, merged, replaced

_Container: TypeAlias = "dict[str, Any] | list[Any]"

_AT_ONCE: Final = 1 << 17  # characters in which repetitions are replaced at once
_STRINGS: Final = 4096  # numbered or joined at once
_LONGEST: Final = 4096  # characters of a known secret
_LONGEST_SHARED: Final = 1 << 14  # characters of a string that is compared with others


class Rules(NamedTuple):
    """What one redactor looks for."""

    names: SecretNames
    patterns: tuple[re.Pattern[str], ...]  # the user's own
    shapes: dict[tuple[str, ...], KeyShape]  # of dictionaries that were searched, by their keys


class Tree:
    """A decoded JSON text: the payload, or one that stands in strings of it."""

    __slots__ = ("is_changed", "level", "places", "renamed", "root", "size")

    def __init__(self, root: list[Any], size: int, level: int) -> None:
        self.root = root  # one item
        self.size = size  # of the text
        self.level = level  # how deep JSON texts may still stand inside of it
        self.places: list[tuple[_Container, Any, Tree]] = []  # of the strings that it was decoded from
        self.renamed: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.is_changed = False


class Strings:
    """The strings to be searched, each once, and the places where they stand, in the order of the walk.

    The lists of places are as long as one another: a tuple for each would keep Python's collection of garbage busy.
    """

    __slots__ = (
        "_containers",
        "_found",
        "_keys",
        "_numbers",
        "_places",
        "_rules",
        "_since",
        "_slots",
        "_texts",
        "_trees",
    )

    def __init__(self, rules: Rules, found: Found) -> None:
        self._rules, self._found = rules, found
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}  # of the texts that are not long
        self._slots: list[int] = []  # the number of the text in each place
        self._containers: list[_Container] = []
        self._places: list[Any] = []
        self._keys: list[tuple[dict[str, Any], Sequence[str], list[int], Tree]] = []  # keys of dictionaries
        # The places from which on another tree holds them, and that tree.
        self._since: list[int] = []
        self._trees: list[Tree] = []

    def add(self, container: _Container, key: Any, text: str) -> None:
        """Search a string; ``key`` is its place in the container."""
        self._slots.append(self._number(text))
        self._containers.append(container)
        self._places.append(key)

    def add_list(self, container: list[Any]) -> None:
        """Search all items of a list of strings."""
        self._slots += self._numbers_of(container)
        self._containers += [container] * len(container)
        self._places += range(len(container))

    def add_keys(self, container: dict[str, Any], keys: Sequence[str], tree: Tree) -> None:
        """Search keys of a dictionary."""
        self._keys.append((container, keys, self._numbers_of(keys), tree))

    def _number(self, text: str) -> int:
        """Return the number of a text, which is the same for equal texts."""
        number = len(self._texts)
        if len(text) <= _LONGEST_SHARED:
            known = self._numbers.setdefault(text, number)
            if known != number:
                return known
        self._texts.append(text)
        return number

    def _numbers_of(self, texts: Sequence[str]) -> list[int]:
        """Return the numbers of several texts, of which there may be many."""
        found: list[int] = []
        for first in range(0, len(texts), _STRINGS):
            some = texts[first : first + _STRINGS]
            if max(map(len, some)) > _LONGEST_SHARED:
                found += map(self._number, some)
            else:
                known = self._numbers
                new = [text for text in dict.fromkeys(some) if text not in known]
                known.update(zip(new, range(len(self._texts), len(self._texts) + len(new)), strict=True))
                self._texts += new
                found += map(known.__getitem__, some)
        return found

    def note_tree(self, tree: Tree) -> None:
        """Note that the strings from here on stand in another tree."""
        self._since.append(len(self._slots))
        self._trees.append(tree)

    def add_stream(self, value: Any) -> list[Sequence[int]]:
        """Search the texts of a stream: the strings in the same place of each item are one; return their slots."""
        items = items_of(value)
        if set(map(type, items)) == {str}:
            return [self._slots_of_list(items)]
        return [self._add_texts(place) for place in texts_of(items)]

    def _slots_of_list(self, items: list[Any]) -> Sequence[int]:
        """Return the slots of a list of strings: the first ones, or new ones."""
        last = len(items) - 1
        if len(self._slots) > last and self._containers[last] is items and self._places[last] == last:
            return range(len(items))
        self.add_list(items)
        return range(len(self._slots) - len(items), len(self._slots))

    def _add_texts(self, place: Texts) -> Sequence[int]:
        self._slots += self._numbers_of(place.texts)
        self._containers += place.containers
        self._places += place.keys
        return range(len(self._slots) - len(place.texts), len(self._slots))

    def replace_secrets(self, streams: list[Sequence[int]]) -> None:
        """Search all strings, and put them back without their secrets and the repetitions of those."""
        texts, numbers = self._texts, self._slots
        if not texts:
            return
        chunks = [[texts[numbers[slot]] for slot in slots] for slots in streams]
        scan = Scan([*texts, *map("".join, chunks)] if chunks else texts, self._rules.names)
        secrets = find_secrets(scan)
        if not secrets and not self._found.secrets and not self._rules.patterns:
            return
        for start, stop in secrets[:MOST_REPEATED]:
            secret = scan.text[start:stop]
            if start < scan.examined and SEPARATOR not in secret:
                self._found.remember(secret)
        repeats, frequent = scan.repeats(self._found.secrets)
        found = scan.by_string(merged(secrets + repeats) if repeats else secrets)
        replacer = _Replacer(self._rules.patterns, frequent)
        for number, (slots, parts) in enumerate(zip(streams, chunks, strict=True), len(texts)):
            if number in found:
                self._put_split(slots, parts, found.pop(number), found, replacer)
        self._put_all(replacer.replaced(texts, found))

    def _put_split(
        self,
        slots: Sequence[int],
        parts: list[str],
        wholes: list[Range],
        found: dict[int, list[Range]],
        replacer: _Replacer,
    ) -> None:
        """Put back the chunks of a stream that have a part of a secret, without that and what they hold alone."""
        numbers, containers, places = self._slots, self._containers, self._places
        split = split_over(wholes, parts)
        self._trees[-1].is_changed = True
        for first, last in split.emptied:
            for slot in slots[first:last]:
                containers[slot][places[slot]] = ""
        texts = [parts[at] for at in split.ranges]
        ranges = [
            merged(ranges + found[numbers[slots[at]]]) if numbers[slots[at]] in found else ranges
            for at, ranges in split.ranges.items()
        ]
        after = replacer.replaced(texts, dict(enumerate(ranges)))
        for number, at in enumerate(split.ranges):
            text, count = after[number]
            is_rest = at in split.continued
            self._put(slots[at], text[len(SECRET_TEXT) :] if is_rest else text, count - is_rest)

    def _put_all(self, after: dict[int, tuple[str, int]]) -> None:
        """Put back all strings that changed, where they stand; ``after`` has them by their numbers."""
        texts = self._texts
        for slot, number in enumerate(self._slots):
            if number in after and self._containers[slot][self._places[slot]] == texts[number]:
                self._put(slot, *after[number])
        for container, keys, numbers, tree in self._keys:
            renamed = {key: after[number] for key, number in zip(keys, numbers, strict=True) if number in after}
            if renamed:
                self._found.count += sum(count for _, count in renamed.values())
                tree.is_changed = True
                tree.renamed.append((container, {key: text for key, (text, _) in renamed.items()}))

    def _put(self, slot: int, text: str, count: int) -> None:
        self._found.count += count
        self._trees[bisect_right(self._since, slot) - 1].is_changed = True
        self._containers[slot][self._places[slot]] = text

    def close_trees(self) -> None:
        """Rename keys, and encode again what was decoded from a string and has changed, innermost first."""
        for tree in sorted(dict.fromkeys(self._trees), key=lambda tree: tree.level):
            for container, names in tree.renamed:
                _rename(container, names)
            if tree.is_changed and tree.places:
                text = encode(tree.root[0], tree.size).decode()
                holder, key, _ = tree.places[0]
                self._found.count += _marks_added(cast(Any, holder)[key], text) * (len(tree.places) - 1)
                for holder, key, outer in tree.places:
                    holder[key] = text
                    outer.is_changed = True


class _Replacer:
    """Replaces ranges of texts, and what the user's own patterns and those of frequent secrets match."""

    def __init__(self, patterns: tuple[re.Pattern[str], ...], frequent: list[str]) -> None:
        self._patterns = patterns
        self._frequent = _pattern_of(frequent)

    def replaced(self, texts: list[str], found: dict[int, list[Range]]) -> dict[int, tuple[str, int]]:
        """Return the texts that change, by their numbers, each with the count of what was replaced."""
        after = {number: (replaced(texts[number], ranges), len(ranges)) for number, ranges in found.items()}
        if self._frequent is not None:
            self._add(after, texts, self._without_frequent)
        for pattern in self._patterns:
            self._add(after, texts, partial(_without_matches, pattern))
        return after

    @staticmethod
    def _add(
        after: dict[int, tuple[str, int]],
        texts: list[str],
        replace: Callable[[list[str]], list[tuple[str, int]]],
    ) -> None:
        befores = (
            [after[number][0] if number in after else text for number, text in enumerate(texts)] if after else texts
        )
        for number, (text, count) in enumerate(replace(befores)):
            if count:
                after[number] = text, count + (after[number][1] if number in after else 0)

    def _without_frequent(self, texts: list[str]) -> list[tuple[str, int]]:
        """Texts without frequent secrets: short ones are joined, so that they cost no call each."""
        frequent = cast("re.Pattern[str]", self._frequent)
        found: list[tuple[str, int]] = []
        for batch in _batches(texts):
            parts = frequent.sub(SECRET_TEXT, SEPARATOR.join(batch)).split(SEPARATOR) if len(batch) > 1 else []
            if len(parts) == len(batch):
                is_same = map(eq, parts, batch)
                found += [
                    (part, 0 if same else _marks_added(text, part))
                    for part, text, same in zip(parts, batch, is_same, strict=True)
                ]
            else:
                found += [_without_repetitions(text, frequent) for text in batch]
        return found


def _without_matches(pattern: re.Pattern[str], texts: list[str]) -> list[tuple[str, int]]:
    return [pattern.subn(SECRET_TEXT, text) for text in texts]


def _marks_added(before: str, after: str) -> int:
    return max(1, after.count(SECRET_TEXT) - before.count(SECRET_TEXT))


def _batches(texts: list[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of those that are joined at once; a long text stands alone."""
    for first in range(0, len(texts), _STRINGS):
        some = texts[first : first + _STRINGS]
        ends = [*accumulate(map(len, some))]
        start = length = 0
        while start < len(some):
            stop = max(start + 1, bisect_right(ends, length + _AT_ONCE))
            yield some[start:stop]
            start, length = stop, ends[stop - 1]


def _without_repetitions(text: str, frequent: re.Pattern[str]) -> tuple[str, int]:
    parts: list[tuple[str, int]] = []
    start = 0
    while start < len(text):
        stop = len(text) if len(text) - start <= _AT_ONCE else _end_of_piece(text, start, frequent)
        parts.append(frequent.subn(SECRET_TEXT, text[start:stop]))
        start = stop
    return "".join([part for part, _ in parts]), sum(count for _, count in parts)


def _pattern_of(secrets: list[str]) -> re.Pattern[str] | None:
    """Return a pattern of known secrets, the longest first; a number is not looked for inside a longer one."""
    ordered = sorted(secrets, key=len, reverse=True)
    return (
        re.compile("|".join(rf"(?<!\d){one}(?!\d)" if one.isdigit() else re.escape(one) for one in ordered))
        if ordered
        else None
    )


def _end_of_piece(text: str, start: int, pattern: re.Pattern[str]) -> int:
    """Return where a piece of a long text ends: not inside of a match."""
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
