"""The platform's console routes on the real server, against the list of what its local server answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.rich_trace import rich_events
from tests.helpers.stored import Run
from voltagent.core import trace_ids
from voltagent.core.clock import id_text
from voltagent.core.span import TOOL
from voltagent.server.console import span_tree
from voltagent.server.server import serving
from voltagent.storage.traces.store import Filter, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "traces.db")


@pytest.fixture
def console(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def data(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    return answer.json()["data"]


def problem(client: httpx.Client, path: str) -> tuple[int, str]:
    answer = client.get(path)
    assert set(answer.json()) == {"success", "error"}
    assert answer.json()["success"] is False
    return answer.status_code, answer.json()["error"]


def stored_rich(store: Store) -> str:
    store.append(rich_events())
    (trace,) = store.traces(Filter())
    return trace.id


# ------------------------------------------------------------------------------------------------------------- traces


def test_the_list_has_whole_traces(store: Store, console: httpx.Client) -> None:
    identifier = stored_rich(store)
    found = data(console, "/observability/traces")
    assert found["count"] == 1
    (trace,) = found["traces"]
    assert set(trace) == {"traceId", "spans", "tree", "spanCount"}
    assert trace["traceId"] == identifier.replace("-", "")
    assert trace["spanCount"] == len(trace["spans"]) == 11
    assert trace == data(console, f"/observability/traces/{trace['traceId']}")
    assert trace == data(console, f"/observability/traces/{identifier}"), "our own spelling does, too"


def test_a_span_has_the_javascript_apis_form(store: Store, console: httpx.Client) -> None:
    stored_rich(store)
    (trace,) = data(console, "/observability/traces")["traces"]
    root = trace["spans"][0]
    assert "parentSpanId" not in root
    assert (root["name"], root["kind"], root["status"]) == ("support-v1", 0, {"code": 1})
    assert (root["startTime"], root["endTime"]) == ("2030-03-17T17:46:40.000Z", "2030-03-17T17:46:40.019Z")
    assert root["duration"] == pytest.approx(19.000019)
    by_name = {span["name"]: span for span in trace["spans"]}
    tool = by_name["tool.execution:tracking"]
    assert tool["kind"] == 2, "client, by JavaScript's numbers"
    assert tool["parentSpanId"] == by_name["subagent:Support Agent"]["spanId"]
    assert tool["attributes"]["span.type"] == "tool"
    assert tool["attributes"]["entity.id"] == "Support Agent"
    assert tool["attributes"]["output"] == '{"where":"Köln"}'
    assert by_name["subagent:Support Agent"]["attributes"]["usage.prompt_tokens"] == 150
    failed = by_name["tool.execution:dictionary"]
    assert failed["status"] == {"code": 2, "message": "no such word"}
    (event,) = failed["events"]
    assert (event["name"], event["attributes"]["exception.type"]) == ("exception", "LookupError")
    assert event["timestamp"].endswith("Z")
    for span in trace["spans"]:
        assert set(span) - {"parentSpanId"} == {
            "traceId", "spanId", "name", "kind", "startTime", "endTime", "duration", "attributes", "status", "events",
            "links", "resource", "instrumentationScope",
        }  # fmt: skip


def test_the_tree_is_the_spans_below_each_other(store: Store, console: httpx.Client) -> None:
    stored_rich(store)
    (trace,) = data(console, "/observability/traces")["traces"]
    (root,) = trace["tree"]
    assert [child["name"] for child in root["children"]] == ["subagent:Support Agent", "handover:offered"]
    agent = root["children"][0]
    (sub,) = (child for child in agent["children"] if child["name"] == "subagent:Translator")
    assert [(child["name"], child["depth"]) for child in sub["children"]] == [("tool.execution:dictionary", 3)]


def test_what_runs_has_no_end(tmp_path: Path, console: httpx.Client) -> None:
    run = Run(tmp_path / "traces.db")
    root = run.trace(ended=False)
    run.recorder.start(root, "tool", "slow", b"{}")
    run.save()
    (trace,) = data(console, "/observability/traces")["traces"]
    for span in trace["spans"]:
        assert "endTime" not in span
        assert "duration" not in span
        assert span["status"] == {"code": 0}
    assert trace["spans"][0]["attributes"]["agent.state"] == "running"


def test_the_list_can_be_of_one_agent(tmp_path: Path, console: httpx.Client) -> None:
    run = Run(tmp_path / "traces.db")
    for name in ("first", "second", "first"):
        run.trace(name)
    run.save()
    assert data(console, "/observability/traces?entityId=first&entityType=agent")["count"] == 2
    assert data(console, "/observability/traces?entityId=third")["count"] == 0
    assert data(console, "/observability/traces?entityType=workflow") == {"traces": [], "count": 0}


def test_the_list_ends_at_a_hundred_and_the_newest_come_first(tmp_path: Path, console: httpx.Client) -> None:
    run = Run(tmp_path / "traces.db")
    for number in range(103):
        run.trace(f"bot-{number}")
    run.save()
    traces = data(console, "/observability/traces")["traces"]
    assert len(traces) == 100
    assert [trace["spans"][0]["name"] for trace in traces[:2]] == ["bot-102", "bot-101"]


def test_a_list_has_the_beginning_of_a_large_trace(tmp_path: Path, console: httpx.Client) -> None:
    run = Run(tmp_path / "traces.db")
    root = run.trace("large", ended=False)
    for number in range(2_500):
        run.recorder.succeed(run.recorder.start(root, TOOL, f"tool {number}", b"{}"), b"{}")
    run.recorder.succeed(root, b"{}")
    run.save()
    (listed,) = data(console, "/observability/traces")["traces"]
    whole = data(console, f"/observability/traces/{listed['traceId']}")
    assert (listed["spanCount"], len(listed["spans"])) == (2_501, 2_000)
    assert (whole["spanCount"], len(whole["spans"])) == (2_501, 2_501)
    assert listed["spans"] == whole["spans"][:2_000]
    assert len(whole["tree"][0]["children"]) == 2_500


def test_an_empty_store_and_one_that_is_not_there(console: httpx.Client) -> None:
    assert data(console, "/observability/traces") == {"traces": [], "count": 0}
    assert data(console, "/observability/status")["spanCount"] == 0
    assert problem(console, "/observability/traces/abc") == (404, "Trace not found")


def test_a_trace_with_an_id_of_its_own_is_found_by_its_digits(tmp_path: Path, console: httpx.Client) -> None:
    run = Run(tmp_path / "traces.db")
    run.trace("bot", identifier="order 66")
    run.save()
    (trace,) = data(console, "/observability/traces")["traces"]
    assert trace["traceId"] == trace_ids.trace_id("order 66")
    assert data(console, f"/observability/traces/{trace['traceId']}") == trace
    assert data(console, "/observability/traces/order%2066") == trace


# -------------------------------------------------------------------------------------------------------------- spans


def test_a_span_by_itself_is_as_it_is_in_its_trace(store: Store, console: httpx.Client) -> None:
    for span in data(console, f"/observability/traces/{stored_rich(store)}")["spans"]:
        assert data(console, f"/observability/spans/{span['spanId']}") == span


def test_a_span_by_its_digits(tmp_path: Path, store: Store, console: httpx.Client) -> None:
    run = Run(tmp_path / "traces.db")
    root = run.trace("bot", ended=False)
    tool = run.recorder.start(root, "tool", "search", b"{}")
    run.save()
    digits = trace_ids.span_id(tool.id)
    span = data(console, f"/observability/spans/{digits}")
    assert (span["name"], span["spanId"]) == ("tool.execution:search", digits)
    assert data(console, f"/observability/spans/{trace_ids.span_id(root.id)}")["name"] == "bot"
    assert span["traceId"] == id_text(root.id).replace("-", "")


@pytest.mark.parametrize("digits", ["0" * 16, "%25" * 16, "________________", "x", "ä" * 16])
def test_a_span_that_is_not_here(store: Store, console: httpx.Client, digits: str) -> None:
    stored_rich(store)
    assert problem(console, f"/observability/spans/{digits}") == (404, "Span not found")


def test_what_came_as_otlp_keeps_its_ids(store: Store, console: httpx.Client) -> None:
    spans = [
        {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "root"},
        {"traceId": "ab" * 16, "spanId": "ef" * 8, "parentSpanId": "cd" * 8, "name": "inner"},
    ]
    console.post("/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).raise_for_status()
    assert data(console, f"/observability/spans/{'ef' * 8}")["name"] == "inner"
    assert data(console, f"/observability/traces/{'ab' * 16}")["spanCount"] == 2


# ------------------------------------------------------------------------------------------------ status, logs, memory


def test_the_status(store: Store, console: httpx.Client) -> None:
    stored_rich(store)
    status = data(console, "/observability/status")
    assert (status["enabled"], status["storage"], status["storagePersistent"]) == (True, "sqlite", True)
    assert (status["traceCount"], status["spanCount"], status["logCount"], status["websocket"]) == (1, 11, 0, True)
    assert set(status) == {
        "enabled", "storage", "storageAdapter", "storagePersistent", "storageDisplayName", "storageDescription",
        "websocket", "traceCount", "spanCount", "logCount", "resumableStream", "message",
    }  # fmt: skip


def test_there_are_no_logs(store: Store, console: httpx.Client) -> None:
    identifier = stored_rich(store).replace("-", "")
    assert data(console, f"/observability/traces/{identifier}/logs") == {"traceId": identifier, "logs": [], "count": 0}
    span = data(console, f"/observability/traces/{identifier}")["spans"][1]["spanId"]
    assert data(console, f"/observability/spans/{span}/logs") == {"spanId": span, "logs": [], "count": 0}
    assert data(console, "/observability/logs?traceId=x&junk=1") == {"logs": [], "count": 0, "filter": {"traceId": "x"}}
    assert problem(console, "/observability/traces/none/logs")[0] == 404
    assert problem(console, "/observability/spans/none/logs")[0] == 404


def test_the_memory_explorer_finds_nothing(console: httpx.Client) -> None:
    memory = "/observability/memory"
    assert data(console, f"{memory}/users?limit=5&offset=10") == {"users": [], "total": 0, "limit": 5, "offset": 10}
    assert data(console, f"{memory}/users?limit=junk")["limit"] == 50
    assert data(console, f"{memory}/conversations?limit=100000")["limit"] == 200
    for part in ("messages", "steps"):
        assert problem(console, f"{memory}/conversations/c-1/{part}") == (404, "Conversation not found")
    assert data(console, f"{memory}/working-memory?scope=user&userId=u")["content"] is None
    assert problem(console, f"{memory}/working-memory?scope=conversation&conversationId=c")[0] == 404
    assert problem(console, f"{memory}/working-memory") == (400, "Invalid scope. Expected 'conversation' or 'user'.")


# ------------------------------------------------------------------------------------------------------------ hostile


def chain(count: int) -> list[dict[str, Any]]:
    return [
        {"spanId": f"{number:016x}", **({"parentSpanId": f"{number - 1:016x}"} if number else {})}
        for number in range(count)
    ]


def test_a_tree_deeper_than_json_goes_is_cut_flat() -> None:
    (root,) = span_tree(chain(3_000))
    depth, node, seen = 0, root, 1
    while node["children"]:
        seen += len(node["children"])
        depth, node = depth + 1, node["children"][0]
    assert (depth, seen) == (50, 3_000)


def test_spans_that_are_each_others_parents_do_not_hang() -> None:
    loop = [{"spanId": "a", "parentSpanId": "b"}, {"spanId": "b", "parentSpanId": "a"}]
    own = {"spanId": "c", "parentSpanId": "c"}
    (root,) = span_tree([*loop, own, {"spanId": "d"}])
    assert (root["spanId"], root["children"]) == ("d", [])


def test_other_sites_read_nothing(store: Store, console: httpx.Client) -> None:
    stored_rich(store)
    answer = console.get("/observability/traces", headers={"Origin": "https://console.voltagent.dev"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
