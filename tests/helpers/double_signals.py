"""Raise twice at once at one place after another of calls: ``python -m tests.helpers.double_signals TRIES``.

The second signal waits while the exception of the first is raised. CPython 3.10 looks for it before it runs any handler
of the first, so that a ``with`` block does not release its lock. Later versions look elsewhere, not at these places.
Prints a JSON object: for each call, at how many places it was interrupted, after which of them this thread could
no longer wait for the sender, and whether all was counted.
"""

from __future__ import annotations

import _thread
import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from types import FrameType

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.memory import Memory, Recording, make_sender
from tests.helpers.pace import PATIENCE
from voltagent.delivery.sender import Sender

NAMES = ("stats", "full", "flush")
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
    between = BetweenSignals(("delivery", "core/process"), at, partial(signal.raise_signal, SIGNAL))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(PATIENCE)  # tracing would let other threads come where otherwise none can
    with suppress(Struck):  # the second may come as the handlers of the first begin, also of those here
        with suppress(Struck):
            copy_context().run(between.run, call)
    sys.settrace(None)
    sys.setswitchinterval(interval)
    return between.count, between.place


def make(name: str) -> tuple[Sender, Callable[[], object], Memory]:
    destination = Memory()
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


def struck(name: str, tries: int) -> dict[str, object]:
    sender, call, destination = make(name)
    number = 0
    for _ in range(12):  # until the queue is full
        number, _place = strike(call, 0)
    worker = sender.workers[0]
    places: list[str] = []
    held: list[str] = []
    for at in range(1, number + 1, max(1, number // tries)):
        _, place = strike(call, at)
        if place:
            places.append(place)
            if worker.cannot_wait():  # this thread is in nothing of ours any more
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
    print(json.dumps({name: struck(name, int(sys.argv[1])) for name in NAMES}))
