"""What waits to be sent to one destination: ordered within each trace, fair between traces, counted to the last event.

A plain data structure: no thread, no clock, no I/O. Its lane calls it under a lock.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from voltagent.core.clock import randomness
from voltagent.core.span import AGENT, TRACE, Phase, Span, SpanEvent
from voltagent.delivery import retry
from voltagent.exporters import Outcome, Verdict

_START: Final = Phase.START
_END: Final = Phase.END

# Of what is gone, and of what is open, this much is remembered; beyond it the oldest is forgotten.
REMEMBERED: Final = 50_000
# A lost start takes its end and its children with it, if they can still be kept from becoming orphans at no loss to the
# user. Where the destination itself refused one start, its mates are sent all the same: one bad event costs one event.
_CASCADING: Final = frozenset(("queue_full", "auth", "shutdown_timeout", "fork"))
_OVERHEAD: Final = 400  # bytes that an event costs beside its payload, roughly


class _Tries:
    """How often one event failed."""

    __slots__ = ("absences", "accepted_before", "refusals")

    def __init__(self) -> None:
        self.refusals = 0
        self.absences = 0
        self.accepted_before = -1


class _Queue:
    """The events of one trace, in their order."""

    __slots__ = ("events", "flying", "held", "id", "open", "size", "tries", "usage")

    def __init__(self, identifier: int | str) -> None:
        self.id = identifier
        self.events: list[SpanEvent] = []  # a list: an empty deque takes 600 bytes, and there is one per open trace
        self.size = 0
        self.open = 0  # spans that were started here and have not ended
        self.flying = 0  # events whose requests still wait for an answer: the others wait for them
        self.held = False  # waits for its backoff
        self.usage: dict[str, Any] | None = None
        self.tries: dict[int, _Tries] | None = None  # by id(event), for those that failed


class Backlog:
    """Takes events in order, gives them out in batches, and takes back what must be tried again."""

    def __init__(self, max_retries: int = 3, retry_delay: float = 1.0, *, forked_at: int = 0) -> None:
        self.recorded = 0
        self.accepted = 0
        self.dropped: dict[str, int] = {}
        self.count = 0  # events that wait here or are in a batch
        self.size = 0  # bytes of those that wait here, about
        self.over: list[int | str] = []  # traces that are done with; the lane tells the exporter
        self.left: list[SpanEvent] | None = None  # events that are done with, where the lane wants to know them
        self.open: OrderedDict[Span, None] = OrderedDict()  # started, not ended: oldest first
        self._max_retries = max_retries
        self._retry_delay = retry_delay
        self._forked_at = forked_at  # nanoseconds since the epoch; 0 where this is not a forked child
        self._traces: dict[int | str, _Queue] = {}
        self._ready: OrderedDict[int | str, _Queue] = OrderedDict()  # can be sent now; the longest waiting first
        self._unsent: OrderedDict[int | str, _Queue] = OrderedDict()  # nothing of these was sent yet; oldest first
        self._held: list[tuple[float, int, _Queue]] = []  # a heap by the end of the backoff
        self._gone: OrderedDict[int | str, str] = OrderedDict()  # lost traces and starts, with the reason
        self._evicted: list[list[SpanEvent]] = []  # evicted events; freed bit by bit, as freeing takes time too
        self._order = 0

    # --------------------------------------------------------------------------------------------------------- taking

    def take(self, event: SpanEvent, *, inherited: bool = False) -> None:
        """Count an event, and let it wait unless what it belongs to is lost.

        ``inherited`` ones were left behind by a dead process, and are ours to send whatever their age.
        """
        self.recorded += 1
        phase, span, _ = event
        queue = self._traces.get(span.trace.id)
        known = phase is _END and self.open.pop(span, self) is None
        if known and queue is not None:
            queue.open -= 1
        reason = self._fate(span)
        if reason is None and phase is _END and not known and span.start_ns < self._forked_at and not inherited:
            reason = "fork"  # its start was recorded by the parent process, and its end will be
        if reason is not None:
            self.lose(event, reason)
            return
        if queue is None:
            queue = self._new_queue(span, unsent=phase is _START and span.kind == TRACE)
        if phase is _START:
            self._opened(span, queue)
        elif phase is _END:
            _sum_usage(span, queue)
        size = size_of(event)
        queue.events.append(event)
        queue.size += size
        self.size += size
        self.count += 1
        if not queue.held and not queue.flying:
            self._ready[queue.id] = queue  # keeps its place where it has one

    def _new_queue(self, span: Span, *, unsent: bool) -> _Queue:
        queue = self._traces[span.trace.id] = _Queue(span.trace.id)
        if unsent:
            self._unsent[queue.id] = queue
        return queue

    def _opened(self, span: Span, queue: _Queue) -> None:
        queue.open += 1
        self.open[span] = None
        if len(self.open) > REMEMBERED:  # handles that are never ended must not fill the memory
            leaked, _ = self.open.popitem(last=False)
            owner = self._traces.get(leaked.trace.id)
            if owner is not None:
                owner.open -= 1
                self._close_if_over(owner)

    def _fate(self, span: Span) -> str | None:
        gone = self._gone
        if not gone:
            return None
        reason = gone.get(span.trace.id) or gone.get(span.id)
        if reason is None and span.parent is not None:
            reason = gone.get(span.parent.id)
        return reason

    def lose(self, event: SpanEvent, reason: str) -> None:
        """Count an event as dropped, and remember what can no longer be recorded because of it."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        if self.left is not None:
            self.left.append(event)
        phase, span, fields = event
        if phase is not _END and fields is None and (reason in _CASCADING or span.kind == TRACE):
            self._remember(span.id, reason)

    def _remember(self, identifier: int | str, reason: str) -> None:
        self._gone[identifier] = reason
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    # --------------------------------------------------------------------------------------------------------- giving

    def has_ready(self) -> bool:
        """Whether something can be sent now."""
        return bool(self._ready)

    def next_release(self) -> float | None:
        """When the next backoff ends."""
        return self._held[0][0] if self._held else None

    def release(self, now: float) -> bool:
        """Make ready what has waited for its backoff; whether there was something."""
        released = False
        while self._held and self._held[0][0] <= now:
            queue = heapq.heappop(self._held)[2]
            queue.held = False
            if queue.flying:
                continue
            if queue.events:
                self._ready[queue.id] = queue
                released = True
            else:
                self._close_if_over(queue)
        return released

    def batch(self, limit: int, max_size: int) -> list[SpanEvent]:
        """Up to ``limit`` events and about ``max_size`` bytes: those of one trace in order, every trace its share."""
        chosen: list[SpanEvent] = []
        share = max(8, limit // max(1, len(self._ready)))
        while self._ready and len(chosen) < limit and max_size > 0:
            _, queue = self._ready.popitem(last=False)
            self._unsent.pop(queue.id, None)
            number = 0
            for event in queue.events[: min(share, limit - len(chosen))]:
                size = size_of(event)
                if max_size - size < 0 and chosen:
                    max_size = 0
                    break
                max_size -= size
                queue.size -= size
                self.size -= size
                number += 1
                chosen.append(event)
            del queue.events[:number]
            if queue.events:
                self._ready[queue.id] = queue  # at the end of the line
        return chosen

    # ------------------------------------------------------------------------------------------------------- settling

    def settle(self, batch: Sequence[SpanEvent], outcomes: Sequence[Outcome], now: float) -> None:
        """Take the outcomes of a batch: count what is done, put back what must be tried again."""
        again: dict[int | str, list[SpanEvent]] = {}
        waits: dict[int | str, float] = {}
        untouched: list[int | str] = []
        accepted_before = self.accepted
        self.accepted += sum(outcome.verdict is Verdict.ACCEPTED for outcome in outcomes)
        for event, outcome in zip(batch, outcomes, strict=True):
            span = event[1]
            if outcome.verdict is Verdict.IN_FLIGHT:
                self._flies(span)
                continue
            reason = outcome.reason if outcome.verdict is Verdict.REFUSED else None
            if outcome.verdict not in _DONE:
                reason = self._fate(span) or self._judge(event, outcome, accepted_before, waits)
            if outcome.verdict in _DONE or reason is not None:
                self._done(event, reason)
            else:
                again.setdefault(span.trace.id, []).append(event)
                if outcome.verdict is Verdict.UNTRIED and event[0] is _START and span.kind == TRACE:
                    untouched.append(span.trace.id)
        self._put_back(again, waits, now)
        self._still_unsent(untouched)
        for identifier in dict.fromkeys(event[1].trace.id for event in batch):
            queue = self._traces.get(identifier)
            if queue is not None:
                self._close_if_over(queue)

    def _flies(self, span: Span) -> None:
        queue = self._traces.get(span.trace.id)
        if queue is None:
            queue = self._traces[span.trace.id] = _Queue(span.trace.id)
        queue.flying += 1
        self._ready.pop(queue.id, None)

    def land(self, events: Sequence[SpanEvent], outcomes: Sequence[Outcome], now: float) -> None:
        """Take the outcomes of events that were in flight."""
        queues = [queue for event in events if (queue := self._traces.get(event[1].trace.id)) is not None]
        for queue in queues:
            queue.flying = max(0, queue.flying - 1)
        self.settle(events, outcomes, now)
        for queue in queues:
            if queue.events and not queue.held and not queue.flying:
                self._ready[queue.id] = queue

    def _judge(
        self, event: SpanEvent, outcome: Outcome, accepted_before: int, waits: dict[int | str, float]
    ) -> str | None:
        """Note a failure; the reason to drop the event for good, if it has used up its tries."""
        if outcome.verdict is Verdict.UNTRIED:
            return None
        trace_id = event[1].trace.id
        queue = self._traces.get(trace_id)
        if queue is None:
            return None
        if queue.tries is None:
            queue.tries = {}
        tries = queue.tries.setdefault(id(event), _Tries())
        if outcome.verdict is Verdict.RETRY:
            tries.refusals += 1
        elif -1 < tries.accepted_before < accepted_before:
            tries.absences += 1  # it was down for this event again, but took others in between
        tries.accepted_before = self.accepted
        if retry.gives_up(tries.refusals, tries.absences, self._max_retries):
            return "retries_exhausted"
        failures = tries.refusals + tries.absences
        if not failures and self.accepted > accepted_before:
            failures = 1  # not down, as others got through with it: this one waits by itself
        if failures:
            delay = retry.backoff(failures, self._retry_delay, randomness.random())
            waits[trace_id] = max(waits.get(trace_id, 0.0), delay)
        return None

    def _done(self, event: SpanEvent, reason: str | None) -> None:
        self.count -= 1
        span = event[1]
        queue = self._traces.get(span.trace.id)
        if queue is not None and queue.tries is not None:
            queue.tries.pop(id(event), None)
        if reason is None:
            if self.left is not None:
                self.left.append(event)
            return
        self.lose(event, reason)
        if event[0] is _START and span.kind == TRACE and queue is not None:
            self._discard(queue, reason)

    def _discard(self, queue: _Queue, reason: str) -> None:
        """The trace itself is lost: all that waits in it goes with it."""
        for event in queue.events:
            self.lose(event, reason)
        self._remove(queue)

    def _remove(self, queue: _Queue) -> None:
        self.count -= len(queue.events)
        self.size -= queue.size
        self._ready.pop(queue.id, None)
        self._unsent.pop(queue.id, None)
        self._traces.pop(queue.id, None)
        self.over.append(queue.id)
        queue.events = []
        queue.size = 0

    def _put_back(self, again: dict[int | str, list[SpanEvent]], waits: dict[int | str, float], now: float) -> None:
        for identifier, events in again.items():
            queue = self._traces.get(identifier)
            if queue is None:
                queue = self._traces[identifier] = _Queue(identifier)
            size = sum(map(size_of, events))
            queue.events[:0] = events
            queue.size += size
            self.size += size
            delay = waits.get(identifier, 0.0)
            if delay > 0.0:
                self._hold(queue, now + delay)
            elif not queue.held and not queue.flying:
                self._ready[identifier] = queue

    def _still_unsent(self, untouched: list[int | str]) -> None:
        """Traces that were in the batch, but of which nothing went out: the oldest are the first to go, as before."""
        for identifier in reversed(untouched):
            queue = self._traces.get(identifier)
            if queue is not None:
                self._unsent[identifier] = queue
                self._unsent.move_to_end(identifier, last=False)

    def _hold(self, queue: _Queue, until: float) -> None:
        queue.held = True
        self._ready.pop(queue.id, None)
        self._order += 1
        heapq.heappush(self._held, (until, self._order, queue))

    def _close_if_over(self, queue: _Queue) -> None:
        if (
            not queue.events
            and queue.open <= 0
            and self._traces.get(queue.id) is queue
            and not (queue.held or queue.flying)
        ):
            self._remove(queue)

    # --------------------------------------------------------------------------------------------------------- losing

    def has_begun(self, trace_id: int | str) -> bool:
        """Whether something of the trace may have been sent."""
        return trace_id in self._traces and trace_id not in self._unsent

    def is_open(self, trace_id: int | str) -> bool:
        """Whether more of the trace waits, or may come."""
        return trace_id in self._traces

    def drop_trace(self, trace_id: int | str, reason: str) -> int:
        """Drop what waits of a trace, and what is still to come of it; how many events waited."""
        self._remember(trace_id, reason)
        queue = self._traces.get(trace_id)
        if queue is None:
            return 0
        number = len(queue.events)
        for event in queue.events:
            self.lose(event, reason)
        self._remove(queue)
        return number

    def give_back(self) -> list[SpanEvent]:
        """All that waits, which waits here no longer and is counted nowhere else yet."""
        given = [event for queue in self._traces.values() for event in queue.events]
        for queue in list(self._traces.values()):
            self._remove(queue)
        self._held.clear()
        return given

    def evict(self, spared: Span) -> bool:
        """Drop the oldest trace of which nothing was sent, but not that of ``spared``; whether there was one."""
        for identifier in self._unsent:
            if identifier != spared.trace.id:
                break
        else:
            return False
        queue = self._unsent[identifier]
        self.dropped["queue_full"] = self.dropped.get("queue_full", 0) + len(queue.events)
        self._remember(identifier, "queue_full")
        self._evicted.append(queue.events)
        self._remove(queue)
        return True

    def free(self, number: int) -> None:
        """Free the memory of up to so many evicted events."""
        while self._evicted and number > 0:
            events = self._evicted[-1]
            freed = min(number, len(events))
            del events[len(events) - freed :]
            number -= freed
            if not events:
                self._evicted.pop()

    def drop_waiting(self, reason: str) -> int:
        """Drop all that waits; how many events that were."""
        before = self.count
        for queue in list(self._traces.values()):
            for event in queue.events:
                self.lose(event, reason)
            self.count -= len(queue.events)
            self.size -= queue.size
            queue.events = []
            queue.size = 0
            queue.tries = None
            self._close_if_over(queue)
        self._ready.clear()
        self._unsent.clear()
        return before - self.count


_DONE: Final = (Verdict.ACCEPTED, Verdict.REFUSED)


def size_of(event: SpanEvent) -> int:
    """What an event costs to keep, in bytes, about."""
    phase, span, fields = event
    if phase is _END:
        size = len(span.output or b"")
        for more in span.more_metadata:
            size += len(more)
        return size + _OVERHEAD
    if fields is not None:
        return _OVERHEAD + sum(len(value) for value in fields.values() if isinstance(value, bytes))
    return len(span.input or b"") + len(span.metadata or b"") + _OVERHEAD


def _sum_usage(span: Span, queue: _Queue) -> None:
    """A trace's usage is its own where given, else the sum over its agents, each counting itself only."""
    if span.kind == AGENT and span.usage is not None:
        total = queue.usage = queue.usage or {}
        for name, value in span.usage.items():
            if type(value) in (int, float) and type(total.get(name, 0)) in (int, float):
                total[name] = total.get(name, 0) + value
    elif span.kind == TRACE and span.usage is None and queue.usage is not None:
        span.usage = queue.usage
