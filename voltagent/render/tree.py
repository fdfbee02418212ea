"""The order of a tree: which operation stands where below its trace, and the tree as plain text.

Pure functions. Everything that shows a tree (terminal, pages, notebooks, records, tests) takes the order from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

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
class Place(Generic[T]):
    """Where one item stands in a tree."""

    item: T
    depth: int  # 0 directly below the trace
    lead: str  # what stands in front of it
    inner: str  # what stands in front of further lines about it


def children_of(
    items: Sequence[T], id_of: Callable[[T], str], parent_of: Callable[[T], str | None]
) -> dict[str | None, list[T]]:
    """Items by the id of their parent, in the order given; under ``None`` those at the top.

    An item whose parent is missing stands at the top, and so does the first item of a cycle, which a damaged store may
    hold: every item has exactly one place.
    """
    known = {id_of(item): item for item in items}
    children: dict[str | None, list[T]] = {}
    cut = _cycle_heads(items, id_of, parent_of)
    for item in items:
        parent = parent_of(item)
        place = parent if parent in known and id_of(item) not in cut else None
        children.setdefault(place, []).append(item)
    return children


def arrange(
    items: Sequence[T], id_of: Callable[[T], str], parent_of: Callable[[T], str | None], marks: Marks = UNICODE
) -> Iterator[Place[T]]:
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
        yield Place(item, depth, lead, under + (marks.pipe if below else marks.space))
        waiting += _last_first(below, under, depth + 1)


def _last_first(items: Sequence[T], indent: str, depth: int) -> list[tuple[T, str, int, bool]]:
    return [(item, indent, depth, number == len(items) - 1) for number, item in enumerate(items)][::-1]


def _cycle_heads(items: Sequence[T], id_of: Callable[[T], str], parent_of: Callable[[T], str | None]) -> set[str]:
    """The first item of every cycle of parents."""
    parents = {id_of(item): parent_of(item) for item in items}
    order = {id: number for number, id in enumerate(parents)}
    settled: set[str] = set()
    heads: set[str] = set()
    for id in parents:
        path: dict[str, None] = {}
        step: str | None = id
        while step is not None and step in parents and step not in settled and step not in path:
            path[step] = None
            step = parents[step]
        if step is not None and step in path:
            heads.add(min(_cycle(step, parents), key=order.__getitem__))
        settled |= path.keys()
    return heads


def _cycle(start: str, parents: dict[str, str | None]) -> set[str]:
    found = {start}
    step = parents[start]
    while step is not None and step != start:
        found.add(step)
        step = parents[step]
    return found
