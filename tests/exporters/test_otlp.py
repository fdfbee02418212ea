"""The OTLP exporter against a real HTTP server, read with the official library."""

from __future__ import annotations

import gc
import gzip
import json
import logging
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

import voltagent
from tests.helpers.pace import PATIENCE, hold, until, within
from tests.helpers.rich_trace import rich_events, spans
from tests.helpers.server import Recorded, Server, answer, drip, hang, reset, unused_port
from tests.helpers.sink import recording
from voltagent import VoltAgentSDK
from voltagent.core import clock
from voltagent.core.deadline import Deadline
from voltagent.core.span import Phase, SpanEvent
from voltagent.errors import ValidationError
from voltagent.exporters import Outcome, Verdict
from voltagent.exporters.otlp import OtlpExporter
from voltagent.handles import open_trace

KEY = "sk_very-secret"
SENDER = {
    "service.version": voltagent.__version__,
    "telemetry.sdk.name": "voltagent",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.version": voltagent.__version__,
}


MADE: list[OtlpExporter] = []


@pytest.fixture(autouse=True)
def all_are_closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


def exporter_for(server: Server | str, path: str = "/v1/traces", **options: Any) -> OtlpExporter:
    url = server if isinstance(server, str) else server.url
    MADE.append(OtlpExporter(f"{url}{path}", **{"timeout": PATIENCE, **options}))
    return MADE[-1]


def export(exporter: OtlpExporter, events: Sequence[SpanEvent], seconds: float = 10.0) -> list[Outcome]:
    return list(exporter.export(events, clock.monotonic() + seconds))


def read(request: Recorded) -> ExportTraceServiceRequest:
    body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
    return ExportTraceServiceRequest.FromString(body)


def names(requests: Sequence[Recorded]) -> list[list[str]]:
    return [[span.name for span in read(r).resource_spans[0].scope_spans[0].spans] for r in requests]


def tools(number: int, payload: str = "", **options: Any) -> list[SpanEvent]:
    """A trace with that many tools, named by their number."""
    with recording() as (recorder, sink):
        with open_trace(recorder, {"agent_id": "a", **options}, {}) as trace:
            for index in range(number):
                trace.add_tool(name=f"t{index}", input={}).success(output={"o": payload})
    return sink.events


# Requests.


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_trace_is_one_request_that_the_official_library_reads(compression: Any) -> None:
    events = rich_events()
    with Server() as server:
        exporter = exporter_for(
            server,
            compression=compression,
            resource={"service.name": "shop", "environment": "test"},
            headers={"X-Key": KEY, "Content-Type": "text/html", "Host": "evil", "content-encoding": "br"},
            scope="mine",
        )
        assert set(export(exporter, events)) == {Outcome(Verdict.ACCEPTED)}
        exporter.close()
    (request,) = server.requests
    assert request.line == "POST /v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers.get("content-encoding") == (None if compression == "none" else "gzip")
    assert request.headers["x-key"] == KEY
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    (resource_spans,) = read(request).resource_spans
    assert {a.key: a.value.string_value for a in resource_spans.resource.attributes} == {
        "service.name": "shop",
        "environment": "test",
        **SENDER,
    }
    (scope_spans,) = resource_spans.scope_spans
    assert scope_spans.scope.name == "mine"
    assert [span.name for span in scope_spans.spans] == [message["name"] for message in spans(events, "genai")]


def test_json_with_the_endpoint_as_it_was_given() -> None:
    with Server() as server:
        exporter = exporter_for(server, "/api/v1/traces/?project=7", protocol="http/json", compression="gzip")
        export(exporter, tools(1))
    (request,) = server.requests
    assert request.line == "POST /api/v1/traces/?project=7"
    assert request.headers["content-type"] == "application/json"
    found = json.loads(gzip.decompress(request.body))["resourceSpans"][0]
    assert [span["name"] for span in found["scopeSpans"][0]["spans"]] == ["execute_tool t0", "invoke_workflow a"]
    described = {one["key"]: one["value"]["stringValue"] for one in found["resource"]["attributes"]}
    assert described == {"service.name": "voltagent", **SENDER}


def test_what_has_not_ended_is_not_sent_and_counts_with_its_end() -> None:
    with recording() as (recorder, sink):
        trace = open_trace(recorder, {"agent_id": "a"}, {})
        trace.update(user_id="u")
        begun = len(sink.events)
        trace.end()
    with Server() as server:
        exporter = exporter_for(server)
        assert export(exporter, sink.events[:begun]) == [Outcome(Verdict.WITH_END)] * 2
        assert server.requests == []
        assert export(exporter, sink.events[begun:]) == [Outcome(Verdict.ACCEPTED)]


def test_one_connection_serves_many_requests() -> None:
    with Server() as server:
        exporter = exporter_for(server)
        for _ in range(3):
            export(exporter, tools(1))
        assert server.connections == 1
        exporter.close()
        export(exporter, tools(1))
        assert server.connections == 2


def test_a_batch_that_is_large_goes_in_several_requests() -> None:
    with Server() as server:
        outcomes = export(exporter_for(server, profiles=("voltops",)), tools(12, "x" * 900_000))
    assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}
    assert len(server.requests) == 3
    assert all(len(request.body) <= 4 * 2**20 for request in server.requests)
    assert sum(map(len, names(server.requests))) == 13


# Answers.


@pytest.mark.parametrize(
    ("status", "verdict", "reason"),
    [
        (200, Verdict.ACCEPTED, ""),
        (202, Verdict.ACCEPTED, ""),
        (429, Verdict.RETRY, ""),
        (502, Verdict.UNAVAILABLE, ""),
        (503, Verdict.UNAVAILABLE, ""),
        (504, Verdict.UNAVAILABLE, ""),
        (401, Verdict.REFUSED, "auth"),
        (403, Verdict.REFUSED, "auth"),
        (301, Verdict.REFUSED, "rejected"),
        (404, Verdict.REFUSED, "rejected"),
        (408, Verdict.REFUSED, "rejected"),  # not to be tried again on this wire, other than on REST
        (415, Verdict.REFUSED, "rejected"),
        (500, Verdict.REFUSED, "rejected"),
        (501, Verdict.REFUSED, "rejected"),
    ],
)
def test_each_status_has_its_meaning_and_is_requested_once(status: int, verdict: Verdict, reason: str) -> None:
    with Server(answer(status, f"no, {KEY}\n".encode(), retry_after="7", location="http://127.0.0.1:9/")) as server:
        outcomes = export(exporter_for(server, headers={"authorization": KEY}), tools(4))
        assert len(server.requests) == 1
    ends = [outcome for outcome in outcomes if outcome.verdict in (verdict, Verdict.ACCEPTED)]
    ends = [outcome for outcome in ends if outcome.verdict is not Verdict.ACCEPTED or status < 300]
    assert {(outcome.verdict, outcome.reason) for outcome in ends} == {(verdict, reason)}
    assert len(ends) == (10 if status < 300 else 5)
    if status >= 300:
        assert ends[0].detail == rf"HTTP {status} no, [redacted]\n"
    assert ends[0].retry_after == (7.0 if verdict in (Verdict.RETRY, Verdict.UNAVAILABLE) else None)


@pytest.mark.parametrize("kind", ["protobuf", "json"])
def test_partial_success_refuses_as_many_and_never_sends_again(kind: str) -> None:
    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans = 2
    partial.partial_success.error_message = f"two are bad, {KEY}"
    body: Any = partial.SerializeToString()
    if kind == "json":
        body = {"partialSuccess": {"rejectedSpans": "2", "errorMessage": f"two are bad, {KEY}"}}
    reply = answer(200, body).replace(b"application/json", f"application/{kind}".encode())
    with Server(reply) as server:
        outcomes = export(exporter_for(server, headers={"k": KEY}), tools(4))
        assert len(server.requests) == 1
    refused = [outcome for outcome in outcomes if outcome.verdict is Verdict.REFUSED]
    assert refused == [Outcome(Verdict.REFUSED, "rejected", "partial success: two are bad, [redacted]")] * 2


def test_a_warning_of_the_server_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with Server(answer(200, {"partialSuccess": {"errorMessage": "slow\ndown"}})) as server:
        exporter = exporter_for(server)
        with caplog.at_level(logging.WARNING, "voltagent"):
            for _ in range(2):
                assert {o.verdict for o in export(exporter, tools(1))} == {Verdict.ACCEPTED}
    reported = [record.getMessage() for record in caplog.records if "OTLP" in record.getMessage()]
    assert reported == [r"the OTLP destination warns: slow\ndown"]


@pytest.mark.parametrize("body", [b"", b"\xff\xff", b"null", b"{", b"<html>" * 1000])
def test_success_with_anything_at_all_in_the_body_is_success(body: bytes) -> None:
    with Server(answer(200, body)) as server:
        assert {o.verdict for o in export(exporter_for(server), tools(1))} == {Verdict.ACCEPTED}


# Too large, and bad spans.


def test_too_large_a_request_is_halved_until_it_fits() -> None:
    def reply(request: Recorded) -> bytes:
        return answer(413 if len(names([request])[0]) > 3 else 200)

    with Server(reply) as server:
        outcomes = export(exporter_for(server), tools(10))
        accepted = [request for request in names(server.requests) if len(request) <= 3]
    assert {o.verdict for o in outcomes} == {Verdict.ACCEPTED}
    assert list(chain(*accepted)) == [*(f"execute_tool t{n}" for n in range(10)), "invoke_workflow a"], "in their order"


def test_one_span_that_is_too_large_is_trimmed_once() -> None:
    with Server(lambda request: answer(413 if len(request.body) > 5000 else 200)) as server:
        outcomes = export(exporter_for(server), tools(1, "ä" * 10_000))
    assert {o.verdict for o in outcomes} == {Verdict.ACCEPTED}
    trimmed = read(server.requests[-2]).resource_spans[0].scope_spans[0].spans[0]
    result = next(a.value.string_value for a in trimmed.attributes if a.key == "gen_ai.tool.call.result")
    assert json.loads(result) == {"truncated": True, "type": "json", "size": 10_008, "reason": "size"}
    with Server(answer(413)) as server:
        outcomes = export(exporter_for(server), tools(1, "x" * 10_000))
    assert [o.reason for o in outcomes if o.verdict is Verdict.REFUSED] == ["too_large"] * 2


def test_one_bad_span_does_not_cost_its_mates() -> None:
    def reply(request: Recorded) -> bytes:
        return answer(400 if b"t37" in request.body else 200)

    events = tools(255)
    with Server(reply) as server:
        outcomes = export(exporter_for(server), events)
        assert len(server.requests) <= 17
    refused = [event[1].name for event, o in zip(events, outcomes, strict=True) if o.verdict is Verdict.REFUSED]
    assert refused == ["t37"]


def test_where_all_are_bad_the_search_ends() -> None:
    with Server(answer(400)) as server:
        outcomes = export(exporter_for(server), tools(255))
        assert len(server.requests) < 70
    assert sum(o.verdict is Verdict.REFUSED for o in outcomes) == 256


def test_a_payload_that_cannot_be_written_costs_its_own_span_only() -> None:
    events = tools(3)
    events[3][1].output = b"no JSON at all"
    events[3][1].metadata = b"{"
    with Server() as server:
        outcomes = export(exporter_for(server), events)
    assert [o.reason for o in outcomes if o.verdict is Verdict.REFUSED] == ["serialize_error"]
    assert len(names(server.requests)[0]) == 3


def test_an_update_that_comes_too_late_is_refused_with_the_reason() -> None:
    events = tools(1)
    with Server() as server:
        exporter = exporter_for(server)
        export(exporter, events)
        span = events[0][1]
        (outcome,) = export(exporter, [(Phase.UPDATE, span, {"level": "DEBUG"})])
        assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, "rejected")
        assert "span that was sent" in outcome.detail
        assert len(server.requests) == 1


# Not there.


def test_a_retry_has_the_same_bytes() -> None:
    events = rich_events()
    with Server(reset) as server:
        exporter = exporter_for(server, compression="gzip")
        assert {o.verdict for o in export(exporter, events)} <= {
            Verdict.ACCEPTED,
            Verdict.UNAVAILABLE,
            Verdict.UNTRIED,
        }
        server.reply = answer()
        assert {o.verdict for o in export(exporter, events)} == {Verdict.ACCEPTED}
        assert server.requests[0].body == server.requests[-1].body


def test_a_start_has_arrived_when_the_span_of_its_end_has() -> None:
    port = unused_port()
    exporter = exporter_for(f"http://127.0.0.1:{port}")
    events = tools(1)
    assert [o.verdict for o in export(exporter, events)] == [
        Verdict.UNTRIED, Verdict.UNTRIED, Verdict.UNAVAILABLE, Verdict.UNAVAILABLE,
    ]  # fmt: skip
    with Server(port=port) as server:
        assert [o.verdict for o in export(exporter, events[:1])] == [Verdict.WITH_END]
        assert server.requests == []
        assert [o.verdict for o in export(exporter, events)] == [Verdict.ACCEPTED] * 4


@pytest.mark.parametrize(
    "reply", [hang, drip(b"HTTP/1.1 200 OK\r\nx: ", every=0.05), drip(b"HTTP/1.1 200 OK\r\n\r\n", every=0.05)]
)
def test_a_request_has_an_end_in_wall_time(reply: Any) -> None:
    with Server(reply) as server:
        exporter = exporter_for(server, timeout=0.3)
        with within(1.5, "a request of 0.3 s"):
            outcomes = export(exporter, tools(2))
    assert outcomes[-1].verdict in (Verdict.UNAVAILABLE, Verdict.ACCEPTED, Verdict.IN_FLIGHT)
    if reply is hang:
        assert outcomes[-1].verdict is Verdict.UNAVAILABLE


def test_the_deadline_of_the_batch_and_a_deadline_leave_events_untried() -> None:
    with Server(hang) as server:
        exporter = exporter_for(server, timeout=30)
        begun = time.monotonic()
        assert export(exporter, tools(1), seconds=0.2)[-1].verdict is Verdict.UNTRIED
        assert export(exporter, tools(1), seconds=0)[-1].verdict is Verdict.UNTRIED
        outcomes: list[Outcome] = []
        deadline = Deadline(clock.monotonic() + 30)
        deadline.sooner = sooner = list[float]()
        thread = threading.Thread(target=lambda: outcomes.extend(exporter.export(tools(1), deadline)))
        thread.start()
        server.wait_for(2)
        sooner.append(clock.monotonic())
        thread.join(PATIENCE)
        assert outcomes[-1].verdict is Verdict.UNTRIED
        hold(time.monotonic() - begun, 4)


def test_after_something_that_halts_the_rest_is_left_for_later() -> None:
    with Server(answer(429, retry_after="1")) as server:
        outcomes = export(exporter_for(server, profiles=("voltops",)), tools(6, "x" * 900_000))
        assert len(server.requests) == 1
    verdicts = sorted(o.verdict.value for o in outcomes)
    assert verdicts == ["retry"] * 4 + ["untried"] * 10  # a start waits for its end


def test_a_forked_child_starts_anew() -> None:
    with Server() as server:
        exporter = exporter_for(server)
        export(exporter, tools(1))
        exporter.after_fork()
        export(exporter, tools(1))
        assert server.connections == 2
        exporter.forget("unknown")


# Bad input.


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"endpoint": "localhost:4318"}, "endpoint"),
        ({"endpoint": "ftp://x/"}, "endpoint"),
        ({"endpoint": "http://"}, "endpoint"),
        ({"endpoint": "http://x:99999/"}, "endpoint"),
        ({"endpoint": "http://x y/"}, "endpoint"),
        ({"endpoint": "http://[::1/"}, "endpoint"),
        ({"protocol": "grpc"}, "protocol .*http/json, http/protobuf"),
        ({"compression": "br"}, "compression"),
        ({"profiles": ("genai", "honeycomb")}, "profiles .*honeycomb.*voltops"),
        ({"profiles": ()}, "profiles"),
        ({"headers": {"k": f"{KEY}\r\nx: y"}}, "the value of k in headers"),
        ({"headers": {"k": f"{KEY}ä"}}, "the value of k in headers"),
        ({"headers": {"k": 5}}, "the value of k in headers .* int"),
        ({"headers": {"k\nl": KEY}}, "a name in headers"),
        ({"headers": {"": KEY}}, "a name in headers"),
        ({"headers": {"my header": KEY}}, "a name in headers .* 'my header'"),
        ({"headers": {"k:": KEY}}, "a name in headers .* 'k:'"),
    ],
)
def test_bad_input_names_the_setting_and_shows_no_key(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named) as caught:
        OtlpExporter(**{"endpoint": "http://127.0.0.1:9/v1/traces", **options})
    assert KEY not in str(caught.value)


# Through the SDK.


@pytest.mark.parametrize("name", ["x-api-key", "X-1!#$%&'*+.^_`|~", "baggage"])
def test_a_header_that_may_be_called_so_arrives(name: str) -> None:
    with Server() as server:
        export(exporter_for(server, headers={name: " a, b=c "}), tools(1))
    (request,) = server.requests
    assert request.headers[name.lower()] == "a, b=c"


def test_requests_say_who_sends_them_unless_the_user_does() -> None:
    with Server() as server:
        for headers in ({}, {"User-Agent": "shop/3"}):
            export(exporter_for(server, headers=headers), tools(1))
    agents = [request.headers["user-agent"] for request in server.requests]
    assert agents == [f"voltagent-python/{voltagent.__version__}", "shop/3"]


def test_decorated_code_arrives_as_one_tree() -> None:
    @voltagent.tool
    def weather(city: str) -> str:
        return f"sunny in {city}"

    @voltagent.tool
    def broken() -> None:
        raise LookupError("no such place")

    @voltagent.agent(name="Forecaster", instructions="Be kind.")
    def forecast(city: str) -> str:
        with pytest.raises(LookupError):
            broken()
        return weather(city)

    with Server() as server:
        with VoltAgentSDK(exporter=exporter_for(server)) as sdk:
            with sdk.trace(agent_id="app", user_id="u"):
                forecast("Rome")
            left_open = sdk.trace(agent_id="left open")
        report = sdk.stats()
    assert (report.pending, dict(report.dropped), report.recorded) == (0, {}, report.accepted)
    found = {
        span.name: span for request in server.requests for span in read(request).resource_spans[0].scope_spans[0].spans
    }
    root = found["invoke_workflow app"]
    agent = found["invoke_agent Forecaster"]
    assert root.parent_span_id == b""
    assert agent.parent_span_id == root.span_id
    assert found["execute_tool weather"].parent_span_id == found["execute_tool broken"].parent_span_id == agent.span_id
    assert {span.trace_id for span in found.values() if span.name != "invoke_workflow left open"} == {root.trace_id}
    assert found["execute_tool broken"].status.message == "no such place"
    assert found["execute_tool broken"].status.code == 2
    assert (
        root.start_time_unix_nano <= agent.start_time_unix_nano <= agent.end_time_unix_nano <= root.end_time_unix_nano
    )
    unfinished = found["invoke_workflow left open"]
    assert unfinished.trace_id.hex() == left_open.id.replace("-", "")
    assert unfinished.status.code == 2
    values = {a.key: a.value.string_value for a in found["execute_tool weather"].attributes}
    assert json.loads(values["gen_ai.tool.call.arguments"]) == {"city": "Rome"}
    assert json.loads(values["gen_ai.tool.call.result"]) == {"result": "sunny in Rome"}


@pytest.mark.slow
def test_a_connection_whose_answer_came_late_is_closed() -> None:
    answered = threading.Event()

    def script(request: Recorded) -> bytes:
        if request is server.requests[0]:
            answered.wait(PATIENCE)
        return answer()

    with Server(script) as server:
        exporter = exporter_for(server)
        first, second = rich_events(), rich_events()
        assert {one.verdict for one in export(exporter, first)} & {Verdict.IN_FLIGHT}
        assert Verdict.ACCEPTED in {one.verdict for one in export(exporter, second)}
        gc.collect()  # what earlier tests have left
        answered.set()
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            until(lambda: bool(exporter.late()))
            gc.collect()
        assert shown == []
