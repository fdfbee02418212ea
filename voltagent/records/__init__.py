"""Recorded traces as typed, read-only Python objects, read from the local store.

::

    from voltagent.records import load_trace, load_traces

    for trace in load_traces(agent_id="support", errors=True, limit=10):
        print(trace.tree())
    slow = [call for call in load_trace("3f2a").find(kind="tool") if (call.duration or 0) > 1]

Reading changes nothing that was recorded, and works while other processes write. The commands and the viewer read
through this package as well: ``reading`` opens stores and selects traces, the other modules are queries.
"""

from __future__ import annotations

from voltagent.records.loading import RecordNotFoundError, load_trace, load_traces
from voltagent.records.model import OperationRecord, TraceRecord

__all__ = ["OperationRecord", "RecordNotFoundError", "TraceRecord", "load_trace", "load_traces"]
