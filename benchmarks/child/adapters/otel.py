"""OpenTelemetry's SDK with its OTLP exporter over HTTP, and a decorator as a user would write it by hand."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from adapters import Contestant, Place


class Adapter(Contestant):
    packages = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.provider = TracerProvider()
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(place.url + "/v1/traces")))
        trace.set_tracer_provider(self.provider)
        self.tracer = trace.get_tracer("benchmark")

    def flush(self) -> None:
        self.provider.force_flush()

    def decorate(self, kind: str, function: Any) -> Any:
        names = list(inspect.signature(function).parameters)
        names = names[1:] if names[:1] == ["self"] else names
        skip = 0 if len(names) == len(inspect.signature(function).parameters) else 1
        start, name = self.tracer.start_as_current_span, function.__name__

        def note_input(span: Any, args: Any, kwargs: Any) -> None:
            span.set_attribute("kind", kind)
            span.set_attribute("input", json.dumps({**dict(zip(names, args[skip:], strict=False)), **kwargs}))

        @functools.wraps(function)
        def sync(*args: Any, **kwargs: Any) -> Any:
            with start(name) as span:
                note_input(span, args, kwargs)
                result = function(*args, **kwargs)
                span.set_attribute("output", json.dumps(result))
                return result

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with start(name) as span:
                note_input(span, args, kwargs)
                result = await function(*args, **kwargs)
                span.set_attribute("output", json.dumps(result))
                return result

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            with start(name) as span:
                note_input(span, args, kwargs)
                items = []
                for item in function(*args, **kwargs):
                    items.append(item)
                    yield item
                span.set_attribute("output", json.dumps(items))

        @functools.wraps(function)
        async def async_generator(*args: Any, **kwargs: Any) -> Any:
            with start(name) as span:
                note_input(span, args, kwargs)
                items = []
                async for item in function(*args, **kwargs):
                    items.append(item)
                    yield item
                span.set_attribute("output", json.dumps(items))

        if inspect.iscoroutinefunction(function):
            return coroutine
        if inspect.isasyncgenfunction(function):
            return async_generator
        return generator if inspect.isgeneratorfunction(function) else sync
