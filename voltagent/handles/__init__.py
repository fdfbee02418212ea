"""The explicit API: handles for traces, agents, tools, memories, retrievers and custom events.

A handle is a thin view of a span. Its methods record and return at once, and their results are awaitable too, so the
same line works in sync and in async code. As a context manager (``with`` or ``async with``), a handle is current inside
the block; it succeeds when the block ends, and fails with an exception, which propagates.
"""

from __future__ import annotations

from voltagent.handles.current import current, current_agent, current_trace, open_trace
from voltagent.handles.kinds import (
    Agent,
    AgentHandle,
    CustomEvent,
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

# Earlier names of these classes. `voltagent.types.Event` is another class: an event as the platform returns it.
Event = CustomEvent
NewAgent = AgentHandle
NewEvent = EventHandle
NewMemory = MemoryHandle
NewRetriever = RetrieverHandle
NewTool = ToolHandle
NewTrace = TraceHandle

__all__ = [
    "Agent",
    "AgentHandle",
    "CustomEvent",
    "Event",
    "EventHandle",
    "Handle",
    "Memory",
    "MemoryHandle",
    "ModelCall",
    "ModelCallHandle",
    "NewAgent",
    "NewEvent",
    "NewMemory",
    "NewRetriever",
    "NewTool",
    "NewTrace",
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
