"""The facts of one run: a trace, its operations, and the events they send.

A :class:`Span` is one trace or operation from start to end. Its thread fills it; the sender's thread reads it. What is
set at the start is never changed afterwards, what is set at the end is set once, so neither needs a lock. Payloads are
JSON text already (``bytes``): nothing here refers to an object of the user's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from types import CodeType
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from voltagent.core import clock
from voltagent.core.kinds import EXTENDED

# The kinds of span. A custom event (`add_event`) has the user's own type as its kind.
TRACE: Final = "trace"
AGENT: Final = "agent"
TOOL: Final = "tool"
MEMORY: Final = "memory"
RETRIEVER: Final = "retriever"
LLM: Final = "llm"
EMBEDDING: Final = "embedding"
MODEL_CALLS: Final = frozenset((LLM, EMBEDDING))  # one request to a model each: they have a model and tokens

# How a span can end. Before that its status is None: running.
COMPLETED: Final = "completed"
ERROR: Final = "error"
CANCELLED: Final = "cancelled"

# The lifecycle, as one table: (kind, memory operation) -> the names of its start, success and error events.
EVENT_NAMES: Final[Mapping[tuple[str, str | None], tuple[str, str, str]]] = {
    (AGENT, None): ("agent:start", "agent:success", "agent:error"),
    (TOOL, None): ("tool:start", "tool:success", "tool:error"),
    (LLM, None): ("llm:start", "llm:success", "llm:error"),
    (RETRIEVER, None): ("retriever:start", "retriever:success", "retriever:error"),
    (MEMORY, "write"): ("memory:write_start", "memory:write_success", "memory:write_error"),
    (MEMORY, "read"): ("memory:read_start", "memory:read_success", "memory:read_error"),
    **{(kind, None): (f"{kind}:start", f"{kind}:success", f"{kind}:error") for kind in EXTENDED},
}


class Remote(NamedTuple):
    """A span of another process, as W3C Trace Context names it: what a trace here continues."""

    trace_id: str  # 32 lower-case hex digits
    span_id: str  # 16
    sampled: bool = True  # whether it is being recorded there
    state: str = ""  # the `tracestate` to hand on
    random: bool = False  # whether the trace's id is known to be random, as level 2 of the specification says


# Code and line number of one stack frame; formatted to text on the sender's thread.
Frame: TypeAlias = tuple[CodeType, int]


class Failure:
    """What is recorded of an exception. It refers neither to the exception nor to its frames or their variables."""

    __slots__ = ("cause", "caused", "code", "frames", "identity", "left_out", "members", "message", "name", "notes",
                 "type")  # fmt: skip

    def __init__(self, type: str, name: str, identity: int) -> None:
        self.identity = identity  # `id` of the exception: identifies it while it propagates through a trace
        self.type = type  # with the module, except for built-in types
        self.name = name
        self.message: str | None = None  # None if capture is off
        self.code: int | str | None = None
        self.frames: tuple[Frame, ...] = ()  # outermost first, without those of this library
        self.left_out = 0  # frames between the outer and the inner ones
        self.notes: tuple[str, ...] = ()
        self.cause: Failure | None = None
        self.caused = False  # by `raise ... from`; else the cause is what was being handled at the time
        self.members: tuple[Failure, ...] = ()  # of an exception group

    def comes_from(self, identities: Collection[int]) -> bool:
        """Whether this, a cause or a member of it has one of these identities."""
        return self.identity in identities or any(
            one.comes_from(identities) for one in (self.cause, *self.members) if one is not None
        )


class SpanRecorder(Protocol):
    """What a trace needs of the recorder that made it: :class:`voltagent.tracing.recorder.Recorder`."""

    alive: bool


class TraceBuffer(Protocol):
    """Where the events of a trace wait that was not sampled and may yet fail."""

    kept: bool

    def put(self, event: SpanEvent, size: int) -> bool:
        """Take an event; False if a START was refused."""
        ...


class EventRedactor(Protocol):
    """Redacts an event in place; a decorator's own redactor runs after that of its SDK."""

    def __call__(self, event: SpanEvent) -> SpanEvent | None:
        """The event without secrets; ``None`` drops it."""
        ...


class Trace:
    """What the operations of one trace have in common."""

    __slots__ = ("agent_id", "clock_offset", "completion_start", "conversation_id", "counts", "id", "level",
                 "parent_trace_id", "recorder", "remote", "tail_buffer", "user_id", "version", "withheld")  # fmt: skip

    def __init__(self, identifier: int | str, agent_id: str, recorder: Any) -> None:
        self.id: int | str = identifier
        self.clock_offset: int = clock.offset_ns()  # makes times of the monotonic clock, in all its spans
        self.agent_id: str = agent_id
        self.recorder: Any = recorder  # the `_recorder.Recorder` that made it: floor 1 cannot name its type
        self.user_id: str | None = None
        self.conversation_id: str | None = None
        self.version: str | None = None
        self.level: str | None = None
        self.completion_start: str | None = None
        self.parent_trace_id: int | str | None = None
        self.counts: Any = None  # its `tracing.token_counts.TokenCounts`, from the first response of a model on
        self.withheld: tuple[int, ...] = ()  # `id` of the last exceptions whose text must not be recorded
        self.tail_buffer: TraceBuffer | None = None  # where its events wait, if it was not chosen and may yet fail
        self.remote: Remote | None = None  # the parent of the root span, where another process has it


class Span:
    """One trace or operation, from start to end."""

    __slots__ = (  # noqa: RUF023 - in the order in which they are set
        # set at the start
        "id", "trace", "parent", "kind", "name", "agent_id", "operation", "start_ns", "input", "metadata", "tags",
        "facts", "redact", "model",
        # set while it runs, and at the end
        "more_metadata", "more_tags", "usage", "output", "error", "status", "end_ns",
        "__weakref__",
    )  # fmt: skip

    def __init__(
        self,
        trace: Trace,
        parent: Span | None,
        kind: str,
        name: str,
        input: bytes | None,
        metadata: bytes | None = None,
        operation: str | None = None,
        tags: tuple[str, ...] | None = None,
        redact: Any = None,
        facts: dict[str, Any] | None = None,
        identifier: int | str | None = None,
    ) -> None:
        self.id: int | str = clock.new_id() if identifier is None else identifier
        self.trace: Trace = trace
        self.parent: Span | None = parent  # None for a trace; the trace's own span for what is directly under it
        self.kind: str = kind
        self.name: str = name
        # the nearest enclosing agent's name, else the trace's agent_id
        if parent is None:
            self.agent_id: str = trace.agent_id
        else:
            self.agent_id = parent.name if parent.kind == AGENT else parent.agent_id
        self.operation: str | None = operation  # "read" or "write" for a memory, else None
        self.input: bytes | None = input  # JSON object text
        self.metadata: bytes | None = metadata  # JSON object text, keys as the user wrote them
        self.tags: tuple[str, ...] | None = tags
        self.facts: dict[str, Any] | None = (
            facts  # rare start fields: instructions, level, version, status, status_message
        )
        self.model: str | None = None  # of a model call, and of an agent whose result says so
        self.redact: Any = redact  # a `_redact.Redactor` of this decorator's own, on top of the SDK's
        self.more_metadata: tuple[bytes, ...] = ()  # JSON object texts from record(), success(), error(); later wins
        self.more_tags: tuple[str, ...] = ()
        self.usage: dict[str, Any] | None = None  # keys as given, plain numbers and JSON values
        self.output: bytes | None = None  # JSON object text
        self.error: Failure | bytes | None = None  # bytes (JSON text) once the sender's thread has formatted it
        self.status: str | None = None
        self.end_ns: int | None = None
        self.start_ns: int = clock.monotonic_ns() + trace.clock_offset

    def time_of_end(self) -> int:
        """The time for an end now, in nanoseconds since the epoch.

        Elapsed time is monotonic: it does not depend on whether the system's clock was set meanwhile. An end is never
        before its start, which the user may have given.
        """
        return max(self.start_ns, clock.monotonic_ns() + self.trace.clock_offset)

    @property
    def recording(self) -> bool:
        """False for :data:`voltagent.core.context.INERT` and its likes, under which nothing is recorded."""
        return True

    @property
    def is_outermost(self) -> bool:
        """Whether nothing around it is recorded in this process."""
        return self.parent is None or type(self.parent) is StandIn


class StandIn(Span):
    """Stands for a span that another process records: what is recorded under it becomes its child."""

    __slots__ = ()

    @property
    def recording(self) -> bool:
        recorder = self.trace.recorder
        return recorder is not None and bool(recorder.alive)


class Phase(Enum):
    """What an event says about its span."""

    START = "start"
    END = "end"
    POINT = "point"  # a custom event: a moment, with no end to come
    UPDATE = "update"  # fields changed in between; the third member of the event holds them
    SCORE = "score"  # see :mod:`voltagent.core.scores`; may come after the end


# (phase, span, the fields of an UPDATE or a SCORE, or None). A plain tuple: two are made per decorated call.
# The fields of an UPDATE are JSON-ready: str, int, None, and `bytes` for JSON text (input, output, metadata, usage).
SpanEvent: TypeAlias = tuple[Phase, Span, Mapping[str, Any] | None]


class Sink(Protocol):
    """Where a recorder puts its events: the sender, or a test's list."""

    def put(self, event: SpanEvent, size: int) -> bool:
        """Take an event with ``size`` bytes of payload; False when a START was refused. Never blocks, never raises."""
        ...
