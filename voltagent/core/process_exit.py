"""One exit hook, registered when the package is imported: those that are registered during exit are never called."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from typing import Final

_calls: Final[list[Callable[[], None]]] = []
_began: Final[list[bool]] = []


def call_at_exit(function: Callable[[], None]) -> None:
    """Call a function when the process ends, after the exit hooks that the program registered since our import."""
    _calls.append(function)


def began() -> bool:
    """Whether our hook has run: what is added now is not called any more."""
    return bool(_began)


def is_worker_process() -> bool:
    """Whether ``multiprocessing``, loky or billiard (celery) started this process.

    It may be ended at any moment, without an exit hook.
    """
    loaded = (sys.modules.get(name) for name in _STARTERS)
    return any(process is not None and type(process.current_process()).__name__ != _MAIN for process in loaded)


_STARTERS: Final = ("multiprocessing.process", "billiard.process")
_MAIN: Final = "_MainProcess"  # both have this class for a process that they did not start


def _run() -> None:
    _began.append(True)
    for function in _calls:
        function()


atexit.register(_run)
