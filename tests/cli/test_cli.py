"""The command line, on real stores, as a user calls it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.terminal import read_all
from voltagent import VoltAgentSDK, __version__, agent, current_agent, memory, tool, trace
from voltagent.cli import COMMANDS, main
from voltagent.cli.terminal import Style, columns, fitted
from voltagent.cli.traces import table
from voltagent.cli.tree import lines
from voltagent.render.text import duration, error_text, printable, short_id, tokens
from voltagent.storage.traces.records import StoredOperation, StoredTrace
from voltagent.storage.traces.store import Store


@tool
def fails(path: str) -> None:
    raise FileNotFoundError(2, "No such file", path)


@memory(operation="read")
def recall(key: str) -> str:
    return "\x1b[31mred\x1b[0m"


@agent(name="Support Agent")
def support(question: str) -> str:
    recall("k")
    try:
        fails("/nowhere")
    except FileNotFoundError:
        current_agent().record(usage={"prompt_tokens": 3, "completion_tokens": 2})
    return "answer"


@trace(agent_id="support-v1", user_id="ada", tags=["demo"])
def handle(question: str) -> str:
    return support(question)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "traces.db"
    with VoltAgentSDK(local_path=path):
        handle("why?")
    return path


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def without_times(text: str) -> str:
    text = re.sub(r"\d+(\.\d+)? (µs|ms|s)\b", "T", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", "WHEN", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)


def test_show_prints_the_newest_trace_as_a_tree(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "--db", db) == 0
    assert without_times(capsys.readouterr().out) == (
        "support-v1  T  5 tokens\n"
        "WHEN  ID  user ada  tags demo\n"
        "└─ agent Support Agent  T  5 tokens\n"
        "   ├─ memory read recall  T\n"
        "   └─ tool fails  T  error  FileNotFoundError: [Errno 2] No such file: '/nowhere'\n"
    )


def test_verbose_adds_inputs_outputs_and_stacks(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "-v", "--db", db) == 0
    out = capsys.readouterr().out
    assert "  input\n    key: k\n" in out
    assert "  output\n    answer\n" in out
    assert "Traceback (most recent call last):" in out
    assert "\x1b" not in out, "what was recorded cannot write to the terminal"
    assert "\\x1b[31mred" in out


def test_a_trace_is_found_by_how_its_id_begins(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (newest,) = Store(db).traces()
    assert run("show", newest.id[:6], "--db", db, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["id"] == newest.id
    assert [operation["name"] for operation in shown["operations"]] == ["Support Agent", "recall", "fails"]
    assert run("show", "zzz", "--db", db) == 1
    assert "no trace has the id 'zzz'" in capsys.readouterr().err


def test_traces_lists_the_newest_first_and_filters(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with VoltAgentSDK(local_path=db):
        recall("other")
    assert run("traces", "--db", db) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "ID",
        "START",
        "NAME",
        "STATUS",
        "DURATION",
        "TOKENS",
        "OPS",
        "ERRORS",
        "USER",
        "TAGS",
    ]
    assert ("recall" in first, "support-v1" in second) == (True, True)
    for arguments in (("--agent", "Support Agent"), ("--user", "ada"), ("--tag", "demo"), ("--text", "NOWHERE")):
        assert run("traces", "--db", db, "--json", *arguments) == 0
        assert [one["agent_id"] for one in json.loads(capsys.readouterr().out)] == ["support-v1"], arguments
    assert run("traces", "--db", db, "--limit", "1", "--json") == 0
    assert [one["agent_id"] for one in json.loads(capsys.readouterr().out)] == ["recall"]
    assert run("traces", "--db", db, "--status", "error") == 1
    assert "no trace matches" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["show", "traces"])
def test_an_empty_store_is_reported_clearly(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--db", tmp_path / "none.db") == 1
    missing = capsys.readouterr().err
    assert "nothing has been recorded yet" in missing
    assert "VoltAgentSDK()" in missing
    assert "VOLTAGENT_EXPORTER=local" in missing
    VoltAgentSDK(local_path=tmp_path / "used.db").shutdown()
    (tmp_path / "junk.db").write_bytes(b"this is no database, whatever its name says" * 100)
    assert run(command, "--db", tmp_path / "junk.db") == 1
    assert "voltagent: " in capsys.readouterr().err


def test_a_folder_in_place_of_a_store_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("traces", "--db", tmp_path)
    assert caught.value.code == 2
    file = tmp_path / "traces.db"
    assert f"argument --db: {tmp_path} is a folder; name a file, such as {file}" in capsys.readouterr().err


def test_a_store_whose_name_is_too_long_is_reported_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("traces", "--db", "a" * 5000) == 1
    assert capsys.readouterr().err.startswith("voltagent: the store ")


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["traces", "--limit", "0"], ["traces", "--limit", "9" * 30], ["traces", "--status", "odd"]],
)
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize(("arguments", "answer"), [
    (["traces", "--erors"], "voltagent traces: error: there is no option --erors; did you mean --errors?"),
    (["traces", "--sice=3h"], "voltagent traces: error: there is no option --sice; did you mean --since?"),
    (["show", "a", "b", "c"], "voltagent show: error: there is one argument too many: 'c'"),
    (["--verson"], "voltagent: there is no option --verson; did you mean --version?"),
    (["run"], "voltagent run: error: the following arguments are required: PROGRAM"),
])  # fmt: skip
def test_a_wrong_argument_is_named_with_the_nearest_option(
    arguments: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert capsys.readouterr().err.splitlines()[-1] == answer


@pytest.mark.parametrize("arguments", [["--help"], ["show", "--help"], ["traces", "--help"], ["--version"]])
def test_help_explains(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    assert "voltagent" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_whole(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = capsys.readouterr().out
    usage, _, rest = shown.partition("\n\n")
    own = rest.partition("\nfilters, which must all hold:")[0]
    described = set(re.findall(r"^  (?:-\w(?: [A-Z]+)?, )?(--?[a-z-]+)", own, re.MULTILINE)) - {"--help"}
    spelt = {"--verbose": "-v", "--output": "-o", "--yes": "-y"}
    assert not [one for one in described if one not in usage and spelt.get(one, one) not in usage]
    assert ("[FILTER ...]" in usage) == ("\nfilters, which must all hold:" in shown)
    assert not [line for line in shown.splitlines() if len(line) > 90]


def test_the_environment_names_the_store(
    db: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOLTAGENT_LOCAL_PATH", str(db))
    monkeypatch.setenv("VOLTAGENT_PUBLIC_KEY", "one key without the other does not matter here")
    assert run("show") == 0
    assert "support-v1" in capsys.readouterr().out


def spawn(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voltagent", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_colour_is_for_terminals_only(db: Path) -> None:
    assert "\x1b[" not in spawn("show", "--db", db).stdout
    above, below = pty.openpty()
    command = [sys.executable, "-m", "voltagent", "show", "--db", str(db)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "60"}
    with subprocess.Popen(command, stdout=below, env=environment) as process:
        os.close(below)
        seen = read_all(above)
    assert process.returncode == 0
    text = seen.decode()
    assert "\x1b[36;1magent Support Agent" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, plain.splitlines())) <= 60


@pytest.mark.parametrize("command", ["show", "traces"])
def test_what_only_reads_the_store_loads_no_http_client(command: str, db: Path) -> None:
    code = "import sys; from voltagent.cli import main; main(); sys.exit('httpx' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code, command, "--db", str(db)], capture_output=True, text=True)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "support-v1" in shown.stdout


def test_the_version_loads_no_command() -> None:
    code = "import sys; from voltagent.cli import COMMANDS, main\ntry: main(['--version'])\nexcept SystemExit: pass\n"
    code += "print([name for name in COMMANDS if 'voltagent.cli.' + name.replace('-', '_') in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout == f"voltagent {__version__}\n[]\n", ran.stderr


def test_a_reader_that_leaves_early_is_no_error(db: Path) -> None:
    shell = f'"{sys.executable}" -m voltagent show -v --db "{db}" | true'
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_terminal_without_unicode_gets_ascii(db: Path) -> None:
    ran = spawn("show", "--db", db, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert ran.returncode == 0
    assert "`- agent Support Agent" in ran.stdout


# Pure parts.


def operation(number: int, parent: int | None, **fields: object) -> StoredOperation:
    defaults: dict[str, object] = {
        "sequence": number, "id": str(number), "trace_id": "t", "parent_id": None if parent is None else str(parent),
        "kind": "tool", "name": f"n{number}", "operation": None, "agent_id": None, "status": "completed",
        "start_ns": 0, "end_ns": 1_500_000_000, "version": None, "level": None, "tags": (), "usage": None,
        "error": None, "instructions": None, "metadata": {}, "input": None, "output": None,
    }  # fmt: skip
    return StoredOperation(**{**defaults, **fields})  # type: ignore[arg-type]


def root() -> StoredTrace:
    empty = dict.fromkeys(
        ("end_ns", "user_id", "conversation_id", "parent_trace_id", "version", "level", "usage", "error",
         "completion_start_ns", "input", "output"),
    )  # fmt: skip
    about = {"id": "t", "agent_id": "a", "name": "a", "status": "running", "start_ns": 0, "tags": ()}
    return StoredTrace(**empty, **about, operations=0, errors=0, metadata={})  # type: ignore[arg-type]


def tree(*operations: StoredOperation, style: Style | None = None) -> list[str]:
    first, _, *rest = lines(root(), operations, style or Style())
    return [first, *rest]


def test_a_tree_in_full() -> None:
    assert tree(
        operation(1, None, kind="agent", usage={"total_tokens": 7}),
        operation(2, 1, status="running", end_ns=None),
        operation(3, 2, status="cancelled", error={"message": "stop"}),
        operation(4, 1, kind="memory", operation="read"),
        operation(5, 99),
        operation(6, None, kind="checkpoint", status="running", end_ns=None),
    ) == [
        "a  running",
        "├─ agent n1  1.5 s  7 tokens",
        "│  ├─ tool n2  running",
        "│  │  └─ tool n3  1.5 s  cancelled  stop",
        "│  └─ memory read n4  1.5 s",
        "├─ tool n5  1.5 s",
        "└─ checkpoint n6",
    ]


def test_a_tree_of_any_depth() -> None:
    deep = [operation(number, number - 1 if number else None) for number in range(3000)]
    assert len(tree(*deep)) == 3001


def test_lines_are_cut_to_the_width() -> None:
    wide = tree(operation(1, None, name="名" * 40), style=Style(width=30))
    assert wide[1] == "└─ tool " + "名" * 10 + "…"
    assert (
        tree(operation(1, None, name="x" * 90), style=Style(lines=False, width=30))[1] == "`- tool " + "x" * 19 + "..."
    )


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (400, "0 µs"),
        (3_210, "3 µs"),
        (40_000, "40 µs"),
        (99_600, "0.10 ms"),
        (390_000, "0.39 ms"),
        (4_000_000, "4.0 ms"),
        (12_000_000, "12 ms"),
        (3_400_000_000, "3.4 s"),
        (125_000_000_000, "2 min 5 s"),
        (7_260_000_000_000, "2 h 1 min"),
        (999_700, "1.0 ms"),
        (9_960_000, "10 ms"),
        (999_600_000, "1.0 s"),
        (59_960_000_000, "1 min 0 s"),
        (-5, "0 µs"),
    ],
)
def test_durations(nanoseconds: int, text: str) -> None:
    assert duration(0, nanoseconds) == text


def test_columns_of_wide_characters_stand_below_each_other(tmp_path: Path) -> None:
    with VoltAgentSDK(local_path=tmp_path / "t.db") as sdk:
        for name in ("名前", "plain"):
            with sdk.trace(agent_id=name):
                pass
    store = Store(tmp_path / "t.db")
    rows = table(store.traces(), Style())
    store.close()
    assert len({columns(row[: row.index("completed")]) for row in rows[1:]}) == 1


def test_one_long_name_does_not_push_the_other_columns_away(tmp_path: Path) -> None:
    with VoltAgentSDK(local_path=tmp_path / "t.db") as sdk:
        for name in ("desk", "on and on " * 40):
            with sdk.trace(agent_id=name, tags=["t" * 300]):
                pass
    store = Store(tmp_path / "t.db")
    head, long, short = table(store.traces(), Style())
    store.close()
    assert long.index("completed") == short.index("completed") == head.index("STATUS") < 75
    assert "on and on" in long
    assert all(columns(row) <= 80 for row in (head, long, short))


def test_a_message_cannot_write_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with VoltAgentSDK(local_path=tmp_path / "t.db") as sdk:
        for number in range(2):
            sdk.trace(agent_id="a", id=f"x\x1b[2J{number}").end()
    assert run("show", "x", "--db", tmp_path / "t.db") == 1
    assert "several traces begin with 'x': x\\x1b[2J0, x\\x1b[2J1" in capsys.readouterr().err


def test_small_texts() -> None:
    assert duration(0, None) == ""
    assert printable("a\x1b[2J\n\u202eb") == "a\\x1b[2J\\n\\u202eb"
    assert fitted("abcdef", 4) == "abc…"
    assert fitted("e\u0301" * 4, 4) == "e\u0301" * 4
    assert tokens({"prompt_tokens": 2, "completion_tokens": 3}) == "5 tokens"
    assert tokens({"total_tokens": "x"}) == ""
    assert error_text({"type": "ValueError", "message": "m"}) == "ValueError: m"
    assert error_text({"message": {"a": 1}}) == '{"a": 1}'
    assert error_text("plain") == "plain"
    assert (
        error_text("2 errors\nname\n  is missing\n\nage\r\n  is no number\n")
        == "2 errors name is missing age is no number"
    )
    assert error_text({"type": "E", "message": "a\nb"}) == "E: a b"
    assert error_text(["odd"]) == '["odd"]'
    assert short_id("order-4711") == "order-4711"
