"""What is current here, as plain values for another process, and the stand-in that they become there.

A pickle holds neither a span nor the SDK or its keys. So the operation becomes a trace context: what identifies it, and
the settings of the destination. In the other process a stand-in for the operation is current, and what is recorded
below it belongs to the same trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from voltagent.core import context
from voltagent.core.context import INERT, Propagated, nearest_open
from voltagent.core.span import TRACE, Remote, Span, StandIn, TraceInfo


class ParentRecord(NamedTuple):
    """The operation that work was handed over in, by plain values that any pickle can hold."""

    trace_id: int | str
    trace_agent_id: str
    trace_start_ns: int
    user_id: str | None
    conversation_id: str | None
    remote: Remote | None
    id: int | str
    kind: str
    name: str
    agent_id: str


class PortableContext(NamedTuple):
    """What another process needs to record under the operation that is current here."""

    parent: ParentRecord | None
    records: bool  # False: nothing is to be recorded, because it is suppressed or sampled out here
    incoming: Remote | None
    propagated: Propagated | None
    destination: Mapping[str, Any] | None  # how the other process makes an SDK, if it has none; without keys


def describe_context(current: Span | None, incoming: Remote | None, propagated: Propagated | None) -> PortableContext:
    """Return what is current as plain values."""
    span = nearest_open(current)
    recorder = context.recorder_here() if span is None else span.trace.recorder
    alive = recorder is not None and recorder.alive
    destination = recorder.destination if recorder is not None and alive else None
    records = span is None or (span.recording and alive and _is_sampled(span.trace))
    parent = describe_parent(span) if span is not None and records else None
    if span is not None and parent is not None:
        span.trace.is_spread = True
    return PortableContext(parent, records, incoming, propagated, destination)


def _is_sampled(trace: TraceInfo) -> bool:
    return trace.tail_buffer is None or trace.tail_buffer.kept


def describe_parent(span: Span) -> ParentRecord:
    """Return what another process has to know of a span to record below it."""
    trace, root = span.trace, span.root
    return ParentRecord(
        trace.id, trace.agent_id, root.start_ns, trace.user_id, trace.conversation_id, trace.remote,
        span.id, span.kind, span.name, span.agent_id,
    )  # fmt: skip


def stand_in_for(portable: PortableContext) -> Span | None:
    """Return the span to make current for a context of another process; ``None`` if nothing was current there."""
    if not portable.records:
        return INERT
    return None if portable.parent is None else _stand_in(portable.parent, portable.destination)


def _stand_in(parent: ParentRecord, destination: Mapping[str, Any] | None) -> Span:
    """Make a span that stands for one of another process: children may be recorded below it, itself never is."""
    trace = _AdoptedTrace(parent, destination)
    root = StandIn(trace, None, TRACE, parent.trace_agent_id, None, identifier=parent.trace_id)
    root.start_ns = parent.trace_start_ns
    if parent.kind == TRACE:
        return root
    span = StandIn(trace, root, parent.kind, parent.name, None, identifier=parent.id)
    span.agent_id = parent.agent_id
    return span


_adopt: Callable[[Mapping[str, Any] | None], Any] | None = None


def on_adoption(find_recorder: Callable[[Mapping[str, Any] | None], Any]) -> None:
    """Set what finds the recorder for work from another process: the live one, or one made from these settings."""
    global _adopt  # noqa: PLW0603 - one hook for the process, set once by the package
    _adopt = find_recorder


class _AdoptedTrace(TraceInfo):
    """A trace of another process. Its recorder is looked for when something is recorded, not before."""

    __slots__ = ("_destination", "_found")

    def __init__(self, parent: ParentRecord, destination: Mapping[str, Any] | None) -> None:
        self._destination = destination
        self._found: Any = None
        super().__init__(parent.trace_id, parent.trace_agent_id, None)
        self.user_id, self.conversation_id = parent.user_id, parent.conversation_id
        self.remote = parent.remote

    @property
    def recorder(self) -> Any:
        found = self._found
        if found is None or (not found.alive and context.ACTIVE):
            found = self._found = None if _adopt is None else _adopt(self._destination)
        return found

    @recorder.setter
    def recorder(self, _: object) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Do nothing: the trace does not choose its recorder."""
