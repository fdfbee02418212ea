"""One origin: its address, headers, proxy and certificates, and the connections to it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpx

from voltagent.errors import ValidationError
from voltagent.exporters.http.certificates import Certificates, check_key_log, trusting
from voltagent.exporters.http.connection import Line
from voltagent.exporters.http.proxies import proxy_for
from voltagent.settings import shown_url

# Headers that the user cannot set: they frame the request or carry the keys.
_OURS: Final = frozenset(("content-type", "content-length", "transfer-encoding", "connection", "host",
                          "accept-encoding", "x-public-key", "x-secret-key"))  # fmt: skip


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


class HttpDestination:
    """One origin, with proxy and certificates from the environment, as httpx uses them.

    ``transport`` replaces them for all connections.

    Raises:
        ValidationError: unusable certificates, or a URL with an impossible host; the message names the setting.
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
        url = _usable(self._base)
        given = {name: value for name, value in (extra or {}).items() if name.lower() not in _OURS}
        # compressed responses are not accepted, because a small one can hide a huge one
        fixed = {"host": url.netloc.decode("ascii"), **headers, **given, "accept-encoding": "identity"}
        self._headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in fixed.items()]
        self._urls: dict[str, httpx.URL] = {}
        self._heads: dict[str, bytes] = {}
        self._fixed_head = b"".join([b"%b: %b\r\n" % header for header in self._headers])
        self._given = transport
        self._proxy = proxy_for(url) if transport is None else None
        self._verify: ssl.SSLContext | bool = (
            trusting(certificates or Certificates()) if url.scheme == "https" else False
        )
        self.tls = url.scheme == "https"
        if transport is None:
            try:
                self._transport().close()  # imports what sending needs, as does the last line: see _fork_safe
            except OSError:
                check_key_log()  # httpx 0.27 writes it for plain HTTP as well
                raise
        _fork_safe()

    @property
    def has_proxy(self) -> bool:
        """Whether requests go through a proxy."""
        return self._proxy is not None

    def line(self) -> Line:
        """Return a new connection, which is not established yet."""
        return Line(self, self._given or self._transport(), own=self._given is None)

    def _transport(self) -> httpx.BaseTransport:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
        return httpx.HTTPTransport(verify=self._verify, limits=limits, proxy=self._proxy)

    def request(self, method: str, path: str, body: bytes, extensions: dict[str, Any]) -> httpx.Request:
        """Return a request with the headers of this origin."""
        headers = [*self._headers, (b"content-length", b"%d" % len(body))]
        stream = httpx.ByteStream(body)
        return httpx.Request(method, self._url(method, path), headers=headers, stream=stream, extensions=extensions)

    def request_bytes(self, method: str, path: str, body: bytes) -> bytes:
        """Return the same request as it is on the wire. Only after one to the same origin, which checks the headers."""
        head = self._heads.get(path) if method == "POST" else None
        if head is None:
            target = self._url(method, path).raw_path
            head = b"%b %b HTTP/1.1\r\n%bcontent-length: " % (method.encode("ascii"), target, self._fixed_head)
            if method == "POST":
                self._heads[path] = head
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    def _url(self, method: str, path: str) -> httpx.URL:
        """Return the parsed URL of a path; those of fixed paths are parsed once."""
        url = self._urls.get(path)
        if url is None:
            url = httpx.URL(self._base + path)
            if method == "POST":  # the few fixed paths; paths with an id are not repeated
                self._urls[path] = url
        return url


def _usable(text: str) -> httpx.URL:
    """Parse a URL as httpx does, and its host, which is decoded with each request."""
    try:
        url = httpx.URL(text)
        if url.host:
            return url
    except (httpx.InvalidURL, ValueError):
        pass
    raise ValidationError(
        f"base_url (or otlp_endpoint) is not a URL that a request can be sent to: {ascii(shown_url(text))[:200]}"
    )


def _fork_safe() -> None:
    """Import what the first name look-up imports: a child forked while another thread imports can hang for ever."""
    "localhost".encode("idna")
