"""Interrupt the settling of batches at one place after another: ``python -m tests.helpers.settling_steps TRIES CASE``.

Prints a JSON object: at how many places it was interrupted, and what was wrong afterwards. The answer to an event is
always the same, so whatever is sent again, the counts in the end are those of a run without an interrupt.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.memory import DOWN, REJECTED, RETRY, WRONG_KEY, Memory
from tests.helpers.spool_steps import MOST, Struck, strike
from voltagent.core import clock
from voltagent.core.process.thread_marks import is_held_here
from voltagent.core.span import TOOL, TRACE, Phase, Span, SpanEvent, TraceInfo
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.dispatcher import Dispatcher
from voltagent.delivery.eviction import drop_waiting
from voltagent.delivery.options import WorkerOptions
from voltagent.delivery.processing import Processing
from voltagent.delivery.storage import MemoryStorage
from voltagent.exporters import ACCEPTED, Outcome, Verdict

FILES = ("delivery/",)
IN_FLIGHT, WITH_END = Outcome(Verdict.IN_FLIGHT), Outcome(Verdict.WITH_END)
ROUNDS = 12


class Run(Memory):
    """Two SDKs with a trace each and one that they share; a destination that accepts everything."""

    def __init__(self) -> None:
        super().__init__(self.decide)
        self.is_in_order = False
        self.accounts, self.buffer = [Account(), Account()], Buffer()
        self.buffer.done = []
        options = WorkerOptions(None, 30.0, 1, 1.0, 1000, 1 << 22)
        storage = MemoryStorage(self.accounts, self.buffer, options, Processing(None))
        self.dispatcher = Dispatcher(self, options, self.buffer, storage)
        self.now = clock.monotonic()
        self.recorded: list[SpanEvent] = []
        for number, account in ((1, 0), (2, 1), (3, 0), (3, 1)):
            self.record(number, self.accounts[account])

    def record(self, number: int, account: Account) -> None:
        root = Span(TraceInfo(number, "a", None), None, TRACE, "root", b"{}", identifier=number)
        first, second = [Span(root.trace, root, TOOL, name, b"{}") for name in ("first", "second")]
        started: list[SpanEvent] = [(Phase.START, span, None) for span in (root, first, second)]
        ended: list[SpanEvent] = [(Phase.END, span, None) for span in (first, second, root)]
        self.recorded += started + ended
        self.buffer.take_first([*started, *ended], 6, account)

    def decide(self, event: SpanEvent) -> Outcome:
        """Return the answer to an event."""
        return ACCEPTED

    def late(self) -> Sequence[tuple[SpanEvent, Outcome]]:
        return [(event, self.decide_late(event)) for event, _ in self.dispatcher.in_flight.values()]

    def decide_late(self, event: SpanEvent) -> Outcome:
        """Return the answer to an event that was in flight."""
        return ACCEPTED

    def send(self) -> None:
        """Send, and collect the answers that are late."""
        self.now += 100.0
        with self.buffer.lock:
            self.buffer.release(self.now)
        self.dispatcher.send(self.now, [])
        self.dispatcher.collect(self.now, [])

    def send_all(self) -> None:
        for _ in range(ROUNDS):
            self.send()

    def run(self, at: int = 0, in_call: int = 0) -> BetweenSignals:
        """Send all with an interrupt, and send what is left."""
        between = BetweenSignals(FILES, at, strike, in_call)
        try:
            between.run(self.send_all)
        except Struck:
            assert not is_held_here(self.buffer.lock), "the lock is held"
            self.check()
            self.dispatcher.recover()
        self.check()
        for _ in range(2):
            self.send_all()
            self.check()
        return between

    def check(self) -> None:
        """Nothing is counted twice, or not at all."""
        for one in self.accounts:
            parked = [events for trace in self.buffer.traces.values() for events in (trace.parked or {}).values()]
            owned = [event for events in parked for event in events if self.owner(event) is one]
            assert one.parked == len(owned), f"{one.parked} are parked, and not {len(owned)}"
        assert self.buffer.count == sum(one.pending for one in self.accounts), self.buffer.count

    def owner(self, event: SpanEvent) -> Account | None:
        return self.buffer.account_of(event[1])

    def counts(self) -> list[Any]:
        return [(one.recorded, dict(one.outcomes), one.parked) for one in self.accounts]

    def end(self) -> Any:
        """What is left in the end, and whether each event is finished once."""
        buffer = self.buffer
        finished = sorted(map(id, buffer.done or ())) == sorted(map(id, self.recorded_here()))
        return [self.counts(), finished, len(buffer.traces), buffer.size, len(buffer.ready)]

    def recorded_here(self) -> list[SpanEvent]:
        return self.recorded


class RefusedChild(Run):
    """The destination refuses an operation, and the end of another one."""

    def decide(self, event: SpanEvent) -> Outcome:
        phase, span, _ = event
        return REJECTED if span.name == ("first" if phase is Phase.START else "second") else ACCEPTED


class RefusedTrace(Run):
    """The destination refuses the start of a trace, with which all of it is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.is_in_order = True
        self.record(4, self.accounts[0])

    def decide(self, event: SpanEvent) -> Outcome:
        phase, span, _ = event
        is_refused = phase is Phase.START and span.kind == TRACE and span.trace.id != 1
        return (WRONG_KEY if span.trace.id == 2 else REJECTED) if is_refused else ACCEPTED


class Exhausted(Run):
    """The destination answers some events with errors until no try is left."""

    def decide(self, event: SpanEvent) -> Outcome:
        phase, span, _ = event
        return RETRY if span.name == "second" or (phase is Phase.START and span.trace.id == 2) else ACCEPTED


class Trailing(Run):
    """Some answers are late."""

    def decide(self, event: SpanEvent) -> Outcome:
        return IN_FLIGHT if event[1].name != "second" else ACCEPTED

    def decide_late(self, event: SpanEvent) -> Outcome:
        phase, span, _ = event
        if span.name == "first":
            return REJECTED if phase is Phase.START else RETRY
        return ACCEPTED


class WithEnd(Run):
    """Starts are sent with the ends of their operations."""

    def decide(self, event: SpanEvent) -> Outcome:
        return WITH_END if event[0] is Phase.START else self.decide_end(event)

    def decide_end(self, event: SpanEvent) -> Outcome:
        return ACCEPTED


class WithTraceEnd(WithEnd):
    """All is sent with the end of the trace."""

    def decide_end(self, event: SpanEvent) -> Outcome:
        return ACCEPTED if event[1].kind == TRACE else WITH_END


class WithRefusedEnd(WithEnd):
    """The ends with which all is sent are refused."""

    def decide_end(self, event: SpanEvent) -> Outcome:
        _, span, _ = event
        if span.kind == TRACE:
            return REJECTED if span.trace.id != 1 else RETRY
        return WITH_END if span.name == "first" else REJECTED


class NeverEnded(WithTraceEnd):
    """The end of the trace is not sent either, so none of it ever is."""

    def decide_end(self, event: SpanEvent) -> Outcome:
        return WITH_END


class GivenUp(WithTraceEnd):
    """What waits is dropped, of one SDK and then of all."""

    def decide_end(self, event: SpanEvent) -> Outcome:
        return WITH_END if event[1].kind != TRACE else DOWN

    def send_all(self) -> None:
        self.send()
        for account in (self.accounts[1], None):
            with self.buffer.lock:
                drop_waiting(self.buffer, "shutdown_timeout", account)


CASES = (RefusedChild, RefusedTrace, Exhausted, Trailing, WithEnd, WithTraceEnd, WithRefusedEnd, NeverEnded, GivenUp)


def interrupted(case: type[Run], tries: int) -> dict[str, object]:
    steps, places, wrong, expected = list[tuple[int, int]](), 0, list[str](), None
    for _ in range(3):  # 3.12 traces few bytecodes at first
        run = case()
        steps = run.run().steps
        expected = run.end()
    for number in range(0, len(steps), max(1, len(steps) // tries)):
        run, between = case(), None
        try:
            between = run.run(*steps[number])
            found = "" if run.end() == expected else f"{run.end()} and not {expected}"
        except Exception as exc:
            found = f"{type(exc).__name__}: {exc}"
        places += bool(between and between.place)
        if found:
            wrong.append(f"{steps[number]} {between.place if between else ''}: {found}")
            if len(wrong) > MOST:
                break
    return {"places": len(steps), "interrupted": places, "expected": expected, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(interrupted(next(one for one in CASES if one.__name__ == sys.argv[2]), int(sys.argv[1]))))
