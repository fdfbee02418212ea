"""The events that wait for one destination: ordered within each trace, fair between traces, and all counted.

A plain data structure without thread, clock or I/O, used under its lock. Code that may run on a caller's thread is
written so that an interrupt leaves all of a change or nothing: see :mod:`voltagent.delivery.account`. A block that
releases a lock or resets a mark has no loop of its own: CPython 3.12 and 3.13 leave the jump back to the head of a loop
out of what the block protects, and an interrupt may come just there.
"""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from itertools import compress
from typing import Final

from voltagent.core.span import TRACE, Phase, Span, SpanEvent
from voltagent.delivery.account import TAKEN, Account, take_start
from voltagent.delivery.waiting_trace import (
    OVERHEAD,
    REMEMBERED,
    UNMARKED,
    LostStarts,
    WaitingTrace,
    size_of,
)

_START: Final = Phase.START
_END: Final = Phase.END


class Buffer:
    """Takes events in order, returns them in batches, and takes back those to retry.

    Args:
        forked_at: in a forked child, the time of the fork in nanoseconds: spans that are older are the parent's.
    """

    def __init__(self, forked_at: int = 0) -> None:
        self.lock = threading.RLock()  # re-entrant: a finalizer may come while this thread holds it
        self.dropped = 0
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
        self.evicted: list[SpanEvent] = []  # freed gradually, as freeing takes time too

    def take(self, events: Iterable[SpanEvent], account: Account, *, inherited: bool = False) -> None:
        """Count events, and let those wait that do not depend on a lost one; ``inherited`` ones whatever their age."""
        source: deque[Span | SpanEvent] = deque(events)
        self.take_first(source, len(source), account, inherited=inherited)

    def take_first(  # noqa: C901, PLR0912, PLR0915 - in one piece, so that it can be seen where no call is
        self, source: deque[Span | SpanEvent], number: int, account: Account, *, inherited: bool = False
    ) -> None:
        """Take up to ``number`` of the first entries; each leaves ``source`` in the step in which it is counted."""
        while source and number > 0:
            number -= 1
            entry = source[0]
            events = (entry,) if isinstance(entry, tuple) else take_start(entry, account)
            phase, span, fields = events[0]
            has_ended = len(events) > 1  # while it waited
            if fields is None and span.metadata is None and not span.more_metadata:  # as `size_of`, without a call
                size = OVERHEAD + len((span.output if phase is _END else span.input) or b"")
                if has_ended:
                    size += OVERHEAD + len(span.output or b"")
            else:
                size = sum(map(size_of, events))
            trace = self.traces.get(span.trace.id)
            reason = self.losses.fate(span) if self.losses.reasons else None  # why it cannot be recorded any more
            started_here = inherited or span.start_ns >= self._forked_at or span in self.open
            if reason is None and phase is _END and not started_here:
                reason = "fork"  # the parent process recorded its start, and will its end
            if trace is None and reason is None:
                trace = WaitingTrace(span.trace.id, account)
            if trace is not None and trace.account is not account:
                trace.others = {**(trace.others or {}), span.trace: account}
                self.unsent.pop(trace.id, None)  # what several SDKs have part in is not dropped for others
            count = len(events)
            # no call until it is counted and removed from its source, nor, for Python 3.10, a branch between two counts
            if phase is _END and span in self.open:
                del self.open[span]
                if trace is not None:
                    trace.open -= 1
            if reason is not None:
                account.recorded += count
                account.dropped[reason] += count
                self.dropped += count
            elif trace is not None:
                if trace.id not in self.traces:
                    self.traces[trace.id] = trace
                    if phase is _START and span.kind == TRACE:
                        self.unsent[trace.id] = trace
                if phase is _START and not has_ended:
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
                account.pending += count
            account.merged -= count - 1
            del source[0]
            if has_ended:
                span.queued = TAKEN
            if reason is not None:
                for lost in events:
                    self._note_lost(lost, reason)
                if trace is not None:
                    self.close_if_over(trace)
            elif len(self.open) > REMEMBERED:  # handles that are never ended must not exhaust memory
                self._forget_oldest_open()

    def _forget_oldest_open(self) -> None:
        """Forget the span that has been open for longest: its program has leaked it."""
        leaked, _ = self.open.popitem(last=False)
        owner = self.traces.get(leaked.trace.id)
        if owner is not None:
            owner.open -= 1
            self._settle_parked(owner, leaked, "rejected")
            self.close_if_over(owner)

    def lose(self, event: SpanEvent, reason: str, account: Account, *, notes_loss: bool = True) -> None:
        """Count an event as dropped, and remember what can no longer be recorded because of it.

        The last is left out with ``notes_loss=False``, where nothing more is taken of this account: its trace may be
        another SDK's as well.
        """
        account.dropped[reason] += 1
        self.dropped += 1
        self._note_lost(event, reason, notes_loss=notes_loss)

    def _note_lost(self, event: SpanEvent, reason: str, *, notes_loss: bool = True) -> None:
        """Note that an event is lost, so that what depends on it is not waited for."""
        if self.done is not None:
            self.done.append(event)
        phase, span, fields = event
        if phase is _END:
            if (trace := self.traces.get(span.trace.id)) is not None:
                self._settle_parked(trace, span, reason)
        elif fields is None and notes_loss:
            self.losses.note(span, reason)

    def release(self, now: float) -> bool:
        """Make traces ready whose backoff has ended; return whether there were any."""
        released = False
        while self.held and self.held[0][0] <= now:
            trace = self.held[0][2]
            trace.held = False  # first, and last in `hold`: an interrupt must not leave it held for ever
            heapq.heappop(self.held)
            self.close_if_over(trace)
            released = released or trace.id in self.ready
        return released

    def hold(self, trace: WaitingTrace, until: float) -> None:
        """Let a trace wait until its retry may be made."""
        heapq.heappush(self.held, (until, id(trace), trace))
        self.ready.pop(trace.id, None)
        trace.held = True

    def batch(self, limit: int, max_size: int, chosen: list[SpanEvent]) -> None:
        """Put up to ``limit`` events of about ``max_size`` bytes into a list, each trace's in order up to its share.

        They are there as soon as they left their traces: an interrupt loses none.
        """
        share = max(8, limit // max(1, len(self.ready)))
        while self.ready and len(chosen) < limit and max_size > 0:
            _, trace = self.ready.popitem(last=False)
            if not trace.events:  # an interrupt left it here
                continue
            is_unsent = self.unsent.pop(trace.id, None) is not None
            older = len(trace.events) - trace.newer
            if older <= 0:  # it is not in flight either
                trace.newer, older = UNMARKED, len(trace.events)
            wanted = number = min(share, limit - len(chosen), older)
            size = trace.size
            if wanted < len(trace.events) or size > max_size:
                number, size = _fitting(trace.events[:wanted], max_size, least=0 if chosen else 1)
            max_size = max_size - size if number == wanted else 0  # the batch is full
            if not number:  # it is the first of the next batch
                for waiting in (self.ready, self.unsent) if is_unsent else (self.ready,):
                    waiting[trace.id] = trace
                    waiting.move_to_end(trace.id, last=False)
                break
            if number == len(trace.events):
                size = trace.size  # what other workers redacted meanwhile weighs less now
            # no call from here on, nor a branch
            trace.is_in_batch = True
            chosen += trace.events[:number]
            trace.size -= size
            self.size -= size
            del trace.events[:number]
            if trace.events and number < older:  # else the newer ones go with a later batch
                self.ready[trace.id] = trace  # at the end of the line

    def account_of(self, span: Span) -> Account | None:
        """Return the account of a span, if its trace is known here."""
        trace = self.traces.get(span.trace.id)
        return None if trace is None else trace.account_of(span)

    def _settle_parked(self, trace: WaitingTrace, key: Span | Account, reason: str | None) -> None:
        """Give the events that waited for the end of a span, or for that of the trace of an SDK, its outcome."""
        for event in (trace.parked or {}).pop(key, ()):
            trace.account_of(event[1]).parked -= 1
            self.settle_one(trace, event, reason)
        if isinstance(key, Span) and key.kind == TRACE:
            self._settle_parked(trace, trace.account_of(key), reason)

    def settle_one(self, trace: WaitingTrace, event: SpanEvent, reason: str | None) -> None:
        """Count an event as accepted, or as lost for ``reason``; with the start of a trace all of the trace is lost."""
        phase, span, _ = event
        account = trace.account_of(span)
        self.count -= 1
        account.pending -= 1
        if trace.tries is not None:
            trace.tries.pop(id(event), None)
        if reason is not None:
            self.lose(event, reason, account)
            if phase is _START and span.kind == TRACE:
                self.drop_events(trace, reason)
                trace.open = 0  # what it has in a batch is settled before it goes
            return
        account.accepted += 1
        if self.done is not None:
            self.done.append(event)
        if phase is _END:
            self._settle_parked(trace, span, None)

    def drop_events(self, trace: WaitingTrace, reason: str, account: Account | None = None) -> int:
        """Drop the waiting events of a trace (of one account); return their number."""
        kept = [account is not None and trace.account_of(event[1]) is not account for event in trace.events]
        lost = [event for event, stays in zip(trace.events, kept, strict=True) if not stays]
        if trace.newer < UNMARKED:
            trace.newer = sum(kept[max(0, len(kept) - trace.newer) :])
        trace.events = list(compress(trace.events, kept))
        size = sum(map(size_of, lost)) if trace.events else trace.size
        self.count -= len(lost)
        self.size -= size
        trace.size -= size
        if not trace.events:
            self.ready.pop(trace.id, None)
            self.unsent.pop(trace.id, None)
        for event in lost:
            trace.account_of(event[1]).pending -= 1
            self.lose(event, reason, trace.account_of(event[1]), notes_loss=account is None)
        for key, events in list((trace.parked or {}).items()):
            if account is None or trace.account_of(events[0][1]) is account:
                self._settle_parked(trace, key, reason)
        return len(lost)

    def remove(self, trace: WaitingTrace) -> None:
        """Let go of a trace: nothing of it waits any more."""
        for key in list(trace.parked or ()):
            self._settle_parked(trace, key, "rejected")  # it never ended
        if self.traces.pop(trace.id, None) is not None:
            self.over.append(trace.id)

    def close_if_over(self, trace: WaitingTrace) -> None:
        """Let go of a trace if nothing of it is open, waits, or is in a batch; if it can be sent, it is ready."""
        if trace.events and not trace.held and not trace.in_flight and not trace.is_in_batch:
            self.ready[trace.id] = trace
        elif not (trace.events or trace.open > 0 or trace.held or trace.in_flight or trace.is_in_batch):
            self.remove(trace)


def _fitting(events: list[SpanEvent], space: int, least: int) -> tuple[int, int]:
    """Return how many of the first events fit into that many bytes, at least ``least``, and their size."""
    total = 0
    for number, event in enumerate(events):
        size = size_of(event)
        if total + size > space and number >= least:
            return number, total
        total += size
    return len(events), total
