"""Which trace, agent and operation a span is, as attributes."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from voltagent.core import trace_ids
from voltagent.core.span import CANCELLED, ERROR, TRACE
from voltagent.wire.otlp.span_view import Facts


def trace_id(facts: Facts) -> str:
    """Return the id of the trace."""
    return trace_ids.text(facts.span.trace.id)


def own_trace_id(facts: Facts) -> str | None:
    """Return the id of the trace, if it cannot be read off the span's: a remote parent's, or a hash."""
    trace = facts.span.trace
    return trace_ids.text(trace.id) if trace.remote is not None or trace_ids.is_hashed(trace.id) else None


def own_id(facts: Facts) -> str | None:
    """Return the id of the operation, if it cannot be read off the span's."""
    span = facts.span
    return trace_ids.text(span.id) if span.parent is not None and trace_ids.is_hashed(span.id) else None


def in_opener(facts: Facts) -> bool | None:
    """Return True below an agent that is one span with its trace; else ``None``."""
    parent = facts.span.parent
    return True if facts.opener is not None and parent is not None and parent.id == facts.opener else None


def parent_trace(facts: Facts) -> str | None:
    """Return the trace in which this one was started. Under a remote parent all of the trace has that one's id."""
    trace = facts.span.trace
    parent = trace.parent_trace_id if facts.kind == TRACE and trace.remote is None else None
    return None if parent is None else trace_ids.text(parent)


def user(facts: Facts) -> str | None:
    """Return the user of the trace."""
    return facts.of_trace.get("user_id") or facts.span.trace.user_id


def conversation(facts: Facts) -> str | None:
    """Return the conversation that the trace is a turn of."""
    return facts.of_trace.get("conversation_id") or facts.span.trace.conversation_id


def environment(facts: Facts) -> Any:
    """Return the environment in the metadata of the trace."""
    return facts.metadata.get("environment") if facts.kind == TRACE else None


def completion_start(facts: Facts) -> Any:
    """Return when the trace's answer began."""
    if facts.kind != TRACE:
        return None
    return facts.updates.get("completion_start_time") or facts.span.trace.completion_start


def root_agent(facts: Facts) -> str:
    """Return the agent that the whole trace is a run of."""
    return facts.span.trace.agent_id


def subagent(facts: Facts) -> str | None:
    """Return the nearest agent around the span, unless it is the one that the trace is a run of."""
    nearest = facts.span.agent_id
    return nearest if nearest != facts.span.trace.agent_id else None


def tags(facts: Facts) -> list[str] | None:
    """Return all tags, each once."""
    updated = facts.updates.get("tags")
    found = from_json(updated) if updated is not None else facts.span.tags or ()
    return list(dict.fromkeys((*found, *(facts.span.more_tags if facts.ended else ())))) or None


def version(facts: Facts) -> Any:
    """Return the version of the agent or of the event."""
    return facts.fact("version") or (facts.span.trace.version if facts.kind == TRACE else None)


def level(facts: Facts) -> Any:
    """Return the level that was given."""
    return facts.fact("level") or (facts.span.trace.level if facts.kind == TRACE else None)


def langfuse_level(facts: Facts) -> Any:
    """Return the level by Langfuse's names; of a failure also if none was given."""
    found = level(facts) or {ERROR: "ERROR", CANCELLED: "WARNING"}.get(facts.status)
    return "DEFAULT" if found == "INFO" else found


def memory_operation(facts: Facts) -> str:
    """Return what the GenAI conventions call a read from, or a write to, a memory."""
    return "search_memory" if facts.span.operation == "read" else "update_memory"


def description(facts: Facts) -> Any:
    """Return what a tool does: from the metadata, else from its docstring."""
    return facts.metadata.get("description") or facts.fact("tool_description")


def tool_parameters(facts: Facts) -> Any:
    """Return the parameters of a tool as a JSON schema: from the metadata, else from its signature."""
    return facts.metadata.get("tool_parameters") or facts.fact("tool_parameters")
