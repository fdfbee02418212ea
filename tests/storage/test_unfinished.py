"""What a killed program left running is distinguished from what runs, by readers in other processes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.helpers.local_server import serving
from tests.helpers.stored import Run, run_sql
from voltagent import VoltAgentSDK
from voltagent.cli import main
from voltagent.cli.board import Board
from voltagent.cli.tail import entries
from voltagent.cli.terminal import Style
from voltagent.records import queries
from voltagent.records.feed import Feed
from voltagent.records.queries import unfinished
from voltagent.server import viewer_events
from voltagent.storage.file_lock import FileLock
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.liveness import Writer, is_gone
from voltagent.storage.traces.store import Store

PROGRAM = """
import sys
from voltagent import VoltAgentSDK
sdk = VoltAgentSDK(exporter="local", local_path=sys.argv[1])
handle = sdk.trace(agent_id="left")
handle.add_agent({"name": "step"})
sdk.trace(agent_id="whole").end()
assert sdk.flush().result(60)
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def program(db: Path) -> Iterator[subprocess.Popen[str]]:
    """A program with a trace that runs, stored."""
    command = [sys.executable, "-c", PROGRAM, str(db)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def running(store: Store) -> list[str]:
    return [trace.id for trace in store.traces(Filter(status="running"))]


def test_what_a_killed_program_left_is_unfinished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = tmp_path / "traces.db"
    feed, board = Feed(db, past=True), Board(Store(db, missing_is_empty=True), Filter())
    with program(db) as process, serving(Store(db)) as url, httpx.Client(base_url=url) as client:
        store = Store(db)
        (trace_id,) = running(store)
        assert unfinished(store, [trace_id]) == set()
        board.take(feed.look())
        assert board.left_behind() == []
        assert main(["show", trace_id, "--db", str(db)]) == 0
        assert "running" in capsys.readouterr().out
        process.kill()
        process.wait()
        for _ in range(2):  # the first look deletes the file of the lock
            assert unfinished(store, [trace_id]) == {trace_id}
        assert list(tmp_path.glob("*.lock")) == []
        listed = client.get("/api/traces").json()["traces"]
        assert {trace["agent"]: trace.get("unfinished") for trace in listed} == {"left": True, "whole": None}
        assert client.get(f"/api/traces/{trace_id}").json()["trace"]["unfinished"] is True
        store.close()
    assert board.left_behind() == [trace_id]
    assert board.left_behind() == []
    assert [one.status for one in board.operations(trace_id)] == ["unfinished"]
    assert main(["traces", "--db", str(db)]) == main(["show", trace_id, "--db", str(db)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("unfinished") == 3
    assert "running" not in shown
    feed.close()
    board.close()


def test_a_page_is_notified_when_a_program_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer_events, "DEATHS", 0.1)
    db = tmp_path / "traces.db"
    with (
        program(db) as process,
        serving(Store(db)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
        client.stream("GET", "/api/live") as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == ": the store is watched"
        process.kill()
        process.wait()
        assert next(line for line in lines if line and not line.startswith(":")) == "event: change"
        assert next(lines) == 'data: {"traces":[]}'


def test_a_program_that_ends_leaves_nothing(tmp_path: Path) -> None:
    db = tmp_path / "traces.db"
    with VoltAgentSDK(exporter="local", local_path=db) as sdk:
        sdk.trace(agent_id="bot")
        assert sdk.flush().result(60)
        assert len(list(tmp_path.glob("*.lock"))) == 1
    store = Store(db)
    assert [trace.status for trace in store.traces()] == ["cancelled"]
    store.close()
    assert list(tmp_path.glob("*.lock")) == []


def test_the_next_writer_clears_up_after_killed_ones(tmp_path: Path) -> None:
    db = tmp_path / "traces.db"
    with program(db) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = tmp_path.glob("*.lock")
    writer = Writer(db)
    assert writer.name() is not None
    assert len(list(tmp_path.glob("*.lock"))) == 1
    assert not left.exists()
    assert not is_gone(db, str(writer.name()))
    writer.release(delete=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_speak_for_its_parent(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "traces.db")
    name = str(writer.name())
    child = os.fork()
    if child == 0:
        writer.release(delete=False)
        os._exit(0 if not is_gone(tmp_path / "traces.db", name) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    writer.release(delete=True)
    assert is_gone(tmp_path / "traces.db", name)


def test_a_writer_whose_file_was_deleted_takes_another_name(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "traces.db")
    before = str(writer.name())
    assert writer.name() == before
    for path in tmp_path.glob("*"):
        path.unlink()  # as `rm traces.db*` does
    after = str(writer.name())
    assert is_gone(tmp_path / "traces.db", before)
    assert not is_gone(tmp_path / "traces.db", after)
    writer.release(delete=True)


def test_a_system_without_locks_is_not_littered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("voltagent.storage.file_lock.lock_now", none)
    assert Writer(tmp_path / "traces.db").name() is None
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_may_not_delete_the_file_of_a_killed_one_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "traces.db"
    writer = Writer(db)
    name = str(writer.name())
    writer.release(delete=False)  # as when its process is killed

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "the folder is for reading")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", forbidden)
        for _ in range(2):
            assert is_gone(db, name)
    assert FileLock.acquire(db.with_name(f"{db.name}-writer-{name}")) is not None


def test_of_an_unsigned_trace_nothing_is_reported(tmp_path: Path) -> None:
    run = Run(tmp_path / "traces.db")
    run.trace(ended=False)
    run.save()
    assert unfinished(run.store, running(run.store)) == set()
    assert unfinished(run.store, [f"{number}" for number in range(300_000)]) == set(), "more than SQLite has places for"
    run.store.close()


def test_what_ends_with_its_process_while_it_is_looked_at_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "traces.db")
    root = run.trace(ended=False)
    run.save()
    run_sql(run.store.path, "UPDATE traces SET writer = 'another'")

    def ends(*_: object) -> bool:
        run.recorder.succeed(root, b"{}")
        run.save()
        return True

    (trace_id,) = running(run.store)
    assert unfinished(run.store, [trace_id]) == {trace_id}
    monkeypatch.setattr(queries, "is_gone", ends)
    assert unfinished(run.store, [trace_id]) == set()
    run.store.close()


def test_tail_says_it_in_a_line(tmp_path: Path) -> None:
    db = tmp_path / "traces.db"
    with program(db):
        pass
    feed, board = Feed(db, past=True), Board(Store(db), Filter(agent="left"))
    changes = board.take(feed.look())
    (trace_id,) = board.left_behind()
    assert any("running" in line for line in entries(board, changes, Style()))
    assert board.trace(trace_id).status == "unfinished"
    feed.close()
    board.close()


def test_what_a_shutdown_ended_is_unfinished_in_lists(tmp_path: Path) -> None:
    sdk = VoltAgentSDK(local_path=tmp_path / "t.db")
    with sdk.trace(agent_id="whole"):
        pass
    left = sdk.trace(agent_id="left")
    left.add_tool(name="still at it")
    cancelled = sdk.trace(agent_id="cancelled")
    cancelled.end(status="cancelled")
    sdk.shutdown()
    store = Store(tmp_path / "t.db")
    with serving(store) as url, httpx.Client(base_url=url) as client:
        listed = client.get("/api/traces").json()["traces"]
        assert {one["agent"]: one.get("unfinished") for one in listed} == {
            "left": True,
            "whole": None,
            "cancelled": None,
        }
        answer = client.get(f"/api/traces/{left.id}").json()
        assert [row[answer["columns"].index("unfinished")] for row in answer["operations"]] == [True]
    store.close()
