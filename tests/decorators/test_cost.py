"""What a recorded call costs on the caller's thread, in Python functions that run: a number that no load changes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import pytest

import voltagent
from voltagent.core.span import SpanEvent
from voltagent.exporters import ACCEPTED, Outcome


class Discarding:
    name = "discarding"

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        return [ACCEPTED] * len(batch)

    def forget(self, trace_id: int | str) -> None: ...

    def after_fork(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[voltagent.VoltAgentSDK]:
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)  # a program without it
    made = voltagent.VoltAgentSDK(exporter=Discarding())
    yield made
    made.shutdown()


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


# The functions of the program count, too. A larger number makes each call of every program slower.
IN_A_TRACE = {sync_call: 14, method_call: 15, async_call: 15, agent_call: 29}
OUTSIDE = {sync_call: 27, agent_call: 42}


@pytest.mark.parametrize("call", IN_A_TRACE)
def test_a_call_in_a_trace_runs_few_functions(sdk: voltagent.VoltAgentSDK, call: Callable[[], object]) -> None:
    with sdk.trace(agent_id="cost"):
        call()
        call()  # the first calls look at annotations and at the classes of results
        assert functions_run_by(call) == IN_A_TRACE[call]


@pytest.mark.parametrize("call", OUTSIDE)
def test_a_call_that_opens_a_trace_runs_few_functions(sdk: voltagent.VoltAgentSDK, call: Callable[[], object]) -> None:
    call()
    call()
    assert functions_run_by(call) == OUTSIDE[call]
