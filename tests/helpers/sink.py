"""A recorder over a list: the raw spans and events, before redaction, as destinations get them.

Tests of what a program records use the test kit: ``voltagent.testing``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from voltagent.core import context
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.tracing.recorder import Recorder


class ListSink:
    """Takes everything, or refuses starts while ``full``."""

    def __init__(self) -> None:
        self.events: list[SpanEvent] = []
        self.full = False

    def put(self, event: SpanEvent, size: int) -> bool:
        if self.full and event[0] in (Phase.START, Phase.POINT):
            return False
        self.events.append(event)
        return True

    @property
    def phases(self) -> list[tuple[str, str, str]]:
        """(phase, kind, name) in order."""
        return [(phase.value, span.kind, span.name) for phase, span, _ in self.events]

    @property
    def spans(self) -> list[Span]:
        """The spans that were started, in order."""
        return [span for phase, span, _ in self.events if phase in (Phase.START, Phase.POINT)]

    def span(self, name: str) -> Span:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, f"{len(found)} spans are named {name!r}"
        return found[0]

    @property
    def operations(self) -> list[Span]:
        """The spans that are not traces, in order."""
        return [span for span in self.spans if span.parent is not None]

    @property
    def only(self) -> Span:
        """The one operation there is."""
        (span,) = self.operations
        return span

    def tree(self) -> list[Any]:
        """Nested [name, children…] lists of all traces."""
        return [self._branch(span) for span in self.spans if span.parent is None]

    def _branch(self, span: Span) -> list[Any]:
        return [span.name, *(self._branch(child) for child in self.spans if child.parent is span)]


def loads(text: bytes | None) -> Any:
    return None if text is None else json.loads(text)


@contextmanager
def recording(**options: Any) -> Iterator[tuple[Recorder, ListSink]]:
    """A live recorder on a list, the default one inside the block."""
    sink = ListSink()
    recorder = Recorder(sink, **options)
    before = list(context.ACTIVE)
    context.ACTIVE[:] = [recorder]
    try:
        yield recorder, sink
    finally:
        context.ACTIVE[:] = before
