"""Record a call of a model that returns a stream: until the stream ends, with the answer in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import AsyncGeneratorType, GeneratorType
from typing import Any, cast

from voltagent.core.guard import Guard
from voltagent.core.span import Span
from voltagent.decorators.call_plan import NO_CLIENTS, FunctionShape, OperationPlan
from voltagent.decorators.generator_run import GeneratorRun
from voltagent.decorators.streams import followed_stream, is_stream


class ModelCallPlan(OperationPlan):
    """The plan of a function that ``@llm`` decorates. What it returns may be a stream, which is followed."""

    __slots__ = ("_of_streams",)

    def __init__(self, kind: str, name: str, shape: FunctionShape, options: Mapping[str, Any], facts: Any = None):
        super().__init__(kind, name, shape, options, facts)
        # The callback of the option is not called for a stream: the usage is in its chunks.
        without = {key: value for key, value in options.items() if key != "usage"}
        self._of_streams = OperationPlan(kind, name, shape, without, facts)

    def succeed(self, span: Span, outside: bool, result: object) -> Any:
        """End the record of a call, unless it returned a stream: then return a proxy that ends it with the stream."""
        stream = _stream_in(result)
        if stream is None or span.end_ns is not None:
            return super().succeed(span, outside, result)
        try:
            proxy = followed_stream(stream, GeneratorRun(self._of_streams, None, None, (), {}, begun=(span, outside)))
        except BaseException as exc:
            Guard.swallowed(exc)
            return super().succeed(span, outside, result)
        if stream is result:
            return proxy
        cast("dict[str, Any]", result)["stream"] = proxy
        return result


def _stream_in(result: object) -> object:
    """Return the stream that a call returned, alone or as the clients of AWS return it; ``None`` if there is none."""
    kind = type(result)
    if kind is dict:
        fields = cast("dict[str, object]", result)
        return _stream_in(fields.get("stream")) if "ResponseMetadata" in fields else None
    if kind is GeneratorType or kind is AsyncGeneratorType:
        return result
    return result if id(kind) not in NO_CLIENTS and is_stream(kind) else None
