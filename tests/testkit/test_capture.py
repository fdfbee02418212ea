"""`record()`: what a block records is captured in memory, and reaches nothing else."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import voltagent
from tests.helpers.sink import recording
from voltagent import VoltAgentSDK
from voltagent.core import context
from voltagent.testing import record


@voltagent.tool
def weather(city: str, api_key: str = "sk-secret") -> str:
    if city == "Nowhere":
        raise LookupError("no such city")
    return f"sunny in {city}"


@voltagent.agent
def assistant(question: str) -> str:
    voltagent.current_agent().record(usage={"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10})
    return weather(question.rpartition(" ")[2])


def test_it_needs_no_sdk_and_no_settings(tmp_path: Path):
    threads = set(threading.enumerate())
    with record() as run:
        assistant("weather in Rome")
    assert run.tree() == "trace assistant  10 tokens\n└─ agent assistant  10 tokens\n   └─ tool weather"
    assert repr(run) == "<voltagent run: 1 traces, 2 calls, 0 errors>"
    assert run.trace.status == "completed"
    assert run.tool("weather").output == {"result": "sunny in Rome"}
    assert run.tool("weather").parent is run.agent("assistant")
    assert (run.tokens, run.calls, run.errors) == (10, 2, ())
    assert set(threading.enumerate()) <= threads  # one of an earlier test may end meanwhile
    assert list(tmp_path.iterdir()) == []
    assert context.ACTIVE == [context.ENVIRONMENT]


def test_the_programs_own_sdks_receive_nothing(tmp_path: Path):
    sdk = VoltAgentSDK(exporter="local", local_path=tmp_path / "traces.db", auto_flush=False)

    @voltagent.tool(sdk=sdk)
    def bound(n: int) -> int:
        return n

    with record() as run:
        weather("Rome")
        bound(1)
        with sdk.trace(agent_id="by-hand") as trace, trace.add_agent({"name": "helper"}) as helper:
            helper.add_tool({"name": "dig"}).success(output={"n": 1})
            sdk.update_trace(trace.id, metadata={"a": 1})
    assert [trace.agent_id for trace in run.traces] == ["weather", "bound", "by-hand"]
    assert run.tool("dig").output == {"n": 1}
    assert sdk.stats().recorded == 0
    weather("Rome")
    assert sdk.stats().recorded > 0
    sdk.shutdown()
    assert len(run.traces) == 3


def test_an_open_trace_outside_does_not_take_the_blocks_operations():
    with recording() as (_, sink):

        @voltagent.agent
        def outer() -> None:
            with record() as run:
                weather("Rome")
            assert [one.agent_id for one in run.traces] == ["weather"]
            weather("Oslo")

        outer()
        assert [span.name for span in sink.operations] == ["outer", "weather"]


def test_the_innermost_block_captures():
    with record() as outer:
        weather("Rome")
        with record() as inner:
            weather("Oslo")
        weather("Bern")
    assert [one.input["city"] for one in inner.tools()] == ["Oslo"]
    assert [one.input["city"] for one in outer.tools()] == ["Rome", "Bern"]


def test_default_redaction_applies():
    with record() as run:
        weather("Rome")
    assert run.tool("weather").input == {"city": "Rome", "api_key": "[redacted]"}
    run.tool("weather").called_with(city="Rome", api_key="sk-secret")  # compared as recorded


def test_async_code_and_threads_are_captured():
    @voltagent.tool
    async def look(n: int) -> int:
        await asyncio.sleep(0)
        return n

    @voltagent.agent
    async def many() -> None:
        await asyncio.gather(*(look(n) for n in range(5)))

    with record() as run:
        asyncio.run(many())
        thread = threading.Thread(target=weather, args=("Rome",))
        thread.start()
        thread.join()
    assert len(run.tools("look")) == 5
    assert {one.parent for one in run.tools("look")} == {run.agent("many")}
    assert run.tool("weather").parent is None


def test_concurrent_tasks_and_threads_have_a_block_each():
    async def one(city: str) -> list[Any]:
        with record() as run:
            await asyncio.sleep(0)
            weather(city)
            await asyncio.sleep(0)
            await asyncio.to_thread(weather, city.upper())
        return [call.input["city"] for call in run.tools()]

    async def both() -> list[list[Any]]:
        return await asyncio.gather(one("Rome"), one("Oslo"))

    assert asyncio.run(both()) == [["Rome", "ROME"], ["Oslo", "OSLO"]]


def test_work_that_outlives_its_block_is_recorded_as_before_it(tmp_path: Path):
    async def late(began: asyncio.Event, go: asyncio.Event) -> None:
        began.set()
        await go.wait()
        weather("Bern")

    async def run() -> None:
        began, go = asyncio.Event(), asyncio.Event()
        with record() as inner:
            task = asyncio.create_task(late(began, go))
            await began.wait()
        with record() as outer:
            go.set()
            await task
        assert (len(inner.traces), len(outer.traces)) == (0, 1)

    asyncio.run(run())


def test_the_run_can_be_read_inside_the_block():
    with record() as run:

        @voltagent.agent
        def agent() -> None:
            assert run.trace.status == "running"
            assert "agent agent  running" in run.tree()

        agent()
        assert run.trace.status == "completed"


def test_a_failing_block_is_restored():
    with pytest.raises(LookupError), record() as run:
        weather("Nowhere")
    assert [one.name for one in run.errors] == ["weather"]
    assert context.CAPTURES == []
    assert context.ACTIVE == [context.ENVIRONMENT]


def test_a_caller_that_does_not_sample_is_no_reason_to_leave_out():
    with record() as run:
        voltagent.trace(parent="00-" + "1" * 32 + "-" + "2" * 16 + "-00")(lambda: None)()
    assert len(run.traces) == 1


# Assertions.


def failing(action: object) -> str:
    with pytest.raises(AssertionError) as caught:
        action()  # type: ignore[operator]
    return str(caught.value)


def test_look_ups_say_what_is_there():
    with record() as run:
        assistant("weather in Rome")
        weather("Oslo")
    assert "recorded 2" in failing(lambda: run.trace)
    assert "no call of tool 'wether' was recorded" in failing(lambda: run.tool("wether"))
    text = failing(lambda: run.tool("weather"))
    assert "expected one call of tool 'weather', recorded 2" in text
    assert text.count("<--") == 2
    assert "<-- its kind is agent" in failing(lambda: run.tool("assistant"))
    assert "(nothing was recorded)" in failing(lambda: record().__enter__().trace)
    context.CAPTURES.clear()


def test_arguments():
    with record() as run:
        assistant("weather in Rome")
    assert run.tool("weather").called_with(city="Rome").name == "weather"
    text = failing(lambda: run.tool("weather").called_with(city="Oslo", unit="C"))
    assert 'city: expected "Oslo", got "Rome"' in text
    assert 'unit: expected "C", got no such argument (there are city, api_key)' in text
    assert '<-- called with {"city": "Rome"' in text


def test_order_parents_counts_and_budgets():
    with record() as run:
        assistant("weather in Rome")
        weather("Oslo")
    run.assert_order("assistant", "weather", "weather")
    run.assert_parent("assistant", None)
    run.assert_count(2, kind="tool")
    run.assert_count(1, name="assistant")
    run.assert_budget(tokens=10, calls=3, cost=0, seconds=60)
    run.assert_no_errors()
    assert "<-- expected after 'weather'" in failing(lambda: run.assert_order("weather", "weather", "assistant"))
    assert "<-- expected below 'assistant'" in failing(lambda: run.assert_parent("weather", "assistant"))
    assert "no operation is called 'x'" in failing(lambda: run.assert_parent("x", None))
    assert "expected 1 x tool weather, recorded 2" in failing(lambda: run.assert_count(1, kind="tool", name="weather"))
    text = failing(lambda: run.assert_budget(tokens=9, calls=2))
    assert "tokens: at most 9, used 10; calls: at most 2, used 3" in text
    assert "<-- 10 tokens" in text


def test_the_whole_tree():
    with record() as run:
        assistant("weather in Rome")
    run.assert_tree(
        """
        trace assistant  10 tokens
        └─ agent assistant  10 tokens
           └─ tool weather
        """
    )
    assert "-    └─ tool other\n" in failing(
        lambda: run.assert_tree("trace assistant  10 tokens\n└─ agent assistant  10 tokens\n   └─ tool other")
    )
