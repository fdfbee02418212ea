"""HTTP/1.1 as the local server speaks it (RFC 9112): heads and bodies from a stream of bytes, answers to bytes.

Strict where leniency would let two readers see two requests, and everything is bounded before it is kept.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from io import BufferedIOBase
from typing import Final

from voltagent.server.routing import RequestError

LARGEST_SENT: Final = 16 * 2**20  # bytes of a body as it is sent
LARGEST_BODY: Final = 32 * 2**20  # and when it is decompressed
_LARGEST_HEAD: Final = 32 * 2**10  # bytes of a request line and its headers
_MOST_MEMBERS: Final = 16  # of one gzip body: what is left is copied at each
_LARGEST_TRAILER: Final = 8 * 2**10  # bytes of one line about a chunk, and of all trailers

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # anything but a tab
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(;.*)?", re.DOTALL)
_ONLY_ONCE: Final = frozenset({"host", "origin", "sec-fetch-site", "content-length", "content-type"})


@dataclass(frozen=True, slots=True)
class Head:
    """A request's first line and headers."""

    method: str
    target: str  # as sent: a path and perhaps a query, percent-encoded
    headers: Mapping[str, str]  # names in lower case
    keep_alive: bool  # whether the client wants to send more requests

    @property
    def raw_path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]


def read_head(reader: BufferedIOBase) -> Head:
    """Return the next request's head.

    Raises:
        RequestError: it is not well-formed or cut short (400), too large (431), or of another version (505).
    """
    space = _LARGEST_HEAD
    line = _line(reader, space)
    if line == b"":  # a stray line end between requests is allowed
        line = _line(reader, space)
    method, target, version = _request_line(line)
    headers: dict[str, str] = {}
    while True:
        space -= len(line) + 2
        line = _line(reader, space)
        if line == b"":
            break
        _add_header(headers, line)
    wishes = {wish.strip() for wish in headers.get("connection", "").lower().split(",")}
    return Head(method, target, headers, "close" not in wishes if version == "HTTP/1.1" else "keep-alive" in wishes)


def _line(reader: BufferedIOBase, most: int) -> bytes:
    """Return the next line without its end."""
    line = reader.readline(max(most, 0) + 1)
    if line.endswith(b"\n"):
        return line[:-2] if line.endswith(b"\r\n") else line[:-1]
    if len(line) > most:
        raise RequestError(431, "the request's head is too large")
    raise RequestError(400, "the request is incomplete")


def _request_line(line: bytes) -> tuple[str, str, str]:
    """Parse the first line of a request: method, target and version."""
    parts = line.decode("latin-1").split(" ")
    if len(parts) != 3 or _TOKEN.fullmatch(parts[0]) is None or not parts[2].startswith("HTTP/"):
        raise RequestError(400, "this is not an HTTP request")
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise RequestError(505, "this server speaks HTTP/1.1")
    if not target.startswith("/") or not target.isascii() or not target.isprintable():
        raise RequestError(400, "the request's target must be a path")
    return method, target, version


def _add_header(headers: dict[str, str], line: bytes) -> None:
    """Parse one header field; one that may be there only once is refused the second time."""
    name, colon, value = line.decode("latin-1").partition(":")
    if not colon or _TOKEN.fullmatch(name) is None or _CONTROL.search(value):
        raise RequestError(400, "a header is not well-formed")
    name, value = name.lower(), value.strip(" \t")
    if name not in headers:
        headers[name] = value
    elif name in _ONLY_ONCE:
        raise RequestError(400, f"the header {name} occurs twice")
    else:
        headers[name] = f"{headers[name]}, {value}"


def read_body(reader: BufferedIOBase, head: Head, before: Callable[[], None]) -> bytes:
    """Return the request's body, decompressed. ``before`` is called once if there is one and it is not too large.

    Raises:
        RequestError: it is too large (413), cut short or not well-formed (400), or in an unknown encoding (415, 501).
    """
    body = _sent_body(reader, head.headers, before)
    encoding = head.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise RequestError(415, f"the body's encoding must be gzip, got {encoding!r}")
    return _decompressed(body)


def _sent_body(reader: BufferedIOBase, headers: Mapping[str, str], before: Callable[[], None]) -> bytes:
    """Return the body as it was sent, still compressed. ``before`` is called before it is read."""
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None:
        if length is not None:
            raise RequestError(400, "a request has a length or is chunked, not both")
        if coding.strip().lower() != "chunked":
            raise RequestError(501, "the only transfer encoding known here is chunked")
        before()
        return _chunked(reader)
    if length is None:
        return b""
    if _LENGTH.fullmatch(length) is None:
        raise RequestError(400, "the body's length is not a number")
    if int(length) > LARGEST_SENT:
        raise _too_large(LARGEST_SENT)
    before()
    return _exactly(reader, int(length))


def _chunked(reader: BufferedIOBase) -> bytes:
    """Return a body in chunks (RFC 9112, section 7.1); its trailers are read and dropped."""
    body = bytearray()  # and no list: chunks may be of one byte each
    while size := _chunk_size(reader):
        if len(body) + size > LARGEST_SENT:
            raise _too_large(LARGEST_SENT)
        body += _exactly(reader, size)
        if _exactly(reader, 2) != b"\r\n":
            raise RequestError(400, "a chunk is longer than its size")
    trailers = _LARGEST_TRAILER
    while line := _line(reader, trailers):
        trailers -= len(line) + 2
    return bytes(body)


def _chunk_size(reader: BufferedIOBase) -> int:
    found = _CHUNK_SIZE.fullmatch(_line(reader, _LARGEST_TRAILER))
    if found is None:
        raise RequestError(400, "a chunk's size is not well-formed")
    return int(found[1], 16)


def _exactly(reader: BufferedIOBase, count: int) -> bytes:
    data = reader.read(count)
    if len(data) < count:
        raise RequestError(400, "the body is shorter than its content-length")
    return data


def _decompressed(body: bytes) -> bytes:
    """Return the content of gzip, of one member or several, never more of it than is allowed."""
    parts: list[bytes] = []
    space = LARGEST_BODY
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(body, space + 1))
        except zlib.error as exc:
            raise RequestError(400, "the body is not gzip") from exc
        space -= len(parts[-1])
        if space < 0:
            raise _too_large(LARGEST_BODY)
        if not member.eof:
            raise RequestError(400, "the gzip body is incomplete")
        body = member.unused_data
        if not body:
            return b"".join(parts)
    raise RequestError(400, f"the body's gzip has more than {_MOST_MEMBERS} members")


def _too_large(limit: int) -> RequestError:
    return RequestError(413, f"the body is larger than {limit // 2**20} MiB")


def head_bytes(status: int, headers: Mapping[str, str]) -> bytes:
    """Return an answer's first line and headers, with the empty line after them."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
