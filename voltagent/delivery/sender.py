"""The sender of one SDK: between the program, which must never wait, and the workers that send to its destinations.

Each destination has a worker of its own, so that one that is down does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import reduce
from itertools import zip_longest
from operator import add
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary, ref

from voltagent.core import clock
from voltagent.core.process import exit_hook
from voltagent.core.span import SpanEvent
from voltagent.delivery import process_hooks
from voltagent.delivery.account import Account
from voltagent.delivery.options import WorkerOptions
from voltagent.delivery.processing import Processing, Processor
from voltagent.delivery.report import Report, ReportFuture
from voltagent.delivery.worker import Worker
from voltagent.exporters import Exporter
from voltagent.tracing.sampling import Sampling

if TYPE_CHECKING:
    from voltagent.storage.spool.spool import Spool

_LOCAL_SECONDS: Final = 0.4  # with the time of a write, records are there within half a second
# Events in one transaction, which writes as a whole each page of an index that it touches: twice the events touch far
# fewer than twice the pages. A program that never pauses makes each row wait for 5 ms, so no more than these.
_LOCAL_EVENTS: Final = 2048


class Workers:
    """The workers of one or more SDKs, one for each destination.

    Args:
        exporters: the destinations; each gets every event.
        process: what an event passes on the worker's thread before it is exported, ``event -> event or None``. One
            for which it gives ``None`` or raises is dropped as ``serialize_error``.
        spools: for each exporter where to keep on disk what waits for it; ``None`` keeps it in memory only.
        auto_flush: ``False`` sends only on ``flush``, ``shutdown``, exit, or when 4 MiB wait.
        options: those of :class:`WorkerOptions`.
    """

    __slots__ = ("__weakref__", "timeout", "workers")

    def __init__(
        self,
        exporters: Sequence[Exporter],
        *,
        process: Processor | None = None,
        spools: Sequence[Spool | None] = (),
        auto_flush: bool = True,
        **options: Any,
    ) -> None:
        processing, common = Processing(process), WorkerOptions(**options)
        if not auto_flush:
            common = replace(common, flush_interval=None)
        self.timeout = common.timeout
        self.workers = tuple(
            Worker(exporter, _options_for(exporter, common), processing, spool)
            for exporter, spool in zip_longest(exporters, spools)
        )
        for worker in self.workers:
            worker.shared_with = ref(self)  # so that SDKs to come find it, for as long as its thread runs
            if exit_hook.is_worker_process():  # it may end right after its first call, which leaves no time for this
                worker.announce()

    @classmethod
    def shared(cls, key: Hashable, make: Callable[[], Workers]) -> Workers:
        """Return the workers that other SDKs with this key have, else new ones."""
        return _shared.get(key) or _shared.setdefault(key, make())


_shared: Final[WeakValueDictionary[Hashable, Workers]] = WeakValueDictionary()


class Sender:
    """Takes events from any thread without waiting; they are sent in batches in the background.

    Args:
        exporters: the destinations; each gets every event.
        sampling: what left out traces before they came here; only its counts are used, for the reports.
        workers: the workers to use; else it has its own, for the other arguments, which are those of :class:`Workers`.
    """

    def __init__(
        self,
        exporters: Sequence[Exporter] = (),
        *,
        sampling: Sampling | None = None,
        workers: Workers | None = None,
        **options: Any,
    ) -> None:
        self._shared = workers or Workers(exporters, **options)
        self._timeout = self._shared.timeout
        self._sampling = sampling or Sampling()
        process_hooks.renew(self._sampling)
        self.accounts = tuple(Account() for _ in self.workers)
        for worker, account in zip(self.workers, self.accounts, strict=True):
            worker.join(account, self)
        if len(self.accounts) == 1:  # recording costs one call less
            only = self.accounts[0]
            self.put, self.put_start, self.put_end = only.put, only.put_start, only.put_end  # type: ignore[method-assign]

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers, one for each destination."""
        return self._shared.workers

    def put(self, event: SpanEvent, size: int) -> bool:
        """Take an event with ``size`` bytes of payload; False if a START was refused. Never blocks, never raises."""
        taken = not self.accounts
        for account in self.accounts:
            taken = account.put(event, size) or taken
        return taken

    def flush(self, timeout: float | None = None) -> ReportFuture:
        """Send what was recorded so far. Done when all is settled, at the latest after ``timeout`` seconds."""
        return self._send(timeout, lambda account, future: account.worker.flush(account, future))

    def shutdown(self, timeout: float | None = None) -> ReportFuture:
        """End what is open as cancelled, send everything, and take nothing more.

        Without a ``timeout`` it gives up as an exit does: early if every attempt is refused, or nothing answers.
        """
        gives_up = timeout is None
        future = self._send(
            timeout, lambda account, future: account.worker.shutdown(account, future, gives_up=gives_up)
        )
        if gives_up:
            future.is_stuck = self._is_stuck
        return future

    def _is_stuck(self) -> bool:
        """Return whether a shutdown waits for nothing but threads that hang."""
        stuck = [account.worker.is_stuck(account) for account in self.accounts if not account.is_finished]
        return bool(stuck) and all(stuck)

    def stats(self) -> Report:
        """Return what became of the events so far."""
        reports = [account.worker.stats(account) for account in self.accounts]
        left_out = Report(sampled_out=self._sampling.traces, sampled_out_events=self._sampling.events)
        total = reduce(add, reports, left_out)
        if len(reports) < 2:
            return total
        names = _numbered([worker.exporter.name for worker in self.workers])
        return replace(total, destinations=dict(zip(names, reports, strict=True)))

    def _send(self, timeout: float | None, begin: Callable[[Account, ReportFuture], None]) -> ReportFuture:
        """Begin to send; the future is done at once on any thread that sends: two of them could wait for each other."""
        seconds = self._timeout if timeout is None else max(0.0, timeout)
        future = ReportFuture(clock.monotonic() + seconds, self.stats, self.accounts)
        for account in self.accounts:
            begin(account, future)
        if any(worker.cannot_wait() for worker in self.workers):
            for account in self.accounts:
                future.settle(account)
        return future


def _options_for(exporter: Exporter, options: WorkerOptions) -> WorkerOptions:
    """Return the options for a destination; the local store is kept current, as it is read while a program runs."""
    if exporter.name != "local":
        return options
    interval = None if options.flush_interval is None else min(options.flush_interval, _LOCAL_SECONDS)
    return replace(options, flush_interval=interval, batch_events=_LOCAL_EVENTS)


def _numbered(names: Sequence[str]) -> list[str]:
    """Return the names, with a number behind one that was there before."""
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} {count + 1}" if count else name for name, count in zip(names, before, strict=True)]
