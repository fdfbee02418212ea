"""The handle that is current in this context, and the start of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from voltagent.core.context import INERT, current_span
from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, TRACE
from voltagent.handles.kinds import (
    Agent,
    CustomEvent,
    Handle,
    Memory,
    ModelCall,
    Options,
    Retriever,
    Tool,
    Trace,
    TraceHandle,
)
from voltagent.tracing import operations
from voltagent.tracing.recorder import Recorder

_VIEWS: Final[Mapping[str, type[Handle]]] = {
    TRACE: Trace,
    AGENT: Agent,
    TOOL: Tool,
    MEMORY: Memory,
    RETRIEVER: Retriever,
    LLM: ModelCall,
}


def current() -> Handle:
    """Return the innermost open handle of this context; if none is open, an inert one, which is false."""
    span = current_span() or INERT
    return _VIEWS.get(span.kind, CustomEvent)(span)


def current_agent() -> Agent:
    """Return the handle of the innermost enclosing agent; an inert one if there is none."""
    span = current_span()
    while span is not None and span.kind != AGENT:
        span = span.parent
    return Agent(span or INERT)


def current_trace() -> Trace:
    """Return the handle of the open trace; an inert one if there is none."""
    return Trace((current_span() or INERT).root)


def open_trace(recorder: Recorder | None, options: Options, keywords: Mapping[str, Any]) -> TraceHandle:
    """Start a trace from the arguments of ``VoltAgentSDK.trace``.

    Args:
        recorder: that of the SDK; without one the handle is inert.
        options: a mapping or a ``TraceOptions``.
        keywords: the same options as keywords.
    """
    return TraceHandle(operations.start_trace(recorder, options, keywords))
