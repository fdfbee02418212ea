"""What ``flush`` and ``shutdown`` give: a future that is done by its deadline, with the truth of that moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any, TypeVar

from voltagent.core import clock

V = TypeVar("V")


class Counts(dict[str, V]):
    """A dictionary that cannot be changed, so that a report can be hashed; it is copied and pickled as usual."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def _refuse(self, *_: object, **__: object) -> Any:
        raise TypeError("a report cannot be changed")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the events: ``recorded == accepted + sum(dropped.values()) + pending`` at any quiet moment.

    With several destinations each event is counted once for each of them, and ``destinations`` has the same for each,
    by its name (``rest``, ``otlp``, ``local``; a second one of the same name is ``otlp 2``).
    """

    recorded: int = 0
    accepted: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])  # by reason
    pending: int = 0
    sampled_out: int = 0  # traces that were left out by sampling; their events are in no other count
    sampled_out_events: int = 0  # those that were made all the same, as the trace might have failed
    destinations: Mapping[str, Report] = field(default_factory=dict[str, "Report"])  # where there are several

    def __post_init__(self) -> None:
        object.__setattr__(self, "dropped", Counts(self.dropped))
        object.__setattr__(self, "destinations", Counts(self.destinations))

    def __add__(self, other: Report) -> Report:
        dropped = dict(self.dropped)
        for reason, number in other.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + number
        return Report(
            self.recorded + other.recorded,
            self.accepted + other.accepted,
            dropped,
            self.pending + other.pending,
            self.sampled_out + other.sampled_out,
            self.sampled_out_events + other.sampled_out_events,
        )


class ReportFuture(Future[Report]):
    """Kept by the lanes when all is settled; else, at ``deadline``, by whoever waits.

    A thread that waits needs no other to end its wait. Only a callback (which is how asyncio waits) has a thread of
    its own started, so that it is called in time while a destination hangs.
    """

    def __init__(self, deadline: float, report: Callable[[], Report], workers: Iterable[object]) -> None:
        super().__init__()
        self.deadline = deadline  # on `clock.monotonic`
        self._report = report
        self._workers = set(map(id, workers))
        self._watched = False

    def worker_done(self, worker: object) -> None:
        """One destination has settled all that it had, or has no time left."""
        self._workers.discard(id(worker))
        if not self._workers:
            self.keep()

    def keep(self) -> None:
        """Be done, with the counts as they are now."""
        if not self.done():
            report = self._report()
            try:
                self.set_result(report)
            except InvalidStateError:
                pass  # another thread was faster, or the caller cancelled it

    def result(self, timeout: float | None = None) -> Report:
        """Wait for the report: at most ``timeout`` seconds, and never beyond the deadline.

        Raises:
            TimeoutError: ``timeout`` ended before the deadline.
        """
        left = max(0.0, self.deadline - clock.monotonic())
        if timeout is not None and timeout < left:
            return super().result(timeout)
        try:
            return super().result(left)
        except FutureTimeoutError:
            self.keep()
            return super().result(0)

    def add_done_callback(self, fn: Callable[[Future[Report]], Any]) -> None:
        """Call ``fn`` when the report is there, or at the deadline."""
        super().add_done_callback(fn)
        if not self._watched and not self.done():
            self._watched = True
            try:
                threading.Thread(target=self.result, name="voltagent-flush", daemon=True).start()
            except RuntimeError:
                self.keep()  # no thread can be started: better a report now than none
