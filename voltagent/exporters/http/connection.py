"""One kept-alive connection of httpx, which another thread can cut."""

from __future__ import annotations

import os
import socket
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from voltagent.core import clock
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.process.descriptors import Identity, identity
from voltagent.exporters.http.http1 import MOST_READ, BrokenExchange, HttpResponse, NetworkStream, exchange
from voltagent.exporters.http.name_lookup import look_up_here

if TYPE_CHECKING:
    from voltagent.exporters.http.destination import HttpDestination

_CONNECT_SECONDS: Final = 3.0
_SURELY_KEPT: Final = 0.2  # seconds after a request during which its connection is assumed to be open
_OF_ERRORS: Final = 200  # characters
# Errors of a kept-alive connection that its server closed just before the request.
_STALE: Final = (BrokenExchange, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError, httpx.CloseError)


# Errors of gevent, which needs a thread to look a name up, at the end of a process: at its first look-up it imports
# `concurrent.futures` as well.
_AT_EXIT: Final = ("can't create new thread", "can't register atexit after shutdown")


class Unreachable(Exception):  # noqa: N818 - it is a fact about the destination, and never leaves the library
    """No response: refused, reset, timed out, or not HTTP."""


class Line:
    """One kept-alive connection, for one thread at a time."""

    __slots__ = (
        "_connect_until",
        "_connected",
        "_destination",
        "_handshake",
        "_identity",
        "_own",
        "_socket",
        "_stream",
        "_transport",
        "_used",
        "until",
    )

    def __init__(self, destination: HttpDestination, transport: httpx.BaseTransport, *, own: bool) -> None:
        self._destination = destination
        self._transport = transport
        self._own = own
        self._socket: socket.socket | None = None
        self._identity: Identity | None = None  # of that socket, whose descriptor the program may close
        self._handshake: socket.socket | None = None  # a duplicate of the socket during the TLS handshake
        self._stream: NetworkStream | None = None  # the bytes of that connection, if it can be used without httpx
        self._connected = False  # during the current request
        self._connect_until = 0.0
        self._used = 0.0  # when the last request ended
        self.until = 0.0  # deadline of the current request; 0 if there is none

    def send(self, method: str, path: str, body: bytes, until: float) -> HttpResponse:
        """Send a request and read its response.

        Raises:
            Unreachable: there was no response in time.
        """
        now = clock.monotonic()
        timeout = min(self._destination.timeout, until - now)
        if timeout <= 0:
            raise Unreachable("no time is left")
        self._connect_until = now + _CONNECT_SECONDS
        self.until = now + timeout
        try:
            return self._send(method, path, body, timeout)
        except BrokenExchange as exc:
            raise Unreachable(str(exc)) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RuntimeError) as exc:
            pass_on_interrupt(exc)
            raise Unreachable(_error_line(exc)) from None
        finally:
            self.until = 0.0
            self._used = clock.monotonic()
            self._end_handshake()

    def _send(self, method: str, path: str, body: bytes, timeout: float) -> HttpResponse:
        """Send a request over the open connection; over a new one if there is none, or the server closed it."""
        kept = self._is_open()
        self._connected = False
        is_fresh = kept and clock.monotonic() - self._used < _SURELY_KEPT
        try:
            if is_fresh and self._stream is not None:
                return self._exchange_bytes(self._stream, self._destination.request_bytes(method, path, body))
            # while it is known, without tracing, which costs 20 µs
            return self._exchange(method, path, body, timeout, is_traced=not is_fresh)
        except _STALE as exc:
            pass_on_interrupt(exc)
            if not kept or self._connected or clock.monotonic() >= self.until:
                raise
        # the server had closed the kept connection: retry once on a new one
        return self._exchange(method, path, body, timeout, is_traced=True)

    @property
    def connected(self) -> bool:
        """Whether the last request established a new connection, not counting TLS."""
        return self._connected

    def _is_open(self) -> bool:
        """Return whether the socket of the connection is known, so that it can be cut."""
        if self._socket is not None and not _is_still(self._socket, self._identity):
            self.close()  # the transport may have opened another one, or the program closed it
        return self._socket is not None

    def _exchange_bytes(self, stream: NetworkStream, request: bytes) -> HttpResponse:
        """Send a request over the open connection without httpx, which takes a quarter of the time."""
        is_open = False
        try:
            response, is_open = exchange(stream, request, self.until)
        finally:  # also after an interrupt: the next request must not get the response to this one
            if not is_open:
                self.close()
        return response._replace(body=_decoded(response.body, response.headers.get("content-encoding")))

    def _exchange(self, method: str, path: str, body: bytes, timeout: float, *, is_traced: bool) -> HttpResponse:
        """Send a request with httpx, which opens the connection."""
        connect = min(_CONNECT_SECONDS, timeout)
        extensions: dict[str, Any] = {
            "timeout": {"connect": connect, "read": timeout, "write": timeout, "pool": timeout}
        }
        if is_traced:
            extensions["trace"] = self._note_socket
        request = self._destination.request(method, path, body, extensions)
        try:
            response = self._transport.handle_request(request)
        except RuntimeError as exc:
            if not (any(text in str(exc) for text in _AT_EXIT) and look_up_here()):
                raise
            response = self._transport.handle_request(request)
        try:
            return self._answer(response)
        finally:
            response.close()
            if self._own and not self._destination.has_proxy:
                self._stream = response.extensions.get("network_stream")

    def _note_socket(self, event: str, info: Mapping[str, Any]) -> None:
        """Note the socket of a new connection, which httpx's trace extension reveals."""
        if not self._own:
            return  # its connections are shared with others and must not be cut
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._limit_reads(info["return_value"])
            _limit_closing(info["return_value"])
        if event.endswith("connect_tcp.complete"):
            self._connected = True
            self._socket = info["return_value"].get_extra_info("socket")
            self._identity = None if self._socket is None else identity(self._socket.fileno())
            if self._destination.tls and self._socket is not None:
                self._handshake = self._socket.dup()
        elif event.endswith("start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            self._end_handshake()

    def _limit_reads(self, stream: Any) -> None:
        """Let all reads of a new connection together end in time: httpx has a limit for each, which a drip never meets.

        Other threads cut the connection, but at the end of a process there may be none.
        """
        read: Callable[[int, float | None], bytes] = stream.read

        def read_in_time(max_bytes: int, timeout: float | None = None) -> bytes:
            left = self.until - clock.monotonic()
            if left <= 0:
                raise httpx.ReadTimeout("no answer in time")
            return read(max_bytes, left if timeout is None else min(timeout, left))

        stream.read = read_in_time

    def _end_handshake(self) -> None:
        if self._handshake is not None:
            if not _is_still(self._handshake, self._identity):
                self._handshake.detach()
            self._handshake.close()
            self._handshake = None

    def _answer(self, response: httpx.Response) -> HttpResponse:
        """Read the body of a response within the bounds of time and size."""
        status, headers = response.status_code, response.headers
        parts: list[bytes] = []
        size = 0
        try:
            for part in cast("httpx.SyncByteStream", response.stream):
                size += len(part)
                if size > MOST_READ or clock.monotonic() > self.until:
                    self.cut()
                    return HttpResponse(status, headers, b"")
                parts.append(part)
        except httpx.TransportError as exc:
            pass_on_interrupt(exc)
            if clock.monotonic() < self.until:
                raise  # broken, not slow: retry once, which is safe because creates carry their id
            return HttpResponse(status, headers, b"")  # it drips, and would again: the status is what matters
        return HttpResponse(status, headers, _decoded(b"".join(parts), headers.get("content-encoding")))

    def overdue(self, now: float) -> float:
        """Return the seconds by which the request exceeds its deadline, or that of connecting; 0 if it is in time."""
        until = self.until
        if not until:
            return 0.0
        connecting = self._own and (self._socket is None or self._handshake is not None)
        return max(0.0, now - (min(until, self._connect_until) if connecting else until))

    def cut(self) -> None:
        """Break the connection, from any thread: a blocked read ends at once."""
        for current in (self._handshake, self._socket):
            if current is not None and _is_still(current, self._identity):
                try:
                    current.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def let_go(self) -> None:
        """In a forked child: close our descriptor, which leaves the parent's connection open."""
        self._stream = None
        if self._socket is not None and _is_still(self._socket, self._identity):
            os.close(self._socket.detach())
        elif self._socket is not None:
            self._socket.detach()
        self._socket = None

    def close(self) -> None:
        """Release the connection; a later request opens a new one."""
        self._socket = self._stream = None
        if self._own:
            self._transport.close()


def _is_still(current: socket.socket, known: Identity | None) -> bool:
    """Return whether the socket is open, and its number is not the program's by now."""
    number = current.fileno()
    return number >= 0 and identity(number) == known


def _limit_closing(stream: Any) -> None:
    """Let a connection close its socket, but no file of the program that has the number by now."""
    current: socket.socket = stream.get_extra_info("socket")
    known = identity(current.fileno())
    close: Callable[[], None] = stream.close

    def close_ours() -> None:
        if not _is_still(current, known):
            current.detach()
        close()

    stream.close = close_ours


def _decoded(body: bytes, encoding: str | None) -> bytes:
    """Decompress a body, up to the bound of what is read; empty if it is damaged."""
    if encoding in (None, "identity"):
        return body
    try:
        return zlib.decompressobj(47).decompress(body, MOST_READ)  # 47: gzip or zlib, by its header
    except zlib.error:
        return b""


def _error_line(exc: Exception) -> str:
    return ascii(f"{type(exc).__name__}: {exc}")[1:-1][:_OF_ERRORS]
