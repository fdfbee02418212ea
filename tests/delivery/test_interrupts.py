"""No interrupt, at any bytecode of a thread that records, blocks the sender or breaks the counts."""

from __future__ import annotations

import gc
import inspect
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.helpers import settling_steps, spool_steps
from tests.helpers.bytecode_steps import BetweenLines, BetweenSignals
from tests.helpers.interrupts import Interrupted, raise_in
from tests.helpers.memory import Memory, Recording, conserved, make_sender
from tests.helpers.pace import PATIENCE, hold, until
from tests.helpers.server import Recorded, Reply, Server, answer
from voltagent.core.guard import Guard, logger
from voltagent.core.span import SpanEvent
from voltagent.delivery.loop import Loop
from voltagent.exporters import ACCEPTED, Outcome, Verdict
from voltagent.exporters.calls import PendingRequest
from voltagent.exporters.http import Line
from voltagent.exporters.otlp import OtlpExporter
from voltagent.exporters.rest import RestExporter
from voltagent.exporters.rest_batch import Round

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
    assert len(found) == 11
    for call, there in found.items():
        assert there["swallowed"] == [], (call, there)
        assert there["conserved"], (call, there)
        assert there["interrupted"] > 20, (call, there)
        # between the start and what ends it: only Python 3.10 looks for signals after a call of a Python function
        assert there["running"] <= (24 if sys.version_info < (3, 11) else 12), (call, there)  # 7 to 9 of handles
        assert there["unended"] <= 0, (call, there)


@pytest.mark.parametrize("case", spool_steps.CASES)
@pytest.mark.parametrize("tries", [30, pytest.param(300, marks=pytest.mark.slow, id="of up to 6,000")])
def test_what_is_on_its_way_to_the_disk_and_back_is_sent_once(case: type[spool_steps.Run], tries: int) -> None:
    command = [sys.executable, "-m", "tests.helpers.spool_steps", str(tries), case.__name__]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
    found = json.loads(ran.stdout)[case.__name__]
    assert found["wrong"] == []
    assert found["interrupted"] >= 20


@pytest.mark.parametrize("case", settling_steps.CASES)
@pytest.mark.parametrize("tries", [20, pytest.param(100_000, marks=pytest.mark.slow, id="all places")])
def test_each_event_of_a_batch_is_counted_once_whatever_the_answers_are(
    case: type[settling_steps.Run], tries: int
) -> None:
    command = [sys.executable, "-m", "tests.helpers.settling_steps", str(tries), case.__name__]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(ran.stdout)
    assert found["wrong"] == []
    assert found["interrupted"] >= 10  # from 3.12 on, not every bytecode is traced


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="later versions let a block end before they look for signals")
@pytest.mark.parametrize("tries", ["40", pytest.param("100000", marks=pytest.mark.slow, id="all places")])
def test_two_signals_at_once_leave_no_lock_held(tries: str) -> None:
    command = [sys.executable, "-m", "tests.helpers.double_signals", tries]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(ran.stdout)
    assert len(found) == 4
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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_exception_in_a_thread_that_waits_for_an_answer_costs_nothing() -> None:
    entered, released = threading.Event(), threading.Event()

    def script(_: Recorded) -> Reply:
        entered.set()
        assert released.wait(PATIENCE)
        return answer(201)

    with Server(script) as server:
        sender = make_sender(RestExporter(server.url, "pk", "sk"))
        Recording(sender).whole()
        future = sender.flush(PATIENCE / 3)
        assert entered.wait(PATIENCE)
        for thread in threading.enumerate():
            if thread.name == "voltagent-rest":
                raise_in(thread.ident or 0)
        released.set()
        assert conserved(future.result()).accepted == 4
        assert conserved(sender.shutdown().result()).pending == 0


class Strike:
    """Interrupts a thread of a name as it calls a function of some files, the one with that number.

    Not at each bytecode: CPython 3.12 crashes where those of several threads are traced.
    """

    def __init__(self, name: str, at: int, files: tuple[str, ...]) -> None:
        self._name, self._at, self._files = name, at, files
        self.place, self.count = "", 0

    def start(self, frame: FrameType, _event: str, _argument: object) -> None:
        if frame.f_code.co_filename.endswith(self._files) and threading.current_thread().name == self._name:
            self.count += 1
            if self.count == self._at:
                self.place = f"{frame.f_code.co_name}:{frame.f_lineno}"
                raise Interrupted


class Kept(Memory):
    """Keeps the batches."""

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        self.batch = batch
        return super().export(batch, deadline)


@pytest.fixture(scope="module")
def start_event() -> SpanEvent:
    kept = Kept()
    sender = make_sender(kept)
    Recording(sender).whole()
    sender.shutdown().result()
    return kept.batch[0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_exception_in_a_thread_whose_answer_is_late_loses_no_event(start_event: SpanEvent) -> None:
    is_open = threading.Lock()  # while the answer may come

    def send(_event: SpanEvent, _line: Line, _deadline: float) -> Outcome:
        with is_open:
            return ACCEPTED

    late_places: list[str] = []
    for at in range(1, 1000):
        exporter = RestExporter("http://127.0.0.1:9", "pk", "sk")
        strike = Strike("voltagent-rest", at, ("rest_batch.py",))
        batch = Round(send, exporter, [start_event], time.monotonic() + PATIENCE)
        threading.settrace(strike.start)
        with is_open:
            [outcome] = batch.run()
            threading.settrace(None)  # type: ignore[arg-type]
        if outcome.verdict is not Verdict.IN_FLIGHT:
            continue  # the exception came before the request
        found: list[tuple[SpanEvent, Outcome]] = []
        until(lambda: found.extend(batch.late()) or not batch.trails)
        assert [event for event, _ in found] == [start_event], strike.place
        until(lambda: exporter.free() == exporter.most())
        if not strike.place:
            break
        late_places.append(strike.place)
    assert len(late_places) >= 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_was_abandoned_and_is_ended_gives_its_connection_back(start_event: SpanEvent) -> None:
    exporter = RestExporter("http://127.0.0.1:9", "pk", "sk")
    threads: list[int] = []

    def send(_event: SpanEvent, _line: Line, _deadline: float) -> Outcome:
        threads.append(threading.get_ident())
        while True:
            time.sleep(0.001)

    [outcome] = Round(send, exporter, [start_event], time.monotonic() + 0.1).run()
    assert (outcome.verdict, exporter.free()) == (Verdict.UNTRIED, exporter.most() - 1)
    raise_in(threads[0])
    until(lambda: exporter.free() == exporter.most())


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="crashes where bytecodes are traced beside other threads")
def test_an_exception_in_the_thread_that_lends_connections_to_others_keeps_none(start_event: SpanEvent) -> None:
    source, first = inspect.getsourcelines(Round)
    borrows = first + next(number for number, line in enumerate(source) if ".borrow(self), None" in line)

    def lend(at: int) -> BetweenSignals:
        exporter = RestExporter("http://127.0.0.1:9", "pk", "sk")
        batch = Round(lambda *_: ACCEPTED, exporter, [start_event], time.monotonic() + PATIENCE)
        between = BetweenSignals(("exporters/rest", "core/process/"), at, raise_interrupted)
        with suppress(Interrupted):
            between.run(batch.run)
        if between.place != f"exporters/rest_batch.py:{borrows}":  # as the call that borrows it returns
            until(lambda: exporter.free() == exporter.most())
        return between

    lend(0)
    found = [at for at in range(1, lend(0).count + 1) if lend(at).place]
    assert len(found) > 10  # Python 3.13.0 does not report every bytecode


def raise_interrupted() -> None:
    raise Interrupted


class Counted:
    """A connection that counts the requests, which are answered on a signal."""

    def __init__(self) -> None:
        self.sent = 0
        self.may_answer = threading.Event()

    def send(self, *_: object) -> None:
        self.sent += 1
        self.may_answer.wait(PATIENCE)


def test_a_request_that_ends_while_its_start_goes_on_is_sent_once() -> None:
    line: Any = Counted()
    call = PendingRequest(line, "POST", "/", b"", time.monotonic() + PATIENCE)

    def wait_between_lines(frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_name != "start" or not frame.f_code.co_filename.endswith("calls.py"):
            return None
        if line.sent:
            line.may_answer.set()
            call.wait(PATIENCE)
        return wait_between_lines

    sys.settrace(wait_between_lines)
    try:
        call.start("voltagent-test")
    finally:
        sys.settrace(None)
    assert line.sent == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(("kind", "file"), [("rest", "rest_batch.py"), ("otlp-request", "calls.py")])
def test_an_exception_at_any_call_of_a_thread_that_sends_holds_nothing_up(kind: str, file: str) -> None:
    struck: list[str] = []
    with Server() as server:
        for at in range(1, 1000):
            is_rest = kind == "rest"
            exporter = RestExporter(server.url, "pk", "sk") if is_rest else OtlpExporter(f"{server.url}/v1/traces")
            strike = Strike(f"voltagent-{kind}", at, ("process/sending.py", "process/thread_marks.py", file))
            sender = make_sender(exporter)
            Recording(sender).whole()
            threading.settrace(strike.start)
            try:
                report = conserved(sender.flush(PATIENCE / 3).result())
            finally:
                threading.settrace(None)  # type: ignore[arg-type]
            assert (report.accepted, report.pending) == (4, 0), strike.place
            assert conserved(sender.shutdown().result()).pending == 0
            if not strike.place:
                break
            struck.append(strike.place)
    assert len(struck) > 3


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
