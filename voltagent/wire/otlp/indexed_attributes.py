"""Lists and objects that a span spells as indexed attributes, such as ``retrieval.documents.0.document.content``.

OpenInference and the older OpenLLMetry write one attribute for each value in a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_FOLDED: Final[Mapping[str, str]] = {
    "retrieval.documents": "documents_list",
    "llm.input_messages": "input_messages",
    "llm.output_messages": "output_messages",
    "llm.tools": "openinference_tools",
    "embedding.embeddings": "embeddings",
    "gen_ai.prompt": "input_messages",
    "gen_ai.completion": "output_messages",
    "reranker.output_documents": "documents_list",
}
PREFIXES: Final = tuple(f"{name}." for name in _FOLDED)  # two words each
_VECTOR: Final = ".vector"  # of an embedding: thousands of numbers
_MOST: Final = 10_000  # parts of one list
_DEEPEST: Final = 8
# Names that conventions repeat within a list, as in `tool_calls.0.tool_call.id`.
_WRAPPERS: Final = ("message", "document", "message_content", "tool_call", "embedding")


def unfolded(indexed: Mapping[str, Any]) -> dict[str, Any]:
    """Return indexed attributes, each of which begins with one of :data:`PREFIXES`, as lists of objects by word."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for name, value in indexed.items():
        first, second, number, *more = name.split(".", 3)
        prefix, part = f"{first}.{second}", more[0] if more else ""
        if part.endswith(_VECTOR):
            continue
        if part and _is_position(number) and int(number) < _MOST:
            found.setdefault(_FOLDED[prefix], {}).setdefault(int(number), {})[_own_part(part)] = value
    return {word: [_nested(parts[number]) for number in sorted(parts)] for word, parts in found.items()}


def _is_position(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 6


def _own_part(part: str) -> str:
    """Return the name of a part without those that only repeat what the list holds."""
    for name in _WRAPPERS:
        part = part.replace(f".{name}.", ".").removeprefix(f"{name}.")
    return part


class _Parts(dict[str, Any]):
    """What indexed names make up, as opposed to an object that is the value of one."""


def _nested(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``tool_calls.0.function.name`` and its like as the lists and objects that they stand for."""
    found = _Parts()
    for name, value in parts.items():
        *outer, last = name.split(".", _DEEPEST)
        place = found
        for step in outer:
            inner = place.setdefault(step, _Parts())
            if type(inner) is not _Parts:  # a value of its own has the same name
                place, last = found, name
                break
            place = inner
        place[last] = value
    return {name: _listed(value) for name, value in found.items()}


def _listed(value: Any) -> Any:
    """Return objects whose keys are positions as lists."""
    if type(value) is not _Parts:
        return value
    if all(map(_is_position, value)):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(one) for name, one in value.items()}
