"""Recorded answers in the format of Anthropic's messages. Format: Anthropic's API reference."""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from voltagent.records import OperationRecord
from voltagent.testkit.formats.recorded import arguments_of, count, facts_of, finish_reason, text_and_calls


def message(found: OperationRecord) -> dict[str, Any]:
    """Return a recorded answer as the JSON of an Anthropic message."""
    text, calls = text_and_calls(found)
    blocks: list[dict[str, Any]] = [] if text is None else [{"type": "text", "text": text}]
    blocks += [
        {
            "type": "tool_use",
            "id": call.get("id") or f"toolu_{place}",
            "name": call.get("name"),
            "input": arguments_of(call),
        }
        for place, call in enumerate(calls)
    ]
    cached, written = count(found, "cached_tokens"), count(found, "cache_write_tokens")
    usage = {
        "input_tokens": max(count(found, "prompt_tokens") - cached - written, 0),  # apart from those of the cache
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "output_tokens": count(found, "completion_tokens"),
    }
    stop = finish_reason(found, "tool_use" if calls else "end_turn")
    return {**facts_of(found, type="message", role="assistant"), "content": blocks, "usage": usage,
            "stop_reason": stop, "stop_sequence": None}  # fmt: skip


def message_events(found: OperationRecord, body: Mapping[str, Any]) -> list[Any]:
    """Return the events of a streamed answer of Anthropic, each block in one delta."""
    del body
    whole = message(found)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 0}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for place, block in enumerate(whole["content"]):
        if block["type"] == "text":
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            {"type": "content_block_start", "index": place, "content_block": empty},
            {"type": "content_block_delta", "index": place, "delta": delta},
            {"type": "content_block_stop", "index": place},
        ]
    stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": whole["usage"]["output_tokens"]}})
    return [*events, {"type": "message_stop"}]
