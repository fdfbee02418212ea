"""The loop of a worker's thread: take in what is due, send it, heed the answers, sleep."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from operator import attrgetter
from typing import Final

from voltagent.core import clock
from voltagent.core.kept_contexts import drop_contexts
from voltagent.core.process import exit_hook, own_threads
from voltagent.delivery import process_hooks
from voltagent.delivery.account import NO_MARK, Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.closing import Closing
from voltagent.delivery.destination_state import State
from voltagent.delivery.dispatcher import Dispatcher
from voltagent.delivery.eviction import drop_waiting
from voltagent.delivery.options import BATCH_BYTES, NEVER
from voltagent.delivery.shutdown import Shutdown

_LARGE: Final = 8192  # bytes; an event with more payload is looked at before it is taken
_WAITING: Final = attrgetter("waiting")
_LOOK: Final = 0.1  # seconds between two looks at requests that still wait for an answer


def amount(accounts: list[Account], buffer: Buffer) -> tuple[int, int]:
    """Return how many entries wait in the queues and in the buffer, and about how many bytes."""
    entries, size = buffer.count, buffer.size
    for account in accounts:
        entries += len(account.waiting)
        size += account.bytes
    return entries, size


class Loop:
    """Decides when to send what; one thread at a time runs it.

    Work starts by one rule: the oldest event that waits is as old as the flush interval, or 4 MiB wait.
    """

    def __init__(self, accounts: list[Account], dispatcher: Dispatcher) -> None:
        self._accounts, self._dispatcher, self._buffer = accounts, dispatcher, dispatcher.buffer
        self._storage, self._spool = dispatcher.storage, dispatcher.spool
        self.closing = Closing(accounts, dispatcher, self._release)
        dispatcher.stops = self.stops
        self.signal = _thread.allocate_lock()  # wakes the thread: its release cannot block
        self.signal.acquire()
        self.owner: object = None  # what runs it, if anything: a thread, or a call on a thread of the program
        self.is_requested = False  # a flush wants what was recorded before it to be sent, however short its timeout
        self._due = NEVER  # when the oldest event in a queue has waited for long enough
        self._is_child: bool | None = None  # of `multiprocessing`, as far as is known
        self._is_round = False  # all that waits is being sent; nothing newer is taken in meanwhile

    def run_by(self, owner: object, run: Callable[[], object]) -> bool:
        """Have ``owner`` run it, unless something else does; return whether it was free."""
        try:
            if self.owner is None:
                self.owner = owner  # no call before it, so that no other thread can come between
                run()
                return True
        finally:
            try:  # as in `core.process.thread_marks`
                if self.owner is owner:
                    self.owner = None
            finally:
                pass
        return False

    def renew_signal(self) -> None:
        """Wait by a lock of the present kind: one from before greenlets took the place of threads would stop them all.

        Nothing is missed, as what runs the loop looks at everything before it waits.
        """
        signal = _thread.allocate_lock()
        if type(signal) is not type(self.signal):
            signal.acquire()
            self.signal = signal

    def _release(self) -> threading.Thread | None:
        thread = own_threads.as_thread(self.owner)
        self.owner = None
        return thread

    def is_stuck(self, stop: Shutdown) -> bool:
        """Return whether a shutdown need not be waited for, as the thread that runs this hangs."""
        thread = own_threads.as_thread(self.owner)
        if thread is None:
            return False
        return stop.is_stuck(own_threads.place_of(thread.ident), clock.monotonic(), self._dispatcher.last_answer())

    def wake(self, _: object = None, *, account: Account | None = None) -> None:
        """Let it look at once; until then, no event for ``account`` wakes it again. From any thread."""
        try:
            if account is not None and self.owner is not None:  # else it may not come: the next event tries again
                account.mark = NO_MARK  # no call before the signal, so that no interrupt can come between
            self.signal.release()
        except RuntimeError as exc:
            if not self.is_woken(exc):
                raise

    @staticmethod
    def is_woken(exc: RuntimeError) -> bool:
        """Return whether the lock says that it is being woken already, rather than a signal handler that it must stop.

        The second text is that of gevent, whose locks replace those of Python. No name of this module is used here:
        finalizers run when those are gone.
        """
        message = exc.args[0] if exc.args else None
        return type(message) is str and message in ("release unlocked lock", "Semaphore released too many times")

    def stops(self) -> list[Shutdown]:
        """Return the policies of those that shut down; that of the end of the process goes before all others."""
        if self.closing.leaving is not None:
            return [self.closing.leaving]
        return [account.shutdown for account in self._accounts if account.shutdown is not None]

    def run(self, own: Shutdown | None) -> None:
        """Run until no SDK uses the worker any more; on a thread of the program, until ``own`` ends.

        If an SDK is shutting down, such a thread sends only until that has ended, and not for those that go on.
        """
        dispatcher, closing = self._dispatcher, self.closing
        only_stops = own is not None and bool(self.stops())
        own = None if only_stops else own
        self.renew_signal()
        while True:
            now = clock.monotonic()
            dispatcher.sooner = []  # before the policies are read: one that comes later adds to it
            is_waited_for = is_ending = closing.leaving is not None
            for account in self._accounts:
                is_waited_for = is_waited_for or bool(account.futures)
                is_ending = is_ending or account.shutdown is not None or account.sender() is None
            stops = [own] if own is not None else self.stops() if is_ending else []
            self._take_in(now, bool(stops), is_waited_for, own or closing.leaving)
            if dispatcher.in_flight:
                dispatcher.collect(now, stops)
            if (is_ending or not self._accounts) and closing.let_go(now):
                return
            if own is not None and closing.has_ended(now, own):
                return
            if only_stops and not self.stops():
                return
            if is_waited_for:
                closing.settle_waiters(now)
            if self._may_send(now, bool(stops)):
                dispatcher.send(now, stops)
            elif not stops or all(self._is_worth_waiting(stop, now) for stop in stops):
                self._sleep(now, stops)

    def _take_in(self, now: float, is_stopping: bool, is_waited_for: bool, ending: Shutdown | None) -> None:
        """Take in what was recorded, if it is due and older things were sent.

        ``ending`` is the end of the process, or of a run on a thread of the program.
        """
        buffer, spool, state = self._buffer, self._spool, self._dispatcher.state
        is_unauthorized = state.current is State.UNAUTHORIZED
        is_wanted = is_waited_for or self.is_requested or is_stopping or is_unauthorized
        waits = any(map(_WAITING, self._accounts))
        interval = self._dispatcher.options.flush_interval
        if waits and self._due == NEVER and interval is not None:
            self._due = now + interval
        is_due = is_wanted or self._due <= now or amount(self._accounts, buffer)[1] >= BATCH_BYTES
        has_older = self._is_round and buffer.ready and state.current is State.UP and now >= state.until
        is_time_to_write = waits and spool is not None and spool.write_due <= now
        self.closing.has_taken_all = not waits
        if ending is not None and not self.closing.may_take(ending):
            self._due = now + _LOOK
        elif (is_due and not has_older) or is_time_to_write:
            self._is_round = self._is_round or is_due
            self.is_requested = False
            if is_due:
                self._due = NEVER  # else it is only time to write
            if waits or is_stopping or spool is not None:
                if is_stopping:
                    self.closing.end_open_spans()
                if ending is not None:
                    ending.takes += 1
                self.closing.has_taken_all = self._storage.accept()
        if is_unauthorized:
            with buffer.lock:
                drop_waiting(buffer, "auth")
            state.is_quiet(now)
        elif spool is not None and not (self.closing.leaving or process_hooks.has_left()) and spool.load():
            self._is_round = True

    def _may_send(self, now: float, is_stopping: bool) -> bool:
        """Return whether something is ready and due, and the destination can be tried."""
        buffer, state = self._buffer, self._dispatcher.state
        released = False
        if buffer.held:
            with buffer.lock:
                released = buffer.release(now)
        is_quiet = now < state.until or (state.current is not State.UP and state.is_quiet(now))
        is_probe = state.current in (State.DOWN, State.PROBING)
        # what waits for an answer to a slow request belongs to the round, too, and is ready when it comes
        is_open = bool(buffer.ready or self._dispatcher.in_flight)
        self._is_round = is_open and (self._is_round or released or is_stopping or is_probe)
        return self._is_round and bool(buffer.ready) and not is_quiet

    def _is_worth_waiting(self, stop: Shutdown, now: float) -> bool:
        held = self._buffer.held
        ready_at = now if self._buffer.ready or not held else held[0][0]
        stop.expect_pause(max(self._dispatcher.state.until, ready_at))
        return stop.seconds_left(now, self._dispatcher.last_answer()) > 0

    def _sleep(self, now: float, stops: list[Shutdown]) -> None:
        """Wait for the signal, or until something is due. An idle worker waits without a limit, so it costs nothing."""
        wake = self.wake_time(now, stops)
        is_on_request = self._dispatcher.options.flush_interval is None and any(map(_WAITING, self._accounts))
        is_idle = self._due == NEVER and not is_on_request  # what is sent on request may wait
        self._set_marks(is_idle=is_idle)
        if is_idle and any(map(_WAITING, self._accounts)):
            return  # it came before the mark was set
        drop_contexts()
        self.signal.acquire(timeout=-1 if wake == NEVER else max(0.0, wake - clock.monotonic()))

    def wake_time(self, now: float, stops: list[Shutdown]) -> float:
        """Return when to look again if nothing is recorded until then; infinity for not at all."""
        buffer, state = self._buffer, self._dispatcher.state
        wake = self._due
        is_kept = buffer.count > 0 or (self._spool is not None and self._spool.spool.unread > 0)  # also by ended SDKs
        for account in self._accounts:
            is_kept = is_kept or (self._due == NEVER and bool(account.waiting))
            for future in list(account.futures):
                wake = min(wake, future.deadline)
        for stop in stops:
            wake = min(wake, now + max(0.0, stop.seconds_left(now, self._dispatcher.last_answer())))
        if self._dispatcher.in_flight:
            wake = min(wake, now + _LOOK)
        if state.current is State.UNAUTHORIZED or (buffer.ready and self._is_round):
            wake = min(wake, state.until)
        if buffer.held:
            wake = min(wake, max(buffer.held[0][0], state.until))
        if self._spool is not None and is_kept:
            wake = min(wake, max(now, self._spool.write_due))
        return wake

    def _set_marks(self, *, is_idle: bool) -> None:
        """Say from which amount on callers wake this thread: any if it is idle, else a batch, or a full queue."""
        buffer, options, state = self._buffer, self._dispatcher.options, self._dispatcher.state
        if self._is_child is None:
            self._is_child = exit_hook.is_worker_process()
        entries, size = amount(self._accounts, buffer)
        free = max(0, options.queue_events - entries)
        share = free // max(1, len(self._accounts)) // (1 if self._spool is None else 2)
        is_careful = self._is_child or not free or size >= options.queue_bytes or process_hooks.has_left()
        is_quiet = clock.monotonic() < state.until
        for account in self._accounts:
            account.limit_events = len(account.waiting) + max(1, share)
            # no call in between: the end of the process sets it as well
            account.limit = -1 if is_careful or account.is_closed or self.closing.leaving is not None else _LARGE
            account.mark = 0 if is_idle else NO_MARK if is_quiet else max(1, BATCH_BYTES - buffer.size)
