"""What the parts around a span expect of each other: the classes of higher packages, as this one knows them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from voltagent.core.span import Failure, Span, SpanEvent, SpanTemplate


class PayloadEncoder(Protocol):
    """Encodes any object as bounded JSON text: :class:`voltagent.capture.snapshot.Snapshot`."""

    def encode(self, value: object, limit: int = ..., owner: Any = None) -> bytes:
        """Encode any value. All that has the same owner, such as a span, shares one budget of time."""
        ...

    def encode_object(self, value: object, limit: int = ..., owner: Any = None) -> bytes:
        """Encode a value as a JSON object."""
        ...

    def encode_arguments(self, named: dict[str, Any], values: Collection[Any]) -> bytes:
        """Encode the arguments of a call."""
        ...


class StreamReader(Protocol):
    """Puts the chunks of streamed answers together: :mod:`voltagent.capture.results.streams`."""

    Assembly: Callable[..., Any]  # makes what collects the chunks of one stream

    def packed(self, value: object, /, *, any_shape: bool) -> Any:
        """Return what the chunks in a list come to, or the results that a value holds; ``None`` if there are none."""
        ...


class ResultReader(Protocol):
    """Reads the results of model calls: the package :mod:`voltagent.capture.results`."""

    streams: StreamReader

    def is_client_type(self, kind: type, /) -> bool:
        """Return whether results of a type are those of a known client."""
        ...

    def answer_form(self, kind: type, standard: Callable[[Any], object], /) -> Callable[[Any], object]:
        """Return what records a value of a type that is a part of another one."""
        ...

    def is_read(self, response: object, /) -> bool:
        """Return whether the body of a raw response was read."""
        ...

    def read_result(self, value: object, /, *, any_shape: bool = ...) -> Any:
        """Return what a result says (a ``ModelResult``); ``None`` if it is not one of a model."""
        ...


class SpanRecorder(Protocol):
    """Starts and ends the spans of a trace: :class:`voltagent.tracing.recorder.Recorder`."""

    alive: bool
    capture_input: bool
    capture_output: bool
    baggage: tuple[str, ...]  # the facts of a trace that other processes are sent, and may set
    destination: Mapping[str, Any] | None  # settings with which another process makes an SDK that records there, too

    @property
    def snapshot(self) -> PayloadEncoder:
        """Encodes payloads."""
        ...

    @property
    def results(self) -> ResultReader | None:
        """Reads the results of model calls; ``None`` if that could not be imported."""
        ...

    def start_from(
        self,
        parent: Span,
        template: SpanTemplate,
        input: bytes | None,
        metadata: bytes | None = None,
        start_ns: int | None = None,
    ) -> Span:
        """Start an operation under ``parent``."""
        ...

    def succeed(self, span: Span, output: bytes | None) -> None:
        """End a span as completed."""
        ...

    def fail(self, span: Span, exception: BaseException, *, message: bool = True) -> None:
        """End a span that an exception left."""
        ...

    def end(self, span: Span, status: str, error: Failure | bytes | None = None, output: bytes | None = None) -> None:
        """End a span with any status."""
        ...

    def end_like(self, root: Span, span: Span, end_ns: int | None = None) -> None:
        """End an open trace in the way its operation ended."""
        ...

    def update(self, span: Span, fields: Mapping[str, Any]) -> None:
        """Send changed fields of an open span."""
        ...

    def add(self, span: Span, *, metadata: object = None, tags: tuple[str, ...] = ()) -> None:
        """Add to what the end of a span sends."""
        ...

    def take_result(self, span: Span, found: Any, *, counts: bool = True) -> bool:
        """Take model and tokens from the result of a call."""
        ...


class TraceBuffer(Protocol):
    """Holds the events of a trace that was not sampled but may still fail."""

    kept: bool

    def put(self, event: SpanEvent, size: int) -> bool:
        """Add an event; return False if a START was refused."""
        ...


class EventRedactor(Protocol):
    """Redacts an event in place. The redactor of a decorator runs after that of its SDK."""

    def __call__(self, event: SpanEvent) -> SpanEvent | None:
        """Return the event without its secrets, or ``None`` to drop it."""
        ...


class Sink(Protocol):
    """Receives the events of a recorder: the sender, or a list of a test."""

    def put(self, event: SpanEvent, size: int) -> bool:
        """Add an event with ``size`` bytes of payload; return False if a START was refused. Never blocks or raises."""
        ...
