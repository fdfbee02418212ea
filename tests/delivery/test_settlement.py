"""What an interrupt leaves of a batch that is being settled: all of it is sent again, and nothing stays behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.memory import Memory
from voltagent.core.span import TOOL, TRACE, Phase, Span, SpanEvent, TraceInfo
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.dispatcher import Dispatcher
from voltagent.delivery.options import WorkerOptions
from voltagent.delivery.processing import Processing
from voltagent.delivery.settlement import Settlement
from voltagent.delivery.spooling.kept_events import KeptEvents
from voltagent.delivery.storage import MemoryStorage
from voltagent.delivery.waiting_trace import WaitingTrace
from voltagent.exporters import Outcome, Verdict

ACCEPTED = Outcome(Verdict.ACCEPTED)
RETRY = Outcome(Verdict.RETRY)


class Interrupting:
    """An outcome that an interrupt comes with."""

    verdict = Verdict.REFUSED

    @property
    def reason(self) -> str:
        raise KeyboardInterrupt


def trace(number: int) -> list[Any]:
    span = Span(TraceInfo(number, "a", None), None, TRACE, "a", None, identifier=number)
    return [(Phase.START, span, None), (Phase.END, span, None)]


def interrupted(*outcomes: Any) -> tuple[Buffer, Account, Settlement]:
    """Two traces in a batch, an interrupt while it is settled, and what is not settled put back."""
    buffer, account = Buffer(), Account()
    buffer.take_first([*trace(1), *trace(2)], 4, account)
    left: list[Any] = []
    settlement = Settlement(buffer, 3, 1.0)
    settlement.batch(512, 1 << 22, left)
    with pytest.raises(KeyboardInterrupt):
        settlement.settle(left, outcomes, 1.0)
    settlement.give_back(left)
    return buffer, account, settlement


@pytest.mark.parametrize("accepted", [0, 1, 2, 3])
@pytest.mark.parametrize("retried", [0, 1])
def test_what_was_not_settled_is_sent_again_and_every_trace_ends(accepted: int, retried: int) -> None:
    outcomes = [ACCEPTED] * accepted + [RETRY] * retried + [Interrupting()] * (4 - accepted - retried)
    if accepted + retried == 4:
        outcomes = [*outcomes[:3], Interrupting()]
    buffer, account, settlement = interrupted(*outcomes)
    again: list[Any] = []
    settlement.batch(512, 1 << 22, again)
    assert len(again) == 4 - min(accepted, 3)
    settlement.settle(again, [ACCEPTED] * len(again), 2.0)
    assert (account.recorded, account.outcomes[None], account.pending) == (4, 4, 0)
    assert buffer.traces == {}
    assert sorted(buffer.over, key=str) == [1, 2]


def test_a_trace_that_an_interrupt_left_without_events_holds_up_no_other() -> None:
    buffer, account = Buffer(), Account()
    empty = WaitingTrace(1, account)
    buffer.traces[1] = buffer.ready[1] = empty
    buffer.take_first(trace(2), 2, account)
    batch: list[Any] = []
    Settlement(buffer, 3, 1.0).batch(512, 1 << 22, batch)
    assert [span.id for _, span, _ in batch] == [2, 2]


def test_what_waits_for_an_end_that_cannot_be_recorded_any_more_is_lost_with_it() -> None:
    buffer, account, batch = Buffer(), Account(), list[Any]()
    settlement = Settlement(buffer, 3, 1.0)
    [start, end], other = trace(1), trace(2)
    buffer.take_first([start, *other], 3, account)
    settlement.batch(512, 1 << 22, batch)
    settlement.settle(batch, [Outcome(Verdict.WITH_END), ACCEPTED, ACCEPTED], 1.0)
    assert (account.pending, account.parked) == (1, 1)
    buffer.losses.remember(1, "queue_full")  # another SDK could not record a part of it
    buffer.take_first([end], 1, account)
    assert (account.outcomes, account.pending, account.parked) == ({None: 2, "queue_full": 2}, 0, 0)
    assert buffer.traces == {}


@pytest.mark.parametrize("outcome", [Verdict.WITH_END, Verdict.ACCEPTED])
def test_what_waits_is_lost_if_the_end_is_on_its_way_to_the_disk_that_should_bring_the_start(outcome: Verdict) -> None:
    """Only if the destination does not have the start; nothing of the trace is left in any case."""
    buffer, account, batch, again = Buffer(), Account(), list[Any](), list[Any]()
    settlement, kept = Settlement(buffer, 3, 1.0), KeptEvents(buffer, [account])
    [start, end] = trace(1)
    _, span, _ = start
    buffer.take_first([start], 1, account)
    settlement.batch(512, 1 << 22, batch)
    settlement.settle(batch, [Outcome(outcome)], 1.0)
    point: SpanEvent = (Phase.POINT, Span(span.trace, span, TOOL, "tool", None), None)
    buffer.take_first([point], 1, account)
    account.on_way.append(end)
    kept.drop_on_way(account, [end], [], "serialize_error")
    settlement.batch(512, 1 << 22, again)
    if outcome is Verdict.ACCEPTED:
        assert again == [point]
        settlement.settle(again, [ACCEPTED], 2.0)
        assert account.outcomes == {None: 2, "serialize_error": 1}
    else:
        assert again == []
        assert account.outcomes == {"serialize_error": 3}
    assert (account.pending, account.parked, buffer.traces, buffer.open) == (0, 0, {}, {})


def put_back(at: int) -> BetweenSignals:
    """Take a batch and put it back, with an interrupt at one bytecode, and check what is left."""
    buffer, account = Buffer(), Account()
    buffer.take_first([*trace(1), *trace(2), *trace(3)], 6, account)
    settlement = Settlement(buffer, 3, 1.0)
    left: list[Any] = []
    outcomes = [RETRY] * 2 + [Outcome(Verdict.UNTRIED)] * 4

    def send() -> None:
        settlement.batch(512, 1 << 22, left)
        settlement.settle(left, outcomes, 1.0)

    between = BetweenSignals(("delivery/settlement.py", "delivery/buffer.py"), at, interrupt)
    try:
        between.run(send)
    except KeyboardInterrupt:
        settlement.give_back(left)
    assert (buffer.count, account.pending) == (6, 6), between.place
    buffer.release(100.0)
    again: list[Any] = []
    settlement.batch(512, 1 << 22, again)
    found = [(span.id, phase) for phase, span, _ in again]
    assert sorted(found, key=lambda one: (one[0], one[1] is Phase.END)) == sorted(found, key=lambda one: one[0])
    assert (len(found), len(set(found))) == (6, 6), between.place
    settlement.settle(again, [ACCEPTED] * 6, 2.0)
    assert (account.outcomes[None], account.pending, buffer.size, buffer.traces) == (6, 0, 0, {}), between.place
    return between


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupt_loses_nothing_of_a_batch_that_is_taken_and_put_back() -> None:
    put_back(0)
    number = put_back(0).count
    found = [at for at in range(1, number + 1) if put_back(at).place]
    assert len(found) > 10  # Python 3.13.0 does not report every bytecode


class Trailing(Memory):
    """Leaves the first batch waiting for its answers."""

    waiting: Sequence[SpanEvent] = ()

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        if self.waiting:
            return super().export(batch, deadline)
        self.waiting = batch
        return [Outcome(Verdict.IN_FLIGHT)] * len(batch)

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        return [(event, ACCEPTED) for event in self.waiting]


def land(at: int, *, is_answered: bool) -> BetweenSignals:
    """Take in late answers, or give them up, with an interrupt at one bytecode, and check what is left."""
    accounts, buffer, options = [Account()], Buffer(), WorkerOptions(None, 30.0, 3, 1.0, 1000, 1 << 22)
    dispatcher = Dispatcher(Trailing(), options, buffer, MemoryStorage(accounts, buffer, options, Processing(None)))
    buffer.take_first(trace(1), 2, accounts[0])
    dispatcher.send(1.0, [])
    assert len(dispatcher.in_flight) == 2
    between = BetweenSignals(("delivery/",), at, interrupt)
    try:
        between.run(lambda: dispatcher.collect(1.0, []) if is_answered else dispatcher.forget_in_flight())
    except KeyboardInterrupt:
        dispatcher.recover()
    dispatcher.send(2.0, [])
    assert (accounts[0].outcomes[None], accounts[0].pending, buffer.traces) == (2, 0, {}), between.place
    return between


@pytest.mark.parametrize("is_answered", [True, False])
def test_an_interrupt_loses_nothing_of_what_waits_for_an_answer(is_answered: bool) -> None:
    land(0, is_answered=is_answered)
    number = land(0, is_answered=is_answered).count
    found = [at for at in range(1, number + 1) if land(at, is_answered=is_answered).place]
    assert len(found) > 10  # Python 3.13.0 does not report every bytecode
