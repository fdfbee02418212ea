"""The events that wait for one destination: ordered within each trace, fair between traces, and all counted.

A plain data structure without thread, clock or I/O, used under its lock. An interrupt leaves all of a change or
nothing, as in :mod:`voltagent.delivery.account`. A block that releases a lock has no loop of its own: CPython 3.12 and
3.13 leave the jump back to its head out of what the block protects.
"""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict, deque
from collections.abc import MutableSequence, Sequence
from itertools import compress
from typing import Any, Final

from voltagent.core.span import TRACE, Phase, Span, SpanEvent
from voltagent.delivery.account import TAKEN, Account
from voltagent.delivery.waiting_trace import REMEMBERED, UNMARKED, LostStarts, WaitingTrace, size_of, take_entry

_START: Final = Phase.START
_END: Final = Phase.END


class Buffer:
    """Takes events in order, and counts what becomes of them; a :class:`Settlement` takes batches out of it.

    Args:
        forked_at: in a forked child, the time of the fork in nanoseconds: spans that are older are the parent's.
    """

    def __init__(self, forked_at: int = 0) -> None:
        self.lock = threading.RLock()  # re-entrant: a finalizer may come while this thread holds it
        self.count = 0  # events that wait here, are in a batch, or are parked
        self.size = 0  # approximate bytes of the events that wait here
        self.over: list[int | str] = []  # finished traces, of which the worker notifies the exporter
        # finished events, if the storage needs them: one that does not takes none in
        self.done: MutableSequence[SpanEvent] = deque(maxlen=0)
        self.open: OrderedDict[Span, None] = OrderedDict()  # started and not ended, oldest first
        self.traces: dict[int | str, WaitingTrace] = {}  # with events that wait or are in a batch, or with open spans
        self.ready: OrderedDict[int | str, WaitingTrace] = OrderedDict()  # ready to send, the longest waiting first
        self.unsent: OrderedDict[int | str, WaitingTrace] = OrderedDict()  # without any sent event, oldest first
        self._forked_at = forked_at
        self.held: list[tuple[float, int, WaitingTrace]] = []  # a heap: until when, `id(trace)`, and the trace
        self.losses = LostStarts()
        self.evicted: list[SpanEvent] = []  # freed gradually, as freeing takes time too

    def take_first(  # noqa: C901, PLR0912, PLR0915 - in one piece, so that it can be seen where no call is
        self,
        source: deque[Span | SpanEvent] | list[SpanEvent],
        number: int,
        account: Account,
        *,
        inherited: bool = False,
    ) -> None:
        """Count up to ``number`` of the first entries, and let those wait that do not depend on a lost one.

        Each leaves ``source`` in the step in which it is counted. ``inherited`` ones were on the disk, and may be older
        than the process.
        """
        while source and number > 0:
            number -= 1
            events, size = take_entry(source[0], account)
            phase, span, _ = events[0]
            has_ended = len(events) > 1  # while it waited
            trace = self.traces.get(span.trace.id)
            reason = self.losses.fate(span) if self.losses.reasons else None  # why it cannot be recorded any more
            is_older = span.start_ns < self._forked_at and not inherited and span not in self.open
            if reason is None and phase is _END and is_older:
                reason = "fork"  # the parent process recorded its start, and will its end
            if trace is None and reason is None:
                trace = WaitingTrace(span.trace.id, account)
            if trace is not None and trace.account is not account:
                trace.others = {**(trace.others or {}), span.trace: account}
                self.unsent.pop(trace.id, None)  # what several SDKs have part in is not dropped for others
            if reason is not None:
                for lost in events:
                    self.losses.note(lost, reason)
            count = len(events)
            closes = phase is _END and span in self.open
            # No call until it is counted, removed from its source and closed. Python 3.10 looks for signals at a branch
            # that is not taken, too: none stands between two counts, nor behind a change that would be made again.
            if reason is not None:
                account.recorded += count
                account.outcomes[reason] += count
                self.done += events
            elif trace is not None:
                if trace.id not in self.traces:
                    self.traces[trace.id] = trace
                    if phase is _START and span.kind == TRACE:
                        self.unsent[trace.id] = trace
                if phase is _START and not has_ended and span not in self.open:
                    trace.open += 1
                    self.open[span] = None
                if not trace.held and not trace.in_flight:
                    self.ready[trace.id] = trace  # keeps an existing place
                trace.events += events
                trace.newer += count
                trace.size += size
                self.size += size
                self.count += count
                account.recorded += count
            account.on_disk -= inherited
            account.merged -= count - 1
            del source[0]
            if closes:
                del self.open[span]
                if trace is not None:
                    trace.open -= 1
            if has_ended:
                span.queued = TAKEN
            if reason is not None:
                if trace is not None:
                    self.lose_end(trace, events[-1], reason)
            elif len(self.open) > REMEMBERED:  # handles that are never ended must not exhaust memory
                self._forget_oldest_open()
        if not account.waiting:
            account.bytes = 0  # callers may have overwritten each other's additions

    def _forget_oldest_open(self) -> None:
        """Forget the span that has been open for longest: its program has leaked it."""
        leaked = next(iter(self.open))
        owner = self.traces.get(leaked.trace.id)
        if owner is not None:
            self.lose_end(owner, (_END, leaked, None), "rejected")
        self.open.pop(leaked, None)

    def release(self, now: float) -> bool:
        """Make traces ready whose backoff has ended; return whether there were any."""
        released = False
        while self.held and self.held[0][0] <= now:
            trace = self.held[0][2]
            trace.held = False  # first, and last where it is set: an interrupt must not leave it held for ever
            heapq.heappop(self.held)
            self.close_if_over(trace)
            released = released or trace.id in self.ready
        return released

    def account_of(self, span: Span) -> Account | None:
        """Return the account of a span, if its trace is known here."""
        return None if (trace := self.traces.get(span.trace.id)) is None else trace.account_of(span)

    def settle_one(self, trace: WaitingTrace, events: list[Any], number: int, reason: str | None) -> None:
        """Count an event of a list as accepted, or as lost for ``reason``, and empty its place in the same step.

        What is parked for it has the same outcome. All that waits of a trace is lost with the trace's start.
        """
        event: SpanEvent = events[number]
        _, span, _ = event
        account, parked, lost = trace.account_of(span), trace.parked_for(event), trace.lost
        settled = (event, *parked)
        count = len(settled)
        if trace.tries is not None:
            trace.tries.pop(id(event), None)
        if reason is not None:
            lost = self._note_lost(trace, settled, reason)
        # no call from here on, nor a branch
        self.count -= count
        account.parked -= count - 1
        account.outcomes[reason] += count
        self.done += settled
        trace.lost = lost
        parked[:] = ()
        events[number] = None
        if count > 1 and trace.parked:
            trace.parked.pop(span, None)

    def lose_end(self, trace: WaitingTrace, end: SpanEvent, reason: str) -> None:
        """Wait no longer for an end that is lost, and count what is parked for it as lost, too."""
        phase, span, _ = end
        if phase is _END and span in self.open:
            del self.open[span]
            trace.open -= 1
        account, parked = trace.account_of(span), trace.parked_for(end)
        number, lost = len(parked), self._note_lost(trace, parked, reason)
        # no call from here on
        self.count -= number
        account.parked -= number
        account.outcomes[reason] += number
        self.done += parked
        trace.lost = lost
        parked[:] = ()
        if number and trace.parked:
            trace.parked.pop(span, None)
        self.close_if_over(trace)

    def _note_lost(self, trace: WaitingTrace, events: Sequence[SpanEvent], reason: str) -> str | None:
        """Note that events are about to be lost; return why all of the trace is lost, if its own start is, or was."""
        lost = trace.lost
        for event in events:
            phase, span, _ = event
            self.losses.note(event, reason)
            if phase is _START and span.kind == TRACE:
                lost = reason
        return lost

    def drop_events(self, trace: WaitingTrace, reason: str, account: Account | None = None) -> int:
        """Drop what waits of a trace (of one account), and what is parked there; return how many events waited."""
        every = dict.fromkeys((trace.account, *(trace.others or {}).values())) if account is None else (account,)
        return sum([self._drop_events_of(one, trace, reason, notes_loss=account is None) for one in every])

    def _drop_events_of(self, account: Account, trace: WaitingTrace, reason: str, *, notes_loss: bool) -> int:
        """:meth:`drop_events`, for one account.

        Without ``notes_loss``, what depends on these may be recorded: another SDK may use the trace, and nothing more
        comes of this one.
        """
        kept = [trace.account_of(event[1]) is not account for event in trace.events]
        lost = [event for event, stays in zip(trace.events, kept, strict=True) if not stays]
        left = list(compress(trace.events, kept))
        newer = sum(kept[max(0, len(kept) - trace.newer) :]) if trace.newer < UNMARKED else UNMARKED
        size = sum(map(size_of, lost)) if left else trace.size
        every = list((trace.parked or {}).items())
        left_parked = {span: events for span, events in every if trace.account_of(span) is not account}
        parked = [event for span, events in every if span not in left_parked for event in events]
        for event in (*lost, *parked) if notes_loss else ():
            self.losses.note(event, reason)
        number, count = len(lost), len(lost) + len(parked)
        if count:
            # no call from here on
            trace.events = left
            trace.parked = left_parked
            trace.newer = newer
            trace.size -= size
            self.size -= size
            self.count -= count
            account.parked -= count - number
            account.outcomes[reason] += count
            self.done += lost
            self.done += parked
        if not left:
            self.ready.pop(trace.id, None)
            self.unsent.pop(trace.id, None)
        return number

    def remove(self, trace: WaitingTrace) -> None:
        """Let go of a trace: nothing of it waits any more, except for ends that never came."""
        if trace.parked:
            self.drop_events(trace, "rejected")
        if trace.id in self.traces:
            self.over += (trace.id,)
            del self.traces[trace.id]

    def close_if_over(self, trace: WaitingTrace) -> None:
        """Let go of a trace if nothing of it is open, waits, or is in a batch; if it can be sent, it is ready.

        What waits of a lost trace is dropped.
        """
        if trace.lost is not None:
            self.drop_events(trace, trace.lost)
            trace.open = 0  # what it has in a batch is settled before it goes
        if trace.events and not trace.held and not trace.in_flight and not trace.is_in_batch:
            self.ready[trace.id] = trace
        elif not (trace.events or trace.open > 0 or trace.held or trace.in_flight or trace.is_in_batch):
            self.remove(trace)
