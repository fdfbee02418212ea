"""What is settled about an operation at decoration, and how one call of it is recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, cast

from pydantic_core import from_json, to_json

from voltagent.capture import usage
from voltagent.capture.result_streams import NO_CHUNKS, NO_CLIENTS, assembled
from voltagent.capture.results import ModelResult, is_client_type, read_result
from voltagent.capture.secrets import NOTHING_HIDDEN, Hidden, kept_from
from voltagent.capture.snapshot import METADATA_LIMIT, Snapshot
from voltagent.capture.stored_fields import as_text
from voltagent.core.context import INERT, default_recorder, redirected, run_callback
from voltagent.core.guard import Guard, log_once
from voltagent.core.span import AGENT, COMPLETED, MEMORY, MODEL_CALLS, Span
from voltagent.decorators.arguments import RECEIVERS, Arguments, HiddenResult
from voltagent.tracing.recorder import Recorder

_MODEL: Final = "model"  # the parameter and the option of a model call
_LONGEST_MODEL: Final = 1024


class FunctionShape(NamedTuple):
    """What is known of a function before it is called."""

    arguments: Arguments  # of a call on an object or a class
    free: Arguments  # of a call on nothing
    skipped: int  # how many arguments of a call on nothing are not recorded: 1 where the first is the object
    hidden_result: HiddenResult  # what is secret in a result


class CallPlan:
    """How the calls of one function are recorded. Nothing here raises an ``Exception`` into the program."""

    __slots__ = ("_arguments", "_free_arguments", "_given_input", "_given_output", "_hidden", "_hidden_result",
                 "_metadata", "_name", "_no_results", "_recorder", "_redact", "_skipped", "_tags", "_usage",
                 "any_shape")  # fmt: skip

    def __init__(self, name: str, shape: FunctionShape, options: Mapping[str, Any], *, any_shape: bool = False):
        """
        Args:
            name: what the operation is called, unless the options say so.
            shape: what is known of the function.
            options: as :func:`voltagent.decorators.options.checked` gave them.
            any_shape: whether a result is read field by field if its class is not known, as that of a model or agent.
        """
        self._arguments, self._free_arguments, self._skipped, self._hidden_result = shape
        self._hidden: Hidden | None = None  # not before the first result: its annotation may name what comes later
        self._given_input = options.get("capture_input") is not False
        self._given_output: bool = options.get("capture_output", True)
        self._name: str = options.get("name", name)
        self._metadata = _metadata(options)
        self._tags: Any = options.get("tags")
        self._redact = options.get("redact")
        self._recorder: Recorder | None = options.get("sdk")
        self._usage: Callable[[Any], object] | None = options.get("usage")
        self.any_shape = any_shape
        self._no_results = NO_CHUNKS if any_shape else NO_CLIENTS

    @property
    def gives_usage(self) -> bool:
        """Whether the user gave a function that says what a result used."""
        return self._usage is not None

    @property
    def hides_result(self) -> bool:
        """Whether a part of a result must not be recorded."""
        return bool(self._hidden_in_result())

    @property
    def skips_first(self) -> bool:
        """Whether the first argument of a call on nothing is not recorded, being an object or a class."""
        return self._skipped == 1

    # ------------------------------------------------------------------------------------------------------- starting

    def begin(self, above: Span | None, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
        """Start the record of a call under ``above``, which is not inert; ``None`` where nobody records."""
        raise NotImplementedError

    def fits(self, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether these arguments fit the function for sure. No does not mean that they do not."""
        if instance is not None:
            return not kwargs and self._arguments.fewest <= len(args) <= self._arguments.most
        number = len(args) - self._skipped
        return not kwargs and self._free_arguments.fewest <= number <= self._free_arguments.most

    def _input(
        self, recorder: Recorder, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> bytes | None:
        if not (self._given_input and recorder.capture_input):
            return None
        if instance is not None:
            return recorder.snapshot.encode_arguments(self._arguments.by_name(args, kwargs))
        if self._skipped:
            args, kwargs = without_receiver(args, kwargs)
        return recorder.snapshot.encode_arguments(self._free_arguments.by_name(args, kwargs))

    # --------------------------------------------------------------------------------------------------------- ending

    def succeed(self, span: Span, outside: bool, result: object) -> None:
        """End the record of a call that returned. ``outside`` says that it began outside any trace."""
        try:
            if span.end_ns is None:
                recorder: Recorder = span.trace.recorder
                found = self.take_result(span, result)
                captured = self.captures_output(span) and span.output is None
                if captured and self._hidden is not NOTHING_HIDDEN and self.hides_result:
                    result = self.shown(result)
                elif found is not None:
                    result = self._answer(found, result)
                recorder.succeed(span, recorder.snapshot.encode_object(result) if captured else None)
            if outside:
                _close_trace(span)
        except RecursionError:
            pass  # the program is at the end of the stack: there is no room to say so
        except BaseException as exc:
            Guard.swallowed(exc)

    def fail(self, span: Span, outside: bool, exception: BaseException) -> None:
        """End the record of a call that an exception left."""
        try:
            recorder: Recorder | None = span.trace.recorder
            if recorder is not None:
                tells = self._may_tell(recorder)
                recorder.fail(span, exception, message=tells)
                if outside and span.error is not None:
                    _close_trace(span)
                elif outside and span.parent is not None:  # the program had ended the operation before it failed
                    recorder.fail(span.parent, exception, message=tells)
        except RecursionError:
            pass
        except BaseException as exc:
            Guard.swallowed(exc)

    def captures_output(self, span: Span) -> bool:
        """Whether results are recorded."""
        return self._given_output and bool(span.trace.recorder.capture_output)

    def shown(self, result: object) -> object:
        """What to record of a result, or of an item."""
        return result if self._hidden is NOTHING_HIDDEN else kept_from(result, self._hidden_in_result())

    def _hidden_in_result(self) -> Hidden:
        hidden = self._hidden
        if hidden is None:
            hidden = self._hidden = self._hidden_result() or NOTHING_HIDDEN
        return hidden

    def take_result(self, span: Span, result: object) -> ModelResult | None:
        """Take model and token usage from what a call returned, if that is the result of a model or an agent."""
        if self._usage is not None and span.usage is None:
            self._take_given_usage(span, result)
        kind = type(result)
        if id(kind) in self._no_results or not (self.any_shape or is_client_type(kind)):
            return None
        found = self._read(result)
        if found is not None:
            span.trace.recorder.take_result(span, found, counts=not self.gives_usage)
        return found

    def _read(self, result: object) -> ModelResult | None:
        """What is recorded of a result whose class may be anything."""
        return read_result(result, any_shape=self.any_shape)

    def _answer(self, found: ModelResult, result: object) -> object:
        """What to record as output: the answer in a client's own object, but a program's own dictionary as it is."""
        return found.answer if found.answer is not None and found.of_client else result

    def _take_given_usage(self, span: Span, result: object) -> None:
        def take() -> None:
            given = self._usage(result) if self._usage is not None else None
            counts = span.trace.counts
            if counts is None or not counts.knows(given):  # the same object as of a result that was counted below
                span.usage = usage.checked(given)

        run_callback(take, on_error=partial(report_failure, "usage", self._name))

    def _may_tell(self, recorder: Recorder) -> bool:
        """Whether the text of an exception may be recorded: not where a value that it may repeat is withheld."""
        captured = self._given_input and self._given_output and recorder.capture_input and recorder.capture_output
        withholds = self._arguments.withholds or self._free_arguments.withholds or self._hidden_in_result()
        return captured and not withholds


class OperationPlan(CallPlan):
    """Of an agent, a tool, a memory, a retriever or a model call."""

    __slots__ = ("_asks_model", "_facts", "_kind", "_model", "_operation")

    def __init__(self, kind: str, name: str, shape: FunctionShape, options: Mapping[str, Any]):
        super().__init__(name, shape, options, any_shape=kind == AGENT or kind in MODEL_CALLS)
        self._kind = kind
        self._operation = options.get("operation", "write") if kind == MEMORY else None
        instructions = options.get("instructions")
        self._facts = None if instructions is None else {"instructions": instructions}
        self._model: str | None = options.get(_MODEL)
        self._asks_model = kind in MODEL_CALLS and self._model is None and self._free_arguments.has(_MODEL)

    def _read(self, result: object) -> ModelResult | None:
        if type(result) is list:
            return assembled(cast("list[object]", result)) if self._kind in MODEL_CALLS else None
        return super()._read(result)

    def _answer(self, found: ModelResult, result: object) -> object:
        return (
            found.answer if found.answer is not None and self._kind in MODEL_CALLS else super()._answer(found, result)
        )

    def begin(self, above: Span | None, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
        try:
            if above is None:
                return self._begin_outside(instance, args, kwargs)
            recorder: Recorder = above.trace.recorder
            if self._kind in MODEL_CALLS:
                return self._begin_model_call(above, instance, args, kwargs)
            return recorder.start(
                above,
                self._kind,
                self._name,
                self._input(recorder, instance, args, kwargs),
                self._metadata,
                self._operation,
                self._tags,
                self._redact,
                self._facts,
            )
        except RecursionError:
            return None  # the program is at the end of the stack
        except BaseException as exc:
            Guard.swallowed(exc)
            return None

    def _begin_model_call(self, above: Span, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
        """Start a model call, which names the model that was asked for."""
        recorder: Recorder = above.trace.recorder
        requested: object = self._model
        if self._asks_model:
            requested = as_text(self._arguments_by_name(instance, args, kwargs).get(_MODEL))
        metadata = self._metadata if requested is None else _with_model(self._metadata, str(requested)[:_LONGEST_MODEL])
        input = self._input(recorder, instance, args, kwargs)
        span = recorder.start(
            above, self._kind, self._name, input, metadata, None, self._tags, self._redact, self._facts
        )
        if self._model is not None and span.recording:
            span.model = self._model
        return span

    def _arguments_by_name(self, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any]:
        if instance is not None:
            return self._arguments.all_by_name(args, kwargs)
        if self._skipped:
            args, kwargs = without_receiver(args, kwargs)
        return self._free_arguments.all_by_name(args, kwargs)

    def _begin_outside(self, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
        """Outside any trace the call opens one of its own."""
        recorder: Recorder | None = redirected(self._recorder) or default_recorder()
        if recorder is None or not recorder.alive:
            return None
        input = self._input(recorder, instance, args, kwargs)
        root = recorder.start_trace(self._name, input, None, self._tags, self._redact)
        if root is INERT:
            return root
        if self._kind in MODEL_CALLS:
            span = self._begin_model_call(root, instance, args, kwargs)
        else:
            span = recorder.start(
                root,
                self._kind,
                self._name,
                input,
                self._metadata,
                self._operation,
                self._tags,
                self._redact,
                self._facts,
            )
        if span is INERT:  # the queue took the trace and not the operation
            recorder.succeed(root, None)
        return span


def _with_model(metadata: bytes | None, model: str) -> bytes:
    """Metadata that names a model."""
    fields: dict[str, Any] = {} if metadata is None else from_json(metadata)
    parameters = fields.get("model_parameters")
    known: dict[str, Any] = cast("dict[str, Any]", parameters) if isinstance(parameters, dict) else {}
    return to_json({**fields, "model_parameters": {**known, "model": model}})


def report_failure(option: str, name: str, exc: BaseException) -> None:
    """Report that a function which the user gave for an option raised."""
    log_once(
        f"option:{option}:{name}",
        logging.WARNING,
        "the %s= callback of %r raised %s; recording without %s",
        option,
        name,
        type(exc).__qualname__,
        option if option.isidentifier() else "it",  # not a key of the metadata
        exc_info=exc,
    )


def _close_trace(span: Span) -> None:
    """End the trace that a call opened for itself, in the way the call ended."""
    root = span.parent
    if root is not None and root.end_ns is None:
        recorder: Recorder = root.trace.recorder
        recorder.end(root, span.status or COMPLETED, span.error, span.output)


def without_receiver(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments without the object, where that came as the first of them."""
    return (args[1:], kwargs) if args else (args, {key: kwargs[key] for key in kwargs if key not in RECEIVERS})


def _metadata(options: Mapping[str, Any]) -> bytes | None:
    """The metadata that every call has, as JSON text made once."""
    parameters = options.get("model_parameters")
    metadata: Mapping[str, Any] | None = options.get("metadata")
    if parameters is not None:
        metadata = {"model_parameters": parameters, **(metadata or {})}
    return None if metadata is None else Snapshot().encode_object(dict(metadata), METADATA_LIMIT)
