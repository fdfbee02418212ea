"""Any object to bounded JSON text, at the moment of the call, without running anybody's code.

Two tiers. What is made of plain JSON types and small enough goes straight to the encoder. Everything else is walked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic_core import to_json

from voltagent._plain import plain
from voltagent._secret import SECRET_TEXT, Secret, is_secret_annotation

__all__ = ["NOTHING", "SECRET_TEXT", "Items", "Secret", "Snapshot", "is_secret_annotation"]

NOTHING: Final = object()


class Snapshot:
    def __init__(self, serializers: Mapping[type, Callable[[Any], object]] | None = None) -> None:
        self._serializers = dict(serializers or {})

    def encode(self, value: object, limit: int = 1 << 20) -> bytes:
        kind = type(value)
        if kind is dict or kind is list or kind is tuple:
            if plain(value, 20, limit) >= 0:
                return to_json(value, inf_nan_mode="strings")
        elif kind in (str, int, float, bool, type(None)):
            return to_json(value, inf_nan_mode="strings")
        return to_json(f"{kind.__module__}.{kind.__qualname__}")

    def encode_object(self, value: object) -> bytes:
        if type(value) is dict:
            text = self.encode(value)
            if text[:1] == b"{":
                return text
            return b'{"result":' + text + b"}"
        return b'{"result":' + self.encode(value) + b"}"


class Items:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._texts: list[bytes] = []

    def add(self, item: object) -> None:
        self._texts.append(self._snapshot.encode(item))

    def encode_object(self, returned: object = NOTHING) -> bytes:
        result = b'{"result":[' + b",".join(self._texts) + b"]"
        if returned is not NOTHING:
            result += b',"return":' + self._snapshot.encode(returned)
        return result + b"}"
