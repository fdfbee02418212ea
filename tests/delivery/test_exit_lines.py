"""What a program without logging writes to stderr at its end: what it lost, and how to see what it recorded."""

from __future__ import annotations

import os
import re
import select
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.examples import environment
from tests.helpers.pace import PATIENCE, within
from tests.helpers.server import Reply, Server, answer, unused_port
from voltagent.delivery.losses import TECHNICAL

pytestmark = pytest.mark.slow  # programs that start, end and are killed

PROGRAM = """
from voltagent import agent, tool

@tool
def look_up(order):
    return order

@agent
def clerk(order):
    return look_up(order)

for number in range(2):
    clerk(number)
"""
KEYS = {"VOLTAGENT_PUBLIC_KEY": "pk_1", "VOLTAGENT_SECRET_KEY": "sk_1"}
LINE = re.compile(r"voltagent: (\d+) of (\d+) events to (\S+) were lost: (.+); run `voltagent doctor`\n")


def run(folder: Path, code: str = PROGRAM, **settings: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a program."""
    env = environment(folder / "traces.db", **settings)
    if "VOLTAGENT_EXPORTER" not in settings and "VOLTAGENT_BASE_URL" in settings:
        del env["VOLTAGENT_LOCAL_PATH"]
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, encoding="utf-8", timeout=PATIENCE
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("reply", "why"), [
    (answer(401, {"error": "no"}), 'the key was refused (HTTP 401 {"error": "no"})'),
    (answer(403), "the key was refused (HTTP 403 {})"),
    (answer(400, {"error": "bad"}), 'they were refused (HTTP 400 {"error": "bad"})'),
    (answer(500), "it answered with errors (HTTP 500 {})"),
    (answer(503), "it was not available (HTTP 503 {})"),
])  # fmt: skip
def test_a_destination_that_takes_nothing_is_announced(tmp_path: Path, reply: Reply, why: str) -> None:
    with Server(lambda _: reply) as server:
        url = server.url.replace("//", "//user:secret@")
        code, out, err = run(tmp_path, VOLTAGENT_BASE_URL=url, VOLTAGENT_MAX_RETRIES="0", **KEYS)
    assert (code, out) == (0, "")
    found = LINE.fullmatch(err)
    assert found is not None, err
    assert found.groups() == ("12", "12", server.url, why)


def test_a_destination_that_puts_all_off_is_not_reported_as_silent(tmp_path: Path) -> None:
    with Server(lambda _: answer(429, retry_after="60")) as server:
        code, out, err = run(tmp_path, VOLTAGENT_BASE_URL=server.url, **KEYS)
    assert (code, out) == (0, "")
    found = LINE.fullmatch(err)
    assert found is not None, err
    assert found.groups() == ("12", "12", server.url, "it did not take them in time (HTTP 429 {})")


def test_a_store_that_is_locked_is_named_once(tmp_path: Path) -> None:
    run(tmp_path)  # makes it
    with closing(sqlite3.connect(tmp_path / "traces.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, out, err = run(tmp_path)
    assert (code, out) == (0, "")
    found = LINE.fullmatch(err)
    assert found is not None, err
    assert found.groups() == ("12", "12", str(tmp_path / "traces.db"), "the store cannot be used: database is locked")


def test_a_refused_connection_is_announced_in_time(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    with within(6):
        code, out, err = run(
            tmp_path, VOLTAGENT_BASE_URL=url, VOLTAGENT_EXPORTER="rest,otlp", OTEL_EXPORTER_OTLP_ENDPOINT=url
        )
    assert (code, out) == (0, "")
    lines = [LINE.fullmatch(line) for line in sorted(err.splitlines(keepends=True))]  # one for each destination
    assert [line and line.groups() for line in lines] == [
        ("12", "12", url, "no connection (Connection refused)"),
        ("12", "12", f"{url}/v1/traces", "no connection (Connection refused)"),
    ]


def test_several_sdks_with_one_destination_are_one_line(tmp_path: Path) -> None:
    code = """
from voltagent import VoltAgentSDK
for number in range(3):
    with VoltAgentSDK() as sdk, sdk.trace(agent_id="a"):
        pass
    del sdk
"""
    with Server(lambda _: answer(401)) as server:
        line = f"voltagent: 6 of 6 events to {server.url} were lost: the key was refused (HTTP 401 {{}}); "
        expected = (0, "", f"{line}run `voltagent doctor`\n")
        assert run(tmp_path, code, VOLTAGENT_BASE_URL=server.url, **KEYS) == expected


def test_part_of_the_events_is_counted_by_reason(tmp_path: Path) -> None:
    replies = iter([answer(200, {"id": "1"}), answer(200, {"id": "2"})])
    code = """
from voltagent import VoltAgentSDK
with VoltAgentSDK() as sdk:
    sdk.trace(agent_id="a")
    print(sdk.flush().accepted)
    sdk.trace(agent_id="b").end()
"""
    with Server(lambda _: next(replies, answer(422))) as server:
        code, out, err = run(tmp_path, code, VOLTAGENT_BASE_URL=server.url, **KEYS)
    assert (code, out) == (0, "1\n")
    found = LINE.fullmatch(err)
    assert found is not None, err
    assert int(found[1]) < int(found[2])


def test_quiet_writes_nothing(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    assert run(tmp_path, VOLTAGENT_BASE_URL=url, VOLTAGENT_QUIET="1", **KEYS) == (0, "", "")


def test_a_destination_that_takes_everything_is_not_mentioned(tmp_path: Path) -> None:
    with Server(lambda _: answer(200, {"id": "1"})) as server:
        assert run(tmp_path, VOLTAGENT_BASE_URL=server.url, **KEYS) == (0, "", "")


def test_what_waits_in_the_spool_is_not_lost(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    code, out, err = run(tmp_path, VOLTAGENT_BASE_URL=url, VOLTAGENT_SPOOL=str(tmp_path / "spool"), **KEYS)
    assert (code, out) == (0, "")
    assert err == f"voltagent: 12 of 12 events to {url} wait in the spool: Connection refused; run `voltagent doctor`\n"


@pytest.mark.skipif(sys.platform == "win32", reason="fork")
def test_each_process_reports_its_own_losses(tmp_path: Path) -> None:
    code = PROGRAM + "\nimport os\nif os.fork():\n    os.wait()\nelse:\n    clerk(3)\n"
    url = f"http://127.0.0.1:{unused_port()}"
    _, _, err = run(tmp_path, code, VOLTAGENT_BASE_URL=url, **KEYS)
    assert sorted(re.findall(r"(\d+ of \d+) events", err)) == ["12 of 12", "6 of 6"]


@pytest.mark.parametrize("closing", ["sys.stderr.close()", "sys.stderr = None", "os.close(2)"])
def test_a_stderr_that_cannot_be_written_changes_nothing(tmp_path: Path, closing: str) -> None:
    code = f"{PROGRAM}\nimport os, sys\n{closing}\n"
    url = f"http://127.0.0.1:{unused_port()}"
    status, out, err = run(tmp_path, code, VOLTAGENT_BASE_URL=url, **KEYS)
    assert (status, out, err) == (0, "", "")


@pytest.mark.parametrize(("text", "shown"), [
    ("ConnectError: [Errno 111] Connection refused", "Connection refused"),
    ("ConnectTimeout: timed out", "timed out"),
    ("HTTP 500 Error: x", "HTTP 500 Error: x"),
    ("[Errno -2] Name or service not known", "Name or service not known"),
])  # fmt: skip
def test_the_technical_beginning_of_an_error_is_left_out(text: str, shown: str) -> None:
    assert TECHNICAL.sub("", text) == shown


# On a terminal.


def on_terminal(code: str, env: dict[str, str]) -> tuple[int, str]:
    """Exit status, and what a program writes to stderr where that is a terminal."""
    pty: Any = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    active = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**env, "PATH": active}
    process = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    written = b""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and select.select([ours], [], [], PATIENCE)[0]:
        try:
            part = os.read(ours, 4096)
        except OSError:  # how Linux reports that the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    return process.wait(PATIENCE), written.decode().replace("\r\n", "\n")


def test_a_program_ends_with_how_to_see_what_it_recorded(tmp_path: Path) -> None:
    env = environment(tmp_path / "traces.db")
    code, err = on_terminal(PROGRAM.replace("range(2)", "range(1)"), env)
    found = re.fullmatch(r"voltagent: 1 trace recorded; see it with: (voltagent show [0-9a-f]{8})\n", err)
    assert code == 0
    assert found is not None, err
    shown = subprocess.run([sys.executable, "-m", *found[1].split()], env=env, capture_output=True, encoding="utf-8")
    assert "clerk" in shown.stdout
    code, err = on_terminal(PROGRAM, env)
    assert re.fullmatch(r"voltagent: 2 traces recorded; see the last with: voltagent show [0-9a-f]{8}\n", err)


@pytest.mark.parametrize(("code", "settings"), [
    (PROGRAM, {"VOLTAGENT_QUIET": "1"}),
    ("import voltagent; voltagent.VoltAgentSDK()", {}),  # nothing was recorded
    (PROGRAM, {"VOLTAGENT_EXPORTER": "none"}),
    (PROGRAM, {"VOLTAGENT_ENABLED": "0"}),
])  # fmt: skip
def test_where_there_is_nothing_to_see_nothing_is_written(tmp_path: Path, code: str, settings: dict[str, str]) -> None:
    assert on_terminal(code, environment(tmp_path / "traces.db", **settings)) == (0, "")


def test_another_store_is_named(tmp_path: Path) -> None:
    other = tmp_path / "with space.db"
    code = f"from voltagent import VoltAgentSDK\nsdk = VoltAgentSDK(local_path={str(other)!r})\n" + PROGRAM
    _, err = on_terminal(code, environment(tmp_path / "traces.db"))
    assert re.search(rf"voltagent show [0-9a-f]{{8}} --db '{re.escape(str(other))}'\n", err), err


def test_of_many_stores_the_last_are_named(tmp_path: Path) -> None:
    code = f"""
from voltagent import VoltAgentSDK
for number in range(20):
    with VoltAgentSDK(exporter="local", local_path=f"{tmp_path}/{{number}}.db") as sdk:
        sdk.trace(agent_id="a").success()
"""
    status, err = on_terminal(code, environment(tmp_path / "traces.db"))
    assert status == 0
    assert re.findall(r"(\d+)\.db\n", err) == [str(number) for number in range(12, 20)]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_leave_the_line_to_their_parent(tmp_path: Path, method: str) -> None:
    if sys.platform == "win32":
        pytest.skip("terminals")
    (tmp_path / "work.py").write_text(
        PROGRAM.replace("for number", "def work():\n  for number").replace("    clerk(n", "        clerk(n")
    )
    code = (
        f"import multiprocessing, work\nif __name__ == '__main__':\n    work.work()\n"
        f"    child = multiprocessing.get_context({method!r}).Process(target=work.work)\n"
        "    child.start()\n    child.join()\n"
    )
    (tmp_path / "main.py").write_text(code)
    env = environment(tmp_path / "traces.db")
    start = (
        f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['main.py']; "
        f"runpy.run_path({str(tmp_path / 'main.py')!r}, run_name='__main__')"
    )
    _, err = on_terminal(start, {**env, "PYTHONPATH": f"{tmp_path}{os.pathsep}{env['PYTHONPATH']}"})
    assert err.count("voltagent:") == 1, err
