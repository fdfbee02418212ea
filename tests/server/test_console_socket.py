"""The console's live socket: a real WebSocket client on the real server, and frames that no client sends."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.helpers.pace import TooSlow
from tests.helpers.stored import Run
from voltagent.server import console_socket
from voltagent.server.server import Server, serving
from voltagent.server.websocket import (
    BINARY,
    CLOSE,
    LARGEST,
    PING,
    PONG,
    TEXT,
    Incoming,
    Message,
    ProtocolError,
    accept,
)
from voltagent.storage.traces.store import Store

# a busy machine may take its time
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PATIENCE = 60  # seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


@pytest.fixture
def run(path: Path) -> Run:
    return Run(path)


@pytest.fixture
def url(path: Path) -> Iterator[str]:
    with serving(Store(path)) as url:
        yield url


@contextmanager
def client(url: str, query: str = "", **options: Any) -> Iterator[ClientConnection]:
    address = f"{url.replace('http', 'ws', 1)}/ws/observability{query}"
    with connect(address, compression=None, **options) as connection:
        assert said(connection)["type"] == "CONNECTION_SUCCESS"
        yield connection


def said(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(connection.recv(PATIENCE))
    assert message["success"] is (message["type"] != "ERROR")
    return message


def events(connection: ClientConnection, count: int) -> list[tuple[str, str]]:
    """(type, name of the span) of the next events."""
    found = [said(connection) for _ in range(count)]
    assert {message["type"] for message in found} == {"OBSERVABILITY_EVENT"}
    return [(message["data"]["type"], message["data"]["span"]["name"]) for message in found]


# ------------------------------------------------------------------------------------------------------------ the talk


def test_the_greeting_says_what_is_filtered(url: str) -> None:
    address = f"{url.replace('http', 'ws', 1)}/ws/observability?agentId=bot&entityType=agent"
    with connect(address) as connection:
        message = said(connection)
    assert message["data"]["entityId"] == "bot"
    assert message["data"]["entityType"] == "agent"
    assert message["data"]["timestamp"] > 1_700_000_000_000


def test_ping_and_subscribe_are_answered(url: str) -> None:
    with client(url) as connection:
        connection.send(json.dumps({"type": "PING"}))
        assert said(connection) == {"type": "PONG", "success": True}
        connection.send(json.dumps({"type": "SUBSCRIBE", "traceId": "x"}).encode())
        assert said(connection) == {"type": "SUBSCRIPTION_SUCCESS", "success": True, "data": {"subscribed": True}}
        connection.send(json.dumps({"type": "SOMETHING"}))
        connection.send("no json")
        assert said(connection) == {"type": "ERROR", "success": False, "error": "Invalid message format"}


def test_the_protocols_own_ping_is_answered_and_fragments_are_joined(url: str) -> None:
    with client(url) as connection:
        assert connection.ping(b"are you there?").wait(PATIENCE)
        connection.send(iter(['{"type":', '"PI', "", 'NG"}']))
        assert said(connection)["type"] == "PONG"


# ---------------------------------------------------------------------------------------------------------- the events


def test_spans_are_told_as_they_begin_and_end(url: str, run: Run) -> None:
    run.trace("before")
    run.save()
    with client(url) as connection:
        root = run.trace("bot", ended=False)
        tool = run.recorder.start(root, "tool", "search", b'{"q":1}')
        run.save()
        first = [said(connection)["data"] for _ in range(2)]
        assert [(event["type"], event["span"]["name"]) for event in first] == [
            ("span:start", "bot"),
            ("span:start", "tool.execution:search"),
        ]
        for event in first:
            assert "endTime" not in event["span"]
            assert event["span"]["status"] == {"code": 0}
        assert first[0]["span"]["attributes"]["agent.state"] == "running"
        assert first[1]["span"]["parentSpanId"] == first[0]["span"]["spanId"]
        assert first[1]["span"]["attributes"]["input"] == '{"q":1}'
        run.recorder.end(tool, "error", b'"broken"')
        run.recorder.succeed(root, b'{"done":true}')
        run.save()
        last = [said(connection)["data"] for _ in range(2)]
        assert [event["type"] for event in last] == ["span:error", "span:end"]
        assert last[0]["span"]["status"] == {"code": 2, "message": "broken"}
        assert last[1]["span"]["attributes"]["output"] == '{"done":true}'
        assert last[1]["span"]["duration"] > 0


def test_what_began_and_ended_at_once_is_told_as_both(url: str, run: Run) -> None:
    with client(url) as connection:
        root = run.trace("bot", ended=False)
        run.recorder.succeed(run.recorder.start(root, "tool", "quick", b"{}"), b'{"secret":1}')
        run.recorder.succeed(root, None)
        run.save()
        assert events(connection, 4) == [
            ("span:start", "bot"),
            ("span:start", "tool.execution:quick"),
            ("span:end", "tool.execution:quick"),
            ("span:end", "bot"),
        ]


def test_a_start_does_not_say_how_it_ended(url: str, run: Run) -> None:
    with client(url) as connection:
        run.trace("bot")
        run.save()
        start = said(connection)["data"]["span"]
        assert "output" not in start["attributes"]
        assert start["attributes"]["agent.state"] == "running"


def test_only_root_spans_are_filtered(url: str, run: Run) -> None:
    with client(url, "?entityId=wanted&entityType=agent") as connection:
        for name in ("other", "wanted"):
            root = run.trace(name, ended=False)
            run.recorder.start(root, "tool", f"of {name}", b"{}")
        run.save()
        assert events(connection, 3) == [
            ("span:start", "tool.execution:of other"),
            ("span:start", "wanted"),
            ("span:start", "tool.execution:of wanted"),
        ]


def test_workflows_are_none_of_ours(url: str, run: Run) -> None:
    with client(url, "?entityId=bot&entityType=workflow") as connection:
        run.trace("bot")
        run.save()
        connection.send('{"type":"PING"}')
        assert said(connection)["type"] == "PONG"


def test_what_is_sent_to_the_server_is_told_to_all(url: str) -> None:
    spans = [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "GET /"}]
    with client(url) as one, client(url) as other:
        httpx.post(f"{url}/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).raise_for_status()
        for connection in (one, other):
            assert events(connection, 2) == [("span:start", "GET /"), ("span:end", "GET /")]


def test_many_spans_of_one_trace(url: str, run: Run) -> None:
    with client(url, max_size=None) as connection:
        root = run.trace("bot", ended=False)
        for number in range(1_200):
            run.recorder.start(root, "tool", str(number), b"{}")
        run.save()
        found = events(connection, 1_201)
    assert [name for _, name in found[1:]] == [f"tool.execution:{number}" for number in range(1_200)]


# -------------------------------------------------------------------------------------------------- coming and going


def test_a_close_is_answered_with_its_code(url: str) -> None:
    with client(url) as connection:
        connection.close(4000, "done")
        with pytest.raises(ConnectionClosed):
            connection.recv(PATIENCE)
        assert connection.close_code == 4000


def test_a_silent_client_is_asked_and_then_left(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_socket.Times, "ping", 0.05)
    monkeypatch.setattr(console_socket.Times, "silence", 0.4)
    with raw(url) as (wire, reader):
        pings = 0
        while (head := reader.read(2)) == bytes((0x80 | PING, 0)):
            pings += 1
        assert head + reader.read(2) == bytes((0x80 | CLOSE, 2)) + (1001).to_bytes(2, "big")
        wire.shutdown(socket.SHUT_WR)
        assert drained(reader) == b""
    if not pings:
        raise TooSlow("the server slept through the time for it")


def test_a_reader_who_does_not_read_is_closed(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server.limits, "stream", 0.3)
    before = set(threading.enumerate())
    with serving(Store(path)) as url, raw(url) as (_, reader):
        (served,) = (one for one in set(threading.enumerate()) - before if one.name == "voltagent-ui")
        for _ in range(20):
            run.recorder.succeed(run.trace("bot", ended=False, input=b'{"x":"%b"}' % (b"y" * 900_000)), None)
        run.save()
        answer = httpx.get(f"{url}/observability/status", timeout=PATIENCE)
        assert answer.json()["data"]["traceCount"] == 20, "nobody else waits for it"
        served.join(PATIENCE)
        assert not served.is_alive()
        assert len(drained(reader)) < 20 * 2 * 900_000


def test_the_server_closes_with_clients_connected(path: Path) -> None:
    with ExitStack() as server:
        url = server.enter_context(serving(Store(path)))
        with client(url) as connection:
            server.close()
            with pytest.raises(ConnectionClosed):
                connection.recv(PATIENCE)


# ----------------------------------------------------------------------------------------------------------- handshake


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_other_sites_get_no_socket(url: str, headers: dict[str, str]) -> None:
    address = f"{url.replace('http', 'ws', 1)}/ws/observability"
    with pytest.raises(InvalidStatus) as refused, connect(address, additional_headers=headers):
        pass
    assert refused.value.response.status_code == 403


def test_the_servers_own_page_does(url: str) -> None:
    with client(url, origin=url) as connection:  # type: ignore[arg-type]
        assert connection.ping().wait(PATIENCE)


GOOD = {
    "upgrade": "websocket",
    "connection": "keep-alive, Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_the_answer_to_a_key_is_the_standards_own_example() -> None:
    answer = accept(GOOD)
    assert answer is not None
    assert answer["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "wrong",
    [
        {"upgrade": "h2c"},
        {"connection": "close"},
        {"sec-websocket-version": "8"},
        {"sec-websocket-key": "short"},
        {"sec-websocket-key": "ä" * 24},
    ],
)
def test_what_is_no_handshake_is_426(url: str, wrong: dict[str, str]) -> None:
    assert accept({**GOOD, **wrong}) is None
    if all(value.isascii() for value in wrong.values()):
        answer = httpx.get(f"{url}/ws/observability", headers={**GOOD, **wrong})
        assert (answer.status_code, answer.headers["sec-websocket-version"]) == (426, "13")


# ------------------------------------------------------------------------------------------------------ hostile frames


def masked(opcode: int, payload: bytes, *, final: bool = True, mask: bytes = b"\1\2\3\4", bits: int = 0) -> bytes:
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else bytes((0x80 | 126,)) + size.to_bytes(2, "big")
    covered = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return bytes((final << 7 | bits | opcode,)) + length + mask + covered


HOSTILE = {
    "not masked": (bytes((0x81, 2)) + b"hi", 1002),
    "a reserved bit": (masked(TEXT, b"{}", bits=0x40), 1002),
    "a reserved opcode": (masked(3, b"{}"), 1002),
    "a control frame in fragments": (masked(PING, b"", final=False), 1002),
    "a control frame that is too long": (masked(PING, b"x" * 126), 1002),
    "a continuation of nothing": (masked(0, b"x"), 1002),
    "a message within a message": (masked(TEXT, b"x", final=False) + masked(TEXT, b"y"), 1002),
    "text that is not UTF-8": (masked(TEXT, b"\xff\xfe"), 1007),
    "text that is not UTF-8 once joined": (masked(TEXT, b"\xc3", final=False) + masked(0, b"\x28"), 1007),
    "a length in too many bytes": (bytes((0x81, 0x80 | 126, 0, 5)) + b"mask" + b"hello", 1002),
    "a negative length": (bytes((0x82, 0x80 | 127)) + b"\xff" * 8 + b"mask", 1002),
    "more than is allowed": (bytes((0x82, 0x80 | 127)) + (LARGEST + 1).to_bytes(8, "big") + b"mask", 1009),
    "more than is allowed in pieces": (
        masked(BINARY, b"x" * 40_000, final=False) + masked(0, b"x" * 40_000, final=False), 1009,
    ),
    "a close of one byte": (masked(CLOSE, b"\3"), 1002),
    "a close with a forbidden code": (masked(CLOSE, (1005).to_bytes(2, "big")), 1002),
    "a close with a broken reason": (masked(CLOSE, (1000).to_bytes(2, "big") + b"\xff"), 1007),
}  # fmt: skip


@contextmanager
def raw(url: str) -> Iterator[tuple[socket.socket, Any]]:
    """A connection past its handshake and greeting, by hand."""
    host, port = url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), PATIENCE)) as wire, wire.makefile("rb") as reader:
        wire.sendall(
            f"GET /ws/observability HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {GOOD['sec-websocket-key']}\r\n\r\n".encode()
        )
        assert reader.readline().startswith(b"HTTP/1.1 101 ")
        while reader.readline() != b"\r\n":
            pass
        head = reader.read(2)
        size = head[1] if head[1] < 126 else int.from_bytes(reader.read(2), "big")
        assert json.loads(reader.read(size))["type"] == "CONNECTION_SUCCESS"
        yield wire, reader


def drained(reader: Any) -> bytes:
    data: bytes = reader.read()
    return data


@pytest.mark.parametrize("name", HOSTILE)
def test_a_client_that_breaks_the_protocol_is_told_and_closed(url: str, name: str) -> None:
    frames, code = HOSTILE[name]
    with raw(url) as (wire, reader):
        wire.sendall(frames)
        assert reader.read(4) == bytes((0x80 | CLOSE, 2)) + code.to_bytes(2, "big")
        wire.shutdown(socket.SHUT_WR)
        assert drained(reader) == b""


def test_a_real_client_sees_the_code(url: str) -> None:
    with client(url) as connection:
        connection.send("x" * (LARGEST + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            connection.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@patient
@given(some.lists(some.sampled_from([TEXT, BINARY]), max_size=4), some.data())
def test_messages_come_out_however_their_bytes_are_cut(opcodes: list[int], data: some.DataObject) -> None:
    expected: list[Message] = []
    sent = b""
    for opcode in opcodes:
        payload = data.draw(some.text(max_size=300)).encode()
        cut = data.draw(some.integers(0, len(payload)))
        sent += masked(opcode, payload[:cut], final=False, mask=os.urandom(4))
        sent += masked(PING, b"between") + masked(0, payload[cut:], mask=os.urandom(4))
        expected += [Message(PING, b"between"), Message(opcode, payload)]
    incoming, found = Incoming(), list[Message]()
    place = 0
    while place < len(sent):
        step = data.draw(some.integers(1, 400))
        found += incoming.feed(sent[place : place + step])
        place += step
    assert found == expected


@patient
@given(some.lists(some.binary(max_size=40), max_size=20))
def test_any_bytes_are_messages_or_a_broken_protocol(pieces: list[bytes]) -> None:
    incoming = Incoming()
    found: list[Message] = []
    with suppress(ProtocolError):
        for piece in pieces:
            found += incoming.feed(piece)
    assert {message.opcode for message in found} <= {TEXT, BINARY, CLOSE, PING, PONG}
