"""Scores go where a destination documents a place for them: OTLP logs, Langfuse, the platform's feedback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.helpers.server import Recorded, Server, answer
from tests.helpers.sink import recording
from voltagent import VoltAgentSDK, agent, tool
from voltagent.core import clock, trace_ids
from voltagent.core.span import Phase, SpanEvent
from voltagent.exporters import ACCEPTED, Verdict
from voltagent.exporters.otlp import OtlpExporter
from voltagent.exporters.rest import RestExporter
from voltagent.handles import open_trace

VALUES: tuple[Any, ...] = (0.75, True, "good")


def scored() -> list[SpanEvent]:
    """A trace with a tool, scored after their end: the trace, and the tool three times."""
    with recording() as (recorder, sink):
        trace = open_trace(recorder, {"agent_id": "a"}, {})
        tool = trace.add_tool(name="t")
        tool.success()
        trace.end()
        trace.score("overall", 5, comment="fine")
        for number, value in enumerate(VALUES):
            tool.score(f"s{number}", value)
    return sink.events


@pytest.fixture
def served() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(reply: Any = None) -> Server:
        server = Server(reply).__enter__() if reply else Server().__enter__()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def send(exporter: Any, events: list[SpanEvent]) -> list[Any]:
    outcomes = list(exporter.export(events, clock.monotonic() + 20))
    exporter.close()
    return outcomes


def sent_to(server: Server, path: str) -> list[Recorded]:
    return [request for request in server.requests if request.path == path]


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
def test_any_opentelemetry_backend_gets_evaluation_events_as_log_records(served: Any, protocol: Any) -> None:
    server, events = served(), scored()
    exporter = OtlpExporter(f"{server.url}/v1/traces", protocol=protocol, headers={"x-key": "k-12345"})
    assert set(send(exporter, events)) == {ACCEPTED}
    (request,) = sent_to(server, "/v1/logs")
    assert request.headers["x-key"] == "k-12345"
    if protocol == "http/json":
        records = request.json["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        found = [{one["key"]: next(iter(one["value"].values())) for one in record["attributes"]} for record in records]
        names = [(record["eventName"], record["traceId"], record["spanId"]) for record in records]
    else:
        message = ExportLogsServiceRequest.FromString(request.body)
        logs = message.resource_logs[0].scope_logs[0].log_records
        found = [{a.key: getattr(a.value, a.value.WhichOneof("value") or "") for a in log.attributes} for log in logs]
        names = [(log.event_name, log.trace_id.hex(), log.span_id.hex()) for log in logs]
    root, tool = (next(span for phase, span, _ in events if phase is Phase.START and span.kind == kind)
                  for kind in ("trace", "tool"))  # fmt: skip
    ids = [(context.trace_id, context.span_id) for context in map(trace_ids.context_of, (root, tool))]
    assert names == [("gen_ai.evaluation.result", *ids[0]), *[("gen_ai.evaluation.result", *ids[1])] * 3]
    name, value, label = (f"gen_ai.evaluation.{part}" for part in ("name", "score.value", "score.label"))
    assert found == [
        {name: "overall", value: 5.0, "gen_ai.evaluation.explanation": "fine"},
        {name: "s0", value: 0.75},
        {name: "s1", value: 1.0, label: "true"},
        {name: "s2", label: "good"},
    ]


def test_langfuse_gets_scores_by_its_own_api(served: Any) -> None:
    server, events = served(), scored()
    send(OtlpExporter(f"{server.url}/api/public/otel/v1/traces", profiles=("langfuse",)), events)
    bodies = [request.json for request in sent_to(server, "/api/public/scores")]
    assert [(body["name"], body["value"], body["dataType"]) for body in bodies] == [
        ("overall", 5, "NUMERIC"), ("s0", 0.75, "NUMERIC"), ("s1", 1, "BOOLEAN"), ("s2", "good", "CATEGORICAL"),
    ]  # fmt: skip
    assert ["observationId" in body for body in bodies] == [False, True, True, True]
    assert bodies[0]["comment"] == "fine"
    assert len(bodies[0]["traceId"]) == 32
    assert all(
        request.headers["content-type"] == "application/json" for request in sent_to(server, "/api/public/scores")
    )


def test_the_platform_gets_feedback(served: Any) -> None:
    server, events = served(), scored()
    exporter = OtlpExporter(f"{server.url}/api/public/otel/v1/traces", profiles=("voltops",))
    assert set(send(exporter, events)) == {ACCEPTED}
    bodies = [request.json for request in sent_to(server, "/api/public/feedback")]
    assert sorted((body["key"], body.get("score"), body.get("value")) for body in bodies) == [
        ("overall", 5.0, None), ("s0", 0.75, None), ("s1", 1.0, None), ("s2", None, "good"),
    ]  # fmt: skip
    trace_id = clock.id_text(events[0][1].trace.id)
    assert {body["trace_id"] for body in bodies} == {trace_id.replace("-", "")}
    assert len({body["id"] for body in bodies}) == 4


def test_the_history_api_gets_no_scores_and_one_warning_says_so(served: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = served()
    with caplog.at_level("WARNING", logger="voltagent"):
        for _ in range(2):
            assert set(send(RestExporter(server.url, "pk_1", "sk_1"), scored())) == {ACCEPTED}
    assert {request.path.split("/")[1].split("?")[0] for request in server.requests} <= {"history", "history-events"}
    (warning,) = [record.getMessage() for record in caplog.records if "score" in record.getMessage()]
    assert warning == (
        "scores cannot be sent by the REST history API: they are kept in the local store only, if it is a destination"
    )


def test_a_later_score_of_the_same_name_has_the_same_id(served: Any) -> None:
    with recording() as (recorder, sink):
        trace = open_trace(recorder, {"agent_id": "a"}, {})
        trace.score("s", 1)
        trace.score("s", 2)
    server = served()
    send(OtlpExporter(f"{server.url}/api/public/otel/v1/traces", profiles=("langfuse",)), sink.events)
    first, second = (request.json for request in sent_to(server, "/api/public/scores"))
    assert (first["id"], first["value"], second["value"]) == (second["id"], 1, 2)


@pytest.mark.parametrize("status", [404, 501])
def test_a_destination_without_a_place_for_scores_is_left_alone(served: Any, status: int) -> None:
    def reply(request: Recorded) -> Any:
        return answer(status if "logs" in request.path or "feedback" in request.path else 200, {})

    server = served(reply)
    for exporter in (OtlpExporter(f"{server.url}/v1/traces"), RestExporter(server.url, "pk_1", "sk_1")):
        assert set(send(exporter, scored())) == {ACCEPTED}
    assert set(send(OtlpExporter(f"{server.url}/custom"), scored())) == {ACCEPTED}


def test_scores_are_tried_again_later(served: Any) -> None:
    def reply(request: Recorded) -> Any:
        return answer(503 if "logs" in request.path else 200, {})

    events = scored()
    outcomes = send(OtlpExporter(f"{served(reply).url}/v1/traces"), events)
    verdicts = {outcome.verdict for event, outcome in zip(events, outcomes, strict=True) if event[0] is Phase.SCORE}
    assert verdicts == {Verdict.UNAVAILABLE}
    assert json.dumps([event[0].value for event in events]).count("score") == 4


def test_an_agent_and_its_trace_in_one_span_are_counted_whole(served: Any) -> None:
    server = served()

    @agent
    def bot() -> str:
        return tool(lambda: "done")()  # type: ignore[no-any-return]

    options: Any = {"otlp_endpoint": f"{server.url}/api/public/otel/v1/traces", "profiles": ["voltops"]}
    with VoltAgentSDK(exporter="otlp", **options) as sdk:
        bot()
        report = sdk.flush()
        assert (report.accepted, dict(report.dropped), report.pending) == (6, {}, 0)
