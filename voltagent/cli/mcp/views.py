"""Records as the plain JSON that the tools of the MCP server return, each part cut to a bound.

Pure functions over records.
"""

from __future__ import annotations

from typing import Any

from voltagent.cli.for_agent import cut
from voltagent.records import OperationRecord, TraceRecord
from voltagent.render.text import error_text, strict_json


def summary(trace: TraceRecord) -> dict[str, Any]:
    """Return what every tool says of a trace: status, duration, tokens, cost and errors."""
    operations = list(trace.walk())
    return {
        "id": trace.id,
        "agent_id": trace.agent_id,
        "status": trace.status,
        "start": trace.start.isoformat(),
        "seconds": trace.duration,
        "operations": len(operations),
        "errors": sum(operation.status == "error" for operation in operations),
        "usage": None if trace.usage is None else dict(trace.usage),
        "cost": trace.cost,
        "user_id": trace.user_id,
        "conversation_id": trace.conversation_id,
        "tags": list(trace.tags),
        "input": cut(as_json(trace.input), 300),
    }


def place(operation: OperationRecord) -> dict[str, Any]:
    """Return what identifies an operation in its trace."""
    parent = None if operation.parent is None else f"{operation.parent.kind} {operation.parent.name}"
    return {
        "operation_id": operation.id,
        "kind": operation.kind,
        "name": operation.name,
        "status": operation.status,
        "parent": parent,
    }


def full_operation(operation: OperationRecord, space: int) -> dict[str, Any]:
    """Return an operation whose payloads share ``space`` characters."""
    payloads = {
        "input": operation.input,
        "output": operation.output,
        "error": operation.error,
        "metadata": dict(operation.metadata),
    }
    return {
        **place(operation),
        "trace_id": operation.trace_id,
        "start": operation.start.isoformat(),
        "seconds": operation.duration,
        "usage": None if operation.usage is None else dict(operation.usage),
        "model": operation.model,
        "cost": operation.cost,
        "tags": list(operation.tags),
        **{name: _bounded(value, space // 4) for name, value in payloads.items()},
    }


def _bounded(value: Any, space: int) -> Any:
    text = as_json(value)
    return value if len(text) <= space else cut(text, space)


def outline(trace: TraceRecord) -> list[str]:
    """Return a trace as lines without times and ids, so that equal runs give equal lines."""
    lines = [f"trace {trace.agent_id}  {trace.status}  {cut(as_json(trace.input), 300)}"]
    depth: dict[str, int] = {}
    for operation in trace.walk():
        depth[operation.id] = 0 if operation.parent is None else depth[operation.parent.id] + 1
        error = "" if operation.error is None else f"  {cut(error_text(operation.error), 200)}"
        indent = "  " * (depth[operation.id] + 1)
        payloads = f"{cut(as_json(operation.input), 300)} -> {cut(as_json(operation.output), 300)}"
        lines.append(f"{indent}{operation.kind} {operation.name}  {operation.status}{error}  {payloads}")
    return lines


def contains(operation: OperationRecord, text: str) -> bool:
    """Return whether a text occurs in an operation, in capitals or not."""
    return text.lower() in _all_text(operation).lower()


def _all_text(operation: OperationRecord) -> str:
    return f"{operation.name}\n{as_json(operation.input)}\n{as_json(operation.output)}\n{as_json(operation.error)}"


def excerpt(operation: OperationRecord, text: str) -> str:
    """Return the first place of an operation in which a text occurs, with 80 characters on each side."""
    content = _all_text(operation)
    place = content.lower().find(text.lower())
    return content[max(0, place - 80) : place + len(text) + 80]


def as_json(value: Any) -> str:
    """Return a value as JSON text, with all characters as they are."""
    return strict_json(value, ascii_only=False)
