"""``bind``: carry the current operation into calls in another thread or process."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

import wrapt

from voltagent.core.handover import Moment
from voltagent.decorators.copied import Target, caller_of
from voltagent.decorators.inspection import has_flag

F = TypeVar("F", bound="Callable[..., Any]")

if TYPE_CHECKING:
    _Proxy = wrapt.CallableObjectProxy[Any]
else:
    _Proxy = wrapt.CallableObjectProxy


def bind(function: F) -> F:
    """Return the function with the current handle attached, for calls in another thread or process.

    Threads, executors and processes start with an empty context, so calls in them would open traces of their own::

        with ThreadPoolExecutor() as pool:
            pool.submit(voltagent.bind(search), "query")
        Thread(target=voltagent.bind(work)).start()

    Each call gets a copy of the context in which ``bind`` was called, so one bound function may run in many threads at
    once. ``asyncio`` tasks and ``asyncio.to_thread`` carry the context by themselves.

    A bound function can be pickled if the function can: it then carries a trace context, and a process without an SDK
    records with the settings of this one. Keys are not carried: a process reads them from its environment.

    Args:
        function: any callable. Name, signature, docstring, type and kind (such as a coroutine function) are preserved.

    Raises:
        TypeError: it is not callable.
    """
    if not callable(function):  # pyright: ignore[reportUnnecessaryComparison]
        raise TypeError(f"bind() requires a callable, got {type(function).__name__}")
    bound: F = _bound(function, Moment.now(whole=True))
    return bound


class _BoundTarget(Target):
    """Calls a function in a stored context."""

    __slots__ = ("_run",)

    def __init__(self, function: Callable[..., Any], moment: Moment) -> None:
        super().__init__(function, (_BoundTarget, (function, moment)))
        self._run = _runner(function, moment)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function in the stored context."""
        return self._run(self.function, args, kwargs)


def _runner(function: Callable[..., Any], moment: Moment) -> Callable[..., Any]:
    """Return a function that calls another one with the operation that was current at a moment."""
    if has_flag(function, inspect.CO_ASYNC_GENERATOR, inspect.isasyncgenfunction):
        return moment.generate_async
    if has_flag(function, inspect.CO_COROUTINE, inspect.iscoroutinefunction):
        return moment.run
    if has_flag(function, inspect.CO_GENERATOR, inspect.isgeneratorfunction):
        return moment.generate
    return moment.call


class _BoundFunction(_Proxy):
    """Stands for a bound function, because Python pickles functions by name only."""

    __slots__ = ("_self_moment", "_self_target")

    def __init__(self, call: Any, target: Target, moment: Moment) -> None:
        super().__init__(call)
        self._self_target = target
        self._self_moment = moment

    def __repr__(self) -> str:
        return repr(self._self_target.function)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _bound, (self._self_target.function, self._self_moment)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__reduce__()


class _BoundObject(_BoundFunction):
    """Stands for any other callable, such as a method, a partial or an object with ``__call__``."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._self_target.call(args, kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        """The original signature: since Python 3.13, ``inspect.signature`` would use ``__call__`` of this class."""
        try:
            return inspect.signature(self._self_target.function)
        except ValueError:  # a function written in C without one
            raise AttributeError("__signature__") from None


def _bound(function: Any, moment: Moment) -> Any:
    target = _BoundTarget(function, moment)
    if isinstance(function, FunctionType):
        return _BoundFunction(functools.wraps(function)(caller_of(target)), target, moment)
    return _BoundObject(function, target, moment)
