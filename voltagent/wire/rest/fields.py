"""The fields of a body of the REST history API, checked as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from voltagent.core import clock
from voltagent.core.span import CANCELLED, ERROR
from voltagent.errors import ValidationError
from voltagent.wire.json_values import camel_to_snake, json_bytes

Body = Mapping[str, Any]
_NOTHING: Final[Body] = {}
MOST_NAMES: Final = 1000  # of a body's fields, and of what a usage counts: each is read in two spellings
_STATUSES: Final = {
    "working": "running",
    "running": "running",
    "completed": "completed",
    "error": ERROR,
    "cancelled": CANCELLED,
}
_TYPE_NAMES: Final[Mapping[type, str]] = {dict: "an object", list: "a list", bool: "true or false", str: "text"}


class BodyFields:
    """The fields of a body, by their names in snake_case, checked as they are read."""

    def __init__(self, body: Body, missing: Body = _NOTHING, agent_id: str = "") -> None:
        if len(body) > MOST_NAMES:
            raise ValidationError(f"a body has at most {MOST_NAMES} fields, not {len(body)}")
        self._given = {**missing, **{camel_to_snake(name): value for name, value in body.items() if value is not None}}
        self.agent_id = agent_id  # of the trace

    def get(self, name: str) -> Any:
        """Return the value as it is; ``None`` if there is none."""
        return self._given.get(name)

    def text(self, name: str) -> str | None:
        """Return a string; ``None`` if it is missing or empty."""
        value = self.get(name)
        if value is not None and not isinstance(value, str):
            raise ValidationError(f"{name} must be a string, got {_type_name(value)}")
        return value or None

    def object(self, name: str) -> dict[str, Any]:
        """Return an object, empty if it is missing."""
        value = self.get(name)
        if value is not None and not isinstance(value, dict):
            raise ValidationError(f"{name} must be an object, got {_type_name(value)}")
        return dict(cast(dict[str, Any], value or {}))

    def payload(self, name: str) -> bytes | None:
        """Return an input or output as the text of a JSON object; any other value stands under ``result`` in it."""
        value = self.get(name)
        if value is None:
            return None
        return json_bytes(cast(object, value) if isinstance(value, dict) else {"result": value})

    def message(self) -> bytes | None:
        """Return the ``status_message`` as JSON text."""
        value = self.get("status_message")
        return None if value is None else json_bytes(value)

    def level(self) -> str | None:
        """Return the level, if it is another than the default of this protocol, which no user has set."""
        level = self.text("level")
        return None if level == "INFO" else level

    def tags(self) -> tuple[str, ...] | None:
        """Return the tags, if there are any."""
        value = self.get("tags")
        if value is None:
            return None
        tags: list[object] = value if isinstance(value, list) else [None]  # pyright: ignore[reportUnknownVariableType]
        if not all(isinstance(tag, str) for tag in tags):
            raise ValidationError("tags must be a list of strings")
        return tuple(cast(list[str], tags)) or None

    def moment(self, name: str) -> int | None:
        """Return a time in nanoseconds since the epoch."""
        text = self.text(name)
        if text is None:
            return None
        moment = clock.parse_iso(text)
        if moment is None:
            raise ValidationError(f"{name} must be a time in ISO 8601 such as 2026-01-31T12:00:00Z, from 1678 to 2261")
        return moment

    def time_text(self, name: str) -> str | None:
        """Return a time as the body has it, checked."""
        return None if self.moment(name) is None else self.text(name)

    def needed(self, name: str) -> str:
        """Return a string that must be there."""
        text = self.text(name)
        if text is None:
            raise ValidationError(f"{name} is missing")
        return text

    def status(self, default: str) -> str:
        """Return how the trace or operation stands, in our words."""
        text = self.text("status") or default
        if text not in _STATUSES:
            raise ValidationError(f"status must be one of {', '.join(_STATUSES)}")
        return _STATUSES[text]

    def final_status(self) -> str:
        """Return how an event stands that comes once: ``running`` is only the default of this protocol for it."""
        status = self.status("completed")
        return "completed" if status == "running" else status


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "a number")
