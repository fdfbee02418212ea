"""What a form may answer instead of a value: collections already read, and what had to be cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

# From a value of the type that it is for to something nearer to JSON: text, a number, or one of the classes below.
Form: TypeAlias = Callable[[Any], object]

MOST_ITEMS: Final = 32_768  # items of one collection that are read at all, once it is not plain


class NamedFields:
    """Names and values: a JSON object whose keys are texts and differ.

    ``user_data`` is False for facts about a value, such as the shape of an array.
    """

    __slots__ = ("fields", "name", "user_data")

    def __init__(self, name: str, fields: dict[str, Any], *, user_data: bool = True) -> None:
        self.name = name
        self.fields = fields
        self.user_data = user_data


class Mapped:
    """Keys of any type and values: ``pairs`` are the first of ``size``."""

    __slots__ = ("name", "pairs", "size")

    def __init__(self, name: str, pairs: list[tuple[Any, Any]], size: int) -> None:
        self.name = name
        self.pairs = pairs
        self.size = size


class Listed:
    """Items: the first of ``size``."""

    __slots__ = ("items", "name", "size")

    def __init__(self, name: str, items: list[Any], size: int) -> None:
        self.name = name
        self.items = items
        self.size = size


class Cut:
    """A value that is recorded only in part, as a string."""

    __slots__ = ("name", "size", "value")

    def __init__(self, name: str, size: int | None, value: str) -> None:
        self.name = name
        self.size = size
        self.value = value


class Masked:
    """A value within which, at any depth, what is under one of these keys is secret."""

    __slots__ = ("keys", "value")

    def __init__(self, value: object, keys: frozenset[str]) -> None:
        self.value = value
        self.keys = keys
