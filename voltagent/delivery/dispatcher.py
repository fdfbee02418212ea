"""One batch after the other from the buffer to the exporter, and the answers back."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

from voltagent.core import clock, guard
from voltagent.core.deadline import Deadline
from voltagent.core.guard import logger
from voltagent.core.span import SpanEvent
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.destination_state import DestinationState, State
from voltagent.delivery.log_messages import LogMessages
from voltagent.delivery.options import BATCH_BYTES, BATCH_EVENTS, WorkerOptions
from voltagent.delivery.report import Report
from voltagent.delivery.settlement import Settlement
from voltagent.delivery.shutdown import Shutdown
from voltagent.delivery.storage import Storage
from voltagent.exporters import UNTRIED, Exporter, Outcome, Verdict

_SLOW_BATCH: Final = 5.0  # seconds; after one that took longer, batches become smaller
_QUICK_BATCH: Final = 0.1  # seconds; after one that took longer, no batch is larger than usual
_LONG_PREPARATION: Final = 0.05  # seconds; a batch whose preparation took longer has not kept the destination waiting
_UNSAFE: Final = Outcome(Verdict.REFUSED, "serialize_error", "it could not be made safe to send")
_VERDICT: Final = attrgetter("verdict")
_Answers: TypeAlias = Callable[[], list[tuple[SpanEvent, Outcome]]]


class Dispatcher:
    """Sends batches of a buffer, on one thread at a time."""

    def __init__(self, exporter: Exporter, options: WorkerOptions, buffer: Buffer, storage: Storage) -> None:
        self.exporter, self.options, self.buffer, self.storage = exporter, options, buffer, storage
        self.spool = storage if storage.survives is True else None  # the storage, if it is on disk
        self._settlement = Settlement(buffer, options.max_retries, options.retry_delay)
        # what only some exporters have: see `exporters.Trailing`
        self._late: _Answers = getattr(exporter, "late", list)
        self._answered: _Answers = getattr(exporter, "answered", list)
        self.sooner: list[float] = []  # by when those who shut down want the next batch, or that under way, to end
        self.stops: Callable[[], list[Shutdown]] = list  # the policies of those that shut down now; set by the loop
        self.state = DestinationState()
        self.log = LogMessages(exporter, storage.accounts)
        # by id: events whose requests still wait for an answer, and by when those who shut down want them to end
        self.in_flight: dict[int, tuple[SpanEvent, list[float]]] = {}
        self._batch: list[Any] = []  # the batch under way, as far as it is not accounted for
        self._limit = BATCH_EVENTS

    def send(self, now: float, stops: Sequence[Shutdown]) -> None:
        """Send a batch of what is ready."""
        buffer = self.buffer
        is_probe = self.state.current is State.PROBING
        limit = 1 if is_probe else min(self._limit, BATCH_EVENTS) if stops else self._limit
        with buffer.lock:
            del buffer.evicted[-8 * BATCH_EVENTS :]
            self._batch = []
            self._settlement.batch(limit, BATCH_BYTES, self._batch)
        if not self._batch:
            return
        found = self.storage.make_safe(self._batch, gives_way=not stops)
        sent: list[SpanEvent] = list(filter(None, found))
        is_whole = len(sent) == len(found)
        # what is not safe stays in the batch; all of it passes the processors again if it is put back
        self._batch = found if is_whole else [made or event for made, event in zip(found, self._batch, strict=True)]
        deadline = self._deadline(now, stops)
        try:
            if self.spool is not None and not stops:
                self.spool.keep_up()
            answers = self._export(sent, deadline) if sent else ()
        finally:
            if self.spool is not None:
                self.spool.stop_keeping_up()
        ended = clock.monotonic()
        different = list(dict(zip(map(id, answers), answers, strict=True)).values())  # mostly one for all
        if Verdict.IN_FLIGHT in map(_VERDICT, different):
            for event, outcome in zip(sent, answers, strict=True):
                if outcome.verdict is Verdict.IN_FLIGHT:
                    self.in_flight[id(event)] = event, self.sooner
        outcomes = answers if is_whole else _with_unsafe(found, answers)
        with buffer.lock:
            self._settlement.settle(self._batch, outcomes, ended)
            self._batch = []
        if self.spool is not None:
            self.spool.settled(sent)
        took = ended - now
        most = self.options.batch_events if took < _QUICK_BATCH else BATCH_EVENTS
        self._limit = max(16, self._limit // 2) if took > _SLOW_BATCH else min(most, self._limit * 2)
        self.state.note(different, now, ended, self.options.probe_seconds, self.options.auth_seconds)
        if not is_whole:
            self.log.report_answers((_UNSAFE,))
        self._follow_up(different, stops, ended, is_probe=is_probe)
        if logger.isEnabledFor(logging.DEBUG):
            self.log.report_batch(outcomes, ended - now)

    def _deadline(self, began: float, stops: Sequence[Shutdown]) -> Deadline:
        """Return the deadline of the request for a batch whose preparation began then and has just ended."""
        ready = clock.monotonic()
        if ready - began > _LONG_PREPARATION:
            for stop in {*stops, *self.stops()}:  # also those that came meanwhile
                stop.leave_out(began, ready)
        latest = began + 2 * self.options.timeout
        deadline = Deadline(min((latest, *self.sooner, *[stop.batch_deadline(ready) for stop in stops])))
        deadline.sooner = self.sooner
        return deadline

    def _export(self, events: list[SpanEvent], deadline: float) -> Sequence[Outcome]:
        """Export events; an exporter that raises, or returns too few outcomes, lets them wait for a retry."""
        failure = "the exporter gave no outcome for some events"
        try:
            answers = self.exporter.export(events, deadline)
            if len(answers) == len(events):
                return answers
        except Exception as exc:  # exporters do not raise; one of the user's own may
            guard.Guard.swallowed(exc)
            failure = type(exc).__qualname__
        return [Outcome(Verdict.RETRY, detail=failure)] * len(events)

    def recover(self) -> None:
        """After an error: let wait again what is not accounted for, of a batch or in flight."""
        flying = [event for event, _ in self.in_flight.values()]
        every = {id(event): event for event in (*flying, *self._batch) if event is not None}
        with self.buffer.lock:
            self._batch = list(every.values())
            self.in_flight.clear()
            self._settlement.give_back(self._batch)

    def _follow_up(
        self, outcomes: Sequence[Outcome], stops: Sequence[Shutdown], ended: float, *, is_probe: bool = False
    ) -> None:
        """Report the outcomes, each once or more often, to those that end, to the log and to the exporter."""
        verdicts = {outcome.verdict for outcome in outcomes} if stops else set[Verdict]()
        for stop in stops:
            stop.note(verdicts, ended, is_probe=is_probe)
        self.log.report_answers(outcomes)
        over = self.buffer.over
        while over:  # an interrupt leaves the others for the next time
            self.exporter.forget(over.pop(0))

    def collect(self, now: float, stops: Sequence[Shutdown]) -> None:
        """Account for answers to requests that were left waiting."""
        # one that is not there was given up
        landed = {id(event): (event, outcome) for event, outcome in self._late() if id(event) in self.in_flight}
        if not landed:
            return
        events, outcomes = [event for event, _ in landed.values()], [outcome for _, outcome in landed.values()]
        self._land(events, outcomes, now)
        refused = any(outcome.reason == "auth" for outcome in outcomes)
        if refused or self.last_answer() < now - self.options.probe_seconds:
            # else it takes others: one request that failed says nothing of it
            self.state.note(outcomes, now, now, self.options.probe_seconds, self.options.auth_seconds)
        if self.spool is not None:
            self.spool.settled(events)
        self._follow_up([one for one in outcomes if one.verdict is not Verdict.UNAVAILABLE], stops, now)

    def forget_in_flight(self, account: Account | None = None) -> None:
        """Let wait again what (of one account) still waits for an answer; the answers are not heeded any more."""
        flying = self.in_flight.values()
        events = [event for event, _ in flying if account is None or self.buffer.account_of(event[1]) is account]
        self._land(events, [UNTRIED] * len(events), clock.monotonic())

    def _land(self, events: Sequence[SpanEvent], outcomes: Sequence[Outcome], now: float) -> None:
        """Account for events that were in flight; they are a batch meanwhile, so that an interrupt loses none."""
        with self.buffer.lock:
            self._batch = list(events)
            list(map(self.in_flight.pop, map(id, events)))
            self._settlement.land(self._batch, outcomes, now)
            self._batch = []

    def answered(self, account: Account) -> Report:
        """Return what the answers to the batch under way change in the counts so far. Under the buffer's lock."""
        sent = {id(event) for event in self._batch if event is not None}
        reasons = Counter(
            outcome.reason if outcome.verdict is Verdict.REFUSED else None
            for event, outcome in (self._answered() if sent else ())
            if id(event) in sent and self.buffer.account_of(event[1]) is account
        )
        settled = sum(reasons.values())
        return Report(0, reasons.pop(None, 0), reasons, -settled)  # type: ignore[arg-type]

    def last_answer(self) -> float:
        """Return when the destination answered last, on ``clock.monotonic``; 0 if that is not known."""
        return float(getattr(self.exporter, "last_answer", 0.0))

    def end_by(self, moment: float) -> None:
        """End the batch under way by then, also if it is only being prepared, and earlier requests. From any thread."""
        waiting = {id(sooner): sooner for _, sooner in list(self.in_flight.values())}
        for sooner in {**waiting, id(self.sooner): self.sooner}.values():
            sooner.append(moment)


def _with_unsafe(found: Sequence[SpanEvent | None], answers: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes of a batch: the answers to what was sent, and what could not be made safe as refused."""
    given = iter(answers)
    return [_UNSAFE if event is None else next(given) for event in found]
