"""The local destination: events go into an SQLite file that ``voltagent traces`` and ``voltagent show`` read."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from voltagent import settings
from voltagent.core import clock
from voltagent.core.context import suppress
from voltagent.core.guard import Guard, guard, log, logger
from voltagent.core.open_operations import MAIN, ORPHANS
from voltagent.core.process import executable, stderr
from voltagent.core.process.exit_hook import is_worker_process
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.exporters import ACCEPTED, Outcome, Verdict
from voltagent.render.text import short_id
from voltagent.storage.file import StoreError, make_folder
from voltagent.storage.hints import save_hints
from voltagent.storage.orphans import rows_of, settle_orphans, take_orphans
from voltagent.storage.traces import viewer_address
from voltagent.storage.traces.liveness import Writer
from voltagent.storage.traces.store import Store

_NO_TRACES: Final = (0, "")
_MOST_STORES: Final = 8  # whose traces are counted for the end of the process: the last ones that were recorded into
_OPENING: Final = 0.05  # seconds after which opening in advance is not tried again; SQLite may wait longer in one try
_recorded: Final[dict[str, tuple[int, int | str]]] = {}  # by store: how many traces, and the id of the last
_START: Final = Phase.START
_forked: Final[list[bool]] = []  # not empty in a child, whose parent reports for it


def _is_child() -> bool:
    return bool(_forked) or is_worker_process()


def _lines() -> Iterator[str]:
    """Yield lines for a user at a terminal on how to see what was recorded."""
    if not stderr.is_terminal() or _is_child():
        return
    for path, (number, last) in _recorded.items():
        named = "" if path == str(settings.local_path().absolute()) else f" --db {shlex.quote(path)}"
        command = f"{executable.command()} show {shlex.quote(short_id(clock.id_text(last)))}{named}"
        yield (
            f"1 trace recorded; see it with: {command}"
            if number == 1
            else (f"{number} traces recorded; see the last with: {command}")
        )


stderr.add_exit_lines(_lines)


class LocalExporter:
    """Appends every batch to the local store, in one transaction.

    Args:
        path: the SQLite file. It is opened by :meth:`announce` or the first batch, not here.
    """

    name = "local"

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self._is_main: bool | None = None  # not looked at yet
        self._has_stored = False
        self._writer = Writer(path)
        viewer_address.record_into(path)
        MAIN.has_store = True
        self._store = Store(path, writer=self._writer)
        self._shown = str(self._store.path)

    def announce(self) -> None:
        """Take the lock that shows the commands that a program records, and open the file: its making takes longest."""
        try:
            make_folder(self._store.path.parent)
            self._writer.name()
            self._store.open(clock.monotonic() + _OPENING)
        except (OSError, StoreError):  # the first batch reports it
            pass

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        """Store the events; see :class:`voltagent.exporters.Exporter`.

        UNAVAILABLE means that it may work later (locked, disk full, or a folder that is gone and was there before);
        REFUSED that it needs the user's help (no permission, not a store, a newer schema).
        """
        orphans = take_orphans() if ORPHANS else []
        try:
            refused = self._store.append(batch, deadline, rows_of(orphans))
        except StoreError as exc:
            ORPHANS.extend(orphans)
            may_heal = exc.temporary or (exc.unreachable and self._has_stored)
            verdict = Verdict.UNAVAILABLE if may_heal else Verdict.REFUSED
            return [Outcome(verdict, "" if may_heal else "rejected", str(exc))] * len(batch)
        except Exception as exc:  # exporters do not raise
            Guard.swallowed(exc)
            return [Outcome(Verdict.REFUSED, "serialize_error", type(exc).__name__)] * len(batch)
        self._has_stored = True
        with guard:
            settle_orphans(self._store, batch, orphans, deadline)
        if logger.isEnabledFor(logging.INFO):
            self._name_pages(batch)
        save_hints()
        self._count(batch)
        if not refused:
            return [ACCEPTED] * len(batch)
        return [
            Outcome(Verdict.REFUSED, "serialize_error", refused[place]) if place in refused else ACCEPTED
            for place in range(len(batch))
        ]

    def _count(self, batch: Sequence[SpanEvent]) -> None:
        """Count the traces that this process recorded, for the line at its end."""
        number, last = _recorded.get(self._shown, _NO_TRACES)
        before = number
        for phase, span, _ in batch:
            if phase is _START and span.kind == TRACE:
                number, last = number + 1, span.id
        if number > before and self._reports():
            if self._shown not in _recorded:
                for oldest in tuple(_recorded)[: 1 - _MOST_STORES]:
                    _recorded.pop(oldest, None)
            _recorded[self._shown] = number, last

    def _reports(self) -> bool:
        """Return whether this process says at its end what it recorded: a child does not, as its parent does."""
        if self._is_main is None:
            self._is_main = not _is_child()
        return self._is_main

    def _name_pages(self, batch: Sequence[SpanEvent]) -> None:
        """Log the page of each trace that ended, if a viewer of this store runs."""
        ended = [span for phase, span, _ in batch if phase is Phase.END and span.kind == TRACE]
        if ended and viewer_address.running_port(self._store.path) is not None:
            with suppress():  # a handler that records such a line would have another trace end
                for span in ended:
                    log(logging.INFO, "trace %s ended: %s", span.name, viewer_address.page(clock.id_text(span.id)))

    def forget(self, trace_id: int | str) -> None:
        """Do nothing: this exporter keeps no state of traces."""

    def after_fork(self) -> None:
        """Become another writer. The store has closed its file before the fork."""
        self._writer.release(delete=False)
        _forked.append(True)
        self._is_main = None

    def close(self) -> None:
        """Close the file; the next batch opens it again."""
        self._store.close()
        self._writer.release(delete=True)
