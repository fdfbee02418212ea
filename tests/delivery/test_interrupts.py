"""No interrupt, at any bytecode of a thread that records, blocks the sender or breaks the counts."""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.helpers.bytecode_steps import BetweenLines
from tests.helpers.memory import Memory, Recording, conserved, make_sender
from tests.helpers.pace import hold
from voltagent.core.guard import Guard, logger
from voltagent.core.span import SpanEvent
from voltagent.delivery.loop import Loop
from voltagent.exporters import Outcome

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals to a thread")


@posix
@pytest.mark.parametrize("kind", ["signal", "thread"])
def test_the_counts_add_up_and_the_sender_goes_on(kind: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.helpers.interrupts", "7", "1.5", kind],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    found = json.loads(ran.stdout)
    assert found["conserved"], found
    assert (found["pending"], found["left"]) == (0, 0), found
    assert set(found["dropped"]) <= {"queue_full"}, found
    assert found["hits"] > 20
    hold(found["flush"], 2.0, "a flush after interrupts")


@posix
@pytest.mark.parametrize("kind", ["LimitReached", "TimeoutError"])
@pytest.mark.parametrize("tries", ["60", pytest.param("100000", marks=pytest.mark.slow, id="all places")])
def test_what_a_signal_handler_raises_reaches_the_program_and_all_is_counted(kind: str, tries: str) -> None:
    command = [sys.executable, "-m", "tests.helpers.signal_steps", kind, tries]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(ran.stdout)
    assert len(found) == 6
    for call, there in found.items():
        assert there["swallowed"] == [], (call, there)
        assert there["conserved"], (call, there)
        assert there["interrupted"] > 20, (call, there)


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="later versions let a block end before they look for signals")
@pytest.mark.parametrize("tries", ["40", pytest.param("100000", marks=pytest.mark.slow, id="all places")])
def test_two_signals_at_once_leave_no_lock_held(tries: str) -> None:
    command = [sys.executable, "-m", "tests.helpers.double_signals", tries]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(ran.stdout)
    assert len(found) == 3
    for call, there in found.items():
        assert (there["held"], there["conserved"]) == ([], True), (call, there)
        assert there["interrupted"] > 20, (call, there)


@pytest.mark.parametrize("kind", ["LimitReached", "TimeoutError"])
def test_what_another_thread_raises_reaches_the_program(kind: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.helpers.interrupts", "7", "100", kind]
    environment = {**os.environ, "VOLTAGENT_EXPORTER": "local", "VOLTAGENT_LOCAL_PATH": str(tmp_path / "traces.db")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=True)
    # one that comes at the very call of a function with any arguments is taken for an error of that function
    assert json.loads(ran.stdout)["arrived"] >= 97, ran


def test_an_interrupt_while_an_error_is_reported_does_not_end_the_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(BaseException):
        pass

    class Failing(Memory):
        def forget(self, trace_id: int | str) -> None:
            super().forget(trace_id)
            if len(self.forgotten) == 1:
                raise ValueError("once")

    class Interrupting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reported.append(record)
            raise Stop

    reported: list[logging.LogRecord] = []
    monkeypatch.setattr(Guard, "strict", False)
    handler = Interrupting()
    logger.addHandler(handler)
    try:
        sender = make_sender(Failing())
        Recording(sender).whole()
        conserved(sender.flush().result())
        Recording(sender).whole()
        assert conserved(sender.flush(10).result()).accepted == 8
    finally:
        logger.removeHandler(handler)
    assert conserved(sender.shutdown().result()).pending == 0
    assert len(reported) == 1


@pytest.mark.parametrize("traced", ["caller", "sender"])
def test_an_end_is_not_lost_where_a_debugger_lets_other_threads_come_between_lines(traced: str) -> None:
    at, place = 0, "at the first line"
    while place:
        at += 1
        memory = Memory()
        sender = make_sender(memory)
        recording = Recording(sender)
        span = recording.trace()
        take, end = sender.workers[0].storage.accept, partial(recording.end, span)
        other, call, files = (take, end, "delivery/account") if traced == "caller" else (end, take, "delivery/")
        between = BetweenLines((files,), at, other)
        between.run(call)
        if not (place := between.place):
            other()
        report = conserved(sender.shutdown().result())
        assert (report.accepted, memory.words) == (2, ["start trace", "end trace"]), place
    assert at > 5


def test_a_finalizer_on_the_senders_own_thread_counts_without_waiting() -> None:
    took: list[float] = []

    class Counts:
        def __init__(self) -> None:
            self.myself = self

        def __del__(self) -> None:
            began = time.monotonic()
            conserved(sender.stats())
            took.append(time.monotonic() - began)

    class Collecting(Memory):
        def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
            for _ in range(10):
                Counts()
            gc.collect()
            return super().export(batch, deadline)

        def forget(self, trace_id: int | str) -> None:
            Counts()
            with sender.workers[0].buffer.lock:  # as while the buffer is being changed
                gc.collect()

    sender = make_sender(Collecting())
    Recording(sender).whole()
    assert conserved(sender.shutdown().result()).accepted == 4
    assert len(took) >= 11
    hold(sum(took), 0.02, "to count")


@pytest.mark.parametrize("text", ["release unlocked lock", "Semaphore released too many times"])
def test_a_lock_that_is_released_twice_is_no_error_by_python_or_gevent(text: str) -> None:
    assert Loop.is_woken(RuntimeError(text))
    assert not Loop.is_woken(RuntimeError("the time is over"))
    assert not Loop.is_woken(RuntimeError())
