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
from typing import Any, Final, cast

from voltagent.capture.snapshot import METADATA_LIMIT
from voltagent.core import context
from voltagent.core.context import CURRENT, INERT
from voltagent.core.guard import Guard
from voltagent.core.span import Span
from voltagent.tracing.foreign_reading import (
    Key,
    attributes_of,
    captures_all,
    context_key,
    key_of,
    metadata,
    new_identifier,
    payload,
    read_span,
    remote_of,
)
from voltagent.tracing.foreign_records import ForeignRecord, end_record, is_taken, note_started, repeats_a_call
from voltagent.tracing.recorder import Recorder
from voltagent.tracing.token_counts import counts_of
from voltagent.wire.otlp import values
from voltagent.wire.otlp.received import Received, start_facts, trace_metadata
from voltagent.wire.otlp.span_kinds import SPAN, kind_of

MOST_OPEN: Final = 50_000
MOST_ENDED: Final = 4096  # which may still get children
_OWN_THREADS: Final = "voltagent-"  # how the names of this library's threads begin


class ForeignSpans:
    """The spans that one :class:`voltagent.opentelemetry.SpanProcessor` sees.

    Args:
        recorder: what records spans outside any trace of ours; by default the newest live one.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder = recorder
        self._open: dict[Key, ForeignRecord] = {}
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

    def started(self, otel: Any) -> None:
        """Record that a foreign span has started."""
        if not self._takes_new or threading.current_thread().name.startswith(_OWN_THREADS):
            return  # what our own requests cause is not recorded: it would cause further requests
        record = self._placed(otel)
        if record is None:
            return
        self._open[key_of(otel)] = record
        if len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open)), None)
        attributes, is_root = attributes_of(otel), record.parent is None
        if attributes and kind_of(attributes, root=is_root) != SPAN:
            self._begin(record, read_span(otel, attributes, is_root=is_root))

    def _placed(self, otel: Any) -> ForeignRecord | None:
        """Return a record below the innermost span here; ``None`` if nothing is recorded."""
        current = context.nearest_open(CURRENT.get(), beside=False)
        parent = self._find(context_key(otel.parent))
        if parent is not None:
            current = _inner(parent, current)
        if current is None:
            recorder = self._alive()
            return None if recorder is None else ForeignRecord(otel, None)
        return ForeignRecord(otel, current) if current.recording else None

    def _alive(self) -> Recorder | None:
        recorder: Recorder | None = context.redirected(self.recorder)
        return recorder if recorder is not None and recorder.alive else None

    def _find(self, key: Key | None) -> Span | None:
        """Return the span of ours that stands for a foreign one."""
        if key is None:
            return None
        record = self._open.get(key)
        return self._ended.get(key) if record is None else self._begin(record)

    def _begin(self, record: ForeignRecord, received: Received | None = None) -> Span:
        """Start the record, unless it was started."""
        if record.span is not None:
            return record.span
        received = record.first = received or record.read()
        parent = record.parent
        if parent is None:
            parent = self._open_trace(received, record)
            if received.is_trace or not parent.recording:
                record.span = parent
                return parent
            record.root = parent
        recorder = cast("Recorder", parent.trace.recorder)
        record.metadata = metadata(recorder, received)
        record.start_input = payload(recorder, received, "input")
        span = Span(
            parent.trace,
            parent,
            received.meaning.kind,
            received.title,
            record.start_input,
            recorder.snapshot.encode_object(record.metadata, METADATA_LIMIT) if record.metadata else None,
            new_identifier(key_of(record.otel)),
            operation=values.text(received.words.get("operation")),
            tags=values.texts(received.words.get("tags")),
            facts=start_facts(received),
        )
        span.start_ns = received.start_ns
        counts_of(parent.trace).watch()
        record.span = recorder.begin(span)
        note_started(record.span)
        return record.span

    def _open_trace(self, received: Received, record: ForeignRecord) -> Span:
        """Start a trace for a foreign span that is outside any of ours; an inert span if there is no recorder."""
        recorder = self._alive()
        if recorder is None:
            return INERT
        words = received.words
        remote = remote_of(record.otel)
        record.start_input = payload(recorder, received, "input")
        about = trace_metadata(received) if captures_all(recorder) else self._bare_metadata(recorder, received)
        return recorder.start_trace(
            values.text(words.get("agent")) or received.title if received.is_trace else received.title,
            record.start_input,
            about,
            values.texts(words.get("tags")),
            identifier=received.trace if remote is None else None,
            start_ns=received.start_ns,
            remote=remote,
            ambient=False,
            user_id=values.text(words.get("user")),
            conversation_id=values.text(words.get("conversation")),
            version=values.text(words.get("version")),
        )

    @staticmethod
    def _bare_metadata(recorder: Recorder, received: Received) -> bytes | None:
        """Return the metadata of a trace without inputs or outputs, if the span is nothing but that trace."""
        found = metadata(recorder, received) if received.is_trace else {}
        return recorder.snapshot.encode_object(found, METADATA_LIMIT) if found else None

    def ended(self, otel: Any) -> None:
        """Record that a foreign span has ended."""
        key = key_of(otel)
        record = self._open.pop(key, None)
        if record is None:
            return  # started before this was there, or not recorded
        record.otel = otel
        span = record.span
        received = None if span is not None and (span.end_ns is not None or is_taken(span)) else record.read()
        is_repeated = span is None and received is not None and repeats_a_call(record, received)
        span = record.parent if is_repeated and record.parent is not None else self._begin(record, received)
        self._ended[key] = span
        if len(self._ended) > MOST_ENDED:
            self._ended.pop(next(iter(self._ended)), None)
        if span.recording and not is_repeated:
            end_record(record, span, received)

    def newest(self, current: Span | None) -> Span | None:
        """Return the innermost span here: OpenTelemetry's current one if it is inside ours, else ours."""
        api: Any = sys.modules.get("opentelemetry.trace")
        if api is None or (current is not None and not current.recording):
            return current
        try:
            found = self._find(context_key(api.get_current_span().get_span_context()))
        except BaseException as exc:
            Guard.swallowed(exc)
            return current
        return current if found is None else _inner(found, current)


def _inner(foreign: Span, current: Span | None) -> Span:
    """Return which of two spans is the inner one: the one below the other, else the one that started last."""
    if current is None or _is_below(foreign, current):
        return foreign
    return current if _is_below(current, foreign) or current.start_ns > foreign.start_ns else foreign


def _is_below(span: Span, above: Span) -> bool:
    found: Span | None = span
    while found is not None and found is not above:
        found = found.parent
    return found is not None
