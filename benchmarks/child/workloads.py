"""What is called, and how long a call of it takes. A unit is one call, except for ``nested``: one whole trace.

All functions do next to nothing, so that what is measured is what a decorator adds. They are called inside an open
trace, except for ``outside`` and ``nested``, which open their own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import cached_property
from itertools import count, repeat
from time import perf_counter, thread_time
from typing import Any

from adapters import Contestant

LOOP = asyncio.new_event_loop()

# Times of one burst, for each unit, in µs: on the clock, and of this thread's processor time.
Burst = tuple[float, float]


def documents(size: int, words: str = "x") -> dict[str, Any]:
    """Return about ``size`` bytes of JSON payload: documents of these words, as from a retriever."""
    count = max(1, size // 256)
    text = (words * size)[: max(0, size // count - 56)]
    return {"documents": [{"id": number, "score": 0.5 + number / 1000, "text": text} for number in range(count)]}


class Workloads:
    """The measurable calls of one contestant, by name."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.decorate = contestant.decorate
        self.payload = documents(4096)
        self.lookup = self.decorate("tool", lookup)
        self.search = self.decorate("retriever", search)

    def cost(self, name: str, calls: int) -> Burst:
        """What one unit costs in a burst of ``calls``."""
        measure: Callable[[int], Burst] = getattr(self, name)
        return measure(calls)

    def sync(self, calls: int) -> Burst:
        function = self.lookup
        return self._inside(calls, lambda: _each(function, calls, "Istanbul", 3))

    def single(self, payload: str) -> Callable[[], Any]:
        """One call with a payload: ``small`` or ``4k``; with ``_words``, one that only mentions secrets.

        With ``_new``, each call has another payload: what is known of the last one does not help.
        """
        if payload == "small":
            return lambda: self.lookup("Istanbul", 3)
        if payload == "small_words":
            return lambda: self.lookup("the key to the password of Istanbul", 3)
        given = documents(4096, "my password is a token, and the key to it ") if "words" in payload else self.payload
        if not payload.endswith("_new"):
            return lambda: self.search(given)
        changing, search = given["documents"][-1], self.search
        number = count()

        def call() -> Any:
            changing["id"] = next(number)
            return search(given)

        return call

    def outside(self, calls: int) -> Burst:
        return _timed(calls, lambda: _each(self.lookup, calls, "Istanbul", 3))

    def payload_4k(self, calls: int) -> Burst:
        return self.payload_of(self.payload, calls)

    def payload_of(self, payload: dict[str, Any], calls: int) -> Burst:
        """One argument and one result of this payload."""
        function = self.search
        return self._inside(calls, lambda: _each(function, calls, payload))

    # Decorated once, as in a program: a first call, which may look at the signature, is no call of a burst.

    @cached_property
    def _service(self) -> Any:
        return type("Service", (), {"lookup": self.decorate("tool", lookup_method)})()

    @cached_property
    def _stream(self) -> Any:
        return self.decorate("tool", stream)

    @cached_property
    def _async_lookup(self) -> Any:
        return self.decorate("tool", async_lookup)

    @cached_property
    def _async_stream(self) -> Any:
        return self.decorate("tool", async_stream)

    @cached_property
    def _handle(self) -> Any:
        tool, find = self.lookup, self.decorate("retriever", search_small)

        def agent(question: str) -> str:
            find(question)
            tool("Istanbul", 1)
            tool("Ankara", 2)
            return tool("Izmir", 3)  # type: ignore[no-any-return]

        decorated_agent = self.decorate("agent", agent)

        def handle(question: str) -> str:
            return decorated_agent(question)  # type: ignore[no-any-return]

        return self.decorate("trace", handle)

    def method(self, calls: int) -> Burst:
        subject = self._service

        def loop() -> None:
            for _ in repeat(None, calls):
                subject.lookup("Istanbul", 3)

        return self._inside(calls, loop)

    def generator(self, calls: int) -> Burst:
        function = self._stream

        def loop() -> None:
            for _ in repeat(None, calls):
                for _ in function("Istanbul", 3):
                    pass

        return self._inside(calls, loop)

    def coroutine(self, calls: int) -> Burst:
        function = self._async_lookup

        async def loop() -> None:
            for _ in repeat(None, calls):
                await function("Istanbul", 3)

        return self._inside_async(calls, loop)

    def async_generator(self, calls: int) -> Burst:
        function = self._async_stream

        async def loop() -> None:
            for _ in repeat(None, calls):
                async for _ in function("Istanbul", 3):
                    pass

        return self._inside_async(calls, loop)

    def nested(self, calls: int) -> Burst:
        """A trace with an agent in it, and in that a retriever and three tools: six operations."""
        root = self._handle
        return _timed(calls, lambda: _each(root, calls, "What is the weather?"))

    def deep(self, depth: int, calls: int) -> Burst:
        """Measure calls inside ``depth`` open operations."""

        def descend(left: int) -> Any:
            if left:
                return level(left - 1)
            found.append(_timed(calls, lambda: _each(self.lookup, calls, "Istanbul", 3)))
            return None

        found: list[Burst] = []
        level = self.decorate("agent", descend)
        root = self.decorate("trace", lambda: descend(depth))
        root()
        return found[0]

    def threads(self, workers: int, calls: int) -> float:
        """Marked operations from many threads, each with a trace of its own; µs of wall time per operation."""

        def work(number: int) -> None:
            for place in range(number * calls, (number + 1) * calls):
                function(place)

        function, root = self.decorate("tool", marked), self.decorate("trace", work)
        group = [threading.Thread(target=root, args=(number,)) for number in range(workers)]
        started = perf_counter()
        for thread in group:
            thread.start()
        for thread in group:
            thread.join()
        return (perf_counter() - started) * 1e6 / (workers * calls)

    def tasks(self, workers: int, calls: int) -> float:
        """The same from tasks of one event loop, which take turns."""

        async def work(number: int) -> None:
            for place in range(number * calls, (number + 1) * calls):
                await function(place)

        async def gather() -> None:
            await asyncio.gather(*(root(number) for number in range(workers)))

        function, root = self.decorate("tool", async_marked), self.decorate("trace", work)
        started = perf_counter()
        LOOP.run_until_complete(gather())
        return (perf_counter() - started) * 1e6 / (workers * calls)

    def in_trace(self, body: Callable[[], None]) -> None:
        """Run ``body`` inside an open trace."""

        def run() -> None:
            body()

        self.decorate("trace", run)()

    def _inside(self, calls: int, loop: Callable[[], None]) -> Burst:
        found: list[Burst] = []
        self.in_trace(lambda: found.append(_timed(calls, loop)))
        return found[0]

    def _inside_async(self, calls: int, loop: Callable[[], Any]) -> Burst:
        found: list[Burst] = []

        async def run() -> None:
            started, cpu = perf_counter(), thread_time()
            await loop()
            found.append(((perf_counter() - started) * 1e6 / calls, (thread_time() - cpu) * 1e6 / calls))

        LOOP.run_until_complete(self.decorate("trace", run)())
        return found[0]


def _timed(calls: int, loop: Callable[[], None]) -> Burst:
    started, cpu = perf_counter(), thread_time()
    loop()
    return (perf_counter() - started) * 1e6 / calls, (thread_time() - cpu) * 1e6 / calls


def _each(function: Callable[..., Any], calls: int, *arguments: Any) -> None:
    if len(arguments) == 1:
        (only,) = arguments
        for _ in repeat(None, calls):
            function(only)
    else:
        first, second = arguments
        for _ in repeat(None, calls):
            function(first, second)


# The functions called.


def lookup(city: str, days: int) -> str:
    return city


def lookup_method(self: Any, city: str, days: int) -> str:
    return city


def search(query: dict[str, Any]) -> dict[str, Any]:
    return query


def search_small(query: str) -> list[str]:
    return ["first", "second"]


async def async_lookup(city: str, days: int) -> str:
    return city


def stream(city: str, days: int) -> Any:
    yield city
    yield days
    yield city


async def async_stream(city: str, days: int) -> Any:
    yield city
    yield days
    yield city


def marked(place: int) -> str:
    return f"out-{place:07d}"


async def async_marked(place: int) -> str:
    await asyncio.sleep(0)
    return f"out-{place:07d}"
