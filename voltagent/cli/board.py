"""The traces that ``voltagent tail`` follows, with their operations."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final, TypeAlias

from voltagent.cli import tree
from voltagent.records.feed import Change, News
from voltagent.records.queries import operation_summaries, unfinished
from voltagent.records.reading import list_traces
from voltagent.storage.file import StoreError
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import OperationSummary, TraceSummary
from voltagent.storage.traces.store import Store

KNOWN: Final = 200  # traces whose operations are remembered, beside those that run

Followed: TypeAlias = TraceSummary | OperationSummary


class Board:
    """The selected traces with their operations: those that are running or were seen lately."""

    def __init__(self, store: Store, wanted: Filter) -> None:
        self._store = store
        self._wanted = wanted
        self._traces: OrderedDict[str, TraceSummary] = OrderedDict()
        self._operations: dict[str, dict[str, OperationSummary]] = {}

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def take(self, news: News) -> list[Change[Any]]:
        """Take in news; return the changes of the selected traces in order of time. All stay known until the next."""
        self._forget()
        for trace_id in news.trace_ids:
            if trace_id not in self._traces:
                self._load(trace_id)
        for change in news.traces:
            if change.record.id in self._traces:
                self._traces[change.record.id] = change.record
        for one in news.operations:
            if one.record.trace_id in self._traces:
                self._operations[one.record.trace_id][one.record.id] = one.record
        changes: list[Change[Any]] = [*news.traces, *news.operations]
        wanted = [change for change in changes if trace_of(change.record) in self._traces]
        return sorted(wanted, key=_moment)

    def left_behind(self) -> list[str]:
        """Return the ids of the traces whose process is now known to have died, without repetition."""
        try:
            found = unfinished(self._store, [one.id for one in self._traces.values() if one.status == "running"])
        except StoreError:
            return []  # it is busy: the next look comes soon
        for trace_id in found:
            self._traces[trace_id] = tree.left_behind(self._traces[trace_id])
            operations = self._operations[trace_id]
            self._operations[trace_id] = {id: tree.left_behind(one) for id, one in operations.items()}
        return list(found)

    def _load(self, trace_id: str) -> None:
        found = list_traces(self._store, replace(self._wanted, id=trace_id), limit=1)
        if found:
            self._traces[trace_id] = found[0]
            self._operations[trace_id] = {one.id: one for one in operation_summaries(self._store, trace_id)}

    def _forget(self) -> None:
        """Forget the oldest traces if there are too many, but no running one."""
        ended = [one.id for one in self._traces.values() if one.status != "running"]
        for trace_id in ended[: max(0, len(self._traces) - KNOWN)]:
            del self._traces[trace_id], self._operations[trace_id]

    def trace(self, trace_id: str) -> TraceSummary:
        """Return a trace that was seen."""
        return self._traces[trace_id]

    def operations(self, trace_id: str) -> list[OperationSummary]:
        """Return its operations, in the order in which they began."""
        return sorted(self._operations[trace_id].values(), key=lambda one: (one.start_ns, one.sequence))

    def depth(self, record: Followed) -> int:
        """Return how deep a record is in its trace."""
        if isinstance(record, TraceSummary):
            return 0
        operations, depth, seen = self._operations[record.trace_id], 1, {record.id}
        while record.parent_id in operations and record.parent_id not in seen:
            record = operations[record.parent_id]
            seen.add(record.id)
            depth += 1
        return depth


def trace_of(record: Followed) -> str:
    """Return the id of the trace of a record."""
    return record.id if isinstance(record, TraceSummary) else record.trace_id


def _moment(change: Change[Any]) -> tuple[bool, int]:
    """Sort key: first what began, then what ended, as in :class:`News`."""
    return not change.began, change.record.start_ns if change.began else change.record.end_ns or 0
