"""The future that ``flush`` and ``shutdown`` return: it resolves by its deadline, with the counts at that time."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, InvalidStateError, TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any, TypeVar

from voltagent.core import clock
from voltagent.core.process import own_threads

V = TypeVar("V")


class ReadOnlyCounts(dict[str, V]):
    """An immutable dictionary, so that a report can be hashed; copying and pickling work as usual."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    @classmethod
    def fromkeys(cls, keys: Iterable[str], value: Any = None, /) -> ReadOnlyCounts[Any]:  # type: ignore[override]
        """Return counts with the same value for each key."""
        counts: dict[str, Any] = dict.fromkeys(keys, value)
        return ReadOnlyCounts(counts)

    def _refuse(self, *_: object, **__: object) -> Any:
        raise TypeError("a report cannot be changed")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to the events: when idle, ``recorded == accepted + sum(dropped.values()) + pending``.

    With several destinations, each event is counted once per destination, and ``destinations`` has the report of each
    by name (``rest``, ``otlp``, ``local``; a second one of the same name is ``otlp 2``). ``sampled_out`` counts traces
    that sampling left out, and ``sampled_out_events`` the events of those that ``keep_errors`` had held back; no other
    count includes them.
    """

    recorded: int = 0
    accepted: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])  # by reason
    pending: int = 0
    sampled_out: int = 0  # traces that sampling left out; their events are in no other count
    sampled_out_events: int = 0  # of these, events that were recorded because the trace might have failed
    destinations: Mapping[str, Report] = field(default_factory=dict[str, "Report"])  # if there are several

    def __post_init__(self) -> None:
        object.__setattr__(self, "dropped", ReadOnlyCounts(self.dropped))
        object.__setattr__(self, "destinations", ReadOnlyCounts(self.destinations))

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


_LOOK = 0.1  # seconds between two looks at the thread that sends
_ENDING = 0.1  # seconds that a thread may take to end, so that none is left after a shutdown


class ReportFuture(Future[Report]):
    """A future that resolves when all is settled, and no later than its deadline, with the counts at that time.

    The worker's thread only releases a lock in C, so an interrupt of a waiting thread cannot block it. A callback, by
    which asyncio waits, starts a thread, so that it is called in time while a destination hangs.
    """

    def __init__(self, deadline: float, report: Callable[[], Report], accounts: Iterable[object]) -> None:
        super().__init__()
        self.deadline = deadline  # on `clock.monotonic`
        self._report = report
        self._unsettled = set(map(id, accounts))
        self._is_watched = False
        self.is_stuck: Callable[[], bool] | None = None  # whether to wait no longer, although the deadline is to come
        self.ending: threading.Thread | None = None  # the worker's thread, if it ends with this future
        self._signal = _thread.allocate_lock()
        if self._unsettled:
            self._signal.acquire()

    def settle(self, account: object) -> None:
        """Note that one destination has settled all its events, or has no time left."""
        self._unsettled.discard(id(account))
        if not self._unsettled:
            try:
                self._signal.release()
            except RuntimeError:
                pass  # it was settled before

    def done(self) -> bool:
        """Return whether the report is available."""
        if not self._unsettled:
            self._resolve()
        return super().done()

    def _resolve(self) -> None:
        """Set the result to the counts of this moment, unless another thread has."""
        if not super().done():
            report = self._report()
            try:
                self.set_result(report)
            except InvalidStateError:
                pass  # another thread was faster, or the caller cancelled it

    def result(self, timeout: float | None = None) -> Report:
        """Wait for the report, at most ``timeout`` seconds and never beyond the deadline.

        Raises:
            TimeoutError: ``timeout`` ended before the deadline.
        """
        left = max(0.0, self.deadline - clock.monotonic())
        waits = left if timeout is None else min(left, max(0.0, timeout))
        if not super().done():
            own_threads.make_hub()
            if self._acquire(waits):
                self._signal.release()  # for other waiting threads
                if self.ending is not None and self.ending is not threading.current_thread():
                    self.ending.join(_ENDING)
            elif waits < left and self.deadline > clock.monotonic():
                raise FutureTimeoutError
            self._resolve()
        return super().result(0)

    def _acquire(self, seconds: float) -> bool:
        """Wait for the signal; return whether it came. Bring the deadline forward if it will not come."""
        if self.is_stuck is None:
            return self._signal.acquire(timeout=seconds)
        until = clock.monotonic() + seconds
        while not self._signal.acquire(timeout=min(_LOOK, seconds)):
            now = clock.monotonic()
            if self.is_stuck():
                self.deadline = now
            seconds = min(self.deadline, until) - now
            if seconds <= 0:
                return False
        return True

    def add_done_callback(self, fn: Callable[[Future[Report]], Any]) -> None:
        """Call ``fn`` when the report is available, at the latest at the deadline."""
        super().add_done_callback(fn)
        if not self._is_watched and not self.done():
            self._is_watched = True
            if not own_threads.start_thread(self._watch, "voltagent-flush"):
                self._resolve()  # no thread can be started: resolve now

    def _watch(self) -> None:
        try:
            self.result()
        except CancelledError:
            pass  # no thread is waiting any more
