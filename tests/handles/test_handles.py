"""Handles: every spelling, sync and async, one end per start, errors before anything is recorded.

A recorder over a list (the fixture ``sink``) stands where events and their order, updates, refused starts, or what a
record does not show is tested.
"""

from __future__ import annotations

import asyncio
import copy
import datetime
import enum
import inspect
import logging
import re
import time
import weakref
from collections import UserDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
from pydantic import BaseModel, computed_field

from tests.helpers.internals import recorder_of, span_of
from tests.helpers.pace import PATIENCE, hold_processor
from tests.helpers.sink import ListSink, loads, recording
from tests.helpers.trees import names_of
from voltagent import VoltAgentSDK, handles
from voltagent.core import context
from voltagent.core.span import Phase
from voltagent.errors import ValidationError
from voltagent.handles import Trace, current, current_agent, current_trace, open_trace
from voltagent.testing import Run
from voltagent.tracing.recorder import Recorder
from voltagent.tracing.sampling import Sampling
from voltagent.types import (
    AgentOptions,
    AgentSuccessOptions,
    ErrorOptions,
    SuccessOptions,
    TokenUsage,
    ToolOptions,
    TraceOptions,
    TraceStatus,
)


@pytest.fixture
def live() -> Iterator[tuple[Recorder, ListSink]]:
    with recording() as both:
        yield both


@pytest.fixture
def sink(live: tuple[Recorder, ListSink]) -> ListSink:
    return live[1]


@pytest.fixture
def sdk(voltagent_run: Run) -> Iterator[VoltAgentSDK]:
    with VoltAgentSDK(exporter="none") as sdk:
        yield sdk


@pytest.fixture
def trace(request: pytest.FixtureRequest) -> Trace:
    """A trace that the list records if the test looks at that, else the test kit."""
    if "live" in request.fixturenames:
        return open_trace(request.getfixturevalue("live")[0], None, {"agent_id": "root"})
    sdk: VoltAgentSDK = request.getfixturevalue("sdk")
    return sdk.trace(agent_id="root")


# Spellings.


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        (None, {"agentId": "a", "userId": "u", "conversationId": "c", "tags": ["t"], "input": {"q": 1}}),
        (None, {"agent_id": "a", "user_id": "u", "conversation_id": "c", "tags": ["t"], "input": {"q": 1}}),
        ({"agent_id": "a", "user_id": "u", "conversation_id": "c", "tags": ["t"], "input": {"q": 1}}, {}),
        (TraceOptions(agent_id="a", user_id="u", conversation_id="c", tags=["t"], input={"q": 1}), {}),  # type: ignore[call-arg]
    ],
)
def test_a_trace_is_started_in_every_spelling(
    sdk: VoltAgentSDK, voltagent_run: Run, options: object, keywords: dict[str, Any]
) -> None:
    handle = sdk.trace(options, **keywords)
    found = voltagent_run.trace
    assert (found.agent_id, found.user_id, found.conversation_id, found.tags) == ("a", "u", "c", ("t",))
    assert found.input == {"q": 1}
    assert handle.agent_id == "a"
    assert handle.id == handle.trace_id


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        ({"name": "A", "input": {"x": 1}, "instructions": "do", "metadata": {"model_parameters": {"model": "m"}}}, {}),
        (AgentOptions(name="A", input={"x": 1}, instructions="do", metadata={"model_parameters": {"model": "m"}}), {}),
        (None, {"name": "A", "input": {"x": 1}, "instructions": "do", "model_parameters": {"model": "m"}}),
    ],
)
def test_an_agent_is_added_in_every_spelling(
    trace: Trace, sink: ListSink, options: object, keywords: dict[str, Any]
) -> None:
    trace.add_agent(options, **keywords)
    span = sink.span("A")
    assert loads(span.input) == {"x": 1}
    assert span.facts == {"instructions": "do"}
    assert loads(span.metadata) == {"model_parameters": {"model": "m"}}


def test_every_handle_adds_every_kind(trace: Trace, sink: ListSink) -> None:
    agent = trace.add_agent(name="agent")
    tool = agent.add_tool(ToolOptions(name="tool", input={}, metadata=None))
    memory = tool.add_memory({"name": "memory", "operation": "read"})
    retriever = memory.add_retriever(name="retriever")
    event = retriever.add_event({"name": "x:y", "type": "custom"})
    event.add_tool(name="deep")
    assert sink.tree() == [
        ["root", ["agent", ["tool", ["memory", ["retriever", ["x:y", ["deep"]]]]]]],
    ]
    assert sink.span("memory").operation == "read"
    assert [sink.span(name).agent_id for name in ("agent", "tool", "deep")] == ["root", "agent", "agent"]
    assert (agent.parent_id, tool.parent_id, trace.parent_id) == (None, agent.id, None)


def test_what_is_not_a_mapping_is_sent_as_a_result(trace: Trace, voltagent_run: Run) -> None:
    trace.add_tool(name="t", input="text").success(output=["a", 1])
    assert voltagent_run.tool("t").input == {"result": "text"}
    assert voltagent_run.tool("t").output == {"result": ["a", 1]}


# Sync and async.


def test_the_same_lines_run_in_async_code(live: tuple[Recorder, ListSink]) -> None:
    recorder, sink = live

    async def run() -> None:
        async with open_trace(recorder, None, {"agentId": "root"}) as trace:
            async with trace.add_agent({"name": "A"}) as agent:
                tool = await agent.add_tool({"name": "t"})
                assert await tool.success(output={"ok": True}) is None
                sub = await agent.add_agent({"name": "B"})
                assert await sub.error(status_message="no") is None
            await trace.update(status="working", metadata={"a": 1})
            await trace.end(status=TraceStatus.COMPLETED, output={"done": True})

    asyncio.run(run())
    assert sink.phases == [
        ("start", "trace", "root"),
        ("start", "agent", "A"),
        ("start", "tool", "t"),
        ("end", "tool", "t"),
        ("start", "agent", "B"),
        ("end", "agent", "B"),
        ("end", "agent", "A"),
        ("update", "trace", "root"),
        ("end", "trace", "root"),
    ]


def test_awaiting_gives_a_handle_that_is_not_awaitable(trace: Trace) -> None:
    async def settle(thing: Any) -> Any:
        while inspect.isawaitable(thing):
            thing = await thing
        return thing

    for new in (trace.add_agent(name="a"), trace.add_tool(name="t"), trace.add_event(name="e", type="x")):
        settled = asyncio.run(settle(new))
        assert settled == new
        assert hash(settled) == hash(new)
        assert not inspect.isawaitable(settled)


def test_factories_and_receipts_are_taken_where_coroutines_are(trace: Trace) -> None:
    async def run() -> None:
        tool = await asyncio.create_task(trace.add_tool(name="t"))
        first, second = await asyncio.gather(trace.add_tool(name="1"), trace.add_tool(name="2"))
        assert (first.name, second.name) == ("1", "2")
        assert await asyncio.create_task(tool.success()) is None
        assert await asyncio.wait_for(first.success(), PATIENCE) is None

    asyncio.run(run())
    assert asyncio.run(trace.add_tool(name="3").success()) is None  # type: ignore[func-returns-value]
    with pytest.raises(KeyError):
        trace.add_tool(name="4").success().throw(KeyError("x"))


def test_an_ending_call_never_suspends_in_a_cancelled_task(trace: Trace, voltagent_run: Run) -> None:
    async def run() -> None:
        tool = trace.add_tool(name="t")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await tool.error(status_message="stopped")
            raise

    async def main() -> None:
        task = asyncio.ensure_future(run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert voltagent_run.tool("t").status == "error"


# Ending.


def test_the_first_end_wins(trace: Trace, sink: ListSink, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "voltagent")
    with trace.add_tool(name="t") as tool:
        tool.success(output={"first": True})
        tool.error("second")
    assert [phase for phase, _, name in sink.phases if name == "t"] == ["start", "end"]
    assert (sink.span("t").status, loads(sink.span("t").output)) == ("completed", {"first": True})
    assert "ended already" in caplog.text


def test_an_exception_in_the_block_is_recorded_and_goes_on(trace: Trace, voltagent_run: Run) -> None:
    exc = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as caught, trace.add_tool(name="t"):
        raise exc
    assert caught.value is exc
    assert voltagent_run.tool("t").status == "error"
    assert voltagent_run.tool("t").error["message"] == "boom"


@pytest.mark.parametrize("exc", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(3)])
def test_being_stopped_is_recorded_as_cancelled(trace: Trace, voltagent_run: Run, exc: BaseException) -> None:
    with pytest.raises(type(exc)), trace.add_tool(name="t"):
        raise exc
    assert voltagent_run.tool("t").status == "cancelled"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("text", "text"),
        ({"message": "m", "code": 7}, {"message": "m", "code": 7}),
        (["odd", 1], '["odd",1]'),
        (True, "true"),
        (404, "404"),
        (1.5, "1.5"),
        (float("nan"), "NaN"),
        (Path("/a"), "/a"),
    ],
)
def test_an_error_that_is_no_exception_is_sent_as_given(
    trace: Trace, voltagent_run: Run, given: object, sent: object
) -> None:
    trace.add_tool(name="t").error(given, stage="policy_check", metadata={"k": 1})
    found = voltagent_run.tool("t")
    assert found.error == sent
    assert found.metadata == {"k": 1, "stage": "policy_check"}


def test_record_adds_to_what_the_end_sends(trace: Trace, voltagent_run: Run) -> None:
    agent = trace.add_agent(name="A")
    agent.record(metadata={"a": 1}, usage={"input_tokens": 3}, output={"o": 1}, tags=["x"])
    agent.record(metadata={"b": 2}, tags=["y"])
    agent.success(metadata={"c": 3})
    agent.record(metadata={"late": True})
    found = voltagent_run.agent("A")
    assert found.metadata == {"a": 1, "b": 2, "c": 3}
    assert (found.usage, found.tags, found.output) == ({"prompt_tokens": 3}, ("x", "y"), {"o": 1})


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        {"promptTokens": 1, "completionTokens": 2, "totalTokens": 3},
        TokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3),
    ],
)
def test_usage_is_taken_in_every_spelling(trace: Trace, voltagent_run: Run, usage: object) -> None:
    trace.add_agent(name="A").success(usage=usage)
    assert voltagent_run.agent("A").usage == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def test_update_sends_changed_fields_at_once(trace: Trace, sink: ListSink) -> None:
    trace.update(status=TraceStatus.WORKING, metadata={"a": 1}, tags=["t"], userId="u")
    phase, _, fields = sink.events[-1]
    assert phase is Phase.UPDATE
    assert fields == {"status": "working", "metadata": b'{"a":1}', "tags": b'["t"]', "user_id": "u"}


# Context.


def test_current_is_the_innermost_entered_handle(trace: Trace) -> None:
    assert not current()
    with trace:
        made = trace.add_agent(name="made")
        assert current() == trace  # a handle merely made is not current
        with made as agent, agent.add_tool(name="t") as tool:
            assert (current(), current_agent(), current_trace()) == (tool, agent, trace)
            tool.success()
            assert current() == tool  # still, though it has ended
        assert current() == trace
    assert not current_trace()


def test_an_inert_handle_does_nothing_and_breaks_nothing(voltagent_run: Run) -> None:
    with current() as handle, handle.add_agent(name="A") as agent:
        agent.add_tool({"name": "t"}).success(output=1, metadata={"a": 1}, usage={"total_tokens": 1})
        agent.add_event(name="e", type="t").error("x")
        agent.record(usage={"total_tokens": 1})
        agent.update(status="running")
        assert not agent
        assert "not recording" in repr(agent)
    assert asyncio.run(_await(current_agent().add_tool(name="x"))) == current()
    assert (current().id, current().parent_id, current().status) == ("", None, "running")
    assert voltagent_run.traces == ()


@pytest.mark.parametrize("kind", [handles.Agent, handles.Tool, handles.ModelCall, handles.Memory, handles.Retriever])
def test_what_works_on_a_current_handle_works_if_nothing_is_recorded(kind: type[handles.Handle]) -> None:
    inert = type(current())
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_"):
            missing = inspect.signature(method).parameters.keys() - inspect.signature(getattr(inert, name)).parameters
            assert not missing, name


def test_the_model_is_recorded_by_whatever_is_current(voltagent_run: Run) -> None:
    current().record(model="small-1")
    with context.suppress():
        current().record(model="small-1")
    with open_trace(None, None, {"name": "off"}) as off:
        off.record(model="small-1")
    with VoltAgentSDK(exporter="none") as sdk, sdk.trace(name="root") as root:
        ask = root.add_llm(name="ask", model="small")
        for handle in (ask, root, root.add_agent(name="bot"), root.add_tool(name="search")):
            handle.record(model="small-1", metadata={"tries": 2})
            handle.success()
    assert voltagent_run.llm("ask").model == "small-1"
    assert voltagent_run.agent("bot").model == "small-1"
    assert voltagent_run.tool("search").metadata == {"model": "small-1", "tries": 2}
    assert voltagent_run.trace.metadata == {"model": "small-1", "tries": 2}


def test_a_name_alone_is_refused_with_the_right_spelling(trace: Trace, sdk: VoltAgentSDK) -> None:
    with pytest.raises(ValidationError, match=r"^a trace takes its options by name, or as a mapping: name='chat'$"):
        sdk.trace("chat")
    with pytest.raises(ValidationError, match=r"^a tool takes its options by name, or as a mapping: name='search'$"):
        trace.add_tool("search")


async def _await(thing: Any) -> Any:
    return await thing


def test_suppress_records_nothing_inside(trace: Trace, voltagent_run: Run, sdk: VoltAgentSDK) -> None:
    with trace, context.suppress():
        assert not current()
        assert not sdk.trace(agent_id="inner")
        current().add_tool(name="t")
    assert names_of(voltagent_run) == [["root"]]
    assert voltagent_run.trace.status == "completed"


def test_a_refused_start_takes_its_descendants_with_it(trace: Trace, sink: ListSink) -> None:
    sink.full = True
    with trace.add_agent(name="refused") as agent:
        sink.full = False
        assert not agent
        assert not agent.add_tool(name="t")
    assert [name for _, _, name in sink.phases] == ["root"]


def test_a_trace_inside_a_trace_names_the_outer_one(live: tuple[Recorder, ListSink], trace: Trace) -> None:
    with trace:
        open_trace(live[0], None, {"agent_id": "inner"})
    assert live[1].span("inner").trace.parent_trace_id == live[1].span("root").trace.id


def test_sampling_leaves_whole_traces_out() -> None:
    with recording(sampling=Sampling(0.0)) as (recorder, sink):
        with open_trace(recorder, None, {"agent_id": "a"}) as trace:
            trace.add_tool(name="t").success()
        assert sink.events == []


# Bad input.


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda trace: trace.add_agent({}), "name"),
        (lambda trace: trace.add_agent({"nmae": "A"}), "name is missing.*'nmae'"),
        (lambda trace: trace.add_agent({"name": ""}), "name"),
        (lambda trace: trace.add_agent({"name": 5}), "name.*int"),
        (lambda trace: trace.add_agent("A"), "by name"),
        (lambda trace: trace.add_agent(5), "mapping, got int"),
        (lambda trace: trace.add_tool(name="t", metadata=[1]), "metadata.*list"),
        (lambda trace: trace.add_tool(name="t", tags="abc"), "tags.*str"),
        (lambda trace: trace.add_tool(name="t", tags=[1]), "tags.*int"),
        (lambda trace: trace.add_memory(name="m", operation="append"), "operation.*read, write"),
        (lambda trace: trace.add_event(name="e"), "type"),
        (lambda trace: trace.add_event(name="e", type="t", status="odd"), "status"),
        (lambda trace: trace.add_event(name="e", type="t", level="LOUD"), "level"),
        (lambda trace: trace.add_event(name="e", type="t", start_time="yesterday"), "start_time"),
    ],
)
def test_bad_input_is_refused_before_anything_is_recorded(
    trace: Trace, voltagent_run: Run, call: Any, named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        call(trace)
    assert names_of(voltagent_run) == [["root"]]
    assert trace.status == "running"


@pytest.mark.parametrize(
    ("call", "named", "status"),
    [
        (lambda trace: trace.success(usage="many"), r"success\(\).*usage.*str", "completed"),
        (lambda trace: trace.success(usage={"total_tokens": "3"}), r"success\(\).*total_tokens", "completed"),
        (lambda trace: trace.success(metadata="m"), r"success\(\).*metadata", "completed"),
        (lambda trace: trace.error(None), r"error\(\).*status_message", "error"),
        (lambda trace: trace.error("x", metadata=[1]), r"error\(\).*metadata", "error"),
        (lambda trace: trace.end(status="working"), r"end\(\).*status", "completed"),
        (lambda trace: trace.end(status=[1]), r"end\(\).*status", "completed"),
        (lambda trace: trace.end(usage=5), r"end\(\).*usage", "completed"),
        (lambda trace: trace.record(usage=5), r"record\(\).*usage", "running"),
        (lambda trace: trace.record(tags="abc"), r"record\(\).*tags", "running"),
        (lambda trace: trace.record(metadata=5), r"record\(\).*metadata", "running"),
        (lambda trace: trace.update(status="odd"), r"update\(\).*status", "running"),
        (lambda trace: trace.update(usage="odd"), r"update\(\).*usage", "running"),
    ],
)
def test_what_does_not_fit_in_a_run_is_reported_and_never_raised(
    trace: Trace, caplog: pytest.LogCaptureFixture, call: Any, named: str, status: str
) -> None:
    call(trace)
    call(trace)
    assert trace.status == status
    reported = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(reported) == 1
    assert re.search(named, reported[0])


def test_what_does_not_fit_is_reported_for_each_place_in_words_that_do_not_repeat(
    trace: Trace, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        trace.record(tags="abc")  # type: ignore[arg-type]
    trace.record(tags=5)  # type: ignore[arg-type]
    trace.record(usage=5)
    trace.end(status="done")
    ending = "ending as completed, with this status in the metadata"
    reported = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [re.sub(r"^\S+test_handles\.py:\d+ \(test_[a-z_]+\): ", "PLACE ", line) for line in reported] == [
        "PLACE record(): tags must be a list of strings, got str; recording without it",
        "PLACE record(): tags must be a list of strings, got int; recording without it",
        "PLACE record(): usage must be a mapping or a TokenUsage, got int; recording without it",
        f"PLACE end(): status must be completed, error or cancelled, got 'done'; {ending}",
    ]


def test_what_fits_is_kept_beside_what_does_not(trace: Trace, voltagent_run: Run) -> None:
    usage = {"total_tokens": 5, "prompt_tokens": "three", "kept": 1}
    trace.record(usage=usage, metadata={"a": 1}, tags=["kept", 5], output="done")  # type: ignore[list-item]
    trace.end(status="finished", metadata={"b": 2})
    found = voltagent_run.trace
    assert (found.status, found.tags, found.output) == ("completed", ("kept",), {"result": "done"})
    assert found.usage is not None
    assert (found.usage["total_tokens"], found.usage["kept"]) == (5, 1)
    assert found.metadata == {"a": 1, "status": "finished", "b": 2}


@pytest.mark.parametrize("keywords", [{}, {"agent_id": ""}, {"agent_id": 5}, {"agent_id": "a", "userId": 5}])
def test_a_trace_is_refused_with_the_option_named(
    sdk: VoltAgentSDK, voltagent_run: Run, keywords: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=r"agent_id|userId"):
        sdk.trace(**keywords)
    assert voltagent_run.traces == ()


def test_an_unknown_option_is_ignored_with_one_warning(
    trace: Trace, voltagent_run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        trace.add_tool({"name": "t", "metdata": {}})
    assert [record.getMessage() for record in caplog.records] == [
        "a tool has no option 'metdata', it is ignored; did you mean 'metadata'?"
    ]
    assert names_of(voltagent_run) == [["root", ["t"], ["t"], ["t"]]]


def test_handles_take_models_by_their_fields_only(trace: Trace) -> None:
    with pytest.raises(ValidationError, match="SimpleNamespace"):
        trace.add_tool(SimpleNamespace(name="t"))


def test_every_name_that_handles_document_exists() -> None:
    assert set(handles.__all__) <= set(dir(handles))


def test_long_and_odd_texts_lose_no_event(trace: Trace, sink: ListSink) -> None:
    trace.add_agent(name="a" * 10**6, instructions="b " * 10**6, metadata={"c": "d" * 10**6}, tags=["\ud800"])
    span = sink.spans[-1]
    assert len(span.name) < 70_000
    assert span.facts is not None
    assert len(span.facts["instructions"]) < 70_000
    assert len(span.metadata or b"") < 70_000
    assert span.tags == ("\ufffd",)
    trace.error("e" * 10**6, metadata={"f": "g" * 10**6})
    assert len(sink.spans[0].error) < 70_000  # type: ignore[arg-type]


def test_usage_is_a_snapshot_too(trace: Trace, voltagent_run: Run) -> None:
    later, stream = [1], iter([1, 2])
    trace.add_agent(name="A").success(usage={"total_tokens": 1, "l": later, "s": stream, "o": object()})
    later.append(2)
    usage = voltagent_run.agent("A").usage
    assert usage is not None
    assert (usage["l"], usage["o"]) == ([1], "object")
    assert list(stream) == [1, 2]


def test_the_text_of_a_withheld_error_stays_withheld(trace: Trace, sink: ListSink) -> None:
    recorder = recorder_of(trace)
    first, second = ValueError("CANARY-1"), ValueError("CANARY-2")
    for exc in (first, second):
        recorder.fail(span_of(trace.add_tool(name=str(id(exc)))), exc, message=False)
    recorder.fail(span_of(trace.add_tool(name="again")), first)
    trace.add_tool(name="by hand").error(first)
    try:
        try:
            raise second
        except ValueError as exc:
            raise RuntimeError(f"failed: {exc}") from None
    except RuntimeError as exc:
        recorder.fail(span_of(trace.add_tool(name="hidden")), exc)
    assert not [span for span in sink.spans if span.error and "CANARY" in str(getattr(span.error, "message", ""))]


def test_models_are_read_without_running_their_code(trace: Trace, voltagent_run: Run) -> None:
    class Odd(BaseModel):
        name: str = "odd"

        @computed_field
        def boom(self) -> str:
            raise RuntimeError

    trace.add_tool(ToolOptions(name="t", input={"m": Odd()}))
    assert voltagent_run.tool("t").input == {"m": {"name": "odd"}}
    trace.add_tool(name="u", metadata=Odd())
    assert voltagent_run.tool("u").metadata == {"name": "odd"}
    with pytest.raises(ValidationError, match="Mock"):
        trace.add_tool(Mock())


def test_an_update_changes_only_what_there_is_on_the_wire(trace: Trace, sink: ListSink) -> None:
    trace.update(status="cancelled")
    trace.add_tool(name="t").update(status="working")
    assert [event for event in sink.events if event[0] is Phase.UPDATE] == []
    with pytest.raises(ValidationError, match="must not be 'trace'"):
        trace.add_event(name="x", type="trace")


def test_the_models_of_an_ends_options_are_taken_apart(trace: Trace, voltagent_run: Run) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    trace.add_agent(name="agent").success(AgentSuccessOptions(output={"a": 1}, metadata={"m": 2}, usage=usage))  # type: ignore[arg-type]
    trace.add_tool(name="tool").success(SuccessOptions(output={"a": 1}, metadata={"m": 2}), metadata={"m": 3})
    trace.add_tool(name="fails").error(ErrorOptions(status_message=ValueError("boom"), metadata={"m": 2}), stage="s")
    trace.add_tool(name="nothing").error(ErrorOptions(status_message=None))
    first, second, third, _ = voltagent_run.find()
    assert (first.output, first.metadata, first.usage) == ({"a": 1}, {"m": 2}, usage)
    assert (second.output, second.metadata) == ({"a": 1}, {"m": 3})
    assert third.metadata == {"m": 2, "stage": "s"}
    assert third.error["message"] == "boom"


class Hostile:
    """Raises in every method."""

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError(name)

    __repr__ = __str__ = __hash__ = __eq__ = __bool__ = __len__ = __iter__ = __getattribute__  # type: ignore[assignment]


class HostileType(type):
    def __getattribute__(cls, name: str) -> Any:
        raise ZeroDivisionError(name)


class HostileZone(datetime.tzinfo):
    def utcoffset(self, _: Any) -> Any:
        raise ZeroDivisionError


class HostileEnum(enum.Enum):
    A = 1

    @property
    def value(self) -> Any:
        raise ZeroDivisionError


class HostileMapping(UserDict[str, Any]):
    def __iter__(self) -> Any:
        raise ZeroDivisionError


WEST, EAST = (datetime.timezone(datetime.timedelta(hours=hours)) for hours in (-23, 23))
HOSTILE: dict[str, Callable[[], Any]] = {  # pytest looks at the values that it is given
    "object": Hostile,
    "object of a hostile class": lambda: type.__call__(HostileType("T", (), {})),
    "class": lambda: HostileType("T", (), {}),
    "dead proxy": lambda: weakref.proxy(Hostile()),
    "enum": lambda: HostileEnum.A,
    "mapping": lambda: HostileMapping(a=1),
    "proxied mapping": lambda: MappingProxyType(HostileMapping(a=1)),
    "mock of a dict": lambda: Mock(spec=dict),
    "mock": MagicMock,
    "time zone": lambda: datetime.datetime(2026, 1, 1, tzinfo=HostileZone()),
    "after all times": lambda: datetime.datetime.max.replace(tzinfo=WEST),
    "before all times": lambda: datetime.datetime.min.replace(tzinfo=EAST),
    "many digits": lambda: 1 << 400_000,
    "no number": lambda: float("nan"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_wrong_option_is_refused_by_its_type_without_asking_it(
    trace: Trace, sdk: VoltAgentSDK, voltagent_run: Run, name: str
) -> None:
    value = HOSTILE[name]()
    started = {"agent_id": "a"}
    calls: list[Callable[[], Any]] = [
        lambda: trace.add_tool(name=value),
        lambda: trace.add_tool(value),
        lambda: trace.add_tool(name="t", tags=value),
        lambda: trace.add_tool(name="t", metadata=value),
        lambda: sdk.trace({**started, "user_id": value}),
        lambda: sdk.trace({**started, "id": value}),
        lambda: sdk.trace({**started, "start_time": value}),
    ]
    for call in calls:
        with pytest.raises(ValidationError, match=r"must|missing|read"):
            call()
    trace.record(usage=value)
    trace.update(status=value)
    trace.add_tool(name="t", input=value).error(value)
    trace.add_event(name="e", type="custom", input=value, output=value, status_message=value)
    trace.record(usage={"total_tokens": 5, "more": value}, metadata={"m": value}, output=value)
    if "mock" in name:
        assert value.mock_calls == []
    assert [call.name for call in voltagent_run.find()] == ["t", "e"]


def test_very_much_in_an_option_costs_little(
    trace: Trace, sink: ListSink, caplog: pytest.LogCaptureFixture, time_limit: None
) -> None:
    before = time.thread_time()
    trace.add_tool(name="x" * 10**7, tags=["t"] * 10**6).success("done")
    trace.record(usage={f"k{number}": number for number in range(100_000)} | {"total_tokens": 5})
    trace.add_tool({"name": "t", **{f"unknown{number}": 1 for number in range(10_000)}})
    hold_processor(time.thread_time() - before, 0.5)
    assert len(sink.operations[0].name) < 1100
    assert span_of(trace).usage is not None
    assert span_of(trace).usage["total_tokens"] == 5
    assert sum("no option" in record.getMessage() for record in caplog.records) <= 8


def test_a_copied_state_contains_the_same_handle(sdk: VoltAgentSDK, voltagent_run: Run) -> None:
    with sdk.trace(agent_id="a") as root:
        copied = copy.deepcopy({"trace": root})["trace"]
        copied.add_tool({"name": "search"}).success()
        assert copied is root
    assert voltagent_run.tool("search").status == "completed"
