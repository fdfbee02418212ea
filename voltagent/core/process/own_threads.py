"""The threads of this library: how they are started and end, also where a program replaces threads by greenlets."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any, Final

from voltagent.core import clock, introspection
from voltagent.core.guard import pass_on_interrupt

if TYPE_CHECKING:
    from threading import Thread
else:  # not by its name: a test may import this package while that is a mock
    Thread = introspection.bases(type(threading.main_thread()))[-2]

_STACK: Final = 1024 * 1024  # bytes; what sends needs most where Python's own calls take stack, before 3.11
_START_SECONDS: Final = 1.0  # that a thread is given to start
_JOIN_SECONDS: Final = 0.5  # that a thread of the program waits at most for one of ours
_is_daemon: Final[Callable[[Thread], bool]] = introspection.reader(Thread, "daemon")  # gevent's `Thread` inherits it
_main_thread: Final = [threading.main_thread().ident]  # signal handlers run in it


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


def start_thread(function: Callable[[], None], name: str, *, daemon: bool = True) -> bool:
    """Run a function on a thread; return false if none can be started, as at the end of a process.

    While the interpreter is being torn down no other thread runs, and before Python 3.12 `Thread.start` would wait for
    one that never does. What a signal handler raises inside of `Thread.start` would get lost, and the new thread fail,
    so in the main thread that is called by a thread without handlers. A test of the program may have replaced the class
    or its methods by something that starts nothing.
    """
    if sys.is_finalizing():
        return False
    try:
        thread = _present_class()(target=function, name=name, daemon=daemon)
        if _thread.get_ident() in _main_thread and has_threads():
            return _start_from_beside(thread)
        if 0 < threading.stack_size() < _STACK:
            _start_with_usual_stack(thread)
        else:
            thread.start()
    except Exception as exc:  # no thread left, or the interpreter shuts down
        pass_on_interrupt(exc)
        return False
    return _has_started(thread)


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


def as_thread(value: object) -> Thread | None:
    """Return a thread as it is; ``None`` for anything else."""
    return value if isinstance(value, Thread) else None


def _has_started(thread: Thread) -> bool:
    return type(thread.ident) is int


def _start_from_beside(thread: Thread) -> bool:
    """Start a thread from another one, so that no signal handler can interrupt the start; whether it was started."""
    failed: list[BaseException] = []
    over = _thread.allocate_lock()
    over.acquire()

    def start() -> None:
        try:
            _start_with_usual_stack(thread)
        except BaseException as exc:
            failed.append(exc)
        finally:
            over.release()

    _thread.start_new_thread(start, ())
    is_over = over.acquire(timeout=_START_SECONDS)
    return not failed and (not is_over or _has_started(thread))


def _start_with_usual_stack(thread: Thread) -> None:
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


def _note_main_thread() -> None:
    _main_thread[0] = _thread.get_ident()  # the thread that forks is the only one of the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_main_thread)
