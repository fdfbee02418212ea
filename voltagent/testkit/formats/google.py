"""Recorded answers in the format of Google GenAI. Format: its API reference."""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Any, Final

from voltagent.records import OperationRecord
from voltagent.testkit.formats.recorded import arguments_of, counts, facts_of, finish_reason, text_and_calls

_GOOGLE_COUNTS: Final = {
    "prompt_token_count": "prompt_tokens",
    "candidates_token_count": "completion_tokens",
    "thoughts_token_count": "reasoning_tokens",
    "cached_content_token_count": "cached_tokens",
    "total_token_count": "total_tokens",
}


def google_response(found: OperationRecord) -> dict[str, Any]:
    """Return the fields of a ``google.genai.types.GenerateContentResponse``."""
    text, calls = text_and_calls(found)
    parts: list[dict[str, Any]] = [] if text is None else [{"text": text}]
    parts += [{"function_call": {"id": call.get("id"), "name": call.get("name"), "args": arguments_of(call)}}
              for call in calls]  # fmt: skip
    usage = counts(found, _GOOGLE_COUNTS)
    if "candidates_token_count" in usage:  # apart from those of the reasoning
        usage["candidates_token_count"] -= usage.get("thoughts_token_count", 0)
    content = {"role": "model", "parts": parts}
    candidate = {"content": content, "index": 0, "finish_reason": str(finish_reason(found, "STOP")).rpartition(".")[2]}
    facts = facts_of(found)
    return {
        "candidates": [candidate],
        "model_version": facts["model"],
        "response_id": facts["id"],
        "usage_metadata": usage,
    }
