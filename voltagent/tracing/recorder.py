"""The recorder starts and ends spans, and passes their events to a sink.

One recorder belongs to one SDK. Decorators and handles both record through it, so a span starts in one way and ends in
one way. Everything here runs on the caller's thread, without a lock and without I/O.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from sys import modules
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakValueDictionary

from voltagent.capture.option_values import bounded_tags
from voltagent.capture.snapshot import LIMIT, METADATA_LIMIT, Snapshot
from voltagent.capture.usage import checked_usage
from voltagent.core import clock, context, hints
from voltagent.core.guard import log
from voltagent.core.json_objects import join_objects, merge_objects
from voltagent.core.process import exit_hook
from voltagent.core.protocols import EventRedactor, ResultReader, Sink
from voltagent.core.span import (
    AGENT,
    TRACE,
    Phase,
    Remote,
    Span,
    SpanEvent,
    SpanTemplate,
    StandIn,
    TemplateFields,
    empty_span,
    empty_trace,
)
from voltagent.tracing import opentelemetry
from voltagent.tracing.ends import end, end_like, fail, failure_of, succeed
from voltagent.tracing.model_results import take_result
from voltagent.tracing.origins import add_inherited, connect, set_start
from voltagent.tracing.sampling import Sampling
from voltagent.tracing.token_counts import set_usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from typing_extensions import Unpack

    from voltagent.capture.prices import Prices
    from voltagent.render.notebook import Witness

    _PutStart = Callable[[Span, int], bool]
    _PutEnd = Callable[[Span, int, int], bool]

_PARTS: Final = 32  # pieces of metadata that one span holds before they are joined

_ROOT: Final = SpanTemplate(TRACE, "")
# read by each call that starts a trace, so without a step through their module
_START: Final = Phase.START
_CAPTURES: Final = context.CAPTURES
_INCOMING: Final = context.INCOMING
_PROPAGATED: Final = context.PROPAGATED


class Recorder:
    """Starts and ends the spans of one SDK."""

    __slots__ = (
        "__weakref__",
        "alive",
        "baggage",
        "capture_input",
        "capture_output",
        "common",
        "destination",
        "flush",
        "known",
        "prices",
        "put",
        "put_end",
        "put_start",
        "results",
        "sampling",
        "snapshot",
        "witness",
    )

    def __init__(
        self,
        sink: Sink,
        snapshot: Snapshot | None = None,
        *,
        capture_input: bool = True,
        capture_output: bool = True,
        sampling: Sampling | None = None,
        common: Mapping[str, str] | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.sampling = sampling or Sampling()
        given = sink.put
        self.put = self.sampling.over(given)
        self.put_start, self.put_end = _by_phase(sink if self.put is given else None, self.put)
        self.snapshot = snapshot or Snapshot()
        self.capture_input = capture_input
        self.capture_output = capture_output
        self.common = self.snapshot.encode_object(dict(common)) if common else None  # metadata of every trace
        self.prices = prices
        self.results = self._load_results()
        if self.results is not None:
            self.snapshot.read_answers(self.results.answer_form)
        self.alive = True
        self.baggage: tuple[str, ...] = ()  # the fields of a trace that are sent to and accepted from other processes
        self.flush: Callable[[float], Future[Any]] | None = None  # sends what was recorded, in that many seconds
        self.destination: Mapping[str, Any] | None = None  # how another process makes an SDK that records there, too
        # Spans whose id the program has set or read as text: only such an id can come back without its span.
        self.known: WeakValueDictionary[str, Span] = WeakValueDictionary()
        self.witness: Witness | None = None  # remembers spans, so that handles can show them in a notebook

    @staticmethod
    def _load_results() -> ResultReader | None:
        """Import what reads the results of model calls: now, because importing the package alone does not need it.

        ``None`` in a finalizer of the interpreter, when nothing can be imported that was not before.
        """
        try:
            with exit_hook.imports_kept():
                from voltagent.capture import results

                import_module("voltagent.capture.results.streams")
        except ImportError:
            return None
        return cast("ResultReader", results)

    def start(
        self,
        parent: Span,
        kind: str,
        name: str,
        input: bytes | None,
        metadata: bytes | None = None,
        **about: Unpack[TemplateFields],
    ) -> Span:
        """:meth:`start_from` for fields that are known for this one operation only."""
        return self.start_from(parent, SpanTemplate(kind, name, **about), input, metadata)

    def start_from(
        self,
        parent: Span,
        template: SpanTemplate,
        input: bytes | None,
        metadata: bytes | None = None,
        start_ns: int | None = None,
    ) -> Span:
        """Start an operation under ``parent``, now unless ``start_ns`` says when.

        Returns:
            The new span, or :data:`context.INERT` if the sink refused it.
        """
        span, trace = empty_span(), parent.trace
        # `Span.fill`, without a call: a tenth of a microsecond for every operation
        span.id = clock.new_id()
        span.trace = trace
        span.parent = parent
        span.kind = template.kind
        span.name = template.name
        span.agent_id = parent.name if parent.kind == AGENT else parent.agent_id
        span.operation = template.operation
        span.input = input
        span.metadata = metadata
        span.tags = template.tags
        span.facts = template.facts
        span.model = template.model
        span.redact = template.redact
        span.more_metadata = span.more_tags = ()
        span.usage = span.output = span.error = span.status = span.end_ns = span.queued = None
        span.start_ns = clock.monotonic_ns() + trace.clock_offset if start_ns is None else start_ns
        size = 0 if input is None else len(input)
        if metadata is not None:
            size += len(metadata)
        put = self.put_start  # before 3.12, `self.put_start(…)` would look for a method first
        try:
            return span if put(span, size) else self._refused()
        except BaseException as exc:
            self._end_interrupted(span, exc)
            raise

    def _end_interrupted(self, span: Span, exc: BaseException) -> None:
        """End a span if its start is in a queue, although an interrupt keeps it from the caller, who would end it."""
        if span.queued is not None:
            self.fail(span, exc, message=self.capture_input and self.capture_output)

    def _refused(self) -> Span:
        """Return what stands for an operation that the sink refused: because the queue is full, or after a shutdown."""
        if not self.alive:
            hints.report_late_call("this operation")
        return context.INERT

    def begin(self, span: Span) -> Span:
        """Record the start of a span that is complete; :data:`context.INERT` if the sink refused it."""
        return span if self.put_start(span, len(span.input or b"") + len(span.metadata or b"")) else context.INERT

    def start_trace(  # noqa: C901 - in one piece, for the reason below
        self,
        agent_id: str,
        input: bytes | None,
        metadata: bytes | None = None,
        tags: tuple[str, ...] | None = None,
        redact: EventRedactor | None = None,
        *,
        identifier: str | None = None,
        start_ns: int | None = None,
        above: Span | None = None,
        remote: Remote | None = None,
        ambient: bool = True,
        **about: str | None,
    ) -> Span:
        """Start a trace.

        Args:
            agent_id: the agent that it is a run of.
            input: the payload, a JSON object.
            metadata: a JSON object.
            tags: the tags of the trace.
            redact: the redactor of the decorator.
            identifier: an id to use instead of a new one.
            start_ns: the start, if it is not now.
            above: the span that is current outside.
            remote: the span of another process that this trace continues.
            ambient: whether, without ``remote`` and ``above``, the trace continues the current span of OpenTelemetry,
                or the caller of the request that is being served.
            **about: more fields of :class:`voltagent.core.span.TraceInfo`.

        This is one function because each call in it is paid by every decorated call outside a trace.

        Returns:
            The root span. An inert span if the trace is sampled out or refused; if the caller named by ``remote`` is
            the reason, outgoing requests still propagate that caller.
        """
        if _CAPTURES and (recorder := cast("Recorder", context.capture())) is not self:
            return recorder.start_trace(
                agent_id, input, metadata, tags, redact,
                identifier=identifier, start_ns=start_ns, above=above, remote=remote, ambient=ambient, **about,
            )  # fmt: skip
        named = remote
        if remote is None and above is None and ambient:
            remote = (opentelemetry.current_parent() if opentelemetry.API in modules else None) or _INCOMING.get()
        propagated = _PROPAGATED.get()
        if propagated is not None or (remote is not None and remote.baggage):
            tags = add_inherited(about, tags, propagated, remote, self.baggage)
        if self.common is not None:
            metadata = self.common if metadata is None else join_objects((self.common, metadata))
        tail_buffer = None
        sampling = self.sampling
        if (remote is not None or above is not None or sampling.chooses) and not sampling.takes(
            above, remote, agent_id, tags, metadata, about
        ):
            tail_buffer = sampling.new_tail_buffer()
            if tail_buffer is None:
                return context.INERT if named is None else context.inert(NOTHING, named)
        trace = empty_trace()
        trace.fill(identifier or clock.new_trace_id(), agent_id, self)
        if tail_buffer is not None:
            trace.tail_buffer = tail_buffer
        for field, value in about.items():
            setattr(trace, field, value)
        if remote is not None or above is not None:
            connect(trace, above, remote)
        span = empty_span()
        span.fill(trace, None, _ROOT, input, metadata, trace.id, clock.monotonic_ns() + trace.clock_offset)
        span.name = agent_id
        span.tags = tags
        span.redact = redact
        if start_ns is not None:
            set_start(span, start_ns)
        if identifier is not None:
            self.known[identifier] = span
        size = len(input or b"") + len(metadata or b"")
        put = self.put_start
        try:
            return span if put(span, size) else context.INERT
        except BaseException as exc:
            self._end_interrupted(span, exc)
            raise

    def point(
        self, parent: Span, kind: str, name: str, input: bytes | None, metadata: bytes | None, **more: Any
    ) -> Span:
        """Record a custom event under ``parent``: a moment without an end, unless ``end_time`` is set."""
        span = Span(parent.trace, parent, kind, name, input, metadata, **more)
        if isinstance(span.id, str):
            self.known[span.id] = span
        taken = self.put((Phase.POINT, span, None), len(input or b"") + len(metadata or b""))
        return span if taken else context.INERT

    def add(
        self,
        span: Span,
        *,
        metadata: object = None,
        usage: object = None,
        output: object = None,
        tags: tuple[str, ...] = (),
    ) -> None:
        """Add to what the end of the span sends. Later metadata overrides earlier keys, later output replaces all."""
        if span.end_ns is not None:
            log(logging.DEBUG, "%s has ended already; nothing was added", clock.id_text(span.id))
            return
        if usage is not None:
            set_usage(span, checked_usage(usage))
        if metadata is not None:
            self.add_metadata(span, self.snapshot.encode_object(metadata, METADATA_LIMIT, span))
        if output is not None and self.capture_output:
            span.output = self.snapshot.encode_object(output, LIMIT, span)
        if tags:
            span.more_tags = bounded_tags((*span.more_tags, *tags))

    def update(self, span: Span, fields: Mapping[str, Any]) -> None:
        """Send changed fields of an open span now. Metadata is sent again with the end."""
        metadata = fields.get("metadata")
        if metadata is not None and span.end_ns is None:
            self.add_metadata(span, metadata)
        self.put((Phase.UPDATE, span, fields), sum(len(value) for value in fields.values() if isinstance(value, bytes)))

    def add_metadata(self, span: Span, text: bytes) -> None:
        """Append a piece of metadata; join the pieces, cut to the limit, when they are many or large."""
        parts = (*span.more_metadata, text)
        if len(parts) > _PARTS or sum(map(len, parts)) > METADATA_LIMIT:
            parts = (self.snapshot.encode_object(merge_objects(parts), METADATA_LIMIT),)
        span.more_metadata = parts

    # the functions themselves are the methods: a method that calls one is a step more for every operation
    succeed = succeed
    fail = fail
    end = end
    end_like = end_like
    failure = staticmethod(failure_of)
    take_result = take_result


def _by_phase(sink: object, put: Callable[[SpanEvent, int], bool]) -> tuple[_PutStart, _PutEnd]:
    """Return what takes a START and an END: functions of the sink, which save a tuple, else those through ``put``."""

    def put_end(span: Span, size: int, end_ns: int) -> bool:
        span.end_ns = end_ns
        return put((Phase.END, span, None), size)

    return (
        getattr(sink, "put_start", None) or (lambda span, size: put((_START, span, None), size)),
        getattr(sink, "put_end", None) or put_end,
    )


class _Nowhere:
    """A sink that refuses every event."""

    @staticmethod
    def put(event: SpanEvent, size: int) -> bool:
        del event, size
        return False


class _Nothing(Recorder):
    """The recorder of a trace that is left out: starting an operation under it returns the same inert span."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_Nowhere(), capture_input=False, capture_output=False)
        self.alive = False

    @staticmethod
    def _load_results() -> None:
        """Import nothing: there is no result to read."""

    def start_from(self, parent: Span, *_: Any, **__: Any) -> Span:
        return context.INERT if type(parent) is StandIn else parent

    def start_trace(self, *_: Any, **__: Any) -> Span:
        return context.INERT


NOTHING: Final = _Nothing()
