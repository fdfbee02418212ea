"""The first commands of a new user, each in a process of its own: what they print, and how they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.examples import environment
from tests.helpers.pace import PATIENCE, until
from tests.helpers.stored import Log
from voltagent.cli import COMMANDS
from voltagent.core.span import AGENT
from voltagent.storage.traces.store import Store
from voltagent.tracing.recorder import Recorder

pytestmark = pytest.mark.slow  # programs that start and end

KEYS = {"VOLTAGENT_PUBLIC_KEY": "pk_1", "VOLTAGENT_SECRET_KEY": "sk_1"}


def voltagent(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    env = environment(folder / "traces.db", **settings)
    done = subprocess.run(
        [sys.executable, "-m", "voltagent", *arguments],
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A folder with a store of four traces: two of "desk", one that is called like the id of another, one of "a"."""
    log = Log()
    recorder = Recorder(log)
    for number, name in enumerate(("desk", "desk", "0001", "a")):
        root = recorder.start_trace(name, None, identifier=f"000{number}-a{number}")
        recorder.succeed(recorder.start(root, AGENT, f"Agent {number}", b"{}"), b"{}")
        recorder.succeed(root, None)
        root.start_ns += number * 10**9
    store = Store(tmp_path / "traces.db")
    store.append(log.events)
    store.close()
    return tmp_path


def test_the_bare_command_prints_the_help(tmp_path: Path) -> None:
    code, out, err = voltagent(tmp_path)
    assert (code, err) == (0, "")
    assert all(f"    {command}" in out for command in COMMANDS)


@pytest.mark.parametrize(("typed", "answer"), [
    ("shwo", "did you mean `voltagent show`?"),
    ("trace", "did you mean `voltagent traces`?"),
    ("docter", "did you mean `voltagent doctor`?"),
    ("xyzzy", "the commands are show, traces, ui"),
])  # fmt: skip
def test_a_misspelt_command_is_named(tmp_path: Path, typed: str, answer: str) -> None:
    code, out, err = voltagent(tmp_path, typed)
    assert (code, out) == (2, "")
    assert err.startswith(f"voltagent: there is no command '{typed}'; {answer}")


@pytest.mark.parametrize(("given", "shown"), [
    ("desk", "0001-a1"),  # the newest of two
    ("Agent 0", "0000-a0"),  # an agent inside a trace
    ("0000", "0000-a0"),  # how an id begins
    ("0001-a1", "0001-a1"),  # an id
    ("a", "0003-a3"),
])  # fmt: skip
def test_a_trace_is_shown_by_id_or_by_the_name_of_its_agent(stored: Path, given: str, shown: str) -> None:
    code, out, err = voltagent(stored, "show", given)
    assert (code, err) == (0, "")
    assert f"  {shown}\n" in out


def test_an_unknown_id_points_to_the_list(stored: Path) -> None:
    code, out, err = voltagent(stored, "show", "ffff")
    assert (code, out) == (1, "")
    assert "no trace has the id 'ffff'" in err
    assert "`voltagent traces` lists the traces" in err


def test_the_column_of_the_list_is_called_what_it_shows(stored: Path) -> None:
    _, out, _ = voltagent(stored, "traces")
    assert out.splitlines()[0].split()[:4] == ["ID", "START", "NAME", "STATUS"]


@pytest.mark.parametrize(("name", "code"), [
    ("x.pdf", 2), ("x.htlm", 2), ("x.json", 0), ("x.HTML", 0), ("x.htm", 0), ("x", 0),
])  # fmt: skip
def test_an_unknown_ending_is_refused(stored: Path, name: str, code: int) -> None:
    file = stored / name
    ended, _, err = voltagent(stored, "export", "-o", str(file))
    assert ended == code
    assert file.exists() == (code == 0)
    if code:
        assert err == (f"voltagent: {file} ends in {file.suffix}, which is not a known format: use .html or .json, or "
                       "set the format with --format\n")  # fmt: skip
        assert voltagent(stored, "export", "--format", "json", "-o", str(file))[0] == 0  # the user insists


@pytest.mark.parametrize(("settings", "place"), [
    ({**KEYS}, "records go to https://api.voltagent.dev, as the environment says"),
    ({**KEYS, "VOLTAGENT_BASE_URL": "https://user:pass@example.org/v1"}, "records go to https://example.org/v1,"),
    ({"VOLTAGENT_EXPORTER": "otlp"}, "records go to http://localhost:4318/v1/traces,"),
    ({"VOLTAGENT_ENABLED": "0"}, "recording is switched off"),
    ({"VOLTAGENT_EXPORTER": "none"}, "recording is switched off"),
    ({"VOLTAGENT_PUBLIC_KEY": "pk_1"}, "secret_key is missing"),
    ({**KEYS, "VOLTAGENT_EXPORTER": "auto,local"}, ""),
    ({}, ""),
])  # fmt: skip
def test_where_the_records_go_is_named(stored: Path, settings: dict[str, str], place: str) -> None:
    for command in ("show", "traces"):
        code, out, err = voltagent(stored, command, **settings)
        assert (code, bool(out)) == (0, True)
        assert place in err
        assert bool(err) == bool(place)
        assert "pass" not in err


def test_another_store_is_read_without_a_remark(stored: Path, tmp_path: Path) -> None:
    (stored / "traces.db").rename(stored / "other.db")
    assert voltagent(stored, "show", "--db", str(stored / "other.db"), **KEYS)[::2] == (0, "")


def test_a_program_that_records_but_has_stored_nothing_is_noticed(tmp_path: Path) -> None:
    code = """
import sys
from voltagent import VoltAgentSDK
sdk = VoltAgentSDK(auto_flush=False)
sdk.trace(agent_id="a").end()
sys.stdin.read()
"""
    env = environment(tmp_path / "traces.db")
    program = subprocess.Popen([sys.executable, "-c", code], env=env, stdin=subprocess.PIPE)
    try:
        until(lambda: list(tmp_path.glob("*.lock")))
        for command in ("show", "traces"):
            status, out, err = voltagent(tmp_path, command)
            assert (status, out) == (1, "")
            assert err.startswith("voltagent: a program is recording, but has stored nothing")
    finally:
        program.communicate(b"")
    assert voltagent(tmp_path, "traces")[0] == 0


def test_without_any_program_the_store_is_missing(tmp_path: Path) -> None:
    code, out, err = voltagent(tmp_path, "traces")
    assert (code, out) == (1, "")
    assert err.startswith("voltagent: nothing has been recorded yet: there is no ")
