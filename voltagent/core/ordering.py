"""Order items by their parents, such as the operations of a trace. Nothing here recurses: a trace may be very deep."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
I = TypeVar("I", bound=Hashable)  # noqa: E741 - the type of an id


def children_of(
    items: Sequence[T], id_of: Callable[[T], I], parent_of: Callable[[T], I | None]
) -> dict[I | None, list[T]]:
    """Group items by the id of their parent, in the order given; ``None`` is the key of those at the top.

    An item whose parent is missing stands at the top, and so does the first item of a cycle, which a damaged store may
    hold: every item has exactly one place.
    """
    known = {id_of(item): item for item in items}
    children: dict[I | None, list[T]] = {}
    cut = _cycle_heads(items, id_of, parent_of)
    for item in items:
        parent = parent_of(item)
        place = parent if parent in known and id_of(item) not in cut else None
        children.setdefault(place, []).append(item)
    return children


def parents_first(
    items: Sequence[T], id_of: Callable[[T], I], parent_of: Callable[[T], I | None]
) -> Iterator[tuple[T, T | None]]:
    """Yield every item once with its parent: level by level from the top, siblings in the order given."""
    children = children_of(items, id_of, parent_of)
    waiting: list[tuple[T, T | None]] = [(item, None) for item in children.pop(None, ())]
    while waiting:
        yield from waiting
        waiting = [(child, item) for item, _ in waiting for child in children.pop(id_of(item), ())]


def _cycle_heads(items: Sequence[T], id_of: Callable[[T], I], parent_of: Callable[[T], I | None]) -> set[I]:
    """Return the first item of every cycle of parents."""
    parents = {id_of(item): parent_of(item) for item in items}
    order = {id: number for number, id in enumerate(parents)}
    settled: set[I] = set()
    heads: set[I] = set()
    for id in parents:
        path: dict[I, None] = {}
        step: I | None = id
        while step is not None and step in parents and step not in settled and step not in path:
            path[step] = None
            step = parents[step]
        if step is not None and step in path:
            heads.add(min(_cycle(step, parents), key=order.__getitem__))
        settled.update(path)  # `|=` with keys would copy the set
    return heads


def _cycle(start: I, parents: dict[I, I | None]) -> set[I]:
    """Return the items of the cycle that an item belongs to."""
    found = {start}
    step = parents[start]
    while step is not None and step != start:
        found.add(step)
        step = parents[step]
    return found
