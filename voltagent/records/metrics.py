"""The figures of a time range: totals by group and time bucket, and the rows that they are counted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class ModelCallRow(NamedTuple):
    """A row of the calls of models."""

    trace_id: str
    kind: str
    name: str
    agent_id: str | None
    model: str | None
    start_ns: int
    end_ns: int | None
    failed: int
    prompt_tokens: float
    completion_tokens: float
    total_tokens: float
    cached_tokens: float
    cost: float


class TraceRow(NamedTuple):
    """A row of the traces."""

    trace_id: str
    group: Any  # the value of the column that names the group
    start_ns: int
    end_ns: int | None
    failed: int
    prompt_tokens: float
    completion_tokens: float
    total_tokens: float
    cached_tokens: float
    cost: float


@dataclass(slots=True)
class Totals:
    """The activity of one group in one time bucket."""

    calls: int = 0
    errors: int = 0
    durations: list[int] = field(default_factory=list[int])  # nanoseconds, of calls that have ended
    prompt: float = 0
    completion: float = 0
    total: float = 0
    cached: float = 0
    cost: float = 0.0

    def percentile(self, percent: int) -> int | None:
        """Return the shortest duration (ns) that this percentage of calls does not exceed; ``None`` without calls."""
        if not self.durations:
            return None
        self.durations.sort()  # in place, so the next percentile finds them sorted
        return self.durations[-(-len(self.durations) * percent // 100) - 1]

    @property
    def tokens(self) -> dict[str, float]:
        """Token counts by name."""
        return {"prompt": self.prompt, "completion": self.completion, "total": self.total, "cached": self.cached}

    @property
    def error_rate(self) -> float:
        """Share of calls that failed, 0 to 1."""
        return self.errors / self.calls if self.calls else 0.0

    def add(self, other: Totals) -> None:
        """Add the counts of another bucket."""
        self.calls += other.calls
        self.errors += other.errors
        self.durations += other.durations
        self.count(other.prompt, other.completion, other.total, other.cached, other.cost)

    def add_call(self, row: ModelCallRow | TraceRow) -> None:
        """Add one call or trace with its duration and usage."""
        self.calls += 1
        self.errors += row.failed
        if row.end_ns is not None:
            self.durations.append(row.end_ns - row.start_ns)
        self.count(row.prompt_tokens, row.completion_tokens, row.total_tokens, row.cached_tokens, row.cost)

    def count(self, prompt: float, completion: float, total: float, cached: float, cost: float) -> None:
        """Add the counts of one usage."""
        self.prompt += prompt
        self.completion += completion
        self.total += total
        self.cached += cached
        self.cost += cost


@dataclass(frozen=True, slots=True)
class MetricsGroup:
    """One agent, tool, model, user and so on."""

    name: str
    buckets: Sequence[Totals]
    total: Totals
    error_types: Sequence[tuple[str, int]] = ()  # most frequent first


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """The scores of one name: their number per bucket and sum (of numbers and bools), and the values."""

    name: str
    counts: Sequence[int]
    sums: Sequence[float]
    numbers: int  # how many are numbers or bools
    values: Sequence[tuple[str, int]]  # strings and bools, most frequent first

    @property
    def mean(self) -> float | None:
        """The mean of the numbers and bools; ``None`` if there are none."""
        return sum(self.sums) / self.numbers if self.numbers else None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The groups, those with most calls first, and the start of each bucket (ns since the epoch)."""

    starts: Sequence[int]
    width: int  # of a bucket, in nanoseconds
    groups: Sequence[MetricsGroup]
    traces: int  # that began in this range
    total: Totals  # of the groups' calls and errors, with the tokens and the cost of the traces
    error_types: Sequence[tuple[str, int]]
    scores: Sequence[ScoreGroup]
