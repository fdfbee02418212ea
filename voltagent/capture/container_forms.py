"""The JSON forms of collections: their first items, each as it is.

No item's `hash`, `==` or `iter` runs, and no step grows with the size of a collection.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import array
import gc
from collections import UserDict, UserList, UserString, deque
from collections.abc import Callable, Iterable
from itertools import islice
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final, cast

from voltagent.capture.nodes import MOST_ITEMS, Form, Listed, Mapped, NamedFields
from voltagent.capture.scalar_forms import unknown_form
from voltagent.core import introspection
from voltagent.core.guard import pass_on_interrupt


def _take(values: Callable[[], Iterable[Any]], most: int = MOST_ITEMS) -> list[Any]:
    """Return the first items.

    Another thread may be changing the collection: then it is tried once more, and the last try may fail.
    """
    for _ in range(3):
        try:
            return list(islice(values(), most))
        except RuntimeError as exc:  # noqa: PERF203 - three rounds at most
            pass_on_interrupt(exc)
            continue
    return list(islice(values(), most))


def dict_form(value: dict[Any, Any]) -> Mapped:
    return Mapped(introspection.full_name(type(value)), _take(lambda: dict.items(value)), dict.__len__(value))


def namespace_form(value: SimpleNamespace) -> Mapped:
    fields = introspection.stored(value)
    return Mapped(introspection.full_name(type(value)), _take(lambda: dict.items(fields)), dict.__len__(fields))


def list_form(value: list[Any]) -> Listed:
    return Listed(
        introspection.full_name(type(value)), list.__getitem__(value, slice(0, MOST_ITEMS)), list.__len__(value)
    )


def tuple_form(value: tuple[Any, ...]) -> Listed:
    items = list(tuple.__getitem__(value, slice(0, MOST_ITEMS)))
    return Listed(introspection.full_name(type(value)), items, tuple.__len__(value))


def collected_form(read: Callable[[Any], Iterable[Any]], count: Callable[[Any], int]) -> Form:
    def form(value: Any) -> Listed:
        return Listed(introspection.full_name(type(value)), _take(lambda: read(value)), count(value))

    return form


_MOST_OF_SET: Final = 20_000  # items: they lie scattered in memory, so reading more takes too long
_LONGEST_SORTED: Final = 1024  # characters, or bits
_MOST_SORTED: Final = 10_000  # items: sorting more of them would take too long for what is cut anyway


def set_form(value: Any) -> Listed:
    """Return the items of a set, sorted if they are plain strings or numbers, so that each process records the same."""
    kind = set if introspection.has_base(type(value), set) else frozenset
    items = _take(lambda: kind.__iter__(value), _MOST_OF_SET)
    if len(items) <= _MOST_SORTED and _is_sorted_fast(items):
        items.sort()  # the same set gives the same record in every process
    return Listed(introspection.full_name(type(value)), items, kind.__len__(value))


def _is_sorted_fast(items: list[Any]) -> bool:
    """Return whether all items are short strings, or all short integers: to compare long ones may take long."""
    if all(type(item) is str for item in items):
        return all(len(item) <= _LONGEST_SORTED for item in items)
    return all(type(item) is int and item.bit_length() <= _LONGEST_SORTED for item in items)


def proxied_form(value: MappingProxyType[Any, Any]) -> object:
    # A proxy forwards every method to what is behind it, which may be of any type. The collector knows it.
    behind = gc.get_referents(value)
    return behind[0] if len(behind) == 1 else unknown_form(value)


def wrapped_form(value: Any) -> object:
    data = dict.get(introspection.stored(value), "data", value)
    return data if any(introspection.has_base(type(data), kind) for kind in (dict, list, str)) else unknown_form(value)


_read_arguments: Final = introspection.reader(BaseException, "args")


def exception_form(value: BaseException) -> NamedFields:
    name = introspection.full_name(type(value))
    return NamedFields(name, {"type": name, "args": _read_arguments(value)}, user_data=False)


def array_form(value: array.array[Any]) -> NamedFields:
    return shaped(type(value), (array.array.__len__(value),), value.typecode)


def shaped(kind: type, shape: Iterable[Any], dtype: object) -> NamedFields:
    """Return what is recorded of numbers in bulk: never the data."""
    name = introspection.full_name(kind)
    return NamedFields(name, {"type": name, "shape": [int(size) for size in shape], "dtype": dtype}, user_data=False)


# By type; subclasses have the same form.
CONTAINERS: Final[tuple[tuple[type, Form], ...]] = cast(
    "tuple[tuple[type, Form], ...]",
    (
        (dict, dict_form),
        (list, list_form),
        (tuple, tuple_form),
        (set, set_form),
        (frozenset, set_form),
        (deque, collected_form(deque.__iter__, deque.__len__)),
        (type({}.keys()), collected_form(iter, len)),
        (type({}.values()), collected_form(iter, len)),
        (type({}.items()), collected_form(iter, len)),
        (MappingProxyType, proxied_form),
        (SimpleNamespace, namespace_form),
        (UserDict, wrapped_form),
        (UserList, wrapped_form),
        (UserString, wrapped_form),
        (BaseException, exception_form),
        (array.array, array_form),
    ),
)
