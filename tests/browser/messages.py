"""The same conversation as every provider writes it, and what a reader must find in it."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ANSWERS", "CONVERSATIONS", "NONE"]

_QUESTION = "What is the weather in Rome?"
_ARGUMENTS = {"city": "Rome"}
_RESULT = "sunny, 24 degrees"
_SYSTEM = "You are a weather service."
_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(_ARGUMENTS)}}


def _chain(name: str, **fields: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", name], "kwargs": fields}


_CHAT = [
    {"role": "system", "content": _SYSTEM},
    {"role": "user", "content": _QUESTION},
    {"role": "assistant", "content": None, "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": _RESULT},
]
_GEN_AI = [
    {"role": "user", "parts": [{"type": "text", "content": _QUESTION}]},
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": _ARGUMENTS}],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": _RESULT}]},
]
_CHAIN = [
    _chain("SystemMessage", content=_SYSTEM),
    _chain("HumanMessage", content=_QUESTION),
    _chain("AIMessage", content="", tool_calls=[{"name": "weather", "args": _ARGUMENTS, "id": "c1"}]),
    _chain("ToolMessage", content=_RESULT, tool_call_id="c1"),
]

# Each holds a system prompt, a question, and a call of a tool with its result.
CONVERSATIONS: dict[str, Any] = {
    "a plain list": _CHAT,
    "OpenAI chat": {"model": "gpt", "messages": _CHAT},
    "a keyword argument": {"kwargs": {"messages": _CHAT, "temperature": 0}},
    "OpenAI responses": {
        "model": "gpt",
        "instructions": _SYSTEM,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": _QUESTION}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": json.dumps(_ARGUMENTS)},
            {"type": "function_call_output", "call_id": "c1", "output": _RESULT},
        ],
    },
    "Anthropic": {
        "model": "claude",
        "system": [{"type": "text", "text": _SYSTEM}],
        "messages": [
            {"role": "user", "content": _QUESTION},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": _ARGUMENTS}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": _RESULT}]}
                ],
            },
        ],
    },
    "Google": {
        "config": {"system_instruction": _SYSTEM},
        "contents": [
            {"role": "user", "parts": [{"text": _QUESTION}]},
            {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": _ARGUMENTS}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": _RESULT}}]},
        ],
    },
    "GenAI attributes": {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": _SYSTEM}]),
        "gen_ai.input.messages": json.dumps(_GEN_AI),
    },
    "LangChain": {"messages": [_CHAIN]},
    "LangChain as dicts": [
        {"type": "system", "data": {"content": _SYSTEM}},
        {"type": "human", "data": {"content": _QUESTION}},
        {"type": "ai", "data": {"content": "", "tool_calls": [{"name": "weather", "args": _ARGUMENTS, "id": "c1"}]}},
        {"type": "tool", "data": {"content": _RESULT, "tool_call_id": "c1"}},
    ],
}

# Each holds one answer, "Sunny."
ANSWERS: dict[str, Any] = {
    "OpenAI chat": {"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Sunny."}}]},
    "OpenAI responses": {
        "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny."}]},
        ]
    },
    "Anthropic": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Sunny."}]},
    "Google": {"candidates": [{"content": {"role": "model", "parts": [{"text": "Sunny."}]}}]},
    "GenAI attributes": {
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Sunny."}]}]
    },
    "LangChain": {"generations": [[{"text": "Sunny.", "message": {"type": "ai", "content": "Sunny."}}]]},
    "wrapped": {"result": {"role": "assistant", "content": "Sunny."}},
}

# Data that is no conversation, although some of its names occur in one.
NONE: list[Any] = [
    {"question": "x"},
    {"user": {"role": "admin"}},
    [{"title": "a", "content": "b"}],
    {"order": "1", "list": [1, 2]},
    {"messages": []},
    {"input": "a string", "output": "another"},
    {"choices": ["a", "b"]},
    "[]",
    None,
    7,
]
