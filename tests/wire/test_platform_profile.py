"""The platform's profile: one span for an agent and its trace, strings as strings, sub-agents, tools, model calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.helpers.sink import ListSink, recording
from voltagent import agent, llm, tool, trace
from voltagent.core import trace_ids
from voltagent.core.span import AGENT, TRACE, Phase, SpanEvent
from voltagent.exporters.otlp_spans import OpenSpans
from voltagent.handles import current_trace
from voltagent.wire.otlp.decode import events_of
from voltagent.wire.otlp.encode import OtlpMessage


def sent(events: list[SpanEvent], *profiles: str, restart: bool = False) -> list[OtlpMessage]:
    """The spans of some events; with ``restart`` each event is handled by an exporter of its own."""
    exporter = OpenSpans(profiles or ("voltops",))
    found: list[OtlpMessage] = []
    for event in events:
        message = exporter.message(event)
        assert message == exporter.message(event), "the same for a retry"
        if message is not None:
            found.append(message)
        if restart:
            identifier = event[1].trace.id
            memory = exporter.memory(identifier)
            exporter = OpenSpans(profiles or ("voltops",))
            if memory is not None:
                exporter.restore(identifier, memory)
    return found


def named(messages: list[OtlpMessage]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}  # a trace comes after its operations, and may have the same name
    for message in messages:
        values = {one["key"]: next(iter(one["value"].values())) for one in message["attributes"]}
        here = {**values, "id": message["spanId"], "parent": message.get("parentSpanId")}
        found.setdefault(message["name"], here)
    return found


@tool
def weather(city: str) -> str:
    """Say how the weather is."""
    return "sunny"


@agent(instructions="Be brief.")
def translator(text: str) -> str:
    return weather("Oslo")


@agent(instructions="Be kind.", model_parameters={"model": "gpt-5"})
def support(question: str) -> str:
    weather("Rome")
    return translator(question)


def run() -> ListSink:
    with recording() as (_, sink):
        support("hi?")
    return sink


def test_an_agent_that_opened_its_own_trace_is_one_span() -> None:
    sink = run()
    found = named(sent(sink.events))
    assert set(found) == {"support", "subagent:translator", "tool.execution:weather"}
    root = found["support"]
    assert (root["parent"], root["entity.id"], root["entity.name"]) == (None, "support", "support")
    assert (root["agent.instructions"], root["ai.model.name"], root["output"]) == ("Be kind.", "gpt-5", "sunny")
    assert not any(name.startswith(("subagent.", "agent.parent")) for name in root)
    assert found["subagent:translator"]["parent"] == root["id"] == trace_ids.span_id(sink.spans[0].trace.id)


def test_a_sub_agent_and_what_is_inside_it() -> None:
    with recording() as (_, sink):

        @agent
        def inner() -> None:
            weather("Oslo")

        @agent
        def middle() -> None:
            inner()

        @agent
        def outer() -> None:
            middle()

        outer()
    found = named(sent(sink.events))
    assert {one["entity.id"] for one in found.values()} == {"outer"}
    assert found["subagent:middle"]["subagent.name"] == "middle"
    assert found["subagent:middle"]["agent.parent.name"] == "outer"
    assert (found["subagent:inner"]["subagent.name"], found["subagent:inner"]["agent.parent.name"]) == (
        "inner",
        "middle",
    )
    inside = found["tool.execution:weather"]
    assert [inside[f"subagent.{name}"] for name in ("id", "name", "type")] == ["inner", "inner", "agent"]


def test_two_agents_of_the_same_name_are_two_spans() -> None:
    @agent(name="bot")
    def bot() -> None: ...

    @trace(agent_id="bot")
    def both() -> None:
        bot()
        bot()

    with recording() as (_, sink):
        both()
    messages = sent(sink.events)
    assert [message["name"] for message in messages] == ["subagent:bot", "bot"]


def test_a_restart_between_two_events_changes_nothing() -> None:
    sink = run()
    assert named(sent(sink.events, restart=True)) == named(sent(sink.events))


def test_other_profiles_keep_the_agent_and_its_trace_apart() -> None:
    assert len(sent(run().events, "genai")) == len(sent(run().events)) + 1


def test_a_child_of_the_trace_is_a_child_of_the_one_span() -> None:
    @agent
    def outer() -> None:
        current_trace().add_tool(name="beside").success()
        weather("Oslo")

    with recording() as (_, sink):
        outer()
    found = named(sent(sink.events))
    assert {one["parent"] for name, one in found.items() if name != "outer"} == {found["outer"]["id"]}


def test_it_is_read_back_as_an_agent_in_its_trace() -> None:
    read = events_of({"resourceSpans": [{"scopeSpans": [{"spans": sent(run().events)}]}]})
    spans = [span for _, span, _ in read.events]
    assert {(span.kind, span.name) for span in spans if span.kind in (TRACE, AGENT)} == {
        ("trace", "support"), ("agent", "support"), ("agent", "translator"),
    }  # fmt: skip
    assert {span.agent_id for span in spans if span.kind == "tool"} == {"support", "translator"}


def test_strings_are_sent_as_strings_unless_they_look_like_json() -> None:
    for output, expected in (("text", "text"), ("7", '{"result":"7"}'), ({"a": 1}, '{"a":1}'), ([1], '{"result":[1]}')):

        @tool
        def give(output: Any = output) -> Any:
            return output

        with recording() as (_, sink):
            trace(give)()
        message = named(sent(sink.events))["tool.execution:give"]
        assert message["output"] == expected
        read = events_of({"resourceSpans": [{"scopeSpans": [{"spans": sent(sink.events)}]}]})
        (span,) = [span for _, span, _ in read.events if span.kind == "tool"]
        assert span.output == sink.only.output


def test_a_tool_carries_its_description_and_parameters() -> None:
    found = named(sent(run().events))["tool.execution:weather"]
    assert found["tool.description"] == "Say how the weather is."
    assert json.loads(found["tool.parameters"])["properties"] == {"city": {"type": "string"}}
    assert named(sent(run().events, "genai"))["execute_tool weather"]["gen_ai.tool.description"]
    assert named(sent(run().events, "openinference"))["weather"]["tool.parameters"]


RESPONSE = {
    "id": "r-1",
    "model": "gpt-5-2026",
    "choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}]}}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "cost": 0.5},
}  # fmt: skip
MESSAGES = [{"role": "system", "content": "Be brief."}] + [{"role": "user", "content": f"{n}"} for n in range(11)]
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "weather", "parameters": {}}},
    {"name": "other"},
]


def model_call() -> ListSink:
    @llm(model_parameters={"provider": "openai", "temperature": 0.5})
    def ask(messages: Any, tools: Any, model: str) -> Any:
        return RESPONSE

    with recording() as (_, sink):
        ask(MESSAGES, TOOLS, model="gpt-5")
    return sink


def test_a_model_call_on_the_platform() -> None:
    call = named(sent(model_call().events))["llm:ask"]
    assert (call["llm.model"], call["llm.provider"], call["llm.temperature"]) == ("gpt-5-2026", "openai", 0.5)
    assert (call["llm.tools"], call["llm.tools.count"], call["llm.messages.count"]) == ("weather,other", "2", "12")
    assert [one["parts"][0]["content"] for one in json.loads(call["llm.messages"])] == [f"{n}" for n in range(1, 11)]
    assert (call["llm.finish_reason"], call["llm.usage.total_tokens"], call["usage.cost"]) == ("tool_calls", "18", 0.5)


def test_a_model_call_by_the_genai_conventions_keeps_both_models() -> None:
    sink = model_call()
    messages = sent(sink.events, "genai")
    call = named(messages)["chat ask"]
    assert (call["gen_ai.request.model"], call["gen_ai.response.model"]) == ("gpt-5", "gpt-5-2026")
    assert call["gen_ai.response.id"] == "r-1"
    assert json.loads(call["gen_ai.input.messages"])[0] == {
        "role": "system", "parts": [{"type": "text", "content": "Be brief."}],
    }  # fmt: skip
    (answer,) = json.loads(call["gen_ai.output.messages"])
    assert answer["finish_reason"] == "tool_calls"
    assert answer["parts"] == [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": '{"city": "Oslo"}'}]
    (span,) = [s for _, s, _ in events_of({"resourceSpans": [{"scopeSpans": [{"spans": messages}]}]}).events
               if s.kind == "llm"]  # fmt: skip
    assert json.loads(span.input or b"") == {"messages": MESSAGES, "tools": TOOLS, "model": "gpt-5"}
    assert (span.model, json.loads(span.metadata or b"")["requested_model"]) == ("gpt-5-2026", "gpt-5")


def test_a_model_call_by_openinference_has_each_message() -> None:
    call = named(sent(model_call().events, "openinference"))["ask"]
    assert (call["llm.input_messages.0.message.role"], call["llm.input_messages.1.message.content"]) == ("system", "0")
    assert call["llm.output_messages.0.message.tool_calls.0.tool_call.function.name"] == "weather"
    assert json.loads(call["llm.tools.1.tool.json_schema"]) == {"name": "other"}
    assert call["llm.finish_reason"] == "tool_calls"


THOUGHTFUL = [
    {"role": "user", "content": "Sum?"},
    {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "one", "signature": "s"}, {"type": "text", "text": "4"}],
    },
    {"role": "assistant", "reasoning_content": "two", "content": "4"},
    {"role": "model", "parts": [{"text": "three", "thought": True}, {"text": "4"}]},
    {"role": "assistant", "content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "four"}]}]},
    {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "five", "signature": "s"}}}]},
    {"role": "assistant", "content": [{"type": "reasoning_content", "reasoning_content": {"text": "six"}}]},
    {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "EmwK"}, {"type": "text", "text": "4"}]},
]


def reasoning_call() -> ListSink:
    @llm
    def ask(messages: Any) -> Any:
        message = {"role": "assistant", "reasoning_content": "2 and 2", "content": "4"}
        return {"id": "r", "model": "m", "choices": [{"finish_reason": "stop", "message": message}]}

    with recording() as (_, sink):
        ask(THOUGHTFUL)
    return sink


def test_reasoning_is_a_part_of_its_own_by_the_genai_conventions() -> None:
    call = named(sent(reasoning_call().events, "genai"))["chat ask"]
    (answer,) = json.loads(call["gen_ai.output.messages"])
    assert answer["parts"] == [{"type": "reasoning", "content": "2 and 2"}, {"type": "text", "content": "4"}]
    given = [message["parts"][0] for message in json.loads(call["gen_ai.input.messages"])]
    thoughts = ("one", "two", "three", "four", "five", "six")
    assert given[1:7] == [{"type": "reasoning", "content": text} for text in thoughts]
    assert given[7]["type"] == "redacted_thinking"


@pytest.mark.parametrize("kind", [["string", "null"], {"enum": [1]}, 5, True])
def test_a_type_that_is_no_text_stops_no_message(kind: object) -> None:
    @llm
    def ask(messages: Any) -> str:
        return "4"

    with recording() as (_, sink):
        ask([{"type": kind, "content": "Sum?"}, {"role": "user", "content": [{"type": kind, "size": 1}]}])
    given = json.loads(named(sent(sink.events, "genai"))["chat ask"]["gen_ai.input.messages"])
    assert [message["parts"] for message in given] == [
        [{"type": "text", "content": "Sum?"}], [{"type": kind, "size": 1}],
    ]  # fmt: skip


def test_what_stands_between_messages_is_sent_too() -> None:
    @llm
    def ask(input: Any) -> str:
        return "4"

    with recording() as (_, sink):
        ask([
            {"role": "user", "content": "Sum?"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "4"},
        ])  # fmt: skip
    given = json.loads(named(sent(sink.events, "genai"))["chat ask"]["gen_ai.input.messages"])
    assert given[1:] == [
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "add", "arguments": "{}"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "result": "4"}]},
    ]


def test_reasoning_is_no_part_of_the_content_by_openinference() -> None:
    call = named(sent(reasoning_call().events, "openinference"))["ask"]
    assert call["llm.output_messages.0.message.content"] == "4"
    assert [call[f"llm.input_messages.{n}.message.content"] for n in (1, 2, 3, 7)] == ["4"] * 4
    assert "llm.input_messages.4.message.content" not in call


def test_a_prompt_that_is_a_string_is_one_message() -> None:
    @llm
    def ask(prompt: str, k: int) -> str:
        return "fine"

    with recording() as (_, sink):
        ask("how?", 3)
    messages = sent(sink.events, "genai")
    call = named(messages)["chat ask"]
    assert json.loads(call["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "how?"}]}
    ]
    (span,) = [s for _, s, _ in events_of({"resourceSpans": [{"scopeSpans": [{"spans": messages}]}]}).events
               if s.kind == "llm"]  # fmt: skip
    assert (json.loads(span.input or b""), json.loads(span.output or b"")) == (
        {"prompt": "how?", "k": 3}, {"result": "fine"},
    )  # fmt: skip


def test_phases_that_are_not_spans_have_no_message() -> None:
    sink = run()
    exporter = OpenSpans(("voltops",))
    assert all(exporter.message(event) is None for event in sink.events if event[0] is Phase.START)
