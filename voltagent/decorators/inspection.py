"""Find out what a callable is, below the layers around it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from types import FrameType, FunctionType, MethodType
from typing import Any, cast

# Our classes of decorated functions have this attribute.
_MARK = "_voltagent_decorated"


def wrapped_by_us(target: Any) -> Any:
    """Return the callable below our own decorators."""
    while getattr(_type(target), _MARK, False):
        target = target.__wrapped__
    return target


def function_below(target: Any) -> FunctionType | None:
    """Return the plain function that a callable ends in, or ``None`` if other code runs before it.

    Looks through methods, ``functools.partial``, class and static methods, callable objects, and our own decorators.
    """
    for _ in range(100):  # an object may be its own `__call__`
        target = wrapped_by_us(target)
        kind = _type(target)
        if kind is FunctionType:
            return cast(FunctionType, target)
        if kind is functools.partial:
            target = target.func
        elif kind in (MethodType, classmethod, staticmethod):
            target = target.__func__
        else:
            target = _stored(kind, "__call__")
    return None


def binds(target: Any) -> bool:
    """Return whether a callable becomes a method as an attribute of a class, as functions do."""
    target = wrapped_by_us(target)
    return not isinstance(target, MethodType) and _stored(_type(target), "__get__") is not None


def is_function(target: object) -> bool:
    """Return whether a callable is a plain function, not a replacement that may bind in its own way."""
    return type(target) is FunctionType


def has_flag(target: Any, flag: int, is_marked: Callable[[Any], bool]) -> bool:
    """Return whether the code below a callable has a flag of :mod:`inspect`, or the callable itself has its mark."""
    function = function_below(target)
    if function is not None and function.__code__.co_flags & flag:
        return True
    return is_marked(target) or is_marked(_stored(_type(target), "__call__"))


def name_of(target: Any) -> str:
    """Return the name of a callable: ``function``, ``Class.method``, the class of an object, what a partial calls."""
    if isinstance(target, functools.partial):
        return name_of(cast(Any, target).func)
    name: object = getattr(target, "__name__", None)
    if isinstance(name, str) and name != "__call__":
        return _with_class(target, name) or "call"
    owner: Any = getattr(target, "__self__", target)  # of a bound `__call__`
    if _type(owner) is FunctionType:  # a `__call__` that is decorated in its class: use the name of the class
        return _class_around(owner) or "call"
    return _type(owner).__name__


def _with_class(target: Any, name: str) -> str:
    """``Class.method`` for a function that is written in a class, else its name."""
    qualified: object = getattr(target, "__qualname__", None)
    inside = qualified.rpartition("<locals>.")[2] if isinstance(qualified, str) else ""
    return inside if inside.endswith(f".{name}") else name


def _class_around(function: FunctionType) -> str | None:
    """Return the name of the class whose body contains a function, by its qualified name."""
    around, _, _ = function.__qualname__.rpartition(".")
    name = around.rpartition(".")[2]
    return name if name and name != "<locals>" else None


def namespace_of(target: Any) -> Mapping[str, Any]:
    """Return the names that annotations of a callable may use."""
    function = function_below(target)
    return function.__globals__ if function is not None else {}


def locals_of_caller() -> Mapping[str, Any]:
    """Return the local names where a decorator is applied, if that is inside a function or a class."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - no public function returns it  # pyright: ignore
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    return {} if frame is None or frame.f_locals is frame.f_globals else frame.f_locals


def lend_names(target: Any, stand_in: Any) -> None:
    """Copy the names of the user's function to ours: coroutines and generators show those of their function."""
    function = function_below(target)
    stand_in.__name__ = name_of(target) if function is None else function.__name__
    stand_in.__qualname__ = stand_in.__name__ if function is None else function.__qualname__


def _type(target: object) -> type:
    return type(target)


def _stored(kind: type, name: str) -> Any:
    """Return an attribute of a class, unbound."""
    return next((vars(base)[name] for base in type.mro(kind) if name in vars(base)), None)
