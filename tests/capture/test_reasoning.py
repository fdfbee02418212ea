"""What a model wrote for itself: of every client it is a part of the recorded answer, apart from its text."""

from __future__ import annotations

from typing import Any

import pytest

from tests.capture.test_results import CALL, FORMS, message, same
from voltagent.capture.results import ModelResult, read_result
from voltagent.capture.results.streams import packed


def answer(text: str | None, reasoning: str, *calls: object) -> dict[str, Any]:
    return message(text, *calls, reasoning=reasoning)


def _chat(**fields: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"message": {"role": "assistant", **fields}}]}


def _items(*items: dict[str, Any]) -> dict[str, Any]:
    return {"id": "r", "object": "response", "model": "m", "output": list(items)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": text}]}


def _blocks(*blocks: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 1, "output_tokens": 2}
    return {
        "id": "m",
        "model": "claude",
        "role": "assistant",
        "stop_reason": "end_turn",
        "content": list(blocks),
        "usage": usage,
    }


def _google(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"modelVersion": "gemini", "candidates": [{"content": {"parts": list(parts)}}]}


def _bedrock(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": list(blocks)}}, "stopReason": "end_turn"}


def _langchain(content: object, **more: Any) -> dict[str, Any]:
    return {"type": "ai", "content": content, "response_metadata": {"model_name": "m"}, "tool_calls": [], **more}


RESULTS: dict[str, tuple[dict[str, Any], object]] = {
    "DeepSeek, vLLM, LiteLLM": (_chat(content="Hi", reasoning_content="hm"), answer("Hi", "hm")),
    "OpenRouter, Groq": (_chat(content="Hi", reasoning="hm"), answer("Hi", "hm")),
    "beside a tool call": (
        _chat(content=None, reasoning_content="hm", tool_calls=[{"id": "t1", "function": CALL}]),
        answer(None, "hm", CALL),
    ),
    "nothing but reasoning, as the tokens ran out": (_chat(content=None, reasoning="hm"), answer(None, "hm")),
    "none was written": (_chat(content="Hi", reasoning_content=""), "Hi"),
    "the effort of a request is none": (_chat(content="Hi", reasoning={"effort": "low"}), "Hi"),
    "summaries of OpenAI's responses": (
        _items({"type": "reasoning", "summary": [{"text": "It"}, {"text": "is hot."}]}, _text("Hi")),
        answer("Hi", "It\n\nis hot."),
    ),
    "the text of open models, as OpenAI's responses have it": (
        _items(
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}, _text("Hi")
        ),
        answer("Hi", "hm"),
    ),
    "encrypted by OpenAI": (
        _items({"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}, _text("Hi")),
        "Hi",
    ),
    "Anthropic": (
        _blocks({"type": "thinking", "thinking": "hm", "signature": "EqQB"}, {"type": "text", "text": "Hi"}),
        answer("Hi", "hm"),
    ),
    "Anthropic, between tool calls": (
        _blocks(
            {"type": "thinking", "thinking": "one"},
            {"type": "tool_use", **CALL},
            {"type": "thinking", "thinking": "two"},
        ),
        answer(None, "one\n\ntwo", CALL),
    ),
    "encrypted by Anthropic": (
        _blocks({"type": "redacted_thinking", "data": "EmwK"}, {"type": "text", "text": "Hi"}),
        "Hi",
    ),
    "left out by Anthropic": (_blocks({"type": "thinking", "thinking": ""}, {"type": "text", "text": "Hi"}), "Hi"),
    "Google": (_google({"text": "hm", "thought": True}, {"text": "Hi"}), answer("Hi", "hm")),
    "Bedrock": (
        _bedrock({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}, {"text": "Hi"}),
        answer("Hi", "hm"),
    ),
    "encrypted by Bedrock": (_bedrock({"reasoningContent": {"redactedContent": "b"}}, {"text": "Hi"}), "Hi"),
    "Ollama": ({"model": "m", "message": {"content": "Hi", "thinking": "hm"}, "done": True}, answer("Hi", "hm")),
    "Ollama, generated": ({"model": "m", "response": "Hi", "thinking": "hm", "done": True}, answer("Hi", "hm")),
    "LangChain with DeepSeek": (_langchain("Hi", additional_kwargs={"reasoning_content": "hm"}), answer("Hi", "hm")),
    "LangChain with Anthropic": (
        _langchain([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}]),
        answer("Hi", "hm"),
    ),
    "LangChain with Bedrock": (
        _langchain(
            [{"type": "reasoning_content", "reasoning_content": {"text": "hm"}}, {"type": "text", "text": "Hi"}]
        ),
        answer("Hi", "hm"),
    ),
    "LangChain's standard blocks": (
        _langchain([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Hi"}]),
        answer("Hi", "hm"),
    ),
    "pydantic-ai": (
        {
            "parts": [{"part_kind": "thinking", "content": "hm"}, {"part_kind": "text", "content": "Hi"}],
            "model_name": "m",
        },
        answer("Hi", "hm"),
    ),
    "LlamaIndex": (
        {
            "message": {"blocks": [{"block_type": "thinking", "content": "hm"}, {"block_type": "text", "text": "Hi"}]},
            "raw": {"model": "m"},
        },
        answer("Hi", "hm"),
    ),
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", RESULTS)
def test_reasoning_is_recorded_apart_from_the_text(name: str, form: Any) -> None:
    result, expected = RESULTS[name]
    found = read_result(form(result), any_shape=True)
    assert found is not None
    assert same(found.answer, expected)
    assert isinstance(found.answer, str) == isinstance(expected, str)


STREAMS: dict[str, tuple[list[dict[str, Any]], object]] = {
    "chat completion": (
        [
            {"id": "c", "choices": [{"index": 0, "delta": {"content": None, "reasoning_content": "h"}}]},
            {"id": "c", "choices": [{"index": 0, "delta": {"reasoning": "m"}}]},
            {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hi"}}]},
        ],
        answer("Hi", "hm"),
    ),
    "responses, left early": (
        [
            {"type": "response.created", "response": {"id": "r", "model": "m"}},
            {"type": "response.reasoning_summary_text.delta", "delta": "h"},
            {"type": "response.reasoning_text.delta", "delta": "m"},
            {"type": "response.output_text.delta", "delta": "H"},
        ],
        answer("H", "hm"),
    ),
    "Anthropic": (
        [
            {"type": "message_start", "message": {"id": "msg", "model": "claude"}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqQB"}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}},
        ],
        answer("Hi", "hm"),
    ),
    "Google": (
        [
            _google({"text": "h", "thought": True}),
            _google({"text": "m", "thought": True}),
            _google({"text": "Hi"}),
        ],
        answer("Hi", "hm"),
    ),
    "Ollama": (
        [
            {"model": "m", "message": {"content": "", "thinking": "hm"}, "done": False},
            {"model": "m", "message": {"content": "Hi"}, "done": False},
        ],
        answer("Hi", "hm"),
    ),
    "Ollama, generated": (
        [
            {"model": "m", "response": "", "thinking": "hm", "done": False},
            {"model": "m", "response": "Hi", "done": True},
        ],
        answer("Hi", "hm"),
    ),
    "Bedrock": (
        [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}},
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}}},
            {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "Hi"}}},
        ],
        answer("Hi", "hm"),
    ),
    "LangChain": (
        [
            {"type": "AIMessageChunk", "id": "r", "content": "", "additional_kwargs": {"reasoning_content": "h"}},
            {"type": "AIMessageChunk", "id": "r", "content": [{"type": "thinking", "thinking": "m", "index": 0}]},
            {"type": "AIMessageChunk", "id": "r", "content": [{"type": "text", "text": "Hi", "index": 1}]},
        ],
        answer("Hi", "hm"),
    ),
    "pydantic-ai": (
        [
            {"event_kind": "part_start", "index": 0, "part": {"part_kind": "thinking", "content": "h"}},
            {"event_kind": "part_delta", "index": 0, "delta": {"part_delta_kind": "thinking", "content_delta": "m"}},
            {"event_kind": "part_start", "index": 1, "part": {"part_kind": "text", "content": "Hi"}},
        ],
        answer("Hi", "hm"),
    ),
    "LlamaIndex": (
        [
            {"delta": "", "raw": {"model": "m"}, "additional_kwargs": {"thinking_delta": "hm"}},
            {"delta": "Hi", "raw": {"model": "m"}},
        ],
        answer("Hi", "hm"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", STREAMS)
def test_reasoning_in_a_stream_is_put_together(name: str, form: Any) -> None:
    chunks, expected = STREAMS[name]
    found = packed(form(chunks), any_shape=True)
    assert found is not None
    assert found.answer == expected


def test_reasoning_without_an_end_leaves_the_text_its_place() -> None:
    chunks: list[dict[str, Any]] = [
        {"id": "c", "choices": [{"index": 0, "delta": {"reasoning_content": "h" * 2_000_000}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hi"}}]},
    ]
    found = packed(chunks, any_shape=True)
    assert isinstance(found, ModelResult)
    assert isinstance(found.answer, dict)
    assert found.answer["content"] == "Hi"
    assert 0 < len(found.answer["reasoning_content"]) < 1_000_000
