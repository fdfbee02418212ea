"""Raise in a signal handler at one place after another of calls: ``python -m tests.helpers.signal_steps KIND TRIES``.

As a time limit of the program does. Prints a JSON object: for each call, at how many places of this library it was
raised, at which of them it did not reach the caller, and whether all was counted. In a process of its own, as what is
raised at a bytecode that belongs to no line has a traceback that makes pytest's report fail.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from datetime import datetime
from functools import partial
from types import FrameType

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.interrupts import ERRORS
from tests.helpers.pace import PATIENCE
from voltagent import VoltAgentSDK, tool


class Failed(Exception):
    """What a decorated function raises."""


@tool
def work(value: object) -> object:
    if isinstance(value, Exception):
        raise value
    return value


@tool
def items(value: object) -> Iterator[object]:
    yield value


def failing() -> None:
    with suppress(Failed):
        work(Failed("a"))


def calls(sdk: VoltAgentSDK) -> dict[str, Callable[[], object]]:
    return {
        "plain": lambda: work({"a": 1}),
        "slow path": lambda: work([{1, 2}, "\ud800", b"x", datetime(2026, 1, 1), {1: object()}]),
        "failing": failing,
        "generator": lambda: list(items(1)),
        "flush": lambda: sdk.flush(timeout=5),
        "stats": sdk.stats,
    }


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
        call = calls(sdk)[name]
        for _ in range(3):  # the first time it imports and prepares things; and 3.12 traces few bytecodes at first
            number = steps(call, 0, kind)[0]
        found = [steps(call, at, kind)[1:] for at in range(1, number + 1, max(1, number // tries))]
        report = sdk.flush(timeout=PATIENCE)
        return {
            "interrupted": sum(place != "" for place, _ in found),
            "swallowed": [place for place, arrived in found if place and not arrived],
            "conserved": report.recorded == report.accepted + sum(report.dropped.values()) and not report.pending,
        }


if __name__ == "__main__":
    names = ("plain", "slow path", "failing", "generator", "flush", "stats")
    print(json.dumps({name: interrupted(name, ERRORS[sys.argv[1]], int(sys.argv[2])) for name in names}))
