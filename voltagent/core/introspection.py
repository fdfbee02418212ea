"""Introspection that never runs code of the user, by the readers that CPython itself keeps in ``type`` and ``object``.

``x.__class__``, ``x.__dict__``, ``isinstance(x, T)``, ``T.__mro__``, ``hash(T)`` and ``T == U`` can all run code of the
user: properties, ``__getattribute__``, metaclasses, lazy proxies. The functions of this module cannot.
"""

# Values here are of any type: after `type(x) is dict` pyright sees `dict[Unknown, Unknown]`, which is of no use.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import CellType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Final, Generic, TypeVar, cast
from weakref import ref

_read_mro: Final = type.__dict__["__mro__"].__get__
_read_dict: Final = type.__dict__["__dict__"].__get__
_read_module: Final = type.__dict__["__module__"].__get__
_read_qualname: Final = type.__dict__["__qualname__"].__get__
_read_name: Final = type.__dict__["__name__"].__get__

_T = TypeVar("_T")

_LONGEST_NAME: Final = 300


def bases(kind: type) -> tuple[type, ...]:
    """Return the method resolution order of a type, beginning with itself."""
    return cast(tuple[type, ...], _read_mro(kind))


def has_base(kind: type, base: type) -> bool:
    """Return whether a class has a base, by identity: no code of a metaclass runs."""
    return any(one is base for one in bases(kind))


def class_dict(kind: type) -> Mapping[str, Any]:
    """Return the attributes of the class itself, without those of its bases."""
    return cast(Mapping[str, Any], _read_dict(kind))


def class_value(kind: type, name: str) -> Any:
    """Return the raw attribute ``name`` of a class or its nearest base; ``None`` if there is none."""
    for base in bases(kind):
        found = class_dict(base).get(name)
        if found is not None:
            return found
    return None


def short_name(kind: type) -> str:
    """Return the ``__name__`` of a type."""
    return cast(str, _read_name(kind))[:_LONGEST_NAME]


def full_name(kind: type) -> str:
    """Return module and qualified name of a type, as ``decimal.Decimal``; no module for built-in types."""
    name = cast(str, _read_qualname(kind))[:_LONGEST_NAME]
    try:
        module = _read_module(kind)
    except AttributeError:  # a class that deleted its `__module__`
        return name
    if type(module) is not str or module == "builtins":
        return name
    return f"{module[:_LONGEST_NAME]}.{name}"


def stored(value: object) -> dict[str, Any]:
    """Return the fields of an object: its ``__dict__`` itself, not a copy; empty if it has none.

    It may be a subclass of ``dict``: read it with ``dict``'s own methods.
    """
    return dict_reader(type(value))(value)


def dict_reader(kind: type) -> Callable[[Any], dict[str, Any]]:
    """Return :func:`stored` specialised for the instances of one class."""
    for base in bases(kind):
        reader, wrapped = (class_dict(base).get(name) for name in ("__dict__", "__wrapped__"))
        if type(wrapped) is GetSetDescriptorType:  # a proxy of wrapt, whose `__dict__` asks the object for its own
            return partial(_stored_in_wrapped, wrapped.__get__)
        # as types written in C have it
        if type(reader) is GetSetDescriptorType or type(reader) is MemberDescriptorType:
            return reader.__get__
    return _no_fields


def _stored_in_wrapped(wrapped_of: Callable[[Any], Any], proxy: Any) -> dict[str, Any]:
    try:
        return stored(wrapped_of(proxy))
    except ValueError:  # made by `__new__` alone
        return {}


def _no_fields(_: object) -> dict[str, Any]:
    return {}


def reader(kind: type, name: str) -> Callable[[Any], Any]:
    """Return a reader of a field of a built-in type that bypasses any override in a subclass."""
    found: Callable[[Any], Any] = class_value(kind, name).__get__
    return found


def slot(value: object, name: str) -> Any:
    """Return the value of a ``__slots__`` field. Raises ``AttributeError`` if it is unset or not a slot."""
    reader = class_value(type(value), name)
    if type(reader) is not MemberDescriptorType:
        raise AttributeError(name)
    return reader.__get__(value)


def loaded(module: str, name: str) -> type | None:
    """Return the type ``name`` of a module if the program has imported it; imports nothing."""
    found = sys.modules.get(module)
    if type(found) is not ModuleType:
        return None
    kind = cast(Mapping[str, Any], found.__dict__).get(name)
    return cast(type, kind) if has_base(type(kind), type) else None


def loaded_module(name: str) -> ModuleType | None:
    """Return a module if the program has imported it; imports nothing."""
    found = sys.modules.get(name)
    return found if type(found) is ModuleType else None


def cell_contents(cell: CellType) -> tuple[object, ...]:
    """Return what a variable that functions inside use too holds: one value, or none."""
    try:
        return (cell.cell_contents,)
    except ValueError:  # nothing
        return ()


_MOST_TYPES: Final = 1000


class PerType(Generic[_T]):
    """Caches a result per type. Dynamic types can be freed, and their results with them.

    A result may hold its type, as the reader of its fields does: so the oldest are forgotten when there are many.

    ``found`` holds what is cached, by the identity of the type: where a call per look-up would be felt, the caller
    looks there first. If the reference is to another type, the one that was cached is gone.
    """

    __slots__ = ("_make", "found")

    def __init__(self, make: Callable[[type], _T]) -> None:
        self._make = make
        self.found: dict[int, tuple[ref[type], _T]] = {}  # by identity: `hash` may be code of a metaclass

    def of(self, kind: type) -> _T:
        """Return the result of ``make`` for a type."""
        known = self.found.get(id(kind))
        if known is not None and known[0]() is kind:
            return known[1]
        made = self._make(kind)
        key = id(kind)
        found = self.found
        if len(found) >= _MOST_TYPES:
            for oldest in tuple(found)[: _MOST_TYPES // 2]:
                found.pop(oldest, None)
        found[key] = (ref(kind, lambda _: found.pop(key, None)), made)
        return made
