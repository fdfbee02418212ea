"""The SDK of the environment is made once, beside the program: its threads wait for it, and nothing makes them hang."""

from __future__ import annotations

import _thread
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from unittest import mock

import pytest

from tests.helpers.pace import hold, until
from voltagent import VoltAgentSDK
from voltagent.core.guard import Guard, is_interrupt
from voltagent.core.process import one_time_work, own_threads
from voltagent.core.process.one_time_work import do_once
from voltagent.records import load_traces

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks and sends signals")


@pytest.fixture(autouse=True)
def nothing_at_work(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.setattr(Guard, "strict", False)
    yield
    assert one_time_work.is_idle()


class Slow:
    """Work that lasts until it may end, and counts how often it was done."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.done: list[int] = []

    def __call__(self) -> None:
        self.begun.set()
        self.may_end.wait()
        self.done.append(threading.get_ident())

    def in_threads(self, number: int) -> list[threading.Thread]:
        threads = [threading.Thread(target=do_once, args=(self,)) for _ in range(number)]
        for thread in threads:
            thread.start()
        self.begun.wait()
        return threads

    def end(self, threads: list[threading.Thread]) -> None:
        self.may_end.set()
        for thread in threads:
            thread.join()


def test_all_threads_wait_for_the_work_which_runs_once_on_a_thread_of_its_own() -> None:
    work = Slow()
    threads = work.in_threads(3)
    assert all(thread.is_alive() for thread in threads)
    work.end(threads)
    assert len(work.done) == 1
    assert work.done[0] not in [thread.ident for thread in threads]


def test_a_call_below_the_work_does_not_wait_for_it() -> None:
    done: list[int] = []

    def work() -> None:
        do_once(lambda: done.append(2))  # a finalizer that calls a decorated function
        done.append(1)

    do_once(work)
    assert done == [1]


def test_what_the_work_raises_is_raised_in_the_thread_that_needs_it() -> None:
    def work() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        do_once(work)


def test_no_thread_waits_for_work_that_does_not_get_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread may hold what the work needs: the lock of a module that it imports, or of a logging handler."""
    monkeypatch.setattr(one_time_work, "STUCK_SECONDS", 0.02)
    work, lock = Slow(), threading.Lock()

    def needs_the_lock() -> None:
        with lock:
            work()

    work.may_end.set()
    with lock:
        do_once(needs_the_lock)
        assert work.done == []
    do_once(lambda: None)  # waits for the former
    assert len(work.done) == 1


def test_no_thread_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_time_work, "WAIT_SECONDS", 0.02)
    busy, seen = [1], threading.Event()

    def work() -> None:
        while busy:
            sum(range(100))
        seen.set()

    do_once(work)
    assert not seen.is_set()
    monkeypatch.undo()
    busy[:] = []
    do_once(lambda: None)
    assert seen.is_set()


def replaced(*_: object) -> bool:
    return False


@pytest.mark.parametrize("obstacle", ["no thread can start", "threads are greenlets"])
def test_without_threads_the_work_is_done_at_once(obstacle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if obstacle == "no thread can start":
        monkeypatch.setattr(own_threads, "start_thread", replaced)
    else:
        monkeypatch.setattr(_thread, "start_new_thread", replaced)
    done: list[int] = []
    do_once(lambda: done.append(threading.get_ident()))
    assert done == [threading.get_ident()]


@pytest.mark.parametrize("replaced", ["threading.Thread", "threading.Thread.start", "_thread.start_new_thread"])
@pytest.mark.parametrize("effect", [None, RuntimeError("no"), KeyError("no")])
def test_a_test_of_the_program_may_replace_threads(replaced: str, effect: BaseException | None, tmp_path: Path) -> None:
    """Each call waited for three seconds for what never began, and was not recorded."""
    sdk = VoltAgentSDK(exporter="local", local_path=tmp_path / "traces.db")
    done: list[int] = []
    began = time.monotonic()
    with mock.patch(replaced, side_effect=effect):
        do_once(lambda: done.append(1))
        sdk.trace(agent_id="here").success()
    assert done == [1]
    hold(time.monotonic() - began, 1.0, "calls where no thread starts")
    report = sdk.shutdown()
    assert (report.recorded, report.accepted) == (2, 2)


def kill(work: Slow, thread: int) -> None:
    work.begun.wait()
    signal.pthread_kill(thread, signal.SIGUSR1)


@posix
def test_an_interrupt_of_the_waiting_thread_leaves_the_work_alone() -> None:
    work = Slow()

    def handle(*_: object) -> None:
        work.may_end.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, handle)
    main = threading.get_ident()
    sender = threading.Thread(target=kill, args=(work, main))
    sender.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            do_once(work)
    finally:
        signal.signal(signal.SIGUSR1, before)
        sender.join()
    do_once(lambda: None)
    assert len(work.done) == 1


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has several threads
def test_a_handler_that_calls_and_forks_meanwhile_waits_too() -> None:
    work = Slow()
    found: list[int] = []

    def handle(*_: object) -> None:
        threading.Thread(target=work.may_end.set).start()
        do_once(lambda: None)
        child = os.fork()
        if child == 0:
            os._exit(len(work.done))
        found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    before = signal.signal(signal.SIGUSR1, handle)
    main = threading.get_ident()
    sender = threading.Thread(target=kill, args=(work, main))
    sender.start()
    do_once(work)
    signal.signal(signal.SIGUSR1, before)
    sender.join()
    assert found == [1]


_PROGRAM = """
import sys, threading
from voltagent import tool
@tool
def work(n): return n
go = threading.Barrier(8)
def run(n): go.wait(); work(n)
threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
from voltagent.core import context
print(context.ACTIVE[0].flush(10).result(20).recorded)
"""


def test_the_calls_of_all_threads_at_the_start_are_recorded(tmp_path: os.PathLike[str]) -> None:
    environment = {**os.environ, "VOLTAGENT_LOCAL_PATH": f"{tmp_path}/t.db", "VOLTAGENT_QUIET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "32\n"


_COLLECTING = """
import gc, sys, threading, time, voltagent
@voltagent.tool
def work(): ...
class Cycle:
    def __init__(self): self.me = self
    def __del__(self):
        work()
def run():
    for _ in range(300): Cycle(); work()
threads = [threading.Thread(target=run) for _ in range(4)] if sys.argv[1] == "threads" else []
gc.set_threshold(8, 2, 2)
began = time.monotonic()
for thread in threads: thread.start()
for thread in threads: thread.join()
threads or run()
gc.set_threshold(0)
print(time.monotonic() - began)
gc.collect()
"""


def _recorded(program: str, path: Path, *arguments: str) -> tuple[list[str], str]:
    """Run a program that records by its environment; return the sorted names of its calls and what it printed."""
    environment = {**os.environ, "VOLTAGENT_LOCAL_PATH": f"{path}/t.db", "VOLTAGENT_QUIET": "1"}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    traces = load_traces(path / "t.db", limit=10_000)
    return sorted(call.name for trace in traces for call in trace.walk()), done.stdout


@pytest.mark.parametrize(("where", "calls"), [("main", 600), ("threads", 2400)])
def test_finalizers_that_come_while_the_thread_of_the_work_is_started_are_recorded_without_delay(
    where: str, calls: int, tmp_path: Path
) -> None:
    names, seconds = _recorded(_COLLECTING, tmp_path, where)
    assert names == ["work"] * calls
    hold(float(seconds), 2.9, "the first call")


def test_what_is_garbage_before_the_first_call_is_not_collected_where_its_finalizers_cannot_be_recorded(
    tmp_path: Path,
) -> None:
    program = """
import gc, voltagent
@voltagent.tool
def close(): ...
class Cycle:
    def __init__(self): self.me = self
    def __del__(self): close()
gc.collect()
garbage = [Cycle() for _ in range(300)]
del garbage
voltagent.tool(lambda: None, name="work")()
gc.collect()
print(gc.isenabled())
"""
    assert _recorded(program, tmp_path) == (["close"] * 300 + ["work"], "True\n")


def test_garbage_of_a_thread_that_calls_nothing_is_not_collected_there_either(tmp_path: Path) -> None:
    program = """
import gc, threading, voltagent
from voltagent.core.process import one_time_work
@voltagent.tool
def close(): ...
class Cycle:
    def __init__(self): self.me = self
    def __del__(self): close()
begin = one_time_work._begin
def begin_after_garbage(work):
    thread = threading.Thread(target=lambda: [Cycle() for _ in range(300)] and None)
    thread.start()
    thread.join()
    begin(work)
one_time_work._begin = begin_after_garbage
voltagent.tool(lambda: None, name="work")()
gc.collect()
"""
    assert _recorded(program, tmp_path) == (["close"] * 300 + ["work"], "")


@pytest.mark.parametrize("keeps", ["gc.disable()", "gc.freeze()"])
def test_what_the_program_keeps_from_being_collected_stays_so(keeps: str, tmp_path: Path) -> None:
    program = f"""
import gc, voltagent
{keeps}
before = gc.isenabled(), gc.get_freeze_count() // 2_000
voltagent.tool(lambda: None, name="work")()
print((gc.isenabled(), gc.get_freeze_count() // 2_000) == before)
"""
    assert _recorded(program, tmp_path) == (["work"], "True\n")


@posix
def test_a_child_that_another_thread_forks_before_the_work_begins_collects_its_garbage(tmp_path: Path) -> None:
    program = """
import gc, os, threading, warnings, voltagent
from voltagent.core.process import own_threads
warnings.simplefilter("ignore", DeprecationWarning)
start = own_threads.start_thread
def fork():
    child = os.fork()
    if not child:
        print(gc.isenabled(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
def fork_and_start(*arguments):
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    return start(*arguments)
own_threads.start_thread = fork_and_start
voltagent.tool(lambda: None, name="work")()
"""
    names, printed = _recorded(program, tmp_path)
    assert names == ["work"]
    assert set(printed.split()) == {"True"}


def test_the_first_call_may_be_made_by_a_finder_of_modules(tmp_path: Path) -> None:
    """It has the lock of all imports: what needs them elsewhere waited for it, and the call for that, 3 seconds."""
    program = """
import sys, time, voltagent
@voltagent.tool
def find(): ...
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "colorsys":
            find()
sys.meta_path.insert(0, Finder())
began = time.monotonic()
import colorsys
print(time.monotonic() - began)
"""
    names, seconds = _recorded(program, tmp_path)
    assert names == ["find"]
    hold(float(seconds), 2.9, "the import")


@pytest.mark.parametrize("thread", ["main", "another"])
@pytest.mark.parametrize("sdk", ["", "sdk = voltagent.VoltAgentSDK()"])
def test_a_finalizer_inside_a_list_of_all_threads_is_not_held_up(thread: str, sdk: str, tmp_path: Path) -> None:
    """It has the lock that each start of a thread needs: each of ours took a second."""
    program = f"""
import sys, threading, time, voltagent
{sdk}
@voltagent.tool
def close(): ...
def run():
    with threading._active_limbo_lock: close()
began = time.monotonic()
if sys.argv[1] == "main":
    run()
else:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
print(time.monotonic() - began)
"""
    names, seconds = _recorded(program, tmp_path, thread)
    assert names == ["close"]
    hold(float(seconds), 2.0, "the call")


_LISTING = """
import gc, threading
from voltagent.core.process.own_threads import innermost_frames
class Cycle:
    def __init__(self): self.me = self
    def __del__(self): threading.Thread(target=int).start()
gc.set_threshold(1, 1, 1)
def call(depth): return call(depth - 1) if depth else (Cycle(), innermost_frames())
for _ in range(100): call(3)
gc.set_threshold(0)
print(gc.isenabled())
gc.disable()
innermost_frames()
print(gc.isenabled(), flush=True)
gc.collect()
"""


def test_a_finalizer_may_start_a_thread_while_the_stacks_of_all_threads_are_listed() -> None:
    """On Python 3.11 it came below a lock that the start needs, and the process hung."""
    done = subprocess.run([sys.executable, "-c", _LISTING], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True\nFalse\n"


def test_our_threads_have_a_usual_stack_where_those_of_the_program_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    usual = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        sizes.append(threading.stack_size())
        usual(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    before = threading.stack_size(64 * 1024)
    try:
        assert own_threads.start_thread(lambda: None, "test")
        assert threading.stack_size() == 64 * 1024
    finally:
        threading.stack_size(before)
    assert sizes[0] >= 1024 * 1024


@posix
def test_a_time_limit_that_ends_while_a_thread_is_started_reaches_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Inside of ``Thread.start`` it would become a ``KeyError``, and the new thread would not run."""
    main, started, ran = threading.get_ident(), threading.Thread.start, threading.Event()

    def handle(*_: object) -> None:
        raise TimeoutError

    def start(thread: threading.Thread) -> None:
        signal.pthread_kill(main, signal.SIGUSR1)
        started(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(TimeoutError):
            assert own_threads.start_thread(ran.set, "test") is None  # it waits for the other thread, and so for this
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert ran.wait(30)


def test_what_no_thread_can_be_started_for_does_not_run_later(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[bool] = []
    with monkeypatch.context() as patched:
        patched.setattr(_thread, "start_new_thread", len)  # is of C, as what it replaces, and fails
        assert own_threads.start_thread(lambda: ran.append(True), "test-late") is None
    for thread in threading.enumerate():
        if thread.name == "test-late":
            thread.join(30)
    assert ran == []


def test_what_is_raised_into_a_thread_while_it_starts_another_reaches_it() -> None:
    """Before Python 3.12 the new thread got it, and did not run; the other one waited for it for ever."""
    entered, received, over = list[bool](), list[bool](), threading.Event()

    class Stop(Exception):
        pass

    def work() -> None:
        while not over.is_set():
            try:
                entered.append(True)
                while not over.is_set():
                    own_threads.start_thread(lambda: None, "test")
            except Stop as exc:
                received.append(is_interrupt(exc))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    for count in range(1, 101):
        until(lambda: len(entered) == count)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stop))
    until(lambda: len(received) == 100)
    over.set()
    thread.join(30)
    assert received == [True] * 100
