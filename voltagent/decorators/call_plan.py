"""The plan of a decorated function: what is known at decoration, and how one call is recorded.

How a call begins is with the kinds of plans: :mod:`voltagent.decorators.operation_plan` and
:mod:`voltagent.decorators.trace_plan`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from voltagent.capture.secrets import NOTHING_HIDDEN, Hidden, hide
from voltagent.capture.snapshot import LIMIT, METADATA_LIMIT, Snapshot
from voltagent.capture.usage import checked_usage, report_misspelt
from voltagent.core.context import run_callback
from voltagent.core.guard import Guard, is_ours, log_once
from voltagent.core.protocols import SpanRecorder
from voltagent.core.span import Span
from voltagent.decorators.arguments import RECEIVERS, ArgumentBinder, HiddenResult
from voltagent.decorators.mistakes import LAZY_TYPES, report_lazy_result
from voltagent.tracing import lost_parents
from voltagent.tracing.token_counts import set_usage

if TYPE_CHECKING:
    from voltagent.capture.results import ModelResult
    from voltagent.tracing.recorder import Recorder

# Types that are no chunk or result of a model, and with the second set no object of a client; by identity, as a
# metaclass may have its own `hash`.
NO_CHUNKS: Final = frozenset(map(id, (str, bytes, int, float, bool, type(None))))
NO_CLIENTS: Final = NO_CHUNKS | frozenset(map(id, (dict, list, tuple)))


class FunctionShape(NamedTuple):
    """The facts about a function that are known before it is called."""

    arguments: ArgumentBinder  # of a call on an object or a class
    free: ArgumentBinder  # of a call that is not bound
    skips_first: bool  # whether the first argument of an unbound call is the object, which is not recorded
    hidden_result: HiddenResult  # finds out what is secret in a result
    code: CodeType | None = None  # of the function, if it is written in Python


class CallPlan:
    """Records the calls of one function. No method raises an ``Exception`` into the program.

    Args:
        name: the name of the operation, unless the options set one.
        shape: the facts about the function.
        options: as returned by :func:`voltagent.decorators.options.checked`.
        any_shape: whether a result of an unknown class is read field by field, as for a model or an agent.
    """

    __slots__ = ("_arguments", "_calls_model", "_code", "_free_arguments", "_given_input", "_given_output", "_hidden",
                 "_hidden_result", "_metadata", "_name", "_no_results", "_recorder", "_redact", "_shown", "_tags",
                 "_unread", "_usage", "any_shape", "skips_first")  # fmt: skip

    def __init__(self, name: str, shape: FunctionShape, options: Mapping[str, Any], *, any_shape: bool = False):
        self._arguments, self._free_arguments, self.skips_first, self._hidden_result, self._code = shape
        self._hidden: Hidden | None = None  # set at the first result: the annotation may name what is defined later
        self._given_input = options.get("capture_input") is not False
        self._given_output: bool = options.get("capture_output", True)
        self._name: str = options.get("name", name)
        self._metadata = _metadata(options)
        self._tags: Any = options.get("tags")
        self._redact = options.get("redact")
        self._recorder: Recorder | None = options.get("sdk")
        self._usage: Callable[[Any], object] | None = options.get("usage")
        self._calls_model = False
        self.any_shape = any_shape
        self._no_results: frozenset[int] = NO_CHUNKS if any_shape else NO_CLIENTS
        # types of results at which nothing is looked at; the callback of `usage` may read any
        self._unread: frozenset[int] = self._no_results if self._usage is None else frozenset()
        # those of them that are recorded as they are, once it is known that nothing in a result is secret
        self._shown: frozenset[int] = frozenset()

    @property
    def gives_usage(self) -> bool:
        """Whether the option ``usage`` is set."""
        return self._usage is not None

    @property
    def hides_result(self) -> bool:
        """Whether a part of a result must not be recorded."""
        return bool(self._hidden_in_result())

    def begin(self, above: Span | None, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
        """Start the record of a call under ``above``, which is not inert; return ``None`` if recording is off."""
        raise NotImplementedError

    @property
    def numbers_that_fit(self) -> tuple[range, range]:
        """How many arguments without keywords fit the function for sure, in a bound call and in one that is not."""
        free = self._free_arguments.numbers_that_fit
        return self._arguments.numbers_that_fit, range(free.start + self.skips_first, free.stop + self.skips_first)

    def _input(
        self, recorder: SpanRecorder, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> bytes | None:
        """Encode the arguments of a call by name; ``None`` if they are not recorded."""
        if not (self._given_input and recorder.capture_input):
            return None
        arguments = self._arguments
        if instance is None:
            arguments = self._free_arguments
            if self.skips_first:
                args, kwargs = (args[1:], kwargs) if args else without_receiver(args, kwargs)
        if len(args) == arguments.exact and not kwargs:
            return recorder.snapshot.encode_arguments(arguments.named(*args), args)
        named = arguments.by_name(args, kwargs)
        return recorder.snapshot.encode_arguments(named, named.values())

    def _all_by_name(self, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return all arguments by name, also those that are not recorded."""
        if instance is not None:
            return self._arguments.all_by_name(args, kwargs)
        if self.skips_first:
            args, kwargs = without_receiver(args, kwargs)
        return self._free_arguments.all_by_name(args, kwargs)

    def _values_of(
        self, names: Sequence[str], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Any]:
        """Return the arguments of these names, also those that are not recorded; ``None`` for what was not passed."""
        if instance is not None:
            return self._arguments.values_of(names, args, kwargs)
        return self._free_arguments.values_of(names, args[1:] if self.skips_first else args, kwargs)

    def succeed(self, span: Span, outside: bool, result: object, *, is_run: bool = False) -> Any:
        """End the record of a call that returned.

        Args:
            span: the record.
            outside: whether the call began outside any trace, and so opened a trace of its own.
            result: what the call returned.
            is_run: whether it was a run of a generator or a stream, whose usage was taken.

        Returns:
            What the caller gets: the result.
        """
        try:
            recorder = span.trace.recorder
            ended = None
            if recorder is None or span.end_ns is not None:
                pass
            elif span.output is None and id(type(result)) in self._shown and recorder.capture_output:  # the usual one
                recorder.succeed(span, recorder.snapshot.encode_object(result, LIMIT, span))
                ended = span.end_ns
            else:
                found = None if id(type(result)) in self._unread else self.take_result(span, result, is_run=is_run)
                if not (self._given_output and recorder.capture_output and span.output is None):
                    recorder.succeed(span, None)
                else:
                    output = result
                    if self._hidden is not NOTHING_HIDDEN and self.hides_result:
                        output = self.shown(result)
                    elif found is not None and found.answer is not None and (self._calls_model or found.of_client):
                        output = found.answer  # a dictionary of the program is recorded as it is
                    recorder.succeed(span, recorder.snapshot.encode_object(output, LIMIT, span))
                ended = span.end_ns
            if outside:
                _close_trace(span, ended)
        except RecursionError:
            pass  # the stack is exhausted, so this cannot be logged either
        except BaseException as exc:
            Guard.swallowed(exc)
        return result

    def fail(self, span: Span, outside: bool, exception: BaseException) -> None:
        """End the record of a call that an exception left; ``outside`` as for :meth:`succeed`."""
        try:
            recorder = span.trace.recorder
            if recorder is not None:
                message = self._may_record_message(recorder)
                recorder.fail(span, exception, message=message)
                if outside and span.error is not None:
                    _close_trace(span)
                elif outside and span.parent is not None:  # the program had ended the operation before it failed
                    recorder.fail(span.parent, exception, message=message)
        except RecursionError:
            pass
        except BaseException as exc:
            if not is_ours(exc):
                self.fail(span, outside, exc)  # what an interrupt left open
            Guard.swallowed(exc)

    def captures_output(self, span: Span) -> bool:
        """Return whether results are recorded."""
        recorder = span.trace.recorder
        return self._given_output and recorder is not None and recorder.capture_output

    def shown(self, result: object) -> object:
        """Return what to record of a result, or of an item of a stream."""
        return result if self._hidden is NOTHING_HIDDEN else hide(result, self._hidden_in_result())

    def _hidden_in_result(self) -> Hidden:
        """Find out at the first result what is secret in results, and record them faster if nothing is."""
        hidden = self._hidden
        if hidden is None:
            hidden = self._hidden = self._hidden_result() or NOTHING_HIDDEN
            if self._given_output and not hidden:
                self._shown = self._unread
        return hidden

    def take_result(self, span: Span, result: object, *, is_run: bool = False) -> ModelResult | None:
        """Take model and token usage from a result, if it is that of a model or an agent, and return what was read."""
        is_given = self._usage is not None and not is_run and self.take_given_usage(span, result)
        kind = type(result)
        if id(kind) in self._no_results:
            return None
        if id(kind) in LAZY_TYPES:
            self._report_lazy_result(result)
            return None
        recorder = span.trace.recorder
        results = None if recorder is None else recorder.results
        if recorder is None or results is None or not (self.any_shape or results.is_client_type(kind)):
            return None
        found: ModelResult | None = None
        if kind is not list:
            found = results.read_result(result, any_shape=self.any_shape)
        if found is None:
            found = results.streams.packed(result, any_shape=self._calls_model)
        if found is not None:
            is_new = recorder.take_result(span, found, counts=self._usage is None)
            if is_given and not is_new:
                self.leave_out_counted(span, found)
        return found

    def leave_out_counted(self, span: Span, found: ModelResult) -> None:
        """Drop a usage that the callback gave for responses which a client, or an earlier call, has counted."""
        if found.responses and span.usage is not None and self._calls_model:
            span.usage = span.trace.counts.counted_already(span, span.usage)

    def _label(self) -> str:
        """Return what to call the decorated function in a hint."""
        return "trace"

    def _report_lazy_result(self, result: object) -> None:
        self._no_results = self._no_results.union(LAZY_TYPES)  # it is reported once
        self._unread = self._no_results if self._usage is None else self._unread
        report_lazy_result(self._label(), self._name, self._code, result)

    def take_given_usage(self, span: Span, result: object) -> bool:
        """Set the usage that the callback of the option returns, unless it was counted below.

        Return whether there is a callback and no usage was set before.
        """
        if self._usage is None or span.usage is not None:
            return False

        def take() -> None:
            given = self._usage(result) if self._usage is not None else None
            counts = span.trace.counts
            if counts is None or not counts.knows(given):  # else it belongs to a response that was counted below
                usage = checked_usage(given)
                report_misspelt(f"the usage= callback of {self._name!r}", usage)
                set_usage(span, usage)

        run_callback(take, on_error=partial(report_failure, "usage", self._name))
        return True

    def _may_record_message(self, recorder: SpanRecorder) -> bool:
        """Return whether the message of an exception may be recorded.

        It may repeat any value, so only if none is withheld.
        """
        captured = self._given_input and self._given_output and recorder.capture_input and recorder.capture_output
        withholds = self._arguments.withholds or self._free_arguments.withholds or self._hidden_in_result()
        return captured and not withholds


def report_failure(option: str, name: str, exc: BaseException) -> None:
    """Log that the callback of an option raised."""
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


def _close_trace(span: Span, end_ns: int | None = None) -> None:
    """End the trace that a call opened for itself, in the way the call ended, at that moment if it is passed."""
    if lost_parents.SUSPECTS:
        lost_parents.ended(span)
    root, recorder = span.parent, span.trace.recorder
    if root is not None and recorder is not None and root.end_ns is None:
        recorder.end_like(root, span, end_ns)


def without_receiver(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of an unbound call without the object, which is the first of them or is passed by name."""
    return (args[1:], kwargs) if args else (args, {key: kwargs[key] for key in kwargs if key not in RECEIVERS})


def _metadata(options: Mapping[str, Any]) -> bytes | None:
    """Encode the metadata that all calls share."""
    parameters = options.get("model_parameters")
    metadata: Mapping[str, Any] | None = options.get("metadata")
    if parameters is not None:
        metadata = {"model_parameters": parameters, **(metadata or {})}
    return None if metadata is None else Snapshot().encode_object(dict(metadata), METADATA_LIMIT)
