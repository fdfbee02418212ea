"""Recognises the messages of a conversation in any recorded value.

Pure functions from JSON to one form for every provider: OpenAI (chat and responses), Anthropic, Google, the GenAI
attributes of OpenTelemetry, LangChain, and plain lists of role and content. The viewer does the same in
``messages.js``; one table of cases tests both.
"""

# Values are any JSON: `isinstance(x, dict)` makes one `dict[Unknown, Unknown]` to pyright.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from voltagent.render.message_parts import (
    ITEMS,
    Json,
    Part,
    call_part,
    first,
    media_part,
    parsed,
    part_of,
    parts_of,
    result_part,
)

MOST_WRAPPERS: Final = 4  # objects around the messages that are looked through
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
    """Find messages in a value, also below wrappers and in JSON text; return them and the other fields."""
    if depth > MOST_WRAPPERS:
        return None
    if isinstance(value, str):
        read = parsed(value) if depth else value
        return None if read is value else _search(read, depth + 1)
    if isinstance(value, list):
        return _in_list(value, depth)
    return _in_object(value, depth) if isinstance(value, dict) else None


def _in_list(value: Sequence[Json], depth: int) -> _Messages | None:
    """Find messages in a list: all of its items, or those inside its only one."""
    if not value:
        return None
    messages = [message_of(one) for one in value]
    known = [one for one in messages if one is not None]
    if len(known) == len(messages):
        return known, {}
    return _search(value[0], depth + 1) if len(value) == 1 else None  # a batch of one, or one argument


def _in_object(value: dict[str, Json], depth: int) -> _Messages | None:
    """Find messages in an object: an answer, a single message, or a field that holds them beside the system prompt."""
    answer = _answer_of(value)
    if answer is not None:
        return answer
    alone = message_of(value)
    if alone is not None and alone.side != "other":
        return [alone], {}
    system = system_of(value)
    for name in names_to_search(value):
        found = _search(value[name], depth + 1)
        if found is None and system is not None and name == "input":
            found = _plain_input(value[name])
        if found is not None:
            used = {name, *((system[0],) if system is not None and system[0] else ())}
            rest = {key: item for key, item in value.items() if key not in used}
            return [*((system[1],) if system is not None else ()), *found[0]], {**rest, **found[1]}
    return None


def names_to_search(value: dict[str, Json]) -> list[str]:
    """Return the fields that may hold messages, the likely ones first."""
    return [*(name for name in _LISTS if name in value), *(n for n in value if n not in _LISTS and n not in _SYSTEMS)]


def _plain_input(value: Json) -> _Messages | None:
    return ([new_message("user", [Part("text", value)])], {}) if isinstance(value, str) else None


def system_of(value: dict[str, Json]) -> tuple[str, Message] | None:
    """Return the system prompt beside the messages, and the field that has it; the field is empty inside ``config``."""
    name = next((name for name in _SYSTEMS if value.get(name) is not None), "")
    config: Json = value.get("config")
    prompt = value.get(name) if name else first(config if isinstance(config, dict) else {}, _SYSTEMS)
    if prompt is None:
        return None
    parts = parts_of(prompt["parts"] if isinstance(prompt, dict) and "parts" in prompt else parsed(prompt))
    return (name, new_message("system", parts)) if parts else None


def _answer_of(value: dict[str, Json]) -> _Messages | None:
    """Return the answer of a model: OpenAI's ``choices``, Google's ``candidates``, LangChain's ``generations``."""
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
    return message_of(found, "assistant") or _completion(entry)


def _generation(entry: dict[str, Json]) -> Message | None:
    return message_of(entry.get("message"), "assistant") or _completion(entry)


def _completion(entry: dict[str, Json]) -> Message | None:
    text: Json = entry.get("text")
    return new_message("assistant", [Part("text", text)]) if isinstance(text, str) else None


_ANSWERS: Final[Mapping[str, Callable[[dict[str, Json]], Message | None]]] = {
    "choices": _choice,
    "candidates": lambda entry: message_of(entry.get("content"), "assistant"),
    "generations": _generation,
}


def new_message(role: str, parts: Sequence[Part], name: Json = None) -> Message:
    """Return a message with its side."""
    return Message(role, _ROLES.get(role, "other"), tuple(parts), name if isinstance(name, str) else None)


def message_of(value: Json, usual: str | None = None) -> Message | None:
    """Return a value as a message; ``None`` if it is not one. ``usual`` is the role of one that names none."""
    if isinstance(value, list):
        return _pair_of(value)
    if not isinstance(value, dict):
        return None
    role, body = _role_and_body(value, usual)
    if role is None:
        return None
    if role == "item":
        part = part_of(body)
        return new_message("tool" if part.type == "result" else "assistant", [part])
    return new_message(role, _body_parts(role, body), body.get("name")) if any(n in body for n in _CARRIERS) else None


def _pair_of(value: Sequence[Json]) -> Message | None:
    """LangChain takes ``["human", "Hello"]`` for a message."""
    if len(value) != 2 or not all(isinstance(one, str) for one in value) or value[0] not in _ROLES:
        return None
    return new_message(value[0], [Part("text", value[1])])


def _role_and_body(value: dict[str, Json], usual: str | None) -> tuple[str | None, dict[str, Json]]:
    """Return the role of a message and the object with its content, which LangChain keeps inside another."""
    inner, path, kind = value.get("kwargs"), value.get("id"), value.get("type")
    if "lc" in value and isinstance(inner, dict) and isinstance(path, list):
        return _class_role(path[-1] if path else None, inner), inner
    if isinstance(value.get("role"), str) and len(value["role"]) <= _LONGEST_ROLE:
        return value["role"], value
    if isinstance(kind, str) and kind in ITEMS:
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
    """Return the content of a message as parts: its reasoning first, then its blocks, then its tool calls."""
    content = body["parts"] if isinstance(body.get("parts"), list) else _parsed_parts(body.get("content"))
    if _ROLES.get(role) == "tool" and not _are_results(content):
        return [result_part({**body, "content": content})]
    more = body["additional_kwargs"] if isinstance(body.get("additional_kwargs"), dict) else {}
    thought = first(body, ("reasoning_content", "reasoning", "thinking"))
    thought = more.get("reasoning_content") if thought is None else thought
    known = parts_of(content)
    lists = (body.get("tool_calls"), more.get("tool_calls"))
    listed = next((one for one in lists if isinstance(one, list) and one), [])
    calls = [] if any(part.type == "call" for part in known) else [call_part(c) for c in listed if isinstance(c, dict)]
    audio = body.get("audio")
    return [
        *([Part("reasoning", thought)] if isinstance(thought, str) and thought else []),
        *known,
        *([Part("text", body["refusal"])] if isinstance(body.get("refusal"), str) else []),
        *([_audio_part(audio)] if isinstance(audio, dict) else []),
        *calls,
        *([call_part(body["function_call"])] if isinstance(body.get("function_call"), dict) else []),
    ]


def _audio_part(audio: dict[str, Json]) -> Part:
    return media_part(audio.get("data"), f"audio/{audio.get('format', '*')}", None)


def _parsed_parts(content: Json) -> Json:
    """Return a content of which an instrumentation made a string: the parts, if it is a list of them."""
    if not isinstance(content, str) or not content.startswith('[{"type":'):
        return content
    read = parsed(content)
    return read if isinstance(read, list) else content


def _are_results(content: Json) -> bool:
    """Return whether a content consists of results of tools only."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(part, dict) and part_of(part).type == "result" for part in content)
    )


def _answered(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with each result of a tool in the part that called it."""
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
