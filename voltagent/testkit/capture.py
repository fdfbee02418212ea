"""Capture what a block of code records, in memory: no settings, no SDK, no file, no thread."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from voltagent.capture.exceptions.formatting import format_event
from voltagent.core import context
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.processors.redaction import Redactor
from voltagent.processors.size_limit import fit_event
from voltagent.testkit.run import Run
from voltagent.tracing.recorder import Recorder
from voltagent.tracing.sampling import Sampling

# What is called with each new run: the pytest plugin shows the runs of a failing test.
ON_RECORD: Final[list[Callable[[Run], object]]] = []


class _Sink:
    """Keeps events as a sender would send them: formatted, redacted and within the limits."""

    def __init__(self) -> None:
        self.events: list[SpanEvent] = []
        self.spans: list[Span] = []
        self._redactor = Redactor()

    def put(self, event: SpanEvent, size: int) -> bool:
        """Keep an event as a sender would send it: formatted, redacted and within the limit of size."""
        del size
        formatted = format_event(event)
        processed = None if formatted is None else self._redactor.process(formatted)
        if processed is not None:
            self.events.append(fit_event(processed))
            phase, span, _ = event
            if phase in (Phase.START, Phase.POINT):
                self.spans.append(span)
        return True


@contextmanager
def record() -> Generator[Run]:
    """Capture the traces of a block in memory, for the assertions of a test.

    It works without an SDK and without settings. While the block runs, the program's own SDKs receive nothing, and the
    default redaction applies. Blocks may be nested: the innermost one captures. Concurrent tasks and threads may have a
    block each; what threads without one record meanwhile is captured as well. The run may be read inside the block and
    after it::

        with record() as run:
            assistant("Will it rain?")
        run.tool("weather").called_with(city="Istanbul")
    """
    sink = _Sink()
    recorder = Recorder(sink, sampling=Sampling(follow_parent=False))
    run = Run(lambda: tuple(sink.events), sink.spans)
    for callback in ON_RECORD:
        callback(run)
    before, outer = context.CURRENT.get(), context.CAPTURE.get()
    context.CAPTURES.append(recorder)
    context.ACTIVE.insert(0, recorder)  # a decorated call looks there for whether there is anything to record
    context.CURRENT.set(None)
    context.CAPTURE.set(recorder)
    try:
        yield run
    finally:
        context.CURRENT.set(before)
        context.CAPTURE.set(outer)
        context.deactivate(recorder)
        context.CAPTURES.remove(recorder)
