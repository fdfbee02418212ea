"""Mistakes with decorators are reported once for each place, and what is right is not."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from voltagent import agent, llm, memory, retriever, tool, trace
from voltagent.core.hints import take_unsaved
from voltagent.decorators.mistakes import LAZY_TYPES
from voltagent.testing import record

DECORATORS = (agent, llm, memory, retriever, tool, trace)


def hints() -> list[tuple[str, str]]:
    """The names and places of the hints that were given since the last look; places without the file."""
    return [(hint.name, hint.place.rpartition("test_mistakes.py:")[2]) for hint in take_unsaved()]


def line(function: Callable[..., Any]) -> str:
    code = inspect.unwrap(function).__code__
    return f"{code.co_firstlineno} ({code.co_name})"


class Routes:
    """Keeps the functions it is given, as web frameworks and tool registries do."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def tool(self, function: Any) -> Any:
        self.kept.append(function)
        return function

    def get(self, path: str, **options: Any) -> Callable[[Any], Any]:
        return self.tool


app = Routes()

# A plain function with a lazy result.


async def coroutine() -> int:
    return 1


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


LAZY = [(coroutine, "a coroutine"), (generator, "a generator"), (async_generator, "an async generator")]


@pytest.mark.parametrize(
    ("decorate", "make", "what"),
    [(one, *lazy) for one in DECORATORS for lazy in (LAZY[:1] if one is llm else LAZY)],  # `@llm` follows streams
)
def test_a_lazy_result_of_a_plain_function_is_reported_once(
    decorate: Any, make: Any, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    @decorate
    def fetch() -> Any:
        return make()

    with record():
        for _ in range(3):
            result = fetch()
            assert type(result).__name__ == what.split(" ", 1)[1].replace(" ", "_")  # the same object goes on
            if inspect.iscoroutine(result):
                assert asyncio.run(result) == 1
    assert hints() == [("returns-lazily", line(fetch))]
    (logged,) = caplog.records
    assert f"'fetch' returns {what}" in logged.getMessage()


@pytest.mark.parametrize("decorate", DECORATORS)
def test_functions_whose_work_is_recorded_are_not_reported(decorate: Any) -> None:
    recorded = [decorate(function) for function in (coroutine, generator, async_generator)]

    @decorate
    def returns(value: object) -> object:
        return value

    with record():
        asyncio.run(recorded[0]())
        list(recorded[1]())
        for value in (1, "x", [1], {"a": 1}, None, object(), (x for x in ()).__next__, iter([])):
            returns(value)
    assert hints() == []
    assert len(LAZY_TYPES) == 3


# The same decorator twice.


@pytest.mark.parametrize("decorate", DECORATORS)
def test_the_same_decorator_twice_is_reported(decorate: Any) -> None:
    @decorate
    @decorate(name="again")
    def step() -> int:
        return 1

    class Tools:
        @decorate
        @classmethod
        @decorate
        def create(cls) -> int:
            return 1

        @decorate
        @staticmethod
        @decorate
        def free() -> int:
            return 1

    assert [name for name, _ in hints()] == ["same-decorator-twice"] * 3
    assert (step(), Tools.create(), Tools.free()) == (1, 1, 1)


def test_different_decorators_are_not_reported() -> None:
    @trace
    @agent
    def run() -> int:
        return 1

    assert (hints(), run()) == ([], 1)


# A decorator below that keeps the function.


def test_a_decorator_above_a_registration_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    @trace
    @app.get("/orders")
    def orders() -> int:
        return 1

    @tool(
        name="look-up",
        tags=["a"],
    )
    @app.get(
        "/look-up",
        summary="""
        def not_this(): ...
        """,
    )
    async def look_up() -> int:
        return 1

    class Views:
        @agent
        @app.tool
        def view(self) -> int:
            return 1

    places = [place for name, place in hints() if name == "decorator-above-registration"]
    assert [place.split(" ")[1] for place in places] == ["(orders)", "(look_up)", "(view)"]
    assert "@app.get('/orders') below @trace keeps the function" in caplog.messages[0]
    assert caplog.messages[0].endswith("put @trace below it, directly above def")
    assert (orders(), Views().view()) == (1, 1)


def recursive(function: Any) -> Any:
    """A decorator whose function refers to itself, as those of retry libraries do."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        wrapper.calls += 1  # type: ignore[attr-defined]
        return function(*args)

    wrapper.calls = 0  # type: ignore[attr-defined]
    wrapper.again = wrapper  # type: ignore[attr-defined]
    return wrapper


def marked(function: Any) -> Any:
    function.mark = True
    return function


@pytest.mark.parametrize("decorate", [*DECORATORS, *(one() for one in DECORATORS)])
def test_what_is_right_is_not_reported(decorate: Any) -> None:
    @app.get("/right")
    @decorate
    def right() -> int:
        return 1

    @decorate
    @recursive
    def retried() -> int:
        return 1

    @decorate
    @marked
    def is_marked() -> int:
        return 1

    @decorate
    @functools.lru_cache
    def cached() -> int:
        return 1

    def plain() -> int:
        return 1

    class Holder:
        @decorate
        def method(self) -> int:
            return 1

        @decorate
        @staticmethod
        def free() -> int:
            return 1

        @property
        @decorate
        def value(self) -> int:
            return 1

    kept = [plain, lambda: 1]
    made = [decorate(function) for function in kept]
    decorate(print)
    decorate(functools.partial(plain))
    decorate(Holder().method.__call__)
    assert hints() == []
    assert [one() for one in (right, retried, is_marked, cached, *made)] == [1] * 6
