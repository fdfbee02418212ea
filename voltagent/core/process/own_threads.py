"""The threads of this library: how they are started and end, also where a program replaces threads by greenlets."""

from __future__ import annotations

import _thread
import codecs
import gc
import operator
import os
import sys
import threading
from collections.abc import Callable, Generator
from types import BuiltinFunctionType, FrameType
from typing import TYPE_CHECKING, Any, Final, cast

from voltagent.core import clock, introspection
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.process.thread_marks import is_held_here

if TYPE_CHECKING:
    from threading import Thread
else:  # not by its name: a test may import this package while that is a mock
    Thread = introspection.bases(type(threading.main_thread()))[-2]

_STACK: Final = 1024 * 1024  # bytes; what sends needs most where Python's own calls take stack, before 3.11
_START_SECONDS: Final = 1.0  # that a thread is given to start
_JOIN_SECONDS: Final = 0.5  # that a thread of the program waits at most for one of ours
_is_daemon: Final[Callable[[Thread], bool]] = introspection.reader(Thread, "daemon")  # gevent's `Thread` inherits it


def has_threads() -> bool:
    """Return whether threads are those of the system: gevent and eventlet replace them by what runs in one thread."""
    return type(_thread.start_new_thread) is BuiltinFunctionType


def is_killed(exc: BaseException) -> bool:
    """Return whether a program ends what runs here: it may kill all greenlets that there are, and wait for their end.

    A thread of ours is one of them where threads are replaced.
    """
    kill = introspection.loaded("greenlet", "GreenletExit")
    return kill is not None and not has_threads() and introspection.has_base(type(exc), kill)


class _OwnThread(Thread):
    """A thread of this library, which goes on for as long as the process does."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end; without a timeout for a moment only, as a program may join all threads that there are."""
        super().join(_JOIN_SECONDS if timeout is None else timeout)

    def run(self) -> None:
        """Do its work, unless the program ends it."""
        try:
            super().run()
        except BaseException as exc:
            if not is_killed(exc):
                raise
        finally:
            _list_by_present_number(self)


def _list_by_present_number(thread: Thread) -> None:
    """List a thread that ends by the number by which Python will take it off the list.

    That is another one if threads were replaced meanwhile, and none where a greenlet goes on in a forked child.
    """
    threads: dict[int, Thread] = getattr(threading, "_active", {})
    number = threading.get_ident()
    if threads.get(number) is not thread:
        for other in [key for key, one in list(threads.items()) if one is thread]:
            del threads[other]
        threads[number] = thread


_classes: Final[dict[type[Thread], type[Thread]]] = {}  # those of our threads, by the class of the program's


def _present_class() -> type[Thread]:
    """Return the class of our threads. Where greenlets are threads, one of another class never seems to end."""
    base: Any = threading.Thread
    if has_threads() or base is Thread or not isinstance(base, type) or not issubclass(base, Thread):
        return _OwnThread
    return _classes.get(base) or _classes.setdefault(base, type("_OwnGreenlet", (_OwnThread, base), {}))


def start_thread(function: Callable[[], None], name: str, *, daemon: bool = True) -> Thread | None:
    """Run a function on a thread; return ``None`` if none can be started, as at the end of a process.

    While the interpreter is being torn down no other thread runs, and before Python 3.12 `Thread.start` would wait for
    one that never does. A test of the program may have replaced the class or its methods by something that starts
    nothing.
    """
    if sys.is_finalizing():
        return None
    try:
        if has_threads() and not _is_listing_threads():
            return _start_from_beside(function, name, daemon)
        make_hub()
        thread = _make(function, name, daemon)
        return thread if _start(thread) else None
    except Exception as exc:  # no thread left, or the interpreter shuts down
        pass_on_interrupt(exc)
        return None


def make_hub() -> None:
    """Make gevent's hub of this thread, if gevent took the place of threads after some of them had started.

    gevent does it where a lock has to be waited for, and imports modules meanwhile, under locks of its own: two threads
    that come there at once would wait for each other for ever. So threads that send or wait for it take turns.
    """
    gevent = None if has_threads() else introspection.loaded_module("gevent")
    if gevent is None:
        return
    try:
        with _turn[0]:
            gevent.get_hub()
    except Exception as exc:  # an unusual version, or the interpreter shuts down
        pass_on_interrupt(exc)


_turn: Final = [_thread.allocate_lock()]  # one of the system's, if this is imported before gevent replaces them


def _renew_turn() -> None:
    """Make the lock anew in a forked child, where the thread that has it may be missing."""
    _turn[0] = _thread.allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_turn)


def has_died(thread: Thread | None) -> bool:
    """Return whether a thread that was started has ended, by whatever was raised into it, too.

    While the interpreter is torn down it has been stopped, wherever it was: the locks that it had stay held.
    """
    return thread is not None and not sys.is_finalizing() and _has_started(thread) and not thread.is_alive()


def threads_go_on(seconds: float) -> bool:
    """Return whether the process will wait for any threads of the program, after waiting for their ends that long."""
    mine = (threading.main_thread(), threading.current_thread())
    until = clock.monotonic() + seconds
    for thread in threading.enumerate():
        if not (thread is mine[0] or thread is mine[1] or _is_daemon(thread)):
            try:  # by the methods of the base class: those of the program's may stop the thread
                Thread.join(thread, max(0.0, until - clock.monotonic()))
            except RuntimeError:
                return True  # it is being started
            if Thread.is_alive(thread):
                return True
    return False


def innermost_frames() -> dict[int, FrameType]:
    """Return the innermost frame of each thread, by its number."""
    if sys.version_info[:2] == (3, 11) and gc.isenabled():
        # A collection would come below a lock that each start of a thread needs: a finalizer that starts one, or comes
        # here again, would hang for ever. In one step of C, so that no other thread sees that collections are off.
        in_turn: tuple[Callable[[], Any], ...] = (gc.disable, _innermost_frames, gc.enable)
        _, frames, _ = map(operator.call, in_turn)
        return cast("dict[int, FrameType]", frames)
    return _innermost_frames()


_innermost_frames: Final[Callable[[], dict[int, FrameType]]] = sys._current_frames  # noqa: SLF001 - there is no other way to them  # pyright: ignore


def place_of(number: int | None) -> tuple[int, int] | None:
    """Return where a thread is, which changes as long as it runs code of Python; ``None`` if it is not there."""
    frame = innermost_frames().get(number or 0)
    return None if frame is None else (id(frame), frame.f_lasti)


def seconds_kept_waiting(thread: object) -> float:
    """Return how long a thread was ready to run, and had no processor; 0.0 where the system does not count this."""
    number = getattr(as_thread(thread), "native_id", None)
    try:
        with open(f"/proc/self/task/{number}/schedstat", "rb") as file:  # noqa: PTH123 - a path takes longer
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):  # another system, or no descriptor left
        return 0.0


def as_thread(value: object) -> Thread | None:
    """Return a thread as it is; ``None`` for anything else."""
    return value if isinstance(value, Thread) else None


def _is_listing_threads() -> bool:
    """Return whether this thread has the lock that each start needs: in a finalizer inside `threading.enumerate()`."""
    lock = getattr(threading, "_active_limbo_lock", None)
    return lock is not None and is_held_here(lock)


def _has_started(thread: Thread) -> bool:
    return type(thread.ident) is int


def _make(function: Callable[[], None], name: str, daemon: bool) -> Thread:
    return _present_class()(target=function, name=name, daemon=daemon)


def _start_from_beside(function: Callable[[], None], name: str, daemon: bool) -> Thread | None:
    """Make and start a thread from another one; return ``None`` if it was not started.

    What a signal handler raises inside of `Thread.start`, or another thread raises into the one that is there, would
    get lost or break the new thread, and the one that starts it would wait for ever. That other thread is one that the
    program does not know.
    """
    made: list[Thread] = []
    failed: list[bool] = []
    meant_for_caller: list[BaseException] = []
    over = _thread.allocate_lock()
    over.acquire()

    def start() -> Generator[None]:
        try:
            try:
                yield
            except GeneratorExit:  # it is thrown away, as no thread could be started
                return
            except BaseException as exc:
                meant_for_caller.append(exc)
            made.append(_make(function, name, daemon))
            failed.append(not _start(made[0]))
        except BaseException:
            failed.append(True)
        finally:
            over.release()

    # Before Python 3.12 a new thread has at first the number of the one that starts it, and gets what is raised into
    # that one. So it begins inside of a `try`.
    steps = start()
    next(steps)
    _thread.start_new_thread(next, (steps, None))
    while not (over.acquire(timeout=_START_SECONDS) or made or sys.is_finalizing()):
        pass
    if meant_for_caller:
        interrupt: Any = meant_for_caller[0].with_traceback(None)
        codecs.strict_errors(interrupt)  # as if raised here, in a call of C
    return None if not made or failed == [True] else made[0]


def _start(thread: Thread) -> bool:
    """Start a thread, with a usual stack where the program chose small ones for its own threads."""
    stack = threading.stack_size()
    is_small = 0 < stack < _STACK
    try:
        if is_small:
            threading.stack_size(_STACK)
        thread.start()
    finally:
        if is_small:
            threading.stack_size(stack)
    return _has_started(thread)
