"""Looking at an object without asking it: by the readers that CPython itself keeps in ``type`` and ``object``.

``x.__class__``, ``x.__dict__``, ``isinstance(x, T)``, ``T.__mro__``, ``hash(T)`` and ``T == U`` can all be answered by
code of the user's: properties, ``__getattribute__``, metaclasses, proxies that load things when they are looked at.
What is used here cannot.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
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
    """The method resolution order of a type, itself first."""
    return cast(tuple[type, ...], _read_mro(kind))


def has_base(kind: type, base: type) -> bool:
    """Return whether a class has a base, by identity: no code of a metaclass runs."""
    return any(one is base for one in bases(kind))


def class_dict(kind: type) -> Mapping[str, Any]:
    """What is written in the class itself, without its bases."""
    return cast(Mapping[str, Any], _read_dict(kind))


def class_value(kind: type, name: str) -> Any:
    """What a class or its nearest base has written under ``name``, as it is stored; ``None`` if nothing is."""
    for base in bases(kind):
        found = class_dict(base).get(name)
        if found is not None:
            return found
    return None


def short_name(kind: type) -> str:
    """The ``__name__`` of a type."""
    return cast(str, _read_name(kind))[:_LONGEST_NAME]


def full_name(kind: type) -> str:
    """Module and qualified name of a type, as ``decimal.Decimal``; those of built-in types without the module."""
    name = cast(str, _read_qualname(kind))[:_LONGEST_NAME]
    try:
        module = _read_module(kind)
    except AttributeError:  # a class that deleted its `__module__`
        return name
    if type(module) is not str or module == "builtins":
        return name
    return f"{module[:_LONGEST_NAME]}.{name}"


def stored(value: object) -> dict[str, Any]:
    """The fields stored in an object: its ``__dict__`` itself, not a copy; empty where it has none.

    It may be a subclass of ``dict``: read it by ``dict``'s own methods.
    """
    return dict_reader(type(value))(value)


def dict_reader(kind: type) -> Callable[[Any], dict[str, Any]]:
    """:func:`stored` for the instances of one class."""
    for base in bases(kind):
        reader = class_dict(base).get("__dict__")
        if type(reader) is GetSetDescriptorType or type(reader) is MemberDescriptorType:  # as C types have it
            return reader.__get__
    return _no_fields


def _no_fields(_: object) -> dict[str, Any]:
    return {}


def reader(kind: type, name: str) -> Callable[[Any], Any]:
    """Reads a field that a built-in type keeps, past anything that a subclass put over it."""
    found: Callable[[Any], Any] = class_value(kind, name).__get__
    return found


def slot(value: object, name: str) -> Any:
    """The value of a ``__slots__`` field. Raises ``AttributeError`` where it is unset or no slot."""
    reader = class_value(type(value), name)
    if type(reader) is not MemberDescriptorType:
        raise AttributeError(name)
    return reader.__get__(value)


def loaded(module: str, name: str) -> type | None:
    """The type ``name`` of a module that the program has imported already; nothing is imported for it."""
    found = sys.modules.get(module)
    if type(found) is not ModuleType:
        return None
    kind = cast(Mapping[str, Any], found.__dict__).get(name)
    return cast(type, kind) if has_base(type(kind), type) else None


def loaded_module(name: str) -> ModuleType | None:
    """A module that the program has imported already; nothing is imported for it."""
    found = sys.modules.get(name)
    return found if type(found) is ModuleType else None


class PerType(Generic[_T]):
    """What was found out about types, once for each. A type made on the fly can go, and its entry with it."""

    __slots__ = ("_found", "_make")

    def __init__(self, make: Callable[[type], _T]) -> None:
        self._make = make
        self._found: dict[int, tuple[ref[type], _T]] = {}  # by identity: no `hash` of a metaclass is called

    def of(self, kind: type) -> _T:
        """What ``make`` gives for the type."""
        known = self._found.get(id(kind))
        if known is not None and known[0]() is kind:
            return known[1]
        made = self._make(kind)
        key = id(kind)
        found = self._found
        found[key] = (ref(kind, lambda _: found.pop(key, None)), made)
        return made
