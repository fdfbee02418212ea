"""Raise in a signal handler at one place after another of calls: ``python -m tests.helpers.signal_steps KIND TRIES``.

As a time limit of the program does. Prints a JSON object: for each call, at how many places of this library it was
raised, at which of them it did not reach the caller, how many records have a start and no end, how many functions ran
without an end of their record, and whether all was counted. In a process of its own, as what is raised at a bytecode
that belongs to no line has a traceback that makes pytest's report fail.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from contextvars import copy_context
from datetime import datetime
from functools import partial
from types import FrameType
from typing import cast

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.interrupts import ERRORS
from tests.helpers.pace import PATIENCE
from voltagent import VoltAgentSDK, agent, llm, tool, trace


class Failed(Exception):
    """What a decorated function raises."""


ran = [0]


@tool
def work(value: object) -> object:
    ran[0] += 1
    if isinstance(value, Exception):
        raise value
    return value


@tool
def items(value: object) -> Iterator[object]:
    yield value


@llm(model="a")
def ask(value: object) -> object:
    return work(value)


@trace
def answer(value: object) -> object:
    return work(value)


@agent
async def waiting(value: object) -> object:
    return work(value)


@agent
async def parts(value: object) -> AsyncIterator[object]:
    yield value


def awaited() -> None:
    with suppress(StopIteration), closing(waiting(1)) as run:
        run.send(None)


async def _all_parts() -> None:
    async with aclosing(cast(AsyncGenerator[object], parts(1))) as run:
        async for _ in run:
            pass


def iterated() -> None:
    with suppress(StopIteration), closing(_all_parts()) as run:
        run.send(None)


def failing() -> None:
    with suppress(Failed):
        work(Failed("a"))


def by_hand(sdk: VoltAgentSDK) -> None:
    with sdk.trace(agent_id="a") as root, root.add_tool({"name": "b"}):
        pass


def calls(sdk: VoltAgentSDK) -> dict[str, Callable[[], object]]:
    return {
        "plain": lambda: work({"a": 1}),
        "slow path": lambda: work([{1, 2}, "\ud800", b"x", datetime(2026, 1, 1), {1: object()}]),
        "failing": failing,
        "generator": lambda: list(items(1)),
        "model call": lambda: ask(1),
        "trace": lambda: answer(1),
        "coroutine": awaited,
        "async generator": iterated,
        "handles": partial(by_hand, sdk),
        "flush": lambda: sdk.flush(timeout=5),
        "stats": sdk.stats,
    }


NAMES = ("plain", "slow path", "failing", "generator", "model call", "trace", "coroutine", "async generator", "handles",
         "flush", "stats")  # fmt: skip


@contextmanager
def handler(raised: BaseException) -> Generator[None]:
    """Install a handler that raises an exception."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise raised

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


@contextmanager
def undisturbed() -> Generator[None]:
    """Let no other thread run but where this one waits.

    A function that traces bytecodes is a call before each of them, after which Python may switch to another thread:
    also where, without it, none can come between.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(PATIENCE)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def steps(call: Callable[[], object], at: int, kind: type[Exception]) -> tuple[int, str, bool]:
    """Make a call; return how many places it has, where it was interrupted, and whether the caller heard of it."""
    raised = kind()
    between = BetweenSignals(("",), at, partial(signal.raise_signal, signal.SIGUSR1))
    try:
        with undisturbed(), handler(raised):
            copy_context().run(between.run, call)  # what an interrupt leaves current is not for the next call
    except kind as exc:
        if exc is not raised:
            raise
        return between.count, between.place, True
    return between.count, between.place, False


def interrupted(name: str, kind: type[Exception], tries: int) -> dict[str, object]:
    """Interrupt one of the calls again and again; return what became of it."""
    with tempfile.TemporaryDirectory() as folder, VoltAgentSDK(exporter="local", local_path=f"{folder}/t.db") as sdk:
        call, ran[0] = calls(sdk)[name], 0
        work(0)
        for _ in range(3):  # the first time it imports and prepares things; and 3.12 traces few bytecodes at first
            number = steps(call, 0, kind)[0]
        found = [steps(call, at, kind)[1:] for at in range(1, number + 1, max(1, number // tries))]
        report = sdk.flush(timeout=PATIENCE)
        query = "SELECT count(*) FROM operations WHERE end_ns IS NOT NULL AND name = 'work'"
        without = [f"SELECT count(*) FROM {table} WHERE end_ns IS NULL" for table in ("traces", "operations")]
        with closing(sqlite3.connect(f"{folder}/t.db")) as store:
            ended: int = store.execute(query).fetchone()[0]
            running: int = sum(store.execute(one).fetchone()[0] for one in without)
        return {
            "running": running,
            "unended": ran[0] - ended,
            "interrupted": sum(place != "" for place, _ in found),
            "swallowed": [place for place, arrived in found if place and not arrived],
            "conserved": report.recorded == report.accepted + sum(report.dropped.values()) and not report.pending,
        }


if __name__ == "__main__":
    print(json.dumps({name: interrupted(name, ERRORS[sys.argv[1]], int(sys.argv[2])) for name in NAMES}))
