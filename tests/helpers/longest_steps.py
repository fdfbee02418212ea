"""The longest time in which no other thread of the process could run, while something else runs.

A thread that wakes each half millisecond looks at the clock. Where it came late, the processor time of the process says
whether something else ran here meanwhile, or the machine was busy; the smaller of the two counts. ``where`` has the
innermost lines of the other threads at that moment, which is just behind what took long.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from sys import _current_frames  # documented, in spite of its name
from types import FrameType

_SLEEP = 0.0005  # seconds
_FRAMES = 4
_OURS = "/voltagent/"


class LongestStep:
    """What was measured."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.where = ""
        self.collection = 0.0  # seconds of the longest garbage collection, which is such a step


@contextmanager
def measured() -> Iterator[LongestStep]:
    """Measure what is inside."""
    step, stop = LongestStep(), threading.Event()
    collecting = 0.0

    def note_collection(phase: str, _: object) -> None:
        nonlocal collecting
        now = time.thread_time()
        if phase == "start":
            collecting = now
        else:
            step.collection = max(step.collection, now - collecting)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    gc.callbacks.append(note_collection)
    watcher = threading.Thread(target=_watch, args=(step, stop))
    watcher.start()
    try:
        yield step
    finally:
        stop.set()
        watcher.join()
        gc.callbacks.remove(note_collection)
        sys.setswitchinterval(interval)


def _watch(step: LongestStep, stop: threading.Event) -> None:
    own = threading.get_ident()
    while not stop.is_set():
        began, used = time.perf_counter(), time.process_time()
        time.sleep(_SLEEP)
        took = min(time.perf_counter() - began - _SLEEP, time.process_time() - used)
        if took > step.seconds:
            step.seconds = took
            step.where = " | ".join(
                _place(frame) for ident, frame in _current_frames().items() if ident != own and _place(frame)
            )


def _place(frame: FrameType | None) -> str:
    places: list[str] = []
    while frame is not None:
        name = frame.f_code.co_filename.replace("\\", "/")
        if _OURS in name and len(places) < _FRAMES:
            places.append(f"{name.rpartition(_OURS)[2]}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(places)
