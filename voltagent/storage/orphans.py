"""Find the probable parents of traces that began in processes without anything handed over, by what the store has.

A process cannot see what the one that started it has open, but both write into the same local store, marked with the
process. The parent finds the rows of its child when it writes next, at the latest when its operation ends; the child
looks again when it writes later. Runs on the sender's thread, after a batch was stored.

A parent is probable if exactly one trace of the process that started this one was open when the call began.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from voltagent.core import clock
from voltagent.core.clock import id_text
from voltagent.core.lost_parent_marks import CALLED, ProbableParent, mark, report
from voltagent.core.open_operations import MAIN, ORPHANS, Orphan, is_open_here, starts_processes
from voltagent.core.span import TRACE, Phase, SpanEvent
from voltagent.storage.file import Connection, StoreError, in_transaction
from voltagent.storage.traces.batch import LABEL
from voltagent.storage.traces.facts import labels_of
from voltagent.storage.traces.liveness import names_of_process
from voltagent.storage.traces.statements import Statement
from voltagent.storage.traces.store import Store

_SECOND: Final = 10**9  # ns
_STORED_NS: Final = _SECOND  # what another process recorded a second ago is stored, such as the end of an operation
_LOOKED_FOR_NS: Final = 5 * _SECOND  # if the parent of a call is not found after that, it is not known
_KEPT_NS: Final = 600 * _SECOND  # how long it is remembered which places were reported
_LONGEST_NS: Final = 3600 * _SECOND  # a trace that has ended may have begun an hour before the call
_PAUSE: Final = 1.0  # seconds between two looks, if nothing of this process ended
_MOST: Final = 10_000  # calls that are looked at after one batch
_MOST_OPERATIONS: Final = 10_000  # of one trace that are looked at

_NOTE: Final = """
    INSERT OR IGNORE INTO orphans (trace_id, process, start_ns, cause, function, place, settled)
    VALUES (:trace_id, :process, :start_ns, :cause, :function, :place, :settled)"""
_FORGET: Final = "DELETE FROM orphans WHERE start_ns < ?"
_WAITING: Final = "SELECT * FROM orphans WHERE settled = 0 AND process IN (?, ?) ORDER BY start_ns LIMIT ?"
_IS_KNOWN: Final = "SELECT 1 FROM orphans WHERE settled = 1 AND process = ? AND place = ?"
_SETTLE: Final = "UPDATE orphans SET settled = 1 WHERE trace_id = ?"
_GIVE_UP: Final = "DELETE FROM orphans WHERE trace_id = ?"
_MARK: Final = "UPDATE traces SET update_metadata = coalesce(update_metadata || char(10), '') || ? WHERE id = ?"
_TRACE: Final = "SELECT id, name, status, start_ns, end_ns FROM traces"
# Between the first call and the last one. The second half has what ended meanwhile.
_OPEN_TRACES: Final = f"""
    {_TRACE} WHERE status = 'running' AND start_ns <= :last AND writer GLOB :writer UNION
    {_TRACE} WHERE start_ns BETWEEN :first - {_LONGEST_NS} AND :last AND end_ns >= :first AND writer GLOB :writer"""
_OPERATIONS: Final = "SELECT id, parent_id, kind, name, start_ns, end_ns FROM operations WHERE trace_id = ?"

_looks: Final[dict[str, float]] = {"next": 0.0}  # on the monotonic clock

Times = Mapping[str, tuple[int, int]]  # of the traces in a batch: start and end


class _NewMark(NamedTuple):
    mark: dict[str, Any]
    cause: str
    is_new: bool  # whether no process has reported this place


def take_orphans() -> list[Orphan]:
    """Return the calls of this process whose parent may be in the one that started it. The caller stores them."""
    taken: list[Orphan] = []
    while ORPHANS:
        with suppress(IndexError):  # the worker of another store took the last one meanwhile
            taken.append(ORPHANS.popleft())
    return taken


def rows_of(orphans: Iterable[Orphan]) -> list[Statement]:
    """Return what to store with the batch in which the traces begin, so that a process that is killed leaves it."""
    rows = [_row(one) for one in orphans if one.mark is None]
    return [Statement(_NOTE, rows)] if rows else []


def _row(orphan: Orphan) -> dict[str, Any]:
    """Return the row of a call that has lost its parent."""
    return {
        "trace_id": id_text(orphan.trace_id),
        "process": MAIN.parent,
        "start_ns": orphan.start_ns,
        "cause": orphan.cause,
        "function": orphan.function,
        "place": orphan.place,
        "settled": orphan.mark is not None,
    }


def settle_orphans(store: Store, batch: Sequence[SpanEvent], new: Sequence[Orphan], deadline: float) -> None:
    """Mark the traces whose probable parent is found, and report each place once.

    Args:
        store: the local store, which has the batch.
        batch: the events that were stored just now.
        new: the calls that were stored with it.
        deadline: on the clock of :func:`voltagent.core.clock.monotonic`.
    """
    is_parent = starts_processes()
    if not is_parent and MAIN.parent <= 0:
        return
    ended: Times = _ended(batch) if is_parent else {}
    known = [one for one in new if one.mark is not None]
    now = clock.monotonic()
    if not ended and not known and now < _looks["next"]:
        return
    _looks["next"] = now + _PAUSE
    try:
        found = store.file.use(lambda connection: _settle(connection, known, ended), deadline, create=False)
    except StoreError:
        return
    for one in found:
        if one.is_new:
            report(one.mark, one.cause)


def _ended(batch: Iterable[SpanEvent]) -> Times:
    """Return the start and end of the traces of this process that ended in a batch.

    If they also began in it, the store knows no process for them.
    """
    return {
        id_text(span.id): (span.start_ns, span.end_ns)
        for phase, span, _ in batch
        if phase is Phase.END and span.kind == TRACE and span.end_ns is not None
    }


def _settle(connection: Connection, known: Sequence[Orphan], ended: Times) -> list[_NewMark]:
    """Store the marks of this process's traces, and mark the waiting ones whose parent is known by now."""
    processes = os.getpid(), MAIN.parent
    if not known and connection.execute(_WAITING, (*processes, 1)).fetchone() is None:
        return []

    def write(inside: Connection) -> list[_NewMark]:
        reported = [_note(inside, one) for one in known]
        inside.execute(_FORGET, (clock.nanoseconds() - _KEPT_NS,))
        waiting = inside.execute(_WAITING, (*processes, _MOST)).fetchall()
        parents = _Parents(inside, ended, waiting)
        return reported + [found for row in waiting if (found := _mark(inside, row, parents)) is not None]

    return in_transaction(connection, write)


def _note(connection: Connection, orphan: Orphan) -> _NewMark:
    """Note a call whose parent is known, so that no other process reports the place."""
    is_new = _is_new(connection, MAIN.parent, orphan.place)
    connection.execute(_NOTE, _row(orphan))
    return _NewMark(orphan.mark or {}, orphan.cause, is_new)


def _mark(connection: Connection, row: Any, parents: _Parents) -> _NewMark | None:
    """Mark a trace; ``None`` if its parent is not known, or the trace is not stored yet."""
    trace_id, process, cause, place = row["trace_id"], row["process"], row["cause"], row["place"]
    parent = parents.of(process, row["start_ns"])
    if parent is None:
        if row["start_ns"] < clock.nanoseconds() - _LOOKED_FOR_NS:
            connection.execute(_GIVE_UP, (trace_id,))
        return None
    found = mark(parent, cause, row["function"], place, CALLED)
    about = {"lost_parent": found}
    if connection.execute(_MARK, (to_json(about).decode(), trace_id)).rowcount == 0:
        return None
    connection.executemany(LABEL, [(trace_id, *label) for label in labels_of(about)])
    is_new = _is_new(connection, process, place)
    connection.execute(_SETTLE, (trace_id,))
    return _NewMark(found, cause, is_new)


def _is_new(connection: Connection, process: int, place: str) -> bool:
    return connection.execute(_IS_KNOWN, (process, place)).fetchone() is None


def _was_open(row: Any, moment: int) -> bool:
    """Return whether a trace or operation was open at a moment (ns)."""
    return bool(row["start_ns"] <= moment <= (row["end_ns"] or moment))


class _Parents:
    """Finds what a process had open at some moment.

    Args:
        connection: of the store.
        ended: the traces of this process that ended in the batch.
        waiting: the calls, in the order of their start.
    """

    def __init__(self, connection: Connection, ended: Times, waiting: Sequence[Any]) -> None:
        self._connection = connection
        self._ended = ended
        self._extent = (waiting[0]["start_ns"], waiting[-1]["start_ns"]) if waiting else (0, 0)
        self._traces: dict[int, list[Any]] = {}  # by process
        self._operations: dict[str, list[Any]] = {}  # by trace

    def of(self, process: int, moment: int) -> ProbableParent | None:
        """Return the innermost operation of the one trace that was open; ``None`` if there was none or several."""
        traces = [row for row in self._of_process(process) if _was_open(row, moment)]
        if len(traces) != 1:
            return None
        trace = traces[0]
        trace_id, status = trace["id"], trace["status"]
        if status == "running" and moment > clock.nanoseconds() - _STORED_NS and not is_open_here(trace_id):
            return None  # its end may not be stored yet
        operations = [row for row in self._of_trace(trace_id, status) if _was_open(row, moment)]
        above = {row["parent_id"] for row in operations}
        innermost = [row for row in operations if row["id"] not in above]
        if len(innermost) == 1:
            found = innermost[0]
            return ProbableParent(found["name"], found["kind"], found["id"], trace_id)
        return ProbableParent(trace["name"], TRACE, trace_id, trace_id)

    def _of_process(self, process: int) -> list[Any]:
        """Return the traces of a process that may have been open when the waiting ones began."""
        if process not in self._traces:
            values = {"first": self._extent[0], "last": self._extent[1], "writer": names_of_process(process)}
            found = {row["id"]: row for row in self._connection.execute(_OPEN_TRACES, values)}
            if process == os.getpid():
                for trace_id in self._ended:
                    rows = self._connection.execute(f"{_TRACE} WHERE id = ?", (trace_id,))
                    found.update((row["id"], row) for row in rows)
            self._traces[process] = list(found.values())
        return self._traces[process]

    def _of_trace(self, trace_id: str, status: str) -> list[Any]:
        if trace_id not in self._operations:
            query = _OPERATIONS + (" AND status = 'running'" if status == "running" else "") + " LIMIT ?"
            self._operations[trace_id] = self._connection.execute(query, (trace_id, _MOST_OPERATIONS)).fetchall()
        return self._operations[trace_id]
