"""Inputs and outputs as attributes: whole, as a string, or as the documents of a search."""

from __future__ import annotations

from typing import Any, Final, cast

from voltagent.capture.pieces import decode
from voltagent.wire.json_values import json_object, json_text
from voltagent.wire.otlp.span_view import Facts

_CONTENT: Final = ("content", "text", "page_content")


def as_text(payload: bytes | None) -> str | None:
    """Return a payload as it is, as a string."""
    return None if payload is None else payload.decode("utf-8", "replace")


def as_json(value: object) -> str | None:
    """JSON text; nothing for what is missing or empty."""
    return json_text(value) if value else None


def plain_text(payload: bytes | None) -> str | None:
    """Return the string that a payload consists of; ``None`` if it is more, or could be read as JSON."""
    value = json_object(payload) if payload is not None and payload.startswith(b'{"result":"') else {}
    text: object = value.get("result") if len(value) == 1 else None
    return text if isinstance(text, str) and not _is_json(text) else None


def readable(payload: bytes | None) -> str | None:
    """Return a string as itself, everything else as JSON text."""
    text = plain_text(payload)
    return as_text(payload) if text is None else text


def mime_type(payload: bytes | None) -> str | None:
    """Return what :func:`readable` makes of a payload."""
    if payload is None:
        return None
    return "application/json" if plain_text(payload) is None else "text/plain"


def _is_json(text: str) -> bool:
    """Return whether a string is JSON, so that it can be recorded as the value that it stands for."""
    try:
        decode(text.encode())
    except ValueError:
        return False
    return True


def documents(facts: Facts) -> dict[str, Any] | None:
    """Return the documents of a search, each field by itself: ``0.document.content`` and so on."""
    if facts.items is None:
        return None
    found: dict[str, Any] = {}
    for number, item in enumerate(facts.items):
        for name, value in _document(item).items():
            found[f"{number}.document.{name}"] = value
    return found


def _document(item: object) -> dict[str, Any]:
    """Return a document of a search with the four fields of OpenInference; all others become its metadata."""
    if not isinstance(item, dict):
        return {"content": item if isinstance(item, str) else as_json([item])}
    rest = dict(cast(dict[str, Any], item))
    content = next((rest.pop(key) for key in _CONTENT if isinstance(rest.get(key), str)), None)
    found = {"id": rest.pop("id", None), "content": content, "score": rest.pop("score", None)}
    given = rest.pop("metadata", None)
    metadata = {**rest, **cast(dict[str, Any], given)} if isinstance(given, dict) else rest
    return {name: value for name, value in (*found.items(), ("metadata", as_json(metadata))) if value is not None}


def documents_json(facts: Facts) -> str | None:
    """Return the documents of a search as a JSON list of objects."""
    if facts.items is None:
        return None
    return as_json([{"content": item} if isinstance(item, str) else item for item in facts.items])


def undocumented_output(facts: Facts) -> str | None:
    """Return the output of a search, unless its documents are all there is."""
    is_more = facts.items is None or len(json_object(facts.output)) > 1 or not facts.items
    return as_text(facts.output) if is_more else None


def query(facts: Facts) -> str | None:
    """Return the string that was searched for: the input's ``query``, else its first string."""
    given = json_object(facts.input)
    found = given.get("query")
    return found if isinstance(found, str) else next((v for v in given.values() if isinstance(v, str)), None)
