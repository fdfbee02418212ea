"""The end of a task in a process that may be terminated as soon as the task's result is there, as a pool does.

Such a process runs no exit hook, so the end of its outermost operation waits, in the task's own turn, until the records
are at the destination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltagent.core import clock, process_exit
from voltagent.core.span import Phase, SpanEvent
from voltagent.delivery.destination_state import State
from voltagent.delivery.report import ReportFuture

if TYPE_CHECKING:
    from voltagent.delivery.counts import Account
    from voltagent.delivery.worker import Worker

_WAIT: Final = (
    0.05  # seconds, in any process that `multiprocessing` started, and for a destination that does not answer
)
_FIRST_ANSWER: Final = (
    0.25  # for the first answer in a process that is terminated: connections and threads are new then
)
_NEXT_ANSWER: Final = 1.0  # for each further one, as the destination is known to answer
_LONGEST: Final = 2.0  # whatever happens


def ends_task(event: SpanEvent) -> bool:
    """Whether this process may end any moment now, without an exit hook."""
    return event[0] is Phase.END and event[1].is_outermost and process_exit.is_worker_process()


class TaskEnd:
    """Waits for the records of a task, as long as there is hope.

    Args:
        worker: what sends them.
    """

    __slots__ = ("_silent_since", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._silent_since: float | None = None  # the last answer before one that did not come

    def wait(self, account: Account) -> None:
        """Send what was recorded, and wait for it."""
        worker, began = self._worker, clock.monotonic()
        while True:
            now = clock.monotonic()
            future = ReportFuture(now + _WAIT, lambda: worker.stats(account), [account])
            worker.flush(account, future)
            future.result()
            if worker.loop.closing.is_settled(account) or not process_exit.is_terminated_at_will():
                return
            now = clock.monotonic()
            if now - began >= _LONGEST or not self._is_hopeful(now, began):
                return

    def _is_hopeful(self, now: float, began: float) -> bool:
        """Whether the destination may still answer; one that kept silent gets no more patience until it answers."""
        worker = self._worker
        if worker.exporter.name == "local":
            return True  # no network: the write is under way, or another process has its turn
        state = worker.dispatcher.state
        if state.current is not State.UP or now < state.until:
            return False
        answered = worker.dispatcher.last_answer()
        if answered == self._silent_since:
            return False
        if now - max(began, answered) < (_NEXT_ANSWER if answered else _FIRST_ANSWER):
            return True
        self._silent_since = answered
        return False
