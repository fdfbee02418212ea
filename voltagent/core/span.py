"""The records of one run: a trace, its operations, and the events that announce them.

A :class:`Span` is one trace or operation from start to end. The caller's thread fills it, the sender's thread reads it.
Fields of the start never change afterwards and fields of the end are set once, so neither needs a lock. Payloads are
JSON text (``bytes``): nothing here refers to an object of the user.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypedDict

from voltagent.core import clock
from voltagent.core.kinds import EXTENDED

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from voltagent.core.protocols import EventRedactor, SpanRecorder, TraceBuffer

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


OPERATION_KINDS: Final = (AGENT, TOOL, MEMORY, RETRIEVER, LLM, *EXTENDED)  # all but traces and custom events
# Kinds that custom events may have as well: voltagent 0.1.1 and other programs record such operations as events.
EVENT_LIKE_KINDS: Final = frozenset((LLM, *EXTENDED))


class Remote(NamedTuple):
    """A span of another process, as W3C Trace Context names it: what a trace here continues."""

    trace_id: str  # 32 lower-case hex digits
    span_id: str  # 16
    sampled: bool = True  # whether it is being recorded there
    state: str = ""  # the `tracestate` to propagate
    random: bool = False  # whether the trace's id is known to be random, as level 2 of the specification says
    baggage: str = ""  # the header of that name, as it came


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
        """Return whether this, a cause or a member of it has one of these identities."""
        return self.identity in identities or any(
            one.comes_from(identities) for one in (self.cause, *self.members) if one is not None
        )


class SpanFacts(TypedDict, total=False):
    """The rare fields of a start. Those of a custom event include what an end would have."""

    instructions: str | None
    version: str | None
    level: str | None
    parent_event_id: int | str | None
    tool_description: str | None
    tool_parameters: str | None  # a JSON schema
    awaits_root: bool  # of a trace that stands in until its first span has arrived
    agent_usage: Mapping[str, Any]  # of a trace that is one span with the agent that opened it
    # of custom events only
    status: str | None
    status_message: Failure | bytes | None  # bytes (JSON text) once the sender's thread has formatted it
    output: bytes | None
    start_time: str | None
    end_time: str | None


def make_facts(given: Mapping[str, Any]) -> SpanFacts | None:
    """Return the fields that are not ``None``; ``None`` if there are none."""
    facts: Any = {name: value for name, value in given.items() if value is not None}
    return facts or None


class SharedFacts(dict[str, Any]):
    """:class:`SpanFacts` that all calls of one function have in common; short, and never changed."""

    __slots__ = ()


def is_shared(facts: object) -> bool:
    """Return whether the facts of a span are those of a function."""
    return type(facts) is SharedFacts


class PartialUsage(dict[str, Any]):
    """A sum of tokens that lacks what other processes used in the same trace: the local store adds up anew."""

    __slots__ = ()


class TraceInfo:
    """The fields that all operations of one trace share. :data:`empty_trace` and :meth:`fill` make one in less time."""

    __slots__ = ("__weakref__", "agent_id", "clock_offset", "completion_start", "conversation_id", "counts", "id",
                 "is_spread", "level", "parent_trace_id", "recorder", "remote", "tail_buffer", "user_id", "version",
                 "withheld")  # fmt: skip

    def __init__(self, identifier: int | str, agent_id: str, recorder: SpanRecorder | None) -> None:
        self.fill(identifier, agent_id, recorder)

    def fill(self, identifier: int | str, agent_id: str, recorder: SpanRecorder | None) -> None:
        """Set every field."""
        self.id: int | str = identifier
        self.clock_offset: int = clock.offset_ns()  # makes times of the monotonic clock, in all its spans
        self.agent_id: str = agent_id
        self.recorder: SpanRecorder | None = recorder  # None for traces that were read back
        self.user_id: str | None = None
        self.conversation_id: str | None = None
        self.version: str | None = None
        self.level: str | None = None
        self.completion_start: str | None = None
        self.parent_trace_id: int | str | None = None
        self.counts: Any = None  # its `tracing.token_counts.TokenCounts`, from the first response of a model on
        self.withheld: tuple[int, ...] = ()  # `id` of the last exceptions whose text must not be recorded
        self.tail_buffer: TraceBuffer | None = None  # set if the trace was not sampled but may still fail
        self.remote: Remote | None = None  # the parent of the root span, if that is in another process
        self.is_spread: bool = False  # whether work was handed over to another process, which records under it, too


class TemplateFields(TypedDict, total=False):
    """The keywords of :class:`SpanTemplate`."""

    operation: str | None
    tags: tuple[str, ...] | None
    redact: EventRedactor | None
    facts: SpanFacts | None


class SpanTemplate:
    """The fields of a start that all calls of one function have in common, except for its metadata.

    Args:
        kind: :data:`TRACE`, a kind of operation, or the type of a custom event.
        name: the name to show.
        operation: ``"read"`` or ``"write"`` for a memory, else ``None``.
        tags: the tags of the start.
        redact: the redactor of this decorator, in addition to that of the SDK.
        facts: the rare fields of the start.
        model: that of a model call, if all calls have the same.
    """

    __slots__ = ("facts", "kind", "model", "name", "operation", "redact", "tags")

    def __init__(
        self,
        kind: str,
        name: str,
        *,
        operation: str | None = None,
        tags: tuple[str, ...] | None = None,
        redact: EventRedactor | None = None,
        facts: SpanFacts | None = None,
        model: str | None = None,
    ) -> None:
        self.kind = kind
        self.model = model
        self.name = name
        self.operation = operation
        self.tags = tags
        self.redact = redact
        self.facts = facts


class Span:
    """One trace or operation, from start to end. :data:`empty_span` and :meth:`fill` make one in less time.

    Args:
        trace: the trace that it belongs to.
        parent: the span above; ``None`` for a trace, the trace's own span for what is directly under it.
        kind: a field of its :class:`SpanTemplate`, as ``name`` and the further keywords.
        name: likewise.
        input: the payload of the start, a JSON object.
        metadata: a JSON object with keys as the user wrote them.
        identifier: an id to use instead of a new one.
    """

    __slots__ = (  # noqa: RUF023 - in the order in which they are set
        # set at the start
        "id", "trace", "parent", "kind", "name", "agent_id", "operation", "start_ns", "input", "metadata", "tags",
        "facts", "redact", "model",
        # set while it runs, and at the end
        "more_metadata", "more_tags", "usage", "output", "error", "status", "end_ns",
        # set by the sender's queue
        "queued", "__weakref__",
    )  # fmt: skip

    def __init__(
        self,
        trace: TraceInfo,
        parent: Span | None,
        kind: str,
        name: str,
        input: bytes | None = None,
        metadata: bytes | None = None,
        identifier: int | str | None = None,
        **about: Unpack[TemplateFields],
    ) -> None:
        chosen, start = clock.new_id() if identifier is None else identifier, clock.monotonic_ns() + trace.clock_offset
        self.fill(trace, parent, SpanTemplate(kind, name, **about), input, metadata, chosen, start)

    def fill(
        self,
        trace: TraceInfo,
        parent: Span | None,
        template: SpanTemplate,
        input: bytes | None,
        metadata: bytes | None,
        identifier: int | str,
        start_ns: int,
    ) -> None:
        """Set every field, those of the end as well."""
        self.id: int | str = identifier
        self.trace: TraceInfo = trace
        self.parent: Span | None = parent
        self.kind: str = template.kind
        self.name: str = template.name
        # the nearest enclosing agent's name, else the trace's agent_id
        if parent is None:
            self.agent_id: str = trace.agent_id
        else:
            self.agent_id = parent.name if parent.kind == AGENT else parent.agent_id
        self.operation: str | None = template.operation
        self.input: bytes | None = input
        self.metadata: bytes | None = metadata
        self.tags: tuple[str, ...] | None = template.tags
        self.facts: SpanFacts | None = template.facts
        self.model: str | None = template.model  # of a model call, and of an agent whose result says so
        self.redact: EventRedactor | None = template.redact
        self.more_metadata: tuple[bytes, ...] = ()  # JSON object texts from record(), success(), error(); later wins
        self.more_tags: tuple[str, ...] = ()
        self.usage: dict[str, Any] | None = None  # keys as given, plain numbers and JSON values
        self.output: bytes | None = None  # JSON object text
        self.error: Failure | bytes | None = None  # bytes (JSON text) once the sender's thread has formatted it
        self.status: str | None = None
        self.end_ns: int | None = None
        # `None` until its start is in a queue, then false until its end joins it there: then it is the account of that
        # queue, or a word if the end may not join any more.
        self.queued: object = None
        self.start_ns: int = start_ns

    def time_of_end(self) -> int:
        """Return the time of an end that happens now, in nanoseconds since the epoch.

        Elapsed time is monotonic: setting the system's clock meanwhile does not change it. An end is never before its
        start, which the user may have set.
        """
        now, start = clock.monotonic_ns() + self.trace.clock_offset, self.start_ns
        return now if now > start else start  # noqa: FURB136 - `max` is a call more for every operation

    @property
    def recording(self) -> bool:
        """False for :data:`voltagent.core.context.INERT` and its likes, under which nothing is recorded."""
        return True

    @property
    def root(self) -> Span:
        """The outermost span above it: that of the trace, as far as this process knows it."""
        span = self
        while span.parent is not None:
            span = span.parent
        return span

    @property
    def is_outermost(self) -> bool:
        """Whether nothing around it is recorded in this process."""
        return self.parent is None or type(self.parent) is StandIn


# Make a span and a trace to be filled. Calling the class takes a tenth of a microsecond more before Python 3.13.
empty_span: Final[Callable[[], Span]] = partial(object.__new__, Span)
empty_trace: Final[Callable[[], TraceInfo]] = partial(object.__new__, TraceInfo)


class StandIn(Span):
    """Stands for a span that another process records: what is recorded under it becomes its child."""

    __slots__ = ()

    @property
    def recording(self) -> bool:
        recorder = self.trace.recorder
        return recorder is not None and bool(recorder.alive)


def placeholder(
    trace: TraceInfo, kind: str = TRACE, identifier: int | str | None = None, root: Span | None = None
) -> Span:
    """Return a span of which only the id is known, such as one that another process records.

    Args:
        trace: its trace.
        kind: its kind, if it is known.
        identifier: its id (default: that of the trace, for the trace's own span).
        root: the trace's own span, for an operation.
    """
    return Span(trace, root, kind, "", None, identifier=trace.id if identifier is None else identifier)


def is_placeholder(span: Span) -> bool:
    """Return whether only the id of the span is known: such a span has no name, and its trace no agent."""
    return not span.name and not span.trace.agent_id


def is_operation(span: Span) -> bool:
    """Return whether the span starts and ends on every wire.

    A trace, a custom event and an unknown memory access do not.
    """
    return (span.kind, span.operation if span.kind == MEMORY else None) in EVENT_NAMES


def is_custom_event(kind: str) -> bool:
    """Return whether a kind is the user's own type of a custom event."""
    return kind != TRACE and kind not in OPERATION_KINDS


class Phase(Enum):
    """The moment in the life of a span that an event announces."""

    START = "start"
    END = "end"
    POINT = "point"  # a custom event: a moment, with no end to come
    UPDATE = "update"  # fields changed in between; the third member of the event holds them
    SCORE = "score"  # see :mod:`voltagent.core.scores`; may come after the end


# (phase, span, the fields of an UPDATE or a SCORE, or None): a plain tuple, as two are made per decorated call and a
# NamedTuple or a class with slots takes 0.2 to 0.3 µs more each, a tenth of the call.
# The fields of an UPDATE are JSON-ready: str, int, None, and `bytes` for JSON text (input, output, metadata, usage).
SpanEvent: TypeAlias = tuple[Phase, Span, Mapping[str, Any] | None]
