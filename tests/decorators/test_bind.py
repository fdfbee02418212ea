"""``bind`` stays invisible, and what it pickles holds a trace context and no keys."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
import inspect
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import voltagent
from tests.helpers.internals import recorder_of
from tests.helpers.memory import Memory
from voltagent import bind, tool, trace
from voltagent.core.context import CURRENT
from voltagent.testing import record


@tool
def step(x: int, y: int = 1) -> int:
    """Documented."""
    return x


@tool
async def async_step(x: int) -> int:
    return x


def steps(number: int) -> Iterator[int]:
    for x in range(number):
        yield step(x)


async def async_steps(number: int) -> AsyncIterator[int]:
    for x in range(number):
        yield await async_step(x)


class Thing:
    """Something with a method, that can be called."""

    def method(self, x: int) -> int:
        return step(x)

    async def async_method(self, x: int) -> int:
        return step(x)

    def __call__(self, x: int) -> int:
        return step(x)


THING = Thing()
CALLABLES = [
    step, async_step, steps, async_steps, THING.method, THING.async_method, THING, functools.partial(step, 1), len,
    lambda x: step(x), Thing,
]  # fmt: skip
PREDICATES = [
    inspect.isfunction, inspect.ismethod, inspect.isbuiltin, inspect.isclass, inspect.iscoroutinefunction,
    inspect.isgeneratorfunction, inspect.isasyncgenfunction, asyncio.iscoroutinefunction, callable,
]  # fmt: skip


@pytest.mark.parametrize("function", CALLABLES, ids=range(len(CALLABLES)))
@pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction'")
def test_a_bound_function_looks_like_the_function(function: Any) -> None:
    bound: Any = bind(function)
    assert bound.__class__ is function.__class__
    assert isinstance(bound, function.__class__)
    assert inspect.signature(bound) == inspect.signature(function)
    for name in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__"):
        assert getattr(bound, name, None) == getattr(function, name, None)
    for predicate in PREDICATES:
        assert predicate(bound) == predicate(function), predicate
    assert repr(bound) == repr(function)
    assert copy.copy(bound) is bound
    assert copy.deepcopy(bound) is bound


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match=r"bind\(\) requires a callable, got int"):
        bind(7)  # type: ignore[type-var]


def collected(function: Any) -> Any:
    async def collect() -> list[Any]:
        return [item async for item in function(2)]

    return asyncio.run(collect())


KINDS: list[tuple[Any, Callable[[Any], Any]]] = [
    (step, lambda bound: bound(1)),
    (async_step, lambda bound: asyncio.run(bound(1))),
    (steps, lambda bound: list(bound(1))),
    (async_steps, collected),
    (THING.method, lambda bound: bound(1)),
    (THING.async_method, lambda bound: asyncio.run(bound(1))),
    (THING, lambda bound: bound(1)),
    (functools.partial(step, 1), lambda bound: bound()),
]


@pytest.mark.parametrize(("function", "call"), KINDS, ids=range(len(KINDS)))
@pytest.mark.parametrize("pickled", [False, True])
def test_every_kind_records_under_what_was_current(function: Any, call: Callable[[Any], Any], pickled: bool) -> None:
    with record() as run:
        bound = [trace(agent_id="above")(lambda: bind(function))()]
        if pickled:
            bound = [pickle.loads(pickle.dumps(bound[0]))]
        thread = threading.Thread(target=lambda: call(bound[0]))
        thread.start()
        thread.join()
        assert CURRENT.get() is None
    assert run.trace.agent_id == "above"
    assert {one.parent for one in run.find()} == {None}


def test_a_generator_keeps_its_own_context_between_steps() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")

    def generate() -> Iterator[str]:
        variable.set("inside")
        yield variable.get()
        yield variable.get()

    bound = bind(generate)()
    assert [next(bound), variable.get(), next(bound), variable.get()] == ["inside", "outside", "inside", "outside"]


def test_a_bound_generator_has_the_whole_protocol() -> None:
    def generate() -> Any:
        got = []
        while len(got) < 2:
            try:
                got.append((yield len(got)))
            except ValueError as exc:
                got.append(exc)
        return got

    bound: Any = bind(generate)()
    error = ValueError("thrown")
    assert [next(bound), bound.send("sent")] == [0, 1]
    with pytest.raises(StopIteration) as stop:
        bound.throw(error)
    assert stop.value.value == ["sent", error]


def test_a_pickle_holds_the_trace_context_and_no_key() -> None:
    with voltagent.VoltAgentSDK(
        base_url="http://user:pass-in-url@localhost:9", public_key="pk_public", secret_key="sk_secret",
        headers={"authorization": "Bearer in-header"}, auto_flush=False,
    ) as sdk, sdk.trace(agent_id="a", user_id="u"):  # fmt: skip
        data = pickle.dumps(bind(step))
        sdk.shutdown(timeout=0)
    assert not [secret for secret in (b"pk_public", b"sk_secret", b"in-header", b"pass-in-url") if secret in data]
    assert b"localhost:9" in data


def test_what_is_suppressed_stays_so_in_another_process() -> None:
    with record() as run:
        with voltagent.suppress():
            data = pickle.dumps(bind(step))
        assert pickle.loads(data)(1) == 1
    assert run.traces == ()


def test_a_failure_of_ours_does_not_fail_the_pickling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voltagent.core.guard.Guard, "strict", False)
    memory = Memory()
    with voltagent.VoltAgentSDK(exporter=memory) as sdk, sdk.trace(agent_id="a"):
        bound = bind(step)
        monkeypatch.setattr(recorder_of(sdk), "destination", threading.Lock())
        monkeypatch.setattr("voltagent.core.handover.portable_context.describe_parent", lambda span: 1 / 0)
        assert pickle.loads(pickle.dumps(bound))(1) == 1
