"""The strings of a payload that are searched as text, and where each stands: find their secrets and replace them."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias, cast

from voltagent.capture.pieces import LARGE, encode, release
from voltagent.capture.secrets import SECRET_TEXT
from voltagent.core.text import decode_utf8, join_texts
from voltagent.processors.secrets.found import MOST_REPEATED, Changes, Found, Replacer, marks_added
from voltagent.processors.secrets.spellings import standing_in
from voltagent.processors.secrets.structures.key_shapes import Shapes
from voltagent.processors.secrets.structures.lists import are_strings
from voltagent.processors.secrets.structures.trees import Tree, renamed
from voltagent.processors.secrets.text.finders import find_secrets
from voltagent.processors.secrets.text.ranges import merged, with_more
from voltagent.processors.secrets.text.scan import SHORTEST_TEXT, Range, Scan, take_all
from voltagent.processors.secrets.vocabulary.names import SecretNames
from voltagent.processors.streams import Texts, items_of, split_over, texts_of

_Container: TypeAlias = "dict[str, Any] | list[Any]"
Chunks: TypeAlias = "tuple[Sequence[int], list[str]]"  # the slots of its chunks, and these

_STRINGS: Final = 4096  # numbered at once
_LONGEST_SHARED: Final = 1 << 14  # characters of a string that is compared with others
_MOST_SHARED: Final = 1 << 16  # texts; a larger dictionary takes milliseconds to grow, in which no other thread runs


class Rules(NamedTuple):
    """What one redactor looks for."""

    names: SecretNames
    patterns: tuple[re.Pattern[str], ...]  # the user's own
    shapes: Shapes


class Strings:
    """The strings to be searched, each once, and the places where they stand, in the order of the walk.

    The lists of places all have the same length: a tuple for each place would cost Python's garbage collection time.
    It looks at each item of a list, and not into arrays and dictionaries of nothing but numbers and strings.
    """

    def __init__(self, rules: Rules, found: Found) -> None:
        self._rules, self._found = rules, found
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}  # of the texts that are not long
        self._slots = array("q")  # the number of the text in each place, or -1
        self._containers: list[_Container | None] = []  # None in a part that is text again
        self._places: list[Any] = []
        # Dictionaries of which some keys are searched: where those begin in the lists of all, and the tree.
        self._dictionaries: list[dict[str, Any] | None] = []
        self._first_keys: list[int] = []
        self._dictionary_trees: list[Tree] = []
        self._keys: list[str] = []
        self._key_numbers = array("q")
        # Strings that are JSON: where they stand, in which tree, and the one that was decoded from them.
        self._use_containers: list[_Container | None] = []
        self._use_places: list[Any] = []
        self._use_trees: list[Tree] = []
        self._used: list[Tree] = []
        # The places from which on another tree holds them, and that tree.
        self._since: list[int] = []
        self._trees: list[Tree] = []
        self._after = Changes({}, {})
        self._changed: dict[int, str] = {}  # what stands in places in a part that is text again

    def add(self, container: _Container, key: Any, text: str) -> None:
        """Search a string; ``key`` is its place in the container."""
        self._slots.append(self._number(text))
        self._containers.append(container)
        self._places.append(key)

    def add_list(self, container: list[Any]) -> None:
        """Search all items of a list of strings."""
        for first in range(0, len(container), _STRINGS):
            some = container[first : first + _STRINGS]
            self._slots.fromlist(self._numbers_of_long(some))
            self._containers += [container] * len(some)
            self._places += range(first, first + len(some))

    def add_keys(self, container: dict[str, Any], keys: Sequence[str], tree: Tree) -> None:
        """Search keys of a dictionary."""
        self._dictionaries.append(container)
        self._dictionary_trees.append(tree)
        self._first_keys.append(len(self._keys))
        self._keys += keys
        self._key_numbers.fromlist(self._numbers_of(keys))

    def add_use(self, container: _Container, key: Any, tree: Tree, inner: Tree) -> None:
        """Note that a string of a tree is JSON, from which another one was decoded."""
        inner.uses = _with(inner.uses, len(self._used))
        self._use_containers.append(container)
        self._use_places.append(key)
        self._use_trees.append(tree)
        self._used.append(inner)

    def _number(self, text: str) -> int:
        """Return the number of a text, which is the same for equal texts."""
        number = len(self._texts)
        if len(text) <= _LONGEST_SHARED:
            if len(self._numbers) >= _MOST_SHARED:
                self._numbers = {}
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
                if len(self._numbers) >= _MOST_SHARED:
                    self._numbers = {}
                known = self._numbers
                new = [text for text in dict.fromkeys(some) if text not in known]
                known.update(zip(new, range(len(self._texts), len(self._texts) + len(new)), strict=True))
                self._texts += new
                found += map(known.__getitem__, some)
        return found

    def _numbers_of_long(self, texts: Sequence[str]) -> list[int]:
        """:meth:`_numbers_of` for texts of which some may be too short to be searched: those have no number."""
        shortest = 1 if self._rules.patterns else SHORTEST_TEXT
        if min(map(len, texts)) >= shortest:
            return self._numbers_of(texts)
        if max(map(len, texts)) < shortest:
            return [-1] * len(texts)
        numbers = iter(self._numbers_of([text for text in texts if len(text) >= shortest]))
        return [next(numbers) if len(text) >= shortest else -1 for text in texts]

    def note_tree(self, tree: Tree) -> None:
        """Note that the strings from here on stand in another tree."""
        self._since.append(len(self._slots))
        self._trees.append(tree)

    def add_stream(self, value: Any) -> list[Chunks]:
        """Search the texts of a stream: the strings in the same place of each item are one."""
        items = items_of(value)
        if not items:
            return []
        if are_strings(items):
            return [(self._slots_of_list(items), [*items])]
        return self._streams_of_items(items)

    def _streams_of_items(self, items: list[Any]) -> list[Chunks]:
        stream = texts_of(items)
        found = [self._add_texts(stream, numbers) for numbers in stream.together()]
        stream.release()
        return found

    def _slots_of_list(self, items: list[Any]) -> Sequence[int]:
        """Return the slots of a list of strings: the first ones, or new ones."""
        last = len(items) - 1
        if len(self._slots) > last and self._containers[last] is items and self._places[last] == last:
            return range(len(items))
        self.add_list(items)
        return range(len(self._slots) - len(items), len(self._slots))

    def _add_texts(self, stream: Texts, numbers: list[int]) -> Chunks:
        chunks: list[str] = []
        for first in range(0, len(numbers), _STRINGS):
            some = numbers[first : first + _STRINGS]
            texts = [stream.texts[number] for number in some]
            chunks += texts
            self._slots.fromlist(self._numbers_of_long(texts))
            self._containers += [stream.containers[number] for number in some]
            self._places += [stream.keys[number] for number in some]
        return range(len(self._slots) - len(numbers), len(self._slots)), chunks

    def replace_secrets(self, streams: list[Chunks]) -> None:
        """Search all strings, and put them back without their secrets and the repetitions of those."""
        texts = self._texts
        if not texts and not streams:
            return
        joined = [join_texts(chunks) for _, chunks in streams]
        scan = Scan([*texts, *joined] if joined else texts, self._rules.names)
        secrets = find_secrets(scan)
        if not secrets and not self._found.secrets and not self._rules.patterns:
            return
        first = [scan.text[start:stop] for start, stop in secrets[:MOST_REPEATED] if start < scan.examined]
        known = self._found.secrets
        before = len(known)
        self._found.remember_all(first)
        spelled = standing_in(scan.text, self._found.spellings_for(scan.text, before))
        repeats, frequent = scan.repeats([*known, *spelled], {*first, *islice(known, before, None)})
        if repeats:
            secrets, alone = with_more(secrets, merged(repeats)), secrets
            deque(take_all(alone), 0)
        found = scan.by_string(secrets)
        replacer = Replacer(self._rules.patterns, frequent)
        for number, ((slots, parts), text) in enumerate(zip(streams, joined, strict=True), len(texts)):
            wholes = merged([*found.pop(number, ()), *replacer.frequent_in(text)])
            if wholes:
                self._put_split(slots, parts, wholes, found, replacer)
        self._put_all(replacer.replaced(texts, found))

    def _put_split(
        self,
        slots: Sequence[int],
        parts: list[str],
        wholes: list[Range],
        found: dict[int, Sequence[Range]],
        replacer: Replacer,
    ) -> None:
        """Put back the chunks of a stream that have a part of a secret, without that and what they hold alone."""
        numbers, put = self._slots, self._put
        split = split_over(wholes, parts)
        self._trees[-1].is_changed = True
        containers, keys = self._containers, self._places
        for first, last in split.emptied:
            begin, end = slots[first], slots[last - 1]
            container, key = containers[begin], keys[begin]
            if type(container) is list and container is containers[end] and keys[end] == key + last - 1 - first:
                container[key : key + last - first] = [""] * (last - first)
            else:
                for slot in slots[first:last]:
                    put(slot, "")
        places = array("q", split.ranges)
        ranges: dict[int, Sequence[Range]] = {}
        for number, at in enumerate(places):
            here, more = split.ranges.pop(at), found.get(numbers[slots[at]])
            ranges[number] = merged([*here, *more]) if more else here
        texts, counts = replacer.replaced([parts[at] for at in places], ranges)
        for number, at in enumerate(places):
            text = texts[number]
            put(slots[at], text[len(SECRET_TEXT) :] if at in split.continued else text)
        self._found.count += len(places) + sum(counts.values()) - len(counts) - len(split.continued)

    def _put_all(self, changes: Changes) -> None:
        """Put back all strings that changed, where they stand."""
        self._after, after, counts = changes, changes.texts, changes.counts
        if not after:
            return
        texts, containers, places = self._texts, self._containers, self._places
        changed = self._changed
        count = end = 0  # of the tree that was marked last
        for slot, number in enumerate(self._slots):
            if number in after:
                container, place = containers[slot], places[slot]
                if container is None:
                    if changed.get(slot, texts[number]) != texts[number]:
                        continue
                    changed[slot] = after[number]
                elif container[place] == texts[number]:
                    container[place] = after[number]
                else:
                    continue
                count += counts.get(number, 1)
                if slot >= end:
                    end = self._mark_tree(slot)
        end = 0  # of the keys of the dictionary that was noted last
        for place, number in enumerate(self._key_numbers):
            if number in after:
                count += counts.get(number, 1)
                if place >= end:
                    following = bisect_right(self._first_keys, place)
                    end = self._first_keys[following] if following < len(self._first_keys) else len(self._keys)
                    tree = self._dictionary_trees[following - 1]
                    tree.is_changed = True
                    tree.renamed = _with(tree.renamed, following - 1)
        self._found.count += count

    def _mark_tree(self, slot: int) -> int:
        """Mark the tree with a slot as changed; return the slot from which on another tree has them."""
        number = bisect_right(self._since, slot)
        self._trees[number - 1].is_changed = True
        return self._since[number] if number < len(self._since) else len(self._slots)

    def _put(self, slot: int, text: str) -> None:
        container = self._containers[slot]
        if container is None:
            self._changed[slot] = text
        else:
            container[self._places[slot]] = text

    def release(self) -> None:
        """Let go of many strings in small steps: to free them all in one takes long."""
        of_uses = (self._use_containers, self._use_places, self._use_trees, self._used)
        of_keys = (self._dictionaries, self._keys, self._dictionary_trees)
        for numbers in (self._containers, self._places, self._texts, *of_keys, *of_uses):
            while numbers:
                del numbers[-_STRINGS:]
        for known in (self._numbers, self._after.texts):
            while known:
                known.popitem()
        while self._trees:
            tree = self._trees.pop()
            if tree.uses and tree.size > LARGE:
                release(tree.root)

    def close_trees(self) -> None:
        """Rename keys, and encode again what was decoded from a string and has changed, innermost first."""
        trees = sorted(dict.fromkeys(self._trees), key=lambda tree: tree.level) if self._used else self._trees[:1]
        for tree in trees:
            for dictionary in tree.renamed:
                self._rename(dictionary)
            if tree.is_changed and tree.uses:
                text = decode_utf8(self.encoded(tree.root[0], tree.size))
                if len(tree.uses) > 1:  # no text that is long
                    self._found.count += marks_added(self._used_text(tree.uses[0]), text) * (len(tree.uses) - 1)
                tree.text = text
                for use in tree.uses:
                    container = self._use_containers[use]
                    if container is not None:
                        container[self._use_places[use]] = text
                    self._use_trees[use].is_changed = True

    def _rename(self, number: int) -> None:
        """Rename keys of a dictionary."""
        first, last = self._first_keys[number], self._first_keys[number + 1 : number + 2]
        some = slice(first, last[0] if last else None)
        after = self._after.texts
        names = {
            key: after[number]
            for key, number in zip(self._keys[some], self._key_numbers[some], strict=True)
            if number in after
        }
        self._rename_keys(number, names)

    def _rename_keys(self, number: int, names: dict[str, str]) -> None:
        dictionary = self._dictionaries[number]
        if dictionary is not None:
            keyed = dict(zip(renamed(dictionary, names), dictionary.values(), strict=True))
            dictionary.clear()
            dictionary.update(keyed)

    def encoded(self, value: Any, size: int) -> bytes:
        """JSON text of a payload, or of what was decoded from a string of it."""
        return encode(value, size)

    def _used_text(self, use: int) -> str:
        """Return the string from which a tree was decoded, or what became of it."""
        container = self._use_containers[use]
        return self._used[use].text if container is None else cast(str, container[self._use_places[use]])


def _with(numbers: Sequence[int], number: int) -> Sequence[int]:
    """Return some numbers with another one: a tuple of one, or the same list."""
    if not isinstance(numbers, list):
        return [*numbers, number] if numbers else (number,)
    numbers.append(number)
    return numbers
