"""The messages and tools of a model call, in the forms of the conventions.

Clients write messages in several ways: content as a string or as blocks, parts, tool calls beside the content. All are
brought into the form of the GenAI conventions first: a role, and parts of a type each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, cast

from voltagent.core.span import MODEL_CALLS
from voltagent.wire.json_values import json_object
from voltagent.wire.otlp.attributes.payloads import as_json, as_text, plain_text
from voltagent.wire.otlp.span_view import Facts

_Message = dict[str, Any]
_KEYS: Final = ("messages", "input", "contents", "prompt")  # of the input of a model call: what is sent to the model
_LAST: Final = 10  # messages that the platform shows
_LARGEST: Final = 256 * 1024  # bytes of a payload whose messages are sent one by one, beside the payload itself


class _Request(NamedTuple):
    """What is sent to a model: messages, and what else is in the input of the call."""

    messages: list[_Message]
    key: str | None  # under which the input has the messages; None if they are all of it
    rest: dict[str, Any]


def _request(facts: Facts) -> _Request:
    """Return the messages in the input of a model call; none if it is in no known form."""
    if facts.kind not in MODEL_CALLS:
        return _NO_REQUEST
    given = json_object(facts.input)
    for key in _KEYS:
        found = _messages_of(given.get(key))
        if found:
            return _Request(found, key, {name: value for name, value in given.items() if name != key})
    text = plain_text(facts.input)
    return _NO_REQUEST if text is None else _Request([_text_message("user", text)], None, {})


_NO_REQUEST: Final = _Request([], None, {})


def _messages_of(value: object) -> list[_Message]:
    """Return messages in the form of the GenAI conventions; none if the value is not a list of messages."""
    if isinstance(value, str):
        return [_text_message("user", value)] if value else []
    if not isinstance(value, list):
        return []
    items = cast("list[object]", value)
    return [_message(item) for item in items] if all(isinstance(item, dict) for item in items) else []


def _text_message(role: str, text: str) -> _Message:
    return {"role": role, "parts": [_text_part(text)]}


# What stands between messages in OpenAI's Responses API, by whose it is.
_ITEMS: Final = {"reasoning": "assistant", "function_call": "assistant", "function_call_output": "tool"}
_REASONING: Final = ("reasoning_content", "reasoning", "thinking")  # of messages, beside their content


def _reasoning_part(text: str) -> dict[str, Any]:
    return {"type": "reasoning", "content": text}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _message(given: Any) -> _Message:
    """Return a message of any provider in the form of the GenAI conventions: a role, and a list of parts."""
    side = _ITEMS.get(_type_of(given))
    if given.get("role") is None and side is not None:
        return {"role": side, "parts": [_part(given)]}
    role = given.get("role") or ("assistant" if given.get("tool_calls") else "user")
    thought = next((given[name] for name in _REASONING if isinstance(given.get(name), str)), None)
    content = next((given[name] for name in ("parts", "content", "text") if given.get(name) is not None), None)
    if role == "tool":
        parts = [{"type": "tool_call_response", "id": given.get("tool_call_id"), "result": content}]
    else:
        parts = [*([_reasoning_part(thought)] if thought else []), *_parts(content)]
        parts += map(_call, _dicts(given.get("tool_calls")))
    return {"role": "assistant" if role == "model" else role, "parts": parts}


def _parts(content: object) -> list[dict[str, Any]]:
    """Return the parts of a content, which providers give as text, as one part or as a list."""
    if content is None:
        return []
    if isinstance(content, str):
        return [_text_part(content)]
    items = cast("list[object]", content) if isinstance(content, list) else [content]
    return [_text_part(item) if isinstance(item, str) else _part(item) for item in items]


def _part(block: Any) -> dict[str, Any]:
    """Return a block of a message of any client as a part; one of a kind that is not known stays as it is."""
    if not isinstance(block, dict):
        return _text_part(str(block))
    part = cast("dict[str, Any]", block)
    kind = _type_of(part)
    found = part if part.get("type") is not None else {"type": "data", **part}
    if kind in _OF_REASONING or part.get("thought") is True or "reasoningContent" in part:
        thought = _thought(part)
        found = part if thought is None else _reasoning_part(thought)
    elif isinstance(part.get("text"), str):
        found = _text_part(part["text"])
    elif kind in _RESULTS:
        identifier, result = _RESULTS[kind]
        found = {"type": "tool_call_response", "id": part.get(identifier), "result": part.get(result)}
    elif kind in ("tool_use", "function_call") or any(name in part for name in _CALLS):
        found = _call(part)
    return found


def _type_of(given: dict[str, Any]) -> str:
    """Return the type that a block or an item names; an empty text if that is no text, as in a schema."""
    kind = given.get("type")
    return kind if isinstance(kind, str) else ""


# Results of tools, in a message and between messages: where they have the id of the call, and what it gave.
_RESULTS: Final = {"tool_result": ("tool_use_id", "content"), "function_call_output": ("call_id", "output")}


def _thought(part: dict[str, Any]) -> str | None:
    """Return the text of a block of reasoning, or of its parts; ``None`` if it is encrypted."""
    found: object = next((part[name] for name in _THOUGHTS if part.get(name)), None)
    if isinstance(found, dict):
        return _thought(cast("dict[str, Any]", found))
    if isinstance(found, list):
        found = "\n\n".join(str(one.get("text") or "") for one in _dicts(cast("list[object]", found)))
    return found if isinstance(found, str) and found else None


_OF_REASONING: Final = ("thinking", "reasoning", "reasoning_content")
_THOUGHTS: Final = (
    "thinking", "reasoning", "reasoning_content", "text", "content", "summary", "reasoningContent", "reasoningText"
)  # fmt: skip
_CALLS: Final = ("function", "function_call", "functionCall", "toolUse")


def _call(given: dict[str, Any]) -> dict[str, Any]:
    """Return a tool call, which clients nest in different ways, in the form of the conventions."""
    inner: Any = next((given[name] for name in _CALLS if isinstance(given.get(name), dict)), given)
    arguments = next((inner[name] for name in ("arguments", "input", "args") if inner.get(name) is not None), None)
    identifier = next(
        (one[name] for one in (given, inner) for name in ("call_id", "id", "toolUseId") if one.get(name)), None
    )
    return {"type": "tool_call", "id": identifier, "name": inner.get("name"), "arguments": arguments}


def _answer_messages(facts: Facts) -> list[_Message]:
    """Return the messages in the output; none if it is in no known form."""
    text = plain_text(facts.output)
    if text is not None:
        return [_text_message("assistant", text)]
    given = json_object(facts.output)
    found = _messages_of(given.get("messages"))
    return found or (
        [_message({"role": "assistant", **given})] if "tool_calls" in given or "reasoning_content" in given else []
    )


def _dicts(value: object) -> list[dict[str, Any]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def genai_input(facts: Facts) -> str | None:
    """Return the messages of a model call; of anything else all of the input as one message."""
    text = as_text(facts.input)
    return as_json(_request(facts).messages) or (None if text is None else as_json([_text_message("user", text)]))


def genai_output(facts: Facts) -> str | None:
    """Return the answer with its finish reason, which the conventions demand; else the whole output as one message."""
    if facts.output is None:
        return None
    found = _answer_messages(facts) if facts.kind in MODEL_CALLS else []
    found = found or [_text_message("assistant", as_text(facts.output) or "")]
    reason = facts.metadata.get("finish_reason") or ("error" if facts.failed else "stop")
    return as_json([{**message, "finish_reason": reason} for message in found])


def input_rest(facts: Facts) -> str | None:
    """Return what else than messages, tools and parameters the input of a model call holds."""
    rest = _request(facts).rest
    return as_json({key: rest[key] for key in rest if key != "tools" and (key, rest[key]) not in facts.model.items()})


def input_key(facts: Facts) -> str | None:
    """Under which name the input of a model call has its messages."""
    return _request(facts).key


def tool_definitions(facts: Facts) -> str | None:
    """Return the tools that a model may call."""
    return as_json(_tools(facts)) if _request(facts).messages else None


def _tools(facts: Facts) -> list[dict[str, Any]]:
    return _dicts(json_object(facts.input).get("tools"))


def system_instructions(facts: Facts) -> str | None:
    """Return the instructions of an agent."""
    instructions = facts.fact("instructions")
    return None if instructions is None else as_json([_text_part(instructions)])


def last_messages(facts: Facts) -> str | None:
    """Return the last messages that the model was given, as the platform shows them."""
    return as_json(_request(facts).messages[-_LAST:])


def message_count(facts: Facts) -> int | None:
    """Return how many messages the model was given."""
    return len(_request(facts).messages) or None


def tool_names(facts: Facts) -> str | None:
    """Return the names of the tools that a model may call, with commas between them."""
    described: list[Any] = [tool.get("function") or tool for tool in _tools(facts)]
    return ",".join(str(one["name"]) for one in _dicts(described) if one.get("name")) or None


def tool_count(facts: Facts) -> int | None:
    """Return how many tools a model may call."""
    return len(_tools(facts)) or None


def openinference_input(facts: Facts) -> dict[str, Any] | None:
    """Return the messages of the input, each field by itself: ``0.message.role`` and so on."""
    is_large = len(facts.input or b"") > _LARGEST
    return None if is_large else dict(_numbered(_request(facts).messages)) or None


def openinference_output(facts: Facts) -> dict[str, Any] | None:
    """Return the messages of the output, each field by itself."""
    is_large = len(facts.output or b"") > _LARGEST
    return None if is_large else dict(_numbered(_answer_messages(facts))) or None


def openinference_tools(facts: Facts) -> dict[str, Any] | None:
    """Return the tools that a model may call, each as JSON text."""
    return {f"{number}.tool.json_schema": as_json(tool) for number, tool in enumerate(_tools(facts))} or None


def _numbered(messages: list[_Message]) -> Iterator[tuple[str, Any]]:
    """Yield messages as OpenInference has them: one attribute for each field, with the message's number in its name."""
    for number, message in enumerate(messages):
        yield f"{number}.message.role", message["role"]
        spoken = [part for part in message["parts"] if part.get("type") != "reasoning"]
        texts = [part["content"] for part in spoken if isinstance(part.get("content"), str)]
        results = [part for part in message["parts"] if part.get("type") == "tool_call_response"]
        for result in results[:1]:
            yield f"{number}.message.tool_call_id", str(result.get("id") or "")
            given = result.get("result")
            texts.append(given if isinstance(given, str) else as_json(given) or "")
        if texts:
            yield f"{number}.message.content", "\n".join(texts)
        calls = [part for part in message["parts"] if part.get("type") == "tool_call"]
        for place, call in enumerate(calls):
            head = f"{number}.message.tool_calls.{place}.tool_call"
            arguments = call.get("arguments")
            yield f"{head}.id", str(call.get("id") or "")
            yield f"{head}.function.name", str(call.get("name") or "")
            yield f"{head}.function.arguments", arguments if isinstance(arguments, str) else as_json(arguments) or "{}"
