"""The batched event sender: between the program, which must never wait, and its destinations.

Each destination has a lane: a bounded queue, one thread that is started at the first record, retries and counts of its
own, so that one that is down neither holds up the others nor drops for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from itertools import zip_longest
from operator import add
from typing import TYPE_CHECKING, Final

from voltagent.core import clock
from voltagent.core.span import SpanEvent
from voltagent.delivery import process_hooks
from voltagent.delivery.queue import Rules
from voltagent.delivery.report import Report, ReportFuture
from voltagent.delivery.worker import Worker
from voltagent.exporters import Exporter
from voltagent.tracing.sampling import Sampling

if TYPE_CHECKING:
    from voltagent.storage.spool.spool import Spool

_LOCAL_SECONDS: Final = 0.4  # with the time of a write, records are there within half a second


class Sender:
    """Takes events from any thread without waiting, and sends them in batches in the background.

    Args:
        exporters: the destinations; each gets every event.
        processors: functions an event passes on the sender's thread before it is exported, ``event -> event or None``.
            An event for which one gives ``None`` or raises is dropped as ``serialize_error``.
        flush_interval: seconds after which what waits is sent, if no batch (512 events, 4 MiB) was full before.
        auto_flush: ``False`` sends only on ``flush``, ``shutdown``, exit, or when a batch is full.
        timeout: seconds for one request, and for ``flush`` and ``shutdown`` where they are given none.
        max_retries: how often an event is tried again after an answer that said no to it.
        retry_delay: seconds before the first retry, doubled each time up to 30, with full jitter.
        queue_events, queue_bytes: how much may wait for each destination.
        spools: for each exporter where to keep on disk what waits for it; ``None`` keeps it in memory only.
        sampling: what left out traces before they came here; only its counts are used, for the reports.
    """

    def __init__(
        self,
        exporters: Sequence[Exporter],
        *,
        processors: Sequence[Callable[[SpanEvent], SpanEvent | None]] = (),
        flush_interval: float = 5.0,
        auto_flush: bool = True,
        timeout: float = 30.0,
        max_retries: int = 3,
        retry_delay: float = 1.0,
        queue_events: int = 50_000,
        queue_bytes: int = 64 * 2**20,
        sampling: Sampling | None = None,
        spools: Sequence[Spool | None] = (),
    ) -> None:
        rules = Rules(
            flush_interval if auto_flush else None, timeout, max_retries, retry_delay, queue_events, queue_bytes
        )
        process = _chain(processors)
        if len(exporters) > 1:
            process = _OneAtATime(process)
        self._timeout = timeout
        self._sampling = sampling or Sampling()
        process_hooks.renew(self._sampling)
        self._workers = tuple(
            Worker(exporter, _rules_for(exporter, rules), process)
            if spool is None
            else _spooled_worker(exporter, rules, process, spool)
            for exporter, spool in zip_longest(exporters, spools)
        )
        if len(self._workers) == 1:
            self.put = self._workers[0].put  # type: ignore[method-assign] # recording costs one call less

    def put(self, event: SpanEvent, size: int) -> bool:
        """Take an event with ``size`` bytes of payload; False when a START was refused. Never blocks, never raises."""
        taken = not self._workers
        for worker in self._workers:
            taken = worker.put(event, size) or taken
        return taken

    def flush(self, timeout: float | None = None) -> ReportFuture:
        """Send what was recorded so far. Done when all is settled, at the latest after ``timeout`` seconds."""
        future = self._future(timeout)
        for worker in self._workers:
            worker.flush(future)
        return future

    def shutdown(self, timeout: float | None = None) -> ReportFuture:
        """End what is open as cancelled, send everything, and take nothing more.

        Without a ``timeout`` it gives up as an exit does: early where every attempt is refused, or nobody answers.
        """
        future = self._future(timeout)
        for worker in self._workers:
            worker.shutdown(future, gives_up=timeout is None)
        return future

    def stats(self) -> Report:
        """What became of the events so far."""
        reports = [worker.stats() for worker in self._workers]
        left_out = Report(sampled_out=self._sampling.traces, sampled_out_events=self._sampling.events)
        total = reduce(add, reports, left_out)
        if len(reports) < 2:
            return total
        names = _told_apart([worker.exporter.name for worker in self._workers])
        return replace(total, destinations=dict(zip(names, reports, strict=True)))

    def _future(self, timeout: float | None) -> ReportFuture:
        seconds = self._timeout if timeout is None else max(0.0, timeout)
        future = ReportFuture(clock.monotonic() + seconds, self.stats, self._workers)
        if not self._workers:
            future.keep()
        return future


def _rules_for(exporter: Exporter, rules: Rules) -> Rules:
    """The local store is looked at while a program runs, and costs no request: it is kept current."""
    if exporter.name != "local" or rules.flush_interval is None:
        return rules
    return replace(rules, flush_interval=min(rules.flush_interval, _LOCAL_SECONDS))


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names, with a number behind one that was there before."""
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} {count + 1}" if count else name for name, count in zip(names, before, strict=True)]


def _spooled_worker(
    exporter: Exporter, rules: Rules, process: Callable[[SpanEvent], SpanEvent | None], spool: Spool
) -> Worker:
    from voltagent.delivery.spooled_worker import SpooledWorker  # with sqlite3: only for those who ask for it

    return SpooledWorker(exporter, rules, process, spool)


def _chain(processors: Sequence[Callable[[SpanEvent], SpanEvent | None]]) -> Callable[[SpanEvent], SpanEvent | None]:
    def process(event: SpanEvent) -> SpanEvent | None:
        current: SpanEvent | None = event
        for processor in processors:
            if current is None:
                break
            current = processor(current)
        return current

    return process


class _OneAtATime:
    """Processors change a span in place: two lanes must not be at the same span at once."""

    def __init__(self, process: Callable[[SpanEvent], SpanEvent | None]) -> None:
        self._process = process
        self.after_fork()
        process_hooks.renew(self)

    def __call__(self, event: SpanEvent) -> SpanEvent | None:
        with self._turn:
            return self._process(event)

    def after_fork(self) -> None:
        """In a forked child: the thread that had its turn is the parent's, and never gives it back here."""
        self._turn = threading.Lock()
