"""Each example runs offline, as a process of its own and with the test kit, and records what it says it records."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers import examples
from tests.helpers.examples import REPOSITORY
from tests.helpers.server import Server, answer, unused_port
from voltagent.cli import main
from voltagent.records import load_traces
from voltagent.testing import ReplayMismatch, Run, record, replay

FOLDER = REPOSITORY / "examples"
ALONE = [  # what runs by itself; `fastapi_app.py` serves until it is stopped
    "comprehensive_trace_example.py",
    "decorators_with_add_tool.py",
    "error_handling.py",
    "manual_usage_async.py",
    "manual_usage_sync.py",
    "stdlib_agent.py",
    "trip_agent.py",
]
CHANCE = {"trip_agent.py"}  # what it prints is another thing each time
QUESTION = "Which function finds close matches of a misspelt word?"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


def captured(example: str, *arguments: str) -> tuple[Run, str]:
    """Run an example in this process; return what it recorded and what it printed."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, record() as run, contextlib.redirect_stdout(printed):
        patch.setenv("VOLTAGENT_EXPORTER", "none")  # an SDK that the example makes receives nothing anyway
        patch.syspath_prepend(str(FOLDER))
        patch.setattr(sys, "argv", [example, *arguments])
        runpy.run_path(str(FOLDER / example), run_name="__main__")
    return run, printed.getvalue()


@pytest.fixture(scope="module")
def run_of() -> Callable[[str], tuple[Run, str]]:
    """Runs an example without arguments, once for all tests that look at what it did."""
    return cache(captured)


def test_these_are_all_the_examples():
    programs = {path.name for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    assert programs == {*ALONE, "fastapi_app.py"}


@pytest.mark.slow
@pytest.mark.parametrize("example", ALONE)
def test_an_example_prints_the_same_with_recording_on_and_off(example: str, store: Path):
    on = examples.run(FOLDER / example, env=examples.environment(store))
    found = list(load_traces(store))
    assert found
    assert all(trace.duration is not None for trace in found), "every trace has ended"
    assert all(trace.status in ("completed", "error") for trace in found)
    assert all(one.duration is not None for trace in found for one in trace.walk() if one.kind != "custom")
    events = {"manual_usage_sync.py": 24, "manual_usage_async.py": 28}.get(example)
    assert events is None or f"{events} events recorded" in on

    off = examples.run(FOLDER / example, env=examples.environment(store, VOLTAGENT_ENABLED="false"))
    assert "voltagent" in on.splitlines()[-1], "the last line says how to see the trace"
    if example not in CHANCE:
        assert off.splitlines()[:-1] == on.splitlines()[:-1]
    assert list(load_traces(store)) == found, "nothing was recorded by the second run"


# Stdlib_agent.py.


def test_the_demo_answers_its_questions_and_is_recorded_whole(run_of: Callable[[str], tuple[Run, str]]):
    run, printed = run_of("stdlib_agent.py")
    trace = run.trace

    assert "difflib.get_close_matches(word, possibilities, n=3, cutoff=0.6)" in printed
    assert "['apple', 'ape']" in printed, "the example of the docstring was run"
    assert "math.gcd(*integers)" in printed
    assert "Written in C" in printed
    assert (trace.agent_id, trace.status, trace.tags) == ("stdlib-guide", "completed", ("demo", "offline"))
    assert trace.metadata["answered"] == 3
    for kind, name, times in (
        ("agent", "researcher", 3), ("retriever", "docstrings", 3), ("tool", "signature", 3),
        ("tool", "source_lines", 3), ("agent", "fact-checker", 3), ("tool", "run_examples", 3),
        ("memory", "notes", 4), ("agent", "writer", 3),
    ):  # fmt: skip
        run.assert_count(times, kind=kind, name=name)
    for name in ("docstrings", "signature", "source_lines", "fact-checker"):
        run.assert_parent(name, "researcher")
    run.assert_parent("run_examples", "fact-checker")
    run.assert_parent("writer", None)
    assert [one.name for one in run.errors] == ["source_lines"]


def test_each_question_of_the_demo_keeps_to_its_own_agent(run_of: Callable[[str], tuple[Run, str]]):
    run, _ = run_of("stdlib_agent.py")
    for search in run.retrievers("docstrings"):
        assert search.parent is not None
        assert search.input["question"] == search.parent.input["question"]


def test_the_demo_records_the_failing_tool_and_the_streamed_answer(run_of: Callable[[str], tuple[Run, str]]):
    run, _ = run_of("stdlib_agent.py")

    (failed,) = run.errors
    failed.called_with(name="math.gcd")
    assert failed.error["message"] == "math.gcd has no Python source"
    assert failed.error["cause"]["type"] == "TypeError"
    assert "source_lines" in failed.error["stack"]

    writers = run.agents("writer")
    assert [one.metadata["items"] for one in writers] == [len(one.output["result"]) for one in writers]
    assert writers[1].output["result"][:2] == ["math.gcd(*integers)", "Greatest Common Divisor."]
    assert run.tokens == sum(one.usage["total_tokens"] for one in writers if one.usage)


def test_the_demo_takes_questions_and_says_when_it_finds_nothing():
    run, printed = captured("stdlib_agent.py", "How do I compute the median of numbers?", "xyzzy")
    assert "statistics.median(data)" in printed
    assert "Nothing in the index fits" in printed
    assert run.trace.input == {"questions": ["How do I compute the median of numbers?", "xyzzy"]}
    run.assert_count(2, kind="agent", name="researcher")
    run.assert_count(1, kind="agent", name="writer")


@pytest.mark.parametrize("backend", ["absent", "rejects the key", "broken"])
def test_a_backend_that_fails_changes_nothing_in_the_answers(backend: str, store: Path):
    with Server(lambda _: answer(401 if backend == "rejects the key" else 500)) as server:
        url = f"http://127.0.0.1:{unused_port()}" if backend == "absent" else server.url
        failing = examples.environment(
            store,
            VOLTAGENT_BASE_URL=url,
            VOLTAGENT_PUBLIC_KEY="pk",
            VOLTAGENT_SECRET_KEY="sk-very-secret",
            VOLTAGENT_TIMEOUT="1",
            VOLTAGENT_MAX_RETRIES="0",
        )
        done = subprocess.run(
            [sys.executable, str(FOLDER / "stdlib_agent.py"), QUESTION],
            env=failing,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
    _, printed = captured("stdlib_agent.py", QUESTION)
    assert (done.returncode, done.stdout) == (0, printed)
    assert "Traceback" not in done.stderr
    assert "sk-very-secret" not in done.stderr


# Trip_agent.py.


def loaded(path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)  # types look their module up
    spec.loader.exec_module(module)
    return module


def test_a_run_with_clock_chance_network_and_model_replays_without_them(monkeypatch: pytest.MonkeyPatch):
    run, printed = captured("trip_agent.py")
    run.assert_order("Planner", "now", "pick", "weather", "ask")
    run.tool("weather").called_with(place=run.tool("pick").output["result"])
    module = loaded(FOLDER / "trip_agent.py", monkeypatch)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network is off")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with replay(run.trace) as again:
        assert module.plan(module.PLACES) == printed.splitlines()[0]
    assert again.tree() == run.tree()


@pytest.mark.slow
def test_its_recording_replays_in_another_process(store: Path, tmp_path: Path):
    environment = examples.environment(store)
    printed = examples.run(FOLDER / "trip_agent.py", env=environment)
    recording = tmp_path / "trip.json"
    assert main(["record-fixture", "-o", str(recording), "--db", str(store)]) == 0
    for _ in range(2):
        assert (
            examples.run(FOLDER / "trip_agent.py", "--replay", str(recording), env=environment)
            == printed.partition("\nSee what")[0]
        )


MUTATIONS = [
    (
        "    found = weather(place)\n",
        "    found = Weather(place, 20.0, began)\n",
        "before it, the recording calls tool 'weather'",
    ),
    ("found = weather(place)", "found = weather(place.upper())", "argument 'place': recorded"),
    ("found = weather(place)", "found = weather(place) and weather(place)", "once more"),
    ('f"Pack for {place}', 'f"What to take to {place}', "argument 'prompt': recorded \"Pack for"),
]


@pytest.mark.parametrize(("was", "now", "message"), MUTATIONS)
def test_a_changed_agent_fails_with_a_message_that_names_the_change(
    was: str, now: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run, _ = captured("trip_agent.py")
    program = (FOLDER / "trip_agent.py").read_text(encoding="utf-8")
    assert program.count(was) == 1
    changed = tmp_path / "changed_trip.py"
    changed.write_text(program.replace(was, now), encoding="utf-8")
    module = loaded(changed, monkeypatch)
    with pytest.raises(ReplayMismatch) as caught, replay(run.trace):
        module.plan(module.PLACES)
    assert message in str(caught.value)
    assert "└─ agent Planner" in str(caught.value)


# The support desk.

DESK = """
    trace order-desk  {tokens} tokens
    └─ agent Support  {tokens} tokens
       ├─ memory history
       ├─ retriever articles
       ├─ tool look-up
       ├─ agent Returns
       │  └─ tool days-since-delivery
       ├─ tool postage  error  KeyError: 'express'
       ├─ custom postage:fallback
       ├─ tool postage
       └─ memory history"""
MISSING = "OrderNotFoundError: no order has the number A-9999"


def test_context_managers_record_everything_a_trace_can_hold(run_of: Callable[[str], tuple[Run, str]]):
    run, _ = run_of("comprehensive_trace_example.py")
    _, failed, accepted, refused = run.traces
    run.assert_tree(
        f"""
    trace order-lookup
    └─ agent Clerk
       └─ tool look-up
    trace order-desk  error
    └─ agent Support  error  {MISSING}
       └─ tool look-up  error  {MISSING}{DESK.format(tokens=22)}{DESK.format(tokens=24)}
    """
    )
    assert failed.metadata == {"attempt": 2}
    for trace, user in ((accepted, "ada"), (refused, "grace")):
        assert (trace.user_id, trace.conversation_id, trace.status) == (user, f"{user}-7", "completed")
    (support,) = accepted.children
    assert support.usage == {"prompt_tokens": 12, "completion_tokens": 10, "total_tokens": 22} == accepted.usage


def test_explicit_handles_record_the_same_flow_in_sync_code(run_of: Callable[[str], tuple[Run, str]]):
    run, _ = run_of("manual_usage_sync.py")
    run.assert_tree("""
        trace order-desk  40 tokens
        └─ agent Support  40 tokens
           ├─ memory history
           ├─ retriever articles
           ├─ tool look-up
           ├─ agent Returns
           └─ memory history
        trace order-desk  error
        └─ agent Support  error  ORDER_NOT_FOUND: no such order
           ├─ memory history
           ├─ retriever articles
           └─ tool look-up  error  OrderNotFoundError: no order has the number B-1
    """)
    _, support = run.agents("Support")
    assert support.error == {"message": "no such order", "code": "ORDER_NOT_FOUND"}
    assert support.metadata["stage"] == "look-up"


def test_explicit_handles_keep_two_customers_apart_in_async_code(run_of: Callable[[str], tuple[Run, str]]):
    run, _ = run_of("manual_usage_async.py")
    ada, grace = sorted(run.traces, key=lambda trace: trace.user_id or "")
    for trace, status in ((ada, "completed"), (grace, "error")):
        (support,) = trace.children
        names = [one.name for one in support.children]
        assert names[0] == "history"
        assert sorted(names[1:3]) == ["articles", "look-up"], "at the same time"
        assert names[3:] == ["Returns", "history"]
        assert [one.status for one in trace.find("agent", "Returns")] == [status]
        assert support.input == trace.input
        assert support.output["reply"] == trace.output["reply"]


def test_decorators_and_explicit_calls_share_a_parent(run_of: Callable[[str], tuple[Run, str]]):
    run, printed = run_of("decorators_with_add_tool.py")
    files = sorted(FOLDER.glob("*.py"))
    agent = run.agent("Counter")
    names = [one.name for one in agent.children]
    assert names == ["files", *["read-words", "keep"] * len(files), "sql", "by-hand"]
    assert run.trace.conversation_id == "top-5"

    rows = run.tool("sql").output["rows"]
    assert [f"{word} ({count} files)" for word, count in rows] == printed.splitlines()[:5]
    assert run.tools("read-words")[0].output is None, "capture_output=False"
    assert run.memories("keep")[0].input == {"file": files[0].name}, "capture_input=['file']"


# Failures.


def test_failures_are_recorded_as_what_they_were(run_of: Callable[[str], tuple[Run, str]]):
    run, printed = run_of("error_handling.py")
    assert "OrderNotFoundError (code ORDER_NOT_FOUND)" in printed
    run.assert_tree(
        f"""
        trace Clerk  error
        └─ agent Clerk  error  {MISSING}
           └─ tool look-up  error  {MISSING}
        trace Clerk
        └─ agent Clerk
           ├─ tool postage  error  KeyError: 'express'
           └─ tool postage
        trace timeout
        └─ agent Carrier  cancelled  CancelledError
        trace numbers
        └─ tool numbers
        trace by-hand
        └─ agent Auditor  error  three of three tools failed
           ├─ tool text  error  the paper was out
           ├─ tool mapping  error  CARD_42: no credit
           └─ tool exception  error  {MISSING}
    """
    )
    look_up = run.tool("look-up")
    assert look_up.error["code"] == "ORDER_NOT_FOUND"
    assert look_up.error["cause"]["type"] == "KeyError"
    stream = run.tool("numbers")
    assert (stream.status, stream.metadata["abandoned"], stream.output) == ("completed", True, {"result": [0]})
    auditor = run.agent("Auditor")
    assert (auditor.error, auditor.metadata) == ("three of three tools failed", {"stage": "audit"})
    assert run.tool("mapping").error == {"message": "no credit", "code": "CARD_42", "details": {"limit": 100}}
    assert run.tool("exception").error["message"] == "no order has the number A-9999"


# FastAPI.


def test_the_app_streams_and_records_each_request(store: Path):
    serving = subprocess.Popen(
        [sys.executable, str(FOLDER / "fastapi_app.py"), "--port", "0"],
        env=examples.environment(store),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    try:
        assert serving.stdout is not None
        url = next(match[0] for line in serving.stdout if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
            assert client.get("/orders/A-1001").json() == {
                "number": "A-1001",
                "item": "reading lamp",
                "returnable": True,
            }
            missing = client.get("/orders/A-9999")
            assert (missing.status_code, missing.json()) == (404, {"detail": "no order has the number A-9999"})
            assert client.get("/orders/").status_code == 404, "no route, no trace"
            with client.stream("GET", "/ask", params={"question": "Can a broken item be sent back?"}) as response:
                streamed = "".join(response.iter_text())
    finally:
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=60)

    page, not_found, help_page = load_traces(store, order="oldest")
    assert (page.agent_id, page.user_id, page.tags) == ("order-page", "ada", ("http",))
    assert page.output == {"number": "A-1001", "item": "reading lamp", "returnable": True}
    assert page.tree() == "trace order-page\n└─ tool look-up"
    assert not_found.status == "error"
    (look_up,) = not_found.children
    assert (look_up.name, look_up.status, look_up.error["code"]) == ("look-up", "error", "ORDER_NOT_FOUND")
    assert help_page.tree() == "trace help-page\n└─ agent Librarian\n   └─ retriever articles"
    assert "".join(help_page.output["result"]) == streamed
    assert streamed.startswith("Returns.\n  An item can be sent back within 30 days")
