"""What one SDK records for one destination, in a queue that any thread may fill without waiting; what becomes of it.

Every change is a few plain stores without a call in between. CPython handles signals, other threads and asynchronous
exceptions only after calls and at the ends of loops, so none of them can see or leave a change half made.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from voltagent.core.process.one_time_work import pause
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.delivery import process_hooks
from voltagent.delivery.options import BATCH_BYTES
from voltagent.delivery.report import Report, ReportFuture

if TYPE_CHECKING:
    from voltagent.delivery.shutdown import Shutdown
    from voltagent.delivery.waiting_trace import WaitingTrace
    from voltagent.delivery.worker import Worker

LATE_EVENTS: Final = 10_000  # that daemon threads may record while the process ends
NO_MARK: Final = 1 << 62  # more bytes than there are; an integer, because comparing with a float takes longer
TAKEN: Final = "taken"  # `queued` of a span whose end does not join its start any more
# Seconds for which a thread that still records while the process ends lets the sender have the interpreter. Two of
# them without any pause would have it 200 times as long: a switch takes 5 ms each.
_GIVE_WAY: Final = 50e-6

_START: Final = Phase.START
_END: Final = Phase.END


class Account:
    """What one SDK has recorded for one destination, what it may record, its counts, and what it waits for there.

    The worker holds it until all is settled. It refers to the SDK's sender weakly: an SDK that is not referenced any
    more costs nothing once its last event is settled.
    """

    __slots__ = ("accepted", "bytes", "dropped", "first_futures", "futures", "is_closed", "is_finished", "limit",
                 "limit_events", "mark", "merged", "most", "older", "parked", "pending", "recorded", "sender",
                 "shutdown", "waiting", "worker")  # fmt: skip

    worker: Worker  # set by that, as it takes the account
    sender: Callable[[], object]

    def __init__(self) -> None:
        self.is_closed = False  # takes no starts any more
        self.begin()

    def begin(self) -> None:
        """Record nothing yet: at the beginning, and in a forked child, as what was pending is the parent's to send."""
        # Recorded, and not yet looked at by the worker. A span stands for its start: an object less for each operation
        # that the garbage collector visits.
        self.waiting: deque[Span | SpanEvent] = deque()
        self.merged = 0  # ends that wait as part of the entry of their start
        self.bytes = 0  # of payload that wait, about: threads may overwrite each other's addition
        self.mark = 0  # bytes from which on the worker is woken
        self.limit_events = 1  # events from which on the queue is full
        self.limit = -1  # a larger payload is looked at first; -1: every event is
        self.most = NO_MARK  # events that it takes in all from threads that do not keep the process from ending
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

    def put(self, event: SpanEvent, size: int) -> bool:
        """Take an event with ``size`` bytes of payload; False if a START was refused. Never blocks, never raises."""
        if size > self.limit and not self._may_take(event, size):
            return False
        waiting = self.waiting
        phase, span, _ = event
        if phase is _END and waiting and waiting[-1] is span:
            # in one line: a debugger lets other threads come between two
            before, span.queued = span.queued, span.queued or self
            self.merged += before is None  # counted before the branch, at which Python 3.10 looks for signals
            if before is None:  # the start has not been looked at: the two are one entry from now on
                self.bytes += size
                return True
        waiting.append(span if phase is _START else event)
        self.bytes = total = self.bytes + size
        if total >= self.mark or len(waiting) >= self.limit_events:
            self._attend(event)
        return True

    def _may_take(self, event: SpanEvent, size: int) -> bool:
        """Look at an event more closely: it is large, or the queue is full or closed, or the process may end soon."""
        phase, span, _ = event
        if phase is not _END:
            if self.is_closed or self._is_too_late():
                return self._refuse(event, "shutdown_timeout")
            if not self.worker.has_space(size, span):
                return self._refuse(event, "queue_full")
        if process_hooks.has_left() or process_hooks.ends_task(event):
            span.queued = TAKEN  # an entry of its own, so that it is attended to
            self.mark = 0
        return True

    def _is_too_late(self) -> bool:
        """Return whether the process ends, and a thread that may never end has recorded a whole burst since then.

        Such a thread lets the sender have the interpreter for a moment.
        """
        if self.recorded + self.waiting_events() < self.most or not threading.current_thread().daemon:
            return False
        pause(_GIVE_WAY)
        return True

    def _attend(self, event: SpanEvent) -> None:
        """Start the worker's thread, or wake it, or note that the queue is full."""
        worker = self.worker
        if len(self.waiting) >= self.limit_events:
            self.limit = -1
        if process_hooks.has_left():
            if worker.loop.owner is None:  # in a hook that runs after ours: no other thread will send this
                process_hooks.send_late(worker)
        elif not worker.start():
            self.mark = self.bytes + BATCH_BYTES // 16  # try again some events later
        else:
            worker.loop.wake(account=self)
            if process_hooks.ends_task(event):
                process_hooks.wait_at_task_end(worker, self)

    def _refuse(self, event: SpanEvent, reason: str) -> bool:
        """Count an event as lost, at once: what is refused takes no memory, and the worker need not follow."""
        _, span, fields = event
        buffer = self.worker.buffer
        if fields is None:
            buffer.losses.note(span, reason)
        buffer.dropped += 1  # no call from here on
        self.recorded += 1
        self.dropped[reason] += 1
        return False

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
        gone = self.is_finished or self.sender() is None
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
