"""Interrupt delivery with a spool at one place after another: ``python -m tests.helpers.spool_steps TRIES [CASE…]``.

Everything runs on one thread, as where no other can be started, so each run has the same places. Prints a JSON object:
for each case, at how many places it was interrupted, and what was wrong afterwards. In a process of its own, as what is
raised at a bytecode that belongs to no line has a traceback that makes pytest's report fail.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.memory import DOWN, END, START, Recording
from tests.helpers.pace import PATIENCE
from tests.helpers.spools import events_in
from voltagent.core import clock
from voltagent.core.span import AGENT, TRACE, SpanEvent
from voltagent.delivery.report import Report, ReportFuture
from voltagent.delivery.sender import Sender, Workers
from voltagent.exporters import ACCEPTED, Outcome
from voltagent.storage.spool.destination import Destination
from voltagent.storage.spool.spool import Spool

FILES = ("delivery/spooling", "delivery/buffer", "delivery/settlement", "delivery/waiting_trace",
         "storage/spool", "storage/file/file", "storage/file/schema",
         "storage/file_lock", "core/process/thread_marks")  # fmt: skip
MOST = 9  # of what is wrong, to be reported
SECONDS = PATIENCE / 4
EVENTS = 4  # of one trace with a tool


class Struck(BaseException):
    """What an interrupt raises."""


class Store:
    """A destination that accepts everything unless it is down, and knows what must come before what.

    It lives as long as the traces: the same one for the processes that send them, each with an exporter of its own.
    """

    def __init__(self) -> None:
        self.stored: dict[str, None] = {}  # once each, in order
        self.complaints: list[str] = []

    def take(self, event: SpanEvent, exporter: Exporter) -> Outcome:
        phase, span, _ = event
        word, needed = f"{phase.value} {span.name}", []
        if phase is END:
            needed = [f"start {span.name}"]
        elif span.kind != TRACE:
            needed = [f"start {span.name.partition('.')[0]}"]
        if span.kind == TRACE and phase is END:
            needed += [f"end {span.name}.0"]
        self.complaints += [f"{word} comes before {one}" for one in needed if one not in self.stored]
        if needed and span.trace.id not in exporter.known:
            self.complaints.append(f"{word} comes without what was known of its trace")
        self.stored[word] = None
        return ACCEPTED


class Exporter:
    """Sends to a :class:`Store`, on the thread that calls it."""

    name = "rest"

    def __init__(self, store: Store | None) -> None:
        self.store = store  # None: it cannot be reached
        self.known: set[int | str] = set()

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        if self.store is None:
            return [DOWN] * len(batch)
        self.known |= {event[1].trace.id for event in batch if event[0] is START and event[1].kind == TRACE}
        return [self.store.take(event, self) for event in batch]

    def memory(self, trace_id: int | str) -> bytes | None:
        return b"known" if trace_id in self.known else None

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        assert memory == b"known"
        self.known.add(trace_id)

    def forget(self, trace_id: int | str) -> None:
        self.known.discard(trace_id)

    def after_fork(self) -> None: ...

    def close(self) -> None: ...


class Run:
    """One program that is interrupted once, and what becomes of its events."""

    traces = 3
    queue_events = 1000
    max_bytes = 256 * 2**20
    payload = b"{}"
    refused = 0  # events that cannot be made safe
    lost = False  # whether some are dropped

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "spool"
        self.store = Store()
        self.between = BetweenSignals(FILES, 0, strike)

    def sender(self, store: Store | None) -> Sender:
        spool = Spool(self.folder, Destination.of("rest", "http://here", "http://here", "pk"), max_bytes=self.max_bytes)
        self.workers = Workers(
            [Exporter(store)],
            spools=[spool],
            process=self.process,
            auto_flush=False,
            timeout=PATIENCE,
            retry_delay=0.001,
            queue_events=self.queue_events,
        )
        sender = Sender(workers=self.workers)
        for worker in sender.workers:
            worker.dispatcher.options = replace(worker.dispatcher.options, probe_seconds=0.01)
        return sender

    def process(self, event: SpanEvent) -> SpanEvent | None:
        phase, span, fields = event
        return None if span.kind == AGENT else (phase, span, fields)  # another object, as redaction may make one

    def record(self, sender: Sender) -> None:
        """Record without starting a thread."""
        recording = Recording(sender)

        def record() -> None:
            for number in range(self.traces):
                root = recording.trace(f"t{number}", self.payload)
                recording.end(recording.tool(root, f"t{number}.0"))
                for _ in range(self.refused // 2):
                    recording.end(recording.tool(root, "bad", kind=AGENT))
                recording.end(root)

        sender.workers[0].loop.run_by(self, record)

    def strike(self, call: Callable[[], object], at: int, in_call: int) -> None:
        self.between = BetweenSignals(FILES, at, strike, in_call)
        try:
            self.between.run(call)
        except Struck:
            pass

    def finish(self, sender: Sender, request: Callable[[float], ReportFuture]) -> Report:
        """Make a request to an SDK and do what it takes, without starting a thread."""
        worker, futures = sender.workers[0], list[ReportFuture]()
        worker.loop.run_by(self, lambda: futures.append(request(SECONDS)))
        while not futures[0].done():
            assert clock.monotonic() < futures[0].deadline, "it takes too long"
            worker.run_here(futures[0].deadline)
        return futures[0].result()

    def check(self, report: Report) -> None:
        """All is counted and delivered, once."""
        assert report.recorded == report.accepted + sum(report.dropped.values()) + report.pending, report
        assert report.pending == 0, report
        assert self.store.complaints == [], self.store.complaints
        number = self.traces * EVENTS
        if not self.lost:
            assert (report.recorded, report.accepted) == (number + self.traces * self.refused, number), report
            assert report.dropped == ({"serialize_error": self.traces * self.refused} if self.refused else {}), report
            assert len(self.store.stored) == number, list(self.store.stored)
        assert events_in(self.folder) == 0, "events are left"

    def run(self, at: int, in_call: int) -> None:
        """Interrupt the sending, and send."""
        sender = self.sender(self.store)
        self.prepare(sender)
        worker = sender.workers[0]
        self.strike(lambda: worker.run_here(clock.monotonic() + SECONDS), at, in_call)
        stats = sender.stats()
        assert stats.recorded == stats.accepted + sum(stats.dropped.values()) + stats.pending, stats
        flushed = self.finish(sender, sender.flush)
        assert flushed.pending == 0, flushed
        self.check(self.finish(sender, sender.shutdown))

    def prepare(self, sender: Sender) -> None:
        self.record(sender)


class InMemory(Run):
    """All of it waits in memory, too."""


class OnDisk(Run):
    """Most of it is on the disk only."""

    traces = 6
    queue_events = 24


class Refused(Run):
    """Some of it may not be sent."""

    refused = 4
    traces = 2


class Full(Run):
    """The folder has no space for all of it."""

    traces = 5
    queue_events = 20
    max_bytes = 128 * 1024
    payload = b'{"x":"%s"}' % (b"x" * 20_000)
    lost = True


class WithoutDisk(Run):
    """The folder cannot be used."""

    def prepare(self, sender: Sender) -> None:
        self.folder.touch()
        self.record(sender)


class Dead(Run):
    """Another process has left it."""

    def prepare(self, sender: Sender) -> None:
        other = self.sender(None)
        self.record(other)
        assert self.finish(other, lambda _: other.shutdown(0.5)).pending == self.traces * EVENTS


class Left(Run):
    """It is left to the next process."""

    traces = 6
    queue_events = 24

    def run(self, at: int, in_call: int) -> None:
        sender = self.sender(None)
        self.record(sender)
        worker = sender.workers[0]
        futures: list[Any] = []
        worker.loop.run_by(self, lambda: futures.append(sender.shutdown(0.2)))
        self.strike(lambda: worker.run_here(clock.monotonic() + SECONDS), at, in_call)
        while not sender.accounts[0].is_finished:
            worker.run_here(clock.monotonic() + SECONDS)
        report = sender.stats()
        number = self.traces * EVENTS
        assert (report.recorded, report.pending, report.dropped) == (number, number, {}), report
        assert events_in(self.folder) == number, f"{events_in(self.folder)} events on the disk"
        next_one = self.sender(self.store)
        self.finish(next_one, next_one.flush)
        self.check(self.finish(next_one, next_one.shutdown))


class Shared(Run):
    """Half of it is another SDK's."""

    traces = 4

    def sender(self, store: Store | None) -> Sender:
        one = super().sender(store)
        self.another = Sender(workers=self.workers)
        return one

    def record(self, sender: Sender) -> None:
        def record() -> None:
            for number in range(0, self.traces, 2):
                Recording(sender).whole(f"t{number}")
                Recording(self.another).whole(f"t{number + 1}")

        sender.workers[0].loop.run_by(self, record)

    def check(self, report: Report) -> None:
        super().check(report + self.finish(self.another, self.another.shutdown))


def strike() -> None:
    raise Struck


def interrupted(case: type[Run], tries: int) -> dict[str, object]:
    steps, places, wrong = list[tuple[int, int]](), 0, list[str]()
    for _ in range(3):  # 3.12 traces few bytecodes at first
        steps, _place, _wrong = once(case)
        if _wrong:
            wrong.append(f"without an interrupt: {_wrong}")
    for number in range(0, len(steps), max(1, len(steps) // tries)):
        _, place, found = once(case, *steps[number])
        places += place != ""
        if found:
            wrong.append(f"{steps[number]} {place}: {found}")
            if len(wrong) > MOST:
                break
    return {"places": len(steps), "interrupted": places, "wrong": wrong}


def once(case: type[Run], at: int = 0, in_call: int = 0) -> tuple[list[tuple[int, int]], str, str]:
    with tempfile.TemporaryDirectory() as folder:
        run, wrong = case(Path(folder)), ""
        try:
            run.run(at, in_call)
        except Exception as exc:
            wrong = f"{type(exc).__name__}: {exc}"
        return run.between.steps, run.between.place, wrong


CASES = (InMemory, OnDisk, Refused, Full, WithoutDisk, Dead, Left, Shared)

if __name__ == "__main__":
    logging.getLogger("voltagent").addHandler(logging.NullHandler())
    tries, names = int(sys.argv[1]), sys.argv[2:]
    print(json.dumps({one.__name__: interrupted(one, tries) for one in CASES if not names or one.__name__ in names}))
