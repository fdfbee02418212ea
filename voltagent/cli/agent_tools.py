"""The tools of the MCP server: read-only queries of a local store, with plain JSON as results.

Arguments come from a model, so they are validated, and every result is bounded.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from voltagent.cli.for_agent import CHARACTERS_PER_TOKEN, cut, folded_tree
from voltagent.errors import VoltAgentError
from voltagent.records import OperationRecord, TraceRecord, load_traces
from voltagent.records.loading import nanoseconds
from voltagent.records.reading import open_store, record_of, select_trace
from voltagent.records.statistics import BY, PERCENTILES, metrics
from voltagent.render.text import error_text

_MOST: Final = 100  # items of a list
_TEXT: Final = {"type": "string"}


class AgentTool(NamedTuple):
    """A tool: its description, its arguments as JSON schema properties, and the function that runs it."""

    description: str
    properties: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]
    run: Callable[[Path, dict[str, Any]], Any]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }


def call_tool(name: str, path: Path, arguments: Mapping[str, Any]) -> Any:
    """Run a tool.

    Raises:
        VoltAgentError: an argument is invalid, the trace does not exist, or the store is missing or unreadable.
    """
    tool = TOOLS[name]
    _check(tool, arguments)
    if not path.exists():
        raise VoltAgentError(
            f"nothing has been recorded yet: no store exists at {path}. Run a program that uses voltagent, or start "
            "this server with --db"
        )
    return tool.run(path, dict(arguments))


def _check(tool: AgentTool, arguments: Mapping[str, Any]) -> None:
    """Raise :class:`VoltAgentError` if arguments do not fit the schema of a tool."""
    for name in tool.required:
        if name not in arguments:
            raise VoltAgentError(f"the argument {name!r} is missing")
    for name, value in arguments.items():
        if name not in tool.properties:
            raise VoltAgentError(f"unknown argument {name!r}; there are {', '.join(tool.properties) or 'none'}")
        expected = tool.properties[name]
        kinds = {"string": str, "integer": int, "boolean": bool}
        if type(value) is not kinds[expected["type"]]:
            raise VoltAgentError(f"{name} must be of type {expected['type']}, got {type(value).__name__}")
        if type(value) is int and value < 1:
            raise VoltAgentError(f"{name} must be at least 1, got {value}")
        if "enum" in expected and value not in expected["enum"]:
            raise VoltAgentError(f"{name} must be one of {', '.join(expected['enum'])}, got {value!r}")


def _list_traces(path: Path, given: dict[str, Any]) -> Any:
    limit = min(given.pop("limit", 20), _MOST)
    return [_summary(trace) for trace in load_traces(path, limit=limit, **given)]


def _trace(path: Path, identifier: str) -> TraceRecord:
    """Return the trace with this id, the newest of an agent with this name, or the trace whose id begins like this."""
    with open_store(path) as store:
        found = select_trace(store, identifier) if identifier else None
        if found is None:
            raise VoltAgentError(
                f"no trace has the id {identifier!r}, an id with this prefix, or an agent of this name"
            )
        return record_of(store, found)


def _get_trace(path: Path, given: dict[str, Any]) -> Any:
    """Return a summary of a trace and its tree, within the tokens that the caller allows."""
    trace = _trace(path, given["trace_id"])
    space = given.get("max_tokens", 2000) * CHARACTERS_PER_TOKEN
    about = _summary(trace)
    if len(_json(about)) > space // 2:  # the tree is more useful
        about = {name: about[name] for name in ("id", "status", "errors")}
    return {**about, "tree": _tree_within(trace, space - len(_json(about)) - len(', "tree": '))}


def _tree_within(trace: TraceRecord, space: int) -> str:
    """Return the tree so that it has at most ``space`` characters in JSON, where a line break takes two."""
    tokens = space // CHARACTERS_PER_TOKEN
    while tokens > 0:
        tree = folded_tree(trace, tokens)
        excess = len(_json(tree)) - space
        if excess <= 0:
            return tree
        tokens -= 1 + excess // CHARACTERS_PER_TOKEN
    return ""


def _get_operation(path: Path, given: dict[str, Any]) -> Any:
    """Return one operation in full, found by its id or the beginning of it."""
    trace = _trace(path, given["trace_id"])
    wanted = given["operation_id"]
    found = [one for one in trace.walk() if one.id == wanted] or [
        one for one in trace.walk() if one.id.startswith(wanted)
    ]
    if len(found) != 1:
        problem = "no operation" if not found else f"{len(found)} operations"
        raise VoltAgentError(f"{problem} in the trace {trace.id} with the id prefix {wanted!r}")
    return _operation(found[0], given.get("max_tokens", 4000) * CHARACTERS_PER_TOKEN)


def _search(path: Path, given: dict[str, Any]) -> Any:
    """Return the traces that contain a text, with an excerpt of each operation in which it occurs."""
    text, limit = given["text"], min(given.get("limit", 20), _MOST)
    found: list[dict[str, Any]] = []
    for trace in load_traces(path, text=text, limit=limit):
        hits = [one for one in trace.walk() if _holds(one, text)][:5]
        found.append({**_summary(trace), "operations": [{**_place(one), "match": _excerpt(one, text)} for one in hits]})
    return found


def _compare(path: Path, given: dict[str, Any]) -> Any:
    """Return two traces as outlines, and the lines in which they differ."""
    first, second = (_trace(path, given[name]) for name in ("first", "second"))
    space = given.get("max_tokens", 2000) * CHARACTERS_PER_TOKEN
    lines = [line for line in difflib.ndiff(_outline(first), _outline(second)) if not line.startswith("?")]
    return {
        "first": _summary(first),
        "second": _summary(second),
        "equal": _outline(first) == _outline(second),
        "differences": cut("\n".join(lines), space),
    }


def _metrics(path: Path, given: dict[str, Any]) -> Any:
    """Return calls, errors, tokens and durations for each agent, model or other group."""
    with open_store(path) as store:
        since, until = (nanoseconds(name, given.get(name)) for name in ("since", "until"))
        found = metrics(store, given.get("by", "agent"), buckets=1, since_ns=since, until_ns=until)
    return [
        {
            "name": group.name,
            "calls": group.total.calls,
            "errors": group.total.errors,
            "tokens": group.total.tokens,
            "seconds": {f"p{percent}": _seconds(group.total.percentile(percent)) for percent in PERCENTILES},
        }
        for group in found.groups[:_MOST]
    ]


def _list_errors(path: Path, given: dict[str, Any]) -> Any:
    """Return the operations that failed, the newest traces first."""
    limit = min(given.pop("limit", 20), _MOST)
    found = (
        {"trace_id": trace.id, "agent_id": trace.agent_id, **_place(one), "error": cut(error_text(one.error), 500),
         "input": cut(_json(one.input), 500)}
        for trace in load_traces(path, errors=True, **given)
        for one in trace.walk()
        if one.status == "error"
    )  # fmt: skip
    return list(islice(found, limit))


def _summary(trace: TraceRecord) -> dict[str, Any]:
    """Return what every tool says of a trace: status, duration, tokens, cost and errors."""
    operations = list(trace.walk())
    return {
        "id": trace.id,
        "agent_id": trace.agent_id,
        "status": trace.status,
        "start": trace.start.isoformat(),
        "seconds": trace.duration,
        "operations": len(operations),
        "errors": sum(one.status == "error" for one in operations),
        "usage": None if trace.usage is None else dict(trace.usage),
        "cost": trace.cost,
        "user_id": trace.user_id,
        "conversation_id": trace.conversation_id,
        "tags": list(trace.tags),
        "input": cut(_json(trace.input), 300),
    }


def _place(one: OperationRecord) -> dict[str, Any]:
    parent = None if one.parent is None else f"{one.parent.kind} {one.parent.name}"
    return {"operation_id": one.id, "kind": one.kind, "name": one.name, "status": one.status, "parent": parent}


def _operation(one: OperationRecord, space: int) -> dict[str, Any]:
    """Return an operation whose payloads share ``space`` characters."""
    payloads = {"input": one.input, "output": one.output, "error": one.error, "metadata": dict(one.metadata)}
    return {
        **_place(one),
        "trace_id": one.trace_id,
        "start": one.start.isoformat(),
        "seconds": one.duration,
        "usage": None if one.usage is None else dict(one.usage),
        "model": one.model,
        "cost": one.cost,
        "tags": list(one.tags),
        **{name: _bounded(value, space // 4) for name, value in payloads.items()},
    }


def _bounded(value: Any, space: int) -> Any:
    text = _json(value)
    return value if len(text) <= space else cut(text, space)


def _outline(trace: TraceRecord) -> list[str]:
    """Return a trace as lines without times and ids, so that equal runs give equal lines."""
    lines = [f"trace {trace.agent_id}  {trace.status}  {cut(_json(trace.input), 300)}"]
    depth: dict[str, int] = {}
    for one in trace.walk():
        depth[one.id] = 0 if one.parent is None else depth[one.parent.id] + 1
        error = "" if one.error is None else f"  {cut(error_text(one.error), 200)}"
        lines.append(
            f"{'  ' * (depth[one.id] + 1)}{one.kind} {one.name}  {one.status}{error}  {cut(_json(one.input), 300)} "
            f"-> {cut(_json(one.output), 300)}"
        )
    return lines


def _holds(one: OperationRecord, text: str) -> bool:
    return text.lower() in _all_text(one).lower()


def _all_text(one: OperationRecord) -> str:
    return f"{one.name}\n{_json(one.input)}\n{_json(one.output)}\n{_json(one.error)}"


def _excerpt(one: OperationRecord, text: str) -> str:
    content = _all_text(one)
    place = content.lower().find(text.lower())
    return content[max(0, place - 80) : place + len(text) + 80]


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_LIMIT: Final = {"type": "integer", "description": f"how many at most (default 20, at most {_MOST})"}
_TRACE: Final = {
    "type": "string",
    "description": "the trace's id, its beginning, or an agent's name for its newest trace",
}
_TOKENS: Final = {"type": "integer", "description": "approximate limit for the tokens of the answer"}
_SINCE: Final = {"type": "string", "description": "began at or after this time, ISO 8601"}
_UNTIL: Final = {"type": "string", "description": "began before this time, ISO 8601"}

TOOLS: Final[Mapping[str, AgentTool]] = {
    "list_traces": AgentTool(
        "List recorded traces (runs of an agent), the newest first. All conditions must hold.",
        {
            "agent_id": {"type": "string", "description": "the trace's agent id, or the name of an agent in it"},
            "status": {"type": "string", "enum": ["running", "completed", "error", "cancelled"]},
            "errors": {"type": "boolean", "description": "whether something failed in it"},
            "since": _SINCE, "until": _UNTIL, "user_id": _TEXT, "conversation_id": _TEXT, "tag": _TEXT,
            "text": {"type": "string", "description": "a string in a name, input, output or error"},
            "order": {"type": "string", "enum": ["newest", "oldest"]},
            "limit": _LIMIT,
        }, (), _list_traces),
    "get_trace": AgentTool(
        "Show one trace as a tree of its operations, folded to fit max_tokens. Ids in brackets are for get_operation.",
        {"trace_id": _TRACE, "max_tokens": _TOKENS}, ("trace_id",), _get_trace),
    "get_operation": AgentTool(
        "Show one operation of a trace with its input, output, error with stack, metadata, tokens and cost.",
        {"trace_id": _TRACE, "operation_id": {"type": "string", "description": "its id, or its beginning"},
         "max_tokens": _TOKENS}, ("trace_id", "operation_id"), _get_operation),
    "search": AgentTool(
        "Find traces and operations that hold a string in a name, input, output or error.",
        {"text": _TEXT, "limit": _LIMIT}, ("text",), _search),
    "compare_traces": AgentTool(
        "Compare two traces: which operations, inputs, outputs and errors differ.",
        {"first": _TRACE, "second": _TRACE, "max_tokens": _TOKENS}, ("first", "second"), _compare),
    "metrics": AgentTool(
        "Count calls, errors, tokens and durations by agent, tool or model.",
        {"by": {"type": "string", "enum": list(BY)}, "since": _SINCE, "until": _UNTIL}, (), _metrics),
    "list_errors": AgentTool(
        "List operations that failed, the newest traces first, with error and input.",
        {"agent_id": _TEXT, "since": _SINCE, "until": _UNTIL, "limit": _LIMIT}, (), _list_errors),
}  # fmt: skip
