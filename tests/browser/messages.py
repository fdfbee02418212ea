"""The same conversation as every provider writes it, and what a reader must find in it."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ANSWERS", "CONVERSATIONS", "NONE", "PARTS"]

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

# Each holds one message with parts of a sort that the others lack: the page and the terminal read them alike.
PARTS: dict[str, Any] = {
    "OpenAI pictures, audio and files": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": "data:image/PNG;base64,QUJDRA=="}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"}},
            ],
        }
    ],
    "OpenAI responses: pictures and reasoning": {
        "input": [
            {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/webp;base64,QUJD"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "It"}, {"text": "is hot."}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "not json"},
            {"type": "function_call_output", "call_id": "other", "output": "no call is here"},
        ]
    },
    "OpenAI refusals, developers and old calls": [
        {"role": "developer", "content": "Be brief.", "name": "house"},
        {"role": "assistant", "content": None, "refusal": "I cannot."},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": '{"sky": "blue"}'},
        {"role": "assistant", "content": "", "audio": {"id": "a", "data": "QUJD", "format": "mp3"}},
        {"role": "assistant", "reasoning_content": "hm", "content": "Yes."},
    ],
    "Anthropic pictures, documents and thinking": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "QUJD"}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}},
                    {"type": "tool_result", "tool_use_id": "x", "is_error": True, "content": "late"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "QUJD"},
                    {"type": "text", "text": "Yes."},
                    {"type": "tool_use", "id": "y", "name": "f", "input": {}},
                    {"type": "server_tool_use", "id": "z", "name": "web_search", "input": {"query": "x"}},
                ],
            },
        ]
    },
    "reasoning that nothing can be read of": [
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "gAAA"},
        {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "EqQB"}]},
        {"role": "assistant", "content": [{"type": "reasoning", "data": "EmwK"}]},
        {"role": "assistant", "content": [{"reasoningContent": {"redactedContent": "QUJD"}}, {"text": "Yes."}]},
    ],
    "Bedrock and LangChain with Bedrock": [
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                {"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "s"}},
                {"type": "reasoning", "reasoning": "hm"},
                {"type": "reasoning", "effort": "low"},
            ],
        }
    ],
    "Google thoughts and data": {
        "contents": [
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "QUJD"}}, {"text": "What?"}]},
            {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "A line."}]},
            {"role": "user", "parts": [{"file_data": {"mime_type": "video/mp4", "file_uri": "gs://bucket/a.mp4"}}]},
            {"role": "model", "parts": [{"executable_code": {"language": "PYTHON", "code": "1"}}]},
        ]
    },
    "GenAI reasoning and blobs": {
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "finish_reason": "stop",
                "parts": [
                    {"type": "reasoning", "content": "hm"},
                    {"type": "blob", "mime_type": "image/png", "content": "QUJD", "modality": "image"},
                    {"type": "uri", "uri": "https://example.org/a.png", "mime_type": "image/png"},
                    {"type": "text", "content": "Yes."},
                ],
            }
        ]
    },
    "LangChain pairs, names and chunks": {
        "messages": [
            ["human", "Hello"],
            {
                "lc": 1,
                "type": "constructor",
                "id": ["x", "ChatMessage"],
                "kwargs": {"role": "critic", "content": "No."},
            },
            {"type": "AIMessageChunk", "content": [{"type": "text", "text": "Yes."}], "tool_call_chunks": []},
            {"type": "tool", "content": "late", "status": "error", "tool_call_id": "9", "name": "f"},
        ]
    },
    "content that an instrumentation made a string": [{"role": "user", "content": '[{"type": "text", "text": "x"}]'}],
    "fields around the messages": {"kwargs": {"messages": _CHAT, "temperature": 0}, "model": "gpt"},
    "empty parts": [{"role": "assistant", "content": [{"type": "text", "text": ""}]}, {"role": "user", "content": ""}],
}
