"""One request that hangs: it costs the others nothing, and is tried again on another connection."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.memory import Recording, conserved, make_sender
from tests.helpers.pace import TooSlow, until, within
from tests.helpers.server import Recorded, Reply, Server, answer, hang
from voltagent import VoltAgentSDK, tool
from voltagent.exporters.otlp import OtlpExporter
from voltagent.exporters.rest import RestExporter

pytestmark = pytest.mark.slow  # programs that start, end and are killed


def first_hangs(then: Callable[[Recorded], Reply] = lambda request: answer()) -> Callable[[Recorded], Reply]:
    """The first request gets no answer, all others theirs."""
    seen: list[Recorded] = []

    def script(request: Recorded) -> Reply:
        seen.append(request)
        return hang if len(seen) == 1 else then(request)

    return script


def exporter_for(wire: str, url: str) -> Any:
    return RestExporter(url, "pk", "sk") if wire == "rest" else OtlpExporter(f"{url}/v1/traces", protocol="http/json")


@pytest.mark.parametrize("wire", ["rest", "otlp"])
def test_other_traces_go_on(wire: str) -> None:
    with Server(first_hangs()) as server:
        sender = make_sender(exporter_for(wire, server.url), flush_interval=0.01)
        recording = Recording(sender)
        recording.whole("hangs")
        until(lambda: len(server.requests) == 1)
        for number in range(50):
            recording.whole(f"t{number}")
        until(lambda: sender.stats().accepted >= 200)
        assert conserved(sender.stats()).pending <= 4
        assert conserved(sender.shutdown(5.0).result()).accepted == 204


def test_a_slow_server_gets_the_rest_of_a_trace_without_a_flush() -> None:
    with Server(delay=0.7) as server:  # longer than a batch waits for one answer
        sender = make_sender(exporter_for("rest", server.url), flush_interval=0.01)
        Recording(sender).whole()
        until(lambda: sender.stats().accepted == 4)
        assert conserved(sender.shutdown(5.0).result()).accepted == 4


def seconds_of_others(wire: str, traces: int, script: Callable[[Recorded], Reply]) -> float:
    """Record traces of two events each; the time until all are accepted, but for those of the first request."""
    with Server(script) as server:
        sender = make_sender(exporter_for(wire, server.url), flush_interval=0.01)
        recording = Recording(sender)
        began = time.monotonic()
        for number in range(traces):
            recording.end(recording.trace(f"t{number}"))
        until(lambda: bool(server.requests))
        hung = 2  # on the REST wire, the start of a trace and the end that waits for it
        if wire == "otlp":
            hung = 2 * len(server.requests[0].json["resourceSpans"][0]["scopeSpans"][0]["spans"])
        until(lambda: conserved(sender.stats()).accepted >= 2 * traces - hung, seconds=60)
        took = time.monotonic() - began
        sender.shutdown(0).result()
        return took


@pytest.mark.parametrize("wire", ["rest", "otlp"])
def test_2000_traces_are_not_held_up_by_one_request(wire: str) -> None:
    otherwise = seconds_of_others(wire, 2000, lambda request: answer())
    hung = seconds_of_others(wire, 2000, first_hangs())
    if hung > 1.25 * otherwise + 1.0:  # a quarter for what else the machine does
        raise TooSlow(f"{hung:.1f} s with a request that hangs, {otherwise:.1f} s without")


@pytest.mark.parametrize("timeout", [None, 10.0])
@pytest.mark.parametrize("wire", ["rest", "otlp"])
def test_a_shutdown_tries_the_hung_one_again(wire: str, timeout: float | None) -> None:
    with Server(first_hangs()) as server:
        sender = make_sender(exporter_for(wire, server.url))
        for number in range(20):
            Recording(sender).whole(f"t{number}")
        report = conserved(sender.shutdown(timeout).result())
        assert (report.accepted, report.pending) == (80, 0)


def test_an_event_counts_when_its_answer_comes_and_nothing_is_pending_after_a_shutdown() -> None:
    with Server(first_hangs()) as server:
        sender = make_sender(exporter_for("rest", server.url))
        for number in range(20):
            Recording(sender).whole(f"t{number}")
        sender.flush(10.0)
        until(lambda: conserved(sender.stats()).accepted == 76)
        report = conserved(sender.shutdown(0.1).result())
        assert report.accepted >= 76  # the hung one may arrive yet, on another connection
        assert (report.accepted + sum(report.dropped.values()), report.pending) == (80, 0)


def test_leaving_the_block_does_not_wait_long_for_a_destination_that_refuses() -> None:
    from tests.helpers.server import unused_port

    sdk = VoltAgentSDK(exporter="rest", base_url=f"http://127.0.0.1:{unused_port()}", public_key="pk", secret_key="sk")
    with within(4.0), sdk:

        @tool
        def work(number: int) -> int:
            return number

        work(1)
    assert sdk.stats().pending == 0


@pytest.mark.parametrize("timeout", [None, 10.0])
@pytest.mark.parametrize("wire", ["rest", "otlp"])
def test_a_program_that_just_ends_loses_nothing(wire: str, timeout: float | None) -> None:
    code = (
        "import os, voltagent\n@voltagent.tool\ndef work(n): return n\n"
        f"voltagent.VoltAgentSDK(exporter={wire!r}, timeout={timeout})\n"
        "for n in range(20): work(n)\n"
    )
    with Server(first_hangs()) as server:
        environment = {
            **os.environ, "VOLTAGENT_BASE_URL": server.url, "VOLTAGENT_PUBLIC_KEY": "pk", "VOLTAGENT_SECRET_KEY": "sk",
            "VOLTAGENT_OTLP_ENDPOINT": f"{server.url}/v1/traces", "VOLTAGENT_OTLP_PROTOCOL": "http/json",
        }  # fmt: skip
        ran = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        assert "lost" not in ran.stderr
        if wire == "rest":
            answered = [request.line for request in server.requests[1:]]
            assert answered.count("POST /history") == 20
            assert len(answered) == 80
        else:
            spans = server.requests[-1].json["resourceSpans"][0]["scopeSpans"][0]["spans"]
            assert len(spans) == 40
