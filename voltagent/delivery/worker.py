"""The way to one destination: its intake, and the one thread that empties it, with retries and counts of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol, runtime_checkable

from voltagent.core import clock, guard
from voltagent.core.awaitable import loop_is_running
from voltagent.core.span import CANCELLED, Phase, Span, SpanEvent
from voltagent.delivery import process_hooks
from voltagent.delivery.process_hooks import Stop
from voltagent.delivery.queue import BATCH_BYTES, BATCH_EVENTS, Intake, Rules
from voltagent.delivery.report import Report, ReportFuture
from voltagent.exporters import Announcing, Exporter, Outcome, Trailing, Verdict
from voltagent.exporters.http_status import RETRY_AFTER_CAP
from voltagent.tracing.token_counts import settle

_END: Final = Phase.END

_GATHER_SECONDS: Final = 0.05
_SLOW_BATCH: Final = 5.0  # seconds; after one that took longer, batches become smaller
_NOTHING_TRIED: Final = 0.02  # seconds to wait after a batch of which nothing was tried: no loop must spin
_WORKER_SECONDS: Final = 0.05  # that the end of an outermost operation may take in a child of `multiprocessing`
_LOOK: Final = 0.1  # seconds between two looks at requests that still wait for an answer
_UNFINISHED: Final = b'{"unfinished":true}'
_NEVER: Final = float("inf")
_AGAIN: Final = (Verdict.RETRY, Verdict.UNAVAILABLE)


@runtime_checkable
class DeadlineExporter(Protocol):
    """An exporter that can be told, from another thread, to end its ``export`` sooner, and shows its progress."""

    last_answer: float  # on `clock.monotonic`

    def set_deadline(self, deadline: float) -> None:
        """End an ``export`` that is going on by ``deadline``."""
        ...


class Worker(Intake):
    """One destination with its own queue, thread, retries and counts."""

    def __init__(self, exporter: Exporter, rules: Rules, process: Callable[[SpanEvent], SpanEvent | None]) -> None:
        super().__init__(exporter.name, rules, getattr(exporter, "place", exporter.name))
        self.exporter = exporter
        self._deadline_exporter = exporter if isinstance(exporter, DeadlineExporter) else None
        self._trailing = exporter if isinstance(exporter, Trailing) else None
        self._process = process
        self._loses = True  # at a shutdown, what could not be sent
        process_hooks.watch(self)

    def _begin(self, forked_at: int) -> None:
        super()._begin(forked_at)
        self._counted = False  # whether the losses were added for the last time
        self._flying: dict[
            int, tuple[SpanEvent, SpanEvent]
        ] = {}  # by id: an event as it was sent, and as it waited here
        self._futures: deque[ReportFuture] = deque()
        self._stop: Stop | None = None
        self._asked = False  # a flush wants what was recorded before it to be sent, however short its patience
        self._due = _NEVER  # when what waits must be sent
        self._round = False  # all that waits is being sent; nothing newer is taken in meanwhile
        self._quiet_until = 0.0  # the destination is left alone until then
        self._key_refused = False  # all that comes until then is dropped
        self._probing = False  # the next batch is one event, to see whether the destination is back
        self._batch_limit = BATCH_EVENTS

    # ------------------------------------------------------------------------------------- flush, shutdown, statistics

    def flush(self, future: ReportFuture) -> None:
        """Send what was recorded so far; the promise is kept when that is done."""
        self._futures.append(future)
        self._asked = True
        self._call_thread(future.deadline)

    def shutdown(self, future: ReportFuture, *, gives_up: bool = False) -> None:
        """End what is open as cancelled, send everything, and take nothing more; ``gives_up``: while there is hope."""
        self._closed = True
        self._limit = -1
        self._stop = self._stop or Stop(clock.monotonic(), future.deadline, gives_up=gives_up)
        self._futures.append(future)
        if self._deadline_exporter is not None:
            self._deadline_exporter.set_deadline(self._stop.batch_until(clock.monotonic()))
        self._call_thread(future.deadline)

    def stats(self) -> Report:
        """The counts so far. Once the time of a shutdown is over, what was not sent is lost."""
        report, stop = super().stats(), self._stop
        if stop is None or not report.pending or not (stop.final and self._loses and stop.is_over(clock.monotonic())):
            return report
        return replace(report, pending=0) + Report(dropped={"shutdown_timeout": report.pending})

    def _answered(self) -> int:
        answered = self._trailing.accepted_so_far() if self._trailing is not None else 0
        return min(answered, self._backlog.count)

    def _send_soon(self) -> None:
        future = ReportFuture(clock.monotonic() + _WORKER_SECONDS, self.stats, [self])
        self.flush(future)
        future.result()

    def _call_thread(self, deadline: float) -> None:
        if self._thread is None and not self._has_work():
            self._resolve_futures(_NEVER)
        elif self._start():
            self._mark = self._space
            self._ring()
        elif loop_is_running():
            self._resolve_futures(_NEVER)  # no thread can send this now, and a loop must not be blocked: say the truth
        else:
            self._run_here(deadline)

    def _has_work(self) -> bool:
        held = self._backlog
        return bool(self._intake or self._refused or held.count or (held.open and self._stop is not None))

    def _run_here(self, deadline: float) -> None:
        """Send on this thread, as no other can be had."""
        if not self._starting.acquire(blocking=False):
            return  # somebody is at it
        try:
            leaving = process_hooks.left()
            self._loop(self._stop or Stop(clock.monotonic(), deadline, final=False, leaving=leaving))
        finally:
            self._starting.release()

    def count_losses(self) -> None:
        """Add what was lost to the losses of the process. Call it when nothing more will be sent."""
        if not self._counted:
            self._counted = self._closed  # what comes after a shutdown is refused, and reported where it is recorded
            self._losses.add(self.stats(), keeps=not self._loses)

    # ---------------------------------------------------------------------------------------- leaving and being forked

    def exit_timeout(self) -> float:
        """The longest that an exit may wait for this destination while it answers."""
        return self._rules.timeout

    def leave(self, stop: Stop) -> None:
        """The process is about to end: finish by the rules for that. Does not wait."""
        self._stop = self._stop or stop
        if self._deadline_exporter is not None:
            self._deadline_exporter.set_deadline(stop.batch_until(clock.monotonic()))
        if self._thread is not None:
            self._ring()

    def wait_until_left(self, stop: Stop) -> None:
        """Wait for the thread to finish, as long as there is hope; without a thread, finish here."""
        thread = self._thread
        if thread is None and self._has_work():
            self._run_here(stop.at_latest)
        while thread is not None and thread.is_alive():
            heard = self._deadline_exporter.last_answer if self._deadline_exporter is not None else 0.0
            left = stop.patience(clock.monotonic(), heard)
            if left <= 0:
                break
            thread.join(min(left, 0.5))
        self._limit = -1  # what later hooks record is sent by `_put_carefully`

    def after_fork(self) -> None:
        """In a forked child: what was pending is the parent's to send."""
        self._begin(clock.nanoseconds())
        self.exporter.after_fork()

    # ------------------------------------------------------------------------------------------------------ its thread

    def _run(self) -> None:
        me = threading.current_thread()
        if isinstance(self.exporter, Announcing):
            with guard.guard:
                self.exporter.announce()
        try:
            while self._thread is me:
                try:
                    self._loop(None)
                    return
                except Exception as exc:  # noqa: PERF203 - an error of ours must not end the sending for good
                    guard.Guard.swallowed(exc)
                    self._wake_up.acquire(timeout=1.0)
        finally:
            if self._thread is me:
                self._thread = None

    def _loop(self, own_stop: Stop | None) -> None:
        while True:
            self._drain()
            now = clock.monotonic()
            stop = own_stop or self._stop
            self._collect(now, stop)
            if stop is not None:
                if stop.final:
                    self._end_what_is_open()
                if not self._backlog.count or stop.patience(now, self._last_answer()) <= 0:
                    self._finish(stop)
                    return
            self._resolve_futures(now)
            batch = self._choose(now, stop)
            if batch:
                self._send(batch, now, stop)
            elif stop is None or self._still_worth_it(stop, now):
                self._sleep(now, stop)

    def _last_answer(self) -> float:
        return self._deadline_exporter.last_answer if self._deadline_exporter is not None else 0.0

    def _still_worth_it(self, stop: Stop, now: float) -> bool:
        ready_at = now if self._backlog.has_ready() else self._backlog.next_release() or now
        stop.waits_until(max(self._quiet_until, ready_at))
        return stop.patience(now, self._last_answer()) > 0

    def _drain(self) -> None:
        """Take in what was recorded, unless a round is on that has older things to send."""
        now = clock.monotonic()
        if self._round and self._backlog.has_ready() and now >= self._quiet_until and not self._probing:
            return
        self._round = False
        asked, self._asked = self._asked, False
        self._take_in()
        self._bytes = self._on_way  # heals what threads may have overwritten
        if self._key_refused:
            with self._lock:
                self._backlog.drop_waiting("auth")
            self._key_refused = now < self._quiet_until
        if asked and self._backlog.count:
            self._due = now
        elif self._due == _NEVER and self._backlog.has_ready() and self._rules.flush_interval is not None:
            self._due = now + self._rules.flush_interval
        self._note_space()

    def _take_in(self) -> None:
        while self._intake or self._refused:
            with self._lock:
                self._count_refused()
                self._move(2048)

    def _choose(self, now: float, stop: Stop | None) -> list[SpanEvent]:
        """The next batch, if one is due and the destination can be asked."""
        held = self._backlog
        released = held.release(now)
        if not held.has_ready() or now < self._quiet_until:
            return []
        if released or self._due <= now or self._futures or stop is not None or self._probing:
            self._round = True
            self._due = _NEVER
        elif not self._round and held.count < BATCH_EVENTS and held.size < BATCH_BYTES:
            return []
        with self._lock:
            held.free(8 * BATCH_EVENTS)
            return held.batch(1 if self._probing else self._batch_limit, BATCH_BYTES)

    def _sleep(self, now: float, stop: Stop | None) -> None:
        """Wait for the bell, or until something is due. An idle lane waits without a limit, so it costs nothing."""
        held = self._backlog
        mark = max(1, min(BATCH_EVENTS - held.count, self._space)) if held.count else 1
        if now < self._quiet_until and (held.count or self._key_refused):
            mark = self._space
        self._mark = mark
        if len(self._intake) < mark:  # looked at after the mark was set: no event can slip in between
            wake = self._wake_time(now, stop)
            rang = self._wake_up.acquire(timeout=-1 if wake == _NEVER else max(0.0, wake - clock.monotonic()))
            if rang and not self._futures and stop is None and self._stop is None:
                self._gather()
        self._mark = self._space

    def _gather(self) -> None:
        """Let a burst of calls end before it is worked on: this thread would take the interpreter from the callers."""
        self._mark = min(self._space, 8 * BATCH_EVENTS)
        self._wake_up.acquire(timeout=min(_GATHER_SECONDS, self._rules.flush_interval or _GATHER_SECONDS))

    def _wake_time(self, now: float, stop: Stop | None) -> float:
        held = self._backlog
        times = [future.deadline for future in list(self._futures)]
        if self._flying:
            times.append(now + _LOOK)
        if stop is not None:
            times.append(now + max(0.0, stop.patience(now, self._last_answer())))
        if self._key_refused:
            times.append(self._quiet_until)
        if held.has_ready():
            asked_for = self._futures or stop is not None or self._probing or self._round
            times.append(max(now if asked_for else self._due, self._quiet_until))
        release = held.next_release()
        if release is not None:
            times.append(max(release, self._quiet_until))
        return min(times, default=_NEVER)

    # --------------------------------------------------------------------------------------------------------- sending

    def _send(self, batch: list[SpanEvent], now: float, stop: Stop | None) -> None:
        until = now + 2 * self._rules.timeout if stop is None else stop.batch_until(now)
        answers = self._answers(batch, until)
        ended = clock.monotonic()
        slow = ended - now > _SLOW_BATCH
        self._batch_limit = max(16, self._batch_limit // 2) if slow else min(BATCH_EVENTS, self._batch_limit * 2)
        with self._lock:
            self._backlog.settle(batch, answers, ended)
        self._heed(answers, now, ended)
        self._after(answers, now, ended, stop)

    def _after(self, answers: Sequence[Outcome], now: float, ended: float, stop: Stop | None) -> None:
        if stop is not None:
            stop.saw({answer.verdict for answer in answers}, ended)
        self._log_messages.heard(answers, self._backlog.dropped)
        self._log_messages.batch(answers, ended - now)
        self._note_space()
        over, self._backlog.over = self._backlog.over, []
        for identifier in over:
            self.exporter.forget(identifier)

    def _answers(self, batch: list[SpanEvent], until: float) -> list[Outcome]:
        """The outcomes of a batch: what the processors give up is refused, the exporter answers the rest."""
        processed = [self._processed(event) for event in batch]
        ready = [event for event in processed if event is not None]
        outcomes = self._export(ready, until) if ready else ()
        self._note_flying(ready, [event for event, safe in zip(batch, processed, strict=True) if safe], outcomes)
        answers = iter(outcomes)
        return [_NOT_SAFE if event is None else next(answers) for event in processed]

    def _note_flying(
        self, sent: Sequence[SpanEvent], waiting: Sequence[SpanEvent], outcomes: Sequence[Outcome]
    ) -> None:
        for as_sent, event, outcome in zip(sent, waiting, outcomes, strict=True):
            if outcome.verdict is Verdict.IN_FLIGHT:
                self._flying[id(as_sent)] = (as_sent, event)

    def _collect(self, now: float, stop: Stop | None) -> None:
        """Account for answers to requests that were left waiting."""
        if not self._flying or self._trailing is None:
            return
        landed = [(self._flying.pop(id(sent))[1], outcome) for sent, outcome in self._trailing.late()]
        if landed:
            events, answers = [event for event, _ in landed], [outcome for _, outcome in landed]
            with self._lock:
                self._backlog.land(events, answers, now)
            if self._last_answer() < now - self._rules.probe_seconds or any(one.reason == "auth" for one in answers):
                self._heed(answers, now, now)  # else it takes others: one request that failed says nothing of it
            self._after([one for one in answers if one.verdict is not Verdict.UNAVAILABLE], now, now, stop)

    def _processed(self, event: SpanEvent) -> SpanEvent | None:
        try:
            processed = self._process(event)
        except Exception as exc:  # an event that cannot be made safe is never sent as it is
            guard.Guard.swallowed(exc)
            processed = None
        if processed is None and event[0] is not _END:
            _withhold(event[1])
        return processed

    def _export(self, events: list[SpanEvent], until: float) -> Sequence[Outcome]:
        try:
            answers = self.exporter.export(events, until)
        except Exception as exc:  # exporters do not raise; one of the user's own may
            guard.Guard.swallowed(exc)
            return [Outcome(Verdict.RETRY, detail=type(exc).__qualname__)] * len(events)
        if len(answers) != len(events):
            return [Outcome(Verdict.RETRY, detail="the exporter gave no outcome for some events")] * len(events)
        return answers

    def _heed(self, answers: Sequence[Outcome], began: float, now: float) -> None:
        """Draw the conclusions for the destination as a whole."""
        verdicts = {answer.verdict for answer in answers}
        asked = max((answer.retry_after or 0.0 for answer in answers if answer.verdict in _AGAIN), default=0.0)
        if asked:
            self._quiet_until = now + min(asked, RETRY_AFTER_CAP)
        if any(answer.reason == "auth" for answer in answers):
            self._quiet_until = now + self._rules.auth_seconds
            self._key_refused = self._probing = True
        elif Verdict.UNAVAILABLE in verdicts and Verdict.ACCEPTED not in verdicts:
            self._quiet_until = max(self._quiet_until, began + self._rules.probe_seconds)
            self._probing = True
        elif Verdict.ACCEPTED in verdicts or Verdict.REFUSED in verdicts:
            self._probing = False
        elif verdicts == {Verdict.UNTRIED}:
            self._quiet_until = max(self._quiet_until, now + _NOTHING_TRIED)

    # ----------------------------------------------------------------------------------------------- promises and ends

    def _resolve_futures(self, now: float) -> None:
        """Report to those who wait: when all is settled, or when their time is up."""
        settled = self._is_settled()
        for future in list(self._futures):
            if settled or future.deadline <= now:
                try:
                    self._futures.remove(future)
                except ValueError:
                    continue
                future.worker_done(self)

    def _left_open(self) -> list[Span]:
        return list(reversed(self._backlog.open))

    def _is_settled(self) -> bool:
        return not self._backlog.count and not self._intake and self._stop is None

    def _end_what_is_open(self) -> None:
        """End the spans that nobody ended, children first, as cancelled and unfinished."""
        with self._lock:
            for span in self._left_open():
                if span.end_ns is None:
                    _cancel(span)
                if any(more is _UNFINISHED for more in span.more_metadata):  # by us: by another lane perhaps
                    self._take_end(span)

    def _take_end(self, span: Span) -> None:
        """Let the end of a span wait that nobody ended. Under the lock."""
        self._backlog.take((_END, span, None))

    def _finish(self, stop: Stop) -> None:
        if stop.final:
            flying, self._flying = [event for _, event in self._flying.values()], {}
            with self._lock:
                self._backlog.land(flying, [Outcome(Verdict.UNTRIED)] * len(flying), clock.monotonic())
            self._leave_behind()
            self._log_messages.finished(self.stats())
            self.count_losses()
            self.exporter.close()
            if stop.leaving:
                self._stop = None
            self._thread = None  # before the promises are kept: a flush that comes now must not wait for us
        self._resolve_futures(_NEVER)

    def _leave_behind(self) -> None:
        with self._lock:
            self._move(len(self._intake))
            self._log_messages.left_behind(self._backlog.drop_waiting("shutdown_timeout"))


_NOT_SAFE: Final = Outcome(Verdict.REFUSED, "serialize_error", "it could not be made safe to send")


def _withhold(span: Span) -> None:
    """Keep nothing of a start that could not be made safe: its end would bring it along."""
    span.name, span.input, span.metadata, span.tags, span.facts = "[redaction failed]", None, None, None, None


def _cancel(span: Span) -> None:
    span.more_metadata = (*span.more_metadata, _UNFINISHED)
    span.status = CANCELLED
    span.end_ns = span.time_of_end()
    with guard.guard:
        settle(span)  # the tokens of what is below it
