"""What one SDK records for one destination, and what becomes of it.

Every change is a few plain stores without a call in between. CPython handles signals, other threads and asynchronous
exceptions only after calls and at the ends of loops, so none of them can see or leave a change half made.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.delivery.report import Report, ReportFuture

if TYPE_CHECKING:
    from voltagent.delivery.queue import Queue
    from voltagent.delivery.shutdown import Shutdown
    from voltagent.delivery.waiting_trace import WaitingTrace

LATE_EVENTS: Final = 10_000  # that daemon threads may record while the process ends
NO_MARK: Final = 1 << 62  # more bytes than there are; an integer, because comparing with a float takes longer
TAKEN: Final = "taken"  # `queued` of a span whose end does not join its start any more


class Account:
    """What one SDK has recorded for one destination, what it may record, its counts, and what it waits for there.

    The worker holds it until all is settled. It refers to the caller's side weakly: an SDK that is not referenced
    any more costs nothing once its last event is settled.
    """

    __slots__ = ("accepted", "bytes", "dropped", "first_futures", "futures", "is_closed", "is_finished", "limit",
                 "limit_events", "mark", "merged", "most", "older", "parked", "pending", "queue", "recorded",
                 "shutdown", "waiting")  # fmt: skip

    def __init__(self, *, is_closed: bool = False) -> None:
        # Recorded, and not yet looked at by the worker. A span stands for its start: an object less for each operation
        # that the garbage collector visits.
        self.waiting: deque[Span | SpanEvent] = deque()
        self.merged = 0  # ends that wait as part of the entry of their start
        self.bytes = 0  # of payload that wait, about: threads may overwrite each other's addition
        self.mark = 0  # bytes from which on the worker is woken
        self.limit_events = 1  # events from which on the queue is full
        self.limit = -1  # a larger payload is looked at first; -1: every event is
        self.most = NO_MARK  # events that it takes in all from threads that do not keep the process from ending
        self.is_closed = is_closed  # takes no starts any more
        self.recorded = 0  # of those that the worker has looked at
        self.accepted = 0
        self.pending = 0
        self.parked = 0  # of those pending, the ones that count as the end of their span does
        self.dropped: defaultdict[str, int] = defaultdict(int)  # by reason
        self.futures: deque[ReportFuture] = deque()
        self.first_futures: list[ReportFuture] | None = None  # those that wait while others go on recording
        self.older: list[WaitingTrace] | None = None  # the traces with what they wait for, once all of it is known
        self.shutdown: Shutdown | None = None
        self.is_finished = False  # shut down, and nothing more is sent
        self.queue: Callable[[], Queue | None] = _no_queue

    def waiting_events(self) -> int:
        """Events that the worker has not looked at."""
        return len(self.waiting) + self.merged

    def begin_to_leave(self) -> None:
        """Take only so much more from threads that the end of the process does not wait for."""
        self.most = self.recorded + self.waiting_events() + LATE_EVENTS
        self.limit = -1

    def settle(self, future: ReportFuture) -> None:
        """Report to one that waits."""
        future.settle(self)
        try:
            self.futures.remove(future)
        except ValueError:
            pass  # given up meanwhile

    def settle_futures(self) -> None:
        """Report to all that wait."""
        while self.futures:
            self.settle(self.futures[0])

    def has_work(self) -> bool:
        """Return whether something may be left to do."""
        return bool(self.waiting or self.pending > self.parked)

    def is_over(self) -> bool:
        """Return whether the worker can let go of it: no caller can record through it, and all is settled."""
        gone = self.is_finished or self.queue() is None
        return gone and not self.waiting and not self.pending and not self.futures

    def report(self, elsewhere: int = 0) -> Report:
        """Return the counts, under the buffer's lock; ``elsewhere`` are events that only the storage has."""
        waiting = self.waiting_events() + elsewhere
        # no call in between: what is recorded meanwhile may be refused, or push out what is counted here
        dropped, recorded, accepted, pending = {**self.dropped}, self.recorded, self.accepted, self.pending
        return Report(recorded + waiting, accepted, dropped, pending + waiting)


def take_start(span: Span, account: Account) -> tuple[SpanEvent, ...]:
    """Return the events that an entry for a start stands for: also its end, if that joined it. No end does so later."""
    span.queued = span.queued or TAKEN  # in one line, as where ends join
    start: SpanEvent = (Phase.START, span, None)
    return (start, (Phase.END, span, None)) if span.queued is account else (start,)


def _no_queue() -> None:
    return None
