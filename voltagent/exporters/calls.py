"""A request on its own thread, which can be abandoned: it may drip, or hang in a name look-up."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from voltagent.core import clock
from voltagent.core.process import sending
from voltagent.core.span import SpanEvent
from voltagent.exporters.http import HttpResponse, Line, Unreachable

_GRACE: Final = 0.3  # seconds in which a request must end after its connection was cut


class PendingRequest:
    """A request in progress. ``deadline`` is on :func:`voltagent.core.clock.monotonic`."""

    def __init__(self, line: Line, method: str, path: str, body: bytes, deadline: float) -> None:
        self.line = line
        self.done = threading.Event()
        self.answer: HttpResponse | None = None
        self.exc: Exception | None = None
        self.began = clock.monotonic()
        self.deadline = deadline
        self._request = (method, path, body, deadline)

    def start(self, name: str) -> None:
        """Send it on a thread with this name, or at once if no thread can be started."""
        if not sending.start_thread(self._run, name):
            self._run()

    def _run(self) -> None:
        """Send the request, on the thread of the call, and keep the answer or the exception."""
        try:
            self.answer = self.line.send(*self._request)
        except Exception as exc:  # raised by `result`, on the waiting thread
            self.exc = exc
        finally:
            self.done.set()

    def is_over(self, shutdown_deadline: float) -> bool:
        """Return whether to stop waiting; cuts the connection at either deadline."""
        now = clock.monotonic()
        overdue = max(self.line.overdue(now), now - min(self.deadline, shutdown_deadline))
        if overdue > 0 and not self.done.is_set():
            self.line.cut()
        return self.done.is_set() or overdue > _GRACE

    def result(self) -> HttpResponse:
        """Return the response.

        Raises:
            Unreachable: there is none, or not yet: then the thread and its connection are abandoned.
            Exception: the request could not be made.
        """
        if not self.done.is_set():
            raise Unreachable("no answer in time")
        if self.answer is None:
            self.line.close()
            raise self.exc or Unreachable("no answer")
        return self.answer


class StillWaiting(Exception):  # noqa: N818 - not an error; it never leaves the exporter
    """A request has no answer yet, and others need not wait for it."""

    def __init__(self, call: PendingRequest) -> None:
        super().__init__()
        self.call = call


@dataclass
class Flight:
    """An unanswered request, with the events in it."""

    call: PendingRequest
    events: Sequence[SpanEvent]
