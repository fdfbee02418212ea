"""With and without us a run differs only in time: random programs, and those that were hard, run both ways."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.helpers.seen import Signal, described, frames
from voltagent import agent, tool, trace
from voltagent.testing import Run


@pytest.fixture(autouse=True)
def _recorded(voltagent_run: Run) -> None:
    """Every test of this file is recorded."""


# Random programs, run both ways.

STEPS = (
    "yield",
    "catch",
    "catch all",
    "finally",
    "replace",
    "chain",
    "yield in finally",
    "bare raise",
    "nested",
    "log",
)
ENDS = ("return", "value", "raise", "raise from", "stop", "exit")
ACTIONS = ("next", "send", "throw", "throw class", "throw key", "throw stop", "throw exit", "close")

programs = st.lists(st.sampled_from(STEPS), max_size=5)
ends = st.sampled_from(ENDS)
actions = st.lists(st.sampled_from(ACTIONS), max_size=7)


def finish(end: str, log: list[Any]) -> Any:
    log.append(("end", end))
    if end == "raise":
        raise KeyError("end")
    if end == "raise from":
        try:
            raise ValueError("inner")
        except ValueError as exc:
            raise KeyError("end") from exc
    if end == "stop":
        raise StopIteration("by hand")
    if end == "exit":
        raise SystemExit(3)
    return "returned" if end == "value" else None


def body(steps: list[str], end: str, log: list[Any]) -> Any:
    for number, step in enumerate(steps):
        if step == "yield":
            log.append(("got", (yield number)))
        elif step == "catch":
            try:
                log.append(("got", (yield number)))
            except Signal as exc:
                log.append(("caught", described(exc, 2)))
        elif step == "catch all":
            try:
                yield number
            except BaseException as exc:
                log.append(("caught", type(exc), exc.__context__ is None))
        elif step == "finally":
            try:
                yield number
            finally:
                log.append("finally")
        elif step == "replace":
            try:
                yield number
            except Exception:
                raise LookupError("replaced")
        elif step == "chain":
            try:
                yield number
            except Exception as exc:
                raise LookupError("chained") from exc
        elif step == "bare raise":
            try:
                yield number
            except Exception:
                log.append("seen")
                raise
        elif step == "yield in finally":
            try:
                yield number
            finally:
                log.append(("got in finally", (yield -number)))
        elif step == "nested":
            log.append(("nested", (yield from body(["catch", "yield"], "value", log))))
        else:
            log.append("log")
    return finish(end, log)


async def async_body(steps: list[str], end: str, log: list[Any]) -> Any:
    for number, step in enumerate(steps):
        if step == "yield":
            log.append(("got", (yield number)))
        elif step == "catch":
            try:
                log.append(("got", (yield number)))
            except Signal as exc:
                log.append(("caught", described(exc, 2)))
        elif step == "catch all":
            try:
                yield number
            except BaseException as exc:
                log.append(("caught", type(exc), exc.__context__ is None))
        elif step == "finally":
            try:
                yield number
            finally:
                await asyncio.sleep(0)
                log.append("finally")
        elif step == "replace":
            try:
                yield number
            except Exception:
                await asyncio.sleep(0)
                raise LookupError("replaced")
        elif step == "chain":
            try:
                yield number
            except Exception as exc:
                raise LookupError("chained") from exc
        elif step == "bare raise":
            try:
                yield number
            except Exception:
                log.append("seen")
                raise
        elif step == "yield in finally":
            try:
                yield number
            finally:
                log.append(("got in finally", (yield -number)))
        else:
            await asyncio.sleep(0)
    finish(end if end != "exit" else "raise", log)


def outcome(step: Callable[[], Any]) -> Any:
    try:
        return "gave", step()
    except BaseException as exc:
        return "raised", described(exc, 2)


def thrown(action: str) -> Any:
    return {
        "throw": Signal("thrown"),
        "throw class": Signal,
        "throw key": KeyError("thrown"),
        "throw stop": StopIteration("thrown"),
        "throw exit": GeneratorExit("thrown"),
    }[action]


def act(generator: Any, action: str, given: list[Any]) -> Any:
    if action == "next":
        return next(generator)
    if action == "send":
        return generator.send("sent")
    if action == "close":
        return generator.close()
    given.append(thrown(action))
    return generator.throw(given[-1])


def drive(function: Any, steps: list[str], end: str, does: list[str], handling: bool) -> list[Any]:
    """What a consumer sees of a generator, and what the generator does meanwhile."""
    log: list[Any] = []
    given: list[Any] = []
    generator = function(steps, end, log)
    for action in does:
        if handling:
            try:
                raise RuntimeError("being handled")
            except RuntimeError:
                log.append(outcome(lambda: act(generator, action, given)))
        else:
            log.append(outcome(lambda: act(generator, action, given)))
    for _ in range(len(steps) + 1):  # it may answer to closing by one more item
        log.append(outcome(generator.close))
    return log


async def act_async(generator: Any, action: str) -> Any:
    if action == "next":
        return await generator.__anext__()
    if action == "send":
        return await generator.asend("sent")
    if action == "close":
        return await generator.aclose()
    return await generator.athrow(thrown(action))


async def drive_async(function: Any, steps: list[str], end: str, does: list[str]) -> list[Any]:
    log: list[Any] = []
    generator = function(steps, end, log)
    for action in [*does, "close"]:
        try:
            log.append(("gave", await act_async(generator, action)))
        except BaseException as exc:
            log.append(("raised", described(exc)))
    return list(log)


def run_async(function: Any, steps: list[str], end: str, does: list[str]) -> list[Any]:
    """And whether something is reported about a generator that was dropped before it ended.

    Not how often: one that continues after it was closed is reported by our generator, and again when it is collected.
    """
    reported: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda event: reported.append(str(event.exc_value))
    gc.disable()  # a collection at the wrong moment would take what is dropped to where the one below does not look
    try:
        log = asyncio.run(drive_async(function, steps, end, does))
        gc.collect(1)
    finally:
        gc.enable()
        sys.unraisablehook = before
    return [*log, bool(reported)]


@settings(max_examples=300, deadline=None)
@given(programs, ends, actions, st.booleans())
def test_a_generator_behaves_as_without_us(steps: list[str], end: str, does: list[str], handling: bool) -> None:
    expected = drive(body, steps, end, does, handling)
    assert drive(tool(body), steps, end, does, handling) == expected
    assert drive(agent(trace(body)), steps, end, does, handling) == expected


@settings(max_examples=200, deadline=None)
@given(programs, ends, actions)
def test_an_async_generator_behaves_as_without_us(steps: list[str], end: str, does: list[str]) -> None:
    expected = run_async(async_body, steps, end, does)
    assert run_async(tool(async_body), steps, end, does) == expected


# Functions and coroutines.


def failing(exc: BaseException, cause: BaseException | None) -> None:
    if cause is not None:
        raise exc from cause
    raise exc


async def failing_async(exc: BaseException, cause: BaseException | None) -> None:
    await asyncio.sleep(0)
    failing(exc, cause)


FAILURES = (Signal("a"), KeyError("a"), StopIteration(1), StopAsyncIteration(), asyncio.CancelledError(), SystemExit(2),
          KeyboardInterrupt(), GeneratorExit(), RecursionError("deep"))  # fmt: skip


@pytest.mark.parametrize("exc", FAILURES, ids=repr)
@pytest.mark.parametrize("decorator", [tool, trace])
@pytest.mark.parametrize("handling", [False, True])
def test_an_exception_passes_as_the_same_object(exc: BaseException, decorator: Any, handling: bool) -> None:
    cause = ValueError("cause") if handling else None

    def observe(function: Any) -> Any:
        exc.__traceback__ = exc.__context__ = exc.__cause__ = None
        try:
            if handling:
                try:
                    raise RuntimeError("being handled")
                except RuntimeError:
                    function(exc, cause)
            else:
                function(exc, cause)
        except BaseException as passed:
            return passed is exc, described(passed)
        raise AssertionError("it did not raise")

    assert observe(decorator(failing)) == observe(failing)

    def run(function: Any) -> Any:
        """Without a loop: it would stop at an exit."""

        def call(*arguments: Any) -> None:
            coroutine = function(*arguments)
            coroutine.send(None)
            coroutine.send(None)

        return observe(call)

    if not isinstance(exc, StopIteration):  # which becomes a RuntimeError in any coroutine (PEP 479)
        assert run(decorator(failing_async)) == run(failing_async)


def test_wrong_arguments_raise_at_the_call() -> None:
    @tool
    def plain(a: int) -> None: ...

    @tool
    async def coroutine(a: int) -> None: ...

    @tool
    def generator(a: int) -> Iterator[int]:
        yield a

    @tool
    async def async_generator(a: int) -> Any:
        yield a

    for function in (plain, coroutine, generator, async_generator):
        for arguments, keywords in (((), {}), ((1, 2), {}), ((1,), {"b": 2}), ((1,), {"a": 2})):
            with pytest.raises(TypeError) as caught:
                function(*arguments, **keywords)
            assert frames(caught.value)[1] <= 1
            assert function.__name__ in str(caught.value)


def test_a_coroutine_that_is_never_awaited_says_so_once() -> None:
    @tool
    async def forgotten() -> None: ...

    with pytest.warns(RuntimeWarning, match=r"coroutine '.*forgotten' was never awaited") as reported:
        forgotten()  # and dropped
    assert len(reported) == 1


@pytest.mark.parametrize("stop", ["close", "throw", "cancelled task"])
def test_a_coroutine_that_never_starts_is_quiet_and_not_recorded(stop: str, voltagent_run: Run) -> None:
    started = []

    @tool
    async def work() -> None:
        started.append(True)

    async def main() -> None:
        task = asyncio.create_task(work())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    if stop == "close":
        work().close()
    elif stop == "throw":
        with pytest.raises(Signal):
            work().throw(Signal())
    else:
        asyncio.run(main())
    gc.collect()
    assert not started
    assert not voltagent_run.traces


def test_a_recursion_costs_two_levels_and_ends_in_the_same_error() -> None:
    def depth(function: Callable[[Any, int], int]) -> int:
        reached = 0

        def down(again: Any, level: int) -> int:
            nonlocal reached
            reached = max(reached, level)
            return int(again(again, level + 1))

        again = function(down)
        with pytest.raises(RecursionError):
            again(again, 1)
        return reached

    assert depth(tool) > depth(lambda function: function) / 5


def test_nothing_of_the_call_is_kept_alive() -> None:
    class Thing:
        pass

    @tool
    def plain(thing: Thing) -> Thing:
        return thing

    @tool
    def failing(thing: Thing) -> None:
        raise Signal(thing)

    @tool
    def generator(thing: Thing) -> Any:
        del thing
        sent = yield Thing()
        del sent
        yield

    @tool
    async def coroutine(thing: Thing) -> None:
        del thing
        await asyncio.sleep(0)

    gc.disable()
    try:
        for function in (plain, failing):
            thing = Thing()
            alive = weakref.ref(thing)
            with suppress(Signal):
                function(thing)
            del thing
            assert alive() is None, function
        thing = Thing()
        alive = weakref.ref(thing)
        steps = generator(thing)
        del thing
        item = weakref.ref(next(steps))
        assert alive() is None
        assert item() is None
        thing = Thing()
        alive = weakref.ref(thing)
        steps.send(thing)
        del thing
        assert alive() is None
        thing = Thing()
        alive = weakref.ref(thing)
        waiting = coroutine(thing)
        del thing
        waiting.send(None)
        assert alive() is None
        waiting.close()
    finally:
        gc.enable()
