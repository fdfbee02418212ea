"""The REST destination: one request per event, in order where one needs another, otherwise at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
from pydantic_core import from_json, to_json

from voltagent import _clock, retry
from voltagent._http import Answer, Door, Line, Unreachable
from voltagent._span import TRACE, Event, Phase, Span
from voltagent.exporters import ACCEPTED, Outcome, Verdict
from voltagent.wire import rest

__all__ = ["RestExporter"]

_UNTRIED: Final = Outcome(Verdict.UNTRIED)
_SLOW: Final = 0.005  # seconds; a request that takes longer is worth another connection beside it
_MEMORY: Final = 50_000  # server-chosen ids that are remembered
_TRIMMED: Final = 8192  # characters that stay of a payload that was too large for the server


class RestExporter:
    """Sends events to the REST history API, over up to ``connections`` kept-alive connections."""

    name = "rest"

    def __init__(
        self,
        base_url: str,
        public_key: str,
        secret_key: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        connections: int = 16,
    ) -> None:
        fixed = {"content-type": "application/json"}
        if public_key or secret_key:
            fixed |= {"x-public-key": public_key, "x-secret-key": secret_key}
        self._door = Door(base_url, fixed, extra=headers, timeout=timeout, transport=transport)
        self._connections = connections
        self._lines: list[Line] = []  # idle ones
        self._ids: dict[int | str, dict[int | str, str]] = {}  # trace -> our id -> the id the server chose

    def export(self, batch: Sequence[Event], deadline: float) -> Sequence[Outcome]:
        """Send the events; see :class:`voltagent.exporters.Exporter`."""
        return _Round(self, batch, deadline).run()

    def forget(self, trace_id: int | str) -> None:
        """The trace is over."""
        self._ids.pop(trace_id, None)

    def after_fork(self) -> None:
        """In a forked child: the connections are the parent's."""
        self._lines = []

    def close(self) -> None:
        """Close the idle connections."""
        lines, self._lines = self._lines, []
        for line in lines:
            line.close()

    # ------------------------------------------------------------------------------------------------------ for a round

    def borrow(self) -> Line:
        """A connection for one thread."""
        try:
            return self._lines.pop()
        except IndexError:
            return self._door.line()

    def give_back(self, line: Line) -> None:
        """The thread is done with its connection."""
        self._lines.append(line)

    @property
    def connections(self) -> int:
        """How many requests may be under way at once."""
        return self._connections

    def send(self, event: Event, line: Line, deadline: float) -> Outcome:
        """Send one event, and say what became of it."""
        span = event[1]
        chosen = self._ids.get(span.trace.id) or {}

        def ids(identifier: int | str) -> str:
            return chosen.get(identifier) or _clock.id_text(identifier)

        try:
            request = rest.request(event, ids)
            answer = line.send(*request, deadline)
            if answer.status == 404 and request.method == "PATCH" and _created_here(span):
                line.send(*_start_of(span, ids), deadline)
                answer = line.send(*request, deadline)
            elif answer.status == 413 and _trim(event):
                answer = line.send(*rest.request(event, ids), deadline)
        except Unreachable as fault:
            return Outcome(Verdict.UNAVAILABLE, detail=str(fault))
        except Exception as fault:  # a payload that cannot be written costs its own event only
            return Outcome(Verdict.REFUSED, "serialize_error", type(fault).__name__)
        if event[0] in (Phase.START, Phase.POINT) and 200 <= answer.status < 300:
            self._follow(span, answer)
        return _outcome(answer, creates=request.method == "POST")

    def _follow(self, span: Span, answer: Answer) -> None:
        """Where the server chose an id of its own, that is the object's id there from now on."""
        ours = _clock.id_text(span.id)
        if ours.encode() in answer.body or not answer.body.startswith(b"{"):
            return
        try:
            theirs: Any = from_json(answer.body).get("id")
        except ValueError:
            return  # any 2xx means stored, whatever the body is
        if isinstance(theirs, int) and not isinstance(theirs, bool):
            theirs = str(theirs)
        if isinstance(theirs, str) and theirs and theirs != ours:
            self._ids.setdefault(span.trace.id, {})[span.id] = theirs
            if len(self._ids) > _MEMORY:
                del self._ids[next(iter(self._ids))]


class _Round:
    """One batch on its way: what can go now, what waits for what, and the threads that send."""

    def __init__(self, exporter: RestExporter, batch: Sequence[Event], deadline: float) -> None:
        self._exporter = exporter
        self._batch = batch
        self._deadline = deadline
        self._outcomes: list[Outcome | None] = [None] * len(batch)
        self._needs, self._then = _order(batch)
        self._ready = deque(number for number, count in enumerate(self._needs) if count == 0)
        self._changed = threading.Condition(threading.Lock())
        self._busy: dict[int, tuple[Line, float]] = {}  # event under way -> its connection, and since when
        self._threads = 0
        self._halted = False

    def run(self) -> list[Outcome]:
        """Send what can be sent by the deadline."""
        if not self._spawn():
            self._work()  # no thread can be started, as at the end of a process: here, one after the other
        with self._changed:
            while (self._ready and not self._halted) or self._busy:
                self._watch()
                self._changed.wait(self._pause())
            self._changed.notify_all()  # the threads that wait for more have nothing to wait for
            return [outcome or _UNTRIED for outcome in self._outcomes]

    def _spawn(self) -> bool:
        try:
            threading.Thread(target=self._work, name="voltagent-rest", daemon=True).start()
        except RuntimeError:
            return False
        self._threads += 1
        return True

    def _pause(self) -> float:
        if self._ready and self._threads < self._exporter.connections:
            return _SLOW
        ends = [line.until for line, _ in self._busy.values() if line.until]
        return max(0.001, min([*ends, self._deadline, _clock.monotonic() + 1.0]) - _clock.monotonic())

    def _watch(self) -> None:
        """Cut what takes too long; add a connection where the server, and not we, is what takes the time."""
        now = _clock.monotonic()
        if now >= self._deadline and not self._halted:
            self._halted = True
            self._changed.notify_all()
        for number, (line, _) in list(self._busy.items()):
            if line.until and now >= line.until:
                line.cut()
                if now >= line.until + 0.5:  # it hangs where it cannot be cut, in a name look-up: leave it behind
                    self._settle(number, Outcome(Verdict.UNAVAILABLE, detail="no answer in time"))
        slow = any(now - since > _SLOW for _, since in self._busy.values())
        if slow and self._ready and not self._halted and self._threads < self._exporter.connections:
            self._spawn()

    # ------------------------------------------------------------------------------------------------------- workers

    def _work(self) -> None:
        line = self._exporter.borrow()
        while (number := self._next(line)) is not None:
            outcome = self._exporter.send(self._batch[number], line, self._deadline)
            with self._changed:
                if number not in self._busy:  # left behind meanwhile: so is this connection
                    return
                self._settle(number, outcome)
        self._exporter.give_back(line)

    def _next(self, line: Line) -> int | None:
        with self._changed:
            while True:
                if self._halted or (not self._ready and not self._busy):
                    return None
                if self._ready:
                    number = self._ready.popleft()
                    self._busy[number] = (line, _clock.monotonic())
                    return number
                self._changed.wait()

    def _settle(self, number: int, outcome: Outcome) -> None:
        """Note an outcome, and let go what waited for it. Under the lock."""
        del self._busy[number]
        self._outcomes[number] = outcome
        if outcome.verdict is Verdict.UNAVAILABLE or outcome.reason == "auth" or outcome.retry_after is not None:
            self._halted = True  # it will not like the rest of the batch better
        lost_trace = outcome.verdict is Verdict.REFUSED and _is_create(self._batch[number])
        if outcome.verdict in (Verdict.ACCEPTED, Verdict.REFUSED) and not lost_trace:
            for later in self._then[number]:
                self._needs[later] -= 1
                if self._needs[later] == 0:
                    self._ready.append(later)
        self._changed.notify_all()


def _order(batch: Sequence[Event]) -> tuple[list[int], list[list[int]]]:
    """For each event how many others in the batch must be accepted before it, and which ones wait for it.

    A trace's create goes before everything in it, an operation's start before its children and its end, what concerns
    one span in its order, and a trace's end last.
    """
    needs = [0] * len(batch)
    then: list[list[int]] = [[] for _ in batch]
    last: dict[int, int] = {}  # span -> its latest event
    started: dict[int, int] = {}  # span -> its start
    of_trace: dict[int | str, list[int]] = {}
    for number, (phase, span, _) in enumerate(batch):
        key = id(span)
        before = {last.get(key), started.get(id(span.parent)), *(_whole_trace(phase, span, of_trace))}
        before |= {of_trace[span.trace.id][0]} if span.trace.id in of_trace else set()
        for earlier in before - {None}:
            assert earlier is not None  # for the type checkers
            then[earlier].append(number)
            needs[number] += 1
        last[key] = number
        if phase in (Phase.START, Phase.POINT):
            started[key] = number
        if span.kind == TRACE and phase is Phase.START:
            of_trace[span.trace.id] = [number]
        else:
            of_trace.setdefault(span.trace.id, []).append(number)
    return needs, then


def _whole_trace(phase: Phase, span: Span, of_trace: Mapping[int | str, list[int]]) -> list[int]:
    return of_trace.get(span.trace.id, []) if span.kind == TRACE and phase is Phase.END else []


def _is_create(event: Event) -> bool:
    return event[0] is Phase.START and event[1].kind == TRACE


def _created_here(span: Span) -> bool:
    """Whether we know enough of a trace or an operation to create it once more."""
    return bool(span.trace.agent_id)


def _start_of(span: Span, ids: rest.Ids) -> rest.Request:
    return rest.create(span) if span.kind == TRACE else rest.request((Phase.START, span, None), ids)


def _trim(event: Event) -> bool:
    """Cut the payloads of an event that the server found too large; whether there was something to cut."""
    phase, span, _ = event
    name = "output" if phase is Phase.END else "input"
    payload: bytes | None = getattr(span, name)
    if payload is None or len(payload) <= 2 * _TRIMMED:
        return False
    head = payload.decode("utf-8", "replace")[:_TRIMMED]
    setattr(span, name, to_json({"truncated": True, "originalSize": len(payload), "head": head}))
    return True


def _outcome(answer: Answer, *, creates: bool) -> Outcome:
    status = answer.status
    if status == 409 and creates:  # it is there already: an earlier try got through
        return ACCEPTED
    wait = retry.retry_after(answer.headers.get("retry-after"), _clock.nanoseconds() / 1e9)
    return retry.outcome_of(status, f"HTTP {status} {_text_of(answer)}", wait)


def _text_of(answer: Answer) -> str:
    """Server text for the log: escaped, and cut."""
    return ascii(answer.body[:400].decode("utf-8", "replace"))[:200]
