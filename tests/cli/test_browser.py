"""``voltagent show --web``: a page in the browser, on the server that runs or on one of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.helpers.local_server import serving
from tests.helpers.pace import until
from tests.helpers.server import Server, answer, unused_port
from voltagent import VoltAgentSDK
from voltagent.cli import main, ui
from voltagent.storage.traces.store import Store


@pytest.fixture
def db(tmp_path: Path) -> Path:
    with VoltAgentSDK(exporter="local", local_path=tmp_path / "t.db") as sdk:
        sdk.trace(agent_id="desk", id="order 4711/ä").end()
    return tmp_path / "t.db"


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that notes the address it is to open."""
    program, noted = tmp_path / "browser", tmp_path / "opened"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{noted}.new" && mv "{noted}.new" "{noted}"\n', encoding="utf-8")
    program.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    return noted


PLACE = "#/trace/order%204711%2F%C3%A4"


def test_a_server_that_runs_is_found(
    db: Path, browser: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(db)
    strangers = (answer(), answer(body={"trace": {"id": "another"}}), answer(404))
    with ExitStack() as stack:
        url = stack.enter_context(serving(store))
        others = [stack.enter_context(Server(reply)).port for reply in strangers]
        monkeypatch.setattr(ui, "PORTS", (unused_port(), *others, int(url.rpartition(":")[2])))
        monkeypatch.setattr(ui, "serve", lambda *_, **__: pytest.fail("it was not found"))
        assert main(["show", "--web", "order", "--db", str(db)]) == 0
    store.close()
    address = f"{url}/{PLACE}"
    assert capsys.readouterr().out == f"voltagent is at {address}\n"
    assert browser.read_text(encoding="utf-8") == address


def test_where_none_runs_it_serves_until_ctrl_c(db: Path, browser: Path) -> None:
    command = [sys.executable, "-m", "voltagent", "show", "--web", "--db", str(db)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = line.split()[3]
            assert address.endswith(f"/{PLACE}")
            port = int(address.split(":")[2].partition("/")[0])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/api/traces/order%204711%2F%C3%A4")
            assert json.loads(connection.getresponse().read())["trace"]["agent"] == "desk"
            connection.close()
            until(lambda: browser.exists() or process.poll() is not None)
            assert browser.read_text(encoding="utf-8") == address
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_a_trace_that_is_missing_is_reported_first(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--web", "zzz", "--db", str(db)]) == 1
    assert "no trace has the id 'zzz'" in capsys.readouterr().err
