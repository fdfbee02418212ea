"""What a callable is, below the layers around it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import Any, cast

__all__ = ["binds", "function_below", "has_flag", "lend_names", "name_of", "namespace_of", "wrapped_by_us"]

# A class of ours that stands for a decorated function has this attribute.
_MARK = "_voltagent_decorated"


def wrapped_by_us(target: Any) -> Any:
    """What is below our own decorators."""
    while getattr(_type(target), _MARK, False):
        target = target.__wrapped__
    return target


def function_below(target: Any) -> FunctionType | None:
    """The plain function that a callable comes down to, if nothing else runs on the way.

    The way may go through methods, ``functools.partial``, class and static methods, callable objects, and our own
    decorators.
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
    """Whether a callable becomes a method where it is an attribute of a class, as functions do."""
    target = wrapped_by_us(target)
    return not isinstance(target, MethodType) and _stored(_type(target), "__get__") is not None


def has_flag(target: Any, flag: int, asked: Callable[[Any], bool]) -> bool:
    """Whether the code below a callable has a flag of :mod:`inspect`, or the callable says so itself when asked."""
    function = function_below(target)
    if function is not None and function.__code__.co_flags & flag:
        return True
    return asked(target) or asked(_stored(_type(target), "__call__"))


def name_of(target: Any) -> str:
    """What to call a callable: its name, or that of the function or class that it comes from."""
    candidates: tuple[Any, ...] = (target, function_below(target), _type(target))
    for candidate in candidates:
        name: object = getattr(candidate, "__name__", None)
        if isinstance(name, str) and name:
            return name
    return "call"


def namespace_of(target: Any) -> Mapping[str, Any]:
    """The names that annotations of a callable may use."""
    function = function_below(target)
    return function.__globals__ if function is not None else {}


def lend_names(target: Any, stand_in: Any) -> None:
    """Give a function of ours the user's names: coroutines and generators show those of the function they come from."""
    stand_in.__name__ = name_of(target)
    stand_in.__qualname__ = getattr(function_below(target), "__qualname__", stand_in.__name__)


def _type(target: object) -> type:
    return type(target)


def _stored(kind: type, name: str) -> Any:
    """An attribute of a class, unbound."""
    return next((vars(base)[name] for base in type.mro(kind) if name in vars(base)), None)
