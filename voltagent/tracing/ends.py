"""The ends of spans: completed, failed, or as the program says.

The functions are methods of :class:`voltagent.tracing.recorder.Recorder`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from voltagent.capture.exceptions.failures import capture_failure, descends_from
from voltagent.capture.exceptions.kinds import is_cancellation, is_control_flow
from voltagent.core import clock
from voltagent.core.guard import log
from voltagent.core.span import (
    CANCELLED,
    COMPLETED,
    ERROR,
    MODEL_CALLS,
    TRACE,
    Failure,
    Phase,
    Span,
    SpanFacts,
    TraceInfo,
)
from voltagent.tracing.model_results import settle_model

if TYPE_CHECKING:
    from voltagent.tracing.recorder import Recorder

_WITHHELD: Final = 31  # exceptions remembered per trace whose message must not be recorded


def succeed(recorder: Recorder, span: Span, output: bytes | None) -> None:
    """End a span as completed. Later ends of the same span are ignored."""
    if span.end_ns is not None:
        return
    trace = span.trace
    now, start = clock.monotonic_ns() + trace.clock_offset, span.start_ns  # as `Span.time_of_end`, without a call
    if span.usage is not None or trace.counts is not None or span.kind in MODEL_CALLS:
        settle_model(recorder, span)
    if span.output is None:
        span.output = output
    else:
        output = span.output  # it was recorded before, and its size counts now
    size = len(output) if output is not None else 0
    if span.more_metadata:
        size += sum(map(len, span.more_metadata))
    put = recorder.put_end
    span.status = COMPLETED
    put(span, size, now if now > start else start)  # noqa: FURB136 - `max` is a call more for every operation


def fail(recorder: Recorder, span: Span, exception: BaseException, *, message: bool = True) -> None:
    """End a span that an exception left.

    Args:
        span: the span to end.
        exception: the exception.
        message: whether its message may be recorded. If not, the message is also left out of the spans above that
            the exception passes through, alone or as a cause.
    """
    if span.end_ns is None:
        failure = failure_of(span.trace, exception, message=message)
        if is_cancellation(exception):
            recorder.end(span, CANCELLED, failure)
            return
        if is_control_flow(exception):
            _warn(recorder, span)
        recorder.end(span, ERROR, failure)


def _warn(recorder: Recorder, span: Span) -> None:
    """Set the level WARNING, unless a level is set: an exception of a framework's control flow left the span."""
    if span.kind == TRACE:
        given, span.trace.level = span.trace.level, span.trace.level or "WARNING"
    else:
        facts: SpanFacts = span.facts or {}
        given = facts.get("level")
        span.facts = {**facts, "level": given or "WARNING"}
    if given is None:
        recorder.put((Phase.UPDATE, span, {"level": "WARNING"}), 0)


def failure_of(trace: TraceInfo, exception: BaseException, *, message: bool) -> Failure:
    """Return the record of an exception, without its message if that was withheld anywhere in the trace."""
    failure = capture_failure(exception, message=message)
    if not message:
        trace.withheld = (*trace.withheld[-_WITHHELD:], id(exception))
    elif trace.withheld and (failure.comes_from(trace.withheld) or descends_from(exception, trace.withheld)):
        failure = capture_failure(exception, message=False)
    return failure


def end(
    recorder: Recorder,
    span: Span,
    status: str,
    error: Failure | bytes | None = None,
    output: bytes | None = None,
    *,
    end_ns: int | None = None,
) -> None:
    """End a span with any status, now or at a given time. The first end of a span wins."""
    if span.end_ns is not None:
        log(logging.DEBUG, "%s has ended already; this end is ignored", clock.id_text(span.id))
        return
    now = span.time_of_end() if end_ns is None else max(span.start_ns, end_ns)
    if span.usage is not None or span.trace.counts is not None or span.kind in MODEL_CALLS:
        settle_model(recorder, span)
    if output is not None:
        span.output = output
    size = len(span.output or b"")
    if span.more_metadata:
        size += sum(map(len, span.more_metadata))
    if error is not None and isinstance(error, bytes):
        size += len(error)
    put = recorder.put_end
    span.error = error
    span.status = status
    put(span, size, now)


def end_like(recorder: Recorder, root: Span, span: Span, end_ns: int | None = None) -> None:
    """End an open trace in the way its operation ended, now or at a given time: :meth:`end`, in less time."""
    if root.usage is not None or root.trace.counts is not None:
        settle_model(recorder, root)
    output = root.output = root.output if span.output is None else span.output
    error = root.error = span.error
    root.status = span.status or COMPLETED
    if error is not None and (span.facts or {}).get("level") == "WARNING":
        _warn(recorder, root)
    now = root.time_of_end() if end_ns is None else end_ns
    size = 0 if output is None else len(output)
    if root.more_metadata:
        size += sum(map(len, root.more_metadata))
    if error is not None and isinstance(error, bytes):
        size += len(error)
    put = recorder.put_end
    put(root, size, now)
