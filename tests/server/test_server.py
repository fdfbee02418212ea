"""The local server from outside, by raw sockets: who may talk to it, what it bounds, and that nothing stops it."""

from __future__ import annotations

import gzip
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.helpers.local_server import serving
from tests.helpers.pace import PATIENCE, TooSlow, hold, hold_processor, until
from tests.helpers.stored import Run
from voltagent.server import server as server_space
from voltagent.server.connection import Limits
from voltagent.server.http1 import LARGEST_BODY, LARGEST_SENT
from voltagent.server.routing import Answer, Request, RequestError, Route, Stream, StreamConnection, Table, json_answer
from voltagent.server.server import Server
from voltagent.storage.traces.store import Store

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
JSON = "Content-Type: application/json\r\n"


def _echo(_: Store, request: Request) -> Answer:
    return json_answer({"length": len(request.body), "begins": request.body[:20].decode("latin-1")})


def _show_request(_: Store, request: Request) -> Answer:
    return json_answer([request.path, request.captured, dict(request.query)])


def _fails(_: Store, __: Request) -> Answer:
    raise KeyError("the user's secret")


def _refuses(_: Store, __: Request) -> Answer:
    raise RequestError(409, "not now")


def _large(_: Store, __: Request) -> Answer:
    return Answer(body=b"x" * 50_000_000, type="text/plain")


def _ticks(connection: StreamConnection, _: Store, __: Request) -> None:
    connection.start(200, {"Content-Type": "text/plain"})
    while connection.pause(0.01):
        connection.send(b"tick\n")


def _fails_later(connection: StreamConnection, _: Store, __: Request) -> None:
    connection.start(200, {})
    raise KeyError("the user's secret")


class ShortToSend(Limits):
    """Limits that a test can wait for."""

    idle = 0.3
    head = 0.3
    body = 0.3


class ShortToTake(Limits):
    """Limits that a test can wait for."""

    answer = 0.3
    stream = 0.3


def begins(sock: socket.socket) -> bytes:
    """The first byte that comes."""
    try:
        return sock.recv(1)
    except ConnectionResetError:
        raise TooSlow("it was let go before we had read anything") from None


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server with some routes of the tests beside its own."""
    routes = [
        Route("POST", "/echo", _echo),
        Route("PATCH", "/echo", _echo),
        Route("GET", "/seen/{one}/x/{two}", _show_request),
        Route("GET", "/fails", _fails),
        Route("GET", "/refuses", _refuses),
        Route("GET", "/large", _large),
    ]
    streams = [Stream("/ticks", _ticks), Stream("/fails-later", _fails_later)]
    table = Table([*server_space.ROUTES, *routes], [*server_space.STREAMS, *streams])
    monkeypatch.setattr(Server, "table", table)
    with serving(Store(tmp_path / "traces.db")) as url:
        yield url


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=PATIENCE)


def exchange(url: str, data: bytes) -> bytes:
    """All that the server says to these bytes, until it closes."""
    with connected(url) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def ask(url: str, head: str, body: bytes = b"", host: str | None = "localhost") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a request whose first line and further headers are given."""
    line, _, more = head.partition("\n")
    host_line = "" if host is None else f"Host: {host}\r\n"
    return parsed(exchange(url, f"{line.strip()} HTTP/1.1\r\n{host_line}{more}\r\n".encode("latin-1") + body))


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    top, _, body = answer.partition(b"\r\n\r\n")
    line, *lines = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert int(headers["content-length"]) == len(body)
    return int(line.split(" ")[1]), headers, body


def status(url: str, head: str, body: bytes = b"", host: str | None = "localhost") -> int:
    return ask(url, head, body, host)[0]


# Who may talk to it.


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:80", "localhost:3141", "127.0.0.1", "127.0.0.1:1", "127.8.9.200", "[::1]", "[::1]:3141"],
)
def test_a_request_for_this_machine_is_answered(url: str, host: str) -> None:
    assert status(url, "GET /", host=host) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:3141", "localhost:",
     "localhost.", "localhost:3141@evil.example", "evil.example@localhost", "127.1", "2130706433", "0x7f.0.0.1",
     "127.0.0.1.", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "::1", "192.168.1.1", "localhost, evil.example",
     "localhost evil", "l\u00f6calhost", "127.0.0.01", "", None],
)  # fmt: skip
@pytest.mark.parametrize(
    "line", ["GET /", "GET /api/traces", "GET /base.css", "GET /api/live", "GET /nothing", "POST /echo"]
)
def test_a_name_that_is_pointed_at_this_machine_is_refused(url: str, host: str | None, line: str) -> None:
    answered, headers, body = ask(url, f"{line}\n{JSON if line.startswith('POST') else ''}", host=host)
    assert answered == 403
    assert b"localhost" in body
    assert headers.items() >= SECURITY.items()


@pytest.mark.parametrize(
    ("line", "more", "expected"),
    [
        ("GET /", "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document", 200),
        ("GET /api/traces", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty", 200),
        ("GET /api/traces", "", 200),
        ("GET /", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document", 200),
        ("GET /", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe", 403),
        ("GET /", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image", 403),
        ("GET /?a", "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: document", 403),
        ("GET /api/traces", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document", 403),
        ("GET /api/live", "Sec-Fetch-Site: same-site", 403),
        ("GET /base.css", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: style", 403),
        ("POST /echo", f"{JSON}Sec-Fetch-Site: cross-site", 403),
        ("GET /", "Sec-Fetch-Site: nonsense", 403),
        ("GET /", "Sec-Fetch-Site: none, cross-site", 403),
    ],
)  # fmt: skip
def test_requests_that_other_pages_make_are_refused(url: str, line: str, more: str, expected: int) -> None:
    assert status(url, f"{line}\n{more}\r\n" if more else line) == expected


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://localhost:3000", "https://localhost:8080",
               "http://127.0.0.1:8080", "", "file://", "http://localhost:8080, http://evil.example"],
)  # fmt: skip
@pytest.mark.parametrize("line", ["GET /api/traces", "GET /api/live", "POST /echo"])
def test_an_origin_must_be_the_server_itself(url: str, line: str, origin: str) -> None:
    more = JSON if line.startswith("POST") else ""
    assert status(url, f"{line}\n{more}Origin: {origin}\r\n", host="localhost:8080") == 403


def test_its_own_origin_may_send(url: str) -> None:
    assert status(url, f"POST /echo\n{JSON}Origin: http://localhost:8080\r\n", host="localhost:8080") == 200
    assert status(url, f"POST /echo\n{JSON}Origin: http://[::1]:8080\r\n", host="[::1]:8080") == 200


@pytest.mark.parametrize("line", ["OPTIONS /echo", "OPTIONS /api/traces", "GET /api/traces", "OPTIONS *"])
def test_no_other_origin_is_ever_allowed(url: str, line: str) -> None:
    more = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n"
    _, headers, _ = ask(url, f"{line}\n{more}")
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("type", "expected"),
    [("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON", 200),
     ("application/x-protobuf", 200), ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
     ("multipart/form-data; boundary=x", 415), ("application/jsonp", 415), ("text/plain; application/json", 415),
     ("", 415)],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_only_json_and_protobuf_are_taken(url: str, method: str, type: str, expected: int) -> None:
    assert status(url, f"{method} /echo\nContent-Type: {type}\r\nContent-Length: 2\r\n", b"{}") == expected


def test_a_body_without_a_type_is_refused(url: str) -> None:
    assert status(url, "POST /echo\nContent-Length: 2\r\n", b"{}") == 415


def test_it_listens_on_loopback_only(url: str) -> None:
    with Server(Store(Path("unused.db")), 0) as other:
        assert other.url.startswith("http://127.0.0.1:")
        assert other.address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "line",
    ["GET /", "GET /main.js", "GET /favicon.svg", "GET /api/traces", "GET /api/traces/none", "GET /nothing", "POST /",
     "GET /fails", "GET /refuses", "BREW /", "GET /api/traces?limit=x", "GET no-path"],
)  # fmt: skip
def test_every_answer_has_the_headers_that_protect_it(url: str, line: str) -> None:
    _, headers, _ = ask(url, f"{line}\n{JSON if line.startswith('POST') else ''}")
    assert headers.items() >= SECURITY.items()
    assert set(headers) <= {*SECURITY, "content-type", "content-length", "connection", "allow"}


def test_a_stream_has_the_headers_that_protect_it(url: str) -> None:
    with httpx.Client(base_url=url, timeout=PATIENCE) as client, client.stream("GET", "/api/live") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["connection"] == "close"
        assert dict(answer.headers).items() >= SECURITY.items()


# The paths.


@pytest.mark.parametrize(
    "path",
    ["/index.html", "/../../../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/store.py", "/viewer/main.js",
     "//main.js", "/main.js/", "/main.js%00", "/./main.js", "/MAIN.JS", "/C:/windows/win.ini", "/..\\..\\main.js",
     "/__init__.py", "/file:///etc/passwd", "/api", "/api/", "/api/traces/", "/api/traces/a/operations/", "/%6dain.js"],
)  # fmt: skip
def test_only_what_stands_in_the_table_is_there(url: str, path: str) -> None:
    assert status(url, f"GET {path}") == 404


def test_captured_segments_are_decoded_once_and_stay_one(url: str) -> None:
    _, _, body = ask(url, "GET /seen/a%2Fb%252F/x/%C3%A9%ff?q=1&q=2&empty=&%26=%3D+")
    assert body.decode() == '["/seen/a/b%2F/x/é�",["a/b%2F","é�"],{"q":"2","empty":"","&":"= "}]'


def test_a_wrong_method_gets_the_right_ones(url: str) -> None:
    answered, headers, _ = ask(url, f"PATCH /api/traces\n{JSON}")
    assert (answered, headers["allow"]) == (405, "GET, HEAD")
    assert ask(url, "GET /echo")[1]["allow"] == "PATCH, POST"
    assert ask(url, f"POST /ticks\n{JSON}")[1]["allow"] == "GET"


@pytest.mark.parametrize(
    ("path", "answered"), [("/", 200), ("/api/facets", 200), ("/none", 404), ("/echo", 405), ("/ticks", 405)]
)
def test_head_is_the_head_of_get(url: str, path: str, answered: int) -> None:
    """Without a body even where it fails: what follows on the connection would begin with it."""
    head = f"{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    top, _, body = exchange(url, b"HEAD " + head).partition(b"\r\n\r\n")
    assert (int(top.split()[1]), body) == (answered, b"")
    if answered == 200:
        assert top == exchange(url, b"GET " + head).partition(b"\r\n\r\n")[0]


def test_many_parameters_are_refused(url: str) -> None:
    assert status(url, f"GET /seen/a/x/b?{'&'.join('a=1' for _ in range(101))}") == 400


# Heads and bodies.


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # a client tries https://
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: yes\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rHost: evil\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\x0bchunked\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 8000 + b"\r\n", 431),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"GET / HTTP/1.1\nHost: localhost\n\n", 200),  # bare line ends may be taken (RFC 9112, section 2.2)
        (b"\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
    ],
)  # fmt: skip
def test_heads_that_are_not_well_formed(url: str, data: bytes, expected: int) -> None:
    assert parsed(exchange(url, data))[0] == expected


@pytest.mark.parametrize(
    ("more", "body", "expected"),
    [
        ("Content-Length: 2", b"{}", 200),
        ("Content-Length: 3", b"{}", 400),
        ("Content-Length: -1", b"{}", 400),
        ("Content-Length: +2", b"{}", 400),
        ("Content-Length: 2, 2", b"{}", 400),
        ("Content-Length: 2\r\nContent-Length: 3", b"{}", 400),
        ("Content-Length: 0x2", b"{}", 400),
        (f"Content-Length: {LARGEST_SENT + 1}", b"", 413),
        (f"Content-Length: {10**18}", b"", 400),
        ("Content-Length: 2\r\nTransfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n", 200),
        ("Transfer-Encoding: Chunked", b"1\r\n{\r\n1;name=\"value\"\r\n}\r\n000\r\nX: trailer\r\n\r\n", 200),
        ("Transfer-Encoding: gzip, chunked", b"", 501),
        ("Transfer-Encoding: chunked", b"2\r\n{}}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked", b"2\r\n{}", 400),
        ("Transfer-Encoding: chunked", b"-2\r\n{}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked", b"0x2\r\n{}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked", b"2 2\r\n{}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked", b"\r\n{}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked", b"%x\r\n" % (LARGEST_SENT + 1), 413),
        ("Transfer-Encoding: chunked", b"fffffffffffffff\r\n", 413),
        ("Transfer-Encoding: chunked", b"2;" + b"a" * 9000 + b"\r\n{}\r\n0\r\n\r\n", 431),
        ("Transfer-Encoding: chunked", b"0\r\n" + b"X: y\r\n" * 2000 + b"\r\n", 431),
        ("Content-Encoding: deflate\r\nContent-Length: 2", b"{}", 415),
        ("Content-Encoding: gzip\r\nContent-Length: 2", b"{}", 400),
        ("Content-Encoding: gzip, gzip\r\nContent-Length: 2", b"{}", 415),
    ],
)  # fmt: skip
def test_bodies_are_bounded_and_well_formed(url: str, more: str, body: bytes, expected: int) -> None:
    assert status(url, f"POST /echo\n{JSON}{more}\r\n", body) == expected


def zipped(url: str, body: bytes) -> tuple[int, bytes]:
    more = f"{JSON}Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n"
    answered, _, content = ask(url, f"POST /echo\n{more}", body)
    return answered, content


def test_a_gzip_body_is_read_and_a_bomb_is_not(url: str) -> None:
    assert zipped(url, gzip.compress(b'{"a":1}')) == (200, b'{"length":7,"begins":"{\\"a\\":1}"}')
    assert zipped(url, gzip.compress(b"{") + gzip.compress(b"}"))[1] == b'{"length":2,"begins":"{}"}'
    assert zipped(url, gzip.compress(b" " * LARGEST_BODY))[0] == 200
    bomb = gzip.compress(b" " * (LARGEST_BODY + 1))
    assert len(bomb) < 50_000
    assert zipped(url, bomb)[0] == 413
    assert zipped(url, gzip.compress(b" " * (LARGEST_BODY // 2 + 1)) * 2)[0] == 413, "together they are too large"
    assert zipped(url, gzip.compress(b"{}")[:-3])[0] == 400, "it is cut short"
    assert zipped(url, gzip.compress(b"") * 1000)[0] == 400, "each member costs a copy of the rest"
    assert zipped(url, gzip.compress(b"{}") + b"rest")[0] == 400


def test_a_body_that_grows_is_cut_off_while_it_comes(url: str) -> None:
    with connected(url) as sock:
        sock.sendall(f"POST /echo HTTP/1.1\r\nHost: localhost\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(LARGEST_SENT // 0x100000):
            sock.sendall(chunk)
        sock.sendall(b"1\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_asks_first_is_reported_to_go_on_or_not(url: str) -> None:
    head = f"POST /echo HTTP/1.1\r\nHost: localhost\r\n{JSON}Expect: 100-continue\r\n"
    with connected(url) as sock:
        sock.sendall(f"{head}Content-Length: 2\r\n\r\n".encode())
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{}")
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    with connected(url) as sock:
        sock.sendall(f"{head}Content-Length: {LARGEST_SENT + 1}\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 413 ")


# Connections.


def test_one_connection_serves_many_requests_also_those_sent_ahead(url: str) -> None:
    with connected(url) as sock:
        first = f"POST /echo HTTP/1.1\r\nHost: localhost\r\n{JSON}Content-Length: 2\r\n\r\n{{}}"
        last = "GET /refuses HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        sock.sendall((first * 3 + last).encode())
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert received.count(b"Connection: keep-alive") == 3
    assert received.endswith(b'{"error":"not now"}')


def test_a_refused_request_ends_the_connection_as_its_body_was_not_read(url: str) -> None:
    smuggled = b"GET /refuses HTTP/1.1\r\nHost: localhost\r\n\r\n"
    more = f"Content-Type: text/plain\r\nContent-Length: {len(smuggled)}\r\n"
    answered, headers, _ = ask(url, f"POST /echo\n{more}", smuggled)
    assert (answered, headers["connection"]) == (415, "close")


def test_http_1_0_closes_unless_requested(url: str) -> None:
    assert parsed(exchange(url, b"GET /refuses HTTP/1.0\r\nHost: localhost\r\n\r\n"))[1]["connection"] == "close"
    kept = exchange(url, b"GET /refuses HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
    assert parsed(kept)[1]["connection"] == "keep-alive"


def drip(url: str, data: bytes) -> float:
    """Send a byte at a time, for ever; the seconds until the server closes."""
    began = time.monotonic()
    with connected(url) as sock:
        sock.settimeout(0.02)
        for byte in data + b"a" * 100_000:
            try:
                sock.send(bytes([byte]))
                if sock.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    return time.monotonic() - began


@pytest.mark.parametrize(
    "data", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n", f"POST /echo HTTP/1.1\r\nHost: localhost\r\n{JSON}"
             "Content-Length: 10000\r\n\r\n".encode(), f"POST /echo HTTP/1.1\r\nHost: localhost\r\n{JSON}"
             "Transfer-Encoding: chunked\r\n\r\n1\r\n".encode()],
)  # fmt: skip
def test_a_client_that_sends_drop_by_drop_is_let_go(url: str, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(Server, "limits", ShortToSend)
    with connected(url) as sock:
        sock.sendall(data[:-1])  # all but the last byte at once, and then nothing for longer than is allowed
        began = time.monotonic()
        while sock.recv(1000):
            pass
        hold(time.monotonic() - began, 5, "letting go")
    hold(drip(url, data), 20, "letting go")


def test_a_client_that_does_not_read_is_let_go(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "limits", ShortToTake)
    with connected(url) as sock:
        sock.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert begins(sock) == b"H"
        until(lambda: not threads())
        received = 0
        try:
            while piece := sock.recv(1_000_000):
                received += len(piece)
        except ConnectionResetError:
            pass
    assert received < 50_000_000


def test_there_are_so_many_connections_and_no_more(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_space, "MOST_CONNECTIONS", 4)
    held = [connected(url) for _ in range(4)]
    for sock in held:
        sock.sendall(b"GET /refuses HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 409")
    with connected(url) as one_more:
        assert one_more.recv(1000).startswith(b"HTTP/1.1 503")
        assert one_more.recv(1000) == b""
    held.pop().close()
    until(lambda: len(threads()) == 3)
    assert status(url, "GET /refuses") == 409
    for sock in held:
        sock.close()


WITHOUT_DESCRIPTORS = """
import os, resource, socket, sys, threading, time
from pathlib import Path
from voltagent.server.server import Server
from voltagent.storage.traces.store import Store

def ask(sock):
    sock.sendall(b"GET /api/traces HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    return sock.recv(12).decode()

server = Server(Store(Path(sys.argv[1])), 0)
waiting = [socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) for _ in range(5)]
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    os.close(held.pop())  # what the server's own loop needs
threading.Thread(target=server.serve_forever).start()
before = time.process_time()
time.sleep(0.5)  # the stretch of time that is measured
taken = time.process_time() - before
for handle in held:
    os.close(handle)
print(round(taken, 3), *map(ask, waiting), sep="\\n")
server.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_server_without_descriptors_waits_until_there_are_some(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_DESCRIPTORS, str(tmp_path / "traces.db")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split("\n")
    hold_processor(float(printed[0]), 0.1, "0.5 s of waiting, in processor time: it must not ask again and again,")
    assert printed[1:-1] == ["HTTP/1.1 200"] * 5


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "voltagent-ui"]


# Streams.


def test_a_stream_ends_when_the_server_closes(tmp_path: Path) -> None:
    server = Server(Store(tmp_path / "traces.db"), 0)
    accepting = threading.Thread(target=server.serve_forever)
    accepting.start()
    with connected(server.url) as sock:
        sock.sendall(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200")
        server.close()
        accepting.join()
        while sock.recv(1000):
            pass
    until(lambda: not threads())
    server.close()


def test_a_stream_whose_client_does_not_read_is_ended(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "limits", ShortToTake)
    taken = Stream("/ticks", lambda connection, _, __: connection.send(b"x" * 50_000_000))
    monkeypatch.setattr(Server, "table", Table([], [taken]))
    with connected(url) as sock:
        sock.sendall(b"GET /ticks HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert begins(sock) == b"x"
        until(lambda: not threads())


# Errors, and fuzz.


@pytest.mark.parametrize("path", ["/fails", "/fails-later"])
def test_a_error_of_ours_is_reported_without_what_was_recorded(
    url: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        received = exchange(url, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        until(lambda: caplog.records)
    assert b"secret" not in received
    assert "secret" not in caplog.text
    assert "KeyError at " in caplog.text
    assert "test_server.py" in caplog.text
    assert status(url, "GET /refuses") == 409
    if path == "/fails":
        answered, _, body = parsed(received)
        assert (answered, body) == (500, b'{"error":"the server failed (KeyError); its log says where"}')


def test_a_file_that_is_not_a_store_is_reported_to_the_page(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes " * 1000)
    with serving(Store(path)) as url:
        answered, _, body = ask(url, "GET /api/traces")
        assert answered == 503
        assert b"notes.txt cannot be used: file is not a database" in body
        assert exchange(url, b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
        assert status(url, "GET /") == 200


_PIECES = st.sampled_from(
    [b"GET ", b"POST ", b"/", b"/api/traces", b"/echo", b"?text=%00", b" HTTP/1.1", b"\r\n", b"\n",
     b"Host: localhost\r\n", b"Host:", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
     b"Content-Type: application/json\r\n", b"Content-Encoding: gzip\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n",
     b"\r\n\r\n", b"\x1f\x8b", b"{}"]
)  # fmt: skip


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(Store(tmp_path_factory.mktemp("fuzzed") / "traces.db")) as url:
        yield url


@given(st.lists(_PIECES | st.binary(max_size=10), max_size=20).map(b"".join))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_is_sent_is_answered_by_a_status_or_a_close(fuzzed: str, data: bytes) -> None:
    received = exchange(fuzzed, data)
    assert received == b"" or received.startswith(b"HTTP/1.1 ")
    assert not received.startswith(b"HTTP/1.1 500")


def test_the_fuzzed_server_still_answers(fuzzed: str) -> None:
    assert status(fuzzed, "GET /api/traces") == 200


# One query and another.


def test_a_slow_answer_holds_up_no_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    requested, go_on = threading.Event(), threading.Event()

    def slow(store: Store, _: Request) -> Answer:
        store.traces()
        requested.set()
        assert go_on.wait(PATIENCE)
        return Answer()

    monkeypatch.setattr(Server, "table", Table([*server_space.ROUTES, Route("GET", "/slow", slow)]))
    with connected(url) as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert requested.wait(PATIENCE)
        assert status(url, "GET /api/traces") == 200
        go_on.set()
        assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_importing_voltagent_loads_no_server() -> None:
    code = "import sys, voltagent; print([m for m in ('http.server', 'voltagent.server.server') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"


def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            Server(Store(tmp_path / "traces.db"), taken.getsockname()[1])


def test_a_store_that_is_not_there_is_empty_and_is_shown_once_it_is(tmp_path: Path) -> None:
    path = tmp_path / "later" / "traces.db"
    with serving(Store(path)) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        assert client.get("/api/traces").json() == {"traces": [], "more": False}
        assert client.get("/api/traces/none").status_code == 404
        facets = client.get("/api/facets").json()
        assert {"agents", "tags", "kinds", "users", "models", "tools"} <= facets.keys()
        assert not any(facets.values())
        assert client.get("/api/metrics").json()["groups"] == []
        assert client.get("/api/conversations/none").json() == {"traces": []}
        assert not path.parent.exists(), "looking makes no file"
        run = Run(path)
        run.trace("bot")
        run.save()
        run.store.close()
        assert [trace["agent"] for trace in client.get("/api/traces").json()["traces"]] == ["bot"]
