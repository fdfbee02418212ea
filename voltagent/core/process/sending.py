"""The threads that send. What the program has run on one, such as a finalizer, must not wait for what only it does."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from voltagent.core.process import own_threads
from voltagent.core.process.thread_marks import ThreadMarks

if TYPE_CHECKING:
    from threading import Thread

_threads: Final = ThreadMarks()
send_here: Final = _threads.run
is_sending: Final = _threads.has_this


# A connection or file that can take no more must not end the program, even if these have their default actions, as is
# usual for SIGPIPE in programs for the command line; Python ignores them. Both are sent to the very thread that writes.
_FATAL: Final = tuple(getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name))


@contextmanager
def fatal_signals_held() -> Generator[None]:
    """Let an attempt to write fail in this thread, with an error only, although the program chose the default actions.

    A process that is started on this thread meanwhile, as by a function that redacts, starts with these signals held.
    """
    fatal = [one for one in _FATAL if signal.getsignal(one) is signal.SIG_DFL]
    # with gevent, the thread is the program's
    if not (fatal and hasattr(signal, "sigtimedwait") and own_threads.has_threads()):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    added = [one for one in fatal if one not in before]
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, added)
        yield
    finally:
        try:
            _forget(added)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forget(signals: list[signal.Signals]) -> None:
    """Take what waits of these signals: writes of ours have failed."""
    while signals and signal.sigtimedwait(signals, 0) is not None:
        pass


def start_thread(work: Callable[[], None], name: str) -> Thread | None:
    """Do work that sends on a daemon thread; return ``None`` if none can be started."""

    def send() -> None:
        with fatal_signals_held():
            send_here(work)

    return own_threads.start_thread(send, name)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.forget_others)
