"""Send JSON bytes with httpx and read a bounded response, within a limit of wall-clock time.

httpx's timeouts apply per read, so a server that drips defeats them, and an httpx client costs twice as much as its
transport. So a :class:`Line` is one connection on a bare transport, used by one thread at a time, and the thread that
supervises that one can :meth:`~Line.cut` it.
"""

from __future__ import annotations

import os
import socket
import ssl
import zlib
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final, NamedTuple, cast
from urllib.request import getproxies, proxy_bypass

import httpx

from voltagent.core import clock
from voltagent.errors import ValidationError
from voltagent.settings import is_loopback, key_log_file

_CONNECT_SECONDS: Final = 3.0
_SURELY_KEPT: Final = 0.2  # seconds after a request during which its connection is assumed to be open
_MOST_READ: Final = 4 * 2**20
_OF_ERRORS: Final = 200  # characters
# Headers that the user cannot set: they frame the request or carry the keys.
_OURS: Final = frozenset(("content-type", "content-length", "transfer-encoding", "connection", "host",
                          "accept-encoding", "x-public-key", "x-secret-key"))  # fmt: skip
# Errors of a kept-alive connection that its server closed just before the request.
_PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_STALE: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError, httpx.CloseError)


def through(client: object) -> httpx.BaseTransport:
    """Return a transport that sends with the user's ``httpx.Client``: its proxies, certificates, auth and hooks.

    Raises:
        ValidationError: it is not an ``httpx.Client``.
    """
    if not isinstance(client, httpx.Client):
        raise ValidationError(f"http_client must be an httpx.Client, got {type(client).__name__}")
    return _Through(client)


class _Through(httpx.BaseTransport):
    """Closing it leaves the client open, which is the user's."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._client.send(request, stream=True, follow_redirects=False)


class Unreachable(Exception):  # noqa: N818 - it is a fact about the destination, and never leaves the library
    """No response: refused, reset, timed out, or not HTTP."""


class UnusableProxyError(ValidationError):
    """A proxy variable of the environment has an unusable value."""


class HttpResponse(NamedTuple):
    """The server's response; ``body`` is empty if it was too large, too slow, or in an unknown encoding."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Certificates(NamedTuple):
    """Files in PEM form: trusted authorities (default: httpx's), and a client certificate with its key."""

    authorities: str | os.PathLike[str] | None = None
    client: str | os.PathLike[str] | None = None
    client_key: str | os.PathLike[str] | None = None


class HttpDestination:
    """One origin, with proxy and certificates from the environment, as httpx uses them.

    ``transport`` replaces them for all connections.

    Raises:
        ValidationError: unusable certificates; the message names the setting.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        extra: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self.timeout = timeout
        self._base = base_url.rstrip("/")
        url = httpx.URL(self._base)
        given = {name: value for name, value in (extra or {}).items() if name.lower() not in _OURS}
        # compressed responses are not accepted, because a small one can hide a huge one
        fixed = {**headers, **given, "accept-encoding": "identity", "host": url.netloc.decode("ascii")}
        self._headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in fixed.items()]
        self._urls: dict[str, httpx.URL] = {}
        self._given = transport
        self._proxy = _proxy_for(url) if transport is None else None
        self._verify: ssl.SSLContext | bool = (
            _trusting(certificates or Certificates()) if url.scheme == "https" else False
        )
        self.tls = url.scheme == "https"
        if transport is None:
            self._transport().close()  # imports what sending needs, as does the next line: see _fork_safe
        _fork_safe()

    def line(self) -> Line:
        """Return a new connection, which is not established yet."""
        return Line(self, self._given or self._transport(), own=self._given is None)

    def _transport(self) -> httpx.BaseTransport:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
        return httpx.HTTPTransport(verify=self._verify, limits=limits, proxy=self._proxy)

    def request(self, method: str, path: str, body: bytes, extensions: dict[str, Any]) -> httpx.Request:
        """Return a request with the headers of this origin."""
        url = self._urls.get(path)
        if url is None:
            url = httpx.URL(self._base + path)
            if method == "POST":  # the few fixed paths; paths with an id are not repeated
                self._urls[path] = url
        headers = [*self._headers, (b"content-length", b"%d" % len(body))]
        return httpx.Request(method, url, headers=headers, stream=httpx.ByteStream(body), extensions=extensions)


class Line:
    """One kept-alive connection, for one thread at a time."""

    __slots__ = (
        "_connect_until",
        "_connected",
        "_destination",
        "_handshake",
        "_own",
        "_socket",
        "_transport",
        "_used",
        "until",
    )

    def __init__(self, destination: HttpDestination, transport: httpx.BaseTransport, *, own: bool) -> None:
        self._destination = destination
        self._transport = transport
        self._own = own
        self._socket: socket.socket | None = None
        self._handshake: socket.socket | None = None  # a duplicate of the socket during the TLS handshake
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
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RuntimeError) as exc:
            raise Unreachable(_error_line(exc)) from None
        finally:
            self.until = 0.0
            self._used = clock.monotonic()
            self._end_handshake()

    def _send(self, method: str, path: str, body: bytes, timeout: float) -> HttpResponse:
        connect = min(_CONNECT_SECONDS, timeout)
        extensions: dict[str, Any] = {
            "timeout": {"connect": connect, "read": timeout, "write": timeout, "pool": timeout}
        }
        kept = self._is_open()
        self._connected = False
        try:
            if kept and clock.monotonic() - self._used < _SURELY_KEPT:
                return self._exchange(
                    self._destination.request(method, path, body, extensions)
                )  # without tracing, which costs 20 µs
            return self._exchange(
                self._destination.request(method, path, body, {**extensions, "trace": self._note_socket})
            )
        except _STALE:
            if not kept or self._connected or clock.monotonic() >= self.until:
                raise
        # the server had closed the kept connection: retry once on a new one
        return self._exchange(self._destination.request(method, path, body, {**extensions, "trace": self._note_socket}))

    @property
    def connected(self) -> bool:
        """Whether the last request established a new connection, not counting TLS."""
        return self._connected

    def _is_open(self) -> bool:
        """Whether the socket of the connection is known, so that it can be cut."""
        if self._socket is not None and self._socket.fileno() == -1:
            self.close()  # the transport may have opened another one
        return self._socket is not None

    def _exchange(self, request: httpx.Request) -> HttpResponse:
        response = self._transport.handle_request(request)
        try:
            return self._answer(response)
        finally:
            response.close()

    def _note_socket(self, event: str, info: Mapping[str, Any]) -> None:
        """httpx's trace extension, which reveals the socket of a new connection."""
        if not self._own:
            return  # its connections are shared with others and must not be cut
        if event.endswith("connect_tcp.complete"):
            self._connected = True
            self._socket = info["return_value"].get_extra_info("socket")
            if self._destination.tls and self._socket is not None:
                self._handshake = self._socket.dup()
        elif event.endswith("start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            self._end_handshake()

    def _end_handshake(self) -> None:
        if self._handshake is not None:
            self._handshake.close()
            self._handshake = None

    def _answer(self, response: httpx.Response) -> HttpResponse:
        status, headers = response.status_code, response.headers
        parts: list[bytes] = []
        size = 0
        try:
            for part in cast("httpx.SyncByteStream", response.stream):
                size += len(part)
                if size > _MOST_READ or clock.monotonic() > self.until:
                    self.cut()
                    return HttpResponse(status, headers, b"")
                parts.append(part)
        except httpx.TransportError:
            if clock.monotonic() < self.until:
                raise  # broken, not slow: retry once, which is safe because creates carry their id
            return HttpResponse(status, headers, b"")  # it drips, and would again: the status is what matters
        return HttpResponse(status, headers, _decoded(b"".join(parts), headers.get("content-encoding")))

    def overdue(self, now: float) -> float:
        """Seconds by which the current request exceeds its deadline or that of connecting; 0 if it is in time."""
        until = self.until
        if not until:
            return 0.0
        connecting = self._own and (self._socket is None or self._handshake is not None)
        return max(0.0, now - (min(until, self._connect_until) if connecting else until))

    def cut(self) -> None:
        """Break the connection, from any thread: a blocked read ends at once."""
        for current in (self._handshake, self._socket):
            if current is not None:
                try:
                    current.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def let_go(self) -> None:
        """In a forked child: close our descriptor, which leaves the parent's connection open."""
        if self._socket is not None and self._own:
            try:
                os.close(self._socket.detach())
            except OSError:
                pass
        self._socket = None

    def close(self) -> None:
        """Release the connection; a later request opens a new one."""
        self._socket = None
        if self._own:
            self._transport.close()


def proxy_place(url: str) -> str | None:
    """Return ``host:port`` of the proxy for a URL, without its password; ``None`` for direct requests."""
    proxy = _proxy_for(httpx.URL(url))
    return None if proxy is None else httpx.URL(proxy).netloc.decode("ascii")


def _check_key_log() -> None:
    """Check the file for session keys separately: `ssl` would report a problem with it as one of a certificate."""
    path = key_log_file()
    if path is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = path
    except OSError as exc:
        raise ValidationError(f"the file in SSLKEYLOGFILE cannot be written: {exc.strerror}") from None


def _trusting(files: Certificates) -> ssl.SSLContext:
    _check_key_log()
    name = "the file or folder of certificates that SSL_CERT_FILE or SSL_CERT_DIR names"
    try:
        if files.authorities is None:
            context = httpx.create_ssl_context()
        else:
            name = "certificate (OTEL_EXPORTER_OTLP_CERTIFICATE)"
            context = ssl.create_default_context(cafile=files.authorities)
        if files.client is not None:
            name = "client_certificate or client_key (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and …_CLIENT_KEY)"
            context.load_cert_chain(files.client, files.client_key, password="")  # else it would prompt on the terminal
    except OSError as exc:
        why = (exc.reason if isinstance(exc, ssl.SSLError) else None) or exc.strerror
        raise ValidationError(
            f"{name} cannot be used: {why}; it must be in PEM format, with an unencrypted key"
        ) from None
    if files.client is None and files.client_key is not None:
        raise ValidationError(
            "client_key (OTEL_EXPORTER_OTLP_CLIENT_KEY) requires client_certificate (…_CLIENT_CERTIFICATE)"
        )
    return context


def _proxy_for(url: httpx.URL) -> str | None:
    """Return the proxy in the environment for a URL, by the rules of httpx (which are urllib's).

    This machine is reached without a proxy.

    Raises:
        ValidationError: it is unusable; the message names the variable and reveals nothing of its value.
    """
    if is_loopback(str(url)) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    scheme = url.scheme if proxies.get(url.scheme) else "all"
    proxy = proxies.get(scheme)
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    wrong = _wrong_with_proxy(proxy)
    if wrong is not None:
        name = f"{scheme}_proxy"
        raise UnusableProxyError(f"the environment variable {name.upper()} (or {name}) is not a usable proxy: {wrong}")
    return proxy


def _wrong_with_proxy(proxy: str) -> str | None:
    try:
        url = httpx.URL(proxy)
    except (httpx.InvalidURL, ValueError):
        return "it is not a valid URL"
    if url.scheme not in _PROXY_SCHEMES:
        return f"its scheme must be one of {', '.join(_PROXY_SCHEMES)}"
    if not url.host:
        return "it has no host"
    if url.port is not None and not 0 < url.port < 65536:
        return "its port must be from 1 to 65535"
    if url.scheme.startswith("socks") and find_spec("socksio") is None:
        return "SOCKS needs an optional package: pip install httpx[socks]"
    return None


def _decoded(body: bytes, encoding: str | None) -> bytes:
    if encoding in (None, "identity"):
        return body
    try:
        return zlib.decompressobj(47).decompress(body, _MOST_READ)  # 47: gzip or zlib, by its header
    except zlib.error:
        return b""


def _fork_safe() -> None:
    """Import what the first name look-up imports: a child forked while another thread imports can hang for ever."""
    "localhost".encode("idna")


def _error_line(exc: Exception) -> str:
    return ascii(f"{type(exc).__name__}: {exc}")[1:-1][:_OF_ERRORS]
