"""The exchange over an open connection: responses of any form, in any pieces, and what is not one."""

from __future__ import annotations

import inspect
import time
from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from tests.helpers.server import Server, answer, drip
from voltagent.exporters.http import HttpDestination, Unreachable, connection
from voltagent.exporters.http.http1 import MOST_READ, BrokenExchange, Exchanged, exchange

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Pieces:
    """A stream that was closed after these pieces."""

    is_readable = False

    def __init__(self, *pieces: bytes) -> None:
        self.left = deque(piece for piece in pieces if piece)
        self.written = b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written += buffer

    def get_extra_info(self, info: str) -> bool:
        return info == "is_readable" and self.is_readable

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        assert timeout is not None
        assert timeout > 0
        return self.left.popleft() if self.left else b""


def received(*pieces: bytes) -> Exchanged:
    return exchange(Pieces(*pieces), b"request", time.monotonic() + 5)


def cut(text: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def chunked(parts: list[bytes]) -> bytes:
    return b"".join(b"%x;more\r\n%b\r\n" % (len(part), part) for part in parts if part) + b"0\r\nTrailer: x\r\n\r\n"


PLACES = st.lists(st.integers(0, 500), max_size=6)


@given(st.integers(200, 599), st.lists(st.binary(max_size=60), max_size=4), st.booleans(), PLACES)
def test_a_response_is_read_in_whatever_pieces_it_comes(
    status: int, parts: list[bytes], is_chunked: bool, places: list[int]
) -> None:
    body = b"" if status in (204, 304) else b"".join(parts)
    head = b"HTTP/1.1 %d Some words\r\nRetry-After:  7 \r\nx: 1\r\nX: 2\r\n" % status
    framing = b"transfer-encoding: Chunked\r\n\r\n" if is_chunked else b"content-length: %d\r\n\r\n" % len(body)
    rest = (chunked(parts) if is_chunked else body) if status not in (204, 304) else b""
    found = received(*cut(head + framing + rest, places))
    assert (found.response.status, found.response.body, found.is_open) == (status, body, True)
    assert found.response.headers["retry-after"] == "7"
    assert found.response.headers["x"] == "1, 2"


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 200\r\n", b"HTTP/1.1 200 OK\r\n\r\n", CHUNKED]), PLACES
)
def test_anything_else_breaks_the_connection_only(junk: bytes, start: bytes, places: list[int]) -> None:
    try:
        received(*cut(start + junk, places))
    except BrokenExchange:
        pass


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: y\ncontent-length: 2\r\ncontent-length: 0\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nname : x\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        CHUNKED + b"-1\r\n\r\n",
        CHUNKED + b"2\r\nabc0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000,
    ],
)
def test_a_response_that_is_not_ordinary_is_not_guessed_at(response: bytes) -> None:
    with pytest.raises(BrokenExchange):
        received(response)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 204 None\r\n\r\nbut a body",
    ],
)
def test_a_connection_that_cannot_be_trusted_any_more_is_not_used_again(response: bytes) -> None:
    found = received(response)
    assert found.response.status in (200, 204)
    assert not found.is_open


@pytest.mark.parametrize(
    "response", [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (MOST_READ + 1), CHUNKED + b"ffffffffff\r\n"]
)
def test_a_body_that_is_too_large_is_left_out(response: bytes) -> None:
    found = received(response)
    assert (found.response.status, found.response.body, found.is_open) == (200, b"", False)


def test_further_requests_are_the_same_on_the_wire_as_those_of_httpx() -> None:
    with Server() as server:
        line = HttpDestination(f"{server.url}/base/", {"x-public-key": "pk"}, extra={"X-More": "1"}).line()
        for method, path in [("POST", "/a"), ("PATCH", "/b%2Fc")] * 3:
            assert line.send(method, path, b'{"a":1}', time.monotonic() + 5).status == 200
        line.close()
        first, second, *others = server.requests
        assert server.connections == 1
    assert (second.line, second.body) == ("PATCH /base/b%2Fc", b'{"a":1}')
    for request in others:
        same = first if request.method == "POST" else second
        assert (request.line, list(request.headers.items()), request.body) == (
            same.line,
            list(first.headers.items()),
            same.body,
        )


def test_a_connection_that_was_closed_after_a_request_is_replaced() -> None:
    with Server(lambda request: answer(200, connection="close") if request.path == "/last" else answer()) as server:
        line = HttpDestination(server.url, {}).line()
        for path in ("/a", "/b", "/last", "/c", "/d"):
            assert line.send("POST", path, b"{}", time.monotonic() + 5).status == 200
        line.close()
        assert server.connections == 2


class Endless(Pieces):
    """A stream that stays open, and that must not be read again after its last piece."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.left.popleft()


def test_a_head_without_carriage_returns_is_not_waited_for() -> None:
    with pytest.raises(BrokenExchange, match="without a carriage return"):
        exchange(Endless(b"HTTP/1.1 200 OK\ncontent-", b"length: 2\n\n{}"), b"request", time.monotonic() + 5)


def test_nothing_is_sent_on_a_connection_that_has_something_to_read_already() -> None:
    stream = Pieces(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    stream.is_readable = True
    with pytest.raises(BrokenExchange):
        exchange(stream, b"request", time.monotonic() + 5)
    assert stream.written == b""


class Interrupted(Pieces):
    """A stream during whose reading a signal handler raises an exception."""

    def __init__(self, exc: type[BaseException]) -> None:
        super().__init__()
        self.exc = exc

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        def handle(number: int, frame: object) -> None:
            raise self.exc

        handle(14, inspect.currentframe())
        raise AssertionError


@pytest.mark.parametrize("exc", [KeyboardInterrupt, TimeoutError, LookupError])
def test_what_a_signal_handler_raises_propagates_and_ends_the_connection(
    exc: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(lambda request: answer(200, {"path": request.path})) as server:
        line = HttpDestination(server.url, {}).line()
        line.send("POST", "/a", b"{}", time.monotonic() + 5)
        with monkeypatch.context() as patched:
            patched.setattr(connection, "exchange", lambda *_: exchange(Interrupted(exc), b"", time.monotonic() + 5))
            with pytest.raises(exc):
                line.send("POST", "/b", b"{}", time.monotonic() + 5)
        assert line.send("POST", "/c", b"{}", time.monotonic() + 5).body == b'{"path": "/c"}'
        line.close()
        assert server.connections == 2


@pytest.mark.parametrize("arrives", ["head", "body"])
def test_the_first_response_on_a_connection_that_arrives_too_slowly_has_timed_out(arrives: str) -> None:
    reply = drip(b"HTTP/1.1 202 Accepted\r\n" + (b"x-slow: " if arrives == "head" else b"\r\n"), every=0)
    with Server(reply) as server:
        line = HttpDestination(server.url, {}).line()
        until = time.monotonic() + 0.1
        if arrives == "head":
            with pytest.raises(Unreachable, match=r"^ReadTimeout"):
                line.send("POST", "/a", b"{}", until)
        else:  # the status is what matters
            assert line.send("POST", "/a", b"{}", until)[::2] == (202, b"")
        line.close()
