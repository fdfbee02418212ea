"""The platform by whichever wire it speaks: REST first, OTLP where the server has moved on, with nothing lost."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from tests.helpers.pace import until
from tests.helpers.server import Recorded, Reply, Server, answer, hang, unused_port
from voltagent import VoltAgentSDK, tool
from voltagent.exporters.local import LocalExporter
from voltagent.exporters.otlp import OtlpExporter
from voltagent.exporters.rest import RestExporter

KEYS = {"public_key": "pk_test", "secret_key": "sk_test"}
TRACES = "/api/public/otel/v1/traces"


@tool
def ping(n: int) -> int:
    return n


@pytest.mark.parametrize("status", [404, 405, 410, 501])
def test_where_the_api_is_gone_the_same_records_go_out_as_otlp(status: int, caplog: pytest.LogCaptureFixture) -> None:
    def script(request: Recorded) -> Reply:
        return answer(200) if request.path == TRACES else answer(status)

    with Server(script) as server, caplog.at_level(logging.WARNING, "voltagent"):
        sdk = VoltAgentSDK(base_url=server.url, retry_delay=0.01, **KEYS)
        assert [ping(n) for n in range(20)] == list(range(20))
        report = sdk.flush()
        ping(20)
        last = sdk.shutdown()
    assert (report.recorded, report.accepted, dict(report.dropped)) == (80, 80, {})
    assert (last.recorded, last.accepted) == (84, 84)
    sent = [request for request in server.requests if request.path == TRACES]
    spans = [
        span
        for request in sent
        for resource in json.loads(request.body)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert len(spans) == 42  # a root and a tool each
    assert len({span["traceId"] for span in spans}) == 21
    assert {request.headers["x-secret-key"] for request in sent} == {"sk_test"}
    reported = [record.getMessage() for record in caplog.records if "API" in record.getMessage()]
    assert reported == ["the server has no REST history API; sending OTLP instead"]
    after = [request.path for request in server.requests][server.requests.index(sent[0]) :]
    assert set(after) == {TRACES}, "it stays with OTLP"


def test_where_the_api_is_there_nothing_goes_out_as_otlp() -> None:
    with Server() as server:
        sdk = VoltAgentSDK(base_url=server.url, **KEYS)
        ping(1)
        assert sdk.shutdown().accepted == 4
    assert TRACES not in {request.path for request in server.requests}


def test_a_server_that_is_only_down_has_not_moved() -> None:
    replies = iter([answer(503, retry_after="0"), answer(500)])

    with Server(lambda _: next(replies, answer(200))) as server:
        sdk = VoltAgentSDK(base_url=server.url, retry_delay=0.01, **KEYS)
        ping(1)
        assert sdk.shutdown().accepted == 4
    assert TRACES not in {request.path for request in server.requests}


def test_several_destinations_get_the_same_and_each_its_own_headers() -> None:
    with Server() as rest, Server() as collector:
        sdk = VoltAgentSDK(
            base_url=rest.url,
            exporter="rest,otlp",
            otlp_endpoint=f"{collector.url}/v1/traces",
            otlp_protocol="http/json",
            otlp_headers={"authorization": "Basic abc"},
            **KEYS,
        )
        ping(1)
        report = sdk.shutdown()
    assert report.pending == 0
    assert {request.path for request in collector.requests} == {"/v1/traces"}
    assert {request.headers["authorization"] for request in collector.requests} == {"Basic abc"}
    assert not [request for request in collector.requests if "x-secret-key" in request.headers]
    assert len(rest.requests) == 4


def test_one_that_hangs_and_one_that_is_down_cost_the_others_nothing(tmp_path: Path) -> None:
    with Server(hang) as hung, Server() as fine:
        exporters = [
            OtlpExporter(f"{hung.url}/v1/traces", timeout=60),
            RestExporter(f"http://127.0.0.1:{unused_port()}", "pk", "sk"),
            OtlpExporter(f"{fine.url}/v1/traces"),
            LocalExporter(tmp_path / "t.db"),
        ]
        sdk = VoltAgentSDK(exporter=exporters, retry_delay=0.01, flush_interval=0.01)
        for number in range(10):
            ping(number)
        # they are done while the others are still at it
        until(lambda: not any(sdk.stats().destinations[name].pending for name in ("otlp 2", "local")))
        under_way = sdk.flush(timeout=0.1).destinations
        report = sdk.shutdown(timeout=0.5)
    for found in (under_way, report.destinations):
        waiting = {name: one.pending + sum(one.dropped.values()) for name, one in found.items()}
        assert waiting["otlp"] >= 20  # the starts of operations are nothing that OTLP would send
        assert (waiting["rest"], waiting["otlp 2"], waiting["local"]) == (40, 0, 0)
        assert all(one.recorded == one.accepted + waiting[name] == 40 for name, one in found.items())
    assert report.recorded == 160


def test_one_destination_is_no_list_of_them(tmp_path: Path) -> None:
    sdk = VoltAgentSDK(exporter="local", local_path=tmp_path / "t.db")
    ping(1)
    assert sdk.shutdown().destinations == {}
