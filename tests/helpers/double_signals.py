"""Raise twice at once at one place after another of calls: ``python -m tests.helpers.double_signals TRIES``.

The second signal waits while the exception of the first is raised. CPython 3.10 looks for it before it runs any handler
of the first, so that a ``with`` block does not release its lock. Later versions look elsewhere, not at these places.
Prints a JSON object: for each call, at how many places it was interrupted, after which of them a lock was held, and
whether all was counted.
"""

from __future__ import annotations

import _thread
import json
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path
from types import FrameType

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.memory import Memory, Recording, make_sender
from tests.helpers.pace import PATIENCE
from voltagent.core import clock
from voltagent.delivery.sender import Sender
from voltagent.exporters.local import LocalExporter

NAMES = ("stats", "full", "flush", "here")
FILES = ("delivery", "core/process", "storage/file/file.py")
SIGNAL = signal.SIGUSR1


class Struck(BaseException):
    """What the signal handler raises."""


class First(Struck):
    """Raised by the first signal; as it is made, in C, the second comes."""

    __init__: Callable[..., None] = partial(_thread.interrupt_main, SIGNAL)  # type: ignore[assignment]


def strike(call: Callable[[], object], at: int) -> tuple[int, str]:
    """Make a call that is interrupted twice at one place; return how many places it has, and where it was."""
    left = [Struck, First]

    def handle(_number: int, _frame: FrameType | None) -> None:
        if left:
            raise left.pop()

    signal.signal(SIGNAL, handle)
    between = BetweenSignals(FILES, at, partial(signal.raise_signal, SIGNAL))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(PATIENCE)  # tracing would let other threads come where otherwise none can
    with suppress(Struck):  # the second may come as the handlers of the first begin, also of those here
        with suppress(Struck):
            copy_context().run(between.run, call)
    sys.settrace(None)
    sys.setswitchinterval(interval)
    return between.count, between.place


def make(name: str, folder: str) -> tuple[Sender, Callable[[], object], Memory]:
    destination = Memory()
    if name == "here":  # a thread of the program sends, as where no other can be started
        sender = make_sender(LocalExporter(Path(folder) / "traces.db"), process=lambda event: event)
        return sender, partial(sender.workers[0].run_here, clock.monotonic() + 10 * PATIENCE), destination
    sender = make_sender(destination, queue_events=40)
    if name == "full":
        destination.gate.clear()  # the sender is busy, and the caller makes space
    recording = Recording(sender)
    calls: dict[str, Callable[[], object]] = {
        "stats": sender.stats,
        "full": lambda: recording.whole(tools=8),
        "flush": lambda: sender.flush(PATIENCE).result(),
    }
    recording.whole()
    if name == "full":
        sender.flush()
        destination.entered.wait(PATIENCE)
    return sender, calls[name], destination


def record(sender: Sender, name: str) -> None:
    """Record what the call is to send, without starting a thread."""
    if name == "here":
        sender.workers[0].loop.run_by(sender, Recording(sender).whole)


def is_held(sender: Sender, name: str) -> bool:
    """Return whether a lock is held although this thread is in nothing of ours any more."""
    if name != "here":
        return sender.workers[0].cannot_wait()
    record(sender, name)
    other = threading.Thread(target=sender.workers[0].run_here, args=(clock.monotonic() + PATIENCE,), daemon=True)
    other.start()
    other.join(PATIENCE / 4)
    return other.is_alive() or sender.workers[0].cannot_wait()


def struck(name: str, tries: int, folder: str) -> dict[str, object]:
    sender, call, destination = make(name, folder)
    number = 0
    for _ in range(12):  # until the queue is full
        record(sender, name)
        number, _place = strike(call, 0)
    places: list[str] = []
    held: list[str] = []
    for at in range(1, number + 1, max(1, number // tries)):
        record(sender, name)
        _, place = strike(call, at)
        if place:
            places.append(place)
            if is_held(sender, name):
                held.append(place)
                break
    destination.gate.set()
    signal.signal(SIGNAL, signal.SIG_IGN)
    report = sender.flush(PATIENCE / 4).result()
    return {
        "interrupted": len(places),
        "held": held,
        "conserved": report.recorded == report.accepted + sum(report.dropped.values()) and not report.pending,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({name: struck(name, int(sys.argv[1]), folder) for name in NAMES}))
