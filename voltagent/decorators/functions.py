"""Wrap plain functions and coroutine functions: one call is one operation.

Each wrapper calls the user's function in its own frame, so that the traceback of an exception shows one frame of ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

from voltagent.core.context import BESIDE, CURRENT, INERT, REPLAYS, leave, nearest_open, replay, set_current
from voltagent.core.span import Span
from voltagent.decorators.call_plan import CallPlan
from voltagent.decorators.inspection import lend_names
from voltagent.tracing.waiting import SPAN_OF

# What wrapt calls: the function (bound, for a method), the object it is bound to, positional and keyword arguments.
Wrapper: TypeAlias = Callable[[Callable[..., Any], object, tuple[Any, ...], dict[str, Any]], Any]


def around_call(plan: CallPlan) -> Wrapper:
    """Record each call of a plain function."""
    begin, succeed, fail = plan.begin, plan.succeed, plan.fail

    def call(wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        before = above = CURRENT.get()
        if BESIDE or (above is not None and above.end_ns is not None):
            above = nearest_open(above)
        span = begin(above, instance, args, kwargs) if above is not INERT else None
        if span is None:
            return wrapped(*args, **kwargs)
        try:
            set_current(span)
            result = replay().call(span, wrapped, args, kwargs) if REPLAYS else wrapped(*args, **kwargs)
        except BaseException as exception:
            CURRENT.set(before)
            fail(span, above is None, exception)
            raise
        CURRENT.set(before)
        succeed(span, above is None, result)
        return result

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
    begin, succeed, fail, fits = plan.begin, plan.succeed, plan.fail, plan.fits

    async def run(
        wrapped: Callable[..., Awaitable[Any]],
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        caller: Span | None,
    ) -> Any:
        before = CURRENT.get()
        above = nearest_open(caller if before is None else before)
        span = begin(above, instance, args, kwargs) if above is not INERT else None
        if REPLAYS and span is not None:
            awaited: Awaitable[Any] = replay().coroutine(span, wrapped, args, kwargs)
        else:
            awaited = wrapped(*args, **kwargs)
        del wrapped, instance, args, kwargs  # the body may run for longer than it needs them
        if span is None:
            return await awaited
        try:
            set_current(span)
            result = await awaited
        except BaseException as exception:
            # a coroutine may be closed anywhere, such as in a context where something else is current
            if CURRENT.get() is span:
                set_current(before)
            elif type(exception) is GeneratorExit:
                leave(span, CURRENT.get())
            fail(span, above is None, exception)
            raise
        if CURRENT.get() is span:
            set_current(before)
        succeed(span, above is None, result)
        return result

    def call(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        if not fits(instance, args, kwargs):
            wrapped(*args, **kwargs).close()
        return run(wrapped, instance, args, kwargs, CURRENT.get())

    def call_at_once(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        if REPLAYS:
            return run(wrapped, instance, args, kwargs, CURRENT.get())
        awaitable = wrapped(*args, **kwargs)
        return run(lambda *_, **__: awaitable, instance, args, kwargs, CURRENT.get())

    SPAN_OF[id(run.__code__)] = "span"
    lend_names(target, run)
    return call if pure else call_at_once
