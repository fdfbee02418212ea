"""The rows of spans, for the statements that store them. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

from voltagent.core.clock import id_text, parse_iso
from voltagent.core.span import COMPLETED, PartialUsage, Span, is_placeholder
from voltagent.storage.traces.statements import (
    END_OPERATION,
    END_TRACE,
    END_USUAL_CHILD,
    END_USUAL_OPERATION,
    PLACES,
    START_OPERATION,
    START_TRACE,
    STUB,
    OperationColumns,
    SqlRow,
    Statement,
    TraceColumns,
)

RUNNING: Final = "running"
_LARGE: Final = 1 << 16  # bytes
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


class IdTexts(dict[int | str, str]):
    """The ids of a batch as text, formatted once: an operation, its children and its end share them."""

    def __missing__(self, identifier: int | str) -> str:
        text = self[identifier] = id_text(identifier)
        return text


def stub(root: Span, ids: IdTexts) -> SqlRow:
    """Return a trace's row without payloads, as in a forked child they may not have been redacted yet.

    The last value says whether the trace's first span may never come: 0 for no, 1 for yes, 2 if it may.
    """
    if root.status is not None and root.end_ns is not None:
        return STUB.of((*_trace_facts(root, root.status, root.end_ns, ids), 0))
    rootless = 0 if root.trace.recorder is not None else 2 if fact(root, "awaits_root") else 1
    return STUB.of((*_trace_facts(root, RUNNING, None, ids), rootless))


def trace_start(span: Span, ids: IdTexts) -> SqlRow:
    return START_TRACE.of((*_trace_facts(span, RUNNING, None, ids), _text(span.metadata), stored_payload(span.input)))


def trace_end(span: Span, ids: IdTexts) -> SqlRow:
    """Return the row for the end of a trace."""
    metadata, given, error, output = span.metadata, span.input, span.error, span.output
    return END_TRACE.of((
        *_trace_facts(span, span.status or COMPLETED, span.end_ns, ids),
        None if metadata is None else metadata.decode(),
        stored_payload(given),
        None if error is None else _text(error),
        stored_payload(output),
        None if span.usage is None else json_text(whole_usage(span)),
        None if not span.more_metadata else b"\n".join(span.more_metadata).decode(),
    ))  # fmt: skip


def _trace_facts(span: Span, status: str, end_ns: int | None, ids: IdTexts) -> TraceColumns:
    """Return the columns of a trace that its start and its end have in common."""
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


def operation_start(span: Span, status: str, ids: IdTexts) -> SqlRow:
    return START_OPERATION.of(_operation(span, status, None, None, None, ids))


def operation_end(span: Span, ids: IdTexts) -> SqlRow:
    """Return the row of an operation that ended: a short one for the usual case, which is stored in less time."""
    given, output, facts, parent = span.input, span.output, span.facts, span.parent
    if (
        given is not None and output is not None and len(given) + len(output) < _LARGE
        and span.error is None and span.usage is None and span.metadata is None and not span.more_metadata
        and span.tags is None and span.operation is None
        and (facts is None or facts.keys() <= _DESCRIPTIONS)
    ):  # fmt: skip
        usual = (ids[span.trace.id], ids[span.id], span.kind, span.name, span.agent_id, span.status or COMPLETED,
                 span.start_ns, span.end_ns, given.decode(), output.decode())  # fmt: skip
        if parent is None or parent.parent is None:
            return END_USUAL_OPERATION, usual
        return END_USUAL_CHILD, (*usual, ids[parent.id])
    return END_OPERATION.of(_unusual_end(span, ids))


def _unusual_end(span: Span, ids: IdTexts) -> tuple[Any, ...]:
    """Return the row for the end of an operation with more than an output: an error, tags, usage and the like."""
    error, output = span.error, span.output
    return (
        *_operation(
            span,
            span.status or COMPLETED,
            span.end_ns,
            None if error is None else _text(error),
            stored_payload(output),
            ids,
        ),
        None if span.usage is None else json_text(whole_usage(span)),
        None if not span.more_metadata else b"\n".join(span.more_metadata).decode(),
    )


def _operation(
    span: Span, status: str, end_ns: int | None, error: str | None, output: str | bytes | None, ids: IdTexts
) -> OperationColumns:
    """Return the columns of an operation, for its start and its end alike."""
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
        output = output or stored_payload(facts.get("output"))
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
        input=stored_payload(given),
        output=output,
    )


def whole_usage(span: Span) -> dict[str, Any] | None:
    """Return the tokens of a span; ``None`` if other processes used some in the same trace: the store adds them up."""
    return None if type(span.usage) is PartialUsage else span.usage


def update(span: Span, fields: Mapping[str, Any], ids: IdTexts) -> Statement:
    """Return the statement that changes the given fields; metadata is appended as a further line."""
    columns = _UPDATED_TRACE if span.parent is None else _UPDATED
    changes = {columns[name]: _updated(name, value) for name, value in fields.items() if name in columns}
    if not changes:
        return Statement("", [])
    assignments = ", ".join(
        f"{column} = coalesce({column} || char(10), '') || ?"
        if column == "update_metadata"
        else f"{column} = {PLACES.get(column, '?')}"
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
    """Return the value of a column from a field of an update."""
    if name == "status" and value == "working":  # the REST API's word for a running trace
        return RUNNING
    if name.endswith("_time"):
        return parse_iso(value)
    if not isinstance(value, bytes):
        return value
    return stored_payload(value) if name in PLACES else value.decode()


def stored_payload(payload: bytes | None) -> str | bytes | None:
    """Return a payload as it is bound to a statement: as bytes, of which SQLite makes text, if large and not ASCII.

    :mod:`sqlite3` would encode such a string as UTF-8 in one step, during which no other thread runs.
    """
    if payload is None or (len(payload) >= _LARGE and not payload.isascii()):
        return payload
    return payload.decode()


def _text(payload: Any) -> str | None:
    return None if payload is None else payload.decode()


def json_text(value: object) -> str | None:
    """Return a value as JSON text; what JSON cannot hold is replaced."""
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
