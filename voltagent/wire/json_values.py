"""JSON on the wire, whatever the destination: values to text and back, and names in snake_case."""

from __future__ import annotations

import json
import re
from typing import Any, Final, cast

from voltagent.capture.pieces import decode, encode_any

_HUMP: Final = re.compile(r"(?<=[a-z0-9])[A-Z]")


def json_object(text: bytes | None) -> dict[str, Any]:
    """Return the object that a JSON text is; an empty one if there is no text, or if it is another value."""
    value: Any = None if text is None else decode(text)
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def json_text(value: object) -> str:
    """Return the JSON text of a value that is JSON but for non-finite numbers, half surrogate pairs and objects."""
    try:
        return encode_any(value).decode()
    except ValueError:  # PydanticSerializationError is one
        return json.dumps(value, ensure_ascii=False, default=lambda unknown: type(unknown).__qualname__)


def json_bytes(value: object) -> bytes:
    """Return :func:`json_text` in UTF-8, the form of a payload."""
    return json_text(value).encode()


def camel_to_snake(key: str) -> str:
    """Return ``agentId`` as ``agent_id``."""
    return _HUMP.sub(lambda found: "_" + found[0].lower(), key)
