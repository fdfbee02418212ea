"""The options that handles take, as mapping, options model or keywords: checked before anything is sent.

What is known here is which options there are; :mod:`voltagent.capture.option_values` checks each value.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from voltagent.capture.option_values import (
    MOST_TAGS,
    OptionCheck,
    as_mapping,
    bounded_tags,
    check_event_type,
    check_filled_text,
    check_identifier,
    check_moment,
    check_name,
    check_parent,
    check_tags,
    check_text,
    mapping,
    one_of,
    take_anything,
)
from voltagent.core import introspection
from voltagent.core.guard import log_once
from voltagent.core.hints import caller_place
from voltagent.core.naming import nearest
from voltagent.core.text import replace_surrogates
from voltagent.errors import ValidationError

_MOST_UNKNOWN: Final = 8  # unknown options that are reported
_LONGEST_SHOWN: Final = 40  # characters of a string that should be a mapping

_LEVEL: Final = one_of("DEBUG", "INFO", "WARNING", "ERROR")
_EVENT_STATUS: Final = one_of("running", "completed", "error", "cancelled")
_TRACE_STATUS: Final = one_of("working", "completed", "error")

TRACE_OPTIONS: Final[Mapping[str, OptionCheck]] = {
    "id": check_identifier,
    "agent_id": check_filled_text,
    "name": check_filled_text,  # the same: all other handles are made with a name
    "user_id": check_name,
    "conversation_id": check_name,
    "input": take_anything,
    "tags": check_tags,
    "metadata": mapping,
    "version": check_name,
    "level": _LEVEL,
    "start_time": check_moment,
    "completion_start_time": check_moment,
    "parent": check_parent,
}
OPERATION: Final[Mapping[str, OptionCheck]] = {
    "name": check_filled_text,
    "input": take_anything,
    "instructions": check_text,
    "metadata": mapping,
    "tags": check_tags,
    "operation": one_of("read", "write"),
    "version": check_name,
    "level": _LEVEL,
    "model_parameters": mapping,
}
LLM: Final[Mapping[str, OptionCheck]] = {**OPERATION, "model": check_name}
EVENT: Final[Mapping[str, OptionCheck]] = {
    "id": check_identifier,
    "name": check_filled_text,
    "type": check_event_type,
    "start_time": check_moment,
    "end_time": check_moment,
    "status": _EVENT_STATUS,
    "level": _LEVEL,
    "status_message": take_anything,
    "parent_event_id": check_identifier,
    "trace_id": check_identifier,
    "input": take_anything,
    "output": take_anything,
    "tags": check_tags,
    "metadata": mapping,
    "version": check_name,
}
# What `record` adds to the end.
RECORDED: Final[Mapping[str, OptionCheck]] = {"metadata": mapping, "tags": check_tags, "model": check_name}
# What `update` may change.
_UPDATE: Final[Mapping[str, OptionCheck]] = {
    "level": _LEVEL,
    "version": check_name,
    "input": take_anything,
    "output": take_anything,
    "metadata": mapping,
    "tags": check_tags,
    "usage": take_anything,
    "end_time": check_moment,
}
UPDATE_TRACE: Final[Mapping[str, OptionCheck]] = {
    **_UPDATE,
    "status": _TRACE_STATUS,
    "user_id": check_name,
    "conversation_id": check_name,
    "completion_start_time": check_moment,
}
UPDATE_EVENT: Final[Mapping[str, OptionCheck]] = {**_UPDATE, "status": _EVENT_STATUS, "status_message": take_anything}

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
    what: str,
    known: Mapping[str, OptionCheck],
    options: object,
    keywords: Mapping[str, Any],
    required: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return one dict of checked options in snake_case, without those that are ``None``.

    Raises:
        ValidationError: an option is missing, or has the wrong form; the text names it.
    """
    given: dict[str, Any] = {}
    if type(options) is str:
        raise ValidationError(f"{what} takes its options by name, or as a mapping: name={options[:_LONGEST_SHOWN]!r}")
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
        hint = _hint("agent_id", {**(as_mapping("", options) or {}), **keywords})
        raise ValidationError(f"agent_id is missing: a trace needs it, as agent_id= or name={hint}")
    return given


def keep_valid(call: str, known: Mapping[str, OptionCheck], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Validate like :func:`checked`, but report what is not valid instead of raising: the run may have succeeded.

    Args:
        call: what the warning names, such as ``record()``.
    """
    result: dict[str, Any] = {}
    for name, value in keywords.items():
        result |= _keep_valid(call, known, name, value)
    return result


def _keep_valid(call: str, known: Mapping[str, OptionCheck], name: str, value: Any) -> dict[str, Any]:
    """Return one option if it is valid, and report it otherwise; of tags the valid ones are kept."""
    try:
        return checked(call, known, None, {name: value})
    except ValidationError as exc:
        report_unsuitable(call, exc)
    if name == "tags" and type(value) in (list, tuple):
        return {name: bounded_tags(tuple(replace_surrogates(tag) for tag in value[:MOST_TAGS] if type(tag) is str))}
    return {}


def report_unsuitable(call: str, exc: Exception, then: str = "recording without it") -> None:
    """Log that a value passed to a call is not recorded as it is, at most once a minute for each place that calls.

    Args:
        call: the method, such as ``record()``.
        exc: what is wrong with the value.
        then: what is recorded instead.
    """
    place, problem = caller_place(), str(exc).replace(f" of {call}", "", 1)
    kind, message = f"unsuitable:{call}:{place}", "%s: %s: %s; %s"
    log_once(kind, logging.WARNING, message, place, call, problem, then, aloud=True)


def checked_identifier(value: object) -> str:
    """Return an id as a caller gave it.

    Raises:
        ValidationError: it is no text, or empty.
    """
    return check_identifier("the id", value)


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
