"""Wrap generator functions, sync and async: one run of a body, from its first to its last step, is one operation.

The caller gets a generator that drives the user's by hand, with the whole protocol: what is sent, thrown and returned
passes through, and closing is an exception that is thrown in. A generator that never starts is not recorded.

No local variable here holds an item or a value that was sent: the program may rely on it being freed while the
generator waits. That is why a step is a call within a call.
"""

from __future__ import annotations

import sys
import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from voltagent.core.context import CURRENT, INERT, REPLAYS, replay
from voltagent.core.span import Span
from voltagent.decorators.call_plan import CallPlan
from voltagent.decorators.functions import Wrapper
from voltagent.decorators.generator_run import GeneratorRun
from voltagent.decorators.inspection import lend_names
from voltagent.tracing.waiting import SPAN_OF


def around_generator(plan: CallPlan, target: Any, *, awaitable: bool = False) -> Wrapper:
    """Record each run of a generator function.

    Args:
        plan: how to record a call.
        target: the function.
        awaitable: whether :func:`types.coroutine` made it a coroutine function.
    """

    def steps(
        inner: Generator[Any, Any, Any],
        caller: Span | None,
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Generator[Any, Any, Any]:
        run = GeneratorRun(plan, caller, instance, args, kwargs)
        try:
            if REPLAYS:
                inner = replay().generator(run.span, inner, target, items=not awaitable)
            del caller, instance, args, kwargs  # the body may run for longer than it needs them
            try:
                while True:
                    try:
                        run.enter()
                        # no local variable, as that would keep the item or the sent value alive while it waits
                        if run.incoming is None:
                            run.incoming = yield run.leave(inner.send(None))
                        else:
                            step = inner.throw if run.thrown else inner.send
                            run.incoming = yield run.leave(step(run.take()))
                    except BaseException as exception:  # noqa: PERF203 - the consumer may throw at every step
                        if run.running:
                            raise
                        # thrown into the user's generator after this block, so that no exception has it as its context
                        run.catch(exception)
            except StopIteration as stop:
                run.returned(stop.value)
                return stop.value
        except BaseException as exception:  # of the generator, or what interrupted the recording of its end
            run.raised(exception)
            raise

    SPAN_OF[id(steps.__code__)] = "stream"
    lend_names(target, steps)
    return _start_at_call(types.coroutine(steps) if awaitable else steps)


def around_async_generator(plan: CallPlan, target: Any) -> Wrapper:
    """Record each run of an async generator function."""

    async def steps(
        inner: AsyncGenerator[Any, Any],
        caller: Span | None,
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> AsyncGenerator[Any, Any]:
        run = GeneratorRun(plan, caller, instance, args, kwargs)
        try:
            if REPLAYS:
                inner = replay().async_generator(run.span, inner, target)
            del caller, instance, args, kwargs
            step = _first_step(inner)
            try:
                while True:
                    try:
                        run.enter()
                        run.incoming = yield run.leave(await step)
                    except BaseException as exception:
                        if run.running:
                            raise
                        run.catch(exception)
                    step = (inner.athrow if run.thrown else inner.asend)(run.take())
            except StopAsyncIteration:
                run.returned()
        except BaseException as exception:
            run.raised(exception)
            raise

    SPAN_OF[id(steps.__code__)] = "stream"
    lend_names(target, steps)
    return _start_at_call(steps)


def _start_at_call(steps: Callable[..., Any]) -> Wrapper:
    """Make the user's generator at the call, so that wrong arguments raise there. Its body starts with ours."""

    def call(wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inner = wrapped(*args, **kwargs)
        caller = CURRENT.get()
        return inner if caller is INERT else steps(inner, caller, instance, args, kwargs)

    return call


def _first_step(inner: AsyncGenerator[Any, Any]) -> Any:
    """Return the first step of the user's generator without the hooks of the event loop.

    The loop closes the generators that its hooks have seen. It sees ours, and closing both would make them collide.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)
