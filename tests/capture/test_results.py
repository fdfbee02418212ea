"""The table of model results: model, usage, finish reason, id and answer of each client and framework."""

from __future__ import annotations

import dataclasses
from collections import UserDict, namedtuple
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, create_model

from voltagent.capture.results import ModelResult, is_client_type, read_result
from voltagent.capture.results.streams import packed
from voltagent.capture.usage import checked_usage, counted, summed
from voltagent.errors import ValidationError

CALL = {"id": "t1", "name": "look", "arguments": '{"a":1}'}


def message(text: str | None, *calls: object, reasoning: str | None = None) -> dict[str, Any]:
    thought = {} if reasoning is None else {"reasoning_content": reasoning}
    return {"role": "assistant", **thought, "content": text, **({"tool_calls": list(calls)} if calls else {})}


# name -> (result, what is recorded: model, usage, finish reason, response id, answer)
RESULTS: dict[str, tuple[dict[str, Any], tuple[object, ...]]] = {
    "chat completion with cached and reasoning tokens": (
        {
            "id": "chat-7",
            "object": "chat.completion",
            "model": "small-1",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
            "usage": {
                "prompt_tokens": 90,
                "completion_tokens": 30,
                "total_tokens": 120,
                "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
        },
        (
            "small-1",
            {"prompt_tokens": 90, "completion_tokens": 30, "total_tokens": 120, "cached_tokens": 64,
             "reasoning_tokens": 20},
            "stop",
            "chat-7",
            "Hello",
        ),
    ),
    "chat completion with a tool call": (
        {
            "id": "c",
            "model": "m",
            "choices": [
                {
                    "finish_reason": "tool_calls",
                    "message": {
                        "content": None,
                        "tool_calls": [
                            {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
                        ],
                    },
                }
            ],
        },
        ("m", None, "tool_calls", "c", message(None, CALL)),
    ),
    "responses": (
        {
            "id": "resp-1",
            "object": "response",
            "model": "m",
            "status": "completed",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
                {"type": "function_call", "call_id": "t1", "name": "look", "arguments": '{"a":1}'},
            ],
            "usage": {
                "input_tokens": 8,
                "input_tokens_details": {"cached_tokens": 3},
                "output_tokens": 4,
                "output_tokens_details": {"reasoning_tokens": 2},
                "total_tokens": 12,
            },
        },
        (
            "m",
            {"prompt_tokens": 8, "completion_tokens": 4, "total_tokens": 12, "cached_tokens": 3, "reasoning_tokens": 2},
            "completed",
            "resp-1",
            message("Hi", CALL),
        ),
    ),
    "embeddings": (
        {"model": "e", "data": [{"embedding": [0.5, 0.25]}], "usage": {"prompt_tokens": 6, "total_tokens": 6}},
        ("e", {"prompt_tokens": 6, "total_tokens": 6}, None, None, {"embeddings": 1, "dimensions": 2}),
    ),
    "anthropic": (
        {
            "id": "msg-1",
            "model": "claude",
            "role": "assistant",
            "stop_reason": "tool_use",
            "content": [
                {"type": "thinking", "thinking": "Let me see"},
                {"type": "text", "text": "Looking"},
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}},
            ],
            "usage": {
                "input_tokens": 5,
                "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": 20,
                "output_tokens": 10,
            },
        },
        (
            "claude",
            {"prompt_tokens": 1025, "completion_tokens": 10, "total_tokens": 1035, "cached_tokens": 1000,
             "cache_write_tokens": 20},
            "tool_use",
            "msg-1",
            message("Looking", {"id": "t1", "name": "look", "arguments": {"a": 1}}, reasoning="Let me see"),
        ),
    ),
    "google with thoughts and tool prompts": (
        {
            "response_id": "g-1",
            "model_version": "gemini",
            "candidates": [
                {
                    "content": {"parts": [{"text": "hm", "thought": True}, {"text": "Hi"}]},
                    "finish_reason": "STOP",
                }
            ],
            "usage_metadata": {
                "prompt_token_count": 10,
                "tool_use_prompt_token_count": 2,
                "cached_content_token_count": 4,
                "candidates_token_count": 5,
                "thoughts_token_count": 7,
                "total_token_count": 24,
            },
        },
        (
            "gemini",
            {"prompt_tokens": 12, "completion_tokens": 12, "total_tokens": 24, "cached_tokens": 4,
             "reasoning_tokens": 7},
            "STOP",
            "g-1",
            message("Hi", reasoning="hm"),
        ),
    ),
    "google over REST": (
        {
            "modelVersion": "gemini",
            "candidates": [{"content": {"parts": [{"functionCall": {"name": "look", "args": {"a": 1}}}]}}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        },
        (
            "gemini",
            {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            None,
            None,
            message(None, {"name": "look", "arguments": {"a": 1}}),
        ),
    ),
    "bedrock with a cache": (
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 4, "outputTokens": 2, "totalTokens": 106, "cacheReadInputTokens": 100},
        },
        (
            None,
            {"prompt_tokens": 104, "completion_tokens": 2, "total_tokens": 106, "cached_tokens": 100},
            "end_turn",
            None,
            "Hi",
        ),
    ),
    "ollama": (
        {
            "model": "llama",
            "message": {"role": "assistant", "content": "Hi"},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 20,
            "eval_count": 5,
        },
        ("llama", {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}, "stop", None, "Hi"),
    ),
    "ollama generate": (
        {"model": "llama", "response": "Hi", "done": True, "prompt_eval_count": 2, "eval_count": 5},
        ("llama", {"prompt_tokens": 2, "completion_tokens": 5, "total_tokens": 7}, None, None, "Hi"),
    ),
    "openai-agents run": (
        {
            "raw_responses": [
                {"output": [], "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}, "response_id": "a"},
                {"output": [], "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}, "response_id": "b"},
            ],
            "context_wrapper": {"usage": {"input_tokens": 99}},
            "final_output": {"answer": 42},
            "_last_agent": {"model": "m"},
        },
        ("m", {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11}, None, "b", {"answer": 42}),
    ),
    "pydantic-ai run, without the history that it was given": (
        {
            "output": "Hi",
            "_new_message_index": 2,
            "_state": {
                "message_history": [
                    {"kind": "request", "parts": []},
                    {"kind": "response", "parts": [], "usage": {"input_tokens": 100, "output_tokens": 100}},
                    {"kind": "request", "parts": []},
                    {
                        "kind": "response",
                        "parts": [],
                        "model_name": "m",
                        "provider_response_id": "r-2",
                        "usage": {"input_tokens": 3, "cache_read_tokens": 1, "output_tokens": 2},
                    },
                ]
            },
        },
        (
            "m",
            {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cached_tokens": 1},
            None,
            "r-2",
            "Hi",
        ),
    ),
    "pydantic-ai response": (
        {
            "parts": [
                {"part_kind": "thinking", "content": "hm"},
                {"part_kind": "text", "content": "Hi"},
                {"part_kind": "tool-call", "tool_name": "look", "args": '{"a":1}', "tool_call_id": "t1"},
            ],
            "model_name": "m",
            "usage": {"input_tokens": 3, "output_tokens": 2},
            "finish_reason": "stop",
        },
        (
            "m",
            {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            "stop",
            None,
            message("Hi", CALL, reasoning="hm"),
        ),
    ),
    "langchain message": (
        {
            "type": "ai",
            "content": [{"type": "text", "text": "Hi"}],
            "response_metadata": {"model_name": "m", "finish_reason": "stop", "id": "r-1"},
            "usage_metadata": {
                "input_tokens": 9,
                "output_tokens": 2,
                "total_tokens": 11,
                "input_token_details": {"cache_read": 4, "cache_creation": 3},
                "output_token_details": {"reasoning": 1},
            },
        },
        (
            "m",
            {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "cached_tokens": 4,
             "cache_write_tokens": 3, "reasoning_tokens": 1},
            "stop",
            "r-1",
            "Hi",
        ),
    ),
    "langgraph state, of this turn only": (
        {
            "messages": [
                {"type": "ai", "content": "old", "response_metadata": {}, "usage_metadata": {"input_tokens": 100}},
                {"type": "human", "content": "?"},
                {"type": "ai", "content": "", "response_metadata": {"id": "a"}, "usage_metadata": {"input_tokens": 3}},
                {"type": "tool", "content": "x"},
                {"type": "ai", "content": "Hi", "response_metadata": {"id": "b"},
                 "usage_metadata": {"input_tokens": 4}},
            ]
        },
        (None, {"prompt_tokens": 7}, None, "b", "Hi"),
    ),
    "crewai": (
        {"raw": "Hi", "tasks_output": [], "token_usage": {"total_tokens": 5, "prompt_tokens": 3,
                                                           "cached_prompt_tokens": 1, "completion_tokens": 2}},
        (
            None,
            {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cached_tokens": 1},
            None,
            None,
            "Hi",
        ),
    ),
    "llama-index, from what it wraps": (
        {
            "message": {"blocks": [{"block_type": "text", "text": "Hi"}]},
            "raw": {"id": "c", "model": "m", "choices": [{"finish_reason": "stop", "message": {"content": "Hi"}}],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_cache_hit_tokens": 1}},
            "additional_kwargs": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        },
        ("m", {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cached_tokens": 1}, "stop", "c", "Hi"),
    ),
    "dspy": (
        {
            "_store": {"answer": "Hi"},
            "_lm_usage": {
                "a/small": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
                "a/large": {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9},
            },
        },
        ("a/large", {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}, None, None, {"answer": "Hi"}),
    ),
    "smolagents run": (
        {"output": "Hi", "state": "success", "steps": [], "token_usage": {"input_tokens": 1, "output_tokens": 2}},
        (None, {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, None, None, "Hi"),
    ),
    "a part of a usage": (
        {"usage": {"completion_tokens": 3}},
        (None, {"completion_tokens": 3}, None, None, None),
    ),
}  # fmt: skip


def as_dict(value: object) -> object:
    return value


def as_namespace(value: object) -> object:
    return changed(value, lambda fields: SimpleNamespace(**fields))


def as_dataclass(value: object) -> object:
    def instance(fields: dict[str, Any]) -> object:
        # a field of a data class has a name without a leading underscore or not: both are stored alike
        return dataclasses.make_dataclass("Made", [*fields], slots=False)(**fields)

    return changed(value, instance)


def as_slots(value: object) -> object:
    def instance(fields: dict[str, Any]) -> object:
        made: Any = type("Made", (), {"__slots__": tuple(fields)})()
        for name, one in fields.items():
            setattr(made, name, one)
        return made

    return changed(value, instance)


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())


def as_model(value: object) -> object:
    def instance(fields: dict[str, Any]) -> object:
        public = {name: one for name, one in fields.items() if not name.startswith("_")}
        made = create_model("Made", __base__=Loose, **dict.fromkeys(list(public)[:1], (Any, ...))).model_construct(  # type: ignore[call-overload]
            **public
        )
        made.__dict__.update({name: one for name, one in fields.items() if name.startswith("_")})
        return made

    return changed(value, instance)


def as_proxies(value: object) -> object:
    return changed(value, MappingProxyType)


def as_user_dicts(value: object) -> object:
    return changed(value, UserDict)


def as_named_tuples(value: object) -> object:
    def instance(fields: dict[str, Any]) -> object:
        try:
            return namedtuple("Made", fields)(**fields)
        except ValueError:  # a name that begins with an underscore
            return SimpleNamespace(**fields)

    return changed(value, instance)


def changed(value: Any, instance: Callable[[dict[str, Any]], object]) -> object:
    """A copy in which every dict whose keys are names is an object."""
    if isinstance(value, dict):
        fields = {name: changed(one, instance) for name, one in value.items()}
        return instance(fields) if all(name.isidentifier() for name in fields) else fields
    return [changed(one, instance) for one in value] if isinstance(value, list) else value


FORMS = (as_dict, as_namespace, as_dataclass, as_slots, as_model, as_proxies, as_user_dicts, as_named_tuples)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", RESULTS)
def test_a_known_layout_is_read_whatever_stores_it(name: str, form: Callable[[object], object]) -> None:
    result, expected = RESULTS[name]
    found = read_result(form(result), any_shape=True)
    assert found is not None
    *facts, answer = expected
    assert [found.model, found.usage, found.finish_reason, found.response_id] == facts
    assert form(answer) == found.answer or same(found.answer, answer)


def same(found: object, expected: object) -> bool:
    """Whether what was found has the fields that were expected, in objects of any class."""
    if isinstance(expected, dict):
        get = found.get if isinstance(found, Mapping) else lambda name: getattr(found, name)
        return all(same(get(name), one) for name, one in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and all(map(same, found, expected))
    return found == expected


def test_without_any_shape_only_the_clients_own_classes_are_taken() -> None:
    result = RESULTS["ollama"][0]
    assert read_result(result) is None
    assert read_result(as_namespace(result)) is None
    for package, name in (("ollama._types", "ChatResponse"), ("openai.types.chat", "ChatCompletion")):
        kind = type(name, (SimpleNamespace,), {"__module__": package})
        found = read_result(type("Mine", (kind,), {"__module__": "mine"})(**result, choices=[]))
        assert is_client_type(kind)
        assert found is not None
    assert not is_client_type(type("ChatCompletion", (), {"__module__": "mine"}))


def _fails(name: str) -> Callable[..., Any]:
    def run(*_: object) -> Any:
        pytest.fail(f"{name} ran")

    return run


_CODE = ("__getattr__", "__getattribute__", "__eq__", "__hash__", "__bool__", "__len__", "__iter__", "__repr__")
Hostile = type("Hostile", (), {name: _fails(name) for name in _CODE} | {"usage": property(_fails("a property"))})


def test_no_code_of_the_result_runs() -> None:
    assert read_result(Hostile(), any_shape=True) is None
    for name in ("usage", "choices", "messages", "output", "content", "raw", "_state"):
        read_result({name: Hostile(), "model": Hostile(), "content": Hostile()}, any_shape=True)
        packed([{name: Hostile(), "type": Hostile()}], any_shape=True)
    assert counted(Hostile()) is None
    assert read_result(Hostile, any_shape=True) is None
    assert counted(Hostile) is None


def test_no_code_of_a_block_runs() -> None:
    message = {
        "role": "assistant",
        "content": [{"type": Hostile(), "text": "hidden"}, {"type": "text", "text": "seen"}],
    }
    found = read_result({"id": "c", "model": "m", "choices": [{"message": message}]}, any_shape=True)
    assert found is not None
    assert found.model == "m"


def test_thoughts_are_no_part_of_the_text() -> None:
    blocks = [{"type": "text", "text": "Thinking.", "thought": True}, {"type": "text", "text": "Sunny."}]
    found = read_result({"id": "c", "model": "m", "choices": [{"message": {"content": blocks}}]}, any_shape=True)
    assert found is not None
    assert found.answer == message("Sunny.", reasoning="Thinking.")


def test_a_raw_response_is_read_from_its_body_unless_it_was_parsed() -> None:
    body = b'{"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
    raw = SimpleNamespace(http_response=SimpleNamespace(_content=body), _parsed_by_type={})
    found = read_result(raw, any_shape=True)
    assert found is not None
    assert (found.model, found.usage) == ("m", {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
    raw._parsed_by_type = {int: RESULTS["ollama"][0]}
    assert read_result(raw, any_shape=True).model == "llama"  # type: ignore[union-attr]
    for broken in (b"no JSON", b"", None):
        raw = SimpleNamespace(http_response=SimpleNamespace(_content=broken), _parsed_by_type={})
        found = read_result(raw, any_shape=True)
        assert found is None or found.usage is None


# Streams.

STREAMS: dict[str, tuple[list[dict[str, Any]], tuple[object, ...]]] = {
    "crewai": (
        [
            {"content": "H", "chunk_type": "text", "agent_role": "a", "tool_call": None},
            {"content": "i", "chunk_type": "text", "agent_role": "a", "tool_call": None},
            {"content": "", "chunk_type": "tool_call", "agent_role": "a",
             "tool_call": {"index": 0, "tool_id": "t1", "tool_name": "look", "arguments": '{"a":1}'}},
        ],
        (None, None, None, None, message("Hi", CALL)),
    ),
    "dspy": (
        [
            {"predict_name": "self", "signature_field_name": "answer", "chunk": "H", "is_last_chunk": False},
            {"predict_name": "self", "signature_field_name": "answer", "chunk": "i", "is_last_chunk": True},
        ],
        (None, None, None, None, "Hi"),
    ),
    "chat completion": (
        [
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "H"}}], "usage": None},
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "i"}, "finish_reason": "stop"}]},
            {"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        ],
        ("m", {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, "stop", "c", "Hi"),
    ),
    "chat completion with tool calls": (
        [
            {"id": "c", "choices": [{"delta": {"tool_calls": [
                {"index": 0, "id": "t1", "function": {"name": "look", "arguments": ""}}]}}]},
            {"id": "c", "choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}}]},
            {"id": "c", "choices": [{"delta": {"tool_calls": [
                {"index": 0, "function": {"arguments": ":1}"}},
                {"index": 1, "id": "t2", "function": {"name": "go", "arguments": "{}"}}]}}]},
        ],
        (None, None, None, "c", message(None, CALL, {"id": "t2", "name": "go", "arguments": "{}"})),
    ),
    "anthropic": (
        [
            {"type": "message_start", "message": {"id": "msg", "model": "claude", "usage": {
                "input_tokens": 5, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 20,
                "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1,
             "content_block": {"type": "tool_use", "id": "t1", "name": "look", "input": {}}},
            {"type": "content_block_delta", "index": 1, "delta": {"partial_json": '{"a"'}},
            {"type": "content_block_delta", "index": 1, "delta": {"partial_json": ":1}"}},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 10}},
            {"type": "message_stop"},
        ],
        (
            "claude",
            {"prompt_tokens": 1025, "completion_tokens": 10, "total_tokens": 1035, "cached_tokens": 1000,
             "cache_write_tokens": 20},
            "tool_use",
            "msg",
            message("Hi", CALL),
        ),
    ),
    "responses": (
        [
            {"type": "response.created", "response": {"id": "resp-1", "model": "m"}},
            {"type": "response.output_text.delta", "delta": "H"},
            {"type": "response.completed", "response": RESULTS["responses"][0]},
        ],
        RESULTS["responses"][1],
    ),
    "responses, left early": (
        [
            {"type": "response.created", "response": {"id": "r", "model": "m"}},
            {"type": "response.output_text.delta", "delta": "H"},
            {"type": "response.output_item.added", "output_index": 1,
             "item": {"type": "function_call", "call_id": "t1", "name": "look"}},
            {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a":1}'},
        ],
        ("m", None, None, "r", message("H", CALL)),
    ),
    "google": (
        [
            {"response_id": "g", "model_version": "gemini", "candidates": [{"content": {"parts": [{"text": "H"}]}}],
             "usage_metadata": {"prompt_token_count": 11, "total_token_count": 11}},
            {"response_id": "g", "model_version": "gemini", "candidates": [
                {"content": {"parts": [{"text": "i"}]}, "finish_reason": "STOP"}],
             "usage_metadata": {"prompt_token_count": 11, "candidates_token_count": 5, "thoughts_token_count": 7,
                                "total_token_count": 23}},
        ],
        (
            "gemini",
            {"prompt_tokens": 11, "completion_tokens": 12, "total_tokens": 23, "reasoning_tokens": 7},
            "STOP",
            "g",
            "Hi",
        ),
    ),
    "ollama": (
        [
            {"model": "llama", "message": {"role": "assistant", "content": "H"}, "done": False},
            {"model": "llama", "message": {"role": "assistant", "content": "i"}, "done": False},
            {"model": "llama", "message": {"content": ""}, "done": True, "done_reason": "stop",
             "prompt_eval_count": 26, "eval_count": 4},
        ],
        ("llama", {"prompt_tokens": 26, "completion_tokens": 4, "total_tokens": 30}, "stop", None, "Hi"),
    ),
    "bedrock": (
        [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}},
            {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t1", "name": "look"}}}},
            {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"a":1}'}}}},
            {"messageStop": {"stopReason": "tool_use"}},
            {"metadata": {"usage": {"inputTokens": 30, "outputTokens": 4, "totalTokens": 34}}},
        ],
        (
            None,
            {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34},
            "tool_use",
            None,
            message("Hi", CALL),
        ),
    ),
    "langchain, whose usages add up": (
        [
            {"type": "AIMessageChunk", "id": "run-1", "content": "H", "response_metadata": {"model_name": "m"},
             "usage_metadata": {"input_tokens": 5, "output_tokens": 0, "total_tokens": 5}},
            {"type": "AIMessageChunk", "id": "run-1", "content": [{"type": "text", "text": "i"}],
             "response_metadata": {"finish_reason": "stop"},
             "usage_metadata": {"input_tokens": 0, "output_tokens": 3, "total_tokens": 3}},
        ],
        ("m", {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}, "stop", "run-1", "Hi"),
    ),
    "pydantic-ai events": (
        [
            {"event_kind": "part_start", "index": 0, "part": {"part_kind": "text", "content": "H"}},
            {"event_kind": "part_delta", "index": 0, "delta": {"part_delta_kind": "text", "content_delta": "i"}},
            {"event_kind": "part_start", "index": 1,
             "part": {"part_kind": "tool-call", "tool_name": "look", "args": '{"a"', "tool_call_id": "t1"}},
            {"event_kind": "part_delta", "index": 1,
             "delta": {"part_delta_kind": "tool_call", "args_delta": ":1}"}},
        ],
        (None, None, None, None, message("Hi", CALL)),
    ),
    "events of OpenAI's stream helper": (
        [
            {"type": "chunk", "chunk": {"id": "c", "model": "m", "choices": [{"delta": {"content": "Hi"}}]}},
            {"type": "chunk", "chunk": {"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 1}}},
        ],
        ("m", {"prompt_tokens": 1}, None, "c", "Hi"),
    ),
    "several choices": (
        [
            {"id": "a", "model": "m", "choices": [{"index": 0, "delta": {"content": "H"}}]},
            {"id": "a", "model": "m", "choices": [{"index": 1, "delta": {"content": "Y"}}]},
            {"id": "a", "model": "m", "choices": [{"index": 1, "delta": {"content": "o"}, "finish_reason": "length"},
                                                  {"index": 0, "delta": {"content": "i"}, "finish_reason": "stop"}]},
            {"id": "a", "model": "m", "choices": [], "usage": {"prompt_tokens": 1}},
        ],
        ("m", {"prompt_tokens": 1}, "stop", "a", ["Hi", "Yo"]),
    ),
    "several responses": (
        [
            {"id": "a", "model": "m", "choices": [{"delta": {"content": "H"}}]},
            {"id": "a", "model": "m", "choices": [], "usage": {"prompt_tokens": 1}},
            {"id": "b", "model": "n", "choices": [{"delta": {"content": "i"}}]},
            {"id": "b", "model": "n", "choices": [], "usage": {"prompt_tokens": 2}},
        ],
        ("n", {"prompt_tokens": 3}, None, "b", ["H", "i"]),
    ),
    "usage beside the chunk's own fields": (
        [
            {"id": "c", "model": "m", "choices": [{"delta": {"content": "H"}}]},
            {"id": "c", "model": "m", "choices": [{"delta": {"content": "i"}, "finish_reason": "stop"}],
             "x_groq": {"id": "r", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}},
        ],
        ("m", {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, "stop", "c", "Hi"),
    ),
    "a text completion with its usage in the last chunk": (
        [
            {"id": "c", "model": "m", "choices": [{"index": 0, "text": "H", "finish_reason": None}]},
            {"id": "c", "model": "m", "choices": [{"index": 0, "text": "i", "finish_reason": "stop"}],
             "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        ],
        ("m", {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, "stop", "c", "Hi"),
    ),
    "several candidates": (
        [
            {"responseId": "g", "candidates": [{"content": {"parts": [{"text": "a"}]}},
                                               {"index": 1, "content": {"parts": [{"text": "b"}]}}]},
            {"responseId": "g", "candidates": [{"content": {"parts": [{"text": "A"}]}, "finishReason": "STOP"},
                                               {"index": 1, "content": {"parts": [{"text": "B"}]}}]},
        ],
        (None, None, "STOP", "g", ["aA", "bB"]),
    ),
    "two whole results without an id": (
        [
            {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
             "usageMetadata": {"promptTokenCount": 1}}
            for text in ("Hi", "Ho")
        ],
        (None, {"prompt_tokens": 2}, "STOP", None, ["Hi", "Ho"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_put_together_from_its_chunks(name: str, form: Callable[[object], object]) -> None:
    chunks, expected = STREAMS[name]
    found = packed(form(chunks), any_shape=True)
    assert found is not None
    *facts, answer = expected
    assert [found.model, found.usage, found.finish_reason, found.response_id] == facts
    assert same(found.answer, answer)


@pytest.mark.parametrize("items", [[], ["text"], [1, 2], [{"a": 1}], "text", None, [None]])
def test_a_list_of_anything_else_is_no_stream(items: object) -> None:
    assert packed(items, any_shape=True) is None


def test_a_list_of_results_is_counted_as_each_of_them() -> None:
    items = [RESULTS["chat completion with cached and reasoning tokens"][0], RESULTS["anthropic"][0]]
    both = [found for found in map(read_result_of_any_shape, items) if found is not None]
    found = packed(items, any_shape=True)
    assert found is not None
    assert found.usage == summed(one.usage for one in both if one.usage is not None)
    assert (found.model, found.response_id) == (both[1].model, both[1].response_id)
    assert found.answer == [one.answer for one in both]
    found = packed([ValueError(), *items, "text"], any_shape=True)
    assert found is not None
    assert found.usage is not None
    assert found.answer is None, "what else is in the list is recorded, too"


def read_result_of_any_shape(item: object) -> ModelResult | None:
    return read_result(item, any_shape=True)


# Usage.


@dataclasses.dataclass
class Usage:
    input_tokens: object = 3
    output_tokens: object = 4


def test_a_data_class_is_taken_wherever_a_mapping_is() -> None:
    expected = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert checked_usage(Usage()) == counted(Usage()) == expected
    assert checked_usage(Usage(output_tokens=None)) == {"prompt_tokens": 3}


@pytest.mark.parametrize("number", [Decimal(18), Fraction(18), 18.0, type("Count", (int,), {})(18)])
def test_values_of_any_numeric_type_add_up(number: object) -> None:
    assert counted({"prompt_tokens": number}) == checked_usage({"prompt_tokens": number}) == {"prompt_tokens": 18}
    assert summed([{"prompt_tokens": number}, {"prompt_tokens": 2}, {"prompt_tokens": Decimal("0.5")}]) == {
        "prompt_tokens": 20.5
    }


def test_what_a_caller_gives_is_to_be_a_number() -> None:
    with pytest.raises(ValidationError, match="prompt_tokens"):
        checked_usage({"prompt_tokens": "3"})


def test_numpy_numbers_add_up() -> None:
    numpy = pytest.importorskip("numpy")
    assert counted({"prompt_tokens": numpy.int64(18)}) == {"prompt_tokens": 18}
    assert counted({"prompt_tokens": numpy.float32(0.5)}) == {"prompt_tokens": 0.5}
    assert counted({"prompt_tokens": numpy.float64("nan")}) is None


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("0", 0), ("0012", 12), ("12.5", 12.5), ("0.00031", 0.00031)])
def test_a_plain_decimal_in_a_string_is_counted(text: str, number: float) -> None:
    assert counted({"prompt_tokens": text, "cost": text}) == {"prompt_tokens": number, "cost": number}
    details = {"prompt_tokens": 90, "prompt_tokens_details": {"cached_tokens": text}}
    assert counted(details) == {"prompt_tokens": 90, "cached_tokens": number}
    beside = {"input_tokens": text, "output_tokens": "1", "cache_read_input_tokens": text}
    assert counted(beside) == {
        "prompt_tokens": 2 * number,
        "completion_tokens": 1,
        "total_tokens": 2 * number + 1,
        "cached_tokens": number,
    }


@pytest.mark.parametrize(
    "text", ["", " 12", "+1", "-1", "1e3", "1_000", "1,000", "٣", "nan", "inf", "0x1", "1.", ".5", "1.2.3", "9" * 400]
)
def test_any_other_string_is_no_count(text: str) -> None:
    assert counted({"prompt_tokens": text, "cost": text}) is None


@pytest.mark.parametrize(
    "number", [True, "three", None, float("nan"), float("inf"), Decimal("NaN"), Decimal("1e999"), []]
)
def test_what_is_no_number_is_not_counted(number: object) -> None:
    assert counted({"prompt_tokens": number}) is None
    if number is not None:
        with pytest.raises(ValidationError, match="prompt_tokens"):
            checked_usage({"prompt_tokens": number})


def test_what_a_caller_gives_is_put_in_our_sense_and_the_rest_is_kept() -> None:
    given = {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 10, "service_tier": "standard"}
    assert checked_usage(given) == {
        "prompt_tokens": 105,
        "completion_tokens": 10,
        "total_tokens": 115,
        "cached_tokens": 100,
        "service_tier": "standard",
    }
    parts = {"prompt_tokens": 1, "completion_tokens": 2}
    assert checked_usage(parts) == {**parts, "total_tokens": 3}
    assert checked_usage({**parts, "total_tokens": 5}) == {**parts, "total_tokens": 5}, "what the caller says"
    assert checked_usage({"prompt_tokens": 1}) == {"prompt_tokens": 1}


def test_a_result_without_responses_has_no_usage() -> None:
    assert ModelResult().usage is None


def test_a_cost_may_stand_among_its_parts() -> None:
    usage = {"prompt_tokens": 1, "cost": {"input_tokens_cost": 0.001, "total_cost": 0.006}}
    assert counted(usage) == {"prompt_tokens": 1, "cost": 0.006}
    assert (checked_usage(usage) or {})["cost"] == 0.006


def test_what_amazons_models_read_from_a_cache_is_input() -> None:
    usage = {"inputTokens": 30, "outputTokens": 4, "cacheReadInputTokenCount": 20, "cacheWriteInputTokenCount": 10}
    assert counted(usage) == {
        "prompt_tokens": 60,
        "completion_tokens": 4,
        "total_tokens": 64,
        "cached_tokens": 20,
        "cache_write_tokens": 10,
    }


@pytest.mark.parametrize("name", ["token_count", "tokenCount"])
def test_the_tokens_that_google_counts_for_each_embedding_add_up(name: str) -> None:
    found = read_result(
        {"embeddings": [{"values": [1.0, 2.0], "statistics": {name: count}} for count in (3.0, 4.0)]}, any_shape=True
    )
    assert found is not None
    assert found.usage == {"prompt_tokens": 7}
    assert found.answer == {"embeddings": 2, "dimensions": 2}


def crewai(name: str, **fields: object) -> Any:
    """An object of a class of CrewAI's."""
    return type(name, (SimpleNamespace,), {"__module__": "crewai.types.streaming"})(**fields)


def crew_output(tokens: int) -> Any:
    return crewai("CrewOutput", raw="Hi", token_usage=SimpleNamespace(prompt_tokens=tokens, completion_tokens=1))


def test_what_a_stream_of_crewai_has_come_to_is_its_result() -> None:
    class StreamingOutputBase(SimpleNamespace):
        __module__ = "crewai.types.streaming"

    stream = type("CrewStreamingOutput", (StreamingOutputBase,), {})
    found = read_result(stream(_result=crew_output(5), _results=None, _chunks=[]))
    assert found is not None
    assert (found.answer, found.of_client) == ("Hi", True)
    assert found.usage == {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    found = read_result(stream(_result=None, _results=[crew_output(5), crew_output(6)], _chunks=[]))
    assert found is not None
    assert (found.usage or {})["prompt_tokens"] == 11
    found = read_result(stream(_result="from a flow", _chunks=[]))
    assert found is not None
    assert (found.answer, found.usage) == ("from a flow", None)
    assert read_result(stream(_result=None, _results=None, _chunks=[])) == ModelResult(of_client=True)


def test_frames_of_crewai_are_put_together() -> None:
    call = {"id": "t1", "index": 0, "function": {"name": "look", "arguments": '{"a":1}'}}
    frames: list[tuple[str, dict[str, object]]] = [
        ("llm_call_started", {"model": "m"}),
        ("llm_stream_chunk", {"chunk": "H", "response_id": "r-1"}),
        ("llm_stream_chunk", {"chunk": "i", "response_id": "r-1"}),
        ("llm_stream_chunk", {"chunk": "", "tool_call": call, "response_id": "r-1"}),
        ("llm_call_completed", {"model": "m", "finish_reason": "stop", "response_id": "r-1", "response": "Hi",
                                "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
        ("task_completed", {}),
    ]  # fmt: skip
    found = packed(
        [crewai("StreamFrame", type=name, channel="llm", data=data) for name, data in frames], any_shape=False
    )
    assert found is not None
    assert (found.model, found.finish_reason, found.response_id) == ("m", "stop", "r-1")
    assert found.usage == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert same(found.answer, message("Hi", CALL))
