"""One-time work that a recorded call must not do: run it when an SDK is constructed.

pydantic_core initialises itself at its first call. It imports modules while it holds a lock that is not re-entrant, and
what fails there becomes a ``PanicException``. On the path of a decorated call a finalizer, a signal or a fork in that
moment would hang the process, and a missing file descriptor would raise into the program.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from typing import Final

from pydantic_core import from_json, to_json

from voltagent.core.context import CURRENT, INERT, set_current
from voltagent.core.process.one_time_work import in_one_piece

# Imported by pydantic_core below its lock, by CPython when a traceback is formatted, by gevent when a thread of ours or
# of the program waits for the first time after it has replaced threads, or by this package in a function.
_MODULES: Final = (
    *("uuid", "ipaddress", "enum", "decimal", "datetime", "pathlib", "types", "re", "dataclasses"),
    *("tokenize", "linecache", "hashlib", "difflib", "pprint", "encodings.idna", "voltagent.core.trace_ids"),
)


class _Progress:
    """Whether the work is done, or being done by a thread of this process."""

    def __init__(self) -> None:
        self.done = False
        self.begun = False
        self.lock = threading.RLock()

    def is_done_or_begun(self) -> bool:
        return self.done or self.begun

    def after_fork(self) -> None:
        """Let go of the lock in a forked child: the thread that held it is the parent's."""
        self.begun = False
        self.lock = threading.RLock()


_progress: Final = _Progress()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_progress.after_fork)


def is_done() -> bool:
    """Return whether :func:`prepare` has run in this process."""
    return _progress.done


def prepare(*modules: str) -> None:
    """Import and initialise, once in a process, all that recording a call needs. Other threads wait until it is done.

    Recording is off meanwhile: a decorated function that a finalizer or a signal handler calls on this thread just
    runs, so it cannot get below the lock of pydantic_core.

    Args:
        modules: further modules to import.

    Raises:
        OSError, ImportError: a module cannot be imported, such as when no file descriptor is left.
    """
    if _progress.done:
        return
    with _progress.lock:
        if _progress.is_done_or_begun():  # begun: a finalizer below this very function constructs another SDK
            return
        before = CURRENT.get()
        try:
            _progress.begun = True
            set_current(INERT)
            in_one_piece(lambda: _prepare((*_MODULES, *modules)))
            _progress.done = True
        finally:
            _progress.begun = False
            CURRENT.set(before)


def _prepare(modules: tuple[str, ...]) -> None:
    for name in modules:
        import_module(name)
    # the first key of more than one character has it allocate 256 KiB, and abort the process if there is no memory
    from_json(to_json({"key": [1, 2.5, None, "value"]}, inf_nan_mode="strings"))
