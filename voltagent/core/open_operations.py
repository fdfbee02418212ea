"""Which operation was opened last in each thread: the candidates for the parent of a call that has lost its own.

Noted where a trace starts, a handle is entered, or work that was handed over begins; never for a call that has a
parent, which costs nothing more.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from threading import get_ident
from types import FrameType
from typing import Any, Final, NamedTuple
from weakref import ref

from voltagent.core.clock import id_text
from voltagent.core.hints import code_place
from voltagent.core.span import Span

OPENED: Final[dict[int, tuple[ref[Span], int]]] = {}  # thread -> operation, and how many threads there were then
THREADS: Final[dict[int, Any]] = getattr(threading, "_active", {})  # by start: dictionaries keep their order


class Inherited(NamedTuple):
    """What was current where a worker of a pool was forked."""

    span: Span
    place: str  # where the program called the pool
    pool: str  # the module of the pool
    is_new: bool  # whether the pool was made there, so that all of its work comes from there


INHERITED: Final[list[Inherited]] = []  # at most one; not empty in a worker only


def forget_inherited(*, is_empty: bool) -> None:
    """Note that a worker was handed a task with its moment, in which nothing may have been current."""
    if is_empty or not INHERITED[0].is_new:
        INHERITED.clear()


def note(span: Span) -> None:
    """Note that an operation is open in this thread."""
    OPENED[get_ident()] = ref(span), len(THREADS)


def started_after(thread: int, number: int) -> bool:
    """Return whether a thread was started when there were that many already; false if that is uncertain."""
    order = list(THREADS)
    return thread in order and order.index(thread) >= number


_UNKNOWN: Final = -1


class _Main:
    """The thread that runs the program, in a forked process the one that was forked; and the process above this one."""

    def __init__(self) -> None:
        self.thread = threading.main_thread().ident
        self.parent = _UNKNOWN  # the id of the process whose operations may be the parents of calls here; 0: none
        self.has_store = False  # whether this process records into a local store

    def find_parent(self) -> int:
        """Look once which process of ``multiprocessing`` started this one."""
        if self.parent == _UNKNOWN:
            processes = sys.modules.get("multiprocessing.process")
            if processes is not None and hasattr(processes.current_process(), "_inheriting"):
                return 0  # a child that is still importing the program: it does not know its parent yet
            parent = None if processes is None else processes.parent_process()
            self.parent = 0 if parent is None else parent.pid
        return self.parent

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self.thread = get_ident()
        self.parent = _UNKNOWN
        OPENED.clear()
        ORPHANS.clear()


class Orphan(NamedTuple):
    """A call in a process that another one started: it began a trace, though nothing was handed over with it.

    Whether that process has an operation open is known to the local store only, so the sender's thread looks there.
    """

    trace_id: int | str
    start_ns: int
    cause: str
    function: str
    place: str
    mark: dict[str, Any] | None = None  # if the parent is known, and is to be reported only


ORPHANS: Final[deque[Orphan]] = deque(maxlen=1000)  # that the sender has not looked at yet

# These are loaded by a process that starts others.
_STARTERS: Final = (
    *("multiprocessing.popen_fork", "multiprocessing.popen_spawn_posix", "multiprocessing.popen_spawn_win32"),
    *("loky.backend.popen_loky_posix", "joblib.externals.loky.backend.popen_loky_posix"),
)


def starts_processes() -> bool:
    """Return whether this process has started others, as far as the modules it has loaded show."""
    return not sys.modules.keys().isdisjoint(_STARTERS)


MAIN: Final = _Main()

_MOST_FRAMES: Final = 400
_STDLIB: Final = f"{Path(os.__file__).parent}{os.sep}"
_PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"
_SITE: Final = f"{os.sep}site-packages{os.sep}"


def frames_of(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames from the innermost one outwards."""
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def is_of_program(frame: FrameType) -> bool:
    """Return whether a frame runs code of the program or of another package."""
    name = frame.f_code.co_filename
    ours = name.startswith((_PACKAGE, "<frozen")) or (name.startswith(_STDLIB) and _SITE not in name)
    return not ours and f"{os.sep}wrapt{os.sep}" not in name


def place_in_program(frame: FrameType | None) -> str:
    """Return the innermost line of the program in a stack."""
    found = next((one for one in frames_of(frame) if is_of_program(one)), None)
    return "?" if found is None else code_place(found.f_code, found.f_lineno)


def is_open_here(trace_id: str) -> bool:
    """Return whether a thread of this process has an operation of this trace open."""
    spans = [reference() for reference, _ in list(OPENED.values())]
    return any(span is not None and span.end_ns is None and id_text(span.trace.id) == trace_id for span in spans)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=MAIN.after_fork)
