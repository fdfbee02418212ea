"""Decorated functions that cloudpickle copies by code, for processes that cannot import them by name.

joblib, Ray and Dask do so with functions of ``__main__`` and local functions. They copy code and closure, which for a
decorated function are those of the original: the copy would record nothing. So for cloudpickle, and no other reader,
the code of a decorated function is code that calls a decorated copy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FrameType, FunctionType
from typing import Any

from voltagent.decorators.inspection import has_flag


class Target:
    """The callee of a copied function, whose code may use only its closure, so everything is a method of this."""

    __slots__ = ("function", "reduced")

    def __init__(self, function: Callable[..., Any], reduced: tuple[Any, ...]) -> None:
        self.function = function
        self.reduced = reduced  # the arguments that rebuild this object

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function; return its result, coroutine or generator."""
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def is_cloudpickle(frame: FrameType) -> bool:
    """Return whether a frame runs code of cloudpickle, or of a vendored copy of it."""
    return str(frame.f_globals.get("__name__", "")).rpartition(".")[2].startswith("cloudpickle")


def caller_of(target: Target) -> FunctionType:
    """Return a plain function of the same kind as the target's that calls the target."""
    function = target.function
    made: Any = _plain
    if has_flag(function, inspect.CO_ASYNC_GENERATOR, inspect.isasyncgenfunction):
        made = _async_generator
    elif has_flag(function, inspect.CO_COROUTINE, inspect.iscoroutinefunction):
        made = _coroutine
    elif has_flag(function, inspect.CO_GENERATOR, inspect.isgeneratorfunction):
        made = _generator
    found: FunctionType = made(target)
    return found


def _plain(target: Target) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return target.call(args, kwargs)

    return call


def _coroutine(target: Target) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await target.call(args, kwargs)

    return call


def _generator(target: Target) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return (yield from target.call(args, kwargs))  # pyright: ignore[reportUnknownVariableType]

    return call


def _async_generator(target: Target) -> Callable[..., Any]:
    """Return the decorated form of an async generator function that was copied by value."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        steps = target.call(args, kwargs)
        try:
            async for item in steps:
                yield item
        finally:
            await steps.aclose()

    return call
