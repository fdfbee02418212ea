"""Commands on a store that holds nonsense, or that may not be looked at: a message, never a traceback."""

from __future__ import annotations

import errno
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.stored import NONSENSE, REQUIRED, empty_column, fill_columns
from voltagent import VoltAgentSDK
from voltagent.cli import main

COLUMNS = [("traces", "start_ns"), ("traces", "end_ns"), ("traces", "completion_start_ns"),
           ("operations", "start_ns"), ("operations", "end_ns")]  # fmt: skip
COMMANDS = [["doctor"], ["traces"], ["traces", "--json"], ["show", "the-trace"], ["show", "--json", "the-trace"],
            ["export"], ["export", "--format", "otlp"], ["prune", "--older-than", "1d", "-y"]]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "traces.db"
    monkeypatch.setenv("VOLTAGENT_LOCAL_PATH", str(path))
    monkeypatch.setenv("VOLTAGENT_EXPORTER", "local")
    with VoltAgentSDK(local_path=path, exporter="local") as sdk, sdk.trace(agent_id="a", id="the-trace") as trace:
        trace.add_agent(name="agent").success()
        trace.add_tool(name="tool").success()
        trace.score("helpful", 0.5, "ok")
    return path


def run(arguments: list[str]) -> int | str | None:
    try:
        return main(arguments)
    except SystemExit as exc:
        return exc.code


@pytest.mark.parametrize("value", ["yesterday", b"\xff", 10**18 * 9, 1.5])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nonsense_in_time_columns_ends_no_command(store: Path, command: list[str], value: object) -> None:
    with sqlite3.connect(store) as connection:
        for table, column in COLUMNS:
            connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
    connection.close()
    assert run(command) in (0, None)


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nonsense_in_any_column_ends_no_command(store: Path, command: list[str], value: object) -> None:
    fill_columns(store, value)
    assert run(command) in (0, None)


@pytest.mark.parametrize(("table", "column"), REQUIRED)
def test_null_in_a_column_that_forbids_it_ends_no_command(store: Path, table: str, column: str) -> None:
    empty_column(store, table, column)
    for command in (*COMMANDS, ["show"], ["show", "-v"], ["traces", "--sort", "cost"]):
        assert run(command) in (0, 1, None)  # 1: no trace has the id any more, or `prune` deleted it
    with VoltAgentSDK(local_path=store, exporter="local") as sdk:
        sdk.trace(agent_id="b").success()
    assert sdk.stats().accepted == 2


@pytest.mark.parametrize("writer", ["[" * 100_000, "../x", "a/b", "a\0b", ".", 5, b"\xff"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nonsense_for_the_writer_of_a_running_trace_ends_no_command(
    store: Path, command: list[str], writer: object
) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE traces SET status = 'running', end_ns = NULL, writer = ?", (writer,))
    assert run(command) in (0, None)


@pytest.mark.parametrize(
    ("table", "done", "last"), [("[", 0, 5), ("", 0, 5), (b"\xff", 0, 5), ("traces", "x", 5), ("operations", 0, "x")]
)
def test_nonsense_about_a_conversion_is_forgotten(store: Path, table: object, done: object, last: object) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("INSERT INTO conversion VALUES (?, ?, ?)", (table, done, last))
    for command in COMMANDS:
        assert run(command) in (0, None)
    with VoltAgentSDK(local_path=store, exporter="local") as sdk:
        sdk.trace(agent_id="b").success()
    assert sdk.stats().accepted == 2


@pytest.mark.parametrize("column", ["id", "parent_id"])
@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nonsense_for_the_id_of_an_operation_ends_no_command(
    store: Path, command: list[str], value: object, column: str
) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(f"UPDATE OR IGNORE operations SET {column} = ?", (value,))
    assert run(command) in (0, None)


@pytest.mark.parametrize("column", ["input", "output", "usage", "error", "metadata"])
@pytest.mark.parametrize("command", [command for command in COMMANDS if "--json" in command or command == ["export"]])
def test_numbers_that_json_does_not_have_are_printed_as_null(
    store: Path, command: list[str], column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(f"UPDATE traces SET {column} = ?", ('{"cost":1e999,"list":[-1e999]}',))
    assert run(command) in (0, None)
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("table", "column"), [("calls", "prompt_tokens"), ("calls", "cost"), ("scores", "operation_id")]
)
@pytest.mark.parametrize("value", ["many", b"\xff"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nonsense_in_one_column_ends_no_command(
    store: Path, command: list[str], value: object, table: str, column: str
) -> None:
    with VoltAgentSDK(local_path=store, exporter="local") as sdk, sdk.trace(agent_id="b") as trace:
        trace.add_agent(name="model").success(usage={"prompt_tokens": 1}, metadata={"model": "m"})
        trace.add_llm(name="model", model="m").success(usage={"prompt_tokens": 1, "completion_tokens": 1})
    with sqlite3.connect(store) as connection:
        assert connection.execute(f"UPDATE {table} SET {column} = ?", (value,)).rowcount
    connection.close()
    assert run(command) in (0, None)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_may_not_be_looked_at_ends_no_command_with_a_traceback(
    store: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = Path.stat

    def refused(path: Path, *arguments: object, **keywords: object) -> object:
        if store.parent in path.parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return looked_at(path, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "stat", refused)
    # From 3.13 on `Path.exists` does not use `Path.stat`, and `doctor` finds nothing to report.
    assert run(command) in (0, 1, 2)
