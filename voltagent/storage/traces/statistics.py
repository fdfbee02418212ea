"""Statistics over a store: calls, errors, durations and tokens, over time and by agent, tool or model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from voltagent.capture.usage import is_count
from voltagent.storage.traces import columns
from voltagent.storage.traces.store import Store

BY: Final = ("agent", "tool", "model")
PERCENTILES: Final = (50, 95, 99)

# What is counted, by what: the first two are answered from an index alone.
_AGENTS: Final = """
    SELECT name, start_ns, end_ns, status, usage FROM operations
    WHERE kind = 'agent' AND start_ns >= ? AND start_ns < ?
    AND typeof(coalesce(end_ns, 0)) = 'integer'"""
_TOOLS: Final = """
    SELECT name, start_ns, end_ns, status, NULL FROM operations
    WHERE kind = 'tool' AND start_ns >= ? AND start_ns < ?
    AND typeof(coalesce(end_ns, 0)) = 'integer'"""
_MODELS: Final = """
    SELECT trace_id, id, parent_id, kind, metadata, update_metadata, end_metadata, start_ns, end_ns, status, usage
    FROM operations WHERE kind IN ('agent', 'llm') AND start_ns >= ? AND start_ns < ?
    AND typeof(coalesce(end_ns, 0)) = 'integer'"""
_EXTENT: Final = "SELECT min(start_ns), max(start_ns) FROM traces WHERE start_ns >= ? AND start_ns < ?"
_LAST: Final = 2**63 - 1  # the largest number of SQLite's

# The names of token counts that writers and other programs use.
_TOKENS: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt": ("prompt_tokens", "promptTokens", "input_tokens", "inputTokens"),
    "completion": ("completion_tokens", "completionTokens", "output_tokens", "outputTokens"),
    "total": ("total_tokens", "totalTokens"),
}
_UNKNOWN_MODEL: Final = "unknown"

_Call: TypeAlias = tuple[str, int, int | None, str, str | None]  # name, start, end, status, usage


@dataclass(slots=True)
class Totals:
    """What one group did in one stretch of time."""

    calls: int = 0
    errors: int = 0
    durations: list[int] = field(default_factory=list[int])  # nanoseconds, of what has ended
    tokens: dict[str, int | float] = field(default_factory=lambda: dict.fromkeys(_TOKENS, 0))

    def percentile(self, percent: int) -> int | None:
        """The shortest duration (ns) that so many percent of the calls do not exceed; ``None`` without calls."""
        if not self.durations:
            return None
        self.durations.sort()  # in place: the next percentile finds them in order
        return self.durations[-(-len(self.durations) * percent // 100) - 1]

    def add(self, other: Totals) -> None:
        """Count what another stretch of time had."""
        self.calls += other.calls
        self.errors += other.errors
        self.durations += other.durations
        for name, count in other.tokens.items():
            self.tokens[name] += count


@dataclass(frozen=True, slots=True)
class Group:
    """One agent, tool or model."""

    name: str
    buckets: Sequence[Totals]
    total: Totals


@dataclass(frozen=True, slots=True)
class Metrics:
    """The groups, those with the most calls first, and when (ns since the epoch) each bucket begins."""

    starts: Sequence[int]
    groups: Sequence[Group]


def metrics(
    store: Store, by: str, *, since_ns: int | None = None, until_ns: int | None = None, buckets: int
) -> Metrics:
    """Count what began from ``since_ns`` on and before ``until_ns`` (default: all that is stored).

    Tokens by model are those of its calls where they are recorded, else those of the agent that names it.
    """
    first, end = _extent(store, since_ns, until_ns)
    width = max(1, -(-(end - first) // buckets))
    calls = _calls(store, by, first, end)
    groups = [_group(name, rows, first, width, buckets) for name, rows in _by_name(calls).items()]
    groups.sort(key=lambda group: (-group.total.calls, group.name))
    return Metrics([first + number * width for number in range(buckets)], groups)


def _extent(store: Store, since_ns: int | None, until_ns: int | None) -> tuple[int, int]:
    """From when until when, with what is not given taken from the traces that are there."""
    if since_ns is not None and until_ns is not None:
        return since_ns, max(until_ns, since_ns + 1)
    rows = store.rows(_EXTENT, (since_ns or 0, _LAST if until_ns is None else until_ns))
    first, last = rows[0] if rows and rows[0][0] is not None else (0, 0)
    first = first if since_ns is None else since_ns
    first = min(first, _LAST - 1)  # a program may have said any time
    # an operation begins after its trace: of the last one, all should be in
    return first, max(first + 1, min(_LAST, last + 3600 * 10**9) if until_ns is None else until_ns)


def _calls(store: Store, by: str, first: int, end: int) -> Iterable[_Call]:
    if by == "model":
        return _calls_of_models(store.rows(_MODELS, (first, end)))
    return cast("list[_Call]", store.rows(_AGENTS if by == "agent" else _TOOLS, (first, end)))


def _calls_of_models(rows: Sequence[Sequence[Any]]) -> list[_Call]:
    """Agents that name a model, and calls of a model; not the agents around those, which count the same tokens."""
    around = {(row[0], row[2]) for row in rows if row[3] == "llm"}
    known: dict[str, str | None] = {}
    calls: list[_Call] = []
    for trace_id, id, _, kind, *metadata, start, end, status, usage in rows:
        name = _model(metadata, known)
        if kind == "llm" or ((name or usage) and (trace_id, id) not in around):
            calls.append((name or _UNKNOWN_MODEL, start, end, status, usage))
    return calls


def _by_name(calls: Iterable[_Call]) -> dict[str, list[_Call]]:
    groups: dict[str, list[_Call]] = {}
    for call in calls:
        groups.setdefault(call[0], []).append(call)
    return groups


def _group(name: str, calls: Sequence[_Call], first: int, width: int, buckets: int) -> Group:
    stretches = [Totals() for _ in range(buckets)]
    for _, start, end, status, usage in calls:
        bucket = stretches[(start - first) // width]
        bucket.calls += 1
        if status == "error":
            bucket.errors += 1
        if end is not None:
            bucket.durations.append(end - start)
        if usage is not None:
            _count(bucket.tokens, columns.usage(usage) or {})
    total = Totals()
    for bucket in stretches:
        total.add(bucket)
    return Group(name, stretches, total)


# ------------------------------------------------------------------------------------------------ one operation's facts


def _count(tokens: dict[str, int | float], usage: Mapping[str, Any]) -> None:
    found = {name: _first_number(usage, spellings) for name, spellings in _TOKENS.items()}
    if found["total"] is None:
        found["total"] = (found["prompt"] or 0) + (found["completion"] or 0)
    for name, number in found.items():
        tokens[name] += number or 0


def _first_number(usage: Mapping[str, Any], spellings: Sequence[str]) -> int | float | None:
    for spelling in spellings:
        value = usage.get(spelling)
        if is_count(value):
            return cast("float", value)
    return None


def _model(metadata: Sequence[str | None], known: dict[str, str | None]) -> str | None:
    """The model that the metadata names; what came later wins. Most operations of an agent say the same."""
    for text in reversed(metadata):
        if isinstance(text, str) and '"model' in text:
            if text not in known:
                known[text] = _named(text)
            if known[text] is not None:
                return known[text]
    return None


def _named(lines: str) -> str | None:
    for line in reversed(lines.split("\n")):
        fields = columns.merged((line,))
        parameters: Any = fields.get("model_parameters") or fields.get("modelParameters")
        own: Any = cast("dict[str, Any]", parameters).get("model") if isinstance(parameters, dict) else None
        for value in (own, fields.get("model")):
            if isinstance(value, str) and value:
                return value
    return None
