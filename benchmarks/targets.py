"""What must hold, as ratios within one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from benchmarks.table import Results, figure

__all__ = ["Verdict", "verdicts"]

FLAT = 1.1  # the most that a cost may grow along an axis of which it should be independent


@dataclass(frozen=True)
class Verdict:
    """One target and its measured value; ``value`` is None if it was not measured."""

    text: str
    value: float | None
    limit: float
    most: bool = True  # whether the limit is an upper bound, else a lower one
    note: str = ""

    @property
    def holds(self) -> bool | None:
        if self.value is None:
            return None
        return self.value <= self.limit if self.most else self.value >= self.limit

    def __str__(self) -> str:
        word = {True: "holds  ", False: "MISSED ", None: "unknown"}[self.holds]
        measured = "not measured" if self.value is None else f"{self.value:,.2f}"
        return f"{word}  {self.text} {'≤' if self.most else '≥'} {self.limit:,.4g}: {measured}{self.note}"


def verdicts(document: Mapping[str, Any]) -> list[Verdict]:
    """All targets of the run."""
    results: Results = document["results"]
    return [*_costs(results), *_off(results), *_delivery(results), *_footprint(results), *_growth(document["growth"])]


def _costs(results: Results) -> Iterator[Verdict]:
    ours = "ours local"
    yield _ratio(results, "call / floor", ("sync", ours), ("sync", "floor"), 2.2)
    yield _ratio(results, "OpenTelemetry / call", ("sync", "OpenTelemetry"), ("sync", ours), 8, most=False)
    yield _ratio(results, "async call / floor", ("coroutine", ours), ("coroutine", "floor"), 2.2)
    yield _ratio(results, "4 KB in and out / floor", ("payload_4k", ours), ("payload_4k", "floor"), 1.8)
    yield _ratio(results, "nested / floor + sender", ("nested", ours), ("nested", "floor + sender"), 1.8)
    yield _ratio(results, "OpenTelemetry / nested", ("nested", "OpenTelemetry"), ("nested", ours), 10, most=False)
    yield _ratio(results, "call outside any trace / call", ("outside", ours), ("sync", ours), 2)


def _off(results: Results) -> Iterator[Verdict]:
    for what, workload in (("call", "sync"), ("method", "method")):
        title = f"{what} without an SDK / pass-through"
        yield _ratio(results, title, (workload, "ours no SDK"), (workload, "wrapt pass-through"), 1.5)
    for what, workload, limit in (("call", "sync", 0.2), ("method", "method", 0.4)):
        off, bare = figure(results, workload, "ours off"), figure(results, workload, "bare call")
        value = off - bare if off is not None and bare is not None else None
        yield Verdict(f"{what} when off, above a bare one, in µs", value, limit)


def _delivery(results: Results) -> Iterator[Verdict]:
    sender = "floor + sender"
    for measure, limit, what in (
        ("paced", 1.5, "small calls"),
        ("paced_words", 1.5, "small calls with suspicious words"),
        ("paced_4k", 1.4, "4 KB at 1,000 calls/s"),
        ("paced_4k_words", 1.4, "4 KB with suspicious words"),
        ("paced_4k_new", 1.4, "4 KB, each time others"),
        ("paced_4k_words_new", 1.4, "4 KB with suspicious words, each time others"),
    ):
        pair = (measure, "ours local"), (measure, sender)
        yield _ratio(results, f"CPU with delivery, {what}, local store / floor + sender", *pair, limit, "cpu")
        if limit < 1.5:
            peer = (measure, "ours local"), (measure, "OpenTelemetry")
            yield _ratio(results, f"CPU with delivery, {what}, local store / OpenTelemetry", *peer, 1, "cpu")
    mean, median = figure(results, "steady", "ours local", "mean"), figure(results, "steady", "ours local", "median")
    value = mean / median if mean is not None and median else None
    yield Verdict("mean / median cost of a call at 2,000 paced calls/s", value, 1.2)
    drained = ("drain", "ours REST"), ("drain", "httpx loop")
    yield _ratio(results, "REST events per CPU s / httpx in a loop", *drained, 1.5, "per_cpu_second", most=False)
    spans = ("drain", "ours OTLP"), ("drain", "OpenTelemetry")
    yield _ratio(results, "OTLP events per CPU s / OpenTelemetry", *spans, 2, "per_cpu_second", most=False)
    speed = figure(results, "drain", "ours local", "per_cpu_second")  # recording included; by the clock it is the load
    yield Verdict("events per CPU s into the local store", speed, 20_000, most=False)
    for how, what in (("threads", "16 threads"), ("tasks", "200 tasks")):
        for name in ("ours local", "ours REST"):
            value = figure(results, how, name, "delivered")
            yield Verdict(f"% delivered under {what}, {name}", value, 100, most=False)
    share = figure(results, "steal", "ours local", "share")
    yield Verdict("throughput while a full queue is drained", share, 0.75, most=False)


def _footprint(results: Results) -> Iterator[Verdict]:
    ratio = ("import", "ours no SDK"), ("import", "wrapt and pydantic")
    yield _ratio(results, "import voltagent / import wrapt, pydantic", *ratio, 1.3, "ms")
    for measure in sorted(results):
        if measure.startswith("memory "):
            used, encoded = (figure(results, measure, "ours held", key) for key in ("bytes", "encoded"))
            if encoded is not None:
                title = f"bytes of memory per waiting event of {encoded:.0f} bytes"
                yield Verdict(title, used, 1.5 * encoded + 400)


def _growth(growth: Mapping[str, Mapping[str, Sequence[Sequence[float]]]]) -> Iterator[Verdict]:
    ours = "ours held"
    for axis, what in (("traces", "open traces"), ("depth", "depth"), ("queue", "queue length")):
        points = growth.get(axis, {}).get(ours)
        value = max(cost for _, cost in points) / min(cost for _, cost in points) if points else None
        yield Verdict(f"most / least cost along {what}", value, FLAT)
    points, floor = (growth.get("payload", {}).get(name) for name in (ours, "floor"))
    slopes = _slopes(points) if points else []
    value = max(later / earlier for earlier, later in pairwise(slopes)) if slopes else None
    yield Verdict("growth of the cost per byte from one payload size to the next", value, 1.5)
    value = slopes[-1] / _slopes(floor)[-1] if slopes and floor else None
    yield Verdict("cost per byte of payload / floor", value, 1.5)


def _slopes(points: Sequence[Sequence[float]]) -> list[float]:
    """µs per byte between neighbouring sizes from 1 KB on: below that, it is not the payload that costs."""
    large = [point for point in points if point[0] > 900]
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(large)]


def _ratio(
    results: Results,
    text: str,
    above: tuple[str, str],
    below: tuple[str, str],
    limit: float,
    key: str = "wall",
    *,
    most: bool = True,
) -> Verdict:
    value = _divided(results, above, below, key)
    cpu = _divided(results, above, below, "cpu") if key == "wall" else None
    note = f" ({cpu:.2f} by the calling thread's CPU time)" if cpu is not None else ""
    return Verdict(text, value, limit, most, note)


def _divided(results: Results, above: tuple[str, str], below: tuple[str, str], key: str) -> float | None:
    numerator, denominator = figure(results, *above, key), figure(results, *below, key)
    return numerator / denominator if numerator is not None and denominator else None
