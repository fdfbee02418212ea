"""Bring the spans of an OpenTelemetry SDK in this process into our tree, by the tables that read OTLP.

A foreign span becomes an operation below the one that is current where it starts, or opens a trace. What is recorded
while it is OpenTelemetry's current span is its child. Nothing of OpenTelemetry is imported: the spans are objects that
the program's SDK hands over.

A record starts with the foreign span if the attributes it starts with say what it is; else with the first child, or
at its end, because many instrumentations set the attributes just after the start.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any, Final, cast
from weakref import WeakSet

from pydantic_core import from_json

from voltagent.capture.results import ModelResult, Response, read_result
from voltagent.capture.snapshot import LIMIT, METADATA_LIMIT
from voltagent.core import clock, context, trace_ids
from voltagent.core.context import CURRENT, INCOMING, INERT
from voltagent.core.guard import Guard
from voltagent.core.span import AGENT, MODEL_CALLS, TRACE, Remote, Span
from voltagent.tracing.recorder import Recorder
from voltagent.tracing.token_counts import TokenCounts, counts_of
from voltagent.wire.otlp import values
from voltagent.wire.otlp.classify import SPAN
from voltagent.wire.otlp.encode import attribute_message
from voltagent.wire.otlp.received import UNKNOWN_SERVICE, Received, start_facts, trace_metadata, understood

Key = tuple[int, int]  # trace id and span id of OpenTelemetry
MOST_OPEN: Final = 50_000
MOST_ENDED: Final = 4096  # which may still get children
_OWN_THREADS: Final = "voltagent-"  # how the names of this library's threads begin
_RANDOM: Final = 2  # the flag of a trace id that is random (W3C Trace Context, level 2)
_ERROR, _OK = 2, 1  # values of OpenTelemetry's StatusCode

# Open records of model calls, which an instrumented client may take over.
_model_calls: Final[WeakSet[Span]] = WeakSet()


def take_over(span: Span | None) -> bool:
    """Whether the span is a foreign record of a model call that no client has recorded yet; from now on one has.

    An instrumented client and another instrumentation see the same call: the client's record is the better one, and it
    goes into the span that is there already.
    """
    if span is None or not _model_calls or span not in _model_calls:
        return False
    _model_calls.discard(span)
    return span.end_ns is None


class _Record:
    """What is recorded of one foreign span."""

    __slots__ = ("metadata", "otel", "parent", "root", "span", "start_input")

    def __init__(self, otel: Any, parent: Span | None) -> None:
        self.otel = otel
        self.parent = parent  # the span of ours that it is below; None if it opens a trace
        self.span: Span | None = None  # once it was started
        self.root: Span | None = None  # the trace that it opened, if it is an operation in it
        self.metadata: Mapping[str, Any] = {}
        self.start_input: bytes | None = None


class ForeignSpans:
    """The spans that one :class:`voltagent.opentelemetry.SpanProcessor` sees.

    Args:
        recorder: what records spans outside any trace of ours; by default the first live one.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder = recorder
        self._open: dict[Key, _Record] = {}
        self._ended: dict[Key, Span] = {}
        self._takes_new = True
        context.BESIDE.append(self)

    @property
    def recorder(self) -> Recorder | None:
        """What records spans outside any trace of ours."""
        return self._recorder or context.default_recorder()

    def close(self) -> None:
        """Take no further spans; those that are open still end."""
        self._takes_new = False
        if self in context.BESIDE:
            context.BESIDE.remove(self)

    # ------------------------------------------------------------------------------------------------------- starting

    def started(self, otel: Any) -> None:
        """A foreign span has started."""
        if not self._takes_new or threading.current_thread().name.startswith(_OWN_THREADS):
            return  # what our own requests cause is not recorded: it would cause further requests
        record = self._placed(otel)
        if record is None:
            return
        self._open[_key(otel)] = record
        if len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open)), None)
        received = _read(otel, is_root=record.parent is None)
        if received.meaning.kind != SPAN:
            self._begin(record, received)

    def _placed(self, otel: Any) -> _Record | None:
        """A record below the innermost span here; ``None`` if nothing is recorded."""
        current = context.nearest_open(CURRENT.get(), beside=False)
        parent = self._find(_context_key(otel.parent))
        if parent is not None:
            current = _inner(parent, current)
        if current is None:
            recorder = self._alive()
            return None if recorder is None else _Record(otel, None)
        return _Record(otel, current) if current.recording else None

    def _alive(self) -> Recorder | None:
        recorder: Recorder | None = context.redirected(self.recorder)
        return recorder if recorder is not None and recorder.alive else None

    def _find(self, key: Key | None) -> Span | None:
        """The span of ours that stands for a foreign one."""
        if key is None:
            return None
        record = self._open.get(key)
        return self._ended.get(key) if record is None else self._begin(record)

    def _begin(self, record: _Record, received: Received | None = None) -> Span:
        """Start the record, unless it was started."""
        if record.span is not None:
            return record.span
        received = received or _read(record.otel, is_root=record.parent is None)
        parent = record.parent
        if parent is None:
            parent = self._open_trace(received, record)
            if received.is_trace or not parent.recording:
                record.span = parent
                return parent
            record.root = parent
        recorder = cast("Recorder", parent.trace.recorder)
        record.metadata = _metadata(recorder, received)
        record.start_input = _payload(recorder, received, "input")
        span = Span(
            parent.trace,
            parent,
            received.meaning.kind,
            received.title,
            record.start_input,
            recorder.snapshot.encode_object(record.metadata, METADATA_LIMIT) if record.metadata else None,
            _identifier(record.otel),
            operation=values.text(received.words.get("operation")),
            tags=values.texts(received.words.get("tags")),
            facts=start_facts(received),
        )
        span.start_ns = received.start_ns
        counts_of(parent.trace).watch()
        record.span = recorder.begin(span)
        if span.kind in MODEL_CALLS and record.span.recording:
            _model_calls.add(span)
        return record.span

    def _open_trace(self, received: Received, record: _Record) -> Span:
        recorder = self._alive()
        if recorder is None:
            return INERT
        words = received.words
        remote = _remote(record.otel)
        record.start_input = _payload(recorder, received, "input")
        metadata = trace_metadata(received) if _captures_all(recorder) else None
        return recorder.start_trace(
            values.text(words.get("agent")) or received.title if received.is_trace else received.title,
            record.start_input,
            metadata,
            values.texts(words.get("tags")),
            identifier=received.trace if remote is None else None,
            start_ns=received.start_ns,
            remote=remote,
            ambient=False,
            user_id=values.text(words.get("user")),
            conversation_id=values.text(words.get("conversation")),
            version=values.text(words.get("version")),
        )

    # --------------------------------------------------------------------------------------------------------- ending

    def ending(self, otel: Any) -> None:
        """A foreign span is about to end: its attributes are complete."""
        record = self._open.get(_key(otel))
        if record is not None:
            self._begin(record)

    def ended(self, otel: Any) -> None:
        """A foreign span has ended."""
        key = _key(otel)
        record = self._open.pop(key, None)
        if record is None:
            return  # started before this was there, or not recorded
        record.otel = otel
        span = self._begin(record)
        self._ended[key] = span
        if len(self._ended) > MOST_ENDED:
            self._ended.pop(next(iter(self._ended)), None)
        if span.recording:
            _end(record, span)

    # ---------------------------------------------------------------------------------------------------- in between

    def newest(self, current: Span | None) -> Span | None:
        """The innermost span here: OpenTelemetry's current one if it is inside ours, else ours."""
        api: Any = sys.modules.get("opentelemetry.trace")
        if api is None or (current is not None and not current.recording):
            return current
        try:
            found = self._find(_context_key(api.get_current_span().get_span_context()))
        except BaseException as exc:
            Guard.swallowed(exc)
            return current
        return current if found is None else _inner(found, current)


def _inner(foreign: Span, current: Span | None) -> Span:
    """Which of two spans is the inner one: the one below the other, else the one that started last."""
    if current is None or _is_below(foreign, current):
        return foreign
    return current if _is_below(current, foreign) or current.start_ns > foreign.start_ns else foreign


def _is_below(span: Span, above: Span) -> bool:
    found: Span | None = span
    while found is not None and found is not above:
        found = found.parent
    return found is not None


def _end(record: _Record, span: Span) -> None:
    _model_calls.discard(span)
    if span.end_ns is not None:  # by an instrumented client, which recorded more of it
        _end_trace(record, span)
        return
    received = _read(record.otel, is_root=record.parent is None)
    recorder = cast("Recorder", span.trace.recorder)
    _update(record, span, received)
    metadata = _metadata(recorder, received)
    changed = {name: value for name, value in metadata.items() if record.metadata.get(name) != value}
    tags = values.texts(received.words.get("tags")) or ()
    new_tags = tuple(tag for tag in tags if tag not in (span.tags or ()))
    recorder.add(span, metadata=changed or None, tags=new_tags)
    output = _payload(recorder, received, "output")
    _count(span, received, output)
    recorder.end(span, received.status, _error(recorder, received), output, end_ns=received.end_ns)
    _end_trace(record, span)


def _end_trace(record: _Record, span: Span) -> None:
    root = record.root
    if root is not None and root.end_ns is None:
        recorder = cast("Recorder", root.trace.recorder)
        recorder.end(root, span.status or "completed", span.error, span.output, end_ns=span.end_ns)


def _update(record: _Record, span: Span, received: Received) -> None:
    """Send what was set after the start and has no place in the end."""
    recorder = cast("Recorder", span.trace.recorder)
    given = _payload(recorder, received, "input")
    late = {"input": given} if given is not None and given != record.start_input else {}
    root = span if span.kind == TRACE else record.root
    if late:
        recorder.update(span, late)
    if root is None:
        return
    about: dict[str, Any] = {} if root is span else dict(late)
    for name, word in (("user_id", "user"), ("conversation_id", "conversation")):
        value = values.text(received.words.get(word))
        if value is not None and value != getattr(root.trace, name):
            about[name] = value
    if about:
        recorder.update(root, about)


def _count(span: Span, received: Received, output: bytes | None) -> None:
    """Take model and tokens, unless something below has counted them already."""
    recorder = cast("Recorder", span.trace.recorder)
    counts = counts_of(span.trace)
    model = received.model
    span.model = span.model or model
    usage = values.usage(received.words)
    if usage is None:
        return
    identifier = values.text(received.words.get("response_id")) or _response_id(output)
    if span.kind == AGENT:
        recorder.add(span, usage=usage)
    elif not _is_counted_below(counts, span):
        recorder.take_result(span, ModelResult(model, (Response(usage, None, identifier, model),)))
        if identifier is None:
            counts.note_anonymous(span, usage)


def _is_counted_below(counts: TokenCounts, span: Span) -> bool:
    """Whether its numbers repeat those below it: a model call those of a model call, anything else all of them."""
    if span.kind == TRACE:
        return counts.total() is not None
    return counts.counted_below(span, MODEL_CALLS if span.kind in MODEL_CALLS else None)


def _response_id(output: bytes | None) -> str | None:
    """The id in a client's own answer, which some instrumentations record as it came."""
    if output is None or b'"id"' not in output:
        return None
    found = read_result(from_json(output), any_shape=True)
    return None if found is None else found.response_id


# ---------------------------------------------------------------------------------------------------- what a span says


def _key(otel: Any) -> Key:
    found: Any = otel.get_span_context()
    return found.trace_id, found.span_id


def _context_key(found: Any) -> Key | None:
    return (found.trace_id, found.span_id) if found is not None and found.is_valid else None


def _identifier(otel: Any) -> str:
    """A UUID that ends with the digits of the span's id, so that every wire has the id that OpenTelemetry has."""
    head = trace_ids.text(clock.new_id())[:19]
    digits = f"{_key(otel)[1]:016x}"
    return f"{head}{digits[:4]}-{digits[4:]}"


def _remote(otel: Any) -> Remote | None:
    """The span of another process, or one that is not recorded here, which a trace continues."""
    parent = otel.parent
    if parent is None or not parent.is_valid:
        return INCOMING.get()
    flags, state = parent.trace_flags, parent.trace_state.to_header()
    ids = f"{parent.trace_id:032x}", f"{parent.span_id:016x}"
    return Remote(*ids, flags.sampled, state, random=bool(flags & _RANDOM))


def _read(otel: Any, *, is_root: bool) -> Received:
    """A span of an SDK, in the form of one that came by OTLP."""
    trace_id, span_id = _key(otel)
    status, parent = otel.status, otel.parent
    code = status.status_code.value
    start = otel.start_time or 0
    return understood(
        {name: _plain(value) for name, value in dict(otel.attributes or {}).items()},
        [_event_message(event) for event in otel.events or ()],
        [{name: f"{value:0{size}x}" for name, value, size in _ids(link.context)} for link in otel.links or ()],
        trace=trace_ids.uuid_text(f"{trace_id:032x}"),
        id=f"{span_id:016x}",
        parent=None if parent is None else f"{parent.span_id:016x}",
        root=is_root,
        name=otel.name or "unnamed",
        start_ns=start,
        end_ns=max(start, otel.end_time or start),
        failed=code == _ERROR,
        ok=code == _OK,
        message=status.description,
        above=None,
        service=values.text(otel.resource.attributes.get("service.name")) or UNKNOWN_SERVICE,
    )


def _ids(found: Any) -> tuple[tuple[str, int, int], ...]:
    return ("traceId", found.trace_id, 32), ("spanId", found.span_id, 16)


def _plain(value: object) -> object:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


def _event_message(event: Any) -> dict[str, Any]:
    attributes = [attribute_message(name, _plain(value)) for name, value in dict(event.attributes or {}).items()]
    return {"name": event.name, "timeUnixNano": event.timestamp, "attributes": attributes}


# ------------------------------------------------------------------------------------------------- what may be recorded


def _captures_all(recorder: Recorder) -> bool:
    return recorder.capture_input and recorder.capture_output


def _payload(recorder: Recorder, received: Received, which: str) -> bytes | None:
    """The input or output, if it may be recorded, bounded as that of any operation."""
    if not (recorder.capture_input if which == "input" else recorder.capture_output):
        return None
    found = values.payload_of(received.words, which)
    if found is None or len(found) <= LIMIT:
        return found
    return recorder.snapshot.encode_object(from_json(found))


def _metadata(recorder: Recorder, received: Received) -> dict[str, Any]:
    """The metadata; without attributes that mean nothing here if inputs or outputs may not be recorded."""
    return (received if _captures_all(recorder) else received._replace(more={})).metadata


def _error(recorder: Recorder, received: Received) -> bytes | None:
    if _captures_all(recorder) or not received.failed:
        return received.error
    exception = {name: value for name, value in received.exception.items() if name == "exception.type"}
    words = {name: value for name, value in received.words.items() if name in ("error_type", "error_code")}
    return values.error(words, exception, None)
