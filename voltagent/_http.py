"""The sender's door to httpx: JSON bytes out, a bounded answer in, within a limit of wall-clock time.

httpx's own timeouts are per read, so a server that drips defeats them, and a client costs twice what its transport
does. So a :class:`Line` is one connection on a bare transport, used by one thread at a time, and whoever watches over
that thread can :meth:`~Line.cut` it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast
from urllib.request import getproxies, proxy_bypass

import httpx

from voltagent import _clock

__all__ = ["Answer", "Door", "Line", "Unreachable"]

_CONNECT_SECONDS: Final = 3.0
_MOST_READ: Final = 4 * 2**20
_OF_ERRORS: Final = 200  # characters
# Not for the user to set: they frame the request, or carry the keys.
_OURS: Final = frozenset(("content-type", "content-length", "transfer-encoding", "connection", "host",
                          "accept-encoding", "x-public-key", "x-secret-key"))  # fmt: skip


class Unreachable(Exception):  # noqa: N818 - it is a fact about the destination, and never leaves the library
    """No answer came: refused, reset, timed out, or not HTTP."""


class Answer(NamedTuple):
    """What the server said; ``body`` is empty where it was too large or encoded."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Door:
    """One origin, and the way there: proxy and certificates as httpx takes them from the environment."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        extra: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.timeout = timeout
        self._base = base_url.rstrip("/")
        url = httpx.URL(self._base)
        given = {name: value for name, value in (extra or {}).items() if name.lower() not in _OURS}
        # compressed answers are not asked for: a small one can hide a huge one
        fixed = {**headers, **given, "accept-encoding": "identity", "host": url.netloc.decode("ascii")}
        self._headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in fixed.items()]
        self._urls: dict[str, httpx.URL] = {}
        self._given = transport
        self._proxy = _proxy_for(url)
        self._verify: ssl.SSLContext | bool = httpx.create_ssl_context() if url.scheme == "https" else False

    def line(self) -> Line:
        """A new connection, not made yet."""
        return Line(self, self._given or self._transport(), own=self._given is None)

    def _transport(self) -> httpx.BaseTransport:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
        return httpx.HTTPTransport(verify=self._verify, limits=limits, proxy=self._proxy)

    def request(self, method: str, path: str, body: bytes, timeout: float, trace: Any) -> httpx.Request:
        """A request with the headers of this origin."""
        url = self._urls.get(path)
        if url is None:
            url = httpx.URL(self._base + path)
            if method == "POST":  # the few fixed paths; those with an id come once
                self._urls[path] = url
        limits = {"connect": min(_CONNECT_SECONDS, timeout), "read": timeout, "write": timeout, "pool": timeout}
        headers = [*self._headers, (b"content-length", b"%d" % len(body))]
        return httpx.Request(
            method, url, headers=headers, stream=httpx.ByteStream(body), extensions={"timeout": limits, "trace": trace}
        )


class Line:
    """One kept-alive connection, for one thread at a time."""

    __slots__ = ("_door", "_own", "_socket", "_transport", "until")

    def __init__(self, door: Door, transport: httpx.BaseTransport, *, own: bool) -> None:
        self._door = door
        self._transport = transport
        self._own = own
        self._socket: socket.socket | None = None
        self.until = 0.0  # when the request that is under way must be over; 0 where none is

    def send(self, method: str, path: str, body: bytes, until: float) -> Answer:
        """Send a request and read its answer.

        Raises:
            Unreachable: there was no answer, or not in time.
        """
        timeout = min(self._door.timeout, until - _clock.monotonic())
        if timeout <= 0:
            raise Unreachable("no time is left")
        self.until = _clock.monotonic() + timeout
        try:
            request = self._door.request(method, path, body, timeout, self._seen)
            response = self._transport.handle_request(request)
            try:
                return self._answer(response)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RuntimeError) as fault:
            raise Unreachable(_said(fault)) from None
        finally:
            self.until = 0.0

    def _seen(self, event: str, info: Mapping[str, Any]) -> None:
        """httpx's trace extension: this is where the socket of a new connection can be had."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")

    def _answer(self, response: httpx.Response) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        if headers.get("content-encoding", "identity") != "identity":
            return Answer(response.status_code, headers, b"")
        parts: list[bytes] = []
        size = 0
        for part in cast("httpx.SyncByteStream", response.stream):
            size += len(part)
            if size > _MOST_READ or _clock.monotonic() > self.until:
                self.cut()  # the status counts; the rest is not worth reading
                return Answer(response.status_code, headers, b"")
            parts.append(part)
        return Answer(response.status_code, headers, b"".join(parts))

    def cut(self) -> None:
        """Break the connection from any thread: a read that is under way ends at once."""
        current = self._socket
        if current is not None:
            try:
                current.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        """Give the connection back; a later request makes a new one."""
        self._socket = None
        if self._own:
            self._transport.close()


def _proxy_for(url: httpx.URL) -> str | None:
    """The proxy that the environment names for a URL, by the rules httpx itself follows (those of urllib)."""
    if proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _said(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}"[:_OF_ERRORS]
