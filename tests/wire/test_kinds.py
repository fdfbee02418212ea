"""What arrives as one kind leaves as that kind, with tokens and model: one table, read in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic_core import from_json, to_json

from tests.helpers.sink import recording
from voltagent.core.kinds import EXTENDED
from voltagent.core.span import Phase, Span, SpanEvent, TraceInfo
from voltagent.exporters.otlp_spans import OpenSpans
from voltagent.handles import open_trace
from voltagent.storage.traces.store import Store
from voltagent.wire.otlp import encode
from voltagent.wire.otlp.classify import meaning
from voltagent.wire.otlp.decode import events_of
from voltagent.wire.otlp.profiles import PROFILES, plans
from voltagent.wire.otlp.span_view import Facts
from voltagent.wire.rest.decode import event_created
from voltagent.wire.rest.encode import request

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOT, CHILD = "00f067aa0ba902b7", "b7ad6b7169203331"


def message(id: str, parent: str | None, attributes: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    values = [encode.attribute_message(key, value) for key, value in attributes.items()]
    return {"traceId": TRACE, "spanId": id, "parentSpanId": parent or "", "name": "call", "attributes": values,
            "startTimeUnixNano": "1000000000", "endTimeUnixNano": "2000000000", **more}  # fmt: skip


def request_of(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(messages)}]}]}


def received(attributes: Mapping[str, Any], **more: Any) -> Span:
    """The operation that a span below a root with no kind is."""
    events = events_of(request_of(message(ROOT, None, {}), message(CHILD, ROOT, attributes, **more))).events
    return next(span for _, span, _ in events if span.parent is not None)


def replayed(path: Path, span: Span) -> list[Any]:
    store = Store(path / "store.db")
    store.append([(Phase.END, span, None)])
    events = store.events(str(span.trace.id))
    store.close()
    return [event for event in events if event[1].parent is not None]


USED = {"gen_ai.request.model": "m-1", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", EXTENDED)
def test_a_kind_survives_the_store_and_each_profile(kind: str, profile: str, tmp_path: Path) -> None:
    first = received({"openinference.span.kind": EXTENDED[kind].openinference, "voltagent.kind": kind, **USED})
    assert (first.kind, first.model) == (kind, "m-1")
    events = replayed(tmp_path, first)
    assert [phase for phase, _, _ in events] == [Phase.START, Phase.END]
    sent = encode.span_message(Facts(events[-1][1]), plans((profile,))[kind])
    again = events_of({"resourceSpans": [{"scopeSpans": [{"spans": [sent]}]}]}).events
    span = next(span for _, span, _ in again if span.kind == kind)
    assert span.usage == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    assert span.model == "m-1"


@pytest.mark.parametrize("kind", EXTENDED)
def test_a_kind_of_otlp_leaves_by_rest_as_that_kind(kind: str, tmp_path: Path) -> None:
    span = received({"voltagent.kind": kind, **USED})
    bodies = [request(event).body for event in replayed(tmp_path, span)]
    assert [f'"event_name":"{kind}:{phase}"'.encode() in body for phase, body in zip(("start", "success"), bodies)] == [
        True,
        True,
    ]
    assert all(f'"event_type":"{kind}"'.encode() in body for body in bodies)
    assert b'"promptTokens":7' in bodies[1]
    assert b'"model":"m-1"' in bodies[1]


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"traceloop.span.kind": "workflow"}, "workflow"),
        ({"traceloop.span.kind": "task"}, "span"),
        ({"traceloop.span.kind": "agent"}, "agent"),
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"llm.request.type": "chat"}, "llm"),
        ({"llm.request.type": "rerank"}, "reranker"),
        ({"ai.operationId": "ai.generateText"}, "agent"),
        ({"ai.operationId": "ai.generateText.doGenerate"}, "llm"),
        ({"ai.operationId": "ai.toolCall"}, "tool"),
        ({"ai.operationId": "ai.embed.doEmbed"}, "embedding"),
        ({"gen_ai.operation.name": "search_memory"}, "memory"),
        ({"gen_ai.operation.name": "upsert_memory"}, "memory"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding"),
        ({"embedding.model_name": "e-1"}, "embedding"),
        ({"gen_ai.tool.name": "search", "tool_arguments": "{}"}, "tool"),
        ({"agent_name": "helper", "final_result": "done"}, "agent"),
    ],
)
def test_the_words_of_other_programs_name_our_kinds(attributes: dict[str, str], kind: str) -> None:
    assert meaning(attributes, root=False).kind == kind


def test_a_workflow_that_is_the_first_span_is_its_trace() -> None:
    assert meaning({"traceloop.span.kind": "workflow"}, root=True).kind == "span"


def test_reads_and_writes_of_a_memory_have_the_current_names() -> None:
    assert received({"gen_ai.operation.name": "search_memory"}).operation == "read"
    assert received({"gen_ai.operation.name": "create_memory"}).operation == "write"


def test_indexed_messages_are_messages() -> None:
    span = received({"traceloop.span.kind": "", "llm.request.type": "chat", "gen_ai.prompt.0.role": "user",
                     "gen_ai.prompt.0.content": "hi", "gen_ai.completion.0.role": "assistant",
                     "gen_ai.completion.0.content": "hello", "gen_ai.completion.0.finish_reason": "stop"})  # fmt: skip
    assert span.input == b'{"messages":[{"role":"user","content":"hi"}]}'
    assert span.output == b'{"messages":[{"role":"assistant","content":"hello","finish_reason":"stop"}]}'


def event(name: str, fields: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in fields.items()]}


def test_messages_in_span_events_are_messages() -> None:
    events = [
        event("gen_ai.user.message", {"content": "hi"}),
        event("gen_ai.choice", {"finish_reason": "stop", "message": '{"role":"assistant","content":"hello"}'}),
    ]
    span = received({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1"}, events=events)
    assert span.input == b'{"messages":[{"role":"user","content":"hi"}]}'
    assert span.output == b'{"messages":[{"finish_reason":"stop","role":"assistant","content":"hello"}]}'


def test_the_event_with_the_details_of_a_request_is_not_kept_beside_its_messages() -> None:
    messages = {"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'}
    for more, kept in (({}, []), ({"mine": "x"}, [{"mine": "x"}])):
        events = [event("gen_ai.client.inference.operation.details", {**messages, **more})]
        span = received({"gen_ai.operation.name": "chat"}, events=events)
        assert span.input == b'{"result":"hi"}'
        assert [one["attributes"] for one in metadata(span).get("events", [])] == kept


def test_the_names_of_pydantic_ai_and_vercel_are_read() -> None:
    tool = received({"gen_ai.tool.name": "search", "tool_arguments": '{"q": 1}', "tool_response": "found"})
    assert (tool.name, tool.input, tool.output) == ("search", b'{"q": 1}', b'{"result":"found"}')
    call = received({"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "m-2", "ai.response.text": "hello",
                     "ai.usage.promptTokens": 3, "ai.usage.completionTokens": 4})  # fmt: skip
    assert (call.kind, call.model, call.output) == ("llm", "m-2", b'{"result":"hello"}')
    assert call.usage == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


# Every kind, profile and wire, as one law.

KINDS = ("llm", *EXTENDED)
COUNTS = st.integers(0, 10**9)
USAGES = st.fixed_dictionaries(
    {"prompt_tokens": COUNTS, "completion_tokens": COUNTS},
    optional={"cached_tokens": COUNTS, "cache_write_tokens": COUNTS, "reasoning_tokens": COUNTS},
)
MODELS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40)


def custom(kind: str, model: str, used: Mapping[str, Any]) -> list[SpanEvent]:
    """What a custom event of a type is as events, ended with tokens."""
    with recording() as (recorder, sink):
        root = open_trace(recorder, {"agent_id": "a"}, {})
        event = root.add_event(name="call", type=kind, metadata={"model_parameters": {"model": model}})
        event.record(usage=dict(used))
        event.success(output={"x": 1})
        root.end()
    return sink.events


def by_otlp(kind: str, profile: str, model: str, used: Mapping[str, Any]) -> Span:
    """A span of this kind as another program would have sent it, in the names of a profile."""
    trace = TraceInfo(f"{TRACE[:8]}-{TRACE[8:12]}-{TRACE[12:16]}-{TRACE[16:20]}-{TRACE[20:]}", "a", None)
    root = Span(trace, None, "trace", "a", None, identifier=trace.id)
    span = Span(trace, root, kind, "call", b'{"q":1}', identifier=CHILD)
    span.usage, span.model, span.status, span.end_ns = dict(used), model, "completed", span.start_ns
    span.metadata = to_json({"model_parameters": {"model": model}})
    sent = encode.span_message(Facts(span), plans((profile,))[kind])
    events = events_of({"resourceSpans": [{"scopeSpans": [{"spans": [sent]}]}]}).events
    return next(span for _, span, _ in events if span.parent is not None)


def by_rest(span: Span, start: Span) -> Span:
    """The same span after the REST API."""
    bodies = [from_json(request((phase, one, None)).body) for phase, one in ((Phase.START, start), (Phase.END, span))]
    events = [event for body in bodies for event in event_created(body, {})[1]]
    return events[-1][1]


def holds(span: Span, kind: str, model: str, used: Mapping[str, Any]) -> None:
    assert span.kind == kind
    assert {name: (span.usage or {}).get(name) for name in used} == dict(used)
    metadata: dict[str, Any] = {}
    for text in (span.metadata, *span.more_metadata):
        metadata |= from_json(text) if text else {}
    parameters: dict[str, Any] = metadata.get("model_parameters") or metadata.get("modelParameters") or {}
    assert model in (span.model, parameters.get("model"))


@pytest.mark.parametrize("kind", KINDS)
@given(profile=st.sampled_from(sorted(PROFILES)), model=MODELS, used=USAGES, through_rest=st.booleans())
def test_what_arrives_as_one_kind_leaves_as_that_kind(
    kind: str, profile: str, model: str, used: dict[str, int], through_rest: bool
) -> None:
    first = by_otlp(kind, profile, model, used)
    holds(first, kind, model, used)
    if through_rest:
        first = by_rest(first, first)
        holds(first, kind, model, used)
    for again in PROFILES:
        sent = encode.span_message(Facts(first), plans((again,))[kind])
        events = events_of({"resourceSpans": [{"scopeSpans": [{"spans": [sent]}]}]}).events
        holds(next(span for _, span, _ in events if span.parent is not None), kind, model, used)


@pytest.mark.parametrize("kind", KINDS)
def test_a_custom_event_of_a_kind_is_treated_as_that_kind(kind: str) -> None:
    used = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    events = custom(kind, "m-1", used)
    assert [phase.value for phase, span, _ in events if span.kind == kind] == ["point", "end"]
    ended = next(span for phase, span, _ in events if phase is Phase.END and span.kind == kind)
    holds(ended, kind, "m-1", used)
    root = next(span for phase, span, _ in events if phase is Phase.END and span.parent is None)
    assert root.usage == used
    bodies = [from_json(request(event).body) for event in events if event[1].kind == kind]
    assert [body["event_type"] for body in bodies] == [kind, kind]
    assert (bodies[1]["event_name"], bodies[1]["metadata"]["usage"]["totalTokens"]) == (f"{kind}:success", 9)
    for profile in PROFILES:
        exporter = OpenSpans((profile,))
        messages = [message for message in map(exporter.message, events) if message is not None]
        read = [span for _, span, _ in events_of(request_of(*messages)).events if span.parent is not None]
        assert {span.kind for span in read} == {kind}
        holds(next(span for span in read if span.usage), kind, "m-1", used)


def metadata(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = from_json(span.metadata or b"{}")
    return found


def test_openllmetry_names_workflows_tasks_and_tools() -> None:
    span = received({"traceloop.span.kind": "tool", "traceloop.entity.name": "search",
                     "traceloop.entity.input": '{"q": 1}', "traceloop.entity.output": "found"})  # fmt: skip
    assert (span.kind, span.name, span.input, span.output) == ("tool", "search", b'{"q": 1}', b'{"result":"found"}')
    older = received({"llm.request.type": "chat", "gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 3,
                      "gen_ai.usage.completion_tokens": 4, "gen_ai.usage.cache_read_input_tokens": 2,
                      "gen_ai.usage.reasoning_tokens": 1})  # fmt: skip
    assert older.usage == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cached_tokens": 2,
                           "reasoning_tokens": 1}  # fmt: skip
    assert metadata(older)["model_parameters"] == {"provider": "openai"}


def test_requested_and_answering_model_are_both_read() -> None:
    both = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.response.model": "m-2026"}
    span = received(both)
    assert (span.model, metadata(span)["model_parameters"], metadata(span)["requested_model"]) == (
        "m-2026", {"model": "m-2026"}, "m",
    )  # fmt: skip
    same = received({**both, "gen_ai.response.model": "m"})
    assert "requested_model" not in metadata(same)


def test_pydantic_ai_repeats_the_name_of_its_agent_and_sums_its_tokens() -> None:
    run = received({"gen_ai.operation.name": "invoke_agent", "agent_name": "helper", "model_name": "gpt",
                    "final_result": "done", "logfire.msg": "helper run", "logfire.json_schema": "{}",
                    "pydantic_ai.all_messages": '[{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]',
                    "gen_ai.aggregated_usage.input_tokens": 22,
                    "gen_ai.aggregated_usage.output_tokens": 14})  # fmt: skip
    assert (run.kind, run.name, run.model, run.output) == ("agent", "helper", "gpt", b'{"result":"done"}')
    assert run.usage == {"prompt_tokens": 22, "completion_tokens": 14, "total_tokens": 36}
    assert run.input == b'{"result":"hi"}'
    assert set(metadata(run)) == {"model_parameters"}
    tool = received({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.agent.name": "helper",
                     "gen_ai.aggregated_usage.input_tokens": 22})  # fmt: skip
    assert (tool.kind, tool.name, tool.agent_id, tool.usage) == ("tool", "look", "helper", None)


def test_logfire_names_a_span_by_its_message() -> None:
    assert received({"logfire.msg": "work on 1"}).name == "work on 1"


def test_vercel_tool_calls_tools_and_models_are_read() -> None:
    call = received({"ai.operationId": "ai.streamText.doStream", "ai.model.id": "m", "ai.response.model": "m-2",
                     "ai.prompt.messages": '[{"role": "user", "content": "hi"}]',
                     "ai.prompt.tools": '[{"name": "look"}]', "ai.response.finishReason": "tool-calls",
                     "ai.response.toolCalls": '[{"toolCallId": "c", "toolName": "look", "args": "{}"}]',
                     "ai.usage.inputTokens": 3, "ai.usage.outputTokens": 4,
                     "ai.usage.cachedInputTokens": 1})  # fmt: skip
    assert from_json(call.input or b"") == {
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "look"}],
    }
    assert from_json(call.output or b"")["tool_calls"] == [{"toolCallId": "c", "toolName": "look", "args": "{}"}]
    assert (call.model, metadata(call)["finish_reason"], (call.usage or {})["cached_tokens"]) == (
        "m-2",
        "tool-calls",
        1,
    )


def test_vectors_of_embeddings_are_left_out() -> None:
    span = received({"openinference.span.kind": "EMBEDDING", "embedding.model_name": "e", "llm.system": "openai",
                     "embedding.embeddings.0.embedding.text": "hi",
                     "embedding.embeddings.0.embedding.vector": [0.5] * 1000})  # fmt: skip
    assert (span.kind, span.model) == ("embedding", "e")
    assert b"0.5" not in (span.metadata or b"")
    assert from_json(span.input or b"") == {"input": ["hi"]}


def test_lists_within_indexed_messages_are_lists() -> None:
    span = received({
        "llm.request.type": "chat", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hi",
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.tool_calls.1.name": "b",
        "gen_ai.completion.0.tool_calls.0.name": "a", "gen_ai.completion.0.tool_calls.0.arguments": "{}",
        "gen_ai.completion.0.tool_calls": 5,
    })  # fmt: skip
    (answer,) = from_json(span.output or b"")["messages"]
    assert answer["role"] == "assistant"
    span = received({
        "openinference.span.kind": "LLM", "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.0.message_content.type": "text",
        "llm.output_messages.0.message.contents.0.message_content.text": "yo",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "t",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
    })  # fmt: skip
    assert from_json(span.output or b"")["messages"] == [{
        "role": "assistant",
        "contents": [{"type": "text", "text": "yo"}],
        "tool_calls": [{"id": "t", "function": {"name": "look", "arguments": "{}"}}],
    }]  # fmt: skip


@given(st.dictionaries(st.text("ab01.", max_size=12), st.integers(), max_size=9))
def test_any_names_within_indexed_messages_are_read(parts: dict[str, int]) -> None:
    attributes = {f"gen_ai.completion.0.{name}": value for name, value in parts.items()}
    assert received({"llm.request.type": "chat", **attributes}).kind == "llm"


def test_documents_of_a_reranker_are_its_output() -> None:
    span = received({"openinference.span.kind": "RERANKER", "reranker.query": "q",
                     "reranker.output_documents.0.document.content": "d",
                     "reranker.output_documents.0.document.score": 0.5})  # fmt: skip
    assert (span.kind, from_json(span.input or b"")) == ("reranker", {"query": "q"})
    assert from_json(span.output or b"") == {"result": [{"content": "d", "score": 0.5}]}


EVENTS = [
    {"event.name": "gen_ai.user.message", "content": "hi", "role": "user", "gen_ai.message.index": 0},
    {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "yo"}},
]


@pytest.mark.parametrize(
    ("attributes", "input", "output"),
    [
        (
            {"events": to_json(EVENTS).decode()},
            {"messages": [{"role": "user", "content": "hi"}]},
            {"messages": [{"index": 0, "role": "assistant", "content": "yo"}]},
        ),
        (
            {"request_data": '{"model": "m", "messages": []}', "response_data": '{"message": {"content": "yo"}}'},
            {"model": "m", "messages": []},
            {"content": "yo"},
        ),
        ({"request_data": "none", "response_data": 1, "events": "[1]"}, None, None),
    ],
    ids=["pydantic-ai", "logfire", "neither"],
)
def test_messages_in_json_attributes_of_a_request_are_read(
    attributes: dict[str, Any], input: object, output: object
) -> None:
    span = received({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **attributes})
    assert (span.input and from_json(span.input), span.output and from_json(span.output)) == (input, output)
    assert not set(attributes) & set(metadata(span)), "not twice"
    assert set(attributes) <= set(metadata(received({"span.type": "tool", **attributes}))), "of anything else they stay"


@pytest.mark.parametrize(
    ("attributes", "usage"),
    [
        (
            {"ai.operationId": "ai.streamText.doStream", "ai.usage.inputTokens": 11, "ai.usage.outputTokens": 7,
             "ai.usage.inputTokenDetails.cacheReadTokens": 3, "ai.usage.outputTokenDetails.reasoningTokens": 2},
            {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "cached_tokens": 3,
             "reasoning_tokens": 2},
        ),
        (
            {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 7,
             "gen_ai.usage.details.cached_tokens": 3, "operation.cost": 0.5},
            {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "cached_tokens": 3, "cost": 0.5},
        ),
        (
            {"langfuse.observation.type": "generation",
             "langfuse.observation.usage_details": '{"input": 11, "output": 7, "total": 18, "input_cached_tokens": 3}'},
            {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "cached_tokens": 3},
        ),
    ],
    ids=["vercel", "pydantic-ai", "langfuse"],
)  # fmt: skip
def test_details_of_usage_are_read(attributes: dict[str, Any], usage: dict[str, Any]) -> None:
    assert received(attributes).usage == usage


def test_how_an_answer_streamed_is_read() -> None:
    first = received({"gen_ai.operation.name": "chat", "gen_ai.response.time_to_first_chunk": 0.25})
    assert metadata(first)["time_to_first_item_ms"] == 250.0
    assert metadata(received({"span.type": "llm", "llm.stream": True}))["stream"] is True
