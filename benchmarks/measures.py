"""Measure all contestants in alternating rounds, so that other load on the machine affects all of them alike.

A result is a mapping ``measure -> contestant -> figures``; figures are lists with one number per round.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.environments import environment, interpreter
from benchmarks.processes import Child, ChildError, Sink

__all__ = ["DELIVERY", "GROWTH", "MEASURES", "PARTS", "WORKLOADS", "Effort", "Run"]

WORKLOADS = ("sync", "coroutine", "generator", "async_generator", "method", "payload_4k", "nested", "outside")
PACED = {
    "paced": ("small", 2000),
    "paced_words": ("small_words", 2000),
    "paced_4k": ("4k", 1000),
    "paced_4k_words": ("4k_words", 1000),
    "paced_4k_new": ("4k_new", 1000),
    "paced_4k_words_new": ("4k_words_new", 1000),
}  # measure -> payload, and calls per second
PARTS = ("threads", "tasks", *PACED, "steady", "drain", "steal", "memory", "dead", "import", "growth")
MEASURES = (*WORKLOADS, *PARTS)
# What `--only delivery` stands for: who is measured, and what
DELIVERY = (
    ("floor", "floor + sender", "ours local", "ours REST", "ours OTLP", "ours held", "httpx loop", "OpenTelemetry"),
    ("payload_4k", "nested", *PACED, "steady", "drain", "steal", "growth"),
)

# axis of growth -> how far along it, and who is measured
GROWTH: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "payload": ((256, 1024, 4096, 16_384, 65_536, 262_144), ("floor", "ours held", "OpenTelemetry")),
    "depth": ((1, 4, 16, 64, 128), ("floor", "ours held", "OpenTelemetry")),
    "threads": ((1, 2, 4, 8, 16), ("floor", "ours held", "OpenTelemetry")),
    "queue": ((0, 1000, 5000, 15_000, 40_000), ("ours held",)),
    "traces": ((0, 10, 100, 1000, 10_000), ("ours held",)),
}

_GROWTH_ROUNDS = 4  # at least, also in a short run: one point that was disturbed looks like growth

_IMPORT = """
import os, time
def resident():
    try:
        return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
memory, started = resident(), time.perf_counter()
{statement}
print((time.perf_counter() - started) * 1e3, (resident() - memory) / 2**20, flush=True)
os._exit(0)
"""


@dataclass(frozen=True)
class Effort:
    """How much is done; ``rounds`` of the cheap measures, a third of it of the others."""

    rounds: int = 9
    share: float = 1.0  # of a contestant's burst
    paced: int = 10_000
    steady: int = 60_000  # half a minute
    drained: int = 10_000
    requests: int = 1000
    workers_calls: int = 3200
    pending: int = 20_000
    abandoned: int = 50_000
    patience: float = 60.0  # seconds that a program may take to end

    @classmethod
    def quick(cls, rounds: int) -> Effort:
        return cls(rounds, 0.2, 2000, 10_000, 2000, 200, 800, 4000, 2000, 8.0)

    @property
    def few(self) -> int:
        return max(1, self.rounds // 3)


@dataclass
class Run:
    """One run: the contestants that could be started, and what was measured so far."""

    names: Sequence[str]
    measures: Sequence[str]
    effort: Effort
    say: Callable[[str], None]
    results: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    growth: dict[str, dict[str, list[list[float]]]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    about: dict[str, dict[str, str]] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    unable: dict[str, frozenset[str]] = field(default_factory=dict)

    def go(self) -> None:
        """Start all, measure in turns, stop all."""
        self.sink = Sink([contestant.name for contestant in CONTESTANTS])
        try:
            for contestant in CONTESTANTS:
                if contestant.name in self.names:
                    self._start(contestant)
            for number in range(self.effort.rounds):
                self._round(number)
            if "dead" in self.measures:
                self._dead()
            if "growth" in self.measures:
                self._growth()
        finally:
            for child in self.children.values():
                child.stop()
            self.sink.stop()

    def _start(self, contestant: Contestant) -> None:
        name = contestant.name
        child = None
        try:
            child = Child(contestant, self.sink.url(name))
            about = child.ask("about")
        except (OSError, subprocess.SubprocessError, ChildError) as exc:
            if child is not None:
                child.stop()
            reason = (getattr(exc, "stderr", None) or str(exc)).strip().splitlines()
            self.skipped[name] = f"cannot be run here: {reason[-1] if reason else type(exc).__name__}"
            self.say(f"skipped: {name} {self.skipped[name]}")
            self.children.pop(name, None)
            return
        self.children[name] = child
        self.about[name] = about["packages"]
        self.unable[name] = frozenset(about["skips"])

    # The rounds.

    def _round(self, number: int) -> None:
        self.say(f"round {number + 1} of {self.effort.rounds}")
        for workload in WORKLOADS:
            if workload in self.measures:
                for child in self._turns(number):
                    if workload not in self.unable[child.contestant.name]:
                        self._note(workload, child, "cost", workload=workload, share=self.effort.share)
        if "import" in self.measures:
            self._imports()
        if number < self.effort.few:
            self._seldom(number)

    def _seldom(self, number: int) -> None:
        effort = self.effort
        for measure, (payload, rate) in PACED.items():
            if measure in self.measures:
                for child in self._turns(number):
                    calls = effort.paced if rate == 2000 else effort.paced // 2
                    self._note(measure, child, "paced", calls=calls, payload=payload, rate=rate)
        if "steady" in self.measures and "ours local" in self.children:
            self._note("steady", self.children["ours local"], "steady", calls=effort.steady)
        for how, workers in (("threads", 16), ("tasks", 200)):
            if how in self.measures:
                for child in self._turns(number):
                    self._together(child, how, workers, max(1, effort.workers_calls // workers))
        if "drain" in self.measures:
            for child in self._turns(number):
                if child.contestant.delivers:
                    slow = child.contestant.name not in ("ours local", "ours OTLP", "floor + sender", "OpenTelemetry")
                    self._note("drain", child, "drain", calls=effort.requests if slow else effort.drained)
            if "httpx loop" in self.children:
                self._note("drain", self.children["httpx loop"], "posts", count=2 * effort.requests)
        if "steal" in self.measures and "ours local" in self.children:
            self._note("steal", self.children["ours local"], "steal", calls=5 * effort.pending // 4 - 1000)
        if "memory" in self.measures and "ours held" in self.children:
            for size in (16, 512, 4096):
                child = self.children["ours held"]
                self._note(f"memory {size}", child, "memory", calls=min(effort.pending, 4000), size=size)

    def _turns(self, number: int) -> Iterator[Child]:
        """The contestants of the tables, each round beginning with another one."""
        children = [child for child in self.children.values() if child.contestant.costs]
        first = number % len(children) if children else 0
        yield from children[first:] + children[:first]

    def _note(self, measure: str, child: Child, do: str, **parameters: Any) -> None:
        name = child.contestant.name
        try:
            answer = child.ask(do, **parameters)
        except ChildError as exc:
            self._failed(measure, name, exc)
            if name not in self.children:
                return
            try:  # once more, with nothing before it
                answer = self.children[name].ask(do, **parameters)
            except ChildError as again:
                self._failed(measure, name, again)
                return
        figures = self.results.setdefault(measure, {}).setdefault(name, {})
        for key, value in answer.items():
            figures.setdefault(key, []).append(median(value) if isinstance(value, list) else value)

    def _together(self, child: Child, how: str, workers: int, calls: int) -> None:
        name = child.contestant.name
        self.sink.count(name)
        self._note(how, child, "together", how=how, workers=workers, calls=calls)
        arrived = self.sink.counted(name)
        figures = self.results.get(how, {}).get(name)
        if figures is None:
            return
        delivered = figures["delivered"].pop()
        if child.contestant.delivers:
            figures["delivered"].append(100 * (delivered if delivered >= 0 else arrived) / (workers * calls))

    def _failed(self, measure: str, name: str, exc: ChildError) -> None:
        """Report it, and continue with a fresh process: the old one may still be busy and disturb the next measure."""
        self.skipped[f"{name}: {measure}"] = str(exc)
        self.say(f"failed: {name}, {measure}: {exc}")
        child = self.children[name]
        child.stop()
        self._start(child.contestant)

    # In processes of their own.

    def _imports(self) -> None:
        baseline = Contestant("wrapt and pydantic", "", statement="import wrapt, pydantic")
        wanted = [contestant for contestant in CONTESTANTS if contestant.name in self.children]
        for contestant in (baseline, *wanted):
            if contestant.statement is not None:
                milliseconds, megabytes = _import(contestant, contestant.statement)
                figures = self.results.setdefault("import", {}).setdefault(contestant.name, {})
                figures.setdefault("ms", []).append(milliseconds)
                figures.setdefault("mb", []).append(megabytes)

    def _dead(self) -> None:
        """Measure the cost of calls, and how long the program takes to end, if the destination refuses connections."""
        for child in list(self.children.values()):
            contestant = child.contestant
            if not contestant.delivers or contestant.name == "ours local":
                continue
            self.say(f"dead destination: {contestant.name}")
            with refusing_port() as url:
                lost = Child(contestant, url)
                try:
                    answer = lost.ask("calls", count=self.effort.abandoned)
                except ChildError as exc:
                    lost.stop()
                    self._failed("dead", contestant.name, exc)
                    continue
                seconds = lost.leave(self.effort.patience)
            self.results.setdefault("dead", {})[contestant.name] = {
                "wall": [answer["wall"]],
                "raised": [answer["raised"]],
                "exit": [self.effort.patience if seconds is None else seconds],
                "ended": [float(seconds is not None)],
            }

    # Growth.

    def _growth(self) -> None:
        for axis, (values, names) in GROWTH.items():
            self.say(f"growth: {axis}")
            for name in names:
                if name in self.children:
                    self._grow(axis, values, self.children[name])

    def _grow(self, axis: str, values: Sequence[int], child: Child) -> None:
        found: dict[int, list[float]] = {}
        at: dict[int, float] = {}
        for number in range(max(_GROWTH_ROUNDS, self.effort.few)):
            for value in values if number % 2 == 0 else reversed(values):  # a machine that slows down is no growth
                try:
                    answer = child.ask(axis, count=value)
                except ChildError as exc:
                    self._failed(f"growth by {axis}", child.contestant.name, exc)
                    return
                found.setdefault(value, []).extend(answer["cost"])
                at[value] = answer.get("bytes", value)
        # the least, as all that disturbs a measurement adds to it: on a shared processor a median has steps of a half
        points = [[at[value], min(costs)] for value, costs in found.items()]
        self.growth.setdefault(axis, {})[child.contestant.name] = points


@contextmanager
def refusing_port() -> Iterator[str]:
    """Yield the URL of a bound port without a listener: it refuses connections."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


def _import(contestant: Contestant, statement: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(interpreter(contestant)), "-c", _IMPORT.format(statement=statement)],
            env={**environment(contestant), "HOME": folder},
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
    milliseconds, megabytes = done.stdout.split()[-2:]
    return float(milliseconds), float(megabytes)
