"""Recognises the messages of a conversation in any recorded value.

Pure functions from JSON to one form for every provider: OpenAI (chat and responses), Anthropic, Google, the GenAI
attributes of OpenTelemetry, LangChain, and plain lists of role and content. The viewer's page does the same in
``messages.js``; one table of cases tests both.
"""

# Values are any JSON: `isinstance(x, dict)` makes one `dict[Unknown, Unknown]` to pyright.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any

_MOST_WRAPPERS: Final = 4  # objects around the messages that are looked through
_LONGEST_JSON: Final = 2_000_000  # characters of a string that are tried as JSON
_LONGEST_ROLE: Final = 40

_ROLES: Final[Mapping[str, str]] = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant",
    "ai": "assistant", "model": "assistant", "bot": "assistant", "tool": "tool", "function": "tool",
    "AIMessageChunk": "assistant", "HumanMessage": "user", "AIMessage": "assistant", "SystemMessage": "system",
    "ToolMessage": "tool", "FunctionMessage": "tool", "HumanMessageChunk": "user", "SystemMessageChunk": "system",
    "ToolMessageChunk": "tool",
}  # fmt: skip
_LISTS: Final = (
    "messages", "contents", "input", "output", "gen_ai.input.messages", "gen_ai.output.messages", "input_messages",
    "output_messages", "chat_history", "history", "prompt",
)  # fmt: skip
_SYSTEMS: Final = ("system", "instructions", "system_instruction", "systemInstruction", "system_instructions",
                   "gen_ai.system_instructions")  # fmt: skip
_CARRIERS: Final = ("content", "parts", "tool_calls", "function_call", "refusal", "audio", "reasoning_content")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message. Which fields count depends on the type."""

    type: str  # "text", "reasoning", "call", "result", "media" or "json"
    text: str = ""  # of a text, or of reasoning
    value: Json = None  # the arguments of a call, what a result or any other value is
    id: str | None = None  # of the call, or of the call that a result answers
    name: str | None = None  # of the tool, or of a file
    result: Part | None = None  # of a call
    failed: bool = False  # of a result
    mime: str = ""  # of media
    size: int | None = None  # bytes of media that is part of the value
    url: str | None = None  # of media that is elsewhere


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: str  # as it was written
    side: str  # "system", "user", "assistant", "tool" or "other"
    parts: tuple[Part, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages in a value, and the other fields of the objects around them."""

    messages: tuple[Message, ...]
    rest: Mapping[str, Json]


_Messages: TypeAlias = "tuple[list[Message], dict[str, Json]]"


def conversation_of(value: Json) -> Conversation | None:
    """Return the messages in a value; ``None`` if there are none. Results of tools are put to their calls."""
    found = _search(value, 0)
    if found is None:
        return None
    messages = [one for one in _answered(found[0]) if one.parts]
    return Conversation(tuple(messages), found[1]) if messages else None


def _search(value: Json, depth: int) -> _Messages | None:
    if depth > _MOST_WRAPPERS:
        return None
    if isinstance(value, str):
        read = parsed(value) if depth else value
        return None if read is value else _search(read, depth + 1)
    if isinstance(value, list):
        return _in_list(value, depth)
    return _in_object(value, depth) if isinstance(value, dict) else None


def parsed(value: Json) -> Json:
    """Return the value of a string that is JSON of an object or array, and everything else as it is."""
    if not isinstance(value, str) or len(value) > _LONGEST_JSON or value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _in_list(value: Sequence[Json], depth: int) -> _Messages | None:
    if not value:
        return None
    messages = [_message_of(one) for one in value]
    known = [one for one in messages if one is not None]
    if len(known) == len(messages):
        return known, {}
    return _search(value[0], depth + 1) if len(value) == 1 else None  # a batch of one, or one argument


def _in_object(value: dict[str, Json], depth: int) -> _Messages | None:
    answer = _answer_of(value)
    if answer is not None:
        return answer
    alone = _message_of(value)
    if alone is not None and alone.side != "other":
        return [alone], {}
    names = [*(name for name in _LISTS if name in value), *(n for n in value if n not in _LISTS and n not in _SYSTEMS)]
    system = _system_of(value)
    for name in names:
        found = _search(value[name], depth + 1)
        if found is None and system is not None and name == "input":
            found = _plain_input(value[name])
        if found is not None:
            used = {name, *((system[0],) if system is not None and system[0] else ())}
            rest = {key: item for key, item in value.items() if key not in used}
            return [*((system[1],) if system is not None else ()), *found[0]], {**rest, **found[1]}
    return None


def _plain_input(value: Json) -> _Messages | None:
    return ([_message("user", [Part("text", value)])], {}) if isinstance(value, str) else None


def _system_of(value: dict[str, Json]) -> tuple[str, Message] | None:
    """The system prompt beside the messages, and the field that has it; the field is empty inside ``config``."""
    name = next((name for name in _SYSTEMS if value.get(name) is not None), "")
    config: Json = value.get("config")
    prompt = value.get(name) if name else _first(config if isinstance(config, dict) else {}, _SYSTEMS)
    if prompt is None:
        return None
    parts = _parts_of(prompt["parts"] if isinstance(prompt, dict) and "parts" in prompt else parsed(prompt))
    return (name, _message("system", parts)) if parts else None


# ------------------------------------------------------------------------------------------------- answers of a model


def _answer_of(value: dict[str, Json]) -> _Messages | None:
    """The answer of a model: OpenAI's ``choices``, Google's ``candidates``, LangChain's ``generations``."""
    for name, read in _ANSWERS.items():
        entries: Json = value.get(name)
        if not isinstance(entries, list) or not entries:
            continue
        flat = [one for entry in entries for one in (entry if isinstance(entry, list) else [entry])]
        messages = [read(one) if isinstance(one, dict) else None for one in flat]
        known = [one for one in messages if one is not None]
        if len(known) == len(messages):
            return known, {key: item for key, item in value.items() if key != name}
    return None


def _choice(entry: dict[str, Json]) -> Message | None:
    found = entry.get("message") if entry.get("message") is not None else entry.get("delta")
    return _message_of(found, "assistant") or _completion(entry)


def _generation(entry: dict[str, Json]) -> Message | None:
    return _message_of(entry.get("message"), "assistant") or _completion(entry)


def _completion(entry: dict[str, Json]) -> Message | None:
    text: Json = entry.get("text")
    return _message("assistant", [Part("text", text)]) if isinstance(text, str) else None


_ANSWERS: Final[Mapping[str, Callable[[dict[str, Json]], Message | None]]] = {
    "choices": _choice,
    "candidates": lambda entry: _message_of(entry.get("content"), "assistant"),
    "generations": _generation,
}


# ------------------------------------------------------------------------------------------------------- one message


def _message(role: str, parts: Sequence[Part], name: Json = None) -> Message:
    return Message(role, _ROLES.get(role, "other"), tuple(parts), name if isinstance(name, str) else None)


def _message_of(value: Json, usual: str | None = None) -> Message | None:
    if isinstance(value, list):
        return _pair_of(value)
    if not isinstance(value, dict):
        return None
    role, body = _role_and_body(value, usual)
    if role is None:
        return None
    if role == "item":
        part = _part_of(body)
        return _message("tool" if part.type == "result" else "assistant", [part])
    return _message(role, _body_parts(role, body), body.get("name")) if any(n in body for n in _CARRIERS) else None


def _pair_of(value: Sequence[Json]) -> Message | None:
    """LangChain takes ``["human", "Hello"]`` for a message."""
    if len(value) != 2 or not all(isinstance(one, str) for one in value) or value[0] not in _ROLES:
        return None
    return _message(value[0], [Part("text", value[1])])


def _role_and_body(value: dict[str, Json], usual: str | None) -> tuple[str | None, dict[str, Json]]:
    inner, path, kind = value.get("kwargs"), value.get("id"), value.get("type")
    if "lc" in value and isinstance(inner, dict) and isinstance(path, list):
        return _class_role(path[-1] if path else None, inner), inner
    if isinstance(value.get("role"), str) and len(value["role"]) <= _LONGEST_ROLE:
        return value["role"], value
    if isinstance(kind, str) and kind in _ITEMS:
        return "item", value
    if isinstance(kind, str) and kind in _ROLES:
        return kind, value["data"] if isinstance(value.get("data"), dict) else value
    return usual, value


def _class_role(name: Json, inner: dict[str, Json]) -> str | None:
    role: Json = inner.get("role")
    if name == "ChatMessage" and isinstance(role, str):
        return role
    return name if isinstance(name, str) and name in _ROLES else None


def _body_parts(role: str, body: dict[str, Json]) -> list[Part]:
    content = body["parts"] if isinstance(body.get("parts"), list) else _parsed_parts(body.get("content"))
    if _ROLES.get(role) == "tool" and not _are_results(content):
        return [_result_part({**body, "content": content})]
    more = body["additional_kwargs"] if isinstance(body.get("additional_kwargs"), dict) else {}
    thought = _first(body, ("reasoning_content", "reasoning", "thinking"))
    thought = more.get("reasoning_content") if thought is None else thought
    known = _parts_of(content)
    lists = (body.get("tool_calls"), more.get("tool_calls"))
    listed = next((one for one in lists if isinstance(one, list) and one), [])
    calls = [] if any(part.type == "call" for part in known) else [_call_part(c) for c in listed if isinstance(c, dict)]
    audio = body.get("audio")
    return [
        *([Part("reasoning", thought)] if isinstance(thought, str) and thought else []),
        *known,
        *([Part("text", body["refusal"])] if isinstance(body.get("refusal"), str) else []),
        *([_media(audio.get("data"), f"audio/{audio.get('format', '*')}", None)] if isinstance(audio, dict) else []),
        *calls,
        *([_call_part(body["function_call"])] if isinstance(body.get("function_call"), dict) else []),
    ]


def _parsed_parts(content: Json) -> Json:
    """A content of which an instrumentation made a string: the parts, if it is a list of them."""
    if not isinstance(content, str) or not content.startswith('[{"type":'):
        return content
    read = parsed(content)
    return read if isinstance(read, list) else content


def _are_results(content: Json) -> bool:
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(part, dict) and _part_of(part).type == "result" for part in content)
    )


# ------------------------------------------------------------------------------------------------------------- parts


def _parts_of(content: Json) -> list[Part]:
    if content is None or content == "":
        return []
    parts = [_part_of(one) for one in (content if isinstance(content, list) else [content])]
    return [part for part in parts if part.type != "text" or part.text or not isinstance(content, list)]


def _part_of(value: Json) -> Part:
    if isinstance(value, str):
        return Part("text", value)
    if not isinstance(value, dict):
        return Part("json", value=value)
    kind: Json = value.get("type")
    read = (_ITEMS.get(kind) or _PARTS.get(kind)) if isinstance(kind, str) else None
    found = None if read is None else read(value)
    return found or _by_field(value) or Part("json", value=value)


def _text_part(value: dict[str, Json]) -> Part | None:
    text = _first(value, ("text", "content", "refusal"))
    return Part("text", text) if isinstance(text, str) else None


def _reasoning(value: dict[str, Json]) -> Part | None:
    found = _first(value, ("thinking", "reasoning", "text", "content", "summary", "data"))
    if isinstance(found, list):
        found = "\n\n".join(str(one.get("text", "")) for one in found if isinstance(one, dict))
    return Part("reasoning", found) if isinstance(found, str) else None


def _call_part(value: dict[str, Json]) -> Part:
    inner = value["function"] if isinstance(value.get("function"), dict) else value
    given = _first(inner, ("arguments", "args", "input"))
    call_id: Json = value.get("call_id")
    identifier = call_id if isinstance(call_id, str) else _first(value, ("id", "call_id", "tool_call_id"))
    name: Json = inner.get("name")
    return Part(
        "call",
        id=None if identifier is None else str(identifier),
        name=str("tool" if name is None else name),
        value=parsed({} if given is None else given),
    )


def _result_part(value: dict[str, Json]) -> Part:
    identifier = _first(value, ("tool_call_id", "tool_use_id", "call_id", "id"))
    content = parsed(_first(value, ("content", "response", "result", "output")))
    name: Json = value.get("name")
    return Part(
        "result",
        id=None if identifier is None else str(identifier),
        name=name if isinstance(name, str) else None,
        value=_joined_texts(content),
        failed=value.get("is_error") is True or value.get("status") == "error",
    )


def _joined_texts(content: Json) -> Json:
    """The string of a result that is a list of text parts."""
    parts = [_part_of(one) for one in content] if isinstance(content, list) else []
    return "\n".join(part.text for part in parts) if parts and all(part.type == "text" for part in parts) else content


_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)[^,]{0,100};base64,")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}:", re.IGNORECASE)


def _media(source: Json, mime: Json, name: Json) -> Part:
    text = source if isinstance(source, str) else ""
    head = _DATA_URL.match(text[:200])
    elsewhere = head is None and _ADDRESS.match(text) is not None
    data = text[head.end() :] if head is not None else "" if elsewhere else text
    return Part(
        "media",
        mime=head[1].lower() if head is not None else mime.lower() if isinstance(mime, str) else "file",
        size=len(data.rstrip("=")) * 3 // 4 if data else None,
        url=text if elsewhere else None,
        name=name if isinstance(name, str) else None,
    )


_SOURCES: Final = ("data", "url", "uri", "file_uri", "fileUri", "file_data", "base64", "content", "file_id", "text")


def _attachment(usual: str) -> Callable[[dict[str, Json]], Part | None]:
    def read(value: dict[str, Json]) -> Part | None:
        inside = (value.get(name) for name in ("source", "file", "input_audio", "image_url", "audio"))
        inner = next((one for one in inside if isinstance(one, dict)), value)
        source = _first(inner, _SOURCES) or value.get("image_url") or value.get("file_url")
        form: Json = inner.get("format")
        mime = _first_text(inner, ("media_type", "mime_type", "mimeType")) or _first_text(
            value, ("mime_type", "media_type")
        )
        mime = mime or (f"{usual}/{form}" if isinstance(form, str) else "file" if usual == "file" else f"{usual}/*")
        name = _first(inner, ("filename", "name", "title")) or value.get("filename")
        return None if source is None else _media(source, mime, name)

    return read


def _redacted(_: dict[str, Json]) -> Part:
    return Part("reasoning", "(redacted)")


_FILE: Final = _attachment("file")
_PARTS: Final[Mapping[str, Callable[[dict[str, Json]], Part | None]]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text", "refusal"), _text_part),
    **dict.fromkeys(("thinking", "reasoning_content"), _reasoning),
    "redacted_thinking": _redacted,
    **dict.fromkeys(("tool_use", "server_tool_use", "tool_call", "function"), _call_part),
    **dict.fromkeys(("tool_result", "tool_call_response"), _result_part),
    **dict.fromkeys(("image_url", "image", "input_image"), _attachment("image")),
    **dict.fromkeys(("input_audio", "audio"), _attachment("audio")),
    **dict.fromkeys(("file", "input_file", "document", "media", "blob", "uri"), _FILE),
    "video": _attachment("video"),
}
# What stands between the messages in OpenAI's responses.
_ITEMS: Final[Mapping[str, Callable[[dict[str, Json]], Part | None]]] = {
    "function_call": _call_part,
    "function_call_output": _result_part,
    "reasoning": _reasoning,
}
# Google's parts have no type, but a field that names one.
_FIELDS: Final[Mapping[str, Callable[[dict[str, Json]], Part | None]]] = {
    **dict.fromkeys(("functionCall", "function_call"), _call_part),
    **dict.fromkeys(("functionResponse", "function_response"), _result_part),
    **dict.fromkeys(("inlineData", "inline_data", "fileData", "file_data"), _FILE),
}


def _by_field(value: dict[str, Json]) -> Part | None:
    name = next((name for name in _FIELDS if isinstance(value.get(name), dict)), None)
    if name is not None:
        return _FIELDS[name](value[name])
    text: Json = value.get("text")
    if not isinstance(text, str) or value.get("type") is not None:
        return None
    return Part("reasoning" if value.get("thought") is True else "text", text)


def _first(value: Mapping[str, Json], names: Sequence[str]) -> Json:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _first_text(value: Mapping[str, Json], names: Sequence[str]) -> str | None:
    found = _first(value, names)
    return found if isinstance(found, str) else None


# -------------------------------------------------------------------------------------------------- calls and results


def _answered(messages: Sequence[Message]) -> list[Message]:
    """The messages with each result of a tool in the part that called it."""
    open_calls = [part for one in messages for part in one.parts if part.type == "call"]
    results: dict[int, Part] = {}  # by `id` of the call
    used: set[int] = set()  # `id` of results that have a call
    for one in messages:
        for part in one.parts:
            call = _call_for(part, open_calls, results) if part.type == "result" else None
            if call is not None:
                results[id(call)] = part
                used.add(id(part))

    def with_results(part: Part) -> Part:
        return replace(part, result=results[id(part)]) if id(part) in results else part

    return [replace(one, parts=tuple(with_results(p) for p in one.parts if id(p) not in used)) for one in messages]


def _call_for(result: Part, calls: Sequence[Part], answered: Mapping[int, Part]) -> Part | None:
    free = (call for call in calls if id(call) not in answered)
    if result.id is not None:
        return next((call for call in free if call.id == result.id), None)
    return next((call for call in free if call.name == result.name), None)
