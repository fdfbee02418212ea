"""The events that wait for one destination: ordered within each trace, fair between traces, and all counted.

A plain data structure without thread, clock or I/O, used under its lock. Code that may run on a caller's thread is
written so that an interrupt leaves all of a change or nothing: see :mod:`voltagent.delivery.counts`.
"""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Final

from voltagent.core.span import TRACE, Phase, Span, SpanEvent
from voltagent.delivery.counts import Account
from voltagent.delivery.waiting_trace import OVERHEAD, WaitingTrace, size_of, sum_usage

_START: Final = Phase.START
_END: Final = Phase.END

# limit for remembered losses and open spans; beyond it, the oldest is forgotten
REMEMBERED: Final = 50_000
# A lost start also drops its end and its children, which would be orphans, if the user loses nothing by it. If the
# destination itself refused the start, they are sent all the same: one bad event costs one event.
_CASCADING: Final = frozenset(("queue_full", "auth", "shutdown_timeout", "fork"))


class Buffer:
    """Takes events in order, returns them in batches, and takes back those to retry."""

    def __init__(self) -> None:
        self.renew(0)

    def renew(self, forked_at: int) -> None:
        """Reset; a forked child, which has no other thread, gives the time of the fork (nanoseconds)."""
        self.lock = threading.RLock()  # re-entrant: a finalizer may come while this thread holds it
        self.accepted = 0
        self.dropped = 0
        self.count = 0  # events that wait here, are in a batch, or are parked
        self.size = 0  # approximate bytes of the events that wait here
        self.over: list[int | str] = []  # finished traces, of which the worker notifies the exporter
        self.done: list[SpanEvent] | None = None  # finished events, if the storage needs them
        self.open: OrderedDict[Span, None] = OrderedDict()  # started and not ended, oldest first
        self.traces: dict[int | str, WaitingTrace] = {}
        self.ready: OrderedDict[int | str, WaitingTrace] = OrderedDict()  # ready to send, the longest waiting first
        self.unsent: OrderedDict[int | str, WaitingTrace] = OrderedDict()  # without any sent event, oldest first
        self.is_in_use = False  # while it is being changed: a finalizer that runs meanwhile must not change it
        self._forked_at = forked_at
        self.held: list[tuple[float, int, WaitingTrace]] = []  # a heap by the end of the backoff
        self._lost: OrderedDict[int | str, str] = OrderedDict()  # lost traces and starts, with the reason
        self.evicted: list[list[SpanEvent]] = []  # freed gradually, as freeing takes time too
        self.outstanding: dict[int | str, WaitingTrace] = {}  # traces with events in a batch
        self._order = 0

    def take_waiting(self, account: Account, number: int) -> None:
        """Take up to ``number`` entries from the queue of an account, and all that it refused."""
        refused, waiting = account.refused, account.waiting
        self.is_in_use = True
        try:
            while refused:
                event, reason = refused[0]
                account.recorded += 1
                account.dropped[reason] += 1
                self.dropped += 1
                del refused[0]
                self._note_lost(event, reason)
            self._take(waiting, number, account)
        finally:
            self.is_in_use = False

    def take(self, events: Iterable[SpanEvent], account: Account, *, inherited: bool = False) -> None:
        """Count events, and let those wait that do not depend on a lost one.

        ``inherited`` events were left by a dead process and are sent whatever their age.
        """
        source = deque(events)
        self._take(source, len(source), account, inherited=inherited)

    def _take(  # noqa: C901, PLR0912, PLR0915 - in one piece, so that it can be seen where no call is
        self, source: deque[SpanEvent], number: int, account: Account, *, inherited: bool = False
    ) -> None:
        """Take up to ``number`` of the first events; each leaves ``source`` in the step in which it is counted.

        A start whose end waits with it leaves the end there.
        """
        while source and number > 0:
            number -= 1
            event = source[0]
            phase, span, fields = event
            trace = self.traces.get(span.trace.id)
            known = phase is _END and span in self.open
            reason = self.fate(span) if self._lost else None
            if reason is None and phase is _END and not known and span.start_ns < self._forked_at and not inherited:
                reason = "fork"  # the parent process recorded its start and will record its end
            if trace is None and reason is None:
                trace = WaitingTrace(span.trace.id, account)
            payload = span.output if phase is _END else span.input
            if fields is None and span.metadata is None and not span.more_metadata:
                size = OVERHEAD if payload is None else OVERHEAD + len(payload)
            else:
                size = size_of(event)
            if phase is _END and trace is not None and (span.usage is not None or trace.usage is not None):
                sum_usage(span, trace)
            one, end = (event,), (_END, span, None)
            # no call from here until it is counted and removed from its source
            if known:
                del self.open[span]
                if trace is not None:
                    trace.open -= 1
            if reason is not None:
                account.recorded += 1
                account.dropped[reason] += 1
                self.dropped += 1
            elif trace is not None:
                if trace.id not in self.traces:
                    self.traces[trace.id] = trace
                    if phase is _START and span.kind == TRACE:
                        self.unsent[trace.id] = trace
                if phase is _START:
                    trace.open += 1
                    self.open[span] = None
                trace.events += one
                trace.sizes += (size,)
                trace.size += size
                self.size += size
                self.count += 1
                account.recorded += 1
                account.pending += 1
                if not trace.held and not trace.in_flight:
                    self.ready[trace.id] = trace  # keeps an existing place
            if phase is _START and span.queued is account:  # it ended while it waited
                span.queued = None
                account.merged -= 1
                source[0] = end
                number += 1
            else:
                if span.queued is source:
                    span.queued = None
                del source[0]
            if reason is not None:
                self._note_lost(event, reason)
            elif len(self.open) > REMEMBERED:  # handles that are never ended must not exhaust memory
                self._forget_oldest_open()

    def _forget_oldest_open(self) -> None:
        leaked, _ = self.open.popitem(last=False)
        owner = self.traces.get(leaked.trace.id)
        if owner is not None:
            owner.open -= 1
            self._settle_parked(owner, leaked, "rejected")
            self.close_if_over(owner)

    def fate(self, span: Span) -> str | None:
        lost = self._lost
        reason = lost.get(span.trace.id) or lost.get(span.id)
        if reason is None and span.parent is not None:
            reason = lost.get(span.parent.id)
        return reason

    def lose(self, event: SpanEvent, reason: str, account: Account) -> None:
        """Count an event as dropped, and remember what can no longer be recorded because of it."""
        account.dropped[reason] += 1
        self.dropped += 1
        self._note_lost(event, reason)

    def _note_lost(self, event: SpanEvent, reason: str) -> None:
        if self.done is not None:
            self.done.append(event)
        phase, span, fields = event
        if phase is _END:
            trace = self.traces.get(span.trace.id)
            if trace is not None:
                self._settle_parked(trace, span, reason)
        elif fields is None and (reason in _CASCADING or span.kind == TRACE):
            self._remember(span.id, reason)

    def _remember(self, identifier: int | str, reason: str) -> None:
        self._lost[identifier] = reason
        if len(self._lost) > REMEMBERED:
            self._lost.popitem(last=False)

    def next_release(self) -> float | None:
        """Return when the next backoff ends."""
        return self.held[0][0] if self.held else None

    def release(self, now: float) -> bool:
        """Make traces ready whose backoff has ended; return whether there were any."""
        released = False
        while self.held and self.held[0][0] <= now:
            trace = heapq.heappop(self.held)[2]
            trace.held = False
            if trace.in_flight:
                continue
            if trace.events:
                self.ready[trace.id] = trace
                released = True
            else:
                self.close_if_over(trace)
        return released

    def batch(self, limit: int, max_size: int) -> tuple[list[SpanEvent], list[bool]]:
        """Return up to ``limit`` events of about ``max_size`` bytes, in order within a trace and with a share for each
        trace.

        The second list says which of them have passed the processors.
        """
        chosen: list[SpanEvent] = []
        prepared: list[bool] = []
        share = max(8, limit // max(1, len(self.ready)))
        while self.ready and len(chosen) < limit and max_size > 0:
            _, trace = self.ready.popitem(last=False)
            self.unsent.pop(trace.id, None)
            self.outstanding[trace.id] = trace
            number = 0
            for event, size in zip(trace.events[: min(share, limit - len(chosen))], trace.sizes, strict=False):
                if max_size - size < 0 and chosen:
                    max_size = 0
                    break
                max_size -= size
                trace.size -= size
                self.size -= size
                prepared.append(number < trace.prepared)
                number += 1
                chosen.append(event)
            trace.prepared = max(0, trace.prepared - number)
            del trace.events[:number], trace.sizes[:number]
            if trace.events:
                self.ready[trace.id] = trace  # at the end of the line
        return chosen, prepared

    def give_back(self, batch: Sequence[SpanEvent | None], *, prepared: bool) -> None:
        """Put unaccounted events of a batch back at the head of their traces."""
        again: dict[int | str, list[SpanEvent]] = {}
        for event in batch:
            if event is not None:
                again.setdefault(event[1].trace.id, []).append(event)
        self.put_back(again, {}, 0.0)
        for identifier in () if prepared else again:
            self.traces[identifier].prepared = 0

    def account_of(self, span: Span) -> Account | None:
        """Return the account of a span's trace, if it is known here."""
        trace = self.traces.get(span.trace.id) or self.outstanding.get(span.trace.id)
        return None if trace is None else trace.account

    def give_up(self) -> list[tuple[SpanEvent, Account]]:
        """Return all waiting events, no longer counted here."""
        found: list[tuple[SpanEvent, Account]] = []
        for trace in list(self.traces.values()):
            parked = [event for events in (trace.parked or {}).values() for event in events]
            found += [(event, trace.account) for event in (*parked, *trace.events)]
            trace.account.parked -= len(parked)
            trace.events, trace.sizes, trace.parked = [], [], None
            self._remove(trace)
        for _, account in found:
            account.recorded -= 1
            account.pending -= 1
        self.count = self.size = 0
        self.held.clear()
        return found

    def park(self, trace: WaitingTrace, event: SpanEvent) -> None:
        trace.parked = {} if trace.parked is None else trace.parked
        key = None if event[0] is _END else event[1]  # an end that is not sent by itself belongs to its trace's
        trace.parked[key] = [*trace.parked.get(key, ()), event]
        trace.account.parked += 1

    def _settle_parked(self, trace: WaitingTrace, span: Span | None, reason: str | None) -> None:
        parked = trace.parked
        if parked and span in parked:
            for event in parked.pop(span):
                trace.account.parked -= 1
                self.settle_one(trace, event, reason)
        if parked and span is not None and span.kind == TRACE:
            self._settle_parked(trace, None, reason)

    def settle_one(self, trace: WaitingTrace, event: SpanEvent, reason: str | None) -> None:
        phase, span, _ = event
        self.count -= 1
        trace.account.pending -= 1
        if trace.tries is not None:
            trace.tries.pop(id(event), None)
        if reason is not None:
            self.lose(event, reason, trace.account)
            if phase is _START and span.kind == TRACE:
                self._drop_events(trace, reason)
                self._remove(trace)
            return
        self.accepted += 1
        trace.account.accepted += 1
        if self.done is not None:
            self.done.append(event)
        if phase is _END:
            self._settle_parked(trace, span, None)

    def _drop_events(self, trace: WaitingTrace, reason: str) -> int:
        """Drop the waiting events of a trace; return their number."""
        events, trace.events, trace.sizes = trace.events, [], []
        self.count -= len(events)
        self.size -= trace.size
        trace.account.pending -= len(events)
        trace.size = trace.prepared = 0
        for event in events:
            self.lose(event, reason, trace.account)
        for span in list(trace.parked or ()):
            self._settle_parked(trace, span, reason)
        return len(events)

    def _remove(self, trace: WaitingTrace) -> None:
        for span in list(trace.parked or ()):
            self._settle_parked(trace, span, "rejected")  # it never ended
        self.ready.pop(trace.id, None)
        self.unsent.pop(trace.id, None)
        if self.traces.pop(trace.id, None) is not None:
            self.over.append(trace.id)

    def put_back(self, again: dict[int | str, list[SpanEvent]], waits: dict[int | str, float], now: float) -> None:
        for identifier, events in again.items():
            trace = self.traces.get(identifier)
            if trace is None:
                trace = self.traces[identifier] = self.outstanding[identifier]
            sizes = [size_of(event) for event in events]
            size = sum(sizes)
            trace.events[:0] = events
            trace.sizes[:0] = sizes
            trace.prepared += len(events)
            trace.size += size
            self.size += size
            delay = waits.get(identifier, 0.0)
            if delay > 0.0:
                self._hold(trace, now + delay)
            elif not trace.held and not trace.in_flight:
                self.ready[identifier] = trace

    def _hold(self, trace: WaitingTrace, until: float) -> None:
        trace.held = True
        self.ready.pop(trace.id, None)
        self._order += 1
        heapq.heappush(self.held, (until, self._order, trace))

    def close_if_over(self, trace: WaitingTrace) -> None:
        if not trace.events and trace.open <= 0 and not trace.held and not trace.in_flight:
            self._remove(trace)

    def has_begun(self, trace_id: int | str) -> bool:
        """Whether any event of the trace may have been sent."""
        return trace_id in self.traces and trace_id not in self.unsent

    def drop_trace(self, trace_id: int | str, reason: str) -> None:
        """Drop all events of the trace, including those still to come."""
        self._remember(trace_id, reason)
        trace = self.traces.get(trace_id)
        if trace is not None:
            self._drop_events(trace, reason)
            self._remove(trace)

    def evict(self, spared: Span) -> bool:
        """Drop the oldest unsent trace except that of ``spared``; return whether there was one."""
        for identifier in self.unsent:
            if identifier != spared.trace.id:
                break
        else:
            return False
        trace = self.unsent[identifier]
        number = len(trace.events)
        # no call from here on, so that it is dropped and counted, or neither
        account, events = trace.account, trace.events
        trace.events, trace.sizes = [], []
        self.count -= number
        self.size -= trace.size
        self.dropped += number
        account.pending -= number
        account.dropped["queue_full"] += number
        self._lost[identifier] = "queue_full"
        self.evicted += (events,)
        self.over += (identifier,)
        del self.unsent[identifier], self.traces[identifier]
        if identifier in self.ready:
            del self.ready[identifier]
        if len(self._lost) > REMEMBERED:
            self._lost.popitem(last=False)
        return True

    def free(self, number: int) -> None:
        """Free the memory of up to that many evicted events."""
        while self.evicted and number > 0:
            events = self.evicted[-1]
            freed = min(number, len(events))
            del events[len(events) - freed :]
            number -= freed
            if not events:
                self.evicted.pop()

    def drop_waiting(self, reason: str, account: Account | None = None) -> int:
        """Drop all waiting events (of one account); return their number."""
        number = 0
        for trace in list(self.traces.values()):
            if account is None or trace.account is account:
                number += self._drop_events(trace, reason)
                trace.tries = None
                self.ready.pop(trace.id, None)
                self.unsent.pop(trace.id, None)
                self.close_if_over(trace)
        return number
