"""The decorators ``@trace``, ``@agent``, ``@llm``, ``@tool``, ``@memory`` and ``@retriever``.

They record calls of a function without changing its behaviour, and accept every kind of callable: functions, coroutine
functions, generators, async generators, methods, class and static methods in either order, callable objects,
``functools.partial``, lambdas. They are applied at import and look for an SDK at the call. Introspection, copying,
pickling and type checkers see the original function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, overload

from voltagent.core.late_import import LateModule
from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, TRACE
from voltagent.decorators.options import (
    AgentDecoratorOptions,
    DecoratorOptions,
    LLMDecoratorOptions,
    MemoryDecoratorOptions,
    TraceDecoratorOptions,
    checked,
)
from voltagent.decorators.wrapper import MEASURE, decorated

if TYPE_CHECKING:
    import typing_extensions
else:
    typing_extensions = LateModule("typing_extensions")

__all__ = ["agent", "llm", "memory", "retriever", "tool", "trace"]

# The decorated function keeps its own type, which preserves more than `ParamSpec` does.
F = TypeVar("F", bound="Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any]")


class Decorator(Protocol):
    """A decorator with its options bound."""

    def __call__(self, function: F, /) -> F: ...


@overload
def agent(function: F, /, **options: typing_extensions.Unpack[AgentDecoratorOptions]) -> F: ...
@overload
def agent(function: None = None, /, **options: typing_extensions.Unpack[AgentDecoratorOptions]) -> Decorator: ...
def agent(function: Any = None, /, **options: Any) -> Any:
    """Record each call as a run of an agent: ``@agent`` or ``@agent(name=…, instructions=…, …)``.

    Args:
        function: the function to decorate.
        **options: ``instructions`` (the system prompt), ``model_parameters``, ``usage`` (a function that returns the
            token usage for a result, of a generator for its return value), and those of :func:`tool`.

    Raises:
        TypeError: an unknown option, or something that cannot be decorated.
        ValidationError: the value of an option is invalid.
    """
    return _decorate(AGENT, AgentDecoratorOptions.__annotations__, function, options)


@overload
def tool(function: F, /, **options: typing_extensions.Unpack[DecoratorOptions]) -> F: ...
@overload
def tool(function: None = None, /, **options: typing_extensions.Unpack[DecoratorOptions]) -> Decorator: ...
def tool(function: Any = None, /, **options: Any) -> Any:
    """Record each call as the use of a tool: ``@tool`` or ``@tool(name=…, metadata=…, …)``.

    Args:
        function: the function to decorate.
        **options: ``name`` (default: the function's), ``metadata`` and ``tags`` of every call, ``capture_input`` (a
            bool, or the names of the parameters to record; default true), ``exclude_input`` (names of parameters not to
            record), ``capture_output`` (default true), ``redact`` (key names, or a function ``(path, value) ->
            value``), ``sdk`` (the SDK that records calls outside any trace; default: the newest).

    Raises:
        TypeError: an unknown option, or something that cannot be decorated.
        ValidationError: the value of an option is invalid.
    """
    return _decorate(TOOL, DecoratorOptions.__annotations__, function, options)


@overload
def llm(function: F, /, **options: typing_extensions.Unpack[LLMDecoratorOptions]) -> F: ...
@overload
def llm(function: None = None, /, **options: typing_extensions.Unpack[LLMDecoratorOptions]) -> Decorator: ...
def llm(function: Any = None, /, **options: Any) -> Any:
    """Record each call as a call of a language model: ``@llm`` or ``@llm(name=…, model=…, …)``.

    Model, tokens, finish reason and answer are read from the value that it returns or yields (see ``docs/models.md``).

    Args:
        function: the function to decorate.
        **options: ``model`` (default: that of the result, else the value of a parameter named ``model``),
            ``model_parameters``, ``usage`` (a function that returns the token usage for a result), and those of
            :func:`tool`.

    Raises:
        TypeError: an unknown option, or something that cannot be decorated.
        ValidationError: the value of an option is invalid.
    """
    return _decorate(LLM, LLMDecoratorOptions.__annotations__, function, options)


@overload
def retriever(function: F, /, **options: typing_extensions.Unpack[DecoratorOptions]) -> F: ...
@overload
def retriever(function: None = None, /, **options: typing_extensions.Unpack[DecoratorOptions]) -> Decorator: ...
def retriever(function: Any = None, /, **options: Any) -> Any:
    """Record each call as a search: ``@retriever`` or ``@retriever(name=…, …)``.

    Args:
        function: the function to decorate.
        **options: those of :func:`tool`.

    Raises:
        TypeError: an unknown option, or something that cannot be decorated.
        ValidationError: the value of an option is invalid.
    """
    return _decorate(RETRIEVER, DecoratorOptions.__annotations__, function, options)


@overload
def memory(function: F, /, **options: typing_extensions.Unpack[MemoryDecoratorOptions]) -> F: ...
@overload
def memory(function: None = None, /, **options: typing_extensions.Unpack[MemoryDecoratorOptions]) -> Decorator: ...
def memory(function: Any = None, /, **options: Any) -> Any:
    """Record each call as a write to a memory, or as a read from it with ``operation="read"``.

    Args:
        function: the function to decorate.
        **options: ``operation``, ``"read"`` or ``"write"`` (default), and those of :func:`tool`.

    Raises:
        TypeError: an unknown option, or something that cannot be decorated.
        ValidationError: the value of an option is invalid.
    """
    return _decorate(MEMORY, MemoryDecoratorOptions.__annotations__, function, options)


@overload
def trace(function: F, /, **options: typing_extensions.Unpack[TraceDecoratorOptions]) -> F: ...
@overload
def trace(function: None = None, /, **options: typing_extensions.Unpack[TraceDecoratorOptions]) -> Decorator: ...
def trace(function: Any = None, /, **options: Any) -> Any:
    """Record each call as a trace, even inside another one: ``@trace`` or ``@trace(agent_id=…, user_id=…, …)``.

    Args:
        function: the function to decorate.
        **options: ``agent_id`` (default: the function's name), ``user_id``, ``conversation_id``, ``version``,
            ``parent`` (the headers of a request that the trace continues), and those of :func:`tool`. Each of the five,
            ``tags``, and ``metadata`` or a value in it may be a function of the call's arguments as a dict:
            ``user_id=lambda args: args["user"].id``.

    Raises:
        TypeError: an unknown option, or something that cannot be decorated.
        ValidationError: the value of an option is invalid.
    """
    return _decorate(TRACE, TraceDecoratorOptions.__annotations__, function, options)


def _decorate(kind: str, known: Collection[str], function: Any, options: Mapping[str, Any]) -> Any:
    """Decorate a function, or return the decorator if only options were passed."""
    settled = checked(kind, known, options)

    def decorate(target: Any, /) -> Any:
        return decorated(kind, target, settled, usual_references=_usual[0] if function is None else _usual[1])

    return decorate if function is None else decorate(function)


# The number of references to a new function where `decorated` counts them: for a decorator with options, and for a bare
# one. Measured with functions of our own, because it depends on the Python version.
_usual: Final[list[int]] = [0, 0]


def _measure() -> None:
    def measuring(function: Any = None, /, **options: Any) -> Any:
        return _decorate(MEASURE, (), function, options)

    # As under a decorator, only the call itself holds these functions.
    _usual[:] = measuring()(lambda: None), measuring(lambda: None)


_measure()
