"""The place of each operation in the tree of its trace, and the lines to draw it with. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from voltagent.core.ordering import children_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Marks:
    """The strings that draw the lines of a tree."""

    fork: str
    last: str
    pipe: str
    space: str


UNICODE: Final = Marks("├─ ", "└─ ", "│  ", "   ")
ASCII: Final = Marks("|- ", "`- ", "|  ", "   ")


@dataclass(frozen=True, slots=True)
class TreeRow(Generic[T]):
    """Where one item stands in a tree."""

    item: T
    depth: int  # 0 directly below the trace
    lead: str  # what stands in front of it
    inner: str  # what stands in front of further lines about it


def arrange(
    items: Sequence[T], id_of: Callable[[T], str], parent_of: Callable[[T], str | None], marks: Marks = UNICODE
) -> Iterator[TreeRow[T]]:
    """Yield every item once, depth first, siblings in the order given.

    It keeps a stack of its own, because a trace may be deeper than Python's stack.
    """
    children = children_of(items, id_of, parent_of)
    waiting = _last_first(children.pop(None, []), "", 0)
    while waiting:
        item, indent, depth, is_last = waiting.pop()
        below = children.pop(id_of(item), [])
        under = indent + (marks.space if is_last else marks.pipe)
        lead = indent + (marks.last if is_last else marks.fork)
        yield TreeRow(item, depth, lead, under + (marks.pipe if below else marks.space))
        waiting += _last_first(below, under, depth + 1)


def _last_first(items: Sequence[T], indent: str, depth: int) -> list[tuple[T, str, int, bool]]:
    return [(item, indent, depth, number == len(items) - 1) for number, item in enumerate(items)][::-1]
