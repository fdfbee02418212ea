"""Scores that a program gives to its traces and operations: validated, then put into the sink as events."""

from __future__ import annotations

from typing import Any, Final, cast

from voltagent.capture import options
from voltagent.capture.stored_fields import as_number
from voltagent.core import clock, introspection
from voltagent.core.span import Phase, Span
from voltagent.core.text import replace_surrogates, shortened
from voltagent.errors import ValidationError
from voltagent.tracing.recorder import Recorder

# In characters.
LONGEST_NAME: Final = 100
LONGEST_VALUE: Final = 1000  # of a value that is a string
LONGEST_COMMENT: Final = 4000

_LARGEST: Final = 2**62  # every store and wire can hold such a number
_NUMPY_BOOLS: Final = ("numpy.bool", "numpy.bool_")


def record_score(recorder: Recorder, span: Span, fields: dict[str, Any]) -> None:
    """Record the fields of :func:`checked_score` as a score of a span, which may have ended."""
    size = len(fields["name"]) + len(fields.get("comment") or "")
    recorder.put((Phase.SCORE, span, {**fields, "time_ns": clock.nanoseconds()}), size)


def checked_score(name: object, value: object, comment: object) -> dict[str, Any]:
    """Return the fields of a score: ``name``, ``value`` and ``comment``.

    Args:
        name: a non-empty string of at most 100 characters.
        value: a finite number, a bool, or a string, of which 1 000 characters are kept.
        comment: ``None``, or a string, of which 4 000 characters are kept.

    Raises:
        ValidationError: an argument does not fit; the message names it.
    """
    text = _string("name", name, LONGEST_NAME + 1).strip()
    if not text or len(text) > LONGEST_NAME:
        raise ValidationError(f"name must have 1 to {LONGEST_NAME} characters, got {len(text) or 'none'}")
    return {
        "name": text,
        "value": _value(value),
        "comment": None if comment is None else _string("comment", comment, LONGEST_COMMENT),
    }


def _value(value: object) -> bool | int | float | str:
    """Validate the value of a score: a bool, a finite number or a string."""
    kind: type[object] = type(value)
    if kind is bool or introspection.full_name(kind) in _NUMPY_BOOLS:
        return bool(value)
    if introspection.has_base(kind, str):
        return _string("value", value, LONGEST_VALUE)
    number = as_number(value)
    if number is None or not -_LARGEST <= number <= _LARGEST:
        shown = f"{value}" if kind is float else introspection.short_name(kind)
        raise ValidationError(f"value must be a finite number, a bool or a string, got {shown}")
    return number


def _string(name: str, value: object, most: int) -> str:
    if not introspection.has_base(type(value), str):
        raise ValidationError(f"{name} must be a string, got {introspection.short_name(type(value))}")
    return replace_surrogates(shortened(str.__str__(cast(str, value)), most))


def keep_valid_score(call: str, name: object, value: object, comment: object) -> dict[str, Any] | None:
    """:func:`checked_score` for a call within a run: what is not valid is logged, not raised."""
    try:
        return checked_score(name, value, comment)
    except ValidationError as exc:
        options.report_unsuitable(call, exc)
        return None
