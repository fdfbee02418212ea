"""Trace context in and out: one trace over several processes.

A caller says in two HTTP headers which span a request belongs to; a trace started under them continues that trace.
Format and rules: W3C Trace Context, https://www.w3.org/TR/trace-context-1/ (Recommendation of 2021-11-23), and what
level 2 adds to it (https://www.w3.org/TR/trace-context-2/, a draft): the flag of a random trace id, and more keys in a
``tracestate``. What is malformed, too long or there twice is ignored, as it says.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar, cast

from voltagent.core.awaitable import RECEIPT, Receipt
from voltagent.core.context import INCOMING, current_span
from voltagent.core.guard import guard
from voltagent.core.span import Remote
from voltagent.core.trace_ids import context_of

__all__ = ["ASGIMiddleware", "Remote", "WSGIMiddleware", "continued", "extract", "incoming", "inject", "outgoing",
           "parent_of", "parse", "trace_request", "traceparent"]  # fmt: skip

H = TypeVar("H", bound=MutableMapping[str, str])
Headers = Mapping[Any, Any] | Iterable[tuple[Any, Any]]

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^\r\n]*)?")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_SAMPLED: Final = 1
_RANDOM: Final = 2

_KEY: Final = r"[a-z0-9][a-z0-9_*/@-]{0,255}"
_VALUE: Final = r"[ -+\--<>-~]{0,255}[!-+\--<>-~]"  # printable ASCII without comma and equals sign, no space at the end
_MEMBER: Final = re.compile(f"({_KEY})=({_VALUE})")
_MOST_MEMBERS: Final = 32
_MOST_CHARACTERS: Final = 512  # that must be handed on; beyond it the long members go first, then the last ones
_LONG_MEMBER: Final = 128
_HUGE: Final = 8192  # characters; what is longer is not even looked at

# ------------------------------------------------------------------------------------------------- the two headers


def parse(parent: str, state: str = "") -> Remote | None:
    """Read a ``traceparent`` and its ``tracestate``; ``None`` where the first is not valid.

    A ``tracestate`` that is not valid is dropped, and the parent stands. Versions to come are read as far as they are
    like this one, as the specification wants.
    """
    found = _TRACEPARENT.fullmatch(parent.strip(" \t")) if len(parent) <= _HUGE else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    bits = int(flags, 16) & (_SAMPLED | _RANDOM if version == "00" else _SAMPLED)
    return Remote(trace_id, span_id, bool(bits & _SAMPLED), _checked_state(state), bool(bits & _RANDOM))


def traceparent(context: Remote) -> str:
    """The text of the ``traceparent`` header, version 00."""
    flags = _SAMPLED * context.sampled | _RANDOM * context.random
    return f"00-{context.trace_id}-{context.span_id}-{flags:02x}"


def _checked_state(text: str) -> str:
    """The members of a ``tracestate`` that can be handed on, or nothing where it breaks the rules."""
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


# ----------------------------------------------------------------------------------------------------- coming in


def extract(headers: Headers) -> Remote | None:
    """The parent that incoming headers name, or ``None``. Never raises.

    ``headers`` is a mapping (of a web framework, or a dict; names in any case) or pairs of names and values, also in
    bytes, as ASGI has them. A ``traceparent`` that is there twice is ignored.
    """
    with guard:
        parents: list[str] = []
        states: list[str] = []
        for name, value in _pairs(headers):
            if name == "traceparent":
                parents.append(value)
            elif name == "tracestate":
                states.append(value)
        return parse(parents[0], ",".join(states)) if len(parents) == 1 else None
    return None


def parent_of(given: object) -> Remote | None:
    """The parent in whatever ``parent=`` was given: headers, the text of a ``traceparent``, or a :class:`Remote`.

    ``None`` where that is not valid, as for headers.
    """
    if given is None:
        return None
    if isinstance(given, Remote):
        with guard:
            return parse(traceparent(given), given.state)
        return None
    return parse(given) if isinstance(given, str) else extract(cast("Headers", given))


def incoming() -> Remote | None:
    """The parent that the request being served came with; set by the middleware, or by :func:`continued`."""
    return INCOMING.get()


@contextmanager
def continued(parent: Remote | None) -> Generator[None, None, None]:
    """Traces that are started inside this block continue the trace of ``parent``."""
    before = INCOMING.get()
    INCOMING.set(parent)
    try:
        yield
    finally:
        INCOMING.set(before)  # by value, as a token cannot be reset in another context


def _pairs(headers: Headers) -> Iterator[tuple[str, str]]:
    """Names in lower case and values; one pair for each of several values."""
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


# ------------------------------------------------------------------------------------------------------- going out


def outgoing() -> Remote | None:
    """What a request sent from here belongs to: the current operation, else what the served request came with.

    In a trace that is left out with the one it continues it is that one.
    """
    span = current_span()
    if span is None:
        return INCOMING.get()
    return context_of(span) if span.recording else span.trace.remote or INCOMING.get()


def inject(headers: H) -> H:
    """Add ``traceparent`` and ``tracestate`` to outgoing headers, and return them.

    They name the operation that is current here. Where none is, what the served request came with is handed on, and
    without that the headers stay as they are. What they held before is replaced::

        requests.get(url, headers=voltagent.inject({}))
    """
    context = outgoing()
    if context is not None:
        for name in [name for name in headers if name.lower() in ("traceparent", "tracestate")]:
            del headers[name]
        headers["traceparent"] = traceparent(context)
        if context.state:
            headers["tracestate"] = context.state
    return headers


class _ServedRequest(Protocol):
    @property
    def headers(self) -> MutableMapping[str, str]: ...


def trace_request(request: _ServedRequest) -> Receipt:
    """An event hook for httpx clients, sync and async, that injects the context into every request::

    httpx.Client(event_hooks={"request": [voltagent.trace_request]})
    httpx.AsyncClient(event_hooks={"request": [voltagent.trace_request]})
    """
    with guard:
        inject(request.headers)
    return RECEIPT


# ------------------------------------------------------------------------------------------------------ middleware

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_ASGIApplication = Callable[[_Scope, _Receive, _Send], Awaitable[None]]
_WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ASGIMiddleware:
    """Wraps an ASGI application so that traces started in a request continue the trace of its caller::

    app.add_middleware(voltagent.ASGIMiddleware)      # FastAPI, Starlette
    app = voltagent.ASGIMiddleware(app)               # any other
    """

    def __init__(self, app: _ASGIApplication) -> None:
        self.app = app

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        with continued(extract(scope.get("headers") or ())):
            await self.app(scope, receive, send)


class WSGIMiddleware:
    """Wraps a WSGI application so that traces started in a request continue the trace of its caller::

    app.wsgi_app = voltagent.WSGIMiddleware(app.wsgi_app)      # Flask
    """

    def __init__(self, app: _WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        parent = extract([(name, environ.get(f"HTTP_{name.upper()}")) for name in ("traceparent", "tracestate")])
        with continued(parent):
            body = self.app(environ, start_response)
        sendfile = environ.get("wsgi.file_wrapper")
        if parent is None or isinstance(body, list | tuple) or (type(sendfile) is type and isinstance(body, sendfile)):
            return body  # no code of the application's runs while it is sent
        return _Body(body, parent)


class _Body:
    """An answer that the application makes while it is being sent."""

    def __init__(self, body: Iterable[bytes], parent: Remote) -> None:
        self._body = body
        self._parent = parent

    def __iter__(self) -> Iterator[bytes]:
        with continued(self._parent):
            steps = iter(self._body)
        while True:
            with continued(self._parent):
                try:
                    step = next(steps)
                except StopIteration:
                    return
            yield step

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            with continued(self._parent):
                close()
