"""User, conversation and tags of traces to come: in this process, and for others as a ``baggage`` header.

Format: W3C Baggage, https://www.w3.org/TR/baggage/.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import quote, unquote

from pydantic_core import from_json, to_json

from voltagent.core.context import INCOMING, PROPAGATED, Propagated, current_span, recorder_here
from voltagent.core.guard import guard
from voltagent.core.span import Span, StandIn
from voltagent.core.text import type_within
from voltagent.errors import ValidationError

BAGGAGE: Final = "baggage"  # the header
_MOST_BAGGAGE: Final = 8192  # characters that every receiver must accept
_PREFIX: Final = "voltagent."  # of our members
_LONGEST_VALUE: Final = 1024  # characters
_NOTHING: Final = Propagated()


@contextmanager
def propagated(
    *, user_id: object = None, conversation_id: object = None, tags: Iterable[str] | None = None
) -> Generator[None, None, None]:
    """Set user, conversation and tags for all traces that are started inside this block::

        with voltagent.propagated(user_id=user.id, conversation_id=chat.id, tags=["beta"]):
            answer(question)

    The arguments of a trace take precedence. An open trace gets the user and the conversation if it has none, and the
    tags. In nested blocks, tags are added and the other values replaced.

    They are passed to other processes as W3C baggage, with :func:`inject`, as far as the setting ``baggage`` of the SDK
    allows, and are accepted from them by the same setting.

    Args:
        user_id, conversation_id: strings; numbers and UUIDs become strings.
        tags: strings.

    Raises:
        ValidationError: a value has another type.
    """
    before = PROPAGATED.get()
    around = before or _NOTHING
    found = Propagated(
        around.user_id if user_id is None else _identifier("user_id", user_id),
        around.conversation_id if conversation_id is None else _identifier("conversation_id", conversation_id),
        around.tags if tags is None else tuple(dict.fromkeys((*around.tags, *_checked_tags(tags)))),
    )
    with guard:
        _update_open_trace(found)
    PROPAGATED.set(found)
    try:
        yield
    finally:
        PROPAGATED.set(before)  # by value, because a token cannot be reset in another context


def _identifier(name: str, value: object) -> str:
    if isinstance(value, str) or type(value) is int or type(value).__name__ == "UUID":
        return str(value)
    raise ValidationError(f"{name} of propagated() must be a string, got {type(value).__name__}")


def _checked_tags(tags: object) -> list[str]:
    name = type(tags).__name__
    found = list(cast("Iterable[object]", tags)) if isinstance(tags, list | tuple | set | frozenset) else None
    if found is None or not all(isinstance(tag, str) for tag in found):
        got = type_within(found, str) if found else name
        raise ValidationError(f"tags of propagated() must be a list of strings, got {got}")
    return cast("list[str]", found)


def _update_open_trace(found: Propagated) -> None:
    """Add user, conversation and tags to the trace that is open, if it has none yet."""
    span = current_span()
    if span is None or not span.recording:
        return
    trace, root, recorder = span.trace, span.root, span.trace.recorder
    missing = {name: value for name in ("user_id", "conversation_id")
               if (value := getattr(found, name)) and getattr(trace, name) is None}  # fmt: skip
    if recorder is None or root.end_ns is not None:
        return
    if missing:
        for name, value in missing.items():
            setattr(trace, name, value)
        recorder.update(root, missing)
    if found.tags and type(root) is not StandIn:
        recorder.add(root, tags=found.tags)


def inject_baggage(headers: MutableMapping[str, str]) -> None:
    """Add to ``baggage`` what the setting of that name allows; members of other libraries stay."""
    span = current_span()
    recorder = recorder_here() if span is None else span.trace.recorder
    allowed: tuple[str, ...] = () if recorder is None else recorder.baggage
    if not allowed:
        return
    found = _values_here(span)
    ours = [f"{_PREFIX}{name}={quote(_as_member(getattr(found, name)), safe='')}"
            for name in allowed if getattr(found, name)]  # fmt: skip
    if not ours:
        return
    before = [name for name in headers if name.lower() == BAGGAGE]
    members = [one for name in before for one in headers.pop(name).split(",") if not one.strip().startswith(_PREFIX)]
    while ours and len(",".join((*members, *ours))) > _MOST_BAGGAGE:
        ours.pop()
    headers[BAGGAGE] = ",".join((*members, *ours))


def _values_here(span: Span | None) -> Propagated:
    """Return user, conversation and tags: of the enclosing block, else of the trace, else of the served request."""
    block = PROPAGATED.get() or _NOTHING
    if span is None:
        incoming = INCOMING.get()
        other = _NOTHING if incoming is None else propagated_by(incoming.baggage, Propagated._fields)
    else:
        other = Propagated(span.trace.user_id, span.trace.conversation_id)
    return Propagated(
        block.user_id or other.user_id, block.conversation_id or other.conversation_id, block.tags or other.tags
    )


def _as_member(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else to_json(list(value)).decode()


def propagated_by(baggage: str, allowed: Iterable[str]) -> Propagated:
    """Return user, conversation and tags from a ``baggage`` header, as far as they are allowed.

    Malformed members are ignored.
    """
    values: dict[str, Any] = {}
    for member in baggage.split(","):
        key, _, value = member.partition(";")[0].partition("=")
        name = key.strip().removeprefix(_PREFIX)
        if key.strip().startswith(_PREFIX) and name in allowed and name in Propagated._fields:
            text = unquote(value.strip())[:_LONGEST_VALUE]
            values[name] = _tags(text) if name == "tags" else text or None
    return Propagated(**values)


def _tags(text: str) -> tuple[str, ...]:
    """Decode tags from baggage: a JSON list, whose strings count."""
    try:
        found: object = from_json(text)
    except ValueError:
        return ()
    given = cast("list[object]", found) if isinstance(found, list) else []
    return tuple(one for one in given if isinstance(one, str))
