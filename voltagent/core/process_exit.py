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
    """Whether ``multiprocessing`` started this process: it may be ended at any moment, without an exit hook."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _run() -> None:
    _began.append(True)
    for function in _calls:
        function()


atexit.register(_run)
