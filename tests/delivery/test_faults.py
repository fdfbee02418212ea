"""What destinations do to a sender: real sockets, the REST wire, and the counts at the end of every case."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.memory import Recording, conserved, is_down, make_sender
from tests.helpers.model import Model, every, times
from tests.helpers.pace import PATIENCE, hold, until, within
from tests.helpers.server import (
    Raw,
    Recorded,
    Reply,
    Server,
    answer,
    black_hole,
    drip,
    flood,
    hang,
    reset,
    then_reset,
    unused_port,
)
from voltagent.delivery.report import Report
from voltagent.delivery.sender import Sender
from voltagent.exporters.http import Unreachable
from voltagent.exporters.http.destination import HttpDestination
from voltagent.exporters.rest import RestExporter

SECRET = "sk_very_secret"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n"


def rest_sender(url: str, *, timeout: float = PATIENCE, **options: Any) -> Sender:
    return make_sender(RestExporter(url, "pk_1", SECRET, timeout=timeout), timeout=timeout, **options)


def send(sender: Sender, traces: int = 3, tools: int = 2, wait: float = PATIENCE) -> Report:
    recording = Recording(sender)
    for number in range(traces):
        recording.whole(f"t{number}", tools=tools)
    return conserved(sender.flush(wait).result())


def done(sender: Sender) -> Report:
    """The end of every case: the counts add up."""
    return conserved(sender.shutdown(0.0).result())


@contextmanager
def silent() -> Iterator[str]:
    """The authority of a port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


# No connection.


def test_a_refused_connection_and_its_end() -> None:
    port = unused_port()
    sender = rest_sender(f"http://127.0.0.1:{port}", probe_seconds=0.05)
    report = send(sender, wait=0.3)
    assert (report.pending, report.dropped) == (18, {})
    model = Model()
    with Server(model, port=port):
        assert conserved(sender.flush().result()).accepted == 18
        done(sender)
    model.check(3, 2)


def test_it_resumes_within_three_seconds() -> None:
    port = unused_port()
    sender = rest_sender(f"http://127.0.0.1:{port}", probe_seconds=1.0)
    send(sender, wait=0.1)
    with Server(Model(), port=port) as server:
        with within(3.0, "resuming"):
            server.wait_for(18)
        done(sender)


def test_an_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # name servers take their time, and some know every name
    sender = rest_sender("http://no-such-host.invalid")
    report = send(sender, wait=0.5)
    assert (report.pending, report.dropped) == (18, {})
    done(sender)


def test_a_name_look_up_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()

    def look_up(*_: Any, **__: Any) -> Any:
        free.wait(PATIENCE)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)  # the system's own cannot be made to hang here
    sender = rest_sender("http://slow-name.test", timeout=0.2)
    exporter = sender.workers[0].exporter
    with within(2.0):
        report = send(sender, wait=1.2)
    assert (report.pending, report.dropped) == (18, {})
    assert 1 <= exporter.most() - exporter.free() <= 16, "threads that hang are counted"
    free.set()
    done(sender)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_says_a_word(scheme: str) -> None:
    with silent() as authority:
        sender = rest_sender(f"{scheme}://{authority}", timeout=0.3)
        with within(1.1):
            report = send(sender, wait=0.8)
        assert (report.pending, report.dropped) == (18, {})
        done(sender)


def test_a_black_hole() -> None:
    with black_hole() as url:
        sender = rest_sender(url, timeout=0.3)
        report = send(sender, wait=0.8)
        assert (report.pending, report.dropped) == (18, {})
        done(sender)


CERTIFICATE = str(
    Path(__file__).parents[1] / "helpers" / "certificates" / "localhost.pem"
)  # self-signed, with its key, for 100 years


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def test_tls_with_a_certificate_the_environment_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    model = Model()
    with Server(model, tls=tls()) as server:
        sender = rest_sender(server.url)
        assert send(sender).accepted == 18
        done(sender)
    model.check(3, 2)


def test_tls_with_a_certificate_that_is_not_trusted() -> None:
    with Server(tls=tls()) as server:
        sender = rest_sender(server.url)
        report = send(sender, wait=0.3)
        assert (report.pending, report.dropped) == (18, {})
        assert server.requests == [], "no key is sent to a stranger"
        done(sender)


def test_tls_to_a_server_that_speaks_none() -> None:
    with Server() as server:
        sender = rest_sender(server.url.replace("http", "https"))
        assert send(sender, wait=0.3).pending == 18
        done(sender)


def test_a_tls_answer_that_drips_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    with Server(drip(HEAD + b"x-a: ", every=0.02, then=b"y"), tls=tls()) as server:
        sender = rest_sender(server.url, timeout=0.5, probe_seconds=30.0)
        Recording(sender).trace()
        with within(1.5, "a request of 0.5 s"):
            sender.flush(0)
            until(lambda: is_down(sender))
        done(sender)


# Wall-clock limits.


@pytest.mark.parametrize(
    "reply",
    [
        hang,
        drip(b"", every=0.02, then=b"HTTP/1.1 "),
        drip(HEAD, every=0.02, then=b"x"),
        drip(HEAD + b"x-a: ", every=0.02, then=b"y"),
    ],
    ids=["silence", "status line", "header name", "header value"],
)
def test_a_request_ends_at_its_limit(reply: Reply) -> None:
    with Server(reply) as server:
        sender = rest_sender(server.url, timeout=0.3, probe_seconds=30.0)
        Recording(sender).trace()
        began = time.monotonic()
        sender.flush(0)
        until(lambda: is_down(sender))
        took = time.monotonic() - began
        assert took > 0.25
        hold(took, 0.9, "a request of 0.3 s")
        assert conserved(sender.stats()).pending == 1
        done(sender)


def test_a_request_ends_at_its_limit_on_the_only_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a process no other thread can be started, to cut the connection."""
    for tls_context in (None, tls()):
        monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
        with Server(drip(HEAD + b"x-a: ", every=0.02, then=b"y"), tls=tls_context) as server:
            line = HttpDestination(server.url, {}, timeout=0.3).line()
            began = time.monotonic()
            with pytest.raises(Unreachable):
                line.send("POST", "/x", b"{}", began + 0.3)
            hold(time.monotonic() - began, 0.9, "a request of 0.3 s")
            line.close()


def test_a_body_that_drips_does_not_hide_its_status() -> None:
    with Server(drip(HEAD + b"\r\n", every=0.02)) as server:
        sender = rest_sender(server.url, timeout=0.3)
        Recording(sender).trace()
        assert conserved(sender.flush(PATIENCE).result()).accepted == 1
        done(sender)


def test_a_server_that_stops_reading() -> None:
    with Server() as server:
        listener = server.listener
        assert listener is not None
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        read = threading.Event()
        server.before_read = lambda connection: read.wait(PATIENCE)
        sender = rest_sender(server.url, timeout=0.3, probe_seconds=30.0)
        Recording(sender).trace(payload=b'{"x":"%b"}' % (b"x" * 12_000_000))
        with within(1.3, "a flush of 1 s"):
            report = conserved(sender.flush(1.0).result())
        assert report.pending == 1
        read.set()
        done(sender)


def test_slow_but_alive_is_sent_over_many_connections() -> None:
    model = Model()
    with Server(model, delay=0.05) as server:
        sender = rest_sender(server.url)
        began = time.monotonic()
        report = send(sender, traces=40, tools=2)
        took = time.monotonic() - began
        assert (report.accepted, report.dropped) == (240, {})
        hold(took, 2.4, "240 events")  # one connection would take 12 s
        assert 4 <= server.connections <= 16
        done(sender)
    model.check(40, 2)


# Broken connections.


@pytest.mark.parametrize(
    "reply",
    [
        reset,
        then_reset(b"HTTP/1.1 20"),
        then_reset(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n"),
        then_reset(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}"),
        Raw(lambda connection: None),
        Raw(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}")),
        Raw(lambda connection: connection.sendall(b"\x00\xff\x00 this is not HTTP\r\n\r\n" * 50)),
        Raw(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")),
        Raw(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 300_000)),
    ],
    ids=["reset", "in status", "in headers", "in body", "close", "close in body", "garbage", "ssh", "huge header"],
)
@pytest.mark.parametrize("where", [1, 4, 9])
def test_a_connection_that_breaks_costs_nothing(reply: Reply, where: int) -> None:
    counted = iter(range(1, 10**6))
    model = Model(lambda _: reply if next(counted) == where else None)
    with Server(model) as server:
        sender = rest_sender(server.url)
        report = send(sender)
        assert (report.accepted, report.pending, report.dropped) == (18, 0, {})
        done(sender)
    model.check(3, 2)


def test_what_was_stored_before_its_answer_was_lost_is_stored_once() -> None:
    model = Model()
    lost = iter([True, True, True])

    def script(request: Recorded) -> Reply:
        reply = model(request)
        return reset if request.method == "POST" and next(lost, False) else reply

    with Server(script) as server:
        sender = rest_sender(server.url)
        report = send(sender)
        assert (report.accepted, report.dropped) == (18, {})
        done(sender)
    model.check(3, 2)


def test_idle_connections_that_were_closed() -> None:
    model = Model()
    with Server(lambda request: _then_close(model(request))) as server:  # no "connection: close" warns of it
        sender = rest_sender(server.url, probe_seconds=30.0)
        report = send(sender)
        assert (report.accepted, report.dropped) == (18, {})
        done(sender)
    model.check(3, 2)


def _then_close(reply: Reply) -> Reply:
    assert isinstance(reply, bytes)
    return Raw(lambda connection: connection.sendall(reply))


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("reply", [answer(503), reset, answer(500)], ids=["503", "reset", "500"])
def test_flapping(number: int, reply: Reply) -> None:
    model = Model(every(number, reply))
    with Server(model) as server:
        sender = rest_sender(server.url, probe_seconds=0.0, max_retries=12)
        report = send(sender)
        assert (report.accepted, report.dropped) == (18, {})
        done(sender)
    model.check(3, 2)


def test_a_few_failures_among_many_answers_are_no_outage() -> None:
    counted = iter(range(1, 10**6))
    model = Model(lambda _: answer(503) if next(counted) % 20 == 0 else None)
    with Server(model) as server:
        sender = rest_sender(server.url, probe_seconds=2.0)
        with within(10, "sending"):  # twelve outages of two seconds would be 24
            report = send(sender, traces=60, tools=1)
        assert (report.accepted, report.pending, report.dropped) == (240, 0, {})
        done(sender)
    model.check(60, 1)


# Statuses.


WAITS = [None, "0", "soon", "-5", "Thu, 01 Jan 1970 00:00:00 GMT"]


@pytest.mark.parametrize(
    ("status", "wait"), [(s, w) for s in (408, 425, 429, 500, 502, 503, 504) for w in WAITS] + [(429, "1"), (503, "1")]
)
def test_answers_that_are_tried_again(status: int, wait: str | None) -> None:
    model = Model(times(2, answer(status, b"later", **({} if wait is None else {"retry_after": wait}))))
    with Server(model) as server:
        sender = rest_sender(server.url)
        began = time.monotonic()
        report = send(sender)
        assert (report.accepted, report.pending, report.dropped) == (18, 0, {})
        took = time.monotonic() - began
        if wait == "1":
            assert took >= 1.0
        else:
            hold(took, 1.0, "trying again")
        done(sender)
    model.check(3, 2)


@pytest.mark.parametrize("status", [300, 302, 400, 404, 405, 410, 415, 422, 501, 505])
def test_answers_that_are_final_cost_one_event(status: int) -> None:
    model = Model(lambda request: answer(status, b"no") if b'"t0.1"' in request.body else None)
    with Server(model) as server:
        sender = rest_sender(server.url)
        report = send(sender)
        assert dict(report.dropped) == {"rejected": 2}, "the start and the end that carry the bad name"
        assert report.accepted == 16
        done(sender)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key(status: int, caplog: pytest.LogCaptureFixture) -> None:
    refused = times(16, answer(status, f"bad key {SECRET}".encode()))
    model = Model(refused)
    with Server(model) as server, caplog.at_level(logging.DEBUG):
        sender = rest_sender(server.url, auth_seconds=0.2)
        report = send(sender, traces=10)
        assert dict(report.dropped) == {"auth": 60}
        assert len(server.requests) <= 16, "the rest of the batch is not sent to be refused"
        time.sleep(0.3)  # longer than a refused key is left alone
        while next(iter([refused(server.requests[0])])) is not None:
            pass  # the key is right again
        report = send(sender, traces=1)
        assert (report.accepted, report.dropped["auth"]) == (6, 60)
        done(sender)
    assert SECRET not in caplog.text
    assert caplog.text.count("VOLTAGENT_SECRET_KEY") == 1


def test_redirects_are_not_followed() -> None:
    with Server() as other, Server(answer(307, b"", location=f"{other.url}/history")) as server:
        sender = rest_sender(server.url)
        report = send(sender, traces=1, tools=0)
        assert dict(report.dropped) == {"rejected": 2}
        done(sender)
        assert other.requests == []


def test_a_patch_that_finds_nothing_creates_again_once() -> None:
    model = Model()
    forgets = times(1, b"")

    def script(request: Recorded) -> Reply:
        if request.method == "PATCH" and forgets(request) is not None:
            model.histories.clear()  # as a server that lost its store
        return model(request)

    with Server(script) as server:
        sender = rest_sender(server.url)
        report = send(sender, traces=1, tools=0)
        assert (report.accepted, report.dropped) == (2, {})
        assert [r.line.split("/")[0] + r.path.split("/")[1] for r in server.requests] == [
            "POST history", "PATCH history", "POST history", "PATCH history"
        ]  # fmt: skip
        done(sender)


def test_413_is_trimmed_once_then_dropped() -> None:
    def script(request: Recorded) -> Reply:
        return answer(413) if len(request.body) > 60_000 or b"stubborn" in request.body else answer()

    with Server(script) as server:
        sender = rest_sender(server.url)
        recording = Recording(sender)
        big = b'{"x":"%b"}' % (b"x" * 100_000)
        root = recording.trace("fits", payload=big)
        stubborn = recording.tool(root, "stubborn", payload=big)
        recording.end(stubborn, output=b"{}")
        recording.end(root)
        report = conserved(sender.flush().result())
        assert (report.accepted, dict(report.dropped)) == (2, {"too_large": 2})
        marked = [r.json["input"] for r in server.requests if b"truncated" in r.body]
        assert [{**m, "value": None} for m in marked] == [
            {"truncated": True, "type": "json", "size": len(big), "reason": "size", "value": None}
        ] * 2
        assert root is not None
        assert root.input == big, "other destinations get it whole"
        done(sender)


# Bodies.

BODIES = [b"", b"null", b"[]", b"42", b'"id"', b'{"id":', b'{"id":null}', b'{"id":{}}', b'{"id":true}', b'{"id":""}',
          b"\xff\xfe\x00", b"<html>ok</html>", b'{"id":' + b"[" * 5000, b'{"id": 1e999}', b"9" * 5000]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_any_2xx_means_stored_whatever_it_says(body: bytes) -> None:
    with Server(answer(200, body)) as server:
        sender = rest_sender(server.url)
        report = send(sender, traces=1)
        assert (report.accepted, report.dropped) == (6, {})
        done(sender)


@pytest.mark.parametrize("status", [201, 202, 204, 205, 299])
def test_any_2xx_means_stored(status: int) -> None:
    with Server(answer(status, b"")) as server:
        sender = rest_sender(server.url)
        assert send(sender, traces=1).accepted == 6
        done(sender)


def test_a_204_with_a_body_breaks_only_its_connection() -> None:
    with Server(answer(204, b"nonsense")) as server:
        sender = rest_sender(server.url, probe_seconds=30.0)
        assert send(sender, traces=1).accepted == 6
        done(sender)


def test_an_endless_answer_is_left_after_four_mebibytes() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 536870912\r\n\r\n"
    with Server(flood(head, b"x" * 2**20, 512)) as server:
        sender = rest_sender(server.url)
        with within(3):
            report = send(sender, traces=1, tools=0)
        assert (report.accepted, report.dropped) == (2, {})
        done(sender)


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b'{"id":"' + b"x" * 64_000_000 + b'"}')
    with Server(answer(200, bomb, content_encoding="gzip")) as server:
        sender = rest_sender(server.url)
        report = send(sender, traces=1)
        assert (report.accepted, report.dropped) == (6, {})
        done(sender)
        assert {r.headers["accept-encoding"] for r in server.requests} == {"identity"}


def test_server_text_in_the_log_is_escaped_cut_and_without_keys(caplog: pytest.LogCaptureFixture) -> None:
    text = f"\x1b[31mred\r\nERROR forged line {SECRET} pk_1 ".encode() + b"z" * 5000
    with Server(answer(400, text)) as server, caplog.at_level(logging.DEBUG, "voltagent"):
        sender = rest_sender(server.url)
        send(sender, traces=1)
        done(sender)
    (line,) = [record.getMessage() for record in caplog.records if "forged" in record.getMessage()]
    assert "\n" not in line
    assert "\x1b" not in line
    assert SECRET not in line
    assert "pk_1" not in line
    assert len(line) < 300


# Outages.


def test_an_outage_loses_nothing() -> None:
    model = Model()
    with Server(model) as server:
        sender = rest_sender(server.url, probe_seconds=0.02, flush_interval=0.01)
        recording = Recording(sender)
        for number in range(60):
            recording.whole(f"t{number}")
            if number == 15:
                server.stop()
            elif number == 45:
                server.start()
            time.sleep(0.002)
        report = conserved(sender.flush().result())
        assert (report.accepted, report.dropped) == (240, {})
        done(sender)
    assert model.complaints == []
    assert len(model.histories) == 60


def test_one_trace_with_many_children_arrives_in_order() -> None:
    model = Model()
    with Server(model) as server:
        sender = rest_sender(server.url)
        report = send(sender, traces=1, tools=1500)
        assert (report.accepted, report.dropped) == (3002, {})
        done(sender)
    model.check(1, 1500)
    assert model.order[0] == "trace"
    assert model.order[-1] == "end of trace"


def test_file_descriptors_run_out() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    model = Model()
    with Server(model) as server:
        sender = rest_sender(server.url, probe_seconds=0.02)
        # a new descriptor would need a number below 3, and those are taken, whatever other threads close meanwhile
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            report = send(sender, wait=0.2)
            assert (report.pending, report.dropped) == (18, {})
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert conserved(sender.flush().result()).accepted == 18
        done(sender)
    model.check(3, 2)
