"""What describes a model and its answer, as attributes."""

from __future__ import annotations

from typing import Any

from voltagent.core.clock import iso_text
from voltagent.wire.otlp.attributes.word import Word
from voltagent.wire.otlp.span_view import Facts


def model(facts: Facts) -> Any:
    """Return the model that answered, else the one that was requested."""
    return (
        (facts.span.model if facts.ended else None)
        or facts.model.get("model")
        or facts.model.get("name")
        or facts.metadata.get("model")
    )


def requested_model(facts: Facts) -> Any:
    """Return the model that was requested, as far as it is another one than that which answered."""
    return facts.metadata.get("requested_model") or model(facts)


def response_model(facts: Facts) -> Any:
    """Return the model that answered; nothing if no response has been understood."""
    given = facts.metadata
    named = given.get("response_model")
    known = any(given.get(name) is not None for name in ("requested_model", "response_id", "finish_reason"))
    return named or (model(facts) if known else None)


def parameter(*names: str) -> Word:
    """Return a parameter of the model by one of its names."""

    def read(facts: Facts) -> Any:
        return next((facts.model[name] for name in names if facts.model.get(name) is not None), None)

    return read


def provider(facts: Facts) -> Any:
    """Return who provides the model."""
    return facts.model.get("provider") or facts.metadata.get("provider")


def stop_sequences(facts: Facts) -> Any:
    """Return the strings at which the model stops, as a list."""
    given = facts.model.get("stop_sequences") or facts.model.get("stop")
    return [given] if isinstance(given, str) else given


def finish_reason(facts: Facts) -> Any:
    """Why the model stopped."""
    return facts.metadata.get("finish_reason")


def finish_reasons(facts: Facts) -> list[Any] | None:
    """Why the model stopped, in the form of a list with one reason for each choice."""
    reason = finish_reason(facts)
    return [reason] if reason else None


def is_stream(facts: Facts) -> bool | None:
    """Return whether the answer came as a stream; nothing if it did not."""
    return True if _first_item_ms(facts) is not None else None


def seconds_to_first_chunk(facts: Facts) -> float | None:
    """Return the time from the request to the first part of the answer."""
    found = _first_item_ms(facts)
    return None if found is None else found / 1000


def first_chunk_time(facts: Facts) -> str | None:
    """Return when the first part of the answer came, in ISO 8601."""
    found = _first_item_ms(facts)
    return None if found is None else iso_text(facts.span.start_ns + int(found * 1_000_000))


def _first_item_ms(facts: Facts) -> float | None:
    found = facts.metadata.get("time_to_first_item_ms")
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None
