"""The tools of the MCP server: what each is for, which arguments it takes, and the query that it runs.

Arguments come from a model, so they are validated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from voltagent.cli.mcp import queries
from voltagent.errors import VoltAgentError
from voltagent.records.statistics import BY

_TYPES: Final[Mapping[str, type]] = {"string": str, "integer": int, "boolean": bool}  # of JSON schema
_TEXT: Final = {"type": "string"}


class AgentTool(NamedTuple):
    """A tool: its description, its arguments as JSON schema properties, and the function that runs it."""

    description: str
    properties: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]
    run: Callable[..., Any]  # with the path of the store, and the arguments as keywords

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
    return tool.run(path, **arguments)


def _check(tool: AgentTool, arguments: Mapping[str, Any]) -> None:
    """Raise :class:`VoltAgentError` if arguments do not fit the schema of a tool."""
    for name in tool.required:
        if name not in arguments:
            raise VoltAgentError(f"the argument {name!r} is missing")
    for name, value in arguments.items():
        if name not in tool.properties:
            raise VoltAgentError(f"unknown argument {name!r}; there are {', '.join(tool.properties) or 'none'}")
        expected = tool.properties[name]
        if type(value) is not _TYPES[expected["type"]]:
            raise VoltAgentError(f"{name} must be of type {expected['type']}, got {type(value).__name__}")
        if type(value) is int and value < 1:
            raise VoltAgentError(f"{name} must be at least 1, got {value}")
        if "enum" in expected and value not in expected["enum"]:
            raise VoltAgentError(f"{name} must be one of {', '.join(expected['enum'])}, got {value!r}")


_LIMIT: Final = {"type": "integer", "description": f"how many at most (default 20, at most {queries.MOST_ITEMS})"}
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
        }, (), queries.list_traces),
    "get_trace": AgentTool(
        "Show one trace as a tree of its operations, folded to fit max_tokens. Ids in brackets are for get_operation.",
        {"trace_id": _TRACE, "max_tokens": _TOKENS}, ("trace_id",), queries.get_trace),
    "get_operation": AgentTool(
        "Show one operation of a trace with its input, output, error with stack, metadata, tokens and cost.",
        {"trace_id": _TRACE, "operation_id": {"type": "string", "description": "its id, or its beginning"},
         "max_tokens": _TOKENS}, ("trace_id", "operation_id"), queries.get_operation),
    "search": AgentTool(
        "Find traces and operations that hold a string in a name, input, output or error.",
        {"text": _TEXT, "limit": _LIMIT}, ("text",), queries.search),
    "compare_traces": AgentTool(
        "Compare two traces: which operations, inputs, outputs and errors differ.",
        {"first": _TRACE, "second": _TRACE, "max_tokens": _TOKENS}, ("first", "second"), queries.compare_traces),
    "metrics": AgentTool(
        "Count calls, errors, tokens and durations by agent, tool or model.",
        {"by": {"type": "string", "enum": list(BY)}, "since": _SINCE, "until": _UNTIL}, (), queries.count),
    "list_errors": AgentTool(
        "List operations that failed, the newest traces first, with error and input.",
        {"agent_id": _TEXT, "since": _SINCE, "until": _UNTIL, "limit": _LIMIT}, (), queries.list_errors),
}  # fmt: skip
