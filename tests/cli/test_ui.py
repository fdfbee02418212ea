"""``voltagent ui`` as its user meets it: a process, a port, a browser, Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.helpers.stored import Run
from voltagent.cli import main


@contextmanager
def running(
    *arguments: str, program: tuple[str, str] = ("-m", "voltagent"), **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the line that it begins with."""
    command = [sys.executable, *program, "ui", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit status after Ctrl-C, and the output on stderr."""
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def address(line: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert found is not None, line
    return found[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


@pytest.mark.skipif(os.name == "nt", reason="there, Ctrl-C goes to a whole console")
def test_it_serves_the_store_while_it_grows_and_ends_quietly(path: Path) -> None:
    with running("--no-open", "--port", "0", "--db", str(path)) as (process, line):
        assert process.stdout is not None
        hint = process.stdout.readline()
        assert "Nothing has been recorded yet" in hint
        assert str(path) in hint
        with httpx.Client(base_url=address(line), timeout=60) as client, client.stream("GET", "/api/live") as live:
            assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
            assert client.get("/api/traces").json() == {"traces": [], "more": False}
            assert not path.exists()
            run = Run(path)
            run.trace("bot")
            run.save()
            run.store.close()
            lines = live.iter_lines()
            assert next(line for line in lines if line) == ": the store is watched"
            assert next(line for line in lines if line) == "event: change"
            assert client.get("/api/traces").json()["traces"][0]["agent"] == "bot"
            assert interrupted(process) == (0, "\n"), "also with a page that listens"


# The command, with one more page, whose answer fails with a text that was recorded.
FAILING = """
import sys
from voltagent.cli import main
from voltagent.server import server
from voltagent.server.routing import Route

def fails(store, request):
    raise LookupError(store.traces()[0].agent_id)

server.Server.table = server.Table((*server.ROUTES, Route("GET", "/api/failing", fails)), server.STREAMS)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="there, Ctrl-C goes to a whole console")
def test_an_error_is_reported_on_stderr_without_what_was_recorded(path: Path) -> None:
    run = Run(path)
    run.trace("a secret")
    run.save()
    run.store.close()
    with running("--no-open", "--port", "0", "--db", str(path), program=("-c", FAILING)) as (process, line):
        assert httpx.get(address(line) + "api/failing", timeout=60).status_code == 500
        status, errors = interrupted(process)
    assert status == 0
    assert errors.startswith("voltagent: the local server failed to answer: LookupError at ")
    assert "secret" not in errors


def test_the_next_free_port_is_taken_unless_one_was_named(path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 3141))
            taken.listen()
        except OSError:
            pytest.skip("somebody else has the port, and may let it go")
        with running("--no-open", "--db", str(path)) as (_, line):
            assert 3141 < int(address(line).rstrip("/").rpartition(":")[2]) < 3161


def test_a_port_that_cannot_be_had_is_reported(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", "--no-open", "--port", str(port), "--db", str(path)]) == 1
    errors = capsys.readouterr().err
    assert f"port {port} cannot be used: Address already in use" in errors
    assert "--port 0" in errors


@pytest.mark.parametrize("port", ["-1", "65536", "http", "1.5", ""])
def test_a_port_that_is_none_is_reported(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["ui", "--port", port])
    assert f"must be a number from 0 to 65535, got {port!r}" in capsys.readouterr().err


def test_a_file_that_is_not_a_store_is_reported_at_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("my notes " * 1000)
    assert main(["ui", "--no-open", "--port", "0", "--db", str(path)]) == 1
    assert "traces.db cannot be used: file is not a database" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="needs a program that can be run by its first line")
def test_the_browser_is_opened(path: Path, tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    os.mkfifo(opened)
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    browser.chmod(0o755)
    with running("--port", "0", "--db", str(path), BROWSER=str(browser)) as (process, line):
        assert opened.read_text().strip() == address(line)  # waits for the browser
        assert interrupted(process)[0] == 0
