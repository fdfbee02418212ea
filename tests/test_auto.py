"""The platform by whichever wire it speaks: REST first, OTLP where the server has moved on, with nothing lost."""

from __future__ import annotations

import json
import logging

import pytest

from tests.server import Recorded, Reply, Server, answer
from voltagent import VoltAgentSDK, tool

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
        sdk = VoltAgentSDK(base_url=server.url, retry_delay=0.01, timeout=5, **KEYS)
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
    said = [record.getMessage() for record in caplog.records if "API" in record.getMessage()]
    assert said == ["voltagent: the server has no REST history API; sending OTLP instead"]
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
        sdk = VoltAgentSDK(base_url=server.url, retry_delay=0.01, timeout=10, **KEYS)
        ping(1)
        assert sdk.shutdown().accepted == 4
    assert TRACES not in {request.path for request in server.requests}


def test_several_destinations_at_once_do_not_wait_for_each_other(tmp_path: object) -> None:
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
