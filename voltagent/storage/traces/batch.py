"""Plan how a batch of events is stored: the statements to run, and the facts to derive afterwards.

Pure functions over events. Anything that depends on stored rows is left to :mod:`voltagent.storage.traces.digest`, in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from voltagent.core.scores import Score, score_of
from voltagent.core.span import COMPLETED, ERROR, TRACE, Phase, Span, SpanEvent, TraceInfo, is_placeholder
from voltagent.storage.traces import columns
from voltagent.storage.traces.facts import (
    CALL_COLUMNS,
    COUNTS,
    Metadata,
    counts_of,
    environment_of,
    error_type,
    model_of,
)
from voltagent.storage.traces.rows import (
    RUNNING,
    IdTexts,
    all_tags,
    fact,
    json_text,
    operation_end,
    operation_start,
    stub,
    trace_end,
    trace_start,
    update,
    whole_usage,
)
from voltagent.storage.traces.statements import Row, SqlRow, Statement, grouped


def _places(columns: tuple[str, ...]) -> str:
    return f"({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


STORE_CALL: Final = f"INSERT OR REPLACE INTO calls {_places(CALL_COLUMNS)}"
LABEL: Final = "INSERT OR IGNORE INTO labels (trace_id, name, value) VALUES (?, ?, ?)"
_TOTALS: Final = ("trace_id", *COUNTS, "environment")
TOTALS: Final = f"INSERT INTO totals {_places(_TOTALS)} ON CONFLICT (trace_id) DO UPDATE SET " + ", ".join(
    f"{column} = coalesce(excluded.{column}, totals.{column})" for column in _TOTALS[1:]
)
_SCORES: Final = ("trace_id", "operation_id", "name", "type", "value", "comment", "time_ns")
_START: Final = Phase.START  # here, as a member of an enumeration is looked up by a function on Python 3.10
_END: Final = Phase.END
SCORE: Final = f"INSERT OR REPLACE INTO scores {_places(_SCORES)}"

_OF_CALLS: Final = frozenset(("status", "status_message", "usage", "metadata", "end_time"))  # updates that change facts


def _has_ties(spans: Iterable[Span]) -> bool:
    """Return whether some began at the same time: readers then show them in the order in which they were stored."""
    times = [~span.start_ns if span.parent is None else span.start_ns for span in spans]  # traces by themselves
    return len(set(times)) < len(times)


@dataclass(slots=True)
class BatchPlan:
    """The statements and follow-up work for a batch."""

    statements: list[Statement] = field(default_factory=list[Statement])
    begun: list[str] = field(default_factory=list[str])  # traces that begin here and do not end
    uncounted: set[str] = field(default_factory=set[str])  # traces whose token counts have to be summed
    changed: list[tuple[str | None, str]] = field(default_factory=list[tuple[str | None, str]])  # operations, by trace
    # (may be unknown) and id, whose facts have to be derived from their rows again
    changed_traces: list[str] = field(default_factory=list[str])  # the same for traces
    rootless: list[str] = field(default_factory=list[str])  # traces whose first span may belong to another process


class _EventBatch:
    """The spans of a batch by what happens to them. Dictionaries keep the order and hold each span once."""

    __slots__ = ("ends", "ids", "scores", "starts", "updated", "updates")

    def __init__(self) -> None:
        self.ids = IdTexts()
        self.starts: dict[Span, str] = {}  # -> its initial status
        self.ends: dict[Span, None] = {}
        self.updated: set[Span] = set()
        self.updates: list[tuple[Span, Mapping[str, Any]]] = []
        self.scores: list[Row] = []

    def add(self, events: Iterable[SpanEvent]) -> None:
        """Sort events into starts, ends, updates and scores; a start whose end follows is stored with it."""
        starts, ends, updated = self.starts, self.ends, self.updated
        for event in events:
            phase, span, fields = event
            if phase is _END:
                if span in starts and span not in updated:
                    del starts[span]
                ends[span] = None
            elif phase is _START:
                starts[span] = RUNNING
            elif phase is Phase.POINT:
                starts[span] = fact(span, "status") or COMPLETED
            elif phase is Phase.SCORE:
                self.scores.append(score_row(event))
            else:
                self.updates.append((span, fields or {}))
                updated.add(span)
                if not is_placeholder(span):  # an update needs a row, even if the trace was pruned meanwhile
                    starts.setdefault(span, RUNNING)

    def roots(self) -> list[Span]:
        """Return the first spans of traces that occur in this batch without their own start or end."""
        known: set[TraceInfo] = set()
        others: list[Span] = []
        for spans in (self.starts, self.ends, self.updated):
            for span in spans:
                if span.parent is not None:
                    others.append(span)
                elif spans is not self.updated:
                    known.add(span.trace)
        roots: dict[TraceInfo, Span] = {}
        for span in (*others, *self.updated):
            trace = span.trace
            if trace not in known and trace not in roots and not (span.parent is not None and is_placeholder(span)):
                roots[trace] = span.root
        return list(roots.values())

    def statements(self, roots: Iterable[Span]) -> list[Statement]:
        """Return the statements in the order in which they must run."""
        ids, updated = self.ids, [update(span, fields, self.ids) for span, fields in self.updates]
        stubs = [stub(root, ids) for root in roots]
        begun: list[SqlRow] = []
        started: list[SqlRow] = []
        over: list[SqlRow] = []
        ended: list[SqlRow] = []
        tags: list[Statement] = []
        for span, status in self.starts.items():
            if span.parent is None:
                begun.append(trace_start(span, ids))
            else:
                started.append(operation_start(span, status, ids))
        for span in self.ends:
            if span.parent is None:
                over.append(trace_end(span, ids))
            else:
                ended.append(operation_end(span, ids))
            if span.more_tags:
                tags.append(update(span, {"tags": json_text(all_tags(span))}, ids))
        return [
            *grouped((*stubs, *begun, *started), is_ordered=_has_ties(self.starts)),
            *updated,
            *grouped((*over, *ended), is_ordered=_has_ties(self.ends)),
            *tags,
            *((Statement(SCORE, self.scores),) if self.scores else ()),
        ]


def plan(events: Iterable[SpanEvent]) -> BatchPlan:
    """Plan how to store these events; the statements must run in the returned order."""
    batch = _EventBatch()
    batch.add(events)
    roots = batch.roots()
    found = BatchPlan(batch.statements(roots))
    for span in batch.starts:
        if span.parent is None:
            found.begun.append(batch.ids[span.trace.id])
    for root in roots:
        if root.trace.recorder is None:
            found.rootless.append(batch.ids[root.trace.id])
    _FactRows(batch, found).add()
    return found


def score_row(event: SpanEvent) -> Row:
    """Return the row of table ``scores`` for a SCORE event."""
    return score_values(score_of(event))


def score_values(score: Score) -> Row:
    """Return the row of table ``scores`` for a score."""
    value: Any = score.value
    kind = "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    value = int(value) if kind == "bool" else value
    return score.trace_id, score.operation_id or "", score.name, kind, value, score.comment, score.time_ns


class _FactRows:
    """Adds the rows of the narrow tables to a plan."""

    __slots__ = ("_batch", "_calls", "_labelled", "_labels", "_metadata", "_plan", "_totals")

    def __init__(self, batch: _EventBatch, plan: BatchPlan) -> None:
        self._batch = batch
        self._plan = plan
        self._metadata = Metadata()
        self._calls: list[Row] = []
        self._labels: dict[tuple[str, str, str], None] = {}  # by trace, name and value
        self._labelled: set[tuple[TraceInfo, tuple[bytes | None, ...]]] = set()
        self._totals: list[Row] = []

    def add(self) -> None:
        """Collect what the narrow tables hold of the events: totals of traces, model calls and labels."""
        batch, ids, uncounted = self._batch, self._batch.ids, self._plan.uncounted
        for span in batch.starts:
            if span.metadata is not None or span.facts is not None:
                self._started(span)
        for span, fields in batch.updates:
            self._updated(span, fields)
        counted: set[str] = set()
        for span in batch.ends:
            is_plain = span.metadata is None and not span.more_metadata and span.usage is None
            if span.parent is None:
                if span.usage and whole_usage(span):
                    counted.add(ids[span.trace.id])
                if is_plain:
                    uncounted.add(ids[span.trace.id])
                    continue
            elif is_plain and span.model is None and span.status != ERROR and span.trace.recorder is not None:
                continue  # nothing to note, which is the usual case
            self._ended(span)
        uncounted -= counted
        for sql, rows in ((STORE_CALL, self._calls), (LABEL, list(self._labels)), (TOTALS, self._totals)):
            if rows:
                self._plan.statements.append(Statement(sql, list(rows)))

    def _started(self, span: Span) -> None:
        """Note what the tables for filters and sums need of the start of a span."""
        if span.metadata is not None:
            self._label(span, (span.metadata,))
            if span.kind == TRACE:
                self._total(span, None, (span.metadata,))
        if fact(span, "status") == ERROR:
            self._plan.changed.append((self._batch.ids[span.trace.id], self._batch.ids[span.id]))

    def _updated(self, span: Span, fields: Mapping[str, Any]) -> None:
        """Note what the tables for filters and sums need of an update."""
        ids = self._batch.ids
        unknown = is_placeholder(span)
        if not _OF_CALLS.isdisjoint(fields):
            if span.parent is None:
                self._plan.changed_traces.append(ids[span.trace.id])
            else:
                self._plan.changed.append((None if unknown else ids[span.trace.id], ids[span.id]))
        metadata = fields.get("metadata")
        if metadata is not None and (span.parent is None or not unknown):
            self._label(span, (metadata,))

    def _ended(self, span: Span) -> None:
        """Note what the tables for filters and sums need of the end of a span."""
        metadata = (span.metadata, *span.more_metadata) if span.more_metadata else (span.metadata,)
        if metadata != (None,):
            self._label(span, metadata)
        if span.parent is None:
            self._total(span, whole_usage(span), metadata)
            return
        if span.trace.recorder is None:  # it came from another process, perhaps without the fields of its start
            self._plan.changed.append((self._batch.ids[span.trace.id], self._batch.ids[span.id]))
        else:
            self._called(span, metadata)

    def _label(self, span: Span, metadata: tuple[bytes | None, ...]) -> None:
        """Add the labels in the metadata of an operation to those of its trace."""
        seen = (span.trace, metadata)
        if seen in self._labelled:  # most operations of a trace have the same labels
            return
        self._labelled.add(seen)
        trace_id = self._batch.ids[span.trace.id]
        for name, value in self._metadata.labels(metadata):
            self._labels[trace_id, name, value] = None

    def _total(self, span: Span, usage: Mapping[str, Any] | None, metadata: tuple[bytes | None, ...]) -> None:
        """Set the totals of a trace; without a usage of its own they are added up from its operations."""
        trace_id = self._batch.ids[span.trace.id]
        environment = None if metadata == (None,) else environment_of(self._metadata.of(metadata))
        if usage is not None or environment is not None:
            self._totals.append((trace_id, *counts_of(usage), environment))
        if usage is None:
            self._plan.uncounted.add(trace_id)

    def _called(self, span: Span, metadata: tuple[bytes | None, ...]) -> None:
        """Add the row of an operation of this program if it has a model, a usage or an error."""
        failed = span.status == ERROR
        model = span.model
        if model is None and metadata != (None,):
            model = model_of(span.kind, self._metadata.of(metadata))
        usage = whole_usage(span)
        if model is None and usage is None and not failed:
            return
        trace_id = self._batch.ids[span.trace.id]
        # a plain tuple in the order of `Call`: a third of the time
        self._calls.append((
            trace_id, self._batch.ids[span.id], span.kind, span.name, span.agent_id, span.status or COMPLETED,
            span.start_ns, span.end_ns, model, _failure(span) if failed else None, *counts_of(usage), 0,
        ))  # fmt: skip
        if usage is not None:
            self._plan.uncounted.add(trace_id)


def _failure(span: Span) -> str:
    return error_type(columns.error(span.error if isinstance(span.error, bytes) else None))
