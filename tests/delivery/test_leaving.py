"""What ``shutdown()`` and leaving the block cost if the destination does not take anything: the budget of an exit."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.memory import DOWN, Nowhere, Recording, conserved, make_sender
from tests.helpers.pace import PATIENCE, hold
from tests.helpers.server import Server, answer, hang, unused_port
from voltagent import VoltAgentSDK, tool
from voltagent.core import clock
from voltagent.core.span import SpanEvent
from voltagent.delivery import shutdown
from voltagent.delivery.sender import Sender
from voltagent.exporters import ACCEPTED, Outcome, Verdict

REFUSED, SILENT = 2.0, 5.5  # seconds
UNTRIED = Outcome(Verdict.UNTRIED)
REST: dict[str, Any] = {"public_key": "pk", "secret_key": "sk"}


@tool
def work(number: int) -> int:
    return number


def leave(sdk: VoltAgentSDK, limit: float) -> None:
    with sdk:
        work(1)
        began = time.monotonic()
    hold(time.monotonic() - began, limit, "to leave")
    assert conserved(sdk.stats()).pending == 0


@pytest.mark.parametrize("exporter", ["rest", "otlp", "rest,otlp"])
def test_a_port_that_refuses(exporter: str) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    leave(VoltAgentSDK(exporter=exporter, base_url=url, otlp_endpoint=f"{url}/v1/traces", **REST), REFUSED)


@pytest.mark.parametrize("exporter", ["rest", "otlp"])
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(503), id="503"),
        pytest.param(hang, id="hang"),
        pytest.param(answer(500), id="500", marks=pytest.mark.slow),
        pytest.param(answer(429), id="429", marks=pytest.mark.slow),
    ],
)
def test_a_server_that_takes_nothing(exporter: str, reply: Any) -> None:
    with Server(reply) as server:
        url = server.url
        sdk = VoltAgentSDK(exporter=exporter, base_url=url, otlp_endpoint=f"{url}/v1/traces", **REST)
        leave(sdk, SILENT)


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    """Another process has the whole file for itself."""
    code = (
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\nc.execute('BEGIN EXCLUSIVE')\n"
        "print(1, flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield
        other.kill()


def test_a_store_that_another_process_holds(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    sdk = VoltAgentSDK(exporter="local", local_path=path)
    work(0)
    assert conserved(sdk.flush()).accepted == 4
    with held_by_another_process(path):
        leave(sdk, SILENT)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM traces").fetchone() == (1,)


def test_a_store_for_which_the_sender_waits_already(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    sdk = VoltAgentSDK(exporter="local", local_path=path)
    work(0)
    assert conserved(sdk.flush()).accepted == 4
    with held_by_another_process(path):
        work(1)
        assert conserved(sdk.flush(timeout=0.5)).pending == 4  # it waits a minute if nothing shuts down
        leave(sdk, SILENT)


def test_a_shutdown_while_a_batch_is_prepared_bounds_its_request() -> None:
    deadlines: list[float] = []
    entered, gate = threading.Event(), threading.Event()

    class Silent(Nowhere):
        def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
            deadlines.append(deadline)
            return [DOWN] * len(batch)

    def prepare(event: SpanEvent) -> SpanEvent:
        entered.set()
        gate.wait(PATIENCE)
        return event

    sender = make_sender(Silent(), process=prepare, flush_interval=0.0)
    Recording(sender).whole()
    assert entered.wait(PATIENCE)
    future = sender.shutdown()
    requested = clock.monotonic()
    gate.set()
    assert conserved(future.result()).pending == 0
    assert deadlines[0] < requested + 2.0


def hanging_sender() -> tuple[Sender, threading.Event]:
    """Return a sender whose thread hangs in a function that prepares events, until the event is set."""
    entered, gate = threading.Event(), threading.Event()

    def prepare(event: SpanEvent) -> SpanEvent:
        entered.set()
        gate.wait()
        return event

    sender = make_sender(Nowhere(), process=prepare, flush_interval=0.0, timeout=600)
    Recording(sender).whole()
    assert entered.wait(PATIENCE)
    return sender, gate


def test_a_shutdown_does_not_wait_for_a_function_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that redacts, or an HTTP client of the program. Nor does the end of the process wait once more."""
    monkeypatch.setattr(shutdown, "SILENCE", 0.2)
    monkeypatch.setattr(shutdown, "STUCK", 0.2)
    sender, gate = hanging_sender()
    report = sender.shutdown().result(PATIENCE)
    assert (report.pending, report.accepted, dict(report.dropped)) == (0, 0, {"shutdown_timeout": report.recorded})
    worker = sender.workers[0]
    now = clock.monotonic()
    assert worker.leave(now).is_over(now)
    gate.set()


@pytest.mark.parametrize("timeout", [0.0, 0.01])
def test_the_end_of_the_process_waits_for_a_sender_that_had_little_time(timeout: float) -> None:
    """A `shutdown` with a short timeout does not mean that its thread hangs: it may be writing to the spool."""
    sender, gate = hanging_sender()
    sender.shutdown(timeout).result(PATIENCE)
    now = clock.monotonic()
    stop = sender.workers[0].leave(now)
    assert not stop.is_over(now), "what is on its way to the disk was lost, and reported as kept"
    gate.set()


def test_a_shutdown_waits_for_a_function_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The destination cannot answer meanwhile, so the time until it has a request does not count as silence."""
    real, passed = clock.monotonic, [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: real() + passed[0])
    monkeypatch.setattr(shutdown, "STUCK", 1e9)

    class Accepting(Nowhere):
        def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
            return [ACCEPTED if clock.monotonic() < deadline else UNTRIED] * len(batch)

    def prepare(event: SpanEvent) -> SpanEvent:
        passed[0] += 10.0 if event[1].id not in seen else 0.0
        seen.add(event[1].id)
        return event

    seen = set[object]()
    sender = make_sender(Accepting(), process=prepare, flush_interval=None, timeout=600)
    Recording(sender).whole()
    report = conserved(sender.shutdown().result(PATIENCE))
    assert (report.accepted, dict(report.dropped)) == (report.recorded, {})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a process")
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    code = (
        "import resource, time\nfrom voltagent import VoltAgentSDK, tool\n"
        "@tool\ndef work(x): return x\n"
        f"sdk = VoltAgentSDK(exporter='local', local_path={str(tmp_path / 'store.db')!r})\n"
        "work(1); sdk.flush()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\n"
        "for _ in range(100): work('x' * 9000)\n"
        "began = time.monotonic(); sdk.shutdown(); took = time.monotonic() - began\n"
        "s = sdk.stats(); print(took, s.pending, s.recorded == s.accepted + sum(s.dropped.values()))"
    )
    environment = {**os.environ, "VOLTAGENT_QUIET": "1"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    took, pending, conserves = ran.stdout.split()
    assert (pending, conserves) == ("0", "True"), ran
    hold(float(took), SILENT, "a shutdown with a full disk")
