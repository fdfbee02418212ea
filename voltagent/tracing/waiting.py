"""Read the stacks of two threads: how a call got into the one, and whether the other waits for it.

Only frames of the standard library and of this package are looked into, and no code of the program runs.
"""

# Locals of frames are of any type, which pyright calls unknown.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from contextvars import Context
from functools import partial
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

from voltagent.core.context import CURRENT
from voltagent.core.hints import code_place
from voltagent.core.open_operations import THREADS, frames_of, is_of_program
from voltagent.core.span import Span

# Packages that serve requests or run jobs, or carry the context themselves: a trace that starts there has no parent.
_SERVERS: Final = frozenset(
    (
        *("socketserver", "http", "wsgiref", "xmlrpc", "uvicorn", "gunicorn", "hypercorn", "daphne", "granian"),
        *("waitress", "cheroot", "cherrypy", "werkzeug", "tornado", "aiohttp", "sanic", "twisted", "grpc", "bjoern"),
        *("gevent", "eventlet", "anyio", "asgiref", "starlette", "celery", "billiard", "kombu", "rq", "dramatiq"),
        *("huey", "apscheduler", "ray", "distributed", "ipykernel", "pika", "confluent_kafka", "paho", "schedule"),
    )
)


class Arrival(NamedTuple):
    """How a call got into its thread."""

    cause: str  # a key of the table of fixes
    thread: Any  # the `threading.Thread`
    future: Any = None  # of `concurrent.futures`
    job: Any = None  # the number of a task of `multiprocessing.pool`
    entry: object = None  # what the thread runs, to distinguish siblings from children


_MOST_COROUTINES: Final = 100
_MOST_CODES: Final = 4096
_RUNNERS: Final = frozenset(("joblib", "loky", "voltagent"))  # their code is also copied by value, without its file
_SERVES, _PROGRAM, _OTHER, _STARTS = range(4)
_codes: Final[dict[int, tuple[CodeType, int]]] = {}  # by identity, as code objects take long to compare
SPAN_OF: Final[dict[int, str]] = {}  # `id` of the code of our wrappers -> the variable that has the operation


def arrival(frame: FrameType | None) -> Arrival | None:
    """Return how the call in this frame got into its thread; ``None`` if it belongs to no other operation."""
    thread = THREADS.get(threading.get_ident())
    if thread is None or thread is threading.main_thread():
        return None
    cause, future, job = "thread", None, None
    for one in frames_of(frame):
        module = str(one.f_globals.get("__name__", ""))
        name = one.f_code.co_name
        if module.partition(".")[0] in _SERVERS:
            return None
        if module == "concurrent.futures.thread" and name == "run":
            item = one.f_locals.get("self")
            if _carries_context(item):
                return None
            cause, future = ("callback" if future is not None else "executor"), future or getattr(item, "future", None)
        elif module == "concurrent.futures._base" and name == "_invoke_callbacks":
            future = one.f_locals.get("self")
            cause = "callback"
        elif module == "multiprocessing.pool" and name == "worker":
            cause, job = "pool", one.f_locals.get("job")
        elif module == "threading" and name == "run" and type(thread).__name__ == "Timer":
            cause = "timer"
        elif module == "voltagent.core.handover":
            return None  # handed over, from where nothing was current
    return Arrival(cause, thread, future, job, entry_of(frames_of(frame)))


def place_of_orphan(frame: FrameType | None) -> tuple[CodeType | None, int] | None:
    """Return where the program makes a call that nothing was handed over with.

    Returns:
        The code and its line, ``(None, 0)`` if the call comes from no code of the program. ``None`` if a server or job
        runner makes the call, or work that was handed over, from where nothing was current.
    """
    code, line = None, 0
    while frame is not None:
        known = _codes.get(id(frame.f_code))
        kind = _kind_of(frame) if known is None else known[1]
        if kind == _SERVES:
            return None
        if kind == _STARTS:
            break  # what is above belongs to the process that was forked
        if kind == _PROGRAM and code is None:
            code, line = frame.f_code, frame.f_lineno
        frame = frame.f_back
    return code, line


def _kind_of(frame: FrameType) -> int:
    """Return whether a frame serves requests, starts a process, or runs the program; remember it by its code."""
    module = str(frame.f_globals.get("__name__", ""))
    package = module.partition(".")[0]
    if package in _SERVERS or module == "voltagent.core.handover":
        kind = _SERVES
    elif module == "multiprocessing.process" and frame.f_code.co_name == "_bootstrap":
        kind = _STARTS
    else:
        kind = _PROGRAM if package not in _RUNNERS and is_of_program(frame) else _OTHER
    if len(_codes) < _MOST_CODES:
        _codes[id(frame.f_code)] = frame.f_code, kind
    return kind


def cause_of_process() -> str:
    """Return how this process was started, as a key of the table of fixes."""
    processes = sys.modules["multiprocessing.process"]
    target = vars(processes.current_process()).get("_target")
    module = str(getattr(target, "__module__", ""))
    if "loky" in module:
        return "joblib"
    if module == "concurrent.futures.process":
        return "process pool"
    return "processes" if module == "multiprocessing.pool" else "process"


def _carries_context(item: Any) -> bool:
    function: Any = getattr(item, "fn", None)
    if not isinstance(function, partial):
        return False
    return isinstance(getattr(function.func, "__self__", None), Context)


def entry_of(frames: Iterable[FrameType]) -> object:
    """Return what a thread runs: the name of its outermost operation, or the outermost code of the program."""
    entry: object = None
    for frame in frames:
        span = _span_in(frame)
        if span is not None:
            entry = span.name
        elif is_of_program(frame):
            entry = frame.f_code
    return entry


def span_of(frame: FrameType) -> Span | None:
    """Return the open operation whose call a frame of ours runs."""
    span = _span_in(frame)
    return span if span is not None and span.recording and span.end_ns is None else None


def _span_in(frame: FrameType) -> Span | None:
    """Return the span of a call whose frame this is, from the local variable that holds it."""
    name = SPAN_OF.get(id(frame.f_code))
    if name is None:
        return None
    found: Any = frame.f_locals.get(name)
    found = getattr(found, "span", found) if name == "stream" else found
    return found if isinstance(found, Span) else None


def _same(field: str) -> Callable[[Any, Arrival], bool]:
    return lambda found, arrived: found is not None and found is getattr(arrived, field)


def _job(found: Any, arrived: Arrival) -> bool:
    return arrived.job is not None and getattr(found, "_job", None) == arrived.job


def _among(found: Any, arrived: Arrival) -> bool:
    listed: Any = list(found) if isinstance(found, set | list | frozenset) else []
    return arrived.future is not None and any(one is arrived.future for one in listed)


def _works_in(found: Any, arrived: Arrival) -> bool:
    threads: Any = getattr(found, "_threads", None)
    return isinstance(threads, set) and any(one is arrived.thread for one in threads)


# (module, function, its variable) -> whether a thread that stands there waits for the call
_WAITS: Final = {
    ("threading", "join", "self"): _same("thread"),
    ("threading", "start", "self"): _same("thread"),
    ("concurrent.futures._base", "result", "self"): _same("future"),
    ("concurrent.futures._base", "exception", "self"): _same("future"),
    ("concurrent.futures._base", "as_completed", "fs"): _among,
    ("concurrent.futures._base", "wait", "fs"): _among,
    ("concurrent.futures._base", "result_iterator", "fs"): _among,
    ("concurrent.futures.thread", "submit", "f"): _same("future"),
    ("concurrent.futures.thread", "shutdown", "self"): _works_in,
    ("multiprocessing.pool", "wait", "self"): _job,
    ("multiprocessing.pool", "get", "self"): _job,
    ("multiprocessing.pool", "next", "self"): _job,
}
_PLACES: Final = {(module, name): variable for module, name, variable in _WAITS}


def waits_for(frame: FrameType, arrived: Arrival) -> bool:
    """Return whether a frame of another thread waits for the call, or hands it over at this moment."""
    module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
    variable = _PLACES.get((module, name))
    return variable is not None and _WAITS[module, name, variable](frame.f_locals.get(variable), arrived)


def runs_event_loop(frame: FrameType) -> bool:
    """Return whether a frame is that of a running event loop, whose tasks are not on the stack."""
    return frame.f_globals.get("__name__") == "asyncio.base_events" and frame.f_code.co_name == "_run_once"


def awaiting(arrived: Arrival) -> tuple[Span, str] | None:
    """Return the operation whose task awaits the call, as with ``loop.run_in_executor``, and where the task stands."""
    destination = destination_of(arrived.future)
    waiters: Any = getattr(destination, "_callbacks", None) or ()
    for waiting in list(waiters):
        is_task = isinstance(waiting, tuple) and isinstance(getattr(waiting[0], "__self__", None), asyncio_task())
        context = waiting[1] if is_task else None
        span = context.get(CURRENT) if isinstance(context, Context) else None
        if span is not None and span.recording and span.end_ns is None:
            return span, _place_of(getattr(waiting[0], "__self__", None))
    return None


def destination_of(future: Any) -> Any:
    """Return the event loop's future that gets the result of a ``concurrent.futures`` one; ``None`` without one."""
    for callback in list(getattr(future, "_done_callbacks", ())):
        code, cells = getattr(callback, "__code__", None), getattr(callback, "__closure__", None)
        if code is not None and cells and "destination" in code.co_freevars:
            return cells[code.co_freevars.index("destination")].cell_contents
    return None


def _place_of(task: Any) -> str:
    """Return the innermost line of the program in the coroutines of a task."""
    place = "?"
    coroutine: Any = task.get_coro() if isinstance(task, asyncio_task()) else None
    for _ in range(_MOST_COROUTINES):
        frame = getattr(coroutine, "cr_frame", None)
        if frame is None:
            break
        if is_of_program(frame):
            place = code_place(frame.f_code, frame.f_lineno)
        coroutine = getattr(coroutine, "cr_await", None)
    return place


def asyncio_task() -> Any:
    """Return the class of tasks, or no class at all if no event loop was used."""
    return getattr(sys.modules.get("asyncio"), "Task", ())
