"""Record a call of a model that returns a stream: until the stream ends, with the answer in it."""

from __future__ import annotations

from collections.abc import Callable
from types import AsyncGeneratorType, GeneratorType
from typing import Any, TypeAlias, cast

from voltagent.core.guard import Guard
from voltagent.core.protocols import SpanRecorder
from voltagent.core.span import Span
from voltagent.decorators.call_plan import NO_CLIENTS
from voltagent.decorators.generator_run import GeneratorRun
from voltagent.decorators.managers import followed_manager, is_manager
from voltagent.decorators.operation_plan import OperationPlan
from voltagent.decorators.streams import followed, followed_stream, is_response, is_stream


class ModelCallPlan(OperationPlan):
    """The plan of a function that ``@llm`` decorates. What it returns may be a stream, which is followed."""

    __slots__ = ()

    def succeed(self, span: Span, outside: bool, result: object, *, is_run: bool = False) -> Any:
        """End the record of a call, unless it returned a stream: then return a proxy that ends it with the stream."""
        follow = None if is_run or span.end_ns is not None else _follower(result, span.trace.recorder)
        if follow is None:
            return super().succeed(span, outside, result, is_run=is_run)
        try:
            return follow(result, GeneratorRun(self, None, None, (), {}, begun=(span, outside)))
        except BaseException as exc:
            Guard.swallowed(exc)
            return super().succeed(span, outside, result)


_Follower: TypeAlias = "Callable[[Any, GeneratorRun], Any]"


def _follower(result: object, recorder: SpanRecorder | None) -> _Follower | None:
    """Return what follows a result that is read after the call has returned; ``None`` if it is not read later."""
    kind = type(result)
    if kind is dict:
        fields = cast("dict[str, object]", result)
        is_of_aws = "ResponseMetadata" in fields and _follower(fields.get("stream"), None) is followed_stream
        return _followed_in_answer if is_of_aws else None
    if kind is GeneratorType or kind is AsyncGeneratorType:
        return followed_stream
    if id(kind) in NO_CLIENTS:
        return None
    if is_stream(kind):
        return followed_stream
    if is_manager(kind):
        return followed_manager
    results = recorder.results if recorder is not None and is_response(kind) else None
    return None if results is None or results.is_read(result) else followed


def _followed_in_answer(answer: dict[str, Any], run: GeneratorRun) -> dict[str, Any]:
    """Follow the stream in an answer of the clients of AWS."""
    answer["stream"] = followed_stream(answer["stream"], run)
    return answer
