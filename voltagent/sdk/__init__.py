"""``VoltAgentSDK``, and the names that voltagent 0.1.1 had in this module."""

from __future__ import annotations

from typing import TypeAlias

from voltagent import handles
from voltagent.handles import TraceHandle
from voltagent.sdk.automatic import from_environment, recorder_for as recorder_for
from voltagent.sdk.reports import PendingReport
from voltagent.sdk.voltagent_sdk import VoltAgentSDK

__all__ = ["AgentContext", "EventContext", "MemoryContext", "PendingReport", "RetrieverContext", "ToolContext",
           "TraceContext", "TraceContextManager", "VoltAgentSDK", "from_environment"]  # fmt: skip

# The names that voltagent 0.1.1 had for the handles.
TraceContextManager: TypeAlias = TraceHandle
TraceContext: TypeAlias = handles.Trace
AgentContext: TypeAlias = handles.Agent
ToolContext: TypeAlias = handles.Tool
MemoryContext: TypeAlias = handles.Memory
RetrieverContext: TypeAlias = handles.Retriever
EventContext: TypeAlias = handles.Event
