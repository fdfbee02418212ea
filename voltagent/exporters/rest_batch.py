"""Send one batch over several connections: dependencies between events, and the sending threads.

The threads live as long as the batch. One thread sends the events in order; if the server is slow, more are added, up
to the number of connections. The calling thread supervises them.

A ``threading.Condition`` would not do: its ``with`` block begins and ends in Python, where an exception that is raised
into the thread leaves its lock held for ever.
"""

from __future__ import annotations

import _thread
import heapq
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from voltagent.core import clock
from voltagent.core.clock import id_text
from voltagent.core.deadline import ends_by
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.process import own_threads, sending
from voltagent.core.process.thread_marks import usable
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.exporters import IN_FLIGHT, SETTLED, UNTRIED, Outcome, Verdict
from voltagent.exporters.http import Line

if TYPE_CHECKING:
    from voltagent.exporters.rest import RestExporter

_LOST: Final = Outcome(Verdict.UNAVAILABLE, detail="no answer in time")
_SLOW: Final = 0.003  # seconds; a slower request justifies another connection
_HANGS: Final = 0.5  # seconds; a slower request is left unanswered while there are connections for the next batch
_LOOK: Final = 0.1  # seconds between two looks: the program may have ended a thread, or brought the deadline forward
_GRACE: Final = 0.3  # seconds in which a thread must return after its connection was cut


class Round:
    """Sends the events of one batch with ``send``; :meth:`run` returns their outcomes in the order of the batch."""

    def __init__(
        self,
        send: Callable[[SpanEvent, Line, float], Outcome],
        lines: RestExporter,
        batch: Sequence[SpanEvent],
        deadline: float,
    ) -> None:
        self._send = send
        self._lines = lines
        self._batch = batch
        self._given = self._deadline = deadline  # the second as of the last look
        self._outcomes: list[Outcome | None] = [None] * len(batch)
        self._needs, self._then = needs(batch)
        self._ready = [number for number, count in enumerate(self._needs) if count == 0]  # a heap, as it is sorted
        self._lock = threading.RLock()  # re-entrant: a finalizer may shut down while this thread holds it
        self._signal = _thread.allocate_lock()  # wakes the calling thread
        self._signal.acquire()
        self._busy: dict[int, tuple[Line, float]] = {}  # event in progress -> its connection, and since when
        self._working: dict[Line, threading.Thread | None] = {}  # the connections in use, with their threads
        self._halted = False
        self._unanswered: list[int] = []  # those in progress when `run` ended, as far as `late` did not report them
        self._lateness = 0.0  # seconds by which wake-ups are late: the program is busy, not the server

    def run(self) -> list[Outcome]:
        """Send what can be sent by the deadline."""
        if self._lines.free() <= 0:
            self._outcomes[0] = _LOST  # every connection hangs
        elif not self._spawn():
            self._send_here()
        while not self._is_over():
            pause, began = self._pause(), clock.monotonic()
            if not self._signal.acquire(timeout=pause):
                self._lateness = max(clock.monotonic() - began - pause, self._lateness / 2)
            with self._lock:
                self._watch()
        with self._lock:
            self._halted = True
            self._unanswered = list(self._busy)
        outcomes = [outcome or UNTRIED for outcome in self._outcomes]
        for number in self._unanswered:
            outcomes[number] = IN_FLIGHT
        return outcomes

    def _is_over(self) -> bool:
        """Return whether the batch is done, or its time has run out."""
        with self._lock:
            is_late = not self._busy and clock.monotonic() >= self._deadline
            return not self._working or is_late or self._may_leave()

    def _wake(self) -> None:
        """Let the calling thread look at once."""
        try:
            self._signal.release()
        except RuntimeError as exc:  # it is being woken
            pass_on_interrupt(exc)

    @property
    def trails(self) -> bool:
        """Whether :meth:`late` has something to report yet, or a connection to take back."""
        return bool(self._unanswered or self._working)

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the outcomes that arrived after :meth:`run`."""
        self._lock = usable(self._lock)
        with self._lock:
            self._watch()
            return self._take_ended()

    def _take_ended(self) -> list[tuple[SpanEvent, Outcome]]:
        """:meth:`late`, under the lock."""
        ended = [number for number in self._unanswered if number not in self._busy]
        self._unanswered = [number for number in self._unanswered if number in self._busy]
        return [(self._batch[number], self._outcomes[number] or UNTRIED) for number in ended]

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the settled events so far, with their outcomes."""
        found = zip(self._batch, list(self._outcomes), strict=True)
        return [(event, outcome) for event, outcome in found if outcome is not None and outcome.verdict in SETTLED]

    def _may_leave(self) -> bool:
        """Return whether only hanging requests remain, and few enough to leave connections for the next batch."""
        if self._halted or self._ready or not self._busy or len(self._working) != len(self._busy):
            return False
        now = clock.monotonic()
        hang = all(now - since >= _HANGS for _, since in self._busy.values())
        return hang and 2 * self._lines.free() >= self._lines.most() > 1

    def _spawn(self) -> bool:
        """Start one more thread with a connection of its own, if one is free; whether it was started."""
        with self._lock:  # which the thread waits for before it looks whether its connection is listed
            if self._lines.free() <= 0:
                return False
            line, thread = self._lines.borrow(self), None
            try:
                thread = sending.start_thread(lambda: self._work(line), "voltagent-rest")
            finally:  # also if an interrupt comes: a thread that was started all the same finds that it has none
                if thread is None:
                    self._lines.give_back(line, self)
            if thread is not None:
                self._working[line] = thread
            return thread is not None

    def _send_here(self) -> None:
        """Send in order on this thread, as no other can be started, such as at exit."""
        line = self._lines.borrow(self)
        self._working[line] = None
        self._work(line)

    def _pause(self) -> float:
        """Return how long to wait at most until something is due: a deadline, or a request that has begun to hang."""
        with self._lock:
            return self._seconds_left(clock.monotonic())

    def _seconds_left(self, now: float) -> float:
        """:meth:`_pause`, under the lock."""
        ends = [self._deadline, now + _LOOK]
        ends += [now + max(0.01, _GRACE / 3) if line.overdue(now) else line.until for line, _ in self._busy.values()]
        if self._ready and not self._halted:
            ends.append(now + _SLOW)
        ends += [since + _HANGS for _, since in self._busy.values() if since + _HANGS > now]
        return max(0.001, min(filter(None, ends)) - now)

    def _watch(self) -> None:
        """Cut slow requests; add connections if it is the server that is slow, not this process."""
        now, self._deadline = clock.monotonic(), ends_by(self._given)
        late = now >= self._deadline
        self._halted = self._halted or late
        for number, (line, _) in list(self._busy.items()):
            overdue = max(line.overdue(now), now - self._deadline)
            if overdue > 0:
                line.cut()
            if overdue > _GRACE:  # it hangs where it cannot be cut, such as in a name look-up: abandon it
                del self._busy[number]
                self._working.pop(line, None)
                self._note(number, UNTRIED if late else _LOST)
        for line in [line for line, thread in self._working.items() if own_threads.has_died(thread)]:
            self._let_go(line)
        patience = _SLOW + 6 * self._lateness  # a request waits for the interpreter's lock a few times
        slow = sum(now - since >= patience for _, since in self._busy.values())
        for _ in range(min(slow, len(self._ready))):
            if self._halted or not self._spawn():
                break

    def _let_go(self, line: Line) -> None:
        """Give back a connection whose thread ends or has ended; what it was sending is tried again. Under the lock."""
        cut_short = [number for number, (busy, _) in self._busy.items() if busy is line]
        for number in cut_short:
            del self._busy[number]
            self._note(number, UNTRIED)
        # in the middle of a request, or abandoned there
        is_broken = bool(cut_short) or line not in self._working
        self._lines.give_back(line, self, is_broken=is_broken)
        self._working.pop(line, None)  # last: until then, it is known that a thread has it, which may be ended anywhere
        if not self._working:
            self._wake()

    def _work(self, line: Line) -> None:
        """Send over a connection and give it back; runs on a thread, which the program may end by an exception."""
        try:
            self._send_ready(line)
        finally:
            with self._lock:  # also as no other thread may borrow it before this one is off the list
                self._let_go(line)

    def _send_ready(self, line: Line) -> None:
        """Send one event after another, until none is ready."""
        number = self._next(line)
        while number is not None:
            deadline = self._deadline
            outcome = self._send(self._batch[number], line, deadline)
            if outcome.verdict is Verdict.UNAVAILABLE and clock.monotonic() >= self._deadline:
                outcome = UNTRIED  # our time ran out: this says nothing of the server
            with self._lock:
                if self._busy.pop(number, None) is None:  # abandoned meanwhile, together with its connection
                    break
                self._note(number, outcome)
            number = self._next(line)

    def _next(self, line: Line) -> int | None:
        """Take the next event that may be sent; without one, this thread ends."""
        with self._lock:
            if not self._ready or self._halted or line not in self._working:
                return None
            number = heapq.heappop(self._ready)
            self._busy[number] = (line, clock.monotonic())
            return number

    def _note(self, number: int, outcome: Outcome) -> None:
        """Store an outcome and release the events that depend on it. Under the lock."""
        self._outcomes[number] = outcome
        if outcome.verdict is Verdict.UNAVAILABLE or outcome.reason == "auth" or outcome.retry_after is not None:
            self._halted = True  # the rest of the batch would fail too
        phase, span, _ = self._batch[number]
        lost_trace = outcome.verdict is Verdict.REFUSED and phase is Phase.START and span.kind == TRACE
        if outcome.verdict in SETTLED and not lost_trace:
            for later in self._then[number]:
                self._needs[later] -= 1
                if not self._needs[later]:
                    heapq.heappush(self._ready, later)


def needs(batch: Sequence[SpanEvent]) -> tuple[list[int], list[list[int]]]:
    """Return for each event how many others of the batch must be settled before it, and which ones wait for it.

    A trace's create precedes everything in it, an operation's start precedes its children and its end, events of one
    span keep their order, and a trace's end is last.
    """
    count = [0] * len(batch)
    then: list[list[int]] = [[] for _ in batch]
    last: dict[int | str, int] = {}  # span -> its latest event
    started: dict[int | str, int] = {}  # span -> its start
    of_trace: dict[int | str, list[int]] = {}
    parents_are_named = False
    for _, span, _ in batch:
        parents_are_named = parents_are_named or (span.facts is not None and "parent_event_id" in span.facts)
    for number, (phase, span, _) in enumerate(batch):
        siblings = of_trace.setdefault(span.trace.id, [])
        before: set[int] = set()
        if span.kind == TRACE and phase is Phase.END:
            before.update(siblings)
        elif siblings:
            first = batch[siblings[0]]
            if first[0] is Phase.START and first[1].kind == TRACE:
                before.add(siblings[0])
        named = span.facts.get("parent_event_id") if span.facts is not None else None
        before.add(last.get(span.id, -1))
        before.add(-1 if span.parent is None else started.get(span.parent.id, -1))
        before.add(-1 if named is None else started.get(named, -1))
        before.discard(-1)
        for earlier in before:
            then[earlier].append(number)
        count[number] = len(before)
        last[span.id] = number
        if phase is Phase.START or phase is Phase.POINT:
            started[span.id] = number
            if parents_are_named:
                started[id_text(span.id)] = number
        siblings.append(number)
    return count, then
