"""What waits of a trace: whose it is, and whether it is older than some moment, until it is settled."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, strategies as st

from voltagent.core.span import TOOL, TRACE, Phase, Span, SpanEvent, TraceInfo
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.eviction import drop_waiting
from voltagent.delivery.settlement import Settlement
from voltagent.exporters import Outcome, Verdict

ANSWERS = [
    Outcome(Verdict.ACCEPTED),
    Outcome(Verdict.RETRY),
    Outcome(Verdict.UNAVAILABLE),
    Outcome(Verdict.UNTRIED),
    Outcome(Verdict.WITH_END),
    Outcome(Verdict.IN_FLIGHT),
    Outcome(Verdict.REFUSED, "rejected"),
]
LATER = [one for one in ANSWERS if one.verdict is not Verdict.IN_FLIGHT]


class Run:
    """A few traces, and what a sender does with their events, at random."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.buffer, self.accounts = Buffer(), [Account(), Account()]
        self.owners: dict[TraceInfo, Account] = {}
        self.settlement = Settlement(self.buffer, 3, 1.0)
        self.traces = [
            self.start(number, account) for number in range(random.randrange(1, 4)) for account in self.some()
        ]
        self.in_flight: list[SpanEvent] = []
        self.older: list[SpanEvent] = []
        self.marked: list[Any] = []
        self.now = 0.0

    def some(self) -> list[Account]:
        return self.random.sample(self.accounts, self.random.randrange(1, 3))

    def start(self, number: int, account: Account) -> Span:
        span = Span(TraceInfo(number, "a", None), None, TRACE, "a", None, identifier=number)
        self.owners[span.trace] = account
        self.buffer.take_first([(Phase.START, span, None)], 1, account)
        return span

    def owner(self, event: SpanEvent) -> Account:
        return self.owners[event[1].trace]

    def record(self) -> None:
        trace = self.random.choice(self.traces)
        for number in range(self.random.randrange(1, 12)):
            span = Span(trace.trace, trace, TOOL, "t", None, identifier=f"{trace.id}-{self.now}-{number}")
            events: list[SpanEvent] = [(Phase.START, span, None), (Phase.END, span, None)]
            self.buffer.take_first(events, len(events), self.owners[trace.trace])

    def send(self) -> None:
        batch: list[Any] = []
        self.settlement.batch(self.random.choice([1, 3, 10, 512]), self.random.choice([500, 1 << 22]), batch)
        answers = self.random.choices(
            ANSWERS, self.random.choice([(9, 1, 1, 1, 1, 1, 1), (1, 0, 0, 0, 0, 0, 0)]), k=len(batch)
        )
        self.in_flight += [event for event, one in zip(batch, answers) if one.verdict is Verdict.IN_FLIGHT]
        self.settlement.settle(batch, answers, self.now)

    def land(self) -> None:
        landed = [event for event in self.in_flight if self.random.random() < 0.5]
        self.in_flight = [event for event in self.in_flight if event not in landed]
        self.settlement.land(landed, self.random.choices(LATER, k=len(landed)), self.now)

    def release(self) -> None:
        self.now += 60.0
        self.buffer.release(self.now)

    def drop(self) -> None:
        if self.random.random() < 0.1:
            drop_waiting(self.buffer, "auth", self.random.choice([*self.accounts, None]))

    def mark(self) -> None:
        if self.random.random() < 0.3:
            self.older, self.marked = self.waiting(), list(self.buffer.traces.values())
            for trace in self.marked:
                trace.newer = 0

    def waiting(self) -> list[SpanEvent]:
        return [event for trace in self.buffer.traces.values() for event in trace.events] + self.in_flight

    def check(self) -> None:
        waiting = set(map(id, self.waiting()))
        for one in self.accounts:
            assert one.pending - one.parked == sum(self.owner(event) is one for event in self.waiting())
        assert any(trace.has_older() for trace in self.marked) == any(id(event) in waiting for event in self.older)


@given(st.integers(0, 2**32))
def test_they_are_distinguished_whatever_the_answers_are(seed: int) -> None:
    run = Run(Random(seed))
    steps = [run.record, run.record, run.send, run.send, run.land, run.release, run.drop, run.mark]
    for _ in range(30):
        run.random.choice(steps)()
        run.check()
    assert all(
        trace.id in run.buffer.ready
        for trace in run.buffer.traces.values()
        if trace.events and not (trace.held or trace.in_flight)
    )
