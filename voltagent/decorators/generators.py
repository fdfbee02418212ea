"""Generator functions, sync and async: the run of a body, from its first to its last step, is one operation.

What the caller gets is a generator too. It drives the user's by hand, with the whole protocol: what is sent, thrown
and returned passes through, and closing is just an exception that is thrown in. One that never starts is not recorded.
"""

from __future__ import annotations

import sys
import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from voltagent.core.context import CURRENT, INERT, REPLAYS
from voltagent.core.span import Span
from voltagent.decorators.call_plan import CallPlan
from voltagent.decorators.functions import Wrapper
from voltagent.decorators.generator_run import GeneratorRun
from voltagent.decorators.inspection import lend_names


def around_generator(plan: CallPlan, target: Any, *, awaitable: bool = False) -> Wrapper:
    """Record each run of a generator function; ``awaitable`` for one that :func:`types.coroutine` made a coroutine."""

    def steps(
        inner: Generator[Any, Any, Any],
        caller: Span | None,
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Generator[Any, Any, Any]:
        stream = GeneratorRun(plan, caller, instance, args, kwargs)
        if REPLAYS:
            inner = REPLAYS[-1].generator(stream.span, inner, target, items=not awaitable)
        del caller, instance, args, kwargs  # the body may outlive its interest in them
        try:
            while True:
                try:
                    stream.enter()
                    taken = stream.take
                    stream.receive((yield stream.leave(inner.throw(taken()) if stream.thrown else inner.send(taken()))))
                except BaseException as exception:  # noqa: PERF203 - this is how steps are taken
                    if stream.running:
                        raise
                    stream.catch(exception)  # it is thrown on after this block: nothing raised then has it as context
        except StopIteration as stop:
            stream.returned(stop.value)
            return stop.value
        except BaseException as exception:
            stream.raised(exception)
            raise

    lend_names(target, steps)
    return _calling(types.coroutine(steps) if awaitable else steps)


def around_async_generator(plan: CallPlan, target: Any) -> Wrapper:
    """Record each run of an async generator function."""

    async def steps(
        inner: AsyncGenerator[Any, Any],
        caller: Span | None,
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> AsyncGenerator[Any, Any]:
        stream = GeneratorRun(plan, caller, instance, args, kwargs)
        if REPLAYS:
            inner = REPLAYS[-1].async_generator(stream.span, inner, target)
        del caller, instance, args, kwargs
        step = _first_step(inner)
        try:
            while True:
                try:
                    stream.enter()
                    stream.receive((yield stream.leave(await step)))
                except BaseException as exception:
                    if stream.running:
                        raise
                    stream.catch(exception)
                step = inner.athrow(stream.take()) if stream.thrown else inner.asend(stream.take())
        except StopAsyncIteration:
            stream.returned()
        except BaseException as exception:
            stream.raised(exception)
            raise

    lend_names(target, steps)
    return _calling(steps)


def _calling(steps: Callable[..., Any]) -> Wrapper:
    """The user's generator is made at the call, so that wrong arguments raise there; it starts with ours."""

    def call(wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inner = wrapped(*args, **kwargs)
        caller = CURRENT.get()
        return inner if caller is INERT else steps(inner, caller, instance, args, kwargs)

    return call


def _first_step(inner: AsyncGenerator[Any, Any]) -> Any:
    """The first step, hidden from the event loop: it knows our generator, and closing both would make them collide."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)
