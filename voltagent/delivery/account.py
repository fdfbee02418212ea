"""What one SDK records for one destination, in a queue that any thread may fill without waiting; what becomes of it.

Every change is a few plain stores without a call in between: CPython handles signals, other threads and asynchronous
exceptions only after calls and at the ends of loops.
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

    The worker holds it until all is settled, and it refers to the SDK's sender weakly.
    """

    __slots__ = ("bytes", "first_futures", "futures", "is_closed", "is_finished", "limit", "limit_events", "mark",
                 "merged", "most", "older", "on_disk", "on_way", "outcomes", "parked", "recorded", "sender", "shutdown",
                 "waiting", "worker")  # fmt: skip

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
        self.on_way: list[SpanEvent] = []  # from here to the disk, and on to the buffer
        self.on_disk = 0  # events that are there only
        self.recorded = 0  # events that came to the buffer, or were lost on the way
        self.outcomes: defaultdict[str | None, int] = defaultdict(int)  # of these: accepted, or lost for a reason
        self.parked = 0  # of those without an outcome, the ones that have that of the end of their span
        self.futures: dict[ReportFuture, None] = {}  # those that wait, in their order
        self.first_futures: list[ReportFuture] | None = None  # those that wait while others go on recording
        self.older: list[WaitingTrace] | None = None  # the traces with what they wait for, once all of it is known
        self.shutdown: Shutdown | None = None
        self.is_finished = False  # shut down, and nothing more is sent

    def put(self, event: SpanEvent, size: int) -> bool:
        """Take an event with ``size`` bytes of payload; False if a START was refused. Never blocks, never raises."""
        phase, span, _ = event
        if phase is _START:
            return self.put_start(span, size)
        if phase is _END:
            return self.put_end(span, size, span.end_ns)
        if size > self.limit and not self._may_take(event, size):
            return False
        self.waiting.append(event)
        self.bytes = total = self.bytes + size
        if total >= self.mark or len(self.waiting) >= self.limit_events:
            self._attend(event)
        return True

    def put_start(self, span: Span, size: int) -> bool:
        """:meth:`put` a START, in fewer steps: each decorated call makes one."""
        if size > self.limit and not self._may_take((_START, span, None), size):
            return False
        waiting = self.waiting
        span.queued = span.queued or False  # no call between these: an interrupt behind it finds out that it is here
        waiting.append(span)
        self.bytes = total = self.bytes + size
        if total >= self.mark or len(waiting) >= self.limit_events:
            self._attend((_START, span, None))
        return True

    def put_end(self, span: Span, size: int, end_ns: int | None) -> bool:
        """:meth:`put` an END, likewise, and set its time: what an interrupt keeps out of the queue has not ended."""
        if size > self.limit:
            self._may_take((_END, span, None), size)
        waiting = self.waiting
        if waiting and waiting[-1] is span:
            # in one line: a debugger lets other threads come between two
            before, span.queued, span.end_ns = span.queued, span.queued or self, end_ns
            self.merged += not before  # counted before the branch, at which Python 3.10 looks for signals
            if not before:  # the start has not been looked at: the two are one entry from now on
                self.bytes += size
                return True
        event: SpanEvent = (_END, span, None)
        span.end_ns = end_ns  # no call between these
        waiting.append(event)
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
        """Return whether the process ends, and a thread that may never end has recorded a burst since: it gives way."""
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
        self.worker.buffer.losses.note(event, reason)
        self.recorded += 1  # no call from here on
        self.outcomes[reason] += 1
        return False

    def waiting_events(self) -> int:
        """Events that the worker has not looked at."""
        return len(self.waiting) + self.merged

    @property
    def pending(self) -> int:
        """Events that came to the buffer and have no outcome."""
        # no call in between: callers count what is refused at any moment, without the lock
        outcomes, recorded = {**self.outcomes}, self.recorded
        return recorded - sum(outcomes.values())

    def begin_to_leave(self) -> None:
        """Take only so much more from threads that the end of the process does not wait for."""
        self.most = self.recorded + self.waiting_events() + LATE_EVENTS
        self.limit = -1

    def settle(self, future: ReportFuture) -> None:
        """Report to one that waits."""
        future.settle(self)
        self.futures.pop(future, None)

    def settle_futures(self) -> None:
        """Report to all that wait."""
        while futures := list(self.futures):  # other threads may add theirs
            for future in futures:
                self.settle(future)

    def is_settled(self, is_disk_enough: bool = False) -> bool:
        """Return whether nothing waits any more; ``is_disk_enough`` if what is on the disk only need not be sent."""
        if self.waiting or self.on_way or (self.on_disk and not is_disk_enough):
            return False
        outcomes, recorded = {**self.outcomes}, self.recorded  # as in `pending`, with a call less
        return recorded - sum(outcomes.values()) <= self.parked

    def is_over(self) -> bool:
        """Return whether the worker can let go of it: no caller can record through it, and all is settled."""
        return self.sender() is None and not (self.waiting or self.pending or self.futures)

    def report(self) -> Report:
        """Return the counts, under the buffer's lock."""
        waiting = self.waiting_events() + len(self.on_way) + self.on_disk
        # no call in between: what is recorded meanwhile may be refused, or push out what is counted here
        outcomes, recorded = {**self.outcomes}, self.recorded
        pending = recorded - sum(outcomes.values()) + waiting
        return Report(recorded + waiting, outcomes.pop(None, 0), outcomes, pending)  # type: ignore[arg-type]
