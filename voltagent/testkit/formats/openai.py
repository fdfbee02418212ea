"""Recorded answers in the formats of OpenAI: chat completions, completions, and the Responses API.

Formats: OpenAI's API reference. The functions for streams return its events; ``None`` stands for the last line.
"""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from voltagent.capture.usage import total_tokens
from voltagent.records import OperationRecord
from voltagent.testkit.formats.recorded import (
    answer_in,
    arguments_text,
    count,
    counts,
    facts_of,
    finish_reason,
    split_answer,
    text_and_calls,
)


def _usage(found: OperationRecord) -> dict[str, Any] | None:
    """Return a recorded usage as OpenAI's chat completions spell it."""
    if found.usage is None:
        return None
    return {
        "prompt_tokens": count(found, "prompt_tokens"),
        "completion_tokens": count(found, "completion_tokens"),
        "total_tokens": total_tokens(found.usage),
        "prompt_tokens_details": counts(found, {"cached_tokens": "cached_tokens"}),
        "completion_tokens_details": counts(found, {"reasoning_tokens": "reasoning_tokens"}),
    }


def _chat_calls(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return recorded tool calls as the message of a chat completion has them."""
    return [
        {
            "id": call.get("id") or f"call_{place}",
            "type": "function",
            "function": {"name": call.get("name"), "arguments": arguments_text(call)},
        }
        for place, call in enumerate(calls)
    ]


def _chat_choices(found: OperationRecord) -> list[dict[str, Any]]:
    """Return the recorded answer, or each of several, as choices of a chat completion."""
    answers = answer_in(found)
    choices: list[dict[str, Any]] = []
    for place, answer in enumerate(answers if isinstance(answers, list) and len(answers) > 1 else [answers]):
        text, calls = split_answer(answer)
        message = {"role": "assistant", "content": text, **({"tool_calls": _chat_calls(calls)} if calls else {})}
        finish = finish_reason(found, "tool_calls" if calls else "stop")
        choices.append({"index": place, "message": message, "finish_reason": finish, "logprobs": None})
    return choices


def chat(found: OperationRecord) -> dict[str, Any]:
    """Return a recorded answer as the JSON of a chat completion."""
    facts = facts_of(found, object="chat.completion", created=0)
    return {**facts, "choices": _chat_choices(found), "usage": _usage(found)}


def chat_events(found: OperationRecord, body: Mapping[str, Any]) -> list[Any]:
    """Return the chunks of a streamed chat completion: a whole choice in one, then its end."""
    facts = facts_of(found, object="chat.completion.chunk", created=0)
    events: list[Any] = []
    for choice in _chat_choices(found):
        delta = dict(choice["message"])
        if "tool_calls" in delta:  # chunks alone number them
            delta["tool_calls"] = [{"index": place, **call} for place, call in enumerate(delta["tool_calls"])]
        events += [
            {**facts, "choices": [{"index": choice["index"], "delta": delta, "finish_reason": None}]},
            {**facts, "choices": [{"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}]},
        ]
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**facts, "choices": [], "usage": _usage(found)})
    return [*events, None]


def completion(found: OperationRecord) -> dict[str, Any]:
    """Return a recorded answer as the JSON of a completion."""
    text, _ = text_and_calls(found)
    choice = {"index": 0, "text": text or "", "finish_reason": finish_reason(found, "stop"), "logprobs": None}
    facts = facts_of(found, object="text_completion", created=0)
    return {**facts, "choices": [choice], "usage": _usage(found)}


def completion_events(found: OperationRecord, body: Mapping[str, Any]) -> list[Any]:
    """Return the chunks of a streamed completion: one, and the last line."""
    del body
    return [completion(found), None]


def response(found: OperationRecord) -> dict[str, Any]:
    """Return a recorded answer as the JSON of OpenAI's Responses API."""
    text, calls = text_and_calls(found)
    output: list[dict[str, Any]] = []
    if text is not None:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        output.append(
            {"id": "msg_0", "type": "message", "role": "assistant", "status": "completed", "content": content}
        )
    output += [
        {
            "id": f"fc_{place}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.get("id") or f"call_{place}",
            "name": call.get("name"),
            "arguments": arguments_text(call),
        }
        for place, call in enumerate(calls)
    ]
    usage = {
        "input_tokens": count(found, "prompt_tokens"),
        "output_tokens": count(found, "completion_tokens"),
        "total_tokens": total_tokens(found.usage),
        "input_tokens_details": {"cached_tokens": count(found, "cached_tokens")},
        "output_tokens_details": {"reasoning_tokens": count(found, "reasoning_tokens")},
    }
    facts = facts_of(found, object="response", created_at=0, status="completed", parallel_tool_calls=True)
    return {**facts, "output": output, "usage": usage, "tool_choice": "auto", "tools": [], "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}}  # fmt: skip


def response_events(found: OperationRecord, body: Mapping[str, Any]) -> list[Any]:
    """Return the events of a streamed answer of the Responses API, each text and call in one delta."""
    del body
    whole = response(found)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}}
    ]
    for place, item in enumerate(whole["output"]):
        place_of = {"item_id": item["id"], "output_index": place}
        if item["type"] == "message":
            part = item["content"][0]
            at = {**place_of, "content_index": 0}
            events += [
                {"type": "response.output_item.added", "output_index": place, "item": {**item, "content": []}},
                {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
                {"type": "response.output_text.delta", **at, "delta": part["text"], "logprobs": []},
                {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
                {"type": "response.content_part.done", **at, "part": part},
            ]
        else:
            text = item["arguments"]
            events += [
                {"type": "response.output_item.added", "output_index": place, "item": {**item, "arguments": ""}},
                {"type": "response.function_call_arguments.delta", **place_of, "delta": text},
                {"type": "response.function_call_arguments.done", **place_of, "arguments": text, "name": item["name"]},
            ]
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    events.append({"type": "response.completed", "response": whole})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]
