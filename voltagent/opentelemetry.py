"""Record the spans of other instrumentations, through OpenTelemetry's own SDK.

::

    from opentelemetry.sdk.trace import TracerProvider
    from voltagent.opentelemetry import SpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(SpanProcessor())

OpenTelemetry is neither imported here nor a dependency of this library.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any

from voltagent.core.awaitable import loop_is_running
from voltagent.core.guard import guard
from voltagent.core.late_import import LateModule
from voltagent.tracing.foreign_spans import ForeignSpans

if TYPE_CHECKING:
    from voltagent.sdk import voltagent_sdk
else:
    voltagent_sdk = LateModule("voltagent.sdk.voltagent_sdk")

__all__ = ["SpanProcessor"]


class SpanProcessor:
    """A span processor for OpenTelemetry's ``TracerProvider`` that records every span as an operation.

    OpenInference, OpenLLMetry, pydantic-ai, Logfire, FastMCP and other instrumentations follow naming conventions,
    which the tables for received OTLP also cover (``docs/receiving.md``). So a model call becomes an operation of kind
    ``llm`` with model, messages and tokens, and a tool call one of kind ``tool``. Each is recorded below the current
    operation, and what is recorded inside it below it. A span outside any trace opens one, with OpenTelemetry's trace
    id. A call that :func:`voltagent.instrument` also records is recorded once.

    Never raises into the program and never blocks, except for :meth:`force_flush`.

    Args:
        sdk: the SDK that records spans outside any trace (default: the newest that was not shut down).
    """

    def __init__(self, sdk: voltagent_sdk.VoltAgentSDK | None = None) -> None:
        recorder: Any = None if sdk is None else sdk._recorder  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        self._spans = ForeignSpans(recorder)

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Record the start of a span; its parent is read from the span, not from ``parent_context``."""
        del parent_context
        with guard:
            self._spans.started(span)

    def _on_ending(self, span: Any) -> None:
        """Have no effect: other processors may still change the span, so it is read when it has ended."""
        del span

    def on_end(self, span: Any) -> None:
        """Record the end of a span."""
        with guard:
            self._spans.ended(span)

    def shutdown(self) -> None:
        """Accept no further spans. This library's SDK stays open, as other parts of the program may use it."""
        with guard:
            self._spans.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what was recorded so far, in at most this many milliseconds; return whether all of it was sent.

        Does not wait while an asyncio loop runs in this thread, like ``VoltAgentSDK.flush``.
        """
        recorder = self._spans.recorder
        flush = None if recorder is None else recorder.flush
        if flush is None:
            return True
        with guard:
            future = flush(timeout_millis / 1000)
            if not loop_is_running():
                try:
                    return bool(future.result(timeout_millis / 1000 + 1).pending == 0)
                except FutureTimeoutError:
                    return False
            return future.done() and bool(future.result().pending == 0)
        return False
