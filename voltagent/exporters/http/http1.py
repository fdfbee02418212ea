"""One exchange over an open connection: an HTTP/1.1 request in one write, and its response (RFC 9112).

httpx opens the connection, with its proxies and certificates, and makes the first request. It takes 400 µs of processor
time for a request, most of it for checks of what does not change from one request to the next. The further ones go
through its public stream of bytes (the extension ``network_stream``), at a quarter of that. Only an ordinary response
is understood here: anything else is :class:`BrokenExchange`, and httpx repeats the request on a new connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from voltagent.core import clock
from voltagent.core.guard import pass_on_interrupt

MOST_READ: Final = 4 * 2**20  # bytes of a body
_LONGEST_HEAD: Final = 65_536
_PIECE: Final = 65_536
_LONGEST_SIZE_LINE: Final = 4096
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.1 ([2-9][0-9][0-9])(?: [^\r\n]*)?")
_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH: Final = re.compile("[0-9]{1,18}")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;|$)")
_WITHOUT_BODY: Final = (204, 304)


class HttpResponse(NamedTuple):
    """The server's response; ``body`` is empty if it was too large, too slow, or in an unknown encoding."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class BrokenExchange(Exception):  # noqa: N818 - it never leaves the package
    """The connection ended, or the response is not an ordinary one: the connection cannot be used any more."""


class NetworkStream(Protocol):
    """The bytes of a connection, as httpx offers them; timeouts are seconds."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some bytes; none if the connection was closed."""
        ...

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all bytes."""
        ...

    def get_extra_info(self, info: str) -> Any:
        """Return a fact about the connection, such as ``is_readable``: it was closed, or has unread bytes."""
        ...


class Exchanged(NamedTuple):
    """A response, and whether the connection can be used again."""

    response: HttpResponse
    is_open: bool


def exchange(stream: NetworkStream, request: bytes, until: float) -> Exchanged:
    """Send a request and read its response by ``until`` (on :func:`voltagent.core.clock.monotonic`).

    A body that is too large or too slow is left out: the status is what matters.

    Raises:
        BrokenExchange: there is no ordinary response.
    """
    if stream.get_extra_info("is_readable"):  # unread bytes would be mistaken for the response to this request
        raise BrokenExchange("the connection was closed, or has more than the responses")
    try:
        stream.write(request, until - clock.monotonic())
    except Exception as exc:
        pass_on_interrupt(exc)
        raise BrokenExchange("the request could not be written") from exc
    return _Reader(stream, until).response()


class _Reader:
    """Reads one response."""

    __slots__ = ("_held", "_stream", "_until")

    def __init__(self, stream: NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until
        self._held = b""  # what was read and not used

    def response(self) -> Exchanged:
        """Read the response; its body is empty if it is too long, or did not come in time."""
        status, headers = parse_head(self._head())
        body_reader = self._body_reader(status, headers)
        try:
            body = body_reader()
        except _TooMuch:
            return Exchanged(HttpResponse(status, headers, b""), is_open=False)
        except BrokenExchange:
            if clock.monotonic() < self._until:
                raise
            return Exchanged(HttpResponse(status, headers, b""), is_open=False)  # it drips, and would again
        is_open = not self._held and "close" not in headers.get("connection", "").lower()
        return Exchanged(HttpResponse(status, headers, body), is_open)

    def _head(self) -> bytes:
        """Read up to the end of the header fields, and keep what follows them."""
        while True:
            head, end, rest = self._held.partition(b"\r\n\r\n")
            if _BARE_LINE_FEED.search(head):  # else the end would be waited for in vain
                raise BrokenExchange("a line of the head ends without a carriage return")
            if end:
                self._held = rest
                return head
            if len(head) > _LONGEST_HEAD:
                raise BrokenExchange("the head of the response is too long")
            self._held += self._more()

    def _body_reader(self, status: int, headers: Mapping[str, str]) -> Callable[[], bytes]:
        """Choose how the body is read, by the rules of RFC 9112: no body, a length, or chunks."""
        if status in _WITHOUT_BODY:
            return bytes
        coding, length = headers.get("transfer-encoding"), headers.get("content-length", "")
        if coding is None and _LENGTH.fullmatch(length):
            return lambda: self._take(int(length))
        if coding is not None and coding.lower() == "chunked" and not length:
            return self._chunked
        raise BrokenExchange("its length is not known")

    def _chunked(self) -> bytes:
        """Read a body in chunks, and skip the trailer fields."""
        parts: list[bytes] = []
        left = MOST_READ
        while True:
            line, _, self._held = self._read_to(b"\r\n", _LONGEST_SIZE_LINE).partition(b"\r\n")
            stated = _CHUNK_SIZE.match(line)
            if stated is None:
                raise BrokenExchange("a chunk has no size")
            size = int(stated[1], 16)
            if size == 0:
                break
            left -= size
            if left < 0:
                raise _TooMuch
            parts.append(self._take(size))
            if self._take(2) != b"\r\n":
                raise BrokenExchange("a chunk does not end")
        while True:  # trailers, which are not used
            line, _, self._held = self._read_to(b"\r\n", _LONGEST_HEAD).partition(b"\r\n")
            if not line:
                return b"".join(parts)

    def _take(self, size: int) -> bytes:
        """Return that many bytes of a body."""
        if size > MOST_READ:
            raise _TooMuch
        held = self._held
        if len(held) < size:
            parts, count = [held], len(held)
            while count < size:
                parts.append(self._more())
                count += len(parts[-1])
            held = b"".join(parts)
        self._held = held[size:]
        return held[:size]

    def _read_to(self, end: bytes, longest: int) -> bytes:
        """Read until ``end`` has come; return all that is held."""
        held = self._held
        while end not in held:
            if len(held) > longest:
                raise BrokenExchange("a line of the response is too long")
            held += self._more()
        return held

    def _more(self) -> bytes:
        """Read the next piece from the connection, within the deadline."""
        left = self._until - clock.monotonic()
        if left <= 0:
            raise BrokenExchange("there was no response in time")
        try:
            piece = self._stream.read(_PIECE, left)
        except Exception as exc:
            pass_on_interrupt(exc)
            raise BrokenExchange("the response could not be read") from exc
        if not piece:
            raise BrokenExchange("the connection was closed")
        return piece


class _TooMuch(Exception):  # noqa: N818 - it never leaves this module
    """The body is larger than what is read."""


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of a response; values of the same name are joined.

    Raises:
        BrokenExchange: it is not the head of a final response of HTTP/1.1.
    """
    first, *lines = head.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise BrokenExchange("not a final response of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _NAME.fullmatch(name) is None:
            raise BrokenExchange("a header is malformed")
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return int(status[1]), headers
