"""The caller's side: a queue that any thread may fill without waiting, of bounded size.

``put`` takes no lock and calls nothing that an interrupt could leave half done: a signal handler, a finalizer or an
asynchronous exception may come inside any line of it. What is counted follows from what is in the queue.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltagent.core.process.one_time_work import pause
from voltagent.core.span import Phase, SpanEvent
from voltagent.delivery import process_hooks
from voltagent.delivery.account import TAKEN

if TYPE_CHECKING:
    from voltagent.delivery.worker import Worker

BATCH_EVENTS: Final = 512
BATCH_BYTES: Final = 4 * 2**20
LARGE: Final = 8192  # bytes; an event with more payload is looked at before it is taken
# Seconds for which a thread that still records while the process ends lets the sender have the interpreter. Two of
# them without any pause would have it 200 times as long: a switch takes 5 ms each.
_GIVE_WAY: Final = 50e-6
NEVER: Final = float("inf")

_START: Final = Phase.START
_END: Final = Phase.END


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The settings of a worker; times are seconds."""

    flush_interval: float | None  # None: send only on request, or if 4 MiB wait
    timeout: float
    max_retries: int
    retry_delay: float
    queue_events: int
    queue_bytes: int
    probe_seconds: float = 1.0  # a destination that is down is tried at most this often
    auth_seconds: float = 30.0  # and one that refused the key this seldom


class Queue:
    """Where one SDK records for one destination: into its account, from which the worker takes it."""

    __slots__ = ("__weakref__", "account", "worker")

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.account = worker.join(self)

    def put(self, event: SpanEvent, size: int) -> bool:
        """Take an event with ``size`` bytes of payload; False if a START was refused. Never blocks, never raises."""
        account = self.account
        if size > account.limit and not self._may_take(event, size):
            return False
        waiting = account.waiting
        phase, span, _ = event
        if phase is _END and waiting and waiting[-1] is span:
            # in one line: a debugger lets other threads come between two
            before, span.queued = span.queued, span.queued or account
            if before is None:  # the start has not been looked at: the two are one entry from now on
                account.merged += 1
                account.bytes += size
                return True
        waiting.append(span if phase is _START else event)
        account.bytes = total = account.bytes + size
        if total >= account.mark or len(waiting) >= account.limit_events:
            self._attend(event)
        return True

    def _may_take(self, event: SpanEvent, size: int) -> bool:
        """Look at an event more closely: it is large, or the queue is full or closed, or the process may end soon."""
        phase, span, _ = event
        is_end, worker = phase is _END, self.worker
        if not is_end and self.account.is_closed:
            return self._refuse(event, "shutdown_timeout")
        if not is_end and self._is_too_late():
            pause(_GIVE_WAY)
            return self._refuse(event, "shutdown_timeout")
        if not is_end and not worker.has_space(size) and not worker.make_space(span, size):
            return self._refuse(event, "queue_full")
        if process_hooks.has_left() or (is_end and process_hooks.ends_task(event)):
            span.queued = TAKEN  # an entry of its own, so that it is attended to
            self.account.mark = 0
        return True

    def _is_too_late(self) -> bool:
        """Return whether the process ends, and a thread that may never end has recorded a whole burst since then."""
        account = self.account
        return account.recorded + account.waiting_events() >= account.most and threading.current_thread().daemon

    def _attend(self, event: SpanEvent) -> None:
        """Start the worker's thread, or wake it, or note that the queue is full."""
        worker, account = self.worker, self.account
        if len(account.waiting) >= account.limit_events:
            account.limit = -1
        if process_hooks.has_left():
            if worker.loop.owner is None:  # in a hook that runs after ours: no other thread will send this
                process_hooks.send_late(worker)
        elif not worker.start():
            account.mark = account.bytes + BATCH_BYTES // 16  # try again some events later
        else:
            worker.loop.wake(account=account)
            if process_hooks.ends_task(event):
                process_hooks.wait_at_task_end(worker, account)

    def _refuse(self, event: SpanEvent, reason: str) -> bool:
        """Count an event as lost, at once: what is refused takes no memory, and the worker need not follow."""
        _, span, fields = event
        buffer, account = self.worker.buffer, self.account
        if fields is None:
            buffer.losses.note(span, reason)
        buffer.dropped += 1  # no call from here on
        account.recorded += 1
        account.dropped[reason] += 1
        return False
