"""A shutdown that comes while a batch is being sent: nothing that waits for the destination misses it."""

from __future__ import annotations

import inspect
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.bytecode_steps import BetweenLines
from tests.helpers.pace import PATIENCE, hold, until
from tests.helpers.server import Server, hang
from voltagent.core import clock
from voltagent.core.deadline import Deadline, ends_by
from voltagent.core.span import TRACE, Phase, Span, TraceInfo
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.dispatcher import Dispatcher
from voltagent.delivery.options import WorkerOptions
from voltagent.delivery.processing import Processing
from voltagent.delivery.storage import MemoryStorage
from voltagent.exporters.local import LocalExporter
from voltagent.exporters.otlp import OtlpExporter
from voltagent.exporters.rest import RestExporter

FILES = ("delivery/dispatcher.py", "exporters/otlp.py", "exporters/calls.py", "exporters/rest", "exporters/local.py")
STEP = 17  # lines: a run takes up to half a second


def send_with_shutdown(exporter: Any, at: int, timeout: float = PATIENCE / 2) -> str:
    """Send a trace to a destination that does not answer, with a shutdown before line ``at``; return where that was."""
    account, buffer, options = Account(), Buffer(), WorkerOptions(timeout=timeout)
    dispatcher = Dispatcher(exporter, options, buffer, MemoryStorage([account], buffer, options, Processing(None)))
    span = Span(TraceInfo(1, "a", None), None, TRACE, "a", None, identifier=1)
    buffer.take_first([(Phase.START, span, None), (Phase.END, span, None)], 2, account)
    between = BetweenLines(FILES, at, lambda: dispatcher.end_by(clock.monotonic()))
    began = clock.monotonic()
    between.run(lambda: dispatcher.send(began, []))
    if between.place:
        until(lambda: dispatcher.collect(clock.monotonic(), []) or not dispatcher.in_flight)
        hold(clock.monotonic() - began, PATIENCE / 2, f"a batch with a shutdown at {between.place}")
    assert account.pending == 2, between.place
    exporter.close()
    return between.place


@pytest.mark.parametrize("wire", ["rest", "otlp"])
def test_a_shutdown_ends_requests_wherever_a_batch_is(wire: str) -> None:
    at, place = 1, "at the first line"
    with Server(hang) as server:
        while place:
            rest, otlp = RestExporter(server.url, "pk", "sk"), OtlpExporter(f"{server.url}/v1/traces")
            place = send_with_shutdown(rest if wire == "rest" else otlp, at)
            at += STEP
    assert at > 50


def test_a_shutdown_ends_the_wait_for_a_locked_store_wherever_a_batch_is(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    LocalExporter(path).announce()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    exporter = LocalExporter(path)
    source, first = inspect.getsourcelines(LocalExporter.export)
    waits = f"exporters/local.py:{first + next(n for n, line in enumerate(source) if '_store.append' in line)}"
    at, place = 0, ""
    while place != waits:  # what comes while it waits is tried by the tests of the exporter
        at += 1
        place = send_with_shutdown(exporter, at, timeout=0)
        if at % STEP == 1:
            send_with_shutdown(exporter, at)
    blocker.close()
    assert at > 10


def test_a_deadline_is_the_earliest_of_those_that_came() -> None:
    assert ends_by(5.0) == 5.0
    deadline = Deadline(5.0)
    assert ends_by(deadline) == 5.0
    deadline.sooner = sooner = [4.0]
    sooner.append(3.0)
    sooner.append(6.0)
    assert (ends_by(deadline), deadline) == (3.0, 5.0)
