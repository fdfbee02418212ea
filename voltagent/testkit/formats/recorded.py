"""What a recording holds of a model's answer: its text, tool calls, tokens and end."""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from voltagent.records import OperationRecord

_ID: Final = "replayed"


def text_and_calls(found: OperationRecord) -> tuple[str | None, list[Mapping[str, Any]]]:
    """Return the text and the tool calls of a recorded answer; a structured answer is the JSON that the model wrote."""
    return split_answer(answer_in(found))


def split_answer(answer: Any) -> tuple[str | None, list[Mapping[str, Any]]]:
    """Return the text and the tool calls of one of several recorded answers, as :func:`text_and_calls` does."""
    if isinstance(answer, Mapping) and is_message(answer):
        return answer.get("content"), list(answer.get("tool_calls", ()))
    return (answer if answer is None or isinstance(answer, str) else json.dumps(answer)), []


def is_message(answer: Mapping[str, Any]) -> bool:
    """Return whether a recorded answer is a message: with reasoning, with tool calls, or with both."""
    extra = set(answer) - {"role", "content"}
    return bool(extra) and extra <= {"reasoning_content", "tool_calls"} and "content" in answer


def answer_in(found: OperationRecord) -> Any:
    """Return the recorded output, without the ``result`` under which anything but an object was recorded."""
    output = found.output
    return output["result"] if isinstance(output, Mapping) and set(output) == {"result"} else output


def arguments_text(call: Mapping[str, Any]) -> str:
    """Return the arguments of a tool call as JSON."""
    arguments = call.get("arguments")
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {})


def arguments_of(call: Mapping[str, Any]) -> Any:
    """Return the arguments of a tool call as an object, though some clients record them as JSON."""
    arguments = call.get("arguments")
    if not isinstance(arguments, str):
        return arguments or {}
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def count(found: OperationRecord, name: str) -> int:
    """Return a recorded count of tokens, by our name for it; 0 if there is none."""
    value = (found.usage or {}).get(name)
    return int(value) if isinstance(value, int | float) else 0


def counts(found: OperationRecord, names: Mapping[str, str]) -> dict[str, int]:
    """Return the recorded counts under the names of a provider; those that are unknown are left out."""
    return {name: count(found, ours) for name, ours in names.items() if ours in (found.usage or {})}


def facts_of(found: OperationRecord, **defaults: Any) -> dict[str, Any]:
    """Return the id and the model of the response, which every format has, and the fields given here."""
    response_id = found.metadata.get("response_id")
    return {"id": response_id or _ID, "model": found.model or "", **defaults}


def finish_reason(found: OperationRecord, default: str) -> Any:
    """Return why the recorded answer ended, in the word of its provider."""
    return found.metadata.get("finish_reason") or default
