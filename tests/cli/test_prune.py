"""``voltagent prune``, on real stores."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.stored import Run, run_sql
from voltagent.cli import main
from voltagent.storage.traces.store import Store

HOUR = 3600 * 10**9


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Path]:
    """Ten traces, one an hour, the newest one now; each with two operations and 20 kB."""
    run = Run(tmp_path / "t.db")
    for age in range(9, -1, -1):
        root = run.trace(f"desk-{age}", ended=False)
        root.start_ns -= age * HOUR
        for _ in range(2):
            run.recorder.succeed(run.recorder.start(root, "tool", "t", b'{"x":"%b"}' % (b"x" * 10_000)), b"{}")
        run.recorder.end(root, "error" if age == 5 else "completed")
    assert run.save() == {}
    run.store.close()
    return tmp_path / "t.db"


def prune(db: Path, *arguments: str) -> int:
    return main(["prune", "--db", str(db), *arguments])


def left(db: Path) -> list[int]:
    """The ages of the traces that are left, the oldest first."""
    return [int(str(name).removeprefix("desk-")) for (name,) in run_sql(db, "SELECT agent_id FROM traces ORDER BY key")]


@pytest.mark.parametrize(
    ("arguments", "stay"),
    [
        (["--older-than", "150m"], [2, 1, 0]),
        (["--older-than", "1.5d"], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (["--keep", "2"], [1, 0]),
        (["--keep", "0"], []),
        (["--status", "error"], [9, 8, 7, 6, 4, 3, 2, 1, 0]),
        (["--agent", "desk-3"], [9, 8, 7, 6, 5, 4, 2, 1, 0]),
        (["--older-than", "150m", "--keep", "6"], [5, 4, 3, 2, 1, 0]),
        (["--status", "completed", "--keep", "8"], [8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (["--all", "--yes"], []),
    ],
)
def test_what_goes_and_what_stays(arguments: list[str], stay: list[int], db: Path) -> None:
    assert prune(db, *arguments) == 0
    assert left(db) == stay
    assert run_sql(db, "SELECT count(*) FROM operations") == [(2 * len(stay),)]


def test_it_says_how_much_and_gives_the_space_back(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = db.stat().st_size
    assert prune(db, "--keep", "1") == 0
    out = capsys.readouterr().out
    assert re.fullmatch(r"deleted 9 traces with 18 operations; \d+ KiB given back, \d+ KiB stay\n", out)
    assert db.stat().st_size < before - 150_000
    assert not Path(f"{db}-wal").exists() or Path(f"{db}-wal").stat().st_size == 0
    assert prune(db, "--older-than", "9w") == 0
    assert "nothing to delete" in capsys.readouterr().out


def test_a_size_is_reached_by_the_oldest_that_may_go(db: Path) -> None:
    assert prune(db, "--max-size", "450kB") == 0
    page_size, count = run_sql(db, "PRAGMA page_size")[0][0], run_sql(db, "PRAGMA page_count")[0][0]
    assert isinstance(page_size, int)
    assert isinstance(count, int)
    assert 350_000 < page_size * count <= 450_000
    assert left(db) == list(range(len(left(db))))[::-1]
    assert prune(db, "--max-size", "1GiB") == 0


@pytest.mark.parametrize("arguments", [["--keep", "3"], ["--max-size", "120kB"], ["--all"]])
def test_a_dry_run_says_what_would_be_and_does_nothing(
    arguments: list[str], db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prune(db, *arguments, "--dry-run") == 0
    foretold = re.search(r"would delete (\d+) traces with (\d+) operations, about (\S+ \S+);", capsys.readouterr().out)
    assert foretold
    assert left(db) == list(range(10))[::-1]
    assert prune(db, *arguments, "--yes") == 0
    assert f"deleted {foretold[1]} traces with {foretold[2]} operations" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        ([], "say what to delete"),
        (["--dry-run"], "say what to delete"),
        (["--all", "--keep", "3"], "--all goes without any other condition"),
        (["--older-than", "7"], "such as 12h or 7d"),
        (["--older-than", "soon"], "such as 12h or 7d"),
        (["--max-size", "5 parsecs"], "such as 500MB or 2GiB"),
        (["--max-size", "500"], "such as 500MB or 2GiB"),  # bytes: nearly everything would go
        (["--keep", "-1"], "whole number"),
        (["--all"], "--all needs --yes if there is no terminal to confirm it"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    arguments: list[str], reported: str, db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        prune(db, *arguments)
    assert caught.value.code == 2
    assert reported in capsys.readouterr().err
    assert len(left(db)) == 10


@pytest.mark.parametrize(("typed", "stay"), [("y\n", 0), ("n\n", 10), ("\n", 10)])
def test_on_a_terminal_it_asks_before_all(typed: str, stay: int, db: Path) -> None:
    above, below = pty.openpty()
    command = [sys.executable, "-m", "voltagent", "prune", "--all", "--db", str(db)]
    with subprocess.Popen(command, stdin=below, stdout=below, stderr=below) as process:
        os.close(below)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(above, 1000)
        os.write(above, typed.encode())
        process.wait(60)
    os.close(above)
    assert f"Delete all 10 traces in {db}?".encode() in seen
    assert len(left(db)) == stay
    assert process.returncode == (1 if stay else 0)


def test_other_programs_go_on_writing(db: Path) -> None:
    run = Run(db)
    began, stop, errors = threading.Event(), threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            run.trace("writer")
            errors.extend(run.save())
            began.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert began.wait(60)
        assert prune(db, "--older-than", "30m") == 0
    finally:
        stop.set()
        writer.join()
        run.store.close()
    assert errors == []
    store = Store(db)
    assert {trace.agent_id for trace in store.traces(limit=1000)} >= {"writer", "desk-0"}
    store.close()


def test_operations_without_a_trace_go_with_all(db: Path) -> None:
    run_sql(db, "UPDATE operations SET trace_id = 'gone' WHERE key = 1")
    assert prune(db, "--keep", "0") == 0
    assert run_sql(db, "SELECT count(*) FROM operations") == [(1,)]
    assert prune(db, "--all", "--yes") == 0
    assert run_sql(db, "SELECT count(*) FROM operations") == [(0,)]
