"""Interrupts at any bytecode of a program that records: ``python -m tests.helpers.interrupts SEED SECONDS KIND``.

KIND is ``signal`` (Ctrl-C in the main thread) or ``thread`` (``PyThreadState_SetAsyncExc`` in another). The queue is
small and the destination slow, so that every way through it is taken. Prints a JSON object with the counts.

With the name of an ``Exception`` as KIND, it is raised SECONDS times while decorated functions are called; prints how
many of them arrived.
"""

from __future__ import annotations

import ctypes
import json
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from tests.helpers.memory import Recording, make_sender
from tests.helpers.pace import PATIENCE
from voltagent import tool
from voltagent.core.span import SpanEvent
from voltagent.delivery.sender import Sender
from voltagent.exporters import ACCEPTED, Outcome

ENOUGH = 30  # interrupts, however long that takes


class Interrupted(BaseException):
    """What is raised into a thread."""


class LimitReached(Exception):
    """A time limit of the program."""


class Slow:
    """Takes everything, a little late."""

    name = "slow"

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        time.sleep(0.01)
        return [ACCEPTED] * len(batch)

    def forget(self, trace_id: int | str) -> None: ...

    def after_fork(self) -> None: ...

    def close(self) -> None: ...


class Interrupter:
    """Interrupts one thread again and again, while it says that it may be interrupted."""

    def __init__(self, seed: int, interrupt: Callable[[], object]) -> None:
        self._dice = random.Random(seed)
        self._interrupt = interrupt
        self.armed = [False]
        self.over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self.over:
            time.sleep(self._dice.random() * 0.0006)
            if self.armed[0]:
                self.armed[0] = False
                self._interrupt()

    def stop(self) -> None:
        self.over = True
        self._thread.join()


def record(sender: Sender, armed: list[bool], number: int) -> None:
    """What may be interrupted anywhere: recording, counting, and now and then waiting."""
    armed[0] = True
    recording = Recording(sender)
    for _ in range(10):
        recording.whole(tools=2)
    sender.stats()
    if number % 50 == 0:
        sender.flush(0.001).result()
    armed[0] = False


def work(sender: Sender, interrupter: Interrupter, until: float, kind: type[BaseException], hits: list[int]) -> None:
    """Record until a time, longer on a busy machine, and stop the interrupter; one between two records does no harm."""
    number = 0
    while True:
        try:
            while time.monotonic() < until + (PATIENCE / 2 if hits[0] < ENOUGH else 0.0):
                number += 1
                record(sender, interrupter.armed, number)
            interrupter.stop()
            return
        except kind:
            hits[0] += 1


def raise_in(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Interrupted))


def main(seed: int, seconds: float, kind: str) -> dict[str, object]:
    sender = make_sender(Slow(), queue_events=300, flush_interval=0.005)
    Recording(sender).whole()
    sender.flush().result()
    hits = [0]
    ends = time.monotonic() + seconds
    if kind == "signal":
        main_thread = threading.get_ident()
        interrupter = Interrupter(seed, lambda: signal.pthread_kill(main_thread, signal.SIGINT))
        work(sender, interrupter, ends, KeyboardInterrupt, hits)
    else:
        ready: list[Interrupter] = []
        thread = threading.Thread(target=lambda: work(sender, ready[0], ends, Interrupted, hits))
        ready.append(Interrupter(seed, lambda: raise_in(thread.ident or 0)))
        thread.start()
        thread.join()
    began = time.monotonic()
    report = sender.flush(60).result()
    flushed = time.monotonic() - began
    quiet = sender.stats()
    end = sender.shutdown(60).result()
    return {
        "hits": hits[0],
        "flush": flushed,
        "seconds": time.monotonic() - began,
        "pending": report.pending,
        "conserved": all(r.recorded == r.accepted + sum(r.dropped.values()) + r.pending for r in (report, quiet, end)),
        "recorded": end.recorded,
        "left": end.pending,
        "dropped": dict(end.dropped),
    }


def main_with_errors(seed: int, times: int, kind: type[Exception]) -> dict[str, object]:
    work = tool(lambda value: value, name="work")
    value = [{1, 2}, "\ud800", b"x", datetime(2026, 1, 1), {1: object()}]
    work(value)
    dice, is_armed, is_over, arrived = random.Random(seed), [False], [False], 0
    thread = threading.get_ident()

    def interrupt() -> None:
        for _ in range(times):
            while not is_armed[0]:
                time.sleep(0.0001)
            time.sleep(dice.random() * 0.0005)
            # both while this thread has the interpreter: the next one would take the place of one that has not arrived
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))
            is_armed[0] = False
        is_over[0] = True

    other = threading.Thread(target=interrupt)
    other.start()
    while not is_over[0]:
        try:
            while not is_over[0]:
                is_armed[0] = True
                for _ in range(100):
                    work(value)
        except kind:
            arrived += 1
    other.join()
    return {"arrived": arrived}


ERRORS = {"LimitReached": LimitReached, "TimeoutError": TimeoutError}

if __name__ == "__main__":
    seed, amount, kind = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    found = main_with_errors(seed, int(amount), ERRORS[kind]) if kind in ERRORS else main(seed, amount, kind)
    print(json.dumps(found))
