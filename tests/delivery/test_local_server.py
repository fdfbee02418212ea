"""The guarantees of the sender, with the local server as its backend: everything arrives once, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.helpers.local_server import serving
from tests.helpers.pace import TooSlow
from tests.helpers.server import Recorded, Reply, Server, answer, reset, unused_port
from voltagent import VoltAgentSDK
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store

KEYS = {"public_key": "pk_test", "secret_key": "sk_test_0123456789"}
WIRES = ["rest", "otlp"]
ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "traces.db")


@pytest.fixture
def url(store: Store) -> Iterator[str]:
    with serving(store) as url:
        yield url


def record(sdk: VoltAgentSDK, traces: int, tools: int = 3) -> None:
    for number in range(traces):
        with sdk.trace(agent_id=f"bot-{number}") as trace, trace.add_agent(name="a") as agent:
            for each in range(tools):
                agent.add_tool(name=f"t-{each}", input={"n": each}).success(output={"n": each})


def arrived(store: Store) -> dict[str, int]:
    """agent id -> number of its operations, of all traces that have ended well."""
    found = store.traces(Filter(status="completed"), limit=1000)
    assert len({trace.id for trace in found}) == len(found)
    return {trace.agent_id: trace.operations for trace in found}


@pytest.mark.parametrize("wire", WIRES)
def test_answers_that_are_lost_leave_nothing_twice(store: Store, url: str, wire: str) -> None:
    """Every third answer is lost after the server has stored what it was sent."""
    numbers = count(1)
    with httpx.Client(timeout=60) as client:

        def forward(request: Recorded) -> Reply:
            headers = {"Content-Type": request.headers["content-type"]}
            response = client.request(request.method, url + request.path, content=request.body, headers=headers)
            lost = next(numbers) % 3 == 0
            return (
                reset
                if lost
                else answer(response.status_code, response.content, content_type=response.headers["content-type"])
            )

        with (
            Server(forward) as between,
            VoltAgentSDK(exporter=wire, base_url=between.url, retry_delay=0.01, flush_interval=0.05, **KEYS) as sdk,
        ):
            record(sdk, 5)
            report = sdk.flush(timeout=60)
    assert (report.pending, report.dropped) == (0, {})
    assert arrived(store) == {f"bot-{number}": 4 for number in range(5)}


@pytest.mark.parametrize("wire", WIRES)
def test_an_outage_loses_nothing(store: Store, wire: str) -> None:
    port = unused_port()
    with VoltAgentSDK(
        exporter=wire, base_url=f"http://127.0.0.1:{port}", retry_delay=0.05, flush_interval=0.05, **KEYS
    ) as sdk:
        record(sdk, 3)
        assert sdk.flush(timeout=0.3).pending
        with serving(store, port):
            report = sdk.flush(timeout=60)
    assert (report.pending, report.dropped) == (0, {})
    assert arrived(store) == {f"bot-{number}": 4 for number in range(3)}


@pytest.mark.parametrize("wire", WIRES)
def test_many_threads_and_programs_that_just_end(store: Store, url: str, wire: str) -> None:
    def program(number: int) -> None:
        code = f"""
from voltagent import VoltAgentSDK
sdk = VoltAgentSDK(exporter={wire!r}, base_url={url!r}, public_key="pk_x", secret_key="sk_x_0123456789")
with sdk.trace(agent_id="bot-{number}") as trace:
    for _ in range(100):
        trace.add_tool(name="t").success()
"""
        command = [sys.executable, "-c", code]
        ended[number] = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    ended: dict[int, subprocess.CompletedProcess[str]] = {}
    others = {name: value for name, value in os.environ.items() if not name.startswith("VOLTAGENT_")}
    environment = {**others, "PYTHONPATH": ROOT}
    threads = [threading.Thread(target=program, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any("HTTP 503" in one.stderr for one in ended.values()):
        raise TooSlow("the server was too busy to take all within the time that a program waits at its end")
    assert {number: (one.returncode, one.stderr) for number, one in ended.items()} == dict.fromkeys(range(3), (0, ""))
    assert arrived(store) == {f"bot-{number}": 100 for number in range(3)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_sends_its_own(store: Store, url: str) -> None:
    code = f"""
import os
from voltagent import VoltAgentSDK
sdk = VoltAgentSDK(exporter="otlp", base_url={url!r}, public_key="pk_x", secret_key="sk_x_0123456789")
def run(name):
    with sdk.trace(agent_id=name) as trace:
        trace.add_tool(name="t").success()
run("before")
child = os.fork()
run("child" if child == 0 else "parent")
sdk.flush()
if child:
    assert os.waitpid(child, 0)[1] == 0
else:
    os._exit(0)
"""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": ROOT}, check=True, timeout=120)
    assert arrived(store) == {"before": 1, "child": 1, "parent": 1}


def test_the_command_takes_what_is_sent_and_ends_on_ctrl_c(tmp_path: Path, store: Store) -> None:
    port = unused_port()
    command = [sys.executable, "-m", "voltagent", "ui", "--no-open", "--port", str(port), "--db", str(store.path)]
    server = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": ROOT}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        assert str(port) in server.stdout.readline()
        with VoltAgentSDK(exporter="rest", base_url=f"http://127.0.0.1:{port}", **KEYS) as sdk:
            record(sdk, 1)
        server.send_signal(signal.SIGINT)
        _, complaints = server.communicate(timeout=60)
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in complaints
    assert arrived(store) == {"bot-0": 4}
