"""What ``flush`` and ``shutdown`` return: a future that resolves no later than its deadline, with the counts then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, InvalidStateError
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


_ENDING = 0.1  # seconds that a thread may take to end, so that none is left after a shutdown


class ReportFuture(Future[Report]):
    """A future that resolves when all is settled, and no later than its deadline, with the counts at that time.

    The worker's thread only releases a lock in C: an interrupt in the middle of whatever a waiting thread does with the
    future cannot block it. A thread that waits needs no other to end its wait. Only a callback (which is how asyncio
    waits) has a thread of its own started, so that it is called in time while a destination hangs.
    """

    def __init__(self, deadline: float, report: Callable[[], Report], accounts: Iterable[object]) -> None:
        super().__init__()
        self.deadline = deadline  # on `clock.monotonic`
        self._report = report
        self._unsettled = set(map(id, accounts))
        self._is_watched = False
        self.ending: threading.Thread | None = None  # the worker's thread, if it ends with this
        self._signal = threading.Lock()
        if self._unsettled:
            self._signal.acquire()

    def settle(self, account: object) -> None:
        """Note that one destination has settled all that it had, or has no time left."""
        self._unsettled.discard(id(account))
        if not self._unsettled:
            try:
                self._signal.release()
            except RuntimeError:
                pass  # it was settled before

    def done(self) -> bool:
        """Whether the report is there."""
        if not self._unsettled:
            self._resolve()
        return super().done()

    def _resolve(self) -> None:
        if not super().done():
            report = self._report()
            try:
                self.set_result(report)
            except InvalidStateError:
                pass  # another thread was quicker, or the caller cancelled it

    def result(self, timeout: float | None = None) -> Report:
        """Wait for the report: at most ``timeout`` seconds, and never beyond the deadline.

        Raises:
            TimeoutError: ``timeout`` ended before the deadline.
        """
        left = max(0.0, self.deadline - clock.monotonic())
        waits = left if timeout is None else min(left, max(0.0, timeout))
        if not super().done():
            if self._signal.acquire(timeout=waits):
                self._signal.release()  # for others that wait
                if self.ending is not None and self.ending is not threading.current_thread():
                    self.ending.join(_ENDING)
            elif waits < left:
                raise FutureTimeoutError
            self._resolve()
        return super().result(0)

    def add_done_callback(self, fn: Callable[[Future[Report]], Any]) -> None:
        """Call ``fn`` when the report is there, or at the deadline."""
        super().add_done_callback(fn)
        if not self._is_watched and not self.done():
            self._is_watched = True
            try:
                threading.Thread(target=self._watch, name="voltagent-flush", daemon=True).start()
            except RuntimeError:
                self._resolve()  # no thread can be started: better a report now than none

    def _watch(self) -> None:
        try:
            self.result()
        except CancelledError:
            pass  # nobody waits any more
