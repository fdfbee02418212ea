"""The local destination: what it answers to the sender, and what a whole program leaves in the file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.helpers.pace import PATIENCE
from tests.helpers.stored import Log, names, run_sql
from voltagent import VoltAgentSDK, agent, tool
from voltagent.core import clock
from voltagent.core.deadline import Deadline
from voltagent.core.guard import Guard
from voltagent.core.span import TOOL, Phase, SpanEvent
from voltagent.exporters import Outcome, Verdict
from voltagent.exporters.local import LocalExporter
from voltagent.storage.traces.store import Store
from voltagent.tracing.recorder import Recorder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "traces.db"


def events(agent_id: str = "bot") -> list[SpanEvent]:
    log = Log()
    recorder = Recorder(log)
    root = recorder.start_trace(agent_id, b"{}")
    recorder.succeed(recorder.start(root, TOOL, "t", b"{}"), b"{}")
    recorder.succeed(root, b"{}")
    return log.events


def send(exporter: LocalExporter, batch: list[SpanEvent], seconds: float = 5.0) -> list[Outcome]:
    return list(exporter.export(batch, clock.monotonic() + seconds))


def test_a_batch_is_accepted_event_by_event_and_opens_the_file(path: Path) -> None:
    exporter = LocalExporter(path)
    assert exporter.name == "local"
    assert not path.parent.exists()
    batch = events()
    assert [outcome.verdict for outcome in send(exporter, batch)] == [Verdict.ACCEPTED] * 4
    assert send(exporter, []) == []
    exporter.forget(batch[0][1].trace.id)
    exporter.close()
    assert [outcome.verdict for outcome in send(exporter, events("again"))] == [Verdict.ACCEPTED] * 4
    exporter.after_fork()
    exporter.close()
    assert names(Store(path)) == ["again", "bot"]


def test_a_locked_file_is_unavailable_and_heals(path: Path) -> None:
    exporter = LocalExporter(path)
    send(exporter, events("first"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    batch = events("second")
    outcomes = send(exporter, batch, seconds=0.0)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.UNAVAILABLE}
    assert len(outcomes) == 4
    assert "locked" in outcomes[0].detail
    other.execute("ROLLBACK")
    other.close()
    assert {outcome.verdict for outcome in send(exporter, batch)} == {Verdict.ACCEPTED}
    exporter.close()
    assert names(Store(path)) == ["second", "first"]


def test_another_thread_ends_the_waiting_for_a_locked_file(path: Path) -> None:
    exporter = LocalExporter(path)
    send(exporter, events("first"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    outcomes: list[Outcome] = []
    deadline = Deadline(clock.monotonic() + 3600.0)
    deadline.sooner = sooner = list[float]()
    thread = threading.Thread(target=lambda: outcomes.extend(exporter.export(events("second"), deadline)))
    thread.start()
    sooner.append(clock.monotonic())
    thread.join(PATIENCE)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.UNAVAILABLE}
    other.close()
    assert {outcome.verdict for outcome in send(exporter, events("third"))} == {Verdict.ACCEPTED}


@pytest.mark.parametrize("obstacle", ["a file that is no database", "a folder", "a folder that is a file"])
def test_what_the_user_must_mend_is_refused_by_name_and_heals(path: Path, obstacle: str) -> None:
    if obstacle == "a folder":
        path.mkdir(parents=True)
    elif obstacle == "a folder that is a file":
        path.parent.write_text("a file")
    else:
        path.parent.mkdir()
        path.write_text("no database " * 100)
    exporter = LocalExporter(path)
    outcomes = send(exporter, events())
    assert {(outcome.verdict, outcome.reason) for outcome in outcomes} == {(Verdict.REFUSED, "rejected")}
    assert str(path) in outcomes[0].detail
    if obstacle == "a folder":
        path.rmdir()
    elif obstacle == "a folder that is a file":
        path.parent.unlink()
    else:
        path.unlink()
    assert {outcome.verdict for outcome in send(exporter, events())} == {Verdict.ACCEPTED}
    exporter.close()


@pytest.mark.parametrize("obstacle", ["a file", "a link to nowhere", "a link to itself", "a folder for the file"])
def test_a_store_that_was_there_and_is_gone_is_waited_for(path: Path, obstacle: str) -> None:
    folder = path.parent
    exporter = LocalExporter(path)
    send(exporter, events("first"))
    exporter.close()
    folder.rename(folder.with_name("moved"))
    if obstacle == "a file":
        folder.write_text("a file")
    elif obstacle == "a folder for the file":
        path.mkdir(parents=True)
    else:
        folder.symlink_to(folder if obstacle == "a link to itself" else folder.with_name("nowhere") / "else")
    outcomes = send(exporter, events("second"))
    assert {(outcome.verdict, outcome.reason) for outcome in outcomes} == {(Verdict.UNAVAILABLE, "")}
    assert str(path) in outcomes[0].detail
    if obstacle == "a folder for the file":
        path.rmdir()
        folder.rmdir()
    else:
        folder.unlink()
    folder.with_name("moved").rename(folder)
    assert {outcome.verdict for outcome in send(exporter, events("third"))} == {Verdict.ACCEPTED}
    exporter.close()
    assert names(Store(path)) == ["third", "first"]


def test_an_event_that_cannot_be_stored_is_refused_alone(path: Path) -> None:
    exporter = LocalExporter(path)
    batch = events()
    batch[1][1].start_ns = 2**64  # the tool's start and end
    outcomes = send(exporter, batch)
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.ACCEPTED,
        Verdict.REFUSED,
        Verdict.REFUSED,
        Verdict.ACCEPTED,
    ]
    assert outcomes[1].reason == "serialize_error"
    exporter.close()


def test_a_error_of_ours_does_not_reach_the_sender(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "strict", False)
    exporter = LocalExporter(path)
    batch: list[SpanEvent] = [(Phase.UPDATE, events()[0][1], {"output": object()})]
    batch[0][1].error = batch[0][1].trace  # type: ignore[assignment]  # what no processor has formatted
    batch.append((Phase.END, batch[0][1], None))
    outcomes = send(exporter, batch)
    assert {(outcome.verdict, outcome.reason) for outcome in outcomes} == {(Verdict.REFUSED, "serialize_error")}
    exporter.close()


def test_a_program_records_into_the_file_and_the_counts_add_up(path: Path) -> None:
    @tool
    def weather(city: str) -> str:
        return f"rain in {city}"

    @agent
    def bot(question: str) -> str:
        return weather(question)

    with VoltAgentSDK(exporter="local", local_path=path, flush_interval=0.01) as sdk:
        threads = [threading.Thread(target=lambda: [bot("Oslo") for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        report = sdk.flush()
        assert (report.recorded, report.accepted, report.pending, dict(report.dropped)) == (1200, 1200, 0, {})
        store = Store(path)
        found = store.traces(limit=1000)
        assert len(found) == 200
        assert {(trace.agent_id, trace.status, trace.operations) for trace in found} == {("bot", "completed", 2)}
        call, below = store.operations(found[0].id)
        assert (call.kind, call.name, call.input) == ("agent", "bot", {"question": "Oslo"})
        assert (below.kind, below.parent_id, below.output) == ("tool", call.id, {"result": "rain in Oslo"})
        store.close()


def test_a_failing_file_changes_nothing_in_the_program(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    @tool
    def double(number: int) -> int:
        return number * 2

    with VoltAgentSDK(exporter="local", local_path=blocked / "traces.db") as sdk:
        assert [double(number) for number in range(3)] == [0, 2, 4]
        report = sdk.flush(5)
    assert (report.recorded, report.accepted) == (12, 0)
    assert dict(report.dropped) == {"rejected": 12}


PROGRAM = """
import os, sys
from voltagent import tool
@tool
def work(who):
    return who
work("before")
if len(sys.argv) > 1:
    child = os.fork()
    work("child" if child == 0 else "parent")
    if child:
        assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("fork", [False, True])
def test_a_program_that_just_ends_has_recorded_by_default(tmp_path: Path, fork: bool) -> None:
    if fork and not hasattr(os, "fork"):
        pytest.skip("no fork here")
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "VOLTAGENT_EXPORTER": "local", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, *(["fork"] if fork else [])],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    path = tmp_path / "voltagent" / "traces.db"
    inputs = sorted(row[0] for row in run_sql(path, "SELECT input FROM operations"))  # type: ignore[type-var]
    who = ("before", "child", "parent") if fork else ("before",)
    assert inputs == [f'{{"who":"{name}"}}' for name in who]
    assert run_sql(path, "SELECT count(*) FROM operations WHERE status <> 'completed'") == [(0,)]
    assert [file.name for file in path.parent.iterdir()] == ["traces.db"]  # closed in good order
