"""``@llm`` and ``add_llm``: model calls as an operation of their own.

A recorder over a list has the events that are encoded for the API.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.capture.test_results import RESULTS
from tests.helpers.sink import recording
from voltagent import ValidationError, VoltAgentSDK, agent, current, llm
from voltagent.core.clock import id_text
from voltagent.core.span import Phase
from voltagent.handles import ModelCall
from voltagent.storage.traces.store import Store
from voltagent.testing import Run
from voltagent.wire.rest import encode

COMPLETION = RESULTS["chat completion with cached and reasoning tokens"]


def test_bare_and_with_options(voltagent_run: Run) -> None:
    @llm
    def bare(prompt: str) -> Any:
        assert isinstance(current(), ModelCall)
        return COMPLETION[0]

    @llm(name="ask", model="mine", model_parameters={"temperature": 0}, tags=["t"])
    def ask(prompt: str) -> str:
        return "Hello"

    bare("Hi")
    ask("Hi")
    first, second = voltagent_run.find()
    assert (first.kind, first.name, first.model, first.usage) == ("llm", "bare", "small-1", COMPLETION[1][1])
    assert first.output == {"result": "Hello"}
    assert first.metadata["model_parameters"] == {"model": "small-1"}
    assert (second.name, second.model, second.usage, second.tags) == ("ask", "mine", None, ("t",))
    assert second.metadata["model_parameters"] == {"temperature": 0, "model": "mine"}


@pytest.mark.parametrize("positional", [True, False])
def test_the_model_is_the_options_else_the_results_else_the_parameters(voltagent_run: Run, *, positional: bool) -> None:
    def call(model: str, result: Any = None) -> Any:
        return result

    args: tuple[Any, ...] = ("asked",) if positional else ()
    kwargs: dict[str, Any] = {} if positional else {"model": "asked"}
    llm(call, name="parameter")(*args, **kwargs)
    llm(call, name="result")(*args, **{**kwargs, "result": COMPLETION[0]})
    llm(call, name="option", model="given")(*args, **{**kwargs, "result": COMPLETION[0]})
    assert [span.model for span in voltagent_run.find()] == ["asked", "small-1", "given"]
    assert [span.metadata["model_parameters"]["model"] for span in voltagent_run.find()] == [
        "asked",
        "small-1",
        "given",
    ]


def test_a_model_call_around_another_counts_once(voltagent_run: Run) -> None:
    @llm
    def inner() -> Any:
        return COMPLETION[0]

    @llm
    def outer() -> Any:
        return inner()

    @agent
    def asks() -> Any:
        return outer()

    asks()
    assert [span.usage and span.usage["total_tokens"] for span in voltagent_run.find()] == [120, None, 120]
    assert [span.model for span in voltagent_run.find()] == [None, "small-1", "small-1"]
    assert voltagent_run.traces[0].usage == COMPLETION[1][1]


def test_it_goes_to_the_api_as_a_kind_of_its_own() -> None:
    @llm(name="ask")
    def ask(prompt: str, model: str) -> Any:
        return COMPLETION[0]

    with recording() as (_, sink):
        ask("Hi", "small")
    events = [event for event in sink.events if event[1].kind == "llm"]
    start, end = [json.loads(encode.request(event, id_text).body) for event in events]
    assert (start["event_name"], end["event_name"]) == ("llm:start", "llm:success")
    assert start["event_type"] == end["event_type"] == "llm"
    assert start["metadata"]["modelParameters"]["model"] == "small"
    assert end["metadata"]["modelParameters"]["model"] == "small-1"
    assert end["metadata"]["usage"]["totalTokens"] == 120
    assert {phase for phase, _, _ in events} == {Phase.START, Phase.END}


def test_handles_of_model_calls(tmp_path: Path) -> None:
    prices = {"small-1": {"input_cost_per_token": 1, "output_cost_per_token": 1}}
    with VoltAgentSDK(local_path=tmp_path / "traces.db", prices=prices) as sdk:
        with sdk.trace(agent_id="a") as trace, trace.add_agent(name="bot") as bot:
            options = {"name": "ask", "model": "small-1", "input": "Hi", "model_parameters": {"temperature": 1}}
            ask = bot.add_llm({**options, "metadata": {"mine": 1}})
            ask.success("Hello", usage={"prompt_tokens": 1, "completion_tokens": 2}, metadata={"more": 2})
            call = bot.add_llm(name="renamed", model="asked")
            call.record(model="small-1")
            call.success(COMPLETION[0])
        with pytest.raises(ValidationError, match="name"):
            trace.add_llm(model="m")
    store = Store(tmp_path / "traces.db")
    (found,) = store.traces()
    operations = {one.name: one for one in store.operations(found.id)}
    named, renamed = operations["ask"], operations["renamed"]
    assert (named.kind, named.output) == ("llm", {"result": "Hello"})
    assert named.usage == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 3}
    assert named.metadata == {
        "model_parameters": {"temperature": 1, "model": "small-1"},
        "mine": 1,
        "more": 2,
    }
    assert renamed.output == {"result": "Hello"}
    assert renamed.metadata["model_parameters"] == {"model": "small-1"}
    assert operations["bot"].usage == found.usage
    assert found.usage is not None
    assert (found.usage["total_tokens"], found.usage["cost"]) == (123, 123)
    store.close()


def test_the_model_may_be_named_by_other_parameters(voltagent_run: Run) -> None:
    llm(lambda modelId, messages: "Hi", name="aws")("nova-1", [])
    llm(lambda prompt, *, model_id="small-2": "Hi", name="default")("Hi")
    llm(lambda **options: "Hi", name="any")(messages=[], model="small-3")
    llm(lambda model, model_name: "Hi", name="object")(object(), "small-4")
    llm(lambda deployment, prompt: "Hi", name="azure")("east-5", "Hi")
    llm(lambda prompt, **options: "Hi", name="old")("Hi", engine="small-6")
    llm(lambda engine, model: "Hi", name="both")("vertex", "small-7")
    llm(lambda **options: "Hi", name="none")(model=3)
    assert [one.model for one in voltagent_run.find()] == [
        "nova-1", "small-2", "small-3", "small-4", "east-5", "small-6", "small-7", None
    ]  # fmt: skip


def test_what_the_handle_of_an_agent_is_given_is_read_as_what_a_function_returns(voltagent_run: Run) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    given = {"model": "m", "usage": usage, "text": "Hi"}
    with VoltAgentSDK(exporter="none") as sdk, sdk.trace(agent_id="a") as trace:
        with trace.add_agent(name="bot") as bot:
            bot.add_llm(name="ask").success(given)
            bot.success([given])
        trace.add_agent(name="alone").success({**given, "usage": dict(usage)})
        trace.add_agent(name="told").success(given, usage={"prompt_tokens": 7})
    spans = {one.name: one for one in voltagent_run.find()}
    assert {name: one.usage for name, one in spans.items()} == {
        "bot": usage, "ask": usage, "alone": usage, "told": {"prompt_tokens": 7}
    }  # fmt: skip
    assert spans["alone"].output == given, "a dictionary of the program's stays as it is"
    assert voltagent_run.traces[0].usage == {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 6}
