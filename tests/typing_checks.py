"""The types a user sees. Never run: mypy and pyright read it in strict mode."""

from __future__ import annotations

import abc
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Annotated, Any

from typing_extensions import assert_type

from voltagent import Secret, VoltAgentSDK, agent, memory, retriever, tool, trace

sdk = VoltAgentSDK(exporter="none")

# Functions.


@tool
def bare(city: str, units: str = "c") -> dict[str, int]:
    return {city: len(units)}


@tool(
    name="named", metadata={"a": 1}, tags=["b"], capture_input=["city"], capture_output=False, redact=["key"], sdk=sdk
)
def named(city: str, *, units: str = "c") -> dict[str, int]:
    return {city: len(units)}


@tool()
def empty(key: Annotated[str, Secret]) -> str:
    return key


assert_type(bare("Berlin"), dict[str, int])
assert_type(bare(city="Berlin", units="f"), dict[str, int])
assert_type(named("Berlin", units="f"), dict[str, int])
assert_type(empty("x"), str)
bare(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
bare("Berlin", unit="f")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
tool(nmae="x")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
memory(operation="append")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]

taken: Callable[[str, str], dict[str, int]] = bare

# Coroutines, generators.


@retriever(name="kb-search", metadata={"vector_store": "pinecone"})
async def search(query: str, k: int = 5) -> list[str]:
    return [query] * k


@agent(name="Support", instructions="…", model_parameters={"model": "m"}, usage=lambda result: {"total_tokens": 1})
async def support(question: str) -> str:
    found = await search(question)
    assert_type(found, list[str])
    return found[0]


@trace(agent_id="support-v1", tags=["support"], user_id=lambda args: args["user"].id, version=lambda args: "1")
async def handle(user: object, question: str) -> str:
    return await support(question)


async def awaiting() -> None:
    assert_type(await search("q", k=3), list[str])
    assert_type(await support("q"), str)
    assert_type(await handle(object(), "q"), str)
    assert_type([token async for token in tokens("q")], list[str])
    await support(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


coroutine_function: Callable[[str, int], Coroutine[Any, Any, list[str]]] = search


@tool
def items(number: int) -> Generator[int, str, bool]:
    sent = yield number
    return bool(sent)


@tool(name="lines")
def lines() -> Iterator[str]:
    yield ""


@agent
async def tokens(question: str) -> AsyncGenerator[str, None]:
    yield question


@agent(name="words")
async def words(question: str) -> AsyncIterator[str]:
    yield question


assert_type(items(1), Generator[int, str, bool])
assert_type(lines(), Iterator[str])
assert_type(tokens("q"), AsyncGenerator[str, None])
assert_type(words("q"), AsyncIterator[str])

# Methods.


class Store:
    @memory(operation="read")
    def recall(self, key: str) -> str | None:
        return key

    @memory
    async def remember(self, key: str, value: str) -> None: ...

    @classmethod
    @tool
    def create_below(cls, name: str) -> Store:
        return cls()

    @tool
    @classmethod
    def create_above(cls, name: str) -> Store:
        return cls()

    @staticmethod
    @tool(name="s")
    def count_below(text: str) -> int:
        return len(text)

    @tool(name="s")
    @staticmethod
    def count_above(text: str) -> int:
        return len(text)

    @property
    @tool
    def size(self) -> int:
        return 1

    @tool
    def stream(self) -> Iterator[int]:
        yield 1


store = Store()
assert_type(store.recall("k"), str | None)
assert_type(Store.recall(store, "k"), str | None)
remember: Callable[[str, str], Coroutine[Any, Any, None]] = store.remember
assert_type(Store.create_below("x"), Store)
assert_type(store.create_below("x"), Store)
assert_type(Store.create_above("x"), Store)
assert_type(store.create_above("x"), Store)
assert_type(Store.count_below("x"), int)
assert_type(store.count_below("x"), int)
assert_type(Store.count_above("x"), int)
assert_type(store.count_above("x"), int)
assert_type(store.size, int)
assert_type(store.stream(), Iterator[int])


class Base(abc.ABC):
    @abc.abstractmethod
    @tool
    def run(self, task: str) -> str: ...


class Derived(Base):
    @tool
    def run(self, task: str) -> str:
        return task


assert_type(Derived().run("x"), str)

# Other callables.


class Greeter:
    greeting = "hello"

    def __call__(self, name: str) -> str:
        return name


greeter = tool(Greeter())
assert_type(greeter, Greeter)
assert_type(greeter("you"), str)
assert_type(greeter.greeting, str)

double: Callable[[int], int] = tool(lambda number: number * 2, name="double")
assert_type(double(2), int)

berlin = tool(functools.partial(bare, "Berlin"))
assert_type(berlin, functools.partial[dict[str, int]])
assert_type(berlin(units="f"), dict[str, int])


@agent
@tool
def both(number: int) -> int:
    return number


assert_type(both(1), int)


@functools.cache
@tool
def cached(number: int) -> int:
    return number


assert_type(cached(1), int)


# Handles.


def handles(options: dict[str, Any], words: dict[str, str]) -> None:
    run = sdk.trace(agent_id="a", userId="u", tags=("b",), start_time="2026-01-01T00:00:00Z", parent={})
    sdk.trace({"agent_id": "a"}, user_id="u")
    sdk.trace(**options, version="1")
    run.add_agent(name="a", instructions="…", modelParameters={"model": "m"})
    run.add_tool(**words)
    run.add_llm(name="l", model="m", model_parameters={})
    run.add_memory(name="m", operation="read")
    run.add_retriever({"name": "r"}, input="q")
    run.add_event(name="e", type="custom", statusMessage="ok")
    sdk.trace(agentid="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run.add_agent(nmae="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run.add_tool(name="t", inputs={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run.add_llm(name="l", models="m")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run.add_memory(name="m", opration="read")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run.add_retriever(name="r", query="q")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run.add_event(name="e", typ="custom")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
