"""The longest time in which no other thread of the process could run, while something else runs.

Python runs signal handlers at the places where another thread can have its turn. So a timer signals each half
millisecond, and the handler reads the processor time of this thread, which stands still while the machine is busy with
something else. Where this thread lets others run inside of C code, a second thread reads that time. The longest step is
the longest distance between two readings. ``where`` has the innermost lines at its end.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from sys import _current_frames  # documented, in spite of its name
from types import FrameType

_PERIOD = 0.0005  # seconds
_FRAMES = 4
_OURS = "/voltagent/"


class LongestStep:
    """What was measured."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.where = ""
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._last = self._now()

    def note(self, frame: FrameType | None) -> None:
        """Note that another thread could run."""
        now = self._now()
        took, self._last = now - self._last - _PERIOD, max(now, self._last)  # the other thread may have been here
        if took > self.seconds:
            self.seconds, self.where = took, _place(frame)

    def _now(self) -> float:
        return time.clock_gettime(self._clock)


@contextmanager
def measured() -> Iterator[LongestStep]:
    """Measure what is inside, on the main thread."""
    step, stop, main = LongestStep(), threading.Event(), threading.get_ident()

    def watch() -> None:
        while not stop.wait(_PERIOD):
            step.note(_current_frames()[main])

    watcher = threading.Thread(target=watch)
    handler = signal.signal(signal.SIGALRM, lambda _, frame: step.note(frame))
    watcher.start()
    signal.setitimer(signal.ITIMER_REAL, _PERIOD, _PERIOD)
    try:
        yield step
        step.note(None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        stop.set()
        watcher.join()


def _place(frame: FrameType | None) -> str:
    places: list[str] = []
    while frame is not None:
        name = frame.f_code.co_filename.replace("\\", "/")
        if _OURS in name and len(places) < _FRAMES:
            places.append(f"{name.rpartition(_OURS)[2]}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(places)
