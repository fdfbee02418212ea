"""Send one batch over several connections: dependencies between events, and the sending threads.

The threads live as long as the batch. One thread sends the events in order; if the server is slow, more are added, up
to the number of connections. The calling thread supervises them.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from voltagent.core import clock
from voltagent.core.clock import id_text
from voltagent.core.process import sending
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.exporters import Outcome, Verdict
from voltagent.exporters.http import Line

_UNTRIED: Final = Outcome(Verdict.UNTRIED)
_LOST: Final = Outcome(Verdict.UNAVAILABLE, detail="no answer in time")
_SLOW: Final = 0.003  # seconds; a slower request justifies another connection
_HANGS: Final = 0.5  # seconds; a slower request is left unanswered while there are connections for the next batch
_IN_FLIGHT: Final = Outcome(Verdict.IN_FLIGHT)
_GRACE: Final = 0.3  # seconds in which a thread must return after its connection was cut
_SETTLED: Final = (Verdict.ACCEPTED, Verdict.REFUSED)


class Lines(Protocol):
    """The source of connections."""

    def borrow(self) -> Line: ...
    def give_back(self, line: Line) -> None: ...
    def free(self) -> int:
        """Return how many more may be borrowed."""
        ...

    def most(self) -> int:
        """Return the limit."""
        ...


class Round:
    """Sends the events of one batch with ``send``; :meth:`run` returns their outcomes in the order of the batch."""

    def __init__(
        self,
        send: Callable[[SpanEvent, Line, float], Outcome],
        lines: Lines,
        batch: Sequence[SpanEvent],
        deadline: float,
    ) -> None:
        self._send = send
        self._lines = lines
        self._batch = batch
        self._deadline = deadline
        self._outcomes: list[Outcome | None] = [None] * len(batch)
        self._needs, self._then = needs(batch)
        self._ready = [number for number, count in enumerate(self._needs) if count == 0]  # a heap, as it is sorted
        self._changed = threading.Condition()  # re-entrant: a finalizer may shut down while this thread holds it
        self._busy: dict[int, tuple[Line, float]] = {}  # event in progress -> its connection, and since when
        self._threads = 0
        self._halted = False
        self._reported = False  # `run` has ended; later answers are for `late`
        self._late_ones: list[int] = []
        self._lateness = 0.0  # seconds by which wake-ups are late: the program is busy, not the server

    def run(self) -> list[Outcome]:
        """Send what can be sent by the deadline."""
        if self._lines.free() <= 0:
            self._outcomes[0] = _LOST  # every connection hangs
        elif not self._spawn():
            self._threads = 1
            self._work(self._lines.borrow())  # no thread can be started, as at exit: send here, in order
        with self._changed:
            self._wait()
            self._reported = self._halted = True
            return self._result()

    def _wait(self) -> None:
        """Wait until the batch is done or its time has run out. Under the lock."""
        while self._threads:
            pause, began = self._pause(), clock.monotonic()
            if not self._changed.wait(pause):
                self._lateness = max(clock.monotonic() - began - pause, self._lateness / 2)
            self._watch()
            if self._may_leave():
                break

    def _result(self) -> list[Outcome]:
        return [
            _IN_FLIGHT if number in self._busy else outcome or _UNTRIED for number, outcome in enumerate(self._outcomes)
        ]

    @property
    def trails(self) -> bool:
        """Whether a request is unanswered that :meth:`late` will report."""
        return bool(self._busy or self._late_ones)

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the outcomes that arrived after :meth:`run`."""
        with self._changed:
            self._watch()
            numbers, self._late_ones = self._late_ones, []
            return [(self._batch[number], self._outcomes[number] or _UNTRIED) for number in numbers]

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the settled events so far, with their outcomes."""
        found = zip(self._batch, list(self._outcomes), strict=True)
        return [(event, outcome) for event, outcome in found if outcome is not None and outcome.verdict in _SETTLED]

    def _may_leave(self) -> bool:
        """Return whether only hanging requests remain, and few enough to leave connections for the next batch."""
        if self._halted or self._ready or not self._busy or self._threads != len(self._busy):
            return False
        now = clock.monotonic()
        hang = all(now - since >= _HANGS for _, since in self._busy.values())
        return hang and 2 * self._lines.free() >= self._lines.most() > 1

    def set_deadline(self, deadline: float) -> None:
        """End at an earlier deadline."""
        with self._changed:
            self._deadline = min(self._deadline, deadline)
            self._changed.notify()

    def _spawn(self) -> bool:
        """Start one more thread with a connection of its own, if one is free; whether it was started."""
        if self._lines.free() <= 0:
            return False
        line = self._lines.borrow()
        self._threads += 1
        if sending.start_thread(lambda: self._work(line), "voltagent-rest"):
            return True
        self._threads -= 1
        self._lines.give_back(line)
        return False

    def _pause(self) -> float:
        """Return how long to wait at most until something is due: a deadline, or a request that has begun to hang."""
        now = clock.monotonic()
        ends = [self._deadline, now + 1.0]
        ends += [now + max(0.01, _GRACE / 3) if line.overdue(now) else line.until for line, _ in self._busy.values()]
        if self._ready and not self._halted:
            ends.append(now + _SLOW)
        ends += [since + _HANGS for _, since in self._busy.values() if since + _HANGS > now]
        return max(0.001, min(end for end in ends if end) - now)

    def _watch(self) -> None:
        """Cut slow requests; add connections if it is the server that is slow, not this process."""
        now = clock.monotonic()
        late = now >= self._deadline
        self._halted = self._halted or late
        for number, (line, _) in list(self._busy.items()):
            overdue = max(line.overdue(now), now - self._deadline)
            if overdue > 0:
                line.cut()
            if overdue > _GRACE:  # it hangs where it cannot be cut, such as in a name look-up: abandon it
                del self._busy[number]
                self._threads -= 1
                self._note(number, _UNTRIED if late else _LOST)
        patience = _SLOW + 6 * self._lateness  # a request waits for the interpreter's lock a few times
        slow = sum(now - since >= patience for _, since in self._busy.values())
        for _ in range(min(slow, len(self._ready))):
            if self._halted or not self._spawn():
                break

    def _work(self, line: Line) -> None:
        """Send one event after another over a connection, until none is ready; runs on a thread."""
        number = self._next(line)
        while number is not None:
            deadline = self._deadline
            outcome = self._send(self._batch[number], line, deadline)
            if outcome.verdict is Verdict.UNAVAILABLE and clock.monotonic() >= self._deadline:
                outcome = _UNTRIED  # our time ran out: this says nothing of the server
            with self._changed:
                if self._busy.pop(number, None) is None:  # abandoned meanwhile, together with its connection
                    line.close()
                    break
                self._note(number, outcome)
            number = self._next(line)
        self._lines.give_back(line)

    def _next(self, line: Line) -> int | None:
        """Take the next event that may be sent; without one, this thread ends."""
        with self._changed:
            if self._ready and not self._halted:
                number = heapq.heappop(self._ready)
                self._busy[number] = (line, clock.monotonic())
                return number
            self._threads -= 1
            if not self._threads:
                self._changed.notify()
            return None

    def _note(self, number: int, outcome: Outcome) -> None:
        """Store an outcome and release the events that depend on it. Under the lock."""
        self._outcomes[number] = outcome
        if self._reported:
            self._late_ones.append(number)
            return
        if outcome.verdict is Verdict.UNAVAILABLE or outcome.reason == "auth" or outcome.retry_after is not None:
            self._halted = True  # the rest of the batch would fail too
        phase, span, _ = self._batch[number]
        lost_trace = outcome.verdict is Verdict.REFUSED and phase is Phase.START and span.kind == TRACE
        if outcome.verdict in _SETTLED and not lost_trace:
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
