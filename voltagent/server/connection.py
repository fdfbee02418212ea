"""One client's connection: limits by the wall clock, requests one after the other, and streams that take it over.

A socket's own timeout starts again with every byte, so a client that sends one byte a second would hold a thread for
hours. Here each phase has a deadline.
"""

from __future__ import annotations

import io
import logging
import select
import socket
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import parse_qsl, unquote

from voltagent.core import clock
from voltagent.core.guard import log
from voltagent.server import access
from voltagent.server.http1 import Head, head_bytes, read_body, read_head
from voltagent.server.routing import Answer, Request, RequestError, Route, Stream, Table, error_answer
from voltagent.storage.file import StoreError
from voltagent.storage.traces.store import Store

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_MOST_PARAMETERS: Final = 100  # of a query
_PIECE: Final = 64 * 2**10  # bytes read at once from a stream's client
_LINGER: Final = 1.0  # seconds to let a client read its answer while it still sends


class Limits:
    """Seconds for each phase of a request. Class attributes, so that a test can have shorter ones."""

    idle: float = 60.0  # between requests
    head: float = 10.0  # from the first byte of a head to its last
    body: float = 30.0  # for a body
    answer: float = 30.0  # to take an answer
    stream: float = 10.0  # to take one piece of a stream


class Served(Protocol):
    """What a connection needs of its server."""

    table: Table
    limits: type[Limits]
    closing: threading.Event

    def borrowed_store(self) -> AbstractContextManager[Store]:
        """Return a store that no other thread uses meanwhile."""
        ...


class _Wire(io.RawIOBase):
    """A socket's bytes until a deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.deadline = 0.0  # on the monotonic clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what has arrived, before the deadline of the current phase."""
        left = self.deadline - clock.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket.recv_into(buffer)


def serve(server: Served, sock: socket.socket) -> None:
    """Answer a client's requests until it closes, is too slow, or the server closes. Leaves the socket open."""
    wire = _Wire(sock)
    reader = io.BufferedReader(wire, _PIECE)
    try:
        while not server.closing.is_set() and _serve_one(server, sock, wire, reader):
            pass
    except OSError:
        pass  # the client is gone or too slow
    finally:
        reader.detach()


def _serve_one(server: Served, sock: socket.socket, wire: _Wire, reader: io.BufferedReader[_Wire]) -> bool:
    """Answer one request; whether another may follow."""
    wire.deadline = clock.monotonic() + server.limits.idle
    if not reader.peek(1):
        return False
    keep_alive, wants_body = False, True
    try:
        wire.deadline = clock.monotonic() + server.limits.head
        head = read_head(reader)
        wants_body = head.method != "HEAD"
        target, captured = _admitted(server, head)
        wire.deadline = clock.monotonic() + server.limits.body
        request = _request(head, captured, read_body(reader, head, lambda: _ask_for_body(head, sock)))
        if isinstance(target, Stream):
            _stream(server, target, request, _Taken(server, sock, wire, reader))
            return False
        keep_alive = head.keep_alive
        answer = _answer(server, target, request)
    except RequestError as refusal:
        answer = error_answer(refusal.status, str(refusal), refusal.headers)
    _send(sock, answer, keep_alive, server.limits.answer, wants_body=wants_body)
    if not keep_alive:
        _linger(sock)
    return keep_alive


def _admitted(server: Served, head: Head) -> tuple[Route | Stream, tuple[str, ...]]:
    """Return who answers a request, once it is let in: all that is known before its body is read."""
    access.admit(head.method, head.raw_path, head.headers)
    return server.table.find(head.method, head.raw_path)


def _answer(server: Served, route: Route, request: Request) -> Answer:
    """Return the answer of a route; an error of ours is one of 500 and does not end the server."""
    try:
        with server.borrowed_store() as store:
            return route.handler(store, request)
    except RequestError as refusal:
        return error_answer(refusal.status, str(refusal), refusal.headers)
    except StoreError as exc:
        return error_answer(503, str(exc))
    except Exception as exc:  # an error of ours in one answer must not end the server
        _report(exc)
        return error_answer(500, f"the server failed ({type(exc).__name__}); its log says where")


def _ask_for_body(head: Head, sock: socket.socket) -> None:
    if head.headers.get("expect", "").lower() == "100-continue":
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def _request(head: Head, captured: tuple[str, ...], body: bytes) -> Request:
    """Make the request that a handler gets, with decoded path and parameters."""
    try:
        pairs = parse_qsl(head.target.partition("?")[2], keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as exc:
        raise RequestError(400, f"more than {_MOST_PARAMETERS} parameters") from exc
    return Request(head.method, unquote(head.raw_path), captured, dict(pairs), head.headers, body)


def _send(sock: socket.socket, answer: Answer, keep_alive: bool, seconds: float, *, wants_body: bool) -> None:
    """Send a response within a limit of time."""
    headers = {
        "Content-Type": answer.type,
        "Content-Length": str(len(answer.body)),
        "Connection": "keep-alive" if keep_alive else "close",
        **access.HEADERS,
        **answer.headers,
    }
    sock.settimeout(seconds)  # `sendall` counts it over all pieces
    sock.sendall(head_bytes(answer.status, headers) + (answer.body if wants_body else b""))


def _linger(sock: socket.socket) -> None:
    """Read on for a moment: a connection closed over unread bytes is reset, and the answer lost with it."""
    sock.shutdown(socket.SHUT_WR)
    until = clock.monotonic() + _LINGER
    while (left := until - clock.monotonic()) > 0:
        sock.settimeout(left)
        if not sock.recv(_PIECE):
            return


def _report(exc: Exception) -> None:
    """Say where, and not what: the text of an exception, and the rows of a traceback, may hold what was recorded."""
    places: list[str] = []
    trace = exc.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    log(logging.ERROR, "the local server failed to answer: %s at %s", type(exc).__name__, "; ".join(places))


class _Taken:
    """A connection that a stream's handler has taken over: a :class:`voltagent.server.routing.Connection`."""

    def __init__(self, server: Served, sock: socket.socket, wire: _Wire, reader: io.BufferedReader[_Wire]) -> None:
        self._server = server
        self._socket = sock
        self._wire = wire
        self._reader = reader
        self._sending = threading.Lock()

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send(head_bytes(status, {**access.HEADERS, **headers}))

    def send(self, data: bytes) -> None:
        """Send all of the data within the limit for streams; ``TimeoutError`` if the client does not read."""
        with self._sending:
            until = clock.monotonic() + self._server.limits.stream
            view = memoryview(data)
            while view:
                _, writable, _ = select.select((), (self._socket,), (), max(0, until - clock.monotonic()))
                if not writable:
                    raise TimeoutError
                view = view[self._socket.send(view) :]

    def pause(self, seconds: float) -> bool:
        return not self._server.closing.wait(seconds) and not self._is_gone()

    def _is_gone(self) -> bool:
        """Return whether the client has closed the connection."""
        readable, _, _ = select.select((self._socket,), (), (), 0)
        if not readable:
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True


def _stream(server: Served, stream: Stream, request: Request, connection: _Taken) -> None:
    """Answer with a stream of events until the client or the server leaves."""
    try:
        with server.borrowed_store() as store:
            stream.handler(connection, store, request)
    except OSError:
        raise
    except StoreError:
        pass  # the client repeats the request, and gets the answer then
    except Exception as exc:
        _report(exc)
