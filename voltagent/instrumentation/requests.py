"""Record one request to a model: a call, its result or its stream.

The user's call stands in the frame of the wrapper itself, so an exception that passes shows this frame of ours only.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from pydantic_core import from_json

from voltagent.capture.secrets import NOTHING_HIDDEN
from voltagent.capture.snapshot import METADATA_LIMIT
from voltagent.core.context import (
    BESIDE,
    CURRENT,
    INERT,
    REPLAYS,
    nearest_open,
    replay,
    set_current,
)
from voltagent.core.guard import Guard, guard, is_ours, pass_on_interrupt
from voltagent.core.json_objects import encode_plain, join_objects
from voltagent.core.kept_contexts import KEPT_CONTEXTS, drop_contexts
from voltagent.core.protocols import SpanRecorder
from voltagent.core.span import LLM, Span
from voltagent.decorators.arguments import ArgumentBinder
from voltagent.decorators.call_plan import FunctionShape
from voltagent.decorators.generator_run import GeneratorRun
from voltagent.decorators.operation_plan import OperationPlan
from voltagent.decorators.streams import followed
from voltagent.instrumentation.patches import Wrapper
from voltagent.tracing.foreign_records import FOREIGN_CALLS, give_back, leave, take_over
from voltagent.tracing.recorder import Recorder

if TYPE_CHECKING:
    from voltagent.capture.results import ModelResult

_ANY: Final = FunctionShape(
    ArgumentBinder(None), ArgumentBinder(None), skips_first=False, hidden_result=lambda: NOTHING_HIDDEN
)
# What of a request is input, or says how it is sent; what else is plain is a parameter of the model.
_INPUT: Final = frozenset(
    ("messages", "input", "prompt", "contents", "content", "system", "instructions", "tools", "stream")
)
_MOST: Final = 64  # parameters that are written without a closer look
_LONGEST: Final = 1024  # characters of a parameter that is written without a closer look
_LARGEST: Final = 1 << 128  # likewise for an integer


class RequestPlan(OperationPlan):
    """How requests to one endpoint are recorded. The keywords of :meth:`begin` are the body of the request."""

    __slots__ = ("_provider",)

    def __init__(self, name: str, provider: str, kind: str = LLM) -> None:
        self._provider = encode_plain({"provider": provider})
        super().__init__(kind, name, _ANY, {})

    def begin(self, above: Span | None, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
        """Start the span of a request; one that another instrumentation has begun is taken over."""
        if above is None:
            return super().begin(above, instance, args, kwargs)
        try:
            if FOREIGN_CALLS and self._takes_over(above, kwargs):
                return above
            recorder = above.trace.recorder
            if recorder is None:
                return None
            given = recorder.snapshot.encode_object(kwargs) if recorder.capture_input else None
            return recorder.start_from(above, self._template, given, self._describe(recorder, kwargs))
        except RecursionError:
            return None  # the stack is exhausted
        except BaseException as exc:
            Guard.swallowed(exc)
            return None

    def _takes_over(self, above: Span, body: dict[str, Any]) -> bool:
        """Take over the record that another instrumentation has started of this request; return whether it has."""
        token = object()
        try:
            if not take_over(above, token):
                return False
            self._add_to(above, body)
        except BaseException as exc:
            if not is_ours(exc) or type(exc) is RecursionError:
                give_back(above, token)
                raise
            Guard.swallowed(exc)
        return True

    def _begin_model_call(
        self,
        recorder: SpanRecorder,
        above: Span,
        input: bytes | None,
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Span:
        del instance, args
        return recorder.start_from(above, self._template, input, self._describe(recorder, kwargs))

    def _describe(self, recorder: SpanRecorder, body: dict[str, Any]) -> bytes:
        """Encode the metadata of a request, without a closer look if it is short and plain."""
        parameters: dict[str, Any] = {}
        is_short = len(body) <= _MOST
        for key, value in body.items():
            if type(key) is not str or key in _INPUT:
                continue
            kind: object = type(value)
            if kind is str:
                is_short = is_short and len(value) <= _LONGEST
            elif kind is int:
                is_short = is_short and -_LARGEST < value < _LARGEST
            elif kind is not float and kind is not bool:
                continue
            parameters[key] = value
        if not parameters:
            return self._provider
        if is_short:
            try:
                return b'%b,"model_parameters":%b}' % (self._provider[:-1], encode_plain(parameters))
            except Exception as exc:  # a lone surrogate
                pass_on_interrupt(exc)
        parts = self._provider, recorder.snapshot.encode_object({"model_parameters": parameters}, METADATA_LIMIT)
        return join_objects(parts)

    def succeed(self, span: Span, outside: bool, result: Any, *, is_run: bool = False) -> Any:
        try:
            OperationPlan.succeed(self, span, outside, result, is_run=is_run)  # `super` takes a step more
        finally:  # also after an interrupt
            if FOREIGN_CALLS:
                with guard:
                    leave(span)
        return result

    def fail(self, span: Span, outside: bool, exception: BaseException) -> None:
        try:
            super().fail(span, outside, exception)
        finally:  # also after an interrupt
            if FOREIGN_CALLS:
                with guard:
                    leave(span)

    def take_result(self, span: Span, result: object, *, is_run: bool = False) -> ModelResult | None:
        """Take model and usage from a response, whatever its class: a client returned it."""
        del is_run  # it matters to a callback of `usage=`, which a request has not
        recorder = span.trace.recorder
        results = None if recorder is None else recorder.results
        if recorder is None or results is None:
            return None
        found: ModelResult | None = results.read_result(result, any_shape=True)
        if found is not None:
            recorder.take_result(span, found)
        return found

    def _add_to(self, span: Span, body: dict[str, Any]) -> None:
        """Add what this client knows to a record that another instrumentation has started."""
        recorder = cast("Recorder", span.trace.recorder)
        recorder.add(span, metadata=from_json(self._describe(recorder, body)))
        given = None if span.input is not None else self._input(recorder, None, (), body)
        if given is not None:
            recorder.update(span, {"input": given})

    def _input(
        self, recorder: SpanRecorder, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> bytes | None:
        del instance, args
        return recorder.snapshot.encode_object(kwargs) if recorder.capture_input else None


# One request that is about to be made: its plan, its body, and whether the answer is read after the call has returned.
# A plain tuple: a class with names for the three costs more than all else that is done to describe a request.
ModelRequest: TypeAlias = tuple[RequestPlan, dict[str, Any], bool]
# What a call is. Raises nothing: `None`, reported once, if that cannot be read in this version of the client.
Describe: TypeAlias = Callable[[tuple[Any, ...], Mapping[str, Any]], ModelRequest | None]


def around_request(describe: Describe) -> Wrapper:
    """Record each call of a method that makes a request."""

    def call(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        above = CURRENT.get()
        if BESIDE or (above is not None and above.end_ns is not None):
            above = nearest_open(above)
        request = None if above is INERT else describe(args, kwargs)
        if request is None:
            return wrapped(*args, **kwargs)
        plan, body, streams = request
        if streams:
            run = GeneratorRun(plan, above, None, (), body)
            run.enter()
            try:
                result = _replayed(run.span, body, wrapped, args, kwargs) if REPLAYS else wrapped(*args, **kwargs)
            except BaseException as exc:
                run.raised(exc)
                raise
            run.pause()
            return followed(result, run)
        span = plan.begin(above, None, (), body)
        if span is None:
            return wrapped(*args, **kwargs)
        before = CURRENT.get()
        try:
            if KEPT_CONTEXTS:
                drop_contexts()
            CURRENT.set(span)
            result = _replayed(span, body, wrapped, args, kwargs) if REPLAYS else wrapped(*args, **kwargs)
            if KEPT_CONTEXTS:
                drop_contexts()
            CURRENT.set(before)
            plan.succeed(span, above is None, result)
        except BaseException as exc:
            set_current(before)
            plan.fail(span, above is None, exc)
            raise
        return result

    return call


def around_async_request(describe: Describe) -> Wrapper:
    """Record each run of a coroutine method that makes a request."""

    async def call(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        above = CURRENT.get()
        if BESIDE or (above is not None and above.end_ns is not None):
            above = nearest_open(above)
        request = None if above is INERT else describe(args, kwargs)
        if request is None:
            return await wrapped(*args, **kwargs)
        plan, body, streams = request
        if streams:
            run = GeneratorRun(plan, above, None, (), body)
            run.enter()
            try:
                result = await (
                    _replayed(run.span, body, wrapped, args, kwargs) if REPLAYS else wrapped(*args, **kwargs)
                )
            except BaseException as exc:
                run.raised(exc)
                raise
            run.pause()
            return followed(result, run)
        span = plan.begin(above, None, (), body)
        if span is None:
            return await wrapped(*args, **kwargs)
        before = CURRENT.get()
        try:
            if KEPT_CONTEXTS:
                drop_contexts()
            CURRENT.set(span)
            result = await (_replayed(span, body, wrapped, args, kwargs) if REPLAYS else wrapped(*args, **kwargs))
            if CURRENT.get() is span:
                if KEPT_CONTEXTS:
                    drop_contexts()
                CURRENT.set(before)
            plan.succeed(span, above is None, result)
        except BaseException as exc:
            if CURRENT.get() is span:  # a coroutine may be closed where something else is current
                set_current(before)
            plan.fail(span, above is None, exc)
            raise
        return result

    return call


def _replayed(span: Span, body: dict[str, Any], wrapped: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Return the answer of a recorded trace, or that of the client if the request is to be sent."""
    return replay().request(span, body, wrapped, args, kwargs)
