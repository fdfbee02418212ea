"""How a process ends, and how it forks: one hook for each, for all lanes together, and the patience of an exit."""

from __future__ import annotations

import os
import sys
from typing import Any, Final, Protocol
from weakref import WeakSet

from voltagent.core import clock, process_exit
from voltagent.core.stderr import print_exit_lines
from voltagent.delivery.losses import forget_losses
from voltagent.exporters import Verdict

SILENCE: Final = 5.0  # seconds without any answer, after which an exit gives up
_SPOOLED_SILENCE: Final = 2.0  # the same, where a spool keeps what is left
_SPOOLED_RETRIES: Final = 0.5
_RETRIES: Final = 2.0  # seconds that an exit spends on a destination that says no
_FIRST: Final = 0.5  # a refusal in the first half second of an exit is tried once more

_FIRST_TRY: Final = 1.25  # seconds that a request may take first; it is tried again in the time that is left

_ANSWERED: Final = frozenset((Verdict.ACCEPTED, Verdict.REFUSED, Verdict.RETRY))


class Stop:
    """When to stop sending: at a deadline; and where the process is leaving, as soon as there is no hope."""

    def __init__(
        self,
        began: float,
        at_latest: float,
        *,
        final: bool = True,
        leaving: bool = False,
        gives_up: bool = False,
    ) -> None:
        self.at_latest = at_latest
        self.final = final  # what is open is ended, what cannot be sent is dropped, sockets are closed
        self.leaving = leaving
        self._began = began
        self._progress = began
        self._hopeless = False
        self._try = min(_FIRST_TRY, max(0.0, at_latest - began) / 3)
        self._gives_up = leaving or gives_up  # where there is no hope; else it tries to the end
        self._silence = SILENCE
        self._first = _FIRST
        self._retries = _RETRIES

    def has_spool(self) -> None:
        """What is not sent is not lost: do not wait for a destination that does not answer."""
        self._gives_up = True
        self._silence, self._first, self._retries = _SPOOLED_SILENCE, 0.0, _SPOOLED_RETRIES

    def patience(self, now: float, last_answer: float) -> float:
        """Seconds that are left, if nothing more is heard."""
        if self._hopeless:
            return 0.0
        if self._gives_up:
            return min(self.at_latest, max(self._progress, last_answer) + self._silence) - now
        return self.at_latest - now

    def batch_until(self, now: float) -> float:
        """The deadline of a batch that begins now."""
        return min(self.at_latest, now + (min(self._try, self._silence) if self._gives_up else self._try))

    def is_over(self, now: float) -> bool:
        """Whether nothing more will be sent, whatever happens."""
        return self._hopeless or now >= self.at_latest

    def saw(self, verdicts: set[Verdict], now: float) -> None:
        """Note what a batch brought."""
        if Verdict.UNTRIED in verdicts:
            self._try *= 2  # the time was too short perhaps
        if verdicts & _ANSWERED:
            self._progress = now
        if self._gives_up and Verdict.UNAVAILABLE in verdicts and now - self._began >= self._first:
            self._hopeless = True

    def waits_until(self, due: float) -> None:
        """Note that nothing can be sent before ``due``."""
        if self._gives_up and due > self._progress + self._retries:
            self._hopeless = True


class _Worker(Protocol):
    def leave(self, stop: Stop) -> None: ...
    def wait_until_left(self, stop: Stop) -> None: ...
    def count_losses(self) -> None: ...
    def exit_timeout(self) -> float: ...
    def after_fork(self) -> None: ...


class _Renewed(Protocol):
    def after_fork(self) -> None: ...


_workers: Final[WeakSet[Any]] = WeakSet()
_renewed: Final[WeakSet[Any]] = WeakSet()
_state: Final[dict[str, float]] = {}  # "left": when the exit hook ran; "pid": the child that has its finalizer


def watch(worker: _Worker) -> None:
    """Have the lane finish at exit and start anew in forked children."""
    _workers.add(worker)


def renew(part: _Renewed) -> None:
    """Have a part that has nothing to finish at exit start anew in forked children."""
    _renewed.add(part)


def left() -> bool:
    """Whether the exit hook has run: from now on nobody but the recording thread itself can send."""
    return "left" in _state


def late_budget() -> float:
    """Seconds that records of later exit hooks may still take, all together."""
    return max(0.0, _state.get("left", 0.0) + _RETRIES - clock.monotonic())


def register() -> None:
    """At the first record of a process: ask ``multiprocessing`` to run the hook, where it skips those of ``atexit``.

    A child process forgets such a request as it starts, so it cannot be made earlier.
    """
    util, process = sys.modules.get("multiprocessing.util"), sys.modules.get("multiprocessing.process")
    if util is None or process is None or process.parent_process() is None or _state.get("pid") == os.getpid():
        return
    _state["pid"] = os.getpid()
    util.Finalize(None, _leave, exitpriority=100)


def _leave() -> None:
    if left():
        return
    workers: list[_Worker] = list(_workers)
    now = clock.monotonic()
    stops = [Stop(now, now + worker.exit_timeout(), leaving=True) for worker in workers]
    try:
        for worker, stop in zip(workers, stops, strict=True):
            worker.leave(stop)
        for worker, stop in zip(workers, stops, strict=True):
            worker.wait_until_left(stop)
    except KeyboardInterrupt:
        pass  # Ctrl-C while we wait: the user wants to go, and no traceback
    finally:
        _state["left"] = clock.monotonic()
    for worker in workers:
        worker.count_losses()
    print_exit_lines()


def _forked() -> None:
    _state.clear()
    forget_losses()
    for part in (*_renewed, *_workers):
        part.after_fork()


process_exit.call_at_exit(_leave)
if process_exit.began():
    _state["left"] = clock.monotonic()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
