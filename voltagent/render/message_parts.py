"""Recognises the parts of a message: texts, reasoning, calls of tools and their results, media.

Pure functions from the JSON of any provider to one form, see :mod:`voltagent.render.messages`.
"""

# Values are any JSON: `isinstance(x, dict)` makes one `dict[Unknown, Unknown]` to pyright.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any

_LONGEST_JSON: Final = 2_000_000  # characters of a string that are tried as JSON


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


def parsed(value: Json) -> Json:
    """Return the value of a string that is JSON of an object or array, and everything else as it is."""
    if not isinstance(value, str) or len(value) > _LONGEST_JSON or value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def parts_of(content: Json) -> list[Part]:
    if content is None or content == "":
        return []
    parts = [part_of(one) for one in (content if isinstance(content, list) else [content])]
    return [part for part in parts if part.type != "text" or part.text or not isinstance(content, list)]


def part_of(value: Json) -> Part:
    """Return a block of a message as a part: by its type, else by its fields, else as JSON."""
    if isinstance(value, str):
        return Part("text", value)
    if not isinstance(value, dict):
        return Part("json", value=value)
    kind: Json = value.get("type")
    read = (ITEMS.get(kind) or _PARTS.get(kind)) if isinstance(kind, str) else None
    found = None if read is None else read(value)
    return found or _by_field(value) or Part("json", value=value)


def _text_part(value: dict[str, Json]) -> Part | None:
    text = first(value, ("text", "content", "refusal"))
    return Part("text", text) if isinstance(text, str) else None


# In the place of reasoning that is no text for people: encrypted, signed only, or left out.
UNREADABLE: Final = "(encrypted or left out by the provider)"
_THOUGHTS: Final = ("thinking", "reasoning", "reasoning_content", "reasoningText", "text", "content", "summary")
_SEALED: Final = ("data", "encrypted_content", "signature", "redactedContent")


def _reasoning(value: dict[str, Json]) -> Part | None:
    """Return a block of reasoning as a part, also if no text of it can be read; ``None`` if it has no field of one."""
    for name in _THOUGHTS:
        found: Json = value.get(name)
        if isinstance(found, dict):
            found = found.get("text")
        elif isinstance(found, list):
            texts = (one.get("text") for one in found if isinstance(one, dict))
            found = "\n\n".join(text for text in texts if isinstance(text, str) and text)
        if isinstance(found, str) and found:
            return Part("reasoning", found)
    return _unreadable(value) if any(value.get(name) is not None for name in (*_THOUGHTS, *_SEALED)) else None


def _unreadable(_: dict[str, Json]) -> Part:
    return Part("reasoning", UNREADABLE)


def call_part(value: dict[str, Json]) -> Part:
    """Return a tool call, whose name and arguments may be inside ``function``, as a part."""
    inner = value["function"] if isinstance(value.get("function"), dict) else value
    given = first(inner, ("arguments", "args", "input"))
    call_id: Json = value.get("call_id")
    identifier = call_id if isinstance(call_id, str) else first(value, ("id", "call_id", "tool_call_id"))
    name: Json = inner.get("name")
    return Part(
        "call",
        id=None if identifier is None else str(identifier),
        name=str("tool" if name is None else name),
        value=parsed({} if given is None else given),
    )


def result_part(value: dict[str, Json]) -> Part:
    """Return the result of a tool call as a part, with the id of the call under any provider's name."""
    identifier = first(value, ("tool_call_id", "tool_use_id", "call_id", "id"))
    content = parsed(first(value, ("content", "response", "result", "output")))
    name: Json = value.get("name")
    return Part(
        "result",
        id=None if identifier is None else str(identifier),
        name=name if isinstance(name, str) else None,
        value=_joined_texts(content),
        failed=value.get("is_error") is True or value.get("status") == "error",
    )


def _joined_texts(content: Json) -> Json:
    """Return the string of a result that is a list of text parts."""
    parts = [part_of(one) for one in content] if isinstance(content, list) else []
    return "\n".join(part.text for part in parts) if parts and all(part.type == "text" for part in parts) else content


_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)[^,]{0,100};base64,")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}:", re.IGNORECASE)


def media_part(source: Json, mime: Json, name: Json) -> Part:
    """Return an image, a sound or a file as a part: its type and size in bytes, or its URL, but never the data."""
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
    """Return a reader of blocks with an attachment, of the main type ``usual`` if they name none."""

    def read(value: dict[str, Json]) -> Part | None:
        inside = (value.get(name) for name in ("source", "file", "input_audio", "image_url", "audio"))
        inner = next((one for one in inside if isinstance(one, dict)), value)
        source = first(inner, _SOURCES) or value.get("image_url") or value.get("file_url")
        form: Json = inner.get("format")
        mime = _first_text(inner, ("media_type", "mime_type", "mimeType")) or _first_text(
            value, ("mime_type", "media_type")
        )
        mime = mime or (f"{usual}/{form}" if isinstance(form, str) else "file" if usual == "file" else f"{usual}/*")
        name = first(inner, ("filename", "name", "title")) or value.get("filename")
        return None if source is None else media_part(source, mime, name)

    return read


_FILE: Final = _attachment("file")
_PARTS: Final[Mapping[str, Callable[[dict[str, Json]], Part | None]]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text", "refusal"), _text_part),
    **dict.fromkeys(("thinking", "reasoning_content"), _reasoning),
    "redacted_thinking": _unreadable,
    **dict.fromkeys(("tool_use", "server_tool_use", "tool_call", "function"), call_part),
    **dict.fromkeys(("tool_result", "tool_call_response"), result_part),
    **dict.fromkeys(("image_url", "image", "input_image"), _attachment("image")),
    **dict.fromkeys(("input_audio", "audio"), _attachment("audio")),
    **dict.fromkeys(("file", "input_file", "document", "media", "blob", "uri"), _FILE),
    "video": _attachment("video"),
}
# What stands between the messages in OpenAI's responses.
ITEMS: Final[Mapping[str, Callable[[dict[str, Json]], Part | None]]] = {
    "function_call": call_part,
    "function_call_output": result_part,
    "reasoning": _reasoning,
}
# Parts of Google and Bedrock have no type, but a field that names one.
_FIELDS: Final[Mapping[str, Callable[[dict[str, Json]], Part | None]]] = {
    **dict.fromkeys(("functionCall", "function_call"), call_part),
    **dict.fromkeys(("functionResponse", "function_response"), result_part),
    **dict.fromkeys(("inlineData", "inline_data", "fileData", "file_data"), _FILE),
    "reasoningContent": _reasoning,
}


def _by_field(value: dict[str, Json]) -> Part | None:
    """Return a block without a known type as the part that the name of its field suggests."""
    name = next((name for name in _FIELDS if isinstance(value.get(name), dict)), None)
    if name is not None:
        return _FIELDS[name](value[name])
    text: Json = value.get("text")
    if not isinstance(text, str) or value.get("type") is not None:
        return None
    return Part("reasoning" if value.get("thought") is True else "text", text)


def first(value: Mapping[str, Json], names: Sequence[str]) -> Json:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _first_text(value: Mapping[str, Json], names: Sequence[str]) -> str | None:
    found = first(value, names)
    return found if isinstance(found, str) else None
