"""Failures as attributes."""

from __future__ import annotations

from typing import Any, Final, cast

from voltagent.core.span import CANCELLED
from voltagent.wire.otlp.attributes.payloads import as_json
from voltagent.wire.otlp.attributes.word import Word
from voltagent.wire.otlp.span_view import Facts

_FIELDS: Final = frozenset(("message", "type", "name", "code", "stack"))


def error_type(facts: Facts) -> str | None:
    """Return the kind of error; ``_OTHER`` if it is not known, as the attribute's definition says."""
    if not facts.failed:
        return None
    kind = facts.of_error("type") or facts.of_error("name")
    return str(kind) if kind is not None else CANCELLED if facts.status == CANCELLED else "_OTHER"


def error(name: str) -> Word:
    """Return a field of the error."""
    return lambda facts: facts.of_error(name) if facts.failed else None


def stage(facts: Facts) -> Any:
    """Return the stage at which it failed."""
    return facts.metadata.get("stage") if facts.failed else None


def other_error(facts: Facts) -> str | None:
    """Whatever else an error holds: its cause, the user's details."""
    found: object = facts.error
    if not isinstance(found, dict):
        return None
    return as_json({key: value for key, value in cast(dict[str, Any], found).items() if key not in _FIELDS})


def note(facts: Facts) -> Any:
    """Return the status message of an event that did not fail."""
    return None if facts.failed else facts.of_error("message")


def if_cancelled(value: Word) -> Word:
    """Return a word for what was cancelled only."""
    return lambda facts: value(facts) if facts.status == CANCELLED else None
