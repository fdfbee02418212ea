"""The traces that a trace started stand where it started them, whether in its process or in one that it called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import voltagent
from tests.helpers.local_server import serving
from tests.helpers.stored import Run, fill_columns, run_sql
from voltagent import VoltAgentSDK
from voltagent.records.started import MOST, started_traces
from voltagent.storage.traces.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


def started_by(path: Path, trace_id: str) -> list[tuple[str, str | None]]:
    """Name of each trace that this one started, and name of what started it; ``None`` for the trace itself."""
    with Store(path) as store:
        started = started_traces(store, trace_id)
        names = {one.id: one.name for one in (*store.operations(trace_id), *started)}
        return [(one.name, None if one.parent_id is None else names[one.parent_id]) for one in started]


def called(sdk: VoltAgentSDK, name: str, headers: dict[str, str]) -> None:
    """A process that is called with these headers, and does nothing else."""
    sdk.trace(agent_id=name, parent=headers).end()


def test_a_service_stands_under_the_operation_that_called_it(path: Path) -> None:
    with VoltAgentSDK(local_path=path) as caller, VoltAgentSDK(local_path=path) as service:
        with caller.trace(agent_id="caller") as run:
            with run.add_agent(name="desk") as desk, desk.add_tool(name="ask"):
                called(service, "asked", voltagent.inject(dict[str, str]()))
            called(service, "outside", voltagent.inject(dict[str, str]()))
        with caller.trace(agent_id="alone") as alone:
            pass
    assert started_by(path, run.id) == [("asked", "ask"), ("outside", None)]
    assert started_by(path, alone.id) == []


def test_what_a_called_service_called_stands_under_it(path: Path) -> None:
    with VoltAgentSDK(local_path=path) as sdk:
        with sdk.trace(agent_id="caller") as run, run.add_tool(name="ask"):
            first = voltagent.inject(dict[str, str]())
        with sdk.trace(agent_id="first", parent=first) as middle, middle.add_tool(name="look up"):
            second = voltagent.inject(dict[str, str]())
        called(sdk, "second", second)
        with sdk.trace(agent_id="inside", parent=first) as other:
            pass
    assert started_by(path, run.id) == [("first", "ask"), ("second", "first"), ("inside", "ask")]
    assert started_by(path, middle.id) == [("second", "look up")]
    assert started_by(path, other.id) == []


def test_a_trace_inside_a_trace_stands_directly_under_it(path: Path) -> None:
    with VoltAgentSDK(local_path=path) as sdk, sdk.trace(agent_id="outer") as outer, outer.add_tool(name="ask"):
        with sdk.trace(agent_id="inner") as inner, inner.add_tool(name="call"):
            called(sdk, "service", voltagent.inject(dict[str, str]()))
    assert started_by(path, outer.id) == [("inner", None), ("service", "inner")]
    assert started_by(path, inner.id) == [("service", "call")]


def test_a_call_whose_operation_is_not_stored_stands_directly_under_the_trace(path: Path) -> None:
    with VoltAgentSDK(local_path=path) as sdk:
        with sdk.trace(agent_id="caller") as run, run.add_tool(name="ask"):
            called(sdk, "service", voltagent.inject(dict[str, str]()))
    run_sql(path, "DELETE FROM operations")
    assert started_by(path, run.id) == [("service", None)]


def test_the_lookup_reads_an_index_alone_and_is_bounded(path: Path) -> None:
    run = Run(path)
    root = run.trace("caller", ended=False)
    for number in range(MOST + 20):
        run.recorder.succeed(run.recorder.start_trace(f"inner {number}", b"{}", above=root), b"{}")
    run.recorder.succeed(root, b"{}")
    run.save()
    with run.store as store:
        trace_id = store.rows("SELECT id FROM traces WHERE agent_id = 'caller'")[0][0]
        assert len(started_traces(store, trace_id)) == MOST
        plan = store.rows(
            "EXPLAIN QUERY PLAN SELECT key, parent_trace_id, remote FROM traces"
            " WHERE parent_trace_id IN (SELECT value FROM json_each(?)) ORDER BY key LIMIT 10000",
            (json.dumps([trace_id]),),
        )
    assert "COVERING INDEX traces_started" in plan[0]["detail"]


def test_damaged_rows_are_no_error(path: Path) -> None:
    with VoltAgentSDK(local_path=path) as sdk, sdk.trace(agent_id="caller") as run, run.add_tool(name="ask"):
        called(sdk, "service", voltagent.inject(dict[str, str]()))
    for value in ("", "a b", b"\xff\x00 \xff", -5, 1.5):
        fill_columns(path, value)
        run_sql(path, "UPDATE traces SET parent_trace_id = ?", (run.id,))
        assert len(ids_of(path, run.id)) == 1
    run_sql(path, "UPDATE traces SET id = ? WHERE id <> ?", (b"\xff\x00", run.id))
    ids_of(path, run.id)


def ids_of(path: Path, trace_id: str) -> list[object]:
    with Store(path) as store:
        return [one.id for one in started_traces(store, trace_id)]


@pytest.mark.parametrize("exporter", ["otlp", "rest"])
def test_services_that_send_to_the_viewer_are_shown_by_their_callers(path: Path, exporter: str) -> None:
    with serving(Store(path)) as url:
        there = {"otlp_endpoint": f"{url}/v1/traces"} if exporter == "otlp" else {"base_url": url}
        with VoltAgentSDK(exporter=exporter, **there) as caller:
            with caller.trace(agent_id="caller") as run, run.add_tool(name="ask"):
                headers = voltagent.inject(dict[str, str]())
        with VoltAgentSDK(exporter=exporter, **there) as service:
            called(service, "service", headers)
        # REST names the trace that called, but not the operation
        assert started_by(path, run.id) == [("service", "ask" if exporter == "otlp" else None)]
