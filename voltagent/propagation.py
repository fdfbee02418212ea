"""Trace context in and out: one trace across several processes.

Two HTTP headers name the span to which a request belongs; a trace started under them continues that trace. Format and
rules: W3C Trace Context, https://www.w3.org/TR/trace-context-1/ (Recommendation of 2021-11-23), and two additions of
    level 2 (https://www.w3.org/TR/trace-context-2/, a draft): the flag of a random trace id, and more keys in a
    ``tracestate``. Malformed, too long and repeated headers are ignored, as specified.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, Protocol, TypeVar, cast
from urllib.parse import quote, unquote

from pydantic_core import from_json, to_json

from voltagent.core.awaitable import RECEIPT, Receipt
from voltagent.core.context import INCOMING, PROPAGATED, Propagated, current_span, recorder_here
from voltagent.core.guard import guard
from voltagent.core.span import Remote, Span, StandIn
from voltagent.core.trace_ids import context_of
from voltagent.errors import ValidationError

__all__ = [
    "ASGIMiddleware",  # noqa: F822 - imported when it is first used  # pyright: ignore
    "Remote",
    "WSGIMiddleware",  # noqa: F822  # pyright: ignore
    "continued",
    "extract",
    "incoming",
    "inject",
    "outgoing",
    "parent_of",
    "parse",
    "propagated",
    "propagated_by",
    "trace_request",
    "traceparent",
]

H = TypeVar("H", bound=MutableMapping[str, str])
Headers = Mapping[Any, Any] | Iterable[tuple[Any, Any]]

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^\r\n]*)?")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_SAMPLED: Final = 1
_RANDOM: Final = 2

_PREFIX: Final = "voltagent."  # of our members in a `baggage`
_LONGEST_VALUE: Final = 1024  # characters
_NOTHING: Final = Propagated()

_KEY: Final = r"[a-z0-9][a-z0-9_*/@-]{0,255}"
_VALUE: Final = r"[ -+\--<>-~]{0,255}[!-+\--<>-~]"  # printable ASCII without comma and equals sign, no space at the end
_MEMBER: Final = re.compile(f"({_KEY})=({_VALUE})")
_MOST_MEMBERS: Final = 32
_MOST_CHARACTERS: Final = 512  # characters to pass on; beyond that, long members are dropped first, then the last ones
_LONG_MEMBER: Final = 128
_BAGGAGE: Final = "baggage"
_MOST_BAGGAGE: Final = 8192  # characters that every receiver must accept
_HUGE: Final = 8192  # characters; a longer header is ignored


def parse(parent: str, state: str = "", baggage: str = "") -> Remote | None:
    """Parse a ``traceparent`` and its ``tracestate``; ``None`` if the former is invalid.

    Future versions are parsed as far as they are compatible, as the specification requires.

    Args:
        parent: the header ``traceparent``.
        state: the header ``tracestate``. An invalid one is dropped, and the parent kept.
        baggage: the header ``baggage``, which is kept as it is.
    """
    found = _TRACEPARENT.fullmatch(parent.strip(" \t")) if len(parent) <= _HUGE else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    bits = int(flags, 16) & (_SAMPLED | _RANDOM if version == "00" else _SAMPLED)
    known = baggage if len(baggage) <= _HUGE else ""
    return Remote(trace_id, span_id, bool(bits & _SAMPLED), _checked_state(state), bool(bits & _RANDOM), known)


def traceparent(context: Remote) -> str:
    """Format the ``traceparent`` header, version 00."""
    flags = _SAMPLED * context.sampled | _RANDOM * context.random
    return f"00-{context.trace_id}-{context.span_id}-{flags:02x}"


def _checked_state(text: str) -> str:
    """Return the members of a ``tracestate`` to pass on; empty if it is invalid."""
    if len(text) > _HUGE:
        return ""
    members: dict[str, str] = {}
    for part in text.split(","):
        member = part.strip(" \t")
        found = _MEMBER.fullmatch(member)
        if found is not None:
            members.setdefault(found[1], member)
        elif member:
            return ""
    return _shortened(list(members.values())) if len(members) <= _MOST_MEMBERS else ""


def _shortened(members: list[str]) -> str:
    """Drop members of ``tracestate`` until it fits, long ones first, as the specification advises."""
    for number in range(len(members) - 1, -1, -1):
        if _length(members) <= _MOST_CHARACTERS:
            break
        if len(members[number]) > _LONG_MEMBER:
            del members[number]
    while _length(members) > _MOST_CHARACTERS:
        members.pop()
    return ",".join(members)


def _length(members: list[str]) -> int:
    return sum(map(len, members)) + len(members) - 1


def extract(headers: Headers) -> Remote | None:
    """Return the parent that incoming headers name; ``None`` if there is none. Never raises.

    Args:
        headers: a mapping (a dict or that of a web framework, with names in any case) or pairs of names and values,
            also in bytes, as in ASGI. A repeated ``traceparent`` is ignored.
    """
    with guard:
        parents: list[str] = []
        states: list[str] = []
        baggage: list[str] = []
        for name, value in _pairs(headers):
            if name == "traceparent":
                parents.append(value)
            elif name == "tracestate":
                states.append(value)
            elif name == _BAGGAGE:
                baggage.append(value)
        return parse(parents[0], ",".join(states), ",".join(baggage)) if len(parents) == 1 else None
    return None


def parent_of(given: object) -> Remote | None:
    """Return the parent for a ``parent=`` argument: headers, a ``traceparent``, or a :class:`Remote`.

    ``None`` if it is invalid, as for headers.
    """
    if given is None:
        return None
    if isinstance(given, Remote):
        with guard:
            return parse(traceparent(given), given.state, given.baggage)
        return None
    return parse(given) if isinstance(given, str) else extract(cast("Headers", given))


def incoming() -> Remote | None:
    """Return the parent of the request being served, as set by the middleware or :func:`continued`."""
    return INCOMING.get()


@contextmanager
def continued(parent: Remote | None) -> Generator[None, None, None]:
    """Make traces started inside this block continue the trace of ``parent``."""
    before = INCOMING.get()
    INCOMING.set(parent)
    try:
        yield
    finally:
        INCOMING.set(before)  # by value, because a token cannot be reset in another context


def _pairs(headers: Headers) -> Iterator[tuple[str, str]]:
    """Yield names in lower case and values, one pair per value."""
    items = getattr(headers, "items", None)
    for name, value in cast("Iterable[tuple[Any, Any]]", items() if callable(items) else headers):
        if not isinstance(name, str | bytes):
            continue
        for one in _several(value):
            if isinstance(one, str | bytes):
                yield _text(name).lower(), _text(one)


def _several(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def outgoing() -> Remote | None:
    """Return the span to which an outgoing request belongs: the current operation, else that of the served request.

    In a trace that is left out together with its parent, it is that parent.
    """
    span = current_span()
    if span is None:
        return INCOMING.get()
    return context_of(span) if span.recording else span.trace.remote or INCOMING.get()


def inject(headers: H) -> H:
    """Add ``traceparent`` and ``tracestate`` to outgoing headers, and return the headers.

    They name the current operation. Without one, those of the served request are passed on; without these, the headers
    stay unchanged. Earlier values are replaced::

        requests.get(url, headers=voltagent.inject({}))
    """
    context = outgoing()
    if context is not None:
        for name in [name for name in headers if name.lower() in ("traceparent", "tracestate")]:
            del headers[name]
        headers["traceparent"] = traceparent(context)
        if context.state:
            headers["tracestate"] = context.state
    _inject_baggage(headers)
    return headers


def _inject_baggage(headers: MutableMapping[str, str]) -> None:
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
    before = [name for name in headers if name.lower() == _BAGGAGE]
    members = [one for name in before for one in headers.pop(name).split(",") if not one.strip().startswith(_PREFIX)]
    while ours and len(",".join((*members, *ours))) > _MOST_BAGGAGE:
        ours.pop()
    headers[_BAGGAGE] = ",".join((*members, *ours))


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

    Format: W3C Baggage, https://www.w3.org/TR/baggage/. Malformed members are ignored.
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
    found = list(cast("Iterable[object]", tags)) if isinstance(tags, list | tuple | set | frozenset) else None
    if found is None or not all(isinstance(tag, str) for tag in found):
        raise ValidationError("tags of propagated() must be a list of strings")
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


class _ServedRequest(Protocol):
    @property
    def headers(self) -> MutableMapping[str, str]: ...


def trace_request(request: _ServedRequest) -> Receipt:
    """Inject the context into every request, as an event hook for httpx clients, sync and async::

    httpx.Client(event_hooks={"request": [voltagent.trace_request]})
    httpx.AsyncClient(event_hooks={"request": [voltagent.trace_request]})
    """
    with guard:
        inject(request.headers)
    return RECEIPT


def __getattr__(name: str) -> Any:
    """Import the middleware, which is in a package of its own."""
    if name in ("ASGIMiddleware", "WSGIMiddleware"):
        return getattr(import_module("voltagent.middleware"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
