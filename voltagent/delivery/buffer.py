"""The events that wait for one destination: ordered within each trace, fair between traces, and all counted.

A plain data structure without thread, clock or I/O, used under its lock. An interrupt leaves all of a change or
nothing, as in :mod:`voltagent.delivery.account`. A block that releases a lock has no loop of its own: CPython 3.12 and
3.13 leave the jump back to its head out of what the block protects.
"""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict, deque
from itertools import compress
from typing import Any, Final, TypeAlias

from voltagent.core.span import TRACE, Phase, Span, SpanEvent
from voltagent.delivery.account import TAKEN, Account
from voltagent.delivery.waiting_trace import REMEMBERED, UNMARKED, LostStarts, WaitingTrace, size_of, take_entry

_START: Final = Phase.START
_END: Final = Phase.END
# The events that wait for an end, or for that of the trace of an SDK, and its outcome; for `None`, all of a lost trace.
Due: TypeAlias = tuple[WaitingTrace, Span | Account | None, str | None]


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
        self.done: list[SpanEvent] | None = None  # finished events, if the storage needs them
        self.open: OrderedDict[Span, None] = OrderedDict()  # started and not ended, oldest first
        self.traces: dict[int | str, WaitingTrace] = {}  # with events that wait or are in a batch, or with open spans
        self.ready: OrderedDict[int | str, WaitingTrace] = OrderedDict()  # ready to send, the longest waiting first
        self.unsent: OrderedDict[int | str, WaitingTrace] = OrderedDict()  # without any sent event, oldest first
        self._forked_at = forked_at
        self.held: list[tuple[float, int, WaitingTrace]] = []  # a heap: until when, `id(trace)`, and the trace
        self.losses = LostStarts()
        self.due: deque[Due] = deque()  # what settled events brought along, and is to be settled as they were
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
        done, follows = [] if self.done is None else self.done, tuple[Due, ...]()
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
                for lost in events:  # if it is two, nothing waits for the end
                    follows = self.note_lost(lost, reason)
            count = len(events)
            closes = phase is _END and span in self.open
            # No call until it is counted, removed from its source and closed. Python 3.10 looks for signals at a branch
            # that is not taken, too: none stands between two counts, nor behind a change that would be made again.
            if reason is not None:
                account.recorded += count
                account.outcomes[reason] += count
                done += events
                self.due += follows
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
                self.settle_due()
                if trace is not None:
                    self.close_if_over(trace)
            elif len(self.open) > REMEMBERED:  # handles that are never ended must not exhaust memory
                self._forget_oldest_open()
        if not account.waiting:
            account.bytes = 0  # callers may have overwritten each other's additions

    def _forget_oldest_open(self) -> None:
        """Forget the span that has been open for longest: its program has leaked it."""
        leaked, _ = self.open.popitem(last=False)
        owner = self.traces.get(leaked.trace.id)
        if owner is not None:
            owner.open -= 1
            self.due += ((owner, leaked, "rejected"),)
            self.settle_due()
            self.close_if_over(owner)

    def note_lost(self, event: SpanEvent, reason: str, *, notes_loss: bool = True) -> tuple[Due, ...]:
        """Note that an event is about to be lost, so that what depends on it is not recorded any more.

        Not if ``notes_loss`` is false: another SDK may use the trace, and nothing more comes of this one. Return what
        waits for it, which is due in the step in which it is counted.
        """
        phase, span, fields = event
        if phase is _END:
            trace = self.traces.get(span.trace.id)
            return ((trace, span, reason),) if trace is not None and trace.parked else ()
        if fields is None and notes_loss:
            self.losses.note(span, reason)
        return ()

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

    def settle_one(
        self, trace: WaitingTrace, events: list[Any], number: int, reason: str | None, *, parked: int = 0
    ) -> None:
        """Count an event of a list as accepted, or as lost for ``reason``, and empty its place in the same step.

        What it brings along is due then; ``parked`` is 1 if it was brought along itself.
        """
        event: SpanEvent = events[number]
        phase, span, _ = event
        account, due = trace.account_of(span), self.due
        if trace.tries is not None:
            trace.tries.pop(id(event), None)
        done = [] if self.done is None else self.done
        follows: tuple[Due, ...] = ((trace, span, reason),) if phase is _END and trace.parked else ()
        if reason is not None:
            self.note_lost(event, reason)
            if phase is _START and span.kind == TRACE:
                follows = ((trace, None, reason),)
        # no call from here on, nor a branch
        self.count -= 1
        account.parked -= parked
        account.outcomes[reason] += 1
        done += (event,)
        due += follows
        events[number] = None

    def settle_due(self) -> None:
        """Give what events brought along their outcome. What an interrupt leaves is still due."""
        while self.due:
            trace, key, reason = self.due[0]
            if key is not None:
                self._settle_parked(trace, key, reason)
            elif reason is not None:
                self._drop(trace, reason, None)
                trace.open = 0  # what it has in a batch is settled before it goes
            del self.due[0]

    def _settle_parked(self, trace: WaitingTrace, key: Span | Account, reason: str | None) -> None:
        """Give the events that waited for the end of a span, or for that of the trace of an SDK, its outcome."""
        parked = trace.parked or {}
        events = parked.get(key, [])
        for number, event in enumerate(events):
            if event is not None:  # else it was settled before an interrupt
                self.settle_one(trace, events, number, reason, parked=1)
        parked.pop(key, None)
        if isinstance(key, Span) and key.kind == TRACE:
            self.due += ((trace, trace.account_of(key), reason),)

    def drop_events(self, trace: WaitingTrace, reason: str, account: Account | None = None) -> int:
        """Drop the waiting events of a trace (of one account); return their number."""
        number = self._drop(trace, reason, account)
        self.settle_due()
        return number

    def _drop(self, trace: WaitingTrace, reason: str, account: Account | None) -> int:
        """:meth:`drop_events`, while what waits for the end of another is only due."""
        every = dict.fromkeys((trace.account, *(trace.others or {}).values())) if account is None else (account,)
        number = sum([self._drop_events_of(one, trace, reason, notes_loss=account is None) for one in every])
        self.due += [(trace, key, reason) for key in trace.parked or () if account in (None, trace.owner(key))]
        return number

    def _drop_events_of(self, account: Account, trace: WaitingTrace, reason: str, *, notes_loss: bool) -> int:
        """:meth:`drop_events`, for one account."""
        kept = [trace.account_of(event[1]) is not account for event in trace.events]
        lost = [event for event, stays in zip(trace.events, kept, strict=True) if not stays]
        left = list(compress(trace.events, kept))
        newer = sum(kept[max(0, len(kept) - trace.newer) :]) if trace.newer < UNMARKED else UNMARKED
        size = sum(map(size_of, lost)) if left else trace.size
        done = [] if self.done is None else self.done
        follows = [due for event in lost for due in self.note_lost(event, reason, notes_loss=notes_loss)]
        if number := len(lost):
            # no call from here on
            trace.events = left
            trace.newer = newer
            trace.size -= size
            self.size -= size
            self.count -= number
            account.outcomes[reason] += number
            done += lost
            self.due += follows
        if not left:
            self.ready.pop(trace.id, None)
            self.unsent.pop(trace.id, None)
        return number

    def remove(self, trace: WaitingTrace) -> None:
        """Let go of a trace: nothing of it waits any more."""
        if trace.parked:
            self.due += [(trace, key, "rejected") for key in trace.parked]  # it never ended
            self.settle_due()
        if trace.id in self.traces:
            self.over += (trace.id,)
            del self.traces[trace.id]

    def close_if_over(self, trace: WaitingTrace) -> None:
        """Let go of a trace if nothing of it is open, waits, or is in a batch; if it can be sent, it is ready."""
        if trace.events and not trace.held and not trace.in_flight and not trace.is_in_batch:
            self.ready[trace.id] = trace
        elif not (trace.events or trace.open > 0 or trace.held or trace.in_flight or trace.is_in_batch):
            self.remove(trace)
