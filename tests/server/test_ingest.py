"""What other processes send to the real server is in its store: our SDK over each wire, older clients, strangers."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.helpers import older_package
from tests.helpers.local_server import serving
from tests.helpers.trees import Tree, differences, tree
from voltagent import VoltAgentSDK, agent, current_agent, current_trace, memory, retriever, tool, trace
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store

KEYS = {"public_key": "pk_test", "secret_key": "sk_test_0123456789"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "server" / "traces.db")


@pytest.fixture
def url(store: Store) -> Iterator[str]:
    with serving(store) as url:
        yield url


# Our SDK.


def run_program(sdk: VoltAgentSDK) -> None:
    @tool(sdk=sdk)
    def weather(city: str) -> dict[str, Any]:
        return {"city": city, "degrees": 21.5}

    @retriever(name="kb-search", metadata={"vector_store": "pg"}, sdk=sdk)
    async def search(query: str) -> list[str]:
        return [f"about {query} 📦", "more"]

    @memory(operation="read", sdk=sdk)
    def recall(key: str) -> str | None:
        return None

    @tool(sdk=sdk)
    def failing() -> None:
        raise LookupError("no such page")

    @agent(name="Translator", sdk=sdk)
    def translate(text: str) -> str:
        recall("language")
        return text[::-1]

    @agent(name="Support Agent", instructions="Be brief.", model_parameters={"model": "gpt-4"}, sdk=sdk)
    async def support(question: str) -> str:
        await search(question)
        with pytest.raises(LookupError):
            failing()
        current_agent().add_tool(name="by hand", input={"x": [1]}, tags=["slow"]).success(output={"ok": True})
        current_agent().record(usage={"prompt_tokens": 150, "completion_tokens": 85, "total_tokens": 235})
        current_trace().add_event(name="handover", type="custom", input={"to": "human"})
        return translate(question) + str(weather("Köln")["degrees"])

    @trace(agent_id="support-v1", tags=["support"], user_id="u-1", conversation_id="c-1", version="1.2", sdk=sdk)
    async def handle(question: str) -> str:
        current_trace().update(metadata={"queue": 7})
        return await support(question)

    asyncio.run(handle("where?"))
    report = sdk.flush(timeout=60)
    assert (report.pending, report.dropped) == (0, {}), report


def both_ways(tmp_path: Path, store: Store, wire: str, **settings: Any) -> tuple[Tree, Tree]:
    """One run of the program, as the local exporter wrote it and as the server did."""
    sdk = VoltAgentSDK(exporter=["local", wire], local_path=str(tmp_path / "here.db"), **KEYS, **settings)
    with sdk:
        run_program(sdk)
    return tree(Store(tmp_path / "here.db")), tree(store)


WIRES = [
    ("rest", {}),
    *(("otlp", {"profiles": [profile]}) for profile in ("voltops", "genai", "openinference", "langfuse")),
    *(("otlp", {"otlp_protocol": protocol}) for protocol in ("http/json", "http/protobuf")),
    ("otlp", {"otlp_compression": "gzip"}),
]


@pytest.mark.parametrize(("wire", "settings"), WIRES, ids=lambda value: str(value))
def test_a_program_is_stored_as_the_local_exporter_stores_it(
    tmp_path: Path, store: Store, url: str, wire: str, settings: dict[str, Any]
) -> None:
    here, there = both_ways(tmp_path, store, wire, base_url=url, **settings)
    lost = differences(here, there)
    for name in [*lost]:
        before, after = lost[name]
        if name.endswith(".metadata") and wire == "rest":
            assert sorted(map(_flat, before)) == sorted(map(_flat, after)), "keys in camelCase"
        elif name.endswith("_ns") and wire == "rest":
            assert before // 1000 == after // 1000, "microseconds"
        elif name.endswith(".metadata") and not before and after.keys() <= {"tool_parameters", "tool_description"}:
            pass  # that a tool has them is in its facts here, and in its span there
        elif name == "failing.error" and wire == "otlp":
            assert {key: value for key, value in before.items() if key != "name"} == after
        elif name == "recall.agent_id":  # its span came before that of the agent around it
            assert wire == "otlp"
        else:
            continue
        del lost[name]
    assert lost == {}


def _flat(key: str) -> str:
    return key.replace("_", "").lower()


def test_many_programs_at_once(store: Store, url: str) -> None:
    """Each in a process of its own, by different wires, to one server."""
    code = """
import sys
from voltagent import VoltAgentSDK
exporter, url, number = sys.argv[1:]
with VoltAgentSDK(exporter=exporter, base_url=url, public_key="pk_x", secret_key="sk_x_0123456789") as sdk:
    for turn in range(20):
        with sdk.trace(agent_id=f"{exporter}-{number}") as trace, trace.add_tool(name="t"):
            pass
"""
    programs = [
        subprocess.Popen([sys.executable, "-c", code, wire, url, str(number)], env={**os.environ, "PYTHONPATH": ROOT})
        for number in range(2)
        for wire in ("rest", "otlp")
    ]
    assert [program.wait(120) for program in programs] == [0] * 4
    found = store.traces(Filter(), limit=200)
    assert len(found) == 80
    assert {(one.status, one.operations) for one in found} == {("completed", 1)}


ROOT = str(Path(__file__).parents[2])


# Voltagent 0.1.1.


def test_the_older_package_sends_what_ours_sends(tmp_path: Path, url: str, store: Store) -> None:
    older_package.run("handles.py", url)
    path = {"PYTHONPATH": ROOT}
    program = [sys.executable, str(older_package.PROGRAMS / "handles.py")]
    ours = Store(tmp_path / "ours.db")
    with serving(ours) as other:
        subprocess.run([*program, other], env=path, check=True, timeout=120)
    left_open = ["agent", "unlucky", "running", {}, None, None, []]
    ended = ["agent", "unlucky", "cancelled", {}, None, None, []]  # ours ends what was left open
    assert str(_shape(store)).replace(str(left_open), str(ended)) == str(_shape(ours))


def _shape(store: Store) -> list[Any]:
    """Names, kinds, states and payloads of every trace, as a tree."""
    shapes = []
    for one in store.traces(Filter(), limit=100):
        found = store.trace(one.id)
        assert found is not None
        operations = store.operations(one.id)
        shapes.append(
            [
                found.name, found.status, found.user_id, found.input, found.output, found.usage,
                _below(operations, None),
            ]
        )  # fmt: skip
    return sorted(shapes, key=str)


def _below(operations: Any, parent: str | None) -> list[Any]:
    return [
        [o.kind, o.name, o.status, o.input, o.output, o.usage, _below(operations, o.id)]
        for o in operations
        if o.parent_id == parent
    ]


# OpenTelemetry's.


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_opentelemetrys_own_sdk_and_exporter(store: Store, url: str, compression: Compression) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces", compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_export_batch_size=2, schedule_delay_millis=10))
    tracer = provider.get_tracer("shop")
    with tracer.start_as_current_span("GET /cart", kind=otel.SpanKind.SERVER) as root:
        for number in range(5):
            with tracer.start_as_current_span("SELECT", attributes={"row": number, "list": ["a", "b"]}):
                pass
        with pytest.raises(ValueError, match="bad"), tracer.start_as_current_span("fails"):
            raise ValueError("bad")
        root.add_event("checked", {"items": 3})
    provider.shutdown()

    found = tree(store)
    context = root.get_span_context()
    assert found["trace"]["id"].replace("-", "") == f"{context.trace_id:032x}"
    assert (found["trace"]["name"], found["trace"]["status"]) == ("GET /cart", "completed")
    assert found["trace"]["metadata"]["events"][0]["attributes"] == {"items": 3}
    operations = [operation for key, operation in found.items() if key != "trace"]
    assert sorted(operation["name"] for operation in operations) == ["SELECT"] * 5 + ["fails"]
    selects = sorted(o["metadata"]["row"] for o in operations if o["name"] == "SELECT")
    assert selects == [0, 1, 2, 3, 4]
    (failed,) = (operation for operation in operations if operation["name"] == "fails")
    assert failed["error"]["type"] == "ValueError"
    assert failed["error"]["message"] == "bad"
    assert "Traceback" in failed["error"]["stack"]


# The REST contract.


def test_creates_are_idempotent_by_id(store: Store, url: str) -> None:
    body = {"id": "t-1", "agent_id": "bot", "startTime": "2026-01-31T12:00:00Z"}
    event = {"id": "o-1", "history_id": "t-1", "event_type": "tool", "event_name": "tool:start", "metadata": {}}
    for path, one in (("/history", body), ("/history-events", event)):
        answers = [httpx.post(f"{url}{path}", json=one) for _ in range(3)]
        assert [(each.status_code, each.json()["id"]) for each in answers] == [(200, one["id"])] * 3
    (found,) = store.traces(Filter())
    assert (found.id, found.operations) == ("t-1", 1)


def test_the_server_gives_ids_where_none_are_given(url: str) -> None:
    first, second = (httpx.post(f"{url}/history", json={"agent_id": "bot"}).json()["id"] for _ in range(2))
    assert first != second
    assert len(first) == 36


@pytest.mark.parametrize("path", ["/history/nobody", "/history-events/nobody", "/history/%2E%2E"])
def test_an_update_of_what_is_not_here_is_404(url: str, path: str) -> None:
    answer = httpx.patch(f"{url}{path}", json={"status": "completed"})
    assert answer.status_code == 404
    assert "has this id" in answer.json()["message"]


def test_an_id_may_be_any_text(store: Store, url: str) -> None:
    strange = "a/b?c=ä%20 '\""
    httpx.post(f"{url}/history", json={"id": strange, "agent_id": "bot"}).raise_for_status()
    path = "/history/a%2Fb%3Fc%3D%C3%A4%2520%20%27%22"
    answer = httpx.patch(f"{url}{path}", json={"status": "completed", "endTime": "2026-01-31T12:00:00Z"})
    assert (answer.status_code, answer.json()["id"]) == (200, strange)
    (found,) = store.traces(Filter())
    assert found.status == "completed"


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        (b"{", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"{}", "agent_id is missing"),
        (b'{"agent_id": 1}', "agent_id must be a string, got a number"),
        (
            b'{"agent_id": "a", "end_time": "2263-01-01T00:00:00Z"}',
            "end_time must be a time in ISO 8601 such as 2026-01-31T12:00:00Z, from 1678 to 2261",
        ),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_mistake_is_400_and_says_which(url: str, content: bytes, reported: str) -> None:
    answer = httpx.post(f"{url}/history", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert reported in answer.json()["message"]
    assert answer.json()["errors"] == [answer.json()["message"]]
    assert httpx.get(f"{url}/api/traces").json()["traces"] == [], "nothing of it is stored"


def test_half_a_surrogate_pair_costs_only_itself(store: Store, url: str) -> None:
    """JavaScript cuts texts between the halves of a pair, and sends what is left."""
    rest = b'{"agent_id": "cut \\uD83D", "input": {"q": "\\ud83d\\udce6 \\udce6"}}'
    answer = httpx.post(f"{url}/history", content=rest, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    found = store.trace(answer.json()["id"])
    assert found is not None
    assert (found.name, found.input) == ("cut \ufffd", {"q": "📦 \ufffd"})
    nested = b'{"x": "\\ud800", "y": ' + b"[" * 100_000
    assert httpx.post(f"{url}/history", content=nested, headers={"Content-Type": "application/json"}).status_code == 400


def test_rest_takes_no_protobuf(url: str) -> None:
    assert httpx.post(f"{url}/history", content=b"x", headers=PROTOBUF).status_code == 415


def test_a_store_that_cannot_be_used_is_a_failure_of_the_server(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    path.write_text("this is no database, " * 100)
    with serving(Store(path)) as url:
        rest = httpx.post(f"{url}/history", json={"agent_id": "bot"})
        otlp = httpx.post(f"{url}/v1/traces", content=REQUEST.SerializeToString(), headers=PROTOBUF)
    assert rest.status_code == otlp.status_code == 500
    assert "traces.db" in rest.json()["message"]
    assert Status.FromString(otlp.content).code == 13


# The OTLP contract.

PROTOBUF = {"Content-Type": "application/x-protobuf"}
REQUEST = ExportTraceServiceRequest()
REQUEST.resource_spans.add().scope_spans.add().spans.add(
    trace_id=b"t" * 16, span_id=b"s" * 8, name="x", start_time_unix_nano=10**18, end_time_unix_nano=10**18
)
PARTLY = ExportTraceServiceRequest()
PARTLY.CopyFrom(REQUEST)
PARTLY.resource_spans[0].scope_spans[0].spans.add(trace_id=b"short", span_id=b"s" * 8)


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces"])
def test_success_is_an_empty_answer_in_the_requests_encoding(store: Store, url: str, path: str) -> None:
    protobuf = httpx.post(f"{url}{path}", content=REQUEST.SerializeToString(), headers=PROTOBUF)
    assert (protobuf.status_code, protobuf.content) == (200, b"")
    assert protobuf.headers["content-type"] == "application/x-protobuf"
    spans = [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "y"}]
    answer = httpx.post(f"{url}{path}", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    assert (answer.status_code, answer.json()) == (200, {})
    assert {one.name for one in store.traces(Filter())} == {"x", "y"}


def test_partial_success_counts_what_was_rejected(store: Store, url: str) -> None:
    answer = httpx.post(f"{url}/v1/traces", content=PARTLY.SerializeToString(), headers=PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 1)
    assert "traceId must be 32 hex digits" in partial.error_message
    spans = [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "y"}, {}]
    answer = httpx.post(f"{url}/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert len(store.traces(Filter())) == 2


def test_what_is_no_request_is_400_with_a_status(url: str) -> None:
    protobuf = httpx.post(f"{url}/v1/traces", content=b"\xff\xff", headers=PROTOBUF)
    status = Status.FromString(protobuf.content)
    assert (protobuf.status_code, status.code) == (400, 3)
    assert "ExportTraceServiceRequest" in status.message
    answer = httpx.post(f"{url}/v1/traces", json={"resourceSpans": 5})
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_a_compressed_body_is_taken_and_a_bomb_is_not(store: Store, url: str) -> None:
    packed = {**PROTOBUF, "Content-Encoding": "gzip"}
    content = gzip.compress(REQUEST.SerializeToString())
    assert httpx.post(f"{url}/v1/traces", content=content, headers=packed).status_code == 200
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    assert httpx.post(f"{url}/v1/traces", content=bomb, headers=packed).status_code == 413
    assert len(store.traces(Filter())) == 1


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_other_sites_cannot_send(store: Store, url: str, headers: dict[str, str]) -> None:
    content = json.dumps({"agent_id": "bot"})
    answer = httpx.post(f"{url}/history", content=content, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == 403
    assert not store.path.exists()
