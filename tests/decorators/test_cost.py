"""What a recorded call costs on the caller's thread, in Python functions that run: a number that no load changes."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from types import FrameType

import voltagent
from tests.helpers.memory import Memory


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
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return len(names) - 1


def let_sender_begin(sdk: voltagent.VoltAgentSDK) -> None:
    """Wait until the sender's thread runs: as long as it does not, each call looks whether it does."""
    for _ in range(2):  # the second time, the thread has ended the round in which it began
        with sdk.trace(agent_id="cost"):
            pass
        sdk.flush()


# The functions of the program count, too. A larger number makes each call of every program slower, unless the function
# takes less time than what it replaces: the one that names the arguments takes a third of `dict(zip(...))`.
IN_A_TRACE = {sync_call: 12, method_call: 14, async_call: 13, agent_call: 23}
OUTSIDE = {sync_call: 25, agent_call: 36}


def counted() -> dict[str, dict[str, int]]:
    """What a program finds that uses nothing else: run in a process of its own."""
    found: dict[str, dict[str, int]] = {"in a trace": {}, "outside": {}}
    with voltagent.VoltAgentSDK(exporter=Memory()) as sdk:
        let_sender_begin(sdk)
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


def test_a_call_runs_few_functions() -> None:
    code = "import json; from tests.decorators.test_cost import counted; print(json.dumps(counted()))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert json.loads(ran.stdout) == {
        "in a trace": {call.__name__: number for call, number in IN_A_TRACE.items()},
        "outside": {call.__name__: number for call, number in OUTSIDE.items()},
    }
