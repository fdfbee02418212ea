"""The viewer's API over a store in which another program has left values of any type."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.helpers.local_server import serving
from tests.helpers.stored import NONSENSE, REQUIRED, Run, empty_column, fill_columns
from voltagent.core.span import AGENT, LLM, TOOL

PATHS = [
    "traces", "traces?sort=cost", "traces?text=boom", "traces/t", "traces/t/export", "traces/t/matches?text=boom",
    "traces/t/hashes", "compare?left=t&right=t2", "facets", "calls", "histogram", "conversations/c",
    *(f"metrics?by={by}" for by in ("agent", "model", "tool", "user", "tag", "day", "version", "metadata:k")),
]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "traces.db")
    for name in ("t", "t2"):
        root = run.recorder.start_trace(
            "bot", b'{"q":1}', b'{"k":"v"}', ("tag",), identifier=name, user_id="u", conversation_id="c", version="1"
        )
        agent = run.recorder.start(root, AGENT, "Bot", b"{}")
        model = run.recorder.start(agent, LLM, "chat", b"{}")
        model.model = "model"
        run.recorder.add(model, usage={"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.1})
        run.recorder.succeed(model, b"{}")
        run.recorder.end(run.recorder.start(agent, TOOL, "search", b"{}"), "error", b'{"message":"boom"}')
        run.recorder.succeed(agent, b"{}")
        run.recorder.succeed(root, b"{}")
    run.save()
    yield run
    run.store.close()


@pytest.mark.parametrize("value", NONSENSE)
def test_each_page_is_answered(run: Run, value: object) -> None:
    fill_columns(run.store.path, value)
    with serving(run.store) as url, httpx.Client(base_url=f"{url}/api/") as client:
        answers = {path: client.get(path) for path in PATHS}
    assert {path: answer.text for path, answer in answers.items() if answer.status_code >= 500} == {}


@pytest.mark.parametrize("value", NONSENSE)
def test_a_list_of_running_traces_is_answered(run: Run, value: object) -> None:
    with closing(sqlite3.connect(run.store.path)) as connection, connection:
        connection.execute("UPDATE traces SET status = 'running', end_ns = NULL")
        connection.execute("UPDATE operations SET start_ns = ?", (value,))
    with serving(run.store) as url, httpx.Client(base_url=f"{url}/api/") as client:
        answers = {path: client.get(path) for path in PATHS}
    assert {path: answer.text for path, answer in answers.items() if answer.status_code >= 500} == {}


@pytest.mark.parametrize(("table", "column"), REQUIRED)
def test_null_in_a_column_that_forbids_it_is_answered(run: Run, table: str, column: str) -> None:
    empty_column(run.store.path, table, column)
    with serving(run.store) as url, httpx.Client(base_url=f"{url}/api/") as client:
        answers = {path: client.get(path) for path in PATHS}
    assert {path: answer.text for path, answer in answers.items() if answer.status_code >= 500} == {}


def test_counts_that_are_too_large_together_are_answered(run: Run) -> None:
    with closing(sqlite3.connect(run.store.path)) as connection, connection:
        for column in ("prompt_tokens", "total_tokens", "cost"):
            assert connection.execute(f"UPDATE totals SET {column} = ?", (2**63 - 1,)).rowcount == 2
    with serving(run.store) as url, httpx.Client(base_url=f"{url}/api/") as client:
        answers = {path: client.get(path) for path in (*PATHS, "conversations")}
    assert {path: answer.text for path, answer in answers.items() if answer.status_code >= 500} == {}
