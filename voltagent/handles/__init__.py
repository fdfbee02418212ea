"""The explicit API: handles for traces, agents, tools, memories, retrievers and custom events.

A handle is a thin view on a span. Its methods record and return at once. Their results are also awaitable, so the same
line works in sync and in async code. As a context manager (``with`` or ``async with``) a handle is current inside the
block; it succeeds at the normal end and fails with an exception, which propagates to the caller.
"""

from __future__ import annotations

from voltagent.handles.current import current, current_agent, current_trace, open_trace
from voltagent.handles.kinds import (
    Agent,
    AgentHandle,
    Event,
    EventHandle,
    Handle,
    Memory,
    MemoryHandle,
    ModelCall,
    ModelCallHandle,
    Retriever,
    RetrieverHandle,
    Tool,
    ToolHandle,
    Trace,
    TraceHandle,
)

__all__ = [
    "Agent",
    "AgentHandle",
    "Event",
    "EventHandle",
    "Handle",
    "Memory",
    "MemoryHandle",
    "ModelCall",
    "ModelCallHandle",
    "Retriever",
    "RetrieverHandle",
    "Tool",
    "ToolHandle",
    "Trace",
    "TraceHandle",
    "current",
    "current_agent",
    "current_trace",
    "open_trace",
]  # fmt: skip
