"""JSON texts that were decoded: the payload, and those in its strings; and how the keys of a dictionary change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic_core import from_json

from voltagent.capture.pieces import decode
from voltagent.core.text import encode_utf8
from voltagent.processors.parts import outline

NESTED: Final = 3  # JSON in text in JSON in text
# Strings that are decoded as JSON: at least 200, and one more for each 200 bytes of the payload; others are texts.
_FREE_DECODES: Final = 200
_SIZE_PER_DECODE: Final = 200
LARGE_TEXT: Final = 1 << 15  # characters of a string that is decoded in pieces


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


class InnerTrees:
    """The trees of strings that hold JSON: one for equal strings of a level, so that each is decoded once.

    Args:
        size: of the JSON text of the payload, in bytes.
        in_parts: whether what is large may stay text in parts, see :class:`~voltagent.processors.parts.Undecoded`.
    """

    __slots__ = ("_decode_large", "_decodes", "_known")

    def __init__(self, size: int, *, in_parts: bool) -> None:
        self._decodes = _FREE_DECODES + size // _SIZE_PER_DECODE
        self._decode_large = outline if in_parts else decode
        self._known: list[dict[str, Tree]] = [{} for _ in range(NESTED)]  # by their texts, of each level

    def get(self, text: str, level: int) -> Tree | None:
        """Return the tree of a string, or ``None`` if that is not JSON or too many were decoded."""
        known = self._known[level]
        if text in known:
            return known[text]
        if not self._decodes:
            return None
        self._decodes -= 1
        is_large = len(text) > LARGE_TEXT
        try:
            inner = self._decode_large(encode_utf8(text)) if is_large else from_json(text, cache_strings="none")
        except ValueError:
            return None
        tree = Tree([inner], len(text), level, text)
        if not is_large:
            known[text] = tree
        return tree

    def release(self) -> None:
        """Let go of very many in small steps."""
        for known in self._known:
            while known:
                known.popitem()


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
