"""What the viewer's page is given of records, as JSON: by its server, in an exported file and in a notebook.

Times are whole microseconds since the epoch, which JavaScript's numbers hold exactly; durations are microseconds with a
fraction. What is unknown is absent, and in rows null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any, Final, NamedTuple, TypeAlias

from voltagent.core.scores import Score
from voltagent.render.previews import cut, value_preview
from voltagent.render.text import error_text
from voltagent.storage.traces.facts import error_type
from voltagent.storage.traces.records import OperationSummary, StoredOperation, StoredTrace, TraceSummary

Json: TypeAlias = "dict[str, Any]"

_LONGEST_ERROR: Final = 200  # characters of an error in a list

# The fields of an operation in a tree, in the order of its row.
COLUMNS: Final = (
    "id", "parent", "kind", "name", "operation", "agent", "status", "start", "duration", "usage", "error", "level",
    "tags", "preview", "model", "tokens", "cached", "cost", "scores", "unfinished",
)  # fmt: skip


class Activity(NamedTuple):
    """What is known of the traces that have no end."""

    last: Mapping[str, int]  # when something of them last began or ended (ns)
    unfinished: Set[str]  # those that never end, as their process has ended


NO_ACTIVITY: Final = Activity({}, frozenset())


def trace_line(trace: TraceSummary, activity: Activity, scores: Sequence[Score]) -> Json:
    """Return what a list shows of a trace."""
    return {
        "id": trace.id,
        "agent": trace.agent_id,
        "name": trace.name,
        "status": trace.status,
        "start": trace.start_ns // 1000,
        "operations": trace.operations,
        "errors": trace.errors,
        **keep_known(
            duration=duration(trace.start_ns, trace.end_ns),
            user=trace.user_id,
            conversation=trace.conversation_id,
            tags=trace.tags or None,
            usage=trace.usage,
            error=short_error(trace.error),
            parent_trace=trace.parent_trace_id,
            version=trace.version,
            environment=trace.environment,
            models=trace.models or None,
            tokens=trace.tokens,
            cached=trace.cached_tokens,
            cost=trace.cost,
            foreign=trace.foreign or None,
            status_code=trace.status_code,
            scores=[score(one) for one in scores] or None,
            # when something of it last happened, to distinguish what runs from what was killed
            last_active=(
                max(trace.start_ns, activity.last.get(trace.id, 0)) // 1000 if trace.status == "running" else None
            ),
            unfinished=trace.unfinished or trace.id in activity.unfinished or None,
        ),
    }


def whole_trace(trace: StoredTrace, line: Json) -> Json:
    """Return a trace with its payloads; ``line`` is what a list shows of it."""
    completion_ns = trace.completion_start_ns
    return {
        **line,
        "metadata": trace.metadata,
        "input": trace.input,
        "output": trace.output,
        **keep_known(
            level=trace.level,
            error=trace.error,
            completion_start=None if completion_ns is None else completion_ns // 1000,
        ),
    }


def whole_operation(operation: StoredOperation, scores: Sequence[Score]) -> Json:
    """Return an operation with its payloads and those of the scores that are its own."""
    facts = {
        "id": operation.id,
        "trace": operation.trace_id,
        "kind": operation.kind,
        "name": operation.name,
        "status": operation.status,
        "start": operation.start_ns // 1000,
        "metadata": operation.metadata,
        "input": operation.input,
        "output": operation.output,
    }
    more = keep_known(
        parent=operation.parent_id,
        operation=operation.operation,
        agent=operation.agent_id,
        duration=duration(operation.start_ns, operation.end_ns),
        usage=operation.usage,
        error=operation.error,
        error_type=error_type(operation.error) if operation.status == "error" else None,
        instructions=operation.instructions,
        version=operation.version,
        level=operation.level,
        tags=operation.tags or None,
        model=operation.model,
        tokens=operation.tokens,
        cached=operation.cached_tokens,
        cost=operation.cost,
        scores=[score(one) for one in scores if one.operation_id == operation.id] or None,
    )
    return facts | more


def operation_row(operation: StoredOperation, scores: Sequence[Score]) -> tuple[Any, ...]:
    """Return an operation in the order of :data:`COLUMNS`."""
    is_unfinished = operation.status == "cancelled" and operation.metadata.get("unfinished") is True
    own = [one for one in scores if one.operation_id == operation.id]
    return summary_row(operation, value_preview(operation.kind, operation.input), own, unfinished=is_unfinished)


def summary_row(
    operation: OperationSummary, preview: str | None = None, scores: Sequence[Score] = (), *, unfinished: bool = False
) -> tuple[Any, ...]:
    """Return an operation without its payloads in the order of :data:`COLUMNS`."""
    return (
        operation.id,
        operation.parent_id,
        operation.kind,
        operation.name,
        operation.operation,
        operation.agent_id,
        operation.status,
        operation.start_ns // 1000,
        duration(operation.start_ns, operation.end_ns),
        operation.usage,
        short_error(operation.error),
        operation.level,
        operation.tags or None,
        preview,
        operation.model,
        operation.tokens,
        operation.cached_tokens,
        operation.cost,
        [score(one) for one in scores] or None,
        True if unfinished else None,
    )


def recorded_trace(
    trace: StoredTrace,
    operations: Sequence[StoredOperation],
    scores: Sequence[Score] = (),
    kind: str = "trace",
    *,
    unfinished: bool = False,
) -> Json:
    """Return all answers about one trace at once, for a page that has no server to ask.

    Args:
        trace: the trace, or whatever stands at the top of the tree.
        operations: those below it, in the order in which they began.
        scores: those of the trace and of the operations.
        kind: of what stands at the top.
        unfinished: whether it will never end, as the process that wrote it has died.
    """
    last = max((max(one.start_ns, one.end_ns or 0) for one in operations), default=0)
    activity = Activity({trace.id: last}, frozenset((trace.id,) if unfinished else ()))
    line = trace_line(trace, activity, [one for one in scores if one.operation_id is None])
    return {
        "answer": {
            "trace": {**whole_trace(trace, line), "kind": kind},
            "columns": COLUMNS,
            "operations": [operation_row(one, scores) for one in operations],
        },
        "operations": {one.id: whole_operation(one, scores) for one in operations},
    }


def score(one: Score) -> Json:
    """Return a score as answers show it."""
    return {
        "name": one.name,
        "value": one.value,
        "time": one.time_ns // 1000,
        **keep_known(comment=one.comment, operation=one.operation_id),
    }


def keep_known(**values: Any) -> Json:
    """Keep those values that are not ``None``."""
    return {name: value for name, value in values.items() if value is not None}


def duration(start_ns: int, end_ns: int | None) -> float | None:
    """Return the microseconds between two times; ``None`` without an end."""
    return None if end_ns is None else (end_ns - start_ns) / 1000


def microseconds(nanoseconds: float | None) -> float | None:
    """Return a duration in microseconds."""
    return None if nanoseconds is None else nanoseconds / 1000


def short_error(error: Any) -> str | None:
    """Return the beginning of what went wrong."""
    return None if error is None else cut(error_text(error), _LONGEST_ERROR)
