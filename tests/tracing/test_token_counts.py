"""Each response of a model counts once in a trace, at the innermost operation that has it.

Results that no client gives, and ends in an order that no decorator makes, are handed to a recorder over a list.
"""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic_core import to_json

from tests.helpers.sink import recording
from voltagent import VoltAgentSDK, agent, current, current_agent, current_trace, llm, retriever, tool, trace
from voltagent.capture.prices import Prices
from voltagent.capture.results import ModelResult, Response
from voltagent.capture.usage import summed
from voltagent.core import context
from voltagent.core.span import Span, SpanEvent, TraceInfo
from voltagent.records import OperationRecord, TraceRecord
from voltagent.storage.traces.store import Store
from voltagent.testing import Run, record
from voltagent.tracing.recorder import Recorder
from voltagent.tracing.sampling import Sampling
from voltagent.tracing.token_counts import TokenCounts

EIGHTEEN = {"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18}


class ChatCompletion(SimpleNamespace):
    """Stored as a client's own result is."""


ChatCompletion.__module__ = "openai.types.chat.chat_completion"


def response(identifier: str | None = "r-1", prompt: int = 10, completion: int = 8, **more: Any) -> Any:
    usage = SimpleNamespace(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)
    return ChatCompletion(id=identifier, model="gpt-5", choices=[], usage=usage, **more)


def total(record: TraceRecord | OperationRecord) -> int | None:
    return None if record.usage is None else record.usage["total_tokens"]


@agent
def inner(result: Any) -> Any:
    return result


@agent
def middle(result: Any) -> Any:
    return inner(result)


@agent
def outer(result: Any) -> Any:
    return middle(result)


def test_a_response_that_three_agents_return_counts_once(voltagent_run: Run) -> None:
    outer(response())
    assert {name: total(voltagent_run.operation(name)) for name in ("outer", "middle", "inner")} == {
        "outer": None,
        "middle": None,
        "inner": 18,
    }
    assert voltagent_run.trace.usage == EIGHTEEN
    assert voltagent_run.operation("inner").model == "gpt-5"


def test_it_counts_at_the_tool_that_made_it_and_with_the_agent_around_that(voltagent_run: Run) -> None:
    @tool
    def call() -> Any:
        return response()

    @agent
    def asks() -> Any:
        return call()

    @trace
    def run() -> Any:
        return asks()

    run()
    assert [total(voltagent_run.operation(name)) for name in ("call", "asks")] == [18, 18]
    assert total(voltagent_run.trace) == 18


@pytest.mark.parametrize("same", ["id", "usage object", "usage dict"])
def test_the_same_response_is_known_by_its_id_or_its_usage(voltagent_run: Run, same: str) -> None:
    first = response()
    if same == "id":
        second = response()
    elif same == "usage object":
        second = response(None)
        second.usage = first.usage
    else:
        first = {"usage": dict(EIGHTEEN)}
        second = {"usage": first["usage"], "more": 1}

    @agent
    def below() -> Any:
        return first

    @agent
    def above() -> Any:
        below()
        return second

    above()
    assert [total(voltagent_run.operation(name)) for name in ("below", "above")] == [18, None]
    assert total(voltagent_run.trace) == 18


def test_many_responses_without_an_id_are_different_ones(voltagent_run: Run) -> None:
    @tool
    def call() -> Any:
        return response(None, 1, 1)

    @agent
    def asks() -> None:
        for _ in range(600):
            call()

    asks()
    assert total(voltagent_run.operation("asks")) == 1200 == total(voltagent_run.trace)


def test_an_agents_tokens_are_those_below_it_with_no_other_agent_between(voltagent_run: Run) -> None:
    @retriever
    def embed(number: int) -> Any:
        return response(f"e-{number}", number, 0)

    @agent
    def sub() -> None:
        embed(100)

    @tool
    def around() -> None:
        embed(10)
        sub()

    @agent
    def main() -> None:
        embed(1)
        around()

    @trace
    def run() -> None:
        main()
        embed(1000)

    run()
    assert [total(voltagent_run.operation(name)) for name in ("sub", "main")] == [100, 11]
    assert total(voltagent_run.trace) == 1111


def test_what_was_set_explicitly_wins(voltagent_run: Run) -> None:
    @tool
    def call(identifier: str) -> Any:
        return response(identifier)

    @agent
    def says() -> Any:
        current_agent().record(usage={"total_tokens": 5})
        return call("a")

    @agent(usage=lambda result: {"total_tokens": 7})
    def answer() -> Any:
        return response("b")

    @trace
    def run() -> None:
        says()
        answer()

    run()
    assert [total(voltagent_run.operation(name)) for name in ("says", "answer")] == [5, 7]
    assert total(voltagent_run.trace) == 12

    @trace
    def explicit() -> None:
        run()
        current_trace().record(usage={"total_tokens": 1})
        says()

    with record() as again:
        explicit()
    assert total(next(trace for trace in again.traces if trace.agent_id == "explicit")) == 1


def test_usage_functions_that_give_the_same_object_count_it_once(voltagent_run: Run) -> None:
    @agent(usage=lambda result: result.usage)
    def below() -> Any:
        return response()

    @agent(usage=lambda result: result.usage)
    def above() -> Any:
        return below()

    above()
    assert [total(voltagent_run.operation(name)) for name in ("below", "above")] == [18, None]
    assert total(voltagent_run.trace) == 18


@pytest.mark.parametrize("say", ["record", "success"])
def test_the_usage_of_a_response_that_was_counted_is_not_counted_again(voltagent_run: Run, say: str) -> None:
    @llm
    def client() -> Any:
        return response(None)

    @agent
    def assistant() -> str:
        with current_agent().add_llm(name="around", model="gpt-5") as call:
            usage = client().usage
            if say == "record":
                call.record(usage=usage)
            else:
                call.success("an answer", usage=usage)
        with current_agent().add_llm(name="beside") as call:
            call.success("an answer", usage=vars(usage))  # equal, but the caller's own
        return "done"

    @agent
    def above() -> None:
        assistant()
        usage = client().usage
        client()
        current_agent().record(usage=usage)  # an agent's own tokens are what it says

    above()
    names = ("around", "beside", "assistant", "above")
    assert [total(voltagent_run.operation(name)) for name in names] == [None, 18, 36, 18]
    assert total(voltagent_run.trace) == 54


USAGES: list[tuple[Any, Any]] = [
    (lambda result: result.usage, None),
    (lambda result: dict(vars(result.usage)), None),
    (lambda result: {"prompt_tokens": result.usage.prompt_tokens}, None),
    (lambda result: {**vars(result.usage), "cost": 0.5}, {"cost": 0.5}),
]


@pytest.mark.parametrize(("usage", "expected"), USAGES)
@pytest.mark.parametrize("decorate", [llm, tool])
def test_usage_functions_around_a_client_count_its_responses_once(
    voltagent_run: Run, decorate: Any, usage: Any, expected: Any
) -> None:
    @llm
    def client() -> Any:
        return response(None)

    @llm(usage=usage)
    def ask() -> Any:
        return decorate(lambda: client(), name="between")()

    @agent
    def bot() -> None:
        ask()

    bot()
    assert voltagent_run.operation("ask").usage == expected
    assert voltagent_run.operation("bot").usage == voltagent_run.trace.usage == {**EIGHTEEN, **(expected or {})}


def test_a_usage_that_repeats_that_of_calls_inside_counts_once_whatever_is_returned(voltagent_run: Run) -> None:
    @llm
    def client(*numbers: int) -> Any:
        return response(None, *numbers)

    def ask(usage: Any) -> Any:
        @llm(usage=lambda _: usage)
        def around() -> str:
            client()
            client(1, 2)
            return "an answer"

        return around

    for usage in (
        EIGHTEEN,
        {"prompt_tokens": 11, "completion_tokens": 10},
        {"prompt_tokens": 5, "completion_tokens": 5},
    ):
        ask(usage)()
    assert [total(one) for one in voltagent_run.traces[:2]] == [21, 21]
    assert voltagent_run.traces[2].usage == {"prompt_tokens": 16, "completion_tokens": 15, "total_tokens": 31}


def test_a_usage_by_hand_that_repeats_that_of_a_call_inside_counts_once(voltagent_run: Run) -> None:
    @llm
    def client() -> Any:
        return response(None)

    @agent
    def bot() -> None:
        for say in ("record", "success"):
            with current_agent().add_llm(name=say) as call:
                client()
                if say == "record":
                    call.record(usage=EIGHTEEN)
                else:
                    call.success("an answer", usage=EIGHTEEN)

    bot()
    assert [voltagent_run.operation(name).usage for name in ("record", "success")] == [None, None]
    assert total(voltagent_run.trace) == 36


def test_a_sum_counts_a_usage_without_a_total_by_its_parts(voltagent_run: Run) -> None:
    @agent
    def assistant() -> None:
        for usage in (EIGHTEEN, {"prompt_tokens": 1, "completion_tokens": 2}, {"completion_tokens": 4}):
            current_agent().add_llm(name="call").success(usage=usage)

    assistant()
    expected = {"prompt_tokens": 11, "completion_tokens": 14, "total_tokens": 21}
    assert voltagent_run.operation("assistant").usage == voltagent_run.trace.usage == expected


@pytest.mark.parametrize("before", [0, 1, 700])
def test_a_sum_is_the_same_in_one_step_and_in_several(before: int) -> None:
    usages: list[dict[str, Any]] = [{"prompt_tokens": 1, "completion_tokens": 2}] * before + [EIGHTEEN]
    counts = TokenCounts()
    for usage in usages:
        counts.add_own(usage)
    assert counts.total() == summed([summed(usages[:before]) or {}, *usages[before:]]) == summed(usages)
    assert (summed(usages) or {})["total_tokens"] == 18 + 3 * before


def test_of_a_result_of_several_responses_those_counted_below_are_left_out(voltagent_run: Run) -> None:
    class AgentRunResult(SimpleNamespace):
        __module__ = "pydantic_ai.run"

    def answered(identifier: str) -> Any:
        usage = SimpleNamespace(input_tokens=10, output_tokens=8)
        return SimpleNamespace(kind="response", parts=[], model_name="m", provider_response_id=identifier, usage=usage)

    @tool
    def call() -> Any:
        return response("a")

    @agent
    def asks() -> Any:
        call()
        messages = [answered("a"), answered("b")]
        return AgentRunResult(output="done", _new_message_index=0, _state=SimpleNamespace(message_history=messages))

    asks()
    assert total(voltagent_run.operation("asks")) == 36 == total(voltagent_run.trace)
    assert voltagent_run.operation("asks").output == {"result": "done"}


def test_operations_that_end_in_several_threads_are_all_counted(voltagent_run: Run) -> None:
    @tool
    def call(number: int) -> Any:
        return response(f"r-{number}", 1, 1)

    @agent
    def fans_out() -> None:
        with ThreadPoolExecutor(8) as pool:
            for one in [pool.submit(copy_context().run, call, number) for number in range(800)]:
                one.result()

    fans_out()
    assert total(voltagent_run.trace) == 1600


def test_operations_of_concurrent_agents_are_kept_apart(voltagent_run: Run) -> None:
    @tool
    async def call(number: int) -> Any:
        await asyncio.sleep(0)
        return response(f"r-{number}", number, 0)

    @agent
    async def one(number: int) -> None:
        await call(number)

    @trace
    async def run() -> None:
        await asyncio.gather(*(one(number) for number in range(1, 11)))

    asyncio.run(run())
    assert sorted(total(call) or 0 for call in voltagent_run.agents()) == list(range(1, 11))
    assert total(voltagent_run.trace) == 55


def test_tokens_of_what_ends_after_its_agent_are_the_traces() -> None:
    with recording() as (recorder, _):
        root = recorder.start_trace("a", None)
        bot = recorder.start(root, "agent", "bot", None)
        late = recorder.start(bot, "tool", "late", None)
        recorder.succeed(bot, None)
        recorder.add(late, usage={"total_tokens": 3})
        recorder.succeed(late, None)
        recorder.succeed(root, None)
        assert (bot.usage, root.usage) == (None, {"total_tokens": 3})


def test_a_trace_that_fails_or_is_left_open_below_has_its_tokens(voltagent_run: Run) -> None:
    @tool
    def call() -> Any:
        return response()

    @agent
    def fails() -> None:
        call()
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert total(voltagent_run.operation("fails")) == 18 == total(voltagent_run.trace)


def test_what_is_left_open_at_shutdown_has_its_tokens(tmp_path: Path) -> None:
    sdk = VoltAgentSDK(local_path=tmp_path / "traces.db")
    asks = sdk.trace(agent_id="left open").add_agent(name="asks")
    asks.add_tool(name="call").success(usage={"total_tokens": 18})
    sdk.shutdown()
    store = Store(tmp_path / "traces.db")
    (found,) = store.traces()
    assert found.usage == {"total_tokens": 18}
    assert {one.name: one.usage for one in store.operations(found.id)} == {
        "asks": {"total_tokens": 18},
        "call": {"total_tokens": 18},
    }
    store.close()


def test_what_is_counted_is_forgotten_beyond_a_bound() -> None:
    counts = TokenCounts()
    span = Span(TraceInfo(1, "a", None), None, "trace", "a")
    for number in range(10_000):
        assert counts.new_ones([Response({}, {}, f"r-{number}")], span)
    assert len(counts.known) <= 4097
    assert not counts.new_ones([Response({}, None, "r-9999")], span)


class Nothing:
    """Keeps nothing."""

    def put(self, event: SpanEvent, size: int) -> bool:
        del event, size
        return True


def test_what_a_call_inside_used_is_forgotten_with_the_call_around_it() -> None:
    @llm
    def client(number: int) -> Any:
        return {"id": f"r{number}", "model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}

    @llm
    def ask(number: int) -> str:
        client(number)
        return "answer"

    def count_spans() -> int:
        gc.collect()
        return sum(type(one) is Span for one in gc.get_objects())

    @agent
    def bot() -> tuple[int, int]:
        ask(0)
        few = count_spans()
        for number in range(1, 50):
            ask(number)
        return few, count_spans()

    recorder = Recorder(Nothing(), sampling=Sampling(follow_parent=False))
    context.ACTIVE.insert(0, recorder)
    try:
        few, many = bot()
    finally:
        context.deactivate(recorder)
    assert many - few < 10


def test_costs_come_from_the_price_table_unless_the_usage_says_them() -> None:
    prices = Prices({"gpt-5": {"input_cost_per_token": 2, "output_cost_per_token": 10}}, "prices")
    found = ModelResult("gpt-5", (Response(dict(EIGHTEEN), None, "a", "gpt-5"),))
    with recording() as (recorder, _):
        recorder.prices = prices
        assert _cost(recorder, found) == {"call": 100, "asks": 100, "trace": 100}
        known = ModelResult("gpt-5", (Response({**EIGHTEEN, "cost": 0.5}, None, "a", "gpt-5"),))
        assert _cost(recorder, known) == {"call": 0.5, "asks": 0.5, "trace": 0.5}
        other = ModelResult("else", (Response(dict(EIGHTEEN), None, "a", "else"),))
        assert _cost(recorder, other) == {"call": None, "asks": None, "trace": None}


@pytest.mark.parametrize("metadata", [{"model_parameters": {"model": "gpt-5"}}, {"model": "gpt-5"}])
@pytest.mark.parametrize("kind", ["agent", "llm", "embedding", "tool"])
def test_the_cost_of_a_usage_that_is_given_is_that_of_the_named_model(kind: str, metadata: dict[str, Any]) -> None:
    with recording() as (recorder, _):
        recorder.prices = Prices({"gpt-5": {"input_cost_per_token": 2, "output_cost_per_token": 10}}, "prices")
        root = recorder.start_trace("a", None)
        call = recorder.start(root, kind, "call", None, to_json(metadata))
        recorder.add(call, usage=EIGHTEEN)
        other = recorder.start(root, kind, "other", None, b'{"model": 5}')
        recorder.add(other, usage=EIGHTEEN)
        for span in (call, other, root):
            recorder.succeed(span, None)
    assert [span.usage and span.usage.get("cost") for span in (call, other, root)] == [100, None, 100]


def _cost(recorder: Recorder, found: ModelResult) -> dict[str, object]:
    root = recorder.start_trace("a", None)
    asks = recorder.start(root, "agent", "asks", None)
    call = recorder.start(asks, "llm", "call", None)
    recorder.take_result(call, found)
    for span in (call, asks, root):
        recorder.succeed(span, None)
    spans = {"call": call, "asks": asks, "trace": root}
    return {name: span.usage.get("cost") if span.usage else None for name, span in spans.items()}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input": 10, "output": 5}, {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}),
        ({"input": 10, "output": 5, "total": 20}, {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 20}),
        ({"input": "Hello", "prompt_tokens": 3}, {"prompt_tokens": 3, "input": "Hello"}),
    ],
)
def test_the_short_names_of_langfuse_count_if_a_caller_sets_them(
    usage: dict[str, Any], expected: dict[str, Any], voltagent_run: Run
) -> None:
    @llm(usage=lambda _: usage)
    def ask() -> str:
        return "done"

    @agent
    def assistant() -> str:
        current().record(usage=usage)
        return "done"

    ask()
    assistant()
    assert voltagent_run.llm("ask").usage == expected
    assert voltagent_run.agent("assistant").usage == expected


@pytest.mark.parametrize("usage", [{"promt_tokens": 5}, {"requests": 2}])
def test_figures_that_are_no_counts_leave_the_sum_below_in_place(voltagent_run: Run, usage: dict[str, int]) -> None:
    @llm(usage=lambda _: EIGHTEEN)
    def ask() -> None: ...

    @agent(usage=lambda _: usage)
    def assistant() -> None:
        ask()

    @trace(agent_id="desk")
    def desk() -> None:
        current().record(usage=usage)
        assistant()

    @llm
    def answer() -> Any:
        current().record(usage=usage)
        return response()

    desk()
    answer()
    assert voltagent_run.agent("assistant").usage == EIGHTEEN | usage
    assert voltagent_run.traces[0].usage == EIGHTEEN | usage
    assert voltagent_run.llm("answer").usage == EIGHTEEN | usage


def test_a_misspelt_count_is_reported(voltagent_run: Run, caplog: pytest.LogCaptureFixture) -> None:
    @llm
    def ask() -> None:
        current().record(usage={"requests": 1})  # a figure of its own, like no count

    @llm
    def misspell() -> None:
        current().record(usage={"promt_tokens": 3})

    @llm(usage=lambda _: {"inptu_tokens": 3})
    def call() -> None: ...

    ask()
    misspell()
    call()
    problem = "usage has no count of tokens"
    assert [record.getMessage() for record in caplog.records] == [
        f"record(): {problem}; 'promt_tokens' is unknown, did you mean 'prompt_tokens'?",
        f"the usage= callback of 'call': {problem}; 'inptu_tokens' is unknown, did you mean 'input_tokens'?",
    ]
    assert voltagent_run.llm("call").usage == {"inptu_tokens": 3}
