"""Rebuild the events of a trace from its rows, for destinations that get it later. Pure functions.

Ids, payloads, times and the order (a start before its children, a trace's end last) are those of the recording, so a
request made from them has the same bytes. The rows no longer distinguish:

- an update is part of the start or the end, and so are tags added later;
- a custom event is a single event with its last state, even if it had an end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from voltagent.core.clock import id_text, iso_text
from voltagent.core.json_objects import join_objects
from voltagent.core.ordering import parents_first
from voltagent.core.span import (
    EVENT_LIKE_KINDS,
    TRACE,
    Phase,
    Remote,
    Span,
    SpanEvent,
    TraceInfo,
    is_operation,
    make_facts,
    placeholder,
)
from voltagent.storage.traces import columns
from voltagent.storage.traces.rows import RUNNING

_Row: TypeAlias = Any  # values by column name

TRACE_ROW: Final = """
    SELECT id, agent_id, name, status, start_ns, end_ns, completion_start_ns, user_id, conversation_id, parent_trace_id,
        version, level, remote, tags, usage, error, metadata, update_metadata, end_metadata, input, output
    FROM traces WHERE id = ?"""

OPERATION_ROWS: Final = """
    SELECT id, parent_id, kind, name, operation, agent_id, status, start_ns, end_ns, version, level, tags, usage, error,
        instructions, metadata, update_metadata, end_metadata, input, output
    FROM operations WHERE trace_id = ? ORDER BY start_ns, key"""

SCORE_ROWS: Final = """
    SELECT operation_id, name, type, value, comment, time_ns FROM scores WHERE trace_id = ? ORDER BY time_ns"""

_LAST: Final = 2**64  # nanoseconds: after every time


class _Moment(NamedTuple):
    """The order of a trace's events: by time; at equal times, starts from the outside in, then ends from the inside
    out.
    """

    ns: int
    is_end: bool
    depth: int
    number: int


def replayed(trace: _Row, operations: Sequence[_Row], scores: Sequence[_Row] = ()) -> list[SpanEvent]:
    """Return the events that left these rows, in the order in which to send them; scores come last."""
    root = _root(trace)
    spans = _spans(root, operations)
    moments: list[tuple[_Moment, SpanEvent]] = [(_Moment(root.start_ns, False, 0, -1), (Phase.START, root, None))]
    if trace["status"] != RUNNING:
        moments.append((_Moment(_LAST, True, 0, -1), (Phase.END, root, None)))
    moments += _moments(root, list(spans.values()))
    events = [event for _, event in sorted(moments, key=lambda pair: pair[0])]
    return [*events, *(_scored(root, spans, row) for row in scores)]


def _scored(root: Span, spans: dict[str, Span], row: _Row) -> SpanEvent:
    """Return the event of a stored score."""
    identifier = columns.text(row["operation_id"])
    span = root if not identifier else spans.get(identifier)
    if span is None:  # its operation is not stored here
        span = placeholder(root.trace, "event", _id(identifier), root)
    fields = {
        "name": columns.text(row["name"]),
        "value": columns.score_value(row["type"], row["value"]),
        "comment": columns.plain(row["comment"]),
        "time_ns": columns.start(row["time_ns"]),
    }
    return Phase.SCORE, span, fields


def _moments(root: Span, spans: Sequence[Span]) -> Iterator[tuple[_Moment, SpanEvent]]:
    """Yield each event with its position: never before one that it depends on, whatever the clock did."""
    began: dict[Span, tuple[int, int]] = {root: (root.start_ns, 0)}  # -> start time and depth
    for number, (span, _) in enumerate(parents_first(spans, lambda span: span, lambda span: span.parent)):
        above, depth = began.get(span.parent or root, began[root])
        start = max(span.start_ns, above)
        began[span] = start, depth + 1
        if _is_operation(span):
            yield _Moment(start, False, depth + 1, number), (Phase.START, span, None)
            if span.status is not None:
                yield _Moment(max(start, span.end_ns or start), True, -depth, number), (Phase.END, span, None)
        else:
            yield _Moment(start, False, depth + 1, number), (Phase.POINT, span, None)


def _root(row: _Row) -> Span:
    """Return the span of a trace, as it was when it ended."""
    trace = TraceInfo(_id(row["id"]), columns.text(row["agent_id"]), None)
    trace.user_id, trace.conversation_id = columns.plain(row["user_id"]), columns.plain(row["conversation_id"])
    trace.version, trace.level = columns.plain(row["version"]), columns.plain(row["level"])
    completion_ns = columns.end(row["completion_start_ns"])
    trace.completion_start = None if completion_ns is None else iso_text(completion_ns)
    parent_id = columns.plain(row["parent_trace_id"])
    trace.parent_trace_id = None if parent_id is None else _id(parent_id)
    trace.remote = None if row["remote"] is None else _remote(columns.text(row["remote"]))
    span = Span(trace, None, TRACE, columns.text(row["name"]), None, identifier=trace.id)
    _fill(span, row)
    return span


def _spans(root: Span, rows: Sequence[_Row]) -> dict[str, Span]:
    """Return a span for each row, by id, below its parent."""
    spans: dict[str, Span] = {}
    for row in rows:
        identifier = row["id"]
        kind, name, operation = (columns.plain(row[column]) for column in ("kind", "name", "operation"))
        span = spans[identifier] = Span(
            root.trace, root, kind or "", name or "", None, operation=operation, identifier=_id(identifier)
        )
        span.agent_id = columns.plain(row["agent_id"]) or root.agent_id
        span.facts = make_facts({name: columns.plain(row[name]) for name in ("instructions", "version", "level")})
        _fill(span, row)
        if not _is_operation(span):
            _make_point(span)
    for row in rows:
        parent_id = columns.plain(row["parent_id"])
        if parent_id is not None:
            # of a missing parent, only the id is known
            above = spans.get(parent_id) or placeholder(root.trace, "", _id(parent_id), root)
            spans[row["id"]].parent = above
    return spans


def _fill(span: Span, row: _Row) -> None:
    """Set the fields of a span that traces and operations have in common."""
    span.start_ns, span.end_ns = columns.start(row["start_ns"]), columns.end(row["end_ns"])
    span.status = None if row["status"] == RUNNING else columns.text(row["status"])
    span.tags = columns.tags(row["tags"]) or None
    span.usage = columns.usage(row["usage"])
    span.error, span.input, span.output = (columns.payload(row[name]) for name in ("error", "input", "output"))
    span.metadata = next(iter(columns.payloads(row["metadata"])), None)
    at_end = columns.payloads(row["end_metadata"])
    # an update before the end is included in the metadata of the end; otherwise it came later, or from another process
    updates = columns.payloads(row["update_metadata"])
    span.more_metadata = (*(line for line in updates if line not in at_end), *at_end)


def _make_point(span: Span) -> None:
    """Merge what an end would add into the start."""
    given = {
        **(span.facts or {}),
        "status": span.status,
        "end_time": None if span.end_ns is None else iso_text(span.end_ns),
        "status_message": span.error,
        "output": span.output,
    }
    span.facts = make_facts(given) or {}
    if span.more_metadata:
        span.metadata = join_objects((span.metadata, *span.more_metadata))
    span.more_metadata, span.status, span.end_ns, span.error, span.output = (), None, None, None, None


def _is_operation(span: Span) -> bool:
    if span.kind in EVENT_LIKE_KINDS and span.status is not None and span.end_ns is None:
        return False  # a custom event of such a type has no duration
    return is_operation(span)


def _id(stored: Any) -> int | str:
    """Convert an id back: to a number if it has this library's spelling, else it is a string chosen by the program."""
    text = stored if isinstance(stored, str) else columns.text(stored)
    try:
        number = int(text.replace("-", ""), 16)
    except ValueError:
        return text
    return number if len(text) == 36 and id_text(number) == text else text


def _remote(text: str) -> Remote | None:
    parts = text.split(" ", 2)
    return Remote(parts[0], parts[1], state=parts[2]) if len(parts) == 3 else None
