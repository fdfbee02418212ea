"""The first record of a process, made while the process ends, and the records of pools that are terminated."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from tests.delivery.test_process import START, arrived, posix
from tests.helpers.memory import Memory, make_sender
from tests.helpers.model import Model
from tests.helpers.pace import PATIENCE, TooSlow, within
from tests.helpers.server import Server, answer, hang
from voltagent.core.process import own_threads
from voltagent.delivery import process_hooks
from voltagent.delivery.account import Account
from voltagent.delivery.report import Report, ReportFuture
from voltagent.records import load_traces

PROGRAM = """
import atexit, builtins, os, threading, weakref
from voltagent import VoltAgentSDK, tool

@tool
def work(name="w"):
    return name

class Late:
    def __init__(self, function): self.function = function
    def __del__(self): self.function("late")

class Kept: pass
"""
FIRST_RECORDS = {
    "an exit hook": "atexit.register(work, 'late')",
    "a finalizer": "kept = Kept(); weakref.finalize(kept, work, 'late')",
    "a thread that waits for the main thread": (
        "threading.Thread(target=lambda: (threading.main_thread().join(), work('late'))).start()"
    ),
    "an SDK made in an exit hook": "atexit.register(lambda: (VoltAgentSDK(), work('late')))",
    "a block in an exit hook": ("def last():\n    with VoltAgentSDK(): work('late')\natexit.register(last)"),
}


# At that time no import works and no thread can be started.
FINALIZERS = {
    "a global": "late = Late(work)",
    "a built-in": "builtins.late = Late(work)",
    "an SDK made by a global": "def make(name):\n    with VoltAgentSDK(): work(name)\nlate = Late(make)",
}


def _run(program: str, url: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    path = folder / "program.py"
    path.write_text(START + PROGRAM + program)
    keys = {"VOLTAGENT_PUBLIC_KEY": "pk", "VOLTAGENT_SECRET_KEY": "sk"}
    environment = {**os.environ, **keys, "VOLTAGENT_BASE_URL": url, "VOLTAGENT_EXPORTER": "rest", **more}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(path)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=2 * PATIENCE)


@pytest.mark.parametrize("where", FIRST_RECORDS)
def test_the_first_record_of_a_process_may_be_made_while_it_ends(where: str, tmp_path: Path) -> None:
    model = Model()
    with Server(model) as server:
        ran = _run(FIRST_RECORDS[where], server.url, tmp_path)
        assert (ran.returncode, ran.stderr) == (0, "")
        arrived(model, "late")


@pytest.mark.parametrize("where", FINALIZERS)
@pytest.mark.parametrize("exporter", ["local", "rest", "otlp"])
def test_the_first_record_may_be_made_by_a_finalizer_of_the_interpreter(
    where: str, exporter: str, tmp_path: Path
) -> None:
    model = Model()
    with Server(model if exporter == "rest" else lambda _: answer()) as server:
        environment = {
            "VOLTAGENT_EXPORTER": exporter,
            "VOLTAGENT_LOCAL_PATH": str(tmp_path / "traces.db"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        }
        ran = _run(FINALIZERS[where], server.url, tmp_path, **environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    if exporter == "local":
        assert [trace.status for trace in load_traces(tmp_path / "traces.db")] == ["completed"]
    elif exporter == "rest":
        arrived(model, "late")
    else:
        assert any(b'"work"' in request.body for request in server.requests)


def test_a_finalizer_may_be_the_first_to_name_the_class_of_an_sdk(tmp_path: Path) -> None:
    program = """
import voltagent

@voltagent.tool
def work(): return "late"

class Late:
    def __del__(self):
        with voltagent.VoltAgentSDK(): work()

late = Late()
"""
    (tmp_path / "program.py").write_text(program)
    store = tmp_path / "traces.db"
    environment = {**os.environ, "VOLTAGENT_EXPORTER": "local", "VOLTAGENT_LOCAL_PATH": str(store)}
    ran = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [trace.status for trace in load_traces(store)] == ["completed"]


def test_a_finalizer_that_makes_an_sdk_does_not_hang_if_nothing_listens(tmp_path: Path) -> None:
    with within(30):  # it hung for ever
        ran = _run(FINALIZERS["an SDK made by a global"], "http://127.0.0.1:9", tmp_path)
    assert ran.returncode == 0


def test_a_program_that_records_nothing_sends_nothing(tmp_path: Path) -> None:
    model = Model()
    with Server(model) as server:
        ran = _run("", server.url, tmp_path)
        assert (ran.returncode, ran.stderr, len(model.events)) == (0, "", 0)


def test_a_program_that_joins_all_threads_ends(tmp_path: Path) -> None:
    program = """
    work("first")
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()
    print(work("last"))
    """
    model = Model()
    with Server(model) as server:
        ran = _run(textwrap.dedent(program), server.url, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "last\n", "")
    arrived(model, "first", "last")


@posix
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_as_a_context_manager_loses_no_record(method: str, tmp_path: Path) -> None:
    program = f"""
    if __name__ == "__main__":
        import multiprocessing
        with multiprocessing.get_context({method!r}).Pool(3) as pool:
            print(len(pool.map(work, [f"job {{n}}" for n in range(10)], chunksize=1)))
    """
    model = Model()
    with Server(model) as server:
        ran = _run(textwrap.dedent(program), server.url, tmp_path)
        assert (ran.returncode, ran.stdout) == (0, "10\n")
        if len(model.ended) < 10:  # the end of a task waits 50 ms for the answer, and a busy server takes longer
            raise TooSlow(f"{len(model.ended)} of 10 records, {ran.stderr}")
        arrived(model, *[f"job {n}" for n in range(10)])


@pytest.mark.parametrize(("turns", "sent"), [(8, True), (50, False)])
def test_a_busy_machine_lengthens_the_wait_at_the_end_of_a_task(
    turns: int, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class HeldUp(ReportFuture):
        """Each wait takes longer than it should."""

        waits = 0

        def result(self, timeout: float | None = None) -> Report:
            assert timeout is not None
            self.waits += 1
            if self.waits == turns:
                self.settle(account)
            threading.Event().wait(2 * timeout)
            return super().result(0)

    monkeypatch.setattr(process_hooks, "ReportFuture", HeldUp)
    sender = make_sender(Memory(), flush_interval=100)
    worker, account = sender.workers[0], sender.accounts[0]
    given: list[ReportFuture] = []
    monkeypatch.setattr(
        worker, "flush", lambda account, future: (account.futures.update({future: None}), given.append(future))
    )
    process_hooks.wait_at_task_end(worker, account)
    assert given[0].done() == sent
    assert list(account.futures) == ([given[0]] if sent else [])  # the worker's thread removes what it settles


MORE = (5.0, 5.102, 5.104)  # at the beginning, and each time that no turn is left: 20 of 5 ms more
UNKNOWN = (5.0, 0.0)  # no descriptor is left, or another thread sends now


@pytest.mark.parametrize(
    ("counts", "turn", "sent"),
    [(MORE, 10, True), (MORE, 29, True), (MORE, 31, False), (UNKNOWN, 10, True), (UNKNOWN, 11, False)],
)
def test_time_in_which_the_sender_has_no_processor_is_added_at_the_end_of_a_task(
    counts: tuple[float, ...], turn: int, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, waited = iter(range(1, 100)), iter(counts)

    def count_waiting(_: object) -> float:
        return next(waited)

    def is_settled(_: object) -> bool:
        return next(turns) == turn

    def flush(_: Account, future: ReportFuture) -> None:
        futures[future] = None

    monkeypatch.setattr(own_threads, "seconds_kept_waiting", count_waiting)
    monkeypatch.setattr(process_hooks, "is_settled_in_a_turn", is_settled)
    sender = make_sender(Memory(), flush_interval=100)
    worker, account = sender.workers[0], sender.accounts[0]
    futures = account.futures
    monkeypatch.setattr(worker, "flush", flush)
    process_hooks.wait_at_task_end(worker, account)
    assert next(turns) == (turn + 1 if sent else turn)
    assert len(futures) == sent, "it does not wait for it any more"


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="Linux counts it")
def test_a_thread_waits_for_a_processor_if_others_have_it() -> None:
    me = threading.current_thread()
    before = own_threads.seconds_kept_waiting(me)
    assert 0.0 <= before <= own_threads.seconds_kept_waiting(me)
    assert own_threads.seconds_kept_waiting(None) == own_threads.seconds_kept_waiting(object()) == 0.0


@posix
def test_a_pool_waits_little_for_a_server_that_never_answers(tmp_path: Path) -> None:
    program = """
    import time

    def timed(name):
        began = time.monotonic()
        work(name)
        return time.monotonic() - began

    if __name__ == "__main__":
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(1) as pool:
            print(*pool.map(timed, map(str, range(6)), chunksize=1))
    """
    with Server(hang) as server:
        ran = _run(textwrap.dedent(program), server.url, tmp_path)
    took = sorted(map(float, ran.stdout.split()))
    if took[2] > 0.2:  # 0.05 s, on a machine that does nothing else
        raise TooSlow(f"{took} s")


@posix
def test_processes_that_end_right_after_their_first_call_leave_its_record(tmp_path: Path) -> None:
    program = """
    def hard(name):
        work(name)
        os._exit(0)

    def made(name):
        path = os.environ["VOLTAGENT_LOCAL_PATH"]
        before = os.path.exists(path)
        VoltAgentSDK()
        print(before, os.path.exists(path), flush=True)

    if __name__ == "__main__":
        import multiprocessing
        def run(work, names):
            children = [multiprocessing.get_context("fork").Process(target=work, args=(name,)) for name in names]
            for child in children: child.start()
            for child in children: child.join()
        run(made, ["made"])
        os.unlink(os.environ["VOLTAGENT_LOCAL_PATH"])
        run(hard, map(str, range(5)))
    """
    store = tmp_path / "traces.db"
    where = {"VOLTAGENT_EXPORTER": "local", "VOLTAGENT_LOCAL_PATH": str(store)}
    ran = _run(textwrap.dedent(program), "", tmp_path, **where)
    assert (ran.stdout, ran.stderr) == ("False True\n", ""), "the file is made before there is a record"
    number = len(list(load_traces(store)))
    if number != 5:  # the end of a task waits 50 ms, which may still be too little
        raise TooSlow(f"{number} of 5 records")
