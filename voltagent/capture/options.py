"""The options that handles take, as mapping, options model or keywords: checked before anything is sent."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from enum import Enum
from itertools import islice
from typing import Any, Final, cast

from voltagent.core import clock, introspection
from voltagent.core.guard import log_once, pass_on_interrupt
from voltagent.core.naming import nearest
from voltagent.core.text import replace_surrogates, shortened
from voltagent.errors import ValidationError

_Check = Callable[[str, object], Any]
_LONGEST_TAG: Final = 1024
_MOST_TAGS: Final = 256
_MOST_OF_TAGS: Final = 16 * 1024  # characters of all tags
_MOST_FIELDS: Final = 1 << 14  # of a mapping that are read, where it is copied; a record has space for fewer
_MOST_UNKNOWN: Final = 8  # unknown options that are reported
_LONGEST_NAME: Final = 1024
_LONGEST: Final = 64 * 1024  # characters of instructions
_LONGEST_TIME: Final = 64


def _text(name: str, value: object, most: int = _LONGEST) -> str:
    shown = dict.get(introspection.stored(value), "_value_") if introspection.has_base(type(value), Enum) else value
    if not introspection.has_base(type(shown), str):
        raise _wrong(name, "a string", value)
    return replace_surrogates(shortened(str.__str__(cast(str, shown)), most))  # it goes out beside the payloads


def _wrong(name: str, wanted: str, value: object) -> ValidationError:
    return ValidationError(f"{name} must be {wanted}, got {introspection.short_name(type(value))}")


def _name(name: str, value: object) -> str:
    return _text(name, value, _LONGEST_NAME)  # it goes out several times


def _filled_text(name: str, value: object) -> str:
    text = _name(name, value)
    if not text:
        raise ValidationError(f"{name} must not be empty")
    return text


def _identifier(name: str, value: object) -> str:
    return _filled_text(name, str(value) if introspection.full_name(type(value)) == "uuid.UUID" else value)


def mapping(name: str, value: object) -> Mapping[str, Any]:
    """Return a mapping, or the fields of a pydantic model as they are stored: none of its code runs.

    Raises:
        ValidationError: it is neither, or a mapping of the user's own that cannot be read.
    """
    found = fields_of(name, value)
    if found is None:
        raise _wrong(name, "a mapping", value)
    return found


def metadata(value: object) -> dict[str, Any]:
    """Metadata as a dict of our own; empty where none was given."""
    return {} if value is None else dict(islice(mapping("metadata", value).items(), _MOST_FIELDS))


def fields_of(name: str, value: object) -> Mapping[str, Any] | None:
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
    keep_valid = tuple(dict.fromkeys(tags))[:_MOST_TAGS]
    space = _MOST_OF_TAGS
    for number, tag in enumerate(keep_valid):
        space -= len(tag)
        if space < 0:
            return keep_valid[:number]
    return keep_valid


def _tags(name: str, value: object) -> tuple[str, ...]:
    """Validate tags, and cut them to the bound."""
    base = next((kind for kind in (list, tuple, set, frozenset) if introspection.has_base(type(value), kind)), None)
    if base is None:
        raise _wrong(name, "a list of strings", value)
    items: Iterator[object] = islice(cast(Any, base).__iter__(value), _MOST_TAGS)
    return bounded_tags(tuple(_text(f"an item of {name}", item, _LONGEST_TAG) for item in items))


def _parent(name: str, value: Any) -> Any:
    if isinstance(value, str | list | tuple) or callable(getattr(value, "items", None)):
        return value  # pyright: ignore[reportUnknownVariableType]
    raise _wrong(name, "headers or a traceparent", value)


def _one_of(*allowed: str) -> _Check:
    """Return a check for one of these strings."""

    def check(name: str, value: object) -> str:
        text = _text(name, value)
        if text not in allowed:
            raise ValidationError(f"{name} must be one of {', '.join(allowed)}, got {text!r}")
        return text

    return check


_fold_of: Final = introspection.reader(datetime, "fold")


def _moment(name: str, value: object) -> str:
    """Return a time in UTC as ISO 8601, from a string or an object with ``isoformat``."""
    # of `datetime`, and of what programs have in its place
    isoformat = introspection.class_value(type(value), "isoformat")
    try:
        text = _text(name, value if isoformat is None else isoformat(value), _LONGEST_TIME)
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
    raise ValidationError(f"{name} must be an ISO 8601 time such as 2026-01-31T12:00:00Z, from 1678 to 2261")


def _event_type(name: str, value: object) -> str:
    text = _filled_text(name, value)
    if text == "trace":
        raise ValidationError(f"{name} must not be 'trace': that is what the event belongs to; choose another type")
    return text


def _anything(_: str, value: object) -> object:
    return value


_LEVEL: Final = _one_of("DEBUG", "INFO", "WARNING", "ERROR")
_EVENT_STATUS: Final = _one_of("running", "completed", "error", "cancelled")
_TRACE_STATUS: Final = _one_of("working", "completed", "error")

TRACE_OPTIONS: Final[Mapping[str, _Check]] = {
    "id": _identifier,
    "agent_id": _filled_text,
    "name": _filled_text,  # the same: all other handles are made with a name
    "user_id": _name,
    "conversation_id": _name,
    "input": _anything,
    "tags": _tags,
    "metadata": mapping,
    "version": _name,
    "level": _LEVEL,
    "start_time": _moment,
    "completion_start_time": _moment,
    "parent": _parent,
}
OPERATION: Final[Mapping[str, _Check]] = {
    "name": _filled_text,
    "input": _anything,
    "instructions": _text,
    "metadata": mapping,
    "tags": _tags,
    "operation": _one_of("read", "write"),
    "version": _name,
    "level": _LEVEL,
    "model_parameters": mapping,
}
LLM: Final[Mapping[str, _Check]] = {**OPERATION, "model": _name}
EVENT: Final[Mapping[str, _Check]] = {
    "id": _identifier,
    "name": _filled_text,
    "type": _event_type,
    "start_time": _moment,
    "end_time": _moment,
    "status": _EVENT_STATUS,
    "level": _LEVEL,
    "status_message": _anything,
    "parent_event_id": _identifier,
    "trace_id": _identifier,
    "input": _anything,
    "output": _anything,
    "tags": _tags,
    "metadata": mapping,
    "version": _name,
}
# What `update` may change.
_UPDATE: Final[Mapping[str, _Check]] = {
    "level": _LEVEL,
    "version": _name,
    "input": _anything,
    "output": _anything,
    "metadata": mapping,
    "tags": _tags,
    "usage": _anything,
    "end_time": _moment,
}
UPDATE_TRACE: Final[Mapping[str, _Check]] = {
    **_UPDATE,
    "status": _TRACE_STATUS,
    "user_id": _name,
    "conversation_id": _name,
    "completion_start_time": _moment,
}
UPDATE_EVENT: Final[Mapping[str, _Check]] = {**_UPDATE, "status": _EVENT_STATUS, "status_message": _anything}

_CAMEL: Final[Mapping[str, str]] = {
    "agentId": "agent_id",
    "userId": "user_id",
    "conversationId": "conversation_id",
    "startTime": "start_time",
    "endTime": "end_time",
    "completionStartTime": "completion_start_time",
    "modelParameters": "model_parameters",
    "statusMessage": "status_message",
    "parentEventId": "parent_event_id",
    "traceId": "trace_id",
}


def checked(
    what: str, known: Mapping[str, _Check], options: object, keywords: Mapping[str, Any], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return one dict of checked options in snake_case, without those that are ``None``.

    Raises:
        ValidationError: an option is missing, or has the wrong form; the text names it.
    """
    given: dict[str, Any] = {}
    if options is not None:
        given.update(mapping(f"the options of {what}", options))
    given.update(keywords)
    result: dict[str, Any] = {}
    unknown = 0
    for key, value in given.items():
        name = _CAMEL.get(key, key) if type(key) is str else key  # pyright: ignore[reportUnnecessaryComparison]
        if value is None:
            continue
        if name in known:
            result[name] = known[name](f"{key} of {what}", value)
        elif unknown < _MOST_UNKNOWN:
            unknown += 1
            _warn_unknown(what, str.__str__(key)[:100] if introspection.has_base(type(key), str) else "?", known)
    for name in required:
        if name not in result:
            raise ValidationError(f"{name} is missing: {what} needs it{_hint(name, given)}")
    return result


def checked_trace(options: object, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Check the options of a trace, whose ``agent_id`` may also be given as ``name``. See :func:`checked`."""
    given = checked("a trace", TRACE_OPTIONS, options, keywords)
    name = given.pop("name", None)
    if given.setdefault("agent_id", name) is None:
        hint = _hint("agent_id", {**(fields_of("", options) or {}), **keywords})
        raise ValidationError(f"agent_id is missing: a trace needs it, as agent_id= or name={hint}")
    return given


def keep_valid(call: str, known: Mapping[str, _Check], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Validate like :func:`checked`, but report what is not valid instead of raising: the run may have succeeded.

    Args:
        call: what the warning names, such as ``record()``.
    """
    result: dict[str, Any] = {}
    for name, value in keywords.items():
        result |= _keep_valid(call, known, name, value)
    return result


def _keep_valid(call: str, known: Mapping[str, _Check], name: str, value: Any) -> dict[str, Any]:
    """Return one option if it is valid, and report it otherwise; of tags the valid ones are kept."""
    try:
        return checked(call, known, None, {name: value})
    except ValidationError as exc:
        report_unsuitable(call, exc)
    if name == "tags" and type(value) in (list, tuple):
        return {name: bounded_tags(tuple(replace_surrogates(tag) for tag in value[:_MOST_TAGS] if type(tag) is str))}
    return {}


def report_unsuitable(call: str, exc: Exception) -> None:
    """Log that a value passed to a call is not recorded, at most once a minute for each call."""
    log_once(f"unsuitable:{call}", logging.WARNING, "%s: %s; recording without it", call, exc, aloud=True)


def checked_identifier(value: object) -> str:
    """Return an id as a caller gave it.

    Raises:
        ValidationError: it is no text, or empty.
    """
    return _identifier("the id", value)


def _hint(name: str, given: Mapping[str, Any]) -> str:
    near = nearest(name, [key for key in islice(given, 100) if type(key) is str])
    return f" (is {near!r} misspelt?)" if near else ""


def _warn_unknown(what: str, key: str, known: Mapping[str, object]) -> None:
    """Log, once for each key, that an option is unknown, with the nearest known one."""
    near = nearest(key, known)
    hint = f"; did you mean {near!r}?" if near else ""
    log_once(
        f"option:{what}:{key}",
        logging.WARNING,
        "%s has no option %r, it is ignored%s",
        what,
        key,
        hint,
        aloud=True,
    )
