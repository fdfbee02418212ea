"""One OTLP request under way on a thread of its own, and one that is left waiting for its answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from voltagent.core import clock
from voltagent.core.span import SpanEvent
from voltagent.exporters.http import HttpResponse, Line, Unreachable

_GRACE: Final = 0.3  # seconds in which a request whose connection was cut must be over


class Call:
    """One request under way."""

    def __init__(self, line: Line, path: str, body: bytes, deadline: float) -> None:
        self.line = line
        self.done = threading.Event()
        self.answer: HttpResponse | None = None
        self.exc: Unreachable | None = None
        self.began = clock.monotonic()
        self.deadline = deadline
        self._request = ("POST", path, body, deadline)

    def run(self) -> None:
        """Send it, and keep the answer."""
        try:
            self.answer = self.line.send(*self._request)
        except Unreachable as exc:
            self.exc = exc
        finally:
            self.done.set()

    def is_over(self, shutdown_deadline: float) -> bool:
        """Whether nothing more is to be waited for; cuts the connection at either deadline."""
        now = clock.monotonic()
        overdue = max(self.line.overdue(now), now - min(self.deadline, shutdown_deadline))
        if overdue > 0 and not self.done.is_set():
            self.line.cut()
        return self.done.is_set() or overdue > _GRACE

    def result(self) -> HttpResponse:
        """Return the answer of a call that has ended.

        Raises:
            Unreachable: there is none.
        """
        if not self.done.is_set():
            raise Unreachable("no answer in time")  # its thread is left behind, and so is the connection
        if self.answer is None:
            self.line.close()
            raise self.exc or Unreachable("no answer")
        return self.answer


class StillWaiting(Exception):  # noqa: N818 - a fact, not an error; it never leaves the exporter
    """A request has no answer yet, and others need not wait for it."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call


@dataclass
class Flight:
    """A request that was left waiting, with the events in it."""

    call: Call
    events: Sequence[SpanEvent]
