"""Check and read the values of options one by one. Of the user's code only ``isoformat`` and its own mappings run."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from enum import Enum
from itertools import islice
from typing import Any, Final, TypeAlias, cast

from voltagent.core import clock, introspection
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.text import quoted, replace_surrogates, shortened
from voltagent.errors import ValidationError

# From the name of an option, for the error, and its value to what is recorded. Raises a `ValidationError`.
OptionCheck: TypeAlias = Callable[[str, object], Any]

_LONGEST_TAG: Final = 1024
MOST_TAGS: Final = 256
_MOST_OF_TAGS: Final = 16 * 1024  # characters of all tags
_MOST_FIELDS: Final = 1 << 14  # of a mapping that are read, where it is copied; a record has space for fewer
_LONGEST_NAME: Final = 1024
_LONGEST: Final = 64 * 1024  # characters of instructions
_LONGEST_TIME: Final = 64


def check_text(name: str, value: object, most: int = _LONGEST) -> str:
    """Return a string, cut to ``most`` characters, from a string or an enum of strings."""
    shown = dict.get(introspection.stored(value), "_value_") if introspection.has_base(type(value), Enum) else value
    if not introspection.has_base(type(shown), str):
        raise _wrong(name, "a string", value)
    return replace_surrogates(shortened(str.__str__(cast(str, shown)), most))  # it goes out beside the payloads


def _wrong(name: str, wanted: str, value: object) -> ValidationError:
    return ValidationError(f"{name} must be {wanted}, got {introspection.short_name(type(value))}")


def check_name(name: str, value: object) -> str:
    """Return a string that is short, because it goes out several times."""
    return check_text(name, value, _LONGEST_NAME)


def check_filled_text(name: str, value: object) -> str:
    """Return a short string that is not empty."""
    text = check_name(name, value)
    if not text:
        raise ValidationError(f"{name} must not be empty")
    return text


def check_identifier(name: str, value: object) -> str:
    """Return an id: a string that is not empty, or a UUID as text."""
    return check_filled_text(name, str(value) if introspection.full_name(type(value)) == "uuid.UUID" else value)


def mapping(name: str, value: object) -> Mapping[str, Any]:
    """Return a mapping, or the fields of a pydantic model as they are stored: none of its code runs.

    Raises:
        ValidationError: it is neither, or a mapping of the user's own that cannot be read.
    """
    found = as_mapping(name, value)
    if found is None:
        raise _wrong(name, "a mapping", value)
    return found


def metadata(value: object) -> dict[str, Any]:
    """Metadata as a dict of our own; empty where none was given."""
    return {} if value is None else dict(islice(mapping("metadata", value).items(), _MOST_FIELDS))


def as_mapping(name: str, value: object) -> Mapping[str, Any] | None:
    """:func:`mapping`, but ``None`` where the value is neither."""
    kind = type(value)
    if introspection.has_base(kind, dict):
        given = cast("dict[str, Any]", value)
        return given if cast(type, kind) is dict else _first_of(given)
    model = introspection.loaded("pydantic.main", "BaseModel")
    if model is not None and introspection.has_base(kind, model):
        return {key: item for key, item in _stored_fields(value, model).items() if item is not None}
    if not _is_mapping(kind):
        return None
    try:
        own = cast("Mapping[str, Any]", value)
        return {key: own[key] for key in islice(own.keys(), _MOST_FIELDS)}
    except Exception as exc:
        pass_on_interrupt(exc)
        problem = introspection.full_name(type(exc))
        raise ValidationError(f"{name} is a {introspection.full_name(kind)} that cannot be read: {problem}") from exc


def _stored_fields(value: object, model: type) -> dict[str, Any]:
    """Return the fields that a pydantic model stores, with its extra ones."""
    fields = _first_of(introspection.stored(value))
    try:
        extra = introspection.reader(model, "__pydantic_extra__")(value)
    except AttributeError:  # made by `__new__` alone
        return fields
    return fields | _first_of(extra) if extra is not None else fields


def _first_of(given: object) -> dict[str, Any]:
    """Copy the first items of a dictionary; none of its own code runs."""
    items: Iterable[tuple[str, Any]] = cast(Any, dict).items(given)
    return dict(islice(items, _MOST_FIELDS))


def _is_mapping(kind: type) -> bool:
    """Return whether a class is a mapping; false if its metaclass raises."""
    try:
        return issubclass(kind, Mapping)
    except Exception as exc:  # a metaclass of the user's answers
        pass_on_interrupt(exc)
        return False


def unwrapped(model: str, value: object) -> Mapping[str, Any] | None:
    """Return the fields of a value that is the model of this name in :mod:`voltagent.types`, else ``None``."""
    kind = introspection.loaded("voltagent.types", model)  # if it is not loaded, no value is one
    return mapping(model, value) if kind is not None and introspection.has_base(type(value), kind) else None


def bounded_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first of the tags, as many as may be sent: 256, and 16 384 characters in all. None twice."""
    distinct = tuple(dict.fromkeys(tags))[:MOST_TAGS]
    space = _MOST_OF_TAGS
    for number, tag in enumerate(distinct):
        space -= len(tag)
        if space < 0:
            return distinct[:number]
    return distinct


def check_tags(name: str, value: object) -> tuple[str, ...]:
    """Validate tags, and cut them to the bound."""
    base = next((kind for kind in (list, tuple, set, frozenset) if introspection.has_base(type(value), kind)), None)
    if base is None:
        raise _wrong(name, "a list of strings", value)
    items: Iterator[object] = islice(cast(Any, base).__iter__(value), MOST_TAGS)
    return bounded_tags(tuple(check_text(f"an item of {name}", item, _LONGEST_TAG) for item in items))


def check_parent(name: str, value: Any) -> Any:
    """Return what may name a span of another process: a text, a list of headers or a mapping of them."""
    if isinstance(value, str | list | tuple) or callable(getattr(value, "items", None)):
        return value  # pyright: ignore[reportUnknownVariableType]
    raise _wrong(name, "headers or a traceparent", value)


def one_of(*allowed: str) -> OptionCheck:
    """Return a check for one of these strings."""

    def check(name: str, value: object) -> str:
        text = check_text(name, value)
        if text not in allowed:
            raise ValidationError(f"{name} must be one of {', '.join(allowed)}, got {quoted(text)}")
        return text

    return check


_fold_of: Final = introspection.reader(datetime, "fold")


def check_moment(name: str, value: object) -> str:
    """Return a time in UTC as ISO 8601, from a string or an object with ``isoformat``."""
    # of `datetime`, and of what programs have in its place
    isoformat = introspection.class_value(type(value), "isoformat")
    try:
        text = check_text(name, value if isoformat is None else isoformat(value), _LONGEST_TIME)
        # a `datetime` without a zone means local time, as in the standard library; a string without one means UTC
        is_local = introspection.has_base(type(value), date)
        fold = _fold_of(value) if introspection.has_base(type(value), datetime) else 0
        moment = clock.parse_iso(text, local=is_local, fold=fold)
        if moment is not None:
            return clock.iso_text(moment)  # in UTC, as all times are sent
    except ValidationError:
        raise
    except Exception as exc:  # a time zone of the user's own, or a moment before or after all times
        pass_on_interrupt(exc)
        problem = introspection.full_name(type(exc))
        raise ValidationError(f"{name} must be a time that UTC can express: {problem}") from exc
    wanted = "an ISO 8601 time such as 2026-01-31T12:00:00Z, from 1678 to 2261"
    raise ValidationError(f"{name} must be {wanted}, got {quoted(text)}")


def check_event_type(name: str, value: object) -> str:
    """Return the type of a custom event."""
    text = check_filled_text(name, value)
    if text == "trace":
        raise ValidationError(f"{name} must not be 'trace': that is what the event belongs to; choose another type")
    return text


def take_anything(_: str, value: object) -> object:
    """Return a value of any type as it is."""
    return value
