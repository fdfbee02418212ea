"""What a request and an answer are, and the table of the parts that answer.

A module that answers requests exports ``ROUTES``, and one that takes a connection over (events as they happen) exports
``STREAMS``; ``server.py`` puts them in one :class:`Table`. When a handler is called, the rules of
:mod:`voltagent.server.access` hold already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias
from urllib.parse import unquote

from pydantic_core import to_json

from voltagent.storage.traces.store import Store


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read to its end."""

    method: str
    path: str  # percent-decoded, without the query
    captured: tuple[str, ...] = ()  # what the {…} segments of the route matched, percent-decoded, one segment each
    query: Mapping[str, str] = field(default_factory=dict[str, str])  # the last one wins
    headers: Mapping[str, str] = field(default_factory=dict[str, str])  # names in lower case; repeated ones with ", "
    body: bytes = b""  # decompressed, and bounded


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. The server adds its length and the headers that every answer has."""

    status: int = 200
    body: bytes = b""
    type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class RequestError(Exception):
    """Raised by a handler for a request that it cannot serve: answered as ``{"error": message}`` with the status."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


Handler: TypeAlias = Callable[[Store, Request], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """Which requests a handler answers. In the pattern, ``{name}`` stands for one segment that is not empty."""

    method: str
    pattern: str  # like "/api/traces/{id}"
    handler: Handler


class StreamConnection(Protocol):
    """A connection that a stream's handler has taken over; it is closed when the handler returns.

    One thread runs the handler. ``send`` may be called from another thread beside it.
    """

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the answer's head: the given headers and those that every answer has. No length is announced."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            OSError: the client is gone, or did not take it within 10 seconds. Let it pass: the server ends the stream.
        """
        ...

    def pause(self, seconds: float) -> bool:
        """Wait; whether to go on. False at once when the server closes or the client is gone."""
        ...


StreamHandler: TypeAlias = Callable[[StreamConnection, Store, Request], None]


@dataclass(frozen=True, slots=True)
class Stream:
    """A path whose GET requests take the connection over."""

    path: str
    handler: StreamHandler


class Table:
    """Finds who answers a request."""

    def __init__(self, routes: Iterable[Route], streams: Iterable[Stream] = ()) -> None:
        self._routes = [(route, route.pattern.split("/")) for route in routes]
        self._streams = {stream.path: stream for stream in streams}

    def find(self, method: str, raw_path: str) -> tuple[Route | Stream, tuple[str, ...]]:
        """Return the route or stream for a path that is still percent-encoded, and what its pattern captured.

        ``HEAD`` is answered as ``GET``, by routes only.

        Raises:
            RequestError: 404 if no route has this path, 405 if one has it for other methods.
        """
        if method == "GET" and raw_path in self._streams:
            return self._streams[raw_path], ()
        segments = raw_path.split("/")
        others = {"GET"} if raw_path in self._streams else set[str]()
        for route, pattern in self._routes:
            captured = _match(pattern, segments)
            if captured is None:
                continue
            if route.method == ("GET" if method == "HEAD" else method):
                return route, captured
            others |= {"GET", "HEAD"} if route.method == "GET" else {route.method}
        if others:
            allowed = ", ".join(sorted(others))
            raise RequestError(405, f"{method} is not allowed here, only {allowed}", {"Allow": allowed})
        raise RequestError(404, "there is nothing at this path")


def json_answer(value: Any, status: int = 200) -> Answer:
    """Return a JSON value as an answer; numbers that JSON lacks become null, and bytes in a damaged store digits."""
    return Answer(status, to_json(value, inf_nan_mode="null", bytes_mode="hex"))


def error_answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer ``{"error": message}``."""
    return Answer(status, to_json({"error": message}), headers=headers or {})


def media_type(headers: Mapping[str, str]) -> str:
    """Return the type of a body in lower case, without parameters such as the character set; empty if undeclared."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _match(pattern: list[str], segments: list[str]) -> tuple[str, ...] | None:
    """Return what the placeholders of a pattern stand for in a path; ``None`` if it does not match."""
    if len(pattern) != len(segments):
        return None
    captured: list[str] = []
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{") and segment:
            captured.append(unquote(segment))
        elif expected != segment:
            return None
    return tuple(captured)
