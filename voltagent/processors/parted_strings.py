"""Replace secrets in the strings of a payload that is decoded a part at a time.

A part becomes text again before its strings are searched, with marks instead of the strings.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeAlias, cast

from voltagent.capture.pieces import decode_deep, encode_any, encode_deep
from voltagent.processors.parts import PARTS, Marked, Undecoded, encode_outline
from voltagent.processors.secrets.found import Found
from voltagent.processors.secrets.strings import Chunks, Rules, Strings
from voltagent.processors.secrets.structures.trees import renamed
from voltagent.processors.streams import DEEPEST, WITH_TEXTS, Container, Texts

# `(texts, their containers, their keys, whether in a part) -> whether one of the containers has changed`
_TakeTexts: TypeAlias = Callable[[list[str], list[Container], list[Any], bool], bool]
# What a mark replaces: a string, by its slot; a string that is JSON, by the number of its use; a key of a dictionary.
_STRING: Final = "s"
_JSON: Final = "j"
_KEY: Final = "k"


class _Marks:
    """The marks that replace strings in parts; each begins with ``character``, which is not in the payload."""

    def __init__(self, character: str) -> None:
        self._character = character
        self._pattern = re.compile(b"%b([sjk])([0-9]+)" % character.encode())
        self._keys: list[str] = []
        self._new_keys: dict[int, str] = {}
        self._first_keys: dict[int, int] = {}  # of dictionaries, by their numbers
        self._last_keys: dict[int, int] = {}
        self._named: list[tuple[dict[str, Any], list[str]]] = []  # dictionaries with keys instead of marks, and these

    def mark(self, kind: str, number: int) -> str:
        """Return a mark."""
        return f"{self._character}{kind}{number}"

    def begins(self, kind: str) -> str:
        """Return the two characters with which marks of a kind begin."""
        return self._character + kind

    def read(self, text: str) -> tuple[str, int]:
        """Return the kind and the number of a mark; an empty string and 0 if the text is not a mark."""
        return (text[1], int(text[2:])) if text.startswith(self._character) else ("", 0)

    def may_be_keys_of(self, part: Undecoded | Marked) -> bool:
        """Return whether a part may have marks instead of keys of dictionaries."""
        return self.begins(_KEY).encode() in part

    def mark_keys(self, number: int, dictionary: dict[str, Any]) -> None:
        """Replace the keys of a dictionary by marks."""
        values = list(dictionary.values())
        first = self._first_keys[number] = len(self._keys)
        self._keys += dictionary
        self._last_keys[number] = len(self._keys)
        dictionary.clear()
        dictionary.update((self.mark(_KEY, place), value) for place, value in enumerate(values, first))

    def rename(self, number: int, renamed: Callable[[list[str]], Iterable[str]]) -> None:
        """Rename the keys of a dictionary."""
        first = self._first_keys[number]
        keys = self._keys[first : self._last_keys[number]]
        self._new_keys.update(enumerate(renamed(keys), first))

    def named_items(self, dictionary: dict[str, Any]) -> Iterable[tuple[str, Any]]:
        """Return the items of a dictionary in a part; its keys replace their marks until :meth:`mark_again`."""
        if next(iter(dictionary), "").startswith(self._character):
            marks, values = list(dictionary), list(dictionary.values())
            self._named.append((dictionary, marks))
            dictionary.clear()
            dictionary.update(zip([self._keys[self.read(mark)[1]] for mark in marks], values, strict=True))
        return dictionary.items()

    def mark_again(self) -> None:
        """Replace keys by their marks again."""
        for dictionary, marks in self._named:
            values = list(dictionary.values())
            dictionary.clear()
            dictionary.update(zip(marks, values, strict=True))
        self._named.clear()

    def text_of(self, part: Undecoded | Marked, text_at: Callable[[str, int], str]) -> bytes:
        """Return the text of a part with strings instead of its marks; ``text_at`` returns those that are not keys."""
        if isinstance(part, bytes):
            return encode_deep(decode_deep(part))
        pieces_and_marks = self._pattern.split(part)
        if len(pieces_and_marks) == 1:
            return bytes(part)
        texts = [
            self._text(kind.decode(), int(number), text_at)
            for kind, number in zip(pieces_and_marks[1::3], pieces_and_marks[2::3], strict=True)
        ]
        # one call for all; no text has the character
        pieces_and_marks[1::3] = encode_any(self._character.join(texts))[1:-1].split(self._character.encode())
        del pieces_and_marks[2::3]
        return b"".join(pieces_and_marks)

    def _text(self, kind: str, number: int, text_at: Callable[[str, int], str]) -> str:
        if kind == _KEY:
            return self._new_keys.get(number, self._keys[number])
        return text_at(kind, number)


class PartedStrings(Strings):
    """Strings of a payload with parts: an examined part becomes text at once, with marks instead of its strings."""

    __slots__ = ("_marks", "_streamed")

    def __init__(self, rules: Rules, found: Found, character: str) -> None:
        super().__init__(rules, found)
        self._marks = _Marks(character)
        self._streamed: dict[int, int] = {}  # slots in a stream of strings that are JSON, by their uses

    def position(self) -> tuple[int, int, int]:
        """Return the lengths of the lists, for :meth:`encode_part`."""
        return len(self._slots), len(self._used), len(self._dictionaries)

    def encode_part(self, items: list[Any], position: tuple[int, int, int]) -> Marked:
        """Encode a part whose strings were added since :meth:`position` returned ``position``."""
        marks = self._marks
        slots, containers, places, texts = self._slots, self._containers, self._places, self._texts
        for slot in range(position[0], len(slots)):
            container = containers[slot]
            if container is not None:
                if slots[slot] >= 0 and container[places[slot]] == texts[slots[slot]]:
                    container[places[slot]] = marks.mark(_STRING, slot)
                else:  # hidden since it was added, or too short
                    slots[slot] = -1
                containers[slot] = places[slot] = None
        for use in range(position[1], len(self._used)):
            container = self._use_containers[use]
            if container is not None:
                container[self._use_places[use]] = marks.mark(_JSON, use)
                self._use_containers[use] = self._use_places[use] = None
        for number in range(position[2], len(self._dictionaries)):
            dictionary = self._dictionaries[number]
            if dictionary is not None:
                marks.mark_keys(number, dictionary)
                self._dictionaries[number] = None
        return Marked(encode_deep(items))

    def encoded(self, value: Any, size: int) -> bytes:  # noqa: ARG002 - the size of each part is not known
        return encode_outline(value, lambda part: self._marks.text_of(part, self._text_at))

    def _text_at(self, kind: str, number: int) -> str:
        """Return the string that replaces a mark in the result."""
        if kind == _STRING:
            text = self._changed.get(number)
            return self._texts[self._slots[number]] if text is None else text
        tree = self._used[number]
        return tree.text if tree.is_changed else self._used_text(number)

    def _used_text(self, use: int) -> str:
        if self._use_containers[use] is None and use in self._streamed:
            return self._changed.get(self._streamed[use], self._used[use].text)
        return super()._used_text(use)

    def _rename_keys(self, number: int, names: dict[str, str]) -> None:
        if self._dictionaries[number] is None:
            self._marks.rename(number, lambda keys: renamed(keys, names))
        else:
            super()._rename_keys(number, names)

    def _streams_of_items(self, items: list[Any]) -> list[Chunks]:
        """Return the texts of a stream with parts, and their slots."""
        slots = array("q")  # of all texts
        stream = _StreamWithParts(self._marks, partial(self._take_texts, slots)).add_all(items)
        texts = stream.texts
        for number in stream.alone():
            if self._slots[slots[number]] < 0:  # not searched
                self._changed.setdefault(slots[number], texts[number])
        found: list[Chunks] = []
        for some in stream.together():
            chunks, own = [texts[number] for number in some], [slots[number] for number in some]
            found.append((own, chunks))
            for slot, number, text in zip(own, self._numbers_of_long(chunks), chunks, strict=True):
                if self._slots[slot] < 0:
                    self._slots[slot] = number
                    if number < 0:  # too short to be searched
                        self._changed.setdefault(slot, text)
        stream.release()
        return found

    def _take_texts(
        self, slots: array[int], texts: list[str], containers: list[Container], keys: list[Any], is_part: bool
    ) -> bool:
        """Add the slots of texts of a stream, and put the strings into the list that marks in a part replace.

        Return whether a mark was put into a container.
        """
        numbers = self._slots
        if not is_part:
            slots.extend(array("q", range(len(numbers), len(numbers) + len(texts))))
            numbers.extend(array("q", (-1,)) * len(texts))  # until all are known
            self._containers += containers
            self._places += keys
            return False
        marks, known, is_changed = self._marks, self._texts, False
        of_string = marks.begins(_STRING)
        for at, text in enumerate(texts):
            if text[:2] == of_string:
                slot = int(text[2:])
                texts[at] = known[numbers[slot]]
            else:
                kind, number = marks.read(text)
                slot = len(numbers)
                if kind == _JSON:
                    self._streamed[number] = slot
                    texts[at] = self._used[number].text
                else:
                    containers[at][keys[at]] = marks.mark(_STRING, slot)
                    is_changed = True
                numbers.append(-1)
                self._containers.append(None)
                self._places.append(None)
            slots.append(slot)
        return is_changed


def texts_with_parts(items: list[Any]) -> Texts:
    """Return the texts of the items of a stream with parts, by their places."""
    return _StreamWithParts().add_all(items)


class _StreamWithParts:
    """The texts of a stream with parts, see :mod:`voltagent.processors.parts`, which are decoded one at a time.

    ``take_texts`` is called for the texts of a part while that is decoded, and replaces marks among them by the strings
    for which they stand.
    """

    def __init__(self, marks: _Marks | None = None, take_texts: _TakeTexts | None = None) -> None:
        self._marks, self._take_texts = marks, take_texts
        self._found = Texts()
        self._taken = 0  # texts for which `take_texts` was called

    def add_all(self, items: list[Any]) -> Texts:
        """Add the items of a stream, and return the texts."""
        for number, item in enumerate(items):
            if type(item) not in PARTS:
                self._add_item(items, number, item)
                continue
            some = self._decoded(item)
            if self._marks is None or not self._marks.may_be_keys_of(item):
                self._found.add_all(some)
            else:
                for at, one in enumerate(some):
                    self._add_item(some, at, one)
            self._close(items, number, some)
        self._take(is_part=False)
        return self._found

    def _add_item(self, container: Container, key: Any, item: Any) -> None:
        self._found.begin_item()
        self._add(0, container, key, item, DEEPEST)

    def _add(self, place: int, container: Container, key: Any, value: Any, levels: int) -> None:
        if type(value) is str:
            self._found.put(place, container, key, value)
        elif levels and type(value) is dict:
            for name, item in self._items_of(value):
                self._add_inside(place, name, value, name, item, levels)
        elif levels and type(value) is list:
            first = 0
            for number, item in enumerate(value):
                first += self._add_inside(place, first, value, number, item, levels)

    def _add_inside(self, place: int, name: Any, container: Container, key: Any, item: Any, levels: int) -> int:
        """Add a value of a dictionary or list, or the values of a part, and return their number."""
        if type(item) not in PARTS:
            if type(item) in WITH_TEXTS:
                self._add_to(self._found.inner(place, name), container, key, item, levels)
            return 1
        some = self._decoded(item)
        for number, one in enumerate(some):
            self._add_to(self._found.inner(place, name + number if number else name), some, number, one, levels)
        self._close(container, key, some)
        return len(some)

    def _add_to(self, place: int, container: Container, key: Any, item: Any, levels: int) -> None:
        if place:
            self._add(place, container, key, item, levels - 1)

    def _items_of(self, value: dict[str, Any]) -> Iterable[tuple[str, Any]]:
        return value.items() if self._marks is None else self._marks.named_items(value)

    def _decoded(self, part: Undecoded | Marked) -> list[Any]:
        self._take(is_part=False)
        return cast("list[Any]", decode_deep(bytes(part)))

    def _close(self, container: Any, key: Any, items: list[Any]) -> None:
        is_changed = self._take(is_part=True)
        if self._marks is not None:
            self._marks.mark_again()
            if is_changed:
                container[key] = Marked(encode_deep(items))

    def _take(self, *, is_part: bool) -> bool:
        """Call ``take_texts`` for the texts that were added since the last time, and let go of their containers."""
        found, is_changed = self._found, False
        if self._take_texts is not None:
            some = found.texts[self._taken :]
            is_changed = self._take_texts(some, found.containers, found.keys, is_part)
            found.texts[self._taken :] = some
        self._taken = len(found.texts)
        found.containers.clear()
        found.keys.clear()
        return is_changed
