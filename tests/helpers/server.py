"""A real HTTP/1.1 server on loopback: keeps what arrives, answers by script, and can misbehave at every stage.

::

    with Server() as server:                       # answers 200 with `{}`
        ...
        assert [r.line for r in server.requests] == ["POST /history"]

    Server(lambda request: answer(503, retry_after="1"))
    server.reply = reset                           # from now on; or a function of the request giving one of these

A reply is bytes to send (see :func:`answer`), or a :class:`Raw`, which does as it likes with the connection; that stays
open only after bytes without ``Connection: close``. A script is a function of the request that gives the reply.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, BinaryIO, TypeAlias

from tests.helpers.pace import PATIENCE

__all__ = ["Raw", "Recorded", "Reply", "Script", "Server", "answer", "black_hole", "drip", "flood", "hang", "reset",
           "then_reset", "unused_port"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: float  # time.monotonic() when its last byte had arrived
    connection: int  # counts the connections of this server from 1

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Raw:
    """A reply that does as it likes with the connection, which is closed afterwards."""

    act: Callable[[socket.socket], None]


Reply: TypeAlias = "bytes | Raw"
Script: TypeAlias = Callable[[Recorded], Reply]


def answer(status: int = 200, body: bytes | object = b"{}", **headers: str) -> bytes:
    """The bytes of a whole answer; an object becomes JSON, ``retry_after="1"`` becomes ``retry-after: 1``."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Odd"
    lines = [f"HTTP/1.1 {status} {phrase}", "content-type: application/json", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _hang(connection: socket.socket) -> None:
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass


reset = Raw(_reset)  # breaks the connection with a TCP reset
hang = Raw(_hang)  # says nothing until the other side, or the server's stop, ends the connection


def then_reset(content: bytes) -> Raw:
    """Send ``content``, then break the connection."""

    def go(connection: socket.socket) -> None:
        connection.sendall(content)
        _reset(connection)

    return Raw(go)


def flood(content: bytes, chunk: bytes, times: int) -> Raw:
    """Send ``content``, then ``chunk`` that many times, or until the other side has had enough."""

    def go(connection: socket.socket) -> None:
        connection.sendall(content)
        for _ in range(times):
            connection.sendall(chunk)

    return Raw(go)


def drip(content: bytes, *, every: float = 1.0, then: bytes = b"x") -> Raw:
    """Send ``content``, then ``then`` one byte at a time for ever."""

    def go(connection: socket.socket) -> None:
        connection.sendall(content)
        try:
            while True:
                for byte in then:
                    connection.sendall(bytes((byte,)))
                    time.sleep(every)
        except OSError:
            pass

    return Raw(go)


_kept: deque[socket.socket] = deque()  # of :func:`unused_port`
atexit.register(lambda: [one.close() for one in _kept])


def unused_port() -> int:
    """A port without a listener: connections to it are refused, and a :class:`Server` may be given it.

    It is kept from all who look for a free one, as other tests do at the same time.
    """
    if len(_kept) == 128:
        _kept.popleft().close()
    _kept.append(_bound(0))
    port: int = _kept[-1].getsockname()[1]
    if sys.platform != "linux":  # elsewhere, who is to listen could not have it either
        _kept.pop().close()
    return port


def _bound(port: int) -> socket.socket:
    """A socket that holds a port without listening; on Linux, one that reuses addresses may listen there meanwhile."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


@dataclass
class Server:
    """See the module. ``requests`` grows in order of arrival; ``delay`` (seconds) is waited before each answer."""

    reply: Reply | Script = field(default_factory=answer)
    delay: float = 0.0
    port: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.requests: list[Recorded] = []
        self.connections = 0  # ever accepted
        self.before_read: Callable[[socket.socket], object] = lambda connection: None
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self.listener: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; after a :meth:`stop`, on the same port again, which no other process gets meanwhile."""
        listener = _bound(self.port)
        first, self.port = self.port == 0, listener.getsockname()[1]
        if first and sys.platform == "linux":
            weakref.finalize(self, os.close, _bound(self.port).detach())
        listener.listen(256)
        self.listener = listener
        self._spawn(self._accept, listener)

    def stop(self) -> None:
        """Refuse new connections and break the open ones."""
        listener, self.listener = self.listener, None
        if listener is not None:
            _shut(listener)
            listener.close()
        with self._changed:
            open_now = list(self._open)
        for connection in open_now:
            _shut(connection)
        for thread in self._threads:
            thread.join(PATIENCE)
        self._threads.clear()

    def wait_for(self, condition: int | Callable[[list[Recorded]], object]) -> list[Recorded]:
        """Wait for that many requests, or until ``condition(requests)`` is true; the requests so far."""
        check = (lambda: len(self.requests) >= condition) if isinstance(condition, int) else (
            lambda: bool(condition(self.requests))
        )  # fmt: skip
        with self._changed:
            if not self._changed.wait_for(check, PATIENCE):
                raise AssertionError(f"not seen within {PATIENCE} s; arrived: {[r.line for r in self.requests]}")
            return list(self.requests)

    def bodies(self, line: str | None = None) -> list[Any]:
        """The decoded bodies of all requests, or of those with this ``"METHOD /path"``."""
        return [request.json for request in list(self.requests) if line in (None, request.line)]

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                if self.listener is not listener:
                    return
                time.sleep(0.01)  # out of file descriptors, perhaps: that passes
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections += 1
                self._open.add(connection)
                number = self.connections
                self._changed.notify_all()
            self._spawn(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self.tls is not None:
                plain, connection = connection, self.tls.wrap_socket(connection, server_side=True)
                with self._changed:
                    self._open ^= {plain, connection}
            with connection, connection.makefile("rb") as stream:
                while self._answer_one(connection, stream, number):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            with self._changed:
                self._open.discard(connection)
                self._changed.notify_all()

    def _answer_one(self, connection: socket.socket, stream: BinaryIO, number: int) -> bool:
        self.before_read(connection)
        request = _read(stream, number)
        if request is None:
            return False
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        reply = self._reply_to(request)
        if self.delay:
            time.sleep(self.delay)
        if isinstance(reply, Raw):
            reply.act(connection)
            return False
        connection.sendall(reply)
        return b"connection: close" not in reply.partition(b"\r\n\r\n")[0].lower()

    def _reply_to(self, request: Recorded) -> Reply:
        reply = self.reply
        return reply if isinstance(reply, bytes | Raw) else reply(request)


def _read(stream: BinaryIO, number: int) -> Recorded | None:
    first = stream.readline(65536).decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while (line := stream.readline(65536).strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Recorded(first[0], first[1], headers, body, time.monotonic(), number)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


@contextmanager
def black_hole() -> Iterator[str]:
    """The URL of a port whose connections are never accepted: its queue is full, so that even connecting hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for filler in fillers:
                filler.close()
