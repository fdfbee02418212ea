"""Threads and pools of threads record under the operation that handed the work over, if that is requested."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest

import voltagent
from tests.helpers.memory import Memory
from voltagent.core.span import Phase


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def sdk(memory: Memory) -> Iterator[voltagent.VoltAgentSDK]:
    names = ["concurrent.futures", "threading", "multiprocessing"]
    with voltagent.VoltAgentSDK(exporter=memory, instrument=names) as sdk:
        yield sdk
    voltagent.uninstrument()


@voltagent.tool
def step(_: object = None) -> None: ...


def thread() -> None:
    started = threading.Thread(target=step)
    started.start()
    started.join()


def executor() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(step).result()


def executor_map() -> None:
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(step, [1]))


def pool_apply() -> None:
    with ThreadPool(1) as pool:
        pool.apply_async(step).get()


def pool_map() -> None:
    with ThreadPool(1) as pool:
        pool.map(step, [1])


@pytest.mark.parametrize("hand_over", [thread, executor, executor_map, pool_apply, pool_map])
def test_work_that_is_handed_over_keeps_its_parent(
    hand_over: Callable[[], Any], sdk: voltagent.VoltAgentSDK, memory: Memory
) -> None:
    voltagent.agent(name="above")(hand_over)()
    spans = _ended(sdk, memory)
    (tool,) = [span for span in spans if span.kind == "tool"]
    assert (tool.parent.kind, tool.parent.name) == ("agent", "above")


def test_a_thread_of_a_pool_does_not_keep_the_operation_that_started_it(
    sdk: voltagent.VoltAgentSDK, memory: Memory
) -> None:
    with ThreadPoolExecutor(1) as pool:
        voltagent.agent(name="above")(lambda: pool.submit(step).result())()
        pool.submit(step).result()
    _, second = [span for span in _ended(sdk, memory) if span.kind == "tool"]
    assert second.parent.parent is None


def test_uninstrument_restores_the_classes() -> None:
    before = threading.Thread.__dict__["start"], ThreadPoolExecutor.__dict__["submit"]
    voltagent.instrument("threading", "concurrent.futures")
    voltagent.instrument("threading")
    assert threading.Thread.__dict__["start"] is not before[0]
    voltagent.uninstrument()
    assert (threading.Thread.__dict__["start"], ThreadPoolExecutor.__dict__["submit"]) == before


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'openai'.*google-genai"):
        voltagent.instrument("opnai")


def _ended(sdk: voltagent.VoltAgentSDK, memory: Memory) -> list[Any]:
    sdk.flush()
    return [span for phase, span, _ in memory.accepted if phase is Phase.END]
