"""The plan of an operation: how a call of an agent, a tool, a memory, a retriever or a model begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic_core import from_json, to_json

from voltagent.capture.stored_fields import as_text
from voltagent.core.context import CAPTURES, INERT, capture, default_recorder
from voltagent.core.guard import Guard
from voltagent.core.protocols import SpanRecorder
from voltagent.core.span import AGENT, MEMORY, MODEL_CALLS, Span, SpanFacts, SpanTemplate
from voltagent.decorators.call_plan import CallPlan, FunctionShape
from voltagent.tracing import lost_parents

if TYPE_CHECKING:
    from voltagent.tracing.recorder import Recorder

# The option of a model call, and the parameters that name its model: of most clients, AWS, other programs, Azure.
_MODEL: Final = "model"
_MODEL_PARAMETERS: Final = (_MODEL, "modelId", "model_id", "model_name", "deployment", "engine")
_LONGEST_MODEL: Final = 1024


class OperationPlan(CallPlan):
    """The plan of an agent, a tool, a memory, a retriever or a model call."""

    __slots__ = ("_kind", "_model", "_reads_model", "_template", "_usual")

    def __init__(
        self,
        kind: str,
        name: str,
        shape: FunctionShape,
        options: Mapping[str, Any],
        facts: SpanFacts | None = None,
    ):
        super().__init__(name, shape, options, any_shape=kind == AGENT or kind in MODEL_CALLS)
        self._calls_model = kind in MODEL_CALLS
        self._kind = kind
        instructions = options.get("instructions")
        self._template = SpanTemplate(
            kind,
            self._name,
            operation=options.get("operation", "write") if kind == MEMORY else None,
            tags=self._tags,
            redact=self._redact,
            facts=facts if instructions is None else {"instructions": instructions},
            model=options.get(_MODEL) if self._calls_model else None,
        )
        self._model: str | None = options.get(_MODEL)
        free = self._free_arguments
        # of a function that is no method: all arguments by position, and all recorded
        self._usual = free if self._given_input and not self.skips_first else None
        names_model = free.takes_any_keyword or any(map(free.has, _MODEL_PARAMETERS))
        self._reads_model = self._calls_model and self._model is None and names_model

    def _label(self) -> str:
        return self._kind

    def begin(self, above: Span | None, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
        """Start the span of a call; ``None`` if it is not recorded. Never raises."""
        try:
            if above is None:
                return self._begin_outside(instance, args, kwargs)
            recorder = above.trace.recorder
            if recorder is None:
                return None
            if self._calls_model:
                given = self._input(recorder, instance, args, kwargs)
                return self._begin_model_call(recorder, above, given, instance, args, kwargs)
            free = self._usual
            if free is None or instance is not None or kwargs or len(args) != free.exact or not recorder.capture_input:
                input = self._input(recorder, instance, args, kwargs)
            else:  # as there, without a call: 2 to 3 percent of a small one
                input = recorder.snapshot.encode_arguments(free.named(*args), args)
            return recorder.start_from(above, self._template, input, self._metadata)
        except RecursionError:
            return None  # the stack is exhausted
        except BaseException as exc:
            Guard.swallowed(exc)
            return None

    def _begin_model_call(
        self,
        recorder: SpanRecorder,
        above: Span,
        input: bytes | None,
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Span:
        """Start a model call, with the requested model in its metadata."""
        requested: object = self._model
        if self._reads_model:
            given = self._values_of(_MODEL_PARAMETERS, instance, args, kwargs)
            requested = next(filter(None, map(as_text, given)), None)
        metadata = self._metadata if requested is None else _with_model(self._metadata, str(requested)[:_LONGEST_MODEL])
        return recorder.start_from(above, self._template, input, metadata)

    def _begin_outside(self, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
        """Start the record of a call outside any trace, which opens a trace of its own."""
        recorder: Recorder | None = capture() if CAPTURES else self._recorder or default_recorder()
        if recorder is None or not recorder.alive:
            return None
        input = self._input(recorder, instance, args, kwargs)
        root = recorder.start_trace(self._name, input, None, self._tags, self._redact)
        if root is INERT:
            return root
        span = root
        try:
            if self._calls_model:
                span = self._begin_model_call(recorder, root, input, instance, args, kwargs)
            else:
                span = recorder.start_from(root, self._template, input, self._metadata, root.start_ns)
            if span is INERT:  # the queue accepted the trace but not the operation
                recorder.succeed(root, None)
            else:
                lost_parents.began(span, self._code)
        except BaseException as exc:
            self.fail(root if span is INERT else span, True, exc)  # the caller gets nothing that could be ended
            raise
        return span


def _with_model(metadata: bytes | None, model: str) -> bytes:
    """Return metadata with a model in ``model_parameters``."""
    fields: dict[str, Any] = {} if metadata is None else from_json(metadata)
    parameters = fields.get("model_parameters")
    known: dict[str, Any] = cast("dict[str, Any]", parameters) if isinstance(parameters, dict) else {}
    return to_json({**fields, "model_parameters": {**known, "model": model}})
