"""The caller's side of a lane: an intake that any thread may fill without waiting, of bounded size.

``put`` takes no lock: it may run in a signal handler, in ``__del__`` or in a logging handler, while the same thread is
inside any line of this file. What wakes the lane's thread is a plain lock used as a bell: its ``release`` cannot block.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import Final

from voltagent.core import clock, process_exit
from voltagent.core.span import Phase, SpanEvent
from voltagent.delivery import process_hooks
from voltagent.delivery.buffer import Backlog
from voltagent.delivery.log_messages import LogMessages
from voltagent.delivery.losses import LossCount
from voltagent.delivery.report import Report
from voltagent.delivery.retry import PROBE_SECONDS

BATCH_EVENTS: Final = 512
BATCH_BYTES: Final = 4 * 2**20

_END: Final = Phase.END
_LARGE: Final = 8192  # a payload above this is looked at before it is taken
_MOVED: Final = 16  # events that a caller moves when the queue is full: a call must stay within 100 µs


@dataclass(frozen=True, slots=True)
class Rules:
    """The sender's settings; times are seconds."""

    flush_interval: float | None  # None: send only what is asked for, and full batches
    timeout: float
    max_retries: int
    retry_delay: float
    queue_events: int
    queue_bytes: int
    probe_seconds: float = PROBE_SECONDS  # a destination that is down is asked at most this often
    auth_seconds: float = 30.0  # and one that refused the key this seldom


class Intake(ABC):
    """Takes events for one destination; its other half is :class:`voltagent.delivery.worker.Worker`."""

    def __init__(self, name: str, rules: Rules, destination: str = "") -> None:
        self._name = name
        self._destination = destination or name  # as users know it, for the line about losses
        self._rules = rules
        self._closed = False
        self._begin(0)

    def _begin(self, forked_at: int) -> None:
        """Everything that a forked child must have anew."""
        rules = self._rules
        self._intake: deque[SpanEvent] = deque()
        self._bytes = 0  # of the intake, about: threads may overwrite each other's addition
        self._on_way = 0  # bytes of those between the intake and the backlog, or that had to go back
        self._mark = 1  # so many events in the intake need attention
        self._limit = -1  # the first is, and payloads above this are looked at first; -1: all are
        self._space = rules.queue_events  # so many events in the intake make the queue full
        self._refused: deque[tuple[SpanEvent, str]] = deque()  # refused while the lock was taken; counted later
        self._backlog = Backlog(rules.max_retries, rules.retry_delay, forked_at=forked_at)
        self._lock = threading.Lock()  # guards the backlog; never held during I/O or while code of the user's runs
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake_up = threading.Lock()
        self._wake_up.acquire()
        self._losses = LossCount(self._destination)
        self._log_messages = LogMessages(self._name, self._losses)

    @abstractmethod
    def _run(self) -> None:
        """What the thread does."""

    @abstractmethod
    def _run_here(self, deadline: float) -> None:
        """Send on this thread, as no other can be had."""

    @abstractmethod
    def _send_soon(self) -> None:
        """Send what was recorded, waiting for it a moment."""

    def put(self, event: SpanEvent, size: int) -> bool:
        """Take an event with ``size`` bytes of payload; False when a START was refused. Never blocks, never raises."""
        if size > self._limit:
            return self._put_carefully(event, size)
        intake = self._intake
        intake.append(event)
        self._bytes += size
        if len(intake) >= self._mark:
            self._attend()
        return True

    def _attend(self) -> None:
        """Start the thread, or wake it, or note that the queue is full."""
        if len(self._intake) >= self._space:
            self._limit = -1
        if self._start():
            self._mark = self._space  # before the bell: the thread sets it anew once it has heard it
            self._ring()
        else:
            self._mark = min(len(self._intake) + BATCH_EVENTS, self._space)  # try again a batch later

    def _put_carefully(self, event: SpanEvent, size: int) -> bool:
        if self._closed and event[0] is not _END:
            self._refuse(event, "shutdown_timeout")
            return False
        if not self._fits(size) and event[0] is not _END and not self._make_space(event, size):
            self._refuse(event, "queue_full")
            self._log_messages.full()
            return False
        self._intake.append(event)
        self._bytes += size
        if event[0] is _END and event[1].is_outermost and process_exit.is_worker_process():
            self._send_soon()
        if process_hooks.left():
            if self._thread is None:  # in a hook that runs after ours: nobody else will send this
                self._run_here(clock.monotonic() + process_hooks.late_budget())
        elif self._bytes + self._backlog.size >= BATCH_BYTES or len(self._intake) >= self._mark:
            self._attend()
        return True

    def _fits(self, size: int) -> bool:
        held, rules = self._backlog, self._rules
        fits = (
            len(self._intake) + held.count < rules.queue_events and self._bytes + held.size + size <= rules.queue_bytes
        )
        self._limit = _LARGE if fits and not self._careful() else -1
        return fits

    def _careful(self) -> bool:
        return self._closed or process_hooks.left() or process_exit.is_worker_process()

    def _make_space(self, event: SpanEvent, size: int) -> bool:
        """Drop the oldest traces of which nothing was sent yet, for this event; whether there is room now."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._move(_MOVED)
            self._backlog.free(4 * _MOVED)
            while not self._fits(size):
                if not self._backlog.evict(event[1]):
                    return False
            return True
        finally:
            self._lock.release()

    def _refuse(self, event: SpanEvent, reason: str) -> None:
        self._refused.append((event, reason))
        if self._lock.acquire(blocking=False):
            try:
                self._count_refused()
            finally:
                self._lock.release()

    def _count_refused(self) -> None:
        try:
            while True:
                event, reason = self._refused.popleft()
                self._backlog.recorded += 1
                self._backlog.lose(event, reason)
        except IndexError:
            pass

    def _ring(self) -> None:
        try:
            self._wake_up.release()
        except RuntimeError:
            pass  # it rings already

    def _start(self) -> bool:
        """Make sure that the thread runs; False where no thread can be started."""
        if self._thread is not None:
            return True
        if not self._starting.acquire(blocking=False):
            return True  # somebody is at it: another thread, or this one, below us on the stack
        try:
            if self._thread is None:
                process_hooks.register()
                thread = threading.Thread(target=self._run, name=f"voltagent-{self._name}", daemon=True)
                self._thread = thread
                thread.start()
            return True
        except (RuntimeError, MemoryError):  # no thread left, or the interpreter shuts down
            self._thread = None
            return False
        finally:
            self._starting.release()

    def stats(self) -> Report:
        """The counts so far."""
        locked = self._lock.acquire(timeout=0.05)  # not for ever: we may be in a signal handler above its holder
        try:
            held, waiting = self._backlog, len(self._intake)
            if locked:
                self._count_refused()
            answered = self._answered()
            pending = held.count + waiting - answered
            return Report(held.recorded + waiting, held.accepted + answered, dict(held.dropped), pending)
        finally:
            if locked:
                self._lock.release()

    def _answered(self) -> int:
        """How many events of a batch under way were accepted already."""
        return 0

    def _move(self, number: int) -> None:
        """Take up to so many events out of the intake. Under the lock."""
        intake, take = self._intake, self._backlog.take
        before = self._backlog.size
        try:
            for _ in range(number):
                take(intake.popleft())
        except IndexError:
            pass
        self._bytes = max(0, self._bytes - (self._backlog.size - before))

    def _note_space(self) -> None:
        held, rules = self._backlog, self._rules
        self._space = max(1, rules.queue_events - held.count)
        full = len(self._intake) >= self._space or self._bytes + held.size >= rules.queue_bytes
        self._limit = -1 if full or self._careful() else _LARGE
        self._mark = self._space
