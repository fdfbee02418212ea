"""What one request may hold: a small body that costs long is refused whole and says why; what programs send passes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.helpers.local_server import serving
from voltagent.storage.traces.store import Store
from voltagent.wire.otlp import decode, protobuf_decode
from voltagent.wire.otlp.decode import MOST_SPANS
from voltagent.wire.otlp.protobuf import delimited

pytestmark = pytest.mark.slow  # requests as large as is allowed

JSON = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
PROTOBUF = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
SIZE = 16 * 2**20  # unpacked; packed it is 15 to 50 KB


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "traces.db", missing_is_empty=True)


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def request_of(span: bytes) -> bytes:
    """An ``ExportTraceServiceRequest`` with a good span, and with this one."""
    ids = delimited(1, b"t" * 16) + delimited(2, b"s" * 8)
    return delimited(1, delimited(2, delimited(2, ids) + delimited(2, ids + span)))


def filled(piece: bytes) -> bytes:
    return piece * (SIZE // len(piece))


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: request_of(b"") + filled(b"\x18\x00"),  # unknown fields
        lambda: request_of(filled(b"\x4a\x00")),  # attributes of nothing
        lambda: request_of(delimited(9, delimited(1, b"k") + delimited(2, delimited(5, filled(b"\x0a\x00"))))),
        lambda: request_of(b"") + filled(b"\x0a\x00"),  # resources of nothing
    ],
    ids=["unknown", "attributes", "array", "resources"],
)
def test_protobuf_of_very_many_fields_is_refused_whole(client: httpx.Client, store: Store, bomb: Any) -> None:
    answer = client.post("/v1/traces", content=gzip.compress(bomb(), 1), headers=PROTOBUF)
    assert answer.status_code == 413
    status = Status.FromString(answer.content)
    assert status.code == 8
    assert str(protobuf_decode.MOST_FIELDS) in status.message
    assert store.traces() == []


GOOD = b'{"traceId":"%s","spanId":"%s","name":"x"}' % (b"ab" * 16, b"cd" * 8)


@pytest.mark.parametrize(
    ("path", "head", "piece", "tail"),
    [
        ("/v1/traces", b'{"resourceSpans":[{"scopeSpans":[{"spans":[%s,' % GOOD, b"{},", b"{}]}]}]}"),
        ("/v1/traces", b'{"resourceSpans":[{"scopeSpans":[{"spans":[%s]}]}],"x":' % GOOD, b"[", b""),
        ("/history", b'{"agent_id":"bot","input":[', b"[],", b"0]}"),
        ("/history", b'{"agent_id":"bot","tags":[', b'"",', b'""]}'),
        ("/history-events", b'{"history_id":"a","event_name":"b","event_type":"c","x":', b'{"a":', b""),
    ],
)
def test_json_of_very_many_parts_is_refused_whole(
    client: httpx.Client, store: Store, path: str, head: bytes, piece: bytes, tail: bytes
) -> None:
    answer = client.post(path, content=gzip.compress(head + filled(piece) + tail, 1), headers=JSON)
    assert answer.status_code == 413
    assert "1500000 are read at once" in answer.json()["message"]
    assert store.traces() == []


def test_json_in_an_attribute_counts_as_well(client: httpx.Client, store: Store) -> None:
    text = b"[%s0]" % (b"[]," * 2_000_000)
    span = delimited(9, delimited(1, b"input") + delimited(2, delimited(1, text)))
    answer = client.post("/v1/traces", content=gzip.compress(request_of(span), 1), headers=PROTOBUF)
    assert answer.status_code == 413
    assert store.traces() == []


def test_json_that_nests_deep_is_a_mistake(client: httpx.Client, store: Store) -> None:
    body = b'{"agent_id":"bot","input":%s%s}' % (b"[" * 5000, b"]" * 5000)
    answer = client.post("/history", content=gzip.compress(body), headers=JSON)
    assert (answer.status_code, store.traces()) == (400, [])


def test_very_many_fields_of_a_body_are_a_mistake(client: httpx.Client, store: Store) -> None:
    body = {"agent_id": "bot", **dict.fromkeys(map(str, range(1000)), 1)}
    answer = client.post("/history", json=body)
    assert answer.status_code == 400
    assert "at most 1000 fields" in answer.json()["message"]
    assert store.traces() == []


def message(number: int, trace: int, parent: int | None = None) -> dict[str, Any]:
    above = {} if parent is None else {"parentSpanId": f"{parent + 1:016x}"}
    return {
        "traceId": f"{trace + 1:032x}", "spanId": f"{number + 1:016x}", "name": "step", **above,
        "startTimeUnixNano": str(10**18 + number), "endTimeUnixNano": str(10**18 + 2 * number),
    }  # fmt: skip


def spans_request(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": messages}]}]}


def test_too_many_spans_are_refused_whole(client: httpx.Client, store: Store) -> None:
    answer = client.post("/v1/traces", json=spans_request([message(n, 0) for n in range(MOST_SPANS + 1)]))
    assert answer.status_code == 413
    assert f"more than {MOST_SPANS} spans" in answer.json()["message"]
    assert store.traces() == []


@pytest.mark.parametrize(
    "spans",
    [
        # these three took 20 s and more while each span looked at all the others
        pytest.param([message(n, 0, n - 1 if n else None) for n in range(10_000)], id="each below the one before"),
        pytest.param([message(n, 0, 9999 if n < 9999 else None) for n in range(10_000)], id="all below the last"),
        pytest.param([message(n, n, 77_777) for n in range(10_000)], id="a trace each, without its root"),
    ],
)
def test_ten_thousand_spans_pass(client: httpx.Client, store: Store, spans: list[dict[str, Any]]) -> None:
    assert client.post("/v1/traces", json=spans_request(spans)).json() == {}
    traces = store.traces(limit=20_000)
    assert len(traces) + sum(trace.operations for trace in traces) >= 10_000


def test_ten_thousand_spans_with_many_attributes_pass(client: httpx.Client, store: Store) -> None:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(10_000):
        span = spans.add(trace_id=b"t" * 16, span_id=(number + 1).to_bytes(8, "big"), name="step")
        for place in range(25):
            span.attributes.add(key=f"attribute.{place}").value.string_value = f"value {number}, and {place}"
    content = gzip.compress(request.SerializeToString(), 1)
    answer = client.post("/v1/traces", content=content, headers=PROTOBUF)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_full_payload_of_numbers_passes(client: httpx.Client, store: Store) -> None:
    numbers = [1] * 500_000  # a megabyte as text
    assert client.post("/history", json={"id": "a", "agent_id": "bot", "input": numbers}).status_code == 200
    trace = store.trace("a")
    assert trace is not None
    assert trace.input == {"result": numbers}


def test_a_usage_of_very_many_counts_is_none() -> None:
    counts = json.dumps(dict.fromkeys(map(str, range(5000)), 1))
    attribute = {"key": "langfuse.observation.usage_details", "value": {"stringValue": counts}}
    ((_, span, _),) = decode.events_of(spans_request([{**message(1, 1), "attributes": [attribute]}])).events
    assert span.usage is None


def test_spans_that_are_each_others_parents_have_the_agent_on_their_way() -> None:
    agent = {"attributes": [{"key": "span.type", "value": {"stringValue": "agent"}}], "name": "bot"}
    ring = [message(1, 0, 2), message(2, 0, 1), message(3, 0, 1), {**message(4, 0, 5), **agent}, message(5, 0, 4),
            message(6, 0, 5)]  # fmt: skip
    events = decode.events_of(spans_request(ring)).events
    assert [span.agent_id for _, span, _ in events][-1] == "bot"
