"""Statistics over a store: calls or traces, errors, durations, tokens and cost, over time and by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from voltagent.records.metrics import Metrics, MetricsGroup, ModelCallRow, ScoreGroup, Totals, TraceRow
from voltagent.records.time_range import TimeRange
from voltagent.storage.traces import columns
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store
from voltagent.storage.traces.tokens import sum_of

BY: Final = ("agent", "tool", "model", "user", "conversation", "day", "tag", "version", "environment")
BY_METADATA: Final = "metadata:"  # followed by a key
OF_CALLS: Final = frozenset(("agent", "tool", "model"))  # groups of operations; all others are groups of traces
PERCENTILES: Final = (50, 95, 99)
SORTS: Final = ("calls", "errors", "error_rate", "tokens", "cost", "p50", "p95", "p99", "name")

_UNKNOWN_MODEL: Final = "unknown"
_MOST_TYPES: Final = 50  # types of errors to list

_FITS: Final = "start_ns >= :first AND start_ns < :end AND typeof(coalesce(end_ns, 0)) = 'integer'"
# Answered from an index alone. The counts of agents come from the narrow table, which has fewer rows.
_OPERATIONS: Final = f"""
    SELECT name, start_ns, end_ns, status IS 'error' FROM operations WHERE kind = :kind AND {_FITS} AND {{within}}"""  # noqa: S608 - all of it is written here
_SUMMED: Final = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cost")
_COUNTS: Final = ", ".join(f"coalesce({{0}}{name} + 0, 0)" for name in _SUMMED)  # a text there counts as 0
_AGENT_COUNTS: Final = f"""
    SELECT name, start_ns, {_COUNTS.format("")} FROM calls
    WHERE kind = 'agent' AND {_FITS} AND {{within}}"""  # noqa: S608 - likewise
_MODEL_CALLS: Final = f"""
    SELECT trace_id, kind, name, agent_id, model, start_ns, end_ns, status IS 'error', {_COUNTS.format("")} FROM calls
    WHERE (model IS NOT NULL OR kind = 'llm' OR (kind = 'agent' AND summed = 0 AND total_tokens IS NOT NULL))
    AND {_FITS} AND {{within}}"""  # noqa: S608 - likewise
_FAILED: Final = """(status IS 'error' OR EXISTS (
    SELECT 1 FROM operations o INDEXED BY operations_errors WHERE o.trace_id = traces.id AND o.status = 'error'))"""
_TRACES: Final = f"""
    SELECT id, {{group}}, start_ns, end_ns, {_FAILED}, {_COUNTS.format("totals.")}
    FROM traces LEFT JOIN totals ON totals.trace_id = traces.id {{join}}
    WHERE {_FITS} AND {{within}}"""  # noqa: S608 - likewise
_ERROR_TYPES: Final = f"""
    SELECT trace_id, kind, name, model, error_type FROM calls WHERE error_type IS NOT NULL AND {_FITS} AND {{within}}"""  # noqa: S608 - likewise
_SCORES: Final = """
    SELECT s.name, s.type, s.value, t.start_ns FROM scores s JOIN traces t ON t.id = s.trace_id
    WHERE t.start_ns >= :first AND t.start_ns < :end AND {within}"""

_GROUP_COLUMNS: Final[Mapping[str, str]] = {
    "user": "user_id", "conversation": "conversation_id", "version": "version", "tag": "tags", "day": "start_ns",
    "environment": "totals.environment",
}  # fmt: skip


def is_grouping(by: str) -> bool:
    """Return whether :func:`metrics` can group by this."""
    return by in BY or (by.startswith(BY_METADATA) and len(by) > len(BY_METADATA))


def metrics(
    store: Store,
    by: str,
    *,
    since_ns: int | None = None,
    until_ns: int | None = None,
    buckets: int,
    within: Filter | None = None,
) -> Metrics:
    """Count what began from ``since_ns`` on and before ``until_ns`` (default: all that is stored).

    Args:
        by: what to group by: one of ``BY``, or ``metadata:KEY``. Agents, tools and models are counted by call, all
            others by trace.
        buckets: the number of time buckets.
        within: count only in matching traces.
    """
    time_range = TimeRange.of(store, since_ns, until_ns, buckets)
    counted = _Counted(store, time_range, within)
    rows = counted.groups(by)
    groups = [_finished(name, rows[name], counted.error_types.get(name, {})) for name in rows]
    groups.sort(key=lambda group: (-group.total.calls, group.name))
    overall = counted.overall()
    for group in groups:
        overall.calls += group.total.calls
        overall.errors += group.total.errors
    return Metrics(
        time_range.starts, time_range.width, groups, counted.traces, overall, _most_frequent(counted.all_error_types),
        counted.scores(),
    )  # fmt: skip


def sorted_groups(groups: Iterable[MetricsGroup], sort: str, *, ascending: bool = False) -> list[MetricsGroup]:
    """Return the groups in another order; ``sort`` is one of ``SORTS``."""
    keys: Mapping[str, Callable[[MetricsGroup], Any]] = {
        "name": lambda group: group.name.lower(),
        "tokens": lambda group: group.total.total,
        **{f"p{percent}": _by_percentile(percent) for percent in PERCENTILES},
    }
    key = keys.get(sort, lambda group: getattr(group.total, sort))
    return sorted(groups, key=key, reverse=not ascending)


def _by_percentile(percent: int) -> Callable[[MetricsGroup], int]:
    return lambda group: group.total.percentile(percent) or 0


class _Counted:
    """Counts what began in a time range."""

    def __init__(self, store: Store, time_range: TimeRange, within: Filter | None) -> None:
        self._store = store
        self._range = time_range
        where, values = ("", {}) if within is None or not within.selects else within.where()
        self._where = where
        self._values = {**values, "first": time_range.first, "end": time_range.end}
        self.traces = 0
        self.error_types: dict[str, dict[str, int]] = {}  # by group
        self.all_error_types: dict[str, int] = {}

    def _rows(self, query: str, trace_column: str = "trace_id", **more: Any) -> list[Any]:
        """Return the rows of a query about the traces that the filter chooses."""
        chosen = f"SELECT id FROM traces {self._where}"  # noqa: S608 - values are bound
        within = f"{trace_column} IN ({chosen})" if self._where else "1"
        named = {**self._values, **more}
        text = query.replace("{within}", within)
        return self._store.rows(text, {name: value for name, value in named.items() if f":{name}" in text})

    def groups(self, by: str) -> dict[str, list[Totals]]:
        """Return the buckets of each group."""
        if by in ("agent", "tool"):
            found = self._of_operations(by)
            self._count_errors(lambda row: row["name"] if row["kind"] == by else None)
        elif by == "model":
            found = self._of_models()
            self._count_errors(lambda row: row["model"])
        else:
            found = self._of_traces(by)
        return found

    def _of_operations(self, kind: str) -> dict[str, list[Totals]]:
        """Count operations of one kind by their names and times."""
        groups = _Buckets(self._range)
        for name, start, end, failed in self._rows(_OPERATIONS, kind=kind):
            bucket = groups.at(name, start)
            bucket.calls += 1
            bucket.errors += failed
            if end is not None:
                bucket.durations.append(end - start)
        if kind == "agent":
            for name, start, *counts in self._rows(_AGENT_COUNTS):
                groups.at(name, start).count(*counts)
        return groups.found

    def _of_models(self) -> dict[str, list[Totals]]:
        """Count calls of a model, and agents that name one unless such calls below them count the same tokens."""
        rows = [ModelCallRow(*row) for row in self._rows(_MODEL_CALLS)]
        around = {(row.trace_id, row.agent_id) for row in rows if row.kind != "agent"}
        groups = _Buckets(self._range)
        for row in rows:
            if row.kind != "agent" or (row.trace_id, row.name) not in around:
                groups.at(row.model or _UNKNOWN_MODEL, row.start_ns).add_call(row)
        return groups.found

    def _of_traces(self, by: str) -> dict[str, list[Totals]]:
        """Count traces by a column, a tag or a key of metadata, and by their times."""
        key = by.removeprefix(BY_METADATA) if by.startswith(BY_METADATA) else None
        join = "" if key is None else "JOIN labels ON labels.trace_id = traces.id AND labels.name = :key"
        query = _TRACES.replace("{group}", "labels.value" if key is not None else _GROUP_COLUMNS[by])
        names_of = _names_of(by)
        groups = _Buckets(self._range)
        failed = {row["trace_id"] for row in self._rows(_ERROR_TYPES)}
        groups_of: dict[str, tuple[str, ...]] = {}
        for row in (TraceRow(*values) for values in self._rows(query.replace("{join}", join), "id", key=key)):
            names = tuple(names_of(row.group))
            if row.trace_id in failed:
                groups_of[row.trace_id] = (*groups_of.get(row.trace_id, ()), *names)
            for name in names:
                groups.at(name, row.start_ns).add_call(row)
        self._count_errors(lambda row: groups_of.get(row["trace_id"], ()))
        return groups.found

    def _count_errors(self, groups_of: Callable[[Any], str | Sequence[str] | None]) -> None:
        """Count the types of errors, over all and for each group that ``groups_of`` names."""
        for row in self._rows(_ERROR_TYPES):
            error_type = columns.text(row["error_type"])
            self.all_error_types[error_type] = self.all_error_types.get(error_type, 0) + 1
            names = groups_of(row) or ()
            for name in (names,) if isinstance(names, str) else names:
                types = self.error_types.setdefault(name, {})
                types[error_type] = types.get(error_type, 0) + 1

    def overall(self) -> Totals:
        """Sum the tokens and the cost of all traces; ``traces`` is their number."""
        query = f"""
            SELECT count(*), {", ".join(f"coalesce({sum_of(f'totals.{name}')}, 0)" for name in _SUMMED)}
            FROM traces LEFT JOIN totals ON totals.trace_id = traces.id
            WHERE start_ns >= :first AND start_ns < :end AND {{within}}"""  # noqa: S608 - all of it is written here
        found = Totals()
        for number, *counts in self._rows(query, "id"):
            self.traces = number
            found.count(*counts)
        return found

    def scores(self) -> list[ScoreGroup]:
        """Return the scores of the traces, by name."""
        rows: dict[str, list[Any]] = {}
        for row in self._rows(_SCORES, "t.id"):
            rows.setdefault(columns.text(row["name"]), []).append(row)
        return [_score_group(name, rows[name], self._range) for name in sorted(rows)]


class _Buckets:
    """The buckets of each group, created on demand."""

    def __init__(self, time_range: TimeRange) -> None:
        self._range = time_range
        self.found: dict[str, list[Totals]] = {}

    def at(self, name: str, start: int) -> Totals:
        """Return the bucket of a group for what began at a time."""
        buckets = self.found.get(name)
        if buckets is None:
            buckets = self.found[name] = [Totals() for _ in range(self._range.buckets)]
        return buckets[self._range.bucket_of(start)]


def _names_of(by: str) -> Callable[[Any], Iterator[str]]:
    """Return the function from a column's value to the groups that a trace belongs to."""

    def tags(value: Any) -> Iterator[str]:
        yield from columns.tags(value)

    def day(value: Any) -> Iterator[str]:
        yield datetime.fromtimestamp(columns.start(value) // 10**9).astimezone().strftime("%Y-%m-%d")

    def one(value: Any) -> Iterator[str]:
        if value is not None:
            yield str(value)

    return {"tag": tags, "day": day}.get(by, one)


def _finished(name: str, buckets: Sequence[Totals], error_types: Mapping[str, int]) -> MetricsGroup:
    total = Totals()
    for bucket in buckets:
        total.add(bucket)
    return MetricsGroup(columns.text(name), buckets, total, _most_frequent(error_types))


def _most_frequent(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_TYPES]


def _score_group(name: str, rows: Sequence[Any], time_range: TimeRange) -> ScoreGroup:
    """Return the mean over time and the most frequent values of the scores with one name."""
    counts, sums, values, numbers = [0] * time_range.buckets, [0.0] * time_range.buckets, dict[str, int](), 0
    for _, kind, stored, start in rows:
        value = columns.score_value(kind, stored)
        place = time_range.bucket_of(start)
        counts[place] += 1
        if isinstance(value, (int, float)):
            numbers += 1
            sums[place] += value
        if kind != "number":
            text = value if isinstance(value, str) else ("true" if value else "false")
            values[text] = values.get(text, 0) + 1
    return ScoreGroup(name, counts, sums, numbers, _most_frequent(values))
