"""What became of the events of one SDK at one destination.

Every change is a few plain stores without a call in between. CPython handles signals, other threads and asynchronous
exceptions only after calls and at the ends of loops, so none of them can see or leave a change half made.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from voltagent.core.span import Span, SpanEvent
from voltagent.delivery.report import Report, ReportFuture

if TYPE_CHECKING:
    from voltagent.delivery.queue import Queue
    from voltagent.delivery.shutdown import Shutdown
    from voltagent.delivery.waiting_trace import WaitingTrace

FIRST: Final = 0  # the next entry of a queue; by name, because pyright takes `waiting[0]` for what was last put there


class Account:
    """The counts of one SDK at one destination, and what it waits for there.

    The worker holds it until all is settled. It refers to the caller's side weakly: an SDK that is not referenced
    any more costs nothing once its last event is settled.
    """

    __slots__ = ("accepted", "dropped", "first_futures", "futures", "is_finished", "merged", "older",
                 "parked", "pending", "queue", "recorded", "shutdown", "waiting")  # fmt: skip

    def __init__(self) -> None:
        # Recorded, and not yet looked at by the worker. A span stands for its start: an object less for each operation
        # that the garbage collector visits.
        self.waiting: deque[Span | SpanEvent] = deque()
        self.merged = 0  # ends that wait as part of the entry of their start
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

    def refer_to(self, queue: Queue, on_abandoned: Callable[[Any], None]) -> None:
        """Note the caller's side; ``on_abandoned`` is called when no caller can record through it any more."""
        self.queue = ref(queue, on_abandoned)

    def waiting_events(self) -> int:
        """Events that the worker has not looked at."""
        return len(self.waiting) + self.merged

    def settle_futures(self) -> None:
        """Report to all that wait."""
        while self.futures:
            future = self.futures[0]
            future.settle(self)
            with suppress(ValueError):  # given up meanwhile
                self.futures.remove(future)

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


def _no_queue() -> None:
    return None
