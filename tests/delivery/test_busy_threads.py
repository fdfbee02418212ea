"""Threads that record without a pause hold up neither a flush nor a shutdown nor the end of the process.

What had been recorded before is sent all the same, whatever its first tries meet.
"""

from __future__ import annotations

import json
import multiprocessing
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.memory import DOWN, RETRY, Memory, Recording, conserved, make_sender
from tests.helpers.pace import PATIENCE, hold, until
from tests.helpers.program import run_program, run_script
from tests.helpers.server import Recorded, Reply, Server, answer, hang, unused_port
from voltagent import VoltAgentSDK, tool
from voltagent.core.span import SpanEvent
from voltagent.exporters import ACCEPTED, Outcome, Verdict
from voltagent.records import load_traces

SOON = 5.0  # seconds; it took as long as it was allowed to before, which is `PATIENCE` here
REST: dict[str, Any] = {"public_key": "pk", "secret_key": "sk"}


@tool
def work(value: object) -> object:
    return value


@contextmanager
def busy(record: Any, threads: int = 2, pause: float = 0.0005) -> Iterator[None]:
    """Other threads record meanwhile."""
    over = threading.Event()

    def go() -> None:
        while not over.is_set():
            record()
            time.sleep(pause)

    started = [threading.Thread(target=go) for _ in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in started:
            thread.join()


def late(first: Outcome, times: int) -> Any:
    """Take all but the traces named "important", of which each event is put off that many times."""
    tries: dict[int, int] = {}

    def decide(event: SpanEvent) -> Outcome:
        _, span, _ = event
        tries[id(event)] = tries.get(id(event), 0) + 1
        return first if span.name.startswith("important") and tries[id(event)] <= times else ACCEPTED

    return decide


@pytest.mark.parametrize(
    "first", [RETRY, DOWN, Outcome(Verdict.RETRY, retry_after=0.05)], ids=["retry", "down", "later"]
)
def test_a_flush_waits_for_what_is_tried_again_and_for_nothing_newer(first: Outcome) -> None:
    memory = Memory(late(first, 2))
    sender = make_sender(memory, flush_interval=0.01, max_retries=5)
    recording = Recording(sender)
    with busy(recording.whole):
        for number in range(1, 4):
            recording.whole("important", tools=3)
            began = time.monotonic()
            sender.flush().result()
            hold(time.monotonic() - began, SOON, "a flush")
            assert len([word for word in memory.words if "important" in word]) == 8 * number
    assert conserved(sender.shutdown().result()).pending == 0


def test_a_flush_of_many_threads_returns_to_each_when_its_own_are_sent() -> None:
    memory = Memory()
    sender = make_sender(memory, flush_interval=0.01)
    missing: list[str] = []

    def record_and_flush(name: str) -> None:
        recording = Recording(sender)
        for number in range(30):
            recording.whole(f"{name}.{number}")
            began = time.monotonic()
            sender.flush().result()
            hold(time.monotonic() - began, SOON, "a flush")
            if f"end {name}.{number}" not in set(memory.words):
                missing.append(f"{name}.{number}")

    with busy(Recording(sender).whole, threads=1):
        threads = [threading.Thread(target=record_and_flush, args=(f"mine{one}",)) for one in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert missing == []
    assert conserved(sender.shutdown().result()).pending == 0


def test_a_shutdown_ends_although_threads_go_on_trying_to_record() -> None:
    memory = Memory()
    sender = make_sender(memory)
    recording = Recording(sender)
    with busy(recording.whole, pause=0.0):
        until(lambda: sender.stats().recorded > 500)
        began = time.monotonic()
        report = sender.shutdown().result()
        hold(time.monotonic() - began, SOON, "a shutdown")
        assert conserved(report).pending == 0
    assert conserved(sender.stats()).pending == 0


@contextmanager
def destination(
    kind: str, folder: Path, reply: Any = None, delay: float = 0.0
) -> Iterator[tuple[dict[str, Any], Server]]:
    """The options of an SDK, and the server, if it uses one."""
    with Server(reply or answer(), delay=delay) as server:
        yield (
            {
                "local": {"exporter": "local", "local_path": str(folder / "traces.db")},
                "rest": {"exporter": "rest", "base_url": server.url, **REST},
                "otlp": {"exporter": "otlp", "otlp_endpoint": f"{server.url}/v1/traces"},
                "spool": {"exporter": "rest", "base_url": server.url, **REST, "spool": str(folder / "spool")},
            }[kind],
            server,
        )


class FirstHangs:
    """The first request with something important hangs; all others are answered."""

    def __init__(self, reply: Reply) -> None:
        self.reply, self.seen = reply, 0

    def __call__(self, request: Recorded) -> Reply:
        if b"important" in request.body:
            self.seen += 1
            if self.seen == 1:
                return self.reply
        return answer()


@pytest.mark.parametrize("kind", ["local", "rest", "otlp", "spool"])
@pytest.mark.parametrize("delay", [0.0, 0.05], ids=["fast", "slow"])
def test_a_flush_of_each_destination(kind: str, delay: float, tmp_path: Path) -> None:
    if kind == "local" and delay:
        pytest.skip("no server")
    with destination(kind, tmp_path, delay=delay) as (options, server):
        sdk = VoltAgentSDK(**options, flush_interval=0.05)
        # no more than a slow server takes: else a flush has to wait for what it has not taken yet
        with busy(lambda: work("noise"), pause=0.05):
            until(lambda: sdk.stats().recorded > 50)
            for _ in range(3):
                work("important")
                before = sdk.stats()
                began = time.monotonic()
                report = sdk.flush(timeout=PATIENCE)
                hold(time.monotonic() - began, SOON, "a flush")
                assert report.accepted >= before.recorded - before.pending
        if kind != "local":
            assert sum(b"important" in request.body for request in server.requests) > 0
        assert conserved(sdk.shutdown()).pending == 0


PROGRAM = """
    import atexit, json, os, sys, threading, time
    began = []
    atexit.register(lambda: print(time.monotonic() - began[0]))  # called after the hooks that are registered later
    from voltagent import VoltAgentSDK, tool
    @tool
    def work(value): return value
    sdk = VoltAgentSDK(**{options!r}, flush_interval=0.05, quiet=True)
    def record():
        while True:
            work("noise")
            {pause}
    for _ in range(2): threading.Thread(target=record, daemon=True).start()
    while sdk.stats().recorded < 100: time.sleep(0.01)
    for _ in range({important}): work("important")
    began.append(time.monotonic())
    {last}
"""


def run(
    options: dict[str, Any], folder: Path, *, pause: str = "time.sleep(0.001)", important: int = 1, last: str = ""
) -> float:
    """How long the program took to end."""
    program = textwrap.dedent(PROGRAM).format(options=options, pause=pause, important=important, last=last)
    ran = run_program(program, folder, timeout=PATIENCE, VOLTAGENT_QUIET="1")
    assert ran.returncode == 0, ran
    return float(ran.stdout)


def important(server: Server, *, but: int = 0) -> set[str]:
    """The requests that brought something important, without the first ones."""
    return {request.line for request in [one for one in server.requests if b"important" in one.body][but:]}


def is_spooled(folder: Path) -> bool:
    """Whether something important is kept on disk, for the next process."""
    return any(b"important" in file.read_bytes() for file in folder.iterdir() if file.is_file())


@pytest.mark.parametrize("kind", ["local", "rest", "otlp", "spool"])
def test_a_process_ends_soon_after_all_before_its_end_is_sent(kind: str, tmp_path: Path) -> None:
    with destination(kind, tmp_path) as (options, server):
        hold(run(options, tmp_path), 3.0, "the end")
        if kind == "local":
            assert {"value": "important"} in [trace.input for trace in load_traces(tmp_path / "traces.db")]
        else:
            assert important(server)


@pytest.mark.parametrize("kind", ["rest", "otlp", "spool"])
@pytest.mark.parametrize(
    ("reply", "limit"),
    [
        pytest.param(answer(503), 3.0, id="503"),
        pytest.param(answer(429, retry_after="1"), 6.5, id="429", marks=pytest.mark.slow),
        pytest.param(hang, 6.5, id="hang", marks=pytest.mark.slow),
    ],
)
def test_a_process_ends_within_its_budget_if_nothing_is_taken(
    kind: str, reply: Reply, limit: float, tmp_path: Path
) -> None:
    with destination(kind, tmp_path, reply) as (options, _):
        hold(run(options, tmp_path), limit, "the end")


@pytest.mark.parametrize("kind", ["rest", "otlp", "spool"])
def test_a_process_ends_within_its_budget_if_nothing_listens(kind: str, tmp_path: Path) -> None:
    with destination(kind, tmp_path) as (options, _):
        url = f"http://127.0.0.1:{unused_port()}"
        hold(run({**options, "base_url": url, "otlp_endpoint": f"{url}/v1/traces"}, tmp_path), 3.0, "the end")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["local", "rest", "otlp", "spool"])
@pytest.mark.parametrize("listens", [True, False], ids=["listens", "refused"])
def test_a_process_ends_although_threads_never_pause(kind: str, listens: bool, tmp_path: Path) -> None:
    if kind == "local" and not listens:
        pytest.skip("no server")
    with destination(kind, tmp_path) as (options, server):
        if not listens:
            url = f"http://127.0.0.1:{unused_port()}"
            options = {**options, "base_url": url, "otlp_endpoint": f"{url}/v1/traces"}
        # one second or two; it took 20 to more than 60
        hold(run(options, tmp_path, pause="began or time.sleep(0.001)"), 15.0, "the end")
        if kind == "local":
            assert {"value": "important"} in [trace.input for trace in load_traces(tmp_path / "traces.db")]
        elif listens:  # two seconds without an answer are enough where a spool keeps it
            assert important(server) or (kind == "spool" and is_spooled(tmp_path / "spool"))


LATE = """
    import atexit, multiprocessing, sys, threading, time
    before, after, kind, path = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    thread = None
    if kind == "hook":
        atexit.register(lambda: thread.join())  # called after the hook of the SDK, which is registered later
    from voltagent import VoltAgentSDK, agent, tool
    @tool
    def work(value): return value
    @agent
    def record_all():
        for number in range(after):
            work(number)
    def record(begin):
        begin.wait()
        record_all()
        if not threading.current_thread().daemon: time.sleep(0.2)
    def begin_recording(daemon):
        global thread
        begin = threading.Event()
        thread = threading.Thread(target=record, args=(begin,), daemon=daemon)
        thread.start()
        for number in range(before): work(number)
        return begin.set
    def main(daemon):
        sdk = VoltAgentSDK(exporter="local", local_path=path)
        begin = begin_recording(daemon)
        if daemon:
            atexit.register(lambda: (begin(), time.sleep(0.002)))  # called before the hook of the SDK
        else:
            begin()
    if __name__ == "__main__":
        if kind in ("fork", "spawn"):
            child = multiprocessing.get_context(kind).Process(target=main, args=(False,))
            child.start()
            child.join()
        else:
            main(True)
"""


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        pytest.param("hook", 2000, 2000, id="until an exit hook joins the thread"),
        pytest.param("fork", 1, 4000, id="in a forked child that joins the thread"),
        pytest.param("spawn", 1, 4000, id="in a spawned child that joins the thread"),
    ],
)
def test_what_threads_record_while_a_process_ends_is_not_lost(
    kind: str, before: int, after: int, tmp_path: Path
) -> None:
    path = tmp_path / "traces.db"
    ran = run_script(LATE, tmp_path, str(before), str(after), kind, str(path), timeout=PATIENCE)
    assert ran.returncode == 0, ran
    recorded = sum(1 for trace in load_traces(path) for one in trace.walk() if one.name == "work")
    assert recorded == before + after, ran


AFTER_MAIN = """
    import json, multiprocessing, sys, threading, time
    times, method, options = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    from voltagent import VoltAgentSDK, agent, tool
    @tool
    def work(value): return value
    @agent
    def long():
        threading.main_thread().join()  # until only threads go on
        for number in range(times): work(number)
    class Worker(threading.Thread):
        is_stopped = False
        def run(self):
            long()
            for number in range(times):
                if not self.is_stopped: work(number)
            threading.Thread(target=work, args=("last",)).start()
        def join(self, timeout=None):
            self.is_stopped = True  # as many classes do, that only their owner may join
            super().join(timeout)
    def main(is_first):
        sdk = VoltAgentSDK(**options)
        if is_first: work("first")
        Worker().start()
    if __name__ == "__main__":
        for is_first in (True, False):
            child = multiprocessing.get_context(method).Process(target=main, args=(is_first,))
            child.start()
            child.join()
            print(child.exitcode)
"""


def after_main(folder: Path, method: str, times: int, **options: Any) -> str:
    """Run two children whose threads go on after the main function; return what was printed."""
    ran = run_script(AFTER_MAIN, folder, str(times), method, json.dumps(options), timeout=PATIENCE, VOLTAGENT_QUIET="1")
    assert (ran.returncode, ran.stdout) == (0, "0\n0\n"), ran
    return ran.stderr


@pytest.mark.parametrize(
    "method",
    ["fork", pytest.param("spawn", marks=pytest.mark.slow), pytest.param("forkserver", marks=pytest.mark.slow)],
)
def test_what_threads_of_a_child_record_after_its_main_function_is_complete(method: str, tmp_path: Path) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("there is no such method here")
    path = tmp_path / "traces.db"
    assert after_main(tmp_path, method, 1000, exporter="local", local_path=str(path)) == ""
    traces = list(load_traces(path))
    found = Counter((one.name, one.status) for trace in traces for one in trace.walk())
    assert found == {("work", "completed"): 2 * 2001 + 1, ("long", "completed"): 2}


@pytest.mark.slow
def test_what_threads_of_a_child_record_after_its_main_function_is_sent_in_batches(tmp_path: Path) -> None:
    with destination("otlp", tmp_path) as (options, server):
        after_main(tmp_path, "spawn", 1000, **options)
        assert sum(request.body.count(b"last") > 0 for request in server.requests) == 2
        assert len(server.requests) < 1000


@pytest.mark.slow
def test_threads_of_a_child_do_not_keep_it_for_a_destination_that_refuses(tmp_path: Path) -> None:
    with destination("otlp", tmp_path, answer(503)) as (options, _):
        began = time.monotonic()
        after_main(tmp_path, "spawn", 1, **options)
        hold(time.monotonic() - began, 25.0, "two children")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rest", "otlp"])
@pytest.mark.parametrize("reply", [hang, answer(503), answer(429)], ids=["hang", "503", "429"])
def test_what_fails_first_is_sent_before_the_end(kind: str, reply: Reply, tmp_path: Path) -> None:
    with destination(kind, tmp_path, FirstHangs(reply)) as (options, server):
        hold(run(options, tmp_path), 8.0, "the end")
        assert important(server, but=1)


@pytest.mark.parametrize("kind", ["local", "rest", "otlp", "spool"])
def test_a_shutdown_of_each_destination(kind: str, tmp_path: Path) -> None:
    with destination(kind, tmp_path) as (options, server):
        sdk = VoltAgentSDK(**options, flush_interval=0.05)
        with busy(lambda: work("noise"), pause=0.0):
            until(lambda: sdk.stats().recorded > 200)
            work("important")
            began = time.monotonic()
            report = conserved(sdk.shutdown())
            hold(time.monotonic() - began, 2 * SOON, "a shutdown")
            assert kind == "spool" or report.pending == 0  # a spool keeps what is not sent in its time
        assert kind in ("local", "spool") or important(server)
