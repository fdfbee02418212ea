"""Encode plain values as JSON, and merge JSON objects: a later value of a key overrides an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic_core import SchemaSerializer, from_json, to_json

# Encodes a value of plain JSON types; NaN and infinity become strings. Takes half the time of `to_json` for a small
# value, because its options were read once.
encode_plain: Final[Callable[[Any], bytes]] = SchemaSerializer({"type": "any"}, {"ser_json_inf_nan": "strings"}).to_json


def merge_objects(parts: Iterable[Any], read: Callable[[Any], Mapping[str, Any]] = from_json) -> dict[str, Any]:
    """Merge JSON objects into one dictionary.

    Args:
        parts: the objects, oldest first; ``None`` means no object.
        read: returns the fields of one part (default: parses JSON text).
    """
    merged: dict[str, Any] = {}
    for part in parts:
        if part is not None:
            merged.update(read(part))
    return merged


def join_objects(parts: Iterable[bytes | None]) -> bytes:
    """Join JSON objects as text, without parsing: JSON readers use the last value of a repeated key."""
    return b"{%b}" % b",".join(part[1:-1] for part in parts if part is not None and part != b"{}")


def cut_marker(name: str, size: int | None, reason: str, value: bytes | None = None) -> bytes:
    """Return the JSON object that replaces a truncated value (docs/capture.md, "What was cut").

    Args:
        name: the type of the value; ``"json"`` for a payload that is JSON text.
        size: its original size: characters, bytes, items, fields or bits; ``None`` omits it.
        reason: ``"size"``, ``"depth"``, ``"cycle"`` or ``"time"``.
        value: JSON text of the part that is kept.
    """
    about: dict[str, Any] = {"truncated": True, "type": name, "size": size, "reason": reason}
    if size is None:
        del about["size"]
    marker = to_json(about)
    return marker if value is None else marker[:-1] + b',"value":' + value + b"}"
