"""One event weighs at most 1 MiB, on every wire and in every phase, and says what was cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic_core import to_json

import voltagent
from tests.helpers.server import Server
from tests.helpers.sink import loads, recording
from voltagent import Redactor, agent, tool
from voltagent.capture.exceptions.formatting import format_event
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.exporters.otlp import OtlpExporter
from voltagent.handles import open_trace
from voltagent.processors.redaction import Redactor as _Redactor
from voltagent.processors.size_limit import MOST, fit_event
from voltagent.wire.rest import encode

MIB = 1 << 20
WORDS = "some words and more "
LARGE = {"text": WORDS * 100_000, "n": 1}
METADATA = {"m": WORDS * 10_000, "n": 2}


def weigh(event: SpanEvent) -> int:
    return len(encode.request(event).body)


def everything_large(trace: Any) -> None:
    about: dict[str, Any] = {"input": LARGE, "metadata": METADATA, "tags": [WORDS * 50] * 256}
    one = trace.add_agent(name="n" * 5000, instructions="é" * 100_000, model_parameters=METADATA, **about)
    for number in range(8):
        one.record(metadata={f"k{number}": WORDS * 3000, "n": number}, tags=[f"{number}" * 1000] * 300)
    one.update(**about, output=LARGE, status_message=METADATA, usage={"cost": 1.0, "more": LARGE})
    trace.update(**about, output=LARGE, user_id="u" * 100_000)
    one.add_tool(name="t", **about).error({"message": "x", "details": LARGE}, metadata=METADATA)
    one.add_tool(name="t", **about).error(ValueError(WORDS * 1000), metadata=METADATA)
    event = one.add_event(name="e" * 5000, type="t" * 5000, output=LARGE, status_message=METADATA, **about)
    event.success(LARGE, METADATA)
    one.success(LARGE, {"total_tokens": 5, **{f"u{n}": WORDS * 1000 for n in range(1000)}}, METADATA)
    trace.end(LARGE, metadata=METADATA, usage={"total_tokens": 5})


def test_every_event_of_a_rest_server_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    growing = Redactor(keys=["n"], hook=lambda path, value: [value, "more"] if path.endswith(".n") else value)
    with Server() as server:
        sdk = voltagent.VoltAgentSDK(
            exporter="rest", base_url=server.url, public_key="pk", secret_key="sk", redact=growing
        )
        trace = sdk.trace(agent_id="a" * 5000, input=LARGE, metadata=METADATA, version="v" * 5000)
        everything_large(trace)
        report = sdk.shutdown(30).result()
        bodies = [request.body for request in server.requests]
    assert report.accepted == len(bodies) == 12
    assert sum(len(body) > 600_000 for body in bodies) >= 10
    assert max(map(len, bodies)) <= MIB
    for body in bodies:
        found = json.loads(body)
        assert len(body) < 300_000 or b'"truncated":true' in body
        assert set(found.get("metadata") or {}) >= ({"n"} if "n" in (found.get("metadata") or {}) else set())


DOCUMENTS = [{"id": str(number), "content": WORDS * 5} for number in range(9_000)]
ALL_PROFILES = ("voltops", "genai", "openinference", "langfuse")


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
@pytest.mark.parametrize("profiles", [*((profile,) for profile in ALL_PROFILES), ALL_PROFILES], ids="+".join)
def test_every_span_of_an_otlp_server_fits(profiles: tuple[str, ...], protocol: Any) -> None:
    with Server() as server:
        exporter = OtlpExporter(f"{server.url}/v1/traces", protocol=protocol, profiles=profiles)
        sdk = voltagent.VoltAgentSDK(exporter=exporter)
        trace = sdk.trace(agent_id="a" * 5000, input={**LARGE, "quotes": '"\\' * 100_000}, metadata=METADATA)
        everything_large(trace)
        trace.add_retriever(name="r", input=LARGE).success(DOCUMENTS)
        report = sdk.shutdown(30).result()
        bodies = [request.body for request in server.requests]
    assert report.accepted == report.recorded, report
    found = [span for body in bodies for span in spans_of(body, protocol)]
    assert len(found) == 7
    assert max(map(len, bodies)) <= 4 * MIB
    sizes = [size for size, _ in found]
    assert max(sizes) <= MIB * len(profiles)
    assert sum(size > MIB / 2 for size in sizes) >= 4  # the space is used
    assert all('"size":2000000' in text.replace("\\", "") for size, text in found if size > MIB / 2)


def spans_of(body: bytes, protocol: str) -> list[tuple[int, str]]:
    """Size and text of each span in a request."""
    if protocol == "http/json":
        spans = json.loads(body)["resourceSpans"][0]["scopeSpans"][0]["spans"]
        return [(len(to_json(span)), json.dumps(span)) for span in spans]
    read = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    return [(span.ByteSize(), str(span)) for span in read]


def test_a_span_that_fits_is_sent_as_it_is() -> None:
    text = "x" * 400_000
    with Server() as server:
        sdk = voltagent.VoltAgentSDK(exporter=OtlpExporter(f"{server.url}/v1/traces", protocol="http/json"))
        sdk.trace(agent_id="a", input={"text": text}).end({"text": text})
        assert sdk.shutdown(30).result().accepted == 2
        (request,) = server.requests
    assert request.body.count(text.encode()) == 2
    assert b"truncated" not in request.body


def test_what_the_caller_holds_fits_too() -> None:
    with recording() as (recorder, sink):
        everything_large(open_trace(recorder, {"agent_id": "a", "input": LARGE, "metadata": METADATA}, {}))
    held: dict[Phase, int] = {}
    for phase, span, fields in sink.events:
        if phase is Phase.END:
            size = len(span.output or b"") + sum(map(len, span.more_metadata)) + len(to_json(span.usage))
        elif phase is Phase.UPDATE:
            size = sum(len(value) for value in (fields or {}).values() if isinstance(value, bytes))
        else:
            texts = [value for value in (span.facts or {}).values() if isinstance(value, bytes)]
            size = len(span.input or b"") + len(span.metadata or b"") + sum(map(len, texts))
        held[phase] = max(held.get(phase, 0), size)
    assert max(held.values()) <= MIB + 100 * 1024  # a status message may come on top
    assert all(len(span.more_metadata) <= 32 for span in sink.spans)


def test_a_small_event_stays_the_same_object() -> None:
    with recording() as (recorder, sink):
        trace = open_trace(recorder, {"agent_id": "a", "input": {"a": 1}, "metadata": {"m": 1}}, {})
        trace.update(metadata={"x": 1})
        trace.add_agent(name="n", instructions="i").success({"o": 1}, {"total_tokens": 1}, {"k": 1})
        trace.end("done")
    for event in sink.events:
        before = [getattr(event[1], name) for name in Span.__slots__ if name != "__weakref__"]
        after = fit_event(event)
        assert after[2] is event[2]
        assert all(one is getattr(event[1], name) for one, name in zip(before, Span.__slots__, strict=False))


def test_fitting_twice_is_fitting_once_and_redacts_once() -> None:
    calls = []
    redactor = _Redactor(hook=lambda path, value: calls.append(path) or value)  # type: ignore[func-returns-value]
    with recording() as (recorder, sink):
        everything_large(open_trace(recorder, {"agent_id": "a", "input": LARGE, "metadata": METADATA}, {}))

    def processed(event: SpanEvent) -> SpanEvent:
        done = redactor.process(format_event(event) or event)
        assert done is not None
        return fit_event(done)

    first = [encode.request(processed(event)).body for event in sink.events if event[0] is not Phase.UPDATE]
    called = len(calls)
    assert [encode.request(processed(event)).body for event in sink.events if event[0] is not Phase.UPDATE] == first
    assert max(map(len, first)) <= MOST
    assert called > 0


def test_the_largest_value_is_cut_and_the_small_ones_stay() -> None:
    @agent(metadata={"m": "small"})
    def run(text: str, small: int) -> dict[str, Any]:
        voltagent.current().record(metadata={"more": WORDS * 2500, "kept": 3})
        return {"small": small, "text": text}

    with recording() as (_, sink):
        run(WORDS * 60_000, 5)
    for event in sink.events:
        fit_event(event)
        assert weigh(event) <= MIB
    span = sink.only
    output, more = loads(span.output), loads(span.more_metadata[0])
    assert output["small"] == 5
    assert output["text"]["truncated"] is True
    assert output["text"]["size"] == len(WORDS) * 60_000
    assert more == {"more": WORDS * 2500, "kept": 3}


def test_redaction_that_makes_a_payload_longer() -> None:
    with recording() as (_, sink):
        tool(lambda value: value, name="call")({"list": [{"pwd": 1}] * 80_000})
    for event in sink.events:
        done = _Redactor().process(event)
        assert done is not None
        assert weigh(fit_event(done)) <= MIB
    assert loads(sink.only.input)["value"]["list"]["size"] == 80_000


@pytest.mark.parametrize("number", [10, 3000])
def test_metadata_that_comes_bit_by_bit_stays_bounded(number: int) -> None:
    with recording() as (recorder, sink):
        one = open_trace(recorder, {"agent_id": "a"}, {}).add_tool(name="t")
        for step in range(number):
            one.record(metadata={f"step{step}": WORDS * 5, "last": step}, tags=[f"tag{step}"])
        one.success()
    span = sink.only
    joined: dict[str, Any] = {}
    for part in span.more_metadata:
        joined |= json.loads(part)
    assert joined["last"] == number - 1
    assert sum(map(len, span.more_metadata)) <= 70_000
    assert len(span.more_tags) <= 256
    assert ("truncated" in joined) == (number == 3000)
