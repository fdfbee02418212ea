"""Lenient decoding of OTLP values: attributes, payloads, usage and errors, in the forms that the store uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic_core import from_json

from voltagent.capture.usage import is_count
from voltagent.core import clock
from voltagent.wire.json_values import camel_to_snake, json_text
from voltagent.wire.otlp.attributes.usage import COST_DETAILS, READ_TOKENS


def attributes(given: object) -> dict[str, Any]:
    """Decode a list of ``KeyValue`` as a dict; skip invalid entries."""
    found: dict[str, Any] = {}
    for pair in items_of(given):
        key, value = pair.get("key"), pair.get("value")
        if isinstance(key, str) and isinstance(value, dict):
            # nearly all are strings
            found[key] = value["stringValue"] if "stringValue" in value else _any_value(cast(dict[str, Any], value))
    return found


def _any_value(value: Mapping[str, Any]) -> Any:
    """Decode OTLP's ``AnyValue`` in its JSON form; ``None`` for one of an unknown type."""
    for kind in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if kind in value:
            return value[kind]
    if "intValue" in value:
        return integer(value["intValue"], signed=True)
    if "arrayValue" in value:
        return [_any_value(item) for item in items_of(_field(value["arrayValue"], "values"))]
    if "kvlistValue" in value:
        return attributes(_field(value["kvlistValue"], "values"))
    return None


def integer(given: object, *, signed: bool = False) -> int:
    """Decode a 64-bit integer, in JSON a string or a number; 0 if it is invalid."""
    if isinstance(given, str) and len(given) <= 20 and given.lstrip("-").isdecimal() and given.isascii():
        given = int(given) if given.count("-") <= 1 else 0
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or not -(2**63) <= given < 2**64:
        return 0
    return given if signed or given >= 0 else 0


def text(given: object) -> str | None:
    return given if isinstance(given, str) and given else None


def texts(given: object) -> tuple[str, ...] | None:
    """Decode a list of strings, or the JSON text of one."""
    if isinstance(given, str):
        given = parsed(given)
    if not isinstance(given, list):
        return None
    return tuple(one for one in cast(list[object], given) if isinstance(one, str)) or None


def object_of(given: object) -> dict[str, Any]:
    """Decode an object, or the JSON text of one; empty if it is neither."""
    value = parsed(given) if isinstance(given, str | bytes) else given
    return dict(cast(dict[str, Any], value)) if isinstance(value, dict) else {}


def moment_text(given: object) -> str | None:
    found = text(given)
    return None if found is None or clock.parse_iso(found) is None else found


def links(given: object) -> dict[str, Any]:
    """Return the spans that a span links to, as metadata."""
    found = [{name: link.get(name) for name in ("traceId", "spanId")} for link in items_of(given)]
    return {"links": found} if found else {}


def payload_of(words: Mapping[str, Any], which: str) -> bytes | None:
    """Return the ``input`` or ``output`` as JSON object text, from whichever words have it."""
    given = words.get(which)
    if given is not None:
        return _payload(given, parse=words.get(f"{which}_type") != "text/plain")
    messages = words.get(f"{which}_messages")
    if messages is not None and which == "input":
        return _payload(_model_input(messages, words), parse="input_key" not in words)
    if messages is not None:
        return _payload(_from_messages(messages), parse=True)
    if which == "output" and words.get("tool_calls") is not None:
        return _payload(_answer(None, words["tool_calls"]), parse=False)
    return _searched(words) if which == "input" else _documents(words)


def _payload(given: object, *, parse: bool) -> bytes:
    """Return a payload as an object in JSON; anything else stands under ``result``."""
    value: object = None
    if parse and isinstance(given, str):
        value = parsed(given)
        if isinstance(value, dict) and not _NOT_JSON.search(given):
            return given.encode("utf-8", "replace")  # unchanged: numbers keep their digits
    found: object = given if value is None else value  # pyright: ignore[reportUnknownVariableType]
    return json_text(cast(object, found) if isinstance(found, dict) else {"result": found}).encode()


_NOT_JSON: Final = re.compile("NaN|Infinity")  # Python's parser accepts them as numbers, a browser's does not


def _from_messages(given: object) -> object:
    """Unwrap one message with one text, the form in which payloads of this library travel as chat."""
    messages: object = parsed(given) if isinstance(given, str) else given
    parts = [part for message in items_of(messages) for part in items_of(message.get("parts"))]
    if len(parts) == 1 and len(items_of(messages)) == 1 and isinstance(parts[0].get("content"), str):
        return parts[0]["content"]
    return {"messages": given if messages is None else messages}


def _model_input(given: object, words: Mapping[str, Any]) -> object:
    """Return the input of a model call: its messages, under their original name, and the other parts of it."""
    found = _from_messages(given)
    rest = object_of(words.get("input_rest"))
    tools: object = words.get("tools")
    tools = parsed(tools) if isinstance(tools, str) else tools
    if tools:
        rest["tools"] = tools
    key = text(words.get("input_key"))
    if key is not None:
        messages: object = parsed(given) if isinstance(given, str) else given
        plain: object = found if isinstance(found, str) else [_plain_message(one) for one in items_of(messages)]
        return {key: plain, **rest}
    if not rest:
        return found
    return {**(cast(dict[str, Any], found) if isinstance(found, dict) else {"prompt": found}), **rest}


def _plain_message(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message of one string in the form that most clients use; any other unchanged."""
    parts = items_of(message.get("parts"))
    is_plain = len(parts) == 1 and parts[0].get("type") == "text" and set(message) == {"role", "parts"}
    return {"role": message["role"], "content": parts[0].get("content")} if is_plain else message


def _answer(content: object, calls: object) -> dict[str, Any]:
    found: object = parsed(calls) if isinstance(calls, str) else calls
    return {"role": "assistant", "content": content, "tool_calls": found}


def _searched(words: Mapping[str, Any]) -> bytes | None:
    """Return what was searched for, or what vectors were made of."""
    query = words.get("query")
    if query is not None:
        return json_text({"query": query}).encode()
    found = [one["text"] for one in items_of(words.get("embeddings")) if isinstance(one.get("text"), str)]
    return json_text({"input": found}).encode() if found else None


def _documents(words: Mapping[str, Any]) -> bytes | None:
    """Return the results of a search. A document with only a text was a string before the conventions wrapped it."""
    given = words.get("documents_json", words.get("documents_list"))
    documents: object = parsed(given) if isinstance(given, str) else given
    if not isinstance(documents, list):
        return None
    found = cast(list[object], documents)
    texts = [one["content"] for one in items_of(found) if set(one) == {"content"}]
    return json_text({"result": texts if len(texts) == len(found) else found}).encode()


_COUNTS: Final = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens",
                  "reasoning_tokens", "cost", "input_cost", "output_cost", "total_cost")  # fmt: skip


def usage(words: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return tokens and costs in our spelling; the total if both parts are known."""
    found = {word: words[word] for word in _COUNTS if is_count(words.get(word))}
    for name, value in _few(words.get("usage_json")).items():
        found.setdefault(READ_TOKENS.get(name, camel_to_snake(name)), value)
    for name, value in _few(words.get("cost_json")).items():
        found.setdefault(f"{name}_cost", value)
    if "cost" not in found and is_count(found.get("total_cost")):
        found["cost"] = found.pop("total_cost")  # what some conventions call a total is what is added up
    details = {name: words[word] for word, name in COST_DETAILS.items() if is_count(words.get(word))}
    if details:
        found["cost_details"] = details
    found.update(_few(words.get("other_usage")))
    if "total_tokens" not in found and all(
        is_count(found.get(name)) for name in ("prompt_tokens", "completion_tokens")
    ):
        found["total_tokens"] = found["prompt_tokens"] + found["completion_tokens"]
    return found or None


def counts(given: object) -> dict[str, Any] | None:
    """Return the tokens and costs in the text of one attribute."""
    return _few(given) or None


def _few(given: object) -> dict[str, Any]:
    """Return an object of counts; an empty one if it has too many fields for that."""
    found = object_of(given)
    return found if len(found) <= _MOST_COUNTS else {}


_MOST_COUNTS: Final = 1000

_PARAMETERS: Final = ("provider", "temperature", "max_tokens", "top_p", "top_k", "frequency_penalty",
                      "presence_penalty", "stop_sequences", "seed", "max_retries", "max_steps")  # fmt: skip


def model(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of the model, in the form of ``model_parameters``."""
    named = {word: words[word] for word in _PARAMETERS if words.get(word) is not None}
    name = model_name(words)
    return {**object_of(words.get("model_parameters")), **({} if name is None else {"model": name}), **named}


def model_name(words: Mapping[str, Any]) -> str | None:
    """Return the model that answered, else the requested one."""
    for word in _MODELS:
        found = words.get(word)
        if isinstance(found, str) and found:
            return found
    return None


_MODELS: Final = ("response_model", "model", "requested_model")


def instructions(words: Mapping[str, Any]) -> str | None:
    """Return the instructions of an agent, else the text of the system prompt."""
    given = text(words.get("instructions"))
    system = text(words.get("system"))
    if given is not None or system is None:
        return given
    parts = [_field(part, "content") for part in items_of(parsed(system))]
    return "\n".join(part for part in parts if isinstance(part, str)) or system


_LANGFUSE_LEVELS: Final = {"DEFAULT": "INFO"}


def level(words: Mapping[str, Any], *, failed: bool) -> str | None:
    """Return the recorded level, unless it merely follows from a failure."""
    given = text(words.get("level"))
    if given is not None:
        return given
    derived = text(words.get("langfuse_level"))
    return None if derived is None or failed else _LANGFUSE_LEVELS.get(derived, derived)


_UNKNOWN: Final = ("_OTHER", "cancelled")
_NO_MESSAGE: Final = "Operation failed"


def error(words: Mapping[str, Any], exception: Mapping[str, Any], message: str | None) -> bytes | None:
    """Return a failure as stored: an object with ``message``, ``type``, ``stack`` and other known facts; a string if
    only a message is known; ``None`` if nothing is.
    """
    message_text = text(exception.get("exception.message")) or text(words.get("error_message")) or message
    kind = text(exception.get("exception.type")) or text(words.get("error_type"))
    if kind in _UNKNOWN:
        kind = None
    fields = {
        "message": message_text,
        "type": kind,
        "code": words.get("error_code"),
        "stack": text(exception.get("exception.stacktrace")) or text(words.get("error_stack")),
        **object_of(words.get("other_error")),
    }
    found = {name: value for name, value in fields.items() if value is not None}
    if list(found) == ["message"]:
        return None if message_text in (_NO_MESSAGE, "cancelled") else json_text(message_text).encode()
    return json_text(found).encode() if found else None


def parsed(given: str | bytes) -> Any:
    """Parse JSON text; ``None`` if it is invalid."""
    try:
        return from_json(given)
    except ValueError:
        return None


def items_of(given: object) -> list[dict[str, Any]]:
    """Return the objects in a list; none for what is not a list."""
    items: list[object] = given if isinstance(given, list) else []  # pyright: ignore[reportUnknownVariableType]
    return [cast(dict[str, Any], item) for item in items if isinstance(item, dict)]


def _field(given: object, name: str) -> Any:
    return cast(dict[str, Any], given).get(name) if isinstance(given, dict) else None
