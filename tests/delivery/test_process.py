"""How programs end, fork and spawn: real child processes, a real server, and what has arrived when they are gone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import voltagent
from tests.helpers.model import Model
from tests.helpers.pace import PATIENCE, hold
from tests.helpers.server import Server, answer, hang, unused_port

pytestmark = pytest.mark.slow  # programs that start, end and are killed

HERE = str(Path(voltagent.__file__).parents[1])
PACKAGES = [path for path in sys.path if path.endswith("site-packages")]
START = f"import sys; sys.path[:0] = {[HERE, *PACKAGES]!r}\n"
LOST = re.compile(r"voltagent: \d+ of \d+ events to \S+ were lost: [^\n]+; run `voltagent doctor`\n")
posix = pytest.mark.skipif(os.name != "posix", reason="fork and signals")

SDK = """
import os, signal, threading, time
import voltagent
from voltagent import VoltAgentSDK, tool

sdk = VoltAgentSDK(base_url=os.environ["URL"], public_key="pk", secret_key="sk", flush_interval=60, retry_delay=0.01)

@tool
def work(name="w"):
    return name

def leaving():
    print(time.monotonic(), flush=True)
"""


@dataclass
class Ran:
    code: int
    out: str
    err: str
    seconds: float


def start(code: str, url: str, *flags: str) -> subprocess.Popen[str]:
    program = START + SDK + textwrap.dedent(code)
    environment = {**os.environ, "URL": url, "PYTHONWARNINGS": "default"}
    command = [sys.executable, *flags, "-c", program]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str], began: float) -> Ran:
    try:
        out, err = process.communicate(timeout=2 * PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it hangs: {out}\n{err}") from None
    ended = time.monotonic()
    try:
        began = float(out.rpartition("\n")[0].rpartition("\n")[2])  # when `leaving()` was called, by the same clock
    except ValueError:
        pass
    return Ran(process.returncode, out, err, ended - began)


def run(code: str, url: str, *flags: str) -> Ran:
    began = time.monotonic()
    return finish(start(code, url, *flags), began)


def names(model: Model) -> list[str]:
    return sorted(create["agent_id"] for create in model.histories.values())


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def url(model: Model) -> Any:
    with Server(model) as server:
        yield server.url


def arrived(model: Model, *expected: str) -> None:
    """One call of ``work`` in a trace of its own for each name, whole and once."""
    model.check(len(expected))
    inputs = sorted(e["input"]["name"] for e in model.events.values() if e["event_name"] == "tool:start")
    assert inputs == sorted(expected)


# Ends.


@pytest.mark.parametrize("flags", [(), ("-I",), ("-S",), ("-O",), ("-OO",), ("-X", "dev"), ("-W", "error")])
def test_a_program_that_just_ends_sends(model: Model, url: str, flags: tuple[str, ...]) -> None:
    ran = run("print(work('plain'))", url, *flags)
    assert (ran.code, ran.out, ran.err) == (0, "plain\n", "")
    arrived(model, "plain")


@pytest.mark.parametrize(
    ("ending", "code", "message"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit('why')", 1, "why"),
        ("raise ValueError('user')", 1, "ValueError: user"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt"),
        ("threading.Thread(target=lambda: (work('b'), sys.exit(5))).start()", 0, ""),
        ("threading.Thread(target=lambda: (time.sleep(0.1), work('b'))).start()", 0, ""),
    ],
)
def test_every_ending_sends_and_keeps_its_exit_code(
    model: Model, url: str, ending: str, code: int, message: str
) -> None:
    ran = run(f"work('a'); {ending}", url)
    assert ran.code == code
    assert message in ran.err
    assert "voltagent" not in ran.err.replace(HERE, "")
    arrived(model, "a", *(["b"] if "'b'" in ending else []))


def test_what_is_open_at_the_end_is_sent_as_unfinished(model: Model, url: str) -> None:
    assert run("trace = sdk.trace(agent_id='open'); trace.add_tool(name='inner')", url).code == 0
    assert model.order == ["trace", "tool:start", "tool:error", "end of trace"]
    (end,) = [e for e in model.events.values() if e["event_name"] == "tool:error"]
    assert (end["status"], end["level"], end["metadata"]["unfinished"]) == ("cancelled", "WARNING", True)


def test_an_explicit_shutdown_leaves_nothing_for_the_end(model: Model, url: str) -> None:
    ran = run("work('a'); print(sdk.shutdown().accepted); work('late')", url)
    assert (ran.code, ran.out) == (0, "4\n")
    (hint,) = ran.err.splitlines()
    assert "this call comes after shutdown()" in hint
    arrived(model, "a")


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_record_in_an_exit_hook(model: Model, url: str, where: str) -> None:
    hook = "import atexit; atexit.register(lambda: sys.modules['__main__'].work('hook'))\n"
    program = START + (hook if where == "before" else "") + SDK + (hook if where == "after" else "")
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env={**os.environ, "URL": url}, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert (ran.returncode, ran.stderr) == (0, "")
    arrived(model, "hook")


def test_a_record_in_a_finalizer_at_the_end(model: Model, url: str) -> None:
    code = """
    import weakref
    class Thing: pass
    thing = Thing()
    weakref.finalize(thing, work, "finalizer")
    work("a")
    """
    ran = run(code, url)
    assert (ran.code, ran.err) == (0, "")
    arrived(model, "a", "finalizer")


def test_no_thread_can_be_started(model: Model, url: str) -> None:
    code = """
    def no_thread(self):
        raise RuntimeError("can't start new thread")
    threading.Thread.start = no_thread
    for _ in range(100):
        work("a")
    """
    ran = run(code, url)
    assert (ran.code, ran.err) == (0, "")
    arrived(model, *["a"] * 100)


def test_500_pending_requests_take_little_time(model: Model, url: str) -> None:
    with_us = run("for _ in range(125): work('a')\nleaving()", url).seconds
    without = run("leaving()", url).seconds
    assert len(set(model.ended)) == 125
    hold(with_us, without + 2.0, "leaving")  # a bound for a slow server; `make soak` holds 0.3 s


# Dead destinations.


def test_a_refused_destination_holds_no_program_up() -> None:
    ran = run("for _ in range(50): work('a')\nleaving()", f"http://127.0.0.1:{unused_port()}")
    assert ran.code == 0
    assert LOST.fullmatch(ran.err), ran.err
    hold(ran.seconds, 2.5, "leaving")


def test_a_silent_destination_holds_no_program_up_for_long() -> None:
    with Server(hang) as server:
        ran = run("import voltagent.delivery.shutdown as l; l.SILENCE = 0.5\nwork('a')\nleaving()", server.url)
    assert ran.code == 0
    assert LOST.fullmatch(ran.err), ran.err
    hold(ran.seconds, 1.5, "leaving")


def test_a_destination_that_asks_to_wait_for_long_is_not_waited_for() -> None:
    with Server(answer(503, retry_after="60")) as server:
        ran = run("for _ in range(50): work('a')\nleaving()", server.url)
    assert ran.code == 0
    assert LOST.fullmatch(ran.err), ran.err
    hold(ran.seconds, 1.5, "leaving")


@posix
def test_ctrl_c_while_it_leaves() -> None:
    with Server(hang) as server:
        process = start("work('a'); print('end', flush=True)", server.url)
        server.wait_for(1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        ran = finish(process, began)
    assert LOST.fullmatch(ran.err), ran.err  # and no traceback
    hold(ran.seconds, 1.0, "leaving")


# Signals.


@posix
def test_sigterm_with_a_handler_that_exits(model: Model, url: str) -> None:
    code = """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    work("a")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    """
    assert run(code, url).code == 7
    arrived(model, "a")


@posix
def test_sigterm_without_a_handler_kills_as_ever(url: str) -> None:
    assert run("work('a'); os.kill(os.getpid(), signal.SIGTERM); time.sleep(10)", url).code == -signal.SIGTERM


@posix
def test_a_signal_handler_that_records_and_flushes(model: Model, url: str) -> None:
    code = """
    def handler(*_):
        work("handler")
        sdk.flush(0.001)
        signal.setitimer(signal.ITIMER_REAL, 0.001)  # anew each time: a slow machine must not pile them up
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    stop = time.monotonic() + 0.1
    while time.monotonic() < stop:
        work("main")
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    report = sdk.shutdown()
    assert report.recorded == report.accepted + sum(report.dropped.values()), report
    print("fine", dict(report.dropped))
    """
    ran = run(code, url)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("fine")
    assert model.complaints == []


# Fork.


@posix
def test_fork_before_during_and_after_recording(model: Model, url: str) -> None:
    code = """
    def child(name):
        pid = os.fork()
        if pid == 0:
            work(name)
            report = sdk.flush()
            assert (report.recorded, report.accepted) == (4, 4), report
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    child("before")
    work("parent 1")          # pending in the parent while it forks
    child("pending")
    sdk.flush()
    child("idle")
    work("parent 2")
    """
    ran = run(code, url, "-W", "ignore::DeprecationWarning")
    assert (ran.code, ran.err) == (0, "")
    arrived(model, "before", "parent 1", "pending", "idle", "parent 2")


@posix
def test_fork_under_load(model: Model, url: str) -> None:
    code = """
    stop = threading.Event()
    def load():
        while not stop.is_set():
            if sdk.stats().pending < 400:  # no more than is sent before the end, however long this takes
                work("load")
            time.sleep(0.0005)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads: thread.start()
    for number in range(12):
        pid = os.fork()
        if pid == 0:
            work(f"child {number}")
            report = sdk.flush(60)
            os._exit(0 if report.accepted == report.recorded == 4 else 1)
        assert os.waitpid(pid, 0)[1] == 0
    stop.set()
    for thread in threads: thread.join()
    report = sdk.shutdown()
    assert report.recorded == report.accepted, report
    """
    ran = run(code, url, "-W", "ignore::DeprecationWarning")
    assert (ran.code, ran.err) == (0, "")
    assert model.complaints == []
    children = [e["input"]["name"] for e in model.events.values() if "child" in str(e["input"])]
    assert sorted(children) == sorted(f"child {number}" for number in range(12))


@posix
def test_fork_while_an_event_for_several_destinations_is_being_redacted(model: Model, url: str, tmp_path: Path) -> None:
    code = f"""
    inside, forked = threading.Event(), threading.Event()
    def look(path, value):
        if value == "parent" and not inside.is_set():
            inside.set()
            forked.wait(60)
        return value
    sdk.shutdown()
    sdk = VoltAgentSDK(base_url=os.environ["URL"], public_key="pk", secret_key="sk", exporter="rest,local",
                       local_path={str(tmp_path / "t.db")!r}, flush_interval=0.01, redact=look)
    work("parent")
    assert inside.wait(60)
    pid = os.fork()
    if pid == 0:
        work("child")
        report = sdk.flush(60)
        os._exit(0 if report.accepted == report.recorded == 8 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    forked.set()
    """
    ran = run(code, url, "-W", "ignore::DeprecationWarning")
    assert (ran.code, ran.err) == (0, "")
    arrived(model, "parent", "child")


@posix
def test_what_the_parent_opened_is_the_parents_to_end(model: Model, url: str) -> None:
    code = """
    with sdk.trace(agent_id="shared") as trace:
        sdk.flush()
        pid = os.fork()
        if pid == 0:
            trace.add_tool(name="of the child").success()
    report = sdk.flush()
    if pid == 0:
        assert dict(report.dropped) == {"fork": 1}, report
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    """
    ran = run(code, url, "-W", "ignore::DeprecationWarning")
    assert (ran.code, ran.err) == (0, "")
    assert len(model.ended) == 1
    assert len(model.events) == 2


@posix
def test_a_forked_child_counts_its_own_sampling(url: str, model: Model) -> None:
    code = """
    sdk.shutdown()
    sdk = VoltAgentSDK(base_url=os.environ["URL"], public_key="pk", secret_key="sk", sample_rate=0, keep_errors=True)
    work("left out")
    with sdk.trace(agent_id="of the parent"):
        pid = os.fork()
        if pid == 0:
            assert sdk.stats().sampled_out == sdk.stats().sampled_out_events == 0, sdk.stats()
    if pid == 0:
        work("left out")
        report = sdk.flush()
        assert (report.sampled_out, report.sampled_out_events) == (1, 4), report
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    report = sdk.flush()
    assert (report.sampled_out, report.sampled_out_events) == (2, 6), report
    """
    ran = run(code, url, "-W", "ignore::DeprecationWarning")
    assert (ran.code, ran.err) == (0, "")
    assert not model.histories


@posix
def test_what_fails_in_a_forked_child_is_kept_with_the_trace_it_failed_in(url: str, model: Model) -> None:
    code = """
    sdk.shutdown()
    sdk = VoltAgentSDK(base_url=os.environ["URL"], public_key="pk", secret_key="sk", sample_rate=0, keep_errors=True)
    with sdk.trace(agent_id="shared") as shared:
        pid = os.fork()
        if pid == 0:
            shared.add_tool(name="of the child").error("it broke")
            report = sdk.flush()
            os._exit(0 if report.accepted == report.recorded == 3 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert sdk.flush().recorded == 0
    """
    ran = run(code, url, "-W", "ignore::DeprecationWarning")
    assert (ran.code, ran.err) == (0, "")
    assert names(model) == ["shared"]
    assert len(model.events) == 2


@posix
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(tmp_path: Path, model: Model, url: str, method: str) -> None:
    program = tmp_path / "program.py"
    main = """
    if __name__ == "__main__":
        import multiprocessing
        context = multiprocessing.get_context(METHOD)
        work("parent")
        children = [context.Process(target=work, args=(f"child {n}",)) for n in range(3)]
        for child in children: child.start()
        for child in children: child.join()
        assert [child.exitcode for child in children] == [0, 0, 0]
    """
    program.write_text(START + SDK + textwrap.dedent(main).replace("METHOD", repr(method)))
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(program)]
    ran = subprocess.run(command, env={**os.environ, "URL": url}, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert (ran.returncode, ran.stderr) == (0, "")
    arrived(model, "parent", "child 0", "child 1", "child 2")


@posix
def test_a_process_pool(tmp_path: Path, model: Model, url: str) -> None:
    program = tmp_path / "program.py"
    main = """
    if __name__ == "__main__":
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(2) as pool:
            assert list(pool.map(work, [f"job {n}" for n in range(6)])) == [f"job {n}" for n in range(6)]
    """
    program.write_text(START + SDK + textwrap.dedent(main))
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(program)]
    ran = subprocess.run(command, env={**os.environ, "URL": url}, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert (ran.returncode, ran.stderr) == (0, "")
    arrived(model, *[f"job {n}" for n in range(6)])


# Event loops.


def test_one_sdk_in_loops_that_come_and_go(model: Model, url: str) -> None:
    code = """
    import asyncio
    async def main(name):
        work(name)
        report = await sdk.flush()
        assert report.pending == 0
    for number in range(3):
        asyncio.run(main(f"loop {number}"))
    """
    ran = run(code, url)
    assert (ran.code, ran.err) == (0, "")
    arrived(model, "loop 0", "loop 1", "loop 2")


def test_no_thread_and_no_socket_before_the_first_record(url: str) -> None:
    code = """
    assert threading.active_count() == 1
    import stat
    for number in range(3, 64):
        try:
            assert not stat.S_ISSOCK(os.fstat(number).st_mode)
        except OSError:
            pass
    before = set(sys.modules)
    work("first")
    sdk.flush()
    late = {name for name in set(sys.modules) - before if not name.startswith("encodings")}
    assert not late, late
    """
    ran = run(code, url)
    assert (ran.code, ran.err) == (0, "")
