"""Each example runs as a process of its own, offline, and what it recorded is what it says it records."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest

from tests.helpers import examples
from tests.helpers.examples import REPOSITORY, lines, operations, traces
from tests.helpers.server import Server, answer, unused_port
from voltagent.storage.traces.records import StoredOperation, StoredTrace

FOLDER = REPOSITORY / "examples"
ALONE = [  # what runs by itself; `fastapi_app.py` serves until it is stopped
    "comprehensive_trace_example.py",
    "decorators_with_add_tool.py",
    "error_handling.py",
    "manual_usage_async.py",
    "manual_usage_sync.py",
    "stdlib_agent.py",
]
QUESTION = "Which function finds close matches of a misspelt word?"


@dataclass
class Recording:
    """What one run of an example printed, and the store it recorded into."""

    printed: str
    store: Path
    traces: list[StoredTrace]

    def lines(self, trace: StoredTrace) -> list[str]:
        return lines(self.store, trace)

    def operations(self, trace: StoredTrace) -> list[StoredOperation]:
        return operations(self.store, trace)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


def recorded(example: str, store: Path, *arguments: str) -> Recording:
    printed = examples.run(FOLDER / example, *arguments, env=examples.environment(store))
    return Recording(printed, store, traces(store))


@pytest.fixture(scope="module")
def recording_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Recording]:
    """Runs an example without arguments, once for all tests that look at what it did."""
    return cache(lambda example: recorded(example, tmp_path_factory.mktemp("example") / "traces.db"))


def test_these_are_all_the_examples():
    programs = {path.name for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    assert programs == {*ALONE, "fastapi_app.py"}


@pytest.mark.parametrize("example", ALONE)
def test_an_example_prints_the_same_with_recording_on_and_off(
    example: str, recording_of: Callable[[str], Recording], store: Path
):
    on = recording_of(example)
    assert all(trace.end_ns for trace in on.traces), "every trace has ended"
    assert all(trace.status in ("completed", "error") for trace in on.traces)
    assert all(one.end_ns for trace in on.traces for one in on.operations(trace) if one.kind != "custom")

    off = examples.run(FOLDER / example, env=examples.environment(store, VOLTAGENT_ENABLED="false"))
    assert off.splitlines()[:-1] == on.printed.splitlines()[:-1]
    assert "voltagent" in on.printed.splitlines()[-1], "the last line says how to see the trace"
    assert not store.exists()


# ----------------------------------------------------------------------------------------------------- stdlib_agent.py


def test_the_demo_answers_its_questions_and_is_recorded_whole(recording_of: Callable[[str], Recording]):
    run = recording_of("stdlib_agent.py")
    (trace,) = run.traces

    assert "difflib.get_close_matches(word, possibilities, n=3, cutoff=0.6)" in run.printed
    assert "['apple', 'ape']" in run.printed, "the example of the docstring was run"
    assert "math.gcd(*integers)" in run.printed
    assert "Written in C" in run.printed
    assert (trace.agent_id, trace.status, trace.tags) == ("stdlib-guide", "completed", ("demo", "offline"))
    assert trace.metadata["answered"] == 3
    # What ran at the same time is recorded in the order in which it happened to begin.
    assert Counter(run.lines(trace)) == {
        "agent researcher": 3,
        "  retriever docstrings": 3,
        "  tool signature": 3,
        "  tool source_lines": 2,
        "  tool source_lines [error]": 1,
        "  agent fact-checker": 3,
        "    tool run_examples": 3,
        "  memory write notes": 3,
        "agent writer": 3,
        "memory read notes": 1,
    }


def test_each_question_of_the_demo_keeps_to_its_own_agent(recording_of: Callable[[str], Recording]):
    run = recording_of("stdlib_agent.py")
    (trace,) = run.traces
    found = run.operations(trace)
    searches = {one.parent_id: one.input["question"] for one in found if one.kind == "retriever"}
    agents = {one.id: one.input["question"] for one in found if one.name == "researcher"}
    assert searches == agents


def test_the_demo_records_the_failing_tool_and_the_streamed_answer(recording_of: Callable[[str], Recording]):
    run = recording_of("stdlib_agent.py")
    (trace,) = run.traces
    found = run.operations(trace)

    (failed,) = [one for one in found if one.status == "error"]
    assert failed.input == {"name": "math.gcd"}
    assert failed.error["message"] == "math.gcd has no Python source"
    assert failed.error["cause"]["type"] == "TypeError"
    assert "source_lines" in failed.error["stack"]

    writers = [one for one in found if one.name == "writer"]
    assert [one.metadata["items"] for one in writers] == [len(one.output["result"]) for one in writers]
    assert writers[1].output["result"][:2] == ["math.gcd(*integers)", "Greatest Common Divisor."]
    assert trace.usage == {
        name: sum(one.usage[name] for one in writers if one.usage)
        for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    }


def test_the_demo_takes_questions_and_says_when_it_finds_nothing(store: Path):
    run = recorded("stdlib_agent.py", store, "How do I compute the median of numbers?", "xyzzy")
    (trace,) = run.traces
    assert "statistics.median(data)" in run.printed
    assert "Nothing in the index fits" in run.printed
    assert trace.input == {"questions": ["How do I compute the median of numbers?", "xyzzy"]}
    assert run.lines(trace).count("agent researcher") == 2
    assert run.lines(trace).count("agent writer") == 1


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
    on = recorded("stdlib_agent.py", store, QUESTION)
    assert (done.returncode, done.stdout) == (0, on.printed)
    assert "Traceback" not in done.stderr
    assert "sk-very-secret" not in done.stderr


# ---------------------------------------------------------------------------------------------------- the support desk


def test_context_managers_record_everything_a_trace_can_hold(recording_of: Callable[[str], Recording]):
    run = recording_of("comprehensive_trace_example.py")
    (lookup, failed, accepted, refused) = run.traces

    assert run.lines(lookup) == ["agent Clerk", "  tool look-up"]
    assert failed.status == "error"
    assert failed.metadata == {"attempt": 2}
    assert run.lines(failed) == ["agent Support [error]", "  tool look-up [error]"]
    for trace, user in ((accepted, "ada"), (refused, "grace")):
        assert (trace.user_id, trace.conversation_id, trace.status) == (user, f"{user}-7", "completed")
        assert run.lines(trace) == [
            "agent Support",
            "  memory read history",
            "  retriever articles",
            "  tool look-up",
            "  agent Returns",
            "    tool days-since-delivery",
            "  tool postage [error]",
            "  custom postage:fallback",
            "  tool postage",
            "  memory write history",
        ]
    support, *_ = run.operations(accepted)
    assert support.instructions == "Be short. Decide nothing: ask Returns."
    assert support.usage == {"prompt_tokens": 12, "completion_tokens": 10, "total_tokens": 22} == accepted.usage


def test_explicit_handles_record_the_same_flow_in_sync_code(recording_of: Callable[[str], Recording]):
    run = recording_of("manual_usage_sync.py")
    (good, bad) = run.traces
    assert "24 events recorded" in run.printed
    assert run.lines(good) == [
        "agent Support",
        "  memory read history",
        "  retriever articles",
        "  tool look-up",
        "  agent Returns",
        "  memory write history",
    ]
    assert bad.status == "error"
    assert run.lines(bad) == [
        "agent Support [error]",
        "  memory read history",
        "  retriever articles",
        "  tool look-up [error]",
    ]
    support = run.operations(bad)[0]
    assert support.error == {"message": "no such order", "code": "ORDER_NOT_FOUND"}
    assert support.metadata["stage"] == "look-up"


def test_explicit_handles_keep_two_customers_apart_in_async_code(recording_of: Callable[[str], Recording]):
    run = recording_of("manual_usage_async.py")
    found = run.traces
    assert "28 events recorded" in run.printed
    ada, grace = sorted(found, key=lambda trace: trace.user_id or "")
    for trace, returns in ((ada, "  agent Returns"), (grace, "  agent Returns [error]")):
        assert run.lines(trace)[:2] == ["agent Support", "  memory read history"]
        assert sorted(run.lines(trace)[2:4]) == ["  retriever articles", "  tool look-up"]
        assert run.lines(trace)[4:] == [returns, "  memory write history"]
        support = run.operations(trace)[0]
        assert support.input == trace.input
        assert support.output["reply"] == trace.output["reply"]


def test_decorators_and_explicit_calls_share_a_parent(recording_of: Callable[[str], Recording]):
    run = recording_of("decorators_with_add_tool.py")
    (trace,) = run.traces
    files = sorted(FOLDER.glob("*.py"))
    agent, *rest = run.lines(trace)
    assert agent == "agent Counter"
    each = ["  tool read-words", "  memory write keep"]
    assert rest == ["  retriever files", *each * len(files), "  tool sql", "  tool by-hand"]
    assert trace.conversation_id == "top-5"

    sql = next(one for one in run.operations(trace) if one.name == "sql")
    assert [f"{word} ({count} files)" for word, count in sql.output["rows"]] == run.printed.splitlines()[:5]
    read, kept = run.operations(trace)[2:4]
    assert read.output is None, "capture_output=False"
    assert kept.input == {"file": files[0].name}, "capture_input=['file']"


# ----------------------------------------------------------------------------------------------------------- failures


def test_failures_are_recorded_as_what_they_were(recording_of: Callable[[str], Recording]):
    run = recording_of("error_handling.py")
    found = run.traces
    assert "OrderNotFoundError (code ORDER_NOT_FOUND)" in run.printed
    unhandled, handled, timeout, numbers, by_hand = found

    assert unhandled.status == "error"
    assert run.lines(unhandled) == ["agent Clerk [error]", "  tool look-up [error]"]
    tool = run.operations(unhandled)[1]
    assert tool.error["code"] == "ORDER_NOT_FOUND"
    assert tool.error["cause"]["type"] == "KeyError"

    assert handled.status == "completed"
    assert run.lines(handled) == ["agent Clerk", "  tool postage [error]", "  tool postage"]
    assert run.lines(timeout) == ["agent Carrier [cancelled]"]
    assert timeout.status == "completed"
    (stream,) = run.operations(numbers)
    assert (stream.status, stream.metadata["abandoned"], stream.output) == ("completed", True, {"result": [0]})

    auditor, text, mapping, exception = run.operations(by_hand)
    assert (auditor.error, auditor.metadata) == ("three of three tools failed", {"stage": "audit"})
    assert text.error == "the paper was out"
    assert mapping.error == {"message": "no credit", "code": "CARD_42", "details": {"limit": 100}}
    assert exception.error["message"] == "no order has the number A-9999"


# ------------------------------------------------------------------------------------------------------------- FastAPI


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

    page, not_found, help_page = traces(store)
    assert (page.agent_id, page.user_id, page.tags) == ("order-page", "ada", ("http",))
    assert page.output == {"number": "A-1001", "item": "reading lamp", "returnable": True}
    assert lines(store, page) == ["tool look-up"]
    assert not_found.status == "error"
    assert not_found.error["code"] == 404
    assert not_found.error["cause"]["code"] == "ORDER_NOT_FOUND"
    assert lines(store, not_found) == ["tool look-up [error]"]
    assert lines(store, help_page) == ["agent Librarian", "  retriever articles"]
    assert "".join(help_page.output["result"]) == streamed
    assert streamed.startswith("Returns.\n  An item can be sent back within 30 days")
