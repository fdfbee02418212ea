"""The spool and real processes: killed at any moment, forked, sharing a folder; and who sends what they left."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.test_process import START, finish
from tests.helpers.model import Model
from tests.helpers.pace import hold, until
from tests.helpers.server import Server, answer, hang, unused_port
from tests.helpers.spools import events_in
from voltagent import VoltAgentSDK
from voltagent.sdk import PendingReport

pytestmark = pytest.mark.slow  # programs that start, end and are killed

posix = pytest.mark.skipif(os.name != "posix", reason="fork and signals")

CANARY = "sk_live_c4n4ryc4n4ryc4n4ryc4n4ry"
SDK = """
import os, signal, sys, threading, time
import voltagent
from voltagent import VoltAgentSDK, tool

sdk = VoltAgentSDK(base_url=os.environ["URL"], public_key="pk_one", secret_key=os.environ["SECRET"], exporter="rest",
                   spool=os.environ["SPOOL"], flush_interval=0.2, retry_delay=0.01, timeout=10)

@tool
def work(name="w", password=""):
    return {"name": name}

def count(): print(time.monotonic(), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def dead() -> str:
    return f"http://127.0.0.1:{unused_port()}"


def start(code: str, url: str, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "URL": url, "SPOOL": str(folder), "SECRET": CANARY, "VOLTAGENT_QUIET": "1"}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", START + SDK + textwrap.dedent(code)]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(code: str, url: str, folder: Path) -> Any:
    began = time.monotonic()
    ran = finish(start(code, url, folder), began)
    assert (ran.code, ran.err) == (0, ""), ran
    return ran


def next_process(url: str, folder: Path, **options: Any) -> tuple[VoltAgentSDK, PendingReport]:
    """An SDK of this process, which sends what the others left."""
    given: dict[str, Any] = {
        "public_key": "pk_one",
        "secret_key": CANARY,
        "exporter": "rest",
        "flush_interval": 0.2,
        **options,
    }
    sdk = VoltAgentSDK(base_url=url, spool=folder, timeout=120, retry_delay=0.01, **given)
    return sdk, sdk.flush(120)


def conserved(report: Any) -> None:
    assert report.recorded == report.accepted + sum(report.dropped.values()) + report.pending, report


def inputs(model: Model) -> list[str]:
    return sorted(e["input"]["name"] for e in model.events.values() if e["event_name"] == "tool:start")


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def server(model: Model) -> Iterator[Server]:
    with Server(model) as server:
        yield server


# Ends.


def test_what_is_left_is_sent_by_the_next_process(model: Model, folder: Path) -> None:
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    ran = run("for n in range(100): work(f'{n:03}')\ncount()", url, folder)
    assert events_in(folder) == 400
    without = run("count()", url, folder).seconds
    hold(ran.seconds, without + 1.4, "leaving")  # refused: it is on the disk, so nothing is to be waited for
    with Server(model, port=port):
        sdk, report = next_process(url, folder)
        assert (report.recorded, report.accepted, report.pending, dict(report.dropped)) == (400, 400, 0, {})
        conserved(sdk.shutdown())
    model.check(100)
    assert inputs(model) == [f"{n:03}" for n in range(100)]
    assert list(folder.iterdir()) == []


def test_a_silent_destination_is_not_waited_for(folder: Path) -> None:
    with Server(hang) as server:
        ran = run("for n in range(10): work(f'{n}')\ncount()", server.url, folder)
    assert events_in(folder) == 40
    hold(ran.seconds, 3.5, "leaving")


def test_what_is_open_when_a_silent_destination_is_left_ends_on_disk(folder: Path) -> None:
    code = """
    trace = sdk.trace(agent_id="open")
    tool = trace.add_tool(name="open")
    sys.stdin.read()
    count()
    """
    with Server(hang) as server:
        began = time.monotonic()
        process = start(code, server.url, folder)
        server.wait_for(1)  # a request is under way
        ran = finish(process, began)
    assert (ran.code, ran.err) == (0, "")
    assert events_in(folder) == 4
    hold(ran.seconds, 3.5, "leaving")


def test_a_healthy_program_leaves_nothing(model: Model, server: Server, folder: Path) -> None:
    run("for n in range(50): work(f'{n}')", server.url, folder)
    model.check(50)
    assert list(folder.iterdir()) == []


# Kill.

STREAM = """
n = 0
while True:
    work(f"{NAME} {n:06}")
    n += 1
    if n % 20 == 0:
        print(n, time.monotonic(), flush=True)
    time.sleep(0.001)
"""


def start_stream(url: str, folder: Path, name: str = "w") -> subprocess.Popen[str]:
    """A program that records all the time; it has begun when this returns."""
    process = start(f"NAME = {name!r}\n{STREAM}", url, folder)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def kill_stream(process: subprocess.Popen[str]) -> list[tuple[int, float]]:
    """Kill it; how many calls it had made when, and at the end when it died."""
    process.send_signal(signal.SIGKILL)
    died = time.monotonic()
    out, err = process.communicate()
    assert err == ""
    whole = [line.split() for line in out.splitlines()[:-1]]
    return [*((int(number), float(moment)) for number, moment in whole), (-1, died)]


def check_delay(got: int, calls: list[tuple[int, float]], limit: float = 0.2 + 0.6) -> None:
    """What was recorded longer than the flush interval before the end, and what a machine may add, is there."""
    first_lost = next((moment for number, moment in calls[:-1] if number > got), calls[-1][1])
    hold(calls[-1][1] - first_lost, limit, "keeping what was recorded")


@posix
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("destination", ["down", "up", "hangs", "flaps"])
def test_killed_at_any_moment(model: Model, folder: Path, seed: int, destination: str) -> None:
    dice = random.Random(f"{destination} {seed}")
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    ill = [destination]

    def exc(_: Any) -> Any:
        if ill[0] == "hangs":
            return hang
        return answer(503) if ill[0] == "flaps" and dice.random() < 0.2 else None

    model.exc = exc
    server = Server(model, port=port)
    if destination != "down":
        server.start()
    process = start_stream(url, folder)
    time.sleep(dice.uniform(0.3, 1.2))
    calls = kill_stream(process)
    ill[0] = "well"
    if destination == "hangs":
        server.stop()
    if destination in ("down", "hangs"):
        server = Server(model, port=port)
        server.start()
    sdk, report = next_process(url, folder)
    conserved(report)
    assert (report.pending, dict(report.dropped)) == (0, {})
    conserved(sdk.shutdown())
    server.stop()
    assert model.complaints == []
    got = inputs(model)
    assert got == [f"w {n:06}" for n in range(len(got))], "without gaps, once each"
    assert all(len(bodies) == 1 for (line, _), bodies in model.bodies.items() if line.startswith("POST"))
    assert [path for path in folder.iterdir() if path.suffix == ".db"] == []
    check_delay(len(got), calls)


@posix
def test_killed_on_the_otlp_wire(folder: Path) -> None:
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    code = SDK.replace('exporter="rest"', 'exporter="otlp", otlp_endpoint=os.environ["URL"], otlp_protocol="http/json"')
    program = START + code + 'NAME = "w"\n' + STREAM
    environment = {**os.environ, "URL": url, "SPOOL": str(folder), "SECRET": CANARY}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.7)
    calls = kill_stream(process)
    with Server(answer(200, b"{}"), port=port) as server:
        sdk, report = next_process(url, folder, exporter="otlp", otlp_endpoint=url, otlp_protocol="http/json")
        assert (report.pending, dict(report.dropped)) == (0, {})
        sdk.shutdown()
        spans = [
            span for request in server.requests for span in request.json["resourceSpans"][0]["scopeSpans"][0]["spans"]
        ]
    tools = [span for span in spans if "parentSpanId" in span]
    assert len({span["spanId"] for span in spans}) == len(spans)
    whole = {span["spanId"] for span in spans if "parentSpanId" not in span}
    assert sum(span["parentSpanId"] not in whole for span in tools) <= 1, "but for the call that was cut in two"
    check_delay(len(tools), calls)


# Others.


@posix
def test_two_processes_share_the_folder_and_a_third_takes_over_the_dead_one(model: Model, folder: Path) -> None:
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    living = start(
        "for n in range(30): work(f'living {n:02}')\nprint('ready', flush=True)\nsys.stdin.read()",
        url,
        folder,
    )
    dying = start(
        "for n in range(30): work(f'dying {n:02}')\nprint('ready', flush=True)\nsys.stdin.read()",
        url,
        folder,
    )
    for process in (living, dying):
        assert process.stdout is not None
        process.stdout.readline()
    until(lambda: events_in(folder) == 240)
    living.send_signal(signal.SIGSTOP)  # it would take over as well
    dying.kill()
    dying.communicate()
    with Server(model, port=port):
        sdk, report = next_process(url, folder)
        living.send_signal(signal.SIGCONT)
        assert (report.accepted, report.pending) == (120, 0), report
        until(lambda: len(model.ended) == 60)
        assert finish(living, 0).code == 0
        model.check(60)
        assert sdk.flush().recorded == 120, "the living one sent its own"
        sdk.shutdown()
    assert list(folder.iterdir()) == []


@posix
def test_another_destination_gets_nothing(model: Model, server: Server, dead: str, folder: Path) -> None:
    run("work('for pk_one')", dead, folder)
    for options in ({"public_key": "pk_other"}, {}):
        sdk, report = next_process(server.url, folder, **options)
        assert report.recorded == 0
        sdk.shutdown()
    assert model.histories == {}
    assert events_in(folder) == 4


@posix
def test_a_forked_child_leaves_the_parents_files_alone(model: Model, folder: Path) -> None:
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    code = """
    for n in range(20): work(f"parent {n:02}")
    print("ready", flush=True)
    sys.stdin.readline()
    databases = lambda: {name for name in os.listdir(os.environ["SPOOL"]) if name.endswith(".db")}
    before = databases()
    pid = os.fork()
    if pid == 0:
        assert sdk.stats().recorded == 0
        work("child")
        report = sdk.shutdown()
        assert (report.recorded, report.pending) == (4, 4), report
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    report = sdk.stats()
    assert (report.recorded, report.pending) == (80, 80), report
    assert before <= databases() and len(before) == 1
    pid = os.fork()  # one that ends without a word
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    work("parent 20")
    assert sdk.shutdown().pending == 84
    """
    process = start(code, url, folder)
    assert process.stdin is not None
    until(lambda: events_in(folder) == 80)
    process.stdin.write("go on\n")
    process.stdin.flush()
    ran = finish(process, 0)
    assert (ran.code, ran.err) == (0, "")
    assert events_in(folder) == 88
    with Server(model, port=port):
        sdk, report = next_process(url, folder)
        assert (report.accepted, report.pending) == (88, 0)
        sdk.shutdown()
    model.check(22)


@posix
def test_files_are_private_and_hold_no_secret(dead: str, folder: Path) -> None:
    code = f"""
    with sdk.trace(agent_id="a", metadata={{"api_key": "{CANARY}"}}, input={{"text": "my key is {CANARY}"}}) as trace:
        work("w", password="hunter2-canary")
        trace.update(metadata={{"note": "{CANARY}"}})
        try:
            with trace.add_tool(name="t") as t: raise ValueError("{CANARY}")
        except ValueError: pass
    sys.stdin.read()
    """
    process = start(code, dead, folder)
    until(lambda: events_in(folder) == 7)
    files = list(folder.iterdir())
    kept = b"".join(path.read_bytes() for path in files)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in files}
    process.kill()
    process.communicate()
    assert b"my key is" in kept
    assert CANARY.encode() not in kept
    assert b"hunter2" not in kept
    assert b"pk_one" not in kept
    assert modes == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@posix
@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(model: Model, server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    ran = run("work('w')\nprint(sdk.flush().accepted)", server.url, tmp_path / "s")
    assert ran.out == "4\n"


def test_a_folder_that_is_a_file_costs_only_the_spool(model: Model, server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ran = run("work('w')\nprint(sdk.flush().accepted)", server.url, tmp_path / "file")
    assert ran.out == "4\n"
    assert (tmp_path / "file").read_text() == "mine"
    model.check(1)
