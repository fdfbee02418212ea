"""The statements and parameters that store spans. Pure functions.

Delivery is at least once, so every statement can run twice and leave the same rows. A start inserts a row and changes
nothing that a later event has set; an end repeats the start's fields, so if both are in one batch (the usual case),
only the end is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic_core import to_json

from voltagent.core.clock import id_text, parse_iso
from voltagent.core.span import COMPLETED, PartialUsage, Span, is_placeholder

Row: TypeAlias = tuple[Any, ...]  # its columns in the order of the statement that stores it

RUNNING: Final = "running"


class TraceColumns(NamedTuple):
    """What every row of table ``traces`` starts with."""

    id: str
    agent_id: str
    name: str
    status: str
    start_ns: int
    end_ns: int | None
    completion_start_ns: int | None
    user_id: str | None
    conversation_id: str | None
    parent_trace_id: str | None
    version: str | None
    level: str | None
    tags: str | None
    remote: str | None


class OperationColumns(NamedTuple):
    """What every row of table ``operations`` starts with."""

    trace_id: str
    id: str
    parent_id: int | str | None
    kind: str
    name: str
    operation: str | None
    agent_id: str | None
    status: str
    start_ns: int
    end_ns: int | None
    version: str | None
    level: str | None
    tags: str | None
    error: str | None
    instructions: str | None
    metadata: str | None
    input: str | None
    output: str | None


_TRACE_START: Final = TraceColumns._fields
_OPERATION_START: Final = OperationColumns._fields
_END: Final = ("usage", "end_metadata")
_DESCRIPTIONS: Final = frozenset(("tool_description", "tool_parameters"))  # facts that the store does not keep

# Fields that `update` may change -> columns. `metadata` is added to, not replaced.
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


def _keep(table: str, *columns: str) -> str:
    """Keep the row's values; fill only those that are missing."""
    return ", ".join(f"{column} = coalesce({table}.{column}, excluded.{column})" for column in columns)


def _replaced(*columns: str) -> str:
    return ", ".join(f"{column} = excluded.{column}" for column in columns)


def _overwrite(table: str, *columns: str) -> str:
    """Overwrite the row's values by new ones; keep those without a new value."""
    return ", ".join(f"{column} = coalesce(excluded.{column}, {table}.{column})" for column in columns)


# The real facts replace those of a stub, whose maker knew only the id, or the state before a fork.
_TRACE_FACTS: Final = (
    _replaced("agent_id", "name", "start_ns", "parent_trace_id", "metadata")
    + ", "
    + _keep(
        "traces", "completion_start_ns", "user_id", "conversation_id", "version", "level", "tags", "remote", "input"
    )
)
STUB: Final = _insert("traces", (*_TRACE_START, "rootless"), "(id) DO UPDATE SET rootless = excluded.rootless "
                      "WHERE rootless > 0 AND excluded.rootless > 0")  # fmt: skip
# A trace that seemed to lack its first span may have been ended based on its operations.
_BEGUN_AFTER_ALL: Final = (
    "status = CASE WHEN rootless > 0 THEN excluded.status ELSE status END, "
    "end_ns = CASE WHEN rootless > 0 THEN NULL ELSE end_ns END, rootless = NULL"
)
START_TRACE: Final = _insert(
    "traces", (*_TRACE_START, "metadata", "input"), f"(id) DO UPDATE SET {_TRACE_FACTS}, {_BEGUN_AFTER_ALL}"
)
END_TRACE: Final = _insert(
    "traces",
    (*_TRACE_START, "metadata", "input", "error", "output", *_END),
    f"(id) DO UPDATE SET {_TRACE_FACTS}, {_replaced('status', 'end_ns', 'end_metadata')}, rootless = NULL, "
    + _overwrite("traces", "usage", "error", "output"),
)
START_OPERATION: Final = _insert("operations", _OPERATION_START, "(trace_id, id) DO NOTHING")
END_OPERATION: Final = _insert(
    "operations",
    (*_OPERATION_START, *_END),
    f"(trace_id, id) DO UPDATE SET {_replaced('status', 'end_ns', 'end_metadata')}, "
    + _overwrite("operations", "usage", "error", "output"),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL statement and the rows to run it with."""

    sql: str
    rows: Sequence[Row] | Sequence[Mapping[str, Any]]  # a mapping for a statement with named parameters


class IdTexts(dict[int | str, str]):
    """The ids of a batch as text, formatted once: an operation, its children and its end share them."""

    def __missing__(self, identifier: int | str) -> str:
        text = self[identifier] = id_text(identifier)
        return text


def stub(root: Span, ids: IdTexts) -> Row:
    """Return a trace's row without payloads, as in a forked child they may not have been redacted yet.

    The last value says whether the trace's first span may never come: 0 for no, 1 for yes, 2 if it may.
    """
    if root.status is not None and root.end_ns is not None:
        return (*_trace_facts(root, root.status, root.end_ns, ids), 0)
    rootless = 0 if root.trace.recorder is not None else 2 if fact(root, "awaits_root") else 1
    return (*_trace_facts(root, RUNNING, None, ids), rootless)


def trace_start(span: Span, ids: IdTexts) -> Row:
    return (*_trace_facts(span, RUNNING, None, ids), _text(span.metadata), _text(span.input))


def trace_end(span: Span, ids: IdTexts) -> Row:
    metadata, given, error, output = span.metadata, span.input, span.error, span.output
    return (
        *_trace_facts(span, span.status or COMPLETED, span.end_ns, ids),
        None if metadata is None else metadata.decode(),
        None if given is None else given.decode(),
        None if error is None else _text(error),
        None if output is None else output.decode(),
        None if span.usage is None else json_text(whole_usage(span)),
        None if not span.more_metadata else b"\n".join(span.more_metadata).decode(),
    )


def _trace_facts(span: Span, status: str, end_ns: int | None, ids: IdTexts) -> TraceColumns:
    trace, remote = span.trace, span.trace.remote
    return TraceColumns(
        id=ids[trace.id],
        agent_id=trace.agent_id,
        name=span.name,
        status=status,
        start_ns=span.start_ns,
        end_ns=end_ns,
        completion_start_ns=None if trace.completion_start is None else parse_iso(trace.completion_start),
        user_id=trace.user_id,
        conversation_id=trace.conversation_id,
        parent_trace_id=None if trace.parent_trace_id is None else ids[trace.parent_trace_id],
        version=trace.version,
        level=trace.level,
        tags=None if span.tags is None else json_text(span.tags),
        remote=None if remote is None else f"{remote.trace_id} {remote.span_id} {remote.state}",
    )


def operation_start(span: Span, status: str, ids: IdTexts) -> Row:
    return _operation(span, status, None, None, None, ids)


def operation_end(span: Span, ids: IdTexts) -> Row:
    error, output = span.error, span.output
    return (
        *_operation(
            span,
            span.status or COMPLETED,
            span.end_ns,
            None if error is None else _text(error),
            None if output is None else output.decode(),
            ids,
        ),
        None if span.usage is None else json_text(whole_usage(span)),
        None if not span.more_metadata else b"\n".join(span.more_metadata).decode(),
    )


def _operation(
    span: Span, status: str, end_ns: int | None, error: str | None, output: str | None, ids: IdTexts
) -> OperationColumns:
    parent, metadata, given, facts = span.parent, span.metadata, span.input, span.facts
    version = level = instructions = None
    parent_id: int | str | None = None
    start_ns = span.start_ns
    if parent is not None and parent.parent is not None:  # operations directly below the trace have no parent operation
        parent_id = ids[parent.id]
    if facts is not None and not (facts.keys() <= _DESCRIPTIONS):
        version, level, instructions = facts.get("version"), facts.get("level"), facts.get("instructions")
        parent_id = facts.get("parent_event_id") or parent_id
        start_ns = _moment(facts.get("start_time"), start_ns)
        end_ns = _moment(facts.get("end_time"), end_ns)
        error = error or _text(facts.get("status_message"))
        output = output or _text(facts.get("output"))
    return OperationColumns(
        trace_id=ids[span.trace.id],
        id=ids[span.id],
        parent_id=parent_id,
        kind=span.kind,
        name=span.name,
        operation=span.operation,
        agent_id=span.agent_id,
        status=status,
        start_ns=start_ns,
        end_ns=end_ns,
        version=version,
        level=level,
        tags=None if span.tags is None else json_text(span.tags),
        error=error,
        instructions=instructions,
        metadata=None if metadata is None else metadata.decode(),
        input=None if given is None else given.decode(),
        output=output,
    )


def whole_usage(span: Span) -> dict[str, Any] | None:
    """The tokens of a span; ``None`` if other processes used some in the same trace, so that they are added up here."""
    return None if type(span.usage) is PartialUsage else span.usage


def update(span: Span, fields: Mapping[str, Any], ids: IdTexts) -> Statement:
    """Return the statement that changes the given fields; metadata is appended as a further line."""
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
    elif is_placeholder(span):
        where, key = "id = ?", (ids[span.id],)
    return Statement(f"UPDATE {table} SET {assignments} WHERE {where}", [(*changes.values(), *key)])  # noqa: S608 - columns come from the table above


def _updated(name: str, value: Any) -> Any:
    if name == "status" and value == "working":  # the REST API's word for a running trace
        return RUNNING
    if name.endswith("_time"):
        return parse_iso(value)
    return value.decode() if isinstance(value, bytes) else value


def _text(payload: Any) -> str | None:
    return None if payload is None else payload.decode()


def json_text(value: object) -> str | None:
    if value is None:
        return None
    try:
        return to_json(value, inf_nan_mode="null").decode()
    except ValueError:  # a lone surrogate, or an object of the user in the usage
        return json.dumps(value, ensure_ascii=False, default=lambda unknown: type(unknown).__qualname__)


def fact(span: Span, name: str) -> Any:
    return None if span.facts is None else span.facts.get(name)


def _moment(text: str | None, otherwise: int | None) -> Any:
    return otherwise if text is None else parse_iso(text)


def all_tags(span: Span) -> list[str]:
    return list(dict.fromkeys((*(span.tags or ()), *span.more_tags)))
