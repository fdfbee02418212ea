"""JSON texts that were decoded: the payload, and those in its strings; and how the keys of a dictionary change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


class Tree:
    """A decoded JSON text: the payload, or one that stands in strings of it."""

    __slots__ = ("is_changed", "level", "renamed", "root", "size", "text", "uses")

    def __init__(self, root: list[Any], size: int, level: int, text: str = "") -> None:
        self.root = root  # one item
        self.size = size  # of the text
        self.level = level  # how deep JSON texts may still stand inside of it
        self.text = text  # that it was decoded from; as long as it has not changed, and then the new one
        # Numbers, one mostly, in tuples: there may be thousands of trees, and garbage collection tracks all lists.
        self.uses: Sequence[int] = ()  # where strings stand that it was decoded from
        self.renamed: Sequence[int] = ()  # dictionaries whose keys have changed
        self.is_changed = False


def renamed(keys: Iterable[str], names: dict[str, str]) -> Iterator[str]:
    """Yield keys with new names; those that become equal are numbered, in linear time."""
    seen: set[str] = set()
    add = seen.add
    clashes = 0
    for key in keys:
        name = given = names.get(key, key)
        while name in seen:
            clashes += 1
            name = given + (" " if clashes == 1 else f" ({clashes})")
        add(name)
        yield name
