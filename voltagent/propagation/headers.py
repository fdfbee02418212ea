"""The headers of requests: what comes in is the parent of new traces, and the current operation goes out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

from voltagent.core.awaitable import RECEIPT, Receipt
from voltagent.core.context import INCOMING, current_span
from voltagent.core.guard import guard
from voltagent.core.span import Remote
from voltagent.core.trace_ids import context_of
from voltagent.propagation.baggage import BAGGAGE, inject_baggage
from voltagent.propagation.trace_context import parse, traceparent

H = TypeVar("H", bound=MutableMapping[str, str])
Headers = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


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
            elif name == BAGGAGE:
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
    inject_baggage(headers)
    return headers


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
