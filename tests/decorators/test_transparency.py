"""Introspecting a decorated callable, or working with it, yields the original."""

from __future__ import annotations

import abc
import asyncio
import copy
import doctest
import functools
import inspect
import multiprocessing
import pickle
import types
import typing
import weakref
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from types import FunctionType
from typing import Any

import httpx
import pydantic
import pytest
import wrapt

import voltagent
from tests.helpers.seen import Signal, frames
from voltagent import tool, trace
from voltagent.testing import Run, record


@pytest.fixture(autouse=True)
def _recorded(voltagent_run: Run) -> None:
    """Every test of this file is recorded."""


# Introspection.


def documented(city: str, *rest: int, units: str = "c", **more: float) -> dict[str, int]:
    """What the weather is.

    >>> documented("Berlin")
    {'Berlin': 0}
    """
    return {city: len(rest)}


async def coroutine_function(a: int) -> int:
    return a


def generator_function(a: int) -> Iterator[int]:
    yield a


async def async_generator_function(a: int) -> Any:
    yield a


decorated = {
    function.__name__: tool(function)
    for function in (documented, coroutine_function, generator_function, async_generator_function)
}


@pytest.mark.parametrize("function", list(decorated.values()), ids=list(decorated))
def test_all_introspection_sees_the_original(function: Any) -> None:
    original = inspect.unwrap(function)
    assert original is function.__wrapped__
    assert type(original) is FunctionType
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "__defaults__", "__code__",
                 "__kwdefaults__", "__globals__", "__dict__"):  # fmt: skip
        assert getattr(function, name) == getattr(original, name), name
    for ask in (inspect.signature, typing.get_type_hints, inspect.getsource, inspect.getfile, inspect.getdoc,
                inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction,
                inspect.isfunction, inspect.ismethod, inspect.isroutine, inspect.isbuiltin, inspect.isclass, callable,
                inspect.getmodule, inspect.getfullargspec, hash, repr):  # fmt: skip
        assert ask is repr or ask(function) == ask(original), ask
    assert isinstance(function, FunctionType)
    assert function == original
    assert weakref.ref(function)() is function


def test_doctest_finds_the_examples() -> None:
    found = doctest.DocTestFinder().find(decorated["documented"], "documented")
    assert [len(one.examples) for one in found] == [1]


def test_what_a_call_makes_has_the_names_of_the_function() -> None:
    coroutine = decorated["coroutine_function"](1)
    assert coroutine.__name__ == "coroutine_function"
    assert coroutine.__qualname__ == "coroutine_function"
    assert inspect.iscoroutine(coroutine)
    coroutine.close()
    generator = decorated["generator_function"](1)
    assert generator.__qualname__ == "generator_function"
    assert inspect.isgenerator(generator)
    assert inspect.getgeneratorstate(generator) == inspect.GEN_CREATED
    next(generator)
    assert inspect.getgeneratorstate(generator) == inspect.GEN_SUSPENDED
    generator.close()
    assert inspect.getgeneratorstate(generator) == inspect.GEN_CLOSED
    assert inspect.isasyncgen(decorated["async_generator_function"](1))


# Pickling, copying.


@tool
def at_top(number: int) -> int:
    return number * 2


class Methods:
    def __init__(self, number: int = 3) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Methods) and other.number == self.number

    __hash__ = None  # type: ignore[assignment]

    @tool
    def plain(self, by: int) -> int:
        return self.number * by

    @classmethod
    @tool
    def create_below(cls, number: int) -> Methods:
        return cls(number)

    @tool
    @classmethod
    def create_above(cls, number: int) -> Methods:
        return cls(number)

    @staticmethod
    @tool
    def static_below(number: int) -> int:
        return number

    @tool
    @staticmethod
    def static_above(number: int) -> int:
        return number


class Callable_:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, number: int) -> int:
        return number * self.factor


tripled = tool(Callable_(3))
power = tool(functools.partial(pow, 2))
PICKLED = [
    (at_top, (4,), 8),
    (Methods(5).plain, (2,), 10),
    (Methods.plain, (Methods(5), 2), 10),
    (Methods.create_below, (4,), Methods(4)),
    (Methods.create_above, (4,), Methods(4)),
    (Methods().create_above, (4,), Methods(4)),
    (Methods.static_below, (4,), 4),
    (Methods.static_above, (4,), 4),
    (tripled, (4,), 12),
    (power, (4,), 16),
]


@pytest.mark.parametrize(("function", "arguments", "expected"), PICKLED)
def test_pickles_and_copies_are_decorated_too(
    function: Any, arguments: tuple[Any, ...], expected: Any, voltagent_run: Run
) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(function, protocol))
        assert again(*arguments) == expected
    assert copy.copy(function)(*arguments) == expected
    assert copy.deepcopy(function)(*arguments) == expected
    assert len(voltagent_run.tools()) == len(voltagent_run.traces) == (pickle.HIGHEST_PROTOCOL + 3)


def test_a_function_is_pickled_by_reference() -> None:
    assert pickle.loads(pickle.dumps(at_top)) is at_top
    assert copy.deepcopy({"f": at_top})["f"] is at_top
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(tool(lambda: None))


def test_cloudpickle_keeps_the_decoration_of_a_function_that_it_takes_by_value(voltagent_run: Run) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    @tool
    def nested(number: int) -> int:
        return number * 2

    assert pickle.loads(cloudpickle.dumps(at_top)) is at_top
    again = pickle.loads(cloudpickle.dumps(nested))
    assert (again(4), type(again), voltagent_run.calls) == (8, FunctionType, 1)


def test_other_tools_may_replace_the_code_and_the_defaults_of_a_function() -> None:
    """As line_profiler and those that load code again while a program runs: it raised an AttributeError."""

    @tool
    def add(number: int, more: int = 1, *, last: int = 1) -> int:
        return number + more + last

    def other(number: int, more: int = 5, *, last: int = 7) -> int:
        return number * more * last

    changed: Any = add
    changed.__code__ = other.__code__.replace(co_name="changed")
    assert add(3) == 3
    changed.__defaults__, changed.__kwdefaults__ = (2,), {"last": 2}
    assert (add(3), changed.__code__.co_name, changed.__defaults__) == (12, "changed", (2,))
    del changed.__defaults__
    assert changed.__defaults__ is None
    with pytest.raises(AttributeError):
        changed.__closure__ = None


def test_a_deep_copy_of_a_bound_method_has_its_own_object() -> None:
    thing = Methods(5)
    again = copy.deepcopy(thing.plain)
    thing.number = 7
    assert again(2) == 10


def test_a_process_of_its_own_can_call_it() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(at_top, 4).result(60) == 8
        assert pool.submit(Methods(5).plain, 2).result(60) == 10


# Other people's decorators.


def test_below_and_above_what_functools_makes(voltagent_run: Run) -> None:
    calls = []

    @functools.cache
    @tool
    def above(number: int) -> int:
        calls.append(number)
        return number

    @tool
    @functools.lru_cache
    def below(number: int) -> int:
        calls.append(number)
        return number

    @functools.wraps(above)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return above(*args, **kwargs)

    assert [above(1), above(1), wrapped(1), below(2), below(2)] == [1, 1, 1, 2, 2]
    assert calls == [1, 2]
    assert below.cache_info().hits == 1
    assert [call.name for call in voltagent_run.tools()] == ["above", "below", "below"]


def test_singledispatch_in_either_order(voltagent_run: Run) -> None:
    @functools.singledispatch
    @tool
    def shown(value: object) -> str:
        return "object"

    @shown.register
    @tool
    def shown_int(value: int) -> str:
        return "int"

    @tool
    @functools.singledispatch
    def above(value: object) -> str:
        return "object"

    @above.register
    def above_int(value: int) -> str:
        return "int"

    assert [shown(""), shown(1), above(""), above(1)] == ["object", "int"] * 2
    assert [call.name for call in voltagent_run.tools()] == ["shown", "shown_int", "above", "above"]


def test_context_managers_in_either_order(voltagent_run: Run) -> None:
    log: list[Any] = []

    @contextmanager
    @tool
    def above(name: str) -> Iterator[str]:
        log.append("in")
        assert voltagent.current().name == "above"
        try:
            yield name
        except KeyError:
            log.append("caught")
        finally:
            log.append("out")

    @tool
    @contextmanager
    def below(name: str) -> Iterator[str]:
        yield name

    with above("x") as name:
        assert name == "x"
        assert not voltagent.current()
        raise KeyError
    with pytest.raises(Signal) as caught, above("x"):
        raise Signal
    assert frames(caught.value)[1] <= 1
    with below("y") as name:
        assert name == "y"
    assert log == ["in", "caught", "out", "in", "out"]
    assert [call.status for call in voltagent_run.tools()] == ["completed", "error", "completed"]


def test_an_async_context_manager() -> None:
    log: list[Any] = []

    @asynccontextmanager
    @tool
    async def above(name: str) -> Any:
        try:
            yield name
        except KeyError:
            log.append("caught")

    async def main() -> None:
        async with above("x") as name:
            assert not voltagent.current()
            log.append(name)
            raise KeyError

    asyncio.run(main())
    assert log == ["x", "caught"]


def test_a_generator_that_is_a_coroutine_stays_awaitable(voltagent_run: Run) -> None:
    @tool
    @types.coroutine
    def step(value: int) -> Any:
        yield
        return value

    async def main() -> int:
        return int(await step(3))

    coroutine = main()
    coroutine.send(None)
    with pytest.raises(StopIteration) as caught:
        coroutine.send(None)
    assert caught.value.value == 3
    assert voltagent_run.tree() == "trace step\n└─ tool step"


def test_other_wrapt_decorators_above_and_below(voltagent_run: Run) -> None:
    instances: list[Any] = []

    @wrapt.decorator
    def noting(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        instances.append(instance)
        return wrapped(*args, **kwargs)

    class Thing:
        @noting
        @tool
        def above(self, value: int) -> int:
            return value

        @tool
        @noting
        def below(self, value: int) -> int:
            return value

    thing = Thing()
    assert [thing.above(1), thing.below(2), Thing.above(thing, 3)] == [1, 2, 3]
    assert instances == [thing, thing, thing]
    assert [call.input for call in voltagent_run.tools()] == [{"value": one} for one in (1, 2, 3)]


# Classes.


class Base(abc.ABC):
    @abc.abstractmethod
    @tool
    def run(self, task: str) -> str:
        """What a subclass does."""

    @tool
    @abc.abstractmethod
    def other(self) -> str: ...

    @tool
    def shared(self, task: str) -> str:
        return f"base {task}"


class Derived(Base):
    @tool
    def run(self, task: str) -> str:
        return super().shared(task)

    def other(self) -> str:
        return "other"

    @tool
    def shared(self, task: str) -> str:
        return f"derived {super().shared(task)}"

    @property
    @tool
    def size(self) -> int:
        return 3

    @functools.cached_property
    @tool
    def cached(self) -> int:
        return 4

    half = functools.partialmethod(tool(lambda self, a, b: (a, b)), 1)
    alias = shared


def test_classes_keep_their_ways(voltagent_run: Run) -> None:
    with pytest.raises(TypeError, match="abstract"):
        Base()  # type: ignore[abstract]
    thing = Derived()
    assert thing.run("x") == "base x"
    assert thing.shared("x") == "derived base x"
    assert thing.alias("x") == "derived base x"
    assert (thing.size, thing.cached, thing.half(2)) == (3, 4, (1, 2))
    assert inspect.ismethod(thing.run)
    assert thing.run.__self__ is thing
    assert thing.run.__func__ is Derived.run is vars(Derived)["run"]
    assert thing.run == thing.run
    assert all("self" not in call.input for call in voltagent_run.tools())


def test_a_method_taken_before_there_is_an_sdk_is_recorded_once_there_is_one() -> None:
    class Thing:
        @tool
        def run(self, task: str) -> str:
            return task

    before = Thing().run
    assert before("unseen") == "unseen"
    with record() as run:
        assert before("seen") == "seen"
    assert [call.input for call in run.tools()] == [{"task": "seen"}]


def test_a_decorator_of_others_below_ours_still_gets_the_object(voltagent_run: Run) -> None:
    given = []

    @wrapt.decorator
    def noting(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        given.append((instance, args))
        return wrapped(*args, **kwargs)

    class Thing:
        @tool
        @noting
        def run(self, task: str) -> str:
            return task

    thing = Thing()
    assert thing.run("x") == "x"
    assert given == [(thing, ("x",))]
    assert [call.input for call in voltagent_run.tools()] == [{"task": "x"}]


def test_a_method_of_one_class_may_be_lent_to_another(voltagent_run: Run) -> None:
    class Owner:
        @tool
        def who(self, x: int) -> Any:
            return self, x

        @tool
        @classmethod
        def which(cls, x: int) -> Any:
            return cls, x

    class Borrower:
        who = Owner.who
        which = Owner.which
        bound = Owner().who

    borrower = Borrower()
    assert borrower.who(1) == (borrower, 1)
    assert borrower.which(1) == (Owner, 1)
    assert isinstance(borrower.bound(1)[0], Owner)
    assert types.MethodType(Owner.who, borrower)(2) == (borrower, 2)
    assert Owner.who.__get__(borrower)(2) == (borrower, 2)
    assert [call.input for call in voltagent_run.tools()] == [{"x": one} for one in (1, 1, 1, 2, 2)]


def test_a_call_touches_nothing_of_a_callable_object() -> None:
    looked_up = []

    class Proxy:
        def __getattr__(self, name: str) -> Any:
            looked_up.append(name)
            return lambda *_: name

        def __call__(self, value: int) -> int:
            return value

    call = tool(Proxy())
    looked_up.clear()
    assert call(3) == 3
    assert looked_up == []


# Frameworks.


def test_pydantic_validates_calls_above_and_below() -> None:
    @tool
    @pydantic.validate_call
    def above(number: int) -> int:
        return number

    @pydantic.validate_call
    @tool
    def below(number: int) -> int:
        return number

    assert above("3") == below("3") == 3  # type: ignore[arg-type]
    with pytest.raises(pydantic.ValidationError):
        below("three")  # type: ignore[arg-type]


def test_fastapi_serves_decorated_endpoints_and_dependencies(voltagent_run: Run) -> None:
    pytest.importorskip("fastapi")
    from fastapi import Depends, FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()
    log: list[str] = []

    @tool
    def session() -> Iterator[str]:
        log.append("open")
        try:
            yield "session"
        finally:
            log.append("closed")

    @tool
    async def words(text: str) -> Any:
        for word in text.split():
            await asyncio.sleep(0)
            yield word + "\n"

    @app.get("/sync/{number}")
    @trace
    def sync(number: int, opened: str = Depends(session)) -> dict[str, Any]:
        return {"number": number, "session": opened}

    @app.get("/stream")
    @trace(agent_id="stream")
    async def stream(text: str) -> StreamingResponse:
        return StreamingResponse(words(text))

    transport = httpx.ASGITransport(app)

    async def main() -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.get("/sync/3")).json() == {"number": 3, "session": "session"}
            assert (await client.get("/sync/three")).status_code == 422
            assert (await client.get("/stream", params={"text": "a b"})).text == "a\nb\n"

    asyncio.run(main())
    assert log == ["open", "closed", "open", "closed"]
    # the stream runs after its endpoint has returned, and still belongs to it
    assert "trace stream\n└─ tool words" in voltagent_run.tree()
