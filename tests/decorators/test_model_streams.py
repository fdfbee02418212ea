"""A plain function that ``@llm`` decorates and that returns a stream: the call ends with it, with its answer."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import threading
import types
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from tests.helpers.pace import PATIENCE
from voltagent import agent, llm, tool
from voltagent.testing import Run

MODEL = {"id": "c-1", "model": "gpt-5", "object": "chat.completion.chunk"}
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
CHUNKS: list[dict[str, Any]] = [
    {**MODEL, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "It is "}}]},
    {**MODEL, "choices": [{"index": 0, "delta": {"content": "sunny."}, "finish_reason": "stop"}]},
    {**MODEL, "choices": [], "usage": USAGE},
]


class Stream:
    """As a client without instrumentation returns it."""

    def __init__(self, chunks: list[dict[str, Any]] | None = None, error: Exception | None = None) -> None:
        self.items = iter(CHUNKS if chunks is None else chunks)
        self.error = error
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        item = next(self.items, None)
        if item is None:
            raise self.error or StopIteration
        return item

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closed += 1


class AsyncStream(Stream):
    __iter__: Any = None
    __next__: Any = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        await asyncio.sleep(0)
        for item in self.items:
            return item
        raise StopAsyncIteration


class BothStream(Stream):
    """As LiteLLM has it."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        for item in self.items:
            return item
        raise StopAsyncIteration


class EventStream:
    """As botocore has it: no iterator."""

    def __iter__(self) -> Iterator[Any]:
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockDelta": {"delta": {"text": "It is sunny."}, "contentBlockIndex": 0}}
        yield {"messageStop": {"stopReason": "end_turn"}}
        yield {"metadata": {"usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}}}


EventStream.__module__ = "botocore.eventstream"


def generator() -> Iterator[Any]:
    yield from CHUNKS


async def async_generator() -> AsyncIterator[Any]:
    for one in CHUNKS:
        yield one


async def read(stream: Any) -> list[Any]:
    return [one async for one in stream]


def assert_answered(run: Run, name: str = "ask", model: str | None = "gpt-5", total: int | None = 18) -> None:
    call = run.operation(name)
    assert (call.kind, call.status, call.model, call.output) == ("llm", "completed", model, {"result": "It is sunny."})
    assert (call.usage or {}).get("total_tokens") == total


@pytest.mark.parametrize("make", [Stream, BothStream, generator])
def test_a_stream_is_recorded_with_what_it_says(voltagent_run: Run, make: Callable[[], Any]) -> None:
    @llm
    def ask(question: str) -> Any:
        del question
        return make()

    @agent
    def bot() -> list[Any]:
        return list(ask("Weather?"))

    assert bot() == CHUNKS
    assert_answered(voltagent_run)
    call = voltagent_run.operation("ask")
    assert call.input == {"question": "Weather?"}
    assert (call.metadata["items"], call.metadata["finish_reason"]) == (3, "stop")
    assert call.metadata["time_to_first_item_ms"] >= 0
    assert voltagent_run.trace.usage == voltagent_run.operation("bot").usage == USAGE


@pytest.mark.parametrize("make", [AsyncStream, BothStream, async_generator])
@pytest.mark.parametrize("awaited", [True, False])
def test_an_async_stream_is_recorded_with_what_it_says(
    voltagent_run: Run, make: Callable[[], Any], *, awaited: bool
) -> None:
    @llm
    async def ask() -> Any:
        return make()

    @llm(name="ask")
    def ask_at_once() -> Any:
        return make()

    async def main() -> list[Any]:
        return await read(await ask() if awaited else ask_at_once())

    assert asyncio.run(main()) == CHUNKS
    assert_answered(voltagent_run)
    assert voltagent_run.trace.status == "completed"


def test_the_stream_of_an_answer_of_bedrock_is_followed(voltagent_run: Run) -> None:
    @llm
    def ask(model: str) -> Any:
        del model
        return {"ResponseMetadata": {"RequestId": "r"}, "stream": EventStream()}

    answer = ask("claude")
    assert isinstance(answer["stream"], EventStream)
    assert len(list(answer["stream"])) == 4
    assert_answered(voltagent_run, model="claude")


def test_it_is_taken_for_the_stream_that_it_is(voltagent_run: Run) -> None:
    stream = Stream()

    @llm
    def ask() -> Any:
        return stream

    @llm
    def generate() -> Any:
        return generator()

    found, generated = ask(), generate()
    assert isinstance(found, Stream)
    assert found.closed == 0
    assert isinstance(generated, types.GeneratorType)
    assert inspect.isgenerator(generated)
    with found as inner:
        assert len(list(inner)) == 3
    assert stream.closed == 1
    generated.close()
    assert voltagent_run.operation("generate").metadata["abandoned"] is True
    assert_answered(voltagent_run)


def test_what_is_current_while_it_is_read_is_the_call_for_the_client_only(voltagent_run: Run) -> None:
    @tool
    def fetch() -> None: ...

    def steps() -> Iterator[Any]:
        fetch()
        yield CHUNKS[0]
        yield CHUNKS[1]

    @llm
    def ask() -> Any:
        return steps()

    @agent
    def bot() -> None:
        for _ in ask():
            with_step()

    @tool
    def with_step() -> None: ...

    bot()
    parents = {one.name: one.parent and one.parent.name for one in voltagent_run.find("tool")}
    assert parents == {"fetch": "ask", "with_step": "bot"}


def test_an_error_in_the_stream_is_that_of_the_call(voltagent_run: Run) -> None:
    error = ConnectionError("lost")

    @llm
    def ask() -> Any:
        return Stream(CHUNKS[:1], error)

    with pytest.raises(ConnectionError) as caught:
        list(ask())
    assert caught.value is error
    call = voltagent_run.operation("ask")
    assert (call.status, call.error["message"], call.model, call.output) == (
        "error", "lost", "gpt-5", {"result": "It is "}
    )  # fmt: skip
    assert voltagent_run.trace.status == "error"


def test_a_stream_that_is_left_ends_the_call(voltagent_run: Run) -> None:
    @llm
    def ask() -> Any:
        return Stream()

    for _ in ask():
        break
    call = voltagent_run.operation("ask")
    assert (call.status, call.output, call.metadata["abandoned"]) == ("completed", {"result": "It is "}, True)


def test_a_stream_in_a_stream_counts_at_the_innermost_call(voltagent_run: Run) -> None:
    @llm
    def client() -> Any:
        return Stream()

    @llm(usage=lambda result: {"prompt_tokens": 1, "completion_tokens": 1})
    def ask() -> Any:
        return client()

    list(ask())
    next(ask())
    whole, left = voltagent_run.traces
    assert [(one.name, one.output, one.model, one.usage) for one in whole.walk()] == [
        ("ask", {"result": "It is sunny."}, "gpt-5", None),
        ("client", {"result": "It is sunny."}, "gpt-5", USAGE),
    ]
    assert whole.usage == USAGE
    given = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    assert [(one.output, one.usage) for one in left.walk()] == [
        ({"result": "It is "}, given),
        ({"result": "It is "}, None),
    ]


@pytest.mark.parametrize("whole", [False, True])
def test_a_call_that_gives_another_id_to_what_a_call_inside_it_answered_counts_once(
    voltagent_run: Run, *, whole: bool
) -> None:
    """As LangChain does with the response of an instrumented client."""
    given = {"id": "of the client", "model": "gpt-5", "usage": USAGE, "choices": [{"message": {"content": "Hi"}}]}

    @llm
    def client() -> Any:
        return given

    renamed = {**given, "id": "of the framework", "usage": dict(USAGE)}
    chunk = {**renamed, "choices": [{"index": 0, "delta": {"content": "Hi"}}]}

    def ask() -> Any:
        client()
        return renamed

    def stream() -> Any:
        client()
        yield chunk

    if whole:
        llm(ask, name="ask")()
    else:
        list(llm(stream, name="ask")())
    assert [(one.name, one.output, one.usage) for one in voltagent_run.find()] == [
        ("ask", {"result": "Hi"}, None),
        ("client", {"result": "Hi"}, USAGE),
    ]
    assert voltagent_run.trace.usage == USAGE


def test_the_usage_callback_gets_the_items_of_a_stream(voltagent_run: Run) -> None:
    @llm(usage=lambda chunks: {"completion_tokens": len(chunks)})
    def ask() -> Any:
        return Stream()

    number = len(list(ask()))
    call = voltagent_run.operation("ask")
    assert (call.usage, call.model, call.output) == ({"completion_tokens": number}, "gpt-5", {"result": "It is sunny."})
    assert voltagent_run.trace.usage == {"completion_tokens": number}


def test_iterators_of_python_and_other_kinds_of_operations_are_returned_as_they_are(voltagent_run: Run) -> None:
    items = iter([1])
    stream = Stream()
    assert llm(lambda: items, name="ask")() is items
    assert llm(lambda: CHUNKS, name="ask")() is CHUNKS
    assert tool(lambda: stream, name="look")() is stream
    assert agent(lambda: stream, name="bot")() is stream
    assert len(voltagent_run.traces) == 4


def test_without_an_sdk_a_stream_is_returned_as_it_is() -> None:
    stream = Stream()
    assert llm(lambda: stream)() is stream


def test_nothing_is_recorded_of_a_stream_without_capture(voltagent_run: Run) -> None:
    @llm(capture_output=False)
    def ask() -> Any:
        return Stream()

    list(ask())
    call = voltagent_run.operation("ask")
    assert (call.output, call.usage, call.model) == (None, USAGE, "gpt-5")


class FromTheStart(Stream):
    """It begins anew whenever it is iterated."""

    def __iter__(self) -> Iterator[Any]:
        self.items = iter(CHUNKS)
        return self


class AsyncFromTheStart(AsyncStream):
    def __aiter__(self) -> AsyncIterator[Any]:
        self.items = iter(CHUNKS)
        return self


class WithParse(Stream):
    """It has the method of a response that is not read yet."""

    def parse(self, text: str) -> str:
        return text.upper()


class Plain:
    """An iterator and nothing more."""

    def __init__(self) -> None:
        self.number = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.number == 3:
            raise StopIteration
        self.number += 1
        return CHUNKS[self.number - 1]


def stream_of(make: Callable[[], Any]) -> Any:
    @llm
    def ask() -> Any:
        return make()

    return ask()


def test_iterating_it_calls_the_iterator_method_of_the_stream(voltagent_run: Run) -> None:
    async def read(stream: Any) -> int:
        return len([item async for item in stream])

    stream = stream_of(FromTheStart)
    next(stream)
    assert len(list(stream)) == 3
    assert asyncio.run(read(stream_of(AsyncFromTheStart))) == 3
    assert [call.output for call in voltagent_run.find("llm")][1] == {"result": "It is sunny."}


METHODS = ("close", "aclose", "send", "throw", "asend", "athrow", "parse", "__next__", "__anext__")


def test_it_has_the_methods_of_the_stream_and_no_others(voltagent_run: Run) -> None:
    for make in (Plain, Stream, AsyncStream, BothStream, WithParse, generator):
        original, proxy = make(), stream_of(make)
        for name in METHODS:
            assert hasattr(proxy, name) is hasattr(original, name), (make, name)
    parsing = stream_of(WithParse)
    assert parsing.parse("a") == "A"
    assert len(list(parsing)) == 3
    assert voltagent_run.find("llm")[-1].output == {"result": "It is sunny."}


def test_copies_and_pickles_are_those_of_the_stream() -> None:
    proxy = stream_of(Plain)
    next(proxy)
    for made in (copy.copy(proxy), copy.deepcopy(proxy), pickle.loads(pickle.dumps(proxy))):
        assert (type(made), made.number) == (Plain, 1)


def conversation() -> Generator[Any, Any, str]:
    try:
        got = yield CHUNKS[0]
    except KeyError as exc:
        got = exc
    yield got
    return "end"


def test_a_generator_receives_what_is_sent_and_thrown(voltagent_run: Run) -> None:
    def outer(make: Any) -> Any:
        return (yield from stream_of(make))

    for converse in (stream_of(conversation), outer(conversation)):
        assert next(converse) == CHUNKS[0]
        assert converse.send("sent") == "sent"
        with pytest.raises(StopIteration) as ended:
            next(converse)
        assert ended.value.value == "end"
    error = KeyError("thrown")
    converse = stream_of(conversation)
    next(converse)
    assert converse.throw(error) is error
    assert list(converse) == []
    assert [(call.status, call.metadata["items"]) for call in voltagent_run.find("llm")] == [("completed", 2)] * 3


def test_an_async_generator_receives_what_is_sent_and_thrown(voltagent_run: Run) -> None:
    async def converse() -> AsyncIterator[Any]:
        try:
            got = yield CHUNKS[0]
        except KeyError as exc:
            got = exc
        yield got

    async def run() -> None:
        stream = stream_of(converse)
        await stream.asend(None)
        assert await stream.asend("sent") == "sent"
        error = KeyError("thrown")
        stream = stream_of(converse)
        await anext(stream)
        assert await stream.athrow(error) is error
        await stream.aclose()

    asyncio.run(run())
    first, second = voltagent_run.find("llm")
    assert second.metadata["abandoned"] is True
    assert [call.metadata["items"] for call in (first, second)] == [2, 2]


def test_a_stream_that_an_agent_returns_is_read_to_its_end(voltagent_run: Run) -> None:
    @llm
    def ask() -> Any:
        return Stream()

    @agent
    def bot() -> Any:
        return ask()

    stream = bot()
    assert voltagent_run.operation("ask").status == "running"
    assert len(list(stream)) == 3
    assert_answered(voltagent_run)


@pytest.mark.parametrize("names", [("__next__",), ("__anext__",), ("__next__", "__aiter__")])
def test_an_object_that_no_loop_can_read_is_no_stream(voltagent_run: Run, names: tuple[str, ...]) -> None:
    cursor = type("Cursor", (), {name: lambda self: self for name in names})()
    assert stream_of(lambda: cursor) is cursor
    assert voltagent_run.llm("ask").status == "completed"


def test_each_of_two_readers_of_a_stream_keeps_its_own_operation(voltagent_run: Run) -> None:
    class Shared(Stream):
        def __next__(self) -> Any:
            both.wait(PATIENCE)
            return CHUNKS[0]

    @agent
    def reader() -> None:
        next(stream)
        note()

    @tool
    def note() -> None: ...

    both = threading.Barrier(2)
    stream = stream_of(Shared)
    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(one.children) for one in voltagent_run.find("agent")] == [1, 1]


def test_each_of_two_tasks_that_read_a_stream_keeps_its_own_operation(voltagent_run: Run) -> None:
    class Shared(AsyncStream):
        async def __anext__(self) -> Any:
            waiting.append(None)
            while len(waiting) < 2:
                await asyncio.sleep(0)
            return CHUNKS[0]

    @agent
    async def reader() -> None:
        await anext(stream)
        note()

    @tool
    def note() -> None: ...

    async def run() -> None:
        await asyncio.gather(reader(), reader())

    waiting: list[None] = []
    stream = stream_of(Shared)
    asyncio.run(run())
    assert [len(one.children) for one in voltagent_run.find("agent")] == [1, 1]
