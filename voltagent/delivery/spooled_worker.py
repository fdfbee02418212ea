"""A lane with a spool: what it takes in goes to the disk first, and is deleted there once the destination has it.

The way of an event: the callers' queue, safe to send (formatted, redacted), the disk, the backlog in memory. Where the
backlog is long already, an event stays on the disk alone and is read back in its turn; so is what dead processes left.
The lane's own thread does all that, at latest every flush interval; while it is busy sending, a second thread does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Final

from voltagent.core import clock, guard
from voltagent.core.guard import log_once
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.delivery import process_hooks
from voltagent.delivery.process_hooks import Stop
from voltagent.delivery.report import Report, ReportFuture
from voltagent.delivery.spooled_writer import CHUNK, CHUNK_BYTES, SpooledWriter, key_of
from voltagent.exporters import Outcome
from voltagent.storage.file import StoreError
from voltagent.storage.spool.segment import Row

_HANDING_OVER: Final = 0.5  # seconds of a shutdown that are kept for leaving the rest on the disk
_LOOK: Final = 30.0  # seconds between two looks at what others may have left
_PATIENCE: Final = 1.0  # seconds that an exit waits for the disk
_WATCH: Final = 0.5  # seconds between two looks at the queue while the lane's thread is busy


class SpooledWorker(SpooledWriter):
    """One destination with a spool."""

    # ------------------------------------------------------------------------------------- flush, shutdown, statistics

    def flush(self, future: ReportFuture) -> None:
        """Send what was recorded so far, and what dead processes left."""
        self._summoned = True
        super().flush(future)

    def shutdown(self, future: ReportFuture, *, gives_up: bool = False) -> None:
        """End what is open as cancelled and send everything; what cannot be sent stays on the disk."""
        self._summoned = True
        now = clock.monotonic()
        until = future.deadline - min(_HANDING_OVER, (future.deadline - now) / 2)
        self._closed = True
        self._limit = -1
        self._stop = self._stop or _patient_no_more(Stop(now, until))
        super().shutdown(future, gives_up=gives_up)
        if self._deadline_exporter is not None:
            self._deadline_exporter.set_deadline(until)

    def stats(self) -> Report:
        """The counts so far; what is on the disk is pending."""
        known = super().stats()
        elsewhere = self._between + self._unread
        return Report(
            known.recorded + elsewhere, known.accepted, known.dropped, known.pending + elsewhere + self._handed_over
        )

    def after_fork(self) -> None:
        """In a forked child: the files are the parent's."""
        super().after_fork()
        self._spool.after_fork()

    def leave(self, stop: Stop) -> None:
        """The process is about to end: what is not sent soon is left on the disk."""
        _patient_no_more(stop)
        super().leave(stop)

    def wait_until_left(self, stop: Stop) -> None:
        """Wait for the thread to finish; if it does not, see to it that all is on the disk."""
        super().wait_until_left(stop)
        super()._end_what_is_open()
        if self._intake:
            self._take_in(_PATIENCE)

    def _has_work(self) -> bool:
        if super()._has_work() or self._unread:
            return True
        return self._summoned and bool(self._spool.leftovers())

    def _left_open(self) -> list[Span]:
        """Not what was begun by a process that is dead: when that ended nobody knows."""
        spans = [*reversed(self._open_on_disk), *super()._left_open()]
        return [span for span in spans if span not in self._decoder.made and span not in self._ended]

    def _end_what_is_open(self) -> None:
        super()._end_what_is_open()
        if self._intake:
            self._take_in()

    def _take_end(self, span: Span) -> None:
        self._ended.add(span)
        self._intake.append((Phase.END, span, None))  # to the disk, like all that is recorded

    def _is_settled(self) -> bool:
        return super()._is_settled() and not self._unread and not self._between

    # ------------------------------------------------------------------------------------------------------ its thread

    def _drain(self) -> None:
        if self._round and self._backlog.has_ready() and clock.monotonic() >= self._write_due:
            self._take_in()  # what is being sent goes first, but what is new must not be in memory alone for long
        super()._drain()
        stop = self._stop
        if not (process_hooks.left() or (stop is not None and stop.leaving)):
            self._adopt()
            if not self._key_refused:
                self._load()

    # --------------------------------------------------------------------------------------------------- from the disk

    def _adopt(self) -> None:
        """Look from time to time whether a process has died and left something."""
        now = clock.monotonic()
        if now < self._look_due:
            return
        with self._disk:
            self._look_due = now + _LOOK
            try:
                found, broken = self._spool.adopt()
            except (StoreError, OSError) as exc:
                log_once(f"{self._name}:spool", logging.WARNING, "%s", exc)
                return
            with self._lock:
                self._unread += found
                self._count_dropped("serialize_error", broken)

    def _load(self) -> None:
        """Read back what is on the disk only, when the backlog gets short."""
        if not self._unread or self._backlog.count >= self._rules.queue_events // 8 or not self._space_in_memory():
            return
        with self._disk:
            try:
                rows, correction = self._spool.read(CHUNK, CHUNK_BYTES)
            except StoreError as exc:
                log_once(f"{self._name}:spool", logging.WARNING, "%s", exc)
                return
            events = [self._decoded(row) for row in rows]
            with self._lock:
                self._unread -= len(rows) - correction
                self._count_dropped("serialize_error", max(0, -correction))
                for row, event in zip(rows, events, strict=True):
                    if event is None:
                        self._count_dropped("serialize_error", 1)
                        self._settled.append(row.place)
                    else:
                        self._places[id(event)] = row.place
                        self._backlog.take(event, inherited=True)
                        self._open_on_disk.pop(event[1], None)
        if self._rules.flush_interval is not None:
            self._due = clock.monotonic()

    def _decoded(self, row: Row) -> SpanEvent | None:
        if row.body is None:
            return None
        try:
            event = self._decoder.event(row.body)
            memory = self._spool.memory(row)
            if memory is not None and self._remembering is not None:
                self._remembering.restore(event[1].trace.id, memory)
        except (ValueError, KeyError, TypeError, AttributeError, LookupError):
            return None
        return event

    # --------------------------------------------------------------------------------------------------------- sending

    def _send(self, batch: list[SpanEvent], now: float, stop: Stop | None) -> None:
        over = threading.Event()
        try:
            threading.Thread(
                target=self._keep_up, args=(over,), name=f"voltagent-{self._name}-spool", daemon=True
            ).start()
        except RuntimeError:
            pass  # none can be started, as at the end of a process
        try:
            super()._send(batch, now, stop)
        finally:
            over.set()
        with self._disk:
            self._delete_settled(self._memories(batch))

    def _answers(self, batch: list[SpanEvent], until: float) -> list[Outcome]:
        outcomes = list(self._export(batch, until))  # made safe on their way to the disk
        self._note_flying(batch, batch, outcomes)
        return outcomes

    def _keep_up(self, over: threading.Event) -> None:
        """While the lane's thread is busy: write what is recorded meanwhile."""
        while not over.wait(min(_WATCH, self._interval)):
            if clock.monotonic() >= self._write_due or len(self._intake) >= self._space:
                try:
                    self._take_in()
                except Exception as exc:
                    guard.Guard.swallowed(exc)

    def _memories(self, batch: Sequence[SpanEvent]) -> dict[bytes, bytes | None]:
        if self._remembering is None:
            return {}
        found: dict[bytes, bytes | None] = {}
        for event in batch:
            identifier = event[1].trace.id
            key = key_of(event)
            if key not in found:
                going_on = self._backlog.is_open(identifier)
                found[key] = self._remembering.memory(identifier) if going_on else None
        return found

    def _note_space(self) -> None:
        super()._note_space()
        self._space = self._mark = max(1, self._space // 2)  # so many are written before there are too many

    def _make_space(self, event: SpanEvent, size: int) -> bool:
        del event, size
        return False  # what waits is on the disk: nothing has to go for something new

    def _wake_time(self, now: float, stop: Stop | None) -> float:
        wake = super()._wake_time(now, stop)
        waits = self._backlog.count or self._unread
        return min(wake, max(now, self._write_due)) if waits else wake

    # ------------------------------------------------------------------------------------------------------------ ends

    def _leave_behind(self) -> None:
        """Leave what was not sent to the next process; what could not be written is lost."""
        self._take_in()
        with self._disk:
            with self._lock:
                lost = 0
                for event in self._backlog.give_back():
                    if self._places.pop(id(event), None) is None:
                        self._backlog.lose(event, "shutdown_timeout")
                        lost += 1
                    else:
                        self._handed_over += 1
                self._handed_over += self._unread
                self._backlog.recorded += self._unread
                self._unread = 0
            self._delete_settled({})
            self._log_messages.left_behind(lost)
            self._spool.close()


def _patient_no_more(stop: Stop) -> Stop:
    stop.has_spool()
    return stop
