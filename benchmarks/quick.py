"""What a decorated call costs beside the floor, in seconds rather than minutes: ``python -m benchmarks.quick``.

The compass while working on the caller's side. The whole comparison, with the peers, is ``python -m benchmarks``.
Rounds of all contestants are interleaved and medians taken, so a noisy machine disturbs all alike; only the ratios mean
something. The exporter discards, bursts fit the queue, and it is flushed between them, outside the measured time.
Time is processor time of the calling thread, so that other programs count as little as they can.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any

import wrapt
from pydantic_core import to_json

import voltagent
from voltagent import agent, retriever, tool, trace
from voltagent.core import context
from voltagent.core.span import SpanEvent
from voltagent.exporters import ACCEPTED, Outcome

BURST = 400
MESSAGES = [{"role": "user", "content": "x" * 180} for _ in range(20)]  # 4 KB as JSON


class Discarding:
    """An exporter that takes everything and keeps nothing."""

    name = "discarding"

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        return [ACCEPTED] * len(batch)

    def forget(self, trace_id: int | str) -> None: ...

    def after_fork(self) -> None: ...

    def close(self) -> None: ...


# The floor, as in peers.md.

_current: ContextVar[Any] = ContextVar("floor", default=None)
_queue: deque[Any] = deque(maxlen=10_000)
_bits = random.Random().getrandbits
_now = time.time_ns


def floor(function: Any) -> Any:
    """A context variable, two clock reads, an id, two JSON texts, two appends."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]

    def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        identifier = _bits(128)
        token = _current.set(identifier)
        _queue.append((identifier, _now(), to_json({**dict(zip(names, args, strict=False)), **kwargs})))
        try:
            result = wrapped(*args, **kwargs)
        finally:
            _current.reset(token)
        _queue.append((identifier, _now(), to_json(result)))
        return result

    async def call_async(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        identifier = _bits(128)
        token = _current.set(identifier)
        _queue.append((identifier, _now(), to_json({**dict(zip(names, args, strict=False)), **kwargs})))
        try:
            result = await wrapped(*args, **kwargs)
        finally:
            _current.reset(token)
        _queue.append((identifier, _now(), to_json(result)))
        return result

    is_async = function.__code__.co_flags & 0x80
    return wrapt.FunctionWrapper(function, call_async if is_async else call)


def passing(function: Any) -> Any:
    """wrapt alone."""
    return wrapt.FunctionWrapper(function, lambda wrapped, instance, args, kwargs: wrapped(*args, **kwargs))


def bare(function: Any) -> Any:
    return function


# The workloads.


class Workload:
    """The same functions under one contestant's decorators."""

    def __init__(self, on_tool: Any, on_retriever: Any, on_agent: Any, on_trace: Any) -> None:
        def small(city: str, units: str) -> dict[str, int]:
            return {"celsius": 3}

        async def small_async(city: str, units: str) -> dict[str, int]:
            return {"celsius": 3}

        def large(messages: Any) -> Any:
            return messages

        def search(query: str, k: int) -> list[str]:
            return ["a", "b"]

        def items(number: int) -> Any:
            yield from range(number)

        class Thing:
            def method(self, city: str, units: str) -> dict[str, int]:
                return {"celsius": 3}

            method = on_tool(method)

        self.small, self.small_async, self.large = on_tool(small), on_tool(small_async), on_tool(large)
        self.method, self.search = Thing().method, on_retriever(search)
        self.items = on_tool(items)
        self.thing = Thing()

        def assistant(question: str) -> str:
            self.search(question, 5)
            for _ in range(3):
                self.small("Berlin", "c")
            return "answer"

        inner = on_agent(assistant)
        self.flow = on_trace(lambda question: inner(question))

    def sync_calls(self) -> None:
        call = self.small
        for _ in range(BURST):
            call("Berlin", "c")

    def method_calls(self) -> None:
        thing = self.thing
        for _ in range(BURST):
            thing.method("Berlin", "c")

    async def async_calls(self) -> None:
        call = self.small_async
        for _ in range(BURST):
            await call("Berlin", "c")

    def large_calls(self) -> None:
        call = self.large
        for _ in range(BURST // 4):
            call(MESSAGES)

    def flows(self) -> None:
        call = self.flow
        for _ in range(BURST // 8):
            call("why")

    def generators(self) -> None:
        call = self.items
        for _ in range(BURST // 8):
            for _ in call(10):
                pass


def as_coroutine(work: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: run(work())


def run(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Drive a coroutine that never really waits: without the cost of a loop's start in the figures."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


CASES: dict[str, tuple[str, int]] = {
    "W1 sync": ("sync_calls", BURST),
    "W2 async": ("async_calls", BURST),
    "W3 4 KB": ("large_calls", BURST // 4),
    "W4 nested": ("flows", BURST // 8),
    "method": ("method_calls", BURST),
    "generator": ("generators", BURST // 8),
    "W1 outside": ("sync_calls", BURST),
    "W1 off": ("sync_calls", BURST),
    "method off": ("method_calls", BURST),
}


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds per call: case -> contestant -> median."""
    sdk = voltagent.VoltAgentSDK(exporter=Discarding())
    contestants = {
        "bare": Workload(bare, bare, bare, bare),
        "wrapt": Workload(passing, passing, passing, passing),
        "floor": Workload(floor, floor, floor, floor),
        "voltagent": Workload(tool, retriever, agent, trace),
    }
    samples: dict[str, dict[str, list[float]]] = {case: {name: [] for name in contestants} for case in CASES}
    live = list(context.ACTIVE)
    for _ in range(rounds):
        for case, (work, number) in CASES.items():
            for name, contestant in contestants.items():
                method = getattr(contestant, work)
                body = as_coroutine(method) if work == "async_calls" else method
                root = None if "outside" in case or case == "W4 nested" else sdk.trace(agent_id="bench")
                context.CURRENT.set(None if root is None else root._span)
                context.ACTIVE[:] = [] if "off" in case else live
                started = time.thread_time()
                body()
                samples[case][name].append((time.thread_time() - started) / number * 1e6)
                context.ACTIVE[:] = live
                if root is not None:
                    root.end()
                sdk.flush()
                _queue.clear()
    sdk.shutdown()
    return {case: {name: statistics.median(found) for name, found in row.items()} for case, row in samples.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    found = measure(parser.parse_args().rounds)
    print(f"Python {sys.version.split()[0]}, wrapt {wrapt.__version__}; microseconds per call, medians\n")
    print(f"{'':12}" + "".join(f"{name:>11}" for name in ("bare", "wrapt", "floor", "voltagent", "x floor")))
    for case, row in found.items():
        figures = "".join(f"{row[name]:11.3f}" for name in ("bare", "wrapt", "floor", "voltagent"))
        print(f"{case:12}{figures}{row['voltagent'] / row['floor']:11.2f}")
    print(f"\nW1 outside / W1: {found['W1 outside']['voltagent'] / found['W1 sync']['voltagent']:.2f} (target 2.0)")
    for case in ("W1 off", "method off"):
        print(f"{case} over bare: {found[case]['voltagent'] - found[case]['bare']:.3f} us (target 0.2, methods 0.4)")


if __name__ == "__main__":
    main()
