"""A call that has lost its parent is marked with the probable one, and servers are left alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

import voltagent
from tests.helpers.program import run_script
from tests.helpers.serving import asgi_server, ask_at_once, wsgi_server
from voltagent import agent, bind, tool
from voltagent.core import hints
from voltagent.core.open_operations import OPENED
from voltagent.storage.traces.store import Store
from voltagent.testing import Run, record
from voltagent.tracing.lost_parents import SUSPECTS


@pytest.fixture(autouse=True)
def _nothing_seen_before() -> Iterator[None]:
    before = dict(hints.GIVEN)
    hints.GIVEN.clear()
    OPENED.clear()
    yield
    hints.GIVEN.clear()
    hints.GIVEN.update(before)
    assert not SUSPECTS


@tool
def step(_: object = None) -> None:
    """Runs where nothing is current."""


@agent
def above(hand_over: Callable[[], Any]) -> Any:
    return hand_over()


def lost(run: Run) -> list[dict[str, Any]]:
    """The marks of the traces that were recorded, but not of that of `above`."""
    return [trace.metadata.get("lost_parent") for trace in run.traces if trace.agent_id != "above"]  # type: ignore[misc]


def reports(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged about parents; another test may have left a sender that still logs about its destination."""
    return [line for line in caplog.messages if "its parent" in line]


OLD = ThreadPoolExecutor(1)  # its thread is older than every operation


def in_thread() -> None:
    thread = threading.Thread(target=step)
    thread.start()
    thread.join()


def in_thread_unattended() -> None:
    done = threading.Event()
    threading.Thread(target=lambda: (step(), done.set())).start()
    done.wait()


def in_timer() -> None:
    timer = threading.Timer(0, step)
    timer.start()
    timer.join()


def in_new_pool() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(step)


def in_old_pool() -> None:
    OLD.submit(step).result()


def in_map() -> None:
    list(OLD.map(step, [1]))


def in_as_completed() -> None:
    for _ in as_completed([OLD.submit(step)]):
        pass


def in_thread_pool() -> None:
    with ThreadPool(1) as pool:
        pool.map(step, [1])


def in_callback() -> None:
    done = threading.Event()
    held: Future[None] = OLD.submit(threading.Event().wait, 0.01)  # type: ignore[arg-type]
    held.add_done_callback(lambda _: (step(), done.set()))  # type: ignore[arg-type]
    done.wait()


def in_event_loop() -> None:
    async def hand_over() -> None:
        loop, awaits = asyncio.get_running_loop(), threading.Event()
        OLD.submit(awaits.wait)  # the worker begins when the task awaits it
        loop.call_soon(awaits.set)
        await loop.run_in_executor(OLD, step)

    asyncio.run(hand_over())


LOSSES = {
    in_thread: ("a thread", "Thread(target=voltagent.bind(step))", "threading"),
    in_thread_unattended: ("a thread", "Thread(target=voltagent.bind(step))", "threading"),
    in_timer: ("a timer", "voltagent.bind(step)", "threading"),
    in_new_pool: ("a thread pool", "pool.submit(voltagent.bind(step)", "concurrent.futures"),
    in_old_pool: ("a thread pool", "pool.submit(voltagent.bind(step)", "concurrent.futures"),
    in_map: ("a thread pool", "pool.submit(voltagent.bind(step)", "concurrent.futures"),
    in_as_completed: ("a thread pool", "pool.submit(voltagent.bind(step)", "concurrent.futures"),
    in_thread_pool: ("a thread pool", "pool.map(voltagent.bind(step)", "multiprocessing"),
    in_callback: ("a callback", "future.add_done_callback(voltagent.bind(step))", "use"),
    in_event_loop: ("an executor of the event loop", "loop.run_in_executor", "concurrent.futures"),
}


@pytest.mark.parametrize("hand_over", LOSSES, ids=lambda one: one.__name__)
def test_a_lost_parent_is_marked_and_reported_once(
    hand_over: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    with record() as run:
        for _ in range(2):
            above(hand_over)
    (mark, again) = lost(run)
    assert mark is not None
    assert again is not None
    tops = {call.id: call for call in run.agents()}
    parent = mark["probable_parent"]
    assert (parent["name"], parent["kind"]) == ("above", "agent")
    assert tops[parent["id"]].trace_id == parent["trace_id"]
    where, fix, name = LOSSES[hand_over]
    assert f"called in {where} " in mark["cause"]
    assert fix in mark["fix"]
    assert name in mark["fix"]
    assert mark["function"] == "step"
    assert Path(__file__).name in mark["place"]
    assert mark["place_is"] in ("the parent waits at", "the parent stands at")
    lines = [line for line in caplog.messages if "its parent is probably the agent 'above'" in line]
    assert len(lines) == len({one["place"] for one in (mark, again)})
    assert all(call.parent is None or call.parent.name in ("above", "step") for call in run.find()), "linked to a guess"


SILENT = {
    "bound": lambda: OLD.submit(bind(step)).result(),
    "in the same thread": step,
}


@pytest.mark.parametrize("name", SILENT)
def test_a_call_that_has_its_parent_is_not_marked(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with record() as run:
        above(SILENT[name])  # type: ignore[arg-type]
    assert lost(run) == []
    assert reports(caplog) == []


def test_nothing_is_reported_while_nothing_is_open(caplog: pytest.LogCaptureFixture) -> None:
    with record() as run:
        above(lambda: None)
        for hand_over in (in_thread, in_old_pool, in_map):
            hand_over()
        asyncio.run(asyncio.to_thread(step))
    assert lost(run) == [None] * 4
    assert reports(caplog) == []


def test_a_context_that_was_copied_empty_lost_nothing(caplog: pytest.LogCaptureFixture) -> None:
    import contextvars

    empty = contextvars.Context()
    with record() as run:
        above(lambda: OLD.submit(partial(empty.run, step)).result())
    assert lost(run) == [None]
    assert reports(caplog) == []


def test_workers_that_do_the_same_are_no_parents_of_each_other(caplog: pytest.LogCaptureFixture) -> None:
    both = threading.Barrier(2)

    @tool
    def job() -> None:
        both.wait()

    with record() as run:
        threads = [threading.Thread(target=job) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert lost(run) == [None] * 2
    assert reports(caplog) == []


# Servers.


@tool
def serve(name: object) -> object:
    """One request; all of them are open at once."""
    return name


class Gate:
    """Lets requests pass once enough of them are open at the same time."""

    def __init__(self, number: int) -> None:
        self.barrier = threading.Barrier(number, timeout=30)

    def __call__(self) -> None:
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            pass


GATE = Gate(5)  # the threads that asyncio has for `to_thread` on a machine with one core


@agent
def handle(path: str) -> str:
    GATE()
    serve(path)
    return path


@agent
async def handle_async(path: str) -> str:
    await asyncio.sleep(0.01)
    serve(path)
    return path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = handle(self.path).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def threading_server() -> Any:
    from contextlib import contextmanager

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    @contextmanager
    def serving() -> Iterator[str]:
        with Server(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    return serving()


def wsgi() -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [handle(environ["PATH_INFO"]).encode()]

    return wsgi_server(app)


def asgi(endpoint: Callable[[str], Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        text = await endpoint(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})

    return asgi_server(app)


SERVERS = {
    "ThreadingHTTPServer": threading_server,
    "wsgiref": wsgi,
    "uvicorn": lambda: asgi(handle_async),
    "uvicorn with threads": lambda: asgi(partial(asyncio.to_thread, handle)),
}


@pytest.mark.parametrize("server", SERVERS)
def test_fifty_requests_at_once_give_no_report(server: str, caplog: pytest.LogCaptureFixture) -> None:
    with record() as run, SERVERS[server]() as url:  # type: ignore[no-untyped-call]
        answers = ask_at_once(lambda place: f"{url}/{place}", 50)
    assert answers == [f"/{place}" for place in range(50)]
    assert lost(run) == [None] * 50
    assert reports(caplog) == []


def test_a_thread_of_one_request_among_many_is_marked_with_its_own_parent() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        def hand_over() -> None:
            thread = threading.Thread(target=step)
            thread.start()
            thread.join()

        agent(name=environ["PATH_INFO"])(hand_over)()
        start_response("200 OK", [])
        return [b""]

    with record() as run, wsgi_server(app) as url:
        ask_at_once(lambda place: f"{url}/{place}", 8)
    marks = [mark for mark in lost(run) if mark is not None]
    parents = [mark["probable_parent"]["name"] for mark in marks]
    assert len(parents) == len(set(parents)), "two requests were taken for the parent of one thread each"
    assert len(parents) >= 6


# Processes.

FORKED = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    import voltagent
    from voltagent import agent, tool

    @tool
    def step(_=None): ...

    def executor():
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
            pool.submit(step).result()

    def pool():
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(step, [1, 2], chunksize=1)
            pool.close()
            pool.join()  # leaving the block would end the worker

    if __name__ == "__main__":
        with voltagent.VoltAgentSDK(exporter="local"):
            for hand_over in (executor, pool):
                agent(name=hand_over.__name__)(hand_over)()
"""


def marks(path: Path) -> dict[str, Any]:
    """The mark of each trace, by the argument of its tool."""
    with closing(Store(path)) as store:
        found = {}
        for one in store.traces():
            for operation in store.operations(one.id):
                if operation.kind == "tool":
                    trace = store.trace(one.id)
                    assert trace is not None
                    found[next(iter((operation.input or {"": None}).values()))] = trace.metadata.get("lost_parent")
        return found


def test_workers_that_are_forked_in_an_operation_are_marked(tmp_path: Path) -> None:
    done = run_script(FORKED, tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("started a trace of its own") == 2, "one line for each place, not for each process"
    found = marks(tmp_path / "voltagent" / "traces.db")
    assert {key: mark["probable_parent"]["name"] for key, mark in found.items()} == {
        None: "executor", 1: "pool", 2: "pool",
    }  # fmt: skip
    for mark in found.values():
        assert mark["cause"] == "called in a process pool without the operation that was current"
        assert mark["place_is"] == "handed over at"
        assert f"{tmp_path / 'script.py'}:" in mark["place"]


PROCESSES = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    from voltagent import agent, bind, tool

    @tool
    def step(form): ...

    def plain(form):
        step(form)

    def work(processes):
        process = processes.Process(target=step, args=("process",))
        process.start()
        process.join()
        with processes.Pool(1) as pool:
            for form in ("pool", "pool again"):
                pool.apply(plain, (form,))
            pool.apply(bind(plain), ("bound",))
            pool.close()
            pool.join()
        with ProcessPoolExecutor(1, mp_context=processes) as pool:
            for form in ("executor", "executor again"):
                pool.submit(step, form).result()

    if __name__ == "__main__":
        processes = multiprocessing.get_context(sys.argv[1])
        with processes.Pool(1) as old:
            old.apply(step, ("before",))
            agent(name="above")(work)(processes)
            old.apply(step, ("after",))
            agent(name="second")(lambda: old.apply(step, ("old pool",)))()
            old.apply(bind(step), ("bound to nothing",))
            old.close()
            old.join()
"""
IN_A_POOL = "called in a process pool without the operation that was current"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_every_task_of_a_process_is_marked_but_none_that_is_bound(method: str, tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    done = run_script(PROCESSES, tmp_path, method, VOLTAGENT_EXPORTER="local", VOLTAGENT_LOCAL_PATH=str(path))
    assert done.returncode == 0
    found = marks(path)
    inherits = method == "fork"  # a process, not a pool, that is forked has the operation that was current
    lost = {"pool", "pool again", "executor", "executor again", "old pool"} | (set() if inherits else {"process"})
    assert {key for key, mark in found.items() if mark is not None} == lost
    assert set(found) == lost | {"process", "bound", "before", "after", "bound to nothing"}
    assert {key: found[key]["probable_parent"]["name"] for key in lost} == {
        key: "second" if key == "old pool" else "above" for key in lost
    }
    assert found["pool again"]["cause"] == found["executor again"]["cause"] == IN_A_POOL
    assert "pool.map(voltagent.bind(step), ...)" in found["pool again"]["fix"]
    assert "pool.submit(voltagent.bind(step), ...)" in found["executor again"]["fix"]
    assert f"{tmp_path / 'script.py'}:" in found["old pool"]["place"]
    if not inherits:
        assert "Process(target=voltagent.bind(step))" in found["process"]["fix"]
        assert found["pool"]["place_is"] == "the call is made at"
        assert found["pool"]["place"].endswith("(plain)")
    places = [found[key]["place"] for key in lost]
    assert done.stderr.count("its parent is probably") == len(set(places)), "one line for each place"


UNRECORDED = """
    import multiprocessing, sys
    import voltagent
    from voltagent import bind, tool

    @tool
    def step(_): ...

    if __name__ == "__main__":
        with voltagent.VoltAgentSDK(), multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
            step(0)
            pool.apply({"plain": step, "bound": bind(step)}[sys.argv[2]], (1,))
            pool.close()
            pool.join()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("how", "lines"), [("plain", 1), ("bound", 0)])
def test_a_process_that_records_nothing_says_so(how: str, lines: int, tmp_path: Path) -> None:
    done = run_script(UNRECORDED, tmp_path, "spawn", how)
    assert done.returncode == 0
    assert done.stderr.count("a process that has no SDK calls decorated functions, and records nothing") == lines
    assert done.stderr.count(str(tmp_path / "script.py")) == lines
    assert len(marks(tmp_path / "voltagent" / "traces.db")) == 2 - lines


SERVING = """
    import multiprocessing, threading, urllib.request
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from voltagent import agent, tool

    @tool
    def step(form): ...

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            step("request")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_): ...

    def serve(pipe):
        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            pipe.send(server.server_port)
            server.handle_request()

    @agent
    def above(processes):
        here, there = processes.Pipe()
        process = processes.Process(target=serve, args=(there,))
        process.start()
        urllib.request.urlopen(f"http://127.0.0.1:{here.recv()}/").read()
        process.join()

    if __name__ == "__main__":
        above(multiprocessing.get_context("spawn"))
"""


@pytest.mark.slow
def test_a_server_in_a_process_of_its_own_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    done = run_script(SERVING, tmp_path, VOLTAGENT_EXPORTER="local", VOLTAGENT_LOCAL_PATH=str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert marks(path) == {"request": None}


def test_the_command_line_shows_the_mark_and_doctor_the_place(tmp_path: Path) -> None:
    import subprocess
    import sys

    run_script(FORKED, tmp_path)
    path = str(tmp_path / "voltagent" / "traces.db")

    def command(*arguments: str) -> str:
        program = [sys.executable, "-m", "voltagent", *arguments]
        environment = {"VOLTAGENT_LOCAL_PATH": path, "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
        return subprocess.run(program, env=environment, capture_output=True, text=True, check=False).stdout

    shown = command("show", "step")
    assert "lost its parent, probably agent" in shown
    assert "voltagent.bind(step)" in shown
    found = command("doctor")
    assert "parents lost: " in found
    assert 'or voltagent.instrument("multiprocessing")' in found


def test_the_report_does_not_fail_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voltagent.core.guard.Guard, "strict", False)
    monkeypatch.setattr("voltagent.tracing.lost_parents.arrival", lambda frame: 1 / 0)
    with record() as run:
        above(in_old_pool)
    assert lost(run) == [None]
