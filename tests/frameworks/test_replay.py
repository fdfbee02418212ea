"""Requests of the real clients are answered from a recorded trace: no server is there, and the answer is the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

import voltagent
from tests.frameworks import apis
from tests.frameworks.test_clients import ASK, PROMPT_TOKENS
from tests.helpers.server import Server, unused_port
from voltagent.testing import ReplayMismatch, record, replay


@pytest.fixture(autouse=True)
def _instrumented() -> Iterator[None]:
    voltagent.instrument("openai", "anthropic", "google-genai")
    yield
    voltagent.uninstrument()


def recorded(call: Callable[[str], Any]) -> Any:
    """The trace of a call to the fake server, and what it gave."""
    with Server(apis.reply) as server, record() as run:
        given = _outcome(call, server.url)
    return run.trace, given


def _outcome(call: Callable[[str], Any], url: str) -> Any:
    try:
        return call(url)
    except Exception as exc:
        return type(exc), str(exc), getattr(exc, "status_code", None)


def without_network() -> str:
    return f"http://127.0.0.1:{unused_port()}"


@pytest.mark.parametrize("call", PROMPT_TOKENS, ids=lambda call: call.__name__)
def test_every_way_to_ask_gets_the_recorded_answer(call: Callable[[str], Any]) -> None:
    trace, given = recorded(call)
    with replay(trace) as run:
        assert _outcome(call, without_network()) == given == apis.TEXT
    (before,), (again,) = trace.find("llm"), run.trace.find("llm")
    assert (again.name, again.model, again.usage, again.output) == (
        before.name,
        before.model,
        before.usage,
        before.output,
    )
    assert again.metadata.get("finish_reason") == before.metadata.get("finish_reason")
    assert again.metadata.get("response_id") == before.metadata.get("response_id")


TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def chat_tool(url: str) -> Any:
    client = import_module("openai").OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    message = client.chat.completions.create(model="gpt", messages=ASK, tools=[TOOL]).choices[0].message
    return [(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]


def chat_tool_stream(url: str) -> Any:
    client = import_module("openai").OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    with client.chat.completions.stream(model="gpt", messages=ASK, tools=[TOOL]) as stream:
        message = stream.get_final_completion().choices[0].message
    return [(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]


def chat_parsed(url: str) -> Any:
    import pydantic

    class Place(pydantic.BaseModel):
        city: str

    client = import_module("openai").OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return (
        client.chat.completions.parse(model="gpt", messages=ASK, response_format=Place).choices[0].message.parsed.city
    )


def openai_error(url: str) -> Any:
    return (
        import_module("openai")
        .OpenAI(api_key="k", base_url=f"{url}/v1")
        .chat.completions.create(model="broken", messages=ASK)
    )


def anthropic_error(url: str) -> Any:
    return (
        import_module("anthropic")
        .Anthropic(api_key="k", base_url=url)
        .messages.create(model="broken", max_tokens=9, messages=ASK)
    )


@pytest.mark.parametrize(
    "call", [chat_tool, chat_tool_stream, chat_parsed, openai_error, anthropic_error], ids=lambda call: call.__name__
)
def test_tool_calls_structured_answers_and_errors_come_back(call: Callable[[str], Any]) -> None:
    trace, given = recorded(call)
    with replay(trace):
        assert _outcome(call, without_network()) == given


def test_an_agent_of_a_framework_replays_without_a_network() -> None:
    """LangGraph: two requests and a tool."""
    agents = import_module("langchain.agents")
    calls: list[str] = []

    def weather(city: str) -> str:
        """Say how the weather is."""
        calls.append(city)
        return f"sunny in {city}"

    def ask(url: str) -> Any:
        model = import_module("langchain_openai").ChatOpenAI(
            model="gpt", base_url=f"{url}/v1", api_key="k", max_retries=0
        )
        graph = agents.create_agent(model, [import_module("langchain_core.tools").tool(voltagent.tool(weather))])
        return graph.invoke({"messages": [{"role": "user", "content": "weather?"}]})["messages"][-1].content

    trace, given = recorded(voltagent.agent(ask))
    assert (given, calls) == (apis.TEXT, ["Oslo"])
    with replay(trace) as run:
        assert voltagent.agent(ask)(without_network()) == given
    assert calls == ["Oslo"], "the tool did not run again"
    assert len(run.trace.find("llm")) == 2


@pytest.mark.parametrize("kept", [lambda message: message, lambda message: message.model_dump(exclude_none=True)])
def test_an_answer_that_the_next_request_repeats_is_the_recorded_one(kept: Callable[[Any], Any]) -> None:
    """The loop of an agent that appends the message with the tool calls to its own messages."""

    def ask(url: str) -> Any:
        client = import_module("openai").OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
        messages: list[Any] = [{"role": "user", "content": "weather?"}]
        message = client.chat.completions.create(model="gpt", messages=messages, tools=[TOOL]).choices[0].message
        messages.append(kept(message))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls]
        return client.chat.completions.create(model="gpt", messages=messages, tools=[TOOL]).choices[0].message.content

    trace, given = recorded(voltagent.agent(ask))
    assert given == apis.TEXT
    with replay(trace) as run:
        assert voltagent.agent(ask)(without_network()) == given
    assert len(run.trace.find("llm")) == 2


def test_a_request_that_is_not_in_the_recording_is_refused() -> None:
    call = next(iter(PROMPT_TOKENS))
    trace, _ = recorded(call)

    def other(url: str) -> Any:
        client = import_module("openai").OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
        return client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": "other"}])

    with pytest.raises(ReplayMismatch, match="messages"), replay(trace):
        other(without_network())
