"""The rows of the table in docs/parents.md that need nothing but the standard library."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

import voltagent
from voltagent import agent, bind, tool
from voltagent.testing import record

Hand = Callable[[Any], Any]
TABLE = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (Path(__file__).parents[2] / "docs" / "parents.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| situation")
]


@tool
def step(_: object = None) -> None: ...


def thread(hand: Hand) -> None:
    started = threading.Thread(target=hand(step))
    started.start()
    started.join()


def executor(hand: Hand) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(hand(step)).result()
        list(pool.map(hand(step), [1]))


def in_loop(hand: Hand) -> None:
    async def run() -> None:
        await asyncio.get_running_loop().run_in_executor(None, hand(step))

    asyncio.run(run())


def thread_pool(hand: Hand) -> None:
    with ThreadPool(1) as pool:
        pool.map(hand(step), [1])


def callback(hand: Hand) -> None:
    done: Future[None] = Future()
    done.add_done_callback(hand(step))
    work = threading.Thread(target=done.set_result, args=(None,))
    work.start()
    work.join()


def tasks(_: Hand) -> None:
    async def run() -> None:
        async def call() -> None:
            step()

        await asyncio.gather(call(), asyncio.to_thread(step), asyncio.create_task(call()))

    asyncio.run(run())


def explicit(_: Hand) -> None:
    handle = voltagent.current()

    def work() -> None:
        with handle.as_current():
            step()

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert handle.status == "running"


ROWS: dict[str, tuple[Callable[[Hand], None], str]] = {
    "`await`": (tasks, "always"),
    "`threading.Thread`": (thread, "threading"),
    "`ThreadPoolExecutor.submit`": (executor, "concurrent.futures"),
    "`loop.run_in_executor`": (in_loop, "concurrent.futures"),
    "`multiprocessing.pool.ThreadPool`": (thread_pool, "multiprocessing"),
    "`future.add_done_callback`": (callback, ""),
    "an operation that is made": (explicit, "always"),
}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    voltagent.uninstrument()


def parents(hand_over: Callable[[Hand], None], hand: Hand) -> set[str]:
    with record() as run:
        agent(name="above")(lambda: hand_over(hand))()
    return {
        trace.agent_id if one.parent is None else one.parent.name
        for trace in run.traces
        for one in trace.find(name="step")
    }


@pytest.mark.parametrize("row", ROWS)
def test_what_to_write(row: str) -> None:
    hand_over, _ = ROWS[row]
    (cells,) = [cells for cells in TABLE if cells[0].startswith(row)]
    assert "bind(" in cells[2] or cells[2] == "nothing" or "as_current" in cells[2]
    assert parents(hand_over, bind) == {"above"}


@pytest.mark.parametrize("row", [row for row, (_, name) in ROWS.items() if name != "always"])
def test_what_happens_automatically(row: str) -> None:
    hand_over, name = ROWS[row]
    (cells,) = [cells for cells in TABLE if cells[0].startswith(row)]
    assert f'instrument("{name}")' in cells[1] if name else "marked as lost" in cells[1]
    assert parents(hand_over, lambda function: function) == {"step"}  # a trace of its own
    if name:
        voltagent.instrument(name)
        assert parents(hand_over, lambda function: function) == {"above"}
