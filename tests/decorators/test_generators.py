"""Generators and async generators: what is recorded of a stream, and what is current while it runs."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import voltagent
from voltagent import agent, current, current_agent, tool, trace
from voltagent.core import clock, context as _context
from voltagent.decorators import generator_run
from voltagent.handles import open_trace
from voltagent.testing import Run


@pytest.fixture(autouse=True)
def nothing_is_left_current(voltagent_run: Run) -> Iterator[None]:
    yield
    assert _context.CURRENT.get() is None


@pytest.fixture
def root(voltagent_run: Run) -> Any:
    return open_trace(_context.default_recorder(), {"agent_id": "root"}, {})


@tool
def count(number: int) -> Any:
    """Yields numbers; each step checks that its own span is current."""
    for value in range(number):
        assert current().name == "count"
        yield value
    return "done"


@tool
async def count_async(number: int) -> AsyncIterator[int]:
    for value in range(number):
        assert current().name == "count_async"
        await asyncio.sleep(0)
        assert current().name == "count_async"
        yield value


async def collect(stream: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in stream]


# What is kept.


def test_a_stream_is_recorded_from_its_first_to_its_last_step(voltagent_run: Run, root: Any) -> None:
    with root:
        stream = count(3)
        assert voltagent_run.calls == 0  # nothing yet but the root
        assert next(stream) == 0
        assert voltagent_run.tool().status == "running"
        assert list(stream) == [1, 2]
        assert voltagent_run.tool().status == "completed"
    span = voltagent_run.operation("count")
    assert (span.status, span.input) == ("completed", {"number": 3})
    assert span.output == {"result": [0, 1, 2], "return": "done"}
    assert span.metadata["items"] == 3
    assert "abandoned" not in span.metadata


def test_an_async_stream_too(voltagent_run: Run) -> None:
    assert asyncio.run(collect(count_async(3))) == [0, 1, 2]
    span = voltagent_run.find()[0]
    assert (span.status, span.output) == ("completed", {"result": [0, 1, 2]})
    assert span.metadata["items"] == 3
    assert voltagent_run.traces[0].output == {"result": [0, 1, 2]}
    assert voltagent_run.traces[0].status == "completed"


def test_the_return_value_comes_through(voltagent_run: Run) -> None:
    def outer() -> Any:
        result = yield from count(2)
        return f"{result}!"

    stream = outer()
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(StopIteration) as stop:
        next(stream)
    assert stop.value.value == "done!"


def test_one_that_never_starts_is_not_recorded(voltagent_run: Run) -> None:
    count(3)
    count(3).close()
    count_async(3)
    asyncio.run(count_async(3).aclose())  # type: ignore[attr-defined]
    assert voltagent_run.traces == ()


def test_one_left_early_is_abandoned_and_not_failed(voltagent_run: Run) -> None:
    for item in count(5):
        if item == 1:
            break

    async def main() -> None:
        stream: Any = count_async(5)
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(main())
    gc.collect()
    for span, items in ((voltagent_run.find()[0], [0, 1]), (voltagent_run.find()[1], [0])):
        assert (span.status, span.error) == ("completed", None)
        assert span.metadata["abandoned"] is True
        assert span.output == {"result": items}


def test_one_that_answers_to_closing_by_returning_is_abandoned_too(voltagent_run: Run) -> None:
    @tool
    def stubborn() -> Iterator[int]:
        try:
            yield 1
        except GeneratorExit:
            return

    stream = stubborn()
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert voltagent_run.find()[0].metadata["abandoned"] is True
    assert voltagent_run.find()[0].status == "completed"


def test_one_that_fails_keeps_what_it_gave(voltagent_run: Run) -> None:
    @tool
    def breaks() -> Iterator[int]:
        yield 1
        raise KeyError("no")

    @tool
    async def breaks_async() -> AsyncIterator[int]:
        yield 1
        raise KeyError("no")

    with pytest.raises(KeyError):
        list(breaks())
    with pytest.raises(KeyError):
        asyncio.run(collect(breaks_async()))
    for span in (voltagent_run.find()[0], voltagent_run.find()[1]):
        assert span.status == "error"
        assert span.error["type"] == "KeyError"
        assert span.output == {"result": [1]}
    assert [trace.status for trace in voltagent_run.traces] == ["error"] * 2


def test_items_are_snapshots_of_their_moment(voltagent_run: Run) -> None:
    @tool
    def grow() -> Iterator[list[int]]:
        items: list[int] = []
        for number in range(3):
            items.append(number)
            yield items

    list(grow())
    assert voltagent_run.find()[0].output == {"result": [[0], [0, 1], [0, 1, 2]]}


def test_times_distinguish_producing_from_waiting(voltagent_run: Run, monkeypatch: Any) -> None:
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)

    @tool
    def slow() -> Iterator[int]:
        nonlocal now
        now += 0.5
        yield 1
        now += 0.25
        yield 2

    for _ in slow():
        now += 2.0
    assert voltagent_run.find()[0].metadata == {
        "items": 2, "time_to_first_item_ms": 500.0, "producing_ms": 750.0, "waiting_ms": 4000.0,
    }  # fmt: skip


def test_with_capture_off_items_are_counted_only(voltagent_run: Run) -> None:
    list(tool(capture_output=False)(lambda: (yield from "abc"))())
    span = voltagent_run.find()[0]
    assert (span.output, span.metadata["items"]) == (None, 3)


def test_usage_comes_from_the_return_value_or_the_last_item_that_has_it(voltagent_run: Run) -> None:
    @agent
    def answer() -> Any:
        yield "text"
        yield {"usage": {"total_tokens": 1}}
        yield {"usage": {"total_tokens": 5}}
        yield "more"

    @agent(usage=lambda returned: {"total_tokens": returned})
    def counted() -> Any:
        yield {"usage": {"total_tokens": 1}}
        return 7

    @agent
    async def chunks() -> Any:
        yield {"usage": {"total_tokens": 3}}
        current_agent().record(usage={"total_tokens": 4})
        yield "end"

    @agent(usage=lambda items: {"total_tokens": sum(items)})
    def summed() -> Any:
        yield 2
        yield 6

    @agent(usage=lambda items: {"total_tokens": sum(items)})
    async def summed_async() -> Any:
        yield 4
        yield 5

    list(answer())
    list(counted())
    asyncio.run(collect(chunks()))
    list(summed())
    asyncio.run(collect(summed_async()))
    next(summed())
    assert [span.usage for span in voltagent_run.find()] == [{"total_tokens": one} for one in (5, 7, 4, 8, 9, 2)]


def test_the_usage_callback_is_called_once_for_each_run_and_not_for_one_that_fails(voltagent_run: Run) -> None:
    given: list[Any] = []

    @agent(usage=given.append)
    def answer(fails: bool) -> Any:
        yield "a"
        if fails:
            raise ValueError

    list(answer(fails=False))
    with pytest.raises(ValueError):
        list(answer(fails=True))
    assert given == [["a"]]


def test_the_usage_callback_gets_the_last_items_of_a_very_long_run(
    voltagent_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator_run, "MOST_TAKEN", 3)

    @agent(usage=lambda items: {"total_tokens": sum(items)})
    def answer() -> Any:
        yield from range(10)

    list(answer())
    assert voltagent_run.operation().usage == {"total_tokens": 7 + 8 + 9}


# What is current.


def test_nothing_of_ours_is_current_between_steps(voltagent_run: Run, root: Any) -> None:
    with root, root.add_tool(name="consumer") as consumer:
        for _ in count(2):
            assert current() == consumer
            tool(lambda: None, name="in between")()

        async def main() -> None:
            async for _ in count_async(2):
                assert current() == consumer

        asyncio.run(main())
    voltagent_run.assert_tree("""
        trace root
        └─ tool consumer
           ├─ tool count
           ├─ tool in between
           ├─ tool in between
           └─ tool count_async
    """)


def test_what_a_step_calls_is_its_child(voltagent_run: Run, root: Any) -> None:
    @tool
    def leaf() -> None: ...

    @agent
    def stream() -> Iterator[int]:
        leaf()
        yield 1
        yield from count(1)
        leaf()

    with root:
        list(stream())
    voltagent_run.assert_tree("""
        trace root
        └─ agent stream
           ├─ tool leaf
           ├─ tool count
           └─ tool leaf
    """)


def test_a_handle_entered_in_the_generator_is_current_in_its_later_steps_only(voltagent_run: Run, root: Any) -> None:
    @agent
    def stream() -> Iterator[int]:
        with current().add_tool(name="inside") as inside:
            yield 1
            assert current() == inside
            tool(lambda: None, name="leaf")()
            yield 2
        assert current().name == "stream"

    with root:
        for _ in stream():
            assert current() == root
    voltagent_run.assert_tree("""
        trace root
        └─ agent stream
           └─ tool inside
              └─ tool leaf
    """)


def test_it_belongs_where_it_was_called(voltagent_run: Run) -> None:
    """Also when the caller has ended: the usual streamed response."""

    @agent
    def endpoint(number: int) -> Any:
        return count(number)

    @trace
    async def endpoint_async(number: int) -> Any:
        return count_async(number)

    assert list(endpoint(2)) == [0, 1]

    async def main() -> None:
        assert await collect(await endpoint_async(2)) == [0, 1]

    asyncio.run(main())
    voltagent_run.assert_tree("""
        trace endpoint
        └─ agent endpoint
           └─ tool count
        trace endpoint_async
        └─ tool count_async
    """)


def test_suppressed_where_it_starts_it_is_not_recorded(voltagent_run: Run, root: Any) -> None:
    @tool
    def stream() -> Iterator[bool]:
        yield bool(current())

    with root:
        made_here = stream()
        with voltagent.suppress():
            made_there = stream()
            assert list(made_here) == [False]
        assert list(made_there) == [True]  # it runs as it is: what is current is the consumer's
    assert voltagent_run.calls == 0


def test_steps_may_run_in_different_threads(voltagent_run: Run, root: Any) -> None:
    with root:
        stream = count(6)
    with ThreadPoolExecutor(3) as pool:
        assert [pool.submit(next, stream).result() for _ in range(6)] == list(range(6))
        assert all(pool.map(lambda _: _context.CURRENT.get() is None, range(6)))
    assert next(stream, "over") == "over"
    assert voltagent_run.operation("count").status == "completed"
    voltagent_run.assert_tree("""
        trace root
        └─ tool count
    """)


def test_steps_may_run_in_different_tasks_and_contexts(voltagent_run: Run, root: Any) -> None:
    async def main() -> list[int]:
        stream: Any = count_async(4)
        items = [await asyncio.create_task(stream.__anext__()) for _ in range(2)]
        with root.add_tool(name="elsewhere") as elsewhere:
            items.append(await asyncio.create_task(stream.__anext__()))
            assert current() == elsewhere
        return items + await collect(stream)

    with root:
        assert asyncio.run(main()) == [0, 1, 2, 3]
        stream = count(3)
        assert [contextvars.Context().run(next, stream), contextvars.copy_context().run(next, stream)] == [0, 1]
        assert list(stream) == [2]
    assert {one.name for one in voltagent_run.find() if one.parent is None} == {"elsewhere", "count_async", "count"}


def test_closing_elsewhere_leaves_alone_what_is_current_there(voltagent_run: Run, root: Any) -> None:
    stream = count(3)
    next(stream)
    with root:
        thread = threading.Thread(target=stream.close)
        thread.start()
        thread.join()
        other = count(3)
        next(other)
        del other
        assert current() == root
    assert [one.status for one in voltagent_run.tools("count")] == ["completed"] * 2


def test_interleaved_streams_do_not_mix(voltagent_run: Run, root: Any) -> None:
    with root:
        for one, two in zip(count(3), count(3), strict=True):
            assert one == two
            assert current() == root
    assert [one.output["result"] for one in voltagent_run.find()] == [[0, 1, 2]] * 2
    assert len(voltagent_run.trace.children) == 2


# Async housekeeping.


def test_the_loop_knows_our_generator_and_only_that(voltagent_run: Run) -> None:
    reported: list[Any] = []
    log: list[str] = []

    @tool
    async def stream() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            log.append("cleaned up")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context))
        left = stream()
        await left.__anext__()
        main.left = left  # type: ignore[attr-defined]  # open when the loop shuts down
        dropped = stream()
        await dropped.__anext__()
        del dropped
        for _ in range(5):
            await asyncio.sleep(0)
        assert log == ["cleaned up"]

    asyncio.run(main())
    assert log == ["cleaned up"] * 2
    assert reported == []
    assert [one.status for one in (*voltagent_run.traces, *voltagent_run.find())] == ["completed"] * 4
    assert [one.metadata["abandoned"] for one in voltagent_run.tools()] == [True, True]


def test_hooks_of_the_program_see_one_generator() -> None:
    first: list[Any] = []
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=first.append)
    try:
        stream: Any = count_async(1)
        step = stream.__anext__()
        step.send(None)
        with pytest.raises(StopIteration):
            step.send(None)
        hooks = sys.get_asyncgen_hooks()
    finally:
        sys.set_asyncgen_hooks(*before)
    assert first == [stream]
    assert hooks.firstiter == first.append


def test_a_step_that_is_cancelled_cancels_the_operation(voltagent_run: Run) -> None:
    @tool
    async def stream() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(collect(stream()))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [voltagent_run.trace.status, voltagent_run.tool().status] == ["cancelled", "cancelled"]
    assert voltagent_run.find()[0].output == {"result": [1]}


def test_a_traced_stream_is_a_trace(voltagent_run: Run) -> None:
    @trace(agent_id="chat", user_id=lambda args: args["user"])
    async def chat(user: str) -> AsyncIterator[str]:
        async for number in count_async(2):
            yield str(number)

    assert asyncio.run(collect(chat("u"))) == ["0", "1"]
    voltagent_run.assert_tree("""
        trace chat
        └─ tool count_async
    """)
    assert voltagent_run.trace.user_id == "u"
    assert voltagent_run.traces[0].output == {"result": ["0", "1"]}
