"""What a recorded call costs on the caller's thread, in Python functions that run: a number that no load changes."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

import voltagent
from tests.helpers.memory import Memory
from tests.helpers.pace import PATIENCE
from voltagent.core.kept_contexts import drop_contexts


@voltagent.tool
def weather(city: str, units: str) -> dict[str, int]:
    return {"celsius": 3}


@voltagent.tool
async def weather_async(city: str, units: str) -> dict[str, int]:
    return {"celsius": 3}


@voltagent.agent
def assistant(question: str) -> str:
    weather("Berlin", "c")
    return "cold"


class Station:
    @voltagent.tool
    def weather(self, city: str, units: str) -> dict[str, int]:
        return {"celsius": 3}


station = Station()


def sync_call() -> object:
    return weather("Berlin", "c")


def method_call() -> object:
    return station.weather("Berlin", "c")


def async_call() -> object:
    coroutine = weather_async("Berlin", "c")
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def agent_call() -> object:
    return assistant("why")


def functions_run_by(work: Callable[[], object]) -> int:
    """How many Python functions run in this thread, ``work`` itself not counted."""
    names: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            names.append(frame.f_code.co_name)

    before = sys.getprofile()
    gc.disable()  # finalizers of earlier tests would count
    drop_contexts()  # else, before Python 3.12, the first call after a collection does
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return len(names) - 1


@contextmanager
def held_sender() -> Iterator[voltagent.VoltAgentSDK]:
    """An SDK whose sender waits for its destination meanwhile: what it does, and when, changes what calls look at.

    As long as its thread does not run, each call looks whether it does; and the first one after it has nothing left to
    do wakes it.
    """
    memory = Memory()
    with voltagent.VoltAgentSDK(exporter=memory) as sdk:
        memory.gate.clear()
        try:
            with sdk.trace(agent_id="cost"):
                pass
            sdk.flush(timeout=0)
            assert memory.entered.wait(PATIENCE)
            yield sdk
        finally:
            memory.gate.set()


# The functions of the program count, too. A larger number makes each call of every program slower, unless the function
# takes less time than what it replaces: the one that names the arguments takes a third of `dict(zip(...))`.
IN_A_TRACE = {sync_call: 12, method_call: 14, async_call: 13, agent_call: 23}
OUTSIDE = {sync_call: 25, agent_call: 36}


def counted() -> dict[str, dict[str, int]]:
    """What a program finds that uses nothing else: run in a process of its own."""
    found: dict[str, dict[str, int]] = {"in a trace": {}, "outside": {}}
    with held_sender() as sdk:
        for call in OUTSIDE:
            call()
            call()  # the first calls look at annotations and at the classes of results
            found["outside"][call.__name__] = functions_run_by(call)
        with sdk.trace(agent_id="cost"):
            for call in IN_A_TRACE:
                call()
                call()
                found["in a trace"][call.__name__] = functions_run_by(call)
    return found


@pytest.mark.parametrize("threshold", [700, 3], ids=["usual", "many-collections"])
def test_a_call_runs_few_functions(threshold: int) -> None:
    code = (
        f"import gc, json; from tests.decorators.test_cost import counted; gc.set_threshold({threshold}); "
        "print(json.dumps(counted()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert json.loads(ran.stdout) == {
        "in a trace": {call.__name__: number for call, number in IN_A_TRACE.items()},
        "outside": {call.__name__: number for call, number in OUTSIDE.items()},
    }
