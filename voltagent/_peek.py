"""Looking at an object without asking it: by the readers that CPython itself keeps in ``type`` and ``object``.

``x.__class__``, ``x.__dict__``, ``isinstance(x, T)``, ``T.__mro__``, ``hash(T)`` and ``T == U`` can all be answered by
code of the user's: properties, ``__getattribute__``, metaclasses, proxies that load things when they are looked at.
What is used here cannot.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Final, cast

__all__ = ["bases", "class_dict", "class_value", "full_name", "has_base", "loaded", "short_name", "slot", "stored"]

_read_mro: Final = cast(Any, type.__dict__["__mro__"]).__get__
_read_dict: Final = cast(Any, type.__dict__["__dict__"]).__get__
_read_module: Final = cast(Any, type.__dict__["__module__"]).__get__
_read_qualname: Final = cast(Any, type.__dict__["__qualname__"]).__get__
_read_name: Final = cast(Any, type.__dict__["__name__"]).__get__

_LONGEST_NAME: Final = 300
_NOTHING: Final[Mapping[str, Any]] = {}


def bases(kind: type) -> tuple[type, ...]:
    """The method resolution order of a type, itself first."""
    return cast(tuple[type, ...], _read_mro(kind))


def has_base(kind: type, base: type) -> bool:
    """``issubclass`` by identity: no metaclass is asked."""
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
    for base in bases(type(value)):
        reader = class_dict(base).get("__dict__")
        if type(reader) is GetSetDescriptorType:
            found = reader.__get__(value)
            return found if has_base(type(found), dict) else {}
    return {}


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
