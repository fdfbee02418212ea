"""The records of foreign spans: which of them an instrumented client takes over, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from voltagent.capture.pieces import decode
from voltagent.capture.results import ModelResult, Response, read_result
from voltagent.capture.usage import summed
from voltagent.core.span import AGENT, COMPLETED, MODEL_CALLS, TRACE, Span
from voltagent.errors import ValidationError
from voltagent.tracing.foreign_reading import (
    attributes_of,
    error,
    has_same_input,
    metadata,
    payload,
    read_span,
)
from voltagent.tracing.recorder import Recorder
from voltagent.tracing.token_counts import TokenCounts, counts_of
from voltagent.wire.otlp import values
from voltagent.wire.otlp.received import Received

# Keys by which a client's own answer is known, so that its id is that of the response.
_OF_ANSWERS: Final = frozenset(("choices", "usage", "usageMetadata"))


class ForeignRecord:
    """What is recorded of one foreign span."""

    __slots__ = ("__weakref__", "first", "metadata", "otel", "parent", "root", "span", "start_input")

    def __init__(self, otel: Any, parent: Span | None) -> None:
        self.otel = otel
        self.first: Received | None = None  # the reading that it was started with
        self.parent = parent  # the span of ours that it is below; None if it opens a trace
        self.span: Span | None = None  # once it was started
        self.root: Span | None = None  # the trace that it opened, if it is an operation in it
        self.metadata: Mapping[str, Any] = {}
        self.start_input: bytes | None = None

    def read(self) -> Received:
        """Read the span as it is now."""
        return read_span(self.otel, attributes_of(self.otel), is_root=self.parent is None)


# Not empty once another instrumentation has recorded a model call: before that, no request needs a look at the others.
FOREIGN_CALLS: Final[list[bool]] = []


class _Ending:
    """Who ends the record of a model call: the foreign span or an instrumented client, whichever asks first.

    They may ask in two threads at once. Each step is one of C that says for itself what comes next, as a lock would
    block a thread that is interrupted by a handler which ends a span.
    """

    __slots__ = ("_askers", "has_left", "waiting")

    def __init__(self) -> None:
        self._askers: list[object] = []
        self.has_left = False  # the client, which was the first
        self.waiting: list[ForeignRecord] = []  # the record, if the foreign span has ended before the client

    def ask(self, token: object) -> bool:
        """Return whether who comes with this object is the first. The object must not refer to the span."""
        self._askers.append(token)
        return self._askers[0] is token

    def is_of(self, token: object) -> bool:
        """Return whether the first came with this object."""
        return self._askers[:1] == [token]

    @property
    def is_held(self) -> bool:
        """Whether a client was the first, and has not left."""
        return bool(self._askers) and not self.has_left


# The records of model calls, as long as their spans are in use.
_model_calls: Final[WeakKeyDictionary[Span, _Ending]] = WeakKeyDictionary()


def note_started(span: Span) -> None:
    """Note that a record of a foreign span has started."""
    if span.kind in MODEL_CALLS and span.recording:
        _model_calls[span] = _Ending()
        FOREIGN_CALLS[:] = [True]


def is_taken(span: Span) -> bool:
    """Return whether an instrumented client has taken a record over, and has not left it."""
    ending = _model_calls.get(span)
    return ending is not None and ending.is_held


def take_over(span: Span | None, token: object) -> bool:
    """Return whether the span is a foreign record of a model call that no client has recorded yet; now one has.

    An instrumented client and another instrumentation see the same call: the client's record is the better one, and it
    goes into the span that is there already. The client ends it, also if the foreign span has ended before, as that of
    a stream which is still to be read may have; it then calls :func:`leave`.

    Args:
        span: the span below which a client makes a request.
        token: an object of this request alone, for :func:`give_back`.
    """
    ending = _model_calls.get(span) if span is not None and _model_calls else None
    return ending is not None and span is not None and span.end_ns is None and ending.ask(token)


def give_back(span: Span, token: object) -> None:
    """Leave a record, if this request has taken it over: the request is not made, or is not recorded."""
    ending = _model_calls.get(span)
    if ending is not None and ending.is_of(token):
        leave(span)


def leave(span: Span) -> None:
    """Note that the client which had taken a record over has ended it, or does not."""
    ending = _model_calls.get(span) if _model_calls else None
    if ending is not None:
        ending.has_left = True
        _end_waiting(ending, span)


def _end_waiting(ending: _Ending, span: Span) -> None:
    """End the trace of a foreign span that has ended before its client did."""
    try:
        record = ending.waiting.pop()
    except IndexError:  # the other thread does
        return
    if span.end_ns is None:  # the client was interrupted
        _end_as_read(record, span, record.read())
    else:
        _end_trace(record, span)
    _model_calls.pop(span, None)


def repeats_a_call(record: ForeignRecord, received: Received) -> bool:
    """Return whether a model call that was not recorded yet is one that is in the trace already.

    Some instrumentations make the span of a call after the call, when an instrumented client has recorded it. A foreign
    span with the id of another foreign one is a call of its own: a cache may have given the same response again.
    """
    identifier = values.text(received.words.get("response_id"))
    counts: TokenCounts | None = None if record.parent is None else record.parent.trace.counts
    return (
        identifier is not None
        and counts is not None
        and received.meaning.kind in MODEL_CALLS
        and counts.is_recorded(identifier)
    )


def end_record(record: ForeignRecord, span: Span, received: Received | None) -> None:
    """End a record with what was read of its foreign span; ``None`` if an instrumented client records more of it."""
    ending = _model_calls.get(span)
    if ending is not None and not ending.ask(object()):
        ending.waiting.append(record)
        if ending.has_left or span.end_ns is not None:
            _end_waiting(ending, span)
        return
    if received is None:
        _end_trace(record, span)
    else:
        _end_as_read(record, span, received)
    if ending is not None:
        _model_calls.pop(span, None)


def _end_as_read(record: ForeignRecord, span: Span, received: Received) -> None:
    """End our span with what the foreign span has at its end; what it had at its start is recorded already."""
    recorder = cast("Recorder", span.trace.recorder)
    if received is not record.first:
        _update(record, span, received)
        _add(record, span, received)
    output = payload(recorder, received, "output")
    _count(span, received, output)
    recorder.end(span, received.status, error(recorder, received), output, end_ns=received.end_ns)
    _end_trace(record, span)


def _add(record: ForeignRecord, span: Span, received: Received) -> None:
    """Add metadata and tags that were set after the start."""
    recorder = cast("Recorder", span.trace.recorder)
    changed = {
        name: value for name, value in metadata(recorder, received).items() if record.metadata.get(name) != value
    }
    tags = values.texts(received.words.get("tags")) or ()
    recorder.add(span, metadata=changed or None, tags=tuple(tag for tag in tags if tag not in (span.tags or ())))


def _end_trace(record: ForeignRecord, span: Span) -> None:
    root = record.root
    if root is not None and root.end_ns is None:
        recorder = cast("Recorder", root.trace.recorder)
        recorder.end(root, span.status or COMPLETED, span.error, span.output, end_ns=span.end_ns)


def _update(record: ForeignRecord, span: Span, received: Received) -> None:
    """Send what was set after the start and has no place in the end."""
    recorder = cast("Recorder", span.trace.recorder)
    is_new = record.first is None or not has_same_input(record.first, received)
    given = payload(recorder, received, "input") if is_new else None
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
    given = values.usage(received.words)
    usage = None if given is None else summed((given,))  # its numbers: other programs put anything beside them
    if given is None or usage is None:
        return
    identifier = values.text(received.words.get("response_id")) or _response_id(output)
    if span.kind == AGENT:
        try:
            recorder.add(span, usage=given)
        except ValidationError:  # a count that is not a number
            recorder.add(span, usage=usage)
    elif not _is_counted_below(counts, span):
        is_recorded = identifier is not None and counts.is_recorded(identifier)
        recorder.take_result(span, ModelResult(model, (Response(usage, None, identifier, model),)))
        if identifier is not None and not is_recorded:
            counts.note_foreign(identifier)


def _is_counted_below(counts: TokenCounts, span: Span) -> bool:
    """Return whether its numbers repeat those below it: for a model call those of model calls, else all of them."""
    if span.kind == TRACE:
        return counts.total() is not None
    return counts.counted_below(span, MODEL_CALLS if span.kind in MODEL_CALLS else None)


def _response_id(output: bytes | None) -> str | None:
    """Return the id in a client's own answer, which some instrumentations record as it came."""
    if output is None or b'"id"' not in output:
        return None
    answer: object = decode(output)
    fields = values.object_of(answer)
    if not _OF_ANSWERS.isdisjoint(fields):
        identifier = values.text(fields.get("id"))
        if identifier is not None:
            return identifier
    found = read_result(answer, any_shape=True)
    return None if found is None else found.response_id
