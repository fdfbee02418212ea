"""A request on its own thread, which can be abandoned: it may drip, or hang in a name look-up."""

from __future__ import annotations

import _thread
import threading
from typing import Final

from voltagent.core import clock
from voltagent.core.deadline import ends_by
from voltagent.core.process import own_threads, sending
from voltagent.exporters.http import HttpResponse, Line, Unreachable

_GRACE: Final = 0.3  # seconds in which a request must end after its connection was cut


class PendingRequest:
    """A request in progress. ``deadline`` is on :func:`voltagent.core.clock.monotonic`, and may be brought forward."""

    def __init__(self, line: Line, method: str, path: str, body: bytes, deadline: float) -> None:
        self.line = line
        self._has_returned = False
        self._signal = _thread.allocate_lock()  # wakes the thread that waits; a `threading.Event` could stay locked
        self._signal.acquire()
        self.answer: HttpResponse | None = None
        self.exc: Exception | None = None
        self.began = clock.monotonic()
        self.deadline = deadline
        self._request = (method, path, body, deadline)
        self._thread: threading.Thread | None = None

    def start(self, name: str) -> None:
        """Send it on a thread with this name, or at once if no thread can be started."""
        thread = sending.start_thread(self._run, name)
        if thread is None:
            self._run()
        elif not self._has_returned:
            self._thread = thread

    def _run(self) -> None:
        """Send the request, on the thread of the call, and keep the answer or the exception."""
        try:
            self.answer = self.line.send(*self._request)
        except Exception as exc:  # raised by `result`, on the waiting thread
            self.exc = exc
        finally:
            self._has_returned = True
            self._signal.release()
            self._thread = None  # freed here, not by the thread that waits

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the request; return whether it has ended."""
        return self._has_returned or self._signal.acquire(timeout=seconds)

    def _has_ended(self) -> bool:
        """Return whether its thread has ended, or will at once: which may be before its first line."""
        return self._has_returned or own_threads.has_died(self._thread)

    def is_over(self) -> bool:
        """Return whether to stop waiting; cuts the connection at a deadline, its own or that of the export."""
        now = clock.monotonic()
        overdue = max(self.line.overdue(now), now - ends_by(self.deadline))
        has_ended = self._has_ended()
        if overdue > 0 and not has_ended:
            self.line.cut()
        return has_ended or overdue > _GRACE

    def result(self) -> HttpResponse:
        """Return the response.

        Raises:
            Unreachable: there is none, or not yet: then the thread and its connection are abandoned.
            Exception: the request could not be made.
        """
        if not self._has_ended():
            raise Unreachable("no answer in time")
        if self.answer is None:
            self.line.close()
            raise self.exc or Unreachable("no answer")
        return self.answer
