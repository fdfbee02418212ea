"""The handles: one class for each kind of operation, and one that can be awaited for each that was just started."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from voltagent.capture import options
from voltagent.core.awaitable import RECEIPT, Ready, Receipt
from voltagent.core.late_import import LateModule
from voltagent.core.span import AGENT, CANCELLED, COMPLETED, ERROR, LLM, MEMORY, RETRIEVER, TOOL
from voltagent.errors import ValidationError
from voltagent.handles.keywords import EventKeywords, ModelCallKeywords, OperationKeywords
from voltagent.handles.span_view import SpanView
from voltagent.tracing import operations

if TYPE_CHECKING:
    import typing_extensions
else:
    typing_extensions = LateModule("typing_extensions")

Options: TypeAlias = Mapping[str, Any] | Any  # a mapping or one of the options models of `voltagent.types`


class Handle(SpanView):
    """An open trace or operation. It is false if nothing is recorded; its methods then have no effect."""

    __slots__ = ()

    def add_agent(
        self, options: Options = None, **keywords: typing_extensions.Unpack[OperationKeywords]
    ) -> AgentHandle:
        """Start an agent below this operation.

        Args:
            options: a mapping, or an ``AgentOptions``.
            **keywords: the same options as keywords: ``name``, and optionally ``input``, ``instructions``,
                ``metadata``, ``tags`` and ``model_parameters``.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        return AgentHandle(operations.start(self._span, AGENT, options, keywords))

    def add_tool(self, options: Options = None, **keywords: typing_extensions.Unpack[OperationKeywords]) -> ToolHandle:
        """Start a tool call below this operation.

        Args:
            options: a mapping, or a ``ToolOptions``.
            **keywords: the same options as keywords: ``name``, and optionally ``input``, ``metadata`` and ``tags``.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        return ToolHandle(operations.start(self._span, TOOL, options, keywords))

    def add_llm(
        self, options: Options = None, **keywords: typing_extensions.Unpack[ModelCallKeywords]
    ) -> ModelCallHandle:
        """Start a model call below this operation.

        Args:
            options: a mapping, or a ``LlmOptions``.
            **keywords: the same options as keywords: ``name``, and optionally ``model``, ``input``,
                ``model_parameters``, ``metadata`` and ``tags``.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        return ModelCallHandle(operations.start(self._span, LLM, options, keywords))

    def add_memory(
        self, options: Options = None, **keywords: typing_extensions.Unpack[OperationKeywords]
    ) -> MemoryHandle:
        """Start a memory access below this operation.

        Args:
            options: a mapping, or a ``MemoryOptions``.
            **keywords: the same options as keywords: those of a tool, and ``operation``: ``"write"`` (default) or
                ``"read"``.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        return MemoryHandle(operations.start(self._span, MEMORY, options, keywords))

    def add_retriever(
        self, options: Options = None, **keywords: typing_extensions.Unpack[OperationKeywords]
    ) -> RetrieverHandle:
        """Start a search below this operation.

        Args:
            options: a mapping, or a ``RetrieverOptions``.
            **keywords: the same options as keywords: ``name``, and optionally ``input``, ``metadata`` and ``tags``.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        return RetrieverHandle(operations.start(self._span, RETRIEVER, options, keywords))

    def add_event(self, event_data: Options = None, **keywords: typing_extensions.Unpack[EventKeywords]) -> EventHandle:
        """Record a custom event below this operation.

        It has no duration unless ``success`` or ``error`` is called on it.

        Args:
            event_data: a mapping, or a ``TimelineEvent``.
            **keywords: the same fields as keywords: ``name`` and ``type``, and optionally ``input``, ``output``,
                ``metadata``, ``status``, ``level``, ``status_message`` and ``tags``.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        given = options.checked("an event", options.EVENT, event_data, keywords, ("name", "type"))
        return EventHandle(operations.point(self._span, given))


for _name, _member in vars(SpanView).items():
    if isinstance(_member, FunctionType) and not _name.startswith("_"):
        _member.__qualname__ = f"Handle.{_name}"  # what Python names if an argument is misspelt: programs know this one


class Agent(Handle):
    """A run of an AI agent."""

    __slots__ = ()

    def success(  # type: ignore[override]  # 0.1.1 had this order for agents
        self, output: Any = None, usage: Any = None, metadata: Mapping[str, Any] | None = None
    ) -> Receipt:
        """End as successful. The first end wins. The order of the arguments is that of voltagent 0.1.1.

        Args:
            output: any value, as for other handles.
            usage: token counts of the agent itself, as a mapping or a ``TokenUsage``.
            metadata: added to that of the start.
        """
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
        """End as successful. The first end wins.

        Args:
            output: any value. Of a client's own result, the answer, tokens and model are recorded.
            usage: token counts, as a mapping or a ``TokenUsage`` (default: those of the result).
            metadata: added to that of the start.
        """
        return super().success(output, metadata, usage)


class Memory(Handle):
    """A read from or a write to a memory."""

    __slots__ = ()


class Retriever(Handle):
    """A search."""

    __slots__ = ()


class CustomEvent(Handle):
    """A custom event."""

    __slots__ = ()


class Trace(Handle):
    """One complete run or conversation turn: the root."""

    __slots__ = ()

    @property
    def agent_id(self) -> str:
        """The ``agent_id`` with which the trace was started."""
        return self._span.trace.agent_id

    def end(
        self,
        output: Any = None,
        status: Any = COMPLETED,
        usage: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """End the trace. The first end wins. Never raises: what is invalid is logged and left out.

        Args:
            output: any value.
            status: ``completed`` (default), ``error`` or ``cancelled``, as a string or a ``TraceStatus``.
            usage: token counts of the whole trace (default: the sum over its operations).
            metadata: added to that of the start.
        """
        text = status.value if isinstance(status, Enum) else status
        if type(text) is not str or text not in (COMPLETED, ERROR, CANCELLED):
            shown = repr(text[:40]) if type(text) is str else type(text).__name__
            wrong = ValidationError(f"status must be completed, error or cancelled, got {shown}")
            options.report_unsuitable("end()", wrong, "ending as completed, with this status in the metadata")
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
        model: str | None = None,
        user_id: str | None = None,
        conversation_id: str | None = None,
    ) -> Receipt:
        """Add to the end of this trace. Never raises: what is invalid is logged and left out.

        Args:
            metadata: merged with what was recorded before; later values replace earlier ones.
            usage: token counts of the whole trace.
            output: replaces an earlier output.
            tags: added to those of the start.
            model: a name of a model, for the metadata.
            user_id: the id of the user; sent at once.
            conversation_id: the id of the conversation; sent at once.
        """
        super().record(metadata=metadata, usage=usage, output=output, tags=tags, model=model)
        if user_id is not None or conversation_id is not None:
            self.update(user_id=user_id, conversation_id=conversation_id)
        return RECEIPT


class TraceHandle(Trace, Ready[Trace]):
    """A new trace: use it at once, or await it to get a :class:`Trace`."""

    __slots__ = ()

    def _result(self) -> Trace:
        return Trace(self._span)


class AgentHandle(Agent, Ready[Agent]):
    """A new agent: use it at once, or await it to get an :class:`Agent`."""

    __slots__ = ()

    def _result(self) -> Agent:
        return Agent(self._span)


class ToolHandle(Tool, Ready[Tool]):
    """A new tool call: use it at once, or await it to get a :class:`Tool`."""

    __slots__ = ()

    def _result(self) -> Tool:
        return Tool(self._span)


class ModelCallHandle(ModelCall, Ready[ModelCall]):
    """A new model call: use it at once, or await it to get a :class:`ModelCall`."""

    __slots__ = ()

    def _result(self) -> ModelCall:
        return ModelCall(self._span)


class MemoryHandle(Memory, Ready[Memory]):
    """A new memory access: use it at once, or await it to get a :class:`Memory`."""

    __slots__ = ()

    def _result(self) -> Memory:
        return Memory(self._span)


class RetrieverHandle(Retriever, Ready[Retriever]):
    """A new search: use it at once, or await it to get a :class:`Retriever`."""

    __slots__ = ()

    def _result(self) -> Retriever:
        return Retriever(self._span)


class EventHandle(CustomEvent, Ready[CustomEvent]):
    """A new custom event: use it at once, or await it to get a :class:`CustomEvent`."""

    __slots__ = ()

    def _result(self) -> CustomEvent:
        return CustomEvent(self._span)
