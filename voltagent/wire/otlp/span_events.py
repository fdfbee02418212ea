"""Decode the events of a span: the messages of a model call, an exception, and others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from voltagent.core import clock
from voltagent.wire.otlp import values

_INPUT_MESSAGES: Final = ("gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message",
                          "gen_ai.tool.message")  # fmt: skip
_CONTENT_EVENTS: Final[Mapping[str, tuple[str, str]]] = {  # event -> its attribute, and our word for it
    "gen_ai.content.prompt": ("gen_ai.prompt", "input"),
    "gen_ai.content.completion": ("gen_ai.completion", "output"),
}
_DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
_DETAILS: Final = {f"{way}_messages": f"gen_ai.{way}.messages" for way in ("input", "output")}  # our word -> there
# Events that are read as input or output, and not kept beside them.
_OF_MESSAGES: Final = frozenset((*_INPUT_MESSAGES, *_CONTENT_EVENTS, "gen_ai.choice"))
_AROUND_MESSAGE: Final = ("gen_ai.event.content", "message", "event.name", "gen_ai.message.index")


def span_events(given: object) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return the attributes of the last ``exception`` event, and all other events as metadata."""
    exception: Mapping[str, Any] = {}
    others: list[dict[str, Any]] = []
    for event in values.items_of(given):
        about = values.attributes(event.get("attributes"))
        if event.get("name") == _DETAILS_EVENT:
            about = {name: value for name, value in about.items() if name not in _DETAILS.values()}
            if not about:
                continue
        if event.get("name") == "exception":
            exception = about
        elif event.get("name") not in _OF_MESSAGES:
            moment = min(values.integer(event.get("timeUnixNano")), 2**63 - 1)
            others.append({"name": event.get("name"), "time": clock.iso_text(moment), "attributes": about})
    return exception, {"events": others} if others else {}


def messages_of_events(given: object) -> dict[str, Any]:
    """Return the messages in the span events of a model call, as words."""
    named = [(values.text(event.get("name")) or "", event) for event in values.items_of(given)]
    events = [(name, values.attributes(event.get("attributes"))) for name, event in named if name.startswith("gen_ai.")]
    words: dict[str, Any] = {}
    for name, about in events:
        if name in _CONTENT_EVENTS:
            attribute, word = _CONTENT_EVENTS[name]
            words.setdefault(word, about.get(attribute))
        elif name == _DETAILS_EVENT:
            for word, attribute in _DETAILS.items():
                words.setdefault(word, about.get(attribute))
    return _sorted_messages(events) | {word: value for word, value in words.items() if value is not None}


def messages_of_attributes(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the messages in attributes that hold a request, a response, or events as JSON, as words."""
    found: dict[str, Any] = {}
    if "events_json" in words:
        given: object = words["events_json"]
        events = values.items_of(values.parsed(given) if isinstance(given, str) else given)
        found |= _sorted_messages((values.text(event.get("event.name")) or "", event) for event in events)
    request, response = values.object_of(words.get("request")), values.object_of(words.get("response"))
    if request:
        found["input"] = request
    if response:
        found["output"] = response.get("message") or response.get("combined_chunk_content") or response
    return {word: value for word, value in found.items() if word not in words}


def _sorted_messages(events: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the messages among events by direction, as words."""
    requested: list[object] = []
    answered: list[object] = []
    for name, about in events:
        if name in _INPUT_MESSAGES:
            requested.append({"role": name.split(".")[1], **_message_of(about)})
        elif name == "gen_ai.choice":
            answered.append(_message_of(about))
    found = {"input_messages": requested, "output_messages": answered}
    return {word: value for word, value in found.items() if value}


def _message_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """Decode one message, parsing parts that are JSON text."""
    content = values.object_of(about.get("gen_ai.event.content"))
    message = values.object_of(about.get("message"))
    return {**{name: value for name, value in about.items() if name not in _AROUND_MESSAGE}, **content, **message}
