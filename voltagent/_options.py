"""The options that handles take, as mapping, options model or keywords: checked before anything is sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, cast

from voltagent import _clock, _peek
from voltagent._guard import say_once
from voltagent._spelling import nearest
from voltagent._text import clean, shortened
from voltagent.errors import ValidationError

__all__ = ["EVENT", "OPERATION", "TRACE_OPTIONS", "UPDATE_EVENT", "UPDATE_TRACE", "bounded_tags", "checked",
           "checked_identifier", "mapping", "unwrapped"]  # fmt: skip

_Check = Callable[[str, object], Any]
_LONGEST_TAG: Final = 1024
_MOST_TAGS: Final = 256
_MOST_OF_TAGS: Final = 16 * 1024  # characters of all tags
_LONGEST_NAME: Final = 1024
_LONGEST: Final = 64 * 1024  # characters of instructions


def _text(name: str, value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str):
        raise ValidationError(f"{name} must be a text, not {type(value).__name__}")
    return shortened(clean(value), _LONGEST)  # it goes out beside the payloads


def _name(name: str, value: object) -> str:
    return shortened(_text(name, value), _LONGEST_NAME)  # it goes out several times


def _filled_text(name: str, value: object) -> str:
    text = _name(name, value)
    if not text:
        raise ValidationError(f"{name} must not be empty")
    return text


def _identifier(name: str, value: object) -> str:
    return _filled_text(name, value if isinstance(value, str) else str(value) if _is_uuid(value) else value)


def _is_uuid(value: object) -> bool:
    kind = type(value)
    return kind.__name__ == "UUID" and kind.__module__ == "uuid"  # the module is not imported for this question


def mapping(name: str, value: object) -> Mapping[str, Any]:
    """A mapping, or the fields of a pydantic model as they are stored: none of its code runs.

    Raises:
        ValidationError: it is neither.
    """
    kind = cast("type", type(value))
    if _peek.has_base(kind, dict) or isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value)
    model = _peek.loaded("pydantic.main", "BaseModel")
    if model is not None and _peek.has_base(kind, model):
        extra: Any = getattr(value, "__pydantic_extra__", None)
        fields: dict[str, Any] = {**vars(value), **(extra or {})}
        return {key: fields[key] for key in fields if fields[key] is not None}
    raise ValidationError(f"{name} must be a mapping, not {kind.__name__}")


def unwrapped(model: str, value: object) -> Mapping[str, Any] | None:
    """The fields of a value that is the model of this name in :mod:`voltagent.types`, else ``None``."""
    kind = _peek.loaded("voltagent.types", model)  # where it is not, nobody has one
    return mapping(model, value) if kind is not None and _peek.has_base(type(value), kind) else None


def bounded_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The first of the tags, as many as may be sent: 256, and 16 384 characters in all. None twice."""
    kept = tuple(dict.fromkeys(tags))[:_MOST_TAGS]
    room = _MOST_OF_TAGS
    for number, tag in enumerate(kept):
        room -= len(tag)
        if room < 0:
            return kept[:number]
    return kept


def _tags(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise ValidationError(f"{name} must be a list of texts, not {type(value).__name__}")
    texts = [_text(f"an item of {name}", item) for item in cast("list[object]", value)]
    return bounded_tags(tuple(shortened(text, _LONGEST_TAG) for text in texts))


def _parent(name: str, value: Any) -> Any:
    if isinstance(value, str | list | tuple) or callable(getattr(value, "items", None)):
        return value  # pyright: ignore[reportUnknownVariableType]
    raise ValidationError(f"{name} must be headers or the text of a traceparent, not {type(value).__name__}")


def _one_of(*allowed: str) -> _Check:
    def check(name: str, value: object) -> str:
        text = _text(name, value)
        if text not in allowed:
            raise ValidationError(f"{name} must be one of {', '.join(allowed)}, not {text!r}")
        return text

    return check


def _moment(name: str, value: object) -> str:
    isoformat = getattr(value, "isoformat", None)
    text = _text(name, isoformat() if callable(isoformat) else value)
    moment = _clock.parse_iso(text)
    if moment is None:
        raise ValidationError(f"{name} must be an ISO 8601 time such as 2026-01-31T12:00:00Z")
    return _clock.iso_text(moment)  # in UTC, as all times are sent


def _event_type(name: str, value: object) -> str:
    text = _filled_text(name, value)
    if text == "trace":
        raise ValidationError(f"{name} must not be 'trace': that is what the event belongs to; choose another text")
    return text


def _anything(_: str, value: object) -> object:
    return value


_LEVEL: Final = _one_of("DEBUG", "INFO", "WARNING", "ERROR")
_EVENT_STATUS: Final = _one_of("running", "completed", "error", "cancelled")
_TRACE_STATUS: Final = _one_of("working", "completed", "error")

TRACE_OPTIONS: Final[Mapping[str, _Check]] = {
    "id": _identifier,
    "agent_id": _filled_text,
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
    """One dict of checked options in snake_case, without those that are ``None``.

    Raises:
        ValidationError: an option is missing, or has the wrong form; the text names it.
    """
    given: dict[str, Any] = {}
    if options is not None:
        given.update(mapping(f"the options of {what}", options))
    given.update(keywords)
    result: dict[str, Any] = {}
    for key, value in given.items():
        name = _CAMEL.get(key, key)
        if value is None:
            continue
        if name in known:
            result[name] = known[name](f"{key} of {what}", value)
        else:
            _warn_unknown(what, str(key), known)
    for name in required:
        if name not in result:
            raise ValidationError(f"{name} is missing: {what} needs it{_hint(name, given)}")
    return result


def checked_identifier(value: object) -> str:
    """An id as a caller gave it.

    Raises:
        ValidationError: it is no text, or empty.
    """
    return _identifier("the id", value)


def _hint(name: str, given: Mapping[str, Any]) -> str:
    near = nearest(name, map(str, given))
    return f" (is {near!r} misspelt?)" if near else ""


def _warn_unknown(what: str, key: str, known: Mapping[str, object]) -> None:
    near = nearest(key, known)
    hint = f"; did you mean {near!r}?" if near else ""
    say_once(
        f"option:{what}:{key}",
        logging.WARNING,
        "voltagent: %s has no option %r, it is ignored%s",
        what,
        key,
        hint,
        aloud=True,
    )
