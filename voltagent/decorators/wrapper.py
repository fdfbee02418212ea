"""The object that replaces a decorated function, and how it is made."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from inspect import Parameter
from types import FrameType, MethodType
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import wrapt

from voltagent.core import context, introspection
from voltagent.core.span import LLM, TOOL, TRACE
from voltagent.decorators import mistakes
from voltagent.decorators.arguments import (
    BY_POSITION,
    RECEIVERS,
    ArgumentBinder,
    check_names,
    hidden_by_local_names,
    hidden_result,
    signature_of,
)
from voltagent.decorators.call_plan import CallPlan, FunctionShape
from voltagent.decorators.copied import Target, caller_of, is_cloudpickle
from voltagent.decorators.functions import Wrapper, around_call, around_coroutine
from voltagent.decorators.generators import around_async_generator, around_generator
from voltagent.decorators.inspection import (
    binds,
    function_below,
    has_flag,
    is_function,
    locals_of_caller,
    name_of,
    namespace_of,
    wrapped_by_us,
)
from voltagent.decorators.model_calls import ModelCallPlan
from voltagent.decorators.operation_plan import OperationPlan
from voltagent.decorators.tool_schema import tool_facts
from voltagent.decorators.trace_plan import TracePlan

# To type checkers the classes are generic, at run time they are not.
if TYPE_CHECKING:
    _FunctionWrapper = wrapt.FunctionWrapper[..., Any]
    _BoundFunctionWrapper = wrapt.BoundFunctionWrapper[..., Any]
else:
    _FunctionWrapper = wrapt.FunctionWrapper
    _BoundFunctionWrapper = wrapt.BoundFunctionWrapper


class _Bound(_BoundFunctionWrapper):
    """A decorated method, bound to an object or a class."""

    __slots__ = ()
    _voltagent_decorated = True

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        # Accessed on a class, a method is still a function, which binds again if another class has it as an attribute.
        function: Any = self.__wrapped__
        # whether bound methods have a `__get__` depends on the Python
        bind = getattr(cast(Any, type(function)), "__get__", None)
        bound = function if bind is None else bind(function, instance, owner)
        if bound is function:
            return self
        make: Any = _Bound
        return make(
            bound, instance, self._self_wrapper, self._self_enabled, self._self_binding, self._self_parent, owner
        )

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        owner, name = self._place()
        return self if isinstance(owner, type) else getattr(copy.deepcopy(owner, memo), name)

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, self._place()

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__reduce__()

    def _place(self) -> tuple[Any, str]:
        owner = getattr(self.__wrapped__, "__self__", None)
        return (self._self_owner if owner is None else owner), self.__wrapped__.__name__


class _Missing:
    """An attribute that does not exist, even if a base class has it."""

    def __get__(self, instance: object, owner: type | None = None) -> NoReturn:
        raise AttributeError


def _of_function(name: str) -> Any:
    """Return a property for an attribute of the function inside, which other tools may replace there.

    What it returns depends on the reader: cloudpickle gets that of a copy that can be pickled.
    """

    def read(wrapper: Decorated) -> Any:
        return wrapper._read(name, sys._getframe(1))  # noqa: SLF001  # pyright: ignore

    def write(wrapper: Decorated, value: object) -> None:
        setattr(wrapper.__wrapped__, name, value)

    def delete(wrapper: Decorated) -> None:
        delattr(wrapper.__wrapped__, name)

    return property(read, write, delete)


class Decorated(_FunctionWrapper):
    """A decorated function. It answers introspection as the function itself does."""

    __slots__ = ("_self_again", "_self_copied")
    __bound_function_wrapper__ = _Bound
    _voltagent_decorated = True
    # Other decorators made with wrapt adopt the binding of what they wrap, if it has one. They must not adopt ours.
    _self_binding = _Missing()  # pyright: ignore

    def __init__(self, wrapped: Any, wrapper: Wrapper, again: tuple[str, Mapping[str, Any]]) -> None:
        # Skips `FunctionWrapper.__init__`, which would look up `__self__` of the function at each call. That costs as
        # much as all the rest of wrapt, and runs a `__getattr__` of the user if a callable object has one. With
        # "staticmethod" wrapt takes the `__self__` of a bound function as the object, and otherwise no object.
        initialise: Any = super(wrapt.FunctionWrapper, self).__init__
        initialise(wrapped, None, wrapper, context.ACTIVE, "staticmethod")
        self._self_again = again
        context.record_at_exit()
        self._self_copied: Any = None  # what cloudpickle copies, once it has

    __code__ = _of_function("__code__")
    __closure__ = _of_function("__closure__")
    __defaults__ = _of_function("__defaults__")
    __kwdefaults__ = _of_function("__kwdefaults__")

    def _read(self, name: str, reader: FrameType) -> Any:
        """Return an attribute of the function inside; for cloudpickle, of a function that calls a decorated copy."""
        return getattr(self._to_copy() if is_cloudpickle(reader) else self.__wrapped__, name)

    def _to_copy(self) -> Any:
        """Return the function that cloudpickle copies in place of this one, made once."""
        if self._self_copied is None:
            kind, options = self._self_again
            kept = {key: options[key] for key in options if key != "sdk"}
            function = self.__wrapped__
            self._self_copied = caller_of(Target(function, (_decorated_target, (kind, function, kept))))
        return self._self_copied

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return self if self._has_place() else self._around(copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self if self._has_place() else self._around(copy.deepcopy(self.__wrapped__, memo))

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self._has_place():
            # by reference, as functions are; the proxy has the name, but type checkers do not see it
            return str(getattr(self, "__qualname__"))  # noqa: B009
        kind, options = self._self_again
        return decorated, (kind, self.__wrapped__, {key: options[key] for key in options if key != "sdk"})

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        return self.__reduce__()

    def _has_place(self) -> bool:
        """Return whether a qualified name leads to this, as it does for a function but not for a partial."""
        return isinstance(getattr(self.__wrapped__, "__qualname__", None), str)

    def _around(self, wrapped: Any) -> Any:
        return decorated(self._self_again[0], wrapped, self._self_again[1])


def _decorated_target(kind: str, function: Any, options: Mapping[str, Any]) -> Target:
    return Target(decorated(kind, function, options), (_decorated_target, (kind, function, options)))


class _Method(Decorated):
    """A decorated function whose first parameter is called ``self`` or ``cls``.

    It binds as functions do, into a plain method: the bound wrapper of wrapt takes five times as long to make. The
    record is the same, because the first argument of such a function is left out however it is called.
    """

    __slots__ = ()

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)


_IMPLICIT_CLASS_METHODS: Final = frozenset(("__init_subclass__", "__class_getitem__"))


MEASURE: Final = "measure"  # stands for a decorator that gives the number of references to what it decorates


def decorated(kind: str, target: Any, options: Mapping[str, Any], *, usual_references: int | None = None) -> Any:
    """Wrap a callable so that its calls are recorded.

    Args:
        kind: the kind of span that a call becomes.
        target: a function, method, class method, static method or another callable.
        options: as returned by :func:`voltagent.decorators.options.checked`.
        usual_references: how many references there are here to a function that was just made; ``None`` if unknown.

    Raises:
        TypeError: the target cannot be decorated. The message suggests what to do instead.
    """
    if kind == MEASURE:
        return mistakes.extra_references(target, 0)
    if is_function(target):
        if usual_references is not None:
            extra = mistakes.extra_references(target, usual_references)
            if extra > 0:
                mistakes.report_kept_function(kind, target, extra)
    else:
        mistakes.report_same_decorator(kind, target)
    _check(kind, target)
    if is_function(target) and target.__name__ in _IMPLICIT_CLASS_METHODS:
        target = classmethod(target)  # Python does this for plain functions only, when it makes the class
    function = _inside(target) if isinstance(target, classmethod | staticmethod) else target
    plan = _plan(kind, target, function, options)
    wrapper_class = _Method if is_function(function) and plan.skips_first else Decorated
    return wrapper_class(target, _wrapper(plan, function), (kind, options))


def _check(kind: str, target: Any) -> None:
    """Refuse what cannot be decorated, with a suggestion what to decorate instead."""
    if isinstance(target, type):
        raise TypeError(f"@{kind} cannot decorate the class {target.__name__}: decorate its methods")
    if isinstance(target, property | functools.cached_property):
        raise TypeError(f"@{kind} cannot decorate a property: decorate the function below @property")
    if isinstance(target, functools.partialmethod | functools.singledispatchmethod):
        name = "partialmethod" if isinstance(target, functools.partialmethod) else "singledispatchmethod"
        raise TypeError(f"@{kind} cannot decorate a {name}: decorate the function in it")
    if _is_tool_of_framework(cast("type[object]", type(target))):
        raise TypeError(
            f"@{kind} cannot decorate the {type(target).__name__} that a framework made: put @{kind} below the "
            "framework's decorator, directly above def"
        )
    if isinstance(target, str):
        raise TypeError(f"@{kind} takes options by name: @{kind}(name={target!r})")
    if isinstance(target, classmethod | staticmethod):
        _check(kind, _inside(target))
    elif not callable(target):
        raise TypeError(f"@{kind} decorates functions and methods, not {type(target).__name__} objects")


# Classes of frameworks whose objects replace a function, or hold one: (top-level package, class).
_TOOLS: Final = frozenset(
    (
        ("langchain_core", "BaseTool"),
        ("agents", "FunctionTool"),
        ("pydantic_ai", "Tool"),
        ("llama_index", "BaseTool"),
        ("crewai", "BaseTool"),
        ("smolagents", "Tool"),
        ("fastmcp", "Tool"),
        ("mcp", "Tool"),
        ("dspy", "Tool"),
        ("llama_index", "FunctionTool"),
    )
)


def _is_tool_of_framework(kind: type) -> bool:
    names = (introspection.full_name(base) for base in introspection.bases(kind))
    return any((name.partition(".")[0], name.rpartition(".")[2]) in _TOOLS for name in names)


def _inside(method: Any) -> Any:
    return method.__func__


class _Binding(Enum):
    """How a callable treats its first parameter."""

    STATIC = "static"  # never binds: a static method, or an object that can be called
    FUNCTION = "function"  # binds as an attribute of a class; called by itself, its first argument is like any other
    METHOD = "method"  # a function whose first parameter is called self or cls: never a part of the input
    CLASS_METHOD = "class method"  # always bound to a class


def _binding_of(target: Any, first: Parameter | None) -> _Binding:
    """Determine what the first argument of a call is: an object, a class, or an argument like the others."""
    below = wrapped_by_us(target)
    if isinstance(below, classmethod):
        return _Binding.CLASS_METHOD
    if isinstance(below, staticmethod) or not binds(below):
        return _Binding.STATIC
    # An unbound call passes `self` or `cls` as the first argument: from `property`, as `Class.method(object)`, and
    # since Python 3.13 from a `classmethod` around us.
    return _Binding.METHOD if first is not None and first.name in RECEIVERS else _Binding.FUNCTION


def _plan(kind: str, target: Any, function: Any, options: Mapping[str, Any]) -> CallPlan:
    """Find out all that is known about a function at decoration."""
    name = name_of(function)
    signature = signature_of(function)
    parameters = None if signature is None else list(signature.parameters.values())
    first = parameters[0] if parameters and parameters[0].kind in BY_POSITION else None
    rest = parameters[1:] if parameters and first is not None else parameters
    binding = _binding_of(target, first)
    arguments = _arguments_of(kind, name, function, parameters, options)
    shape = FunctionShape(
        arguments(parameters if binding is _Binding.STATIC else rest),
        arguments(rest if binding in (_Binding.METHOD, _Binding.CLASS_METHOD) else parameters),
        binding is _Binding.METHOD,
        hidden_result(signature, locals_of_caller(), namespace_of(function)),
        getattr(function_below(function), "__code__", None),
    )
    if kind == TRACE:
        return TracePlan(name, shape, options)
    shown = rest if binding in (_Binding.METHOD, _Binding.CLASS_METHOD) else parameters
    facts = tool_facts(function, shown, namespace_of(function)) if kind == TOOL else None
    plan = ModelCallPlan if kind == LLM else OperationPlan
    return plan(kind, name, shape, options, facts)


def _arguments_of(
    kind: str, name: str, function: Any, parameters: list[Parameter] | None, options: Mapping[str, Any]
) -> Callable[[list[Parameter] | None], ArgumentBinder]:
    """Return a function that makes the binder of the parameters that a call fills, with the options checked."""
    captured = options.get("capture_input")
    kept: frozenset[str] | None = None if isinstance(captured, bool) else captured
    excluded: frozenset[str] = options.get("exclude_input", frozenset())
    for option, names in (("capture_input", kept), ("exclude_input", excluded)):
        if names is not None:
            check_names(option, names, parameters, f"@{kind} on {name}")
    namespace = namespace_of(function)
    known = hidden_by_local_names(parameters, locals_of_caller())
    return lambda filled: ArgumentBinder(filled, kept, namespace, known, excluded)


def _wrapper(plan: CallPlan, function: Any) -> Wrapper:
    """Choose the wrapper for a kind of callable."""
    if has_flag(function, inspect.CO_ASYNC_GENERATOR, inspect.isasyncgenfunction):
        return around_async_generator(plan, function)
    if has_flag(function, inspect.CO_COROUTINE, inspect.iscoroutinefunction):
        # a function that is only marked as a coroutine function may do anything at the call
        return around_coroutine(plan, function, pure=has_flag(function, inspect.CO_COROUTINE, _never))
    if has_flag(function, inspect.CO_GENERATOR, inspect.isgeneratorfunction):
        made_awaitable = has_flag(function, inspect.CO_ITERABLE_COROUTINE, _never)
        return around_generator(plan, function, awaitable=made_awaitable)
    return around_call(plan)


def _never(_: object) -> bool:
    return False
