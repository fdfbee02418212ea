"""The common part of all handles: facts about a span, recording into it, ending it, and making it current."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from voltagent.capture import options
from voltagent.capture.option_values import unwrapped
from voltagent.core import clock
from voltagent.core.awaitable import RECEIPT, Receipt
from voltagent.core.context import enter, leave
from voltagent.core.guard import guard
from voltagent.core.open_operations import note
from voltagent.core.span import COMPLETED, ERROR, LLM, TRACE, Span
from voltagent.errors import ValidationError
from voltagent.tracing import operations, scores
from voltagent.tracing.recorder import Recorder

H = TypeVar("H", bound="SpanView")


class SpanView:
    """A view of a span. It is false if nothing is recorded; its methods then have no effect."""

    __slots__ = ("_entered", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._entered: list[Token[Span | None]] = []

    @property
    def id(self) -> str:
        """The identifier of this trace or operation: a UUID, or the string that the program chose."""
        text = clock.id_text(self._span.id)
        if self._span.recording:
            self._recorder.known.setdefault(text, self._span)
        return text

    @property
    def trace_id(self) -> str:
        """The identifier of the trace to which this belongs."""
        return clock.id_text(self._span.trace.id)

    @property
    def url(self) -> str:
        """The page of the trace on the local viewer (``voltagent ui``); empty if nothing is recorded."""
        from voltagent.storage.traces import viewer_address  # imported here, as few programs need it

        return viewer_address.page(self.trace_id) if self._span.recording else ""

    @property
    def parent_id(self) -> str | None:
        """The identifier of the parent operation; ``None`` for a trace, and directly below it."""
        parent = self._span.parent
        return None if parent is None or parent.kind == TRACE else clock.id_text(parent.id)

    @property
    def name(self) -> str:
        """The name with which this was started; for a trace, its ``agent_id``."""
        return self._span.name

    @property
    def kind(self) -> str:
        """``trace``, ``agent``, ``tool``, ``memory``, ``retriever``, ``llm``, or the type of a custom event."""
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
        return isinstance(other, SpanView) and other._span is self._span

    def __hash__(self) -> int:
        return hash(id(self._span))

    def __deepcopy__(self: H, _: dict[int, Any]) -> H:
        """Return this very handle: the state of a program that is copied may contain it, and the record is the same."""
        return self

    def __repr__(self) -> str:
        if not self:
            return "<voltagent handle: not recording>"
        return f"<voltagent {self.kind} {self.name!r} {clock.id_text(self._span.id)} {self.status}>"

    def _repr_html_(self) -> str | None:
        """Return the tree below this as HTML, for the last line of a notebook cell. Records and ends nothing."""
        witness = self._recorder.witness if self else None
        if witness is not None:
            with guard:
                # imports the modules for pages, which most programs never need
                from voltagent.render.notebook import shown

                return shown(self._span, witness)
        return None

    def record(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        usage: Any = None,
        output: Any = None,
        tags: list[str] | None = None,
        model: str | None = None,
    ) -> Receipt:
        """Add to the end of this operation. Never raises: what is invalid is logged and left out.

        Args:
            metadata: merged with what was recorded before; later values replace earlier ones.
            usage: token counts, as a mapping or a ``TokenUsage``; replaces earlier ones.
            output: replaces an earlier output.
            tags: added to those of the start.
            model: the name of the model that answered; of anything but a model call it is added to the metadata.
        """
        given = options.keep_valid("record()", options.RECORDED, {"metadata": metadata, "tags": tags, "model": model})
        checked_usage = operations.keep_new_usage("record()", self._span, usage)
        if self:
            recorded = given.get("metadata")
            if "model" in given:
                recorded = self._with_model(recorded, given["model"])
            self._recorder.add(
                self._span,
                metadata=recorded,
                usage=checked_usage,
                output=output,
                tags=given.get("tags", ()),
            )
        return RECEIPT

    def _with_model(self, metadata: Mapping[str, Any] | None, model: str) -> Mapping[str, Any] | None:
        """Set the model of a model call; return the metadata, to which the model of another operation is added."""
        if self._span.kind == LLM:
            self._span.model = model
            return metadata
        return {**(metadata or {}), "model": model}

    def update(self, **fields: Any) -> Receipt:
        """Send changed fields now, before the end. Never raises: what is invalid is logged and left out.

        Args:
            **fields: the new values, such as ``metadata``, ``status``, ``output``, ``usage``, ``tags`` and ``level``.
        """
        if not self:
            return RECEIPT
        known = options.UPDATE_TRACE if self._span.kind == TRACE else options.UPDATE_EVENT
        given = options.keep_valid("update()", known, fields)
        if "usage" in given:
            given["usage"] = operations.keep_valid_usage("update()", given["usage"])
        if given:
            self._recorder.update(self._span, operations.update_fields(self._recorder, self._span, given))
        return RECEIPT

    def score(self, name: str, value: bool | float | str, comment: str | None = None) -> Receipt:
        """Score this trace or operation, also after its end.

        A later score with the same name replaces it. Invalid values are logged and left out.

        Args:
            name: the criterion, such as ``"helpful"``; at most 100 characters.
            value: a number, a bool or a string.
            comment: a reason or a note.
        """
        fields = scores.keep_valid_score("score()", name, value, comment)
        if self and fields is not None:
            scores.record_score(self._recorder, self._span, fields)
        return RECEIPT

    def success(self, output: Any = None, metadata: Mapping[str, Any] | None = None, usage: Any = None) -> Receipt:
        """End as successful. The first end wins: a later ``success`` or ``error`` has no effect.

        Args:
            output: any value; anything but a mapping is sent as ``{"result": output}``. A ``SuccessOptions`` or
                ``AgentSuccessOptions`` sets all three.
            metadata: added to that of the start.
            usage: token counts, as a mapping or a ``TokenUsage``.
        """
        found = unwrapped("SuccessOptions", output)
        if found is not None:
            output = found.get("output")
            metadata = found.get("metadata") if metadata is None else metadata
            usage = found.get("usage") if usage is None else usage
        operations.end("success()", self._span, COMPLETED, None, output, metadata, usage)
        return RECEIPT

    def error(
        self,
        status_message: Any,
        metadata: Mapping[str, Any] | None = None,
        stage: str | None = None,
    ) -> Receipt:
        """End as failed. The first end wins.

        Args:
            status_message: a string, an exception, a mapping such as ``{"message": …, "code": …}``, or an
                ``ErrorOptions``.
            metadata: added to that of the start.
            stage: added to the metadata under this name.
        """
        found = unwrapped("ErrorOptions", status_message)
        if found is not None:
            status_message = found.get("status_message")
            metadata = found.get("metadata") if metadata is None else metadata
        if status_message is None:
            missing = ValidationError("status_message is missing: pass a string, an exception or a mapping")
            options.report_unsuitable("error()", missing)
        extra = {
            **operations.keep_valid_metadata("error()", metadata),
            **({"stage": stage} if stage is not None else {}),
        }
        operations.end("error()", self._span, ERROR, status_message, None, extra or None, None)
        return RECEIPT

    def __enter__(self: H) -> H:
        try:
            self._entered.append(enter(self._span))
            note(self._span)
        except BaseException as exc:
            self._end_with(exc)  # an interrupt: the block does not begin, so it does not end either
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        try:
            if self._entered:
                leave(self._span, self._entered.pop())
            self._end_with(exc)
        except BaseException as interrupt:
            self._end_with(interrupt)
            raise

    def _end_with(self, exc: BaseException | None) -> None:
        """End this, if it is open, as what its block raised says."""
        if self._span.end_ns is not None or not self:
            return
        recorder = self._recorder
        if exc is None:
            recorder.succeed(self._span, None)
        else:
            recorder.fail(self._span, exc, message=recorder.capture_input and recorder.capture_output)

    def as_current(self: H) -> CurrentBlock[H]:
        """Make this the current handle inside a ``with`` or ``async with`` block, without ending it.

        Use it for an operation that is started in one place and used in others, such as several threads or callbacks::

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
    """A block in which a handle is current, and which does not end it. See :meth:`SpanView.as_current`."""

    __slots__ = ("_entered", "_handle")

    def __init__(self, handle: H) -> None:
        self._handle = handle
        self._entered: list[Token[Span | None]] = []

    def __enter__(self) -> H:
        self._entered.append(enter(self._handle._span))  # noqa: SLF001 - of this module  # pyright: ignore
        return self._handle

    def __exit__(self, *_: object) -> None:
        if self._entered:
            leave(self._handle._span, self._entered.pop())  # noqa: SLF001 - of this module  # pyright: ignore

    async def __aenter__(self) -> H:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()
