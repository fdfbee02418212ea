"""The explicit API: handles for traces, agents, tools, memories, retrievers and custom events.

A handle is a thin view on a span. Its methods record and return at once. Their results are also awaitable, so the same
line works in sync and in async code. As a context manager (``with`` or ``async with``) a handle is current inside the
block; it succeeds at the normal end and fails with an exception, which propagates to the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import TracebackType
from typing import Any, Final, Generic, TypeVar, cast

from voltagent.capture import options as _options
from voltagent.core import clock
from voltagent.core.awaitable import RECEIPT, Ready, Receipt
from voltagent.core.context import CURRENT, INERT, current_span, leave, set_current
from voltagent.core.guard import guard
from voltagent.core.open_operations import note
from voltagent.core.span import AGENT, CANCELLED, COMPLETED, ERROR, LLM, MEMORY, RETRIEVER, TOOL, TRACE, Span
from voltagent.errors import ValidationError
from voltagent.tracing import operations, scores
from voltagent.tracing.recorder import Recorder

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

H = TypeVar("H", bound="Handle")
Options = Mapping[str, Any] | Any  # a mapping or one of the options models of `voltagent.types`


class Handle:
    """One open trace or operation. False where nothing is recorded; every method works there too, and does nothing."""

    __slots__ = ("_before", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._before: list[Span | None] = []

    # ---------------------------------------------------------------------------------------------------------- facts

    @property
    def id(self) -> str:
        """The identifier of this trace or operation: a UUID, or the text that was given."""
        text = clock.id_text(self._span.id)
        if self._span.recording:
            self._recorder.known.setdefault(text, self._span)
        return text

    @property
    def trace_id(self) -> str:
        """The identifier of the trace this belongs to."""
        return clock.id_text(self._span.trace.id)

    @property
    def url(self) -> str:
        """The page of the trace on the local viewer (``voltagent ui``); empty if nothing is recorded."""
        from voltagent.storage.traces import viewer_address  # what few programs need

        return viewer_address.page(self.trace_id) if self._span.recording else ""

    @property
    def parent_id(self) -> str | None:
        """The identifier of the operation this is a child of; ``None`` directly under the trace, and for a trace."""
        parent = self._span.parent
        return None if parent is None or parent.kind == TRACE else clock.id_text(parent.id)

    @property
    def name(self) -> str:
        """The name this was started with; for a trace its ``agent_id``."""
        return self._span.name

    @property
    def kind(self) -> str:
        """``trace``, ``agent``, ``tool``, ``memory``, ``retriever``, or the type of a custom event."""
        return self._span.kind

    @property
    def status(self) -> str:
        """``running``, ``completed``, ``error`` or ``cancelled``."""
        return self._span.status or "running"

    @property
    def _recorder(self) -> Recorder:
        return cast("Recorder", self._span.trace.recorder)

    def __bool__(self) -> bool:
        return self._span.recording

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other._span is self._span

    def __hash__(self) -> int:
        return hash(id(self._span))

    def __repr__(self) -> str:
        if not self:
            return "<voltagent handle: not recording>"
        return f"<voltagent {self.kind} {self.name!r} {clock.id_text(self._span.id)} {self.status}>"

    def _repr_html_(self) -> str | None:
        """What a notebook shows where this is the last line of a cell: the tree below it. Nothing happens by it."""
        witness = self._recorder.witness if self else None
        if witness is not None:
            with guard:
                from voltagent.render.notebook import shown  # with what makes pages, which most programs never need

                return shown(self._span, witness)
        return None

    # ------------------------------------------------------------------------------------------------------- children

    def add_agent(self, options: Options = None, **keywords: Any) -> AgentHandle:
        """Start an agent under this: ``name``, and optionally ``input``, ``instructions``, ``metadata``, ``tags``,
        ``model_parameters``, as a mapping, an ``AgentOptions`` or keywords.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        return AgentHandle(operations.start(self._span, AGENT, options, keywords))

    def add_tool(self, options: Options = None, **keywords: Any) -> ToolHandle:
        """Start a tool call under this: ``name``, and optionally ``input``, ``metadata``, ``tags``."""
        return ToolHandle(operations.start(self._span, TOOL, options, keywords))

    def add_llm(self, options: Options = None, **keywords: Any) -> ModelCallHandle:
        """Start a call of a model under this: ``name``, and optionally ``model``, ``input``, ``model_parameters``,
        ``metadata``, ``tags``.
        """
        return ModelCallHandle(operations.start(self._span, LLM, options, keywords))

    def add_memory(self, options: Options = None, **keywords: Any) -> MemoryHandle:
        """Start a memory operation under this: as a tool, and ``operation``: ``"write"`` (default) or ``"read"``."""
        return MemoryHandle(operations.start(self._span, MEMORY, options, keywords))

    def add_retriever(self, options: Options = None, **keywords: Any) -> RetrieverHandle:
        """Start a search under this: ``name``, and optionally ``input``, ``metadata``, ``tags``."""
        return RetrieverHandle(operations.start(self._span, RETRIEVER, options, keywords))

    def add_event(self, event_data: Options = None, **keywords: Any) -> EventHandle:
        """Record a custom event under this: ``name`` and ``type``, and optionally ``input``, ``output``, ``metadata``,
        ``status``, ``level``, ``status_message``, ``tags``. It is a point in time, with no end unless ``success`` or
        ``error`` is called on it.
        """
        given = _options.checked("an event", _options.EVENT, event_data, keywords, ("name", "type"))
        return EventHandle(operations.point(self._span, given))

    # ------------------------------------------------------------------------------------------------ while it is open

    def record(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        usage: Any = None,
        output: Any = None,
        tags: list[str] | None = None,
    ) -> Receipt:
        """Add to what the end will send: metadata and tags are merged, usage and output replaced."""
        given = _options.keep_valid("record()", _options.UPDATE_EVENT, {"metadata": metadata, "tags": tags})
        checked_usage = operations.keep_valid_usage("record()", usage)
        if self:
            self._recorder.add(
                self._span,
                metadata=given.get("metadata"),
                usage=checked_usage,
                output=output,
                tags=given.get("tags", ()),
            )
        return RECEIPT

    def update(self, **fields: Any) -> Receipt:
        """Send changed fields now, before the end: ``metadata``, ``status``, ``output``, ``tags``, ``level``, …"""
        if not self:
            return RECEIPT
        known = _options.UPDATE_TRACE if self._span.kind == TRACE else _options.UPDATE_EVENT
        given = _options.keep_valid("update()", known, fields)
        if "usage" in given:
            given["usage"] = operations.keep_valid_usage("update()", given["usage"])
        if given:
            self._recorder.update(self._span, operations.update_fields(self._recorder, self._span, given))
        return RECEIPT

    def score(self, name: str, value: bool | float | str, comment: str | None = None) -> Receipt:
        """Give this trace or operation a score, also after it has ended.

        A later score with the same name replaces it. What does not fit is logged and left out.

        Args:
            name: what is judged, such as ``"helpful"``; at most 100 characters.
            value: a number, a bool or a string.
            comment: a reason or a note.
        """
        fields = scores.keep_valid_score("score()", name, value, comment)
        if self and fields is not None:
            scores.record_score(self._recorder, self._span, fields)
        return RECEIPT

    # --------------------------------------------------------------------------------------------------------- ending

    def success(self, output: Any = None, metadata: Mapping[str, Any] | None = None, usage: Any = None) -> Receipt:
        """End this well. ``output`` may be anything; what is not a mapping is sent as ``{"result": output}``. It may
        also be a ``SuccessOptions`` or ``AgentSuccessOptions``: then it says all three.

        The first end wins: a later ``success`` or ``error`` is ignored.
        """
        options = _options.unwrapped("SuccessOptions", output)
        if options is not None:
            output = options.get("output")
            metadata = options.get("metadata") if metadata is None else metadata
            usage = options.get("usage") if usage is None else usage
        operations.end("success()", self._span, COMPLETED, None, output, metadata, usage)
        return RECEIPT

    def error(
        self,
        status_message: Any,
        metadata: Mapping[str, Any] | None = None,
        stage: str | None = None,
    ) -> Receipt:
        """End this as failed. ``status_message`` is a text, an exception, or a mapping such as
        ``{"message": …, "code": …}``; ``stage`` goes into the metadata. It may also be an ``ErrorOptions``.
        """
        options = _options.unwrapped("ErrorOptions", status_message)
        if options is not None:
            status_message = options.get("status_message")
            metadata = options.get("metadata") if metadata is None else metadata
        if status_message is None:
            missing = ValidationError("status_message is missing: pass a string, an exception or a mapping")
            _options.report_unsuitable("error()", missing)
        extra = {
            **operations.keep_valid_metadata("error()", metadata),
            **({"stage": stage} if stage is not None else {}),
        }
        operations.end("error()", self._span, ERROR, status_message, None, extra or None, None)
        return RECEIPT

    # --------------------------------------------------------------------------------------------------- as a context

    def __enter__(self: H) -> H:
        self._before.append(CURRENT.get())
        set_current(self._span)
        note(self._span)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        # by value, never by token: a token cannot be reset in another context, where a generator may be closed
        leave(self._span, self._before.pop() if self._before else None)
        if self._span.end_ns is not None or not self:
            return
        recorder = self._recorder
        if exc is None:
            recorder.succeed(self._span, None)
        else:
            recorder.fail(self._span, exc, message=recorder.capture_input and recorder.capture_output)

    def as_current(self: H) -> CurrentBlock[H]:
        """Make this the current handle inside a ``with`` or ``async with`` block, without ending it.

        For an operation that is made in one place and used in others, such as in several threads or callbacks::

            with handle.as_current():
                search("query")  # a child of the handle
        """
        return CurrentBlock(self)

    async def __aenter__(self: H) -> H:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, exc, traceback)


class CurrentBlock(Generic[H]):
    """A block in which a handle is current; it stays open. See :meth:`Handle.as_current`."""

    __slots__ = ("_before", "_handle")

    def __init__(self, handle: H) -> None:
        self._handle = handle
        self._before: list[Span | None] = []

    def __enter__(self) -> H:
        self._before.append(CURRENT.get())
        set_current(self._handle._span)  # noqa: SLF001 - of this module  # pyright: ignore
        return self._handle

    def __exit__(self, *_: object) -> None:
        set_current(self._before.pop() if self._before else None)

    async def __aenter__(self) -> H:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()


class Agent(Handle):
    """An AI agent at work."""

    __slots__ = ()

    def success(  # type: ignore[override]  # 0.1.1 had this order for agents
        self, output: Any = None, usage: Any = None, metadata: Mapping[str, Any] | None = None
    ) -> Receipt:
        """End this well, as any operation; by position, an agent's usage comes before its metadata."""
        return super().success(output, metadata, usage)


class Tool(Handle):
    """A call of a tool."""

    __slots__ = ()


class ModelCall(Handle):
    """A call of a language model."""

    __slots__ = ()

    def success(  # type: ignore[override]  # the usage comes first, as for agents
        self, output: Any = None, usage: Any = None, metadata: Mapping[str, Any] | None = None
    ) -> Receipt:
        """End this well. The output may be a client's own result: its answer, tokens and model are recorded."""
        return super().success(output, metadata, usage)

    def record(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        usage: Any = None,
        output: Any = None,
        tags: list[str] | None = None,
        model: str | None = None,
    ) -> Receipt:
        """Add to what the end will send; ``model`` is the model that answered."""
        if model is not None and self:
            given = _options.keep_valid("record()", _options.LLM, {"model": model})
            self._span.model = given.get("model", self._span.model)
        return super().record(metadata=metadata, usage=usage, output=output, tags=tags)


class Memory(Handle):
    """A read from or a write to a memory."""

    __slots__ = ()


class Retriever(Handle):
    """A search."""

    __slots__ = ()


class Event(Handle):
    """A custom event."""

    __slots__ = ()


class Trace(Handle):
    """One complete run or conversation turn: the root."""

    __slots__ = ()

    @property
    def agent_id(self) -> str:
        """The ``agent_id`` the trace was started with."""
        return self._span.trace.agent_id

    def end(
        self,
        output: Any = None,
        status: Any = COMPLETED,
        usage: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """End the trace with ``status`` ``completed``, ``error`` or ``cancelled`` (text or ``TraceStatus``)."""
        text = status.value if isinstance(status, Enum) else status
        if type(text) is not str or text not in (COMPLETED, ERROR, CANCELLED):
            wrong = ValidationError("status must be completed, error or cancelled; ending as completed")
            _options.report_unsuitable("end()", wrong)
            metadata = {"status": text, **operations.keep_valid_metadata("end()", metadata)}
            text = COMPLETED
        operations.end("end()", self._span, text, None, output, metadata, usage)
        return RECEIPT

    def record(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        usage: Any = None,
        output: Any = None,
        tags: list[str] | None = None,
        user_id: str | None = None,
        conversation_id: str | None = None,
    ) -> Receipt:
        """Add to what the end will send; ``user_id`` and ``conversation_id`` are sent at once."""
        super().record(metadata=metadata, usage=usage, output=output, tags=tags)
        if user_id is not None or conversation_id is not None:
            self.update(user_id=user_id, conversation_id=conversation_id)
        return RECEIPT


# ------------------------------------------------------------------------------- handles as they come from a factory


class TraceHandle(Trace, Ready[Trace]):
    """A trace that was just started: usable at once, or awaited to a :class:`Trace`."""

    __slots__ = ()

    def _result(self) -> Trace:
        return Trace(self._span)


class AgentHandle(Agent, Ready[Agent]):
    """An agent that was just started: usable at once, or awaited to an :class:`Agent`."""

    __slots__ = ()

    def _result(self) -> Agent:
        return Agent(self._span)


class ToolHandle(Tool, Ready[Tool]):
    """A tool call that was just started: usable at once, or awaited to a :class:`Tool`."""

    __slots__ = ()

    def _result(self) -> Tool:
        return Tool(self._span)


class ModelCallHandle(ModelCall, Ready[ModelCall]):
    """A model call that was just started: usable at once, or awaited to a :class:`ModelCall`."""

    __slots__ = ()

    def _result(self) -> ModelCall:
        return ModelCall(self._span)


class MemoryHandle(Memory, Ready[Memory]):
    """A memory operation that was just started: usable at once, or awaited to a :class:`Memory`."""

    __slots__ = ()

    def _result(self) -> Memory:
        return Memory(self._span)


class RetrieverHandle(Retriever, Ready[Retriever]):
    """A search that was just started: usable at once, or awaited to a :class:`Retriever`."""

    __slots__ = ()

    def _result(self) -> Retriever:
        return Retriever(self._span)


class EventHandle(Event, Ready[Event]):
    """A custom event that was just recorded: usable at once, or awaited to an :class:`Event`."""

    __slots__ = ()

    def _result(self) -> Event:
        return Event(self._span)


_VIEWS: Final[Mapping[str, type[Handle]]] = {
    TRACE: Trace,
    AGENT: Agent,
    TOOL: Tool,
    MEMORY: Memory,
    RETRIEVER: Retriever,
    LLM: ModelCall,
}

# --------------------------------------------------------------------------------------------------- what is current


def current() -> Handle:
    """The innermost open handle of this context; where nothing is open, an inert one that is false."""
    span = current_span() or INERT
    return _VIEWS.get(span.kind, Event)(span)


def current_agent() -> Agent:
    """The innermost enclosing agent's handle; inert where there is none."""
    span = current_span()
    while span is not None and span.kind != AGENT:
        span = span.parent
    return Agent(span or INERT)


def current_trace() -> Trace:
    """The handle of the trace that is open here; inert where there is none."""
    span = current_span() or INERT
    while span.parent is not None:
        span = span.parent
    return Trace(span)


def open_trace(recorder: Recorder | None, options: Options, keywords: Mapping[str, Any]) -> TraceHandle:
    """Start a trace from options as ``VoltAgentSDK.trace`` takes them; inert without a recorder."""
    return TraceHandle(operations.start_trace(recorder, options, keywords))
