"""The batched event sender: a bounded queue and one background thread between the program and a destination."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import MappingProxyType

from voltagent import _clock
from voltagent._span import Event
from voltagent.exporters import Exporter, Verdict

__all__ = ["Report", "Sender"]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the events: ``recorded == accepted + sum(dropped.values()) + pending`` at any quiet moment."""

    recorded: int = 0
    accepted: int = 0
    dropped: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    pending: int = 0


class Sender:
    """Takes events from any thread without waiting, and sends them in batches on a thread of its own."""

    def __init__(
        self,
        exporters: Sequence[Exporter],
        *,
        processors: Sequence[Callable[[Event], Event | None]] = (),
        flush_interval: float = 5.0,
        auto_flush: bool = True,
        timeout: float = 30.0,
        max_retries: int = 3,
        retry_delay: float = 1.0,
        queue_events: int = 50_000,
        queue_bytes: int = 64 * 2**20,
    ) -> None:
        self._exporters = tuple(exporters)
        self._processors = tuple(processors)
        self._interval = flush_interval if auto_flush else None
        self._timeout = timeout
        self._intake: deque[Event] = deque()
        self._wake = threading.Condition()
        self._recorded = self._accepted = 0
        self._dropped: dict[str, int] = {}
        self._waiting: list[Future[Report]] = []
        self._thread: threading.Thread | None = None
        self._closed = False
        atexit.register(self._at_exit)

    def put(self, event: Event, size: int) -> bool:
        """Take an event with ``size`` bytes of payload."""
        self._intake.append(event)
        if self._thread is None:
            self._start()
        elif len(self._intake) == 512:
            with self._wake:
                self._wake.notify()
        return True

    def flush(self, timeout: float | None = None) -> Future[Report]:
        """Send what was recorded so far."""
        future: Future[Report] = Future()
        with self._wake:
            self._waiting.append(future)
            self._wake.notify()
        self._start()
        return future

    def shutdown(self, timeout: float | None = None) -> Future[Report]:
        """Send what was recorded so far and stop."""
        self._closed = True
        return self.flush(timeout)

    def stats(self) -> Report:
        """The counts so far."""
        done = self._accepted + sum(self._dropped.values())
        return Report(done + len(self._intake), self._accepted, dict(self._dropped), len(self._intake))

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="voltagent-sender", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._waiting and len(self._intake) < 512:
                    self._wake.wait(self._interval)
                waiting, self._waiting = self._waiting, []
            while self._intake:
                self._send([self._intake.popleft() for _ in range(min(512, len(self._intake)))])
            for future in waiting:
                future.set_result(self.stats())
            if self._closed and not self._intake and not self._waiting:
                self._thread = None
                return

    def _send(self, taken: list[Event]) -> None:
        batch = [event for event in map(self._process, taken) if event is not None]
        for exporter in self._exporters:
            for outcome in exporter.export(batch, _clock.monotonic() + self._timeout):
                if outcome.verdict is Verdict.ACCEPTED:
                    self._accepted += 1
                else:
                    reason = outcome.reason or "retries_exhausted"
                    self._dropped[reason] = self._dropped.get(reason, 0) + 1

    def _process(self, event: Event) -> Event | None:
        current: Event | None = event
        for processor in self._processors:
            if current is None:
                return None
            current = processor(current)
        return current

    def _at_exit(self) -> None:
        if self._thread is not None:
            self.flush().result(self._timeout)
