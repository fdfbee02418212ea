"""From events to rows: which statements a batch needs, and their parameters. Pure functions over spans.

Everything here may happen twice and leave the same rows: delivery is at least once. A start inserts a row, and changes
nothing that a later event has set; an end carries the start's fields too, so where both are in one batch (the usual
case) only the end is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic_core import to_json

from voltagent.core.clock import id_text, parse_iso
from voltagent.core.span import COMPLETED, Phase, Span, SpanEvent, Trace

Row: TypeAlias = tuple[Any, ...]

RUNNING: Final = "running"

_TRACE_START: Final = (
    "id", "agent_id", "name", "status", "start_ns", "end_ns", "completion_start_ns", "user_id", "conversation_id",
    "parent_trace_id", "version", "level", "tags", "remote",
)  # fmt: skip
_OPERATION_START: Final = (
    "trace_id", "id", "parent_id", "kind", "name", "operation", "agent_id", "status", "start_ns", "end_ns", "version",
    "level", "tags", "error", "instructions", "metadata", "input", "output",
)  # fmt: skip
_END: Final = ("usage", "end_metadata")

# What `update` may change: field -> column. `metadata` is added to, not replaced.
_UPDATED: Final[dict[str, str]] = {
    "status": "status",
    "status_message": "error",
    "level": "level",
    "version": "version",
    "input": "input",
    "output": "output",
    "usage": "usage",
    "tags": "tags",
    "end_time": "end_ns",
    "metadata": "update_metadata",
}
_UPDATED_TRACE: Final[dict[str, str]] = _UPDATED | {
    "user_id": "user_id",
    "conversation_id": "conversation_id",
    "completion_start_time": "completion_start_ns",
}


def _insert(table: str, columns: Iterable[str], conflict: str) -> str:
    names = tuple(columns)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT {conflict}"  # noqa: S608 - all of it is written here


def _kept(table: str, *columns: str) -> str:
    """What the row has stays; only what it lacks is taken."""
    return ", ".join(f"{column} = coalesce({table}.{column}, excluded.{column})" for column in columns)


def _replaced(*columns: str) -> str:
    return ", ".join(f"{column} = excluded.{column}" for column in columns)


def _given(table: str, *columns: str) -> str:
    """What is given replaces what the row has; nothing given leaves it."""
    return ", ".join(f"{column} = coalesce(excluded.{column}, {table}.{column})" for column in columns)


# A stub's facts are replaced by the real ones: its maker knew the trace by its id only, or from before a fork.
_TRACE_FACTS: Final = (
    _replaced("agent_id", "name", "start_ns", "parent_trace_id", "metadata")
    + ", "
    + _kept(
        "traces", "completion_start_ns", "user_id", "conversation_id", "version", "level", "tags", "remote", "input"
    )
)
STUB: Final = _insert("traces", _TRACE_START, "(id) DO NOTHING")
START_TRACE: Final = _insert("traces", (*_TRACE_START, "metadata", "input"), f"(id) DO UPDATE SET {_TRACE_FACTS}")
END_TRACE: Final = _insert(
    "traces",
    (*_TRACE_START, "metadata", "input", "error", "output", *_END),
    f"(id) DO UPDATE SET {_TRACE_FACTS}, {_replaced('status', 'end_ns', 'end_metadata')}, "
    + _given("traces", "usage", "error", "output"),
)
START_OPERATION: Final = _insert("operations", _OPERATION_START, "(trace_id, id) DO NOTHING")
END_OPERATION: Final = _insert(
    "operations",
    (*_OPERATION_START, *_END),
    f"(trace_id, id) DO UPDATE SET {_replaced('status', 'end_ns', 'end_metadata')}, "
    + _given("operations", "usage", "error", "output"),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and the rows it is run with."""

    sql: str
    rows: list[Row]


# ------------------------------------------------------------------------------------------------------- one batch


class _Ids(dict[int | str, str]):
    """The text of each id of a batch, spelled once: an operation, its children and its end share them."""

    def __missing__(self, identifier: int | str) -> str:
        text = self[identifier] = id_text(identifier)
        return text


class _Batch:
    """The spans of a batch by what becomes of them. Dictionaries, because they keep the order and forget doubles."""

    __slots__ = ("ends", "ids", "starts", "updated", "updates")

    def __init__(self) -> None:
        self.ids = _Ids()
        self.starts: dict[Span, str] = {}  # -> the status it starts with
        self.ends: dict[Span, None] = {}
        self.updated: set[Span] = set()
        self.updates: list[tuple[Span, Mapping[str, Any]]] = []

    def take(self, event: SpanEvent) -> None:
        phase, span, fields = event
        if phase is Phase.END:
            if span in self.starts and span not in self.updated:
                del self.starts[span]
            self.ends[span] = None
        elif phase is Phase.START:
            self.starts[span] = RUNNING
        elif phase is Phase.POINT:
            self.starts[span] = _fact(span, "status") or COMPLETED
        elif phase is Phase.UPDATE:
            self.updates.append((span, fields or {}))
            self.updated.add(span)
            if not _is_stand_in(span):  # a row to update there must be, also where the trace was pruned meanwhile
                self.starts.setdefault(span, RUNNING)

    def stubs(self) -> list[Row]:
        """Rows for the traces that this batch speaks of without their own start or end."""
        known = {span.trace for spans in (self.starts, self.ends) for span in spans if span.parent is None}
        roots: dict[Trace, Span] = {}
        for spans in (self.starts, self.ends, self.updated):
            for span in spans:
                trace = span.trace
                if trace not in known and trace not in roots and not (_is_stand_in(span) and span.parent is not None):
                    roots[trace] = _root(span)
        return [_stub(root, self.ids) for root in roots.values()]

    def statements(self) -> list[Statement]:
        ids, starts, ends = self.ids, self.starts, self.ends
        return [
            Statement(STUB, self.stubs()),
            Statement(START_TRACE, [_trace_start(span, ids) for span in starts if span.parent is None]),
            Statement(
                START_OPERATION,
                [_operation_start(span, status, ids) for span, status in starts.items() if span.parent is not None],
            ),
            *(_update(span, fields, ids) for span, fields in self.updates),
            Statement(END_TRACE, [_trace_end(span, ids) for span in ends if span.parent is None]),
            Statement(END_OPERATION, [_operation_end(span, ids) for span in ends if span.parent is not None]),
            *(_update(span, {"tags": _json(_all_tags(span))}, ids) for span in ends if span.more_tags),
        ]


def plan(events: Iterable[SpanEvent]) -> list[Statement]:
    """The statements that store these events, in the order in which they have to run."""
    batch = _Batch()
    for event in events:
        batch.take(event)
    return [statement for statement in batch.statements() if statement.rows]


def begun(statements: Iterable[Statement]) -> list[str]:
    """The ids of the traces that these begin and do not end."""
    return [row[0] for statement in statements if statement.sql == START_TRACE for row in statement.rows]


def _is_stand_in(span: Span) -> bool:
    """Whether it was made from an id alone, for an update of something that another process recorded."""
    return not span.name and not span.trace.agent_id


def _root(span: Span) -> Span:
    while span.parent is not None:
        span = span.parent
    return span


# --------------------------------------------------------------------------------------------------------- one row


def _stub(root: Span, ids: _Ids) -> Row:
    """A trace's row without payload: in a forked child its payload may not have been redacted yet."""
    if root.status is not None and root.end_ns is not None:
        return _trace_facts(root, root.status, root.end_ns, ids)
    return _trace_facts(root, RUNNING, None, ids)


def _trace_start(span: Span, ids: _Ids) -> Row:
    return (*_trace_facts(span, RUNNING, None, ids), _text(span.metadata), _text(span.input))


def _trace_end(span: Span, ids: _Ids) -> Row:
    return (
        *_trace_facts(span, span.status or COMPLETED, span.end_ns, ids),
        _text(span.metadata),
        _text(span.input),
        _text(span.error),
        _text(span.output),
        *_end(span),
    )


def _trace_facts(span: Span, status: str, end_ns: int | None, ids: _Ids) -> Row:
    trace = span.trace
    return (
        ids[trace.id],
        trace.agent_id,
        span.name,
        status,
        span.start_ns,
        end_ns,
        None if trace.completion_start is None else parse_iso(trace.completion_start),
        trace.user_id,
        trace.conversation_id,
        None if trace.parent_trace_id is None else ids[trace.parent_trace_id],
        trace.version,
        trace.level,
        _json(span.tags),
        None if trace.remote is None else f"{trace.remote.trace_id} {trace.remote.span_id} {trace.remote.state}",
    )


def _operation_start(span: Span, status: str, ids: _Ids) -> Row:
    return _operation(span, status, None, None, None, ids)


def _operation_end(span: Span, ids: _Ids) -> Row:
    row = _operation(span, span.status or COMPLETED, span.end_ns, _text(span.error), _text(span.output), ids)
    return (*row, *_end(span))


def _operation(span: Span, status: str, end_ns: int | None, error: str | None, output: str | None, ids: _Ids) -> Row:
    parent = span.parent
    version = level = instructions = parent_id = None
    start_ns = span.start_ns
    if parent is not None and parent.parent is not None:  # what is directly under the trace has no parent operation
        parent_id = ids[parent.id]
    if span.facts is not None:
        fact = span.facts.get
        version, level, instructions = fact("version"), fact("level"), fact("instructions")
        parent_id = fact("parent_event_id") or parent_id
        start_ns = _moment(fact("start_time"), start_ns)
        end_ns = _moment(fact("end_time"), end_ns)
        error = error or _text(fact("status_message"))
        output = output or _text(fact("output"))
    return (
        ids[span.trace.id],
        ids[span.id],
        parent_id,
        span.kind,
        span.name,
        span.operation,
        span.agent_id,
        status,
        start_ns,
        end_ns,
        version,
        level,
        _json(span.tags),
        error,
        instructions,
        _text(span.metadata),
        _text(span.input),
        output,
    )


def _end(span: Span) -> Row:
    more = span.more_metadata
    return (
        _json(span.usage),
        None if not more else more[0].decode() if len(more) == 1 else b"\n".join(more).decode(),
    )


def _update(span: Span, fields: Mapping[str, Any], ids: _Ids) -> Statement:
    """The statement that changes the given fields; later metadata is added as a further line."""
    columns = _UPDATED_TRACE if span.parent is None else _UPDATED
    changes = {columns[name]: _updated(name, value) for name, value in fields.items() if name in columns}
    if not changes:
        return Statement("", [])
    assignments = ", ".join(
        f"{column} = coalesce({column} || char(10), '') || ?" if column == "update_metadata" else f"{column} = ?"
        for column in changes
    )
    key: tuple[str, ...]
    table, where, key = "operations", "trace_id = ? AND id = ?", (ids[span.trace.id], ids[span.id])
    if span.parent is None:
        table, where, key = "traces", "id = ?", (ids[span.trace.id],)
    elif _is_stand_in(span):
        where, key = "id = ?", (ids[span.id],)
    return Statement(f"UPDATE {table} SET {assignments} WHERE {where}", [(*changes.values(), *key)])  # noqa: S608 - columns come from the table above


def _updated(name: str, value: Any) -> Any:
    if name == "status" and value == "working":  # the REST API's word for a running trace
        return RUNNING
    if name.endswith("_time"):
        return parse_iso(value)
    return value.decode() if isinstance(value, bytes) else value


# ------------------------------------------------------------------------------------------------------- one value


def _text(payload: Any) -> str | None:
    return None if payload is None else payload.decode()


def _json(value: object) -> str | None:
    if value is None:
        return None
    try:
        return to_json(value, inf_nan_mode="null").decode()
    except ValueError:  # half a surrogate pair, or an object of the user's in the usage
        return json.dumps(value, ensure_ascii=False, default=lambda unknown: type(unknown).__qualname__)


def _fact(span: Span, name: str) -> Any:
    return None if span.facts is None else span.facts.get(name)


def _moment(text: str | None, otherwise: int | None) -> Any:
    return otherwise if text is None else parse_iso(text)


def _all_tags(span: Span) -> list[str]:
    return list(dict.fromkeys((*(span.tags or ()), *span.more_tags)))
