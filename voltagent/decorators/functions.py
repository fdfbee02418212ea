"""Wrap plain functions and coroutine functions: one call is one operation.

Each wrapper calls the user's function in its own frame, so that the traceback of an exception shows one frame of ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

from voltagent.core.context import (
    BESIDE,
    CURRENT,
    INERT,
    REPLAYS,
    leave_elsewhere,
    nearest_open,
    replay,
    set_current,
)
from voltagent.core.kept_contexts import KEPT_CONTEXTS, drop_contexts
from voltagent.core.span import Span
from voltagent.decorators.call_plan import CallPlan
from voltagent.decorators.inspection import lend_names
from voltagent.tracing.waiting import SPAN_OF

# What wrapt calls: the function (bound, for a method), the object it is bound to, positional and keyword arguments.
Wrapper: TypeAlias = Callable[[Callable[..., Any], object, tuple[Any, ...], dict[str, Any]], Any]
__tracebackhide__ = True  # reports of pytest show the functions of the program, and not this frame between them


def around_call(plan: CallPlan) -> Wrapper:
    """Record each call of a plain function."""
    begin, succeed, fail = plan.begin, plan.succeed, plan.fail
    current, become = CURRENT.get, CURRENT.set  # looked up here, not for each call

    def call(wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        before = above = current()
        if BESIDE or (above is not None and above.end_ns is not None):
            above = nearest_open(above)
        span = begin(above, instance, args, kwargs) if above is not INERT else None
        if span is None:
            return wrapped(*args, **kwargs)
        try:
            if KEPT_CONTEXTS:  # `set_current`, at the cost of one call less
                drop_contexts()
            become(span)
            if REPLAYS:
                result = replay().call(span, wrapped, args, kwargs)
            else:  # `**kwargs` would copy a dictionary that is empty, too
                result = wrapped(*args, **kwargs) if kwargs else wrapped(*args)
            become(before)
            return succeed(span, above is None, result)  # in here: an interrupt ends the record, too
        except BaseException as exception:
            try:
                become(before)
            finally:
                fail(span, above is None, exception)
            raise

    SPAN_OF[id(call.__code__)] = "span"
    return call


def around_coroutine(plan: CallPlan, target: Any, *, pure: bool) -> Wrapper:
    """Record each run of a coroutine function, from the first to the last step of its body.

    Args:
        plan: how to record a call.
        target: the function.
        pure: whether a call does nothing before it is awaited. Then the wrapper does nothing either, except that wrong
            arguments raise at the call. A function that is not pure is called at the call.
    """
    begin, succeed, fail = plan.begin, plan.succeed, plan.fail
    current, become = CURRENT.get, CURRENT.set

    async def run(
        wrapped: Callable[..., Awaitable[Any]],
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        caller: Span | None,
    ) -> Any:
        before = current()
        above = caller if before is None else before
        if BESIDE or (above is not None and above.end_ns is not None):
            above = nearest_open(above)
        span = begin(above, instance, args, kwargs) if above is not INERT else None
        try:
            if REPLAYS and span is not None:
                awaited: Awaitable[Any] = replay().coroutine(span, wrapped, args, kwargs)
            else:
                awaited = wrapped(*args, **kwargs)
            del wrapped, instance, args, kwargs  # the body may run for longer than it needs them
            if span is None:
                return await awaited
            if KEPT_CONTEXTS:
                drop_contexts()
            become(span)
            result = await awaited
            if current() is span:
                if KEPT_CONTEXTS:
                    drop_contexts()
                become(before)
            return succeed(span, above is None, result)
        except BaseException as exception:
            if span is None:
                raise
            try:
                # a coroutine may be closed anywhere, such as in a context where something else is current
                if current() is span:
                    set_current(before)
                elif type(exception) is GeneratorExit:
                    leave_elsewhere(span)
            finally:
                fail(span, above is None, exception)
            raise

    SPAN_OF[id(run.__code__)] = "span"
    lend_names(target, run)
    return _start_when_awaited(plan, run) if pure else _start_at_call(run)


def _start_when_awaited(plan: CallPlan, run: Callable[..., Coroutine[Any, Any, Any]]) -> Wrapper:
    """Do nothing at the call, except that wrong arguments raise."""
    bound, free = plan.numbers_that_fit

    def call(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        if kwargs or len(args) not in (free if instance is None else bound):
            wrapped(*args, **kwargs).close()
        return run(wrapped, instance, args, kwargs, CURRENT.get())

    return call


def _start_at_call(run: Callable[..., Coroutine[Any, Any, Any]]) -> Wrapper:
    """Call the function at the call, and record it when its result is awaited."""

    def call(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        if REPLAYS:
            return run(wrapped, instance, args, kwargs, CURRENT.get())
        awaitable = wrapped(*args, **kwargs)

        def started(*_: object, **__: object) -> Any:
            return awaitable

        return run(started, instance, args, kwargs, CURRENT.get())

    return call
