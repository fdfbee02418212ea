"""Detect a call that has lost its parent: it starts a trace in a thread, process or callback where nothing is current,
while an operation that handed it over is open.

The parent is a guess, so the trace is never put under it: it is marked with the probable parent, the cause and the fix,
and each place in the program is reported once. What counts as evidence:

1. The thread of an open operation waits for the call at this moment: by ``join``, ``result``, ``map``, ``await``.
2. Or the thread of the call was started while exactly one operation was open that runs something else, and no server
   or job runner started it.

Both are looked for when the call starts and, if there is none, again when it ends. Otherwise nothing is reported.

In a process that another one started, nothing is known of what that one has open. There the call is noted, and the
sender looks in the local store: see :mod:`voltagent.storage.orphans`.
"""

from __future__ import annotations

import sys
from threading import get_ident
from types import CodeType
from typing import Any, Final, NamedTuple
from weakref import ref

from pydantic_core import to_json

from voltagent.core import clock
from voltagent.core.guard import Guard
from voltagent.core.hints import code_place
from voltagent.core.lost_parent_marks import STANDS, SUBMITTED, WAITS, ProbableParent, mark, report
from voltagent.core.open_operations import (
    INHERITED,
    MAIN,
    OPENED,
    ORPHANS,
    THREADS,
    Orphan,
    frames_of,
    place_in_program,
    started_after,
)
from voltagent.core.process.own_threads import innermost_frames
from voltagent.core.span import Span
from voltagent.tracing.waiting import (
    Arrival,
    arrival,
    awaiting,
    cause_of_process,
    destination_of,
    entry_of,
    place_of_orphan,
    runs_event_loop,
    span_of,
    waits_for,
)

SUSPECTS: Final[dict[int, Span]] = {}  # calls for which there was no evidence at their start, by id
_MOST_SUSPECTS: Final = 1000
_MOST_THREADS: Final = 64  # that are looked at


class _Parent(NamedTuple):
    span: Span
    place: str  # where its thread or task stands
    waits: bool


def began(span: Span, code: CodeType | None) -> None:
    """Note a call that starts a trace, and look whether it has lost its parent. Never raises an ``Exception``.

    Args:
        span: the operation.
        code: of the function that is called, if it is known.
    """
    thread = get_ident()
    is_main = thread == MAIN.thread
    if is_main and INHERITED:
        _report_inherited(span)
    elif not is_main and len(OPENED) > (thread in OPENED) and span.trace.remote is None:
        _examine(span, thread)
    elif MAIN.parent:
        _note_orphan(span, code)
    OPENED[thread] = ref(span), len(THREADS)


def ended(span: Span) -> None:
    """Look again, at the end of a call that is suspected."""
    if SUSPECTS.pop(id(span), None) is None:
        return
    try:
        frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore
        arrived = arrival(frame)
        if arrived is not None:
            found = _waiting_parent(arrived) or _only_parent(arrived)
            if found is not None:
                _report(span, arrived, found)
    except Exception as exc:
        Guard.swallowed(exc)


def _examine(span: Span, thread: int) -> None:
    """Look for the operation that a call in another thread has lost, and report it or suspect the call."""
    try:
        arrived = arrival(sys._getframe(2)) if _others(thread) else None  # noqa: SLF001  # pyright: ignore
        if arrived is None:
            return
        found = _waiting_parent(arrived)
        if found is not None:
            _report(span, arrived, found)
        elif len(SUSPECTS) < _MOST_SUSPECTS:
            SUSPECTS[id(span)] = span
    except Exception as exc:
        Guard.swallowed(exc)


def _note_orphan(span: Span, code: CodeType | None) -> None:
    """Note a call in a process that another one started, for the sender's thread to look at."""
    try:
        if MAIN.find_parent() and MAIN.has_store and span.trace.remote is None:
            found = place_of_orphan(sys._getframe(2))  # noqa: SLF001  # pyright: ignore
            if found is not None:
                caller, line = found
                place = "?" if code is None else code_place(code) if caller is None else code_place(caller, line)
                ORPHANS.append(Orphan(span.trace.id, span.start_ns, cause_of_process(), span.name, place))
    except Exception as exc:
        Guard.swallowed(exc)


def _others(thread: int) -> list[tuple[int, Span, int]]:
    """Return the operations that are open in other threads, with the number of threads when they began."""
    found: list[tuple[int, Span, int]] = []
    for other, (reference, number) in list(OPENED.items())[:_MOST_THREADS]:
        span = reference()
        if span is None or span.end_ns is not None or not span.recording:
            OPENED.pop(other, None)
        elif other != thread:
            found.append((other, span, number))
    return found


def _waiting_parent(arrived: Arrival) -> _Parent | None:
    """Return the operation whose thread or task waits for the call."""
    stacks = innermost_frames()
    for thread, opened, _ in _others(get_ident()):
        waits = False
        for frame in frames_of(stacks.get(thread)):
            waits = waits or waits_for(frame, arrived)
            span = span_of(frame) if waits else None
            if span is not None:
                return _Parent(span, place_in_program(stacks.get(thread)), waits=True)
        if waits:
            return _Parent(opened, place_in_program(stacks.get(thread)), waits=True)
    awaited = awaiting(arrived)
    return None if awaited is None else _Parent(*awaited, waits=True)


def _only_parent(arrived: Arrival) -> _Parent | None:
    """Return the one operation that was open when the thread of the call was started, if there is exactly one."""
    thread = get_ident()
    stacks = innermost_frames()
    found: list[_Parent] = []
    for other, opened, number in _others(thread):
        frames = list(frames_of(stacks.get(other)))
        if not frames or any(map(runs_event_loop, frames)):
            continue
        if arrived.cause != "callback" and not started_after(thread, number):
            continue
        entry = entry_of(frames)
        if entry is None or entry == arrived.entry:
            continue  # a sibling: it runs what this thread runs
        span = next((span for frame in frames if (span := span_of(frame)) is not None), opened)
        found.append(_Parent(span, place_in_program(frames[0]), waits=False))
    return found[0] if len(found) == 1 else None


def _report(span: Span, arrived: Arrival, parent: _Parent) -> None:
    """Mark the trace of a call with its probable parent, and report the place once."""
    seen = getattr(arrived.thread, "_voltagent_place", None)
    place = seen or parent.place
    how = SUBMITTED if seen else WAITS if parent.waits else STANDS
    in_loop = arrived.cause == "executor" and destination_of(arrived.future) is not None
    cause = "loop" if in_loop else arrived.cause
    report(_mark(span, parent.span, cause, place, how), cause)


def _report_inherited(span: Span) -> None:
    """Report a call in a forked worker, whose parent is what was current at the fork."""
    try:
        inherited = INHERITED[0]
        if not inherited.is_new:
            INHERITED.clear()  # only the first task is known to come from there
        cause = "processes" if inherited.pool.startswith(("multiprocessing", "billiard")) else "process pool"
        found = _mark(span, inherited.span, cause, inherited.place, SUBMITTED)
        if MAIN.has_store and MAIN.find_parent():  # by the store each place is reported by one process only
            ORPHANS.append(Orphan(span.trace.id, span.start_ns, cause, span.name, inherited.place, found))
        else:
            report(found, cause)
    except Exception as exc:
        Guard.swallowed(exc)


def _mark(span: Span, parent: Span, cause: str, place: str, place_is: str) -> dict[str, Any]:
    """Mark the trace of a call."""
    root = span if span.parent is None else span.parent
    recorder = root.trace.recorder
    known = ProbableParent(parent.name, parent.kind, clock.id_text(parent.id), clock.id_text(parent.trace.id))
    found = mark(known, cause, span.name, place, place_is)
    if recorder is not None:
        recorder.update(root, {"metadata": to_json({"lost_parent": found})})
    return found
