"""One contestant in its own process, with its own packages; takes commands as lines of JSON.

``python benchmarks/child ADAPTER URL FOLDER``. Each command is ``{"do": NAME, ...}``; each answer is one line of JSON.
The process ends with its input, without further cleanup, as many programs do.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import statistics
import sys
import time
import tracemalloc
from importlib.metadata import version
from pathlib import Path
from typing import Any

from adapters import Contestant, Place
from workloads import Workloads, documents

RATE = 2000  # paced calls per second
SHORT = 50  # calls of a burst that is repeated
TICK = 0.025  # seconds between two wakings of the paced program


class Commands:
    """The commands for a contestant; their parameters are those of the methods."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.workloads = Workloads(contestant)
        self.warm: set[str] = set()

    def about(self) -> dict[str, Any]:
        packages = {name: _version(name) for name in self.contestant.packages}
        return {"packages": packages, "skips": sorted(self.contestant.skips)}

    def cost(self, workload: str, share: float = 1.0) -> dict[str, list[float]]:
        """µs per call, burst by burst. Between two bursts all is delivered; that is not timed."""
        calls = max(10, int(self.contestant.burst * share) // (6 if workload == "nested" else 1))
        if workload not in self.warm:
            self.warm.add(workload)
            self.workloads.cost(workload, max(5, calls // 5))
            self.contestant.flush()
        bursts = [self._burst(workload, calls) for _ in range(self.contestant.bursts)]
        return {"wall": [wall for wall, _ in bursts], "cpu": [cpu for _, cpu in bursts]}

    def _burst(self, workload: str, calls: int) -> tuple[float, float]:
        gc.collect()
        burst = self.workloads.cost(workload, calls)
        self.contestant.flush()
        return burst

    def together(self, how: str, workers: int, calls: int) -> dict[str, float]:
        """Marked operations from many threads or tasks at once, then the delivery of them."""
        cost = getattr(self.workloads, how)(workers, calls)
        self.contestant.flush()
        return {"wall": cost, "delivered": self.contestant.delivered()}

    def paced(self, calls: int, payload: str = "small", rate: int = RATE) -> dict[str, float]:
        """CPU seconds of the whole process per 10 000 calls at a steady rate, delivery included."""
        call, each = self.workloads.single(payload), int(rate * TICK)

        def body() -> None:
            due = time.perf_counter()
            for _ in range(calls // each):
                for _ in range(each):
                    call()
                due += TICK
                time.sleep(max(0.0, due - time.perf_counter()))

        self._warm_up(payload, call)
        gc.collect()
        before = time.process_time()
        self.workloads.in_trace(body)
        self.contestant.flush()
        return {"cpu": (time.process_time() - before) / calls * 10_000}

    def steady(self, calls: int) -> dict[str, float]:
        """Mean and median µs of a call at 2000 a second, one by one, while what was recorded is delivered."""
        call, clock = self.workloads.single("small"), time.perf_counter
        cost: list[float] = []

        def body() -> None:
            due = clock()
            for _ in range(calls):
                before = clock()
                call()
                cost.append(clock() - before)
                due += 1 / RATE
                time.sleep(max(0.0, due - clock()))

        self._warm_up("small", call)
        gc.collect()
        self.workloads.in_trace(body)
        self.contestant.flush()
        return {"mean": statistics.fmean(cost) * 1e6, "median": statistics.median(cost) * 1e6}

    def _warm_up(self, payload: str, call: Any) -> None:
        if payload not in self.warm:
            self.warm.add(payload)
            self.workloads.in_trace(lambda: [call() for _ in range(100)] and None)
            self.contestant.flush()

    def drain(self, calls: int) -> dict[str, float]:
        """How fast a burst is delivered: events per second while nothing else runs, and per CPU second in all."""
        gc.collect()
        cpu = time.process_time()
        self.workloads.sync(calls)
        waiting, started = self.contestant.pending(), time.perf_counter()
        self.contestant.flush()
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        return {"per_second": waiting / wall if waiting > 0 else -1, "per_cpu_second": 2 * calls / cpu}

    def posts(self, count: int) -> dict[str, float]:
        """Requests per CPU second of a plain client in a loop."""
        post = self.contestant.post  # type: ignore[attr-defined]
        post()
        cpu = time.process_time()
        for _ in range(count):
            post()
        return {"per_cpu_second": count / (time.process_time() - cpu)}

    def steal(self, calls: int) -> dict[str, float]:
        """The program's own throughput while a full queue is drained, as a share of what it is alone."""
        _spin(0.1)
        before = _spin(0.3)
        self.workloads.sync(calls)
        waiting, during, spent = self.contestant.pending(), 0.0, 0.0
        started = time.perf_counter()
        while self.contestant.pending() > 512 and time.perf_counter() - started < 30:
            during += _spin(0.01) * 0.01
            spent += 0.01
        seconds = time.perf_counter() - started
        self.contestant.flush()
        alone = (before + _spin(0.3)) / 2
        return {"share": during / spent / alone if spent else 1.0, "waiting": waiting, "seconds": seconds}

    def memory(self, calls: int, size: int) -> dict[str, float]:
        """Bytes of memory per waiting event, and the bytes of JSON that such an event carries."""
        contestant: Any = self.contestant
        # a text of its own for every call: what the program would share is not free to us
        texts = [f"{number:08d}" + "x" * max(0, size - 8) for number in range(calls)]
        function = self.workloads.decorate("tool", _echo)
        self.workloads.in_trace(lambda: [function(text) for text in texts[:600]] and None)
        contestant.flush()
        contestant.hold()
        gc.collect()
        resident = _resident()
        tracemalloc.start()
        self.workloads.in_trace(lambda: [function(text) for text in texts] and None)
        gc.collect()
        used, waiting = tracemalloc.get_traced_memory()[0], contestant.pending()
        tracemalloc.stop()
        resident = _resident() - resident
        contestant.flush()
        encoded = len(json.dumps({"text": texts[0]})) / 2 + len(json.dumps({"result": texts[0]})) / 2
        return {"bytes": used / waiting, "encoded": encoded, "resident": resident / waiting, "waiting": waiting}

    def payload(self, count: int) -> dict[str, Any]:
        """Growth: the cost of a call with an argument and a result of ``count`` bytes of JSON."""
        payload = documents(count)
        calls = max(20, min(500, 4_000_000 // count))
        bursts = [self._grown(lambda: self.workloads.payload_of(payload, calls), times=1) for _ in range(3)]
        return {"cost": bursts, "bytes": len(json.dumps(payload, separators=(",", ":")))}

    def depth(self, count: int) -> dict[str, list[float]]:
        """Growth: the cost of a call inside ``count`` open operations."""
        sys.setrecursionlimit(20_000)
        # CPython allocates frames in chunks; a call at the edge of one pays for the next: hence neighbouring depths
        return {"cost": [self._grown(lambda more=more: self.workloads.deep(count + more, SHORT)) for more in (0, 3, 6)]}

    def traces(self, count: int) -> dict[str, list[float]]:
        """Growth: the cost of a call while ``count`` other traces are open."""
        sdk: Any = self.contestant.sdk  # type: ignore[attr-defined]
        traces = [sdk.trace(agent_id="open") for _ in range(count)]
        self.contestant.flush()
        cost = [self._grown(lambda: self.workloads.sync(SHORT)) for _ in range(3)]
        for trace in traces:
            trace.end()
        self.contestant.flush()
        return {"cost": cost}

    def queue(self, count: int) -> dict[str, list[float]]:
        """Growth: the cost of a call while ``count`` events wait."""
        contestant: Any = self.contestant
        cost = []
        for _ in range(3):
            contestant.hold()
            if count:
                self.workloads.sync(count // 2)
            cost.append(self._grown(lambda: self.workloads.sync(SHORT)))
        return {"cost": cost}

    def threads(self, count: int, calls: int = 1600) -> dict[str, list[float]]:
        """Growth: wall time per call with ``count`` threads at once."""
        cost = []
        for _ in range(3):
            cost.append(self.workloads.threads(count, calls // count))
            self.contestant.flush()
        return {"cost": cost}

    def calls(self, count: int) -> dict[str, float]:
        """Make ``count`` calls without a flush; the effect is measured from outside."""
        raised = 0
        started = time.perf_counter()
        for _ in range(max(1, count // 1000)):
            try:
                self.workloads.sync(min(1000, count))
            except Exception:
                raised += 1
        return {"wall": (time.perf_counter() - started) * 1e6 / count, "raised": raised}

    def _grown(self, measure: Any, times: int = 10) -> float:
        """The least of some short bursts: what disturbs one, such as the other half of a shared core, adds to it."""
        gc.collect()
        # processor time of this thread: what other processes do meanwhile is no growth of ours
        cost: float = min(measure()[1] for _ in range(times))
        self.contestant.flush()
        return cost


def _version(package: str) -> str:
    # a checkout that is not installed has no metadata, but its module says it
    stated = getattr(sys.modules.get(package), "__version__", None)
    return stated if isinstance(stated, str) else version(package)


def _echo(text: str) -> str:
    return text


def _spin(seconds: float) -> float:
    """Rounds per second of plain Python work."""
    rounds, started = 0, time.perf_counter()
    while (now := time.perf_counter()) - started < seconds:
        sum(range(200))
        rounds += 1
    return rounds / (now - started)


def _resident() -> int:
    """Bytes of memory of this process, where the system says (Linux), else 0."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def main(adapter: str, url: str, folder: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a contestant prints is no answer
    contestant = importlib.import_module(f"adapters.{adapter}").Adapter(Place(url, folder))
    commands = Commands(contestant)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(commands, command.pop("do"))(**command)
        except Exception as exc:  # the run goes on without this figure, and says so
            answer = {"failed": f"{type(exc).__name__}: {exc}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
