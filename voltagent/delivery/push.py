"""Send stored traces to a destination later, with the same sender and exporters as those sent at once.

A trace is settled when the destination has answered for all of its events, which is noted in the store at once. If this
is interrupted, the next run continues with the unsettled traces; a trace in progress is sent again from its beginning,
under the same ids.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Final, cast

from voltagent.core import clock
from voltagent.core.clock import id_text
from voltagent.core.span import CANCELLED, Phase, SpanEvent
from voltagent.delivery.closing import UNFINISHED
from voltagent.delivery.sender import Sender
from voltagent.exporters import Exporter, Outcome, Verdict
from voltagent.storage.traces.store import Store

_EVENTS: Final = 2048  # approximate limit of events in progress: a few batches
_TRACES: Final = 256
_LOOK: Final = 0.1  # seconds between two checks whether to stop
_HOPELESS: Final = 20  # traces in a row of which an available destination accepted nothing
_GRACE: Final = 2.0  # seconds for traces in progress after an interrupt by the user


@dataclass(slots=True)
class Result:
    """What happened to the traces: ``sent + rejected + left + gone`` is their number."""

    sent: int = 0
    rejected: int = 0  # of these, the destination refused at least one event permanently
    left: int = 0  # to be sent next time
    gone: int = 0  # deleted from the store meanwhile
    stopped: str = ""  # why some were not tried, if so
    refusals: dict[str, str] = field(default_factory=dict[str, str])  # rejected trace -> the reason in a few words


@dataclass(slots=True)
class _Account:
    """The outcomes so far for the events of one trace."""

    events: int
    has_accepted: bool = False
    taken: dict[int, SpanEvent] = field(default_factory=dict[int, SpanEvent])  # also those sent with ends, by id
    refused: int = 0
    reason: str = ""


class _Ledger:
    """An exporter around another one that keeps the accounts of traces."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter: Any = exporter  # with all that the network exporters have
        self.open: dict[int | str, _Account] = {}
        self.finished: SimpleQueue[int | str] = SimpleQueue()
        self.key_refused = ""
        self.away_since: float | None = None  # on `clock.monotonic`
        self.reason = ""  # of the last refusal

    def __getattr__(self, name: str) -> Any:
        """Return the name of the exporter, and what else it has."""
        return getattr(self._exporter, name)

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        """Export a batch, and note for each trace what the destination has taken."""
        outcomes: Sequence[Outcome] = self._exporter.export(batch, deadline)
        self._note(list(zip(batch, outcomes, strict=True)))
        return outcomes

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        """Note the answers to slow requests, too; see :class:`voltagent.exporters.Trailing`."""
        found: list[tuple[SpanEvent, Outcome]] = self._exporter.late()
        self._note(found)
        return found

    def _note(self, found: Sequence[tuple[SpanEvent, Outcome]]) -> None:
        """Note for each trace what the destination has taken, and since when there was no answer at all."""
        for event, outcome in found:
            self._enter(event, outcome)
        verdicts = {outcome.verdict for _, outcome in found}
        if verdicts & {Verdict.ACCEPTED, Verdict.REFUSED, Verdict.RETRY}:
            self.away_since = None
        elif Verdict.UNAVAILABLE in verdicts and self.away_since is None:
            self.away_since = clock.monotonic()

    def _enter(self, event: SpanEvent, outcome: Outcome) -> None:
        """Note the outcome of one event for its trace."""
        _, span, _ = event
        account = self.open.get(span.trace.id)
        self.reason = outcome.detail or self.reason
        if outcome.reason == "auth":
            self.key_refused = outcome.detail or "the key was refused"
        elif account is not None and outcome.verdict in (Verdict.ACCEPTED, Verdict.WITH_END):
            account.has_accepted = account.has_accepted or outcome.verdict is Verdict.ACCEPTED
            account.taken[id(event)] = event
        elif account is not None and outcome.verdict is Verdict.REFUSED:
            account.refused += 1
            account.reason = outcome.detail

    def forget(self, trace_id: int | str) -> None:
        self._exporter.forget(trace_id)
        self.finished.put(trace_id)


class _Push:
    """One run."""

    def __init__(self, store: Store, destination: str, ledger: _Ledger, sender: Sender, wait: float) -> None:
        self._store, self._destination, self._ledger, self._sender = store, destination, ledger, sender
        self._wait = wait
        self._in_vain = 0  # traces in a row without an accepted event
        self.result = Result()

    def run(self, traces: Sequence[str], should_stop: Callable[[], bool], progress: Callable[[Result], None]) -> None:
        """Send the traces until all are settled, the user stops it, or the destination cannot be reached for long."""
        waiting, result = deque(traces), self.result
        until: float | None = None
        while waiting or self._ledger.open:
            result.stopped = result.stopped or ("interrupted" if should_stop() else self._reason_to_stop())
            if result.stopped:
                until = until or clock.monotonic() + (_GRACE if result.stopped == "interrupted" else 0.0)
                if not self._ledger.open or clock.monotonic() >= until:
                    break
            else:
                self._feed(waiting)
            self._settle()
            progress(result)
        self._sender.shutdown(0.0)  # what has not been sent by now is not sent
        result.left += len(waiting)
        self._settle()
        result.left += len(self._ledger.open)
        if result.left:  # the last traces may have been given up after the last look at the reason
            result.stopped = result.stopped or self._reason_to_stop()

    def _reason_to_stop(self) -> str:
        """Return why it is no use to go on; empty while it is."""
        ledger = self._ledger
        if ledger.key_refused:
            return f"the key was refused: {ledger.key_refused}"
        if ledger.away_since is not None and clock.monotonic() - ledger.away_since >= self._wait:
            return f"the destination cannot be reached: {ledger.reason or 'no answer'}"
        return f"the destination accepts nothing: {ledger.reason}" if self._in_vain >= _HOPELESS else ""

    def _feed(self, waiting: deque[str]) -> None:
        """Queue whole traces while few enough are in progress."""
        under_way = self._ledger.open
        while waiting and len(under_way) < _TRACES and sum(one.events for one in under_way.values()) < _EVENTS:
            events = finished(self._store.events(waiting.popleft()))
            if not events:
                self.result.gone += 1
                continue
            _, first, _ = events[0]
            under_way[first.trace.id] = _Account(len(events))
            for event in events:
                _, span, _ = event
                self._sender.put(event, len(span.input or b"") + len(span.output or b""))

    def _settle(self) -> None:
        """Note the finished traces; wait a moment if there are none."""
        settled: dict[str, int] = {}
        try:
            self._close(self._ledger.finished.get(timeout=_LOOK if self._ledger.open else 0.0), settled)
            while True:
                self._close(self._ledger.finished.get_nowait(), settled)
        except Empty:
            pass
        if settled:
            self._store.mark_pushed(self._destination, settled)

    def _close(self, trace_id: int | str, settled: dict[str, int]) -> None:
        """Count a trace whose events all have an outcome, and note it as sent if it need not be tried again."""
        account, result, name = self._ledger.open.pop(trace_id, None), self.result, id_text(trace_id)
        if account is None:  # taken in two parts, of which each ended
            return
        self._in_vain = 0 if account.has_accepted else self._in_vain + 1
        if account.refused:
            result.rejected += 1
            result.refusals[name] = f"{account.refused} of {account.events} records refused: {account.reason}"
        elif len(account.taken) == account.events:
            result.sent += 1
        else:  # given up for now, after several tries
            result.left += 1
            return
        settled[name] = account.refused


def push(
    store: Store,
    traces: Sequence[str],
    exporter: Exporter,
    destination: str,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[Result], None] = lambda _: None,
    wait: float = 30.0,
    timeout: float = 30.0,
    max_retries: int = 3,
    retry_delay: float = 1.0,
) -> Result:
    """Send stored traces by id, in this order; note settled ones in the store under ``destination``.

    Stops when all are settled, when the key is refused, when the destination is unavailable for ``wait`` seconds or
    accepts nothing, or soon after ``should_stop()`` is true. ``progress`` is called with the result so far.
    """
    ledger = _Ledger(exporter)
    sender = Sender(
        [cast("Exporter", ledger)],
        flush_interval=0.05,
        timeout=timeout,
        max_retries=max_retries,
        retry_delay=retry_delay,
        queue_events=2**31,  # bounded above, and nothing in progress may be dropped for lack of space
        queue_bytes=2**40,
    )
    run = _Push(store, destination, ledger, sender, wait)
    try:
        run.run(traces, should_stop, progress)
    finally:
        sender.shutdown(0.0)
    return run.result


def finished(events: Sequence[SpanEvent]) -> list[SpanEvent]:
    """Return the events with a cancelled end for each unended span, as an SDK ends open spans at shutdown.

    Scores stay after the ends.
    """
    scores: list[SpanEvent] = []
    others: list[SpanEvent] = []
    for event in events:
        phase, _, _ = event
        (scores if phase is Phase.SCORE else others).append(event)
    if scores:
        return [*finished(others), *scores]
    ended = {span for phase, span, _ in events if phase is Phase.END}
    open_ones = [span for phase, span, _ in events if phase is Phase.START and span not in ended]
    last = max((span.end_ns or span.start_ns for _, span, _ in events), default=0)
    for span in open_ones:
        span.status, span.end_ns = CANCELLED, last
        span.more_metadata = (*span.more_metadata, UNFINISHED)
    added: list[SpanEvent] = [(Phase.END, span, None) for span in reversed(open_ones)]
    if added and added[-1][1].parent is not None:  # the trace itself has ended: its end stays the last event
        return [*events[:-1], *added, events[-1]]
    return [*events, *added]
