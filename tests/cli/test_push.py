"""``voltagent push``, from real stores to real servers, interrupted in every way."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.helpers.internals import recorder_of
from tests.helpers.pace import until
from tests.helpers.rich_trace import run
from tests.helpers.server import Recorded, Server, answer, hang, unused_port
from tests.helpers.stored import run_sql
from tests.helpers.terminal import read_all
from voltagent import VoltAgentSDK, agent, tool
from voltagent.cli import main
from voltagent.core.span import Phase
from voltagent.delivery.push import finished
from voltagent.storage.traces.store import Store


@tool
def look_up(order: str) -> dict[str, str]:
    return {"order": order}


@agent
def clerk(order: str) -> str:
    return look_up(order)["order"]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        yield one


def fill(path: Path, traces: int) -> Path:
    with VoltAgentSDK(exporter="local", local_path=path) as sdk:
        for number in range(traces):
            with sdk.trace(agent_id=f"desk-{number % 2}", input={"number": number}):
                clerk(f"A-{number}")
    return path


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return fill(tmp_path / "traces.db", 6)


def push(monkeypatch: pytest.MonkeyPatch, server: Server | str, db: Path, *arguments: str) -> int:
    monkeypatch.setenv("VOLTAGENT_BASE_URL", server if isinstance(server, str) else server.url)
    return main(["push", "--db", str(db), *arguments])


def created(server: Server) -> list[str]:
    """The inputs' numbers of the traces that were created, in order."""
    return [body["input"]["number"] for body in creates(server)]


def creates(server: Server) -> list[Any]:
    """What created traces; a client that is killed may leave half a request."""
    whole = [one for one in server.requests if one.headers["content-length"] == str(len(one.body))]
    return [one.json for one in whole if one.line == "POST /history"]


# As sent at once.


def both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> tuple[list[Recorded], list[Recorded]]:
    """The requests of a rich trace that were sent at once, and those of the same one pushed from the store."""
    with Server() as at_once, Server() as later:
        exporter = settings.pop("exporter")
        where = {"otlp_endpoint": f"{at_once.url}/v1/traces"} if exporter == "otlp" else {"base_url": at_once.url}
        sdk = VoltAgentSDK(exporter=[exporter, "local"], local_path=tmp_path / "t.db", **where, **settings)
        run(recorder_of(sdk))
        assert dict(sdk.shutdown().dropped) == {}
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{later.url}/v1/traces")
        assert push(monkeypatch, later, tmp_path / "t.db", "--exporter", exporter) == 0
        return list(at_once.requests), list(later.requests)


def test_rest_requests_are_byte_for_byte_those_of_sending_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, later = both_ways(tmp_path, monkeypatch, exporter="rest")

    def operations(requests: list[Recorded]) -> set[bytes]:
        return {one.body for one in requests if one.path == "/history-events" and b'"custom"' not in one.body}

    assert operations(later) == operations(at_once)
    assert len(operations(later)) == 18
    (create,) = (one.json for one in later if one.line == "POST /history")
    updates: dict[str, Any] = {}
    (first,) = (one.json for one in at_once if one.line == "POST /history")
    for one in at_once:
        if one.method == "PATCH" and "endTime" not in one.json:
            updates |= {name: value for name, value in one.json.items() if name != "metadata"}
    assert create == {**first, **updates}, "what updates said is there from the start"
    (end,) = (one for one in later if one.method == "PATCH")
    assert end.body in {one.body for one in at_once if one.method == "PATCH"}
    order = [one.line for one in later]
    assert (order[0], order[-1]) == ("POST /history", end.line)


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
def test_otlp_spans_are_those_of_sending_at_once(
    protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    at_once, later = both_ways(tmp_path, monkeypatch, exporter="otlp")
    seen = [spans(requests, protocol) for requests in (at_once, later)]
    assert seen[0] == seen[1]
    assert len(seen[1]) == 11
    assert later[0].headers["content-type"] == at_once[0].headers["content-type"]


def spans(requests: list[Recorded], protocol: str) -> dict[Any, Any]:
    """By id. The conversation is left out: at once, it came with an update when the first spans were away already."""
    found: dict[Any, Any] = {}
    for request in requests:
        if protocol == "http/json":
            for span in request.json["resourceSpans"][0]["scopeSpans"][0]["spans"]:
                span["attributes"] = [one for one in span["attributes"] if "conversation" not in one["key"]]
                found[span["spanId"]] = span
        else:
            message = ExportTraceServiceRequest.FromString(request.body)
            for span in message.resource_spans[0].scope_spans[0].spans:
                kept = [one for one in span.attributes if "conversation" not in one.key]
                del span.attributes[:]
                span.attributes.extend(kept)
                found[span.span_id] = span.SerializeToString(deterministic=True)
    return found


# What goes, and once.


def test_all_goes_the_oldest_first_and_only_once(
    db: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(monkeypatch, server, db) == 0
    assert sorted(created(server)) == [0, 1, 2, 3, 4, 5]
    assert capsys.readouterr().out == f"6 to rest {server.url}: 6 sent, 0 rejected, 0 left\n"
    count = len(server.requests)
    assert count == 6 * 6
    assert push(monkeypatch, server, db) == 0
    assert "6 traces were sent there, or rejected, before" in capsys.readouterr().out
    assert len(server.requests) == count
    fill(db, 1)
    assert push(monkeypatch, server, db) == 0
    assert len(created(server)) == 7, "what is new goes"
    assert push(monkeypatch, server, db, "--again") == 0
    assert len(created(server)) == 14
    with Server() as other:
        assert push(monkeypatch, other, db) == 0, "another destination has had nothing"
        assert len(created(other)) == 7


def test_ids_and_filters_say_which(db: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(db)
    oldest = store.traces()[-1]
    store.close()
    assert push(monkeypatch, server, db, oldest.id[:8]) == 0
    assert created(server) == [0]
    assert push(monkeypatch, server, db, "--agent", "desk-0") == 0
    assert sorted(created(server)) == [0, 2, 4]


def test_what_still_runs_is_left_out_unless_it_is_requested(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    db = tmp_path / "t.db"
    sdk = VoltAgentSDK(local_path=db)
    sdk.trace(agent_id="done", input={"number": 1}).end()
    open_one = sdk.trace(agent_id="open", input={"number": 2})
    tool = open_one.add_agent(name="a").add_tool(name="t")
    sdk.flush()
    assert push(monkeypatch, server, db) == 0
    assert "1 trace still runs: left out (--unfinished sends them)" in capsys.readouterr().out
    assert created(server) == [1]
    assert push(monkeypatch, server, db, "--unfinished") == 0
    assert created(server) == [1, 2]
    ends = [body for body in server.bodies("POST /history-events") if body["status"] == "cancelled"]
    assert [(body["event_type"], body["metadata"]["unfinished"]) for body in ends] == [("tool", True), ("agent", True)]
    assert server.bodies()[-1]["metadata"]["cancelled"] is True
    tool.success()
    sdk.shutdown()


def test_without_a_destination_it_says_what_to_do(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", "--db", str(db)]) == 1
    assert "no destination to push to: set VOLTAGENT_PUBLIC_KEY" in capsys.readouterr().err
    assert main(["push", "--db", str(db), "--exporter", "rest"]) == 1
    assert "needs public_key and secret_key" in capsys.readouterr().err


def test_a_running_operation_of_an_ended_trace_ends_before_it(tmp_path: Path) -> None:
    sdk = VoltAgentSDK(local_path=tmp_path / "t.db")
    trace = sdk.trace(agent_id="a")
    late = trace.add_tool(name="late")
    trace.end()
    sdk.flush()
    store = Store(tmp_path / "t.db")
    events = finished(store.events(trace.id))
    assert [(phase, span.name) for phase, span, _ in events] == [
        (Phase.START, "a"), (Phase.START, "late"), (Phase.END, "late"), (Phase.END, "a"),
    ]  # fmt: skip
    assert events[2][1].status == "cancelled"
    store.close()
    late.success()
    sdk.shutdown()


# What goes wrong.


def test_a_rejected_trace_is_named_and_not_tried_again(
    db: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = lambda request: answer(422 if b'"number":3' in request.body else 200)
    assert push(monkeypatch, server, db) == 1
    out = capsys.readouterr().out
    assert re.search(r"^trace \w{8}: 1 of 6 records refused: HTTP 422 ", out, re.MULTILINE)
    assert f"6 to rest {server.url}: 5 sent, 1 rejected, 0 left" in out
    count = len(server.requests)
    assert push(monkeypatch, server, db) == 0
    assert len(server.requests) == count
    server.reply = answer()
    assert push(monkeypatch, server, db, "--again") == 0


def test_a_refused_key_stops_it_and_leaves_all(
    db: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = answer(401)
    assert push(monkeypatch, server, db) == 1
    out = capsys.readouterr().out
    assert "0 sent, 0 rejected, 6 left" in out
    assert "stopped: the key was refused: HTTP 401" in out
    server.reply = answer()
    assert push(monkeypatch, server, db) == 0
    assert sorted(set(created(server)[-6:])) == [0, 1, 2, 3, 4, 5]


def test_a_destination_that_is_away_is_given_up_after_a_while(
    db: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(monkeypatch, f"http://127.0.0.1:{unused_port()}", db, "--wait", "0.2") == 1
    out = capsys.readouterr().out
    assert "0 sent, 0 rejected, 6 left" in out
    assert "stopped: the destination cannot be reached: " in out
    assert run_sql(db, "SELECT count(*) FROM pushed") == [(0,)]


def test_a_destination_that_only_fails_is_given_up(
    db: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOLTAGENT_MAX_RETRIES", "0")
    server.reply = answer(500)
    fill(db, 24)
    assert push(monkeypatch, server, db) == 1
    out = capsys.readouterr().out
    assert "0 sent, 0 rejected, 30 left" in out
    server.reply = answer()
    assert push(monkeypatch, server, db) == 0
    assert "30 to rest" in capsys.readouterr().out


def test_what_is_deleted_is_forgotten(db: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert push(monkeypatch, server, db) == 0
    assert run_sql(db, "SELECT count(*) FROM pushed") == [(6,)]
    run_sql(db, "DELETE FROM traces WHERE agent_id = 'desk-0'")
    assert run_sql(db, "SELECT count(*) FROM pushed") == [(3,)]


# Interruptions.


def child(db: Path, server: Server, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "VOLTAGENT_BASE_URL": server.url}
    command = [sys.executable, "-m", "voltagent", "push", "--db", str(db), *arguments]
    return subprocess.Popen(
        command, env=environment, text=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    )


def test_killed_it_goes_on_where_it_stopped(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    db = fill(tmp_path / "t.db", 300)
    server.reply = lambda _: answer() if len(server.requests) <= 800 else hang  # so that it cannot come to its end
    with child(db, server) as process:
        server.wait_for(801)
        until(lambda: run_sql(db, "SELECT count(*) FROM pushed") != [(0,)])
        process.send_signal(signal.SIGKILL)
    server.reply = answer()
    noted = run_sql(db, "SELECT count(*) FROM pushed")[0][0]
    assert isinstance(noted, int)
    assert 0 < noted < 300
    before = len(created(server))
    assert push(monkeypatch, server, db) == 0
    times = Counter(created(server))
    assert sorted(times) == list(range(300)), "all arrived"
    assert len(created(server)) - before == 300 - noted, "what was settled was not sent again"
    assert len({body["id"] for body in creates(server)}) == 300, "a trace that was under way has the same id"


def test_ctrl_c_leaves_soon_and_adds_up(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    db = fill(tmp_path / "t.db", 150)
    # what is under way then cannot be done in the time it gets
    server.reply = lambda _: answer() if len(server.requests) <= 600 else hang
    with child(db, server) as process:
        until(lambda: run_sql(db, "SELECT count(*) FROM pushed") != [(0,)] and len(server.requests) > 600)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
    found = re.search(r"^150 to rest \S+: (\d+) sent, 0 rejected, (\d+) left$", out, re.MULTILINE)
    assert found, out
    sent, left = map(int, found.groups())
    assert (sent + left, sent > 0, left > 0) == (150, True, True)
    assert run_sql(db, "SELECT count(*) FROM pushed") == [(sent,)]
    assert "stopped: interrupted" in out
    server.reply = answer()
    assert push(monkeypatch, server, db) == 0
    assert set(created(server)) == set(range(150))


def test_a_bar_is_drawn_on_a_terminal_and_taken_away(tmp_path: Path, server: Server) -> None:
    db = fill(tmp_path / "t.db", 20)
    server.delay = 0.05
    above, below = pty.openpty()
    with child(db, server, stderr=below) as process:
        os.close(below)
        seen = read_all(above)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    text = seen.decode()
    assert re.search(r"\r\x1b\[K\[#*\.+\] \d+/20", text)
    assert text.endswith("\r\x1b[K")
    assert "20 sent" in out


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
def test_a_trace_that_fills_several_otlp_requests_is_sent_once(
    protocol: str, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    db = tmp_path / "traces.db"
    with VoltAgentSDK(exporter="local", local_path=db) as sdk, sdk.trace(agent_id="desk"):
        for number in range(700):
            look_up(f"A-{number}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{server.url}/v1/traces")
    assert push(monkeypatch, server, db, "--exporter", "otlp") == 0, capsys.readouterr()
    assert len(server.requests) > 1
    assert sum(len(spans([one], protocol)) for one in server.requests) == 701
