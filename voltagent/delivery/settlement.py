"""A batch out of a buffer, and what the answers to it mean for its events."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from voltagent.core.clock import randomness
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.waiting_trace import UNMARKED, Tries, WaitingTrace, size_of
from voltagent.exporters import SETTLED, Outcome, Verdict

BACKOFF_CAP: Final = 30.0  # seconds; the longest wait of our own between two tries
_VERDICT: Final = attrgetter("verdict")
_NO_TRY: Final = (Verdict.UNTRIED, Verdict.WITH_END)


class Settlement:
    """Takes batches out of a buffer, counts what is done with, and puts back what must be tried again.

    Used under the buffer's lock.
    """

    def __init__(self, buffer: Buffer, max_retries: int, retry_delay: float) -> None:
        self._buffer = buffer
        self._max_retries = max_retries
        self._retry_delay = retry_delay
        self._accepted = 0  # events, by all batches so far
        self._accepted_before = 0  # by those before the batch that is settled now
        self._waits: dict[WaitingTrace, float] = {}  # seconds for which its traces wait until they are tried again

    def batch(self, limit: int, max_size: int, chosen: list[SpanEvent]) -> None:
        """Put up to ``limit`` events of about ``max_size`` bytes into a list, each trace's in order up to its share.

        They are there as soon as they left their traces: an interrupt loses none.
        """
        buffer = self._buffer
        share = max(8, limit // max(1, len(buffer.ready)))
        while buffer.ready and len(chosen) < limit and max_size > 0:
            _, trace = buffer.ready.popitem(last=False)
            if not trace.events:  # an interrupt left it here
                continue
            is_unsent = buffer.unsent.pop(trace.id, None) is not None
            older = len(trace.events) - trace.newer
            if older <= 0:  # it is not in flight either
                trace.newer, older = UNMARKED, len(trace.events)
            wanted = number = min(share, limit - len(chosen), older)
            size = trace.size
            if wanted < len(trace.events) or size > max_size:
                number, size = _fitting(trace.events[:wanted], max_size, least=0 if chosen else 1)
            max_size = max_size - size if number == wanted else 0  # the batch is full
            if not number:  # it is the first of the next batch
                for waiting in (buffer.ready, buffer.unsent) if is_unsent else (buffer.ready,):
                    waiting[trace.id] = trace
                    waiting.move_to_end(trace.id, last=False)
                break
            if number == len(trace.events):
                size = trace.size  # what other workers redacted meanwhile weighs less now
            # no call from here on, nor a branch
            trace.is_in_batch = True
            chosen += trace.events[:number]
            trace.size -= size
            buffer.size -= size
            del trace.events[:number]
            if trace.events and number < older:  # else the newer ones go with a later batch
                buffer.ready[trace.id] = trace  # at the end of the line

    def settle(self, batch: list[Any], outcomes: Sequence[Outcome], now: float) -> None:
        """Take the outcomes of a batch: count what is done, put back what must be tried again.

        The place of each event in ``batch`` is emptied when it is accounted for.
        """
        buffer, self._accepted_before, self._waits = self._buffer, self._accepted, {}
        traces = list(map(buffer.traces.__getitem__, dict.fromkeys([span.trace.id for _, span, _ in batch])))
        accepted = list(map(_VERDICT, outcomes)).count(Verdict.ACCEPTED)
        self._accepted += accepted
        if not batch or accepted < len(batch) or not self._accept_all(batch, traces):
            self._settle_each(batch, outcomes, now)
        for trace in traces:
            trace.is_in_batch = False
            buffer.close_if_over(trace)

    def _accept_all(self, batch: list[Any], traces: Sequence[WaitingTrace]) -> bool:
        """Count a batch that was accepted whole, if it is an ordinary one of one account; return whether it is."""
        buffer, account, number = self._buffer, traces[0].account, len(batch)
        for trace in traces:
            if trace.account is not account or trace.others or trace.tries is not None or trace.parked is not None:
                return False
        finished, emptied = list(batch), [None] * number
        # no call from here on, nor, for Python 3.10, a branch: all of it is counted, or nothing
        buffer.count -= number
        account.outcomes[None] += number
        buffer.done += finished
        batch[:] = emptied
        return True

    def _settle_each(self, batch: list[Any], outcomes: Sequence[Outcome], now: float) -> None:
        """Settle event by event: count, let wait for an answer or for their end, or collect to try again."""
        buffer = self._buffer
        untouched: list[WaitingTrace] = []
        for number, outcome in enumerate(outcomes):
            event: SpanEvent = batch[number]
            phase, span, _ = event
            verdict, trace = outcome.verdict, buffer.traces[span.trace.id]
            if verdict is Verdict.IN_FLIGHT:
                batch[number] = None
                trace.in_flight += 1
                buffer.ready.pop(trace.id, None)
                continue
            reason = outcome.reason if verdict is Verdict.REFUSED else None
            if verdict not in SETTLED:
                reason = buffer.losses.fate(span) or self._judge(trace, event, outcome)
            if verdict in SETTLED or reason is not None:
                buffer.settle_one(trace, batch, number, reason)
            elif verdict is Verdict.WITH_END:
                trace.park(batch, number)
            elif verdict is Verdict.UNTRIED and phase is Phase.START and span.kind == TRACE:
                untouched.append(trace)
            # it stays in the batch, from where it is put back, also if an interrupt comes meanwhile
        self._put_back(batch, now)
        for trace in reversed(untouched):  # they are unsent, and the oldest are the first to go, as before
            if trace.events and trace.parked is None and not trace.in_flight and not trace.others:
                buffer.unsent[trace.id] = trace
                buffer.unsent.move_to_end(trace.id, last=False)

    def land(self, batch: list[Any], outcomes: Sequence[Outcome], now: float) -> None:
        """Take the outcomes of events that were in flight, as of a batch."""
        for _, span, _ in batch:
            self._buffer.traces[span.trace.id].in_flight -= 1
        self.settle(batch, outcomes, now)

    def give_back(self, batch: list[Any]) -> None:
        """Put unaccounted events back at the head of their traces, with none in flight; mend what an interrupt left."""
        for trace in self._buffer.traces.values():
            trace.in_flight = 0
        self._waits = {}
        self._put_back(batch, 0.0)
        for trace in list(self._buffer.traces.values()):
            trace.is_in_batch = False
            self._buffer.close_if_over(trace)

    def _put_back(self, batch: list[Any], now: float) -> None:
        """Put what is left of a batch back at the head of its traces, which wait as long as a retry must.

        The events of a trace leave the batch in the step in which the trace gets them: an interrupt loses none.
        """
        buffer = self._buffer
        again: dict[WaitingTrace, list[SpanEvent]] = {}
        for event in batch:
            if event is not None:
                _, span, _ = event
                again.setdefault(buffer.traces[span.trace.id], []).append(event)
        batch[:] = [event for events in again.values() for event in events]
        for trace, events in again.items():
            size, number = sum(map(size_of, events)), len(events)
            delay = self._waits.get(trace, 0.0)
            if delay > 0.0:
                heapq.heappush(buffer.held, (now + delay, id(trace), trace))
                buffer.ready.pop(trace.id, None)
                trace.held = True
            elif not trace.held and not trace.in_flight:
                buffer.ready[trace.id] = trace
            # no call from here on, nor a branch
            trace.events[:0] = events
            trace.size += size
            buffer.size += size
            del batch[:number]

    def _judge(self, trace: WaitingTrace, event: SpanEvent, outcome: Outcome) -> str | None:
        """Note a failure; the reason to drop the event for good, if it has used up its tries."""
        if outcome.verdict in _NO_TRY:
            return None
        if trace.tries is None:
            trace.tries = {}
        tries = trace.tries.setdefault(id(event), Tries())
        if outcome.verdict is Verdict.RETRY:
            tries.refusals += 1
        elif -1 < tries.accepted_before < self._accepted_before:
            tries.absences += 1  # it was down for this event again, but took others in between
        tries.accepted_before = self._accepted
        if gives_up(tries.refusals, tries.absences, self._max_retries):
            return "retries_exhausted"
        failures = tries.refusals + tries.absences
        if not failures and self._accepted > self._accepted_before:
            failures = 1  # not down, as others got through with it: this one waits by itself
        if failures:
            delay = backoff(failures, self._retry_delay, randomness.random())
            self._waits[trace] = max(self._waits.get(trace, 0.0), delay)
        return None


def backoff(failures: int, first: float, chance: float) -> float:
    """Return seconds to wait after that many failures, from 1: ``first``, doubled each time up to 30, with full jitter.

    ``chance`` is a random number in [0, 1). Source of the form: "Exponential Backoff And Jitter", AWS, 2015.
    """
    return min(first * 2.0 ** min(failures - 1, 32), BACKOFF_CAP) * chance


def gives_up(refusals: int, absences: int, max_retries: int) -> bool:
    """Return whether an event is dropped after that many answers that refuse it.

    ``absences`` counts how often its destination was down for it and took others: a tenth each, as some just flap.
    """
    return refusals > max_retries or absences > 10 * (max_retries + 1)


def _fitting(events: list[SpanEvent], space: int, least: int) -> tuple[int, int]:
    """Return how many of the first events fit into that many bytes, at least ``least``, and their size."""
    total = 0
    for number, event in enumerate(events):
        size = size_of(event)
        if total + size > space and number >= least:
            return number, total
        total += size
    return len(events), total
