"""The answers of providers, built from what a recording holds of them: response bodies and events of streams.

What a recording does not hold is not repeated: reasoning, log-probabilities, headers.
Formats: the API references of OpenAI (chat completions, completions, responses), Anthropic (messages) and Google GenAI.
"""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from voltagent.capture.usage import total_tokens
from voltagent.records import OperationRecord

_ID: Final = "replayed"


def _text_and_calls(found: OperationRecord) -> tuple[str | None, list[Mapping[str, Any]]]:
    """Return the text and the tool calls of a recorded answer; a structured answer is the JSON that the model wrote."""
    answer = _answer(found)
    if isinstance(answer, Mapping) and "tool_calls" in answer:
        return answer.get("content"), list(answer["tool_calls"])
    return (answer if answer is None or isinstance(answer, str) else json.dumps(answer)), []


def _answer(found: OperationRecord) -> Any:
    output = found.output
    return output["result"] if isinstance(output, Mapping) and set(output) == {"result"} else output


def _arguments_text(call: Mapping[str, Any]) -> str:
    arguments = call.get("arguments")
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {})


def _arguments(call: Mapping[str, Any]) -> Any:
    """Return the arguments of a tool call as an object, though some clients record them as JSON."""
    arguments = call.get("arguments")
    if not isinstance(arguments, str):
        return arguments or {}
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def _count(found: OperationRecord, name: str) -> int:
    value = (found.usage or {}).get(name)
    return int(value) if isinstance(value, int | float) else 0


def _counts(found: OperationRecord, names: Mapping[str, str]) -> dict[str, int]:
    """Return the recorded counts under the names of a provider; those that are unknown are left out."""
    return {name: _count(found, ours) for name, ours in names.items() if ours in (found.usage or {})}


def _facts(found: OperationRecord, **defaults: Any) -> dict[str, Any]:
    """Id and model of the response, which every format has."""
    response_id = found.metadata.get("response_id")
    return {"id": response_id or _ID, "model": found.model or "", **defaults}


def _finish(found: OperationRecord, default: str) -> Any:
    return found.metadata.get("finish_reason") or default


def _openai_usage(found: OperationRecord) -> dict[str, Any] | None:
    """Return a recorded usage as OpenAI's chat completions spell it."""
    if found.usage is None:
        return None
    return {
        "prompt_tokens": _count(found, "prompt_tokens"),
        "completion_tokens": _count(found, "completion_tokens"),
        "total_tokens": total_tokens(found.usage),
        "prompt_tokens_details": _counts(found, {"cached_tokens": "cached_tokens"}),
        "completion_tokens_details": _counts(found, {"reasoning_tokens": "reasoning_tokens"}),
    }


def _chat_calls(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return recorded tool calls as the chunks of a chat completion have them."""
    return [
        {
            "index": place,
            "id": call.get("id") or f"call_{place}",
            "type": "function",
            "function": {"name": call.get("name"), "arguments": _arguments_text(call)},
        }
        for place, call in enumerate(calls)
    ]


def _chat_choices(found: OperationRecord) -> list[dict[str, Any]]:
    """Return the recorded answer, or each of several, as choices of a chat completion."""
    answers = _answer(found)
    several = isinstance(answers, list) and len(answers) > 1
    choices: list[dict[str, Any]] = []
    for place, one in enumerate(answers if several else [None]):
        text, calls = (one, []) if several else _text_and_calls(found)
        message = {"role": "assistant", "content": text, **({"tool_calls": _chat_calls(calls)} if calls else {})}
        finish = _finish(found, "tool_calls" if calls else "stop")
        choices.append({"index": place, "message": message, "finish_reason": finish, "logprobs": None})
    return choices


def _chat(found: OperationRecord) -> dict[str, Any]:
    facts = _facts(found, object="chat.completion", created=0)
    return {**facts, "choices": _chat_choices(found), "usage": _openai_usage(found)}


def _chat_events(found: OperationRecord, body: Mapping[str, Any]) -> list[Any]:
    """Return the chunks of a streamed chat completion: a whole choice in one, then its end."""
    facts = _facts(found, object="chat.completion.chunk", created=0)
    events: list[Any] = []
    for choice in _chat_choices(found):
        delta = choice["message"]
        events += [
            {**facts, "choices": [{"index": choice["index"], "delta": delta, "finish_reason": None}]},
            {**facts, "choices": [{"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}]},
        ]
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**facts, "choices": [], "usage": _openai_usage(found)})
    return [*events, None]


def _completion(found: OperationRecord) -> dict[str, Any]:
    text, _ = _text_and_calls(found)
    choice = {"index": 0, "text": text or "", "finish_reason": _finish(found, "stop"), "logprobs": None}
    facts = _facts(found, object="text_completion", created=0)
    return {**facts, "choices": [choice], "usage": _openai_usage(found)}


def _completion_events(found: OperationRecord, body: Mapping[str, Any]) -> list[Any]:
    del body
    return [_completion(found), None]


def _response(found: OperationRecord) -> dict[str, Any]:
    """Return a recorded answer as the JSON of OpenAI's Responses API."""
    text, calls = _text_and_calls(found)
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
            "arguments": _arguments_text(call),
        }
        for place, call in enumerate(calls)
    ]
    usage = {
        "input_tokens": _count(found, "prompt_tokens"),
        "output_tokens": _count(found, "completion_tokens"),
        "total_tokens": total_tokens(found.usage),
        "input_tokens_details": {"cached_tokens": _count(found, "cached_tokens")},
        "output_tokens_details": {"reasoning_tokens": _count(found, "reasoning_tokens")},
    }
    facts = _facts(found, object="response", created_at=0, status="completed", parallel_tool_calls=True)
    return {**facts, "output": output, "usage": usage, "tool_choice": "auto", "tools": [], "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}}  # fmt: skip


def _response_events(found: OperationRecord, body: Mapping[str, Any]) -> list[Any]:
    """Return the events of a streamed answer of the Responses API, each text and call in one delta."""
    del body
    whole = _response(found)
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


def _message(found: OperationRecord) -> dict[str, Any]:
    """Return a recorded answer as the JSON of an Anthropic message."""
    text, calls = _text_and_calls(found)
    blocks: list[dict[str, Any]] = [] if text is None else [{"type": "text", "text": text}]
    blocks += [
        {
            "type": "tool_use",
            "id": call.get("id") or f"toolu_{place}",
            "name": call.get("name"),
            "input": _arguments(call),
        }
        for place, call in enumerate(calls)
    ]
    cached, written = _count(found, "cached_tokens"), _count(found, "cache_write_tokens")
    usage = {
        "input_tokens": max(_count(found, "prompt_tokens") - cached - written, 0),  # apart from those of the cache
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "output_tokens": _count(found, "completion_tokens"),
    }
    stop = _finish(found, "tool_use" if calls else "end_turn")
    return {**_facts(found, type="message", role="assistant"), "content": blocks, "usage": usage,
            "stop_reason": stop, "stop_sequence": None}  # fmt: skip


def _message_events(found: OperationRecord, body: Mapping[str, Any]) -> list[Any]:
    """Return the events of a streamed answer of Anthropic, each block in one delta."""
    del body
    whole = _message(found)
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


_GOOGLE_COUNTS: Final = {
    "prompt_token_count": "prompt_tokens",
    "candidates_token_count": "completion_tokens",
    "thoughts_token_count": "reasoning_tokens",
    "cached_content_token_count": "cached_tokens",
    "total_token_count": "total_tokens",
}


def google_response(found: OperationRecord) -> dict[str, Any]:
    """Return the fields of a ``google.genai.types.GenerateContentResponse``."""
    text, calls = _text_and_calls(found)
    parts: list[dict[str, Any]] = [] if text is None else [{"text": text}]
    parts += [{"function_call": {"id": call.get("id"), "name": call.get("name"), "args": _arguments(call)}}
              for call in calls]  # fmt: skip
    usage = _counts(found, _GOOGLE_COUNTS)
    if "candidates_token_count" in usage:  # apart from those of the reasoning
        usage["candidates_token_count"] -= usage.get("thoughts_token_count", 0)
    content = {"role": "model", "parts": parts}
    candidate = {"content": content, "index": 0, "finish_reason": str(_finish(found, "STOP")).rpartition(".")[2]}
    facts = _facts(found)
    return {
        "candidates": [candidate],
        "model_version": facts["model"],
        "response_id": facts["id"],
        "usage_metadata": usage,
    }


# What a request's endpoint answers: the whole body, and the events of a stream (None is OpenAI's last line).
FORMATS: Final[Mapping[str, tuple[Callable[[OperationRecord], Any], Callable[..., list[Any]]]]] = {
    "chat.completions": (_chat, _chat_events),
    "completions": (_completion, _completion_events),
    "responses": (_response, _response_events),
    "messages": (_message, _message_events),
}
# Those bodies, whichever provider answered.
RESPONSES: Final = (*(whole for whole, _ in FORMATS.values()), google_response)
_ANTHROPIC_ENDS: Final = ("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal")


# What responses without such a part have as None; programs ask for it with `if message.tool_calls`.
_OPTIONAL: Final = frozenset(
    ("annotations", "audio", "function_call", "logprobs", "parsed", "refusal", "stop_sequence", "system_fingerprint",
     "tool_calls", "usage")
)  # fmt: skip


class ReplayedResponse(dict[str, Any]):
    """A response's body whose fields can be read as items and as attributes, as programs read either form.

    As an attribute, an optional field that was not recorded is ``None``, as in the classes of the clients.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in self and name not in _OPTIONAL:
            raise AttributeError(f"the replayed response has no field {name!r}")
        return self.get(name)


def response_of(found: OperationRecord) -> ReplayedResponse | None:
    """Return the response of a model call as a mapping, in the form of the provider that uses its finish reason.

    ``None`` if the recorded output is what the call returned: there is no finish reason, or it is more than an answer.
    """
    finish, output = found.metadata.get("finish_reason"), found.output
    if type(finish) is not str or type(output) is not dict:
        return None
    if set(output) != {"role", "content", "tool_calls"} and (set(output) != {"result"} or type(_answer(found)) is dict):
        return None
    other = google_response if finish.rpartition(".")[2].isupper() else _chat
    return cast("ReplayedResponse", _with_attributes((_message if finish in _ANTHROPIC_ENDS else other)(found)))


def _with_attributes(value: Any) -> Any:
    if type(value) is dict:
        return ReplayedResponse((name, _with_attributes(inner)) for name, inner in value.items())
    return [_with_attributes(inner) for inner in value] if type(value) is list else value
